"""Features on signals whose values are known, and records brought to one form."""

import numpy as np
import obspy
import pytest

from course_utils.discrimination import DiscriminationError
from course_utils.discrimination.feature_table import BANDS_HZ, describe
from course_utils.discrimination.features import envelope_of, features, onset_s
from course_utils.discrimination.forms import Form, cut, prepare

RATE = 40.0
T = np.arange(1800) / RATE


def burst(at_s, hz, decay_s=3.0, size=1.0):
    since = np.clip(T - at_s, 0, None)
    return size * np.where(since > 0, np.exp(-since / decay_s), 0.0) * np.sin(2 * np.pi * hz * since)


def noise(seed=0, size=1.0):
    return size * np.random.default_rng(seed).normal(size=T.size)


def test_the_table_is_complete_and_finite():
    vertical = features(np.stack([burst(10, 5) + noise(0, 0.01), noise(1)]), RATE)
    assert list(vertical.columns) == list(describe()["feature"]) and np.isfinite(vertical.to_numpy()).all()
    three = features(np.stack([np.stack([noise(k) for k in range(3)])]), RATE)
    assert list(three.columns) == list(describe(three_components=True)["feature"])
    assert not describe(three_components=True)["feature"].duplicated().any()
    assert describe()["definition"].str.len().min() > 10 and set(describe()["unit"]) <= {
        "s", "Hz", "1", "bit", "1/sample", "1/s", "dB", "log10",
    }  # fmt: skip


def test_statistics_of_known_signals():
    out = features(np.stack([np.sin(2 * np.pi * 4.77 * T), noise(3)]), RATE)
    sine, gauss = out.iloc[0], out.iloc[1]
    assert sine["waveform_kurtosis"] == pytest.approx(1.5, abs=0.01)  # of a sine
    assert sine["waveform_mean_over_max"] == pytest.approx(2 / np.pi, abs=0.01)
    assert sine["waveform_std_over_max"] == pytest.approx(np.sqrt(0.5), abs=0.01)
    assert sine["waveform_energy_std"] == pytest.approx(np.sqrt(0.5), abs=0.01)
    assert sine["waveform_centroid"] == pytest.approx(22.5, abs=0.1)
    assert sine["waveform_spread"] == pytest.approx(45 / np.sqrt(12), abs=0.1)  # of a uniform energy
    assert sine["waveform_axis_kurtosis"] == pytest.approx(1.8, abs=0.02)
    assert sine["waveform_silence_50"] == pytest.approx(1 / 3, abs=0.02)  # |sin| < 1/2
    assert sine["zero_crossing_hz"] == pytest.approx(4.77, abs=0.05)
    assert sine["peak_hz"] == pytest.approx(4.77, abs=0.2) and sine["spectrum_centroid"] == pytest.approx(4.77, abs=0.3)
    assert gauss["waveform_kurtosis"] == pytest.approx(3.0, abs=0.3)
    assert gauss["spectral_flatness"] > 0.5 > 0.01 > sine["spectral_flatness"]


def test_entropies_of_known_histograms():
    ramp = features(np.linspace(-1, 1, T.size)[None], RATE).iloc[0]
    for bins in (5, 30, 300):
        for kind in ("shannon", "renyi2", "renyi_inf"):
            assert ramp[f"waveform_{kind}_{bins}"] == pytest.approx(np.log2(bins), abs=0.02)
    spike = np.zeros((1, T.size))
    spike[0, 900] = 1.0
    assert features(spike, RATE)["waveform_shannon_30"][0] < 0.02


def test_shape_of_a_decaying_burst():
    out = features(np.stack([burst(10, 5, decay_s=d) + noise(4, 1e-4) for d in (4.0, 8.0)]), RATE)
    assert out["onset"].tolist() == pytest.approx([10, 10], abs=1.0)
    assert (out["onset_jump"] > 20).all() and (out["onset_sharpness"] > 2).all()
    assert out["coda_decay"].tolist() == pytest.approx([1 / 4, 1 / 8], abs=0.03)
    assert out["duration_20"].tolist() == pytest.approx([4 * np.log(5), 8 * np.log(5)], rel=0.25)
    reverse = features(np.stack([burst(10, 5) + noise(5, 1e-3), (burst(10, 5) + noise(5, 1e-3))[::-1]]), RATE)
    assert reverse["envelope_attack"][0] > 1.5 * reverse["envelope_attack"][1]
    assert reverse["envelope_decay"][1] > 1.5 * reverse["envelope_decay"][0]


