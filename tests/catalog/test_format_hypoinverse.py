"""HYPOINVERSE's cards: round trips to their columns, what does not fit, and HypoDD's own archive against its phase file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from format_strategies import assembled, catalogs, same
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_utils.catalog.formats import hypodd, hypoinverse
from course_utils.catalog.formats.text import Account
from course_utils.catalog.tables import TableError, conform

EVENT = {"latitude": 1 / 6000, "longitude": 1 / 6000, "depth_km": 0.01, "magnitude": 0.01, "magnitude_type": None}
EVENT |= {"rms_s": 0.01, "azimuthal_gap_deg": 1.0, "horizontal_error_km": 0.01, "depth_error_km": 0.01}
PICK = {"channel": None, "residual_s": 0.01, "weight": 0.01, "distance_km": 0.1, "azimuth_deg": 1.0}
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
mirror = os.environ.get("COURSE_DATA_MIRROR")


@given(catalogs())
@quick
def test_archives_come_back(tmp_path, catalog):
    account = Account()
    back = hypoinverse.read_arc(hypoinverse.write_arc(catalog, tmp_path / "a.arc", account))
    assert str(account) == ""
    # a time written for P and one for S on the same card may round to different sides: each is right to 0.01 s
    same(back, catalog, EVENT, PICK, 0.01)


def test_sixty_seconds_and_sixty_minutes_are_never_written(tmp_path):
    start = pd.Timestamp("1999-12-31T23:59:59.997Z").value // 1000
    catalog = assembled(
        [
            {
                "event_id": 1,
                "time": start,
                "latitude": -0.99999,
                "longitude": 179.99999,
                "depth_km": -1.5,
                "magnitude": -0.2,
            }
        ],
        [
            {
                "event_id": 1,
                "station": "A.B.",
                "channel": "HH",
                "phase": "P",
                "time": start + 60_000_000,
                "pick_error_s": 0.1,
            }
        ],
    )
    path = hypoinverse.write_arc(catalog, tmp_path / "a.arc")
    assert path.read_text().startswith("200001010000   0 1S   0180E   0 -150")
    back = hypoinverse.read_arc(path)
    assert back.events["time"].iloc[0] == pd.Timestamp("2000-01-01", tz="UTC")
    assert back.events["depth_km"].iloc[0] == -1.5 and back.events["magnitude"].iloc[0] == -0.2
    assert back.picks["time"].iloc[0] == pd.Timestamp("2000-01-01T00:01Z")


def test_what_does_not_fit_is_counted_and_names_are_noted(tmp_path):
    start = 10**15
    events = [
        {
            "event_id": 2**60,
            "time": start,
            "latitude": 1.0,
            "longitude": 2.0,
            "depth_km": 3.0,
            "magnitude": -1.5,
            "rms_s": 120.0,
        },
        {"event_id": 5, "time": start + 1, "latitude": 1.0, "longitude": 2.0, "depth_km": -120.0, "magnitude": None},
    ]
    phase = {"channel": None, "phase": "P", "pick_error_s": 0.1, "time": start + 5}
    rows = [{"event_id": 2**60, "station": name} | phase for name in ("NC.TOOLONG.", "NC.TOOLATE.", "NC.CBW.")]
    rows.append({"event_id": 2**60, "station": "NC.CBW.", "phase": "S", "time": start + 2 * 10**9, "channel": None})
    account = Account()
    back = hypoinverse.read_arc(hypoinverse.write_arc(assembled(events, rows), tmp_path / "a.arc", account))
    assert len(back.events) == 1 and back.events["event_id"].iloc[0] == 1 and back.events["magnitude"].isna().all()
    assert len(back.picks) == 3
    said = str(account)
    assert "1 events left out: depth -120 does not fit 5 columns" in said
    assert "1 picks left out: more than 999 s after the first of its station" in said
    assert "1 events: magnitude does not fit 3 columns" in said and "1 events: rms_s does not fit 4 columns" in said
    names = account.names()
    assert set(names.loc[names["kind"] == "station", "name"]) == {"NC.TOOLONG.", "NC.TOOLATE."}
    assert set(names.loc[names["kind"] == "event", "in_file"]) == {"1", "2"}


def test_a_wrong_file_is_refused_with_its_line(tmp_path):
    path = tmp_path / "a.arc"
    path.write_text("time,latitude,longitude\n")
    with pytest.raises(TableError, match=r"a\.arc, line 1: .* is no number"):
        hypoinverse.read_arc(path)


@st.composite
def networks(draw):
    names = draw(st.lists(st.sampled_from(["NC.CBW.", "IV.T1245.00", "Z7.A.10", "XX.S0001."]), min_size=1, unique=True))
    rows = [
        (
            name,
            draw(st.floats(-90, 90)),
            draw(st.floats(-180, 180)),
            draw(st.integers(-999, 9000)),
            draw(st.sampled_from(["HH", "EH,HN", None])),
        )
        for name in names
    ]
    return conform(
        pd.DataFrame(rows, columns=["station", "latitude", "longitude", "elevation_m", "channels"]), "stations"
    )


@given(networks())
@quick
def test_stations_come_back(tmp_path, stations):
    back = hypoinverse.read_stations(hypoinverse.write_stations(stations, tmp_path / "a.sta"))
    assert back["station"].tolist() == stations["station"].tolist()
    for name, step in {"latitude": 1 / 600000, "longitude": 1 / 600000, "elevation_m": 1.0}.items():
        np.testing.assert_allclose(back[name], stations[name], atol=0.5001 * step)
    assert back["channels"].fillna("").tolist() == stations["channels"].fillna("").tolist()


def test_a_station_on_the_sea_floor_is_counted(tmp_path):
    account = Account()
    stations = pd.DataFrame(
        {"station": ["7D.J01."], "latitude": [45.0], "longitude": [-125.0], "elevation_m": [-2500.0]}
    )
    assert not len(hypoinverse.read_stations(hypoinverse.write_stations(stations, tmp_path / "a.sta", account)))
    assert str(account) == "1 stations left out: elevation -2500 does not fit 4 columns"


def test_layers_come_back_and_gradients_become_steps(tmp_path):
    model = conform(
        pd.DataFrame(
            {"depth_km": [0.0, 4.0, 4.0, 30.0], "vp_km_s": [5.0, 5.0, 6.0, 7.0], "vs_km_s": [3.0, 3.0, 3.4, 4.0]}
        ),
        "velocity",
    )
    path = hypoinverse.write_crh(model, tmp_path / "model.crh")
    back = hypoinverse.read_crh(path, tmp_path / "model_S.crh")
    assert back["depth_km"].tolist() == [0.0, 4.0, 4.0, 30.0, 30.0]
    assert back["vp_km_s"].tolist() == [5.0, 5.0, 6.5, 6.5, 7.0]


@pytest.mark.real
@pytest.mark.skipif(not mirror, reason="COURSE_DATA_MIRROR is not set")
def test_hypodd_s_archive_says_what_its_phase_file_says():
    folder = Path(mirror) / "hypodd-examples/examples/example1"
    account = Account()
    archive, phases = hypoinverse.read_arc(folder / "El16.arc", account), hypodd.read_phases(folder / "El16.pha")
    both = archive.events.merge(phases.events, on="event_id")
    assert len(both) == 16 and (both["time_x"] == both["time_y"]).all()
    for name, step in {"latitude": 1e-4, "longitude": 1e-4, "depth_km": 0.01, "magnitude": 0.1, "rms_s": 0.01}.items():
        np.testing.assert_allclose(both[f"{name}_x"], both[f"{name}_y"], atol=0.501 * step)
    assert account.rows["picks", "neither P nor S on the card"] == 8
    rows = [c.assignments.merge(c.picks[["pick_id", "time"]], on="pick_id") for c in (archive, phases)]
    rows = [table.assign(station=table["station"].str.replace(".", "")) for table in rows]
    found = rows[1].merge(rows[0], on=["event_id", "station", "phase", "time"], how="left", indicator=True)
    assert len(rows[1]) == 563 and (found["_merge"] == "both").all()


@pytest.mark.real
@pytest.mark.skipif(not mirror, reason="COURSE_DATA_MIRROR is not set")
def test_real_stations_and_models():
    stations = hypoinverse.read_stations(Path(mirror) / "loc-flow-italy/location/hypoinverse/station.dat")
    other = pd.read_csv(
        Path(mirror) / "loc-flow-italy/GrowClust/IN/stlist.txt", sep=" ", header=None, usecols=[0, 1, 2], index_col=0
    )
    code = stations["station"].str.split(".").str[1]
    np.testing.assert_allclose(stations["latitude"], other.loc[code, 1], atol=2e-6)
    np.testing.assert_allclose(stations["longitude"], other.loc[code, 2], atol=2e-6)
    folder = Path(mirror) / "real-demo/demo_real/hypoinverse"
    velocity = hypoinverse.read_crh(folder / "vel_model_P.crh", folder / "vel_model_S.crh")
    assert velocity["vp_km_s"].tolist() == [5.3, 5.3, 5.65, 5.65, 6.2, 6.2, 6.21, 6.21, 7.5]


@pytest.mark.real
@pytest.mark.skipif(not mirror, reason="COURSE_DATA_MIRROR is not set")
def test_a_real_summary_says_what_hypodd_was_given():
    events = hypoinverse.read_sum(Path(mirror) / "loc-flow-italy/location/hypoinverse/catOut.sum").events
    given = hypodd.read_events(Path(mirror) / "loc-flow-italy/hypoDD_dtct/event.dat")
    both = pd.merge_asof(
        given, events, on="time", direction="nearest", tolerance=pd.Timedelta("1s"), suffixes=("", "_sum")
    )
    assert len(events) == 60 and both["latitude_sum"].notna().sum() >= 59
    for name, step in {
        "latitude": 3e-4,
        "longitude": 3e-4,
        "depth_km": 0.011,
        "horizontal_error_km": 0.051,
        "depth_error_km": 0.051,
    }.items():
        assert ((both[name] - both[f"{name}_sum"]).abs() <= step).mean() > 0.95, name
    assert events["magnitude"].iloc[0] == 0.93 and events["magnitude_type"].value_counts().to_dict() == {"ML": 57}
    assert events["azimuthal_gap_deg"].iloc[0] == 27 and events["rms_s"].iloc[0] == 0.13


def test_the_external_magnitude_counts_where_none_is_preferred(tmp_path):
    catalog = assembled(
        [{"event_id": 1, "time": 10**15, "latitude": 1.0, "longitude": 2.0, "depth_km": 3.0, "magnitude": None}], []
    )
    path = hypoinverse.write_arc(catalog, tmp_path / "a.arc")
    line = path.read_text().splitlines()[0].ljust(164)
    path.write_text(line[:122] + "L132" + line[126:] + "\n")  # columns 123 to 126
    assert hypoinverse.read_arc(path).events["magnitude"].tolist() == [1.32]
    path.write_text(line[:36] + "  0" + line[39:70] + "155" + line[73:] + "\n")
    events = hypoinverse.read_arc(path).events
    assert events["magnitude"].tolist() == [1.55] and events["magnitude_type"].tolist() == ["MD"]


def test_a_summary_is_an_archive_without_stations(tmp_path):
    events = [
        {"event_id": n, "time": n * 10**15, "latitude": n, "longitude": -n, "depth_km": 3.0, "magnitude": None}
        for n in (1, 2)
    ]
    path = hypoinverse.write_arc(assembled(events, []), tmp_path / "a.arc")
    cards = [line for line in path.read_text().splitlines() if line[:62].strip()]
    path.write_text("\n".join(cards))
    back = hypoinverse.read_arc(path).events
    assert back["event_id"].tolist() == [1, 2] and back["latitude"].tolist() == [1.0, 2.0]
