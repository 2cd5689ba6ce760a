"""From an instrument's records to the arrays that a model reads: filtered, resampled, aligned, zero-filled, padded.

Filtering and resampling are the model's own (``annotate_stream_pre``), so that they equal SeisBench's.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .records import SECOND_NS, Instrument, Piece, component_index
from .report import Report

MIN_FRAGMENT_S = 5.0  # shorter pieces hold no context to pick in; in seconds as the model hears them
PADDING_GUARD_S = 0.5  # a pick this close to mirrored samples may be made of them


@dataclass(frozen=True)
class Segment:
    """A contiguous stretch of one instrument as the model reads it.

    ``data`` is (components in the model's order, samples), float32. ``rate_hz`` is samples per second of real time (the
    model's rate times the time stretch). Samples ``real[0]`` up to ``real[1]`` are data, the rest is padding.
    ``recorded`` is False where every component was interpolated (None: nowhere).
    """

    instrument: Instrument
    data: np.ndarray
    start_ns: int
    rate_hz: float
    real: tuple[int, int]
    recorded: np.ndarray | None = None

    @property
    def first_sample(self) -> int:
        """Number of the first sample, counted from 1970."""
        return round(Fraction(self.start_ns) * Fraction(self.rate_hz) / SECOND_NS)

    def time_ns(self, sample: np.ndarray) -> np.ndarray:
        """Real time of samples (fractions allowed), nanoseconds since 1970 as int64."""
        seconds = np.asarray(sample, np.float64) / self.rate_hz
        return self.start_ns + np.rint(seconds * SECOND_NS).astype(np.int64)


@dataclass(frozen=True)
class _Prepared:
    index: int
    first: int  # sample number on the absolute grid
    offset_ns: float  # true time minus grid time
    data: np.ndarray
    filled: np.ndarray


def segments(instrument: Instrument, model, arguments: dict, time_stretch: float, report: Report) -> list[Segment]:
    """All stretches of an instrument that can be picked, in time order.

    A stretch lasts as long as any component does; components that are absent are zeros, as in SeisBench. Samples lie on
    the grid of whole sample numbers since 1970; the mean distance of the true times from it is kept in ``start_ns``.
    """
    order = model.component_order
    present = {component_index(letter, order) for letter in instrument.pieces}
    for index, letter in enumerate(order):
        if index not in present:
            report.note("component missing", instrument.station, instrument.channel + letter)
    prepared: dict[float, list[_Prepared]] = {}
    for letter, pieces in instrument.pieces.items():
        index = component_index(letter, order)
        for piece in pieces:
            for rate, part in _prepare(piece, index, letter, instrument, model, arguments, time_stretch, report):
                prepared.setdefault(rate, []).append(part)
    found = []
    for rate, parts in prepared.items():
        for members in _connected(parts):
            segment = _assemble(members, rate, instrument, len(order))
            fitted = _fit_window(segment, model.in_samples, rate / time_stretch, report)
            if fitted is not None:
                found.append(fitted)
    return sorted(found, key=lambda segment: segment.start_ns)


def _prepare(
    piece: Piece,
    index: int,
    letter: str,
    instrument: Instrument,
    model,
    arguments: dict,
    time_stretch: float,
    report: Report,
) -> list[tuple[float, _Prepared]]:
    from obspy import Stream, Trace, UTCDateTime

    station, channel = instrument.station, instrument.channel + letter
    network, name, location = station.split(".")
    header = {
        "network": network,
        "station": name,
        "location": location,
        "channel": channel,
        "starttime": UTCDateTime(ns=piece.start_ns),
        "sampling_rate": piece.rate_hz / time_stretch,
    }
    stream = Stream([Trace(np.array(piece.data), header)])
    if model.sampling_rate is not None and header["sampling_rate"] != model.sampling_rate:
        heard = f", heard as {header['sampling_rate']:g} Hz" if time_stretch != 1 else ""
        report.note("rate converted", station, channel, seconds=piece.seconds, detail=f"{piece.rate_hz:g} Hz{heard}")
    try:
        model.annotate_stream_pre(stream, arguments)
    except (ValueError, ArithmeticError, TypeError) as error:  # scipy's and ObsPy's refusals of odd lengths and rates
        report.note("preparation failed", station, channel, seconds=piece.seconds, detail=str(error))
        return []
    parts = []
    for trace in stream:
        rate = trace.stats.sampling_rate * time_stretch
        start_ns = piece.start_ns + (trace.stats.starttime.ns - piece.start_ns) / time_stretch
        first = round(Fraction(start_ns) * Fraction(rate) / SECOND_NS)
        grid_ns = Fraction(first) * SECOND_NS / Fraction(rate)
        scale = rate / piece.rate_hz
        filled = np.rint(np.array(piece.filled, float).reshape(-1, 2) * scale).astype(int)
        data = np.asarray(trace.data, np.float32)
        parts.append((rate, _Prepared(index, first, float(Fraction(start_ns) - grid_ns), data, filled)))
    return parts


def _connected(parts: list[_Prepared]) -> list[list[_Prepared]]:
    """Parts that touch or overlap in time, whichever component they belong to, make one stretch."""
    groups: list[list[_Prepared]] = []
    end = None
    for part in sorted(parts, key=lambda p: (p.first, p.index)):
        if end is None or part.first > end:
            groups.append([])
            end = part.first
        groups[-1].append(part)
        end = max(end, part.first + len(part.data))
    return groups


def _assemble(members: list[_Prepared], rate: float, instrument: Instrument, n_components: int) -> Segment:
    first = min(m.first for m in members)
    length = max(m.first + len(m.data) for m in members) - first
    data = np.zeros((n_components, length), np.float32)
    recorded = np.zeros(length, bool) if any(len(m.filled) for m in members) else None
    for member in members:
        here = slice(member.first - first, member.first - first + len(member.data))
        data[member.index, here] = member.data
        if recorded is not None:
            measured = np.ones(len(member.data), bool)
            for begin, stop in member.filled:
                measured[begin:stop] = False
            recorded[here] |= measured
    offset = float(np.mean([m.offset_ns for m in members]))
    start_ns = round(Fraction(first) * SECOND_NS / Fraction(rate) + Fraction(offset))
    return Segment(instrument, data, start_ns, rate, (0, length), recorded)


def _fit_window(segment: Segment, in_samples: int, model_rate: float, report: Report) -> Segment | None:
    """The segment itself if a window fits into it; else mirrored at both ends to one window, or None if too short."""
    length = segment.data.shape[1]
    station, channel = segment.instrument.station, segment.instrument.channel
    if length >= in_samples:
        return segment
    if length < max(2, MIN_FRAGMENT_S * model_rate):
        report.note("fragment skipped", station, channel, seconds=length / segment.rate_hz)
        return None
    report.note("fragment padded", station, channel, seconds=length / segment.rate_hz)
    # Mirrored noise goes on as it was; zeros would make an onset of the first sample.
    left = (in_samples - length) // 2
    right = in_samples - length - left
    data = np.pad(segment.data, ((0, 0), (left, right)), mode="reflect")
    recorded = None
    if segment.recorded is not None:
        recorded = np.pad(segment.recorded, (left, right), constant_values=True)
    start_ns = segment.start_ns - round(left / segment.rate_hz * SECOND_NS)
    return Segment(segment.instrument, data, start_ns, segment.rate_hz, (left, left + length), recorded)
