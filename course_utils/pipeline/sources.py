"""Where a run's waveforms come from: an archive of files or objects, a data set, or a synthetic world.

A source knows the windows in which there are records, reads one of them at a time, and says what its bytes are,
so that a unit of work can tell whether it is up to date. What reads a window holds no index of the archive, so that it
can be sent to another process.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from course_utils.catalog.store import read_catalog
from course_utils.catalog.tables import Catalog
from course_utils.pipeline.config import DATASET, SYNTHETIC, Config, ConfigError
from course_utils.pipeline.network import configured_velocity, leave_out_strays, read_network, reconcile
from course_utils.pipeline.units import table_hash

NEAR = pd.Timedelta(hours=1)  # files this close to a window are read with it: more than any picker needs around it
_DAY_NS = 86_400_000_000_000


@dataclass(frozen=True)
class Window:
    """One station from ``start`` (included) to ``end`` (excluded), and the files that hold its records.

    ``tags`` say what the bytes of objects are that have no modification time on this machine; empty for files.
    """

    station: str
    start: pd.Timestamp
    end: pd.Timestamp
    files: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Path of the window's unit: by day, network and station, as the store is partitioned. Readers that make columns
        of such folders find the same station there as in the table."""
        return f"date={self.start:%Y-%m-%d}/network={self.station.split('.')[0]}/station={self.station}"


@dataclass(frozen=True)
class Records:
    """Waveforms without stations and velocity.

    Attributes:
        reader: what reads a window: ``reader.read_window(window, pad_s)`` gives a Stream and what was wrong with files.
        windows: station by station, in order of time; a fresh iterator at every call.
        count: how many windows there are.
        identity: what the bytes are, as far as the windows do not say it.
        unused: files and channels left out, with the reason.
    """

    label: str
    reader: Any
    windows: Any
    count: int
    identity: dict[str, Any]
    unused: list[dict[str, str]]


@dataclass(frozen=True)
class Source:
    """Everything a run needs to know about its input.

    Attributes:
        span: first and last time of the records, cut to the configured time.
        reader: reads a window, see :class:`Records`.
        unused: files and stations left out, with the reason.
        inventory: instrument responses, when they are known.
    """

    label: str
    stations: pd.DataFrame
    velocity: pd.DataFrame
    identity: dict[str, Any]
    windows: tuple[Window, ...]
    span: tuple[pd.Timestamp, pd.Timestamp]
    records: Any
    reader: Any
    unused: list[dict[str, str]] = field(default_factory=list)
    inventory: Any = None

    def read(self, station: str, start: pd.Timestamp, end: pd.Timestamp):
        """ObsPy Stream of one station; empty when it has nothing there."""
        return self.records.read(station, start, end)


def open_source(config: Config) -> Source:
    """The source that ``[input]`` names, cut to its ``start`` and ``end``.

    Raises:
        ConfigError: no records between start and end, or none at any station of the table.
        DataError, TableError, FileNotFoundError: the files cannot be used.
    """
    kind = config.input.waveforms
    if kind.startswith(SYNTHETIC):
        source = _synthetic(config)
    elif kind.startswith(DATASET):
        source = _dataset(config)
    else:
        source = _archive(config)
    if not source.windows:
        raise ConfigError(
            f"[input] waveforms = {kind!r}: no records at the stations of the table"
            + (" between start and end" if config.input.start or config.input.end else "")
            + "; compare the station codes (NET.STA.LOC) and the times"
            + "".join(f"\n  {u['what']}: {u['reason']}" for u in source.unused[:1] + source.unused[1:][-1:])
        )
    return source


def open_records(text: str, start=None, end=None, stations: tuple[str, ...] = ()) -> Records:
    """Records without stations and velocity, of what is wanted of them (stations as patterns, see ``station_matches``).

    Raises:
        ConfigError, DataError: nothing of the kind, or nothing in that time at these stations.
    """
    from course_utils.data.day_files import open_archive, station_matches
    from course_utils.data.storage import open_storage

    limits = _limit(start), _limit(end)
    if text.startswith((SYNTHETIC, DATASET)):
        if text.startswith(DATASET):
            name = text.removeprefix(DATASET)
            reader, held, identity = _DatasetRecords(name), _windows_of_dataset(name, *limits), _identity(name)
        else:
            times = {key: value for key, value in (("start", start), ("end", end)) if value is not None}
            source = open_source(Config.from_dict({"input": {"waveforms": text} | times}))
            reader, held, identity = source.reader, source.windows, source.identity
        windows = [w for w in held if station_matches(w.station, stations)]
        if not windows:
            names = ", ".join(sorted({w.station for w in held})) or "none between start and end"
            raise ConfigError(f"{text}: no station fits {', '.join(stations) or '*'}; there is {names}")
        return Records(text, reader, lambda: iter(windows), len(windows), identity, [])
    archive = open_archive(open_storage(text), *limits, stations)
    count = sum(1 for _ in archive_windows(archive, archive.stations, *limits))
    if not count:
        raise ConfigError(f"{text}: no records between start and end; it holds {archive.start} to {archive.end}")
    return Records(
        text,
        FileRecords(archive.storage),
        lambda: archive_windows(archive, archive.stations, *limits),
        count,
        {"source": "files"},
        _problems(archive),
    )


