"""gamma-ridgecrest: seven hours of the 2019 Ridgecrest sequence as GaMMA and as the regional network list them."""

from __future__ import annotations

import pandas as pd

from ...catalog.tables import conform
from ..fetching import fetch
from ..manifests import Dataset
from .opened import Opened

_FILES = {part: f"tests/{part}.csv" for part in ("catalog_gamma", "catalog_scsn", "stations")}
_NAMES = {"depth(m)": "depth_km", "elevation(m)": "elevation_m"}


def read(entry: Dataset, progress: bool = True) -> Opened:
    """Events of 4 July 2019, 17:00 to 24:00 UTC; the files' metres of depth are kilometres here.

    ``events``    1479 events that GaMMA made of PhaseNet's picks, with its own magnitudes.
    ``scsn``      703 events of the Southern California Seismic Network: analysts, not truth.
    ``stations``  29 sensor locations of 23 stations.

    Zhu et al. (2022) JGR, doi:10.1029/2021JB023249.
    """
    folder = fetch(entry.name, list(_FILES.values()), progress=progress)
    gamma, scsn, stations = (pd.read_csv(folder / path, sep="\t").rename(columns=_NAMES) for path in _FILES.values())
    codes = stations["station"].str.rsplit(".", n=1, expand=True)  # NET.STA.LOC and the band
    stations = stations.assign(station=codes[0], channels=codes[1])
    where = ["station", "latitude", "longitude", "elevation_m"]
    channels = stations.groupby(where, sort=False)["channels"].agg(",".join).reset_index()
    return Opened(entry, folder, read, events=_events(gamma), scsn=_events(scsn), stations=channels)


def _events(raw: pd.DataFrame) -> pd.DataFrame:
    columns = ["time", "latitude", "longitude", "depth_km", "magnitude"]
    return conform(raw[columns].assign(depth_km=raw["depth_km"] / 1000.0), "events")
