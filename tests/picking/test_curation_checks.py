"""Splits share nothing, leaks are found, doubtful labels are named."""

import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.picking.curation import (
    CurationError,
    assert_disjoint,
    constant_picks,
    duplicated_events,
    duplicated_records,
    duplicated_waveforms,
    leak_report,
    pick_columns,
    split_by_event,
    split_by_station,
    split_by_time,
    split_sizes,
    suspicious_labels,
)
from course_utils.picking.curation.splits import PARTS, leaky_split_by_trace, split_by

START = pd.Timestamp("2024-01-01", tz="UTC")


def metadata(events=60, stations=5, gap_s=300.0, seed=0):
    """One trace of 60 s for every event and station, travel times on a line."""
    rng = np.random.default_rng(seed)
    rows = []
    for e in range(events):
        origin = START + pd.Timedelta(seconds=e * gap_s)
        for s in range(stations):
            distance = 10.0 + 7 * s + 20 * rng.random()
            p, apart, lead = distance / 6.0, distance / 8.0, 10 + 15 * rng.random()
            rows.append(
                {
                    "source_id": f"ev{e}",
                    "source_origin_time": origin.isoformat(),
                    "source_latitude_deg": 40 + 0.01 * e,
                    "source_longitude_deg": -120.0,
                    "source_magnitude": 1.0 + 0.05 * e,
                    "station_network_code": "XX",
                    "station_code": f"S{s}",
                    "path_hyp_distance_km": distance,
                    "trace_start_time": (origin + pd.Timedelta(seconds=p - lead)).isoformat(),
                    "trace_sampling_rate_hz": 100.0,
                    "trace_npts": 6000,
                    "trace_P_arrival_sample": 100 * lead,
                    "trace_S_arrival_sample": 100 * (lead + apart),
                    "trace_P_snr_db": 15.0,
                }
            )
    return pd.DataFrame(rows)


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 40), st.integers(1, 4), st.floats(5.0, 400.0), st.integers(0, 5))
def test_parts_never_share_anything(events, stations, gap_s, seed):
    table = metadata(events, stations, gap_s, seed)
    for how in ("event", "time"):
        split = split_by(how, table, seed=seed)
        assert set(split) <= {*PARTS, "unused"}
        assert leak_report(table, split).clean
    assert_disjoint(table, split_by_station(table, seed=seed), "station")


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 100), st.integers(1, 30))
def test_new_events_move_no_other(seed, more):
    table = metadata(30 + more, 2)
    before = split_by_event(table[: 30 * 2], seed=seed)
    np.testing.assert_array_equal(before, split_by_event(table, seed=seed)[: 30 * 2])


def test_sizes_follow_the_fractions_and_are_reported():
    table = metadata(400, 3)
    table["split"] = split_by_event(table, (0.6, 0.2, 0.2))
    sizes = split_sizes(table).set_index("part")
    assert sizes.loc["train", "share"] == pytest.approx(0.6, abs=0.08)
    assert sizes["events"].sum() == 400 and sizes["P"].sum() == 1200
    with pytest.raises(CurationError, match="three shares"):
        split_by_event(table, (0.8, 0.8, 0.2))


def test_a_split_by_trace_leaks_and_says_where():
    table = metadata(40)
    split = leaky_split_by_trace(table)
    report = leak_report(table, split)
    assert not report.clean and report.count("event") > 20 and "train/test" in str(report)
    with pytest.raises(CurationError, match=r"event ev\d+ is in two parts: train \(row \d+\) and"):
        assert_disjoint(table, split)


def test_the_same_station_and_time_is_found_whatever_it_is_called():
    table = metadata(20, 2)
    twin = table.iloc[[6]].assign(source_id="other", trace_start_time=table["trace_start_time"].iloc[6])
    table = pd.concat([table, twin], ignore_index=True)
    split = pd.Series(["train"] * len(table))
    split.iloc[-1] = "test"
    report = leak_report(table, split)
    assert report.count("event") == 0 and report.count("station and time") == 1
    assert report.table["example"].iloc[0] == "rows 6 and 40"
    assert duplicated_records(table)["row"].tolist() == [6, 40]


