"""Checks of lesson 25: right answers in any form pass, wrong ones get a message that helps."""

from types import SimpleNamespace

import pandas as pd
import pytest

from course_utils.catalog.tables import Catalog, conform
from course_utils.teaching.checks import lesson25

REASON = "The interval is much wider than the difference, so the order may turn around."


@pytest.fixture(scope="module")
def picks():
    times = pd.to_datetime("2023-05-16T06:00Z") + pd.to_timedelta(range(12), unit="s")
    rows = {"station": ["SY.A.00", "SY.B.00", "SY.C.00", "SY.D.00"] * 3, "phase": ["P"] * 12, "time": times}
    return conform(pd.DataFrame(rows).drop(index=[7]).reset_index(drop=True), "picks")


def _catalog(picks, ids=None, events=1):
    ids = picks["pick_id"] if ids is None else ids
    assignments = conform(
        pd.DataFrame({"event_id": events, "pick_id": ids, "station": "SY.A.00", "phase": "P"}), "assignments"
    )
    return Catalog(assignments=assignments, picks=picks)


def test_entry(picks):
    entries = {("starter", part): {"points": 80.0} for part in ("practice", "final")}
    points = {"practice": 84.0, "final": 81.0}

    def score(my_associator, part):
        my_associator(picks.copy(), None, None)
        return {"points": points[part]}

    passed = lesson25.entry(lambda p, s, v: _catalog(p), score, entries)
    assert passed and "gap of -3.0" in passed.message
    points["practice"] = 70.0
    assert "Take back" in lesson25.entry(lambda p, s, v: _catalog(p), score, entries).message
    assert lesson25.entry(lambda p, s, v: ..., score, entries).state == "unanswered"
    wrong = {
        "return a Catalog": lambda p, s, v: p,
        "two events": lambda p, s, v: _catalog(p, [*p["pick_id"], p["pick_id"].iloc[0]], [*[1] * len(p), 2]),
        "not given": lambda p, s, v: _catalog(p.assign(pick_id=p["pick_id"] + 1)),
        "on a copy": lambda p, s, v: (p.insert(0, "mine", 1), _catalog(p))[1],
        "KeyError": lambda p, s, v: p["nothing"],
    }
    for said, function in wrong.items():
        assert said in lesson25.entry(function, score, entries).message, said


def test_whose_fault():
    lost, settings = pd.DataFrame({"n_picks": [3, 7, 9, 20, 2]}), SimpleNamespace(min_picks=7)
    assert lesson25.whose_fault(3, lost, settings) and lesson25.whose_fault("3", lost, settings)
    wrong = {"all lost": 5, "exactly": 2, "column": 4}
    for said, answer in wrong.items():
        assert said in lesson25.whose_fault(answer, lost, settings).message
    few = pd.DataFrame({"n_picks": [1, 2, 3, 9]})
    assert "no associator" in lesson25.whose_fault(3, few, settings).message


def test_fewer_stations(picks):
    assert lesson25.fewer_stations(lambda p, names: p[~p["station"].isin(list(names))], picks)
    assert lesson25.fewer_stations(lambda p, names: p.query("station not in @names"), picks)
    assert "still there" in lesson25.fewer_stations(lambda p, names: p, picks).message
    assert "are down" in lesson25.fewer_stations(lambda p, names: p[p["station"].isin(names)], picks).message
    assert "another number" in lesson25.fewer_stations(lambda p, names: p.iloc[:2], picks).message
    assert lesson25.fewer_stations(lambda p, names: ..., picks).state == "unanswered"


def test_without_luck():
    ridgecrest = pd.DataFrame({"catalog": ["PAL"], "events": [400], "in ComCat": [360], "by luck": [20.0]})
    right = (360 - 20) / (1 - 20 / 400)
    assert lesson25.without_luck(right, ridgecrest) and lesson25.without_luck(round(right), ridgecrest)
    assert "need no luck" in lesson25.without_luck(340, ridgecrest).message
    assert "luck included" in lesson25.without_luck(360, ridgecrest).message
    assert "solve" in lesson25.without_luck(300, ridgecrest).message


def test_winner():
    assert lesson25.winner({"claims": "b, c and d", "reason": REASON})
    wrong = {"How wide": "abcd", "only repeats": "cd", "narrower": "bd", "best of many": "bc"}
    for said, letters in wrong.items():
        assert said in lesson25.winner({"claims": list(letters), "reason": REASON}).message
    assert lesson25.winner({"claims": ["b", "c", "d"]}).state == "unanswered"
