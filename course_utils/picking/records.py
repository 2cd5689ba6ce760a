"""From the traces of a stream to clean, contiguous records of each instrument, at their own sampling rate.

Instruments are told apart by network, station, location *and* band and instrument code, so that a seismometer (HH) and
an accelerometer (HN) at one location stay two. The caller's stream is never changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path

import numpy as np

from .report import Report

HYDROPHONE = "H"
ALIASES = {"N": "1", "E": "2", "1": "N", "2": "E"}
SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class Piece:
    """A contiguous record of one component. ``filled`` lists the sample ranges [from, to) that were interpolated."""

    start_ns: int
    rate_hz: float
    data: np.ndarray
    filled: tuple[tuple[int, int], ...] = ()

    @property
    def seconds(self) -> float:
        return len(self.data) / self.rate_hz


@dataclass(frozen=True)
class Instrument:
    """What one sensor recorded: ``pieces`` maps the component letter of the data to its records in time order."""

    station: str
    channel: str
    pieces: dict[str, list[Piece]] = field(default_factory=dict)

    def seed_id(self, letter: str) -> str:
        return f"{self.station}.{self.channel}{letter}"


def streams(waveforms, report: Report) -> Iterator:
    """ObsPy streams, one unit at a time, from whatever the caller has.

    A Stream is one unit. Traces, files and folders (searched to the bottom) of one call are read together into one
    unit. An iterable of Streams gives each as a unit of its own, so that a generator bounds the memory.
    """
    from obspy import Stream, Trace

    if isinstance(waveforms, Stream):
        yield waveforms
        return
    if isinstance(waveforms, (str, Path, Trace)) or not isinstance(waveforms, Iterable):
        waveforms = [waveforms]
    together = Stream()
    for item in waveforms:
        if isinstance(item, Stream):
            yield item
        elif isinstance(item, Trace):
            together.append(item)
        elif isinstance(item, (str, Path)):
            together.extend(_read(Path(item), report))
        else:
            raise TypeError(f"waveforms: expected ObsPy streams, traces or paths, got {type(item).__name__}")
    if len(together):
        yield together


def instruments(stream, order: str, max_gap_s: float, report: Report, min_rate_hz: float = 0.0) -> list[Instrument]:
    """The instruments of a stream that have at least one component of ``order`` (the model's), cleaned.

    Components 1 and 2 stand in for N and E and the other way round. Overlapping records that agree are used once,
    times where they differ are treated as missing, as are NaN and masked samples; gaps up to ``max_gap_s`` seconds are
    interpolated. Where the model listens to a hydrophone (HDH), it joins the seismometer (HHZ) at its location. Everything
    else that is left out is noted in the report.
    """
    groups: dict[tuple[str, str], dict[str, list]] = defaultdict(lambda: defaultdict(list))
    for trace in stream:
        header = trace.stats
        station = f"{header.network}.{header.station}.{header.location}"
        band, letter = header.channel[:-1], header.channel[-1:]
        if not _usable(trace, station, header.channel, min_rate_hz, report):
            continue
        report.add("seconds_read", len(trace.data) / header.sampling_rate)
        groups[station, band][letter].append(trace)
    if HYDROPHONE in order:
        _join_hydrophones(groups)
    found = []
    for (station, band), letters in sorted(groups.items()):
        chosen = _components(letters, order)
        for letter in letters.keys() - chosen:
            seconds = sum(len(t.data) / t.stats.sampling_rate for t in letters[letter])
            report.note("component ignored", station, band + letter, seconds=seconds)
        pieces = {}
        for letter in chosen:
            kept = _join(letters[letter], max_gap_s, station, band + letter, report)
            if kept:
                pieces[letter] = kept
        if pieces:
            found.append(Instrument(station, band, pieces))
    return found


def _join_hydrophones(groups: dict) -> None:
    """Hand the traces of each hydrophone to the seismometers of its location, those of its own band first."""
    for station, band in [key for key, letters in groups.items() if set(letters) == {HYDROPHONE}]:
        others = [b for s, b in groups if s == station and b != band and HYDROPHONE not in groups[s, b]]
        same = [b for b in others if b[:1] == band[:1]] or others
        for other in same:
            groups[station, other][HYDROPHONE] = groups[station, band][HYDROPHONE]
        if same:
            del groups[station, band]


def component_index(letter: str, order: str) -> int | None:
    """Row of a component in the model's order, with 1/2 standing in for N/E; None when the model has no use for it."""
    for code in (letter, ALIASES.get(letter, "")):
        if code and code in order:
            return order.index(code)
    return None


def _read(path: Path, report: Report) -> list:
    from obspy import read

    if not path.exists():
        raise FileNotFoundError(f"waveforms: there is no file or folder {path}")
    files = sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]
    traces = []
    for file in files:
        try:
            traces.extend(read(escape(str(file))))
        except Exception as error:  # ObsPy's readers raise anything on a broken file; it is one unit and is counted
            report.note("unreadable", detail=f"{file.name}: {type(error).__name__}: {error}")
    return traces


