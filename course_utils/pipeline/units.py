"""Units of work that are done once: a run is killed, started again, and goes on where it was.

A unit is one call of a function, known by a name and by everything its result depends on: the bytes of its
input files, the hashes of its input tables, its settings. Its result is a folder with one Parquet file per table and
``record.json``; the folder appears by one rename when it is complete. A unit whose record names the same inputs
is not run again. Units hold a top-level function and plain arguments, so that other processes can run them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from course_utils.catalog.store import read_table, write_table
from course_utils.catalog.tables import TableError, to_arrow

RECORD = "record.json"


class UnusableInput(Exception):
    """A unit's input cannot be used; the run skips the unit, and run.json and the report count it."""


class Busy(RuntimeError):
    """Another run is at work in the same folder."""


@dataclass(frozen=True)
class Result:
    """What a unit's function returns: tables by name, and facts worth reporting (JSON)."""

    tables: dict[str, pd.DataFrame]
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Unit:
    """One call of ``function(**arguments)``.

    Attributes:
        stage: "pick", "associate", ...
        name: path of the result below the stage's folder, such as "date=2024-01-01/station=NC.ABC.".
        inputs: JSON that names everything the result depends on apart from ``files``.
        files: input files; their bytes count, not their names' times.
    """

    stage: str
    name: str
    function: Callable[..., Result]
    arguments: dict[str, Any]
    inputs: dict[str, Any]
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Record:
    """What happened to a unit. ``state`` is "done" (now), "kept" (from an earlier run), "skipped" (its input cannot be
    used) or, where a run goes on after an error of one unit, "failed"."""

    stage: str
    name: str
    state: str
    seconds: float
    rows: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    note: str = ""


