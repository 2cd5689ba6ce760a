"""A researcher's own waveforms: a folder of MiniSEED (whatever its extension) and SAC files as one archive.

What a file is, its content says. Files are indexed by their headers; samples are read a station and a time window at a
time, so that memory is bounded by the window and not by the archive. What cannot be read is counted and reported.
Archives whose file names say what they hold are not opened before they are read: see :mod:`course_utils.data.day_files`.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ..catalog.tables import UTC_DTYPE
from .errors import DataError
from .miniseed import headers, samples, short, to_stream
from .storage import LocalFiles

if TYPE_CHECKING:
    import obspy

_INDEX = ["file", "station", "channel", "start", "end", "sampling_rate_hz", "samples", "format"]


def read_waveforms(path: str | Path) -> WaveformArchive:
    """Index a waveform file, or every file below a folder (hidden files and folders are left out).

    Returns:
        An archive: ``archive.index`` (one row per contiguous piece), ``archive.problems`` (files not used, or used in part,
        and why), ``archive.read(station, start, end)`` and iteration over ``(station, stream)``.

    Raises:
        DataError: there is no such path, or no file in it holds waveforms; the message counts the reasons.
    """
    return index_by_headers(LocalFiles(path))


def index_by_headers(storage) -> WaveformArchive:
    """The archive of all files of a storage (:mod:`course_utils.data.storage`); each is opened once for its headers."""
    rows, problems, count = [], [], 0
    for file in storage.names():
        count += 1
        try:
            found, kind, problem = headers(storage.load(file))
        except OSError as error:
            found, kind, problem = [], "", f"unreadable: {short(error.strerror or error)}"
        rows += [(file, *row, kind) for row in found]
        if problem:
            problems.append((file, problem, bool(found)))
    archive = WaveformArchive(
        pd.DataFrame(rows, columns=_INDEX), pd.DataFrame(problems, columns=["file", "problem", "used"]), storage
    )
    if archive.index.empty:
        raise DataError(
            f"{storage.label}: no waveforms found in {count} files",
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

    def __init__(self, index: pd.DataFrame, problems: pd.DataFrame, storage):
        index = index.astype({"start": UTC_DTYPE, "end": UTC_DTYPE})
        self.index = index.sort_values(["station", "channel", "start", "file"], ignore_index=True)
        self.problems = problems.reset_index(drop=True)
        self.storage = storage

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

    def spans(self, station: str) -> list[tuple[pd.Timestamp, pd.Timestamp, str]]:
        """First and last sample of each contiguous piece of a station, and the file that holds it."""
        rows = self.index[self.index["station"] == station]
        return list(rows[["start", "end", "file"]].itertuples(index=False, name=None))

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
        rows = self.index[self.index["station"] == station]
        if rows.empty:
            raise KeyError(f"no station {station!r}; the archive has {', '.join(self.stations[:8])}")
        start, end = to_utc(start), to_utc(end)
        if start is not None:
            rows = rows[rows["end"] >= start]
        if end is not None:
            rows = rows[rows["start"] < end]
        stream, problems = read_files(self.storage, rows["file"].drop_duplicates(), station, start, end)
        for file, problem in problems.items():
            if not (self.problems["file"] == file).any():  # damage that the index met is known
                self.problems.loc[len(self.problems)] = (file, problem, problem.startswith("damaged"))
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


def read_files(storage, files, station: str, start=None, end=None) -> tuple[obspy.Stream, dict[str, str]]:
    """A station's records in some files of a storage, from start (included) to end (excluded), as a Stream.

    Returns:
        The stream, and for each file that could not be used in full, why.
    """
    contents, problems = {}, {}
    for file in files:
        try:
            contents[file] = storage.load(file)
        except OSError as error:
            problems[file] = f"unreadable: {short(error.strerror or error)}"
    collecting = gc.isenabled()
    gc.disable()  # thousands of small objects, none of which is garbage: looking for some doubles the time
    try:
        pieces, damaged = samples(contents, station, start, end)
        return to_stream(pieces), problems | damaged
    finally:
        if collecting:
            gc.enable()


def to_utc(time) -> pd.Timestamp | None:
    """A time of pandas, ObsPy, the standard library or text as a UTC timestamp; None stays None."""
    if time is None:
        return None
    stamp = pd.Timestamp(time.datetime if hasattr(time, "timestamp") and hasattr(time, "ns") else time)
    return stamp.tz_localize("UTC") if stamp.tz is None else stamp.tz_convert("UTC")
