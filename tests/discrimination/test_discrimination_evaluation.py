"""Held-out scores, decisions per event, agreement of labellers, the network, and its files."""

import numpy as np
import pandas as pd
import pytest

from course_utils.discrimination import DiscriminationError
from course_utils.discrimination.agreement import dawid_skene, fleiss_kappa, majority
from course_utils.discrimination.cnn import SpectrogramCNN
from course_utils.discrimination.decision import (
    abstention,
    by_event,
    combine,
    reliability,
    temperature,
    tempered,
)
from course_utils.discrimination.evaluation import cross_validate, feature_groups, group_importance
from course_utils.discrimination.feature_table import describe
from course_utils.discrimination.models import MODELS, Chosen, model


def traces(n_events=40, per_event=5, seed=0, signal=0.0, fingerprint=3.0):
    """Features with a little of the class and a strong fingerprint of the event."""
    rng = np.random.default_rng(seed)
    event = np.repeat(np.arange(n_events), per_event)
    label = np.where(event % 2, "explosion", "earthquake")
    own = rng.normal(size=(n_events, 6))[event] * fingerprint
    x = own + 0.1 * rng.normal(size=own.shape)
    x[:, 0] += signal * (event % 2)
    return pd.DataFrame(x, columns=list("abcdef")), label, event


def forest():
    return model("forest")


def test_a_split_by_trace_leaks_and_one_by_event_does_not():
    x, label, event = traces()
    leaking = cross_validate(x, label, np.arange(len(x)), forest, repeats=1).score()
    honest = cross_validate(x, label, event, forest, repeats=1).score()
    assert leaking.loc["accuracy", "value"] > 0.95
    assert 0.2 < honest.loc["accuracy", "value"] < 0.75


def test_stations_are_held_out_too():
    event = np.arange(48)
    station = event % 24  # two events at each, of one class: an archive
    label = np.where(station % 2, "explosion", "earthquake")
    x = pd.DataFrame(10 * np.random.default_rng(1).normal(size=(24, 5))[station], columns=list("abcde"))
    open_door = cross_validate(x, label, event, forest, repeats=1, folds=8)
    shut = cross_validate(x, label, event, forest, repeats=1, folds=8, stations=station)
    assert open_door.score().loc["accuracy", "value"] > 0.8 > 0.7 > shut.score().loc["accuracy", "value"]
    with pytest.raises(DiscriminationError, match="stations under test"):
        cross_validate(x, label, event, forest, repeats=1, stations=np.zeros(len(x)))


def test_nested_choice_is_made_without_the_test_events():
    x, label, event = traces(signal=0.0, fingerprint=1.0)
    noise = pd.DataFrame(np.random.default_rng(2).normal(size=(40, 24)))
    noise.columns = [f"n{k}" for k in range(24)]
    truth = np.where(np.arange(40) % 2, "explosion", "earthquake")
    many = {f"n{k}": model("logistic", columns=[f"n{k}"]) for k in range(24)}
    best = max(
        cross_validate(noise, truth, np.arange(40), lambda one=one: one, repeats=1).score().loc["accuracy", "value"]
        for one in many.values()
    )
    nested = cross_validate(noise, truth, np.arange(40), lambda: Chosen(many), repeats=2)
    assert best > 0.62  # the best of two dozen useless features looks useful
    assert nested.score().loc["accuracy", "value"] < best
    assert nested.chosen.sum() == 10
    x["a"] += 5 * (event % 2)
    kinds = {"a": model("logistic", columns=["a"]), "b": model("logistic", columns=["b"])}
    assert Chosen(kinds).fit(x, label, groups=event).chosen_ == "a"


def test_scores_confusion_and_interval():
    x, label, event = traces(signal=12.0, fingerprint=1.0)
    held = cross_validate(x, label, event, lambda: model("logistic"), repeats=3)
    score = held.score()
    assert ((score["low"] <= score["value"]) & (score["value"] <= score["high"])).all()
    assert score.loc["accuracy", "value"] > 0.9 and held.confusion().to_numpy().sum() == pytest.approx(len(x))
    events = held.per_event()
    assert len(events.labels) == 40 and events.confusion().to_numpy().sum() == pytest.approx(40)
    baseline = cross_validate(x, np.where(event < 30, "earthquake", "explosion"), event, lambda: model("majority"))
    assert baseline.score()["value"].tolist() == pytest.approx([0.75, 0.5])


