"""The Anchorage sequence of NonLinLoc: blocks of picks find their hypocenters."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest

from course_utils import data
from course_utils.data.errors import WrongContent
from course_utils.data.readers import nonlinloc


def test_picks_without_a_hypocenter_are_refused():
    events = pd.DataFrame({"time": pd.to_datetime(["2018-11-30T17:29:29Z"])})
    first = pd.Series(pd.to_datetime(["2018-11-30T17:29:35Z", "2018-11-30T17:29:50Z"]))
    assert nonlinloc._event_of_block(first[:1], events) == {0: 0}
    with pytest.raises(WrongContent, match="no hypocenter of their own"):
        nonlinloc._event_of_block(first, events)


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
