"""Annotations equal SeisBench's to 1e-4 and picks are its picks, both ways: on synthetic and on real records."""

import numpy as np
import pandas as pd
import pytest
from picking_helpers import compare, difference, lively, make_stream, seeded

from course_utils import picking

TOLERANCE = 1e-4


@pytest.mark.parametrize(
    ("kind", "seconds", "arguments"),
    [
        ("PhaseNet", 100, {}),
        ("PhaseNet", 100, {"phases": "PSN", "norm": "peak"}),
        ("PhaseNet", 100, {"phases": "PSN", "in_channels": 4, "component_order": "Z12H"}),  # with a hydrophone
        ("PhaseNetLight", 100, {}),
        ("VariableLengthPhaseNet", 60, {"in_samples": 901}),
        ("LFEDetect", 60, {}),
        ("DKPN", 100, {}),
        ("EQTransformer", 100, {}),
        ("OBSTransformer", 100, {}),
        ("EQTP", 150, {}),
        ("EQCCTP", 100, {}),
        ("EQCCTS", 100, {}),
        ("Skynet", 400, {}),
        ("BasicPhaseAE", 60, {}),
        ("GPD", 30, {"phases": "PSN"}),
        ("GPD", 30, {"phases": ["P", "S", "N"], "default_args": {"stride": 7}, "pred_sample": 150}),
    ],
)
def test_models(kind, seconds, arguments):
    """Every model of SeisBench that gives P or S over the time of one instrument."""
    model = lively(kind, **arguments)
    codes = "ZNE" + "H" * ("H" in model.component_order)
    stream = make_stream(seconds, codes=codes)
    for trace in stream.select(channel="HHH"):
        trace.stats.channel = "HDH"
    phases = [label for label in model.labels if label in "PS"]
    theirs = model.annotate(stream)
    assert len(theirs) == len(model.labels)
    assert max(np.nanstd(trace.data) for trace in theirs) > 0.05  # the network answers to what it hears
    # thresholds that these random networks reach some of the time
    levels = {trace.stats.channel[-1]: float(np.nanquantile(trace.data, 0.9)) for trace in theirs}
    worst, missed, extra, found = compare(model, stream, thresholds={p: levels[p] for p in phases}, theirs=theirs)
    assert worst < TOLERANCE
    assert found > 2
    assert not missed
    assert not extra


def test_tuples_and_single_arrays(phasenet):
    """A model may post-process to a tuple of arrays, one for each label, or to one array without labels."""
    stream = make_stream(60)
    expected = picking.annotate(stream, phasenet, engine="torch")[0].probabilities
    post = phasenet.annotate_batch_post
    for select, rows in ((lambda p: tuple(p.unbind(-1)), [0, 1, 2]), (lambda p: p[..., 1], [1])):
        phasenet.annotate_batch_post = lambda *a, select=select, **k: select(post(*a, **k))
        try:
            found = picking.annotate(stream, phasenet, engine="torch")[0].probabilities
        finally:
            del phasenet.annotate_batch_post
        np.testing.assert_array_equal(found, expected[rows])


@pytest.mark.parametrize("overlap", [0, 0.5, 2400])
@pytest.mark.parametrize("stacking", ["avg", "max"])
def test_overlap_and_stacking(phasenet, overlap, stacking):
    phasenet.default_args["stacking"] = stacking
    try:
        worst, _ = difference(phasenet, make_stream(97.3), overlap=overlap)
    finally:
        del phasenet.default_args["stacking"]
    assert worst < TOLERANCE


@pytest.mark.parametrize("threshold", [0.3, 0.9])
def test_picks(phasenet, threshold):
    _, missed, extra, found = compare(phasenet, make_stream(120), thresholds={"P": threshold, "S": threshold})
    assert found > 10  # the test must be about something
    assert not missed
    assert not extra


