"""NonLinLoc's files: what is taken from good lines, what is said about bad ones, and what ObsPy reads of ours."""

from __future__ import annotations

import numpy as np
import obspy
import pandas as pd
import pytest
from format_strategies import assembled, catalogs, same
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_utils.catalog.formats import nonlinloc
from course_utils.catalog.formats.text import Account
from course_utils.catalog.tables import Catalog, TableError, conform
from course_utils.earth.velocity import sample

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
    found = nonlinloc.read_obs(path)
    assert found.assignments["event_id"].tolist() == [1, 2] and not len(found.events)
    table = found.picks
    assert table["station"].tolist() == ["AK.RC01."] * 2 and table["channel"].tolist() == ["BH"] * 2
    assert table["time"].iloc[0] == pd.Timestamp("2018-11-30T17:29:37.04Z")
    assert table["time"].iloc[1] == pd.Timestamp("2018-11-30T17:30:01.5Z")
    assert (table["pick_error_s"] == 0.02).all()


@pytest.mark.parametrize(
    ("reader", "text", "said"),
    [
        (nonlinloc.read_layers, "CONTROL 1 2\n", "no LAYER line"),
        (nonlinloc.read_layers, "LAYER 0 5.0 0\n", "line 1: LAYER 0 5.0 0; LAYER needs"),
        (nonlinloc.read_stations, "\nGTSRCE A_B_-- XYZ 1 2 0 0\n", "line 2: .*only GTSRCE label LATLON"),
        (nonlinloc.read_obs, PHASE.format(seconds="37,04"), "line 1: could not convert"),
        (nonlinloc.read_obs, PHASE.format(seconds=1.0).replace("1729", "1790"), "no date and minute"),
        (nonlinloc.read_obs, "some text\n", "not a phase line of NLLOC_OBS"),
        (nonlinloc.read_hyp, "HYPOCENTER x 1\n", "no GEOGRAPHIC, QUALITY, STATISTICS line"),
    ],
)
def test_bad_files_are_refused_with_name_and_line(tmp_path, reader, text, said):
    path = tmp_path / "file.txt"
    path.write_text(text)
    with pytest.raises(TableError, match=said):
        reader(path)


@pytest.mark.parametrize(
    ("label", "name"),
    [("AK_RC01_--", "AK.RC01."), ("NP_8040_D0", "NP.8040.D0"), ("NP040_D0", "NP040.D0."), ("NP0521", ".NP0521.")],
)
def test_station_names(label, name):
    assert nonlinloc.station_name(label) == name


@given(catalogs(ids=st.integers(1, 2**62)))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_hypocenters_come_back_and_obspy_reads_them(tmp_path, catalog):
    account = Account()
    path = nonlinloc.write_hyp(catalog, tmp_path / "a.hyp", account)
    back = nonlinloc.read_hyp(path)
    events = {"latitude": 1e-6, "longitude": 1e-6, "depth_km": 1e-6, "magnitude": 1e-3, "magnitude_type": None}
    errors = {"horizontal_error_km": 1e-6, "depth_error_km": 1e-6}
    picks = {"residual_s": 1e-4, "weight": 1e-4, "distance_km": 1e-4, "azimuth_deg": 1e-2, "channel": None}
    same(back, catalog, events | errors, picks, 1e-4)
    if len(catalog.events):
        theirs = obspy.read_events(str(path), format="NLLOC_HYP")
        ours = catalog.events.sort_values(["time", "event_id"])
        for event, row in zip(theirs, ours.itertuples(), strict=True):
            origin = event.origins[0]
            assert abs(origin.time.ns / 1e9 - row.time.timestamp()) < 1e-4
            assert origin.latitude == pytest.approx(row.latitude, abs=1e-6)
            assert origin.longitude == pytest.approx(row.longitude, abs=1e-6)
            assert origin.depth == pytest.approx(1e3 * row.depth_km, abs=1e-3)
            assert len(origin.arrivals) == (catalog.assignments["event_id"] == row.event_id).sum()


@given(catalogs(ids=st.integers(1, 2**62)))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_phases_come_back(tmp_path, catalog):
    back = nonlinloc.read_obs(nonlinloc.write_obs(catalog, tmp_path / "a.obs"))
    assert not len(back.events)
    same(back.replace(events=catalog.events), catalog, {}, {"channel": None}, 1e-4)


def test_phases_that_obspy_writes_are_read(tmp_path):
    catalog = assembled(
        [
            {
                "event_id": 7,
                "time": 1_600_000_000_000_000,
                "latitude": 1.0,
                "longitude": 2.0,
                "depth_km": 3.0,
                "magnitude": None,
            }
        ],
        [
            {
                "event_id": 7,
                "station": ".BOO.",
                "channel": "HH",
                "phase": p,
                "time": 1_600_000_000_000_000 + 7_654_321,
                "pick_error_s": 0.02,
            }
            for p in "PS"
        ],
    )
    path = nonlinloc.write_hyp(catalog, tmp_path / "a.hyp")
    obspy.read_events(str(path), format="NLLOC_HYP").write(str(tmp_path / "theirs.obs"), format="NLLOC_OBS")
    back = nonlinloc.read_obs(tmp_path / "theirs.obs")
    assert back.picks["station"].tolist() == [".BOO.", ".BOO."] and set(back.picks["phase"]) == {"P", "S"}
    assert ((back.picks["time"] - catalog.picks["time"]).abs() < pd.Timedelta("100us")).all()
    assert (back.picks["pick_error_s"] == 0.02).all()


def test_what_phases_cannot_hold_is_counted(tmp_path):
    picks = pd.DataFrame(
        {"station": ["A.B.", "A.C."], "phase": ["P", "S"], "time": pd.to_datetime([1, 2], unit="D", utc=True)}
    )
    catalog = Catalog(picks=picks)
    account = Account()
    back = nonlinloc.read_obs(nonlinloc.write_obs(catalog, tmp_path / "a.obs", account))
    assert len(back.picks) == 2 and str(account) == "2 picks: error unknown, written as 0.1 s"


def test_models_and_stations_come_back(tmp_path):
    model = conform(
        pd.DataFrame(
            {"depth_km": [-2.0, 4.0, 4.0, 30.0], "vp_km_s": [4.0, 5.5, 6.0, 7.0], "vs_km_s": [2.0, 3.0, 3.4, 4.0]}
        ),
        "velocity",
    )
    back = nonlinloc.read_layers(nonlinloc.write_layers(model, tmp_path / "model.in"))
    both = [sample(table, np.linspace(-2, 40, 200)) for table in (model, back)]
    np.testing.assert_allclose(both[0], both[1], atol=1e-4)
    stations = conform(
        pd.DataFrame(
            {
                "station": ["A.B.", ".X."],
                "latitude": [-33.1234567, 80.0],
                "longitude": [181.0, -70.0],
                "elevation_m": [-2500.0, 12.5],
            }
        ),
        "stations",
    )
    back = nonlinloc.read_stations(nonlinloc.write_stations(stations, tmp_path / "stations.in"))
    assert back["station"].tolist() == ["A.B.", ".X."] and back["longitude"].tolist() == [-179.0, -70.0]
    assert back["elevation_m"].tolist() == [-2500.0, 12.5] and back["latitude"].iloc[0] == -33.123457
