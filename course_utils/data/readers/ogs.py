"""ogs-2024: a year of analysts' work in north-eastern Italy, with their picks and their weights."""

from __future__ import annotations

import pandas as pd

from ...catalog.tables import conform
from ..fetching import fetch
from ..manifests import Dataset
from .opened import Opened

_FILES = {part: f"OGS/data/OGSCatalog/onlyEQ-2024.{part}.parquet" for part in ("hpl", "txt", "dat")}
_EVENTS = {
    "time": "time",
    "latitude": "latitude",
    "longitude": "longitude",
    "depth": "depth_km",
    "ML": "magnitude",
    "max_horizontal_uncertainty": "horizontal_error_km",
    "vertical_uncertainty": "depth_error_km",
    "azimuthal_gap": "azimuthal_gap_deg",
}


def read(entry: Dataset, progress: bool = True) -> Opened:
    """Picks and two lists of the same earthquakes of 2024, which OGS made one after the other.

    ``events``       1778 locations by HYPO71 (the list "hpl"), with ML.
    ``bulletin``     1349 of them as published (the list "txt"), with place names; 164 without ML.
    ``picks``        25,670 P and S picks of analysts at 106 stations whose codes stand without network.
    ``assignments``  event of each pick; ``weight`` is 1 minus a quarter of the analyst's code, which counts from 0
                     (best) to 4 (not to be used). The picks of 11 events without location are not assigned.

    No coordinates of stations come with the set. OGS network OX, doi:10.7914/SN/OX.
    """
    folder = fetch(entry.name, list(_FILES.values()), progress=progress)
    located, bulletin, raw = (pd.read_parquet(folder / path) for path in _FILES.values())
    picks = conform(raw[["station", "phase", "time"]].assign(model="analyst"), "picks")
    events = _events(located, located["idx"]).assign(
        n_p=located["number_p_picks"].astype(float), n_s=located["number_s_picks"].astype(float)
    )
    pairs = picks[["pick_id", "station", "phase"]].assign(
        event_id=raw["index"].to_numpy(), weight=1.0 - raw["WEIGHT"].to_numpy() / 4.0
    )
    return Opened(
        entry,
        folder,
        read,
        events=events,
        bulletin=_events(bulletin, bulletin["idx"]).assign(place=bulletin["LOC_NAME"].to_numpy()),
        picks=picks,
        assignments=pairs[pairs["event_id"].isin(events["event_id"])],
    )


def _events(raw: pd.DataFrame, ids: pd.Series) -> pd.DataFrame:
    table = raw[list(_EVENTS)].rename(columns=_EVENTS).reset_index(drop=True)
    if table["magnitude"].dtype.kind != "f":  # one of the lists has texts, blank where there is none
        table["magnitude"] = pd.to_numeric(table["magnitude"].str.strip().replace("", None))
    return conform(table.assign(event_id=ids.to_numpy(), magnitude_type="ML", event_type="earthquake"), "events")
