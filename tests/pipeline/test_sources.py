"""Stations meet records whatever the location codes, and windows cover the records without overlap."""

import itertools
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils.catalog.tables import conform
from course_utils.pipeline import sources
from course_utils.pipeline.config import ConfigError
from course_utils.pipeline.network import leave_out_strays, reconcile
from course_utils.pipeline.sources import day_windows, open_catalog, world

START = pd.Timestamp("2024-01-01T22:00", tz="UTC")


def stations(*names):
    return conform(
        pd.DataFrame({"station": names, "latitude": np.arange(len(names)) * 1.0, "longitude": 0.0, "elevation_m": 0.0}),
        "stations",
    )


def test_open_location_codes_take_those_of_the_records():
    table, unused = reconcile(
        stations("X.A.", "X.B.00", "X.C.", "X.D."), ["X.A.00", "X.A.10", "X.B.00", "X.C.", "Y.A.00"]
    )
    assert table["station"].tolist() == ["X.A.00", "X.A.10", "X.B.00", "X.C."]
    assert table["latitude"].tolist() == [0.0, 0.0, 1.0, 2.0]
    assert {u["what"] for u in unused} == {"Y.A.00", "X.D."}


@given(st.sets(st.sampled_from(["X.A.", "X.A.00", "X.A.10", "X.B.", "X.B.00", "Y.A."]), min_size=1), st.data())
def test_reconciled_stations_are_those_with_records(recorded, data):
    names = data.draw(st.sets(st.sampled_from(["X.A.", "X.A.00", "X.B.", "X.C.", "Y.A.00"]), min_size=1))
    table, unused = reconcile(stations(*sorted(names)), sorted(recorded))
    assert table["station"].is_unique
    left_out = {u["what"] for u in unused}
    for name in recorded:  # every record has a row or is named as left out
        assert (name in set(table["station"])) != (name in left_out)


@given(
    st.lists(st.tuples(st.integers(0, 4 * 86400), st.integers(1, 2 * 86400)), min_size=1, max_size=5),
    st.booleans(),
)
def test_windows_hold_every_record_once(pieces, cut):
    spans = [(START + pd.Timedelta(seconds=a), START + pd.Timedelta(seconds=a + n), "f") for a, n in pieces]
    start, end = (pd.Timestamp(f"2024-01-{d}:00:00Z") if cut else None for d in ("02T06", "04T07"))
    windows = day_windows("X.A.", spans, start, end)
    for one, two in itertools.pairwise(windows):
        assert one.end <= two.start
    for a, b, _ in spans:
        low = max(a, start) if cut else a
        high = min(b, end) if cut else b
        covered = sum((max(pd.Timedelta(0), min(high, w.end) - max(low, w.start)) for w in windows), pd.Timedelta(0))
        assert covered == max(pd.Timedelta(0), high - low)
    assert all(w.end - w.start <= pd.Timedelta(days=1) for w in windows)
    assert len({w.name for w in windows}) == len(windows)


def test_worlds_by_name_and_seed():
    assert world("tiny:3").seed == 3
    with pytest.raises(ConfigError, match="with a seed as in"):
        world("tiny:x")


def test_only_what_can_be_seen_is_expected_of_a_synthetic_truth():
    catalog, expected = open_catalog("synthetic:tiny")
    assert expected < set(catalog.events["event_id"])


def test_a_station_on_the_other_side_of_the_globe_is_left_out_and_named():
    near = pd.DataFrame(
        {
            "station": [f"XX.S{i}." for i in range(5)],
            "latitude": [40.0, 40.1, 40.2, 40.3, 43.5],
            "longitude": [-124.0, -124.2, -123.9, 124.0, -124.0],
            "elevation_m": 0.0,
        }
    )
    kept, left_out = leave_out_strays(near)
    assert list(kept["station"]) == ["XX.S0.", "XX.S1.", "XX.S2.", "XX.S4."]  # 380 km is far, but no mistake
    assert [row["what"] for row in left_out] == ["XX.S3."] and "longitude" in left_out[0]["reason"]


@pytest.mark.real
def test_records_of_a_data_set_that_has_no_stations_can_be_picked():
    if not (Path(os.environ.get("COURSE_DATA_MIRROR", "/")) / "elep-mount-st-helens").is_dir():
        pytest.skip("COURSE_DATA_MIRROR holds no elep-mount-st-helens")
    records = sources.open_records("data:elep-mount-st-helens", stations=("B204",))
    assert [w.station for w in records.windows()] == ["PB.B204."]
    with pytest.raises(ConfigError, match=r"no station fits NOPE; there is PB.B204., UW.SHW."):
        sources.open_records("data:elep-mount-st-helens", stations=("NOPE",))
    with pytest.raises(ConfigError, match=r"real-demo.*no waveforms, but stations"):
        sources.open_records("data:real-demo")
