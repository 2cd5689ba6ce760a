"""Association by a vote in space and time, for many events and many picks.

Every pick, carried back by its travel time, votes for the origin times at each node of a coarse grid
(back-projection, as in Source-Scanning, Kao and Shan 2004, doi:10.1111/j.1365-246X.2004.02276.x). Peaks of the vote
are located in the travel-time tables and weighed as hypotheses: how much likelier are the picks, and their absence at
working stations, with an event there than by chance (the idea of NET-VISA, Arora et al. 2013,
doi:10.1785/0120120107)? The strongest event takes its picks first; what is left votes again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from . import vote_kernels as kernels
from .problem import Problem
from .settings import AssociationSettings, Geometry

_RATE_S = 60.0  # half-width of the window in which a pick's rivals are counted
_MAX_PASSES = 12
_CANDIDATE = 1.0  # share of ``min_evidence`` that a vote must reach to be looked at


class VoteSettings(AssociationSettings):
    """Settings of the vote on top of the shared ones."""

    # its origins are better located than PyOcto's cells when they take their picks, so that a wider reach takes no more noise
    _TOLERANCE: ClassVar[float] = 1.35

    cutoff_km: float = Field(
        gt=0,
        description="Stations up to this distance vote. Slow, or events merge: lower it. Events in sparse parts of "
        "the network are missing: raise it.",
    )
    reach_km: float = Field(
        gt=0, description="Farthest station that may join an event. Far picks of large events are left over: raise it."
    )
    model_tolerance_s: float = Field(
        gt=0,
        description="How far picks may be off while they vote: half a cell, the velocity model, picking error. Whole "
        "events are missing: raise it. Events seconds apart become one: lower it.",
    )
    node_km: float = Field(
        description="Horizontal distance of the nodes; twice that in depth. Slow: raise it. Events "
        "missing in a dense sequence: lower it, and model_tolerance_s with it.",
        gt=0,
    )
    pick_error_s: float = Field(
        gt=0,
        description="Standard error of a P pick; S picks have 1.5 times that. Clear picks are left over: raise it.",
    )
    model_error: float = Field(
        ge=0, description="Error of travel times relative to them. Far picks are left over: raise it."
    )
    pick_share: float = Field(
        gt=0,
        lt=1,
        description="Share of the arrivals within an event's reach that are picked. "
        "Events with few picks are missing: lower it.",
    )
    min_evidence: float = Field(
        description="Natural logarithm of how much likelier the picks must be with the event than without it. Events "
        "made of noise: raise it. Small events are missing: lower it."
    )
    min_station_fraction: float = Field(
        ge=0, le=1, description="Share of the nearer stations that must have picks before a farther one may join."
    )

    @classmethod
    def _choose(cls, choose, network: Geometry) -> None:
        choose("time_before_s", round(1.2 * network.s_time_s + 2.0, 1))
        choose("slice_s", 3600.0)
        tolerance = choose("model_tolerance_s", round(0.2 + 0.037 * network.s_time_s, 2))
        choose("node_km", round(1.2 * tolerance * network.p_speed_km_s, 1))
        choose("reach_km", round(max(network.aperture_km, network.cutoff_km), 1))
        choose("pick_error_s", 0.12)
        choose("model_error", 0.012)
        choose("pick_share", 0.4)
        choose("min_evidence", 12.0)
        choose("min_station_fraction", 0.25)


def associate_vote(problem: Problem, settings: VoteSettings) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Preliminary origins, and which picks they are made of: pairs as positions of origins and positions of picks."""
    search = _Search(problem, settings)
    found = list(search.events())
    # picks that nobody took may belong to farther stations of an event; the refinement decides
    members = [search.widen(at, member) for at, member in found]
    origins = pd.DataFrame(
        np.array([at for at, _ in found]).reshape(-1, 4), columns=["time_s", "x_km", "y_km", "depth_km"]
    )
    of_pick = np.concatenate([*members, np.zeros(0, np.int64)])
    return origins, np.repeat(np.arange(len(members)), [len(m) for m in members]), of_pick


@dataclass(frozen=True)
class _Grid:
    """Nodes (x, y, depth); ``heard``: their number, and for every channel the nodes near it and the travel times; ``bin_s``: bins of origin time."""

    nodes: np.ndarray
    heard: tuple[int, np.ndarray, np.ndarray, np.ndarray]
    bin_s: float

    @property
    def longest_s(self) -> float:
        return float(self.heard[3].max(initial=0.0))

    @classmethod
    def build(cls, problem: Problem, settings: VoteSettings, node_km: float, tolerance_s: float) -> _Grid:
        west, east, south, north = problem.limits_km(settings.margin_km)
        x, y = _even(west, east, node_km), _even(south, north, node_km)
        depth = _even(settings.min_depth_km, settings.max_depth_km, 2 * node_km)
        nodes = np.stack(np.meshgrid(x, y, depth, indexing="ij"), axis=-1).reshape(-1, 3)
        distance = np.hypot(nodes[:, :1] - problem.x_km, nodes[:, 1:2] - problem.y_km)
        near = distance <= settings.cutoff_km
        use = 2 * near.sum(1) >= settings.min_picks
        nodes, distance = nodes[use], distance[use]
        node, station = np.nonzero(near[use])
        distance, depth = distance[node, station], nodes[node, 2]
        travel = [problem.travel_times.times(phase, station, distance, depth) for phase in "PS"]
        channel = (2 * station[:, None] + [0, 1]).ravel()
        order = np.argsort(channel, kind="stable")
        bounds = np.searchsorted(channel[order], np.arange(2 * len(problem.x_km) + 1))
        node, travel = np.repeat(node, 2)[order], np.stack(travel, 1).ravel()[order]
        heard = len(nodes), bounds, node.astype(np.int32), travel.astype(np.float32)
        return cls(nodes, heard, 2.0 / 3.0 * tolerance_s)


