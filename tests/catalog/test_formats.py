"""QuakeML and CSV keep what they can hold, and other people's files are read."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_utils.catalog import formats
from course_utils.catalog.formats import comcat
from course_utils.catalog.tables import Catalog, TableError, conform, empty

START = pd.Timestamp("2014-08-24", tz="UTC")


def value(low, high):
    return st.floats(low, high, allow_subnormal=False) | st.just(float("nan"))


@st.composite
def catalogs(draw):
    n_picks, n_events = draw(st.integers(0, 5)), draw(st.integers(0, 3))
    picks = pd.DataFrame(
        [
            {
                "station": draw(st.sampled_from(["Z7.DYNG.", "NC.ABC.00"])),
                "channel": draw(st.sampled_from(["HH", None])),
                "phase": draw(st.sampled_from("PS")),
                "time": START + pd.Timedelta(microseconds=draw(st.integers(0, 10**10)) + i),
                "probability": draw(value(0, 1)),
                "amplitude": draw(value(0, 1e6)),
                "model": draw(st.sampled_from(["phasenet", None])),
            }
            for i in range(n_picks)
        ]
    )
    events = pd.DataFrame(
        [
            {
                "time": START + pd.Timedelta(microseconds=draw(st.integers(0, 10**10)) * 4 + i),
                "latitude": draw(st.floats(-90, 90)),
                "longitude": draw(st.floats(-180, 180)),
                "depth_km": draw(st.floats(-3, 700)),
                "magnitude": draw(value(-2, 9)),
                "magnitude_type": draw(st.sampled_from(["ML", None])),
                "horizontal_error_km": draw(value(0, 50)),
                "depth_error_km": draw(value(0, 50)),
                "rms_s": draw(value(0, 3)),
                "azimuthal_gap_deg": draw(value(0, 360)),
                "n_p": draw(st.integers(0, 40)),
                "n_s": draw(st.integers(0, 40)),
                "event_type": draw(st.sampled_from(["earthquake", "quarry blast", "surface event", None])),
                "grade": draw(st.sampled_from(["A", None])),
                "quality_probability": draw(value(0, 1)),
            }
            for i in range(n_events)
        ]
    )
    picks = conform(picks, "picks") if n_picks else empty("picks")
    events = (
        conform(events, "events").sort_values(["time", "event_id"], ignore_index=True) if n_events else empty("events")
    )
    events.loc[events["magnitude"].isna(), "magnitude_type"] = None  # a scale without a magnitude says nothing
    rows = [
        {
            "event_id": e,
            "pick_id": p.pick_id,
            "station": p.station,
            "phase": p.phase,
            "residual_s": draw(value(-2, 2)),
            "weight": draw(value(0, 1)),
            "distance_km": draw(value(0, 500)),
            "azimuth_deg": draw(value(0, 360)),
        }
        for e in events["event_id"]
        for p in picks.itertuples()
        if draw(st.booleans())
    ]
    return Catalog(events, pd.DataFrame(rows) if rows else empty("assignments"), picks)


@given(catalog=catalogs())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_quakeml_round_trip(catalog, tmp_path):
    back = formats.read_quakeml(formats.write_quakeml(catalog, tmp_path / "catalog.xml"))
    pd.testing.assert_frame_equal(back.events, catalog.events, rtol=1e-12, atol=1e-12)
    key = ["event_id", "pick_id"]
    pd.testing.assert_frame_equal(
        back.assignments.sort_values(key, ignore_index=True),
        catalog.assignments.sort_values(key, ignore_index=True),
        rtol=1e-12,
        atol=1e-12,
    )
    used = catalog.picks[catalog.picks["pick_id"].isin(catalog.assignments["pick_id"])]
    pd.testing.assert_frame_equal(
        back.picks.sort_values("pick_id", ignore_index=True), used.sort_values("pick_id", ignore_index=True), rtol=1e-12
    )


@given(catalog=catalogs())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_csv_round_trip_to_the_decimals_it_states(catalog, tmp_path):
    back = formats.read_csv(formats.write_csv(catalog.events, tmp_path / "catalog.csv"))
    events = catalog.events
    assert list(back["event_id"]) == list(events["event_id"])
    assert list(back["time"]) == list(events["time"])
    for column in events.select_dtypes("float"):
        decimals = {c: d for c, _, d in comcat.COLUMNS}[column]
        np.testing.assert_allclose(back[column], events[column], atol=0.5001 * 10.0**-decimals, rtol=1e-9)
    pd.testing.assert_frame_equal(back[["event_type", "grade"]], events[["event_type", "grade"]])


@given(st.integers(-(2**63), 2**63 - 1))
def test_ids_survive_as_text(number):
    assert formats.parse_id(formats.id_text(number)) == number


def test_obspy_validates_and_reads_our_quakeml(tmp_path):
    import obspy
    from obspy.io.quakeml.core import _validate

    events = conform(
        pd.DataFrame(
            {
                "time": [START],
                "latitude": [64.0],
                "longitude": [-17.0],
                "depth_km": [6.0],
                "magnitude": [1.2],
                "magnitude_type": ["ML"],
                "horizontal_error_km": [0.4],
                "depth_error_km": [0.9],
                "event_type": ["surface event"],
            }
        ),
        "events",
    )
    picks = conform(pd.DataFrame({"station": ["Z7.A.00"], "channel": "HH", "phase": "P", "time": [START]}), "picks")
    assigned = pd.DataFrame(
        {
            "event_id": events["event_id"],
            "pick_id": picks["pick_id"],
            "station": "Z7.A.00",
            "phase": "P",
            "residual_s": 0.1,
        }
    )
    path = formats.write_quakeml(Catalog(events, assigned, picks), tmp_path / "c.xml")
    assert _validate(str(path))
    (event,) = obspy.read_events(str(path))
    origin = event.preferred_origin()
    assert origin.depth == 6000.0
    assert origin.depth_errors.uncertainty == 900.0
    assert origin.origin_uncertainty.horizontal_uncertainty == 400.0
    assert event.event_type == "other event"
    assert origin.arrivals[0].time_residual == 0.1
    assert event.picks[0].waveform_id.get_seed_string() == "Z7.A.00.HH"
    assert path.read_bytes() == formats.write_quakeml(Catalog(events, assigned, picks), tmp_path / "d.xml").read_bytes()


def test_a_foreign_quakeml_is_read_and_its_gaps_are_counted(tmp_path):
    from obspy import UTCDateTime
    from obspy.core import event as qml

    pick = qml.Pick(
        time=UTCDateTime(10.25), waveform_id=qml.WaveformStreamID("UW", "MOON", None, "EHZ"), phase_hint="Pn"
    )
    odd = qml.Pick(time=UTCDateTime(30), waveform_id=qml.WaveformStreamID("UW", "MOON"), phase_hint="Lg")
    good = qml.Event(
        picks=[pick, odd],
        origins=[
            qml.Origin(
                time=UTCDateTime(1.5),
                latitude=46.2,
                longitude=-122.2,
                depth=-500.0,
                arrivals=[
                    qml.Arrival(pick_id=pick.resource_id, phase="Pn"),
                    qml.Arrival(pick_id=odd.resource_id, phase="Lg"),
                ],
            )
        ],
        magnitudes=[qml.Magnitude(mag=0.6, magnitude_type="Ml")],
    )
    hollow = qml.Event(origins=[qml.Origin(time=UTCDateTime(9), latitude=1.0, longitude=2.0)])
    path = tmp_path / "foreign.xml"
    qml.Catalog([good, hollow]).write(str(path), format="QUAKEML")
    with pytest.warns(UserWarning, match="1 events .* 1 arrivals"):
        catalog = formats.read_quakeml(path)
    (event,) = catalog.events.to_dict("records")
    assert event["depth_km"] == -0.5
    assert event["magnitude"] == 0.6
    assert event["time"] == pd.Timestamp(1.5, unit="s", tz="UTC")
    assert catalog.picks[["station", "channel", "phase"]].to_numpy().tolist() == [["UW.MOON.", "EHZ", "P"]]
    assert len(catalog.assignments) == 1


def test_a_damaged_quakeml_is_refused(tmp_path):
    path = tmp_path / "bad.xml"
    path.write_text("<q:quakeml xmlns")
    with pytest.raises(TableError, match=r"bad\.xml: not readable as QuakeML"):
        formats.read_quakeml(path)
    with pytest.raises(FileNotFoundError):
        formats.read_quakeml(tmp_path / "none.xml")


def test_comcat_csv_is_read(tmp_path):
    path = tmp_path / "query.csv"
    path.write_text(
        "time,latitude,longitude,depth,mag,magType,nst,gap,dmin,rms,net,id,updated,place,type\n"
        '2022-12-20T10:34:24.770Z,40.525,-124.423,17.9,6.4,mw,65,131,0.3,0.24,nc,nc73821036,x,"15 km WSW of Ferndale, CA",earthquake\n'
        "2022-12-20T10:40:00.000Z,40.5,-124.4,,3.1,md,10,200,0.3,0.1,nc,nc2,x,,earthquake\n"
    )
    with pytest.warns(UserWarning, match="1 rows without"):
        events = formats.read_csv(path)
    assert events["magnitude"].tolist() == [6.4]
    assert events["depth_km"].tolist() == [17.9]
    assert events["source_id"].tolist() == ["nc73821036"]
    assert events["event_type"].tolist() == ["earthquake"]
    path.write_text("when,where\n1,2\n")
    with pytest.raises(TableError, match="no column time, latitude, longitude, depth_km"):
        formats.read_csv(path)
