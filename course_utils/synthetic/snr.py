"""The one definition of "visible": how much a phase stands above everything else at its onset."""

from __future__ import annotations

import numpy as np
from scipy import fft

from course_utils.synthetic.ground_motion import GroundMotion
from course_utils.synthetic.noise import SNR_BAND_HZ

WINDOW_S = 2.0
VISIBLE_DB = 6.0


def band_rms(window: np.ndarray, sampling_rate_hz: float, band_hz: tuple[float, float] = SNR_BAND_HZ) -> np.ndarray:
    """Rms (...,) of windows (..., n) within a band, from the spectrum of the detrended, slightly tapered window."""
    n = window.shape[-1]
    line = np.linspace(-1.0, 1.0, n)
    window = window - window.mean(axis=-1, keepdims=True)
    window = window - (window @ line / (line @ line))[..., None] * line
    edge = max(2, n // 10)
    taper = np.ones(n)
    taper[:edge] = np.sin(np.linspace(0, np.pi / 2, edge)) ** 2
    taper[-edge:] = taper[:edge][::-1]
    spectrum = fft.rfft(window * taper)
    f = fft.rfftfreq(n, 1 / sampling_rate_hz)
    used = (f >= band_hz[0]) & (f <= band_hz[1])
    return np.sqrt(2 * np.sum(np.abs(spectrum[..., used]) ** 2, axis=-1) / (n * np.sum(taper**2)))


def phase_rms(motion: GroundMotion, phase: str, onset_s: float, of: str | None = None) -> np.ndarray:
    """Rms (3,) in m/s, 1-16 Hz, of one phase alone in the 2 s after ``onset_s`` (after the origin time).

    ``of`` names the phase that is measured when it is not the one whose onset it is (P coda under S). A window
    that runs out of the record counts what there is, zeros after; one that begins outside it gives zeros.
    """
    rate = motion.sampling_rate_hz
    first, width = round((onset_s - motion.start_s) * rate), round(WINDOW_S * rate)
    data = motion.p if (of or phase) == "P" else motion.s
    window = np.zeros((3, width))
    if 0 <= first < data.shape[1]:
        cut = data[:, first : first + width]
        window[:, : cut.shape[1]] = cut
    return band_rms(window, rate)


def snr_db(
    motion: GroundMotion,
    p_time_s: float,
    s_time_s: float,
    noise_rms: np.ndarray,
    components: tuple[int, ...] = (0, 1, 2),
) -> tuple[float, float, float, float]:
    """SNR of P and of S in dB, and their rms in m/s: (p_db, s_db, p_rms, s_rms).

    Signal: rms of that phase alone in the 2 s after its onset. Everything else: the expected noise rms
    (``noise_rms`` (3,), m/s, of :func:`noise.noise_rms`) and, for S, the rms of P and its coda there. 1-16 Hz, over
    all recorded ``components``. ``s_time_s`` NaN gives NaN for S. Visible means at least :data:`VISIBLE_DB`.
    """
    use = list(components)

    def over(rms):
        return float(np.sqrt(np.mean(np.square(rms[use]))))

    quiet, p = over(noise_rms), over(phase_rms(motion, "P", p_time_s))
    p_db = 20 * np.log10(max(p, 1e-30) / quiet)
    if not np.isfinite(s_time_s):
        return p_db, float("nan"), p, float("nan")
    s = over(phase_rms(motion, "S", s_time_s))
    under = over(phase_rms(motion, "S", s_time_s, of="P"))
    return p_db, 20 * np.log10(max(s, 1e-30) / np.hypot(quiet, under)), p, s
