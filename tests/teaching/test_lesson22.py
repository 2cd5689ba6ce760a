"""Checks of lesson 22: right answers in any form pass, wrong ones get a message that helps."""

import numpy as np
import pandas as pd
import pytest

from course_utils.teaching.checks import lesson22


@pytest.fixture
def ladder():
    names = [
        "any visible arrival",
        "enough visible arrivals",
        "enough of them picked",
        "P and S on one station",
        "found",
    ]
    return pd.DataFrame({"events left": [70, 40, 35, 35, 33], "lost here": [0, 30, 5, 0, 2]}, index=names)


REASON = "There are too few stations near these events to see them at all above the noise."


def test_gate(ladder):
    right = {"gate": "Enough visible arrivals", "who": "(network)", "reason": REASON}
    assert lesson22.gate(right, ladder)
    assert "another gate" in lesson22.gate({**right, "gate": "found"}, ladder).message
    assert "Could a change of settings" in lesson22.gate({**right, "who": "settings"}, ladder).message
    assert lesson22.gate({"gate": ..., "who": "network"}, ladder).state == "unanswered"
    assert "words" in lesson22.gate({**right, "reason": "because"}, ladder).message


def test_six_stations():
    def f1(overrides, seed):
        if overrides["min_picks"] > 12:
            raise ValueError("6 stations can never give so many")
        return 0.9 if overrides["min_picks"] in (5, 6, 7) else 0.5

    right = {"min_picks": 6.0, "min_p_picks": "1", "min_s_picks": 1, "min_both": np.int64(1)}
    assert lesson22.six_stations(right, f1)
    assert "0.50" in lesson22.six_stations({**right, "min_picks": 10}, f1).message
    assert "never" in lesson22.six_stations({**right, "min_picks": 13}, f1).message
    assert "nothing else" in lesson22.six_stations({"min_picks": 6}, f1).message
    assert lesson22.six_stations(..., f1).state == "unanswered"


def test_overlap():
    kit = [pd.DataFrame({"travel_s": [3.0, 30.0]}), pd.DataFrame({"travel_s": [4.0, 41.5]})]
    assert lesson22.overlap(41.5, kit) and lesson22.overlap("42 s", kit)
    assert "1 arrivals" in lesson22.overlap(35, kit).message
    assert "more than is needed" in lesson22.overlap(600, kit).message


def test_airquakes():
    stations = pd.DataFrame({"latitude": [42.0, 43.0], "longitude": [13.0, 13.0], "elevation_m": [1500.0, 200.0]})
    day = pd.DataFrame(
        {
            "event_id": [11, -9223372036854775807, 9007199254740993, 44],
            "latitude": [42.0, 42.01, 43.0, 43.0],
            "longitude": [13.0, 13.0, 13.0, 13.01],
            "depth_km": [-1.0, -1.6, -0.3, 8.0],
        }
    )
    assert lesson22.airquakes([-9223372036854775807, 9007199254740993], day, stations)
    assert lesson22.airquakes(day["event_id"].iloc[[1, 2]], day, stations)
    assert "above sea level" in lesson22.airquakes([11, -9223372036854775807, 9007199254740993], day, stations).message
    assert (
        "0 of yours lie in the ground, and 1 in the air"
        in lesson22.airquakes([9007199254740993], day, stations).message
    )
    assert "direction" in lesson22.airquakes([], day, stations).message
    assert "no event_id" in lesson22.airquakes([1.5], day, stations).message
    assert "not the event_id" in lesson22.airquakes([1, 2], day, stations).message


def test_claims():
    kinds = (("PyOcto", 1.0), ("gaps in time", 0.4))
    rows = [(m, r, n, f - r / 1000, r / 30) for m, f in kinds for r in (30, 180) for n in (0, 1)]
    stress = pd.DataFrame(rows, columns=["method", "rate", "noise", "event_f1", "cpu_s"])
    assert lesson22.claims({"claims": "a and c", "reason": REASON}, stress)
    assert "which ones" in lesson22.claims({"claims": ["a", "b"], "reason": REASON}, stress).message
    assert "how many events" in lesson22.claims({"claims": ["a", "d"], "reason": REASON}, stress).message
    assert "left it out" in lesson22.claims({"claims": ["a"], "reason": REASON}, stress).message
    idle = stress.assign(cpu_s=1.0)
    assert "does not hold" in lesson22.claims({"claims": ["a", "c"], "reason": REASON}, idle).message
    assert lesson22.claims({"claims": ["a"], "reason": REASON}, idle)
