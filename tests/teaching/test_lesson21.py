"""Checks of lesson 21: right answers in any form pass, wrong ones get a message that helps."""

import math

import numpy as np
import pandas as pd
import pytest

from course_utils.teaching.checks import lesson21

REASON = "The ranges overlap, and one event more or less would turn the order around."


@pytest.mark.parametrize("right", [2**23, 8388608.0, "8388608", np.int64(2**23)])
def test_ways(right):
    assert lesson21.ways(right)


def test_ways_names_the_mistake():
    wrong = {"twice": 2**24, "one phase": 2**12, "multiply": 48, "one station": 1000}
    for said, answer in wrong.items():
        assert said in lesson21.ways(answer).message


def _e_step(residual, sigma, share, span):
    joint = [
        w * math.exp(-(r**2) / (2 * s**2)) / (s * math.sqrt(2 * math.pi))
        for r, s, w in zip(residual, sigma, share, strict=False)
    ] + [share[-1] / span]
    return [j / sum(joint) for j in joint]


def test_one_e_step():
    assert lesson21.one_e_step(_e_step)
    assert lesson21.one_e_step(lambda *given: np.array(_e_step(*given)))
    assert lesson21.one_e_step(lambda *given: ...).state == "unanswered"
    wrong = {
        "add up to 1": lambda *given: [2 * x for x in _e_step(*given)],
        "low one": lambda r, s, w, span: lesson21._responsibilities(r, s, w, span, width=False),
        "larger share": lambda r, s, w, span: _e_step(r, s, np.ones(len(w)), span),
        "the noise gets": lambda r, s, w, span: _e_step(r, s, w, 1e-6),
        "shape": lambda r, s, w, span: _e_step(r, s, w, span)[:-1],
    }
    for said, function in wrong.items():
        assert said in lesson21.one_e_step(function).message, said
    # a pick far from every source: 0 / 0 without the noise
    far = lesson21.one_e_step(
        lambda r, s, w, span: np.append(_e_step(r, s, w, span)[:-1], 0) / (1 - _e_step(r, s, w, span)[-1] or np.nan)
    )
    assert far.state == "wrong"


def test_three_seconds():
    def kept(choice, seed):
        return [0.9, 0.85] if choice == {"K": 4, "sigma_s": 2.0} else [0.6, 0.9] if choice["K"] == 3 else [0.0, 0.0]

    assert lesson21.three_seconds({"K": 4.0, "sigma_s": "2 s"}, kept)
    assert "60%" in lesson21.three_seconds({"K": 3, "sigma_s": 6}, kept).message
    assert "same source" in lesson21.three_seconds({"K": 2, "sigma_s": 6}, kept).message
    assert "one event" in lesson21.three_seconds({"K": 1, "sigma_s": 6}, kept).message
    assert "dictionary" in lesson21.three_seconds(4, kept).message
    assert lesson21.three_seconds({"K": ..., "sigma_s": 1}, kept).state == "unanswered"


def test_splits():
    def pieces(change):
        return 2 if change.get("narrowest_s", 1) <= 0.1 else 1

    right = {"parameter": "narrowest_s", "value": "0.1", "reason": REASON}
    assert lesson21.splits(right, pieces)
    assert "right beside" in lesson21.splits({**right, "value": 0.3}, pieces).message
    assert "right beside" in lesson21.splits({**right, "parameter": "rounds", "value": 100}, pieces).message
    assert "none of" in lesson21.splits({**right, "parameter": "K"}, pieces).message
    assert lesson21.splits({"parameter": "narrowest_s", "value": 0.1}, pieces).state == "unanswered"


def test_lucky_pairs():
    right = 2000 * (1 - math.exp(-20000 / 604800 * 4))
    for answer in (right, round(right), str(round(right, 1)), np.array([right])):
        assert lesson21.lucky_pairs(answer)
    wrong = {
        "either": 2000 * (1 - math.exp(-20000 / 604800 * 2)),
        "hold two": 2000 * 20000 / 604800 * 4,
        "on average": 1000,
    }
    for said, answer in wrong.items():
        assert said in lesson21.lucky_pairs(answer).message


def test_claims():
    f1 = {"PyOcto": (0.95, 0.8), "GaMMA": (0.94, 0.82), "pauses of 1 s": (0.4, 0.2)}
    rising = pd.DataFrame(
        [(m, n, s, f) for m, pair in f1.items() for n, f in zip((0, 1.5), pair, strict=True) for s in (1, 2)],
        columns=["method", "noise", "seed", "F1"],
    ).assign(precision=lambda table: table["F1"])
    assert lesson21.claims({"claims": "a, c", "reason": REASON}, rising)
    assert "how many events" in lesson21.claims({"claims": ["a", "b"], "reason": REASON}, rising).message
    assert "amplitudes" in lesson21.claims({"claims": ["a", "d"], "reason": REASON}, rising).message
    assert "left it out" in lesson21.claims({"claims": ["c"], "reason": REASON}, rising).message
    flat = rising.assign(precision=rising["precision"].where(rising["noise"] == 0, 0.99))
    assert "does not hold" in lesson21.claims({"claims": ["a", "c"], "reason": REASON}, flat).message
    assert lesson21.claims({"claims": ["a", "c"]}, rising).state == "unanswered"
