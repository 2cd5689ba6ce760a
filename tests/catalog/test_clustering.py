"""Clusters, their scores, planes and sections: known groups, known planes, all directions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.catalog.clustering import (
    METHODS,
    cluster,
    external_scores,
    features,
    internal_scores,
    local_km,
    planes,
    section,
)
from course_utils.earth import LocalFrame
from course_utils.synthetic import World

FRAME = LocalFrame(40.0, -124.0)


def listed(x, frame=FRAME, days=None):
    """Events at km east, north and down of a point."""
    latitude, longitude = frame.to_geographic(x[:, 0], x[:, 1])
    days = np.arange(len(x)) if days is None else days
    time = pd.Timestamp("2020-01-01", tz="UTC") + pd.to_timedelta(days, unit="D").round("us")
    columns = {"latitude": latitude, "longitude": longitude, "depth_km": x[:, 2]}
    return pd.DataFrame({"event_id": np.arange(len(x)), "time": time, **columns})


@pytest.fixture(scope="module")
def groups():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], [60, 40, 30])
    return listed(np.array([[0, 0, 8], [30, 0, 8], [0, 0, 28]])[truth] + rng.normal(0, 1, (130, 3))), truth


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_three_groups_that_are_far_apart(method, groups):
    events, truth = groups
    options = {"optics": {"min_samples": 10, "cluster_method": "dbscan", "eps": 4}, "dbscan": {"eps": 3}, "hdbscan": {}}
    found = cluster(events, method, **options.get(method, {"n_clusters": 3}))
    assert (found["event_id"] == events["event_id"]).all()
    kept = found["cluster"] >= 0
    assert kept.mean() > 0.9 and external_scores(found["cluster"][kept], truth[kept])["ari"] == 1.0
    assert (found["cluster"].value_counts().loc[[0, 1, 2]].diff().dropna() <= 0).all()  # the largest is 0
    again = cluster(events.sample(frac=1, random_state=1), method, **options.get(method, {"n_clusters": 3}))
    both = found.merge(again, on="event_id")
    assert (both["cluster_x"] == both["cluster_y"]).mean() > 0.9


def test_units_decide_what_is_near(groups):
    events, truth = groups
    flat = cluster(events, "hdbscan", depth_km=np.inf)["cluster"]
    assert set(flat[flat >= 0]) == {0, 1} and (flat[truth == 0].mode()[0] == flat[truth == 2].mode()[0])
    twice = pd.concat(
        [events, events.assign(event_id=events["event_id"] + 1000, time=events["time"] + pd.Timedelta("1000D"))]
    )
    assert cluster(twice, "dbscan", eps=3.0)["cluster"].nunique() == 3
    apart = cluster(twice, "dbscan", eps=3.0, days=100.0)["cluster"]
    assert len(set(apart[apart >= 0])) == 6
    assert features(events, km=2.0, days=10.0).shape == (130, 4)
    assert np.allclose(features(events, km=2.0), features(events) / 2)
    for wrong in ({"km": 0.0}, {"depth_km": -1.0}, {"days": np.nan}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            features(events, **wrong)
    with pytest.raises(ValueError, match="k-means, hdbscan"):
        cluster(events, "kmeans")
    assert len(cluster(events.iloc[:0], "k-means")) == 0
    with pytest.raises(ValueError, match="n_samples=1"):
        cluster(events.iloc[:1], "k-means", n_clusters=2)


def test_the_date_line_is_no_edge():
    x = np.random.default_rng(2).normal([0, 0, 20], 5, (50, 3))
    events = listed(x, LocalFrame(-18.0, 180.0))
    assert events["longitude"].abs().max() > 179.9 and (events["longitude"] < 0).any()
    found = local_km(events)
    assert np.ptp(found[:, 0]) == pytest.approx(np.ptp(x[:, 0]), rel=1e-3)
    positive = events.assign(longitude=events["longitude"] % 360)
    assert np.allclose(found, local_km(positive), atol=1e-6)


def test_scores(groups):
    events, truth = groups
    x = features(events)
    good, bad = internal_scores(x, truth), internal_scores(x, truth % 2)
    assert good["silhouette"] > bad["silhouette"] and good["davies_bouldin"] < bad["davies_bouldin"]
    assert good["calinski_harabasz"] > bad["calinski_harabasz"] and good["clusters"] == 3 and good["noise"] == 0
    some = np.where(np.arange(130) % 10 == 0, -1, truth)
    assert internal_scores(x, some)["noise"] == pytest.approx(0.1)
    assert np.isnan(internal_scores(x, np.zeros(130, int))["silhouette"])
    assert np.isnan(internal_scores(x[:0], truth[:0])["silhouette"])
    assert set(external_scores((truth + 1) % 3, truth).values()) == {1.0}
    chance = external_scores(np.random.default_rng(3).integers(0, 40, 130), truth)
    # what is adjusted for chance is 0 for random labels, the V-measure is not
    assert abs(chance["ari"]) < 0.05 and abs(chance["ami"]) < 0.1 and chance["v_measure"] > 0.1


@settings(deadline=None, max_examples=25)
@given(st.floats(0, 359.9), st.floats(5, 90), st.integers(0, 50))
def test_a_plane_is_recovered(strike, dip, seed):
    s, d = np.radians([strike, dip])
    # Aki and Richards (2002, p. 108), turned from north-east-down
    along, down = [np.sin(s), np.cos(s), 0], [np.cos(d) * np.cos(s), -np.cos(d) * np.sin(s), np.sin(d)]
    rng = np.random.default_rng(seed)
    on = rng.uniform(-1, 1, (300, 2)) * [6, 3]
    x = on @ np.array([along, down]) + rng.normal(0, 0.05, (300, 3)) + [0, 0, 12]
    events = listed(x)
    found = planes(events, np.zeros(300, int)).iloc[0]
    s2, d2 = np.radians([found["strike_deg"], found["dip_deg"]])
    normal = np.array([np.sin(d) * np.cos(s), -np.sin(d) * np.sin(s), -np.cos(d)])
    other = np.array([np.sin(d2) * np.cos(s2), -np.sin(d2) * np.sin(s2), -np.cos(d2)])
    assert np.degrees(np.arccos(min(abs(normal @ other), 1.0))) < 1.0 and found["error_deg"] < 1.0
    assert 0 <= found["strike_deg"] < 360 and 0 <= found["dip_deg"] <= 90
    assert found["length_km"] == pytest.approx(12, rel=0.15) and found["width_km"] == pytest.approx(6, rel=0.15)
    assert found["thickness_km"] == pytest.approx(0.05, rel=0.2)
    cut = section(events, strike, dip, (40.0, -124.0, 12.0))
    assert np.allclose(cut["along_km"], x @ along, atol=0.01) and cut["off_plane_km"].std() < 0.07
    assert np.allclose(cut["down_dip_km"], (x - [0, 0, 12]) @ down, atol=0.01)
    assert (cut["depth_km"] == events["depth_km"]).all()


def test_a_ball_has_no_plane_and_few_events_are_skipped():
    x = np.random.default_rng(4).normal([0, 0, 9], 1, (64, 3))
    found = planes(listed(x), np.repeat([0, 1, -1], [56, 4, 4]))
    assert found["cluster"].tolist() == [0] and found["error_deg"].iloc[0] > 10
    assert planes(listed(x), np.full(64, -1)).empty


def test_the_faults_of_the_synthetic_earth():
    truth = World.month(seed=42).truth
    shocks = truth.events[truth.events["cluster"] == "aftershock"]
    x, fault = local_km(shocks), truth.planes
    centre = local_km(fault, (shocks["latitude"].median(), shocks["longitude"].median()))
    off = [
        section(shocks, p.strike_deg, p.dip_deg, (p.latitude, p.longitude, p.depth_km))["off_plane_km"].abs()
        for p in fault.itertuples()
    ]
    assert x.shape == (len(shocks), 3) and centre.shape == (2, 3)
    near = np.where(np.minimum(*off) < 1.0, np.argmin(off, axis=0), -1)
    found = planes(shocks, near)
    for mine, true in zip(found.itertuples(), fault.itertuples(), strict=True):
        turn = (mine.strike_deg - true.strike_deg + 90) % 180 - 90
        assert abs(turn) < 6 and mine.error_deg < 5
