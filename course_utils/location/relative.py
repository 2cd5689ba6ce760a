"""Relative relocation: hypocenters from differences of travel times between neighbouring events.

Double difference (Waldhauser and Ellsworth 2000, BSSA 90): the difference of two events' travel times to one station
depends on where they are to each other, while what the model gets wrong along the common path cancels.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from course_utils.catalog.tables import UTC_DTYPE, Catalog, conform
from course_utils.earth import LocalFrame
from course_utils.earth.traveltime import TravelTimes
from course_utils.location import relative_kernels as kernels
from course_utils.location.arrivals import microseconds
from course_utils.location.differences import conform_differences, pair_events, with_overrides_relative
from course_utils.location.locator import ELLIPSE_68
from course_utils.location.relative_settings import RelocationSettings
from course_utils.location.relative_solve import Links, System, event_positions, reweight, weighted_rms

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RelocationRun:
    """What relocating a catalog gave.

    Attributes:
        catalog: the catalog with relocated events; see :func:`relocate`.
        outcomes: one row per event: event_id, outcome ("relocated" or "kept"), reason, cluster (0 is the largest, -1
            none), shift_km (distance moved), links_ct, links_cc (with weight at the end).
        history: one row per iteration: stage, links_ct, links_cc, rms_ct_s, rms_cc_s (weighted, before the step),
            cut_ct_s, cut_cc_s (residual cut-offs), shift_km (root mean square of the step), solver_iterations. The last
            row holds the links and residuals at the end and no step.
        links: the differential times used, with residual_s and final_weight at the end.
        left_out: reason, n: differential times and arrivals that were not used, and why.
        problem: the arrays at the end, for bootstraps.
    """

    catalog: Catalog
    outcomes: pd.DataFrame
    history: pd.DataFrame
    links: pd.DataFrame
    left_out: pd.DataFrame
    problem: Problem = field(repr=False)

    @property
    def stages(self) -> tuple:
        """The stages that were run."""
        return self.problem.stages

    def summary(self) -> str:
        """A few lines: events by outcome and reason, links and their residuals at first and last, what was left out."""
        o, h = self.outcomes, self.history
        n = int((o["outcome"] == "relocated").sum())
        clusters = o.loc[o["cluster"] >= 0, "cluster"].nunique()
        lines = [f"{n} of {len(o)} events relocated in {clusters} cluster{'' if clusters == 1 else 's'}"]
        for kind, name in (("ct", "catalog"), ("cc", "cross-correlation")):
            if len(h) and h[f"links_{kind}"].iloc[0]:
                first, last = h.iloc[0], h.iloc[-1]
                lines.append(
                    f"{name} times: {last[f'links_{kind}']:.0f} of {(self.links['kind'] == kind).sum()} links kept, "
                    f"weighted rms {first[f'rms_{kind}_s']:.4f} -> {last[f'rms_{kind}_s']:.4f} s"
                )
        kept = o.loc[o["outcome"] == "kept", "reason"]
        for kind, alike in kept.groupby(
            kept.str.replace(r"\d[\d.]*", "#", regex=True)
        ):  # one line, whatever its numbers
            kinds = alike.unique()
            lines.append(f"{len(alike)} events kept: {kinds[0] if len(kinds) == 1 else kind}")
        for row in self.left_out.itertuples():
            what = row.reason.removesuffix(" (used)")
            lines.append(f"{'noted' if what != row.reason else 'not used'}: {row.n} x {what}")
        return "\n".join(lines)


def relocate(
    catalog: Catalog,
    differences: pd.DataFrame | None = None,
    settings: RelocationSettings | dict | None = None,
    *,
    with_picks: bool = False,
    **overrides,
) -> Catalog:
    """Relocate the events of a catalog relative to each other by double difference.

    Args:
        catalog: located events, stations and velocity; with assignments and picks when no differences are given.
        differences: links (see :mod:`course_utils.location.differences`) from catalog times, cross-correlation, or both;
            by default :func:`catalog_differences` of the catalog.
        with_picks: add the latter to the differences given.
        settings: see :class:`RelocationSettings`; its fields may also be given by name.

    Returns:
        The catalog with new times and hypocenters of the events that could be relocated, and the columns cluster,
        formal_horizontal_error_km and formal_depth_error_km: 68 %, relative to the mean of the cluster, from the
        covariance given the weights. It takes links for independent and comes out two to three times too small for
        catalog times; ``bootstrap_errors`` does not. Errors of absolute location stay as they are.
        :func:`run_relocation` says what became of every event and link.

    Raises:
        ValueError: tables are empty or do not belong together, or a setting is unknown.
    """
    return run_relocation(catalog, differences, settings, with_picks=with_picks, **overrides).catalog


def run_relocation(
    catalog: Catalog, differences=None, settings=None, *, with_picks: bool = False, **overrides
) -> RelocationRun:
    """As :func:`relocate`, and says what became of every event and link; see :class:`RelocationRun`."""
    settings = with_overrides_relative(settings, overrides)
    for name in ("events", "stations", "velocity"):
        if not len(getattr(catalog, name)):
            raise ValueError(f"{name}: the table is empty; relocation needs events, stations and a velocity model")
    reasons: dict[int, str] = {}
    left_out: dict[str, int] = {}
    given = [] if differences is None else [conform_differences(differences)]
    if with_picks or differences is None:
        if not len(catalog.assignments):
            raise ValueError("assignments: the table is empty; give them with picks, or differential times")
        links, reasons, left_out = pair_events(catalog, settings)
        given.append(conform_differences(links))
    if len(given) > 1:
        reasons = {}  # an event without neighbours by its picks may have others by correlation
    problem = Problem.build(catalog, pd.concat(given, ignore_index=True), settings, left_out)
    problem.iterate()
    run = _finish(problem, reasons, left_out)
    logger.info("relocation: %s", run.summary().replace("\n", "; "))
    return run


@dataclass
class Problem:
    """Events and links on their way: arrays of the events' places (now and at the start), links, travel-time tables."""

    catalog: Catalog
    settings: RelocationSettings
    table: pd.DataFrame
    links: Links
    frame: LocalFrame
    times: TravelTimes
    station_xy: np.ndarray
    start_place: np.ndarray
    place: np.ndarray
    shift_s: np.ndarray
    taken: np.ndarray
    reason: np.ndarray
    history: list = field(default_factory=list)
    weight: np.ndarray | None = None
    residual: np.ndarray | None = None
    slope: np.ndarray | None = None
    system: System | None = None

    @classmethod
    def build(cls, catalog: Catalog, table: pd.DataFrame, settings: RelocationSettings, left_out: dict) -> Problem:
        """Index the links, drop those that cannot be used (counted in ``left_out``), and make the travel-time tables."""
        events, stations = catalog.events, catalog.stations
        n = len(events)
        ids = events["event_id"].to_numpy()
        frame = LocalFrame.around(events)
        place = np.column_stack([*frame.to_xy_km(events["latitude"], events["longitude"]), events["depth_km"]])
        station_xy = np.column_stack(frame.to_xy_km(stations["latitude"], stations["longitude"]))
        first, second = (event_positions(ids, table[f"event_id_{k}"]) for k in (1, 2))
        station = pd.Index(stations["station"]).get_indexer(table["station"])
        keep = np.ones(len(table), bool)

        def drop(bad: np.ndarray, reason: str) -> None:
            hit = keep & bad
            if hit.any():
                left_out[reason] = left_out.get(reason, 0) + int(hit.sum())
            keep[bad] = False

        drop((first < 0) | (second < 0), "link to an event that is not in the events table")
        drop(first == second, "link of an event with itself")
        drop(station < 0, "link at a station without coordinates")
        if settings.max_station_km is not None:
            far = [np.linalg.norm(place[e, :2] - station_xy[station], axis=1) for e in (first, second)]
            drop(
                np.maximum(*far) > settings.max_station_km,
                f"link at a station farther than {settings.max_station_km:g} km",
            )
        twice = table.assign(low=np.minimum(first, second), high=np.maximum(first, second))
        drop(twice.duplicated(["low", "high", "station", "phase", "kind"]).to_numpy(), "link that stands twice")
        drop(table["weight"].to_numpy() == 0, "link with weight 0")
        table = table[keep].reset_index(drop=True)
        if not len(table):
            why = "; ".join(f"{v} x {k}" for k, v in left_out.items()) or "there are none"
            raise ValueError(
                f"differential times: none can be used ({why}); check event ids, station names and distances"
            )
        links = Links.build(
            first[keep],
            second[keep],
            station[keep],
            (table["phase"] == "S").to_numpy().astype(np.int64),
            table["dt_s"].to_numpy(),
            table["weight"].to_numpy(),
            (table["kind"] == "cc").to_numpy(),
            len(stations),
        )
        used = np.unique(links.station)
        top = float(catalog.velocity["depth_km"].min())
        above = int((-stations["elevation_m"].to_numpy()[used] / 1000.0 < top - 0.01).sum())
        if above:
            left_out[f"station above the model's first row at {top:g} km, its velocity continued upwards (used)"] = (
                above
            )
        distance = np.linalg.norm(place[links.event, :2] - station_xy[links.station], axis=1)
        bottom = max(place[:, 2].max(), -stations["elevation_m"].min() / 1000.0) + settings.depth_margin_km
        times = TravelTimes.build(
            stations, catalog.velocity, 1.05 * float(distance.max()) + 5.0, bottom, settings.spacing_km
        )
        out = cls(
            catalog,
            settings,
            table,
            links,
            frame,
            times,
            station_xy,
            place,
            place.copy(),
            np.zeros(n),
            np.ones(n, bool),
            np.full(n, "", dtype=object),
        )
        out._choose_clusters()
        return out

    def _choose_clusters(self) -> None:
        """Take out events that no pair with enough links ties to another, and links across clusters."""
        n = len(self.place)
        strong = np.diff(self.links.start) >= self.settings.min_links
        group = self.links.groups(strong, n)
        alone = np.bincount(group)[group] == 1
        self._take_out(alone, f"no other event shares {self.settings.min_links} links with it")
        i, j = self.links.pair.T
        across = (group[i] != group[j])[self.links.pair_of_link]
        self.links.prior[across] = 0.0

    def _take_out(self, events: np.ndarray, reason: str) -> None:
        events = events & self.taken
        self.taken[events] = False
        self.reason[events] = reason
        self.place[events], self.shift_s[events] = self.start_place[events], 0.0
        gone = ~self.taken[self.links.pair]
        self.links.prior[gone.any(axis=1)[self.links.pair_of_link]] = 0.0

    @property
    def stages(self) -> tuple:
        """The stages of the settings, or those that suit the links."""
        return self.settings.stages_for(bool((~self.links.cc).any()), bool(self.links.cc.any()))

    def iterate(self) -> None:
        """Run all stages; afterwards weights, residuals and slopes belong to the final places."""
        links, n = self.links, len(self.place)
        stages = self.stages
        self.system = System.blank(links, n)
        ground_km = -float(self.catalog.stations["elevation_m"].max()) / 1000.0
        for number, stage in enumerate(stages, 1):
            for _ in range(stage.iterations):
                cut, group = self._evaluate(stage)
                hold = self.settings.hold_centroid
                self.system.fill(links, self.slope, self.residual, self.weight, stage.damping, group, hold)
                step, count = self.system.solve()
                moved = self.taken & (np.abs(step).max(axis=1) > 0)
                size = float(np.sqrt((step[moved, :3] ** 2).sum(axis=1).mean())) if moved.any() else 0.0
                self._note(number, cut, size, count)
                self.place += step[:, :3]
                self.shift_s += step[:, 3]
                lost = (self.place[:, 2] < ground_km) & (step[:, 2] < 0) & self.taken
                deep = self.place[:, 2] > self.times.section.top_km + self.times.section.spacing_km * (
                    self.times.tables["P"].shape[1] - 2
                )
                self._take_out(lost, "went above the ground")
                self._take_out(deep & self.taken, "went below the tables")
        cut, group = self._evaluate(stages[-1])
        hold = self.settings.hold_centroid
        self.system.fill(links, self.slope, self.residual, self.weight, stages[-1].damping, group, hold)
        self._note(len(stages), cut, 0.0, 0)

    def _evaluate(self, stage):
        """Predict, take residuals and weights at the present places; residual cut-offs and groups."""
        links = self.links
        self._predict()
        i, j = links.pair.T
        apart = np.linalg.norm(self.place[i] - self.place[j], axis=1)[links.pair_of_link]
        code = links.code[links.left]
        usable = np.where(links.prior > 0, self.residual, np.nan)
        self.weight, cut = reweight(usable, apart, links.cc, links.prior, code, stage)
        few = self.taken & (links.per_event(self.weight > 0, len(self.place)) < self.settings.min_links)
        if few.any():
            self._take_out(few, f"fewer than {self.settings.min_links} links left")
            self.weight = np.where(links.prior > 0, self.weight, 0.0)
        self.residual = np.where(self.weight > 0, self.residual, 0.0)
        alive = np.maximum.reduceat(self.weight, links.start[:-1]) > 0
        return cut, links.groups(alive, len(self.place))

    def _predict(self) -> None:
        links, tables = self.links, self.times
        time = np.empty(len(links.event))
        self.slope = np.empty((len(links.event), 3))
        kernels.predict(
            links.event,
            links.station,
            links.code,
            self.place,
            self.station_xy,
            tables.level,
            tables.tables["P"],
            tables.tables["S"],
            tables.section.top_km,
            tables.section.spacing_km,
            time,
            self.slope,
        )
        self.residual = np.empty(len(links.left))
        kernels.residuals(
            links.start, links.pair, links.left, links.right, links.difference, time, self.shift_s, self.residual
        )

    def _note(self, stage: int, cut: dict, size_km: float, count: int) -> None:
        row = {"stage": stage}
        for kind, mask in (("ct", ~self.links.cc), ("cc", self.links.cc)):
            row[f"links_{kind}"] = int((self.weight[mask] > 0).sum())
            row[f"rms_{kind}_s"] = weighted_rms(self.residual[mask], self.weight[mask])
            row[f"cut_{kind}_s"] = cut.get(kind, np.nan)
        self.history.append(row | {"shift_km": size_km, "solver_iterations": count})

    def variance(self) -> float:
        """Variance in s^2 of a link of weight 1, from the weighted residuals."""
        live = self.weight > 0
        events = self.links.per_event(live, len(self.place)) > 0
        freedom = max(int(live.sum()) - 4 * int(events.sum()), 1)
        return float((self.weight[live] ** 2 * self.residual[live] ** 2).sum()) / freedom


