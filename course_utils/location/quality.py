"""What a location is worth: grades, duplicates, pruning."""

from __future__ import annotations

import numpy as np
import pandas as pd

from course_utils.location.arrivals import spans

# least arrivals used, largest gap (deg), horizontal error (km), depth error (km), share of outliers
GRADES = {
    "A": (10, 180.0, 2.0, 4.0, 0.2),
    "B": (8, 240.0, 5.0, 8.0, 0.3),
    "C": (5, 330.0, 10.0, np.inf, 0.5),
}


def grade(solution, n_arrivals: np.ndarray) -> np.ndarray:
    """Grade of every event: the best whose five limits in ``GRADES`` all hold, else D.

    At the ground or at the bottom of the search the depth is a bound and no measurement: C at best. At the side of the
    search, or not located: D. Arrivals with a weight below 0.1 are outliers.
    """
    used = solution.n_p + solution.n_s
    outliers = 1.0 - used / np.maximum(n_arrivals, 1)
    out = np.full(len(used), "D", dtype=object)
    for name, (least, gap, horizontal, depth, share) in reversed(GRADES.items()):
        good = (
            (used >= least)
            & (solution.azimuthal_gap_deg <= gap)
            & (solution.horizontal_error_km <= horizontal)
            & (solution.depth_error_km <= depth)
            & (outliers <= share)
        )
        if name != "C":
            good &= solution.limit == ""
        out[good] = name
    out[(solution.limit == "side") | ~solution.found] = "D"
    return out


def duplicates(locator, solution, arrivals: pd.DataFrame, merge_s: float, shared: float) -> np.ndarray:
    """For every event the position of the event that it should be merged into, its own where it stands alone.

    Two events are one when the median difference of their predicted arrivals at the stations that either used is below
    ``merge_s``, or when they share at least the fraction ``shared`` of the smaller one's picks. The one with more
    weight in arrivals survives.
    """
    n = len(solution.found)
    into = np.arange(n)
    starts = spans(arrivals["event"].to_numpy(), n)
    pick, station, code = (arrivals[c].to_numpy() for c in ("pick_id", "station_index", "code"))
    weight = np.add.reduceat(np.append(arrivals["weight"].to_numpy(), 0.0), starts[:-1]) if n else np.empty(0)
    weight[starts[:-1] == starts[1:]] = 0.0
    order = np.flatnonzero(solution.found)
    order = order[np.argsort(solution.time_us[order], kind="stable")]
    if not len(order):
        return into
    travel_max = float(locator.times.tables["S"].max())
    for i, a in enumerate(order):
        for b in order[i + 1 :]:
            apart = (solution.time_us[b] - solution.time_us[a]) / 1e6
            if apart > travel_max:
                break
            if into[a] != a or into[b] != b:
                continue
            rows_a, rows_b = np.arange(starts[a], starts[a + 1]), np.arange(starts[b], starts[b + 1])
            common = np.intersect1d(pick[rows_a], pick[rows_b]).size
            same = common >= shared * min(len(rows_a), len(rows_b))
            if not same and apart > 2.0 * merge_s and not _could_coincide(solution, a, b, apart, merge_s):
                continue
            if not same:
                rows = np.concatenate([rows_a, rows_b])
                rows = rows[station[rows] >= 0]
                travel = locator.arrival_times(solution.x_km[[a, b]], solution.y_km[[a, b]], solution.depth_km[[a, b]])
                gap = travel[code[rows], 1, station[rows]] - travel[code[rows], 0, station[rows]] + apart
                same = np.median(np.abs(gap)) < merge_s
            if same:
                survivor, other = (a, b) if weight[a] >= weight[b] else (b, a)
                into[other] = survivor
    for e in range(n):  # chains end at a survivor
        while into[into[e]] != into[e]:
            into[e] = into[into[e]]
    return into


def _could_coincide(solution, a: int, b: int, apart_s: float, merge_s: float) -> bool:
    """Whether the distance of two events could make up for their difference in origin time, at 1 km/s or faster."""
    offset = np.sqrt(
        (solution.x_km[a] - solution.x_km[b]) ** 2
        + (solution.y_km[a] - solution.y_km[b]) ** 2
        + (solution.depth_km[a] - solution.depth_km[b]) ** 2
    )
    return apart_s - merge_s < offset


def pruned(solution, settings) -> np.ndarray:
    """For every located event why it is removed by the pruning rules of the settings; empty where it stays."""
    out = np.full(len(solution.found), "", dtype=object)
    rules = (
        ("azimuthal gap", solution.azimuthal_gap_deg, settings.prune_max_gap_deg, "deg", 1),
        ("horizontal error", solution.horizontal_error_km, settings.prune_max_horizontal_error_km, "km", 1),
        ("rms", solution.rms_s, settings.prune_max_rms_s, "s", 1),
        ("arrivals used", solution.n_p + solution.n_s, settings.prune_min_arrivals, "", -1),
    )
    for name, values, limit, unit, sign in rules:
        if limit is None:
            continue
        for e in np.flatnonzero(solution.found & (sign * values > sign * limit)):
            word = "above" if sign > 0 else "below"
            out[e] = f"{name} {values[e]:.3g} {unit}".rstrip() + f" {word} {limit:g}"
    return out
