"""The reader of NonLinLoc's files: what it takes from good lines, what it says about bad ones, and the real sequence."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest

from course_utils import data
from course_utils.data.errors import WrongContent
from course_utils.data.readers import nonlinloc

PHASE = "AK_RC01_--\t?\tBHZ\t?\tP\t-0\t20181130\t1729\t{seconds}\tGAU\t2.00e-02\t0\t3.2e+01\t1.6e-01\t1\n"


def test_layers_keep_gradients_and_interfaces(tmp_path):
    path = tmp_path / "control.in"
    path.write_text(
        "CONTROL 1 2\nLAYER 0.0 5.0 0.1 3.0 0.05 2.5 0\nLAYER 4.0 6.0 0 3.5 0 2.6 0\n#LAYER 9 9 0 5 0 3 0\n"
    )
    table = nonlinloc.read_layers(path)
    assert table["depth_km"].tolist() == [0.0, 4.0, 4.0]
    assert table["vp_km_s"].tolist() == pytest.approx([5.0, 5.4, 6.0])
    assert table["vs_km_s"].tolist() == pytest.approx([3.0, 3.2, 3.5])


def test_observations_split_at_empty_lines_and_seconds_may_pass_the_minute(tmp_path):
    path = tmp_path / "a.obs"
    path.write_text("\n" + PHASE.format(seconds=37.04) + "\n\n" + PHASE.format(seconds=61.5) + "# end\n")
    table = nonlinloc.read_observations(path)
    assert table["block"].tolist() == [0, 1]
    assert table["station"].tolist() == ["AK.RC01."] * 2 and table["channel"].tolist() == ["BH"] * 2
    assert table["time"].iloc[0] == pd.Timestamp("2018-11-30T17:29:37.04Z")
    assert table["time"].iloc[1] == pd.Timestamp("2018-11-30T17:30:01.5Z")
    assert (table["pick_error_s"] == 0.02).all()


@pytest.mark.parametrize(
    ("reader", "text", "said"),
    [
        (nonlinloc.read_layers, "CONTROL 1 2\n", "no LAYER line"),
        (nonlinloc.read_layers, "LAYER 0 5.0 0\n", "line 1: LAYER needs"),
        (nonlinloc.read_stations, "\nGTSRCE A_B_-- XYZ 1 2 0 0\n", "line 2: only GTSRCE label LATLON"),
        (nonlinloc.read_observations, PHASE.format(seconds="37,04"), "line 1: could not convert"),
        (nonlinloc.read_observations, PHASE.format(seconds=1.0).replace("1729", "1790"), "no date and minute"),
        (nonlinloc.read_observations, "some text\n", "not a P or S phase line"),
        (nonlinloc.read_hypocenter, "HYPOCENTER x 1\n", "no GEOGRAPHIC, QUALITY, STATISTICS, PHASE line"),
    ],
)
def test_bad_files_are_refused_with_name_and_line(tmp_path, reader, text, said):
    path = tmp_path / "file.txt"
    path.write_text(text)
    with pytest.raises(WrongContent, match=said):
        reader(path)


def test_picks_without_a_hypocenter_are_refused():
    events = pd.DataFrame({"time": pd.to_datetime(["2018-11-30T17:29:29Z"])})
    first = pd.Series(pd.to_datetime(["2018-11-30T17:29:35Z", "2018-11-30T17:29:50Z"]))
    assert nonlinloc._event_of_block(first[:1], events) == {0: 0}
    with pytest.raises(WrongContent, match="no hypocenter of their own"):
        nonlinloc._event_of_block(first, events)


@pytest.mark.parametrize(
    ("label", "name"),
    [("AK_RC01_--", "AK.RC01."), ("NP_8040_D0", "NP.8040.D0"), ("NP040_D0", "NP040.D0."), ("NP0521", "NP0521..")],
)
def test_station_names(label, name):
    assert nonlinloc.station_name(label) == name


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("COURSE_DATA_MIRROR"), reason="COURSE_DATA_MIRROR is not set")
def test_anchorage():
    opened = data.open("nonlinloc-samples")
    assert opened.parts == ("stations", "velocity", "picks", "events", "assignments")
    assert opened.picks["phase"].value_counts().to_dict() == {"P": 214, "S": 60}
    assert len(opened.velocity) == 17 and opened.velocity["depth_km"].iloc[-1] == 66.0
    unknown = set(opened.picks["station"]) - set(opened.stations["station"])
    assert opened.picks["station"].nunique() == 69 and len(unknown) == 5
    main = opened.events.iloc[0]
    assert main["time"] == pd.Timestamp("2018-11-30T17:29:29.073014Z") and round(main["depth_km"], 2) == 44.94
    assert main["horizontal_error_km"] == pytest.approx(1.826, abs=0.02)  # maxHorUnc of the file
    assert (opened.events["depth_km"] < 0).sum() == 5
    used = opened.assignments[opened.assignments["weight"] > 0].groupby("event_id").size()
    counts = opened.events.set_index("event_id")[["n_p", "n_s"]].sum(axis=1)
    assert used.to_dict() == counts.to_dict() and counts[main["event_id"]] == 35
    assert np.isfinite(opened.picks["pick_error_s"]).all()
