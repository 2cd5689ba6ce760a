"""How a catalog compares with another: what both hold, what only one holds, how far apart the common events are.

Everything rests on the one-to-one matching of :mod:`course_utils.catalog.matching`. Matching knows no days: an event at
midnight finds its partner on the other side. A day on which one catalog holds nothing still counts, since a reference
event that nobody looked for was missed as well; :func:`by_day` lists such days, so that the reader can tell a deaf
network from an absent file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from course_utils.catalog.matching import EventMatch, PickMatch, match_events, match_picks
from course_utils.catalog.tables import Catalog, conform

RESIDUALS = ("dt_s", "distance_km", "east_km", "north_km", "depth_difference_km", "magnitude_difference")
FATES = ("in the matched event", "in another event", "picked, in no event", "not picked")
_NOWHERE = "not in it"


@dataclass(frozen=True)
class Comparison:
    """Events matched one to one with a reference.

    Attributes:
        label: what the reference is called.
        match: pairs, and what has no partner.
        events, reference: both tables, within the time looked at and, of what was matched across its ends, a bit more.
        expected: ids of the reference events that a good catalog should hold; all of them unless the reference is a
            synthetic truth, which also knows events that nobody could see.
        gates: max_dt_s and max_km.
    """

    label: str
    match: EventMatch
    events: pd.DataFrame
    reference: pd.DataFrame
    expected: frozenset[int]
    gates: dict[str, float]

    @property
    def missed(self) -> pd.DataFrame:
        """Expected reference events without a partner."""
        return self.match.missed[self.match.missed["event_id"].isin(self.expected)].reset_index(drop=True)

    @property
    def proposed(self) -> pd.DataFrame:
        """Events without a partner in the reference."""
        return self.match.proposed

    @property
    def wanted(self) -> pd.DataFrame:
        """The expected reference events, with the column ``found``."""
        rows = self.reference[self.reference["event_id"].isin(self.expected)].reset_index(drop=True)
        return rows.assign(found=rows["event_id"].isin(self.match.matched["reference_id"]))

    @property
    def pairs(self) -> pd.DataFrame:
        """The matched pairs with their differences, event minus reference: :data:`RESIDUALS`; with ``time`` and
        ``magnitude`` of the reference, in its order of time."""
        mine = self.events.set_index("event_id").loc[self.match.matched["event_id"]]
        theirs = self.reference.set_index("event_id").loc[self.match.matched["reference_id"]]
        azimuth, _ = _azimuth_distance(theirs, mine)
        away = self.match.matched["distance_km"].to_numpy()
        table = self.match.matched.assign(
            time=theirs["time"].array,
            magnitude=theirs["magnitude"].to_numpy(),
            east_km=away * np.sin(azimuth),
            north_km=away * np.cos(azimuth),
            magnitude_difference=mine["magnitude"].to_numpy() - theirs["magnitude"].to_numpy(),
        )
        return table.sort_values("time", ignore_index=True)

    def summary(self) -> dict[str, Any]:
        """Counts, rates and medians as plain values; None where there is nothing to take them of."""
        pairs = self.match.matched
        found = int(pairs["reference_id"].isin(self.expected).sum())
        proposed = len(self.proposed)
        days = by_day(self)
        absent, unlisted = days[days["no_events"]], days[days["no_reference"]]
        return {
            "reference": self.label,
            **self.gates,
            "events": len(pairs) + proposed,
            "reference_events": len(self.reference),
            "expected": len(self.expected),
            "matched": len(pairs),
            "expected_matched": found,
            "missed": len(self.missed),
            "proposed": proposed,
            "recall": _ratio(found, len(self.expected)),
            "precision": _ratio(len(pairs), len(pairs) + proposed),
            "median_dt_s": _median(pairs["dt_s"]),
            "median_abs_dt_s": _median(pairs["dt_s"].abs()),
            "median_km": _median(pairs["distance_km"]),
            "median_depth_difference_km": _median(pairs["depth_difference_km"]),
            "days_without_events": [f"{day:%Y-%m-%d}" for day in absent["day"]],
            "missed_on_days_without_events": int(absent["missed"].sum()),
            "days_without_reference": [f"{day:%Y-%m-%d}" for day in unlisted["day"]],
            "proposed_on_days_without_reference": int(unlisted["proposed"].sum()),
        }


def compare(
    events: pd.DataFrame,
    reference: pd.DataFrame,
    max_dt_s: float,
    max_km: float,
    label: str = "reference",
    expected: frozenset[int] | None = None,
    span: tuple[pd.Timestamp, pd.Timestamp] | None = None,
) -> Comparison:
    """Match a catalog's events with a reference's.

    Args:
        events, reference: events tables.
        max_dt_s, max_km: largest difference of origin times in s and distance of epicenters in km.
        expected: ids that count as missed when they have no partner; by default all.
        span: what lies in it counts, from its start (included) to its end (excluded): reference events by their own
            time, events without a partner by theirs. Partners are sought beyond it.

    Raises:
        TableError: one of the tables breaks its schema.
        ValueError: a gate is negative or NaN.
    """
    events, reference = conform(events, "events"), conform(reference, "events")
    match = match_events(events, reference, max_dt_s=max_dt_s, max_km=max_km)
    if span is not None:

        def inside(table: pd.DataFrame) -> pd.DataFrame:
            return table[(table["time"] >= span[0]) & (table["time"] < span[1])].reset_index(drop=True)

        reference = inside(reference)
        pairs = match.matched[match.matched["reference_id"].isin(reference["event_id"])].reset_index(drop=True)
        match = EventMatch(pairs, inside(match.missed), inside(match.proposed))
        kept = pd.concat([pairs["event_id"], match.proposed["event_id"]])
        events = events[events["event_id"].isin(kept)].reset_index(drop=True)
    ids = frozenset(reference["event_id"].tolist())
    wanted = ids if expected is None else ids & expected
    return Comparison(label, match, events, reference, wanted, {"max_dt_s": max_dt_s, "max_km": max_km})


def by_day(comparison: Comparison) -> pd.DataFrame:
    """One row per UTC day on which either catalog holds an event; a pair belongs to the day of its reference event.

    Returns:
        day, reference (expected events), events, found, missed, proposed; ``no_events``: the reference expects events of
        that day and the catalog has none (they stand under missed); ``no_reference``: the other way round (its events
        stand under proposed, and nothing can be said of them).
    """
    wanted = comparison.wanted
    counts = {
        "reference": wanted["time"],
        "events": pd.concat([comparison.pairs["time"], comparison.proposed["time"]]),
        "found": wanted.loc[wanted["found"], "time"],
        "missed": wanted.loc[~wanted["found"], "time"],
        "proposed": comparison.proposed["time"],
    }
    days = pd.DataFrame({name: times.dt.floor("D").value_counts() for name, times in counts.items()})
    days = days.fillna(0).astype("int64").sort_index().rename_axis("day").reset_index()
    listed = comparison.reference["time"].dt.floor("D")
    return days.assign(
        no_events=(days["reference"] > 0) & (days["events"] == 0),
        no_reference=(days["events"] > 0) & ~days["day"].isin(listed),
    )


def residual_statistics(pairs: pd.DataFrame) -> pd.DataFrame:
    """Median, spread and tails of the differences of matched pairs, one row for each of :data:`RESIDUALS`.

    Returns:
        n (pairs that have it), median, mean, mad (median absolute deviation), robust_sd (1.4826 mad), p05, p95,
        beyond_3_sd (share farther from the median than three robust_sd; 0.0027 if Gaussian), largest (absolute).
    """
    rows = {}
    for name in RESIDUALS:
        x = pairs[name].dropna().to_numpy()
        if not len(x):
            rows[name] = {"n": 0}
            continue
        off = np.abs(x - np.median(x))
        robust = 1.4826 * np.median(off)
        rows[name] = {
            "n": len(x),
            "median": np.median(x),
            "mean": x.mean(),
            "mad": np.median(off),
            "robust_sd": robust,
            "p05": np.quantile(x, 0.05),
            "p95": np.quantile(x, 0.95),
            "beyond_3_sd": np.mean(off > 3 * robust),
            "largest": np.abs(x).max(),
        }
    columns = ["n", "median", "mean", "mad", "robust_sd", "p05", "p95", "beyond_3_sd", "largest"]
    return pd.DataFrame(rows).T.reindex(columns=columns).astype({"n": "int64"}).rename_axis("residual")


def confusion(comparison: Comparison) -> pd.DataFrame:
    """Numbers of events by type in the reference (rows) and in the catalog (columns), "not in it" for either; where no
    type is known it is "event". Reference events that are not expected and have no partner are left out."""

    def kinds(table: pd.DataFrame) -> pd.Series:
        return table.set_index("event_id")["event_type"].fillna("event").replace("", "event")

    pairs = comparison.match.matched
    theirs, mine = kinds(comparison.reference), kinds(comparison.events)
    rows = [*theirs.loc[pairs["reference_id"]], *kinds(comparison.missed), *[_NOWHERE] * len(comparison.proposed)]
    columns = [*mine.loc[pairs["event_id"]], *[_NOWHERE] * len(comparison.missed), *kinds(comparison.proposed)]
    table = pd.crosstab(pd.Series(rows, name="reference"), pd.Series(columns, name="catalog"))
    for axis in (0, 1):  # "not in it" last
        names = sorted(table.axes[axis], key=lambda name: (name == _NOWHERE, name))
        table = table.reindex(names, axis=axis)
    return table


def chance_matches(
    events: pd.DataFrame, reference: pd.DataFrame, max_dt_s: float, max_km: float, shifts_s: Iterable[float] = ()
) -> pd.DataFrame:
    """How many pairs there would be if the catalogs had nothing to do with one another: the reference is shifted in
    time, and what leaves at the end of the common time comes back at its start.

    Args:
        shifts_s: by default 10 minutes, an hour and a day both ways, as far as they are under half of the time covered.

    Returns:
        shift_s, matched. A long shift joins hours of different activity; the short ones keep the rate.
    """
    events, reference = conform(events, "events"), conform(reference, "events")
    times = pd.concat([events["time"], reference["time"]])
    length_s = (times.max() - times.min()).total_seconds() + max_dt_s if len(times) else 0.0
    usual = [sign * s for s in (600.0, 3600.0, 86400.0) for sign in (-1, 1) if s < length_s / 2]
    rows = []
    for shift in list(shifts_s) or usual:
        moved_s = ((reference["time"] - times.min()).dt.total_seconds() + shift) % length_s
        moved = reference.assign(time=times.min() + pd.to_timedelta(moved_s, unit="s"))
        rows.append({"shift_s": shift, "matched": len(match_events(events, moved, max_dt_s, max_km).matched)})
    return pd.DataFrame(rows, columns=["shift_s", "matched"])


@dataclass(frozen=True)
class PickComparison:
    """Picks of two catalogs, matched one to one at each station and phase.

    Attributes:
        match: all picks, in an event or not.
        arrivals: assigned picks of the reference with their fate, one of :data:`FATES`: event_id, pick_id, station, phase,
            weight, fate, residual_s (catalog minus reference). Picks of a missed event can be in no "matched event".
        events: per matched pair: event_id, reference_id, n (picks), n_reference, n_common, residual_s (their median).
    """

    match: PickMatch
    arrivals: pd.DataFrame
    events: pd.DataFrame


def compare_picks(mine: Catalog, theirs: Catalog, match: EventMatch, tolerance_s: float) -> PickComparison:
    """Does each matched event hold the same arrivals?

    Args:
        mine, theirs: catalogs with picks and assignments; the station codes must be written alike.
        match: of their events.
        tolerance_s: largest difference of two picks of one arrival.
    """
    found = match_picks(mine.picks, theirs.picks, tolerance_s)
    partner = found.matched[["pick_id", "reference_id", "residual_s"]]
    partner = partner.rename(columns={"pick_id": "mine_id", "reference_id": "pick_id"})
    columns = ["event_id", "pick_id", "station", "phase", "weight"]
    arrivals = theirs.assignments[columns].merge(partner.astype({"mine_id": "Int64"}), on="pick_id", how="left")
    holds = mine.assignments[["pick_id", "event_id"]].rename(columns={"pick_id": "mine_id", "event_id": "holder"})
    holds = holds.astype("Int64")
    pairs = match.matched[["event_id", "reference_id"]].set_axis(["matched_event", "event_id"], axis=1)
    arrivals = arrivals.merge(pairs.astype({"matched_event": "Int64"}), on="event_id", how="left")
    same = arrivals[["mine_id", "matched_event"]].merge(
        holds.assign(same=True), how="left", left_on=["mine_id", "matched_event"], right_on=["mine_id", "holder"]
    )["same"]
    conditions = [same.eq(True).to_numpy(), arrivals["mine_id"].isin(holds["mine_id"]), arrivals["mine_id"].notna()]
    fate = np.select(conditions, FATES[:3], FATES[3])
    arrivals = arrivals.drop(columns=["mine_id", "matched_event"]).assign(fate=fate)

    common = arrivals[arrivals["fate"] == FATES[0]].groupby("event_id")["residual_s"].agg(["size", "median"])
    events = match.matched[["event_id", "reference_id"]].assign(
        n=lambda t: t["event_id"].map(mine.assignments["event_id"].value_counts()),
        n_reference=lambda t: t["reference_id"].map(theirs.assignments["event_id"].value_counts()),
        n_common=lambda t: t["reference_id"].map(common["size"]),
        residual_s=lambda t: t["reference_id"].map(common["median"]),
    )
    counts = ["n", "n_reference", "n_common"]
    return PickComparison(found, arrivals, events.fillna(dict.fromkeys(counts, 0)).astype(dict.fromkeys(counts, int)))


def nearest_km(events: pd.DataFrame, places: pd.DataFrame | None = None) -> np.ndarray:
    """Distance in km from each event to the nearest of some places (stations), or to the median epicenter without any."""
    from scipy.spatial import KDTree

    if places is None or not len(places):
        places = events[["latitude", "longitude"]].median().to_frame().T

    def on_sphere(table: pd.DataFrame) -> np.ndarray:
        lat, lon = np.radians(table["latitude"].to_numpy()), np.radians(table["longitude"].to_numpy())
        return np.c_[np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]

    nearest = places.iloc[KDTree(on_sphere(places)).query(on_sphere(events))[1]] if len(events) else places.iloc[:0]
    return _azimuth_distance(events, nearest)[1]


def _azimuth_distance(start: pd.DataFrame, end: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Azimuth in radians and geodesic distance in km from each row of ``start`` to that of ``end``."""
    from pyproj import Geod

    ends = [table[column].to_numpy().tolist() for table in (start, end) for column in ("longitude", "latitude")]
    azimuth, _, metres = Geod(ellps="WGS84").inv(*ends)
    return np.radians(np.asarray(azimuth, float)), np.asarray(metres, float) / 1000.0


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _median(values: pd.Series) -> float | None:
    return float(np.median(values)) if len(values) else None
