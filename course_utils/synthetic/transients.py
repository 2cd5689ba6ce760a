"""What noise has that is not Gaussian: steps, cars, spikes, calibration pulses, bursts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from course_utils.synthetic.path import frequencies
from course_utils.synthetic.randomness import Draws

# kind: relative frequency on land, on the ocean floor; "counts" kinds bypass the sensor
_KINDS = {
    "footsteps": (0.22, 0.0, "ground"),
    "car": (0.24, 0.0, "ground"),
    "burst": (0.26, 0.45, "ground"),
    "hum": (0.08, 0.1, "ground"),
    "fish bump": (0.0, 0.35, "ground"),
    "spike": (0.12, 0.06, "counts"),
    "step": (0.05, 0.04, "counts"),
    "calibration": (0.03, 0.0, "counts"),
}


@dataclass(frozen=True)
class Transient:
    """One disturbance: ``start_s`` and ``end_s`` within its block, ``size`` in ``unit`` ("m/s" or "counts"), peak."""

    kind: str
    start_s: float
    end_s: float
    size: float
    unit: str


def transients(
    draws: Draws,
    duration_s: float,
    per_hour: float,
    where: str,
    noise_rms_m_s: float,
    counts_per_m_s: float,
    margin_s: float = 2.0,
) -> list[Transient]:
    """Transients of one block, drawn before any sample is made; sizes have a heavy (log-normal) tail.

    ``where`` is "land" or "ocean bottom"; sizes scale with ``noise_rms_m_s`` (1-16 Hz), in counts by
    ``counts_per_m_s`` at about 5 Hz. They keep ``margin_s`` away from the ends of the block.
    """
    if where not in ("land", "ocean bottom"):
        raise ValueError(f"noise kind is {where!r}; use 'land' or 'ocean bottom'")
    column = 0 if where == "land" else 1
    kinds, weights = list(_KINDS), [row[column] for row in _KINDS.values()]
    out = []
    for _ in range(draws.poisson(per_hour * duration_s / 3600.0)):
        kind = draws.choice(kinds, weights)
        unit = "m/s" if _KINDS[kind][2] == "ground" else "counts"
        length = {
            "footsteps": draws.uniform(2.0, 9.0),
            "car": draws.uniform(4.0, 25.0),
            "burst": draws.uniform(1.0, 15.0),
            "hum": draws.uniform(10.0, 60.0),
            "fish bump": draws.uniform(0.3, 1.5),
            "spike": 0.05,
            "step": draws.uniform(1.0, 12.0),
            "calibration": 6.0,
        }[kind]
        length = min(length, max(0.05, duration_s - 2 * margin_s))
        start = draws.uniform(margin_s, max(margin_s + 1e-6, duration_s - margin_s - length))
        size = noise_rms_m_s * draws.lognormal(5.0, 0.9) * (0.4 if kind == "hum" else 1.0)
        if unit == "counts":
            size *= counts_per_m_s * (3.0 if kind in ("step", "calibration") else 2.0)
        out.append(Transient(kind, start, start + length, float(size), unit))
    return out


def waveforms(
    items: list[Transient], draws: Draws, samples: int, sampling_rate_hz: float
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Their samples: ground velocity (3, samples) to add before the response, and counts to add after; None when empty."""
    sums: dict[str, np.ndarray | None] = {"m/s": None, "counts": None}
    for k, item in enumerate(items):
        first = int(item.start_s * sampling_rate_hz)
        width = max(1, min(round((item.end_s - item.start_s) * sampling_rate_hz), samples - first))
        shape = _shape(item.kind, draws.child(k), width, sampling_rate_hz)
        if sums[item.unit] is None:
            sums[item.unit] = np.zeros((3, samples))
        sums[item.unit][:, first : first + width] += item.size * shape
    return sums["m/s"], sums["counts"]


