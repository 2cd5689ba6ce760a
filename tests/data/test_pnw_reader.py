"""The reader of pnw-classification: what it joins, and the traps it names."""

import os

import pandas as pd
import pytest

from course_utils import data

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not os.environ.get("COURSE_DATA_MIRROR"), reason="COURSE_DATA_MIRROR is not set"),
]


@pytest.fixture(scope="module")
def opened():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_DATA", "real")
        yield data.open("pnw-classification", progress=False)


def test_types_come_from_two_catalogs(opened):
    events = opened.events
    assert events["event_type"].value_counts().to_dict() == {"earthquake": 50, "surface event": 36, "explosion": 17}
    assert events["event_id"].is_unique and events["time"].is_monotonic_increasing
    surface = events["event_type"] == "surface event"
    assert (events["source_id"].str.startswith("esec") == surface).all()
    assert (events.loc[surface, "depth_km"] == 0).all() and events.loc[surface, "subtype"].notna().all()
    assert events.loc[~surface, "magnitude"].notna().all() and events.loc[~surface, "subtype"].isna().all()
    per_event = opened.records.groupby("source_id").size()
    assert (per_event.reindex(events["source_id"]).to_numpy() == events["n_files"]).all()


def test_records_are_joined_to_their_event_by_the_header_and_not_by_the_file_name(opened):
    records = opened.records
    assert len(records) == len(opened.waveforms)
    for row, stream in zip(records.iloc[::97].itertuples(), opened.waveforms[::97], strict=True):
        first = stream[0].stats
        assert row.station == f"{first.network}.{first.station}.{first.location}"
        assert {t.stats.channel[:2] for t in stream} == {row.channel}
        assert pd.Timestamp(min(t.stats.starttime for t in stream).datetime, tz="UTC") == row.start
        assert first.starttime.year != 2022 or first.starttime.strftime("%m-%dT%H:%M:%S") != "12-30T22:03:13"
    time = records["source_id"].map(opened.events.set_index("source_id")["time"])
    assert ((time - records["start"]).dt.total_seconds() - records["origin_s"]).abs().max() < 1e-3


def test_class_and_archive_coincide(opened):
    records = opened.records
    surface = records["event_type"] == "surface event"
    assert (records.loc[~surface, "components"] == "Z").all() and (records.loc[surface, "components"] != "Z").any()
    assert records.loc[~surface, "seconds"].median() == pytest.approx(150, abs=1)
    assert records.loc[surface, "seconds"].median() == pytest.approx(180, abs=1)
    assert records["sampling_rate_hz"].min() < 1 < 100 < records["sampling_rate_hz"].max()
    origin = records.groupby("event_type")["origin_s"].median().round(1)
    assert origin.to_dict() == {"earthquake": 50.0, "explosion": 50.0, "surface event": 70.0}
