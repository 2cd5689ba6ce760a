"""From an instrument's records to the arrays that a model reads: filtered, resampled, aligned, zero-filled, padded.

Filtering and resampling are the model's own (``annotate_stream_pre``), so that they equal SeisBench's. Long stretches come
in blocks, made when they are asked for, so that memory does not grow with the length of the data.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np

from .plan import Plan, windows
from .records import SECOND_NS, Instrument, Piece, component_index
from .report import Report

MIN_FRAGMENT_S = 5.0  # shorter pieces hold no context to pick in; in seconds as the model hears them
PADDING_GUARD_S = 0.5  # a pick this close to mirrored samples may be made of them
CONTEXT = 3000  # samples that blocks share beyond the windows
CONVERTED_S = 86400.0  # filters and resampling make float64 copies, so they work on about this much at once


@dataclass(frozen=True)
class Segment:
    """A contiguous stretch of one instrument as the model reads it, or a block of one.

    ``data`` is (components in the model's order, samples), float32. ``rate_hz`` is samples per second of real time (the
    model's rate times the time stretch). Samples ``real[0]`` up to ``real[1]`` are data, the rest is padding.
    ``recorded`` is False where every component was interpolated (None: nowhere). ``core`` are the samples that this block
    answers for, neighbouring blocks for the rest (None: all); ``continues`` is True for a block that is not its stretch's
    first. ``number`` is that of the first sample, counted from 1970.
    """

    instrument: Instrument
    data: np.ndarray
    start_ns: int
    rate_hz: float
    real: tuple[int, int]
    recorded: np.ndarray | None = None
    core: tuple[int, int] | None = None
    continues: bool = False
    number: int | None = None

    @property
    def first_sample(self) -> int:
        """Number of the first sample, counted from 1970."""
        return _grid(self.start_ns, self.rate_hz)[0] if self.number is None else self.number

    @property
    def own(self) -> tuple[int, int]:
        """Samples that are data and that this block answers for."""
        begin, end = self.core or self.real
        return max(begin, self.real[0]), min(end, self.real[1])

    def time_ns(self, sample: np.ndarray) -> np.ndarray:
        """Real time of samples (fractions allowed), nanoseconds since 1970 as int64."""
        seconds = np.asarray(sample, np.float64) / self.rate_hz
        return self.start_ns + np.rint(seconds * SECOND_NS).astype(np.int64)


@dataclass(frozen=True, slots=True)
class _Part:
    """A prepared record: ``first`` is its sample number on the absolute grid, ``offset_ns`` true time minus grid time."""

    index: int
    first: int
    offset_ns: float
    data: np.ndarray
    filled: tuple | np.ndarray = ()

    @property
    def end(self) -> int:
        return self.first + len(self.data)


def segments(instrument: Instrument, model, plan: Plan, time_stretch: float, report: Report) -> Iterator[Segment]:
    """All stretches of an instrument that can be picked, in time order.

    A stretch lasts as long as any component does; components that are absent are zeros, as in SeisBench. Samples lie on
    the grid of whole sample numbers since 1970; the mean distance of the true times from it is kept in ``start_ns``.
    """
    from seisbench.models import WaveformModel

    # a model with a preparation of its own may join components
    together = getattr(model.annotate_stream_pre, "__func__", None) is not WaveformModel.annotate_stream_pre
    order = model.component_order
    present = {component_index(letter, order) for letter in instrument.pieces}
    for index, letter in enumerate(order):
        if index not in present and not together:
            report.note("component missing", instrument.station, instrument.channel + letter)
    filters = together or model.filter_args is not None or model.filter_kwargs is not None
    heard = model.sampling_rate and model.sampling_rate * time_stretch

    def as_it_is(piece: Piece) -> bool:
        return not filters and (heard is None or piece.rate_hz == heard)

    for share, span_ns in _shares(instrument, as_it_is, plan, heard):
        prepared: dict[float, list[_Part]] = {}
        waiting: dict[str, list[Piece]] = {}
        for letter, pieces in share.pieces.items():
            index = component_index(letter, order)
            for piece in pieces:
                if as_it_is(piece):
                    first, offset_ns = _grid(piece.start_ns, piece.rate_hz)
                    filled = np.array(piece.filled) if piece.filled else ()
                    part = _Part(index, first, offset_ns, piece.data, filled)
                    prepared.setdefault(piece.rate_hz, []).append(part)
                else:
                    waiting.setdefault(letter, []).append(piece)
        for rate, part in _converted(waiting, share, model, plan, time_stretch, together, report):
            prepared.setdefault(rate, []).append(part)
        stretches = [_Stretch(members, rate) for rate, parts in prepared.items() for members in _connected(parts)]
        for stretch in sorted(stretches, key=lambda stretch: stretch.start_ns):
            for block in stretch.blocks(instrument, len(order), plan, span_ns):
                fitted = _fit_window(block, plan.in_samples, stretch.rate / time_stretch, report)
                if fitted is not None:
                    yield fitted


def _shares(instrument: Instrument, as_it_is, plan: Plan, heard: float | None) -> Iterator[tuple]:
    """The instrument, and None; or, where long records must be converted, about a day at a time with the span
    (nanoseconds) that it answers for, and two windows more at each end."""
    pieces = [piece for some in instrument.pieces.values() for piece in some]
    if all(as_it_is(piece) or piece.seconds <= 1.5 * CONVERTED_S for piece in pieces):
        yield instrument, None
        return
    begin = min(piece.start_ns for piece in pieces)
    end = max(piece.start_ns + round(piece.seconds * SECOND_NS) for piece in pieces)
    edges = np.linspace(begin, end, max(round((end - begin) / SECOND_NS / CONVERTED_S), 1) + 1).astype(np.int64)
    slowest = heard or min(piece.rate_hz for piece in pieces)
    margin_ns = round((60.0 + 2 * plan.in_samples / slowest) * SECOND_NS)
    spans = list(pairwise([begin - SECOND_NS, *(int(edge) for edge in edges[1:-1]), end + SECOND_NS]))
    for span in spans:
        cut = {
            letter: [c for p in some if (c := _cut(p, span[0] - margin_ns, span[1] + margin_ns)) is not None]
            for letter, some in instrument.pieces.items()
        }
        yield replace(instrument, pieces={letter: some for letter, some in cut.items() if some}), span


def _cut(piece: Piece, from_ns: int, to_ns: int) -> Piece | None:
    """The part of a piece in a span, begun a whole number of seconds from the start, so that decimation keeps step."""
    begin = max(int((from_ns - piece.start_ns) // SECOND_NS), 0)
    first = round(begin * piece.rate_hz)
    stop = min(int((to_ns - piece.start_ns) / SECOND_NS * piece.rate_hz), len(piece.data))
    if stop - first < 2:
        return None
    filled = tuple((max(a, first) - first, min(b, stop) - first) for a, b in piece.filled if b > first and a < stop)
    start_ns = piece.start_ns + round(first / piece.rate_hz * SECOND_NS)
    return Piece(start_ns, piece.rate_hz, piece.data[first:stop], filled)


def _converted(
    waiting: dict[str, list[Piece]],
    instrument: Instrument,
    model,
    plan: Plan,
    time_stretch: float,
    together: bool,
    report: Report,
) -> Iterator[tuple[float, _Part]]:
    """Records filtered and resampled by the model, each by itself or all together, on the real rate."""
    from obspy import Stream, Trace, UTCDateTime

    station = instrument.station
    network, name, location = station.split(".")

    def as_trace(letter: str, piece: Piece) -> Trace:
        header = {
            "network": network,
            "station": name,
            "location": location,
            "channel": instrument.channel + letter,
            "starttime": UTCDateTime(ns=epoch_ns + round((piece.start_ns - epoch_ns) * time_stretch)),
            "sampling_rate": piece.rate_hz / time_stretch,
        }
        rate = header["sampling_rate"]
        if model.sampling_rate is not None and rate != model.sampling_rate:
            slow = f", heard as {rate:g} Hz" if time_stretch != 1 else ""
            detail = f"{piece.rate_hz:g} Hz{slow}"
            report.note("rate converted", station, header["channel"], seconds=piece.seconds, detail=detail)
        return Trace(np.array(piece.data), header)

    jobs = [[(letter, piece)] for letter, pieces in waiting.items() for piece in pieces]
    if together and jobs:
        jobs = [[pair for job in jobs for pair in job]]
    for job in jobs:
        epoch_ns = min(piece.start_ns for _, piece in job)
        stream = Stream([as_trace(letter, piece) for letter, piece in job])
        channel = instrument.channel + ("" if together else job[0][0])
        before = _span_s(stream) / time_stretch
        try:
            model.annotate_stream_pre(stream, plan.arguments)
        except (ValueError, ArithmeticError, TypeError) as error:  # scipy's and ObsPy's refusals of odd lengths, rates
            report.note("preparation failed", station, channel, seconds=before, detail=str(error))
            continue
        lost = before - _span_s(stream) / time_stretch
        if together and lost > 0.5:
            detail = f"{type(model).__name__}: records too short, not all components, or time to settle"
            report.note("preparation failed", station, channel, seconds=lost, detail=detail)
        for trace in stream:
            rate = trace.stats.sampling_rate * time_stretch
            start_ns = epoch_ns + round((trace.stats.starttime.ns - epoch_ns) / time_stretch)
            first, offset_ns = _grid(start_ns, rate)
            letter = trace.stats.channel[-1:]
            index = component_index(letter, model.component_order)
            if index is None:
                continue
            data = np.asarray(trace.data, np.float32)
            sources = [p for code, p in job if code == letter] or [p for _, p in job]
            yield rate, _Part(index, first, offset_ns, data, _filled(sources, start_ns, rate, len(data)))


def _span_s(stream) -> float:
    """Seconds that any trace covers."""
    total = end = 0.0
    for begin, stop in sorted((t.stats.starttime.timestamp, t.stats.endtime.timestamp + t.stats.delta) for t in stream):
        total += max(stop - max(begin, end), 0.0)
        end = max(stop, end)
    return total


def _filled(pieces: list[Piece], start_ns: int, rate: float, length: int) -> np.ndarray:
    """Where pieces were interpolated, in samples of a trace made of them (ranges, 2)."""
    found = [np.empty((0, 2), int)]
    for piece in pieces:
        if len(piece.filled):
            shift = (piece.start_ns - start_ns) / SECOND_NS * rate
            found.append(np.rint(np.array(piece.filled) * (rate / piece.rate_hz) + shift).astype(int))
    filled = np.clip(np.concatenate(found), 0, length)
    return filled[filled[:, 1] > filled[:, 0]]


def _grid(start_ns: int, rate: float) -> tuple[int, float]:
    """Number of the sample nearest to a time, counted from 1970, and how much later the time is (nanoseconds)."""
    over, under = _ratio(rate)
    whole_s, rest_ns = divmod(start_ns, under * SECOND_NS)  # exact: 1970 is far away
    number = (2 * rest_ns * over + under * SECOND_NS) // (2 * under * SECOND_NS)
    return whole_s * over + number, (rest_ns * over - number * under * SECOND_NS) / over


@lru_cache(maxsize=64)
def _ratio(rate: float) -> tuple[int, int]:
    return float(rate).as_integer_ratio()


def _connected(parts: list[_Part]) -> list[list[_Part]]:
    """Parts that touch or overlap in time, whichever component they belong to, make one stretch."""
    groups: list[list[_Part]] = []
    end = None
    for part in sorted(parts, key=lambda p: (p.first, p.index)):
        if end is None or part.first > end:
            groups.append([])
            end = part.first
        groups[-1].append(part)
        end = max(end, part.end)
    return groups


class _Stretch:
    """Connected records of one rate; arrays are made block by block."""

    def __init__(self, members: list[_Part], rate: float):
        self.members, self.rate = members, rate
        self.first = members[0].first
        self.length = max(m.end for m in members) - self.first
        self.offset_ns = sum(m.offset_ns for m in members) / len(members)
        self.start_ns = self.time_ns(self.first)
        self.filled = any(len(m.filled) for m in members)
        self.longest = max(len(m.data) for m in members)
        self.begins = [m.first for m in members]

    def time_ns(self, number: int) -> int:
        over, under = _ratio(self.rate)
        whole, rest = divmod(number * under * SECOND_NS, over)
        return whole + round(rest / over + self.offset_ns)

    def blocks(self, instrument: Instrument, n_components: int, plan: Plan, span_ns) -> Iterator[Segment]:
        lower, upper = -1, self.length + 1
        if span_ns is not None:
            lower, upper = (_grid(edge, self.rate)[0] - self.first for edge in span_ns)
        for begin, end, *core in _blocks(self.length, self.first, plan):
            core = max(core[0], lower) - begin, min(core[1], upper) - begin
            if core[0] >= core[1]:
                continue
            number = self.first + begin
            data, recorded = self._fill(number, end - begin, n_components)
            whole = (0, end - begin)
            start_ns = self.time_ns(number)
            yield Segment(instrument, data, start_ns, self.rate, whole, recorded, core, begin > 0, number)

    def _fill(self, number: int, length: int, n_components: int) -> tuple[np.ndarray, np.ndarray | None]:
        data = np.zeros((n_components, length), np.float32)
        recorded = np.zeros(length, bool) if self.filled else None
        some = slice(bisect_left(self.begins, number - self.longest), bisect_left(self.begins, number + length))
        for member in self.members[some]:
            begin, stop = max(number - member.first, 0), min(number + length - member.first, len(member.data))
            if begin >= stop:
                continue
            shift = member.first - number
            data[member.index, begin + shift : stop + shift] = member.data[begin:stop]
            if recorded is not None:
                measured = np.ones(stop - begin, bool)
                if len(member.filled):
                    some = member.filled[:, 1] > begin
                    some &= member.filled[:, 0] < stop
                    for a, b in member.filled[some].tolist():
                        measured[max(a - begin, 0) : b - begin] = False
                recorded[begin + shift : stop + shift] |= measured
        return data, recorded


def _blocks(length: int, first: int, plan: Plan) -> Iterator[tuple[int, int, int, int]]:
    """(begin, end, from, to): samples of each block of a stretch, and those that it answers for.

    Blocks hold whole windows of the stretch, and at both ends enough of the neighbour's that every sample they answer
    for, and CONTEXT samples around it, have all their windows: what triggers a pick seldom lasts that long.
    """
    size = max(plan.block_samples, 4 * (plan.in_samples + CONTEXT))
    if length <= 1.5 * size:
        yield 0, length, 0, length
        return
    offsets = windows(length, first, plan).offsets
    n = len(offsets)
    each = size // plan.step
    margin = -(-(plan.in_samples + CONTEXT) // plan.step)
    cuts = np.linspace(0, n, max(round(n / each), 1) + 1).astype(int)
    for a, b in pairwise(int(cut) for cut in cuts):
        begin, core_from = (int(offsets[a - margin]), int(offsets[a])) if a else (0, 0)
        if b < n:
            yield begin, int(offsets[b + margin - 1]) + plan.in_samples, core_from, int(offsets[b])
        else:
            yield begin, length, core_from, length


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
    data = np.empty((len(segment.data), in_samples), np.float32)
    if max(left, right) < length:
        data[:, left : left + length] = segment.data
        data[:, :left] = segment.data[:, left:0:-1]
        data[:, left + length :] = segment.data[:, -2 : -2 - right : -1]
    else:  # there and back more than once
        mirrored = np.abs((np.arange(-left, length + right) + length - 1) % (2 * length - 2) - (length - 1))
        data[:] = segment.data[:, mirrored]
    recorded = segment.recorded
    if recorded is not None:
        padded = np.ones(in_samples, bool)
        padded[left : left + length] = recorded
        recorded = padded
    return replace(
        segment,
        data=data,
        start_ns=segment.start_ns - round(left / segment.rate_hz * SECOND_NS),
        real=(left, left + length),
        recorded=recorded,
        core=None if segment.core is None else (segment.core[0] + left, segment.core[1] + left),
        number=None if segment.number is None else segment.number - left,
    )
