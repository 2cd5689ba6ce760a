"""The parts: peaks against ObsPy's trigger, models on disk, amplitude and SNR against known signals, STA/LTA."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from obspy.signal.trigger import trigger_onset
from picking_helpers import make_stream, seeded

from course_utils import picking
from course_utils.catalog import tables
from course_utils.picking import peaks
from course_utils.picking.peaks import find_peaks

LEVELS = st.sampled_from([0.0, 0.1, 0.15, 0.2, 0.29, 0.3, 0.31, 0.5, 0.9, 1.0, float("nan")])


@settings(max_examples=200, deadline=None)
@given(arrays(np.float32, st.integers(1, 60), elements=LEVELS.map(np.float32)), st.sampled_from([0.2, 0.3, 0.6, 1.0]))
def test_peaks_are_those_of_trigger_onset(trace, threshold):
    expected = []
    for on, off in trigger_onset(trace, np.float32(threshold), np.float32(threshold / 2)):
        expected.append(on + int(np.argmax(trace[on : off + 1])))
    searches = (
        lambda: find_peaks(trace, threshold),
        lambda: find_peaks(torch.from_numpy(trace), threshold),
        lambda: peaks._on_device(torch.from_numpy(trace), threshold),  # what a GPU does
    )
    for search in searches:
        samples, values = search()
        assert samples.tolist() == expected
        assert np.array_equal(values, trace[samples])


def test_saved_model_reads_back(tmp_path, phasenet):
    stream = make_stream(60)
    before = picking.pick(stream, phasenet)
    picking.save_model(phasenet, tmp_path / "mine", recipe="random numbers, seed 7", version="3")
    for path in (tmp_path / "mine", tmp_path / "mine.json"):
        model = picking.load_model(path)
        after = picking.pick(stream, model)
        assert np.array_equal(after["time"], before["time"])
        assert set(after["weights"]) == {"mine"}
        assert after.attrs["report"]["settings"]["weights_version"] == "3"
    assert model.default_args == phasenet.default_args
    assert model.component_order == "ENZ"


def test_broken_model_files_are_refused(tmp_path, phasenet):
    picking.save_model(phasenet, tmp_path / "mine", recipe="test")
    tensors = (tmp_path / "mine.safetensors").read_bytes()
    (tmp_path / "mine.safetensors").write_bytes(tensors[:1000])
    with pytest.raises(picking.ModelError, match="do not fit PhaseNet"):
        picking.load_model(tmp_path / "mine")
    (tmp_path / "mine.safetensors").unlink()
    with pytest.raises(picking.ModelError, match=r"mine\.safetensors is missing"):
        picking.load_model(tmp_path / "mine")
    (tmp_path / "mine.safetensors").write_bytes(tensors)
    card = json.loads((tmp_path / "mine.json").read_text())
    del card["model_args"]
    (tmp_path / "mine.json").write_text(json.dumps(card))
    with pytest.raises(picking.ModelError, match="lacks model_args"):
        picking.load_model(tmp_path / "mine")


def test_names_that_mean_nothing():
    with pytest.raises(picking.ModelError, match="class:weights"):
        picking.load_model("phasenet")
    with pytest.raises(picking.ModelError, match=r"no model class 'fasenet'.*phasenet"):
        picking.load_model("fasenet:original")


def test_weights_that_cannot_be_had(monkeypatch):
    import requests
    import seisbench.models

    def offline(*_, **__):
        raise requests.ConnectionError("no route")

    monkeypatch.setattr(seisbench.models.PhaseNet, "from_pretrained", offline)
    with pytest.raises(picking.ModelError, match=r"PhaseNet weights 'absent' are neither .* nor .*no route"):
        picking.load_model("phasenet:absent")


@pytest.mark.skipif(os.name == "nt", reason="permissions of folders work differently on Windows")
def test_home_that_cannot_be_written(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    code = "from course_utils import picking; picking.load_model('phasenet:original')"
    environment = os.environ | {"SEISBENCH_CACHE_ROOT": str(blocker / "cache")}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert result.returncode
    assert "ModelError: SeisBench cannot use its cache folder" in result.stderr
    assert "set SEISBENCH_CACHE_ROOT" in result.stderr


def test_import_is_light():
    code = "import sys, course_utils.picking; print([m for m in ('torch', 'obspy', 'seisbench') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def sine(amplitude, frequency=5.0, rate=100.0, onset=30.0, seconds=60.0):
    """A vertical with a sine that sets in at ``onset`` on weak noise."""
    stream = make_stream(seconds, rate=rate, codes="Z")
    t = np.arange(stream[0].stats.npts) / rate
    noise = np.random.default_rng(1).normal(0, 1.0, len(t))
    stream[0].data = 4000 + noise + np.where(t >= onset, amplitude * np.sin(2 * np.pi * frequency * (t - onset)), 0)
    return stream


def measured(stream, inventory=None, response="full", phases=("P",), after=(0.0,)):
    from course_utils.picking.measure import measure
    from course_utils.picking.records import instruments

    report = picking.Report()
    (instrument,) = instruments(stream, "ZNE", 1.0, report)
    onset = (stream[0].stats.starttime + 30).ns
    times = np.array([onset + round(a * 1e9) for a in after])
    return *measure(times, np.array(phases), instrument, report, inventory, response), report


def test_amplitude_and_snr_of_a_sine():
    amplitude, unit, snr = measured(sine(1000))[:3]
    assert unit == "counts"
    assert amplitude[0] == pytest.approx(1000, rel=0.05)
    # Noise of unit deviation up to 50 Hz holds 15/50 of its power in 1-16 Hz.
    assert snr[0] == pytest.approx(20 * np.log10(1000 / np.sqrt(2) / np.sqrt(15 / 50)), abs=1.0)
    assert np.isnan(measured(sine(1000), after=(-29.9,))[2][0])  # no noise before it


def test_amplitude_of_a_p_stops_at_the_s():
    stream = sine(100)
    late = sine(5000, onset=31.0)
    stream[0].data = stream[0].data + late[0].data
    both = measured(stream, phases=("P", "S"), after=(0.0, 1.0))[0]
    assert both[0] < 0.2 * both[1]
    assert both[1] == pytest.approx(5100, rel=0.05)


def test_amplitude_in_metres_per_second():
    from obspy import read_inventory
    from obspy.core.inventory import Channel, Inventory, Network, Response, Station
    from obspy.core.inventory.response import InstrumentSensitivity

    def inventory(response):
        channel = Channel("HHZ", "00", 0, 0, 0, 0, response=response, sample_rate=100)
        return Inventory([Network("XX", [Station("SYN", 0, 0, 0, channels=[channel])])])

    gain = 6e8
    simple = inventory(Response(instrument_sensitivity=InstrumentSensitivity(gain, 1.0, "M/S", "COUNTS")))
    amplitude, unit, _, report = measured(sine(1000), simple, "sensitivity")
    assert unit == "m/s"
    assert amplitude[0] == pytest.approx(1000 / gain, rel=0.05)
    assert not report.count("sensitivity only")
    accelerometer = inventory(Response(instrument_sensitivity=InstrumentSensitivity(gain, 1.0, "M/S**2", "COUNTS")))
    steady = measured(sine(1000), accelerometer, after=(10.0,))[0][0]  # at its onset the integral has an offset
    assert steady == pytest.approx(1000 / gain / (2 * np.pi * 5), rel=0.05)
    real = read_inventory()  # ObsPy's example: a broadband seismometer with poles and zeros
    known = next(c.response for n in real for s in n for c in s if c.code == "BHZ")
    full = measured(sine(1000), inventory(known))
    assert full[0][0] == pytest.approx(1000 / known.instrument_sensitivity.value, rel=0.07)
    other = measured(sine(1000).select(channel="HHZ"), real)
    assert other[1] == "counts"
    assert other[3].count("no response") == 1


def test_sta_lta_finds_a_clear_onset_and_tells_p_from_s():
    stream = make_stream(60)
    random = np.random.default_rng(2)
    t = np.arange(6000) / 100
    for trace, (p, s) in zip(stream, [(900, 300), (150, 2500), (150, 2500)], strict=True):
        data = random.normal(0, 20, 6000)
        for onset, size in ((30.0, p), (36.0, s)):
            late = np.maximum(t - onset, 0)
            data += size * (t >= onset) * np.exp(-late) * np.sin(2 * np.pi * 6 * late)
        trace.data = data
    start = stream[0].stats.starttime.timestamp
    picks = picking.baselines.sta_lta(stream)
    tables.conform(picks, "picks")
    seconds = picks["time"].astype("int64") / 1e6 - start
    assert np.abs(seconds[picks["phase"] == "P"] - 30).min() < 0.2
    assert picks["probability"].isna().all()
    assert (picks["ratio"] >= 4).all()
    assert len(picking.baselines.sta_lta(make_stream(20, codes="N"), on=1000)) == 0
    with pytest.raises(ValueError, match="sta_s is 5"):
        picking.baselines.sta_lta(stream, sta_s=5, lta_s=1)


def test_packaged_weights_know_p_and_s_apart():
    """Only where the package carries them already."""
    from importlib import resources

    if not (resources.files("course_utils.picking") / "weights" / "phasenet_synthetic.safetensors").is_file():
        pytest.skip("the packaged weights are not there yet")
    model = picking.load_model("phasenet:synthetic")
    assert {"P", "S"} <= set(model.labels)
    assert picking.pick(make_stream(60), "phasenet:synthetic").attrs["report"]["settings"]["weights"] == "synthetic"


def test_unknown_note_is_refused():
    with pytest.raises(KeyError, match="no kind 'lost'"):
        picking.Report().note("lost")
    assert seeded("PhaseNet").training is False
