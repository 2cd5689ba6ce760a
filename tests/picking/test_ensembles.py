"""Several models in one pass, and their consensus."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picking_helpers import make_stream, seeded

from course_utils import picking
from course_utils.catalog import tables
from course_utils.catalog.matching import match_picks

SETS = {"own": None, "P 0.4, S 0.5": {"P": 0.4, "S": 0.5}}


@pytest.fixture(scope="module")
def models(phasenet):
    other = seeded("PhaseNet", seed=3)
    other.course_weights = "three"
    return {
        "a": phasenet,
        "b": other,
        "c": seeded("EQTransformer", seed=1, in_samples=3000, default_args={"overlap": 1500}),
        "d": seeded(
            "PhaseNet", seed=8, sampling_rate=50
        ),  # asks for lower rates: its records are cleaned by themselves
    }


def units():
    """Streams of very different lengths, one with a gap and a dead channel, so that models and batches get out of step."""
    yield make_stream(45, station="XX.A.")
    long = make_stream(250, seed=1, station="XX.B.")
    long[0].data[2000:7000] = 5
    yield long.slice(endtime=long[0].stats.starttime + 120) + long.slice(long[0].stats.starttime + 120.5)
    for number in range(4):
        yield make_stream(31, seed=number, station=f"XX.C{number}.", codes="Z")


def test_one_pass_equals_separate_calls(models):
    opened = []

    def once():
        for stream in units():
            opened.append(stream)
            yield stream

    found = picking.pick_many(once(), models, thresholds=list(SETS.values()), batch_size=7)
    assert len(opened) == 6
    assert list(found) == [(name, limits) for name in "abcd" for limits in SETS]
    assert {(p["model"][0], p["weights"][0]) for p in found.values()} == {
        ("PhaseNet", "a"),
        ("PhaseNet", "three"),
        ("EQTransformer", "c"),
        ("PhaseNet", "d"),
    }
    for (name, limits), ours in found.items():
        alone = picking.pick(units(), models[name], thresholds=SETS[limits], batch_size=7)
        named = {"custom": name}.get(alone["weights"][0], alone["weights"][0])
        assert len(alone) > 3
        pd.testing.assert_frame_equal(
            ours.drop(columns=["pick_id", "weights"]), alone.drop(columns=["pick_id", "weights"])
        )
        report = alone.attrs["report"]
        report["settings"]["weights"] = named
        for facts in (report, ours.attrs["report"]):  # how long it took is not a result
            facts["totals"] = {k: v for k, v in facts["totals"].items() if not k.endswith("_s")}
        assert ours.attrs["report"] == report
    names = {n["kind"] for n in found["a", "own"].attrs["report"]["notes"]}
    assert {"component missing", "gap interpolated", "flat"} <= names


def test_streams_are_let_go(models):
    """With a batch of one window no model is ever more than one stream ahead of another."""
    made, picked = [], []

    def many():
        for number in range(8):
            made.append(number)
            yield make_stream(35, seed=number, station=f"XX.S{number}.")

    picking.pick_many(
        many(), models, batch_size=1, progress=lambda done, name: picked.append((done, len(made))), thresholds=0.5
    )
    assert [done for done, _ in picked] == list(range(9))
    assert all(ahead <= done + 2 for done, ahead in picked)


def test_model_that_fails_names_itself_and_ends_the_pass(models):
    broken = seeded("PhaseNet", seed=5)

    def fail(*_, **__):
        raise RuntimeError("half a tensor")

    broken.forward = fail
    with pytest.raises(picking.PickingError, match=r"PhaseNet failed on XX\.A\..*half a tensor"):
        picking.pick_many(units(), {"good": models["a"], "bad": broken}, engine="torch")


@pytest.mark.parametrize(
    ("given", "limits", "message"),
    [
        ([], None, "models is empty"),
        (["phasenet:synthetic"] * 2, None, "'synthetic' twice"),
        (None, [0.3, 0.3], "thresholds has 0.3 twice"),
        (None, [], "empty list"),
        (None, [0.3, {"Pn": 1}], "thresholds name Pn"),
    ],
)
def test_refusals(models, given, limits, message):
    with pytest.raises(ValueError, match=message):
        picking.pick_many(units(), models if given is None else given, thresholds=limits)
    with pytest.raises(TypeError, match="give a list of models"):
        picking.pick_many(units(), "phasenet:synthetic")


def table(rows, phases="P"):
    """Picks from (seconds, probability, model)."""
    frame = pd.DataFrame(rows, columns=["seconds", "probability", "model"])
    micro = (frame.pop("seconds").astype(float) * 1e6).round().astype("int64")
    frame["time"] = pd.to_datetime(micro + 1_700_000_000_000_000, unit="us", utc=True)
    frame["snr_db"] = np.arange(len(frame), dtype=float)
    return tables.conform(frame.assign(station="XX.A.", channel="HH", phase=phases, weights="w"), "picks")


@st.composite
def pick_tables(draw):
    """Few seconds, few stations: picks that crowd. Whole centiseconds, so that ties and equal distances occur."""
    row = st.tuples(
        st.integers(0, 300), st.sampled_from([0.1, 0.5, 0.9, np.nan]), st.sampled_from("ABC"), st.sampled_from("PS")
    )
    rows = draw(st.lists(row, max_size=25, unique_by=lambda r: (r[0], r[2], r[3])))
    return table([(0.01 * at, p, model) for at, p, model, _ in rows], [phase for *_, phase in rows])


@settings(max_examples=40, deadline=None)
@given(pick_tables(), st.randoms(use_true_random=False), st.sampled_from(["mean", "median", "best"]))
def test_consensus_properties(picks, random, time):
    found = picking.consensus(picks, required=1, tolerance_s=0.3, time=time)
    order = list(range(len(picks)))
    random.shuffle(order)
    pd.testing.assert_frame_equal(picking.consensus(picks.iloc[order], required=1, tolerance_s=0.3, time=time), found)
    assert found["n_models"].sum() <= len(picks)
    assert (found["n_models"] <= picks["model"].nunique()).all()
    assert (found["spread_s"] <= 2 * 0.3 + 1e-9).all()
    assert found["probability"].dropna().between(0, 1).all()
    if len(picks):  # every group lies around its most probable pick, and no model speaks twice in it
        micro = found["time"].astype("int64").to_numpy()[:, None]
        near = np.abs(micro - picks["time"].astype("int64").to_numpy()) <= 300_000
        near &= found["phase"].to_numpy()[:, None] == picks["phase"].to_numpy()
        assert (near.sum(axis=1) >= 1).all()
        models_near = [picks["model"][row].nunique() for row in near]
        if time == "best":
            assert (found["n_models"].to_numpy() <= models_near).all()
    for model, alone in picks.groupby("model"):
        same = picking.consensus(alone, required=1, tolerance_s=0.3, time=time)
        kept = ["station", "channel", "phase", "time", "probability", "snr_db"]
        expected = alone.sort_values(["time", "phase"], ignore_index=True)
        pd.testing.assert_frame_equal(same[kept], expected[kept])
        assert (same["n_models"] == 1).all(), model


def test_consensus_of_three():
    picks = table([(10.0, 0.9, "A"), (10.1, 0.3, "B"), (10.2, 0.6, "C"), (50.0, 0.8, "A"), (80.0, 0.2, "B")])
    (both,) = picking.consensus(picks).to_dict("records")
    assert both["n_models"] == 3
    assert both["spread_s"] == pytest.approx(0.2)
    assert both["probability"] == pytest.approx(0.6)
    start = pd.Timestamp(1_700_000_000, unit="s", tz="UTC")
    assert (both["time"] - start).total_seconds() == pytest.approx(10 + (0.1 * 0.3 + 0.2 * 0.6) / 1.8, abs=1e-6)
    assert both["model"] == "consensus"
    assert both["weights"] == "2 of 3 models within 0.3 s"
    for time, second in (("median", 10.0), ("best", 10.0)):
        assert picking.consensus(picks, time=time)["time"][0] == start + pd.Timedelta(seconds=second)
    everything = picking.consensus({"x": picks[:2], "y": picks[2:]}, required=1)
    assert list(everything["n_models"]) == [3, 1, 1]
    assert list(everything["probability"]) == pytest.approx([0.6, 0.8 / 3, 0.2 / 3])
    assert len(picking.consensus(picks, required=3)) == 1


def test_chain_of_picks_stays_apart_and_a_model_has_one_voice():
    chain = table([(0.2 * k, 0.5 + 0.01 * k, "ABC"[k % 3]) for k in range(12)])
    found = picking.consensus(chain, required=2, tolerance_s=0.3)
    assert len(found) >= 4
    assert (found["spread_s"] <= 0.6).all()
    twice = table([(0.0, 0.9, "A"), (0.1, 0.8, "A"), (0.15, 0.3, "B")])
    found = picking.consensus(twice, required=1, tolerance_s=0.3, time="best")
    assert list(found["n_models"]) == [2, 1]


def test_consensus_refusals():
    picks = table([(10.0, 0.9, "A"), (10.1, 0.3, "B")])
    for arguments, message in (
        ({"required": 3}, "required is 3 of 2 models"),
        ({"of": 1}, "of is 1 but picks holds 2 models"),
        ({"required": 0}, "required is 0"),
        ({"tolerance_s": -1}, "tolerance_s is -1"),
        ({"time": "mode"}, "time is 'mode'"),
    ):
        with pytest.raises(ValueError, match=message):
            picking.consensus(picks, **arguments)
    with pytest.raises(tables.TableError, match="stands twice"):
        picking.consensus([picks, picks])
    quiet = [picks[:1], tables.empty("picks")]  # the second model found nothing
    assert list(picking.consensus(quiet, required=1)["probability"]) == [pytest.approx(0.45)]
    assert len(picking.consensus(quiet)) == 0
    assert len(picking.consensus(picks[:1], required=2, of=2)) == 0
    assert list(picking.consensus([], required=2).columns[-2:]) == ["n_models", "spread_s"]


def test_consensus_of_many_is_quick():
    import time

    random = np.random.default_rng(0)
    true = np.sort(random.uniform(0, 86400, 10000))
    rows = [(t + random.normal(0, 0.05), random.uniform(0.3, 1), m) for m in "ABCD" for t in true]
    picks = table(rows)
    began = time.process_time()
    found = picking.consensus(picks, required=3)
    assert time.process_time() - began < 10
    assert len(found) > 9000


@pytest.mark.real
def test_agreement_makes_iceland_picks_more_precise(published, real):
    """Against QuakeMigrate's picks: what more models see is true more often, and what all see, nearly always."""
    stream = real("qm-volcanotectonic")
    folder = Path(os.environ["COURSE_DATA_MIRROR"], "qm-volcanotectonic/examples/benchmarks/Volcanotectonic_Iceland")
    listed = pd.concat([pd.read_csv(file) for file in folder.glob("*.picks")])
    listed = listed[listed["PickTime"] != "-1"].rename(columns={"Phase": "phase", "PickTime": "time"})
    reference = tables.conform(
        listed.assign(station="Z7." + listed["Station"] + ".")[["station", "phase", "time"]], "picks"
    )
    names = ["phasenet:original", "phasenet:volpick", "phasenet:jma", "eqtransformer:original", "eqtransformer:volpick"]
    found = picking.pick_many(stream, [published(name) for name in names])
    together = picking.consensus(found, required=1)
    match = match_picks(together, reference, 0.5)
    right = together["pick_id"].isin(match.matched["pick_id"]).groupby(together["n_models"]).mean()
    assert (right.diff().dropna() > 0).all()
    assert right[5] > 0.9
    assert match.recall > max(match_picks(picks, reference, 0.5).recall for picks in found.values())
