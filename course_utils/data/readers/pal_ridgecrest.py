"""ai-pal-ridgecrest: pairs of P and S picks of two days at Ridgecrest, and the events that PAL made of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...catalog.tables import conform, stable_ids
from ..errors import WrongContent
from ..fetching import fetch
from ..manifests import Dataset
from .opened import Opened

_FOLDER = "1_PAL/run_pal/"
_STATIONS = _FOLDER + "input/example_pal_format1.sta"
_DAYS = {
    "2019-07-04": _FOLDER + "output/eg/phase_20190704-20190705.dat",
    "2019-07-06": _FOLDER + "output/eg/phase_20190706-20190707.dat",
}
# Crust of southern California: Hadley and Kanamori (1977, GSA Bull. 88, 1469), Vp/Vs 1.73, tops of constant layers as
# nodes. The set holds no velocity model.
_LAYERS = ((-2.0, 5.5), (5.5, 5.5), (5.5, 6.3), (16.0, 6.3), (16.0, 6.7), (32.0, 6.7), (32.0, 7.8), (60.0, 7.8))


def read(entry: Dataset, progress: bool = True) -> Opened:
    """Picks of 4 and 6 July 2019 at ten stations of network CI; no analyst has seen them.

    ``picks``        a P and an S of every pair that PAL's picker found, associated or not.
    ``stations``     those of the station file, CI and PB (the latter without picks).
    ``velocity``     not of the set: Hadley & Kanamori's crust of southern California.
    ``events``       PAL's own events, origin times good to some tenths of a second, depth one of 3, 5, 7 or 9 km.
    ``assignments``  PAL's own association; a few of its picks lie on the day before.

    Raises:
        WrongContent: a line of picks or of an event does not have the fields it should.

    Zhou et al. (2021) SRL, doi:10.1785/0220210111.
    """
    picks_of = {day: f"{_FOLDER}output/eg/picks/{day}.pick" for day in _DAYS}
    folder = fetch(entry.name, [_STATIONS, *picks_of.values(), *_DAYS.values()], progress=progress)
    stations = pd.read_csv(folder / _STATIONS, header=None, usecols=range(4))
    stations = stations.set_axis(["station", "latitude", "longitude", "elevation_m"], axis=1)
    stations["station"] += "."
    events, members = zip(*(_events(folder / path) for path in _DAYS.values()), strict=True)
    members = pd.concat(members)
    pairs = pd.concat([pd.read_csv(folder / path, header=None, usecols=[0, 2, 3]) for path in picks_of.values()])
    pairs.columns = ["station", "P", "S"]
    pairs["station"] += "."
    # an event may hold picks of a file that the set does not contain
    long = pd.concat([pairs, members[["station", "P", "S"]]]).melt("station", var_name="phase", value_name="time")
    picks = conform(long.drop_duplicates().assign(model="pal"), "picks").sort_values("time", ignore_index=True)
    assignments = members.melt(["event_id", "station"], ["P", "S"], "phase", "time")
    assignments["time"] = pd.to_datetime(assignments["time"], utc=True).astype(picks["time"].dtype)
    assignments = assignments.merge(picks[["pick_id", "station", "phase", "time"]], on=["station", "phase", "time"])
    vp = pd.DataFrame(_LAYERS, columns=["depth_km", "vp_km_s"])
    return Opened(
        entry,
        folder,
        read,
        picks=picks,
        stations=stations,
        velocity=vp.assign(vs_km_s=vp["vp_km_s"] / 1.73),
        events=pd.concat(events, ignore_index=True),
        assignments=assignments[["event_id", "pick_id", "station", "phase"]].drop_duplicates(),
    )


def _events(path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Events of a phase file, and for each its stations with P and S."""
    rows = [line.strip().split(",") for line in path.read_text().splitlines() if line.strip()]
    head = np.array([row[0][:1].isdigit() for row in rows])
    if not len(head) or not head[0]:
        raise WrongContent(f"{path.name}: does not begin with an event (time,lat,lon,depth,mag,residual)")
    for number, (row, is_head) in enumerate(zip(rows, head, strict=True), 1):
        if len(row) != (6 if is_head else 5):
            raise WrongContent(f"{path.name}, line {number}: {len(row)} fields instead of {6 if is_head else 5}")
    events = pd.DataFrame([r for r, h in zip(rows, head, strict=True) if h])
    events = events[range(5)].set_axis(["time", "latitude", "longitude", "depth_km", "magnitude"], axis=1)
    events.insert(0, "event_id", stable_ids(events["time"] + path.name))
    members = pd.DataFrame([r[:3] for r, h in zip(rows, head, strict=True) if not h], columns=["station", "P", "S"])
    members["station"] += "."
    members["event_id"] = events["event_id"].to_numpy()[np.cumsum(head)[~head] - 1]
    return conform(events.assign(magnitude_type="ML"), "events"), members
