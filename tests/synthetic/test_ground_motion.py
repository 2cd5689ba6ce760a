from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import fft

from course_utils.synthetic.ground_motion import FREE_SURFACE, Parts, directions, duration_s, ground_motion
from course_utils.synthetic.path import Attenuation, Ray, Site, path_filter, site_filter, spreading_per_m
from course_utils.synthetic.randomness import Draws
from course_utils.synthetic.source import (
    EXPLOSION,
    Source,
    double_couple,
    moment_n_m,
    moment_rate_spectrum,
    radiation,
)

RATE = 100.0
RAY = Ray(20.0, 22.0, 40.0, 115.0, 118.0, 25.0, 15.0, 3.7, 6.4)
ROCK = Site(roughness=0.0, amplification=1.0)
BARE = Parts(coda=False, conversions=False, site=False)
TENSORS = st.builds(double_couple, st.floats(0, 360), st.floats(0, 90), st.floats(-180, 180))


def make(source=None, ray=RAY, site=ROCK, attenuation=None, key=1, samples=4000, start_s=None, rate=RATE, parts=BARE):
    source = source or Source(2.0, double_couple(30, 60, 20))
    start_s = ray.p_time_s - 2.0 if start_s is None else start_s
    return ground_motion(
        source,
        ray,
        site,
        attenuation or Attenuation(),
        Draws("test", key),
        sampling_rate_hz=rate,
        start_s=start_s,
        samples=samples,
        parts=parts,
    )


@given(TENSORS)
def test_a_double_couple_has_no_volume_and_unit_moment(tensor):
    nn, ee, dd, ne, nd, ed = tensor
    values = np.linalg.eigvalsh([[nn, ne, nd], [ne, ee, ed], [nd, ed, dd]])
    assert values == pytest.approx([-1, 0, 1], abs=1e-9)


@settings(max_examples=10, deadline=None)
@given(TENSORS)
def test_radiated_energy_over_the_sphere_is_that_of_aki_and_richards(tensor):
    cosine, weight = np.polynomial.legendre.leggauss(8)
    azimuths = np.arange(0, 360, 22.5)
    source, p, s = Source(2.0, tensor), 0.0, 0.0
    for takeoff, w in zip(np.degrees(np.arccos(cosine)), weight, strict=True):
        for azimuth in azimuths:
            factor = radiation(source, azimuth, takeoff, takeoff)
            p += w / 2 * factor[0] ** 2 / azimuths.size
            s += w / 2 * (factor[1] ** 2 + factor[2] ** 2) / azimuths.size
    assert (p, s) == pytest.approx((4 / 15, 2 / 5), rel=1e-9)


def test_strike_slip_has_its_lobes_where_the_textbook_draws_them():
    fault = Source(2.0, double_couple(0, 90, 0))
    assert radiation(fault, 45, 90, 90) == pytest.approx((1, 0, 0), abs=1e-12)
    assert radiation(fault, 0, 90, 90) == pytest.approx((0, 0, 1), abs=1e-12)
    assert radiation(Source(2.0, EXPLOSION), 77, 120, 130) == pytest.approx((1, 0, 0), abs=1e-12)
    assert radiation(Source(2.0, force=(0, 0, 1)), 10, 0, 90) == pytest.approx((1, -1, 0), abs=1e-12)


@pytest.mark.parametrize(
    "wrong", [{"kind": "meteor"}, {"moment_tensor": None}, {"force": (0, 0, 1)}, {"stress_drop_mpa": 0.0}]
)
def test_a_source_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError):
        Source(**({"mw": 2.0, "moment_tensor": EXPLOSION} | wrong))


def test_corner_frequency_falls_with_the_cube_root_of_the_moment():
    small, large = (Source(mw, EXPLOSION).corner_hz(3.5) for mw in (2.0, 4.0))
    assert small / large == pytest.approx(10.0)
    assert Source(2.0, EXPLOSION, stress_drop_mpa=32.0).corner_hz(3.5) == pytest.approx(2 * small)
    assert Source(2.0, EXPLOSION).corner_hz(3.5, "P") > small


@settings(max_examples=25, deadline=None)
@given(st.floats(-0.5, 6.5), st.integers(0, 50))
def test_sub_events_keep_the_moment_and_about_the_omega_square_level(mw, key):
    source = Source(mw, double_couple(10, 50, 90))
    corner = source.corner_hz(3.5)
    f = np.array([1e-4 * corner, *np.linspace(4, 40, 200) * corner])
    spectrum = np.abs(moment_rate_spectrum(source, f, 3.5, "S", Draws(key)))
    assert spectrum[0] == pytest.approx(moment_n_m(mw), rel=1e-3)
    over = spectrum[1:] / (moment_n_m(mw) / (1 + (f[1:] / corner) ** 2))
    assert 0.4 < np.sqrt(np.mean(over**2)) < 2.5


