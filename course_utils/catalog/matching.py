"""Which rows of one table are the same as which rows of another: events with events, picks with picks.

Every score of the course rests on these two functions, so they are exact: among all one-to-one pairings
inside the gates they return one with the largest number of pairs and, among those, the least total misfit.
Taking the nearest free partner in turn (the usual shortcut) loses pairs wherever two candidates compete.

The bipartite graph of admissible pairs falls apart into small connected components, because gates are short
in time; stars are solved at once for all components, the rest one by one as a linear assignment problem
(Crouse 2016, doi:10.1109/TAES.2016.140952; Jonker and Volgenant 1987, doi:10.1007/BF02278710).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

from .tables import UTC_DTYPE, conform

_DENSE_CELLS = 1_000_000  # above this a component's cost matrix is kept sparse


@dataclass(frozen=True)
class Match:
    """A one-to-one pairing of proposed rows with reference rows.

    ``matched`` has one row per pair, ``missed`` the reference rows without partner and ``proposed`` the
    others without partner. Rates are NaN where there is nothing to divide by.
    """

    matched: pd.DataFrame
    missed: pd.DataFrame
    proposed: pd.DataFrame

    @property
    def recall(self) -> float:
        """Share of the reference that was found."""
        return _ratio(len(self.matched), len(self.matched) + len(self.missed))

    @property
    def precision(self) -> float:
        """Share of what was proposed that the reference confirms."""
        return _ratio(len(self.matched), len(self.matched) + len(self.proposed))

    @property
    def f1(self) -> float:
        """Harmonic mean of recall and precision."""
        return _ratio(2 * len(self.matched), 2 * len(self.matched) + len(self.missed) + len(self.proposed))

    def __repr__(self) -> str:
        hit = len(self.matched)
        return (
            f"{type(self).__name__}({hit} of {hit + len(self.missed)} reference rows matched, "
            f"{len(self.proposed)} further proposed: "
            f"recall {self.recall:.3f}, precision {self.precision:.3f}, F1 {self.f1:.3f})"
        )


class EventMatch(Match):
    """``matched``: event_id, reference_id, dt_s, distance_km, depth_difference_km; differences are event minus
    reference. ``missed``: rows of the reference; ``proposed``: rows of the events."""


class PickMatch(Match):
    """``matched``: pick_id, reference_id, station, phase, residual_s (pick minus reference). ``missed``: rows
    of the reference; ``proposed``: rows of the picks."""


def match_events(
    events: pd.DataFrame,
    reference: pd.DataFrame,
    max_dt_s: float,
    max_km: float,
    max_depth_km: float | None = None,
) -> EventMatch:
    """Pair events with reference events, one to one.

    A pair is admissible when origin times differ by at most ``max_dt_s``, epicenters by at most ``max_km``
    (geodesic on WGS84) and, if given, depths by at most ``max_depth_km``; gates are inclusive and may be
    ``inf``. Of all pairings with the most pairs, the one with the least sum of (dt/max_dt_s)^2 +
    (distance/max_km)^2 [+ (depth difference/max_depth_km)^2] is returned.

    Args:
        events, reference: events tables; ids are made from the origin where absent.

    Raises:
        TableError: one of the tables breaks its schema.
        ValueError: a gate is negative or NaN.
    """
    gates = {"max_dt_s": max_dt_s, "max_km": max_km}
    if max_depth_km is not None:
        gates["max_depth_km"] = max_depth_km
    for name, value in gates.items():
        _check_gate(name, value)
    events, reference = conform(events, "events"), conform(reference, "events")

    left, right, dt_s = near_in_time(events["time"], reference["time"], max_dt_s)
    depth_km = events["depth_km"].to_numpy()[left] - reference["depth_km"].to_numpy()[right]
    if max_depth_km is not None:
        keep = np.abs(depth_km) <= max_depth_km
        left, right, dt_s, depth_km = left[keep], right[keep], dt_s[keep], depth_km[keep]
    distance_km = _geodesic_km(events, reference, left, right)
    keep = distance_km <= max_km
    left, right, dt_s, depth_km, distance_km = (a[keep] for a in (left, right, dt_s, depth_km, distance_km))

    cost = _squared(dt_s, max_dt_s) + _squared(distance_km, max_km)
    if max_depth_km is not None:
        cost += _squared(depth_km, max_depth_km)
    chosen = assign(left, right, cost)
    left, right = left[chosen], right[chosen]
    matched = pd.DataFrame(
        {
            "event_id": events["event_id"].to_numpy()[left],
            "reference_id": reference["event_id"].to_numpy()[right],
            "dt_s": dt_s[chosen],
            "distance_km": distance_km[chosen],
            "depth_difference_km": depth_km[chosen],
        }
    )
    return EventMatch(matched, _without(reference, right), _without(events, left))


def match_picks(picks: pd.DataFrame, reference: pd.DataFrame, tolerance_s: float) -> PickMatch:
    """Pair picks with reference picks of the same station and phase, one to one, at most ``tolerance_s`` apart.

    Of all pairings with the most pairs, the one with the least sum of squared time differences is returned.

    Args:
        picks, reference: picks tables; the station codes must be written alike.

    Raises:
        TableError: one of the tables breaks its schema.
        ValueError: ``tolerance_s`` is negative or NaN.
    """
    _check_gate("tolerance_s", tolerance_s)
    picks, reference = conform(picks, "picks"), conform(reference, "picks")
    if len(picks) and len(reference) and not picks["station"].isin(reference["station"]).any():
        warnings.warn(
            f"picks and reference have no station in common: {picks['station'].iloc[0]!r} here, "
            f"{reference['station'].iloc[0]!r} there; write the codes alike (NET.STA.LOC)",
            stacklevel=2,
        )
    mine, theirs = _labels(picks[["station", "phase"]], reference[["station", "phase"]])
    left, right, dt_s = near_in_time(picks["time"], reference["time"], tolerance_s, mine, theirs)
    chosen = assign(left, right, dt_s**2)
    left, right = left[chosen], right[chosen]
    matched = pd.DataFrame(
        {
            "pick_id": picks["pick_id"].to_numpy()[left],
            "reference_id": reference["pick_id"].to_numpy()[right],
            "station": picks["station"].array[left],
            "phase": picks["phase"].array[left],
            "residual_s": dt_s[chosen],
        }
    )
    return PickMatch(matched, _without(reference, right), _without(picks, left))


def near_in_time(
    times: pd.Series,
    reference: pd.Series,
    max_dt_s: float,
    groups: np.ndarray | None = None,
    reference_groups: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs of rows at most ``max_dt_s`` apart (inclusive, to the microsecond) and of the same group.

    Returns positions in ``times``, positions in ``reference`` and ``times - reference`` in seconds, in the
    order of ``times``. Groups are integer labels.
    """
    a, b = _microseconds(times), _microseconds(reference)
    if not len(a) or not len(b):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    ga = np.zeros(len(a), np.int64) if groups is None else np.asarray(groups, np.int64)
    gb = np.zeros(len(b), np.int64) if reference_groups is None else np.asarray(reference_groups, np.int64)
    origin, last = min(a.min(), b.min()), max(a.max(), b.max())
    width = int(np.rint(min(max_dt_s, (last - origin) / 1e6 + 1.0) * 1e6))
    # Groups follow one another on one time axis, further apart than the gate, so that one sorted search serves all.
    step = int(last - origin) + width + 1
    if int(max(ga.max(), gb.max()) + 2) * step >= 2**62:
        raise ValueError("too many groups over too long a time; match the tables year by year")
    a, b = a - origin + ga * step, b - origin + gb * step
    order = np.argsort(b, kind="stable")
    first = np.searchsorted(b[order], a - width, side="left")
    count = np.searchsorted(b[order], a + width, side="right") - first
    left = np.repeat(np.arange(len(a)), count)
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    right = order[np.repeat(first, count) + offset]
    return left, right, (a[left] - b[right]) / 1e6