@pytest.mark.parametrize("rate", [40, 100, 125, 200])
def test_sampling_rates_and_filters(phasenet, rate):
    worst, _ = difference(phasenet, make_stream(100, rate=rate))
    assert worst < TOLERANCE
    model = seeded("PhaseNet", filter_args=["bandpass"], filter_kwargs={"freqmin": 1, "freqmax": 18})
    worst, _ = difference(model, make_stream(100, rate=rate))
    assert worst < TOLERANCE


def test_components_that_are_missing_late_or_called_1_and_2(phasenet):
    for codes in ("Z", "Z12", "NE", "Z1"):
        worst, traces = difference(phasenet, make_stream(60, codes=tuple(codes)))
        assert traces == 3
        assert worst < TOLERANCE
    stream = make_stream(90)
    stream[1].trim(stream[1].stats.starttime + 12)  # the model reads zeros there
    stream[2].trim(endtime=stream[2].stats.endtime - 9)
    assert difference(phasenet, stream)[0] < TOLERANCE


def test_gaps_when_none_is_bridged(phasenet):
    stream = make_stream(200)
    start = stream[0].stats.starttime
    pieces = stream.slice(start, start + 70) + stream.slice(start + 70.5, start + 120) + stream.slice(start + 140)
    worst, traces = difference(phasenet, pieces)
    assert traces == 9
    assert worst < TOLERANCE


def test_start_between_samples(phasenet):
    assert difference(phasenet, make_stream(45, start="2024-03-01T00:00:00.003700"))[0] < TOLERANCE


def test_any_number_of_windows(phasenet):
    for samples in (3001, 3002, 4501, 4502, 4503, 6002):
        stream = make_stream(samples / 100)
        theirs = {t.id: t.stats.npts for t in phasenet.annotate(stream)}
        (ours,) = picking.annotate(stream, phasenet, max_gap_s=0)
        assert ours.probabilities.shape == (3, samples)
        lost = samples - 500 - next(iter(theirs.values()))
        assert lost in (0, 1)  # SeisBench's int(seconds * rate) drops the last sample of some lengths
        if not lost:
            assert difference(phasenet, stream)[0] < TOLERANCE


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "engine"),
    [("phasenet:original", "torch"), ("phasenet:original", "kernel"), ("eqtransformer:original", "torch")],
)
@pytest.mark.parametrize("dataset", ["phasenet-ncedc", "elep-mount-st-helens", "qm-volcanotectonic", "malmi-coseismiq"])
def test_real_records(seisbench_says, name, engine, dataset):
    """All records (EQTransformer, which is slow, on one of the two stations at Mount St. Helens; malmi-coseismiq mixes
    100 and 200 Hz): the same probabilities, and the same picks both ways."""
    slow = dataset == "elep-mount-st-helens" and name.startswith("eqtransformer")
    station = "B204" if slow else "*"
    model, stream, theirs = seisbench_says(name, dataset, station)
    worst, missed, extra, found = compare(model, stream, engine=engine, theirs=theirs)
    assert worst < TOLERANCE
    assert found
    assert not missed
    assert not extra


@pytest.mark.real
def test_analyst_picks_at_mount_st_helens(published, real):
    """Four picks of an analyst on PB.B204 (its CSV): all found within 0.2 s."""
    stream = real("elep-mount-st-helens").select(station="B204")
    start = stream[0].stats.starttime
    picks = picking.pick(stream.slice(start + 8000, start + 9200), published("phasenet:original"))
    for phase, time in [("P", "02:15:00.09"), ("S", "02:15:01.21"), ("P", "02:31:29.32"), ("S", "02:31:34.43")]:
        same = picks[picks["phase"] == phase]["time"]
        assert (same - pd.Timestamp(f"2022-02-06T{time}Z")).abs().min() < pd.Timedelta("0.2s")
    assert set(picks["channel"]) == {"EH"}
    assert np.isfinite(picks["snr_db"]).all()
