"""The checks of lesson 16: right answers in other forms pass, wrong ones get a message that helps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from course_utils.teaching.checks import lesson16

BEGIN = pd.Timestamp("2023-05-16T05:30:00Z")


def _count(n, step=1501, blind=250, last=True):
    count, starts = np.zeros(n, int), list(range(0, n - 3001 + 1, step))
    if last and starts[-1] != n - 3001:
        starts.append(n - 3001)
    for start in starts:
        count[start + blind : start + 3001 - blind] += 1
    return count


@pytest.mark.parametrize("form", [lambda x: x, lambda x: x.tolist(), lambda x: x.astype(float), pd.Series])
def test_speakers_takes_every_form(form):
    assert lesson16.speakers(lambda n: form(_count(n)))


def test_speakers_names_the_mistake():
    wrong = {
        "blinded ends": lambda n: _count(n, blind=0),
        "last window is missing": lambda n: _count(n, last=False),
        "1500 is the overlap": lambda n: _count(n, step=1500),
        "first difference": lambda n: _count(n) + (np.arange(n) == 700),
        "shape": lambda n: _count(n)[:-1],
    }
    for said, function in wrong.items():
        result = lesson16.speakers(function)
        assert result.state == "wrong" and said in result.message, (said, result)
    assert lesson16.speakers(lambda n: ...).state == "unanswered"


def test_choose_batch_wants_the_flat_top_and_a_reason():
    speed = {1: 0.4, 16: 0.9, 32: 1.0, 64: 0.95, 128: 0.9, 238: 0.5}
    batches = pd.DataFrame({"windows per s": speed})
    reason = "four processes share the cache, and a larger batch gains nothing in my table"
    for batch in (16, 32, "64", 32.0):
        assert lesson16.choose_batch({"batch": batch, "reason": reason}, batches)
    wrong = {
        "give away": {"batch": 238, "reason": reason},
        "smaller batch": {"batch": 128, "reason": reason},
        "not in your table": {"batch": 33, "reason": reason},
        "words": {"batch": 32, "reason": "fast"},
        "dictionary": 32,
    }
    for said, answer in wrong.items():
        result = lesson16.choose_batch(answer, batches)
        assert result.state == "wrong" and said in result.message, (said, result)


def test_taken_by_the_edge():
    seconds = np.array([100.0, 239.0, 300.0, 481.5, 900.0])
    whole = pd.DataFrame({"station": "SY.A.00", "phase": "P", "time": BEGIN + pd.to_timedelta(seconds, unit="s")})
    pieces = whole.iloc[[0]]

    def judge(late_s, form=lambda t: t):
        time = form(BEGIN + pd.Timedelta(late_s, "s"))
        return lesson16.taken_by_the_edge(time, whole, pieces, BEGIN, BEGIN + pd.Timedelta(239.0, "s"))

    assert judge(481.5) and judge(481.5, str) and judge(481.5, lambda t: t.to_pydatetime())
    from obspy import UTCDateTime

    assert judge(481.5, UTCDateTime)
    for said, late_s in {"have that pick": 100, "figure": 239, "farther than": 300, "no pick within": 500}.items():
        result = judge(late_s)
        assert result.state == "wrong" and said in result.message, (said, result)
    assert judge(0, lambda t: "noon-ish").state == "wrong"


def test_five_thousand_gaps_measures_again(monkeypatch):
    seconds = {"broken": 0.3, "whole": 0.2}
    monkeypatch.setattr(lesson16, "_cost", lambda stream, model: seconds[stream])
    assert "close" in lesson16.five_thousand_gaps({"predicted": 2, "measured": 1.4}, "broken", "whole", None).message
    assert "far" in lesson16.five_thousand_gaps({"predicted": 9, "measured": 1.4}, "broken", "whole", None).message
    for answer in ({"predicted": 1, "measured": 9}, {"predicted": -1, "measured": 1}, {"measured": 1}, 1.5):
        assert lesson16.five_thousand_gaps(answer, "broken", "whole", None).state == "wrong"
    assert lesson16.five_thousand_gaps({"predicted": ..., "measured": ...}, "a", "b", None).state == "unanswered"


def test_keeps_the_picks():
    assert lesson16.keeps_the_picks("a, c, e and h") and lesson16.keeps_the_picks({"H", "(c)", "a", "e"})
    for letter in "bdfg":
        result = lesson16.keeps_the_picks(["a", "c", "e", "h", letter])
        assert result.state == "wrong" and result.message.startswith(f"{letter} changes")
    assert "missing" in lesson16.keeps_the_picks(["a"]).message


def test_a_year_knows_its_units():
    hours = 50 * 365 * 24 * 0.2 / 3600
    for answer in (hours, f"{hours} hours", 50 * 8766 * 0.2 / 3600, round(hours)):
        assert lesson16.a_year(answer, 0.2)
    wrong = {"one station": hours / 50, "one day": hours / 365, "minutes": 60 * hours, "seconds": 3600 * hours}
    wrong |= {"factor of 24": hours / 24, "do not follow": 2 * hours}
    for said, answer in wrong.items():
        result = lesson16.a_year(answer, 0.2)
        assert result.state == "wrong" and said in result.message, (said, result)


def test_race_counts_only_equal_picks():
    start = {"speed against default": 0.5}
    picks = pd.DataFrame({"station": [], "phase": [], "time": []})

    def judge(answer=lambda stream, model: picks, **said):
        fast = {"speed against default": 1.5, "speed against batch 64": 1.2}
        result = {"lost": 0, "others": 0, "counts": True, "F1": 0.9, "F1 of SeisBench": 0.9} | fast | said
        return lesson16.race(answer, lambda picker: picker("stream", "model") is not None and result, start)

    assert "3.0 times" in judge().message
    for said, judged in {
        "not there": {"lost": 3, "counts": False},
        "alone": {"others": 9, "counts": False},
        "profile": {"speed against default": 0.51},
        "no column": {"answer": lambda stream, model: picks[["time"]]},
        "TypeError": {"answer": lambda stream: picks},
    }.items():
        result = judge(**judged)
        assert result.state == "wrong" and said in result.message, (said, result)
    assert judge(answer=lambda stream, model: ...).state == "unanswered"
