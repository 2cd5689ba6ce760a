"""MiniSEED and SAC files as bytes: what they hold, and their samples, by pymseed with ObsPy where that fails.

A file may come from a folder or an object store, hence bytes and not paths. Samples come as pieces (channel, start, rate,
array) rather than ObsPy traces, whose merging and trimming would dominate the cost of a day with thousands of gaps.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import obspy

SECOND_NS = 1_000_000_000
_SAC_HEADER_BYTES = 632
# of MiniSEED: 16 and 32 bit integers, floats, Steim 1 and 2, and the old compressions that libmseed knows
_KINDS = dict.fromkeys((1, 3, 10, 11, 16, 30, 32), np.dtype(np.int32)) | {
    4: np.dtype(np.float32), 5: np.dtype(np.float64), 12: np.dtype(np.float32), 13: np.dtype(np.float32), 14: np.dtype(np.float32)
}  # fmt: skip
_SKIPPED = "damaged: bytes that are not MiniSEED were skipped"
_SAME_CLOCK = 0.05  # of a sample: pieces this close to one grid of samples may be joined


class Samples(NamedTuple):
    """A contiguous record of one channel ("NET.STA.LOC.CHA")."""

    channel: str
    start_ns: int
    rate_hz: float
    data: np.ndarray


def sniff(head: bytes) -> str:
    """What a file holds, by its first bytes (632 or more): "MSEED", "SAC", "empty" or "" (something else)."""
    if not head:
        return "empty"
    if head[:3] == b"MS\x03":
        return "MSEED"
    if len(head) >= 48 and (head[:6].isdigit() or head[:6] in (b" " * 6, b"\0" * 6)) and head[6:7] in b"DRQMVAST":
        return "MSEED"
    if len(head) >= _SAC_HEADER_BYTES:
        for order in "<>":
            version, samples = (struct.unpack_from(order + "i", head, at)[0] for at in (304, 316))
            if version in (6, 7) and samples > 0:
                return "SAC"
    return ""


def headers(content: bytes) -> tuple[list[tuple], str, str]:
    """What a file holds: rows (station, channel, start, end, sampling_rate_hz, samples), its format, and what is wrong
    with it ("" when nothing is). Never raises: whatever a broken file makes its reader raise is a problem in words."""
    try:
        kind = sniff(content[:_SAC_HEADER_BYTES])
        if kind == "empty":
            return [], "", "empty"
        if kind == "":
            return [], "", "not MiniSEED or SAC"
        rows, problem = _headers_sac(content) if kind == "SAC" else _headers_mseed(content)
    except Exception as error:
        return [], "", f"unreadable: {short(error)}"
    named = [row for row in rows if row[0].split(".")[1]]
    if len(named) < len(rows):
        problem = "no station code: its header is blank"
    kept = [row for row in named if row[4] > 0 and row[5] > 0]
    if len(kept) < len(named) and not problem:
        problem = "no time series: records without a sampling rate or samples were left out"
    return kept, kind, problem if kept or problem else "no time series: no records with samples"


def samples(
    contents: dict[str, bytes], station: str, start: pd.Timestamp | None = None, end: pd.Timestamp | None = None
) -> tuple[list[Samples], dict[str, str]]:
    """The records of a station in some files, from start (included) to end (excluded), joined where they touch.

    Args:
        contents: the bytes of each file by its name.
        station: "NET.STA.LOC"; parts may be patterns ("IU.ANMO.*").

    Returns:
        Pieces in order of channel and time, and for each file that could not be used in full, why.
    """
    pieces: list[Samples] = []
    problems: dict[str, str] = {}
    whole = []
    for name, content in contents.items():
        kind = sniff(content[:_SAC_HEADER_BYTES])
        if kind == "MSEED":
            whole.append((name, content))
        elif kind == "SAC":
            try:
                pieces += [s for s in map(_of_trace, _read_sac(content)) if _is_of(s.channel, station)]
            except Exception as error:  # ObsPy's reader raises anything on a broken file; it is counted
                problems[name] = f"unreadable: {short(error)}"
        else:
            problems[name] = "empty" if kind == "empty" else "not MiniSEED or SAC"
    pieces += _unpack(whole, station, start, end, problems)
    return _join([c for s in pieces if (c := _cut(s, start, end)) is not None]), problems


def to_stream(pieces: list[Samples]) -> obspy.Stream:
    """Pieces as ObsPy traces, without copies of the samples."""
    from obspy import Stream, Trace, UTCDateTime
    from obspy.core.trace import Stats

    stream, template, last = Stream(), None, None
    for piece in pieces:
        if (piece.channel, piece.rate_hz) != last:
            last = piece.channel, piece.rate_hz
            codes = dict(zip(("network", "station", "location", "channel"), piece.channel.split("."), strict=True))
            template = Trace(piece.data, codes | {"sampling_rate": piece.rate_hz}).stats.__dict__
        # what Trace() would set, at half its cost: there are days of 15,000 pieces
        header, trace = Stats.__new__(Stats), Trace.__new__(Trace)
        last_ns = piece.start_ns + round((len(piece.data) - 1) / piece.rate_hz * SECOND_NS)
        header.__dict__.update(template, starttime=UTCDateTime(ns=piece.start_ns), endtime=UTCDateTime(ns=last_ns))
        header.__dict__["npts"] = len(piece.data)
        trace.__dict__.update(stats=header, data=piece.data)
        stream.traces.append(trace)
    return stream


def of_stream(stream: obspy.Stream) -> list[Samples]:
    """The pieces of a stream, as :func:`to_stream` takes them."""
    return [_of_trace(trace) for trace in stream]


def short(error: object) -> str:
    """The first line of an error's message."""
    return (str(error).splitlines() or [type(error).__name__])[0][:160]


