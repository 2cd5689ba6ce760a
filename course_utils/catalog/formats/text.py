"""What the text formats share: lines and fixed columns, times, labels, and an account of what was left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from course_utils.catalog.tables import UTC_DTYPE, Catalog, TableError, conform, empty, stable_ids

_ASSIGNED = ["event_id", "pick_id", "station", "phase"]
_PICK = ["station", "channel", "phase", "time", "pick_error_s"]


def id_text(number: int) -> str:
    """A 64-bit id as 16 hexadecimal digits, the form used in file formats and reports."""
    return f"{int(number) & 0xFFFF_FFFF_FFFF_FFFF:016x}"


def parse_id(text: str) -> int:
    """The id behind :func:`id_text`, or a stable hash of any other text."""
    if re.fullmatch(r"[0-9a-f]{16}", text):
        return int(np.uint64(int(text, 16)).astype(np.int64))
    return int(stable_ids(pd.Series([text]))[0])


def known(value) -> bool:
    """Whether a value is there: neither None nor missing."""
    return not (value is None or value is pd.NA or value != value)  # NaN and NaT are not themselves


def lines(path: str | Path, of: str) -> Iterator[tuple[int, str]]:
    """Numbers and lines of a text file without their ends; FileNotFoundError says what was expected (``of``)."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file; expected {of}")
    with open(path, encoding="utf-8", errors="replace") as handle:
        for number, line in enumerate(handle, 1):
            yield number, line.rstrip("\r\n")


def bad(path, number: int, what: str, remedy: str) -> TableError:
    """The error for a line that cannot be read."""
    return TableError(f"{Path(path).name}, line {number}: {what}; {remedy}")


def numbers(path, number: int, words: Iterable[str]) -> list[float]:
    """Words of a line as floats, of which some may be NaN; TableError names the line."""
    try:
        values = [float(word) for word in words]
    except ValueError as error:
        raise bad(path, number, str(error), "correct the line") from error
    if np.isinf(values).any():
        raise bad(path, number, "a number is infinite or too large", "correct the line")
    return values


def utc(values) -> pd.Series:
    """NumPy times or None as UTC times in microseconds."""
    return pd.Series(np.array(list(values), dtype="datetime64[us]")).dt.tz_localize("UTC")


def microseconds(times: pd.Series, step: str) -> pd.Series:
    """Times rounded to a step ("10ms") as whole microseconds since 1970."""
    return times.dt.round(step).astype(UTC_DTYPE).astype("int64")


@lru_cache(maxsize=4096)
def clock(microseconds_since_1970: int, form: str = "%Y%m%d%H%M") -> str:
    """The minute of a time as text."""
    return (datetime(1970, 1, 1) + timedelta(microseconds=microseconds_since_1970)).strftime(form)


def assigned(catalog: Catalog, step: str, account: Account) -> dict[int, list[dict]]:
    """The assigned picks of every event in order of time, with ``us``: their times rounded to a step, in microseconds since 1970.

    The picks that belong to no event are counted.
    """
    own = catalog.picks.drop(columns=["station", "phase"])
    rows = catalog.assignments[[*_ASSIGNED, "weight", "residual_s", "distance_km", "azimuth_deg"]].merge(
        own, on="pick_id"
    )
    account.row("picks", "belongs to no event", int((~catalog.picks["pick_id"].isin(rows["pick_id"])).sum()))
    rows = rows.assign(us=microseconds(rows["time"], step)).sort_values(["us", "pick_id"]).drop(columns="time")
    out: dict[int, list[dict]] = {}
    for row in rows.to_dict("records"):
        out.setdefault(row["event_id"], []).append(row)
    return out


def calendar(path, number: int, year, month, day, hour=0, minute=0, seconds=0.0) -> np.datetime64:
    """A time from its parts; hours, minutes and seconds may pass the day, the hour and the minute."""
    try:
        date = np.datetime64(f"{int(year):04d}-{int(month):02d}-{int(day):02d}", "us")
        return later(path, number, date, int(hour) * 3600 + int(minute) * 60 + float(seconds))
    except (ValueError, OverflowError) as error:
        raise bad(path, number, f"{year} {month} {day} {hour} {minute} {seconds} is no time", "correct it") from error