class UnitStore:
    """The folder that holds the results of a run's units."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    def place(self, unit: Unit) -> Path:
        """Where the unit's result lies, or will lie."""
        return self._place(unit.stage, unit.name)

    def _place(self, stage: str, name: str) -> Path:
        parts = [quote(part, safe="=.-_ ") if part.strip(".") else "%2E" * len(part) for part in name.split("/")]
        return self.folder / stage / Path(*parts)

    def table(self, stage: str, name: str, table: str) -> pd.DataFrame | None:
        """One table of a unit that was finished, by its names; None when it was not."""
        path = self._place(stage, name) / f"{table}.parquet"
        return read_table(path, table) if path.exists() else None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one run; Busy when another process holds it. A dead process holds nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "lock", "a+") as handle:
            try:
                import fcntl

                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except ImportError:  # Windows has no flock; two runs there are the user's to avoid
                pass
            except BlockingIOError as error:
                raise Busy(
                    f"{self.folder.parent}: another run is at work there; wait for it or choose another --out"
                ) from error
            for leftover in self.folder.rglob("*.part"):  # of a killed run: nobody else can be writing now
                shutil.rmtree(leftover, ignore_errors=True)
            yield

    def run(self, unit: Unit, force: bool = False) -> Record:
        """Run a unit unless its result is there; UnusableInput becomes a "skipped" record, other errors pass."""
        record, note = (None, "") if force else self.held(unit)
        if record is not None:
            return record
        started = time.perf_counter()
        try:
            result = unit.function(**unit.arguments)
        except UnusableInput as error:
            return skipped(unit, error, time.perf_counter() - started)
        return self.keep(unit, result, time.perf_counter() - started, note)

    def held(self, unit: Unit) -> tuple[Record | None, str]:
        """The record of a unit whose result is there and up to date ("kept"), or None and a note if that is damaged."""
        try:
            held = self._finished(unit, self.place(unit))
        except TableError as error:
            return None, f"done again: {error}"
        if held is None:
            return None, ""
        return Record(unit.stage, unit.name, "kept", held["seconds"], held["rows"], held["facts"]), ""

    def keep(self, unit: Unit, result: Result, seconds: float, note: str = "") -> Record:
        """Write the result of a unit, whole or not at all; the record of it."""
        rows = {name: len(table) for name, table in result.tables.items()}
        record = Record(unit.stage, unit.name, "done", seconds, rows, result.facts, note=note)
        self._keep(unit, self.place(unit), result, record)
        return record

    def tables(self, unit: Unit) -> dict[str, pd.DataFrame]:
        """The tables of a finished unit."""
        place = self.place(unit)
        held = json.loads((place / RECORD).read_text("utf-8"))
        return {name: read_table(place / f"{name}.parquet", name) for name in held["rows"]}

    def files_hash(self, units: Iterable[Unit]) -> str:
        """sha256 over what the input files of finished units held, without reading them again."""
        digest = hashlib.sha256()
        for unit in units:
            held = json.loads((self.place(unit) / RECORD).read_text("utf-8"))
            digest.update(json.dumps([held["inputs"], [f["sha256"] for f in held["files"]]], sort_keys=True).encode())
        return digest.hexdigest()

    def _finished(self, unit: Unit, place: Path) -> dict | None:
        """The record of a unit whose inputs have not changed and whose tables are whole; None when there is none."""
        try:
            held = json.loads((place / RECORD).read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise TableError(f"{place / RECORD} is damaged ({error})") from error
        if held.get("inputs") != _plain(unit.inputs) or [f["path"] for f in held["files"]] != [
            str(p) for p in unit.files
        ]:
            return None
        if not all(_same_file(f) for f in held["files"]):
            return None
        for name, digest in held["outputs"].items():
            path = place / name
            if not path.exists() or file_hash(path) != digest:
                raise TableError(f"{path} is missing or damaged")
        return held

    def _keep(self, unit: Unit, place: Path, result: Result, record: Record) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        hidden = place.with_name(f".{place.name}.{os.getpid()}.part")
        try:
            hidden.mkdir()
            for name, table in result.tables.items():
                write_table(table, name, hidden / f"{name}.parquet")
            held = asdict(record) | {
                "inputs": _plain(unit.inputs),
                "files": [_described(path) for path in unit.files],
                "outputs": {p.name: file_hash(p) for p in sorted(hidden.iterdir())},
            }
            (hidden / RECORD).write_text(json.dumps(held, indent=1, sort_keys=True), encoding="utf-8")
            if place.exists():  # out of date; a kill between these two lines costs one unit, done again next time
                shutil.rmtree(place)
            os.rename(hidden, place)
        finally:
            shutil.rmtree(hidden, ignore_errors=True)


def skipped(unit: Unit, error: Exception, seconds: float) -> Record:
    """The record of a unit whose input cannot be used."""
    return Record(unit.stage, unit.name, "skipped", seconds, reason=str(error) or "no reason given")


def file_hash(path: str | Path) -> str:
    """sha256 of a file's bytes, as hexadecimal text."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def table_hash(frame: pd.DataFrame, name: str) -> str:
    """sha256 of a table's content: the same rows in the same order give the same text on every machine."""
    import pyarrow as pa

    table = to_arrow(frame, name).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return hashlib.sha256(sink.getvalue()).hexdigest()


def _plain(value: Any) -> Any:
    """The value as it comes back from JSON, so that equality means the same before and after."""
    return json.loads(json.dumps(value, sort_keys=True, default=str))


def _described(path: Path) -> dict[str, Any]:
    try:
        stat = path.stat()
        digest = _known_hash(str(path), stat.st_size, stat.st_mtime_ns)
    except OSError as error:  # a file that could not be read is part of what the result depends on
        return {"path": str(path), "bytes": None, "mtime_ns": None, "sha256": None, "error": str(error.strerror)}
    return {"path": str(path), "bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": digest}


@lru_cache(maxsize=64)
def _known_hash(path: str, size: int, mtime_ns: int) -> str:
    """A day file belongs to three units, its own and its neighbours' edges; its bytes are hashed once."""
    return file_hash(path)


def _same_file(held: dict[str, Any]) -> bool:
    """Whether a file still has its bytes. Size and time of change answer for most files without reading them."""
    path = Path(held["path"])
    try:
        stat = path.stat()
        if held["bytes"] is None:
            return not os.access(path, os.R_OK)
    except OSError:
        return held["bytes"] is None
    if stat.st_size != held["bytes"]:
        return False
    return stat.st_mtime_ns == held["mtime_ns"] or file_hash(path) == held["sha256"]