def _headers_mseed(content: bytes) -> tuple[list[tuple], str]:
    from pymseed import MS3TraceList, sourceid2nslc
    from pymseed.exceptions import PymseedError

    problem = ""
    try:
        traces = MS3TraceList.from_buffer(content)
    except PymseedError:
        try:
            traces = MS3TraceList.from_buffer(content, skip_not_data=True)
            problem = _SKIPPED
        except PymseedError:
            return _headers_obspy(content)
    rows = []
    for trace in traces:
        network, station, location, channel = sourceid2nslc(trace.sourceid)
        for piece in trace:
            span = (pd.Timestamp(piece.starttime, tz="UTC"), pd.Timestamp(piece.endtime, tz="UTC"))
            rows.append((f"{network}.{station}.{location}", channel, *span, piece.samprate, piece.samplecnt))
    if not rows:
        return _headers_obspy(content)
    return rows, problem or _cut_off(content)


def _cut_off(content: bytes) -> str:
    """Records of MiniSEED 2 have lengths of 2**n bytes from 128; a file that is no multiple of them was cut."""
    cut = len(content) % 128 and content[:3] != b"MS\x03"
    return "damaged: the file ends in the middle of a record" if cut else ""


def _headers_obspy(content: bytes) -> tuple[list[tuple], str]:
    import obspy

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stream = obspy.read(io.BytesIO(content), format="MSEED", headonly=True)
    problem = f"damaged: {short(caught[0].message)}" if caught else ""
    return [_row(trace) for trace in stream], problem


def _headers_sac(content: bytes) -> tuple[list[tuple], str]:
    import obspy

    trace = obspy.read(io.BytesIO(content), format="SAC", headonly=True)[0]
    whole = _SAC_HEADER_BYTES + 4 * trace.stats.npts
    if len(content) < whole:
        return [], f"unreadable: {len(content)} of {whole} bytes"
    return [_row(trace)], ""


