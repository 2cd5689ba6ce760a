"""Checks of lesson 31: right answers in every form pass, wrong ones get a message that helps."""

import numpy as np
import pandas as pd
import pytest

from course_utils import location
from course_utils.catalog.tables import Catalog, conform
from course_utils.earth import distance_azimuth
from course_utils.earth.traveltime import TravelTimes
from course_utils.teaching.checks import lesson31

EVENT = {"event_id": 7, "time": pd.Timestamp("2023-05-16T19:00:00Z"), "latitude": 39.98, "longitude": -124.5}


@pytest.fixture(scope="module")
def catalog():
    """One event off the coast, P and S at six stations to the north-east of it, exact times."""
    latitude, longitude = np.array(
        [(40.3, -124.3), (40.5, -124.1), (40.2, -123.9), (40.4, -123.8), (40.6, -124.2), (40.1, -123.7)]
    ).T
    stations = pd.DataFrame({"latitude": latitude, "longitude": longitude, "elevation_m": 100.0})
    stations = conform(stations.assign(station=[f"XX.S{i}." for i in range(6)]), "stations")
    velocity = pd.DataFrame({"depth_km": [0.0, 30.0], "vp_km_s": [5.0, 7.0], "vs_km_s": [2.9, 4.0]})
    table = TravelTimes.build(stations, velocity, 150.0, 30.0)
    away = distance_azimuth(EVENT["latitude"], EVENT["longitude"], latitude, longitude)[0]
    rows = [
        (name, phase, EVENT["time"] + pd.Timedelta(round(1e6 * float(seconds)), "us"))
        for phase in "PS"
        for name, seconds in zip(stations["station"], table.times(phase, np.arange(6), away, 8.0), strict=True)
    ]
    picks = conform(pd.DataFrame(rows, columns=["station", "phase", "time"]), "picks")
    pairs = picks[["pick_id", "station", "phase"]].assign(event_id=7)
    return Catalog(pd.DataFrame([{**EVENT, "depth_km": 8.0}]), pairs, picks, stations, velocity)


def test_wrong_pick(catalog):
    suspect = lesson31.spoiled(catalog)
    moved = (suspect.picks["time"] - catalog.picks["time"]).dt.total_seconds()
    assert (moved != 0).sum() == 1
    row, late = suspect.picks.loc[moved.abs().idxmax()], float(moved.sum())
    right = {"station": row["station"], "phase": row["phase"], "late_s": late}
    code = row["station"].split(".")[1]
    for form in (right, {**right, "station": code.lower(), "late_s": f"{late + 0.2:.1f} s"}):
        assert lesson31.wrong_pick(form, suspect, catalog)
    other = next(s for s in catalog.stations["station"] if s != row["station"])
    for wrong, said in (
        ({**right, "station": other}, "as they were"),
        ({**right, "phase": "P"}, "its P is as it was"),
        ({**right, "late_s": -late}, "other sign"),
        ({**right, "late_s": late * 0.5}, "free to move"),
        ("XX.S1.", "dictionary"),
    ):
        assert said in lesson31.wrong_pick(wrong, suspect, catalog).message
    assert lesson31.wrong_pick({**right, "late_s": ...}, suspect, catalog).state == "unanswered"


def test_the_least_squares_residual_hides_part_of_the_fault(catalog):
    suspect = lesson31.spoiled(catalog)
    largest = {
        method: location.locate(suspect, method=method).assignments["residual_s"].abs().max()
        for method in ("edt", "l2")
    }
    assert largest["l2"] < largest["edt"]


def test_origin_shift(catalog):
    times = TravelTimes.build(catalog.stations, catalog.velocity, 150.0, 30.0)
    read = catalog.picks[catalog.picks["phase"] == "P"]
    away = distance_azimuth(39.98, -124.5, catalog.stations["latitude"], catalog.stations["longitude"])[0]
    right = -times.times_and_slopes("P", np.arange(6), away, 8.0)[2].mean()
    where = (times, read, away, 8.0)
    assert lesson31.origin_shift(right, *where) and lesson31.origin_shift(f"{right:.3f} s", *where)
    assert "when did they start" in lesson31.origin_shift(-right, *where).message
    across = times.times_and_slopes("P", np.arange(6), away, 8.0)[1].mean()
    assert "with distance" in lesson31.origin_shift(across, *where).message
    assert "is not it" in lesson31.origin_shift(3.0, *where).message


def test_new_station(catalog):
    found = {
        s: location.locate(lesson31.with_site(catalog, 7, s)).events.iloc[0][["horizontal_error_km", "depth_error_km"]]
        for s in lesson31.SITES.index
    }
    errors = pd.DataFrame(found).T.astype(float)
    best = {"horizontal": errors["horizontal_error_km"].idxmin(), "depth": errors["depth_error_km"].idxmin()}
    assert lesson31.new_station(best, catalog, 7)
    assert lesson31.new_station({k: f"({v.lower()})" for k, v in best.items()}, catalog, 7)
    worst = {**best, "horizontal": errors["horizontal_error_km"].idxmax()}
    assert "no station look" in lesson31.new_station(worst, catalog, 7).message
    worst = {**best, "depth": errors["depth_error_km"].idxmax()}
    assert "change of depth" in lesson31.new_station(worst, catalog, 7).message
    assert "none of" in lesson31.new_station({**best, "depth": "Z"}, catalog, 7).message


def _ellipse(degrees=2, tilted=True, flipped=False):
    from scipy.stats import chi2

    def inside(cloud, x, y, probability):
        points = cloud[["x_km", "y_km"]].to_numpy()
        covariance = np.cov(points.T) if tilted else np.diag(points.var(axis=0))
        off = np.array([x, y]) - points.mean(axis=0)
        return flipped ^ bool(off @ np.linalg.solve(covariance, off) < chi2.ppf(probability, degrees))

    return inside


def test_inside_ellipse():
    assert lesson31.inside_ellipse(_ellipse())
    assert lesson31.inside_ellipse(lambda *a: np.array([_ellipse()(*a)]))
    for wrong, said in (
        (_ellipse(degrees=4), "too large"),
        (_ellipse(degrees=1), "too small"),
        (_ellipse(tilted=False), "tilted"),
        (_ellipse(flipped=True), "inside for outside"),
        (lambda *a: 0.68, "True or False"),
        (lambda *a: None, "returns nothing"),
    ):
        assert said in lesson31.inside_ellipse(wrong).message
    assert lesson31.inside_ellipse(lambda *a: ...).state == "unanswered"


def test_publishable():
    compared = pd.DataFrame(
        {
            "depth_km": [45.0, -4.9, 37.0, 20.0],
            "depth_error_km": [3.0, 13.0, 4.0, 3.0],
            "depth_km_edt": [44.8, 6.0, 35.0, 40.0],
            "depth_error_km_edt": [3.5, 17.0, 5.0, 4.0],
        },
        index=range(1, 5),
    )
    reason = (
        "the others lie above the ground or differ between the programs by much more than the errors say they should"
    )
    for events in ([1, 3], "1 and 3", {"3", "1"}, np.array([1, 3])):
        assert lesson31.publishable({"events": events, "reason": reason}, compared)
    for events, said in (
        ([1, 2, 3], "where the ground is"),
        ([1, 3, 4], "differ by 20 km"),
        ([1], "event 3 is left out"),
        ([], "no event at all"),
    ):
        assert said in lesson31.publishable({"events": events, "reason": reason}, compared).message
    assert "too few" in lesson31.publishable({"events": [1, 3], "reason": "so it is"}, compared).message
    assert lesson31.publishable({"events": [1, 3], "reason": ...}, compared).state == "unanswered"