def later(path, number: int, start: np.datetime64, seconds: float) -> np.datetime64:
    """A time some seconds after another, at most 1000 days."""
    if not abs(seconds) <= 1000 * 86400:
        raise bad(path, number, f"{seconds:g} s after {start} is no time", "correct it")
    return start + np.timedelta64(round(seconds * 1e6), "us")


def checked(frame: pd.DataFrame, name: str, path) -> pd.DataFrame:
    """The frame as table ``name``; an error names the file."""
    try:
        return conform(frame, name)
    except TableError as error:
        raise TableError(f"{Path(path).name}: {error}") from error


def frame_of(rows: list[dict], name: str, path) -> pd.DataFrame:
    """Rows with NumPy times as table ``name``; none give the empty table."""
    if not rows:
        return empty(name)
    frame = pd.DataFrame(rows)
    return checked(frame.assign(time=utc(frame["time"])) if "time" in frame else frame, name, path)


def gathered(path, events: list[dict], phases: list[dict], account: Account, **tables: pd.DataFrame) -> Catalog:
    """A catalog of event rows and phase rows; the latter have ``event_id`` and the columns of picks and assignments.

    Phases that stand twice in an event are kept once and counted.
    """
    if not phases:
        return Catalog(frame_of(events, "events", path), **tables)
    rows = pd.DataFrame(phases)
    rows["time"] = utc(rows["time"])
    rows["channel"] = rows["channel"].fillna("") if "channel" in rows else ""
    same = rows.groupby(["station", "channel", "phase", "time"], sort=False).ngroup().to_numpy()
    _, first = np.unique(same, return_index=True)
    picks = checked(rows.iloc[first][[c for c in _PICK if c in rows]].replace({"channel": {"": None}}), "picks", path)
    rows["pick_id"] = picks["pick_id"].to_numpy()[same]
    twice = rows.duplicated(["event_id", "pick_id"])
    account.row("picks", "stands twice in its event", int(twice.sum()))
    pairs = rows[~twice].drop(columns=[c for c in ("channel", "time", "pick_error_s") if c in rows])
    return Catalog(frame_of(events, "events", path), checked(pairs, "assignments", path), picks, **tables)


# ---- fixed columns -------------------------------------------------------------------------------------------------------------------

Layout = dict[str, tuple[int, ...]]
"""Fields of a card: first and last column, counted from 1, and for numbers the decimals that the point is moved by."""


def fields(path, number: int, line: str, layout: Layout) -> dict:
    """The fields of a card: text stripped, numbers with their implied decimals, NaN where blank or starred."""
    out = {}
    for name, (first, last, *decimals) in layout.items():
        text = line[first - 1 : last].strip()
        if decimals:
            try:
                value = np.nan if not text or "*" in text else float(text)
                if np.isinf(value):
                    raise ValueError(text)
            except ValueError as error:
                remedy = f"columns {first} to {last} hold {name}; is this the right format?"
                raise bad(path, number, f"{text!r} is no number", remedy) from error
            out[name] = value if "." in text else value / 10 ** decimals[0]
        else:
            out[name] = text
    return out


def card(layout: Layout, values: dict, account: Account, table: str) -> str:
    """A card with these values; one that does not fit its columns is left blank and counted.

    Raises:
        Overflow: time or place do not fit.
    """
    out = [" "] * max(place[1] for place in layout.values())
    for name, value in values.items():
        first, last, *decimals = layout[name]
        width = last - first + 1
        if not known(value):
            continue
        text = f"{round(value * 10 ** decimals[0]):d}".rjust(width) if decimals else str(value).ljust(width)
        if len(text) > width:
            if name in ("seconds", "depth", "elevation"):
                raise Overflow(f"{name} {value:g} does not fit {width} columns")
            account.value(table, f"{name} does not fit {width} columns")
            continue
        out[first - 1 : last] = text
    return "".join(out).rstrip()


class Overflow(ValueError):
    """A value without which a row means nothing does not fit its columns."""


def degrees_minutes(value: float, decimals: int) -> tuple[int, float, bool]:
    """Degrees and rounded minutes of an angle without its sign, and whether it is negative; never 60 minutes."""
    whole = 60 * 10**decimals
    degrees, rest = divmod(round(abs(value) * whole), whole)
    return degrees, rest / 10**decimals, value < 0


