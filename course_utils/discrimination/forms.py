"""One form for all records, before anything is compared.

Classes of events often come from different archives: other stations, rates, lengths, channels, other places of the onset. A classifier that
sees any of it learns the archive. So every record is brought to one form: vertical (or Z, N, E), one rate, one band, one length, the mean
removed, the same taper, unit peak, and the onset at a random place.

    prepared = prepare(streams)                 # whole records, filtered; refused ones with their reason
    windows = cut(prepared, seed=1)             # one window each, onset anywhere between 5 and 20 s
    noise = cut(prepared, seed=1, part="noise") # the same, before the onset: what is left to learn there is the archive
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import signal

from course_utils.discrimination.errors import DiscriminationError
from course_utils.discrimination.features import envelope_of, onset_s

if TYPE_CHECKING:
    import obspy

_ORDER = ("Z", "N", "E")
_ALIASES = {"1": "N", "2": "E"}
_SEISMOMETERS = "HLN"  # instrument codes: high gain, low gain, accelerometer; the first that a station has is used
_EDGE_S = 1.0
_GUARD_S = 2.0


@dataclass(frozen=True)
class Form:
    """What every record is brought to; lengths in s, frequencies in Hz."""

    sampling_rate_hz: float = 40.0
    low_hz: float = 1.0
    high_hz: float = 15.0
    length_s: float = 45.0
    onset_s: tuple[float, float] = (5.0, 20.0)
    taper_s: float = 1.0
    three_components: bool = False

    def __post_init__(self):
        low, high = self.onset_s
        if not 0 < self.low_hz < self.high_hz < self.sampling_rate_hz / 2:
            raise DiscriminationError(
                f"band {self.low_hz:g}-{self.high_hz:g} Hz does not fit a rate of {self.sampling_rate_hz:g} Hz"
            )
        if not (0 <= low <= high < self.length_s) or self.length_s < 10:
            raise DiscriminationError(
                f"onset {low:g}-{high:g} s, length {self.length_s:g} s: give a window of at least 10 s that holds the onset"
            )

    @property
    def samples(self) -> int:
        return round(self.length_s * self.sampling_rate_hz)


@dataclass(frozen=True)
class Prepared:
    """Whole records in one rate and band.

    Attributes:
        form: the form.
        traces: float32 (components, samples) each, Z alone or Z, N, E.
        onset: s after the first sample, found in the record itself.
        jump_db: energy of the 5 s after the onset over that of the 15 s before.
        source: number of each record among those given.
        skipped_s: first sample of the trace, after that of the stream.
        refused: the others: source, reason, one row each.
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
    """Windows of one form: ``waveforms`` float32 (n, samples) or (n, 3, samples); ``source`` the number of the record; ``onset`` in s."""

    form: Form
    waveforms: np.ndarray
    source: np.ndarray
    onset: np.ndarray
    jump_db: np.ndarray
    refused: pd.DataFrame


def prepare(
    streams: Sequence[obspy.Stream],
    form: Form | None = None,
    origin_s: np.ndarray | None = None,
    within_s: float = 50.0,
) -> Prepared:
    """Bring whole records to one rate and band, and find their onsets.

    Each stream is one station's record of one event; of several instruments the high-gain seismometer is taken, of several locations
    the first. Where the event's origin or first pick is known (``origin_s``, s after the first sample of the stream, else NaN), the onset is
    searched from 1 s before it to ``within_s`` after it; 50 s hold S at 170 km.

    A record is refused, with the reason, when it has no vertical (or, with ``three_components``, not all three), a rate that does not
    reach the band, is too short, is constant, clipped, or holds values that are not finite. Pieces of a record with gaps: the longest counts.
    """
    form = form or Form()
    traces, onsets, jumps, source, skipped, refused = [], [], [], [], [], []
    for number, stream in enumerate(streams):
        try:
            one, skipped_s = _whole(stream, form)
        except DiscriminationError as error:
            refused.append((number, str(error)))
            continue
        envelope, rate = envelope_of(one[:1], form.sampling_rate_hz)
        origin = np.nan if origin_s is None else float(origin_s[number]) - skipped_s
        if not 0 <= np.nan_to_num(origin) < one.shape[-1] / form.sampling_rate_hz:
            refused.append((number, "gap: the event is not in the longest piece of the record"))
            continue
        known = np.isfinite(origin)
        limits = (np.array([origin - 1.0]), np.array([origin + within_s])) if known else (None, None)
        found, jump = onset_s(envelope, rate, *limits)
        traces.append(one)
        skipped.append(skipped_s)
        onsets.append(float(found[0]))
        jumps.append(float(jump[0]))
        source.append(number)
    return Prepared(
        form,
        traces,
        np.array(onsets, float),
        np.array(jumps, float),
        np.array(source, int),
        np.array(skipped, float),
        pd.DataFrame(refused, columns=["source", "reason"]),
    )


