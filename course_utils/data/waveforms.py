"""A researcher's own waveforms: a folder of MiniSEED (whatever its extension) and SAC files as one archive.

What a file is, its content says. Files are indexed by their headers; samples are read a station and a time window at a
time, so that memory is bounded by the window and not by the archive. What cannot be read is counted and reported.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..catalog.tables import UTC_DTYPE
from .errors import DataError

if TYPE_CHECKING:
    import obspy

_INDEX = ["file", "station", "channel", "start", "end", "sampling_rate_hz", "samples", "format"]
_SAC_HEADER_BYTES = 632


def read_waveforms(path: str | Path) -> WaveformArchive:
    """Index a waveform file, or every file below a folder (hidden files and folders are left out).

    Returns:
        An archive: ``archive.index`` (one row per contiguous piece), ``archive.problems`` (files not used, or used in part,
        and why), ``archive.read(station, start, end)`` and iteration over ``(station, stream)``.

    Raises:
        DataError: there is no such path, or no file in it holds waveforms; the message counts the reasons.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise DataError(f"{path}: no such file or folder", remedy="give a MiniSEED or SAC file, or a folder of them")
    files = [path] if path.is_file() else sorted(f for f in path.rglob("*") if f.is_file() and not _hidden(f, path))
    pieces, problems = [], []
    for file in files:
        found, problem = _index_file(file)
        pieces += found
        if problem:
            problems.append((str(file), problem, bool(found)))
    archive = WaveformArchive(
        pd.DataFrame(pieces, columns=_INDEX), pd.DataFrame(problems, columns=["file", "problem", "used"])
    )
    if archive.index.empty:
        raise DataError(
            f"{path}: no waveforms found in {len(files)} files",
            found="; ".join(archive.problem_counts()) or "an empty folder",
            remedy="give MiniSEED or SAC files; convert other formats with ObsPy's stream.write(..., format='MSEED')",
        )
    return archive


class WaveformArchive:
    """An index of waveform files by station and time.

    Attributes:
        index: one row per contiguous piece: file, station ("NET.STA.LOC"), channel ("HHZ"), start and end (first and last sample,
            UTC), sampling_rate_hz, samples, format ("MSEED" or "SAC"); sorted by station, channel, start.
        problems: one row per file that was not used or used in part: file, problem, used.
    """

    def __init__(self, index: pd.DataFrame, problems: pd.DataFrame):
        index = index.astype({"start": UTC_DTYPE, "end": UTC_DTYPE})
        self.index = index.sort_values(["station", "channel", "start", "file"], ignore_index=True)
        self.problems = problems.reset_index(drop=True)

    @property
    def stations(self) -> list[str]:
        """Station codes "NET.STA.LOC", sorted."""
        return sorted(self.index["station"].unique())

    @property
    def start(self) -> pd.Timestamp:
        """First sample of all."""
        return self.index["start"].min()

    @property
    def end(self) -> pd.Timestamp:
        """Last sample of all."""
        return self.index["end"].max()

    def windows(self, hours: float = 24.0) -> pd.DataFrame:
        """The units of work: station, start, end of every window that holds data.

        Windows start at multiples of their length counted from 1970-01-01 (24 hours: UTC days), whatever the files.
        """
        step = round(hours * 3600e6)
        if step <= 0:
            raise ValueError(f"hours is {hours}; give a positive length")
        rows = []
        for station, group in self.index.groupby("station"):
            first = group["start"].astype("int64").to_numpy() // step
            last = group["end"].astype("int64").to_numpy() // step
            numbers = sorted({n for a, b in zip(first, last, strict=True) for n in range(a, b + 1)})
            rows += [(station, n * step, (n + 1) * step) for n in numbers]
        table = pd.DataFrame(rows, columns=["station", "start", "end"])
        return table.assign(
            **{c: pd.to_datetime(table[c], unit="us", utc=True).astype(UTC_DTYPE) for c in ("start", "end")}
        )

    def read(self, station: str, start=None, end=None) -> obspy.Stream:
        """The samples of one station from start (included) to end (excluded) as an ObsPy Stream.

        Pieces that touch, or repeat the same samples, are joined; gaps stay gaps, and overlaps that disagree stay
        separate traces. An empty Stream when the station has nothing there. Files that turn out to be unreadable
        now are added to ``problems``.

        Raises:
            KeyError: the archive has no such station.
        """
        import obspy

        rows = self.index[self.index["station"] == station]
        if rows.empty:
            raise KeyError(f"no station {station!r}; the archive has {', '.join(self.stations[:8])}")
        start, end = _utc(start), _utc(end)
        if start is not None:
            rows = rows[rows["end"] >= start]
        if end is not None:
            rows = rows[rows["start"] < end]
        stream = obspy.Stream()
        for file, kind in rows[["file", "format"]].drop_duplicates().itertuples(index=False):
            try:
                stream += _read_sac(file) if kind == "SAC" else _read_mseed(file, station, start, end)
            except (OSError, ValueError, RuntimeError) as error:
                self.problems.loc[len(self.problems)] = (file, f"unreadable: {_short(error)}", False)
        if start is not None or end is not None:
            stream.trim(
                *(None if t is None else obspy.UTCDateTime(ns=t.value) for t in (start, end)), nearest_sample=False
            )
            stream = obspy.Stream([tr for tr in (_before(tr, end) for tr in stream) if tr is not None])
        stream.merge(method=-1)
        stream.sort(["channel", "starttime"])
        return stream

    def iterate(self, hours: float = 24.0) -> Iterator[tuple[str, obspy.Stream]]:
        """(station, stream) for every window of :meth:`windows`, in order; memory holds one of them."""
        for row in self.windows(hours).itertuples():
            stream = self.read(row.station, row.start, row.end)
            if stream:
                yield row.station, stream

    def __iter__(self) -> Iterator[tuple[str, obspy.Stream]]:
        """(station, whole stream), station by station. For long archives use :meth:`iterate`."""
        for station in self.stations:
            yield station, self.read(station)

    def __len__(self) -> int:
        return len(self.stations)

    def problem_counts(self) -> list[str]:
        """How many files have which problem, in words."""
        kinds = self.problems["problem"].str.split(":").str[0]
        return [f"{count} {kind}" for kind, count in kinds.value_counts().items()]

    def __repr__(self) -> str:
        text = f"<WaveformArchive: {len(self)} stations, {self.index['file'].nunique()} files, {self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M}"
        return text + (f"; {', '.join(self.problem_counts())}>" if len(self.problems) else ">")


