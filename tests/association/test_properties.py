"""Whatever picks come: every one is accounted for, none belongs to two events, every event is what the settings ask for."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_utils.association import associate_with_report, settings_for
from course_utils.association.methods import METHODS
from course_utils.catalog.tables import TableError

messy = st.lists(
    st.tuples(
        st.integers(0, 12),  # station; the last ones have no row in the table
        st.sampled_from(["P", "S"]),
        st.floats(0, 900, allow_nan=False).map(lambda s: round(s, 2)),
        st.one_of(st.none(), st.floats(0, 1)),
    ),
    max_size=60,
    unique_by=lambda pick: pick[:3],
)


@pytest.fixture(scope="module", params=list(METHODS))
def method(request, clear):
    return request.param, settings_for(clear.stations, clear.velocity, request.param)


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(extra=messy, keep=st.floats(0, 1), unit=st.sampled_from(["us", "ns", "ms"]), zone=st.sampled_from(["UTC", None]))
def test_accounts(clear, method, extra, keep, unit, zone):
    name, how = method
    rng = np.random.default_rng(0)
    true = clear.picks[["station", "phase", "time", "probability"]][rng.random(len(clear.picks)) < keep]
    codes = [*clear.stations["station"], "QQ.NONE.", "xx.s00.", "XX.S00 "]
    start = clear.picks["time"].min()
    stray = pd.DataFrame(
        [(codes[i], phase, start + pd.Timedelta(seconds=s), p) for i, phase, s, p in extra],
        columns=["station", "phase", "time", "probability"],
    )
    stray["time"] = pd.to_datetime(stray["time"], utc=True)
    picks = pd.concat([true, stray.astype({"probability": float})]).drop_duplicates(["station", "phase", "time"])
    picks["time"] = picks["time"].dt.as_unit(unit).dt.tz_convert(zone)
    picks = picks.drop_duplicates(["station", "phase", "time"]).sample(frac=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        catalog, report = associate_with_report(picks, clear.stations, clear.velocity, name, how)
    events, assignments = catalog.events, catalog.assignments
    assert report.gates["picks"].sum() == len(picks) == report.stations["given"].sum()
    assert report.picks("unknown station") == (~picks["station"].isin(clear.stations["station"])).sum()
    assert report.picks("assigned") == len(assignments)
    assert not assignments["pick_id"].duplicated().any()
    assert not assignments.duplicated(["event_id", "station", "phase"]).any()
    assert set(assignments["event_id"]) == set(events["event_id"])
    assert (events["n_p"] + events["n_s"] >= how.min_picks).all()
    assert events["depth_km"].between(how.min_depth_km - 1e-6, how.max_depth_km + 1e-6).all()
    assert events[["time", "latitude", "longitude", "rms_s"]].notna().all().all()
    assert (assignments["residual_s"].abs() <= how.pick_tolerance_s + 1e-9).all()
    taken = picks.reset_index(drop=True)
    assert assignments["station"].isin(taken["station"]).all()


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda t: t.assign(phase="s"), 'use "P" or "S"'),
        (lambda t: t.assign(phase=None), "phase is missing"),
        (lambda t: t.assign(phase="Pn"), "phase is 'Pn'"),
        (lambda t: t.assign(time=pd.NaT), "time is missing"),
        (lambda t: t.assign(time=np.arange(len(t), dtype=float)), "bare numbers"),
        (lambda t: t.assign(station=None), "station is missing"),
        (lambda t: t.assign(station=""), "station is missing"),
        (lambda t: t.assign(probability=1.5), "probability is 1.5"),
        (lambda t: t.assign(probability=np.inf), "probability is infinite"),
        (lambda t: t.assign(pick_id=7), "pick_id 7 stands twice"),
        (lambda t: pd.concat([t, t]), "stands twice"),
        (lambda t: t.drop(columns="time"), "no column time"),
        (lambda t: t.to_dict("records"), "expected a pandas DataFrame"),
    ],
)
def test_picks_that_a_library_would_swallow_are_refused(clear, spoil, message):
    for method in METHODS:
        with pytest.raises(TableError, match=message):
            associate_with_report(spoil(clear.picks), clear.stations, clear.velocity, method)


@pytest.mark.parametrize("column", ["latitude", "longitude", "elevation_m"])
def test_stations_without_coordinates_are_refused(clear, column):
    stations = clear.stations.copy()
    stations.loc[3, column] = np.nan
    for method in METHODS:
        with pytest.raises(TableError, match=rf"stations row 3.*{column} is missing"):
            associate_with_report(clear.picks, stations, clear.velocity, method)


@pytest.mark.parametrize("method", list(METHODS))
def test_two_sensors_in_one_vault(clear, method):
    """Every station twice, under two location codes: distances of zero must not upset what is derived from them."""
    stations = pd.concat([clear.stations.assign(station=clear.stations["station"] + code) for code in ("00", "10")])
    picks = clear.picks.assign(station=clear.picks["station"] + np.where(clear.picks["phase"] == "P", "00", "10"))
    catalog, _ = associate_with_report(picks, stations, clear.velocity, method, min_both=0)
    assert len(catalog.events) == 2
    assert len(catalog.assignments) >= 36