def test_p_over_s_and_curvature():
    p, s = burst(10, 12, 1.0, 0.5), burst(18, 3, 2.0, 2.0)
    both = p + s + noise(6, 1e-3)
    out = features(both[None], RATE, p_s=np.array([10.0]), s_s=np.array([18.0])).iloc[0]
    assert out["p_over_s_10_15_hz"] > 0.3 and out["p_over_s_2.5_4_hz"] < -0.3 and out["p_over_s_slope"] > 0
    assert out["early_centroid_hz"] > 9 and out["main_centroid_hz"] < 5 and out["early_slope"] > 0 > out["main_slope"]
    edges = sum(burst(10, hz, 4.0) for hz in (1.3, 12.0)) + noise(7, 1e-2)
    middle = sum(burst(10, hz, 4.0) for hz in (3.2, 5.0)) + noise(7, 1e-2)
    curvature = features(np.stack([edges, middle]), RATE)["whole_curvature"]
    assert curvature[0] > 0.2 and curvature[1] < -0.2
    shares = features(middle[None], RATE)[[f"share_{a:g}_{b:g}_hz" for a, b in BANDS_HZ]].to_numpy()
    assert shares.sum() == pytest.approx(1.0, abs=0.05) and shares.argmax() in (2, 3)


def test_noise_is_taken_off_the_bands():
    loud = 0.3 * np.sin(2 * np.pi * 2.0 * T)
    clean = burst(20, 8, 3.0) + noise(8, 1e-3)
    names = [f"whole_{a:g}_{b:g}_hz" for a, b in BANDS_HZ]
    out = features(np.stack([clean, clean + loud]), RATE, p_s=np.array([20.0, 20.0]))[names].to_numpy()
    assert out[1].argmax() == out[0].argmax() == 4  # 6.3-10 Hz, though 2 Hz hums all the time


def test_polarisation():
    rng = np.random.default_rng(0)
    line = burst(10, 5, 4.0)
    up = np.stack([line, 0 * line, 0 * line]) + 1e-3 * rng.normal(size=(3, T.size))
    along = np.stack([0.1 * line, line, line]) + 1e-3 * rng.normal(size=(3, T.size))
    arrivals = {"p_s": np.full(3, 10.0), "s_s": np.full(3, 14.0)}
    out = features(np.stack([up, along, rng.normal(size=(3, T.size))]), RATE, **arrivals)
    assert out["rectilinearity"][0] > 0.95 > 0.6 > out["rectilinearity"][2]
    assert out["steepness"][0] > 0.95 and out["steepness"][1] < 0.3
    assert out["h_over_z_main"][0] < -1 and out["h_over_z_main"][1] > 0.5


def test_gain_and_polarity_change_nothing_and_order_is_kept():
    block = np.stack([burst(8 + k % 7, 3 + k % 5) + noise(k, 0.05) for k in range(70)])  # more than one chunk
    out = features(block, RATE)
    same = features(1e6 * block[::-1], RATE)[::-1].reset_index(drop=True)
    np.testing.assert_allclose(out.to_numpy(), same.to_numpy(), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(
    ("block", "rate", "says"),
    [
        (np.zeros((2, T.size)), RATE, "trace 0 is constant"),
        (np.full((1, T.size), np.nan), RATE, "not finite"),
        (np.ones((2, 2, T.size)), RATE, "shape"),
        (np.ones((2, 300)), RATE, "at least 10 s"),
        (np.ones((2, T.size)), 20.0, "30 Hz"),
    ],
)
def test_what_has_no_features_is_refused(block, rate, says):
    with pytest.raises(DiscriminationError, match=says):
        features(block, rate)


def test_onset_may_be_bounded():
    two = (burst(10, 5, 1.0) + burst(30, 5, 1.0, 0.8) + noise(9, 1e-2))[None].astype(np.float32)
    envelope, rate = envelope_of(two, RATE)
    assert onset_s(envelope, rate)[0][0] == pytest.approx(10, abs=1)
    assert onset_s(envelope, rate, after_s=np.array([20.0]))[0][0] == pytest.approx(30, abs=1)


def stream(x, rate=100.0, channel="HHZ", start=0.0, location=""):
    header = {"sampling_rate": rate, "channel": channel, "station": "A", "network": "N", "location": location}
    return obspy.Trace(np.asarray(x), {**header, "starttime": obspy.UTCDateTime(2020, 1, 1) + start})


def event_record(rate=100.0, seconds=150, at=60.0, seed=0):
    t = np.arange(int(seconds * rate)) / rate
    since = np.clip(t - at, 0, None)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=t.size) + 200 * (since > 0) * np.exp(-since / 4) * np.sin(2 * np.pi * 5 * since)
    return np.round(10 * x).astype(np.int32)


