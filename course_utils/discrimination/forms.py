"""One form for all records, before anything is compared.

Classes of events often come from different archives: other stations, rates, lengths, channels, other places of the onset. A classifier that
sees any of it learns the archive. So every record is brought to one form: vertical, one rate, one band, one length, the mean
removed, the same taper, unit peak, and the onset at a random place.

    prepared = prepare(streams)                 # whole records, filtered; refused ones with their reason
    windows = cut(prepared, seed=1)             # one window each, onset anywhere between 5 and 20 s
    noise = cut(prepared, seed=1, part="noise") # the same, before the onset: what is left to learn there is the archive
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import signal

from course_utils.discrimination import DiscriminationError
from course_utils.discrimination.features import envelope_of, onset_s

if TYPE_CHECKING:
    import obspy

_SEISMOMETERS = "HLN"  # instrument codes: high gain, low gain, accelerometer; the first that a station has is used
_GUARD_S = 2.0
_TAPER_S = 1.0


@dataclass(frozen=True)
class Form:
    """What every record is brought to; lengths in s, frequencies in Hz."""

    sampling_rate_hz: float = 40.0
    low_hz: float = 1.0
    high_hz: float = 15.0
    length_s: float = 45.0
    onset_s: tuple[float, float] = (5.0, 20.0)

    @property
    def samples(self) -> int:
        return round(self.length_s * self.sampling_rate_hz)


@dataclass(frozen=True)
class Prepared:
    """Whole records, float32 (samples,), in one rate and band; ``source`` their numbers among those given.

    Onsets in s after the first sample of the trace, which is ``skipped_s`` after that of the stream; ``jump_db`` is the energy of the 5 s
    after the onset over that of the 15 s before; ``refused`` lists the others (source, reason).
    """

    form: Form
    traces: list[np.ndarray]
    onset: np.ndarray
    jump_db: np.ndarray
    source: np.ndarray
    skipped_s: np.ndarray
    refused: pd.DataFrame

    def refused_counts(self) -> dict[str, int]:
        """How many records were refused, by reason."""
        return self.refused["reason"].str.split(":").str[0].value_counts().to_dict()


@dataclass(frozen=True)
class Windows:
    """Windows of one form: ``waveforms`` float32 (n, samples); ``source`` the number of the record; ``onset`` in s; ``refused`` the others."""

    waveforms: np.ndarray
    source: np.ndarray
    onset: np.ndarray
    jump_db: np.ndarray
    refused: pd.DataFrame


def prepare(
    streams: Sequence[obspy.Stream], form: Form | None = None, origin_s: np.ndarray | None = None, within_s=50.0
) -> Prepared:
    """Bring whole records to one rate and band, and find their onsets.

    Each stream is one station's record of one event; of several instruments the high-gain seismometer is taken, of several locations
    the first, of pieces with gaps the longest. Where the event's origin or first pick is known (``origin_s``, s after the first sample of
    the stream, else NaN), the onset is searched from 1 s before it to ``within_s`` after it; 50 s hold S at 170 km. A record is refused, with
    the reason, when it has no vertical, a rate that does not reach the band, is too short, constant, clipped or not finite.
    """
    form = form or Form()
    traces, rows, refused = [], [], []
    for number, stream in enumerate(streams):
        try:
            one, skipped_s = _whole(stream, form)
            origin = np.nan if origin_s is None else float(origin_s[number]) - skipped_s
            if not 0 <= np.nan_to_num(origin) < one.size / form.sampling_rate_hz:
                raise DiscriminationError("gap: the event is not in the longest piece of the record")
        except DiscriminationError as error:
            refused.append((number, str(error)))
            continue
        limits = (np.array([origin - 1.0]), np.array([origin + within_s])) if np.isfinite(origin) else ()
        found, jump = onset_s(*envelope_of(one[None], form.sampling_rate_hz), *limits)
        traces.append(one)
        rows.append((found[0], jump[0], number, skipped_s))
    onset, jump, source, skipped = np.array(rows, float).reshape(-1, 4).T
    refused = pd.DataFrame(refused, columns=["source", "reason"])
    return Prepared(form, traces, onset, jump, source.astype(int), skipped, refused)


def cut(
    prepared: Prepared,
    seed=0,
    *,
    part="event",
    onset_at_s: float | None = None,
    noise_before_s: np.ndarray | None = None,
) -> Windows:
    """One window from each record: tapered, demeaned, unit peak. Records too short for it are refused and listed.

    Args:
        seed: a record's random place depends on it and on the record's number alone.
        part: "event", with the onset at a random place within ``form.onset_s``, or "noise", anywhere before the onset.
        onset_at_s: "event" windows with the onset at this place instead: the test of window placement.
        noise_before_s: (number of records given,) noise ends here at the latest, for example at a known origin time; NaN: unknown.
    """
    if part not in ("event", "noise"):
        raise DiscriminationError(f"part is {part!r}; use 'event' or 'noise'")
    form, rate = prepared.form, prepared.form.sampling_rate_hz
    taper = signal.windows.tukey(form.samples, 2 * _TAPER_S / form.length_s).astype(np.float32)
    waveforms, rows, refused = [np.zeros((0, form.samples), np.float32)], [], []
    for i, whole in enumerate(prepared.traces):
        number = int(prepared.source[i])
        rng = np.random.default_rng([seed, number])
        spare = whole.size - form.samples
        if part == "event":
            place = rng.uniform(*form.onset_s) if onset_at_s is None else onset_at_s
            first = min(max(round((prepared.onset[i] - place) * rate), 0), spare)
        else:
            end = prepared.onset[i] - _GUARD_S
            if noise_before_s is not None:
                end = np.fmin(end, noise_before_s[number] - prepared.skipped_s[i])
            spare = min(spare, int(end * rate) - form.samples)
            first = int(rng.integers(0, spare + 1)) if spare >= 0 else 0
        if spare < 0:
            refused.append((number, f"too short: no {part} window of {form.length_s:g} s in it"))
            continue
        window = whole[first : first + form.samples]
        window = (window - window.mean()) * taper
        peak = np.abs(window).max()
        if not peak > 0:
            refused.append((number, f"constant: nothing in the {part} window"))
            continue
        waveforms.append((window / peak)[None])
        rows.append((number, prepared.onset[i] - first / rate, prepared.jump_db[i]))
    source, onset, jump = np.array(rows, float).reshape(-1, 3).T
    refused = pd.DataFrame(refused, columns=["source", "reason"])
    return Windows(np.concatenate(waveforms), source.astype(int), onset, jump, refused)


def _whole(stream: obspy.Stream, form: Form) -> tuple[np.ndarray, float]:
    """Vertical (samples,) of one station and its start in s after that of the stream, or an error whose text up to the colon is the reason."""
    if not stream:
        raise DiscriminationError("no data: the stream is empty")
    vertical = [t for t in stream if t.stats.channel.endswith("Z")]
    if not vertical:
        raise DiscriminationError(f"no Z: channels are {', '.join(sorted({t.stats.channel for t in stream}))}")
    fast = [t for t in vertical if t.stats.sampling_rate >= 2.5 * form.high_hz]
    if not fast:
        rates = sorted({t.stats.sampling_rate for t in vertical})
        raise DiscriminationError(f"rate too low: {', '.join(map(str, rates))} Hz do not hold {form.high_hz:g} Hz")
    of = [
        (_SEISMOMETERS.find(t.stats.channel[1:2]) % 9, t.stats.location, t.stats.channel, -t.stats.npts) for t in fast
    ]
    trace = fast[of.index(min(of))]
    seconds = trace.stats.endtime - trace.stats.starttime
    if seconds < form.length_s:
        raise DiscriminationError(f"too short: {seconds:.1f} s, {form.length_s:g} s are needed")
    samples = np.ma.filled(trace.data.astype(float), np.nan) if np.ma.isMaskedArray(trace.data) else trace.data
    x = _resampled(_checked(np.asarray(samples, float)), trace.stats.sampling_rate, form).astype(np.float32)
    return x, float(trace.stats.starttime - min(t.stats.starttime for t in stream))


def _checked(x: np.ndarray) -> np.ndarray:
    if not np.isfinite(x).all():
        raise DiscriminationError(f"not finite: {int((~np.isfinite(x)).sum())} samples")
    low, high = x.min(), x.max()
    if low == high:
        raise DiscriminationError("constant: every sample is the same")
    if np.mean(x == x[0]) > 0.5 and np.mean(np.diff(x) == 0) > 0.5:
        raise DiscriminationError("constant: more than half of the samples repeat one value")
    # a plateau of at least five samples at both ends of the range: a digitiser at its limit, not a wave
    for limit in (low, high):
        flat = np.diff(np.concatenate([[0], (x == limit).astype(np.int8), [0]]))
        runs = np.flatnonzero(flat == -1) - np.flatnonzero(flat == 1)
        if runs.max() >= 5 and abs(limit - np.median(x)) > 10 * np.median(np.abs(x - np.median(x))):
            raise DiscriminationError(f"clipped: {int(runs.max())} samples in a row at {limit:g}")
    return x


def _resampled(x: np.ndarray, rate: float, form: Form) -> np.ndarray:
    x = signal.detrend(x, type="linear")
    edge = signal.windows.tukey(x.size, min(1.0, 2 * _TAPER_S * rate / x.size))
    ratio = Fraction(form.sampling_rate_hz / rate).limit_denominator(1000)
    x = signal.resample_poly(x * edge, ratio.numerator, ratio.denominator)
    sos = signal.butter(4, [form.low_hz, form.high_hz], "bandpass", fs=form.sampling_rate_hz, output="sos")
    return signal.sosfiltfilt(sos, x)
