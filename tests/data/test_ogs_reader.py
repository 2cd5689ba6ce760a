"""The bulletin of OGS: events, picks and their weights, and magnitude columns that are exchanged upstream."""

from __future__ import annotations

import os

import pandas as pd
import pytest

from course_utils import data
from course_utils.data.errors import WrongContent
from course_utils.data.readers import ogs

needs_mirror = pytest.mark.skipif("COURSE_DATA_MIRROR" not in os.environ, reason="COURSE_DATA_MIRROR is not set")


def test_layers_become_nodes_above_the_mantle(tmp_path):
    path = tmp_path / "model.nd"
    path.write_text("0 5.0 2.9 2.6\n20 6.0 3.5 2.6\n30 6.1 3.5 2.6\nmantle\n30 8.0 4.6 3.3\n")
    velocity = ogs.read_layers(path)
    assert velocity["depth_km"].tolist() == [0.0, 20.0, 20.0]
    assert velocity["vp_km_s"].tolist() == [5.0, 5.0, 6.0]
    path.write_text("0 5.0 2.9 2.6\n")
    with pytest.raises(WrongContent, match="mantle"):
        ogs.read_layers(path)


@pytest.mark.real
@needs_mirror
def test_the_bulletin_of_2024():
    opened = data.open("ogs-2024", progress=False)
    events, picks, pairs = opened["events", "picks", "assignments"]
    assert len(events) == 1778 and len(picks) == 25670 and picks["station"].nunique() == 106
    assert len(pairs) == 25670 - 159 and set(pairs["weight"]) == {0.0, 0.25, 0.5, 0.75, 1.0}
    counts = pd.crosstab(pairs["event_id"], pairs["phase"]).reindex(events["event_id"])
    assert (counts["P"].to_numpy() == events["n_p"]).all() and (counts["S"].to_numpy() == events["n_s"]).all()
    rows = pairs.merge(picks[["pick_id", "time"]]).merge(events[["event_id", "time"]], on="event_id")
    assert (rows["time_x"] - rows["time_y"]).dt.total_seconds().between(0.0, 61.0).all()
    largest = events.loc[events["magnitude"].idxmax()]
    assert largest["time"].floor("s") == pd.Timestamp("2024-03-27T21:19:37Z")
    assert largest["magnitude"] == 4.6 and largest["magnitude_type"] == "ML" and pd.isna(largest["duration_magnitude"])
    assert events["magnitude_type"].value_counts().to_dict() == {"ML": 1349, "MD": 367}
    assert events["rms_s"].notna().sum() == 1345
