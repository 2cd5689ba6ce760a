"""Published picks: exact truth in northern Chile, a fast sequence in Iceland with an automatic reference."""

import os
from pathlib import Path

import pandas as pd
import pytest

from course_utils.association import associate, score
from course_utils.catalog.matching import match_events
from course_utils.catalog.tables import conform

MIRROR = os.environ.get("COURSE_DATA_MIRROR", "")
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not MIRROR, reason="COURSE_DATA_MIRROR is not set: real picks are not at hand"),
]


def test_pyocto_picks_with_exact_truth():
    folder = Path(MIRROR) / "pyocto-picks/tests/data"
    stations = pd.read_parquet(folder / "stations").rename(columns={"id": "station", "elevation": "elevation_m"})
    velocity = pd.read_csv(folder / "graeber.csv").rename(
        columns={"depth": "depth_km", "vp": "vp_km_s", "vs": "vs_km_s"}
    )[["depth_km", "vp_km_s", "vs_km_s"]]
    picks = conform(pd.read_parquet(folder / "picks").rename(columns={"event": "event_id"}), "picks")
    noise = picks["event_id"] < 0
    scored = score(associate(picks, stations, velocity).assignments, picks[~noise], int(noise.sum()))
    assert len(scored.pairs) == scored.n_reference == scored.n_events == 50
    assert scored.pick_recall >= 0.97
    assert scored.noise_assigned <= 0.05


def test_iceland_sequence_of_events_seconds_apart():
    root = Path(MIRROR) / "qm-volcanotectonic/examples"
    inputs, outputs = root / "Volcanotectonic_Iceland/inputs", root / "benchmarks/Volcanotectonic_Iceland"
    table = pd.read_csv(inputs / "iceland_stations.txt")
    stations = pd.DataFrame(
        {
            "station": table["Name"],
            "latitude": table["Latitude"],
            "longitude": table["Longitude"],
            "elevation_m": table["Elevation"] * 1000,
        }
    )
    velocity = pd.read_csv(inputs / "iceland_vmodel.txt")
    velocity.columns = ["depth_km", "vp_km_s", "vs_km_s"]
    picks, events = [], []
    for i, path in enumerate(sorted(outputs.glob("*.picks"))):
        rows = pd.read_csv(path, dtype=str)
        rows = rows[rows["PickTime"] != "-1"].rename(columns={"Station": "station", "Phase": "phase"})
        picks.append(rows[["station", "phase"]].assign(time=pd.to_datetime(rows["PickTime"], utc=True), event_id=i))
        origin = pd.read_csv(path.with_suffix(".event")).iloc[0]
        events.append((i, origin["DT"], origin["Y"], origin["X"], origin["Z"]))
    events = pd.DataFrame(events, columns=["event_id", "time", "latitude", "longitude", "depth_km"])
    picks = conform(pd.concat(picks).drop_duplicates(["station", "phase", "time"]), "picks")

    catalog = associate(picks, stations, velocity)
    assert len(score(catalog.assignments, picks).pairs) == 20
    found = match_events(catalog.events, events, max_dt_s=1.0, max_km=3.0)
    assert len(found.matched) >= 18
    assert len(found.proposed) <= 2
    assert found.matched["distance_km"].median() < 0.4
