"""Files of the associator REAL: a folder of picks per day, one file per station and phase, and its station list.

Zhang, Ellsworth & Beroza (2019), Seismological Research Letters, doi:10.1785/0220190052.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from ..catalog.tables import TableError, conform, empty

_NAME = re.compile(r"([^.]+)\.([^.]+)\.([PS])\.txt")
_STATION_COLUMNS = ["longitude", "latitude", "network", "code", "channel", "elevation_km"]


def holds_real_picks(path: str | Path) -> bool:
    """Whether a folder or zip holds files named like REAL's picks, ``NET.STA.P.txt``."""
    path = Path(path)
    return (path.is_dir() or zipfile.is_zipfile(path)) and next(_files(path), None) is not None


def read_real_picks(path: str | Path, date: str | None = None) -> pd.DataFrame:
    """Picks from a folder or zip of ``NET.STA.P.txt`` and ``NET.STA.S.txt``, in folders named by day (``20161014``).

    A line holds seconds after midnight UTC, a weight and an amplitude. Where all weights lie between 0 and 1 they become
    ``probability``; STA/LTA ratios become the column ``sta_lta``. Amplitudes, peak displacement in mm of a
    Wood-Anderson seismometer and 0 where nobody measured, become ``wood_anderson_mm``.

    Args:
        path: the folder or zip; several days may stand side by side in it.
        date: day of files that lie in no folder named by day, e.g. "2016-10-14".

    Returns:
        picks table in order of time, with the column ``wood_anderson_mm`` and, for ratios, ``sta_lta``.

    Raises:
        FileNotFoundError: nothing is there. TableError: no such file inside, no day, or a line that is no pick.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such folder or zip; expected picks of REAL")
    parts = []
    for file, folder, (network, code, phase), lines in _files(path):
        rows = _numbers(f"{path}: {file}", lines)
        times = _day(f"{path}: {file}", folder, date) + pd.to_timedelta(np.round(rows[:, 0] * 1e6), unit="us")
        columns = {"station": f"{network}.{code}.", "phase": phase, "time": times}
        parts.append(pd.DataFrame({**columns, "weight": rows[:, 1], "wood_anderson_mm": rows[:, 2]}))
    if not parts:
        raise TableError(f"{path}: no file is called NET.STA.P.txt or NET.STA.S.txt; these are not picks of REAL")
    if not any(map(len, parts)):
        return empty("picks")
    picks = pd.concat([p for p in parts if len(p)]).sort_values(["time", "station", "phase"], ignore_index=True)
    weight = picks.pop("weight")
    picks["wood_anderson_mm"] = picks["wood_anderson_mm"].where(picks["wood_anderson_mm"] > 0)
    return conform(picks.assign(**{"probability" if weight.between(0, 1).all() else "sta_lta": weight}), "picks")


def _files(path: Path) -> Iterator[tuple[str, str, tuple[str, str, str], list[str]]]:
    """Name, folder, network, code and phase, and lines of every file of picks, in order of name."""
    if path.is_dir():
        names = [file.relative_to(path).as_posix() for file in sorted(path.rglob("*.txt"))]
        yield from _matching(names, path.resolve().name, lambda name: (path / name).read_bytes())
    elif not zipfile.is_zipfile(path):
        raise TableError(f"{path}: neither a folder nor a zip; picks of REAL are a folder of NET.STA.P.txt per day")
    else:
        with zipfile.ZipFile(path) as archive:
            yield from _matching(sorted(archive.namelist()), path.stem, archive.read)


def _matching(names, outermost: str, read):
    for name in map(PurePosixPath, names):
        match = _NAME.fullmatch(name.name)  # not the "._NET.STA.P.txt" that macOS puts into archives
        if match:
            yield (
                str(name),
                name.parent.name or outermost,
                match.groups(),
                read(str(name)).decode("ascii", "replace").splitlines(),
            )


def _numbers(where: str, lines: list[str]) -> np.ndarray:
    """Seconds, weight and amplitude of each line, shape (lines, 3); weight and amplitude may be absent."""
    rows = np.full((len(lines), 3), [np.nan, np.nan, 0.0])
    for i, line in enumerate(lines):
        words = line.split()[:3]
        try:
            rows[i, : len(words)] = [float(word) for word in words]
        except ValueError:
            words = []
        if words and not np.isfinite(rows[i, : len(words)]).all():
            words = []
        if line.strip() and not words:
            raise TableError(
                f"{where} line {i + 1}: {line.strip()[:60]!r} is no pick; expected seconds after midnight, weight, amplitude"
            )
    return rows[np.isfinite(rows[:, 0])]


def _day(where: str, folder: str, date: str | None) -> pd.Timestamp:
    found = re.fullmatch(r"\d{8}", folder)
    day = pd.to_datetime(found.group() if found else date, utc=True, errors="coerce")
    if pd.isna(day):
        raise TableError(f"{where}: no day is known; put the files into a folder named like 20161014, or give date=")
    return day


def is_real_stations(head: bytes) -> bool:
    """Whether a file that begins so is a station list of REAL: longitude, latitude, network, code, channel, elevation."""
    words = head.split(b"\n")[0].split()
    number = rb"[-+]?\d+\.?\d*"
    return len(words) == 6 and all(bool(re.fullmatch(number, w)) == (i in (0, 1, 5)) for i, w in enumerate(words))


def read_real_stations(path: str | Path) -> pd.DataFrame:
    """Stations of REAL's ``station.dat``: longitude first, elevation in km, no names of columns.

    Raises:
        TableError: a line has other than six fields or no numbers where they belong, or a value is out of range.
    """
    try:
        table = pd.read_csv(
            path,
            sep=r"\s+",
            names=_STATION_COLUMNS,
            index_col=False,
            dtype={"network": str, "code": str},
            na_filter=False,
        ).astype({"longitude": float, "latitude": float, "elevation_km": float})
    except (pd.errors.ParserError, ValueError) as error:
        raise TableError(
            f"{path}: cannot be read as REAL's stations ({error}); a line is longitude latitude network code channel elevation_km"
        ) from error
    table["station"] = table["network"] + "." + table["code"] + "."
    table["elevation_m"] = 1000.0 * table["elevation_km"]
    table["channels"] = table["channel"].str[:2]
    return conform(table[["station", "latitude", "longitude", "elevation_m", "channels"]], "stations")
