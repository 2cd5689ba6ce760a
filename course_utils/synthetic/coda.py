"""Scattered waves: why a seismogram is long, and why its onset blurs with distance."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import fft

from course_utils.synthetic.path import Attenuation, frequencies
from course_utils.synthetic.randomness import Draws

BAND_CENTRES_HZ = (0.75, 1.5, 3.0, 6.0, 12.0, 24.0)


@lru_cache(maxsize=16)
def _bands(n: int, sampling_rate_hz: float) -> tuple[tuple[float, int, int, np.ndarray], ...]:
    """(centre, first bin, end bin, amplitude) of octave bands whose powers add up to one at every frequency."""
    f = np.maximum(frequencies(n, sampling_rate_hz), 1e-6)
    centres = [c for c in BAND_CENTRES_HZ if c / 1.41 < sampling_rate_hz / 2]
    octave = np.clip(np.log2(f / centres[0]), 0.0, len(centres) - 1.0)
    bands = []
    for k, centre in enumerate(centres):
        away = np.abs(octave - k)
        amplitude = np.where(away < 1, np.cos(np.pi / 2 * np.minimum(away, 1)), 0.0)
        used = np.flatnonzero(amplitude > 0)
        bands.append((centre, int(used[0]), int(used[-1]) + 1, amplitude[used[0] : used[-1] + 1]))
    return tuple(bands)


def envelope_power(
    attenuation: Attenuation,
    phase: str,
    travel_time_s: float,
    hypocentral_km: float,
    t: np.ndarray,
    early_energy: float,
    early_decay_s: float,
) -> np.ndarray:
    """Power (1/s, relative to the energy of the direct pulse) of the scattered waves ``t`` seconds after the onset.

    Three parts, before the decay of :func:`coda_decay`. Single scattering in the whole crust gives the coda of Aki
    and Chouet (1975) with the amplitude of Sato (1977): power 2 g v (t0 / lapse time)**2, the same at all stations
    at one lapse time. Forward scattering on the way takes energy out of the direct pulse and spreads it behind the
    onset, the more the farther (Saito, Sato and Ohtake 2002). Shallow structure near source and station adds a
    first, fast part.
    """
    speed = hypocentral_km / max(travel_time_s, 1e-3)
    g = attenuation.scattering_per_km if phase == "S" else attenuation.p_scattering_per_km
    rise_s = attenuation.broadening_s * (hypocentral_km / 100.0) ** 1.5 + 0.01
    power = 2.0 * g * speed * (travel_time_s / (travel_time_s + t)) ** 2 * -np.expm1(-t / (0.05 + rise_s))
    x = t / rise_s
    power += forward_loss(attenuation, hypocentral_km) * x * np.exp(-x) / rise_s
    power += early_energy / early_decay_s * 0.8 * (1.0 + t / early_decay_s) ** -1.8 * -np.expm1(-t / 0.12)
    return power


def coda_decay(attenuation: Attenuation, frequency_hz: float, t: np.ndarray) -> np.ndarray:
    """Amplitude exp(-pi f t / Qc) of the coda ``t`` seconds after the onset (Aki and Chouet 1975)."""
    return np.exp(-np.pi * frequency_hz / attenuation.coda_q(frequency_hz) * t)


def forward_loss(attenuation: Attenuation, hypocentral_km: float) -> float:
    """Share of the energy of a direct pulse that forward scattering has moved behind the onset."""
    return float(-np.expm1(-hypocentral_km / attenuation.forward_km))


def scattered(
    draws: Draws,
    attenuation: Attenuation,
    power: np.ndarray,
    n: int,
    sampling_rate_hz: float,
    weights: np.ndarray,
    coherence: float,
) -> np.ndarray:
    """Spectrum (3, n//2+1) of a scattered Green's function that begins at sample 0 and ends where ``power`` ends.

    ``power`` (m,) is the envelope power of :func:`envelope_power` at the samples; it is faded out over its last
    eighth. ``weights`` (3,) scales the components, of which a share
    ``coherence`` of the power is common to all three.
    """
    last = power.size
    t = np.arange(last) / sampling_rate_hz
    tail = max(1, last // 8)
    envelope = np.sqrt(power / sampling_rate_hz)
    envelope[-tail:] *= np.cos(np.linspace(0, np.pi / 2, tail)) ** 2
    total = np.zeros((3, last))
    for centre, first, end, amplitude in _bands(n, sampling_rate_hz):
        noise = draws.complex_normal((4, end - first))
        spectrum = np.zeros((3, n // 2 + 1), complex)
        spectrum[:, first:end] = np.sqrt(1 - coherence) * noise[:3] + np.sqrt(coherence) * noise[3]
        spectrum[:, first:end] *= amplitude * np.sqrt(n / 2)
        spectrum[:, 0] = 0
        band = fft.irfft(spectrum, n, overwrite_x=True)[:, :last]
        band *= envelope * coda_decay(attenuation, centre, t)
        total += band
    total *= weights[:, None]
    return fft.rfft(total, n)
