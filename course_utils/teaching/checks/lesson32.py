"""Checks of lesson 32, relative relocation."""

from __future__ import annotations

import numpy as np
import pandas as pd

from course_utils.catalog.tables import Catalog
from course_utils.teaching.checks import Unanswered, Wrong, call, choices, exercise, number, whole, words

DAMPING = (0.0, 0.001, 0.01, 0.1, 1.0)
MOST_MOVED_KM = 1.5

CLAIMS = pd.Series(
    {
        "a": "The sixteen events lie on a plane at most some tens of metres thick.",
        "b": "The plane is 9.3 km deep, to within 20 m.",
        "c": "Relative places are known to the metre, since the formal errors say so.",
        "d": "The network's scatter of 0.2 km across the plane is mostly location error.",
        "e": "HypoDD and this course agree, so the layers of the velocity model are right.",
    },
    name="claim",
)
_SUPPORTED = {"a", "d"}
_HINTS = {
    "b": "what did both programs do with the mean of the sixteen events?",
    "c": "compare stated and true errors in the synthetic table.",
    "e": "which model did the other program use?",
    "a": "look at the thickness of the relocated plane.",
    "d": "the same events, with better times, lie on one plane. What was the scatter then?",
}


def weak_cluster(located: Catalog, truth: pd.DataFrame) -> Catalog:
    """Six neighbouring events of a located catalog with the P of their five farthest stations: poorly tied together."""
    from scipy.spatial import cKDTree

    from course_utils.earth import LocalFrame

    events = located.events[located.events["event_id"].isin(truth.loc[truth["cluster"] == "aftershock", "event_id"])]
    frame = LocalFrame.around(events)
    place = np.column_stack([*frame.to_xy_km(events["latitude"], events["longitude"]), events["depth_km"]])
    distance, near = cKDTree(place).query(place, 6)
    chosen = events["event_id"].to_numpy()[near[distance[:, -1].argmin()]]
    pairs = located.assignments[located.assignments["event_id"].isin(chosen) & (located.assignments["phase"] == "P")]
    few = pairs.sort_values(["event_id", "distance_km"], ascending=[True, False]).groupby("event_id").head(5)
    return located.replace(events=located.events[located.events["event_id"].isin(chosen)], assignments=few)


def damped(weak: Catalog, damping: float) -> tuple[float, float]:
    """The farthest that an event moved, km, and the weighted rms of the residuals at the end, s."""
    from course_utils.location import Stage, run_relocation

    run = run_relocation(weak, stages=(Stage(iterations=8, damping=damping),), min_links=4, formal_errors=False)
    return float(run.outcomes["shift_km"].max()), float(run.history["rms_ct_s"].iloc[-1])


@exercise
def delay_of(answer):
    rng = np.random.default_rng(32)
    time, rate = np.arange(-2.0, 2.0, 0.01), 100.0
    off = []
    for _ in range(12):
        lag, frequency, phase = rng.uniform(-0.3, 0.3), rng.uniform(3, 7), rng.uniform(0, 6.28)
        first, second = (
            size * np.exp(-8 * (time - t) ** 2) * np.sin(2 * np.pi * frequency * (time - t) + phase)
            for t, size in ((0.0, 1.0), (lag, rng.uniform(0.2, 5.0)))
        )
        value = number(call(answer, first.copy(), second.copy(), rate), unit="s")
        off.append((value, lag))
    value, lag = np.array(off).T
    if np.abs(value - lag).max() < 0.002:
        return f"Right to {1000 * np.abs(value - lag).max():.1f} ms, with 10 ms between samples."
    if np.abs(value + lag).max() < 0.006:
        raise Wrong("the size is right and the sign is not: positive when `second` comes later.")
    if np.abs(value / rate - lag).max() < 0.006 or np.abs(value * rate - lag).max() < 0.006:
        raise Wrong("are these samples or seconds?")
    if np.abs(value - lag).max() < 0.0055:
        raise Wrong(
            f"right to the sample, but off by up to {1000 * np.abs(value - lag).max():.0f} ms. Where between the samples is the peak?"
        )
    raise Wrong(
        f"off by up to {np.abs(value - lag).max():.2f} s. Which entry of the correlation belongs to a lag of zero?"
    )


