"""The CSV of the USGS ComCat, read and written with its column names."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pandas as pd

from course_utils.catalog.formats.text import id_text, parse_id
from course_utils.catalog.store import atomic_path, times_as_text
from course_utils.catalog.tables import TableError, conform

# Column of the events table, name in ComCat's CSV, decimals written.
COLUMNS = (
    ("time", "time", None),
    ("latitude", "latitude", 6),
    ("longitude", "longitude", 6),
    ("depth_km", "depth", 4),
    ("magnitude", "mag", 3),
    ("magnitude_type", "magType", None),
    ("azimuthal_gap_deg", "gap", 2),
    ("rms_s", "rms", 4),
    ("event_id", "id", None),
    ("event_type", "type", None),
    ("horizontal_error_km", "horizontalError", 4),
    ("depth_error_km", "depthError", 4),
    ("n_p", "nP", 0),
    ("n_s", "nS", 0),
    ("event_type_probability", "typeProbability", 4),
    ("grade", "grade", None),
    ("quality_probability", "qualityProbability", 4),
)


def write_csv(events: pd.DataFrame, path: str | Path) -> Path:
    """Write an events table with the column names of ComCat's CSV, in order of time.

    Degrees have 6 decimals (0.1 m), kilometres and seconds 4, times are ISO 8601 to the microsecond.
    """
    events = conform(events, "events").sort_values(["time", "event_id"])
    out = {}
    for column, title, decimals in COLUMNS:
        values = events[column]
        if column == "event_id":
            values = values.map(id_text)
        elif decimals == 0:
            values = values.round().astype("Int64")
        elif decimals is not None:
            values = values.round(decimals)
        out[title] = values
    with atomic_path(path) as hidden:
        times_as_text(pd.DataFrame(out)).to_csv(hidden, index=False)
    return Path(path)


def read_csv(path: str | Path) -> pd.DataFrame:
    """An events table from CSV with ComCat's names or with ours (``depth_km``, ``magnitude``, ...).

    Ids that are not ours are hashed and kept as text in the column ``source_id``. Rows without time, place or
    depth are left out, with a warning that counts them.
    """
    path = Path(path)
    try:
        frame = pd.read_csv(
            path,
            dtype={"id": "str", "grade": "str", "magType": "str", "type": "str", "event_type": "str"},
            keep_default_na=False,
            na_values=[""],
            float_precision="round_trip",
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise TableError(f"{path}: not a readable CSV file ({error}); the first line must name the columns") from error
    frame = frame.rename(columns={title: column for column, title, _ in COLUMNS if column not in frame.columns})
    needed = ["time", "latitude", "longitude", "depth_km"]
    absent = [c for c in needed if c not in frame.columns]
    if absent:
        raise TableError(
            f"{path}: no column {', '.join(absent)}; a catalog as CSV has time, latitude, longitude and depth "
            f"(or depth_km), here the columns are {', '.join(map(str, frame.columns))}"
        )
    whole = frame[needed].notna().all(axis=1)
    if not whole.all():
        warnings.warn(f"{path}: {int((~whole).sum())} rows without time, place or depth were left out", stacklevel=2)
        frame = frame[whole].reset_index(drop=True)
    if "event_id" in frame.columns and not pd.api.types.is_integer_dtype(frame["event_id"]):
        without = frame["time"].astype("str") + " " + frame["latitude"].astype("str")  # rows that have none
        text = frame["event_id"].astype("str").fillna(without)
        frame["event_id"] = pd.Series([parse_id(t) for t in text], index=frame.index, dtype="int64")
        if not text.map(lambda t: bool(re.fullmatch(r"[0-9a-f]{16}", t))).all():
            frame["source_id"] = text
    try:
        return conform(frame, "events")
    except TableError as error:
        raise TableError(f"{path}: {error}") from error