def _row(trace) -> tuple:
    s = trace.stats
    start, end = (pd.Timestamp(t.ns, tz="UTC") for t in (s.starttime, s.endtime))
    return (
        f"{s.network.strip()}.{s.station.strip()}.{s.location.strip()}",
        s.channel,
        start,
        end,
        s.sampling_rate,
        s.npts,
    )


def _read_sac(content: bytes) -> obspy.Stream:
    import obspy

    return obspy.read(io.BytesIO(content), format="SAC")


def _of_trace(trace) -> Samples:
    s = trace.stats
    codes = (s.network.strip(), s.station.strip(), s.location.strip(), s.channel)
    return Samples(".".join(codes), s.starttime.ns, float(s.sampling_rate), trace.data)


def _is_of(channel: str, station: str) -> bool:
    from fnmatch import fnmatchcase

    return fnmatchcase(channel.rsplit(".", 1)[0], station)


def _unpack(files: list[tuple[str, bytes]], station: str, start, end, problems: dict[str, str]) -> list[Samples]:
    """All MiniSEED files in one list of traces, so that libmseed joins what touches across files."""
    from pymseed import MS3TraceList
    from pymseed.exceptions import PymseedError

    window = {
        k: t.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for k, t in (("starttime", start), ("endtime", end)) if t is not None
    }
    options = window | {"record_list": True, "sourceid": "FDSN:{}_{}_{}_*".format(*station.split("."))}
    try:
        whole = MS3TraceList()
        for name, content in files:
            whole.add_buffer(content, validate_crc=False, **options)
            if problem := _cut_off(content):
                problems[name] = problem
        return _taken(whole)
    except PymseedError:  # one file is damaged: each by itself, and what can be read of it
        return [s for file in files for s in _unpack_alone(*file, station, start, end, options, problems)]


def _unpack_alone(
    name: str, content: bytes, station: str, start, end, options: dict, problems: dict[str, str]
) -> list[Samples]:
    from pymseed import MS3TraceList
    from pymseed.exceptions import PymseedError

    problems.pop(name, None)
    for how, problem in (({}, _cut_off(content)), ({"skip_not_data": True}, _SKIPPED)):
        try:
            pieces = _taken(MS3TraceList.from_buffer(content, validate_crc=False, **how, **options))
        except PymseedError:
            continue
        if problem:
            problems[name] = problem
        return pieces
    return _unpack_obspy(name, content, station, start, end, problems)


def _taken(traces) -> list[Samples]:
    """The samples of a list of traces, each channel's in one array of the right size: libmseed's own arrays grow record by
    record, which takes seconds when the memory is not fresh.

    Pieces are taken from libmseed's own list, since there are days of 15,000, and pymseed's objects would cost more than
    the decoding.
    """
    from pymseed import sourceid2nslc
    from pymseed.clib import clibmseed, ffi
    from pymseed.exceptions import MiniSEEDError

    pieces = []
    for trace in traces:
        channel, handle = ".".join(sourceid2nslc(trace.sourceid)), trace._id
        held, piece = [], handle.first
        while piece != ffi.NULL:
            kind = _KINDS.get(piece.recordlist.first.msr.encoding) if piece.recordlist else None
            if kind is not None and piece.samplecnt > 0 and piece.samprate > 0:
                held.append((piece, piece.samplecnt, kind))
            piece = piece.next
        room = np.empty(sum(count * kind.itemsize for _, count, kind in held), np.uint8)
        if not held:
            continue
        start, at = ffi.cast("char *", ffi.from_buffer(room)), 0
        for piece, count, kind in held:
            size = count * kind.itemsize
            status = clibmseed.mstl3_unpack_recordlist(handle, piece, start + at, size, 0)
            if status < 0:
                raise MiniSEEDError(status, f"samples of {channel} cannot be unpacked")
            pieces.append(Samples(channel, piece.starttime, piece.samprate, room[at : at + size].view(kind)))
            at += size
    return pieces


