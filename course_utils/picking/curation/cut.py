"""One window of one station: samples in order and at the asked rate, and what is wrong with them.

The cleaning is the picker's (:mod:`course_utils.picking.records`), so that a model learns from what it will be shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from ..measure import LOWEST_HZ, NOISE_S, SIGNAL_S, SNR_HIGHEST_HZ
from ..records import HYDROPHONE, SECOND_NS, Instrument, Piece, component_index, instruments
from ..report import Report
from .settings import CurationSettings

PAD_S = 2.0  # read beyond both ends, where resampling rings
_BANDS = "HBECSDG"  # of several instruments at one place the seismometer with the higher rate, as far as the code says
_LEAST_S = 1.0  # of signal or noise that an SNR needs
_CLIPPED_RUN = 3  # samples at the extreme in a row


@dataclass(frozen=True)
class Cut:
    """``data`` (components, samples) float32; ``start_ns`` the time of the first sample."""

    data: np.ndarray
    start_ns: int
    channel: str
    recorded_rate_hz: float
    missing: str
    completeness: float
    flags: dict[str, bool] = field(default_factory=dict)


class Unusable(Exception):
    """A window that cannot be used: (reason, detail)."""


def cut(stream, start_us: int, settings: CurationSettings, channel: str = "", divide=None) -> Cut:
    """The window of a stream that starts at (the sample nearest to) ``start_us``.

    Args:
        stream: records of one station, at least PAD_S longer on both sides; not changed.
        channel: band and instrument code to use if it is there ("HH").
        divide: ``divide(instrument, letter)`` gives the sensitivity; None leaves counts.

    Raises:
        Unusable: no records, too few components, too many gaps, or no sensitivity.
    """
    report = Report()
    found = instruments(stream, settings.component_order, 0.0, report)
    if not found:
        raise Unusable(
            "no records in the window" if not len(stream) else "no usable records in the window", str(report)
        )
    instrument = _choose(found, channel)
    order = settings.component_order
    rate, n = settings.sampling_rate_hz, settings.samples
    parts = [
        (letter, component_index(letter, order), piece) for letter, some in instrument.pieces.items() for piece in some
    ]
    start_ns = start_us * 1000
    flags = {
        "trace_has_overlaps": _noted(report, "overlap disagrees", instrument),
        "trace_has_nan": _noted(report, "not a number", instrument),
        "trace_has_clipping": any(_clipped(_within(piece, start_ns, settings)) for _, _, piece in parts),
    }
    first = min(parts, key=lambda part: (part[1], part[2].start_ns))[2]
    recorded_rate = first.rate_hz
    parts = [(letter, index, _at_rate(piece, rate)) for letter, index, piece in parts]
    anchor = next(piece for _, index, piece in sorted(parts, key=lambda p: (p[1], p[2].start_ns)))
    grid_ns = anchor.start_ns + round(round((start_ns - anchor.start_ns) / SECOND_NS * rate) / rate * SECOND_NS)
    data = np.full((len(order), n), np.nan)
    for letter, index, piece in parts:
        at = round((piece.start_ns - grid_ns) / SECOND_NS * rate)
        a, b = max(at, 0), min(at + len(piece.data), n)
        if a < b:
            values = piece.data[a - at : b - at].astype(np.float64)
            data[index, a:b] = values if divide is None else values / divide(instrument, letter)
    there = np.isfinite(data)
    moving = np.array([bool(there[i].any()) and _moves(data[i][there[i]]) for i in range(len(order))])
    if moving.sum() < settings.min_components:
        raise Unusable("too few components", f"{int(moving.sum())} of {len(order)}, {instrument.channel}; {report}")
    complete = float(there[moving].mean())
    if complete < settings.min_completeness:
        raise Unusable("too many gaps", f"{complete:.1%} recorded, {instrument.channel}")
    flags["trace_has_gaps"] = complete < 1.0
    for i in range(len(order)):
        data[i] = _bridged(data[i], there[i]) if moving[i] else 0.0
    missing = "".join(letter for letter, is_there in zip(order, moving, strict=True) if not is_there)
    return Cut(data.astype(np.float32), grid_ns, instrument.channel, recorded_rate, missing, complete, flags)


def snr_db(data: np.ndarray, rate_hz: float, samples: np.ndarray) -> np.ndarray:
    """SNR in dB of picks at ``samples`` (picks,), over all components and for each: (picks, 1 + components).

    Defined as in :mod:`course_utils.picking.measure`: rms of the 2 s after the pick to that from 5.5 to 0.5 s before it, 1-16 Hz
    by a causal Butterworth filter. NaN where the window does not reach, or nothing moves.
    """
    from scipy.signal import sosfilt

    centred = data - data.mean(axis=1, keepdims=True)
    power = sosfilt(_bandpass(rate_hz), centred, axis=1) ** 2
    total = np.concatenate([np.zeros((len(data), 1)), np.cumsum(power, axis=1)], axis=1)
    out = np.full((len(samples), 1 + len(data)), np.nan)
    for row, sample in enumerate(samples):
        means = []
        for begin, stop in (SIGNAL_S, NOISE_S):
            a = max(int(np.ceil(sample + begin * rate_hz)), 0)
            b = min(int(np.ceil(sample + stop * rate_hz)), data.shape[1])
            enough = b - a >= _LEAST_S * rate_hz
            means.append((total[:, b] - total[:, a]) / (b - a) if enough else np.full(len(data), np.nan))
        after, before = means
        with np.errstate(divide="ignore", invalid="ignore"):
            each, all_ = after / before, after.sum() / before.sum()
            values = 10 * np.log10(np.concatenate([[all_], each]))
        out[row] = np.where(np.isfinite(values), values, np.nan)
    return out


@lru_cache(maxsize=8)
def _bandpass(rate_hz: float) -> np.ndarray:
    from scipy.signal import butter

    return butter(2, (LOWEST_HZ, min(SNR_HIGHEST_HZ, 0.45 * rate_hz)), "bandpass", fs=rate_hz, output="sos")


def _choose(found: list[Instrument], channel: str) -> Instrument:
    """The instrument that was picked; else the one with most components, seismometers before accelerometers."""

    def rank(one: Instrument) -> tuple:
        band = _BANDS.find(one.channel[:1])
        letters = len(set(one.pieces) - {HYDROPHONE})
        return one.channel != channel, -letters, one.channel[1:2] == "N", band if band >= 0 else 99, one.channel

    return min(found, key=rank)


def _noted(report: Report, kind: str, instrument: Instrument) -> bool:
    notes = report.as_dict()["notes"]
    return any(n["kind"] == kind and n["channel"].startswith(instrument.channel) for n in notes)


def _within(piece: Piece, start_ns: int, settings: CurationSettings) -> np.ndarray:
    a = round((start_ns - piece.start_ns) / SECOND_NS * piece.rate_hz)
    return piece.data[max(a, 0) : max(a + round(settings.window_s * piece.rate_hz), 0)]


def _clipped(data: np.ndarray) -> bool:
    """Whether the record stays at its largest or smallest value for some samples, far from its middle.

    Quiet records of few counts do that, too: the extreme must lie 20 times as far out as samples usually do.
    """
    if len(data) < 10 * _CLIPPED_RUN:
        return False
    middle = np.median(data)
    usual = np.median(np.abs(data - middle)) + 1e-30
    for extreme in (data.max(), data.min()):
        if abs(extreme - middle) < 20 * usual:
            continue
        at = data == extreme
        if at.sum() >= _CLIPPED_RUN and np.convolve(at, np.ones(_CLIPPED_RUN), "valid").max() >= _CLIPPED_RUN:
            return True
    return False


def _at_rate(piece: Piece, rate_hz: float) -> Piece:
    """The piece at another rate, by the conversion that SeisBench applies before it annotates."""
    if piece.rate_hz == rate_hz or len(piece.data) < 2:
        return piece
    from obspy import Stream, Trace, UTCDateTime
    from seisbench.models import WaveformModel

    header = {"sampling_rate": piece.rate_hz, "starttime": UTCDateTime(ns=piece.start_ns)}
    offset = float(np.mean(piece.data))  # the filter would ring on a step from zero
    trace = Trace(piece.data.astype(np.float64) - offset, header)
    try:
        WaveformModel.resample(Stream([trace]), rate_hz)
    except (ValueError, ArithmeticError) as error:
        raise Unusable("rate that cannot be converted", f"{piece.rate_hz:g} Hz: {error}") from error
    return Piece(trace.stats.starttime.ns, rate_hz, trace.data + offset)


def _moves(data: np.ndarray) -> bool:
    return bool((data != data[0]).any())


def _bridged(data: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Gaps replaced by straight lines, at the ends by the nearest sample."""
    if there.all():
        return data
    at = np.arange(len(data))
    return np.interp(at, at[there], data[there])