def test_the_same_samples_are_found(tmp_path):
    from seisbench.data import WaveformDataset, WaveformDataWriter

    rng, table = np.random.default_rng(0), metadata(5, 1)
    data = [rng.standard_normal((3, 500 + 100 * i)).astype(np.float32) for i in range(5)]
    data[4] = data[1]
    with WaveformDataWriter(tmp_path / "metadata.csv", tmp_path / "waveforms.hdf5") as writer:
        writer.data_format = {"dimension_order": "CW", "component_order": "ZNE"}
        for row, samples in zip(table.drop(columns="trace_npts").to_dict("records"), data, strict=True):
            writer.add_trace(row | {"split": "test" if row["source_id"] == "ev4" else "train"}, samples)
    dataset = WaveformDataset(tmp_path, component_order="ZNE")
    assert duplicated_waveforms(dataset)["rows"].tolist() == [(1, 4)]
    report = leak_report(tmp_path)
    assert report.count("waveform") == 1 and report.count("event") == 0
    assert leak_report(dataset.metadata).not_looked == {"waveform": "there are only metadata"}
    with pytest.raises(CurationError, match="no SeisBench data set"):
        leak_report(tmp_path / "nowhere")


def test_wrong_labels_are_named_and_right_ones_are_not():
    table = metadata(60)
    assert not len(suspicious_labels(table))
    table.loc[3, "trace_S_arrival_sample"] = table.loc[3, "trace_P_arrival_sample"] - 50
    table.loc[8, ["trace_P_arrival_sample", "trace_S_arrival_sample"]] += 800
    table.loc[21, "trace_P_arrival_sample"] = 7000
    table.loc[33, "trace_P_snr_db"] = 0.2
    table.loc[40, "trace_S_arrival_sample"] = np.inf
    found = suspicious_labels(table)
    said = set(zip(found["row"], found["reason"], strict=True))
    assert {
        (3, "S not after P"), (8, "P off the line"), (21, "outside the trace"), (33, "low SNR"), (40, "not a number"),
    } <= said  # fmt: skip
    assert set(found["row"]) == {3, 8, 21, 33, 40}
    assert found.loc[found["reason"] == "P off the line", "value"].iloc[0] == pytest.approx(8.0, abs=0.5)
    assert "low SNR of S" in found.attrs["not_tested"]


def test_picks_in_one_place_are_noticed():
    table = metadata(30)
    assert not constant_picks(table)["constant"].any()
    table["trace_P_arrival_sample"] = 3000.0
    p = constant_picks(table).set_index("phase").loc["P"]
    assert p["constant"] and p["share"] == 1.0 and p["median_sample"] == 3000.0


def test_events_under_two_names_are_found():
    table = metadata(10, 1)
    table.loc[4, "source_origin_time"] = (START + pd.Timedelta(seconds=5 * 300 - 1)).isoformat()
    found = duplicated_events(table)
    assert found[["first", "second"]].to_numpy().tolist() == [["ev4", "ev5"]]
    assert found["dt_s"].iloc[0] == pytest.approx(1.0)


def test_unknown_columns_are_said_not_guessed():
    table = metadata(5)
    assert pick_columns(pd.DataFrame(columns=["trace_Pg_arrival_sample", "trace_mL_arrival_sample", "x"])) == {
        "trace_Pg_arrival_sample": "P"
    }
    with pytest.raises(CurationError, match="name yours source_id"):
        split_by_event(table.drop(columns="source_id"))
    report = leak_report(table.drop(columns="source_id"), pd.Series(["train"] * 25))
    assert "event" in report.not_looked and report.looked == ("station and time",)
    with pytest.raises(CurationError, match="no labels"):
        suspicious_labels(table[["source_id"]])
    with pytest.raises(CurationError, match="no column 'split'"):
        leak_report(table)


def test_time_blocks_go_whole():
    table = metadata(100, 2)
    split = split_by_time(table, block_s=3600.0)
    block = (pd.to_datetime(table["source_origin_time"]) - START).dt.total_seconds() // 3600
    used = split != "unused"
    assert used.mean() > 0.9
    later = split_by_time(table, cuts=(START + pd.Timedelta(seconds=30 * 300), "2024-01-01T05:00:00"))
    assert later.value_counts().to_dict() == {"train": 60, "test": 80, "dev": 60}
    with pytest.raises(CurationError, match="in order"):
        split_by_time(table, cuts=("2024-01-02", "2024-01-01"))
    assert all(len(set(parts)) == 1 for _, parts in split[used].groupby(block[used]))


@pytest.mark.real
def test_the_pacific_northwest_metadata_tell_their_weakness():
    if not os.environ.get("COURSE_DATA_MIRROR"):
        pytest.skip("COURSE_DATA_MIRROR is not set")
    from course_utils import data

    opened = data.open("pnw-ml")
    records = opened.records
    p = constant_picks(records).set_index("phase").loc["P"]
    assert p["picks"] == 49 and p["constant"]  # three of five lie at one sample
    twice = duplicated_events(opened.events)  # two ids, one place, at most 2 s apart
    assert len(twice) == 13 and twice["first"].iloc[0] == "uw61509601"
    assert split_by_event(records).isin(PARTS).all()