def test_every_model_learns_and_bad_input_is_named():
    x, label, event = traces(signal=12.0, fingerprint=1.0)
    for name in MODELS[1:]:
        assert (model(name).fit(x, label).predict(x) == label).mean() > 0.9
    with pytest.raises(DiscriminationError, match="no model"):
        model("oracle")
    with pytest.raises(DiscriminationError, match="two labels"):
        cross_validate(x, np.where(np.arange(len(x)) % 2, "a", "b"), event, forest)
    with pytest.raises(DiscriminationError, match="fewer folds"):
        cross_validate(x, np.where(event == 0, "a", "b"), event, forest)
    with pytest.raises(DiscriminationError, match="one per row"):
        cross_validate(x, label[:-1], event, forest)


def test_importance_of_groups():
    assert sorted(c for group in feature_groups().values() for c in group) == sorted(describe()["feature"])
    x, label, _ = traces(signal=12.0, fingerprint=1.0)
    x = x.assign(twin=x["a"])  # either alone is not missed
    fitted = model("forest").fit(x, label)
    told = group_importance(fitted, x, label, {"a and its twin": ["a", "twin"], "b": ["b"], "a alone": ["a"]})
    assert told.index[0] == "a and its twin" and told["loss"].iloc[0] > 0.3 > 0.05 > told.loc["b", "loss"]
    assert told.loc["a alone", "loss"] < told["loss"].iloc[0]
    with pytest.raises(DiscriminationError, match="no feature"):
        group_importance(fitted, x, label)


def test_by_event_takes_visible_traces():
    table = pd.DataFrame({"f": [1.0, 3.0, 100.0, 7.0, 9.0]})
    rows = by_event(table, ["a", "a", "a", "b", "b"], [10, 12, 1, 2, 3])
    assert rows["f"].to_dict() == {"a": 2.0, "b": 9.0}


def test_joining_stations():
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]])
    joint = combine(p, ["a", "a", "b"])
    assert joint.loc["a"].tolist() == pytest.approx([0.9, 0.1]) and joint.sum(axis=1).tolist() == pytest.approx([1, 1])
    assert combine(p, ["a"] * 3, [0, 0, 5]).iloc[0, 1] == pytest.approx(0.8, abs=0.01)


def test_calibration_and_abstention():
    rng = np.random.default_rng(3)
    true = rng.uniform(0.5, 1.0, 4000)
    label = np.where(rng.uniform(size=4000) < true, "yes", "no")
    honest = np.stack([1 - true, true], 1)
    sure = tempered(honest, 0.4)
    at = temperature(sure, label, ["no", "yes"])
    assert at == pytest.approx(2.5, rel=0.15)
    ece = [reliability(p, label, ["no", "yes"]).attrs["ece"] for p in (honest, sure, tempered(sure, at))]
    assert ece[0] < 0.03 and ece[2] < 0.03 < 0.05 < ece[1]
    table = abstention(honest, label, ["no", "yes"])
    assert table["answered"].is_monotonic_decreasing and table["accuracy"].iloc[0] < table["accuracy"].iloc[-400]
    with pytest.raises(DiscriminationError, match="none of"):
        temperature(honest, np.full(4000, "perhaps"), ["no", "yes"])


def test_agreement_of_labellers():
    fleiss_1971 = pd.DataFrame([list("aab"), list("bbb"), list("abc"), list("ccc")], columns=list("xyz"))
    # by hand: agreement (1/3 + 1 + 0 + 1) / 4 = 7/12, chance (3/12)^2 + (5/12)^2 + (4/12)^2 = 50/144
    assert fleiss_kappa(fleiss_1971) == pytest.approx((7 / 12 - 50 / 144) / (1 - 50 / 144))
    votes = majority(pd.DataFrame([["a", "a", "b"], ["a", "b", None]]))
    assert votes["label"].tolist() == ["a", "a"] and votes["tied"].tolist() == [False, True]
    with pytest.raises(DiscriminationError, match="no label"):
        majority(pd.DataFrame([[None, None]]))