def west_to_east(longitude: float) -> float:
    """The longitude between -180 and 180 degrees."""
    return (longitude + 180.0) % 360.0 - 180.0 if not -180.0 <= longitude <= 180.0 else longitude


def layers(velocity: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tops in km from sea level down, and the mean P and S velocity of the layers between the nodes of a model."""
    depth, vp, vs = (velocity[c].to_numpy(float) for c in ("depth_km", "vp_km_s", "vs_km_s"))
    top = np.unique(np.maximum(depth, 0.0))
    edges = np.append(top, top[-1] + 1.0)
    fine = edges[:-1, None] + (np.arange(10) + 0.5) / 10 * np.diff(edges)[:, None]
    return top, *(np.interp(fine, depth + 1e-9 * np.arange(len(depth)), v).mean(axis=1) for v in (vp, vs))


# ---- what a format cannot hold -------------------------------------------------------------------------------------------------------


@dataclass
class Account:
    """What did not pass through a file: rows left out and values changed, by reason, and the names that were replaced."""

    rows: Counter = field(default_factory=Counter)
    values: Counter = field(default_factory=Counter)
    stations: dict[str, str] = field(default_factory=dict)
    events: dict[int, int] = field(default_factory=dict)

    def row(self, table: str, reason: str, count: int = 1) -> None:
        """Count rows of a table that are left out."""
        if count:
            self.rows[table, reason] += count

    def value(self, table: str, reason: str, count: int = 1) -> None:
        """Count values of a table that are left blank or changed."""
        if count:
            self.values[table, reason] += count

    def labels(
        self, stations: Iterable[str], label: Callable[[str], str], longest: int, name: Callable[[str, str], str]
    ) -> dict:
        """A label of its own for every station, and a note of those whose name the label does not tell.

        Args:
            stations: names "NET.STA.LOC".
            label: the label that a name would have.
            longest: characters that a label may have; longer ones and those of two stations become "S0001", ...
            name: the name that a reader will give to the label of a station.
        """
        stations = sorted(set(stations))
        wanted = Counter(label(station) for station in stations)
        out, number = {}, 0
        for station in stations:
            short = label(station)
            if not 1 <= len(short) <= longest or wanted[short] > 1 or set(short) & set(" \t"):
                while True:
                    number += 1
                    short = f"S{number:0{min(4, longest - 1)}d}"
                    if short not in wanted:
                        break
            out[station] = short
            if name(short, station) != station:
                self.stations[name(short, station)] = station
        return out

    def numbers(self, events: pd.DataFrame, largest: int) -> dict[int, int]:
        """A number for every event id: the id where all lie between 1 and ``largest``, else 1, 2, ... in order of time."""
        ids = events["event_id"]
        if ids.between(1, largest).all():
            return dict(zip(ids, ids, strict=True))
        ordered = events.sort_values(["time", "event_id"])["event_id"]
        self.events = dict(enumerate(map(int, ordered), 1))
        return {event: number for number, event in self.events.items()}

    def names(self) -> pd.DataFrame:
        """The replaced names, one row each: kind ("station" or "event"), in_file as a reader finds it, name."""
        rows = [("station", *pair) for pair in self.stations.items()]
        rows += [("event", str(number), id_text(event)) for number, event in self.events.items()]
        return pd.DataFrame(rows, columns=["kind", "in_file", "name"])

    def __str__(self) -> str:
        out = [f"{n} {table} left out: {reason}" for (table, reason), n in sorted(self.rows.items())]
        out += [f"{n} {table}: {reason}" for (table, reason), n in sorted(self.values.items())]
        return "\n".join(out)


def renamed(catalog: Catalog, names: pd.DataFrame) -> Catalog:
    """The catalog of a file whose names were replaced (:meth:`Account.names`) with the names that it had before."""
    stations = names[names["kind"] == "station"].set_index("in_file")["name"].to_dict()
    events = {int(row.in_file): parse_id(row.name) for row in names[names["kind"] == "event"].itertuples(index=False)}
    tables = {}
    for table, frame in vars(catalog).items():
        for column, new in (("station", stations), ("event_id", events)):
            if column in frame.columns:
                frame = frame.assign(**{column: frame[column].map(lambda old, new=new: new.get(old, old))})
        tables[table] = frame
    return Catalog(**tables)
