"""Readers of published sets, against what is known about those sets."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from course_utils import data
from course_utils.catalog.tables import TableError, conform
from course_utils.data import readers
from course_utils.data.readers.comcat import read_comcat_csv
from course_utils.data.readers.real_demo import _read_picks

real = [
    pytest.mark.real,
    pytest.mark.skipif(not os.environ.get("COURSE_DATA_MIRROR"), reason="COURSE_DATA_MIRROR is not set"),
]


def marked(function):
    for mark in real:
        function = mark(function)
    return function


@pytest.fixture(scope="module")
def iceland():
    return data.open("qm-volcanotectonic")


@marked
def test_iceland_tables(iceland):
    assert iceland.parts == ("stations", "velocity", "waveforms", "events", "picks", "assignments", "modelled")
    assert len(iceland.stations) == 12 and iceland.stations["station"].str.fullmatch(r"Z7\.[A-Z]{4}\.").all()
    assert iceland.stations["elevation_m"].between(600, 1400).all()
    assert iceland.velocity["depth_km"].iloc[0] == -3.0 and len(iceland.velocity) == 19
    events = iceland.events
    assert len(events) == 20 and events["time"].is_monotonic_increasing
    assert events["latitude"].between(64.740, 64.803).all() and events["longitude"].between(-16.954, -16.899).all()
    assert events["depth_km"].between(1.4, 7.0).all() and events["magnitude"].between(0.54, 1.69).all()
    assert events["time"].iloc[-1].floor("s") == pd.Timestamp("2014-08-24T00:06:34Z")
    assert (events["horizontal_error_km"] > 0.3).all()


@marked
def test_iceland_waveforms_are_merged(iceland):
    stream = iceland.waveforms
    assert len({tr.id for tr in stream}) == 36 and len(stream) == 72
    assert {tr.stats.sampling_rate for tr in stream} == {100.0}
    assert not any(np.ma.isMaskedArray(tr.data) for tr in stream)
    spans = {(str(tr.stats.starttime)[11:22], str(tr.stats.endtime)[11:22]) for tr in stream}
    assert spans == {("00:01:00.14", "00:02:17.51"), ("00:02:24.42", "00:06:57.83")}
    assert set(iceland.stations["station"]) == {
        f"{tr.stats.network}.{tr.stats.station}.{tr.stats.location}" for tr in stream
    }


@marked
def test_iceland_picks(iceland):
    picks, assignments, modelled = iceland["picks", "assignments", "modelled"]
    assert len(modelled) == 20 * 12 * 2 and 0 < len(picks) < len(modelled)
    assert picks["time"].between("2014-08-24T00:01Z", "2014-08-24T00:07Z").all(), "a -1 was read as a time"
    joined = assignments.merge(picks[["pick_id", "time"]]).merge(
        modelled, on=["event_id", "station", "phase"], suffixes=("", "_model")
    )
    assert len(joined) == len(assignments)
    residual = (joined["time"] - joined["time_model"]).dt.total_seconds()
    np.testing.assert_allclose(residual, joined["residual_s"], atol=2e-6)
    assert joined["residual_s"].abs().median() < 0.1
    assert (
        repr(iceland.catalog)
        == f"Catalog(20 events, {len(picks)} assignments, {len(picks)} picks, 12 stations, 19 velocity)"
    )


@marked
def test_iceland_velocity_is_read_as_quakemigrate_read_it(iceland):
    """Our times through the nodes agree with its modelled arrivals to its grid; taken as layers they are a second off."""
    from course_utils.earth import distance_azimuth
    from course_utils.earth.traveltime import TravelTimes

    stations = iceland.stations.set_index("station")
    origin = iceland.events[["event_id", "time", "latitude", "longitude", "depth_km"]].rename(
        columns={"time": "origin"}
    )
    arrivals = iceland.modelled.merge(origin, on="event_id")
    times = TravelTimes.build(iceland.stations, iceland.velocity, max_distance_km=45, max_depth_km=10)
    for phase, rows in arrivals.groupby("phase"):
        at = stations.loc[rows["station"]]
        distance, _ = distance_azimuth(
            *(x.to_numpy() for x in (rows["latitude"], rows["longitude"], at["latitude"], at["longitude"]))
        )
        index = iceland.stations.set_index("station").index.get_indexer(rows["station"])
        ours = times.times(phase, index, distance, rows["depth_km"].to_numpy())
        residual = (rows["time"] - rows["origin"]).dt.total_seconds().to_numpy() - ours
        assert abs(np.median(residual)) < 0.03 and np.abs(residual).max() < 0.15


@marked
def test_parts_by_name(iceland):
    stations, stream = iceland
    events, picks = iceland["events", "picks"]
    assert (len(events), len(picks)) == (20, len(iceland.picks))
    assert len(stations) == 12 and len(stream) == 72
    assert "12 stations" in repr(iceland) and "Winder" in iceland.citation and "Z7" in iceland.terms
    with pytest.raises(AttributeError, match="has no records; it has stations"):
        _ = iceland.records
    with pytest.raises(TypeError, match="by name"):
        _a, _b = data.open("comcat-reviewed")


@marked
def test_ncedc_records():
    ncedc = data.open("phasenet-ncedc")
    waveforms, records = ncedc["waveforms", "records"]
    assert waveforms.shape == (101, 3, 9001) and waveforms.dtype == np.float32 and np.isfinite(waveforms).all()
    assert len(records) == 101 and records["event"].is_unique and (records["p_sample"] == 3000).all()
    vertical = (records["components"] == "Z").to_numpy()
    assert vertical.sum() == 27
    assert not waveforms[vertical, 1:].any() and waveforms[~vertical].any(axis=2).all()
    assert records["station"].str.split(".").str[0].nunique() == 9
    s_minus_p = (records["s_sample"] - records["p_sample"]) / records["sampling_rate_hz"]
    assert s_minus_p.min() == 0.36 and s_minus_p.max() < 12.86
    z = waveforms[:, 0]
    snr_db = 20 * np.log10(z[:, 3000:3300].std(axis=1) / z[:, 2600:2950].std(axis=1))
    assert np.median(snr_db) == pytest.approx(23, abs=1.5), "is component 0 the vertical?"
    with np.load(ncedc.folder / "dataset/waveform_train" / f"{records['record'][0]}.npz") as npz:
        np.testing.assert_array_equal(waveforms[0, 0], npz["data"][:, 2].astype(np.float32))
        np.testing.assert_array_equal(waveforms[0, 1], npz["data"][:, 1].astype(np.float32))


@marked
def test_pyocto_truth():
    pyocto = data.open("pyocto-picks")
    picks, truth, assignments = pyocto["picks", "truth", "assignments"]
    assert (len(picks), len(truth), len(pyocto.stations), len(pyocto.velocity)) == (1218, 50, 20, 12)
    assert pyocto.stations["station"].iloc[0] == "CX.PB01." and set(picks["station"]) <= set(pyocto.stations["station"])
    assert len(assignments) == (picks["truth_event"] >= 0).sum() == truth["n_p"].sum() + truth["n_s"].sum()
    counts = assignments["event_id"].value_counts()
    assert (counts.min(), counts.max()) == (11, 33) and truth["event_id"].is_unique
    assert truth["first_arrival"].diff().min().total_seconds() == pytest.approx(6.9, abs=0.05)
    assert picks["time"].min().floor("min") == pd.Timestamp("1970-01-01T01:05Z")
    assert picks["time"].max().floor("min") == pd.Timestamp("1970-01-02T00:36Z")
    again = data.open("pyocto-picks")
    pd.testing.assert_frame_equal(again.assignments, assignments)
    assert "events" not in pyocto


@marked
def test_mount_st_helens():
    elep = data.open("elep-mount-st-helens")
    stream, picks = elep["waveforms", "picks"]
    assert [tr.id for tr in stream] == [
        "PB.B204..EH1",
        "PB.B204..EH2",
        "PB.B204..EHZ",
        "UW.SHW..HHE",
        "UW.SHW..HHN",
        "UW.SHW..HHZ",
    ]
    assert {tr.stats.npts for tr in stream} == {1_440_000}
    inside = picks[picks["within_waveforms"]]
    assert len(picks) == 16 and set(picks["station"]) == {"PB.B204."}
    assert list(zip(inside["time"].dt.strftime("%H:%M:%S.%f").str[:11], inside["phase"], strict=True)) == [
        ("02:15:00.09", "P"), ("02:15:01.21", "S"), ("02:31:29.32", "P"), ("02:31:34.43", "S"),
    ]  # fmt: skip
    assert picks["pick_error_s"].between(0.03, 0.15).all()


@marked
def test_comcat():
    events = data.open("comcat-reviewed").events
    assert events.groupby("sequence").size().to_dict() == {"ridgecrest": 8818, "san_simeon": 1692}
    ridgecrest = events[events["sequence"] == "ridgecrest"]
    assert (ridgecrest["event_type"] == "quarry blast").sum() == 7
    assert (ridgecrest["magnitude"].min(), ridgecrest["magnitude"].max()) == (0.0, 7.1)
    assert events["time"].is_monotonic_increasing and events["comcat_id"].is_unique
    main = events.loc[events["magnitude"].idxmax()]
    assert main["comcat_id"] == "ci38457511" and main["time"].floor("s") == pd.Timestamp("2019-07-06T03:19:53Z")


def test_comcat_csv_of_ones_own(tmp_path):
    text = (
        "time,latitude,longitude,depth,mag,magType,id,type\n2024-01-02T00:00:00.120Z,40,-124,5,2.5,ml,nc2,earthquake\n"
    )
    text += "2024-01-01T00:00:00.000Z,40.5,-124.5,-0.4,,,nc1,earthquake\n"
    (tmp_path / "query.csv").write_text(text)
    events = read_comcat_csv(tmp_path / "query.csv")
    assert list(events["comcat_id"]) == ["nc1", "nc2"] and np.isnan(events["magnitude"][0])
    conform(events, "events")
    (tmp_path / "other.csv").write_text("time,lat\n1,2\n")
    with pytest.raises(TableError, match="ComCat"):
        read_comcat_csv(tmp_path / "other.csv")


@marked
def test_italian_day_of_picks():
    italy = data.open("real-demo")
    assert italy.parts == ("stations", "velocity", "picks")
    stations, velocity, picks = italy["stations", "velocity", "picks"]
    assert len(stations) == 60 and stations["elevation_m"].between(0, 2000).all()
    assert stations["latitude"].between(42, 44).all() and stations["longitude"].between(12, 14).all()
    assert len(picks) == 115440 and (picks["phase"] == "P").sum() == 54994
    assert (picks["probability"] >= 0.5).sum() == 88898 and (picks["probability"] >= 0.7).sum() == 63751
    assert len(set(stations["station"]) - set(picks["station"])) == 4
    assert picks["time"].is_monotonic_increasing
    assert picks["time"].between("2016-10-14T00:00Z", "2016-10-15T00:00Z").all()
    first = picks[picks["station"] == "IV.ARRO."]
    assert first["time"].iloc[0] == pd.Timestamp("2016-10-14T00:00:16.700Z") and first["phase"].iloc[0] == "P"
    assert velocity["depth_km"].tolist() == [0, 1, 5, 9, 13, 21, 31] and velocity["vp_km_s"].iloc[-1] == 7.5


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2016_10_14_00000.00_IV_AAAA_mseed\t2016-10-14\t[10, 20]\t[0.5]\t[]\t[]", "2 P and 1 probabilities"),
        ("2016_10_14_00000.00_IV_BBBB_mseed\t2016-10-14\t[]\t[]\t[]\t[]", "IV.BBBB is not in the station file"),
    ],
)
def test_italian_picks_that_do_not_fit_are_refused(tmp_path, row, message):
    path = tmp_path / "picks.csv"
    path.write_text("fname\tt0\tp_idx\tp_prob\ts_idx\ts_prob\n" + row + "\n")
    with pytest.raises(data.WrongContent, match=message):
        _read_picks(path, {"AAAA": "IV.AAAA."})


def test_every_reader_has_its_set():
    names = {entry.name for entry in data.manifest().datasets}
    assert set(data.openable()) <= names
    modules = {path.stem for path in Path(readers.__file__).parent.glob("*.py")} - {"__init__", "opened"}
    assert modules == set(readers._READERS.values()), "a reader that data.open does not know, or a name without reader"
