"""Checks of lesson 32: right answers in every form pass, wrong ones get a message that helps."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "location"))
from relative_world import cluster

from course_utils import location
from course_utils.teaching.checks import lesson32


def delay(first, second, rate_hz):
    cc = np.correlate(second, first, mode="full")
    at = int(cc.argmax())
    left, top, right = cc[at - 1 : at + 2]
    return (at + 0.5 * (left - right) / (left - 2 * top + right) - (len(first) - 1)) / rate_hz


def test_delay():
    assert lesson32.delay_of(delay)
    assert lesson32.delay_of(lambda a, b, rate: np.array([delay(a, b, rate)]))

    def to_the_sample(a, b, rate):
        return round(delay(a, b, rate) * rate) / rate

    for wrong, said in (
        (lambda a, b, rate: -delay(a, b, rate), "the sign is not"),
        (lambda a, b, rate: delay(a, b, rate) * rate, "samples or seconds"),
        (to_the_sample, "between the samples"),
        (lambda a, b, rate: np.correlate(b, a, mode="full").argmax() / rate, "lag of zero"),
        (lambda a, b, rate: None, "end it with return"),
        (3, "a function is asked for"),
    ):
        assert said in lesson32.delay_of(wrong).message
    assert lesson32.delay_of(lambda a, b, rate: ...).state == "unanswered"


@pytest.fixture(scope="module")
def two_starts():
    catalog = cluster(15, seed=3)[0]
    moved = catalog.replace(events=catalog.events.assign(latitude=catalog.events["latitude"] + 0.018))
    return [location.relocate(c, hold_centroid=False) for c in (catalog, moved)]


def test_mean_and_shape(two_starts):
    from course_utils.earth import LocalFrame

    a, b = (c.events.sort_values("event_id") for c in two_starts)
    frame = LocalFrame(40.4, -124.0)
    a, b = (np.column_stack([*frame.to_xy_km(e["latitude"], e["longitude"]), e["depth_km"]]) for e in (a, b))
    mean = float((b - a)[:, 1].mean())
    shape = float(np.sqrt(((b - a - (b - a).mean(axis=0)) ** 2).sum(axis=1).mean()))
    right = {"mean_km": mean, "shape_km": shape}
    assert lesson32.mean_and_shape(right, *two_starts)
    assert lesson32.mean_and_shape({"mean_km": f"{mean:.2f} km", "shape_km": np.float32(shape)}, *two_starts)
    for wrong, said in (
        ({**right, "mean_km": -mean}, "which result lies farther north"),
        ({**right, "mean_km": mean + 1}, "in the same order"),
        ({**right, "shape_km": shape + 1}, "Remove the mean"),
        (mean, "a dictionary is asked for"),
    ):
        assert said in lesson32.mean_and_shape(wrong, *two_starts).message
    assert lesson32.mean_and_shape({"mean_km": ..., "shape_km": ...}, *two_starts).state == "unanswered"


def test_least_damping(monkeypatch):
    moved = dict(zip(lesson32.DAMPING, (9.0, 5.0, 2.0, 1.0, 0.1), strict=True))
    monkeypatch.setattr(lesson32, "damped", lambda weak, damping: (moved[damping], 0.01))
    for form in (0.1, "0.1", np.float64(0.1)):
        assert lesson32.least_damping(form, None)
    assert "moves 2.0 km" in lesson32.least_damping(0.01, None).message
    assert "with a smaller one" in lesson32.least_damping(1.0, None).message
    assert "not in DAMPING" in lesson32.least_damping(0.05, None).message


def test_a_weak_cluster_runs_away_without_damping():
    catalog, _ = cluster(12, seed=4)
    truth = catalog.events.assign(cluster="aftershock")
    located = location.locate(catalog, merge=False)
    weak = lesson32.weak_cluster(located, truth)
    assert len(weak.events) == 6 and weak.assignments.groupby("event_id").size().max() <= 5
    assert (weak.assignments["phase"] == "P").all()
    free, held = lesson32.damped(weak, 0.0), lesson32.damped(weak, 1.0)
    assert free[0] > held[0] and free[1] <= held[1]


def test_how_many():
    right = {"readings": 600, "differences": 5700, "changed": 19}
    assert lesson32.how_many(right)
    assert lesson32.how_many({k: f"{v}.0" for k, v in right.items()})
    for wrong, said in (
        ({**right, "readings": 300}, "P and S"),
        ({**right, "differences": 11400}, "its reverse"),
        ({**right, "differences": 190}, "how many pairs"),
        ({**right, "changed": 1}, "In how many differences"),
        ([600, 5700, 19], "a dictionary"),
    ):
        assert said in lesson32.how_many(wrong).message


def test_publishable():
    reason = "The mean position is that of the network, and the formal errors treat links as if they were independent readings of each event."
    assert lesson32.publishable({"claims": ["a", "d"], "reason": reason})
    assert lesson32.publishable({"claims": "A and D", "reason": reason})
    for claim, said in (("b", "mean of the sixteen"), ("c", "true errors"), ("e", "which model")):
        assert said in lesson32.publishable({"claims": ["a", "d", claim], "reason": reason}).message
    assert "claim d is left out" in lesson32.publishable({"claims": ["a"], "reason": reason}).message
    assert "too few" in lesson32.publishable({"claims": ["a", "d"], "reason": "because"}).message
    assert lesson32.publishable({"claims": ["a", "d"]}).state == "unanswered"
