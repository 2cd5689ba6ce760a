"""Checks of lesson 36: right answers in any form pass, wrong ones get a message that helps."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from course_utils.catalog.tables import Catalog, conform
from course_utils.teaching import hackathon
from course_utils.teaching.checks import lesson36

SEED = "5f0c1f3a9be64d27a8e2930417bd6c85"
NOTE = "nine of ten are right, late picks pass most often, wrong clocks are listed apart, and the threshold was chosen on another world entirely."


@pytest.fixture(scope="module")
def contest():
    """Two worlds of 200 events in a row, every other one good; the number of P picks hints at it in the public world alone."""
    n = np.arange(200)
    good = n % 2 == 0
    start = pd.Timestamp("2023-05-16", tz="UTC")
    catalogs, worlds = {}, {}
    for name in ("public", "world1"):
        events = {
            "event_id": n + 1,
            "time": start + pd.to_timedelta(n * 300, unit="s"),
            "latitude": 40.5,
            "longitude": -124.2,
        }
        events |= {"depth_km": 10.0, "n_p": np.where(good, 9, 5), "rms_s": np.where(good, 0.1, 0.3)}
        table = conform(pd.DataFrame(events), "events")
        labels = pd.DataFrame({"event_id": n + 1, "good": good})
        catalogs[name], worlds[name] = Catalog(events=table), hackathon.GradedWorld(name, table, table[good], labels)
    half = {}
    for name, world in worlds.items():
        table = world.given[["event_id", "time", "latitude", "longitude", "depth_km"]].assign(quality_probability=0.5)
        half[name] = hackathon.score(hackathon.validate(table, world.given), world)
    return catalogs, worlds, [hackathon.Entry("starter", half)]


def test_promised():
    promise, revealed = lesson36.after_the_contest(SEED)
    assert promise == hashlib.sha256(SEED.encode()).hexdigest() and len(set(revealed.values())) == 3
    right = next(k for k, v in revealed.items() if v == SEED)
    assert lesson36.promised(f"({right.upper()})", promise, revealed)
    for wrong in set(revealed) - {right}:
        assert "another one" in lesson36.promised(wrong, promise, revealed).message


def test_entry(contest):
    assert lesson36.entry(lambda c: (c.events["n_p"] > 7).to_numpy(float), *contest)
    assert lesson36.entry(lambda c: list(1 - c.events["rms_s"]), *contest)
    wrong = {
        "nothing is told apart": lambda c: np.full(len(c.events), 0.3),
        "between 0 and 1": lambda c: c.events["n_p"],
        "shape": lambda c: [0.5],
        "where the starter has": lambda c: (c.events["n_p"] < 7).astype(float),
        "KeyError": lambda c: c.events["nothing"],
    }
    for said, function in wrong.items():
        assert said in lesson36.entry(function, *contest).message, said
    assert lesson36.entry(lambda c: ..., *contest).state == "unanswered"


def test_misled():
    board = pd.DataFrame({"gap": [3.0, 45.0]}, index=["starter", "forest, not held out"])
    reason = "It was scored on the very events that it had been trained on before."
    assert lesson36.misled({"team": "forest", "reason": reason}, board)
    assert "larger one" in lesson36.misled({"team": "starter", "reason": reason}, board).message
    assert "too few" in lesson36.misled({"team": "forest", "reason": "memory"}, board).message
    assert lesson36.misled({"team": "forest"}, board).state == "unanswered"


def test_telltale():
    table = pd.DataFrame(
        {"published": [True, False, True], "rms_s": [0.1, np.nan, 0.2], "depth_km": [1.0, 2.0, np.nan]}
    )
    assert lesson36.telltale("rms_s", table)
    assert "another column" in lesson36.telltale("depth_km", table).message
    assert "answer itself" in lesson36.telltale("published", table).message


def test_publish():
    labels = pd.DataFrame({"good": [True] * 10 + [False] * 10})
    probability = np.r_[np.linspace(0.5, 0.9, 10), np.linspace(0.1, 0.6, 10)]
    assert lesson36.publish({"threshold": 0.61, "note": NOTE}, probability, labels)
    wrong = {"are good": 0.2, "are left": 0.85, "nothing reaches": 0.99}
    for said, threshold in wrong.items():
        assert said in lesson36.publish({"threshold": threshold, "note": NOTE}, probability, labels).message
    assert lesson36.publish({"threshold": 0.61}, probability, labels).state == "unanswered"
