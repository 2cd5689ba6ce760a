"""Amplitude and signal-to-noise ratio of picks, on the records as they came, all picks of a record at once.

Amplitude: the largest absolute sample of any component within AMPLITUDE_WINDOW_S after the pick (a P stops at the next
S), of the ground velocity in m/s where the inventory knows the instrument, else of the counts; both between 1 Hz and
0.8 of the Nyquist frequency, by a zero-phase cosine band.
SNR: 20 log10 of the rms over all components 2 s after the pick to the rms from 5.5 to 0.5 s before it, 1-16 Hz by a
causal Butterworth filter.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pandas as pd

from .records import HYDROPHONE, SECOND_NS, Instrument, Piece
from .report import Report

AMPLITUDE_WINDOW_S = 3.0
BEFORE_S, AFTER_S = 9.0, 6.0
NOISE_S, SIGNAL_S = (-5.5, -0.5), (0.0, 2.0)
LOWEST_HZ, SNR_HIGHEST_HZ = 1.0, 16.0
_CHUNK = 128  # picks at once: their windows stay in the cache


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
        if letter == HYDROPHONE:  # pressure is no ground motion
            continue
        divide = _Divide(responses[letter], response, instrument, letter, report) if responses else None
        for rate, some, windows, inside in _windows(pieces, times_ns):
            peak, after, before = _measured(windows, inside, rate, length[some], divide)
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


def _windows(pieces: list[Piece], times_ns: np.ndarray) -> Iterator[tuple]:
    """(rate, picks, windows, inside) for some picks at a time: BEFORE_S before to AFTER_S after each of them.

    ``windows`` is (picks, samples) float64, the first and the last sample repeated where the record has ended; ``inside``
    is False there (None: nowhere).
    """
    for rate in dict.fromkeys(piece.rate_hz for piece in pieces):
        same = [piece for piece in pieces if piece.rate_hz == rate]
        starts = np.array([piece.start_ns for piece in same])
        lengths = np.array([len(piece.data) for piece in same])
        which = np.searchsorted(starts, times_ns, side="right") - 1
        since = times_ns - starts[np.maximum(which, 0)]
        here = np.flatnonzero((which >= 0) & (since < np.rint(lengths[which] / rate * SECOND_NS)))
        before, after = round(BEFORE_S * rate), round(AFTER_S * rate)
        n = before + after
        for at in range(0, len(here), _CHUNK):
            some = here[at : at + _CHUNK]
            begins = np.rint(since[some] / SECOND_NS * rate).astype(np.int64) - before
            windows = np.empty((len(some), n))
            lower = np.maximum(-begins, 0)
            upper = np.minimum(lengths[which[some]] - begins, n)
            for row, (piece, begin, a, b) in enumerate(zip(which[some], begins, lower, upper, strict=True)):
                data = same[piece].data
                windows[row, a:b] = data[begin + a : begin + b]
                if a:
                    windows[row, :a] = data[0]
                if b < n:
                    windows[row, b:] = data[-1]
            inside = None
            if lower.any() or (upper < n).any():
                column = np.arange(n)
                inside = (column >= lower[:, None]) & (column < upper[:, None])
            yield rate, some, windows, inside


def _measured(windows: np.ndarray, inside, rate: float, length_s: np.ndarray, divide) -> tuple[np.ndarray, ...]:
    """Peak, mean power after and before the pick of each window; powers are 0 where either side is too short."""
    from scipy.fft import irfft, rfft

    before, n = round(BEFORE_S * rate), windows.shape[1]
    early = windows[:, :before].mean(axis=1)
    if inside is not None:
        counts = inside[:, :before].sum(axis=1)
        sums = (windows[:, :before] * inside[:, :before]).sum(axis=1)
        early = np.where(counts > 0, sums / np.maximum(counts, 1), windows.mean(axis=1))
    taper, band, causal, frequency = _filters(n, rate)
    # single precision is enough once the offset is gone
    spectrum = rfft(np.multiply(windows - early[:, None], taper, dtype=np.float32, casting="same_kind"), axis=1)
    filtered = irfft(spectrum * causal, n, axis=1)
    power = []
    for begin, stop in (SIGNAL_S, NOISE_S):
        use = slice(before + int(np.ceil(begin * rate)), before + int(np.ceil(stop * rate)))
        square = filtered[:, use] ** 2
        if inside is None:
            power.append(square.mean(axis=1, dtype=np.float64))
        else:
            counts = inside[:, use].sum(axis=1)
            mean = (square * inside[:, use]).sum(axis=1, dtype=np.float64) / np.maximum(counts, 1)
            power.append(np.where(counts >= min(1.0, 0.5 * (stop - begin)) * rate, mean, np.nan))
    known = ~np.isnan(power[0]) & ~np.isnan(power[1])  # a component counts on both sides of the pick or not at all
    power = [np.where(known, p, 0.0) for p in power]

    ground = irfft(spectrum * (band if divide is None else band * divide(frequency, rate, n)), n, axis=1)
    ground = np.abs(ground[:, before : before + int(AMPLITUDE_WINDOW_S * rate) + 1])
    use = np.arange(ground.shape[1]) / rate <= length_s[:, None]
    if inside is not None:
        use &= inside[:, before : before + ground.shape[1]]
    return np.where(use, ground, -np.inf).max(axis=1), power[0], power[1]


@lru_cache(maxsize=16)
def _filters(n: int, rate: float) -> tuple[np.ndarray, ...]:
    """Taper of a window, spectra of the amplitude's band and of the causal filter (complex), and their frequencies."""
    from scipy.signal import butter, sosfreqz
    from scipy.signal.windows import tukey

    frequency = np.fft.rfftfreq(n, 1 / rate)
    sos = butter(2, (LOWEST_HZ, min(SNR_HIGHEST_HZ, 0.45 * rate)), "bandpass", fs=rate, output="sos")
    causal = sosfreqz(sos, worN=frequency, fs=rate)[1].astype(np.complex64)
    return tukey(n, 0.1).astype(np.float32), _band(frequency, rate).astype(np.float32), causal, frequency


def _band(frequency: np.ndarray, rate: float) -> np.ndarray:
    """1 from LOWEST_HZ to 0.8 Nyquist, flanks to 0 at half of the one and 0.95 Nyquist."""
    nyquist = rate / 2
    corners = (LOWEST_HZ / 2, LOWEST_HZ, 0.8 * nyquist, 0.95 * nyquist)
    return np.interp(frequency, corners, (0, 1, 1, 0), left=0, right=0) ** 2


def _responses(instrument: Instrument, inventory, times_ns: np.ndarray, report: Report) -> dict | None:
    """The response of each component when the picks were made, or None (noted) if one is not described."""
    from obspy import UTCDateTime

    when = UTCDateTime(ns=int(times_ns.min()))
    found = {}
    for letter in instrument.pieces:
        if letter == HYDROPHONE:
            continue
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
