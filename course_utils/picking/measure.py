"""Amplitude and signal-to-noise ratio of picks, on the records as they came, all picks of a record at once.

Amplitude: the largest absolute sample of any component within AMPLITUDE_WINDOW_S after the pick (a P stops at the next
S), of the ground velocity in m/s where the inventory knows the instrument, else of the counts; both between 1 Hz and
0.8 of the Nyquist frequency, by a zero-phase cosine band.
SNR: 20 log10 of the rms over all components 2 s after the pick to the rms from 5.5 to 0.5 s before it, 1-16 Hz by a
causal Butterworth filter.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from .records import SECOND_NS, Instrument, Piece
from .report import Report

AMPLITUDE_WINDOW_S = 3.0
BEFORE_S, AFTER_S = 9.0, 6.0
NOISE_S, SIGNAL_S = (-5.5, -0.5), (0.0, 2.0)
LOWEST_HZ, SNR_HIGHEST_HZ = 1.0, 16.0
_CHUNK = 256


def measure(
    times_ns: np.ndarray,
    phases: np.ndarray,
    instrument: Instrument,
    report: Report,
    inventory=None,
    response: str = "full",
) -> tuple[np.ndarray, str, np.ndarray]:
    """Amplitudes, their unit and SNRs (dB) of picks of one instrument; NaN where the records do not reach.

    Args:
        times_ns: pick times, nanoseconds since 1970 (n,).
        phases: "P" or "S" (n,).
        inventory: ObsPy Inventory, or None for counts.
        response: "full" divides by the response at each frequency (also of accelerometers), "sensitivity" by the
            overall sensitivity alone.
    """
    n = len(times_ns)
    length = _amplitude_seconds(times_ns, phases)
    amplitude, power_after, power_before = np.full(n, -np.inf), np.zeros(n), np.zeros(n)
    unit = "counts"
    responses = None
    if inventory is not None:
        responses = _responses(instrument, inventory, times_ns, report)
        unit = "m/s" if responses is not None else "counts"
    for letter, pieces in instrument.pieces.items():
        for piece in pieces:
            end_ns = piece.start_ns + round(len(piece.data) / piece.rate_hz * SECOND_NS)
            here = np.flatnonzero((times_ns >= piece.start_ns) & (times_ns < end_ns))
            divide = _Divide(responses[letter], response, instrument, letter, report) if responses else None
            for at in range(0, len(here), _CHUNK):
                some = here[at : at + _CHUNK]
                peak, after, before = _one_piece(piece, times_ns[some], length[some], divide)
                amplitude[some] = np.fmax(amplitude[some], peak)
                power_after[some] += after
                power_before[some] += before
    with np.errstate(divide="ignore", invalid="ignore"):
        snr = 10 * np.log10(power_after / power_before)
    snr[~np.isfinite(snr)] = np.nan
    amplitude[~np.isfinite(amplitude)] = np.nan
    return amplitude, unit, snr


def _amplitude_seconds(times_ns: np.ndarray, phases: np.ndarray) -> np.ndarray:
    """Length of each amplitude window: a P must not measure the S that follows it."""
    length = np.full(len(times_ns), AMPLITUDE_WINDOW_S)
    s_times = np.sort(times_ns[phases == "S"])
    if len(s_times):
        following = np.searchsorted(s_times, times_ns, side="right")
        until = (s_times[np.minimum(following, len(s_times) - 1)] - times_ns) / SECOND_NS
        cut = (phases == "P") & (following < len(s_times))
        length[cut] = np.minimum(length[cut], until[cut])
    return length


def _one_piece(piece: Piece, times_ns: np.ndarray, length_s: np.ndarray, divide) -> tuple[np.ndarray, ...]:
    from scipy.signal import butter, sosfilt

    rate = piece.rate_hz
    before, after = round(BEFORE_S * rate), round(AFTER_S * rate)
    picked = np.rint((times_ns - piece.start_ns) / SECOND_NS * rate).astype(np.int64)
    samples = picked[:, None] + np.arange(-before, after)
    inside = (samples >= 0) & (samples < len(piece.data))
    windows = piece.data[np.clip(samples, 0, len(piece.data) - 1)].astype(np.float64)
    relative = np.arange(-before, after) / rate
    early = inside & (relative < 0)
    noise_mean = (windows * early).sum(axis=1) / np.maximum(early.sum(axis=1), 1)
    windows -= np.where(early.any(axis=1), noise_mean, windows.mean(axis=1))[:, None]

    high = min(SNR_HIGHEST_HZ, 0.45 * rate)
    filtered = sosfilt(butter(2, (LOWEST_HZ, high), "bandpass", fs=rate, output="sos"), windows, axis=1) ** 2
    power = []
    for begin, stop in (SIGNAL_S, NOISE_S):
        use = inside & (relative >= begin) & (relative < stop)
        enough = use.sum(axis=1) >= min(1.0, 0.5 * (stop - begin)) * rate
        power.append(np.where(enough, (filtered * use).sum(axis=1) / np.maximum(use.sum(axis=1), 1), np.nan))
    known = ~np.isnan(power[0]) & ~np.isnan(power[1])  # a component counts on both sides of the pick or not at all
    power = [np.where(known, p, 0.0) for p in power]

    n = windows.shape[1]
    frequency = np.fft.rfftfreq(n, 1 / rate)
    spectrum = np.fft.rfft(windows * _taper(n), axis=1) * _band(frequency, rate)
    if divide is not None:
        spectrum *= divide(frequency, rate, n)
    ground = np.abs(np.fft.irfft(spectrum, n, axis=1))
    use = inside & (relative >= 0) & (relative <= length_s[:, None])
    peak = np.where(use, ground, -np.inf).max(axis=1)
    return peak, power[0], power[1]


def _taper(n: int) -> np.ndarray:
    from scipy.signal.windows import tukey

    return tukey(n, 0.1)


def _band(frequency: np.ndarray, rate: float) -> np.ndarray:
    """1 from LOWEST_HZ to 0.8 Nyquist, cosine flanks to 0 at half of the one and 0.95 Nyquist."""
    nyquist = rate / 2
    corners = (LOWEST_HZ / 2, LOWEST_HZ, 0.8 * nyquist, 0.95 * nyquist)
    return np.interp(frequency, corners, (0, 1, 1, 0), left=0, right=0) ** 2 * 1.0


def _responses(instrument: Instrument, inventory, times_ns: np.ndarray, report: Report) -> dict | None:
    """The response of each component when the picks were made, or None (noted) if one is not described."""
    from obspy import UTCDateTime

    when = UTCDateTime(ns=int(times_ns.min()))
    found = {}
    for letter in instrument.pieces:
        try:
            found[letter] = inventory.get_response(instrument.seed_id(letter), when)
        except Exception as error:  # ObsPy raises a bare Exception when nothing matches
            report.note("no response", instrument.station, instrument.channel, detail=f"{letter}: {error}")
            return None
        sensitivity = found[letter].instrument_sensitivity
        if not found[letter].response_stages and (sensitivity is None or not sensitivity.value):
            report.note("no response", instrument.station, instrument.channel, detail=f"{letter}: it is empty")
            return None
    return found


class _Divide:
    """What the spectrum of counts is multiplied with to become the spectrum of ground velocity."""

    def __init__(self, response, how: str, instrument: Instrument, letter: str, report: Report):
        if how not in ("full", "sensitivity"):
            raise ValueError(f"response is {how!r}; use 'full' or 'sensitivity'")
        self.response, self.how = response, how
        self.instrument, self.letter, self.report = instrument, letter, report

    def __call__(self, frequency: np.ndarray, rate: float, n: int) -> np.ndarray:
        inside = (frequency >= LOWEST_HZ / 2) & (frequency <= rate / 2)
        factor = np.zeros(len(frequency), np.complex128)
        if self.how == "full":
            try:
                gain, _ = self.response.get_evalresp_response(1 / rate, n, output="VEL")
            except Exception as error:  # evalresp refuses incomplete stages in many ways; the sensitivity is left
                where = self.instrument.station, self.instrument.channel + self.letter
                self.report.note("sensitivity only", *where, detail=str(error))
            else:
                inside &= np.abs(gain) > 0
                factor[inside] = 1 / gain[inside]
                return factor
        sensitivity = self.response.instrument_sensitivity
        power = {"M": 1, "M/S": 0, "M/S**2": -1, "M/S/S": -1}.get(str(sensitivity.input_units).upper(), 0)
        factor[inside] = (2j * np.pi * frequency[inside]) ** power / sensitivity.value
        return factor


def to_utc(times_ns: np.ndarray) -> pd.Series:
    """Nanoseconds since 1970 as whole microseconds, UTC."""
    micro = np.rint(np.asarray(times_ns, np.int64) / 1000).astype(np.int64)
    return pd.Series(pd.to_datetime(micro, unit="us", utc=True))
