import numpy as np
import pytest

from course_utils.synthetic.ground_motion import GroundMotion, Parts
from course_utils.synthetic.records import crustal_setting, records
from course_utils.synthetic.snr import VISIBLE_DB, band_rms, snr_db

RATE = 100.0


@pytest.fixture(scope="module")
def made():
    return records(60, seed=11)


def test_shape_order_and_types(made):
    assert made.waveforms.shape == (60, 3, 6000)
    assert made.waveforms.dtype == np.float32
    assert np.array_equal(made.waveforms, np.rint(made.waveforms))  # counts
    assert made.table["record"].tolist() == list(range(60))
    noise = made.table["kind"] == "noise"
    assert 0 < noise.sum() < 20
    assert made.table.loc[noise, ["p_sample", "s_sample", "mw"]].isna().all().all()
    assert not made.table.loc[noise, ["p_visible", "s_visible"]].any().any()
    quakes = made.table[~noise]
    assert (quakes["s_sample"] > quakes["p_sample"]).sum() == quakes["s_sample"].notna().sum()
    assert quakes["p_sample"].between(400, 3600).all()
    assert (quakes["p_visible"] == (quakes["p_snr_db"] >= VISIBLE_DB)).all()


def test_a_record_does_not_depend_on_the_others(made):
    some = records(3, seed=11, numbers=[41, 7, 0])
    assert some.waveforms.tobytes() == made.waveforms[[41, 7, 0]].tobytes()
    assert some.table["p_snr_db"].tolist() == pytest.approx(
        made.table["p_snr_db"].iloc[[41, 7, 0]].tolist(), nan_ok=True
    )
    assert not np.array_equal(records(1, seed=12).waveforms, made.waveforms[:1])


def test_signal_and_noise_apart_add_up_to_the_record(made):
    signal, noise = records(25, seed=11, noise=False), records(25, seed=11, signal=False)
    loud = np.abs(made.waveforms[:25]).max(axis=(1, 2)) > 8e6  # clipped at 24 bits
    difference = np.abs(signal.waveforms + noise.waveforms - made.waveforms[:25])[~loud]
    assert (difference <= 1.0 + 1e-6 * np.abs(made.waveforms[:25])[~loud]).all()
    assert signal.table.equals(made.table.iloc[:25])
    assert noise.table.equals(made.table.iloc[:25])


def test_labels_stand_at_the_onsets():
    signal = records(40, seed=13, noise=False, noise_fraction=0.0)
    late = []
    for x, row in zip(signal.waveforms.astype(float), signal.table.itertuples(), strict=True):
        p = int(row.p_sample)
        speed = np.abs(np.diff(x, axis=1))  # what the low-frequency recovery of the sensor does not hide
        peak = speed[:, p : p + 200].max()
        assert speed[:, : p - 30].max() < 1e-3 * peak
        late.append(np.flatnonzero((speed > 0.05 * peak).any(0))[0] - row.p_sample)
    assert abs(np.median(late)) < 4
    assert np.percentile(late, 90) < 40


def test_snr_is_signal_over_everything_else():
    n = 2000
    t = np.arange(n) / RATE
    p, s = np.zeros((3, n)), np.zeros((3, n))
    p[:, 300:] = 2.0 * np.sqrt(2) * np.sin(2 * np.pi * 5 * t[: n - 300])  # rms 2 from 3 s on, its coda under S too
    s[:, 1000:] = 40.0 * np.sqrt(2) * np.sin(2 * np.pi * 4 * t[: n - 1000])
    motion = GroundMotion(7.0, RATE, p, s)
    p_db, s_db, p_rms, s_rms = snr_db(motion, 10.0, 17.0, np.array([0.5, 0.5, 0.5]))
    assert (p_rms, s_rms) == pytest.approx((2.0, 40.0), rel=0.03)
    assert p_db == pytest.approx(20 * np.log10(2 / 0.5), abs=0.3)
    assert s_db == pytest.approx(20 * np.log10(40 / np.hypot(0.5, 2.0)), abs=0.3)
    assert np.isnan(snr_db(motion, 10.0, float("nan"), np.ones(3))[1])
    only_z = snr_db(motion, 10.0, 17.0, np.array([0.5, 9.0, 9.0]), components=(0,))
    assert only_z[0] == pytest.approx(p_db)
    outside = 3.0 * np.sqrt(2) * np.sin(2 * np.pi * 30 * t[:200])
    assert band_rms(outside, RATE) < 0.05


def test_magnitude_and_distance_shape_the_records():
    table = records(120, seed=14, noise_fraction=0.0, noise=False, duration_s=45.0).table
    ratio = np.log10(table["p_rms_m_s"]) - 1.0 * table["mw"]
    assert ratio.corr(np.log10(table["hypocentral_km"])) < -0.6
    assert set(table["kind"]) == {"earthquake", "quarry blast"}
    blast = table["kind"] == "quarry blast"
    s_over_p = table["s_rms_m_s"] / table["p_rms_m_s"]
    assert s_over_p[blast].median() < 0.7 * s_over_p[~blast].median()
    assert table["distance_km"].quantile(0.25) < 10  # near distances are sampled well


def test_parts_can_be_left_out_and_other_types_asked_for():
    bare = records(6, seed=15, noise=False, noise_fraction=0.0, parts=Parts(coda=False))
    full = records(6, seed=15, noise=False, noise_fraction=0.0)
    assert bare.table["p_sample"].equals(full.table["p_sample"])
    assert (np.abs(bare.waveforms).sum() < np.abs(full.waveforms).sum()).all()
    slides = records(4, seed=16, noise_fraction=0.0, kinds={"surface event": 1.0})
    assert slides.table["s_sample"].isna().all()
    slow = records(8, seed=16, noise_fraction=0.0, noise=False, kinds={"low-frequency": 1.0})
    assert (slow.table["stress_drop_mpa"] < 0.5).all()


def test_other_lengths_rates_and_settings():
    short = records(3, seed=17, duration_s=20.0, sampling_rate_hz=40.0, p_at_s=(5.0, 5.001))
    assert short.waveforms.shape == (3, 3, 800)
    assert short.table["p_sample"].dropna().round().eq(200).all()
    seen = []

    def setting(draws, kind):
        seen.append(kind)
        return crustal_setting(draws, kind)

    assert np.array_equal(records(3, seed=17, setting=setting).waveforms, records(3, seed=17).waveforms)
    assert len(seen) == 3
    assert records(0, seed=1).waveforms.shape == (0, 3, 6000)


@pytest.mark.parametrize(
    "wrong", [{"n": -1}, {"duration_s": 1.0}, {"signal": False, "noise": False}, {"kinds": {"meteor": 1.0}}]
)
def test_requests_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError):
        records(**({"n": 2, "seed": 1, "noise_fraction": 0.0} | wrong))
