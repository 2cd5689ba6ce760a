"""Checks of lesson 34: right answers in every form pass, wrong ones get a message that helps."""

import numpy as np
import pandas as pd
import pytest

from course_utils.teaching.checks import lesson34

PANELS = {"A": "step", "B": "clipping", "C": "spike"}


def test_three_faults_by_eye():
    assert lesson34.by_eye(PANELS, PANELS)
    assert lesson34.by_eye({"A": "Step", "B": "CLIPPING", "C": "spike"}, PANELS)
    for change, said in (
        ({"A": "dead"}, "hardly moves"),
        ({"B": "spike"}, "stands alone"),
        ({"A": "noise"}, "none of"),
    ):
        assert said in lesson34.by_eye({**PANELS, **change}, PANELS).message
    assert "dictionary" in lesson34.by_eye("step", PANELS).message
    assert lesson34.by_eye({**PANELS, "A": ...}, PANELS).state == "unanswered"


def _off(x):
    off = np.zeros(len(x))
    off[1:-1] = np.abs(x[1:-1] - 0.5 * (x[:-2] + x[2:]))
    return off


def test_spikes_by_metric():
    def right(x):
        off = _off(x)
        usual = pd.Series(off).rolling(101, center=True, min_periods=1).quantile(0.9).to_numpy()
        alone = off > 8 * np.maximum(usual, 1.0)
        return np.flatnonzero(alone & (off >= np.maximum(np.roll(off, 1), np.roll(off, -1))))

    def library(x):
        from course_utils.data.channel_faults import jumps

        return [first for kind, first, _, _ in jumps(x, 100.0) if kind == "spike"]

    assert lesson34.find_spikes(right) and lesson34.find_spikes(library)

    def one_level(x):
        off = _off(x)
        return np.flatnonzero((off > 800) & (off >= np.maximum(np.roll(off, 1), np.roll(off, -1))))

    assert "usual around" in lesson34.find_spikes(one_level).message
    assert "half as much" in lesson34.find_spikes(
        lambda x: np.flatnonzero(_off(x) > 8 * pd.Series(_off(x)).rolling(101, center=True, min_periods=1).quantile(0.9))
    ).message  # fmt: skip
    assert "0 of 5" in lesson34.find_spikes(lambda x: []).message
    assert lesson34.find_spikes(lambda x: ...).state == "unanswered"


def test_what_p_cannot_tell():
    reason = "a teleseism from another side, beside a neighbouring station"
    assert lesson34.reversed_north({"answer": "No", "instead": reason})
    assert "How much of it" in lesson34.reversed_north({"answer": "yes", "instead": reason}).message
    assert not lesson34.reversed_north({"answer": "no", "instead": "S"})
    assert lesson34.reversed_north({"answer": ..., "instead": ...}).state == "unanswered"


def test_whose_fault():
    picks = pd.DataFrame({"phase": ["P"] * 51 + ["S"] * 438})
    assert lesson34.whose_fault({"ratio": 8.6, "fault": "picker"}, picks)
    for wrong, said in (
        ({"ratio": 0.1, "fault": "picker"}, "divide"),
        ({"ratio": "8.6", "fault": "record"}, "S without P"),
    ):
        assert said in lesson34.whose_fault(wrong, picks).message


def test_any_rule_that_helps_passes():
    assert lesson34.one_rule(
        lambda f: (f["shared_picks"] >= 0.4) & (f["neighbour_size"] > 0) | (f["residual_bad_share"] >= 0.2)
    )
    assert lesson34.one_rule(
        lambda f: (
            (f["residual_bad_share"] > 0.3) | (f["coincident_picks"] > 0.4) & (f["neighbour_size"] > 0)
        ).to_numpy()
    )
    for wrong, said in (
        (lambda f: f["n_p"] > 0, "stricter"),
        (lambda f: f["s_before_p"] > 5, "no event back"),
        (lambda f: f["gap_deg"], "True or False"),
        (lambda f: ~(f["n_p"] > 6), "turned around"),
    ):
        assert said in lesson34.one_rule(wrong).message
    assert lesson34.one_rule(lambda f: ...).state == "unanswered"


@pytest.mark.parametrize("check", [lesson34.find_spikes, lesson34.one_rule])
def test_untouched_stubs_are_not_answered(check):
    assert check(lambda *_: ...).state == "unanswered"