def test_dawid_skene_beats_the_majority_when_the_careless_are_many():
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 3, 300)
    reliability_of = [0.95, 0.92, 0.4, 0.4, 0.4, 0.4, 0.4]
    names = np.array(["nothing", "earthquake", "tremor"])
    answers = {}
    for j, good in enumerate(reliability_of):
        wrong = (truth + rng.integers(1, 3, 300)) % 3
        answers[f"v{j}"] = names[np.where(rng.uniform(size=300) < good, truth, wrong)]
    labels = pd.DataFrame(answers).mask(rng.uniform(size=(300, 7)) < 0.1)
    labels = labels[labels.notna().any(axis=1)]
    consensus, people = dawid_skene(labels)
    right = names[truth][labels.index]
    by_vote = (majority(labels)["label"].to_numpy() == right).mean()
    by_model = (consensus.idxmax(axis=1).to_numpy() == right).mean()
    assert by_model > by_vote + 0.03 and by_model > 0.88
    assert np.diag(people["v0"]).mean() > 0.85 > 0.6 > np.diag(people["v3"]).mean()
    assert consensus.sum(axis=1).to_numpy() == pytest.approx(np.ones(len(labels)))


@pytest.fixture(scope="module")
def tones():
    rng = np.random.default_rng(5)
    t = np.arange(1800) / 40
    hz = np.where(np.arange(96) % 2, 10.0, 3.0)
    at = rng.uniform(5, 25, 96)[:, None]
    x = np.exp(-(((t - at) / 3) ** 2)) * np.sin(2 * np.pi * hz[:, None] * t + rng.uniform(0, 6, (96, 1)))
    return (x + 0.05 * rng.normal(size=x.shape)).astype(np.float32), np.where(hz > 5, "high", "low")


def test_the_network_learns_and_says_where_it_looks(tones, tmp_path):
    x, y = tones
    net = SpectrogramCNN(epochs=8, seed=1).fit(x[:64], y[:64])
    assert (net.predict(x[64:]) == y[64:]).mean() > 0.9 and net.losses_[-1] < net.losses_[0]
    assert sum(p.numel() for p in net.net_.parameters()) < 100_000
    np.testing.assert_allclose(net.predict_proba(1e3 * x[64:]), net.predict_proba(x[64:]), atol=1e-3)
    saliency, picture, f, times = net.saliency(x[64:], "high")
    assert saliency.shape == picture.shape == (32, len(f), len(times)) and f.min() >= 1 and f.max() <= 15
    assert np.abs(saliency).max() > 0
    net.save(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(
        SpectrogramCNN.load(tmp_path / "net.safetensors").predict_proba(x), net.predict_proba(x)
    )
    tuned = SpectrogramCNN(epochs=1, learning_rate=1e-4, seed=2, start=net).fit(x[:64], y[:64])
    fresh = SpectrogramCNN(epochs=1, learning_rate=1e-4, seed=2).fit(x[:64], y[:64])
    assert tuned.losses_[0] < fresh.losses_[0] - 0.05  # the convolutions know the tones already
    tuned.save(tmp_path / "tuned.safetensors")
    assert SpectrogramCNN.load(tmp_path / "tuned.safetensors").start is None
    again = SpectrogramCNN(epochs=8, seed=1).fit(x[:64], y[:64])
    np.testing.assert_allclose(again.predict_proba(x), net.predict_proba(x), atol=1e-5)


def test_the_network_refuses_what_it_cannot_use(tones, tmp_path):
    from safetensors.torch import save_file
    from torch import zeros

    x, y = tones
    with pytest.raises(DiscriminationError, match="shape"):
        SpectrogramCNN().fit(x[:, None], y)
    with pytest.raises(DiscriminationError, match="two classes"):
        SpectrogramCNN().fit(x, np.full(len(x), "one"))
    save_file({"a": zeros(1)}, str(tmp_path / "other.safetensors"))
    with pytest.raises(DiscriminationError, match="no classifier"):
        SpectrogramCNN.load(tmp_path / "other.safetensors")
