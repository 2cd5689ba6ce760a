"""Absolute location: from the picks assigned to events to origins with uncertainties and grades."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd

from course_utils.catalog.tables import UTC_DTYPE, Catalog
from course_utils.location import quality
from course_utils.location.arrivals import collect, s_before_p
from course_utils.location.gather import gather
from course_utils.location.locator import Locator, Solution
from course_utils.location.settings import LocationSettings, with_overrides
from course_utils.location.terms import update_terms

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LocationRun:
    """What locating a catalog gave.

    Attributes:
        catalog: events with hypocenters, uncertainties and grades; assignments with residuals and weights.
        outcomes: one row per event that came in: event_id, outcome ("located", "kept", "merged", "removed"), reason.
        station_terms: station, phase, term_s, n: the terms used; without rows when there were none.
        locator: built for the run; use it for posteriors of its events.
    """

    catalog: Catalog
    outcomes: pd.DataFrame
    station_terms: pd.DataFrame
    locator: Locator

    def summary(self) -> str:
        """One line with the number of events for each outcome, and for each reason why one was not located."""
        counts = self.outcomes["outcome"].value_counts()
        parts = [f"{counts.get(k, 0)} {k}" for k in ("located", "kept", "merged", "removed")]
        reasons = self.outcomes.loc[self.outcomes["outcome"].isin(["kept", "removed"]), "reason"]
        groups = reasons.str.replace(r"[\d.]+", "#", regex=True).value_counts()
        return ", ".join(parts) + "".join(f"; {n} x {reason}" for reason, n in groups.items())


def locate(
    catalog: Catalog,
    stations: pd.DataFrame | None = None,
    velocity: pd.DataFrame | None = None,
    settings: LocationSettings | dict | None = None,
    *,
    corrections: pd.DataFrame | None = None,
    **overrides,
) -> Catalog:
    """Locate every event of a catalog from the picks assigned to it.

    The equal differential time likelihood (Font et al. 2004, Lomax 2005) or least squares is searched by an octree over
    the whole network, whatever origin an event came with, refined to a metre, and sampled for uncertainties.

    Args:
        catalog: events, assignments and picks, as association gives them.
        stations: stations table; by default the catalog's.
        velocity: velocity table; by default the catalog's.
        settings: see :class:`LocationSettings`; its fields may also be given by name.
        corrections: known station terms: station, phase, term_s (added to predicted times).

    Returns:
        The catalog with located events (same event_id): time, hypocenter, horizontal_error_km, depth_error_km, rms_s,
        azimuthal_gap_deg, n_p, n_s, grade; assignments with residual_s, weight, distance_km, azimuth_deg. Events that
        could not be located come back with grade D and empty errors, or not at all (``unlocatable``); the log counts
        them with reasons. :func:`run_location` returns those reasons as a table.

    Raises:
        ValueError: tables are empty or do not belong together, or a setting is unknown.
    """
    return run_location(catalog, stations, velocity, settings, corrections=corrections, **overrides).catalog


def run_location(
    catalog: Catalog, stations=None, velocity=None, settings=None, *, corrections=None, **overrides
) -> LocationRun:
    """As :func:`locate`, and says what became of every event; see :class:`LocationRun`."""
    settings = with_overrides(settings, overrides)
    stations = catalog.stations if stations is None else stations
    velocity = catalog.velocity if velocity is None else velocity
    locator = Locator(stations, velocity, settings, corrections)
    state = _State(catalog, locator)
    state.relocate()
    for _ in range(settings.station_term_rounds if settings.station_terms else 0):
        locator.corrections = update_terms(locator.corrections, state.arrivals, settings.station_term_min)
        state.relocate()
    if settings.merge:
        state.merge()
    for _ in range(settings.gather_rounds if settings.gather else 0):
        state.gather()
    if settings.merge and settings.gather:
        state.merge()
    run = state.finish()
    logger.info("location: %s", run.summary())
    return run


class _State:
    """The catalog on its way: which picks belong to which event, where the events are, what became of each."""

    def __init__(self, catalog: Catalog, locator: Locator):
        self.catalog, self.locator = catalog, locator
        self.ids = catalog.events["event_id"].to_numpy()
        self.into = np.arange(len(self.ids))
        self.arrivals = self._collect(catalog.assignments)
        self.solution = Solution.blank(len(self.ids))

    def _collect(self, pairs: pd.DataFrame) -> pd.DataFrame:
        return collect(self.catalog, pairs, self.locator.stations, self.locator.settings)

    def relocate(self, only=None) -> None:
        previous = None if only is None else self.solution
        self.solution, self.arrivals = self.locator.solve(self.arrivals, self.ids, only, previous)

    def _exchange(self, pairs: pd.DataFrame) -> None:
        """Take new pairs of event_id and pick_id and relocate the events whose picks changed."""
        old, self.arrivals = self.arrivals, self._collect(pairs)
        before, after = (set(zip(a["event"], a["pick_id"], strict=True)) for a in (old, self.arrivals))
        changed = np.zeros(len(self.ids), bool)
        changed[[event for event, _ in before ^ after]] = True
        results = ["residual_s", "weight", "distance_km", "azimuth_deg"]
        self.arrivals = self.arrivals.merge(old[["event", "pick_id", *results]], on=["event", "pick_id"], how="left")
        self.relocate(changed)

    def merge(self) -> None:
        settings = self.locator.settings
        least = 3.0 * float(np.hypot(settings.p_error_s, settings.model_error_min_s))
        into = quality.duplicates(
            self.locator, self.solution, self.arrivals, settings.merge_s or least, settings.merge_shared
        )
        lost = into != np.arange(len(into))
        if not lost.any():
            return
        self.into = into[self.into]
        self.solution.found[lost] = False
        # the survivor keeps its own picks and takes those that it had none of
        rows = self.arrivals.assign(event=into[self.arrivals["event"].to_numpy()], guest=lost[self.arrivals["event"]])
        rows = rows.sort_values(["event", "guest"], kind="stable")
        rows = rows[~rows.duplicated(["event", "pick_id"])]
        rows = rows[~(rows["guest"] & rows.duplicated(["event", "station", "code"]))]
        self._exchange(pd.DataFrame({"event_id": self.ids[rows["event"]], "pick_id": rows["pick_id"]}))

    def gather(self) -> None:
        self._exchange(gather(self.locator, self.solution, self.arrivals, self.catalog.picks, self.ids))

    def finish(self) -> LocationRun:
        settings, solution = self.locator.settings, self.solution
        n = len(self.ids)
        reasons = solution.reason.copy()
        outcome = np.where(solution.found, "located", "kept" if settings.unlocatable == "keep" else "removed")
        outcome = outcome.astype(object)
        rules = quality.pruned(solution, settings)
        cut = rules != ""
        outcome[cut], reasons[cut] = "removed", rules[cut]
        for e, names in s_before_p(self.arrivals).items():
            if not reasons[e]:
                reasons[e] = f"S not later than P at {', '.join(names[:5])}"
        for e in np.flatnonzero((solution.limit != "") & (reasons == "")):
            reasons[e] = f"at the {solution.limit[e]} of the search"
        gone = self.into != np.arange(n)
        outcome[gone] = "merged"
        reasons[gone] = [f"same event as {self.ids[e]}" for e in self.into[gone]]
        stays = np.isin(outcome, ["located", "kept"])
        terms = self.locator.corrections
        return LocationRun(
            self.catalog.replace(
                events=self._events()[stays].sort_values(["time", "event_id"], ignore_index=True),
                assignments=self._assignments(stays),
                stations=self.locator.stations,
                velocity=self.locator.velocity,
            ),
            pd.DataFrame({"event_id": self.ids, "outcome": outcome, "reason": reasons}),
            pd.DataFrame(columns=["station", "phase", "term_s", "n"]) if terms is None else terms,
            self.locator,
        )

    def _events(self) -> pd.DataFrame:
        s, found = self.solution, self.solution.found
        events = self.catalog.events.copy()
        latitude, longitude = self.locator.frame.to_geographic(s.x_km[found], s.y_km[found])
        time = pd.to_datetime(s.time_us[found], unit="us", utc=True).astype(UTC_DTYPE)
        for name, values in (
            ("time", time),
            ("latitude", latitude),
            ("longitude", longitude),
            ("depth_km", s.depth_km[found]),
        ):
            events.loc[found, name] = values
        counts = np.bincount(self.arrivals["event"], weights=self.arrivals["used"], minlength=len(events))
        for name in ("horizontal_error_km", "depth_error_km", "rms_s", "azimuthal_gap_deg", "n_p", "n_s"):
            events[name] = np.where(found, getattr(s, name), np.nan)
        events["grade"] = quality.grade(s, counts)
        return events

    def _assignments(self, stays: np.ndarray) -> pd.DataFrame:
        rows = self.arrivals[stays[self.arrivals["event"].to_numpy()]]
        columns = ["pick_id", "station", "phase", "residual_s", "weight", "distance_km", "azimuth_deg"]
        out = rows[columns].assign(event_id=self.ids[rows["event"].to_numpy()])
        return out.sort_values(["event_id", "pick_id"], ignore_index=True)
