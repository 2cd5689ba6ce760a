"""Windows without any arrival: far from every pick of the station, and from every arrival that the catalog predicts there."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...catalog.tables import Catalog
from ...earth import distance_azimuth
from .plan import SECOND_US, Plan, to_us, uniform
from .settings import CurationSettings
from .tally import Tally

FASTEST_KM_S, SLOWEST_KM_S = 8.5, 2.0  # epicentral, where no velocity model is given: Pn, and S of slow shallow paths
FARTHEST_KM = 1000.0


def noise_windows(plan: Plan, catalog: Catalog, spans: dict[str, list], tally: Tally) -> pd.DataFrame:
    """Quiet windows, spread over the stations as the windows of events are.

    Candidates are slots of one window's length counted from 1970; those that a hash puts first are taken, so that they stay
    where they are when events are added elsewhere.

    Args:
        spans: of each station, (start_us, end_us) of its records.

    Returns:
        Table like ``plan.windows`` with event_id 0. What could not be had is counted.
    """
    settings = plan.settings
    counts = plan.windows["station"].value_counts()
    predicted = _predicted(catalog, sorted(counts.index))
    tables = []
    for station, count in sorted(counts.items()):
        wanted = int(np.ceil(count * settings.noise_fraction - 1e-9))
        picks_us = plan.labels[station].others_us
        slots = _quiet(spans.get(station, []), picks_us, predicted.get(station), settings)
        order = np.argsort(uniform([f"noise {settings.seed} {station}"] * len(slots), slots), kind="stable")
        chosen = np.sort(slots[order[:wanted]])
        tally.count("noise window that could not be had: the station is never quiet so long", wanted - len(chosen))
        tables.append(pd.DataFrame({"station": station, "start_us": chosen, "event_id": 0, "channel": ""}))
    return pd.concat(tables, ignore_index=True)


def _quiet(spans: list, picks_us: np.ndarray, predicted, settings: CurationSettings) -> np.ndarray:
    """Starts of all slots that lie in the records and in no busy time, microseconds."""
    length = round(settings.window_s * SECOND_US)
    guard, after = round(settings.guard_s * SECOND_US), round((settings.guard_s + settings.after_s) * SECOND_US)
    slots = [np.arange(-(-a // length), b // length) * length for a, b in spans]
    slots = np.unique(np.concatenate(slots)) if slots else np.zeros(0, np.int64)
    begins, ends = [picks_us - guard], [picks_us + after]
    if predicted is not None:
        begins.append(predicted[0] - guard)
        ends.append(predicted[1] + after)
    begins, ends = np.concatenate(begins), np.concatenate(ends)
    # a slot is busy when some interval begins before its end and ends after its start
    began = np.searchsorted(np.sort(begins), slots + length, side="left")
    ended = np.searchsorted(np.sort(ends), slots, side="right")
    return slots[began == ended]


def _predicted(catalog: Catalog, stations: list[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each station with coordinates: first P and last S of every event there, microseconds."""
    known = catalog.stations[catalog.stations["station"].isin(stations)].reset_index(drop=True)
    events = catalog.events
    if not len(known):
        return {}
    origin = to_us(events["time"])
    lookup = _table(known, catalog)
    found = {}
    for at, row in enumerate(known.itertuples()):
        distance, _ = distance_azimuth(row.latitude, row.longitude, events["latitude"], events["longitude"])
        first, last = distance / FASTEST_KM_S, distance / SLOWEST_KM_S
        if lookup is not None:
            for phase, times in (("P", first), ("S", last)):
                exact = lookup.times(phase, np.full(len(events), at), distance, events["depth_km"].to_numpy())
                np.copyto(times, exact, where=np.isfinite(exact))
        near = distance <= FARTHEST_KM
        found[row.station] = tuple(
            origin[near] + np.round(times[near] * SECOND_US).astype(np.int64) for times in (first, last)
        )
    return found


def _table(stations: pd.DataFrame, catalog: Catalog):
    """Travel times of the catalog's velocity model within 200 km, or None without one."""
    if not len(catalog.velocity):
        return None
    from ...earth.traveltime import TravelTimes

    deepest = max(float(catalog.events["depth_km"].max()), 1.0, float(-stations["elevation_m"].min() / 1000)) + 1.0
    return TravelTimes.build(stations, catalog.velocity, 200.0, min(deepest, 100.0))
