"""Small tables that lessons show where they cannot compute them, each with its date and data version.

A lesson's real section runs with ``COURSE_DATA=real`` and shows the stored table otherwise; a lesson that needs an
earlier lesson's table finds a stored copy when run alone. The lesson that makes a table calls :func:`keep` in a cell
tagged ``golden``: it compares with the stored copy, and replaces it with ``COURSE_GOLDEN=write``.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

import course_utils

_FOLDER = Path(__file__).with_name("stored_tables")


def stored(name: str) -> pd.DataFrame:
    """The stored table; ``attrs`` holds its "date" and "data" version.

    Raises:
        FileNotFoundError: there is none of this name.
    """
    import pyarrow.parquet as pq

    path = _FOLDER / f"{name}.parquet"
    if not path.exists():
        there = ", ".join(sorted(p.stem for p in _FOLDER.glob("*.parquet"))) or "none"
        raise FileNotFoundError(f"no stored table {name!r}; there are: {there}")
    table = pq.read_table(path)
    frame = table.to_pandas()
    meta = table.schema.metadata or {}
    frame.attrs = {key: meta[key.encode()].decode() for key in ("date", "data") if key.encode() in meta}
    return frame


def keep(name: str, frame: pd.DataFrame, /, data: str, rows: int = 0, **tolerance: float) -> None:
    """Compare ``frame`` with the stored table, or store it with ``COURSE_GOLDEN=write``.

    The number of rows may differ by ``rows``; of the columns in ``tolerance`` the medians may differ by the given
    absolute value (for times: seconds). ``data`` names the data version, for instance "qm-volcanotectonic 5f1c2a".

    Raises:
        AssertionError: the table is not what is stored.
    """
    if os.environ.get("COURSE_GOLDEN") == "write":
        _write(name, frame, data)
        return
    before = stored(name)
    wrong = []
    if set(before.columns) != set(frame.columns):
        wrong.append(f"columns {sorted(frame.columns)} instead of {sorted(before.columns)}")
    if abs(len(before) - len(frame)) > rows:
        wrong.append(f"{len(frame)} rows instead of {len(before)} within {rows}")
    for column, allowed in tolerance.items():
        now, then = _median(frame[column]), _median(before[column])
        if not (abs(now - then) <= allowed or (np.isnan(now) and np.isnan(then))):
            wrong.append(f"median {column} {now:g} instead of {then:g} within {allowed:g}")
    if wrong:
        raise AssertionError(
            f"stored table {name}: {'; '.join(wrong)}. If the new table is right, run the lesson with COURSE_GOLDEN=write"
        )


def _median(values: pd.Series) -> float:
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        seconds = (values - pd.Timestamp("1970-01-01", tz="UTC")).dt.total_seconds()
        return float(seconds.median())
    return float(values.median())


def _write(name: str, frame: pd.DataFrame, data: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame.reset_index(drop=True), preserve_index=False)
    stamp = {"date": date.today().isoformat(), "data": f"{data}, course {course_utils.__version__}"}
    _FOLDER.mkdir(exist_ok=True)
    pq.write_table(
        table.replace_schema_metadata({**(table.schema.metadata or {}), **stamp}), _FOLDER / f"{name}.parquet"
    )
