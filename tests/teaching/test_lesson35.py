"""Checks of lesson 35, and the analysts' list that comes with it."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linear_sum_assignment

from course_utils.catalog.matching import match_events, match_picks
from course_utils.catalog.tables import conform
from course_utils.teaching.checks import lesson35
from course_utils.teaching.stored import stored

REASON = "because a matching with an incomplete list says nothing at all of the events that are outside it, neither good nor bad"
REAL = np.array([True] * 6 + [False] * 4)


def greedy(mine, theirs, gate):
    pairs, free = [], set(range(len(theirs)))
    for i, time in enumerate(mine):
        near = [j for j in free if abs(theirs[j] - time) <= gate]
        if near:
            free.remove(best := min(near, key=lambda j: abs(theirs[j] - time)))
            pairs.append((i, best))
    return pairs


def optimal(mine, theirs, gate):
    apart = np.abs(np.subtract.outer(mine, theirs))
    rows, columns = linear_sum_assignment(np.where(apart <= gate, apart, 1e6))
    return [(i, j) for i, j in zip(rows, columns, strict=True) if apart[i, j] <= gate]


@pytest.mark.parametrize("answer", [[7, 8, 9, 10], "7, 8, 9 and 10", {7, 8, 9}, np.array([7.0, 8.0, 9.0, 10.0, 1.0])])
def test_judgements_may_have_two_mistakes(answer):
    assert lesson35.judged(answer, REAL)


def test_bad_judgements_are_counted_by_kind():
    assert "6 of 10" in lesson35.judged([], REAL).message and "4 kept" in lesson35.judged([], REAL).message
    assert "3 real events deleted" in lesson35.judged([1, 2, 3, 7, 8, 9, 10], REAL).message
    assert "none of" in lesson35.judged([11], REAL).message
    assert "a list of numbers" in lesson35.judged(None, REAL).message
    assert lesson35.judged(..., REAL).state == "unanswered"


def test_traps():
    both = {"mine": [1.0, 1.9, 11.0, 11.9], "theirs": [0.2, 1.4, 11.5, 12.7]}
    assert lesson35.trap(both, greedy, optimal)
    assert lesson35.trap({"mine": both["mine"][::-1], "theirs": tuple(both["theirs"])}, greedy, optimal)
    for change, said in (
        ({"mine": [1.0, 1.9], "theirs": [0.2, 1.4]}, "backwards, greedy loses nothing"),
        ({"mine": [1.9, 1.0], "theirs": [0.2, 1.4]}, "as it is, greedy loses nothing"),
        ({"mine": [1.0, 9.0]}, "and so does optimal"),
        ({"mine": [1.0, 1.0]}, "the same"),
        ({"mine": list(range(5))}, "one to 4"),
    ):
        assert said in lesson35.trap(both | change, greedy, optimal).message
    assert "dictionary" in lesson35.trap([1, 2], greedy, optimal).message
    assert lesson35.trap({"mine": ..., "theirs": [1]}, greedy, optimal).state == "unanswered"


def test_all_days():
    days = stored("lesson35_days")
    assert lesson35.all_days(lambda d: d["found"].sum() / d["reference"].sum(), days)
    assert lesson35.all_days(lambda d: 1 - d["missed"].sum() / d["reference"].sum(), days)
    for wrong, said in (
        (lambda d: d.query("~no_events")["found"].sum() / d.query("~no_events")["reference"].sum(), "left out"),
        (lambda d: (d["found"] / d["reference"])[~d["no_events"]].mean(), "colleague"),
        (lambda d: (d["found"] / d["reference"]).mean(), "ten events the weight"),
        (lambda d: d["found"].sum() / d["events"].sum(), "precision"),
        (lambda d: 0.5, "How many were to be found"),
    ):
        assert said in lesson35.all_days(wrong, days).message
    assert lesson35.all_days(lambda d: ..., days).state == "unanswered"


def test_beyond_chance():
    gates = pd.DataFrame({"max_km": [10.0], "max_dt_s": [1.5], "matched": [629], "by_chance": [81.0]})
    assert lesson35.beyond_chance((629 - 81) / (1 - 81 / 703), gates)
    assert lesson35.beyond_chance("619", gates)
    for wrong, said in ((548, "need none"), (629, "luck included"), (300, "solve for m"), (1000, "not possible")):
        assert said in lesson35.beyond_chance(wrong, gates).message


def test_press():
    assert lesson35.press({"claims": "a and c", "reason": REASON})
    for letters, said in (
        ("c", "third list"),
        ("abc", "corner"),
        ("a", "ten record sections"),
        ("acd", "confirms the others"),
    ):
        assert said in lesson35.press({"claims": list(letters), "reason": REASON}).message
    assert lesson35.press({"claims": ["a", "c"]}).state == "unanswered"
    assert "too few" in lesson35.press({"claims": ["a", "c"], "reason": "so it is"}).message


def test_the_analysts_list_is_made_of_the_true_events_and_arrivals():
    events, readings = stored("lesson35_events"), conform(stored("lesson35_readings"), "picks")
    truth, arrivals = (conform(stored(f"lesson25_{n}"), k) for n, k in (("events", "events"), ("arrivals", "picks")))
    assert len(match_events(events, truth, 0.5, 4).matched) == len(events)
    assert events["time"].sort_values().diff().dt.total_seconds().min() > 11
    assert set(readings["event_id"]) == set(events["event_id"])
    off = match_picks(readings, arrivals, 2.0).matched
    assert len(off) == len(readings)
    spread = off.merge(readings, left_on="pick_id", right_on="pick_id").groupby("weight")["residual_s"].std()
    assert spread.is_monotonic_decreasing and spread[1.0] < 0.05
