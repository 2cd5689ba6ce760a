"""Tables at the borders of rooms, checked against :mod:`course_utils.catalog.schemas`.

Every room takes and returns these tables as pandas frames. :func:`conform` checks a frame at a room's
border and returns it with the declared columns first, in order and with the declared types; columns that
a schema does not know are kept behind them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from course_utils.catalog.schemas import SCHEMAS, TIME_UNIT

UTC_DTYPE = pd.DatetimeTZDtype(TIME_UNIT, "UTC")
PHASES = ("P", "S")


class TableError(ValueError):
    """A table breaks its schema; the message names the row, the value and the remedy."""


_PANDAS = {"time": UTC_DTYPE, "text": "str", "float": "float64", "int": "int64", "bool": "bool"}


def schema(name: str) -> pa.Schema:
    """Arrow schema of a table; KeyError names the tables there are."""
    if name not in SCHEMAS:
        raise KeyError(f"no table {name!r}; there are {', '.join(SCHEMAS)}")
    return SCHEMAS[name]


def _meta(column: pa.Field) -> dict[str, str]:
    return {k.decode(): v.decode() for k, v in column.metadata.items()}


def columns(name: str) -> pd.DataFrame:
    """The columns of a table as a frame: column, kind, unit, required, meaning (the book's reference)."""
    rows = []
    for column in schema(name):
        meta = _meta(column)
        rows.append((column.name, meta["kind"], meta["unit"], meta["required"] == "yes", meta["doc"]))
    return pd.DataFrame(rows, columns=["column", "kind", "unit", "required", "meaning"])


def empty(name: str) -> pd.DataFrame:
    """A frame without rows that has the columns and types of a table."""
    return pd.DataFrame({c.name: pd.Series([], dtype=_PANDAS[_meta(c)["kind"]]) for c in schema(name)})


def _row(frame: pd.DataFrame, position: int, name: str) -> str:
    where = f"{name} row {position}"
    if "station" in frame.columns and name != "stations":
        where += f" (station {frame['station'].iloc[position]!r})"
    return where


def _convert(values: pd.Series, kind: str, where: str) -> pd.Series:
    try:
        if kind == "time":
            converted = _to_utc(values).astype(UTC_DTYPE)
        elif kind == "text":
            converted = values.astype("str")
        else:
            converted = values.astype(_PANDAS[kind])
    except (ValueError, TypeError, OverflowError) as error:
        said = str(error).split(". You might want to try")[0]  # pandas goes on with advice on its own options
        remedy = "write times as 2014-08-24T00:01:02.5Z" if kind == "time" else "correct the values or the reader"
        raise TableError(f"{where}: cannot be read as {kind} ({said}); {remedy}") from error
    return converted


def _to_utc(values: pd.Series) -> pd.Series:
    if values.dtype.kind in "iuf" and len(values):
        if not values.isna().all():
            raise TypeError("they are bare numbers; convert them with pandas.to_datetime(values, unit=..., utc=True)")
        return pd.Series(pd.NaT, index=values.index, dtype=UTC_DTYPE)
    if values.dtype == object:  # obspy's UTCDateTime has no pandas counterpart
        values = values.map(lambda v: v.datetime if hasattr(v, "datetime") else v)
    text = values.dtype == object or isinstance(values.dtype, pd.StringDtype)
    return pd.to_datetime(values, utc=True, **({"format": "ISO8601"} if text else {}))


_RANGES = {
    "latitude": (-90.0, 90.0),
    "longitude": (-180.0, 360.0),
    "probability": (0.0, 1.0),
    "vp_km_s": (0.05, 20.0),
    "vs_km_s": (0.05, 12.0),
    "elevation_m": (-15000.0, 9500.0),
}


def _check_values(frame: pd.DataFrame, name: str) -> None:
    for column in schema(name):
        meta, values = _meta(column), frame[column.name]
        if meta["required"] == "yes":
            bad = values.isna().to_numpy(copy=True)
            if meta["kind"] == "text":
                bad |= values.eq("").to_numpy()
            if bad.any():
                raise TableError(
                    f"{_row(frame, int(bad.argmax()), name)}: {column.name} is missing; drop the row or fix the reader"
                )
        if meta["kind"] == "float":
            infinite = np.isinf(values.to_numpy())
            if infinite.any():
                raise TableError(
                    f"{_row(frame, int(infinite.argmax()), name)}: {column.name} is infinite; drop the row"
                )
        if column.name in _RANGES:
            low, high = _RANGES[column.name]
            outside = ((values < low) | (values > high)).to_numpy()
            if outside.any():
                at = int(outside.argmax())
                raise TableError(
                    f"{_row(frame, at, name)}: {column.name} is {values.iloc[at]}, outside {low} to {high}; check its unit"
                )
    if "phase" in frame.columns and len(frame):
        strange = ~frame["phase"].isin(PHASES).to_numpy()
        if strange.any():
            at = int(strange.argmax())
            raise TableError(f'{_row(frame, at, name)}: phase is {frame["phase"].iloc[at]!r}; use "P" or "S"')
    if name == "velocity" and len(frame):
        upwards = (frame["depth_km"].diff() < 0).to_numpy()
        if upwards.any():
            at = int(upwards.argmax())
            raise TableError(
                f"velocity row {at}: depth_km is {frame['depth_km'].iloc[at]} after {frame['depth_km'].iloc[at - 1]}, it goes up; "
                "depth is positive downwards from sea level: change its sign if yours is not, else sort the rows"
            )
        if (frame["vs_km_s"] >= frame["vp_km_s"]).any():
            at = int((frame["vs_km_s"] >= frame["vp_km_s"]).to_numpy().argmax())
            raise TableError(f"velocity row {at}: vs_km_s is not below vp_km_s; were the columns swapped?")
    keys = {
        "stations": ["station"],
        "picks": ["pick_id"],
        "events": ["event_id"],
        "assignments": ["event_id", "pick_id"],
    }
    if name in keys:
        twice = frame.duplicated(keys[name]).to_numpy()
        if twice.any():
            at = int(twice.argmax())
            value = ", ".join(str(frame[k].iloc[at]) for k in keys[name])
            raise TableError(
                f"{_row(frame, at, name)}: {' and '.join(keys[name])} {value} stands twice; drop one of the rows"
            )


_NATURAL_KEYS = {
    "picks": ["station", "channel", "phase", "time", "model", "weights"],
    "events": ["time", "latitude", "longitude", "depth_km"],
}


def conform(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """A checked copy of ``frame`` as table ``name``.

    Declared columns come first, in order and with the declared types; optional columns that are missing are
    filled with missing values; ``pick_id`` and ``event_id`` are made from the row's natural key where absent;
    further columns are kept. The row index is reset. Times without a zone are taken as UTC.

    Raises:
        TableError: a required column is missing, a value cannot be read, is missing, out of range or stands twice.
    """
    if not isinstance(frame, pd.DataFrame):
        raise TableError(f"{name}: expected a pandas DataFrame, got {type(frame).__name__}")
    declared = schema(name)
    missing = [c.name for c in declared if _meta(c)["required"] == "yes" and c.name not in frame.columns]
    if missing:
        raise TableError(
            f"{name}: no column {', '.join(missing)}; the columns are {', '.join(map(str, frame.columns))}"
        )
    frame = frame.reset_index(drop=True)
    out, late = {}, None
    for column in declared:
        kind = _meta(column)["kind"]
        if column.name in frame.columns:
            out[column.name] = _convert(frame[column.name], kind, f"{name} column {column.name}")
        elif column.name in ("pick_id", "event_id") and name in _NATURAL_KEYS:
            late = column.name
            out[late] = pd.Series(np.zeros(len(frame), np.int64))
        else:
            fill = {"time": pd.NaT, "text": None, "float": np.nan, "int": 0, "bool": False}[kind]
            out[column.name] = pd.Series([fill] * len(frame), dtype=_PANDAS[kind])
    table = pd.DataFrame(out, index=frame.index)
    if late:
        table[late] = stable_ids(*(table[key] for key in _NATURAL_KEYS[name]))
    for extra in frame.columns:
        if extra not in table.columns:
            table[extra] = frame[extra]
    _check_values(table, name)
    return table


def stable_ids(*parts: pd.Series) -> np.ndarray:
    """Integers from 0 to 2**62 that depend on the values of a row alone, so that two runs give the same ids.

    Times count in whole microseconds, floats to 1e-6, missing values as empty text. BLAKE2b, 8 bytes, without the
    two highest bits: differences of ids then fit in 64 bits too (pandas 3.0 fails on an index of two that do not).
    """
    texts = []
    for part in parts:
        part = pd.Series(part)
        if isinstance(part.dtype, pd.DatetimeTZDtype):
            texts.append(part.astype(UTC_DTYPE).astype("int64").astype(str).to_numpy())
        elif part.dtype.kind == "f":
            texts.append(np.array(["" if np.isnan(v) else f"{v:.6f}" for v in part.to_numpy()], dtype=object))
        else:
            texts.append(np.array(["" if pd.isna(v) else str(v) for v in part], dtype=object))
    keys = ["\x1f".join(row) for row in zip(*texts, strict=True)]
    raw = b"".join(hashlib.blake2b(key.encode(), digest_size=8).digest() for key in keys)
    return (np.frombuffer(raw, dtype="<u8") >> np.uint64(2)).astype(np.int64)


def to_arrow(frame: pd.DataFrame, name: str) -> pa.Table:
    """The frame as an Arrow table that carries the schema's field metadata; further columns follow."""
    table = conform(frame, name)
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    declared = schema(name)
    for i, column in enumerate(declared):
        arrow = arrow.set_column(i, column, arrow.column(i).cast(column.type))
    return arrow.replace_schema_metadata(declared.metadata)


@dataclass(frozen=True)
class Catalog:
    """The tables of one catalog and nothing else. ``catalog.events`` is the one that most people look at."""

    events: pd.DataFrame = field(default_factory=lambda: empty("events"))
    assignments: pd.DataFrame = field(default_factory=lambda: empty("assignments"))
    picks: pd.DataFrame = field(default_factory=lambda: empty("picks"))
    stations: pd.DataFrame = field(default_factory=lambda: empty("stations"))
    velocity: pd.DataFrame = field(default_factory=lambda: empty("velocity"))

    def __post_init__(self):
        for f in fields(self):
            object.__setattr__(self, f.name, conform(getattr(self, f.name), f.name))
        for key, table in (("event_id", self.events), ("pick_id", self.picks)):
            unknown = ~self.assignments[key].isin(table[key])
            if len(table) and unknown.any():
                value = self.assignments.loc[unknown, key].iloc[0]
                raise TableError(f"assignments: {key} {value} is in no row of {key[:-3]}s; drop the assignment")

    def replace(self, **tables: pd.DataFrame) -> Catalog:
        """A catalog with some tables exchanged."""
        return replace(self, **tables)

    def __repr__(self) -> str:
        return "Catalog(" + ", ".join(f"{len(getattr(self, f.name))} {f.name}" for f in fields(self)) + ")"
