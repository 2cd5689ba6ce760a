"""Checks of lesson 33, magnitude and the statistics of catalogs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from course_utils.catalog.magnitude import HUTTON_BOORE
from course_utils.catalog.statistics import b_curve, b_positive, b_value
from course_utils.teaching.checks import Unanswered, Wrong, call, exercise, number, one_of, words

_FACTOR = 0.3
_AHEAD = 0.5  # magnitude units above the learner's completeness in which the list must not contradict the interval
_ENOUGH = 100


def after_the_visit(readings: pd.DataFrame) -> pd.DataFrame:
    """The readings, with all amplitudes of one well-recorded station multiplied by a factor: always the same of the same readings."""
    counts = readings.loc[readings["reason"] == "", "station"].value_counts()
    station = sorted(counts.index, key=lambda name: (-counts[name], name))[2]
    return readings.assign(
        amplitude=readings["amplitude"].where(readings["station"] != station, _FACTOR * readings["amplitude"])
    )


@exercise
def by_hand(answer):
    value = number(answer, -3, 9)
    right = float(HUTTON_BOORE.magnitude(0.8, np.hypot(45.0, 12.0)))
    if abs(value - right) < 0.02:
        return f"ML {right:.2f}. One station; the event's magnitude is the median over many."
    if abs(value - float(HUTTON_BOORE.magnitude(0.8, 45.0))) < 0.02:
        raise Wrong("this is close, and the distance is not the hypocentral one: the waves come from 12 km below.")
    if abs(value - (right - 3.0)) < 0.02:
        raise Wrong("the last number of the formula is missing.")
    raise Wrong(
        f"{value:.2f} does not follow from the formula. Is the logarithm to base 10, the amplitude in mm, the distance in km?"
    )


@exercise
def wrong_gain(answer, readings, suspect):
    if not isinstance(answer, dict) or not {"station", "factor"} <= set(answer):
        raise Wrong('write a dictionary: {"station": ..., "factor": ...}.')
    if any(answer[key] is ... for key in ("station", "factor")):
        raise Unanswered
    changed = (suspect["amplitude"] / readings["amplitude"]).dropna()
    changed = changed[~np.isclose(changed, 1.0)]
    station = one_of(answer["station"], readings["station"].unique())
    if station != readings.loc[changed.index[0], "station"]:
        raise Wrong(
            f"the amplitudes of {station} are as they were. Whose term changed most between the two calibrations?"
        )
    factor, right = number(answer["factor"], 0, 1e6), float(changed.iloc[0])
    if abs(np.log10(factor * right)) < 0.08:
        raise Wrong(
            "the station is right; the factor is upside down. A term is added to the magnitude, so what sign has the change if amplitudes shrink?"
        )
    if abs(np.log10(max(factor, 1e-9) / right)) > 0.08:
        raise Wrong(
            f"the station is right; a factor of {factor:.2f} is not. Terms are in log10, and their mean is zero, so that one bad station moves all the others a little."
        )
    return f"{station}, factor {right:g}. No single event shows it: its residuals looked like those of a station on hard rock."


@exercise
def b_from_scratch(answer):
    rng = np.random.default_rng(5)
    for bin_width, close in ((0.1, 0.02), (0.5, 0.005)):
        for b in (0.7, 1.2):
            raw = -bin_width / 2 + rng.exponential(1 / (b * np.log(10)), 4000)
            m = np.round(np.round(raw / bin_width) * bin_width, 6)
            for smallest in (0.0, bin_width):
                found = number(call(answer, m.copy(), smallest, bin_width), -20, 20)
                right = b_value(m, smallest, bin_width).b
                if abs(found - right) < close * right:
                    continue
                if smallest > 0:
                    raise Wrong(
                        "right where all magnitudes count, wrong where some are below `smallest`: what of those?"
                    )
                if bin_width > 0.2:
                    raise Wrong(
                        f"right for bins of 0.1, {found:.2f} instead of {right:.2f} for bins of 0.5: does the width of the bin enter as it should?"
                    )
                raise Wrong(
                    f"for {len(m)} magnitudes with b near {b} it gives {found:.2f}. Check the base of the logarithm and the width of the bin."
                )
    return "It agrees with b_value on all eight lists."


@exercise
def how_many(answer):
    n, right = number(answer, 1, 1e9), 4 * (0.9**2 + 1.0) / 0.01
    if abs(n / right - 1) < 0.15:
        return "More than most regions have. Two b-values that differ by 0.1 are rarely different."
    if abs(n / (right / 4) - 1) < 0.15:
        raise Wrong("with so many events the difference is about *one* standard error of itself.")
    if abs(n / (4 / 0.01) - 1) < 0.15 or abs(n / (4 * 0.81 / 0.01) - 1) < 0.15:
        raise Wrong(
            "this is for one b-value that is compared with a known one. Here both are estimated: how do the errors of two independent numbers add?"
        )
    raise Wrong(
        f"{n:.0f} events do not make it. The squares of the two errors add up; the difference is 0.1; it shall be twice its error."
    )


@exercise
def one_number(answer, magnitudes):
    if not isinstance(answer, dict) or not {"b", "low", "high", "completeness", "reason"} <= set(answer):
        raise Wrong('write a dictionary with the keys "b", "low", "high", "completeness" and "reason".')
    if any(value is ... for value in answer.values()):
        raise Unanswered
    b, low, high = (number(answer[key], 0, 5) for key in ("b", "low", "high"))
    if not low < b < high:
        raise Wrong(f"the value {b:.2f} does not lie inside its own interval, {low:.2f} to {high:.2f}.")
    curve = b_curve(magnitudes)
    if answer["completeness"] is None:
        found = b_positive(magnitudes)
        start = float(curve["completeness"][curve["n"] >= 10 * _ENOUGH].max())
    else:
        start = number(answer["completeness"], -2, 8)
        try:
            found = b_value(magnitudes, start)
        except ValueError as error:
            raise Wrong(f"there is no b-value for this: {error}.") from None
    if abs(b - found.b) > max(found.error, 0.05):
        raise Wrong(f"the list does not give {b:.2f} for what you counted. Compute it again, or say what you counted.")
    if high - low < 2 * found.error:
        raise Wrong("your interval is narrower than the random error of the estimate alone.")
    ahead = curve[curve["completeness"].between(start - 1e-6, start + _AHEAD + 1e-6) & (curve["n"] >= _ENOUGH)]
    outside = ahead[(ahead["b"] + 2 * ahead["error"] < low) | (ahead["b"] - 2 * ahead["error"] > high)]
    if len(outside):
        row = outside.iloc[-1]
        raise Wrong(
            f"whoever counts from {row['completeness']:.1f}, where the list is more complete than at {start:.1f}, gets {row['b']:.2f} ± {row['error']:.2f}, outside your interval. "
            "Choose another start, or an interval that you would bet on."
        )
    words(answer["reason"], 20)
    return f"{b:.2f}, between {low:.2f} and {high:.2f}: the list does not contradict it. Whether the reason holds, discuss with your neighbour."