def test_records_of_any_rate_come_to_one_form():
    made = prepare([obspy.Stream([stream(event_record(rate), rate)]) for rate in (40.0, 50.0, 100.0, 125.0, 500.0)])
    assert len(made.traces) == 5 and made.refused.empty
    assert made.onset.tolist() == pytest.approx([60] * 5, abs=1.0) and (made.jump_db > 15).all()
    windows = cut(made, seed=3)
    assert windows.waveforms.shape == (5, Form().samples) and np.abs(windows.waveforms).max(1).tolist() == [1.0] * 5
    assert (np.abs(windows.waveforms[:, [0, -1]]) < 1e-3).all()
    assert ((windows.onset >= 4) & (windows.onset <= 21)).all() and np.ptp(windows.onset) > 1
    fixed = cut(made, onset_at_s=8.0)
    assert np.ptp(fixed.onset) < 1.0
    centre = [np.average(np.arange(w.size) / 40, weights=w**2) for w in fixed.waveforms]
    assert np.ptp(centre) < 1.5  # the same event in each, whatever the rate


def test_places_depend_on_seed_and_number_alone():
    streams = [obspy.Stream([stream(event_record(seed=k))]) for k in range(4)]
    all_four = cut(prepare(streams), seed=5)
    bad_first = cut(prepare([obspy.Stream([stream(np.zeros(15000, np.int32))]), *streams[1:]]), seed=5)
    np.testing.assert_array_equal(all_four.waveforms[1:], bad_first.waveforms)
    assert not np.array_equal(all_four.waveforms, cut(prepare(streams), seed=6).waveforms)


def test_noise_windows_end_before_the_event():
    made = prepare(
        [obspy.Stream([stream(event_record(at=at))]) for at in (60.0, 20.0)], origin_s=np.array([58.0, 19.0])
    )
    noise_windows = cut(made, part="noise", noise_before_s=np.array([58.0, 19.0]))
    assert noise_windows.source.tolist() == [0] and "noise window" in noise_windows.refused["reason"][0]
    assert features(noise_windows.waveforms, 40.0)["onset_jump"][0] < 10


def test_what_cannot_be_used_is_refused_with_its_reason():
    good = event_record()
    clipped = np.clip(good, -600, 600)
    holes = good.astype(float)
    holes[500:520] = np.nan
    cases = {
        "no data": obspy.Stream(),
        "no Z": obspy.Stream([stream(good, channel="HHN")]),
        "rate too low": obspy.Stream([stream(good[:150], 1.0, "LHZ")]),
        "too short": obspy.Stream([stream(good[:3000])]),
        "constant": obspy.Stream([stream(np.zeros(15000, np.int32))]),
        "clipped": obspy.Stream([stream(clipped)]),
        "not finite": obspy.Stream([stream(holes)]),
        "gap": obspy.Stream([stream(good[:5500]), stream(good[7000:], start=70.0)]),
    }
    merged = obspy.Stream([stream(good[:5500]), stream(good[5600:], start=56.0)]).merge()  # integers with a mask
    assert prepare([merged]).refused["reason"].tolist() == ["not finite: 100 samples"]
    made = prepare([*cases.values(), obspy.Stream([stream(good)])], origin_s=np.full(9, 60.0))
    assert made.source.tolist() == [8]
    assert [reason.split(":")[0] for reason in made.refused["reason"]] == list(cases)
    assert sum(made.refused_counts().values()) == 8


def test_mixed_channels_high_gain_seismometer_first():
    z, other = event_record(seed=1), event_record(seed=2)
    mixed = obspy.Stream([stream(other, channel="HNZ"), stream(z), stream(z[::100].copy(), 1.0, "LHZ")])
    np.testing.assert_array_equal(cut(prepare([mixed])).waveforms, cut(prepare([obspy.Stream([stream(z)])])).waveforms)
    three = obspy.Stream([stream(z), stream(other, channel="HH1"), stream(other, channel="HH2", start=0.5)])
    np.testing.assert_array_equal(cut(prepare([three])).waveforms, cut(prepare([obspy.Stream([stream(z)])])).waveforms)
    with pytest.raises(DiscriminationError, match="part"):
        cut(prepare([three]), part="signal")
