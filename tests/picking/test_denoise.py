"""Denoising before picking: the path, on networks whose masks are known. The published weights are not needed."""

import numpy as np
import pytest
import requests
import torch
from picking_helpers import make_stream

from course_utils import picking
from course_utils.picking.denoise import make_denoiser
from course_utils.picking.records import instruments


@pytest.fixture
def denoiser():
    import seisbench.models

    with torch.random.fork_rng():
        torch.manual_seed(3)
        return seisbench.models.DeepDenoiser().eval()


def mask(model, share):
    """The model takes everything for ``share`` of signal."""

    def forward(x):
        return torch.full_like(x, share)

    model.forward = forward
    return model


def cleaned(model, stream, max_gap_s=1.0):
    report = picking.Report()
    (raw,) = instruments(stream, "ENZ", max_gap_s, report)
    return raw, make_denoiser(model, "cpu")(raw, report), report


def test_same_as_seisbench(denoiser):
    stream = make_stream(95.37)
    for trace in stream:
        trace.data = (trace.data - trace.data.mean()).astype(np.float32)
    theirs = denoiser.annotate(stream)
    _, ours, _ = cleaned(denoiser, stream)
    assert len(theirs) == 3
    for trace in theirs:
        (piece,) = ours.pieces[trace.stats.channel[-1]]
        assert trace.stats.starttime.ns == piece.start_ns
        np.testing.assert_allclose(piece.data, trace.data, atol=1e-4 * np.abs(trace.data).max())


@pytest.mark.parametrize("rate", [100.0, 50.0, 200.0])
def test_times_gaps_and_rates_are_kept(denoiser, rate):
    stream = make_stream(200, rate=rate)
    start = stream[0].stats.starttime
    stream = stream.slice(start, start + 70) + stream.slice(start + 70.5, start + 90) + stream.slice(start + 120.003)
    raw, clean, _ = cleaned(mask(denoiser, 1.0), stream)
    assert (clean.station, clean.channel) == (raw.station, raw.channel)
    for letter in "ZNE":
        assert len(raw.pieces[letter]) == 2
        for before, after in zip(raw.pieces[letter], clean.pieces[letter], strict=True):
            assert (before.start_ns, before.rate_hz, before.filled) == (after.start_ns, after.rate_hz, after.filled)
            assert before.data.dtype.kind in "if"
            assert after.data.dtype == np.float32
            assert after.data.shape == before.data.shape
            if rate == 100:
                np.testing.assert_allclose(after.data, before.data - before.data.mean(), atol=0.05)
            lags = [np.corrcoef(after.data[9:-9], np.roll(before.data, k)[9:-9])[0, 1] for k in range(-2, 3)]
            assert np.argmax(lags) == 2
            assert lags[2] > {50: 0.9, 100: 0.999, 200: 0.7}[rate]
    assert raw.pieces["Z"][0].filled


def test_pieces_shorter_than_a_window(denoiser):
    stream = make_stream(12)
    _, clean, _ = cleaned(mask(denoiser, 1.0), stream)
    (piece,) = clean.pieces["Z"]
    np.testing.assert_allclose(piece.data, stream[0].data - stream[0].data.mean(), atol=0.05)


def test_amplitude_and_snr_are_of_the_original_records(denoiser, phasenet):
    stream = make_stream(150)
    before = stream.copy()
    plain = picking.pick(stream, phasenet)
    half = picking.pick(stream, phasenet, denoise=mask(denoiser, 0.5))
    assert stream == before
    assert len(plain) == len(half) > 10
    for column in ("station", "channel", "phase", "time", "snr_db", "amplitude_unit"):
        assert plain[column].equals(half[column]), column
    np.testing.assert_allclose(plain["amplitude"], half["amplitude"])
    np.testing.assert_allclose(plain["probability"], half["probability"], atol=0.02)
    assert set(half["weights"]) == {"custom, denoised by deepdenoiser:custom"}
    assert half.attrs["report"]["settings"]["denoise"] == "deepdenoiser:custom"
    assert not set(plain["pick_id"]) & set(half["pick_id"])
    other = picking.pick_many(stream, [phasenet], thresholds=[None, 0.6], denoise=denoiser)
    assert other["phasenet:custom", "own"].equals(half)


def test_models_read_what_the_denoiser_gives(denoiser, phasenet):
    stream = make_stream(150)
    upside_down = stream.copy()
    for trace in upside_down:
        trace.data = -trace.data
    plain, other = picking.pick(stream, phasenet), picking.pick(upside_down, phasenet)
    found = picking.pick(stream, phasenet, denoise=mask(denoiser, -1.0))
    assert found["time"].equals(other["time"])
    assert not found["time"].equals(plain["time"])


def test_weights_that_are_not_there(monkeypatch, phasenet):
    import seisbench.models

    def offline(*_, **__):
        raise requests.ConnectionError("no route")

    monkeypatch.setattr(seisbench.models.DeepDenoiser, "from_pretrained", offline)
    with pytest.raises(picking.ModelError, match=r"DeepDenoiser weights 'original' .*copy original\.json\.vN") as info:
        picking.pick(make_stream(40), phasenet, denoise="deepdenoiser:original")
    assert "phasenet:synthetic" not in str(info.value)
    with pytest.raises(ValueError, match="denoise is PhaseNet, which gives no waveforms"):
        picking.pick(make_stream(40), phasenet, denoise=phasenet)


def test_errors_say_where(denoiser, phasenet):
    def broken(x):
        raise RuntimeError("half a tensor")

    denoiser.forward = broken
    with pytest.raises(picking.PickingError, match=r"DeepDenoiser failed on XX\.SYN\.00\.HHE at 2024.*half a tensor"):
        picking.pick(make_stream(40, codes="E"), phasenet, denoise=denoiser)
