"""Archives of day files, whose names say station, channel and day: planned from the names, opened only to be read.

Known layouts, in a folder or an object store:

* SDS (SeisComP, ObsPy): ``YEAR/NET/STA/CHAN.TYPE/NET.STA.LOC.CHAN.TYPE.YEAR.DAY``, of type D
* SCEDC (s3://scedc-pds/continuous_waveforms): ``YYYY/YYYY_DDD/NNSSSSSCCCLL_YYYYDDD.ms``, codes filled up with "_"
* NCEDC (s3://ncedc-pds/continuous_waveforms): ``NET/YYYY/YYYY.DDD/STA.NET.CHA.LOC.D.YYYY.DDD``
* EarthScope (s3://earthscope-geophysical-data/miniseed): ``NET/YYYY/DDD/STA.NET.YYYY.DDD``, all channels in one file

The folders above the file name decide only what need not be listed, except in the last layout, whose names alone say too little.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from datetime import date, timedelta
from fnmatch import fnmatchcase
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from .errors import DataError
from .waveforms import WaveformArchive, index_by_headers, read_files, to_utc

if TYPE_CHECKING:
    import obspy

_CODE = r"[A-Z0-9]"
_LAYOUTS = {
    "SDS": rf"(?P<net>{_CODE}{{1,8}})\.(?P<sta>{_CODE}{{1,8}})\.(?P<loc>[A-Z0-9-]{{0,8}})\.(?P<cha>{_CODE}{{3}})\.D\.(?P<year>\d{{4}})\.(?P<day>\d{{3}})",
    "NCEDC": rf"(?P<sta>{_CODE}{{1,5}})\.(?P<net>{_CODE}{{1,2}})\.(?P<cha>{_CODE}{{3}})\.(?P<loc>[A-Z0-9_-]{{0,2}})\.D\.(?P<year>\d{{4}})\.(?P<day>\d{{3}})",
    "SCEDC": rf"(?P<net>[A-Z0-9_]{{2}})(?P<sta>[A-Z0-9_]{{5}})(?P<cha>{_CODE}{{3}})(?P<loc>[A-Z0-9_]{{2}})_(?P<year>\d{{4}})(?P<day>\d{{3}})(?:\.ms)?",
    "EarthScope": rf"(?P<net>{_CODE}{{1,2}})/(?P<year>\d{{4}})/(?P<day>\d{{3}})/(?P<sta>{_CODE}{{1,5}})\.(?P=net)\.(?P=year)\.(?P=day)(?:#.*)?",
}  # fmt: skip
_PATTERNS = {name: re.compile(rf"(?:.*/)?{pattern}") for name, pattern in _LAYOUTS.items()}
_LOOKED_AT = 50  # names that decide whether an archive has a known layout

SEISMIC = "[FGDCESHB][HNLPG]?"  # seismometers, accelerometers, geophones with at least about 10 samples per second
MARGIN = pd.Timedelta(hours=1)  # a day file may begin or end this much off midnight, by the length of its records


class DayFile(NamedTuple):
    """What the name of a day file says; ``station`` is "NET.STA.LOC", or "NET.STA.*" where the file holds them all."""

    station: str
    channel: str
    day: date


def parse_name(name: str, layout: str) -> DayFile | None:
    """The station, channel ("" for all) and day that the path of a file says in a layout; None when it has another form."""
    found = _PATTERNS[layout].fullmatch(name)
    if found is None:
        return None
    part = {key: (value or "").strip("_-") for key, value in found.groupdict().items()}
    location = part.get("loc", "*")
    year, number = int(part["year"]), int(part["day"])
    if not 1 <= number <= 366:
        return None
    day = date(year, 1, 1) + timedelta(days=number - 1)
    return DayFile(f"{part['net']}.{part['sta']}.{location}", part.get("cha", ""), day)


def station_matches(station: str, patterns: tuple[str, ...]) -> bool:
    """Whether any pattern (as in file names: * ? [..]) fits "NET.STA.LOC", "NET.STA" or "STA"; true without patterns."""
    network, name, _ = station.split(".")
    return not patterns or any(fnmatchcase(form, p) for p in patterns for form in (station, f"{network}.{name}", name))


def open_archive(storage, start=None, end=None, stations: tuple[str, ...] = ()) -> DayFiles | WaveformArchive:
    """The archive of a storage: by its names where they have a known layout, else by the headers of its files.

    Args:
        start, end, stations: what will be used of it, see :func:`station_matches`; other folders and files are not listed.

    Raises:
        DataError: no waveforms between start and end at these stations.
    """
    start, end = to_utc(start), to_utc(end)
    first, last = _reach(start, end)

    def wanted(parts: tuple[str, ...]) -> bool:
        return _may_hold(parts, first, last)

    names = list(islice(storage.names(wanted), _LOOKED_AT)) or list(islice(storage.names(), _LOOKED_AT))
    for layout in _LAYOUTS:
        if sum(parse_name(name, layout) is not None for name in names) > len(names) / 2:
            return DayFiles(storage, layout, storage.names(wanted), start, end, stations)
    archive = index_by_headers(storage)
    kept = archive.index["station"].map(lambda station: station_matches(station, stations)).astype(bool)
    if not kept.any():
        raise _nothing(storage.label, stations, start, end, ", ".join(archive.stations[:5]))
    archive.index = archive.index[kept].reset_index(drop=True)
    return archive


class DayFiles:
    """An archive of day files, known by their names.

    Attributes:
        problems: files that were not used and why: file, problem, used; grows as files are read.
        unused: how many files hold channels that nobody picks, by channel.
    """

    def __init__(self, storage, layout: str, names, start, end, stations: tuple[str, ...]):
        first, last = _reach(start, end)
        self.storage, self.layout = storage, layout
        self._files: dict[str, dict[date, list[str]]] = defaultdict(lambda: defaultdict(list))
        self.unused: dict[str, int] = defaultdict(int)
        strange, seen = [], set()
        for name in names:
            said = parse_name(name.replace(os.sep, "/"), layout)
            if said is None:
                strange.append((name, f"not named as {layout} files are", False))
                continue
            seen.add(said.station)
            if first <= said.day <= last and station_matches(said.station, stations):
                if said.channel and not fnmatchcase(said.channel, SEISMIC):
                    self.unused[said.channel] += 1
                else:
                    self._files[said.station][said.day].append(name)
        self.problems = pd.DataFrame(strange, columns=["file", "problem", "used"])
        if not self._files:
            raise _nothing(storage.label, stations, start, end, ", ".join(sorted(seen)[:5]) or "no files of those days")

    @property
    def stations(self) -> list[str]:
        """Station codes, sorted."""
        return sorted(self._files)

    @property
    def start(self) -> pd.Timestamp:
        """Midnight before the first file."""
        return _midnight(min(min(days) for days in self._files.values()))

    @property
    def end(self) -> pd.Timestamp:
        """Midnight after the last file."""
        return _midnight(max(max(days) for days in self._files.values()) + timedelta(days=1))

    def spans(self, station: str) -> list[tuple[pd.Timestamp, pd.Timestamp, str]]:
        """First and last time that each file of a station may hold, and the file."""
        return [
            (_midnight(day), _midnight(day + timedelta(days=1)) - pd.Timedelta(microseconds=1), file)
            for day, files in sorted(self._files[station].items())
            for file in files
        ]

    def read(self, station: str, start=None, end=None) -> obspy.Stream:
        """The samples of one station from start (included) to end (excluded), as :meth:`WaveformArchive.read`."""
        if station not in self._files:
            raise KeyError(f"no station {station!r}; the archive has {', '.join(self.stations[:8])}")
        start, end = to_utc(start) or self.start - MARGIN, to_utc(end) or self.end + MARGIN
        days = self._files[station]
        if len(days) < (end - start).days:
            chosen = [
                day
                for day in sorted(days)
                if start - MARGIN < _midnight(day + timedelta(days=1)) and _midnight(day) < end + MARGIN
            ]
        else:
            chosen = [d.date() for d in pd.date_range((start - MARGIN).floor("D"), end + MARGIN, freq="D")]
        files = [file for day in chosen for file in days.get(day, ())]
        stream, problems = read_files(self.storage, files, station, start, end)
        for file, problem in problems.items():
            self.problems.loc[len(self.problems)] = (file, problem, problem.startswith("damaged"))
        return stream

    def __len__(self) -> int:
        return len(self._files)

    def __repr__(self) -> str:
        count = sum(len(files) for days in self._files.values() for files in days.values())
        return f"<DayFiles: {self.layout}, {len(self)} stations, {count} files, {self.start:%Y-%m-%d} to {self.end:%Y-%m-%d}>"


def _reach(start: pd.Timestamp | None, end: pd.Timestamp | None) -> tuple[date, date]:
    """First and last day whose files may hold records from start to end."""
    return (start - MARGIN).date() if start is not None else date.min, (
        end + MARGIN
    ).date() if end is not None else date.max


def _may_hold(parts: tuple[str, ...], first: date, last: date) -> bool:
    """False for a folder whose name says a year or day out of reach, as the known layouts write them."""
    found = re.fullmatch(r"(\d{4})(?:[._](\d{3}))?", parts[-1])
    if found is None and len(parts) > 1 and re.fullmatch(r"\d{3}", parts[-1]) and re.fullmatch(r"\d{4}", parts[-2]):
        found = re.fullmatch(r"(\d{4}) (\d{3})", f"{parts[-2]} {parts[-1]}")
    if found is None or not 1900 <= int(found[1]) <= 2200:
        return True
    year = int(found[1])
    if found[2] is None:
        return first.year <= year <= last.year
    return first <= date(year, 1, 1) + timedelta(days=int(found[2]) - 1) <= last


def _midnight(day: date) -> pd.Timestamp:
    return pd.Timestamp(day, tz="UTC")


def _nothing(label: str, stations: tuple[str, ...], start, end, found: str) -> DataError:
    asked = f" at stations {', '.join(stations)}" if stations else ""
    asked += f" from {start}" if start is not None else ""
    asked += f" to {end}" if end is not None else ""
    return DataError(
        f"{label}: no waveforms{asked}",
        found=found,
        remedy="compare the codes and the times with the archive's",
    )
