"""Local magnitude of a noise-free seismogram: what Richter's instrument would have written."""

from __future__ import annotations

import numpy as np
from scipy import fft

from course_utils.synthetic.ground_motion import GroundMotion
from course_utils.synthetic.path import frequencies

# Uhrhammer and Collins (1990, BSSA 80, 702): the Wood-Anderson seismograph as it was, not as it was meant to be
WOOD_ANDERSON_GAIN = 2080.0
_PERIOD_S, _DAMPING = 0.8, 0.7


def wood_anderson_log_mm(motion: GroundMotion) -> float:
    """Mean over the two horizontals of log10 of the largest amplitude (mm, zero to peak) on a Wood-Anderson seismograph."""
    rate, n = motion.sampling_rate_hz, motion.p.shape[1]
    padded = fft.next_fast_len(n + int(5 * rate), real=True)
    s = 2j * np.pi * frequencies(padded, rate)
    omega = 2 * np.pi / _PERIOD_S
    response = WOOD_ANDERSON_GAIN * s / (s**2 + 2 * _DAMPING * omega * s + omega**2)  # mm per mm/s of ground velocity
    written = fft.irfft(fft.rfft(1e3 * motion.total[1:], padded) * response, padded)[:, :n]
    return float(np.mean(np.log10(np.maximum(np.abs(written).max(axis=1), 1e-30))))


def distance_correction(hypocentral_km) -> np.ndarray:
    """-log A0 of Hutton and Boore (1987, BSSA 77, 2074) for southern California; 3 at 100 km."""
    r = np.maximum(np.asarray(hypocentral_km, float), 1.0)
    return 1.110 * np.log10(r / 100.0) + 0.00189 * (r - 100.0) + 3.0
