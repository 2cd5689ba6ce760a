"""GrowClust's lists and results, HypoDD's phase files, and NonLinLoc's grids."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import obspy
import pandas as pd
import pytest
from format_strategies import catalogs, same
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_utils.catalog.formats import growclust, hypodd
from course_utils.catalog.formats.grids import Grid, read_grid, write_grid
from course_utils.catalog.formats.text import Account
from course_utils.catalog.tables import Catalog, TableError, conform

quick = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
mirror = os.environ.get("COURSE_DATA_MIRROR")
needs_mirror = pytest.mark.skipif(not mirror, reason="COURSE_DATA_MIRROR is not set")


def known_as_zero(catalog: Catalog) -> Catalog:
    """What is 0 where it was unknown or so small that it reads as 0, in the formats that have no other word for it."""
    events = catalog.events.assign(magnitude=catalog.events["magnitude"].fillna(0.0))
    for name, least in {"rms_s": 1e-3, "horizontal_error_km": 1e-3, "depth_error_km": 1e-3}.items():
        events[name] = events[name].where(events[name] > least)
    return catalog.replace(events=events)


@given(catalogs())
@quick
def test_event_lists_come_back(tmp_path, catalog):
    catalog = known_as_zero(catalog)
    back = growclust.read_events(growclust.write_events(catalog.events, tmp_path / "evlist.txt"))
    steps = {"latitude": 1e-5, "longitude": 1e-5, "depth_km": 1e-3, "magnitude": 1e-2, "horizontal_error_km": 1e-3}
    same(Catalog(back), catalog, steps | {"depth_error_km": 1e-3, "rms_s": 1e-3}, None, 1e-3)


@given(catalogs())
@quick
def test_phase_files_come_back_and_obspy_reads_them(tmp_path, catalog):
    catalog = known_as_zero(catalog)
    account = Account()
    path = hypodd.write_phases(catalog, tmp_path / "a.pha", account)
    back = hypodd.read_phases(path)
    names = account.names().set_index("in_file")["name"].to_dict()
    stations = back.assignments["station"].map(lambda name: names.get(name, name))
    back = back.replace(assignments=back.assignments.assign(station=stations))
    steps = {"latitude": 1e-6, "longitude": 1e-6, "depth_km": 1e-4, "magnitude": 1e-2, "horizontal_error_km": 1e-3}
    same(back, catalog, steps | {"rms_s": 1e-4}, {"weight": 1e-4}, 1e-3)
    if len(catalog.events):
        theirs = obspy.read_events(str(path), format="HYPODDPHA")
        for event, row in zip(theirs, catalog.events.sort_values(["time", "event_id"]).itertuples(), strict=True):
            assert abs(event.origins[0].time.ns / 1e9 - row.time.timestamp()) < 6e-4
            assert event.origins[0].latitude == pytest.approx(row.latitude, abs=1e-6)
            picks = catalog.assignments[catalog.assignments["event_id"] == row.event_id].merge(
                catalog.picks[["pick_id", "time"]]
            )
            times = sorted(pick.time.ns / 1e9 for pick in event.picks)
            np.testing.assert_allclose(times, sorted(t.timestamp() for t in picks["time"]), atol=1e-4, rtol=0)


def test_labels_of_hypodd_are_replaced_when_too_long_or_shared(tmp_path):
    stations = pd.DataFrame(
        {"station": ["NC.CBW.", "N.CCBW.", "IV.T1245.00"], "latitude": 1.0, "longitude": 2.0, "elevation_m": 3.0}
    )
    account = Account()
    back = hypodd.read_stations(hypodd.write_stations(stations, tmp_path / "station.dat", account))
    assert back["station"].is_unique and len(back) == 3
    assert set(account.names()["name"]) == {"NC.CBW.", "N.CCBW.", "IV.T1245.00"}


def test_station_lists_and_models_come_back(tmp_path):
    stations = conform(
        pd.DataFrame(
            {
                "station": [".PAH.", ".SRV2."],
                "latitude": [39.7106, -39.6],
                "longitude": [-119.3854, 190.0],
                "elevation_m": [1520.0, -20.5],
            }
        ),
        "stations",
    )
    back = growclust.read_stations(growclust.write_stations(stations, tmp_path / "stlist.txt"))
    pd.testing.assert_frame_equal(back, stations.assign(longitude=[-119.3854, -170.0]))
    model = pd.DataFrame({"depth_km": [-2.0, 1.0, 1.0], "vp_km_s": [3.0, 3.0, 4.5], "vs_km_s": [1.7, 1.7, 2.6]})
    path = growclust.write_velocity(model, tmp_path / "vzmodel.txt")
    np.testing.assert_allclose(np.loadtxt(path), model)


@st.composite
def grids(draw):
    shape = draw(st.tuples(st.sampled_from([1, 3]), st.integers(1, 4), st.integers(1, 5)))
    seed = draw(st.integers(0, 9))
    values = np.random.default_rng(seed).normal(size=shape).astype("f4")
    place = st.tuples(*[st.integers(-90000, 90000).map(lambda n: n / 1000)] * 3)
    kind = draw(st.sampled_from(["TIME", "TIME2D", "SLOW_LEN", "VELOCITY"]))
    source = draw(place) if kind.startswith("TIME") else None
    transform = draw(st.sampled_from(["NONE", "SIMPLE LatOrig 46.000000 LongOrig 13.000000 RotCW 0.000000"]))
    return Grid(values, draw(place), (0.5, 0.5, 0.25), kind, "AK_RC01_--" if source else "", source, transform)


@given(grids())
@quick
def test_grids_come_back(tmp_path, grid):
    path = write_grid(grid, tmp_path / "layer.P.STA.time")
    assert path.name == "layer.P.STA.time.hdr"
    back = read_grid(path.with_suffix(".buf"))
    np.testing.assert_array_equal(back.values, grid.values)
    assert (back.origin_km, back.spacing_km, back.kind) == (grid.origin_km, grid.spacing_km, grid.kind)
    assert (back.label, back.source_km, back.transform) == (grid.label, grid.source_km, grid.transform)
    assert back.axis_km(2)[0] == grid.origin_km[2] and len(back.axis_km(2)) == grid.values.shape[2]


def test_bad_grids_are_refused(tmp_path):
    path = write_grid(Grid(np.zeros((2, 3, 4)), (0, 0, 0), (1, 1, 1), "VELOCITY"), tmp_path / "model.hdr")
    (tmp_path / "model.buf").write_bytes(b"\0" * 92)
    with pytest.raises(TableError, match=r"model\.buf: 92 bytes, model\.hdr says 96"):
        read_grid(path)
    (tmp_path / "model.buf").unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.buf"):
        read_grid(path)
    path.write_text("2 3 4 0 0 0 1 1 1 TIME FLOAT\n")
    with pytest.raises(TableError, match="line 2: no station"):
        read_grid(path)
    with pytest.raises(ValueError, match="source_km belongs to"):
        write_grid(Grid(np.zeros((1, 1, 1)), (0, 0, 0), (1, 1, 1), "TIME"), path)


@pytest.mark.real
@needs_mirror
def test_spanish_springs():
    folder = Path(mirror) / "growclust3d-spanish-springs/examples/data"
    events = growclust.read_events(folder / "in/evlist.txt").set_index("event_id")
    moved = growclust.read_relocated(folder / "out/out.trace1D.cat").set_index("event_id")
    still = moved[moved["n_pairs"] == 0]
    assert len(events) == len(moved) and len(still) > 100
    np.testing.assert_allclose(still["latitude"], events.loc[still.index, "latitude"], atol=1e-5)
    np.testing.assert_allclose(moved["depth_start_km"], events.loc[moved.index, "depth_km"], atol=1e-3)
    first = moved.loc[956586]
    assert (first["n_cluster"], first["n_pairs"], first["n_cc_p"]) == (720, 3, 15) and first["rms_s"] == pytest.approx(
        0.01
    )
    flat, high = (growclust.read_stations(folder / f"in/stlist{n}.txt") for n in (1, 2))
    assert flat["station"].tolist() == high["station"].tolist() and (flat["elevation_m"] == 0).all()
    assert high["elevation_m"].iloc[0] == 1520.0


def test_correlation_times_carry_the_names_of_the_lists(tmp_path):
    events = pd.DataFrame(
        {
            "event_id": [2**50, 2**51],
            "time": pd.to_datetime([0, 1], unit="s", utc=True),
            "latitude": 1.0,
            "longitude": 2.0,
            "depth_km": 3.0,
        }
    )
    stations = pd.DataFrame(
        {"station": ["NC.CBW.", "NC.TOOLONG."], "latitude": 1.0, "longitude": 2.0, "elevation_m": 0.0}
    )
    catalog = Catalog(events, stations=stations)
    link = {"event_id_1": 2**50, "event_id_2": 2**51, "phase": "P", "dt_s": 0.012345, "weight": 0.81, "kind": "cc"}
    links = pd.DataFrame([link | {"station": name} for name in ("NC.TOOLONG.", "NC.CBW.", "XX.ELSE.")])
    accounts = [Account() for _ in range(3)]
    path = growclust.write_differences(links, catalog, tmp_path / "xcordata.txt", accounts[0])
    listed = growclust.read_events(growclust.write_events(events, tmp_path / "evlist.txt", accounts[1]))
    known = growclust.read_stations(growclust.write_stations(stations, tmp_path / "stlist.txt", accounts[2]))
    back = hypodd.read_differences(path, "cc")
    assert {*back["event_id_1"], *back["event_id_2"]} == set(listed["event_id"]) == {1, 2}
    assert set(back["station"]) == set(known["station"]) and back["dt_s"].tolist() == [0.012345] * 2
    assert str(accounts[0]) == "1 links left out: between events or at stations that are not in the catalog"
