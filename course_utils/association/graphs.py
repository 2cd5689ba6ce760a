"""Picks, stations and candidate sources as a graph, for networks that pass messages (lesson 23).

After GENIE (McBrearty and Beroza 2023, BSSA 113, doi:10.1785/0120220182): every pair of candidate and station is a
node, because what a pick means depends on the source that is supposed to have sent it. Between a candidate and a pick
stands an edge when the travel time allows it; its features come from the travel-time tables and hold nothing of one
network's coordinates, so that a trained network can be carried to another one.

All graphs here are plain index arrays. A batch of problems is one graph of several parts that do not touch.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
import torch
from numba import njit
from scipy.signal import find_peaks

from ..earth.coordinates import LocalFrame
from ..earth.traveltime import TravelTimes

NEIGHBOURS = 4
REACH = 4.0  # an edge may be off by so many tolerances
_BIN_S = 0.2
_PRIOR = (2.0, 10.0, 10.0, 5.0)  # s and km that one step may go without evidence


@dataclass(frozen=True)
class Observed:
    """What a network observed, in plain arrays.

    Attributes:
        station: position of each pick's station, shape (picks,).
        phase: 0 for P, 1 for S, shape (picks,).
        time_s: of each pick, shape (picks,).
        x_km, y_km: of the stations, shape (stations,).
        alive: which stations were recording, shape (stations,).
        travel_times: tables for these stations.
    """

    station: np.ndarray
    phase: np.ndarray
    time_s: np.ndarray
    x_km: np.ndarray
    y_km: np.ndarray
    alive: np.ndarray
    travel_times: TravelTimes

    @classmethod
    def of(cls, picks: pd.DataFrame, travel_times: TravelTimes, frame: LocalFrame) -> Observed:
        """From a picks table; times count from its first row, stations without picks count as dead.

        Raises:
            ValueError: the table is empty.
            KeyError: a station that ``travel_times`` does not hold; the message names it.
        """
        if not len(picks):
            raise ValueError("picks: the table is empty; a graph needs at least one pick")
        stations, station = travel_times.stations, travel_times.index(picks["station"])
        seconds = (picks["time"] - picks["time"].iloc[0]) / pd.Timedelta(seconds=1)
        return cls(
            station,
            (picks["phase"] == "S").to_numpy(np.int64),
            seconds.to_numpy(float),
            *frame.to_xy_km(stations["latitude"].to_numpy(), stations["longitude"].to_numpy()),
            np.bincount(station, minlength=len(stations)) > 0,
            travel_times,
        )

    def nodes(self, steps: tuple[int, int, int], depth_km: tuple[float, float]) -> np.ndarray:
        """Places to look for sources: a regular grid over a square around the stations, an eighth wider on each side."""
        middle = [(v.min() + v.max()) / 2 for v in (self.x_km, self.y_km)]
        half = 0.625 * max(np.ptp(self.x_km), np.ptp(self.y_km), 30.0)
        return grid([*(m - half for m in middle), depth_km[0]], [*(m + half for m in middle), depth_km[1]], steps)


def tolerance_s(travel_time_s) -> np.ndarray:
    """Expected error of a predicted arrival: models are wrong in proportion to the way travelled (as in settings_for)."""
    return 0.15 + 0.03 * np.asarray(travel_time_s)


def grid(low_km, high_km, steps: tuple[int, int, int]) -> np.ndarray:
    """Nodes of a regular grid between two corners (east, north, depth), shape (nodes, 3)."""
    axes = [np.linspace(a, b, n) for a, b, n in zip(low_km, high_km, steps, strict=True)]
    return np.stack([g.ravel() for g in np.meshgrid(*axes, indexing="ij")], axis=1)


def vote(
    observed: Observed, nodes: np.ndarray, min_votes: int = 5, apart_s: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Candidate sources by back-projection: each pick votes for the origin times that could have sent it to its station.

    Args:
        observed: picks, stations and travel times.
        nodes: places that are asked, shape (nodes, 3); each stands for its surroundings, half a cell wide.
        min_votes: candidates with fewer votes are not returned.
        apart_s: of candidates closer than this in origin time the one with most votes stays.

    Returns:
        candidates, columns time_s, x_km, y_km, depth_km, shape (n, 4), in order of time, and their votes, shape (n,).
    """
    station = np.arange(len(observed.x_km))
    times = np.stack([_predict(observed, phase, station[None], nodes[:, None])[0] for phase in "PS"])
    east = np.unique(nodes[:, 0])
    cell_km = float(east[1] - east[0]) if len(east) > 1 else 0.0
    off_s = tolerance_s(times) + 0.3 * cell_km / np.array([6.0, 3.5])[:, None, None]
    begin = float(observed.time_s.min() - np.nanmax(times))
    n_bins = int((observed.time_s.max() - begin) / _BIN_S) + 2
    best, node = _vote(times, off_s, observed.station, observed.phase, observed.time_s, begin, n_bins)
    at = find_peaks(np.r_[0, best, 0], height=min_votes, distance=max(1, round(apart_s / _BIN_S)))[0] - 1
    return np.column_stack([begin + (at + 0.5) * _BIN_S, nodes[node[at]]]), best[at]


