"""Labelled training windows straight from the physics: one key per record, any record on its own.

    from course_utils.synthetic.records import records

    made = records(2000, seed=7)
    made.waveforms   # float32 (2000, 3, 6000), counts, Z, N, E
    made.table       # p_sample, s_sample, p_snr_db, s_snr_db, mw, distance_km, instrument, kind, ...

The same source, path, site and noise as the world's, without its network: each record draws its own setting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd
from scipy import fft

from course_utils.synthetic import instruments, snr, transients
from course_utils.synthetic.ground_motion import GroundMotion, Parts, ground_motion
from course_utils.synthetic.noise import NoiseModel, noise, noise_rms
from course_utils.synthetic.path import Attenuation, Ray, Site, frequencies
from course_utils.synthetic.randomness import Draws
from course_utils.synthetic.source import EXPLOSION, Source, double_couple

KIND_WEIGHTS = {"earthquake": 0.9, "quarry blast": 0.1}
_INSTRUMENT_WEIGHTS = {"HH": 0.35, "EH": 0.25, "EP": 0.12, "HN": 0.16, "BH": 0.12}


@dataclass(frozen=True)
class Setting:
    """All that a record is made from, except its random numbers."""

    source: Source | None
    ray: Ray | None
    site: Site
    attenuation: Attenuation
    instrument: instruments.Instrument
    noise: NoiseModel
    cultural: float
    depth_km: float = float("nan")


@dataclass(frozen=True)
class Records:
    """Labelled windows: ``waveforms`` float32 (n, 3, samples) in counts, order Z, N, E, and one row of ``table`` each.

    Columns of the table: record, seed, kind ("noise" for windows without an event), instrument, mw, distance_km,
    hypocentral_km, depth_km, p_sample and s_sample (fractional; NaN outside the window or absent), p_snr_db and
    s_snr_db, p_visible and s_visible (at least 6 dB and inside), p_rms_m_s, s_rms_m_s, peak_m_s, noise_rms_m_s, gain (counts per m/s, or m/s**2 for HN).
    """

    waveforms: np.ndarray
    table: pd.DataFrame
    sampling_rate_hz: float


def records(
    n: int,
    seed: int,
    *,
    duration_s: float = 60.0,
    sampling_rate_hz: float = 100.0,
    noise_fraction: float = 0.1,
    kinds: dict[str, float] | None = None,
    parts: Parts | None = None,
    signal: bool = True,
    noise: bool = True,
    p_at_s: tuple[float, float] | None = None,
    phases_apart: bool = False,
    numbers: Sequence[int] | None = None,
    setting: Callable[[Draws, str], Setting] | None = None,
) -> Records:
    """``n`` labelled windows, each a pure function of ``seed`` and its number.

    ``kinds`` gives the relative frequency of event types, ``noise_fraction`` the share of windows without an event,
    ``parts`` switches physics off, ``signal=False`` or ``noise=False`` gives noise alone or noise-free signals (the
    SNR stays that against the expected noise), for banks that are mixed on the fly. P lies uniformly within
    ``p_at_s`` (default: from 4 s to 60 % of the window). ``numbers`` asks for certain records instead of the first
    ``n``. ``phases_apart`` gives six channels, Z, N, E of the P part and of the S part of noise-free signals, for
    augmentation that treats them differently. ``setting(draws, kind)`` replaces :func:`crustal_setting`; ``kind`` is "noise" for windows without an event.

    Raises:
        ValueError: a negative number of records, a window below 5 s, neither signal nor noise, or phases apart
            together with noise.
    """
    if n < 0 or duration_s < 5:
        raise ValueError(f"records: n is {n}, duration_s {duration_s}; ask for at least 0 records of at least 5 s")
    if not (signal or noise):
        raise ValueError("records: signal and noise are both off; switch one on")
    if phases_apart and noise:
        raise ValueError("records: noise belongs to no phase; phases_apart needs noise=False")
    kinds = KIND_WEIGHTS if kinds is None else kinds
    p_at_s = (min(4.0, 0.2 * duration_s), 0.6 * duration_s) if p_at_s is None else p_at_s
    numbers = range(n) if numbers is None else numbers
    samples = round(duration_s * sampling_rate_hz)
    channels = 6 if phases_apart else 3
    waveforms, rows = np.zeros((len(numbers), channels, samples), np.float32), []
    for k, number in enumerate(numbers):
        draws = Draws(int(seed), "record", int(number))
        pick = draws.child("kind")
        kind = "noise" if pick.chance(noise_fraction) else pick.choice(list(kinds), list(kinds.values()))
        made = (setting or crustal_setting)(draws.child("setting"), kind)
        p_at = draws.child("onset").uniform(*p_at_s)
        counts = np.zeros((channels, samples))
        row = {"record": int(number), "seed": int(seed), "kind": kind, "instrument": made.instrument.code}
        rms = noise_rms(made.noise, made.instrument, sampling_rate_hz=sampling_rate_hz, cultural=made.cultural)
        row |= {"noise_rms_m_s": float(np.sqrt(np.mean(rms**2))), "gain": made.instrument.gain}
        if kind != "noise":
            motion = _motion(made, draws, sampling_rate_hz, samples, p_at, parts)
            row |= _labels(made, motion, rms, sampling_rate_hz, samples)
            if signal:
                ground = np.concatenate([motion.p, motion.s]) if phases_apart else motion.total
                counts += recorded(ground, made.instrument, sampling_rate_hz)
        if noise:
            counts += noise_counts(made, draws, samples, sampling_rate_hz)
            counts = instruments.clip(counts)
        waveforms[k] = counts
        rows.append(row)
    return Records(waveforms, _table(rows), sampling_rate_hz)


def recorded(velocity_m_s: np.ndarray, instrument: instruments.Instrument, sampling_rate_hz: float) -> np.ndarray:
    """Counts (channels, n; not rounded) of ground velocity (channels, n) that begins and ends in silence."""
    samples = velocity_m_s.shape[-1]
    n = fft.next_fast_len(samples + int(2 * sampling_rate_hz), real=True)
    n += n % 2
    response = instrument.response(frequencies(n, float(sampling_rate_hz)), sampling_rate_hz)
    return fft.irfft(fft.rfft(velocity_m_s, n) * response, n)[..., :samples]


def noise_counts(made: Setting, draws: Draws, samples: int, sampling_rate_hz: float) -> np.ndarray:
    """Noise of one window (3, samples) in counts, with its transients."""
    n = fft.next_fast_len(samples, real=True)
    n += n % 2
    rms = noise_rms(made.noise, made.instrument, sampling_rate_hz=sampling_rate_hz, cultural=made.cultural)
    per_m_s = float(abs(made.instrument.response(np.array([5.0]))[0]))
    items = transients.transients(
        draws.child("transients"),
        n / sampling_rate_hz,
        made.noise.transients_per_hour,
        made.noise.kind,
        float(np.sqrt(np.mean(rms**2))),
        per_m_s,
        margin_s=0.0,
    )
    ground, counts = transients.waveforms(items, draws.child("transient shapes"), n, sampling_rate_hz)
    out = noise(
        made.noise,
        made.instrument,
        draws.child("noise"),
        n,
        sampling_rate_hz=sampling_rate_hz,
        cultural=made.cultural,
        added=ground,
    )
    return (out if counts is None else out + counts)[:, :samples]


def crustal_setting(draws: Draws, kind: str) -> Setting:
    """A shallow crustal earthquake or quarry blast at 2 to 120 km, drawn with the spread of real networks.

    Distances are log-uniform, so that the short S-P times of real local records are there; magnitudes follow the
    distance, from just invisible to far above the noise. Spectra: kappa around 0.018 s, Q of S 70 to 700 times f^n,
    stress drop around 4 MPa.
    """
    code = draws.choice(list(_INSTRUMENT_WEIGHTS), list(_INSTRUMENT_WEIGHTS.values()))
    ocean = code == "BH"
    instrument = instruments.INSTRUMENTS[code]
    instrument = instrument.with_gain(instrument.gain * draws.lognormal(1.0, 0.5))
    model = NoiseModel(
        key=draws.child("station").key,
        level=float(np.clip(draws.normal(0.55 if ocean else 0.42, 0.15), 0.08, 0.95)),
        microseism_db=draws.normal(3.0 if ocean else 0.0, 3.0),
        cultural_db=0.0 if ocean else max(0.0, draws.normal(6.0, 5.0)),
        infragravity_db=25.0 if ocean else 0.0,
        current_db=draws.uniform(3.0, 14.0) if ocean else 0.0,
        horizontal_db=draws.normal(1.5, 1.5),
        coherence=draws.uniform(0.05, 0.6),
        transients_per_hour=draws.lognormal(45.0, 0.7),
        kind="ocean bottom" if ocean else "land",
    )
    soft = ocean or draws.chance(0.45)
    site = Site(
        key=draws.child("site").key,
        kappa_s=draws.lognormal(0.024, 0.4),
        kappa_p_ratio=draws.uniform(0.5, 1.0),
        amplification=draws.lognormal(1.4 if soft else 1.0, 0.25),
        resonance_hz=draws.loguniform(1.0, 14.0) if soft else 0.0,
        resonance_gain=draws.uniform(0.3, 1.8) if soft else 0.0,
        resonance_width=draws.uniform(0.25, 0.6),
        sediment_delay_s=draws.lognormal(0.5 if ocean else 0.25, 0.5),
    )
    attenuation = Attenuation(
        qs0=draws.loguniform(70.0, 700.0),
        qs_exponent=draws.uniform(0.2, 0.8),
        qp_over_qs=draws.uniform(0.9, 2.2),
        coda_q0=draws.loguniform(50.0, 250.0),
        coda_q_exponent=draws.uniform(0.4, 0.9),
        scattering_per_km=draws.lognormal(0.01, 0.6),
        p_scattering_per_km=draws.lognormal(0.02, 0.6),
        forward_km=draws.lognormal(80.0, 0.4),
        broadening_s=draws.lognormal(0.5, 0.5),
        early_p=draws.lognormal(6.0, 0.6),
        early_s=draws.lognormal(2.5, 0.6),
        early_decay_s=draws.lognormal(0.8, 0.6),
        multipath=draws.uniform(0.25, 0.7),
        multipath_s=draws.lognormal(0.2, 0.5),
    )
    cultural = draws.uniform()
    if kind == "noise":
        return Setting(None, None, site, attenuation, instrument, model, cultural)
    source, ray, depth = _event(draws.child("event"), kind, model)
    if kind == "quarry blast":
        attenuation = replace(attenuation, scattering_per_km=2 * attenuation.scattering_per_km)
    return Setting(source, ray, site, attenuation, instrument, model, cultural, depth)


def _event(draws: Draws, kind: str, model: NoiseModel) -> tuple[Source, Ray, float]:
    if kind not in ("earthquake", "quarry blast", "low-frequency", "surface event"):
        raise ValueError(f"records: no setting for event type {kind!r}; pass your own setting function")
    blast = kind == "quarry blast"
    distance = draws.loguniform(2.0, 120.0)
    depth = 0.1 if blast or kind == "surface event" else min(draws.lognormal(6.0, 0.7), 28.0)
    hypocentral = float(np.hypot(distance, depth))
    vp = float(np.clip(4.8 + 0.06 * depth + 0.010 * hypocentral + draws.normal(0.0, 0.35), 3.4, 7.4))
    vs = vp / float(np.clip(draws.normal(1.74, 0.06), 1.6, 2.05))
    start = float(np.degrees(np.arctan2(distance, depth)))
    ray = Ray(
        distance,
        hypocentral,
        draws.uniform(0.0, 360.0),
        takeoff_p_deg=180.0 - min(start, draws.uniform(60.0, 110.0)),
        takeoff_s_deg=180.0 - min(start, draws.uniform(60.0, 110.0)),
        incidence_p_deg=min(start, draws.uniform(8.0, 45.0)),
        incidence_s_deg=min(start, draws.uniform(8.0, 38.0)),
        p_time_s=hypocentral / vp,
        s_time_s=hypocentral / vs,
        vp_km_s=max(vp, 4.5),
        vs_km_s=max(vp, 4.5) / 1.74,
    )
    quiet = -0.3 + 1.2 * np.log10(max(hypocentral, 3.0) / 5.0) + 1.2 * (model.level - 0.42) * 2.5
    mw = float(np.clip(quiet + draws.uniform(-0.3, 2.8), -0.8, 6.0))
    stress = draws.lognormal(4.0, 1.0)
    if kind == "low-frequency":  # small, with a corner frequency near 2.5 Hz whatever the size
        mw = min(mw, 2.2)
        usual = Source(mw, EXPLOSION, stress_drop_mpa=stress).corner_hz(ray.vs_km_s)
        stress *= (draws.lognormal(2.5, 0.3) / usual) ** 3
    if kind == "surface event":
        ray = replace(ray, s_time_s=float("nan"))
        down = (0.0, 0.0, 1.0)
        return Source(mw, force=down, kind=kind, duration_s=draws.loguniform(10.0, 120.0)), ray, 0.0
    if blast:
        rows = draws.integers(3, 12)
        gap = draws.uniform(0.02, 0.06)
        delays = tuple(float(v) for v in np.arange(rows) * gap)
        return Source(min(mw, 2.8), EXPLOSION, kind=kind, stress_drop_mpa=stress, delays_s=delays), ray, depth
    tensor = double_couple(draws.uniform(0, 360), np.degrees(np.arccos(draws.uniform(0, 1))), draws.uniform(-180, 180))
    return Source(mw, tensor, kind=kind, stress_drop_mpa=stress), ray, depth


def _motion(made: Setting, draws: Draws, rate: float, samples: int, p_at_s: float, parts: Parts | None) -> GroundMotion:
    return ground_motion(
        made.source,
        made.ray,
        made.site,
        made.attenuation,
        draws.child("motion"),
        sampling_rate_hz=rate,
        start_s=made.ray.p_time_s - p_at_s,
        samples=samples,
        parts=parts,
    )


def _labels(made: Setting, motion: GroundMotion, rms: np.ndarray, rate: float, samples: int) -> dict:
    ray = made.ray
    p_db, s_db, p_rms, s_rms = snr.snr_db(motion, ray.p_time_s, ray.s_time_s, rms)
    p_sample, s_sample = ((t - motion.start_s) * rate for t in (ray.p_time_s, ray.s_time_s))
    p_in, s_in = 0 <= p_sample < samples, 0 <= s_sample < samples  # NaN compares False
    where = asdict(ray)
    return {
        "mw": made.source.mw,
        "stress_drop_mpa": made.source.stress_drop_mpa,
        "distance_km": where["distance_km"],
        "hypocentral_km": where["hypocentral_km"],
        "depth_km": made.depth_km,
        "p_sample": p_sample if p_in else np.nan,
        "s_sample": s_sample if s_in else np.nan,
        "p_snr_db": p_db,
        "s_snr_db": s_db if s_in else np.nan,
        "p_visible": bool(p_in and p_db >= snr.VISIBLE_DB),
        "s_visible": bool(s_in and s_db >= snr.VISIBLE_DB),
        "p_rms_m_s": p_rms,
        "s_rms_m_s": s_rms,
        "peak_m_s": float(np.abs(motion.total).max()),
    }


def _table(rows: list[dict]) -> pd.DataFrame:
    numbers = ["mw", "stress_drop_mpa", "distance_km", "hypocentral_km", "depth_km", "p_sample", "s_sample"]
    numbers += ["p_snr_db", "s_snr_db", "p_rms_m_s", "s_rms_m_s", "peak_m_s", "noise_rms_m_s", "gain"]
    columns = ["record", "seed", "kind", "instrument", *numbers, "p_visible", "s_visible"]
    table = pd.DataFrame(rows, columns=columns)
    table[["p_visible", "s_visible"]] = table[["p_visible", "s_visible"]].eq(True)
    return table.astype(
        {"record": "int64", "seed": "int64", "kind": "str", "instrument": "str"} | dict.fromkeys(numbers, float)
    )
