"""Readers of the sets that relocation is tested on."""

import os

import pytest

from course_utils import data

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not os.environ.get("COURSE_DATA_MIRROR"), reason="COURSE_DATA_MIRROR is not set"),
]


def test_hypodd_examples():
    opened = data.open("hypodd-examples")
    assert repr(opened.catalog) == "Catalog(16 events, 563 assignments, 563 picks, 75 stations, 19 velocity)"
    between = opened.differences[
        opened.differences["event_id_1"].isin(opened.events["event_id"])
        & opened.differences["event_id_2"].isin(opened.events["event_id"])
        & opened.differences["station"].isin(opened.stations["station"])
    ]
    counts = between.groupby(["kind", "phase"]).size()
    assert counts.to_dict() == {("cc", "P"): 881, ("cc", "S"): 731, ("ct", "P"): 1984, ("ct", "S"): 28}
    assert [stage["iterations"] for stage in opened.stages] == [1, 3, 3, 3, 3]
    assert set(opened.relocated["event_id"]) == set(opened.located["event_id"]) == set(opened.events["event_id"])


def test_the_fourth_examples_times_fit_its_stations_heights_as_they_are_read():
    import numpy as np

    from course_utils.earth import distance_azimuth

    four = data.open("hypodd-examples").example4
    truth, stations = four["truth"].set_index("event_id"), four["catalog"].stations.set_index("station")
    links = four["differences"]
    at = stations.loc[links["station"]]
    speed = np.where(links["phase"] == "P", 4.0, 4.0 / 1.73)
    travel = []
    for k in (1, 2):
        event = truth.loc[links[f"event_id_{k}"]]
        ends = event["latitude"], event["longitude"], at["latitude"], at["longitude"]
        away = distance_azimuth(*(end.to_numpy() for end in ends))[0]
        down = event["depth_km"].to_numpy() + at["elevation_m"].to_numpy() / 1000.0
        travel.append(np.hypot(away, down) / speed)
    residual = links["dt_s"] - (travel[0] - travel[1])
    assert residual.std() < 0.001


def test_fdtcc():
    opened = data.open("fdtcc-ridgecrest")
    assert len(opened.waveforms) == 9 and len(opened.events) == 2 and len(opened.picks) == 12
    assert opened.picks["station"].isin(opened.stations["station"]).all()
    assert opened.differences.groupby("kind").size().to_dict() == {"cc": 4, "ct": 6}
    assert opened.velocity["depth_km"].is_monotonic_increasing and len(opened.stations) == 49


def test_growclust_relocates_735_of_1616_and_leaves_the_others_where_they_were():
    opened = data.open("growclust3d-spanish-springs", progress=False)
    before, after = opened["events", "relocated"]
    assert len(before) == len(after) == len(opened.relocated_3d) == 1616 and len(opened.stations) == 51
    assert after["is_relocated"].sum() == 735  # the program's own log
    both = before.merge(after, on="event_id", suffixes=("", "_after"))
    assert len(both) == 1616
    kept, moved = ~both["is_relocated"], both["is_relocated"]
    shift = (both["time_after"] - both["time"]).dt.total_seconds().abs()
    assert (both["latitude"] == both["latitude_after"])[kept].all() and shift[kept].max() == 0
    assert (both["latitude"] == both["latitude_start"]).all() and 0 < shift[moved].median() < 1.0
    assert before["horizontal_error_km"].isna().all() and (opened.velocity["vs_km_s"] < 5).all()
