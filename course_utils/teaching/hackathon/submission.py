"""Submissions: a table of events per world, read with distrust. Whatever is wrong is told in one line.

Files are CSV or Parquet and nothing else, small, and parsed in a process of their own with limits of memory and time: a file made
to break the parser breaks that process alone.
"""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import unicodedata
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS = ("time", "latitude", "longitude", "depth_km", "quality_probability")
OPTIONAL = ("event_id",)
MAX_BYTES, MAX_ROWS, MAX_COLUMNS = 5_000_000, 10_000, 40
_MAX_UNPACKED = 50_000_000
_MEMORY, _CPU_S, _WALL_S = 4 << 30, 30, 60
_RANGES = {
    "latitude": (-90.0, 90.0),
    "longitude": (-180.0, 180.0),
    "depth_km": (-10.0, 800.0),
    "quality_probability": (0.0, 1.0),
}
_SLACK = pd.Timedelta("1h")


class SubmissionError(ValueError):
    """A submission that cannot be scored; the message is one line without control characters."""

    def __init__(self, message: str):
        super().__init__(one_line(message, 300))


def one_line(text: object, most: int) -> str:
    """Text without line breaks, control, formatting and unassigned characters, at most ``most`` long."""
    plain = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in str(text)[: 4 * most])
    plain = " ".join(plain.split())
    return plain if len(plain) <= most else plain[: most - 3] + "..."


def clean_name(name: str) -> str:
    """A team's name for the board: compatibility forms made plain, one line, at most 40 characters; never empty.

    HTML stays what it is; whoever writes a page escapes it.
    """
    return one_line(unicodedata.normalize("NFKC", str(name)), 40) or "(no name)"


def find(folder: Path, world: str) -> Path | None:
    """The file of one world in a submission's folder, or None.

    Raises:
        SubmissionError: the folder is a link or no folder, there are two files, or the file is no plain file.
    """
    if folder.is_symlink() or not folder.is_dir():
        raise SubmissionError(f"{folder.name!r} is not a folder; put {world}.csv into one")
    inner = folder / "submission"  # of a kit that was handed in whole
    places = [folder] + [inner] * (inner.is_dir() and not inner.is_symlink())
    there = [p for place in places for end in ("csv", "parquet") if os.path.lexists(p := place / f"{world}.{end}")]
    if len(there) > 1:
        raise SubmissionError(f"{there[0].name} and {there[1].name} are both there; leave one")
    if there:
        _check_file(there[0])
    return there[0] if there else None


def read_submission(path: str | Path, given: pd.DataFrame) -> pd.DataFrame:
    """A submission's events, parsed apart and checked against the catalog that was given.

    Returns:
        time, latitude, longitude, depth_km, quality_probability, event_id (Int64, missing for events of your own).

    Raises:
        SubmissionError: anything is wrong.
    """
    path = Path(path)
    _check_file(path)
    # this file as a script: it needs none of the course's other modules, and -I looks for no module in the current folder
    command = [sys.executable, "-I", __file__, str(path.absolute())]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_NUM_THREADS"), "1")
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_WALL_S,
            env=os.environ | threads | {"ARROW_DEFAULT_MEMORY_POOL": "system"},
        )
    except subprocess.TimeoutExpired:
        raise SubmissionError(f"{path.name} took more than {_WALL_S} s to read") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().split("\n")[-1]
        reason = (
            said.removeprefix("refused: ") if said.startswith("refused: ") else "it breaks the program that reads it"
        )
        raise SubmissionError(f"{path.name}: {reason}")
    try:
        table = pd.read_csv(io.BytesIO(done.stdout), dtype=str, keep_default_na=False)
        return validate(table, given)
    except SubmissionError as error:
        raise SubmissionError(f"{path.name}: {error}") from None


