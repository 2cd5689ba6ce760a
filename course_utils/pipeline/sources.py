"""Where a run's waveforms, stations and velocity model come from: a folder, a data set, or a synthetic world.

A source knows the windows in which there are records, reads one of them at a time, and says what its bytes are,
so that a unit of work can tell whether it is up to date.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from course_utils.catalog.store import read_catalog, read_table
from course_utils.catalog.tables import Catalog
from course_utils.pipeline.config import DATASET, SYNTHETIC, Config, ConfigError
from course_utils.pipeline.units import table_hash

PAD_S = 60.0  # read beyond a window on both sides, so that no pick feels its edge


@dataclass(frozen=True)
class Window:
    """One station from ``start`` (included) to ``end`` (excluded), and the files that hold its records."""

    station: str
    start: pd.Timestamp
    end: pd.Timestamp
    files: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """Path of the window's unit: by day, network and station, as the store is partitioned."""
        network, station, location = self.station.split(".")
        return f"date={self.start:%Y-%m-%d}/network={network}/station={station}.{location}"


@dataclass(frozen=True)
class Source:
    """Everything a run needs to know about its input.

    Attributes:
        span: first and last time of the records, cut to the configured time.
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
        source = _folder(config)
    if not source.windows:
        raise ConfigError(
            f"[input] waveforms = {kind!r}: no records at the stations of the table"
            + (" between start and end" if config.input.start or config.input.end else "")
            + "; compare the station codes (NET.STA.LOC) and the times"
            + "".join(f"\n  {u['what']}: {u['reason']}" for u in source.unused[:1] + source.unused[1:][-1:])
        )
    return source


def open_records(text: str) -> tuple[Any, list[Window], list[dict[str, str]]]:
    """Records without stations and velocity: what reads them, the windows that hold some, and the files not used."""
    if text.startswith((SYNTHETIC, DATASET)):
        source = open_source(Config.from_dict({"input": {"waveforms": text}}))
        return source.records, list(source.windows), source.unused
    from course_utils.data import read_waveforms

    archive = read_waveforms(Path(text).expanduser())
    everything = Config.from_dict({"input": {"waveforms": text, "stations": "-", "velocity": "-"}})
    return archive, _archive_windows(archive, archive.stations, everything), _problems(archive)


def open_catalog(text: str, config: Config | None = None) -> tuple[Catalog, frozenset[int] | None]:
    """The catalog that a text names, and the ids of the events to be expected of another one (None: all).

    A file, a folder, ``data:NAME`` or ``synthetic:NAME``; of a synthetic truth, only what can be seen is expected.
    Paths are relative to the configuration when there is one.
    """
    if text.startswith(SYNTHETIC):
        truth = world(text.removeprefix(SYNTHETIC)).truth
        return Catalog(events=truth.events), frozenset(truth.detectable()["event_id"].tolist())
    if text.startswith(DATASET):
        opened = _opened(text.removeprefix(DATASET))
        if "events" not in opened:
            raise ConfigError(f"{text!r}: the data set holds no events, but {', '.join(opened.parts)}")
        return opened.catalog, None
    return read_catalog(config.path(text) if config else Path(text).expanduser()), None


def reconcile(stations: pd.DataFrame, recorded: list[str]) -> tuple[pd.DataFrame, list[dict[str, str]]]:
    """The stations that have records, with the location codes of the records where the table leaves them open.

    Stations without records say nothing about where there was no earthquake; they would mislead the associator.
    A row "NC.ABC." stands for every sensor "NC.ABC.xx" of the records that has no row of its own.

    Returns:
        The table, and what was left out: recorded stations without a row, rows without records.
    """
    known = set(stations["station"])
    blank = {row.rsplit(".", 1)[0]: row for row in known if row.endswith(".")}
    extra, unused = [], []
    for name in sorted(set(recorded) - known):
        row = blank.get(name.rsplit(".", 1)[0])
        if row is None:
            unused.append({"what": name, "reason": "its records have no row in the stations table"})
        else:
            extra.append(stations[stations["station"] == row].assign(station=name))
    table = pd.concat([stations, *extra], ignore_index=True)
    stood_in = {
        blank[name.rsplit(".", 1)[0]] for name in recorded if name not in known and name.rsplit(".", 1)[0] in blank
    }
    for name in sorted(known - set(recorded) - stood_in):
        unused.append({"what": name, "reason": "the stations table names it, but there are no records of it"})
    return table[table["station"].isin(recorded)].sort_values("station", ignore_index=True), unused


def leave_out_strays(stations: pd.DataFrame) -> tuple[pd.DataFrame, list[dict[str, str]]]:
    """The stations without those 20 times farther from the network's middle than half of them are (and over 300 km).

    One wrong sign of a longitude would otherwise stretch the study area over an ocean.
    """
    from course_utils.earth import distance_azimuth

    middle = stations["latitude"].median(), stations["longitude"].median()
    distance_km, _ = distance_azimuth(*middle, stations["latitude"], stations["longitude"])
    usual_km = float(pd.Series(distance_km).median())
    stray = distance_km > max(20 * usual_km, 300.0)
    left_out = [
        {
            "what": name,
            "reason": f"stands {far:.0f} km from the middle of the network, half of the stations within {usual_km:.0f} km; "
            "check its latitude and longitude",
        }
        for name, far in zip(stations.loc[stray, "station"], distance_km[stray], strict=True)
    ]
    return stations[~stray].reset_index(drop=True), left_out


def stations_of_picks(path: Path, picks: pd.DataFrame) -> pd.DataFrame:
    """The stations of a file (CSV, StationXML, or a run's own Parquet) that the picks name, see :func:`reconcile`.

    Picks at fewer than three stations make no event, which is a result like another: all stations are then returned.

    Raises:
        ConfigError: there are picks, but none at a station of the file.
    """
    from course_utils.data import read_stations

    table = read_table(path, "stations") if path.suffix == ".parquet" else read_stations(path)
    named, _ = reconcile(table, sorted(picks["station"].unique()))
    if len(picks) and not len(named):
        raise ConfigError(
            f"{path}: no pick is at one of its stations; they are called {_some(table['station'])} there and "
            f"{_some(picks['station'])} in the picks; write NET.STA.LOC in both (NET.STA. where there is no LOC)"
        )
    if len(named) >= 3:
        return named
    return pd.concat([named, table]).drop_duplicates("station").sort_values("station", ignore_index=True)


def velocity_of(path: Path, interpolation: str = "linear") -> pd.DataFrame:
    """A velocity model from CSV, or from a run's own Parquet, which holds nodes whatever it was made of."""
    from course_utils.earth import read_velocity

    return read_table(path, "velocity") if path.suffix == ".parquet" else read_velocity(path, interpolation)


def _some(names: pd.Series) -> str:
    unique = names.drop_duplicates()
    return ", ".join(unique.head(2)) + (", ..." if len(unique) > 2 else "") if len(unique) else "(no rows)"


def _folder(config: Config) -> Source:
    from course_utils.data import read_waveforms

    stations, inventory = _stations(config)
    archive = read_waveforms(config.path(config.input.waveforms))
    stations, unused = reconcile(stations, archive.stations)
    stations, far = leave_out_strays(stations)
    unused += far
    unused += _problems(archive)
    windows = _archive_windows(archive, stations["station"], config)
    return Source(
        config.input.waveforms,
        stations,
        _velocity(config),
        {"source": "files"},
        tuple(windows),
        _cut((archive.start, archive.end), config),
        archive,
        unused,
        inventory,
    )


def _problems(archive) -> list[dict[str, str]]:
    return [
        {"what": row.file, "reason": row.problem + (" (used in part)" if row.used else "")}
        for row in archive.problems.itertuples()
    ]


def _archive_windows(archive, stations, config: Config) -> list[Window]:
    windows = []
    for name, pieces in archive.index[archive.index["station"].isin(stations)].groupby("station"):
        windows += _windows(str(name), [(p.start, p.end, p.file) for p in pieces.itertuples()], config)
    return windows


def _dataset(config: Config) -> Source:
    from course_utils.data import files

    name = config.input.waveforms.removeprefix(DATASET)
    opened = _opened(name)
    for part, given in (("waveforms", None), ("stations", config.input.stations), ("velocity", config.input.velocity)):
        if part not in opened and given is None:
            raise ConfigError(
                f"[input] waveforms = {config.input.waveforms!r}: the data set holds no {part}, but {', '.join(opened.parts)}"
            )
    stations, inventory = _stations(config) if config.input.stations else (opened.stations, None)
    records = _StreamRecords(opened.waveforms)
    stations, unused = reconcile(stations, sorted(records.spans))
    digest = hashlib.sha256("".join(f.sha256 for f in files(name).values()).encode()).hexdigest()
    windows = [
        window
        for station, spans in sorted(records.spans.items())
        if station in set(stations["station"])
        for window in _windows(station, spans, config)
    ]
    velocity = _velocity(config) if config.input.velocity else opened.velocity
    identity = {"source": config.input.waveforms, "sha256": digest}
    pieces = [span for spans in records.spans.values() for span in spans]
    span = _cut((min(p[0] for p in pieces), max(p[1] for p in pieces)), config)
    return Source(
        config.input.waveforms, stations, velocity, identity, tuple(windows), span, records, unused, inventory
    )


def _synthetic(config: Config) -> Source:
    from course_utils import __version__

    name = config.input.waveforms.removeprefix(SYNTHETIC)
    made = world(name)
    stations, inventory = _stations(config) if config.input.stations else (made.stations, made.inventory)
    velocity = _velocity(config) if config.input.velocity else made.velocity
    spans = [(made.start, made.end - pd.Timedelta(microseconds=1), "")]
    windows = [w for station in made.stations["station"] for w in _windows(station, spans, config)]
    identity = {
        "source": config.input.waveforms,
        "version": __version__,
        "truth": table_hash(made.truth.events, "events"),
    }
    # an event just before the first record can be seen, too
    span = _cut((made.start - pd.Timedelta(minutes=1), made.end), config)
    return Source(
        config.input.waveforms, stations, velocity, identity, tuple(windows), span, _World(name), [], inventory
    )


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


def _stations(config: Config) -> tuple[pd.DataFrame, Any]:
    """The stations table, and the inventory when the file is StationXML (amplitudes are then in m/s)."""
    from course_utils.data import read_stations

    path = config.path(config.input.stations)
    if not path.is_file():
        raise FileNotFoundError(f"stations {path}: no such file; give a CSV (station, latitude, ...) or StationXML")
    table, inventory = read_stations(path), None
    with open(path, "rb") as handle:
        is_xml = handle.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    if is_xml:
        import obspy

        inventory = obspy.read_inventory(path)
    return table, inventory


def _velocity(config: Config) -> pd.DataFrame:
    from course_utils.earth import read_velocity

    return read_velocity(config.path(config.input.velocity), config.input.velocity_interpolation or "linear")


def _cut(span: tuple[pd.Timestamp, pd.Timestamp], config: Config) -> tuple[pd.Timestamp, pd.Timestamp]:
    start, end = config.input.start, config.input.end
    return max(span[0], pd.Timestamp(start or span[0])), min(span[1], pd.Timestamp(end or span[1]))


def _windows(station: str, spans: list[tuple], config: Config) -> list[Window]:
    """Windows of one UTC day that hold records, cut to the configured time."""
    first, last = min(s[0] for s in spans), max(s[1] for s in spans) + pd.Timedelta(microseconds=1)
    start = max(first, pd.Timestamp(config.input.start)) if config.input.start else first
    end = min(last, pd.Timestamp(config.input.end)) if config.input.end else last
    day, windows = start.floor("D"), []
    while day < end:
        after = day + pd.Timedelta(days=1)
        a = max(day, pd.Timestamp(config.input.start)) if config.input.start else day
        b = min(after, pd.Timestamp(config.input.end)) if config.input.end else after
        held = [s for s in spans if s[1] >= a and s[0] < b]
        if held:
            pad = pd.Timedelta(seconds=PAD_S)
            files = tuple(sorted({Path(s[2]) for s in spans if s[2] and s[1] >= a - pad and s[0] < b + pad}))
            windows.append(Window(station, a, b, files))
        day = after
    return windows


class _StreamRecords:
    """The records of an ObsPy Stream by station."""

    def __init__(self, stream):
        self._by_station: dict[str, list] = {}
        for trace in stream:
            header = trace.stats
            self._by_station.setdefault(f"{header.network}.{header.station}.{header.location}", []).append(trace)
        self.spans = {
            name: [
                (pd.Timestamp(t.stats.starttime.ns, tz="UTC"), pd.Timestamp(t.stats.endtime.ns, tz="UTC"), "")
                for t in traces
            ]
            for name, traces in self._by_station.items()
        }

    def read(self, station: str, start: pd.Timestamp, end: pd.Timestamp):
        from obspy import Stream, UTCDateTime

        stream = Stream(self._by_station.get(station, []))
        return stream.slice(UTCDateTime(ns=start.value), UTCDateTime(ns=end.value - 1))


class _World:
    """The records of a synthetic world, made when they are asked for."""

    def __init__(self, name: str):
        self.name = name

    def read(self, station: str, start: pd.Timestamp, end: pd.Timestamp):
        made = world(self.name)
        start, end = max(start, made.start), min(end, made.end)
        return made.waveforms(station, start, end)
