"""Checks of lesson 33: right answers in every form pass, wrong ones get a message that helps."""

import numpy as np
import pandas as pd
import pytest

from course_utils.catalog.statistics import b_positive, b_value
from course_utils.teaching.checks import lesson33

REASON = "because the list is complete from here as far as I can see, and the interval covers what other starts would have given to anybody"


@pytest.fixture(scope="module")
def readings():
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(
        {"event_id": np.repeat(np.arange(40), 6), "station": np.tile([f"XX.S{i}." for i in range(6)], 40)}
    )
    reason = np.where(rng.uniform(size=len(rows)) < 0.2, "clipped", "")
    return rows.assign(
        distance_km=rng.uniform(12, 90, len(rows)),
        amplitude=np.where(reason == "", 10 ** rng.normal(0, 1, len(rows)), np.nan),
        amplitude_unit="mm",
        reason=reason,
    )


def test_a_reading_by_hand():
    for form in (2.433, "2.43", np.float64(2.43)):
        assert lesson33.by_hand(form)
    for wrong, said in ((2.40, "hypocentral"), (-0.567, "last number"), (3.9, "base 10")):
        assert said in lesson33.by_hand(wrong).message
    assert lesson33.by_hand(...).state == "unanswered"


def test_the_technicians_visit(readings):
    suspect = lesson33.after_the_visit(readings)
    ratio = (suspect["amplitude"] / readings["amplitude"]).groupby(readings["station"]).median()
    station = (ratio - 1).abs().idxmax()
    assert np.allclose(ratio.drop(station), 1.0)
    for form in ({"station": station, "factor": 0.3}, {"station": station.split(".")[1], "factor": "0.33"}):
        assert lesson33.wrong_gain(form, readings, suspect)
    other = ratio.drop(station).index[0]
    for wrong, said in (
        ({"station": other, "factor": 0.3}, "as they were"),
        ({"station": station, "factor": 3.3}, "upside down"),
        ({"station": station, "factor": 0.1}, "log10"),
        ("S1", "dictionary"),
    ):
        assert said in lesson33.wrong_gain(wrong, readings, suspect).message
    assert lesson33.wrong_gain({"station": ..., "factor": ...}, readings, suspect).state == "unanswered"


def test_b_from_scratch():
    def right(m, smallest, bin_width):
        return b_value(pd.Series(m), smallest, bin_width).b

    def aki(m, smallest, bin_width):
        return np.log10(np.e) / (m[m >= smallest - bin_width / 2].mean() - smallest)

    def utsu(m, smallest, bin_width):
        return np.log10(np.e) / (m[m >= smallest - bin_width / 2].mean() - (smallest - bin_width / 2))

    def everything(m, smallest, bin_width):
        return np.log10(1 + bin_width / (m.mean() - smallest)) / bin_width

    def natural(m, smallest, bin_width):
        return right(m, smallest, bin_width) * np.log(10)

    assert lesson33.b_from_scratch(right)
    for wrong, said in (
        (utsu, "width of the bin"),
        (everything, "below `smallest`"),
        (natural, "base"),
        (aki, "it gives"),
    ):
        assert said in lesson33.b_from_scratch(wrong).message
    assert lesson33.b_from_scratch(lambda *_: ...).state == "unanswered"


def test_how_many_events():
    for form in (724, "724", 800.0):
        assert lesson33.how_many(form)
    for wrong, said in ((181, "*one* standard error"), (400, "both are estimated"), (20, "squares")):
        assert said in lesson33.how_many(wrong).message


def test_any_interval_that_the_list_does_not_contradict_may_be_defended():
    rng = np.random.default_rng(2)
    m = np.round(1.95 + rng.exponential(1 / np.log(10), 6000), 1)
    m = m[rng.uniform(size=len(m)) < np.where(m < 2.5, 0.3, 1.0)]  # a list that lost most of its small events
    from_25, differences = b_value(m, 2.5), b_positive(m)
    answer = {"b": from_25.b, "low": 0.85, "high": 1.15, "completeness": 2.5, "reason": REASON}
    assert lesson33.one_number(answer, m)
    assert lesson33.one_number({**answer, "b": differences.b, "low": 0.5, "high": 1.2, "completeness": None}, m)
    low = b_value(m, 2.0)
    for change, said in (
        ({"completeness": 2.0, "b": low.b, "low": low.b - 0.1, "high": low.b + 0.1}, "outside your interval"),
        ({"b": 1.6, "high": 1.8}, "does not give"),
        ({"b": 0.5}, "inside its own interval"),
        ({"low": from_25.b - 0.001, "high": from_25.b + 0.001}, "narrower"),
        ({"completeness": 7.0}, "no b-value"),
        ({"reason": "so it is"}, "too few"),
    ):
        assert said in lesson33.one_number({**answer, **change}, m).message
    assert lesson33.one_number({**answer, "b": ...}, m).state == "unanswered"
    assert "dictionary" in lesson33.one_number(1.0, m).message
