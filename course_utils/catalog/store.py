"""Tables and catalogs on disk: Parquet for machines, CSV for people, written whole or not at all.

A file appears under its name only when it is complete: it is written beside it under a hidden name and
renamed, so that a reader never meets half a table and a killed run leaves the old one. Parquet files carry
the schema of :mod:`course_utils.catalog.tables` (units and meaning of each column) in their metadata.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa

from course_utils.catalog.tables import Catalog, TableError, conform, empty, schema, to_arrow

_ROW_GROUP = 100_000  # rows
_ENCODINGS = {b"time": "DELTA_BINARY_PACKED", b"float": "BYTE_STREAM_SPLIT"}

CATALOG_TABLES = ("stations", "velocity", "picks", "events", "assignments")


def write_table(frame: pd.DataFrame, name: str, path: str | Path) -> Path:
    """Write ``frame``, checked as table ``name``, to ``path`` (``.parquet`` or ``.csv``); returns the path.

    Parquet keeps every bit and the schema. CSV keeps floats exactly and times to the microsecond, but cannot
    tell an empty text from a missing one. An existing file is replaced in one step.

    Raises:
        TableError: the frame breaks the schema, or the ending of the path is neither of the two.
    """
    path = Path(path)
    if check_table_path(path) == "parquet":
        return write_tables([frame], name, path)
    else:
        text = times_as_text(conform(frame, name))
        with atomic_path(path) as hidden:
            text.to_csv(hidden, index=False)
    return path


def write_tables(frames: Iterable[pd.DataFrame], name: str, path: str | Path) -> Path:
    """Write frames one after the other as one Parquet table ``name``; memory holds one of them and a row group.

    Texts are stored once and pointed to, times as differences, floats byte by byte: a table of picks takes a third of
    what it would otherwise. Readers see plain columns.
    """
    import pyarrow.parquet as pq

    declared = {field.name: field.metadata[b"kind"] for field in schema(name)}
    options = {
        "compression": "zstd",
        "compression_level": 9,
        "use_dictionary": [column for column, kind in declared.items() if kind == b"text"],
        "column_encoding": {c: _ENCODINGS[kind] for c, kind in declared.items() if kind in _ENCODINGS},
    }
    with atomic_path(path) as hidden:
        writer, waiting, rows = None, [], 0
        try:
            for frame in itertools.chain(frames, [None]):
                if frame is not None:
                    waiting.append(to_arrow(frame, name))
                    rows += len(frame)
                if waiting and (frame is None or rows >= _ROW_GROUP):
                    table = pa.concat_tables(waiting)
                    writer = writer or pq.ParquetWriter(hidden, table.schema, **options)
                    writer.write_table(table)
                    waiting, rows = [], 0
            if writer is None:
                table = to_arrow(empty(name), name)
                writer = pq.ParquetWriter(hidden, table.schema, **options)
                writer.write_table(table)
        finally:
            if writer is not None:
                writer.close()
    return Path(path)


def check_table_path(path: str | Path) -> str:
    """ "parquet" or "csv", by the ending of a path to write to; TableError when it is neither, or a folder."""
    kind = _kind(Path(path))
    if kind == "folder":
        raise TableError(f"{path} is a folder; give the name of a file that ends in .parquet or .csv")
    return kind


def read_table(path: str | Path, name: str) -> pd.DataFrame:
    """Table ``name`` from a Parquet file, a folder of Parquet files (partitioned or not), or a CSV file.

    Folders may be partitioned in Hive fashion (``date=2024-01-01/part.parquet``); their order is that of the
    file names, so that the same folder always gives the same rows in the same order.

    Raises:
        FileNotFoundError: nothing is there.
        TableError: the file is damaged, holds another table, or breaks the schema; the message names the file.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file or folder; expected the table {name!r}")
    kind = _kind(path)
    try:
        if kind == "csv":
            frame = _read_csv(path, name)
        elif kind == "folder":
            parts = [p for p in sorted(path.rglob("*.parquet")) if p.is_file() and not p.name.startswith((".", "_"))]
            if not parts:
                raise TableError("the folder holds no .parquet file")
            frames = [_read_parquet(part, name) for part in parts]
            filled = [f for f in frames if len(f)]
            frame = pd.concat(filled or frames[:1], ignore_index=True)
        else:
            frame = _read_parquet(path, name)
        return conform(frame, name)
    except TableError as error:
        raise TableError(f"{path}: {error}") from error


