"""Readers of the sets for training and judging pickers, against what is known about them."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest

from course_utils import data
from course_utils.data.readers import obstransformer, seisbench_dummy


def real(function):
    missing = pytest.mark.skipif(not os.environ.get("COURSE_DATA_MIRROR"), reason="COURSE_DATA_MIRROR is not set")
    return pytest.mark.real(missing(function))


@real
def test_ocean_bottom_records():
    ocean = data.open("obstransformer-sample")
    waveforms, records = ocean["waveforms", "records"]
    assert waveforms.shape == (56, 3, 6000) and waveforms.any(axis=2).all()
    assert records["kind"].value_counts().to_dict() == {"event": 37, "noise": 19}
    events = records[records["kind"] == "event"]
    assert events[["p_sample", "s_sample"]].notna().all(axis=None)
    assert records.loc[records["kind"] == "noise", ["p_sample", "s_sample"]].isna().all(axis=None)
    s_minus_p = (events["s_sample"] - events["p_sample"]) / events["sampling_rate_hz"]
    assert s_minus_p.min() == pytest.approx(1.0, abs=0.01) and s_minus_p.max() == pytest.approx(33.4, abs=0.02)
    assert s_minus_p.median() == pytest.approx(11.9, abs=0.1)
    assert (events["p_sample"] > 3900).sum() == 4, "the docstring says so"
    # the first component is the vertical: P stands out most on it
    rise = []
    for row, p in zip(events.index, events["p_sample"].astype(int), strict=True):
        rise.append(waveforms[row, :, p : p + 100].std(axis=1) / waveforms[row, :, p - 200 : p - 20].std(axis=1))
    assert np.median(rise, axis=0).argmax() == 0
    assert "YM.09." in set(records["station"]), "a leading zero was lost"
    day_first = records.set_index("record")["time"]["SS40.XW_20161101184902_NO"]
    assert day_first == pd.Timestamp("2016-11-01T18:49:02Z")
    assert ocean.noise_waveforms.shape == (9, 3, 6000) and len(ocean.noise_records) == 9


@real
def test_seisbench_dummy_is_what_seisbench_reads():
    import seisbench.data

    dummy = data.open("seisbench-dummy")
    assert dummy.waveforms.shape == (100, 3, 1200) and len(dummy.events) == 18236
    theirs = seisbench.data.WaveformDataset(dummy.dataset_folder)
    np.testing.assert_array_equal(theirs.get_waveforms(73), dummy.waveforms[73])
    assert dummy.records["event_id"].isin(dummy.events["event_id"]).all() and dummy.records["event_id"].is_unique
    first = dummy.events.set_index("event_id").loc[dummy.records["event_id"].iloc[0]]
    assert (first["magnitude"], first["magnitude_ma"], first["depth_km"]) == (1.426, 1.353, 83.18)
    assert dummy.events["magnitude"].min() == 0.918 and dummy.events["magnitude"].max() == 7.178
    assert list(dummy.stations["station"]) == ["CX.PB01."] and "picks" not in dummy


@real
def test_idaho_and_a_bad_picker():
    quake = data.open("easyquake-o2-wilz")
    assert quake.picks["phase"].value_counts().to_dict() == {"S": 438, "P": 51}
    assert set(quake.picks["station"]) == {"O2.WILZ."} and quake.picks["probability"].isna().all()
    start, end = (
        pd.Timestamp(t.datetime, tz="UTC")
        for t in (quake.waveforms[0].stats.starttime, quake.waveforms[0].stats.endtime)
    )
    assert quake.picks["time"].between(start, end).all() and len(quake.waveforms) == 3
    idaho = quake.idaho
    assert (len(idaho.events), len(idaho.picks), idaho.picks["station"].nunique()) == (198, 1620, 46)
    assert idaho.events["magnitude"].notna().sum() == 22 and len(quake.events) == 198
    late = idaho.assignments.merge(idaho.picks[["pick_id", "time"]]).merge(
        idaho.events[["event_id", "time"]], on="event_id", suffixes=("", "_origin")
    )
    travel_s = (late["time"] - late["time_origin"]).dt.total_seconds()
    assert len(late) == len(idaho.assignments) == 1620 and travel_s.between(0, 200).mean() > 0.99


@real
def test_pacific_northwest_events_and_micro_set():
    pnw = data.open("pnw-ml")
    counts = pnw.events["event_type"].value_counts().to_dict()
    assert counts == {"earthquake": 11262, "explosion": 2664, "other event": 17, "quarry blast": 7}
    assert pnw.events["source_id"].is_unique and pnw.events["time"].is_monotonic_increasing
    assert pnw.events["magnitude"].max() == 4.58 and pnw.events["depth_km"].min() == -3.09
    assert len(pnw.records) == 50 and len(pnw.picks) == 49 + 25
    joined = pnw.picks.merge(pnw.stations, on="station", how="left", suffixes=("", "_station"))
    assert joined["latitude"].notna().all() and not pnw.stations["station"].str.contains("--").any()
    first = pnw.records.iloc[0]
    p = pnw.picks[(pnw.picks["station"] == first["station"]) & (pnw.picks["phase"] == "P")]
    assert pd.Timestamp("2022-11-29T18:32:05.230Z") in set(p["time"])


def test_what_is_not_a_record_is_refused():
    with pytest.raises(data.WrongContent, match="not a record of this set"):
        obstransformer._z12(np.zeros((3, 6000)), "turned")
    with pytest.raises(data.WrongContent, match="trace name"):
        seisbench_dummy._trace({}, "bucket9$1,:3,:100")