class _Search:
    """Picks by channel, what is still free of them, and the grids."""

    def __init__(self, problem: Problem, settings: VoteSettings):
        self.problem, self.settings = problem, settings
        n = len(problem.x_km)
        channel = 2 * problem.station + (problem.phase == "S")
        self.order = np.lexsort((problem.time_s, channel))
        self.time = problem.time_s[self.order]
        self.first = np.searchsorted(channel[self.order], np.arange(2 * n + 1))
        self.free = np.ones(len(self.time), bool)
        span_s = max(float(np.ptp(self.time)), 4 * _RATE_S)
        self.rate = kernels.rates(self.time, self.first, _RATE_S, span_s)
        if "grids" not in problem.kept:
            problem.kept["grids"] = (
                _Grid.build(problem, settings, settings.node_km, settings.model_tolerance_s),
                _Grid.build(problem, settings, 2 * settings.node_km, 1.4 * settings.model_tolerance_s),
            )
        self.fine, self.coarse = problem.kept["grids"]
        self.picks = (self.time, self.rate, self.free, self.first)
        self.model = (settings.pick_error_s, settings.model_error, settings.pick_share)
        west, east, south, north = problem.limits_km(settings.margin_km)
        self.low = np.array([-np.inf, west, south, settings.min_depth_km])
        self.high = np.array([np.inf, east, north, settings.max_depth_km])
        times = problem.travel_times
        self.tables = (
            times.tables["P"],
            times.tables["S"],
            times.level,
            times.section.top_km,
            times.section.spacing_km,
        )

    def events(self):
        """Origin and picks by channel of every event, as they are found."""
        # a station without a single pick in the window counts as down: its silence says nothing
        active = np.diff(self.first[::2]) > 0
        begin, end = self.problem.time_s[0] - self.fine.longest_s, self.problem.time_s[-1]
        spans = self._spans(self._vote(self.coarse, begin, end - begin)[0], begin, self.coarse.bin_s)
        for _ in range(_MAX_PASSES):
            again = []
            for start, long in spans:
                best, node = self._vote(self.fine, start, long)
                peaks = kernels.peaks(best, _CANDIDATE * self.settings.min_evidence)
                found = list(self._settle(start, peaks, best, node, active)) if len(peaks) else []
                if found:
                    yield from found
                    again += self._spans(best, start, self.fine.bin_s)
            spans = again

    def _vote(self, grid: _Grid, begin: float, length: float) -> tuple[np.ndarray, np.ndarray]:
        share = self.settings.pick_share / (1.0 - self.settings.pick_share)
        weight = np.log1p(share / (3.0 * grid.bin_s * self.rate)).astype(np.float32)
        bins = int(np.ceil(length / grid.bin_s))
        return kernels.back_project(grid.heard, self.picks, weight, begin, bins, grid.bin_s, grid.longest_s)

    def _spans(self, best: np.ndarray, begin: float, bin_s: float) -> list[tuple[float, float]]:
        """Start and length of the times at which there may be an event."""
        alive = np.concatenate([[0], best >= _CANDIDATE * self.settings.min_evidence, [0]]).astype(np.int8)
        edges = np.diff(alive)
        start, end = np.flatnonzero(edges == 1) - 1, np.flatnonzero(edges == -1) + 1
        if not len(start):
            return []
        gap = np.flatnonzero(start[1:] > end[:-1])
        start, end = start[np.r_[0, gap + 1]], end[np.r_[gap, len(end) - 1]]
        return [(begin + a * bin_s, (b - a) * bin_s) for a, b in zip(start, end, strict=True)]

    def _settle(self, begin, peaks, best, node, active):
        settings, problem = self.settings, self.problem
        candidates = np.column_stack([begin + (peaks + 0.5) * self.fine.bin_s, self.fine.nodes[node[peaks]]])
        chosen, members = kernels.settle(
            candidates,
            1e6 + best[peaks].astype(np.float64),
            settings.min_evidence,
            np.array([settings.min_picks, settings.min_p_picks, settings.min_s_picks, settings.min_both]),
            settings.cutoff_km,
            settings.reach_km,
            3 * settings.model_tolerance_s,
            settings.model_tolerance_s,
            settings.pick_tolerance_s,
            self.picks,
            self.tables,
            problem.x_km,
            problem.y_km,
            active,
            self.model,
            self.low,
            self.high,
        )
        return zip(candidates[chosen], members, strict=True)

    def widen(self, at: np.ndarray, member: np.ndarray) -> np.ndarray:
        """Positions of an event's picks and of free picks that fit it, out to ``reach_km``."""
        more = np.empty_like(member)
        problem, settings = self.problem, self.settings
        everywhere = np.ones(len(problem.x_km), bool)
        kernels.evidence(
            at,
            settings.reach_km,
            settings.pick_tolerance_s,
            False,
            self.picks,
            self.tables,
            problem.x_km,
            problem.y_km,
            everywhere,
            self.model,
            more,
        )
        member = np.where(member >= 0, member, more)
        return self.order[member[member >= 0]]


def _even(low: float, high: float, spacing: float) -> np.ndarray:
    """Centres of equal cells, at most ``spacing`` wide."""
    n = max(1, int(np.ceil((high - low) / spacing)))
    return low + (np.arange(n) + 0.5) * (high - low) / n
