"""The checks of lesson 12: right answers in other forms pass, wrong ones get a message that helps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from course_utils.teaching import checks
from course_utils.teaching.checks import lesson12


@pytest.fixture(scope="module")
def model():
    from course_utils import picking

    return picking.load_model("phasenet:synthetic")


@pytest.fixture(scope="module")
def record():
    """90 s of a clear synthetic earthquake as a stream, and the sample of its P."""
    from obspy import Stream, Trace, UTCDateTime

    from course_utils.synthetic.records import records

    made = records(12, seed=120, duration_s=90, p_at_s=(35, 45), noise_fraction=0, kinds={"earthquake": 1.0})
    row = made.table.query("p_snr_db > 25")["p_snr_db"].idxmax()
    header = {"network": "SY", "station": "W", "sampling_rate": 100, "starttime": UTCDateTime(2023, 5, 16)}
    traces = [Trace(x, {**header, "channel": f"HH{c}"}) for x, c in zip(made.waveforms[row], "ZNE", strict=True)]
    return Stream(traces), round(made.table.loc[row, "p_sample"])


@pytest.fixture(scope="module")
def window(record):
    from obspy import Stream, Trace

    stream, onset = record
    return Stream([Trace(t.data[onset - 1000 : onset + 2001], t.stats) for t in stream])


def _forward(model, data, prepare=True):
    import torch

    x = torch.tensor(np.asarray(data, dtype=np.float32))[None]
    with torch.inference_mode():
        return model(model.annotate_batch_pre(x, {}) if prepare else x)[0]


def _ordered(model, stream):
    return np.stack([stream.select(component=c)[0].data for c in model.component_order])


@pytest.mark.parametrize("form", [lambda y: y, lambda y: y.numpy().T, lambda y: y.numpy()[None], lambda y: y.tolist()])
def test_by_hand_takes_every_form(model, window, form):
    assert lesson12.by_hand(lambda s: form(_forward(model, _ordered(model, s))), model, window)


def test_by_hand_names_the_step_that_is_missing(model, window):
    def centred(stream):
        data = _ordered(model, stream).astype(np.float32)
        return data - data.mean(axis=1, keepdims=True)

    wrong = {
        "counts": lambda s: _forward(model, _ordered(model, s), prepare=False),
        "size is not": lambda s: _forward(model, centred(s), prepare=False),
        "axis": lambda s: _forward(model, centred(s) / centred(s).std(), prepare=False),
        "model.norm": lambda s: _forward(model, centred(s) / np.abs(centred(s)).max(1, keepdims=True), prepare=False),
        "as they stand in the stream": lambda s: _forward(model, [t.data for t in s]),
        "model.labels": lambda s: _forward(model, _ordered(model, s))[[1, 2, 0]],
        "add up to one": lambda s: _forward(model, _ordered(model, s)) * 2,
        "standard deviation": lambda s: _forward(
            model, centred(s) / centred(s).std(axis=1, keepdims=True), prepare=False
        ),
        "shape": lambda s: _forward(model, _ordered(model, s))[:2],
        "KeyError": lambda s: {}["Z"],
    }
    for said, function in wrong.items():
        result = lesson12.by_hand(function, model, window)
        assert result.state == "wrong" and said in result.message, (said, result)
    assert lesson12.by_hand(lambda s: ..., model, window).state == "unanswered"


def test_the_six_streams_are_silent_and_the_record_is_not(model, record):
    stream, onset = record
    assert len(model.classify(stream).picks)
    for name, silent in lesson12.silent_streams(stream, onset).items():
        assert len(model.classify(silent).picks) == 0, name


def test_empty_results(record):
    silent = lesson12.silent_streams(*record)
    right = dict(lesson12._MADE)
    assert lesson12.empty_results(right, silent)
    assert lesson12.empty_results({k.lower(): v.upper() for k, v in right.items()}, silent)
    for cause in lesson12.CAUSES:
        result = lesson12.empty_results(right | {"A": cause}, silent)
        assert bool(result) == (cause == right["A"])
        assert right["A"] not in result.message or cause == right["A"]
    assert "no cause for F" in lesson12.empty_results({k: right[k] for k in "ABCDE"}, silent).message
    assert "none of" in lesson12.empty_results(right | {"B": "aliens"}, silent).message
    assert lesson12.empty_results(["not a number"], silent).state == "wrong"
    assert lesson12.empty_results(right | {"B": ...}, silent).state == "unanswered"


@pytest.mark.parametrize(
    ("answer", "passes"),
    [(500, True), ("500 samples", True), (500 / 3001, True), (499, False), (501, False), (0, False), (1500, False)],
)
def test_smallest_overlap(model, answer, passes):
    assert bool(lesson12.smallest_overlap(answer, model)) == passes


def test_the_smallest_overlap_is_what_the_engine_shows(model, record):
    """At 500 samples no sample inside is without a probability, at 499 one is."""
    stream, _ = record
    for overlap, gaps in ((500, False), (499, True)):
        p = model.annotate(stream, overlap=overlap).select(channel="*_P")[0]
        assert np.isnan(p.data).any() == gaps


def test_brought_back():
    from obspy import UTCDateTime

    onset = UTCDateTime(2023, 5, 16, 0, 0, 40)
    picks = pd.DataFrame(
        {"phase": ["P", "S"], "time": pd.to_datetime(["2023-05-16T00:00:40.1Z", "2023-05-16T00:00:42.0Z"])}
    )
    assert lesson12.brought_back(picks, onset)
    assert "5.0 s" in lesson12.brought_back(picks.assign(time=picks["time"] + pd.Timedelta("4.9s")), onset).message
    assert "no P" in lesson12.brought_back(picks[1:], onset).message
    assert "at most six" in lesson12.brought_back(pd.concat([picks] * 4), onset).message
    assert "no column" in lesson12.brought_back(picks[["time"]], onset).message


def test_claims():
    from course_utils.teaching.stored import stored

    picks = stored("lesson12_b204_picks")
    reason = "four picks of two events are too few, and the list of the analysts is not complete"
    assert lesson12.claims({"claims": ["c", "d"], "reason": reason}, picks)
    assert lesson12.claims({"claims": "D, C", "reason": reason}, picks)
    for wrong in (["a", "c", "d"], ["b", "c", "d"], ["c"], ["d"], []):
        assert lesson12.claims({"claims": wrong, "reason": reason}, picks).state == "wrong"
    assert "too few" in lesson12.claims({"claims": ["c", "d"], "reason": "because"}, picks).message
    assert lesson12.claims({"claims": ["c", "d"]}, picks).state == "unanswered"
    far = picks.assign(minus_analyst_s=picks["minus_analyst_s"] * 10)
    assert "sentence c does not hold" in lesson12.claims({"claims": ["c", "d"], "reason": reason}, far).message


def test_every_check_knows_an_untouched_stub():
    for name in ("by_hand", "empty_results", "smallest_overlap", "brought_back", "claims"):
        assert getattr(checks.lesson12, name)(..., *[None] * 2).state == "unanswered"


def test_the_figure_shows_picks_inside_and_describes_its_rows(model, record):
    from course_utils import picking
    from course_utils.teaching.figures.records import record_with_probabilities

    stream, onset = record
    picks = picking.pick(stream, model)
    arrivals = pd.DataFrame(
        {"phase": ["P"], "time": [pd.Timestamp("2023-05-16", tz="UTC") + pd.Timedelta(onset / 100, "s")]}
    )
    figure = record_with_probabilities(stream, {"run": model.annotate(stream)}, {"run": picks}, arrivals)
    names = [trace.name for trace in figure.data]
    assert names.count("P probability") == 1 and "P pick" in names and "true arrival" in names
    drawn = next(t for t in figure.data if t.name == "P pick")
    assert np.min(np.abs(np.asarray(drawn.x) - onset / 100)) < 0.3
    assert len(figure.layout.shapes) >= 1
    cut = record_with_probabilities(
        stream.slice(stream[0].stats.starttime + 60), {"run": model.annotate(stream)}, {"run": picks}
    )
    assert all(len(t.x) == 0 for t in cut.data if t.name == "P pick")