def _usable(trace, station: str, channel: str, min_rate_hz: float, report: Report) -> bool:
    rate, data = trace.stats.sampling_rate, trace.data
    if not isinstance(data, np.ndarray) or data.dtype.kind not in "iuf" or data.ndim != 1:
        report.note("unreadable", station, channel, detail="samples are not numbers")
        return False
    if not np.isfinite(rate) or rate <= 0 or rate < min_rate_hz:
        report.note("wrong rate", station, channel, detail=f"{rate:g} Hz, needs at least {min_rate_hz:g} Hz")
        return False
    if len(data) == 0:
        report.note("empty", station, channel)
        return False
    return True


def _components(letters: Iterable[str], order: str) -> set[str]:
    """The letters to use: an exact code wins over its stand-in."""
    best: dict[int, str] = {}
    for letter in sorted(letters):
        index = component_index(letter, order)
        if index is not None and (index not in best or letter == order[index]):
            best[index] = letter
    return set(best.values())


def _join(traces: list, max_gap_s: float, station: str, channel: str, report: Report) -> list[Piece]:
    by_rate = defaultdict(list)
    for trace in traces:
        by_rate[trace.stats.sampling_rate].append(trace)
    pieces = []
    for rate, same in by_rate.items():
        for piece in _join_one_rate(same, rate, max_gap_s, station, channel, report):
            if _moves(piece.data):
                pieces.append(piece)
            else:
                report.note("flat", station, channel, seconds=piece.seconds)
    return sorted(pieces, key=lambda piece: piece.start_ns)


