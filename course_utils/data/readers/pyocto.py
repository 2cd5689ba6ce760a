"""pyocto-picks: synthetic picks of a day whose association is known exactly."""

from __future__ import annotations

import pandas as pd

from ...catalog.tables import conform, stable_ids
from ..fetching import fetch
from ..manifests import Dataset
from .opened import Opened

_FOLDER = "tests/data/"


def read(entry: Dataset, progress: bool = True) -> Opened:
    """Picks of 50 events at 20 stations of northern Chile over one day, and noise picks, with exact membership.

    ``picks``        1218 rows; ``truth_event`` is the upstream number of the event, -1 for noise.
    ``stations``     20 rows, network CX.
    ``velocity``     model of Graeber & Asch, linear between nodes.
    ``assignments``  the exact truth: which pick belongs to which event (``event_id`` made from the event's pick ids).
    ``truth``        one row per true event: event_id, truth_event, first_arrival, last_arrival, n_p, n_s, n_stations.

    There is no ``events`` table: the set does not say where and when its events happened, only which picks are
    theirs. Score an associator by membership. The day is 1970-01-01, the first arrivals are at least 6.9 s apart.

    Münchmeyer (2024) PyOcto, Seismica.
    """
    folder = fetch(entry.name, progress=progress)
    raw = pd.read_parquet(folder / _FOLDER / "picks").rename(columns={"event": "truth_event"})
    picks = conform(raw.assign(model="synthetic"), "picks").sort_values(["time", "station", "phase"], ignore_index=True)
    stations = pd.read_parquet(folder / _FOLDER / "stations").rename(
        columns={"id": "station", "elevation": "elevation_m"}
    )
    model = pd.read_csv(folder / _FOLDER / "graeber.csv")
    velocity = model[["depth", "vp", "vs"]].set_axis(["depth_km", "vp_km_s", "vs_km_s"], axis=1)
    truth, assignments = _membership(picks[picks["truth_event"] >= 0])
    return Opened(
        entry, folder, read, picks=picks, stations=stations, velocity=velocity, assignments=assignments, truth=truth
    )


def _membership(picks: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    truth = picks.groupby("truth_event", as_index=False).agg(
        first_arrival=("time", "min"),
        last_arrival=("time", "max"),
        n_p=("phase", lambda phase: int((phase == "P").sum())),
        n_s=("phase", lambda phase: int((phase == "S").sum())),
        n_stations=("station", "nunique"),
        key=("pick_id", lambda ids: " ".join(map(str, sorted(ids)))),
    )
    truth.insert(0, "event_id", stable_ids(truth.pop("key")))
    truth = truth.sort_values("first_arrival", ignore_index=True)
    ids = truth.set_index("truth_event")["event_id"]
    assignments = picks[["pick_id", "station", "phase"]].assign(event_id=picks["truth_event"].map(ids))
    return truth, assignments.reset_index(drop=True)