def sniff(path: str | Path) -> str:
    """What a file holds, by its content: "MSEED", "SAC", "empty" or "" (something else)."""
    with open(path, "rb") as handle:
        head = handle.read(_SAC_HEADER_BYTES)
    if not head:
        return "empty"
    if head[:3] in (b"MS\x03",):
        return "MSEED"
    if len(head) >= 48 and (head[:6].isdigit() or head[:6] in (b" " * 6, b"\0" * 6)) and head[6:7] in b"DRQMVAST":
        return "MSEED"
    if len(head) == _SAC_HEADER_BYTES:
        for order in "<>":
            version, samples = (
                struct.unpack_from(order + "i", head, 304)[0],
                struct.unpack_from(order + "i", head, 316)[0],
            )
            if version in (6, 7) and samples > 0:
                return "SAC"
    return ""


def _index_file(file: Path) -> tuple[list[tuple], str]:
    """Rows of the index for one file, and what is wrong with it ("" when nothing is)."""
    try:
        kind = sniff(file)
        if kind == "empty":
            return [], "empty"
        if kind == "":
            return [], "not MiniSEED or SAC"
        rows, problem = _headers_sac(file) if kind == "SAC" else _headers_mseed(file)
    except Exception as error:  # whatever a broken file makes its reader raise: counted, never fatal
        return [], f"unreadable: {_short(error)}"
    nameless = [row for row in rows if row[1].split(".")[1] == ""]
    if nameless:
        problem = "no station code: its header is blank"
    zero = [row for row in rows if row[5] <= 0 or row[6] <= 0]
    if zero and not problem:
        problem = "no time series: records without a sampling rate or samples were left out"
    rows = [row for row in rows if row not in nameless and row not in zero]
    return rows, problem if rows or problem else "no time series: no records with samples"


