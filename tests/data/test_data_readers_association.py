"""The readers of pick sets for association: PAL at Ridgecrest, and the location benchmark of Yu."""

from __future__ import annotations

import os

import pandas as pd
import pytest

from course_utils import data
from course_utils.data.errors import WrongContent
from course_utils.data.readers import pal_ridgecrest

HEAD = "2019-07-04T16:13:42.989200Z,35.69,-117.47,9,1.64,0.3\n"
PAIR = "CI.{code},2019-07-04T16:13:48.528000Z,2019-07-04T16:13:53.308000Z,1.66e-07,1350.6\n"
needs_mirror = pytest.mark.skipif("COURSE_DATA_MIRROR" not in os.environ, reason="COURSE_DATA_MIRROR is not set")


def test_phase_files_give_events_and_their_stations(tmp_path):
    path = tmp_path / "phase.dat"
    second = HEAD.replace("16:13", "17:02")
    path.write_text(HEAD + PAIR.format(code="TOW2") + PAIR.format(code="SRT") + second + PAIR.format(code="CLC"))
    events, members = pal_ridgecrest._events(path)
    assert events["depth_km"].tolist() == [9.0, 9.0] and events["event_id"].is_unique
    assert events["time"].iloc[1] == pd.Timestamp("2019-07-04T17:02:42.9892Z")
    assert members["station"].tolist() == ["CI.TOW2.", "CI.SRT.", "CI.CLC."]
    assert members["event_id"].tolist() == events["event_id"].iloc[[0, 0, 1]].tolist()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "does not begin with an event"),
        (PAIR.format(code="TOW2"), "does not begin with an event"),
        (HEAD + "CI.TOW2,2019-07-04T16:13:48Z\n", "line 2: 2 fields instead of 5"),
        (HEAD.replace(",0.3", ""), "line 1: 5 fields instead of 6"),
    ],
)
def test_bad_phase_files_are_refused(tmp_path, text, said):
    path = tmp_path / "phase.dat"
    path.write_text(text)
    with pytest.raises(WrongContent, match=said):
        pal_ridgecrest._events(path)


@pytest.mark.real
@needs_mirror
def test_pal_s_events_hold_picks_of_their_own_time():
    opened = data.open("ai-pal-ridgecrest", progress=False)
    assert len(opened.events) == 408 + 1295
    assert set(opened.picks["station"]) <= set(opened.stations["station"])
    rows = opened.assignments.merge(opened.picks, on="pick_id").merge(opened.events, on="event_id")
    assert len(rows) == len(opened.assignments) == 2 * (3132 - 408 + 9201 - 1295)
    travel = (rows["time_x"] - rows["time_y"]).dt.total_seconds()
    assert (
        travel.between(0.0, 60.0).sum() == len(rows) - 4
    )  # as published: four picks precede their origin by under 1 s
    assert travel.min() > -1.0
    pairs = rows.assign(travel=travel).pivot_table(index=["event_id", "station_x"], columns="phase_x", values="travel")
    assert (pairs["S"] > pairs["P"]).all()


@pytest.mark.real
@needs_mirror
def test_yu_s_picks_belong_to_a_thousand_events():
    opened = data.open("location-benchmark-yu", progress=False)
    assert len(opened.events) == 1000 and len(opened.picks) == len(opened.assignments) == 31740
    assert len(opened.stations) == 27 and opened.stations["elevation_m"].between(400, 2500).all()
    rows = opened.assignments.merge(opened.picks, on="pick_id").merge(opened.events, on="event_id")
    seconds = (rows["time_x"] - rows["time_y"]).dt.total_seconds()
    assert seconds.between(-2.0, 45.0).mean() > 0.99