def test_spreading_is_that_of_body_waves_and_then_of_lg():
    assert spreading_per_m(10, "S") == pytest.approx(1e-4)
    assert spreading_per_m(400, "S") / spreading_per_m(100, "S") == pytest.approx(0.5)
    assert spreading_per_m(99.999, "P") == pytest.approx(spreading_per_m(100.001, "P"), rel=1e-4)


def test_attenuation_takes_what_q_says_and_acts_after_the_onset_only():
    n = 8192
    f = fft.rfftfreq(n, 1 / RATE)
    q = Attenuation().qs(f)
    path = np.exp(path_filter(6.4, q, 0.02, n, RATE))
    expected = np.exp(-np.pi * f * (6.4 / q + 0.02))
    assert np.abs(path) == pytest.approx(expected, rel=1e-6, abs=1e-9)
    pulse = fft.irfft(path, n)
    assert (pulse[n // 2 :] ** 2).sum() < 1e-6 * (pulse**2).sum()


def test_a_site_is_causal_repeatable_and_resonates_where_it_should():
    n = 8192
    site = Site(key=("a", 1), resonance_hz=3.0, resonance_gain=2.0, roughness=0.0, amplification=1.0)
    transfer = np.exp(site_filter(site, n, RATE))
    f = fft.rfftfreq(n, 1 / RATE)
    assert f[np.abs(transfer[1]).argmax()] == pytest.approx(3.0, rel=0.1)
    assert np.abs(transfer[1]).max() == pytest.approx(3.0, rel=0.1)
    rough = fft.irfft(np.exp(site_filter(replace(site, roughness=0.3), n, RATE)), n)
    assert (rough[:, n // 2 :] ** 2).sum() < 1e-3 * (rough**2).sum()


def test_long_period_level_is_the_closed_form():
    source = Source(3.0, double_couple(0, 90, 0))
    ray = replace(RAY, azimuth_deg=45.0, takeoff_p_deg=90.0, takeoff_s_deg=90.0)
    motion = make(source, ray, attenuation=Attenuation(qs0=1e6, forward_km=1e9), site=replace(ROCK, kappa_s=0.0))
    displacement = np.cumsum(motion.p, axis=1) / RATE
    area = np.linalg.norm(displacement[:, :600].sum(1) / RATE)
    expected = FREE_SURFACE * moment_n_m(3.0) / (4 * np.pi * 2700 * 6000.0**3 * 22000.0) * np.hypot(1, 0.45)
    assert area == pytest.approx(expected, rel=0.02)


def test_p_moves_along_the_ray_and_s_across_it():
    motion = make()
    toward = directions(RAY)
    axis = np.linalg.svd(motion.p, full_matrices=False)[0][:, 0]
    assert abs(axis @ toward["P"]) > 0.999
    upward_ray = np.cos(np.radians(15)) * toward["Z"] + np.sin(np.radians(15)) * toward["R"]
    axes, sizes, _ = np.linalg.svd(motion.s, full_matrices=False)
    assert abs(axes[:, 0] @ upward_ray) < 1e-3
    assert sizes[2] < 1e-6 * sizes[0]


def test_nothing_moves_before_its_onset():
    motion = make(parts=Parts(conversions=False))
    p, s = (round((t - motion.start_s) * RATE) for t in (RAY.p_time_s, RAY.s_time_s))
    assert not motion.p[:, : p - 26].any()
    assert np.abs(motion.p[:, : p - 8]).max() < 0.02 * np.abs(motion.p).max()
    peak = np.abs(motion.s).max()
    assert np.abs(motion.s[:, : s - 10]).max() < 5e-3 * peak
    assert np.abs(motion.s[:, s : s + 100]).max() > 0.3 * peak
    assert np.array_equal(motion.total, motion.p + motion.s)


def test_the_record_may_begin_anywhere_on_the_stations_grid():
    early, late = make(start_s=1.0, samples=3000), make(start_s=1.5, samples=3000)
    assert late.p[:, 20:2500] == pytest.approx(early.p[:, 70:2550], abs=0.02 * np.abs(early.p).max())
    between = make(start_s=1.005, samples=3000)
    half = fft.irfft(fft.rfft(between.p) * np.exp(-2j * np.pi * fft.rfftfreq(3000) * 0.5), 3000)
    assert half[:, 100:2000] == pytest.approx(early.p[:, 100:2000], abs=0.02 * np.abs(early.p).max())


def test_sampling_rates_agree_where_both_can_see():
    source = Source(4.0, double_couple(30, 60, 20))
    fine, coarse = make(source, samples=8000, rate=200.0), make(source, samples=1600, rate=40.0)
    slow = [fft.irfft(fft.rfft(x)[:, :160], 320) for x in (fine.s, coarse.s / 0.2)]  # below 4 Hz
    assert np.std(slow[0]) == pytest.approx(np.std(slow[1]), rel=0.05)
    assert np.corrcoef(slow[0].ravel(), slow[1].ravel())[0, 1] > 0.98


def test_same_key_same_bytes_other_key_other_coda():
    one, again, other = (make(parts=Parts(), key=k) for k in (1, 1, 2))
    assert one.total.tobytes() == again.total.tobytes()
    assert not np.allclose(one.total, other.total)


def test_leaving_the_coda_out_leaves_the_rest_alone():
    full, bare = make(parts=Parts(conversions=False)), make(parts=Parts(coda=False, conversions=False))
    start = round((RAY.s_time_s - full.start_s) * RATE)
    tail = slice(start + 800, start + 1200)
    assert np.abs(bare.s[:, tail]).max() < 0.02 * np.abs(full.s[:, tail]).max()


def test_coda_decays_as_aki_and_chouet_say():
    from scipy.signal import butter, sosfiltfilt

    attenuation, band = (
        Attenuation(coda_q0=100.0, coda_q_exponent=0.7),
        butter(4, [4, 8], "bandpass", fs=RATE, output="sos"),
    )
    slopes = []
    for key in range(8):
        motion = make(attenuation=attenuation, parts=Parts(), key=key, samples=6500)
        power = (sosfiltfilt(band, motion.total, axis=1) ** 2).sum(0)
        t = motion.start_s + np.arange(power.size) / RATE
        chunks = np.array_split(np.flatnonzero((t > 13) & (t < 50)), 30)
        middle = np.array([t[c].mean() for c in chunks])
        level = np.array([0.5 * np.log(power[c].mean()) for c in chunks])
        slopes.append(np.polyfit(middle, level + np.log(middle), 1)[0])
    measured = -np.pi * np.sqrt(32) / np.mean(slopes)
    assert measured == pytest.approx(attenuation.coda_q(np.sqrt(32)), rel=0.25)


def test_far_onsets_are_more_emergent_than_near_ones():
    def rise(ray):
        values = []
        for key in range(8):
            motion = make(ray=ray, parts=Parts(conversions=False), key=key, samples=6000)
            first = round((ray.p_time_s - motion.start_s) * RATE)
            energy = np.cumsum((motion.p[:, first : first + 400] ** 2).sum(0))
            values.append(np.searchsorted(energy, 0.5 * energy[-1]) / RATE)
        return np.median(values)

    assert rise(replace(RAY, distance_km=110, hypocentral_km=111, p_time_s=18.0, s_time_s=31.5)) > 1.5 * rise(RAY)


def test_types_of_events_look_their_part():
    quake = make(parts=Parts())
    blast = make(Source(2.0, EXPLOSION, kind="quarry blast", delays_s=tuple(np.arange(8) * 0.04)), parts=Parts())
    ratio = [np.abs(m.p).max() / np.abs(m.s).max() for m in (blast, quake)]
    assert ratio[0] > 2 * ratio[1]
    slow = Source(2.0, force=(0, 0, 1), kind="surface event", duration_s=30.0)
    fall = make(slow, ray=replace(RAY, s_time_s=float("nan")), parts=Parts(), samples=6000)
    assert not fall.s.any()
    loudest = np.abs(fall.p).max(0).argmax() / RATE + fall.start_s - RAY.p_time_s
    assert 3.0 < loudest < 25.0
    far = Ray(9000.0, 9000.0, 300.0, 30.0, 30.0, 18.0, 12.0, 720.0, 1310.0, 8.0, 4.6)
    distant = make(
        Source(7.5, double_couple(0, 30, 90), kind="teleseism"), far, start_s=715.0, samples=80_000, rate=20.0
    )
    assert 1e-7 < np.abs(distant.p).max() < 1e-3
    assert np.abs(distant.s).max() > np.abs(distant.p).max()


def test_duration_covers_the_coda():
    source = Source(3.0, double_couple(30, 60, 20))
    floor = 1e-8
    length = duration_s(source, RAY, Attenuation(), floor)
    motion = make(source, parts=Parts(), samples=int((length + 30) * RATE))
    after = motion.total[:, int((length + 2) * RATE) : int((length + 20) * RATE)]
    assert np.sqrt(np.mean(after**2)) < 2 * floor
    assert duration_s(source, RAY, Attenuation(), 1e-9) > length > RAY.s_time_s - RAY.p_time_s


@pytest.mark.parametrize("wrong", [{"start_s": 5.0}, {"samples": 20}])
def test_a_record_that_misses_the_onset_is_refused(wrong):
    with pytest.raises(ValueError):
        make(**wrong)
