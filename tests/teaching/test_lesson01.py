"""Checks of lesson 01: right answers in every form pass, wrong ones get a message that helps. Figures draw what they got."""

import numpy as np
import pandas as pd
import pytest

from course_utils.catalog.matching import match_events
from course_utils.catalog.tables import Catalog, conform
from course_utils.teaching.checks import lesson01
from course_utils.teaching.figures.catalogs import catalog_figure, groups
from course_utils.teaching.figures.sections import record_section

START = pd.Timestamp("2026-01-01T00:00:00Z")
STATIONS = ["XX.A.", "XX.B.", "XX.C.", "XX.D."]


@pytest.fixture(scope="module")
def catalog():
    """Two events, 10 s apart: eight picks each, P 1 s times the station's number after the origin, S twice that."""
    picks, pairs, events = [], [], []
    for e in range(2):
        origin = START + pd.Timedelta(seconds=10 * e)
        events.append((e + 1, origin, 40.0 + e, 10.0, 5.0, "AB"[e], [0.5, 0.8][e]))
        for i, station in enumerate(STATIONS, 1):
            for phase, factor in (("P", 1.0), ("S", 2.0)):
                pick_id = len(picks) + 1
                picks.append((pick_id, station, phase, origin + pd.Timedelta(seconds=factor * i), 0.5 + 0.06 * i))
                pairs.append((e + 1, pick_id, station, phase, 0.0, 6.0 * i))
    picks.append((99, "XX.D.", "P", START + pd.Timedelta(seconds=100), 0.9))
    columns = ["event_id", "time", "latitude", "longitude", "depth_km", "grade", "horizontal_error_km"]
    return Catalog(
        events=pd.DataFrame(events, columns=columns).assign(n_p=4.0, n_s=4.0),
        assignments=pd.DataFrame(
            pairs, columns=["event_id", "pick_id", "station", "phase", "residual_s", "distance_km"]
        ),
        picks=pd.DataFrame(picks, columns=["pick_id", "station", "phase", "time", "probability"]),
        stations=pd.DataFrame({"station": STATIONS, "latitude": 40.0, "longitude": 10.0, "elevation_m": 0.0}),
    )


def arrivals_of(catalog, shift_s=0.0):
    rows = catalog.picks.merge(catalog.assignments[catalog.assignments["event_id"] == 1][["pick_id"]], on="pick_id")
    rows = rows.assign(event_id=7, snr_db=20.0, visible=True, time=rows["time"] + pd.Timedelta(seconds=shift_s))
    return conform(rows[["event_id", "station", "phase", "time", "snr_db", "visible"]], "arrivals")


@pytest.mark.parametrize("answer", [1, 1.0, "1", np.int64(1), pd.Series([1]).sum()])
def test_how_many_takes_any_form(answer, catalog):
    assert lesson01.how_many(answer, catalog)


def test_how_many_names_the_condition_that_is_missing(catalog):
    assert "two conditions" in lesson01.how_many(2, catalog).message
    assert lesson01.how_many(0, catalog).state == "wrong"
    assert lesson01.how_many("many", catalog).state == "wrong"


def test_sees_most_accepts_every_station_of_a_tie_and_warns_of_the_wrong_table(catalog):
    assert all(lesson01.sees_most(name, catalog) for name in ("XX.A.", "xx.d"))
    fewer = catalog.replace(assignments=catalog.assignments[catalog.assignments["pick_id"] != 7])  # one of D's
    said = lesson01.sees_most("XX.D.", fewer)
    assert said.state == "wrong" and "belong to no event" in said.message
    assert lesson01.sees_most("XX.Q.", catalog).state == "wrong"


def test_rule_of_thumb(catalog):
    best = catalog.events.iloc[0]
    assert lesson01.rule_of_thumb("8.0 km", catalog, best)
    for answer, hint in (
        (1.0, "one more step"),
        (16.0, "another station"),
        (6.0, "use the times"),
        (50, "times of the picks"),
    ):
        said = lesson01.rule_of_thumb(answer, catalog, best)
        assert said.state == "wrong" and hint in said.message


def test_why_missed_follows_the_tables(catalog):
    assert lesson01.why_missed("C", catalog, arrivals_of(catalog))
    assert lesson01.why_missed("(a)", catalog, arrivals_of(catalog, shift_s=0.75))
    loose = catalog.replace(
        events=catalog.events.iloc[1:], assignments=catalog.assignments[catalog.assignments["event_id"] == 2]
    )
    assert lesson01.why_missed("b", loose, arrivals_of(catalog))
    assert lesson01.why_missed("a", catalog, arrivals_of(catalog)).state == "wrong"