def _finish(problem: Problem, reasons: dict[int, str], left_out: dict[str, int]) -> RelocationRun:
    links, n = problem.links, len(problem.place)
    live = problem.weight > 0
    counts = {kind: links.per_event(live & (links.cc == (kind == "cc")), n) for kind in ("ct", "cc")}
    moved = problem.taken
    reason = problem.reason.copy()
    ids = problem.catalog.events["event_id"].to_numpy()
    for e in np.flatnonzero(~moved):
        reason[e] = reasons.get(int(ids[e]), reason[e])
    events = problem.catalog.events.copy()
    before = np.column_stack([*problem.frame.to_xy_km(events["latitude"], events["longitude"]), events["depth_km"]])
    latitude, longitude = problem.frame.to_geographic(problem.place[moved, 0], problem.place[moved, 1])
    shift_us = np.round(problem.shift_s[moved] * 1e6).astype(np.int64)
    time_us = microseconds(events["time"])[moved] + shift_us
    events.loc[moved, "time"] = (
        pd.Series(time_us.astype("datetime64[us]")).dt.tz_localize("UTC").astype(UTC_DTYPE).array
    )
    for name, values in (("latitude", latitude), ("longitude", longitude), ("depth_km", problem.place[moved, 2])):
        events.loc[moved, name] = values
    group = np.where(moved, problem.system.group, -1)
    sizes = pd.Series(group[moved]).value_counts()
    events["cluster"] = pd.Series(group).map({g: rank for rank, g in enumerate(sizes.index)}).fillna(-1).astype(int)
    if problem.settings.formal_errors:
        covariance = problem.system.covariance(problem.variance())
        plane = np.linalg.eigvalsh(np.nan_to_num(covariance[:, :2, :2])).max(axis=1)
        horizontal, depth = np.sqrt(ELLIPSE_68 * plane), np.sqrt(covariance[:, 2, 2])
        events["formal_horizontal_error_km"] = np.where(moved, horizontal, np.nan)
        events["formal_depth_error_km"] = np.where(moved, depth, np.nan)
    outcomes = pd.DataFrame(
        {
            "event_id": ids,
            "outcome": np.where(moved, "relocated", "kept"),
            "reason": reason.astype(str),
            "cluster": events["cluster"].to_numpy(),
            "shift_km": np.where(moved, np.linalg.norm(problem.place - before, axis=1), 0.0),
            "links_ct": counts["ct"],
            "links_cc": counts["cc"],
        }
    )
    table = problem.table.copy()
    table.loc[links.order, "residual_s"] = np.where(live, problem.residual, np.nan)
    table.loc[links.order, "final_weight"] = problem.weight
    return RelocationRun(
        replace(problem.catalog, events=conform(events, "events").sort_values(["time", "event_id"], ignore_index=True)),
        outcomes,
        pd.DataFrame(problem.history),
        table,
        pd.DataFrame({"reason": list(left_out), "n": list(left_out.values())}).query("n > 0").reset_index(drop=True),
        problem,
    )
