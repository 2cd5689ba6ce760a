"""Checks of lesson 15: right answers in any form pass, wrong ones get a message that helps."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from course_utils.teaching import checks
from course_utils.teaching.checks import lesson15

REASON = "All splits come from one collection, so they say nothing of other regions or experiments."


def network(value):
    """Something with weights that can annotate."""
    return SimpleNamespace(state_dict=lambda: {"w": np.array([value])}, annotate=None, value=value)


@pytest.fixture(autouse=True)
def arrays_for_tensors(monkeypatch):
    monkeypatch.setattr(lesson15, "_same", lambda one, other: one.value == other.value)


def run(sea, home):
    rows = [(place, phase, f1) for place, f1 in (("sea", sea), ("home", home)) for phase in "PS"]
    return pd.DataFrame(rows, columns=["place", "phase", "value"])


def test_control():
    start, tuned = network(1), network(2)
    f1 = {1: 0.6, 2: 0.75, 3: 0.61, 4: 0.78}

    def score(model):
        return run(f1[model.value], 0.9)

    right = {"predicted": "0.7", "model": SimpleNamespace(model=network(3))}
    assert "records of the sea did it" in lesson15.control(right, start, tuned, score).message
    assert lesson15.control(right, start, tuned, score)
    assert "most of the gain" in lesson15.control({**right, "model": network(4)}, start, tuned, score).message
    assert "not trained" in lesson15.control({**right, "model": start}, start, tuned, score).message
    assert "control" in lesson15.control({**right, "model": tuned}, start, tuned, score).message
    assert "not possible" in lesson15.control({**right, "predicted": 70}, start, tuned, score).message
    assert "a trained model" in lesson15.control({**right, "model": 0.7}, start, tuned, score).message
    assert lesson15.control({"predicted": 0.7, "model": ...}, start, tuned, score).state == "unanswered"


def test_models_are_compared_by_all_their_weights(monkeypatch):
    import torch

    monkeypatch.undo()
    one, other = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    assert lesson15._same(one, one) and not lesson15._same(one, other)
    assert not lesson15._same(one, torch.nn.Conv1d(3, 2, 1, bias=False))


def test_learn_and_keep():
    runs = {"as it is": run(0.6, 0.98), "all layers": run(0.8, 0.88)}

    def judged(sea, home):
        return lesson15.learn_and_keep(network(5), runs, lambda model: run(sea, home))

    assert judged(0.72, 0.94) and judged(0.9, 1.0)
    assert "too little of the sea" in judged(0.65, 0.98).message
    assert "not seen" in judged(0.8, 0.9).message
    kept = {**runs, "all layers": run(0.8, 0.97)}
    assert lesson15.learn_and_keep(network(5), kept, lambda model: run(0.75, 0.965))
    assert lesson15.learn_and_keep("model", runs, None).state == "wrong"


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(3)
    return pd.DataFrame({"p_sample": rng.uniform(500, 3500, 32), "p_visible": rng.random(32) < 0.9})


def test_late_analyst(table):
    labels = lesson15.three_analysts(table)
    assert list(labels) == ["A", "B", "C"] and len(labels) == 32
    assert labels.equals(lesson15.three_analysts(table))
    late = (labels.sub(table["p_sample"], axis=0) / 100).median()
    assert late.max() > 0.25 and late.drop(late.idxmax()).abs().max() < 0.05
    name, seconds = late.idxmax(), late.max()
    assert lesson15.late_analyst({"analyst": name, "seconds": seconds}, table)
    assert lesson15.late_analyst({"analyst": f"({name.lower()})", "seconds": f"{seconds + 0.05:.2f} s"}, table)
    other = late.idxmin()
    assert "does not stand out" in lesson15.late_analyst({"analyst": other, "seconds": seconds}, table).message
    assert "positive" in lesson15.late_analyst({"analyst": name, "seconds": -seconds}, table).message
    assert "hundredths" in lesson15.late_analyst({"analyst": name, "seconds": 100 * seconds}, table).message
    assert "not close" in lesson15.late_analyst({"analyst": name, "seconds": seconds + 0.3}, table).message
    assert "dictionary" in lesson15.late_analyst(name, table).message


@pytest.fixture(scope="module")
def curves():
    f1 = {"California": {0: 0.9, 4: 0.91, 16: 0.935, 64: 0.95}, "ocean bottom": {0: 0.6, 4: 0.8, 16: 0.9}}
    rows = [
        (place, "phasenet:synthetic", way if n else "as it is", n, repeat, phase, score + 0.01 * repeat, kept)
        for place, scores in f1.items()
        for n, score in scores.items()
        for way, kept in (("all", 0.8), ("encoder frozen", 0.9))
        for repeat in range(3)
        for phase in "PS"
        if n or way == "all"
    ]
    columns = ["place", "start", "way", "records", "repeat", "phase", "f1", "home_f1"]
    other = pd.DataFrame([("California", "STA/LTA", "as it is", 0, 0, "P", 0.1, np.nan)], columns=columns)
    return pd.concat([pd.DataFrame(rows, columns=columns), other], ignore_index=True)


def test_stop_labelling(curves):
    right = {"California": np.int64(16), "ocean bottom": "16"}
    assert lesson15.stop_labelling(right, curves)
    assert "no number for 'ocean bottom'" in lesson15.stop_labelling({"California": 16}, curves).message
    assert "none of the numbers" in lesson15.stop_labelling({**right, "California": 5}, curves).message
    assert "below" in lesson15.stop_labelling({**right, "ocean bottom": 4}, curves).message
    assert "fewer" in lesson15.stop_labelling({**right, "California": 64}, curves).message


def test_claims(curves):
    assert lesson15.claims({"claims": "b and d", "reason": REASON}, curves)
    assert "any experiment" in lesson15.claims({"claims": ["a", "b", "d"], "reason": REASON}, curves).message
    assert "regions" in lesson15.claims({"claims": ["b", "c", "d"], "reason": REASON}, curves).message
    assert "rule" in lesson15.claims({"claims": ["b", "d", "e"], "reason": REASON}, curves).message
    assert "left it out" in lesson15.claims({"claims": ["b"], "reason": REASON}, curves).message
    assert "few" in lesson15.claims({"claims": ["b", "d"], "reason": "so"}, curves).message
    assert lesson15.claims({"claims": ["b", "d"]}, curves).state == "unanswered"
    worse = curves.assign(f1=curves["f1"].where(curves["records"] < 16, 0.5), home_f1=1 - curves["home_f1"])
    assert "b does not hold" in lesson15.claims({"claims": ["b", "d"], "reason": REASON}, worse).message
    assert lesson15.claims({"claims": [], "reason": REASON}, worse)


def test_claims_and_stop_labelling_fit_the_stored_curves():
    from course_utils.teaching.stored import stored

    stored_curves = stored("lesson15_curves")
    assert {"California", "ocean bottom"} == set(stored_curves["place"])
    sizes = stored_curves.query("start == 'phasenet:synthetic' and way == 'all'").groupby("place")["records"]
    assert sizes.max().to_dict() == {"California": 64, "ocean bottom": 16}
    assert (stored_curves.groupby("place")["tested"].min() >= 15).all()
    none = lesson15.claims({"claims": [], "reason": REASON}, stored_curves)
    assert none.state in ("wrong", "passed")


def test_every_check_knows_an_untouched_stub():
    for name in ("control", "learn_and_keep", "late_analyst", "stop_labelling", "claims"):
        assert getattr(checks.lesson15, name)(..., None).state == "unanswered"
