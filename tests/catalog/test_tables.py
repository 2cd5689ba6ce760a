"""The common language: what conforms survives every border unchanged, what does not is named with its row."""

import hashlib
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.catalog.tables import (
    SCHEMAS,
    Catalog,
    TableError,
    columns,
    conform,
    empty,
    schema,
    stable_ids,
    to_arrow,
)

times = st.datetimes(pd.Timestamp("1900-01-01"), pd.Timestamp("2200-01-01")).map(lambda t: pd.Timestamp(t, tz="UTC"))
probabilities = st.one_of(st.just(float("nan")), st.floats(0, 1))
codes = st.from_regex(r"[A-Z]{2}\.[A-Z0-9]{1,5}\.[0-9]{0,2}", fullmatch=True)
pick_rows = st.lists(
    st.fixed_dictionaries(
        {"station": codes, "phase": st.sampled_from("PS"), "time": times, "probability": probabilities}
    ),
    max_size=8,
    unique_by=lambda r: (r["station"], r["phase"], r["time"]),
)
event_rows = st.lists(
    st.fixed_dictionaries(
        {
            "time": times,
            "latitude": st.floats(-90, 90),
            "longitude": st.floats(-180, 180),
            "depth_km": st.floats(-5, 700),
            "magnitude": st.one_of(st.just(float("nan")), st.floats(-3, 9)),
        }
    ),
    max_size=8,
    unique_by=lambda r: (r["time"],),
)


def frame_of(rows, name):
    return pd.DataFrame(rows) if rows else empty(name)


@pytest.mark.parametrize("name, rows", [("picks", pick_rows), ("events", event_rows)])
def test_arrow_round_trip(name, rows):
    @given(rows)
    @settings(max_examples=40, deadline=None)
    def check(rows):
        table = conform(frame_of(rows, name), name)
        back = conform(to_arrow(table, name).to_pandas(), name)
        pd.testing.assert_frame_equal(back, table, check_exact=True)
        pd.testing.assert_frame_equal(conform(table, name), table)  # conforming twice changes nothing
        assert to_arrow(table, name).schema.field("time").metadata[b"unit"] == b"UTC"

    check()