@exercise
def mean_and_shape(answer, from_start, from_moved):
    if not isinstance(answer, dict) or not {"mean_km", "shape_km"} <= set(answer):
        raise Wrong('a dictionary is asked for: {"mean_km": 0.0, "shape_km": 0.0}.')
    mean, shape = (number(answer[key], -50, 50, unit="km") for key in ("mean_km", "shape_km"))
    from course_utils.earth import LocalFrame

    both = from_start.events.merge(from_moved.events, on="event_id", suffixes=("", "_b"))
    frame = LocalFrame.around(both)
    a = np.column_stack([*frame.to_xy_km(both["latitude"], both["longitude"]), both["depth_km"]])
    b = np.column_stack([*frame.to_xy_km(both["latitude_b"], both["longitude_b"]), both["depth_km_b"]])
    true_mean = float((b - a)[:, 1].mean())
    true_shape = float(np.sqrt(((b - a - (b - a).mean(axis=0)) ** 2).sum(axis=1).mean()))
    if abs(abs(mean) - abs(true_mean)) > 0.1 * abs(true_mean) + 0.02:
        raise Wrong(
            f"the means are not {mean:.2f} km apart. Take the events in the same order in both results, and the mean of their differences to the north."
        )
    if mean * true_mean < 0:
        raise Wrong("the size of the shift of the mean is right; which result lies farther north?")
    if abs(shape - true_shape) > 0.1 * true_shape + 0.02:
        raise Wrong(
            f"{shape:.2f} km is not the change of shape. Remove the mean of the differences first, then the length of each in three dimensions."
        )
    return (
        f"The start was off by 2 km, and {true_mean:.1f} km of it is still there: in so small a cluster differences do not know the "
        "mean. The shape hardly cares. In a cluster of 20 km the rays differ, and the mean is known a little, with the model's errors in it."
    )


@exercise
def least_damping(answer, weak):
    value = number(answer, 0, 10)
    near = [d for d in DAMPING if np.isclose(value, d)]
    if not near:
        raise Wrong(f"{value:g} is not in DAMPING: {', '.join(f'{d:g}' for d in DAMPING)}.")
    moved = {d: damped(weak, d)[0] for d in DAMPING}
    if moved[near[0]] > MOST_MOVED_KM:
        raise Wrong(f"with {value:g} an event moves {moved[near[0]]:.1f} km.")
    least = min(d for d in DAMPING if moved[d] <= MOST_MOVED_KM)
    if near[0] > least:
        raise Wrong(
            f"with {value:g} nothing runs away, and with a smaller one of the list neither. Why hold events more than needed?"
        )
    return "Compare the rms of both sides of this choice: the residuals alone would not have told you."


@exercise
def how_many(answer):
    if not isinstance(answer, dict) or not {"readings", "differences", "changed"} <= set(answer):
        raise Wrong('a dictionary is asked for: {"readings": 0, "differences": 0, "changed": 0}.')
    given = {key: whole(answer[key], 0, 10**9) for key in ("readings", "differences", "changed")}
    right = {"readings": 600, "differences": 5700, "changed": 19}
    if given["readings"] == 300 or given["differences"] == 2850:
        raise Wrong("P and S are read at every station.")
    if given["readings"] != right["readings"]:
        raise Wrong("one reading for every event, station and phase: how many is that?")
    if given["differences"] == 20 * 20 * 30 or given["differences"] == 20 * 19 * 30:
        raise Wrong("a pair and its reverse are one difference, and an event has none with itself.")
    if given["differences"] != right["differences"]:
        raise Wrong("how many pairs do twenty events make, and how many differences has each pair?")
    if given["changed"] != right["changed"]:
        raise Wrong("one pick belongs to one event, one station and one phase. In how many differences does it stand?")
    return "Drawing 5700 differences as if they were 5700 readings makes errors about as small as three times the data would."


@exercise
def publishable(answer):
    if not isinstance(answer, dict) or "claims" not in answer:
        raise Wrong('a dictionary is asked for: {"claims": ["a"], "reason": "..."}.')
    chosen = choices(answer["claims"], CLAIMS.index)
    for claim in sorted(chosen - _SUPPORTED):
        raise Wrong(f"claim {claim}: {_HINTS[claim]}")
    for claim in sorted(_SUPPORTED - chosen):
        raise Wrong(f"claim {claim} is left out; {_HINTS[claim]}")
    if "reason" not in answer:
        raise Unanswered
    words(answer["reason"], 15)
    return "A sentence on what is *not* known belongs into the caption of every relocated map."