def cut(
    prepared: Prepared,
    seed: int = 0,
    *,
    part: str = "event",
    onset_at_s: float | None = None,
    noise_before_s: np.ndarray | None = None,
) -> Windows:
    """One window from each record: tapered, demeaned, unit peak.

    Args:
        seed: of the random places; a record's place depends on the seed and its number alone.
        part: "event", with the onset at a random place within ``form.onset_s``, or "noise", anywhere before the onset.
        onset_at_s: "event" windows with the onset at this place instead: the test of window placement.
        noise_before_s: (number of records given,) noise ends here at the latest, for example at a known origin time; NaN: unknown.

    Records that are too short for the window asked for are refused and listed.
    """
    if part not in ("event", "noise"):
        raise DiscriminationError(f"part is {part!r}; use 'event' or 'noise'")
    form, rate = prepared.form, prepared.form.sampling_rate_hz
    out, source, at, jump, refused = [], [], [], [], []
    taper = _taper(form)
    for i, whole in enumerate(prepared.traces):
        number = int(prepared.source[i])
        rng = np.random.default_rng([seed, number])
        spare = whole.shape[-1] - form.samples
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
        window = whole[:, first : first + form.samples]
        window = (window - window.mean(-1, keepdims=True)) * taper
        peak = np.abs(window).max()
        if not peak > 0:
            refused.append((number, f"constant: nothing in the {part} window"))
            continue
        out.append((window / peak).astype(np.float32))
        source.append(number)
        at.append(prepared.onset[i] - first / rate)
        jump.append(prepared.jump_db[i])
    shape = (0, 3 if form.three_components else 1, form.samples)
    waveforms = np.stack(out) if out else np.zeros(shape, np.float32)
    return Windows(
        form,
        waveforms if form.three_components else waveforms[:, 0],
        np.array(source, int),
        np.array(at, float),
        np.array(jump, float),
        pd.DataFrame(refused, columns=["source", "reason"]),
    )


def _taper(form: Form) -> np.ndarray:
    return signal.windows.tukey(form.samples, 2 * form.taper_s / form.length_s).astype(np.float32)


def _whole(stream: obspy.Stream, form: Form) -> tuple[np.ndarray, float]:
    """(components, samples) of one station and its start in s after that of the stream, or an error whose text up to the colon is the
    reason."""
    pieces: dict[tuple[str, str], dict[str, list]] = {}
    for trace in stream:
        code = trace.stats.channel
        component = _ALIASES.get(code[-1:], code[-1:])
        pieces.setdefault((trace.stats.location, code[:2]), {}).setdefault(component, []).append(trace)
    if not pieces:
        raise DiscriminationError("no data: the stream is empty")
    wanted = _ORDER if form.three_components else _ORDER[:1]
    complete = [key for key, parts in pieces.items() if all(c in parts for c in wanted)]
    if not complete:
        raise DiscriminationError(
            f"no {', '.join(wanted)}: channels are {', '.join(sorted({t.stats.channel for t in stream}))}"
        )
    fast = [
        k for k in complete if min(t.stats.sampling_rate for c in wanted for t in pieces[k][c]) >= 2.5 * form.high_hz
    ]
    if not fast:
        rates = sorted({t.stats.sampling_rate for t in stream})
        raise DiscriminationError(
            f"rate too low: {', '.join(f'{r:g}' for r in rates)} Hz do not hold {form.high_hz:g} Hz"
        )
    key = min(fast, key=lambda k: (_SEISMOMETERS.find(k[1][1:2]) % 9, k[0], k[1]))
    chosen = [max(pieces[key][c], key=lambda t: t.stats.npts) for c in wanted]
    start = max(t.stats.starttime for t in chosen)
    end = min(t.stats.endtime for t in chosen)
    if end - start < form.length_s:
        raise DiscriminationError(f"too short: {max(end - start, 0):.1f} s, {form.length_s:g} s are needed")
    raw = []
    for trace in chosen:
        first = round((start - trace.stats.starttime) * trace.stats.sampling_rate)
        samples = np.ma.filled(trace.data, np.nan) if np.ma.isMaskedArray(trace.data) else trace.data
        raw.append(_resampled(_checked(np.asarray(samples, float)[first:]), trace.stats.sampling_rate, form))
    shortest = min(r.size for r in raw)
    skipped_s = start - min(t.stats.starttime for t in stream)
    return np.stack([r[:shortest] for r in raw]).astype(np.float32), float(skipped_s)


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
    from fractions import Fraction

    x = signal.detrend(x, type="linear")
    edge = signal.windows.tukey(x.size, min(1.0, 2 * _EDGE_S * rate / x.size))
    ratio = Fraction(form.sampling_rate_hz / rate).limit_denominator(1000)
    if ratio != 1:
        x = signal.resample_poly(x * edge, ratio.numerator, ratio.denominator)
    else:
        x = x * edge
    sos = signal.butter(4, [form.low_hz, form.high_hz], "bandpass", fs=form.sampling_rate_hz, output="sos")
    return signal.sosfiltfilt(sos, x)