def validate(table: pd.DataFrame, given: pd.DataFrame) -> pd.DataFrame:
    """The columns of a submission with their types, every value checked; see :func:`read_submission`."""
    missing = [c for c in COLUMNS if c not in table.columns]
    if missing:
        raise SubmissionError(
            f"no column {', '.join(missing)}; the columns are {', '.join(map(str, table.columns[:12]))}"
        )
    if table.columns.duplicated().any():
        raise SubmissionError(f"column {table.columns[table.columns.duplicated()][0]!r} stands twice")
    if not 0 < len(table) <= MAX_ROWS:
        raise SubmissionError(f"{len(table)} events; a submission has 1 to {MAX_ROWS}")
    table = table.reset_index(drop=True)
    out = pd.DataFrame(index=table.index)
    out["time"] = _times(table["time"])
    for name, (low, high) in _RANGES.items():
        values = pd.to_numeric(table[name], errors="coerce").astype(float)
        _refuse(~np.isfinite(values), table[name], f"{name} is no number")
        _refuse((values < low) | (values > high), table[name], f"{name} lies outside {low:g} to {high:g}")
        out[name] = values
    begin, end = given["time"].min() - _SLACK, given["time"].max() + _SLACK
    _refuse(
        ~out["time"].between(begin, end),
        table["time"],
        f"time lies outside {begin:%Y-%m-%dT%H:%M} to {end:%Y-%m-%dT%H:%M}",
    )
    out["event_id"] = (
        _ids(table["event_id"], given) if "event_id" in table.columns else pd.array([pd.NA] * len(out), "Int64")
    )
    twice = out.duplicated(
        ["time", "latitude", "longitude", "depth_km", "event_id"]
    )  # duplicates of the given catalog may agree
    _refuse(twice, table["time"], "the same event stands twice")
    return out


def _times(texts: pd.Series) -> pd.Series:
    plain = pd.to_numeric(texts, errors="coerce").notna() & ~pd.api.types.is_datetime64_any_dtype(texts)
    _refuse(plain, texts, "time is a plain number; write 2023-05-16T06:00:00.123Z")
    try:
        times = pd.to_datetime(texts, utc=True, format="ISO8601", errors="coerce")
    except (ValueError, OverflowError, TypeError):
        raise SubmissionError("the times cannot be read; write 2023-05-16T06:00:00.123Z") from None
    _refuse(times.isna(), texts, "time cannot be read; write 2023-05-16T06:00:00.123Z")
    return times.astype("datetime64[us, UTC]")


def _ids(texts: pd.Series, given: pd.DataFrame) -> pd.Series:
    texts = texts.astype("object").where(texts.notna(), "").astype(str).str.strip()
    known = dict(zip(given["event_id"].astype(str), given["event_id"], strict=True))
    _refuse(
        ~texts.isin(known) & (texts != ""),
        texts,
        "event_id is not in the given catalog (leave it empty for a new event)",
    )
    _refuse(texts.duplicated() & (texts != ""), texts, "event_id stands twice")
    return pd.array([known.get(t, pd.NA) for t in texts], "Int64")


def _refuse(wrong: pd.Series, values: pd.Series, why: str) -> None:
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise SubmissionError(f"row {at + 1} ({one_line(values.iloc[at], 40)!r}): {why}; {int(wrong.sum())} such rows")


def _check_file(path: Path) -> None:
    if path.suffix not in (".csv", ".parquet"):
        raise SubmissionError(f"{path.name}: only .csv and .parquet are read")
    try:
        found = path.lstat()
    except (OSError, ValueError):
        raise SubmissionError(f"{path.name}: there is no such file") from None
    if not stat.S_ISREG(found.st_mode):
        raise SubmissionError(f"{path.name}: not a plain file; links, folders and devices are not read")
    if found.st_size > MAX_BYTES:
        raise SubmissionError(f"{path.name}: {found.st_size / 1e6:.1f} MB; the limit is {MAX_BYTES / 1e6:g} MB")


