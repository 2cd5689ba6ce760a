"""real-demo: PhaseNet picks of a day of the 2016 Central Italy sequence, 56 stations, real and without a truth."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from ..errors import WrongContent
from ..fetching import fetch
from ..manifests import Dataset
from ..real_files import read_real_stations
from .opened import Opened

_FOLDER = "demo_real/"
_PICKS, _STATIONS = _FOLDER + "Pick_PhaseNet/results/picks.csv", _FOLDER + "Data/station.dat"
_MODEL = _FOLDER + "REAL/tt_db/itvel.nd"
_RATE_HZ = 100.0


def read(entry: Dataset, progress: bool = True) -> Opened:
    """115,440 picks of 14 October 2016 and what is needed to associate them.

    ``picks``     54,994 P and 60,446 S of PhaseNet, probability at least 0.3, times good to 0.01 s; every amplitude is
                  zero upstream and therefore left out.
    ``stations``  60 rows, networks IV, XO and YR; four of them have no picks.
    ``velocity``  crust of the demo's travel-time table, seven nodes down to 31 km, linear between them.

    85,289 STA/LTA picks of the same day, in REAL's own files, are read by
    ``data.read_real_picks(data.path("real-demo", "demo_real/Pick/20161014.zip"))``.

    There is no truth and no reference catalog in the set. The catalogs of the first fifty minutes in ``loc-flow-italy``
    were made from the same records.

    Raises:
        WrongContent: a row of picks whose lists differ in length, or at a station that the station file does not hold.

    Zhang, Ellsworth & Beroza (2019) SRL, doi:10.1785/0220190052; PhaseNet: Zhu & Beroza (2019).
    """
    folder = fetch(entry.name, [_PICKS, _STATIONS, _MODEL], progress=progress)
    stations = read_real_stations(folder / _STATIONS)
    model = pd.read_csv(folder / _MODEL, sep=r"\s+", names=range(6))
    crust = model.iloc[: int((model[0] == "mantle").to_numpy().argmax()), :3].astype(float)
    velocity = crust.set_axis(["depth_km", "vp_km_s", "vs_km_s"], axis=1)
    picks = _read_picks(
        folder / _PICKS, stations["station"].set_axis(stations["station"].str.split(".").str[1]).to_dict()
    )
    band = stations.set_index("station")["channels"]
    return Opened(
        entry,
        folder,
        read,
        stations=stations,
        velocity=velocity,
        picks=picks.assign(channel=picks["station"].map(band)),
    )


def _read_picks(path, names: dict[str, str]) -> pd.DataFrame:
    """PhaseNet's table: one row per station, lists of sample numbers and probabilities."""
    parts = []
    for number, row in pd.read_csv(path, sep="\t").iterrows():
        network, code = row["fname"].split("_")[4:6]
        station = names.get(code)
        if station is None:
            raise WrongContent(f"{path.name}, row {number + 2}: station {network}.{code} is not in the station file")
        for phase in "PS":
            sample = np.array(json.loads(row[f"{phase.lower()}_idx"]), dtype=float)
            probability = np.array(json.loads(row[f"{phase.lower()}_prob"]), dtype=float)
            if len(sample) != len(probability):
                raise WrongContent(
                    f"{path.name}, row {number + 2} ({code}): {len(sample)} {phase} and {len(probability)} probabilities"
                )
            microseconds = np.round(sample / _RATE_HZ * 1e6).astype(np.int64)
            times = pd.Timestamp(row["t0"], tz="UTC") + pd.to_timedelta(microseconds, unit="us")
            parts.append(pd.DataFrame({"station": station, "phase": phase, "time": times, "probability": probability}))
    picks = pd.concat(parts).assign(model="phasenet", weights="original")
    return picks.sort_values(["time", "station", "phase"], ignore_index=True)