def _shape(kind: str, own: Draws, width: int, rate: float) -> np.ndarray:
    """One transient (3, width) with a peak of about one."""
    t = np.arange(width) / rate
    length = width / rate
    direction = own.normal(0.0, 1.0, 3) * np.array([own.uniform(0.4, 1.5), 1.0, 1.0])
    direction /= max(np.abs(direction).max(), 1e-6)
    if kind == "footsteps":
        step, pitch = own.uniform(0.4, 0.8), own.uniform(10.0, min(35.0, 0.35 * rate))
        wave = np.zeros(width)
        middle, spread = length / 2, length / 3
        for at in np.arange(0.1, length, step):
            later = np.clip(t - at * own.uniform(0.98, 1.02), 0.0, None)
            gain = np.exp(-0.5 * ((at - middle) / spread) ** 2) * own.lognormal(1.0, 0.3)
            wave += gain * np.exp(-later * own.uniform(8.0, 20.0)) * np.sin(2 * np.pi * pitch * later)
        return direction[:, None] * wave
    if kind == "car":
        pitch, nearest = own.uniform(5.0, min(28.0, 0.35 * rate)), own.uniform(0.35, 0.65) * length
        x = (t - nearest) / (0.15 * length)
        doppler = pitch * (t - 0.03 * 0.15 * length * np.sqrt(1 + x**2))
        rough = np.cumsum(own.normal(0.0, 0.25, width)) * np.sqrt(100.0 / rate)
        return direction[:, None] * (np.sin(2 * np.pi * doppler + rough) / (1 + x**2) * _hann(width))
    if kind == "burst":
        band = _band_noise(own, width, rate, own.loguniform(1.5, min(20.0, 0.35 * rate)), 0.4)
        rise = own.uniform(0.15, 0.5)
        x = t / length
        gate = np.where(x < rise, np.sin(np.pi / 2 * np.minimum(x / rise, 1)) ** 2, 0.0)
        gate = np.where(x >= rise, np.cos(np.pi / 2 * (x - rise) / (1 - rise)) ** 2, gate)
        return 0.4 * band * gate
    if kind == "hum":
        pitch = own.uniform(2.0, min(40.0, 0.4 * rate))
        gate = np.minimum(1.0, np.minimum(t, length - t) / (0.2 * length))
        return direction[:, None] * (np.sin(2 * np.pi * pitch * t + own.uniform(0, 6.28)) * gate)
    if kind == "fish bump":
        pitch = own.uniform(4.0, min(22.0, 0.35 * rate))
        return direction[:, None] * (np.exp(-t * own.uniform(4.0, 12.0)) * np.sin(2 * np.pi * pitch * t))
    if kind == "spike":
        shape = np.zeros((3, width))
        one = own.integers(0, 3)
        shape[one, : own.integers(1, 4)] = 1.0 if own.chance(0.5) else -1.0
        return shape
    if kind == "step":
        shape = np.zeros((3, width))
        one = own.integers(0, 3)
        shape[one] = np.exp(-4.0 * t / length) * (1.0 if own.chance(0.5) else -1.0)
        return shape
    pulse = np.where(t < 3.0, np.exp(-t / 0.7), -np.exp(-np.clip(t - 3.0, 0, None) / 0.7))  # calibration: on, off
    return np.ones((3, 1)) * pulse * _tail(width)


def _hann(width: int) -> np.ndarray:
    return np.sin(np.pi * (np.arange(width) + 0.5) / width) ** 2


def _tail(width: int) -> np.ndarray:
    out = np.ones(width)
    edge = max(1, width // 10)
    out[-edge:] = np.cos(np.linspace(0, np.pi / 2, edge)) ** 2
    return out


def _band_noise(own: Draws, width: int, rate: float, centre_hz: float, width_ln: float) -> np.ndarray:
    """Noise (3, width) of unit rms around one frequency."""
    n = fft.next_fast_len(max(width, 64), real=True)
    f = np.maximum(frequencies(n, rate), 1e-3)
    shape = np.exp(-0.5 * (np.log(f / centre_hz) / width_ln) ** 2)
    out = fft.irfft(own.complex_normal((3, f.size)) * shape, n)[:, :width]
    return out / np.maximum(np.sqrt(np.mean(out**2, axis=1, keepdims=True)), 1e-12)