def open_catalog(text: str, config: Config | None = None) -> tuple[Catalog, frozenset[int] | None]:
    """The catalog that a text names, and the ids of the events to be expected of another one (None: all).

    A file, a folder, ``data:NAME``, ``data:NAME/PART`` for another list of events in the set, or ``synthetic:NAME``; of a
    synthetic truth, only what can be seen is expected.
    Paths are relative to the configuration when there is one.
    """
    if text.startswith(SYNTHETIC):
        truth = world(text.removeprefix(SYNTHETIC)).truth
        return truth.catalog(), frozenset(truth.detectable()["event_id"].tolist())
    if text.startswith(DATASET):
        name, _, part = text.removeprefix(DATASET).partition("/")
        opened = _opened(name)
        if (part or "events") not in opened:
            raise ConfigError(f"{text!r}: the data set holds no {part or 'events'}, but {', '.join(opened.parts)}")
        if not part:
            return opened.catalog, None
        chosen = opened[part]
        return chosen if isinstance(chosen, Catalog) else Catalog(events=chosen), None
    return read_catalog(config.path(text) if config else Path(text).expanduser()), None


def archive_windows(archive, stations: Iterable[str], start=None, end=None) -> Iterator[Window]:
    """The windows of an archive of files or objects, station by station."""
    for station in stations:
        yield from day_windows(station, archive.spans(station), start, end, archive.storage.tag)


