from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import welch

from course_utils.synthetic.instruments import BROADBAND, STRONG_MOTION
from course_utils.synthetic.noise import NoiseModel, noise, noise_rms, peterson_db
from course_utils.synthetic.randomness import Draws
from course_utils.synthetic.transients import Transient, transients, waveforms

RATE = 100.0
MODEL = NoiseModel(key=("test", 1))


@pytest.mark.parametrize("instrument", [BROADBAND, STRONG_MOTION])
@pytest.mark.parametrize("unit", ["m/s", "counts"])
def test_samples_have_the_spectrum_of_the_model(instrument, unit):
    samples = noise(MODEL, instrument, Draws(1, "psd"), 204_800, cultural=0.5, unit=unit)
    assert samples.shape == (3, 204_800)
    f, power = welch(samples, RATE, nperseg=2048)
    expected = MODEL.velocity_psd(f) + instrument.self_noise_velocity_psd(f)
    if unit == "counts":
        expected = expected * np.abs(instrument.response(f, RATE)) ** 2
    use = (f > 0.4) & (f < 45)
    ratio = power[:, use] / expected[:, use]
    assert ratio.mean(1) == pytest.approx(np.ones(3), abs=0.05)
    assert np.std(ratio) < 0.2


def test_a_level_is_a_place_between_petersons_models():
    f = np.geomspace(0.02, 9.9, 40)
    low, high = peterson_db(f)
    for level, expected in ((0.0, low), (1.0, high), (0.5, (low + high) / 2)):
        plain = NoiseModel(level=level, roughness_db=0.0, horizontal_db=0.0)
        assert 10 * np.log10(plain.acceleration_psd(f, cultural=0.0)[0]) == pytest.approx(expected, abs=1e-9)
    # Peterson (1993): lowest near 10 s at about -187 dB, secondary microseism of the high-noise model near -97 dB
    assert low.min() == pytest.approx(-187.5, abs=1.5)
    assert high[(f > 0.1) & (f < 0.3)].max() == pytest.approx(-97.0, abs=1.5)


def test_people_currents_and_the_sea_raise_their_own_bands():
    f = np.array([0.015, 0.2, 7.0])
    plain = replace(MODEL, roughness_db=0.0, horizontal_db=0.0)

    def gain_db(cultural=0.0, **changes):
        power = replace(plain, **changes).acceleration_psd(f, cultural) / plain.acceleration_psd(f, 0.0)
        return 10 * np.log10(power)

    assert gain_db(cultural=1.0)[0] == pytest.approx([0, 0, MODEL.cultural_db], abs=0.6)
    assert gain_db(microseism_db=10)[0] == pytest.approx([0, 10, 0], abs=0.6)
    assert gain_db(infragravity_db=20)[0] == pytest.approx([18.8, 0, 0], abs=0.6)
    assert (gain_db(current_db=12)[0] == 0).all()
    assert gain_db(current_db=12)[1] == pytest.approx([12, 11.8, 0.5], abs=0.3)


def test_components_share_part_of_their_power():
    together = noise(replace(MODEL, coherence=0.8), BROADBAND, Draws(2), 65_536)
    apart = noise(replace(MODEL, coherence=0.0), BROADBAND, Draws(2), 65_536)
    white = [np.diff(x, axis=1) for x in (together, apart)]
    assert abs(np.corrcoef(white[0])[0, 1]) > 0.6
    assert abs(np.corrcoef(white[1])[0, 1]) < 0.1


def test_noise_is_a_pure_function_of_its_key():
    blocks = [noise(MODEL, BROADBAND, Draws(3, "KCT", k), 4096) for k in (1, 1, 2)]
    assert blocks[0].tobytes() == blocks[1].tobytes()
    assert np.abs(np.corrcoef(blocks[0][0], blocks[2][0])[0, 1]) < 0.9
    with pytest.raises(ValueError, match="counts"):
        noise(MODEL, BROADBAND, Draws(3), 4096, unit="volt")


def test_expected_rms_is_what_a_band_pass_measures():
    from scipy.signal import butter, sosfiltfilt

    samples = noise(MODEL, BROADBAND, Draws(4), 102_400, unit="m/s")
    band = butter(6, [1.0, 16.0], "bandpass", fs=RATE, output="sos")
    measured = np.sqrt(np.mean(sosfiltfilt(band, samples, axis=1) ** 2, axis=1))
    assert measured == pytest.approx(noise_rms(MODEL, BROADBAND), rel=0.07)


def test_transients_lie_inside_their_block_and_have_heavy_tails():
    items = transients(Draws(5), 36_000.0, 60.0, "land", 1e-8, 6e8)
    assert 480 < len(items) < 720
    assert all(2.0 <= t.start_s < t.end_s <= 36_000.0 - 2.0 + 0.06 for t in items)
    sizes = np.array([t.size for t in items if t.unit == "m/s"])
    assert sizes.max() > 15 * np.median(sizes)
    assert {t.kind for t in items} >= {"footsteps", "car", "burst", "hum", "spike", "step", "calibration"}
    assert "fish bump" in {t.kind for t in transients(Draws(6), 36_000.0, 60.0, "ocean bottom", 1e-8, 6e8)}
    with pytest.raises(ValueError, match="swamp"):
        transients(Draws(5), 100.0, 60.0, "swamp", 1e-8, 6e8)


@pytest.mark.parametrize("kind", ["footsteps", "car", "burst", "hum", "fish bump", "spike", "step", "calibration"])
@pytest.mark.parametrize("rate", [40.0, 200.0])
def test_every_kind_has_about_its_size_and_ends_in_silence(kind, rate):
    unit = "counts" if kind in ("spike", "step", "calibration") else "m/s"
    one = Transient(kind, 10.0, 10.05 if kind == "spike" else 16.0, 3.0, unit)
    ground, counts = waveforms([one], Draws(7, kind), int(40 * rate), rate)
    data = ground if unit == "m/s" else counts
    assert (counts if unit == "m/s" else ground) is None
    assert 1.0 < np.abs(data).max() < 8.0
    quiet = np.r_[0 : int(9.9 * rate), int(16.1 * rate) : int(40 * rate)]
    assert not data[:, quiet].any()