@njit(cache=True, nogil=True)
def _vote(times, off, station, phase, time_s, begin, n_bins):
    """For every bin of origin time the most votes that a node has, and that node."""
    best, node = np.zeros(n_bins, np.int64), np.zeros(n_bins, np.int64)
    change = np.zeros(n_bins + 1, np.int64)
    for k in range(times.shape[1]):
        change[:] = 0
        for i in range(len(time_s)):
            t = times[phase[i], k, station[i]]
            if np.isnan(t):
                continue
            middle, half = time_s[i] - t - begin, off[phase[i], k, station[i]]
            change[max(0, int((middle - half) / _BIN_S))] += 1
            change[min(n_bins, int((middle + half) / _BIN_S) + 1)] -= 1
        votes = 0
        for b in range(n_bins):
            votes += change[b]
            if votes > best[b]:
                best[b], node[b] = votes, k
    return best, node


def _predict(observed: Observed, phase: str, station: np.ndarray, place: np.ndarray):
    """Travel time (s) and its slopes to east, north and depth (s/km) from places (..., 3) to stations; and distance."""
    dx, dy = place[..., 0] - observed.x_km[station], place[..., 1] - observed.y_km[station]
    distance = np.maximum(np.hypot(dx, dy), 1e-3)
    time, across, down = observed.travel_times.times_and_slopes(phase, station, distance, place[..., 2])
    return time, across * dx / distance, across * dy / distance, down, distance


@dataclass(frozen=True)
class Graph:
    """Candidates, candidate-station nodes and picks, and the edges between them, as tensors.

    Attributes:
        source_of_node: candidate of every node, shape (nodes,).
        near_from, near_to: pairs of nodes of one candidate whose stations are neighbours, shape (pairs,).
        node_of_edge, pick_of_edge: for every edge, shape (edges,).
        node_features: shape (nodes, 4): P travel time, distance, is the station alive, share of those that are.
        edge_features: shape (edges, 6): residual in tolerances, its size, is it S, travel time, residual to east, north.
        residual: residual over tolerance, shape (edges,).
        rows: derivative of the predicted arrival by source over tolerance, shape (edges, 4), columns as of candidates.
        n_sources, n_picks: counts.
    """

    source_of_node: torch.Tensor
    near_from: torch.Tensor
    near_to: torch.Tensor
    node_of_edge: torch.Tensor
    pick_of_edge: torch.Tensor
    node_features: torch.Tensor
    edge_features: torch.Tensor
    residual: torch.Tensor
    rows: torch.Tensor
    n_sources: int
    n_picks: int

    @property
    def n_nodes(self) -> int:
        return len(self.source_of_node)

    @property
    def source_of_edge(self) -> torch.Tensor:
        return self.source_of_node[self.node_of_edge]

    @classmethod
    def build(cls, observed: Observed, sources: np.ndarray) -> Graph:
        """The graph of candidates as :func:`vote` gives them, shape (n, 4)."""
        n, m = len(sources), len(observed.x_km)
        station = np.arange(m)
        time, *_, distance = _predict(observed, "P", station[None], sources[:, None, 1:])
        alive = np.broadcast_to(observed.alive, (n, m))
        share = np.full((n, m), observed.alive.mean())
        nodes = np.stack([np.log1p(np.nan_to_num(time, nan=99.0)), np.log1p(distance / 10), alive, share], axis=-1)
        x, y = observed.x_km, observed.y_km
        near = np.argsort(np.hypot(x[:, None] - x, y[:, None] - y), axis=1)[:, 1 : NEIGHBOURS + 1]
        first = (np.arange(n) * m)[:, None, None]
        near_from, near_to = np.broadcast_arrays(first + near, first + station[:, None])

        slowest_s = 3.0 * float(np.nanmax(time)) if n else 0.0
        parts = []
        for code, phase in enumerate("PS"):
            picks = np.flatnonzero(observed.phase == code)
            after = observed.time_s[picks][None] - sources[:, :1]
            source, which = np.nonzero((after > -5.0) & (after < slowest_s))
            at = observed.station[picks[which]]
            t, east, north, down, _ = _predict(observed, phase, at, sources[source, 1:])
            sigma = tolerance_s(t)
            r = (after[source, which] - t) / sigma
            ok = np.abs(r) <= REACH  # false for NaN
            jac = np.stack([np.ones_like(t), east, north, down], axis=1) / sigma[:, None]
            table = [source * m + at, picks[which], r, jac, np.full(len(t), code), np.log1p(t)]
            parts.append([column[ok] for column in table])
        node, pick, r, jac, code, far = (np.concatenate(c) for c in zip(*parts, strict=True))
        towards = r[:, None] * jac[:, 1:3] / (np.hypot(jac[:, 1], jac[:, 2]) + 1e-9)[:, None]
        values = [nodes.reshape(-1, 4), np.column_stack([r, np.abs(r), code, far, towards]), r, jac]
        index = [np.repeat(np.arange(n), m), near_from.ravel(), near_to.ravel(), node, pick]
        floats = [torch.as_tensor(v, dtype=torch.float32) for v in values]
        return cls(*map(torch.as_tensor, index), *floats, n, len(observed.time_s))

    @classmethod
    def join(cls, graphs: list[Graph]) -> Graph:
        """One graph of several, whose parts do not touch."""
        counted_by = {"source_of_node": "n_sources", "pick_of_edge": "n_picks", "node_of_edge": "n_nodes"}
        counted_by |= {"near_from": "n_nodes", "near_to": "n_nodes"}
        columns = {}
        for name in (f.name for f in fields(cls)):
            values = [getattr(g, name) for g in graphs]
            if name in counted_by:
                before = np.cumsum([0] + [getattr(g, counted_by[name]) for g in graphs[:-1]])
                values = [v + int(n) for v, n in zip(values, before, strict=True)]
            columns[name] = sum(values) if name.startswith("n_") else torch.cat(values)
        return cls(**columns)


