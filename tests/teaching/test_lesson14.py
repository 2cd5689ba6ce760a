"""The checks of lesson 14: right answers in other forms pass, wrong ones get a message that helps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from course_utils.picking.evaluation import judge, labelled_records, run_picker
from course_utils.teaching.checks import lesson14
from course_utils.teaching.stored import stored

START = pd.Timestamp("2000-01-01", tz="UTC")
REASON = "written in my own words and certainly long enough to be taken for a reason by whoever reads it in the end"


def _picks(phase_seconds):
    rows = [("XX.ONE.", phase, START + pd.Timedelta(s, "s")) for phase, s in phase_seconds]
    return pd.DataFrame(rows, columns=["station", "phase", "time"])


@pytest.fixture(scope="module")
def by_hand():
    return {
        "labels": _picks([("P", 20.0), ("P", 24.9), ("S", 24.0), ("S", 28.0)]),
        "picks": _picks([("P", 19.7), ("P", 20.2), ("P", 24.3), ("P", 25.3), ("S", 24.6), ("S", 28.5)]),
    }


def test_by_hand(by_hand):
    right = {"found": 3, "missed": 1, "false": 3}
    assert lesson14.by_hand(right, by_hand)
    assert lesson14.by_hand({"found": "3", "missed": 1.0, "false": np.int64(3)}, by_hand)
    wrong = {
        "found or missed": right | {"missed": 0},
        "there are 6 picks": right | {"false": 2},
        "other phase": {"found": 4, "missed": 0, "false": 2},
        "whose": {"found": 2, "missed": 2, "false": 4},
        "whole number": right | {"found": 2.5},
        "dictionary": 3,
    }
    for said, answer in wrong.items():
        result = lesson14.by_hand(answer, by_hand)
        assert result.state == "wrong" and said in result.message, (said, result)
    assert lesson14.by_hand(right | {"false": ...}, by_hand).state == "unanswered"


@pytest.fixture(scope="module")
def fixed():
    """Twelve records of 60 s, P at 30 s, S 4 s later: noise and two decaying bursts that STA/LTA cannot miss; four of noise."""
    rng = np.random.default_rng(14)
    waveforms = rng.standard_normal((16, 3, 6000))
    for row in range(12):
        for at, size in ((3000, 40.0), (3400, 90.0)):
            burst = size * np.exp(-np.arange(6000 - at) / 150) * rng.standard_normal((3, 6000 - at))
            waveforms[row, :, at:] += burst
    kind = np.where(np.arange(16) < 12, "earthquake", "noise")
    p, s = (np.where(kind == "noise", np.nan, at) for at in (3000.0, 3400.0))
    table = pd.DataFrame({"sampling_rate_hz": 100.0, "p_sample": p, "s_sample": s, "kind": kind})
    return labelled_records(waveforms, table)


def constant(streams):
    return lesson14._at(streams, [30.0])


def _mean_p(picker, records, score, seeds=(0, 1), shift=None, nothing=0.0):
    values = []
    for seed in seeds:
        cut = records.cut(seed) if shift is None else records.cut(seed, lead_s=(shift, shift))
        values.append(judge(run_picker(cut, picker), cut.labels, cut.table).table().set_index("phase").loc["P", score])
    return float(np.nan_to_num(np.mean(values), nan=nothing))


def test_repaired_takes_what_cannot_be_fooled(fixed):
    def geometric(picker, records):
        return np.sqrt(_mean_p(picker, records, "recall") * _mean_p(picker, records, "precision"))

    assert lesson14.repaired(lambda picker, records: _mean_p(picker, records, "f1"), fixed, constant)
    assert lesson14.repaired(geometric, fixed, constant)
    assert lesson14.repaired(lambda picker, records: ..., fixed, constant).state == "unanswered"


def test_repaired_names_who_still_gets_marks(fixed):
    def draft(picker, records):
        table = judge(run_picker(records, picker), records.labels, records.table).table()
        return float(table.set_index("phase").loc["P", "recall"])

    wrong = {
        "the constant answer": draft,
        "twice a second": lambda picker, records: _mean_p(picker, records, "recall"),
        "another constant answer, 12.0 s,": lambda picker, records: _mean_p(picker, records, "f1", shift=12.0),
        "not told from none": lambda picker, records: 0.1,
        "never picks": lambda picker, records: _mean_p(picker, records, "precision", nothing=1.0),
        "not possible": lambda picker, records: 100 * _mean_p(picker, records, "f1"),
        "true times": lambda picker, records: min(_mean_p(picker, records, "f1"), 0.7),
    }
    for said, function in wrong.items():
        result = lesson14.repaired(function, fixed, constant)
        assert result.state == "wrong" and said in result.message, (said, result)


def test_the_oracle_finds_where_records_were_cut(fixed):
    cut = fixed.cut(5)
    seen = lesson14.Oracle(fixed)
    result = judge(seen(cut.streams()), cut.labels, cut.table).table().set_index("phase").loc["P"]
    assert result["recall"] == result["precision"] == 1 and len(seen.seconds) == 12
    assert result["residual_mad_s"] < 1e-6
    assert np.ptp(seen.seconds) > 5
    strange = lesson14.Oracle(fixed)
    assert not len(strange(s.copy().differentiate() for s in cut.streams())) and strange.seconds == []


def test_two_jobs():
    columns = ["strong P found", "weak P found", "false picks per hour"]
    two = pd.DataFrame([[1.0, 0.95, 14.0], [0.99, 0.85, 0.5]], index=["A", "B"], columns=columns)
    right = {"early warning": "B", "catalog": "a", "reason": REASON}
    assert lesson14.two_jobs(right, two)
    assert lesson14.two_jobs({"early warning": "A", "catalog": "B", "reason": REASON}, two[::-1].set_axis(["A", "B"]))
    for said, change in {
        "alarms": {"early warning": "A"},
        "mostly": {"catalog": "B"},
        "none of": {"catalog": "C"},
        "words": {"reason": "because"},
    }.items():
        result = lesson14.two_jobs(right | change, two)
        assert result.state == "wrong" and said in result.message, (said, result)
    assert lesson14.two_jobs({"early warning": "B", "catalog": "A"}, two).state == "unanswered"
    assert lesson14.two_jobs("B", two).state == "wrong"


@pytest.fixture(scope="module")
def sequence():
    rng = np.random.default_rng(14)
    event = np.repeat(np.arange(30), rng.integers(2, 13, 30))
    return pd.DataFrame({"event": event, "found": rng.random(len(event)) < rng.beta(0.6, 0.25, 30)[event]})


def _by_event(table, level=0.95, draws=1000, seed=5):
    groups = [group["found"].to_numpy() for _, group in table.groupby("event")]
    rng = np.random.default_rng(seed)
    means = [
        np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))]).mean() for _ in range(draws)
    ]
    return tuple(np.quantile(means, [(1 - level) / 2, (1 + level) / 2]))


def _by_label(table):
    found = table["found"].to_numpy(float)
    drawn = np.random.default_rng(1).integers(len(found), size=(1000, len(found)))
    return np.quantile(found[drawn].mean(axis=1), [0.025, 0.975])


@pytest.mark.parametrize("form", [lambda x: x, list, np.array, pd.Series])
def test_interval_takes_every_form(sequence, form):
    assert lesson14.interval(lambda table: form(_by_event(table)), sequence)


def test_interval_names_the_mistake(sequence):
    def percent(table):
        return 100 * np.array(_by_event(table))

    wrong = {
        "piece of evidence": _by_label,
        "exchange them": lambda table: _by_event(table)[::-1],
        "between 0 and 1": percent,
        "too narrow": lambda table: _by_event(table, level=0.5),
        "too wide": lambda table: _by_event(table, level=0.9999),
        "shape": lambda table: 0.7,
        "hold the recall": lambda table: np.array(_by_event(table)) - 0.3,
        "another table": lambda table: _by_event(sequence),
        "raised": lambda table: table["nothing"],
    }
    for said, function in wrong.items():
        result = lesson14.interval(function, sequence)
        assert result.state == "wrong" and said in result.message, (said, result)
    assert lesson14.interval(lambda table: ..., sequence).state == "unanswered"


@pytest.mark.parametrize(
    ("answer", "passes"),
    [
        (3, True),
        (-np.log(0.05), True),
        ("3 h", True),
        (2.996, True),
        (1, False),
        (3.69, False),
        (20, False),
        (0.05, False),
    ],
)
def test_hours_of_noise(answer, passes):
    assert bool(lesson14.hours_of_noise(answer)) == passes


def test_claims():
    real = stored("lesson14_real")
    right = [letter for letter, holds in lesson14.supported(real).items() if holds]
    assert "f" in right
    assert lesson14.claims({"claims": right, "reason": REASON}, real)
    assert lesson14.claims({"claims": " and ".join(f"({letter.upper()})" for letter in right), "reason": REASON}, real)
    for letter in "ace":
        result = lesson14.claims({"claims": [*right, letter], "reason": REASON}, real)
        assert result.state == "wrong" and f"sentence {letter}" in result.message
    for letter in right:
        result = lesson14.claims({"claims": [x for x in right if x != letter], "reason": REASON}, real)
        assert result.state == "wrong" and f"sentence {letter}" in result.message
    assert lesson14.claims({"claims": right}, real).state == "unanswered"
    assert "too few" in lesson14.claims({"claims": right, "reason": "so"}, real).message
    wide = real.assign(recall_low=0.0, recall_high=1.0)
    assert "do not hold" not in lesson14.claims({"claims": ["f"], "reason": REASON}, wide).message
    assert lesson14.claims({"claims": ["f"], "reason": REASON}, wide)
    assert "overlap" in lesson14.claims({"claims": ["b", "f"], "reason": REASON}, wide).message


def test_the_stored_table_says_who_knew_what():
    real = stored("lesson14_real")
    knew = real.drop_duplicates(["records", "picker"]).set_index(["records", "picker"])["knew"]
    assert knew["California", "PhaseNet original"] == "in sample"
    assert knew["ocean bottom", "PhaseNet original"] == "helped to label"
    assert knew["synthetic", "network"] == "home game"
    assert (
        knew.drop(
            [("California", "PhaseNet original"), ("ocean bottom", "PhaseNet original"), ("synthetic", "network")]
        )
        == ""
    ).all()
    assert ((real["recall_low"] <= real["recall"] + 1e-9) & (real["recall"] <= real["recall_high"] + 1e-9)).all()


def test_every_check_knows_an_untouched_stub():
    for name in ("by_hand", "repaired", "two_jobs", "interval", "hours_of_noise", "claims"):
        assert getattr(lesson14, name)(..., *[None] * 2).state == "unanswered"
