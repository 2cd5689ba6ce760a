"""Differential times: pairs of neighbouring events, and what their arrivals at common stations differ by.

A link is one difference: ``event_id_1``, ``event_id_2``, ``station``, ``phase`` (P or S), ``dt_s`` (travel time of the
first event minus that of the second, both counted from the origin times in the catalog), ``weight`` (0 to 1; it
multiplies a row of the least-squares problem) and ``kind`` ("ct" from catalog times, "cc" from cross-correlation).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from course_utils.catalog.tables import PHASES, Catalog, TableError
from course_utils.earth import LocalFrame
from course_utils.location.arrivals import collect, microseconds, s_before_p, spans
from course_utils.location.relative_kernels import common_arrivals
from course_utils.location.relative_settings import RelocationSettings
from course_utils.location.settings import LocationSettings, with_overrides

COLUMNS = ("event_id_1", "event_id_2", "station", "phase", "dt_s", "weight", "kind")
KINDS = ("ct", "cc")
_FEWEST_ARRIVALS = 4


def empty_differences() -> pd.DataFrame:
    """A table of links without rows."""
    kinds = ("int64", "int64", "str", "str", "float64", "float64", "str")
    return pd.DataFrame({name: pd.Series([], dtype=kind) for name, kind in zip(COLUMNS, kinds, strict=True)})


def conform_differences(links: pd.DataFrame) -> pd.DataFrame:
    """A checked copy of a table of links, with ``weight`` 1 and ``kind`` "ct" where the columns are absent.

    Raises:
        TableError: a column is missing, or a row has an unknown phase or kind, a time that is no number, or a weight
            that is not between 0 and 1.
    """
    links = links.reset_index(drop=True)
    links = links.assign(**{k: v for k, v in (("weight", 1.0), ("kind", "ct")) if k not in links.columns})
    missing = [name for name in COLUMNS if name not in links.columns]
    if missing:
        raise TableError(f"differential times: no column {', '.join(missing)}; they have {', '.join(COLUMNS)}")
    if not len(links):
        return empty_differences()
    weight, dt = links["weight"].to_numpy(float), links["dt_s"].to_numpy(float)
    for name, bad, remedy in (
        ("phase", ~links["phase"].isin(PHASES).to_numpy(), 'use "P" or "S"'),
        ("kind", ~links["kind"].isin(KINDS).to_numpy(), 'use "ct" or "cc"'),
        ("dt_s", ~np.isfinite(dt), "drop the row"),
        ("weight", ~((weight >= 0) & (weight <= 1)), "weights lie between 0 and 1"),
    ):
        if bad.any():
            at = int(bad.argmax())
            raise TableError(f"differential times row {at}: {name} is {links[name].iloc[at]!r}; {remedy}")
    return links[list(COLUMNS)].astype({"event_id_1": np.int64, "event_id_2": np.int64, "dt_s": float, "weight": float})


def catalog_differences(
    catalog: Catalog, settings: RelocationSettings | dict | None = None, **overrides
) -> pd.DataFrame:
    """Links between neighbouring events from their picks.

    Every event is paired with its nearest neighbours that share at least ``min_links`` arrivals with it, among the
    four times as many that are nearest (Waldhauser 2001, ph2dt). Weights are 1 where picks state no error, else the usual
    error over the root mean square of the two (at most 1).

    Args:
        catalog: events, assignments, picks and stations.
        settings: see :class:`RelocationSettings`; its fields may also be given by name.

    Returns:
        Links as in the module's description, sorted by pair.

    Raises:
        ValueError: assignments name picks or events that are not there.
    """
    return pair_events(catalog, with_overrides_relative(settings, overrides))[0]


def with_overrides_relative(settings, overrides: dict) -> RelocationSettings:
    """The settings with some fields exchanged, checked; ValueError names an unknown field or a bad value."""
    base = settings.model_dump() if isinstance(settings, RelocationSettings) else dict(settings or {})
    return RelocationSettings(**{**base, **overrides})


def pair_events(catalog: Catalog, settings: RelocationSettings) -> tuple[pd.DataFrame, dict[int, str], dict[str, int]]:
    """Links from picks; why events have none, by event_id; how many arrivals were left out, by reason."""
    events, stations = catalog.events, catalog.stations
    ids = events["event_id"].to_numpy()
    rows = collect(catalog, catalog.assignments, stations, with_overrides(LocationSettings(), {}))
    left_out = rows.loc[~rows["used"], "note"].value_counts().to_dict()
    rows = rows[rows["used"]]
    wrong = s_before_p(rows)
    if wrong:
        keys = pd.MultiIndex.from_tuples([(e, s) for e, names in wrong.items() for s in names])
        bad = pd.MultiIndex.from_frame(rows[["event", "station"]]).isin(keys)
        left_out["S not later than P at the station"] = int(bad.sum())
        rows = rows[~bad]
    frame = LocalFrame.around(events) if len(events) else None
    distance = _epicentral_km(rows, events, stations, frame)
    if settings.max_station_km is not None and len(rows):
        far = distance > settings.max_station_km
        left_out[f"station farther than {settings.max_station_km:g} km"] = int(far.sum())
        rows, distance = rows[~far], distance[~far]
    counts = np.bincount(rows["event"], minlength=len(ids))
    few = counts < _FEWEST_ARRIVALS
    reasons = {int(ids[e]): f"{counts[e]} usable arrivals, fewer than {_FEWEST_ARRIVALS}" for e in np.flatnonzero(few)}
    stays = ~few[rows["event"].to_numpy()]
    rows, distance = rows[stays], distance[stays]
    key = (2 * rows["station_index"] + rows["code"]).to_numpy()
    order = np.lexsort((key, rows["event"]))
    rows, key, distance = rows.iloc[order], key[order], distance[order]
    start = spans(rows["event"].to_numpy(), len(ids))
    pairs = _neighbours(events, frame, start, key, settings)
    nothing = np.empty(0, np.int64)
    count = common_arrivals(pairs[:, 0], pairs[:, 1], start, key, nothing, nothing)
    left, right = np.empty((2, count.sum()), np.int64)
    if len(left):
        common_arrivals(pairs[:, 0], pairs[:, 1], start, key, left, right)
    pair = np.repeat(np.arange(len(pairs)), count)
    if settings.max_links is not None:
        near = np.lexsort((distance[left], pair))
        rank = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count)
        keep = np.sort(near[rank < settings.max_links])
        left, right, pair = left[keep], right[keep], pair[keep]
    travel_us = rows["time_us"].to_numpy() - microseconds(events["time"])[rows["event"].to_numpy()]
    usual = np.where(rows["code"] == 0, LocationSettings().p_error_s, LocationSettings().s_error_s)
    error = rows["error_s"].to_numpy() / usual
    links = pd.DataFrame(
        {
            "event_id_1": ids[pairs[pair, 0]],
            "event_id_2": ids[pairs[pair, 1]],
            "station": rows["station"].to_numpy()[left],
            "phase": rows["phase"].to_numpy()[left],
            "dt_s": (travel_us[left] - travel_us[right]) / 1e6,
            "weight": np.minimum(1.0, 1.0 / np.sqrt((error[left] ** 2 + error[right] ** 2) / 2.0)),
            "kind": "ct",
        }
    )
    linked = np.isin(np.arange(len(ids)), pairs)
    for e in np.flatnonzero(~linked & ~few):
        reasons[int(ids[e])] = f"no neighbour within {settings.max_km:g} km shares {settings.min_links} arrivals"
    return links if len(links) else empty_differences(), reasons, left_out


def _epicentral_km(rows, events, stations, frame) -> np.ndarray:
    if not len(rows):
        return np.empty(0)
    ex, ey = frame.to_xy_km(events["latitude"], events["longitude"])
    sx, sy = frame.to_xy_km(stations["latitude"], stations["longitude"])
    e, s = rows["event"].to_numpy(), rows["station_index"].to_numpy()
    return np.hypot(ex[e] - sx[s], ey[e] - sy[s])


def _neighbours(events, frame, start, key, settings: RelocationSettings) -> np.ndarray:
    """Pairs of event positions, shape (pairs, 2), each once with the smaller first, sorted."""
    n = len(events)
    if n < 2:
        return np.empty((0, 2), np.int64)
    x, y = frame.to_xy_km(events["latitude"], events["longitude"])
    points = np.column_stack([x, y, events["depth_km"]])
    reach = min(n, 4 * settings.neighbours + 1)
    distance, near = cKDTree(points).query(points, reach, distance_upper_bound=settings.max_km)
    first = np.repeat(np.arange(n), reach)
    second = near.ravel()
    good = np.isfinite(distance.ravel()) & (second != first)
    first, second = first[good], second[good].astype(np.int64)
    nothing = np.empty(0, np.int64)
    strong = common_arrivals(first, second, start, key, nothing, nothing) >= settings.min_links
    first, second = first[strong], second[strong]
    begin = spans(first, n)
    rank = np.arange(len(first)) - begin[first]
    nearest = rank < settings.neighbours
    both = np.column_stack([first[nearest], second[nearest]])
    return np.unique(np.sort(both, axis=1), axis=0)