def day_windows(station: str, spans: list[tuple], start=None, end=None, tag=lambda file: "") -> list[Window]:
    """Windows of one UTC day that hold records, cut to ``start`` and ``end``.

    Args:
        spans: first and last time of each record, and its file ("" for none).
        tag: what the bytes of a file are; see :class:`Window`.
    """
    held: dict[int, list[tuple]] = defaultdict(list)
    near: dict[int, set[str]] = defaultdict(set)
    for first, last, file in spans:
        for day in range(first.value // _DAY_NS, last.value // _DAY_NS + 1):
            held[day].append((first, last))
        if file:
            for day in range((first - NEAR).value // _DAY_NS, (last + NEAR).value // _DAY_NS + 1):
                near[day].add(file)
    windows = []
    for day in sorted(held):
        a = pd.Timestamp(day * _DAY_NS, tz="UTC").as_unit("us")
        b = a + pd.Timedelta(days=1)
        a, b = max(a, start) if start is not None else a, min(b, end) if end is not None else b
        if a < b and any(last >= a and first < b for first, last in held[day]):
            files = tuple(sorted(near[day]))
            tags = tuple(map(tag, files))
            windows.append(Window(station, a, b, files, tags if any(tags) else ()))
    return windows


class FileRecords:
    """Reads windows from the files that they name."""

    def __init__(self, storage):
        self.storage = storage

    def read_window(self, window: Window, pad_s: float):
        """The records of a window with ``pad_s`` seconds on both sides, and what was wrong with its files."""
        from course_utils.data.waveforms import read_files

        pad = pd.Timedelta(seconds=pad_s)
        return read_files(self.storage, window.files, window.station, window.start - pad, window.end + pad)


def _limit(time) -> pd.Timestamp | None:
    return None if time is None else pd.Timestamp(time)


def _archive(config: Config) -> Source:
    from course_utils.data.day_files import open_archive
    from course_utils.data.storage import open_storage

    stations, inventory = read_network(config)
    text, limits = config.input.waveforms, (_limit(config.input.start), _limit(config.input.end))
    archive = open_archive(open_storage(text if "://" in text else config.path(text)), *limits)
    stations, unused = reconcile(stations, archive.stations)
    stations, far = leave_out_strays(stations)
    windows = archive_windows(archive, stations["station"], *limits)
    return Source(
        text,
        stations,
        configured_velocity(config),
        {"source": "files"},
        tuple(windows),
        _cut((archive.start, archive.end), config),
        archive,
        FileRecords(archive.storage),
        unused + far + _problems(archive),
        inventory,
    )


def _problems(archive) -> list[dict[str, str]]:
    found = [
        {"what": row.file, "reason": row.problem + (" (used in part)" if row.used else "")}
        for row in archive.problems.itertuples()
    ]
    for channel, count in sorted(getattr(archive, "unused", {}).items()):
        found.append({"what": f"{count} files of channel {channel}", "reason": "not a channel that pickers know"})
    return found


def _dataset(config: Config) -> Source:
    name = config.input.waveforms.removeprefix(DATASET)
    opened = _opened(name)
    for part, given in (("waveforms", None), ("stations", config.input.stations), ("velocity", config.input.velocity)):
        if part not in opened and given is None:
            raise ConfigError(
                f"[input] waveforms = {config.input.waveforms!r}: the data set holds no {part}, but {', '.join(opened.parts)}"
            )
    stations, inventory = read_network(config) if config.input.stations else (opened.stations, None)
    records = _DatasetRecords(name)
    spans = records.spans()
    stations, unused = reconcile(stations, sorted(spans))
    known = set(stations["station"])
    limits = _limit(config.input.start), _limit(config.input.end)
    windows = [w for w in _windows_of_dataset(name, *limits) if w.station in known]
    velocity = configured_velocity(config) if config.input.velocity else opened.velocity
    identity = _identity(name)
    pieces = [span for held in spans.values() for span in held]
    span = _cut((min(p[0] for p in pieces), max(p[1] for p in pieces)), config)
    label = config.input.waveforms
    return Source(label, stations, velocity, identity, tuple(windows), span, records, records, unused, inventory)


def _windows_of_dataset(name: str, start, end) -> list[Window]:
    opened = _opened(name)
    if "waveforms" not in opened:
        raise ConfigError(f'"{DATASET}{name}": the data set holds no waveforms, but {", ".join(opened.parts)}')
    spans = _DatasetRecords(name).spans()
    return [w for station, held in sorted(spans.items()) for w in day_windows(station, held, start, end)]


def _identity(name: str) -> dict[str, str]:
    """What the records of a data set are, so that a unit of work can tell whether it is up to date."""
    from course_utils.data import files

    digest = hashlib.sha256("".join(f.sha256 for f in files(name).values()).encode()).hexdigest()
    return {"source": f"{DATASET}{name}", "sha256": digest, "anchor": "segment"}


def _synthetic(config: Config) -> Source:
    from course_utils import __version__

    name = config.input.waveforms.removeprefix(SYNTHETIC)
    made = world(name)
    stations, inventory = read_network(config) if config.input.stations else (made.stations, made.inventory)
    velocity = configured_velocity(config) if config.input.velocity else made.velocity
    spans = [(made.start, made.end - pd.Timedelta(microseconds=1), "")]
    limits = _limit(config.input.start), _limit(config.input.end)
    windows = [w for station in made.stations["station"] for w in day_windows(station, spans, *limits)]
    identity = {
        "source": config.input.waveforms,
        "version": __version__,
        "truth": table_hash(made.truth.events, "events"),
        "anchor": "segment",
    }
    # an event just before the first record can be seen, too
    span = _cut((made.start - pd.Timedelta(minutes=1), made.end), config)
    label, records = config.input.waveforms, _WorldRecords(name)
    return Source(label, stations, velocity, identity, tuple(windows), span, records, records, [], inventory)


@lru_cache(maxsize=2)
def world(name: str):
    """The synthetic world ``NAME`` or ``NAME:SEED``; ConfigError names those there are."""
    from course_utils.synthetic.scenario import PRESETS
    from course_utils.synthetic.world import World

    preset, _, seed = name.partition(":")
    if preset not in PRESETS or (seed and not seed.isdecimal()):
        raise ConfigError(
            f'"{SYNTHETIC}{name}": no such world; there is {", ".join(PRESETS)}, with a seed as in "{SYNTHETIC}lesson:7"'
        )
    return getattr(World, preset)(**({"seed": int(seed)} if seed else {}))


@lru_cache(maxsize=2)
def _opened(name: str):
    from course_utils import data

    return data.open(name)


def _cut(span: tuple[pd.Timestamp, pd.Timestamp], config: Config) -> tuple[pd.Timestamp, pd.Timestamp]:
    start, end = config.input.start, config.input.end
    return max(span[0], pd.Timestamp(start or span[0])), min(span[1], pd.Timestamp(end or span[1]))


class _NamedRecords:
    """Records that every process can open by a name.

    They are streams of a data set or a world rather than archives: the model's windows start with them ("anchor": "segment"),
    as in SeisBench, and not in absolute time.
    """

    def __init__(self, name: str):
        self.name = name

    def read_window(self, window: Window, pad_s: float):
        """The records of a window with ``pad_s`` seconds on both sides; nothing is ever wrong with them."""
        pad = pd.Timedelta(seconds=pad_s)
        return self.read(window.station, window.start - pad, window.end + pad), {}


class _DatasetRecords(_NamedRecords):
    """The waveforms of a data set of the manifest, by station."""

    def _of(self, station: str) -> list:
        return [t for t in _opened(self.name).waveforms if t.id.rsplit(".", 1)[0] == station]

    def spans(self) -> dict[str, list[tuple]]:
        found: dict[str, list[tuple]] = defaultdict(list)
        for trace in _opened(self.name).waveforms:
            first, last = (pd.Timestamp(t.ns, tz="UTC") for t in (trace.stats.starttime, trace.stats.endtime))
            found[trace.id.rsplit(".", 1)[0]].append((first, last, ""))
        return dict(found)

    def read(self, station: str, start: pd.Timestamp, end: pd.Timestamp):
        from obspy import Stream, UTCDateTime

        return Stream(self._of(station)).slice(UTCDateTime(ns=start.value), UTCDateTime(ns=end.value - 1))


class _WorldRecords(_NamedRecords):
    """The records of a synthetic world, made when they are asked for."""

    def read(self, station: str, start: pd.Timestamp, end: pd.Timestamp):
        made = world(self.name)
        start, end = max(start, made.start), min(end, made.end)
        return made.waveforms(station, start, end)
