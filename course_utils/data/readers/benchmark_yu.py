"""location-benchmark-yu: synthetic picks of a three-dimensional Ridgecrest, with known membership."""

from __future__ import annotations

import pandas as pd

from ...catalog.tables import conform
from ..fetching import fetch
from ..manifests import Dataset
from .opened import Opened

_FOLDER = "workflow/hyposvi/"
_FILES = {part: f"{_FOLDER}{part}.csv" for part in ("phase", "pre_cat", "station", "vel")}


def read(entry: Dataset, progress: bool = True) -> Opened:
    """Picks of 1,000 events, a minute apart, at 27 stations.

    ``picks``        31,740 times computed in a 3-D model, with Laplace errors of 0.02 s and outliers.
    ``stations``     27, of the fictional network X.
    ``velocity``     the 1-D model that the authors give to locators.
    ``events``       starting locations, not the true ones, which the authors give on request.
    ``assignments``  the exact truth: which pick belongs to which event.

    Yu et al. (2024), comparison of location workflows; see the repository. No licence is stated: use it, do not pass it on.
    """
    folder = fetch(entry.name, list(_FILES.values()), progress=progress)
    stations = pd.read_csv(folder / _FILES["station"])
    stations["station"] = _names(stations)
    phases = pd.read_csv(folder / _FILES["phase"])
    phases["station"] = _names(phases)
    picks = conform(phases[["station", "phase", "time"]].assign(model="synthetic"), "picks")
    events = pd.read_csv(folder / _FILES["pre_cat"]).rename(columns={"evid": "event_id", "depth": "depth_km"})
    return Opened(
        entry,
        folder,
        read,
        picks=picks,
        stations=stations.assign(elevation_m=1000.0 * stations["elevation"]).drop(columns=["network", "elevation"]),
        velocity=pd.read_csv(folder / _FILES["vel"]).set_axis(["depth_km", "vp_km_s", "vs_km_s"], axis=1),
        events=events[["event_id", "time", "latitude", "longitude", "depth_km"]],
        assignments=picks[["pick_id", "station", "phase"]].assign(event_id=phases["evid"].to_numpy()),
    )


def _names(table: pd.DataFrame) -> pd.Series:
    return table["network"].str.strip() + "." + table["station"].str.strip() + "."