def _unpack_obspy(name: str, content: bytes, station: str, start, end, problems: dict[str, str]) -> list[Samples]:
    import obspy

    limits = {k: obspy.UTCDateTime(ns=t.value) for k, t in (("starttime", start), ("endtime", end)) if t is not None}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = obspy.read(io.BytesIO(content), format="MSEED", **limits)
    except Exception as error:  # ObsPy's reader raises anything on a broken file; it is counted
        problems[name] = f"unreadable: {short(error)}"
        return []
    problems[name] = "damaged: read as far as ObsPy could"
    return [s for s in map(_of_trace, found) if _is_of(s.channel, station)]


def _cut(piece: Samples, start: pd.Timestamp | None, end: pd.Timestamp | None) -> Samples | None:
    """The samples from start (included) to end (excluded); None when there are none."""
    first, last = 0, len(piece.data)
    if end is not None and piece.start_ns + last / piece.rate_hz * SECOND_NS <= end.value:
        end = None  # as nearly all of them
    if start is not None and piece.start_ns < start.value:
        first = _samples_before(piece, start.value)
    if end is not None:
        last = min(last, _samples_before(piece, end.value))
    if first >= last:
        return None
    if first == 0 and last == len(piece.data):
        return piece
    shifted = piece.start_ns + round(first / piece.rate_hz * SECOND_NS)
    return Samples(piece.channel, shifted, piece.rate_hz, piece.data[first:last])


def _samples_before(piece: Samples, time_ns: int) -> int:
    """How many samples come before a time; a rounding of times to the nanosecond is no sample more or less."""
    return max(0, int(np.ceil((time_ns - piece.start_ns) / SECOND_NS * piece.rate_hz - 1e-6)))


def _join(pieces: list[Samples]) -> list[Samples]:
    """Pieces in order of channel and time; those that touch, or repeat the same samples, are one. Gaps stay gaps, and
    overlaps that disagree stay apart."""
    groups: dict[tuple[str, float], list[Samples]] = defaultdict(list)
    for piece in pieces:
        groups[piece.channel, piece.rate_hz].append(piece)
    joined = []
    for (channel, rate), group in groups.items():
        group.sort(key=lambda p: (p.start_ns, -len(p.data)))
        starts = np.array([p.start_ns for p in group])
        ends = starts + np.array([len(p.data) for p in group]) / rate * SECOND_NS
        if (starts[1:] > ends[:-1] + 0.5 / rate * SECOND_NS).all():
            joined += group
            continue
        run: list[np.ndarray] = []
        start_ns = count = 0
        for piece in group:
            at = (piece.start_ns - start_ns) / SECOND_NS * rate if run else 0.0
            overlap = count - round(at)
            on_grid = abs(at - round(at)) <= _SAME_CLOCK
            if run and on_grid and overlap >= 0 and _repeats(run, piece.data, overlap):
                run.append(piece.data[overlap:])
                count += max(len(piece.data) - overlap, 0)
                continue
            if run:
                joined.append(Samples(channel, start_ns, rate, run[0] if len(run) == 1 else np.concatenate(run)))
            run, start_ns, count = [piece.data], piece.start_ns, len(piece.data)
        joined.append(Samples(channel, start_ns, rate, run[0] if len(run) == 1 else np.concatenate(run)))
    return sorted(joined, key=lambda p: (p.channel, p.start_ns))


def _repeats(run: list[np.ndarray], new: np.ndarray, overlap: int) -> bool:
    """Whether the first ``overlap`` samples of a piece are the last ones before it (or lie within them)."""
    if overlap == 0:
        return True
    if len(run) > 1:
        run[:] = [np.concatenate(run)]
    held = run[0][len(run[0]) - overlap :]
    shared = min(overlap, len(new))
    return bool(len(held) == overlap and np.array_equal(held[:shared], new[:shared]))