def _moves(data: np.ndarray) -> bool:
    first = data[0]
    return bool(first != data[-1] or first != data[len(data) // 2] or not (first == data).all())


def _join_one_rate(
    traces: list, rate: float, max_gap_s: float, station: str, channel: str, report: Report
) -> Iterator[Piece]:
    # Samples are counted from the first record, so that a record is never more than half a sample off its own time.
    traces = sorted(traces, key=lambda t: (t.stats.starttime.ns, -len(t.data)))
    origin = traces[0].stats.starttime.ns
    longest = int(np.floor(max_gap_s * rate + 1e-6))
    chain: list[tuple[int, np.ndarray, np.ndarray | None]] = []
    end = 0
    for trace in traces:
        first = round((trace.stats.starttime.ns - origin) / SECOND_NS * rate)
        data, missing = _split_missing(trace.data)
        if missing is not None:
            report.note("not a number", station, channel, seconds=int(missing.sum()) / rate)
        if chain and first - end > longest:
            yield from _chain_pieces(chain, origin, rate, longest, station, channel, report)
            chain = []
        if not chain:  # a piece keeps the exact time of its first record
            origin, first, end = trace.stats.starttime.ns, 0, 0
        chain.append((first, data, missing))
        end = max(end, first + len(data))
    yield from _chain_pieces(chain, origin, rate, longest, station, channel, report)


def _split_missing(data: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Plain samples, and where they are missing (None: nowhere)."""
    missing = None
    if isinstance(data, np.ma.MaskedArray):
        missing, data = np.ma.getmaskarray(data), data.data
    if data.dtype.kind == "f":
        finite = np.isfinite(data)
        if not finite.all():
            missing = ~finite if missing is None else missing | ~finite
    return data, missing if missing is not None and missing.any() else None


def _chain_pieces(
    chain: list, origin: int, rate: float, longest: int, station: str, channel: str, report: Report
) -> Iterator[Piece]:
    if len(chain) == 1 and chain[0][2] is None:
        yield Piece(origin, rate, chain[0][1])
        return
    values, have = _overlay(chain, rate, station, channel, report)
    turns = np.flatnonzero(have[1:] != have[:-1]) + 1
    edges = np.concatenate([[0] if have[0] else [], turns, [len(have)] if have[-1] else []]).astype(np.int64)
    gap_from, gap_to = edges[1:-1:2], edges[2::2]
    small = gap_to - gap_from <= longest
    if small.any():
        count = _interpolate(values, gap_from[small], gap_to[small])
        report.note("gap interpolated", station, channel, seconds=count / rate, count=int(small.sum()))
    begins = np.concatenate([edges[:1], gap_to[~small]])
    stops = np.concatenate([gap_from[~small], edges[-1:]])
    filled = list(zip(gap_from[small].tolist(), gap_to[small].tolist(), strict=True))
    bounds = np.searchsorted(gap_from[small], np.concatenate([begins, [len(have)]])).tolist()
    for begin, stop, a, b in zip(begins.tolist(), stops.tolist(), bounds[:-1], bounds[1:], strict=True):
        start = origin + round(begin / rate * SECOND_NS)
        yield Piece(start, rate, values[begin:stop], tuple((x - begin, y - begin) for x, y in filled[a:b]))


def _interpolate(values: np.ndarray, gap_from: np.ndarray, gap_to: np.ndarray) -> int:
    """A straight line over each gap, in place; how many samples that were."""
    width = gap_to - gap_from
    ends = np.cumsum(width)
    step = np.arange(1, ends[-1] + 1) - np.repeat(ends - width, width)
    before, after = (np.repeat(values[at].astype(np.float64), width) for at in (gap_from - 1, gap_to))
    line = before + (after - before) * step / np.repeat(width + 1, width)
    holes = np.repeat(gap_from, width) + step - 1
    values[holes] = line if values.dtype.kind == "f" else np.rint(line)
    return len(holes)


def _overlay(chain: list, rate: float, station: str, channel: str, report: Report) -> tuple[np.ndarray, np.ndarray]:
    """All records of a chain in one array, and where it holds data that nothing contradicts."""
    length = max(first + len(data) for first, data, _ in chain)
    values = np.zeros(length, np.result_type(*{data.dtype for _, data, _ in chain}))
    have, contested = np.zeros(length, bool), None
    end = 0
    for first, data, missing in chain:
        here = slice(first, first + len(data))
        apart, end = first >= end, max(end, first + len(data))
        if apart and missing is None:
            values[here], have[here] = data, True
            continue
        new = np.ones(len(data), bool) if missing is None else ~missing
        both = have[here] & new
        overlap = int(both.sum())
        if overlap:
            # One sample is the rounding of two clocks, not a second opinion.
            if overlap == 1 or (values[here][both] == data[both]).all():
                report.note("overlap merged", station, channel, seconds=overlap / rate)
            else:
                report.note("overlap disagrees", station, channel, seconds=overlap / rate)
                contested = np.zeros(length, bool) if contested is None else contested
                contested[here] |= both
            new &= ~both
        values[here][new] = data[new]
        have[here] |= new
    return values, have if contested is None else have & ~contested
