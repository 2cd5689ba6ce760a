"""fdtcc-ridgecrest: two small foreshocks at three borehole stations, with differential times from their waveforms."""

from __future__ import annotations

import pandas as pd

from ...catalog.formats import hypodd
from ..errors import WrongContent
from ..fetching import fetch
from ..manifests import Dataset
from .opened import Opened

_DEMO = "Demo/"
_RECORDS = _DEMO + "waveforms/20190704/"


def read(entry: Dataset, progress: bool = True) -> Opened:
    """Eleven minutes of the Ridgecrest foreshocks of 4 July 2019, and what the program FDTCC made of two of them.

    ``waveforms``    continuous records 17:00:00-17:11:40 at PB.B917, B918 and B921, 100 Hz, about m/s.
    ``events``       events 1 (17:02:55) and 7 (17:09:20), 0.5 km apart.
    ``picks``, ``assignments``  P and S of both at the three stations, as FDTCC was given them.
    ``stations``     49 stations of the sequence; only three have records here.
    ``velocity``     the model of the travel-time table, to 60 km.
    ``differences``  kind "ct": from the picks; kind "cc": FDTCC's result, whole samples of 0.01 s from the picks. B921 S
                     and B918 P had a correlation below 0.7 there and are missing.

    Liu et al. (2022), doi:10.1029/2022JB024091.
    """
    import obspy

    paths = sorted(f.path for f in entry.files if f.path.startswith(_RECORDS))
    names = ["hypoDD.pha", "dt.ct", "dt.cc", "station.dat", "tt_db/Ridgecrest.nd"]
    folder = fetch(entry.name, [*paths, *(_DEMO + name for name in names)], progress=progress)
    stream = obspy.Stream([trace for path in paths for trace in obspy.read(str(folder / path), format="SAC")])
    if not paths or not len(stream):
        raise WrongContent(f"{entry.name}: no records in {_RECORDS}")
    table = pd.read_csv(folder / _DEMO / "station.dat", sep=r"\s+", header=None, usecols=[0, 1, 2, 3, 5])
    table.columns = ["longitude", "latitude", "network", "code", "elevation_km"]
    stations = table.assign(
        station=table["network"] + "." + table["code"] + ".", elevation_m=1000.0 * table["elevation_km"]
    )[["station", "latitude", "longitude", "elevation_m"]].drop_duplicates("station")
    names_of = {"." + name.split(".")[1] + ".": name for name in stations["station"]}
    phases = hypodd.read_phases(folder / _DEMO / "hypoDD.pha")
    links = pd.concat([hypodd.read_differences(folder / _DEMO / f"dt.{k}", k) for k in ("ct", "cc")], ignore_index=True)
    named = [t.assign(station=t["station"].map(names_of)) for t in (phases.picks, phases.assignments, links)]
    layers = pd.read_csv(folder / _DEMO / "tt_db/Ridgecrest.nd", sep=r"\s+", header=None, usecols=[0, 1, 2])
    model = layers.set_axis(["depth_km", "vp_km_s", "vs_km_s"], axis=1).apply(pd.to_numeric, errors="coerce").dropna()
    return Opened(
        entry,
        folder,
        read,
        waveforms=stream,
        stations=stations,
        velocity=model[(model["depth_km"] <= 60.0) & (model["vs_km_s"] > 0)],
        events=phases.events,
        picks=named[0],
        assignments=named[1],
        differences=named[2],
    )