def table_name(path: str | Path) -> str | None:
    """Name of the table that a Parquet file says it holds; None when it does not."""
    import pyarrow.parquet as pq

    try:
        return (pq.read_schema(path).metadata or {}).get(b"table", b"").decode() or None
    except pa.ArrowException as error:
        raise TableError(f"{path} is no Parquet file, or only a part of one; write or fetch it again") from error


def write_catalog(catalog: Catalog, folder: str | Path) -> Path:
    """Write the five tables as Parquet, and ``catalog.csv`` and ``catalog.xml`` (QuakeML), into ``folder``.

    The folder is made when absent; other files in it are left alone. Returns the folder.
    """
    from course_utils.catalog.formats import write_csv, write_quakeml

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in CATALOG_TABLES:
        write_table(getattr(catalog, name), name, folder / f"{name}.parquet")
    write_csv(catalog.events, folder / "catalog.csv")
    write_quakeml(catalog, folder / "catalog.xml")
    return folder


def read_catalog(path: str | Path) -> Catalog:
    """A catalog from a folder that :func:`write_catalog` or ``course run`` left, or from one file.

    In a folder, ``events`` must be there; the other tables may be absent and are then empty. A ``.parquet``
    file is read as an events table, ``.csv`` with :func:`~course_utils.catalog.formats.read_csv`, ``.xml``
    and ``.qml`` as QuakeML, others by what they look like (:func:`~course_utils.catalog.formats.registry.guess`).
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file or folder; expected a catalog")
    if not path.is_dir() or path.suffix == ".parquet":
        from course_utils.catalog.formats import read_csv, read_quakeml

        suffix = path.suffix.lower()
        if suffix in (".xml", ".qml", ".quakeml"):
            return read_quakeml(path)
        if suffix not in (".csv", ".parquet"):
            from course_utils.catalog.formats import registry

            try:
                format = registry.guess(path)
            except ValueError as error:
                raise TableError(
                    f"{path}: looks like no catalog (.parquet, .csv, QuakeML, or a format of course convert --list; "
                    "course convert --from NAME makes tables of it)"
                ) from error
            return registry.read(path, format)
        return Catalog(events=read_csv(path) if suffix == ".csv" else read_table(path, "events"))
    tables = {}
    for name in CATALOG_TABLES:
        found = [path / f"{name}{end}" for end in (".parquet", ".csv") if (path / f"{name}{end}").exists()]
        if found:
            tables[name] = read_table(found[0], name)
    if "events" not in tables:
        raise TableError(f"{path}: the folder holds no events.parquet; is it the --out folder of a finished run?")
    if "picks" not in tables:  # assignments point at picks; without them they say nothing
        tables.pop("assignments", None)
    return Catalog(**tables)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A hidden path beside ``path`` to write to; renamed to ``path`` on success, removed on any exception."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield hidden
        with open(hidden, "rb+") as written:  # the bytes reach the disk before the name does
            os.fsync(written.fileno())
        os.replace(hidden, path)
    finally:
        hidden.unlink(missing_ok=True)


def write_text(text: str, path: str | Path) -> Path:
    """Write a text file whole or not at all."""
    with atomic_path(path) as hidden:
        hidden.write_text(text, encoding="utf-8")
    return Path(path)


def times_as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy whose time columns are ISO 8601 text with microseconds and a Z; missing times are empty."""
    out = frame.copy()
    for column in out.columns:
        if isinstance(out[column].dtype, pd.DatetimeTZDtype):
            out[column] = out[column].dt.tz_convert("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return out


def _kind(path: Path) -> str:
    if path.is_dir():
        return "folder"
    kind = path.suffix.lower().lstrip(".")
    if kind not in ("parquet", "csv"):
        raise TableError(f"{path}: a table ends in .parquet or .csv, not in {path.suffix or 'nothing'!r}")
    return kind


def _read_parquet(path: Path, name: str) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TableError(
            f"{path.name} is no Parquet file, or only a part of one ({first}); write or fetch it again"
        ) from error
    held = (table.schema.metadata or {}).get(b"table", b"").decode()
    if held and held != name:
        raise TableError(f"{path.name} holds the table {held!r}, not {name!r}")
    return table.to_pandas()


def _read_csv(path: Path, name: str) -> pd.DataFrame:
    text = {c.name for c in schema(name) if c.metadata[b"kind"] == b"text"}
    try:
        # text columns stay text: a network may be called "NA", a location code "00"
        return pd.read_csv(
            path, dtype=dict.fromkeys(text, "str"), keep_default_na=False, na_values=[""], float_precision="round_trip"
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise TableError(f"not a readable CSV file ({error}); the first line must name the columns") from error