def gather(values: torch.Tensor, index: torch.Tensor, size: int) -> torch.Tensor:
    """Sum of the rows of ``values`` that share an index: messages that meet at a node. Shape (size, ...)."""
    return values.new_zeros(size, *values.shape[1:]).index_add(0, index, values)


def attention(scores: torch.Tensor, index: torch.Tensor, size: int) -> torch.Tensor:
    """Softmax of ``scores`` (rows, heads) among the rows that share an index: positive, adding up to one at every node."""
    where = index.unsqueeze(1).expand_as(scores)
    top = scores.new_full((size, scores.shape[1]), -torch.inf).scatter_reduce(0, where, scores.detach(), "amax")
    weight = torch.exp(scores - top[index])
    return weight / gather(weight, index, size)[index]


def geiger_step(graph: Graph, weights: torch.Tensor) -> torch.Tensor:
    """One step of weighted, damped least squares (Geiger 1912) for all candidates at once, shape (sources, 4).

    ``weights`` (edges,) says how far each pick is believed; the step can be differentiated by them.
    """
    of_source = graph.source_of_edge
    outer = graph.rows[:, :, None] * graph.rows[:, None, :] * weights[:, None, None]
    normal = gather(outer, of_source, graph.n_sources) + torch.diag(torch.tensor(_PRIOR) ** -2.0)
    right = gather(graph.rows * (weights * graph.residual)[:, None], of_source, graph.n_sources)
    return torch.linalg.solve(normal, right)


def read_out(
    observed: Observed, graph: Graph, source_p, edge_p, min_picks: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Events from probabilities: the surest candidate first, each pick and each station's phase once.

    Args:
        source_p, edge_p: probability that a candidate is an event, and that a pick belongs to the candidate.
        min_picks: fewest picks of an event that nobody else has.

    Returns:
        positions of the candidates that became events, and pairs as positions of events and of picks.
    """
    source_p, edge_p = np.asarray(source_p, float), np.asarray(edge_p, float)
    of_source, of_pick = graph.source_of_edge.numpy(), graph.pick_of_edge.numpy()
    likely = np.flatnonzero((edge_p > 0.5) & (source_p[of_source] > 0.5))
    likely = likely[np.argsort(-edge_p[likely], kind="stable")]
    worth = source_p * np.bincount(of_source[likely], edge_p[likely], minlength=len(source_p))
    arrival = 2 * observed.station + observed.phase
    taken = np.zeros(len(observed.time_s), bool)
    chosen, pairs = [], [np.empty((0, 2), int)]
    for c in np.argsort(-worth, kind="stable"):
        mine = of_pick[likely[of_source[likely] == c]]
        mine = mine[~taken[mine]]
        mine = mine[np.unique(arrival[mine], return_index=True)[1]]
        if len(mine) >= min_picks:
            taken[mine] = True
            pairs.append(np.column_stack([np.full(len(mine), len(chosen)), mine]))
            chosen.append(c)
    return np.array(chosen, int), *np.concatenate(pairs).T
