"""comcat-reviewed: reviewed event lists of USGS ComCat, and a reader for any list in that CSV form."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ...catalog.tables import TableError, conform
from ..fetching import fetch
from ..manifests import Dataset, files
from .opened import Opened

_COLUMNS = {
    "time": "time",
    "latitude": "latitude",
    "longitude": "longitude",
    "depth": "depth_km",
    "mag": "magnitude",
    "magType": "magnitude_type",
    "horizontalError": "horizontal_error_km",
    "depthError": "depth_error_km",
    "rms": "rms_s",
    "gap": "azimuthal_gap_deg",
    "type": "event_type",
    "id": "comcat_id",
    "magError": "magnitude_error",
    "nst": "n_stations",
    "status": "status",
    "net": "contributor",
    "place": "place",
}


def read(entry: Dataset, progress: bool = True) -> Opened:
    """Events of two sequences, told apart by the column ``sequence``: "ridgecrest" and "san_simeon".

    ``events``  oldest first. Ridgecrest 2019-07-01 to 12 (8818 events, 7 of them quarry blasts, M 0 to 7.1) and San
                Simeon 2003-12-15 to 27 (1692). Further columns as in :func:`read_comcat_csv`.

    Trap: the b-value of the Ridgecrest list climbs from 0.5 to 0.9 with the completeness that one assumes.
    """
    paths = sorted(p for p in files(entry.name) if p.endswith(".csv"))
    folder = fetch(entry.name, paths, progress=progress)
    lists = []
    for path in paths:
        sequence = path.rsplit("/", 1)[1].removeprefix("comcat_reviewed_").removesuffix(".csv")
        lists.append(read_comcat_csv(folder / path).assign(sequence=sequence))
    events = pd.concat(lists, ignore_index=True).sort_values(["time", "event_id"], ignore_index=True)
    return Opened(entry, folder, read, events=events)


def read_comcat_csv(path: str | Path) -> pd.DataFrame:
    """An event list in ComCat's CSV form (the web form and the service give it) as an events table, oldest first.

    ``horizontal_error_km`` and ``depth_error_km`` are as the contributing network reported them, whose definitions
    differ. Kept besides: ``comcat_id``, ``magnitude_error``, ``n_stations``, ``status``, ``contributor``, ``place``.

    Raises:
        TableError: the file has not ComCat's columns, or a value is out of range.
    """
    raw = pd.read_csv(path)
    missing = [column for column in ("time", "latitude", "longitude", "depth", "mag") if column not in raw.columns]
    if missing:
        raise TableError(f"{path}: no column {', '.join(missing)}; is this a CSV from ComCat?")
    table = raw[[c for c in _COLUMNS if c in raw.columns]].rename(columns=_COLUMNS)
    return conform(table, "events").sort_values(["time", "event_id"], ignore_index=True)