def _headers_mseed(file: Path) -> tuple[list[tuple], str]:
    from pymseed import MS3TraceList, sourceid2nslc
    from pymseed.exceptions import PymseedError

    problem = ""
    try:
        traces = MS3TraceList.from_file(str(file))
    except PymseedError:
        try:
            traces = MS3TraceList.from_file(str(file), skip_not_data=True)
            problem = "damaged: bytes that are not MiniSEED were skipped"
        except PymseedError:
            return _headers_obspy(file)
    rows = []
    for trace in traces:
        network, station, location, channel = sourceid2nslc(trace.sourceid)
        for piece in trace:
            span = (pd.Timestamp(piece.starttime, tz="UTC"), pd.Timestamp(piece.endtime, tz="UTC"))
            rows.append(
                (str(file), f"{network}.{station}.{location}", channel, *span, piece.samprate, piece.samplecnt, "MSEED")
            )
    if not rows:
        return _headers_obspy(file)
    if not problem and file.stat().st_size % 128 and file.read_bytes()[:3] != b"MS\x03":
        problem = "damaged: the file ends in the middle of a record"
    return rows, problem


def _headers_obspy(file: Path) -> tuple[list[tuple], str]:
    import obspy

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stream = obspy.read(file, format="MSEED", headonly=True)
    problem = f"damaged: {_short(caught[0].message)}" if caught else ""
    return [_row(file, trace, "MSEED") for trace in stream], problem


def _headers_sac(file: Path) -> tuple[list[tuple], str]:
    import obspy

    trace = obspy.read(file, format="SAC", headonly=True)[0]
    whole = _SAC_HEADER_BYTES + 4 * trace.stats.npts
    if file.stat().st_size < whole:
        return [], f"unreadable: {file.stat().st_size} of {whole} bytes"
    return [_row(file, trace, "SAC")], ""


def _row(file: Path, trace, kind: str) -> tuple:
    s = trace.stats
    start, end = (pd.Timestamp(t.ns, tz="UTC") for t in (s.starttime, s.endtime))
    name = f"{s.network.strip()}.{s.station.strip()}.{s.location.strip()}"
    return (str(file), name, s.channel, start, end, s.sampling_rate, s.npts, kind)


def _read_mseed(file: str, station: str, start, end) -> obspy.Stream:
    """One station's records of a file that touch the window; pymseed, or ObsPy where that fails."""
    import obspy
    from pymseed import MS3TraceList, sourceid2nslc
    from pymseed.exceptions import PymseedError

    window = {
        k: t.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for k, t in (("starttime", start), ("endtime", end)) if t is not None
    }
    network, name, location = station.split(".")
    pattern = f"FDSN:{network}_{name}_{location}_*"
    try:
        traces = MS3TraceList.from_file(file, unpack_data=True, sourceid=pattern, skip_not_data=True, **window)
    except PymseedError:
        limits = {k: obspy.UTCDateTime(v) for k, v in window.items()}
        with warnings.catch_warnings():  # the damage was reported when the file was indexed
            warnings.simplefilter("ignore")
            found = obspy.read(file, format="MSEED", **limits)
        return obspy.Stream([t for t in found if f"{t.stats.network}.{t.stats.station}.{t.stats.location}" == station])
    stream = obspy.Stream()
    for trace in traces:
        codes = dict(zip(("network", "station", "location", "channel"), sourceid2nslc(trace.sourceid), strict=True))
        for piece in trace:
            if piece.samprate > 0 and piece.samplecnt > 0 and piece.sampletype in "ifd":
                header = {**codes, "sampling_rate": piece.samprate, "starttime": obspy.UTCDateTime(ns=piece.starttime)}
                stream.append(obspy.Trace(np.array(piece.np_datasamples), header))
    return stream


def _read_sac(file: str) -> obspy.Stream:
    import obspy

    return obspy.read(file, format="SAC")


def _before(trace, end):
    """The trace without a sample at exactly ``end``, so that windows share no sample; None when nothing is left."""
    if not trace.stats.npts:
        return None
    if end is not None and trace.stats.endtime.ns >= end.value:
        if trace.stats.npts == 1:
            return None
        trace.data = trace.data[:-1]
    return trace


def _utc(time) -> pd.Timestamp | None:
    if time is None:
        return None
    stamp = pd.Timestamp(time.datetime if hasattr(time, "timestamp") and hasattr(time, "ns") else time)
    return stamp.tz_localize("UTC") if stamp.tz is None else stamp.tz_convert("UTC")


def _hidden(file: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(root).parts)


def _short(error) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