def assign(left: np.ndarray, right: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Positions of the pairs in an optimal one-to-one assignment: most pairs first, then the least total cost.

    Args:
        left, right: node numbers of each admissible pair, shape (pairs,); a pair stands once.
        cost: cost of each pair, finite, >= 0.

    Returns:
        Positions into the three arrays, ascending.
    """
    left, right, cost = np.asarray(left, np.int64), np.asarray(right, np.int64), np.asarray(cost, np.float64)
    if not len(left):
        return np.zeros(0, np.int64)
    left = np.unique(left, return_inverse=True)[1]
    right = np.unique(right, return_inverse=True)[1]
    n_left, n = left.max() + 1, left.max() + right.max() + 2
    graph = coo_array((np.ones(len(left), np.int8), (left, right + n_left)), shape=(n, n))
    component = connected_components(graph, directed=False)[1][left]
    # A component in which one side is a single node is a star: its cheapest pair is the answer.
    lefts = np.bincount(component[np.unique(left, return_index=True)[1]], minlength=component.max() + 1)
    rights = np.bincount(component[np.unique(right, return_index=True)[1]], minlength=component.max() + 1)
    star = (np.minimum(lefts, rights) == 1)[component]
    stars = np.flatnonzero(star)
    stars = stars[np.lexsort((cost[stars], component[stars]))]
    chosen = [stars[np.unique(component[stars], return_index=True)[1]]]

    rest = np.flatnonzero(~star)
    rest = rest[np.argsort(component[rest], kind="stable")]
    for edges in np.split(rest, np.flatnonzero(np.diff(component[rest])) + 1) if len(rest) else ():
        chosen.append(edges[_assign_component(left[edges], right[edges], cost[edges])])
    return np.sort(np.concatenate(chosen))


def _assign_component(left: np.ndarray, right: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Optimal pairs of one connected component, as positions."""
    rows, left = np.unique(left, return_inverse=True)
    columns, right = np.unique(right, return_inverse=True)
    # Costs scaled to 1..2, so that leaving one pair out costs more than any difference between pairings.
    scaled = 1.0 + cost / (cost.max() or 1.0)
    penalty = 2.0 * min(len(rows), len(columns)) + 1.0
    if len(rows) * len(columns) <= _DENSE_CELLS:
        matrix = np.full((len(rows), len(columns)), penalty)
        matrix[left, right] = scaled
        pairs = linear_sum_assignment(matrix)
    else:
        # Every row has a partner of its own at the price of the penalty, hence a full matching exists.
        n = len(rows)
        matrix = coo_array(
            (
                np.r_[scaled, np.full(n, penalty)],
                (np.r_[left, np.arange(n)], np.r_[right, len(columns) + np.arange(n)]),
            ),
            shape=(n, len(columns) + n),
        ).tocsr()
        pairs = min_weight_full_bipartite_matching(matrix)
        real = pairs[1] < len(columns)
        pairs = pairs[0][real], pairs[1][real]
    key = left * len(columns) + right
    return np.flatnonzero(np.isin(key, pairs[0].astype(np.int64) * len(columns) + pairs[1]))


def _microseconds(times: pd.Series) -> np.ndarray:
    return pd.Series(times).astype(UTC_DTYPE).astype("int64").to_numpy()


def _labels(mine: pd.DataFrame, theirs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """One integer per distinct row, the same in both frames."""
    labels = pd.concat([mine, theirs]).groupby(list(mine.columns), sort=False).ngroup().to_numpy()
    return labels[: len(mine)], labels[len(mine) :]


def _geodesic_km(events: pd.DataFrame, reference: pd.DataFrame, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    from pyproj import Geod

    # Lists, since pyproj takes an array of length one for a scalar.
    ends = [
        frame[column].to_numpy()[rows].tolist()
        for frame, rows in ((events, left), (reference, right))
        for column in ("longitude", "latitude")
    ]
    return np.asarray(Geod(ellps="WGS84").inv(*ends)[2], np.float64) / 1000.0


def _squared(difference: np.ndarray, gate: float) -> np.ndarray:
    return np.zeros(len(difference)) if gate == 0 else (difference / gate) ** 2


def _check_gate(name: str, value: float) -> None:
    if not value >= 0:
        raise ValueError(f"{name} is {value}; give a number of at least 0")


def _without(table: pd.DataFrame, positions: np.ndarray) -> pd.DataFrame:
    keep = np.ones(len(table), bool)
    keep[positions] = False
    return table[keep].reset_index(drop=True)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