@given(pick_rows, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_ids_follow_the_row_and_not_its_place(rows, random):
    table = conform(frame_of(rows, "picks"), "picks")
    shuffled = rows.copy()
    random.shuffle(shuffled)
    again = conform(frame_of(shuffled, "picks"), "picks")
    key = ["station", "phase", "time"]
    left, right = (t.sort_values(key).reset_index(drop=True) for t in (table, again))
    pd.testing.assert_series_equal(left["pick_id"], right["pick_id"])
    assert not table["pick_id"].duplicated().any()


def test_ids_are_the_same_in_every_run():
    at = pd.Series(pd.to_datetime(["2022-12-20T10:34:24.770000Z"]))
    written = hashlib.blake2b(b"NC.KMPB.\x1f1671532464770000\x1f1.500000", digest_size=8).digest()
    expected = int.from_bytes(written, "little") >> 2
    assert stable_ids(pd.Series(["NC.KMPB."]), at, pd.Series([1.5])).tolist() == [expected]


def test_two_ids_can_always_index_a_frame():
    for number in range(60):
        ids = stable_ids(pd.Series([f"a{number}", f"b{number}"]))
        assert list(pd.DataFrame({"id": ids, "x": [1, 2]}).set_index("id")["x"]) == [1, 2]


def test_ids_keep_microseconds_and_neighbouring_columns_apart():
    at = pd.Series(pd.to_datetime(["2022-12-20T10:34:24.770000Z", "2022-12-20T10:34:24.770001Z"]))
    assert len(set(stable_ids(at))) == 2
    assert stable_ids(pd.Series(["ab"]), pd.Series(["c"])) != stable_ids(pd.Series(["a"]), pd.Series(["bc"]))
    assert stable_ids(pd.Series([np.nan])) == stable_ids(pd.Series([None]))


@pytest.mark.parametrize("name", SCHEMAS)
def test_empty_tables_conform_and_keep_their_types(name):
    table = empty(name)
    pd.testing.assert_frame_equal(conform(table, name), table)
    assert to_arrow(table, name).num_rows == 0


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_column_is_explained(name):
    reference = columns(name)
    assert (reference["meaning"].str.len() > 5).all()
    assert reference["column"].tolist() == schema(name).names


def test_further_columns_are_kept_behind_the_declared_ones():
    frame = pd.DataFrame({"mine": [3], "station": ["A.A."], "phase": ["P"], "time": ["2024-01-01"]}, index=[7])
    table = conform(frame, "picks")
    assert table.columns[-1] == "mine"
    assert table["mine"].tolist() == [3]
    assert table.index.tolist() == [0]
    assert to_arrow(table, "picks").column("mine").to_pylist() == [3]


def test_times_of_many_kinds_become_utc_microseconds():
    from obspy import UTCDateTime

    expected = pd.Timestamp("2024-01-01T05:00:00.25Z")
    for value in (
        "2024-01-01T05:00:00.250000Z",
        "2024-01-01 06:00:00.25+01:00",
        expected,
        expected.tz_localize(None),
        expected.tz_convert("America/Los_Angeles"),
        expected.to_datetime64(),
        UTCDateTime(2024, 1, 1, 5, 0, 0, 250000),
    ):
        table = conform(pd.DataFrame({"station": ["A.A."], "phase": ["S"], "time": [value]}), "picks")
        assert table["time"].iloc[0] == expected
        assert str(table["time"].dtype) == "datetime64[us, UTC]"


PICK = {"station": "A.A.", "phase": "P", "time": "2024-01-01T00:00:00Z"}
EVENT = {"time": "2024-01-01T00:00:00Z", "latitude": 40.0, "longitude": -124.0, "depth_km": 10.0}
STATION = {"station": "A.A.", "latitude": 40.0, "longitude": -124.0, "elevation_m": 100.0}


@pytest.mark.parametrize(
    "name, row, message",
    [
        ("picks", {**PICK, "phase": "Pn"}, "phase is 'Pn'"),
        ("picks", {**PICK, "station": None}, "station is missing"),
        ("picks", {**PICK, "station": ""}, "station is missing"),
        ("picks", {**PICK, "time": None}, "time is missing"),
        ("picks", {**PICK, "time": 1.7e9}, "bare numbers"),
        ("picks", {**PICK, "time": "yesterday"}, "is not ISO8601 format); write times as 2014"),
        ("picks", {**PICK, "time": "24/08/2014 00:01"}, "is not ISO8601 format); write times as 2014"),
        ("picks", {**PICK, "probability": 1.2}, "probability is 1.2, outside"),
        ("events", {**EVENT, "latitude": 91.0}, "latitude is 91.0, outside"),
        ("events", {**EVENT, "depth_km": np.inf}, "depth_km is infinite"),
        ("events", {**EVENT, "depth_km": "deep"}, "cannot be read as float"),
        ("stations", {**STATION, "elevation_m": np.nan}, "elevation_m is missing"),
        ("stations", {**STATION, "elevation_m": 1e5}, "elevation_m is 100000.0, outside"),
    ],
)
def test_bad_values_are_named(name, row, message):
    good = {"picks": PICK, "events": EVENT, "stations": STATION}[name]
    second = {**good, "station": "B.B."} if "station" in good else {**good, "depth_km": 11.0}
    conform(pd.DataFrame([second, good]), name)  # the row is good but for the one value
    with pytest.raises(TableError, match=re.escape(message)):
        conform(pd.DataFrame([row]), name)


def test_the_message_names_the_row():
    frame = pd.DataFrame([{**PICK, "station": f"A.S{i}."} for i in range(4)])
    frame.loc[2, "phase"] = "X"
    with pytest.raises(TableError, match=r"picks row 2 \(station 'A\.S2\.'\)"):
        conform(frame, "picks")


def test_rows_that_stand_twice_and_missing_columns():
    with pytest.raises(TableError, match="stands twice"):
        conform(pd.DataFrame([PICK, PICK]), "picks")
    with pytest.raises(TableError, match="no column phase, time"):
        conform(pd.DataFrame({"station": ["A.A."]}), "picks")
    with pytest.raises(TableError, match="expected a pandas DataFrame, got list"):
        conform([PICK], "picks")
    with pytest.raises(KeyError, match="no table 'pics'"):
        schema("pics")


@pytest.mark.parametrize(
    "rows, message",
    [
        ([(5, 6, 3), (0, 5, 2)], "row 1: depth_km is 0.0 after 5.0, it goes up.*change its sign"),
        ([(0, 3, 3)], "were the columns swapped"),
        ([(0, 6000, 3000)], "vp_km_s is 6000.0, outside"),
    ],
)
def test_velocity_models_that_cannot_be(rows, message):
    with pytest.raises(TableError, match=message):
        conform(pd.DataFrame(rows, columns=["depth_km", "vp_km_s", "vs_km_s"]), "velocity")


def test_catalog_holds_together():
    picks = conform(pd.DataFrame([PICK]), "picks")
    events = conform(pd.DataFrame([EVENT]), "events")
    link = pd.DataFrame(
        {"event_id": events["event_id"], "pick_id": picks["pick_id"], "station": picks["station"], "phase": "P"}
    )
    catalog = Catalog(events=events, picks=picks, assignments=link)
    assert repr(catalog) == "Catalog(1 events, 1 assignments, 1 picks, 0 stations, 0 velocity)"
    assert len(catalog.replace(assignments=link.iloc[:0]).assignments) == 0
    assert len(catalog.assignments) == 1
    with pytest.raises(TableError, match="event_id 5 is in no row of events"):
        catalog.replace(assignments=link.assign(event_id=5))
    with pytest.raises(AttributeError):
        catalog.events = events


def test_arrow_types_are_those_declared():
    arrow = to_arrow(pd.DataFrame([PICK]), "picks")
    assert arrow.schema.field("time").type == pa.timestamp("us", tz="UTC")
    assert arrow.schema.field("pick_id").type == pa.int64()
    assert arrow.schema.metadata[b"table"] == b"picks"
