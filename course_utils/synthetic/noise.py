"""Ambient noise of a station: its spectrum between Peterson's models, and samples that follow it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import fft

from course_utils.synthetic.instruments import Instrument
from course_utils.synthetic.path import frequencies
from course_utils.synthetic.randomness import Draws

SNR_BAND_HZ = (1.0, 16.0)


@dataclass(frozen=True)
class NoiseModel:
    """What a station hears when nothing happens.

    ``level`` places the spectrum between Peterson's (1993) low-noise (0) and high-noise (1) models.
    ``microseism_db`` raises the secondary microseism (near 0.2 Hz), ``cultural_db`` the band 1 to 30 Hz by day at its
    peak, ``infragravity_db`` the band below 0.04 Hz under water, ``current_db`` the horizontals of an ocean-bottom
    station below 2 Hz (tilt by currents, Crawford and Webb 2000). ``horizontal_db`` raises both horizontals.
    ``coherence`` is the share of power that is common to the components. ``roughness_db`` is the standard
    deviation of a smooth random deviation drawn from ``key``. ``transients_per_hour`` and ``kind`` ("land" or
    "ocean bottom") belong to the transients of :mod:`course_utils.synthetic.transients`.
    """

    key: tuple[int | str, ...] = ("noise",)
    level: float = 0.45
    microseism_db: float = 0.0
    cultural_db: float = 6.0
    infragravity_db: float = 0.0
    current_db: float = 0.0
    horizontal_db: float = 2.0
    coherence: float = 0.25
    roughness_db: float = 3.0
    transients_per_hour: float = 40.0
    kind: str = "land"

    def acceleration_psd(self, frequencies_hz, cultural: float = 0.5) -> np.ndarray:
        """Expected ground acceleration power (3, m; Z, N, E) in (m/s**2)**2/Hz; ``cultural`` 0 (night) to 1 (rush hour)."""
        f = np.maximum(np.asarray(frequencies_hz, float), 1e-4)
        low, high = peterson_db(f)
        octaves = np.log2(f)
        db = low + (high - low) * self.level
        db = db + self.microseism_db * np.exp(-0.5 * ((octaves - np.log2(0.2)) / 1.0) ** 2)
        db = db + self.infragravity_db / (1.0 + (f / 0.03) ** 4)
        db = db + self.cultural_db * cultural * np.exp(-0.5 * ((octaves - np.log2(7.0)) / 1.6) ** 2)
        draws = Draws("noise spectrum", *self.key)
        nodes = np.log2(np.geomspace(0.005, 100.0, 12))
        common = draws.normal(0.0, self.roughness_db, nodes.size)
        out = np.empty((3, f.size))
        for c in range(3):
            own = draws.normal(0.0, 0.35 * self.roughness_db, nodes.size)
            out[c] = db + np.interp(octaves, nodes, common + own)
            if c:
                out[c] += self.horizontal_db + self.current_db / (1.0 + (f / 1.5) ** 2)
        return 10 ** (out / 10)

    def velocity_psd(self, frequencies_hz, cultural: float = 0.5) -> np.ndarray:
        """Expected ground velocity power (3, m) in (m/s)**2/Hz."""
        f = np.maximum(np.asarray(frequencies_hz, float), 1e-4)
        return self.acceleration_psd(f, cultural) / (2 * np.pi * f) ** 2


@lru_cache(maxsize=1)
def _peterson_tables() -> tuple[np.ndarray, ...]:
    from obspy.signal.spectral_estimation import get_nhnm, get_nlnm

    tables = []
    for get in (get_nlnm, get_nhnm):
        period, db = get()
        order = np.argsort(1 / period)
        tables += [np.log((1 / period)[order]), db[order]]
    return tuple(tables)


def peterson_db(frequencies_hz) -> tuple[np.ndarray, np.ndarray]:
    """New low- and high-noise models of Peterson (1993), dB of acceleration; constant above their last 10 Hz."""
    x = np.log(np.maximum(np.asarray(frequencies_hz, float), 1e-6))
    f_low, low, f_high, high = _peterson_tables()
    return np.interp(x, f_low, low), np.interp(x, f_high, high)


@lru_cache(maxsize=128)
def _amplitudes(
    model: NoiseModel, instrument: Instrument, n: int, sampling_rate_hz: float, cultural_step: int, unit: str
) -> tuple[np.ndarray, np.ndarray]:
    """Spectral amplitudes (ground, complex, (3, m); self-noise, real, (m,)) for unit complex normals."""
    f = frequencies(n, sampling_rate_hz)
    response = instrument.response(f, sampling_rate_hz)
    scale = np.sqrt(n * sampling_rate_hz / 4.0)  # rfft of noise with one-sided power S: E|X|^2 = S n fs / 2
    ground = np.sqrt(model.velocity_psd(f, cultural_step / 20.0)) * scale
    own = np.sqrt(instrument.self_noise_velocity_psd(f, sampling_rate_hz)) * scale
    if unit == "counts":
        ground, own = ground * response, own * np.abs(response)
    ground = ground.astype(complex)
    for array in (ground, own):
        array[..., 0] = 0.0
        array.flags.writeable = False
    return ground, own


def noise(
    model: NoiseModel,
    instrument: Instrument,
    draws: Draws,
    samples: int,
    *,
    sampling_rate_hz: float = 100.0,
    cultural: float = 0.5,
    unit: str = "counts",
    added: np.ndarray | None = None,
) -> np.ndarray:
    """A block of noise (3, samples; Z, N, E), periodic, with the spectrum of ``model`` seen through ``instrument``.

    ``unit`` is "counts" or "m/s" (ground velocity plus self-noise). ``added`` (3, samples), ground velocity in m/s,
    goes through the response too (transients). ``cultural`` is used in steps of 0.05. Choose ``samples`` with
    ``scipy.fft.next_fast_len``; a block of 1024 s at 100 Hz takes about 25 ms.
    """
    if unit not in ("counts", "m/s"):
        raise ValueError(f"unit is {unit!r}; use 'counts' or 'm/s'")
    ground, own = _amplitudes(model, instrument, samples, float(sampling_rate_hz), round(20 * cultural), unit)
    shared = draws.complex_normal((4, samples // 2 + 1))
    spectrum = np.sqrt(1.0 - model.coherence) * shared[:3]
    spectrum += np.sqrt(model.coherence) * shared[3] * _signs(model)[:, None]
    spectrum *= ground
    spectrum += draws.complex_normal((3, samples // 2 + 1)) * own
    if added is not None:
        through = instrument.response(frequencies(samples, float(sampling_rate_hz)), sampling_rate_hz)
        spectrum += fft.rfft(added) * (through if unit == "counts" else 1.0)
    return fft.irfft(spectrum, samples, overwrite_x=True)


def _signs(model: NoiseModel) -> np.ndarray:
    draws = Draws("noise signs", *model.key)
    return np.array([1.0, *(1.0 if draws.chance(0.5) else -1.0 for _ in range(2))])


def noise_rms(
    model: NoiseModel,
    instrument: Instrument,
    *,
    sampling_rate_hz: float = 100.0,
    cultural: float = 0.5,
    band_hz: tuple[float, float] = SNR_BAND_HZ,
) -> np.ndarray:
    """Expected rms ground velocity (3,) in m/s of noise and self-noise within ``band_hz``."""
    return _noise_rms(model, instrument, float(sampling_rate_hz), round(20 * cultural), band_hz).copy()


@lru_cache(maxsize=1024)
def _noise_rms(model, instrument, sampling_rate_hz, cultural_step, band_hz) -> np.ndarray:
    f = np.linspace(band_hz[0], min(band_hz[1], sampling_rate_hz / 2), 200)
    power = model.velocity_psd(f, cultural_step / 20.0) + instrument.self_noise_velocity_psd(f, sampling_rate_hz)
    return np.sqrt(power.mean(axis=-1) * (f[-1] - f[0]))