def test_predict_wants_the_catalog_with_the_setting(catalog):
    likely = catalog.assignments.merge(catalog.picks[["pick_id", "probability"]], on="pick_id")
    kept = likely[likely["probability"] >= 0.8].drop(columns="probability")
    assert not len(kept)
    surer = catalog.picks.assign(probability=0.9)
    strict = catalog.replace(picks=surer)
    assert "exactly" in lesson01.predict({"predicted": 2, "catalog": strict}, catalog).message
    assert "1 off" in lesson01.predict({"predicted": 1, "catalog": strict}, catalog).message
    assert lesson01.predict({"predicted": 2, "catalog": catalog}, catalog).state == "wrong"
    assert lesson01.predict({"predicted": ..., "catalog": ...}, catalog).state == "unanswered"
    assert lesson01.predict(2, catalog).state == "wrong"


def test_claims_follow_the_numbers():
    scores = pd.DataFrame({"settings": ["defaults", "from the geometry"], "matched": [15, 19], "median km": [0.3, 0.2]})
    reason = "the list of a program is neither complete nor true, so agreement is all that it shows"
    assert lesson01.claims({"claims": "b and d", "reason": reason}, scores)
    for given in (["a", "b", "d"], ["b"], ["b", "c", "d"], []):
        assert lesson01.claims({"claims": given, "reason": reason}, scores).state == "wrong"
    assert lesson01.claims({"claims": ["b", "d"], "reason": "because"}, scores).state == "wrong"
    assert lesson01.claims({"claims": ["b", "d"]}, scores).state == "unanswered"
    same = scores.assign(matched=19)
    assert lesson01.claims({"claims": ["b"], "reason": reason}, same)


def test_catalog_figure_shows_every_event_once_per_panel_and_links_longitudes(catalog):
    reference = catalog.events.iloc[:1].assign(event_id=7)
    match = match_events(catalog.events, reference, max_dt_s=1, max_km=1)
    shown = groups(catalog.events, match, reference, reference_name="truth")
    assert [group.kind for group in shown] == ["reference", "matched", "proposed"]
    figure = catalog_figure(catalog.stations, shown)
    per_axis = pd.Series({axis: sum(len(t.x) for t in figure.data if t.xaxis == axis) for axis in ("x", "x2", "x3")})
    assert per_axis.to_dict() == {"x": 4 + 3, "x2": 3, "x3": 3}
    assert figure.layout.xaxis2.matches == "x" and figure.layout.xaxis3.matches is None
    assert [t.name for t in figure.data if t.showlegend is not False] == [
        "stations",
        "truth (1)",
        "matched (1)",
        "not in the truth (1)",
    ]


def test_catalog_figure_without_events_or_stations(catalog):
    assert groups(catalog.events.iloc[:0]) == []
    assert len(catalog_figure(catalog.stations, []).data) == 1
    assert catalog_figure(catalog.stations.iloc[:0], groups(catalog.events)).data


def test_record_section_puts_onsets_where_they_are(catalog):
    from obspy import Stream, Trace, UTCDateTime

    rate, at = 100.0, 42.0
    data = np.random.default_rng(0).normal(size=9000) * 1e-3
    data[round(at * rate) :] += np.sin(2 * np.pi * 5 * np.arange(9000 - round(at * rate)) / rate)
    header = {"network": "XX", "station": "B", "channel": "HHZ", "sampling_rate": rate}
    stream = Stream([Trace(data, {**header, "starttime": UTCDateTime(START.isoformat()) - 20})])
    figure = record_section(
        [stream], pd.Series({"XX.B.": 12.0}), START, START + pd.Timedelta(seconds=60), catalog.picks, own=[3, 4]
    )
    line = figure.data[0]
    assert len(line.x) <= 1001 and min(line.x) >= 0
    moved = np.abs(np.asarray(line.y) - 12.0)
    assert np.asarray(line.x)[np.argmax(moved > 0.2 * moved.max())] == pytest.approx(at - 20, abs=0.15)
    own = [t for t in figure.data if t.mode == "markers" and "others" not in t.name]
    assert sorted(float(t.x[0]) for t in own) == [2.0, 4.0]
    assert sum(len(t.x) for t in figure.data if t.mode == "markers") == 4  # B's picks alone
    assert stream[0].stats.npts == 9000