def parse(path: Path) -> pd.DataFrame:
    """The wanted columns of a CSV or Parquet file as texts.

    Raises:
        SubmissionError: it cannot be read, or is too large.
    """
    _check_file(path)
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)), "rb") as file:
        held = file.read(MAX_BYTES + 1)
    import pyarrow as pa

    broken = (
        ValueError,
        OSError,
        KeyError,
        TypeError,
        OverflowError,
        MemoryError,
        NotImplementedError,
        pa.ArrowException,
    )
    try:
        return _parquet(held) if path.suffix == ".parquet" else _csv(held)
    except SubmissionError:
        raise
    except broken as error:
        raise SubmissionError(f"cannot be read ({type(error).__name__}: {error})") from None


def _csv(held: bytes) -> pd.DataFrame:
    if b"\0" in held:
        raise SubmissionError("holds zero bytes, so it is no CSV")
    header = held.split(b"\n", 1)[0]
    if header.count(b",") >= MAX_COLUMNS:
        raise SubmissionError(f"more than {MAX_COLUMNS} columns")
    table = pd.read_csv(
        io.BytesIO(held), dtype=str, keep_default_na=False, nrows=MAX_ROWS + 1, index_col=False, encoding="utf-8-sig"
    )
    return _wanted(table.rename(columns=lambda name: str(name).strip()))


def _parquet(held: bytes) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(io.BytesIO(held), thrift_string_size_limit=MAX_BYTES, thrift_container_size_limit=100_000)
    meta, schema = file.metadata, file.schema_arrow
    if meta.num_rows > MAX_ROWS or meta.num_columns > MAX_COLUMNS or meta.num_row_groups > 1000:
        raise SubmissionError(
            f"{meta.num_rows} rows of {meta.num_columns} columns; the limits are {MAX_ROWS} and {MAX_COLUMNS}"
        )
    if sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups)) > _MAX_UNPACKED:
        raise SubmissionError(f"unpacks to more than {_MAX_UNPACKED / 1e6:g} MB")
    names = [n for n in (*COLUMNS, *OPTIONAL) if n in schema.names]
    for name in names:
        kind = schema.field(name).type
        if not (pa.types.is_primitive(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            raise SubmissionError(f"column {name} is of type {one_line(kind, 40)}; give numbers, texts or times")
    table = file.read(columns=names, use_threads=False).to_pandas()
    for name in names:
        if isinstance(table[name].dtype, pd.DatetimeTZDtype):
            table[name] = table[name].dt.tz_convert("UTC")
        if pd.api.types.is_datetime64_any_dtype(table[name]):
            table[name] = table[name].dt.strftime("%Y-%m-%dT%H:%M:%S.%f")
    if "event_id" in names and pd.api.types.is_float_dtype(
        table["event_id"]
    ):  # integers with missing values among them
        table["event_id"] = table["event_id"].astype("Int64")
    return _wanted(table.astype(object).where(table.notna(), "").map(str))


def _wanted(table: pd.DataFrame) -> pd.DataFrame:
    if table.columns.duplicated().any():
        raise SubmissionError("a column stands twice")
    kept = [c for c in (*COLUMNS, *OPTIONAL) if c in table.columns]
    missing = [c for c in COLUMNS if c not in kept]
    if missing:
        shown = ", ".join(one_line(c, 30) for c in table.columns[:12])
        raise SubmissionError(f"no column {', '.join(missing)}; there are: {shown}")
    if len(table) > MAX_ROWS:
        raise SubmissionError(f"more than {MAX_ROWS} rows")
    return table[kept]


def _main(path: str) -> int:
    """In the process apart: the parsed table as CSV on standard output."""
    try:
        import resource
    except ImportError:  # Windows has no such limits; time is limited by the caller
        resource = None
    if resource is not None:
        limits = {resource.RLIMIT_AS: _MEMORY, resource.RLIMIT_CPU: _CPU_S, resource.RLIMIT_CORE: 0}
        for kind, most in limits.items():
            with suppress(ValueError, OSError):  # macOS refuses some; the caller's limit of time stands
                resource.setrlimit(kind, (most, most))
    try:
        sys.stdout.write(parse(Path(path)).to_csv(index=False))
    except SubmissionError as error:
        sys.stderr.write(f"refused: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="\n", errors="replace")
    sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    sys.exit(_main(sys.argv[1]))
