"""Nearest neighbours and families: against brute force, by hand, and against who triggered whom in a synthetic month."""

import os
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from course_utils.catalog.clustering import external_scores, local_km
from course_utils.catalog.sequences import DAYS_PER_YEAR, OneMode, decluster, families, fit_mixture, sensitivity
from course_utils.synthetic import World

START = pd.Timestamp("2020-01-01", tz="UTC")


def listed(days, magnitude, latitude=40.0, longitude=-124.0, depth_km=8.0):
    days = np.asarray(days, float)
    return pd.DataFrame(
        {
            "event_id": np.arange(len(days)) + 100,
            "time": START + pd.to_timedelta(np.round(days * 86400 * 1e6), unit="us"),
            "latitude": latitude,
            "longitude": longitude,
            "depth_km": depth_km,
            "magnitude": magnitude,
        }
    )


def independent(n, years=10.0, seed=0):
    rng = np.random.default_rng(seed)
    magnitude = rng.exponential(1 / np.log(10), n)
    return listed(rng.uniform(0, 365 * years, n), magnitude, rng.uniform(39, 41, n), rng.uniform(-125, -123, n))


@settings(deadline=None, max_examples=60, phases=[Phase.explicit, Phase.generate])
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 60), st.integers(0, 60), st.integers(-5, 60), st.integers(0, 200)),
        min_size=1,
        max_size=25,
    ),
    st.sampled_from([0.0, 0.7, 1.0]),
    st.sampled_from([0.0, 1.6, 2.3]),
    st.booleans(),
)
def test_the_nearest_neighbour_is_that_of_a_search_through_all_pairs(rows, b, dimension, depth):
    hour, north, east, tenth, down = np.array(rows, float).T
    events = listed(hour / 24, tenth / 10, 40 + north / 100, -124 + east / 100, down / 10)
    found = decluster(events, b=b, dimension=dimension, depth=depth, min_km=0.2, threshold=-4.0)
    years = hour / 24 / DAYS_PER_YEAR
    out = found.events["family"].to_numpy() < 0
    twins = events.duplicated(["time", "latitude", "longitude", "depth_km"])
    assert (out == twins).all() and sum(found.left_out.values()) == twins.sum()
    x = np.full((len(events), 3 if depth else 2), np.nan)
    x[~out] = local_km(events[~out])[:, : x.shape[1]]
    for j, row in enumerate(found.events.itertuples()):
        earlier = np.flatnonzero((years < years[j]) & ~out)
        if out[j] or not len(earlier):
            assert row.parent_id == -1 and np.isnan(row.log_eta) and not row.linked
            continue
        km = np.maximum(np.linalg.norm(x[earlier] - x[j], axis=1), 0.2)
        eta = (years[j] - years[earlier]) * km**dimension * 10 ** (-b * events["magnitude"].to_numpy()[earlier])
        assert row.log_eta == pytest.approx(np.log10(eta.min()), abs=1e-6)
        assert eta[earlier == row.parent_id - 100].item() == pytest.approx(eta.min())
        assert row.log_time + row.log_distance == pytest.approx(row.log_eta)
        assert row.linked == (row.log_eta <= -4.0)


def test_three_events_by_hand():
    # one degree of latitude is 111.03 km at 40 N
    events = listed([0.0, 36.525, 73.05], [4.0, 2.0, 1.0], [40.0, 40.0 + 10 / 111.03, 40.0 + 20 / 111.03])
    found = decluster(events, threshold=-3.0).events
    # 0.1 years and 10 km after a magnitude 4; then 0.2 years and 20 km after it, nearer than the magnitude 2
    assert found["log_eta"].iloc[1] == pytest.approx(-1 + 1.6 - 4, abs=1e-3)
    assert found["log_time"].iloc[1] == pytest.approx(-1 - 2, abs=1e-3)
    assert found["log_eta"].iloc[2] == pytest.approx(np.log10(0.2) + 1.6 * np.log10(20) - 4, abs=1e-3)
    assert found["parent_id"].tolist() == [-1, 100, 100]
    assert found["linked"].tolist() == [False, True, False]
    without = decluster(events, b=0.0, threshold=-3.0).events
    assert without["parent_id"].tolist() == [-1, 100, 101]  # size counts no more


def test_roles_in_a_family():
    far = -45.0
    events = listed([0, 1, 2, 3, 4, 5], [2.0, 5.0, 5.0, 3.0, 3.0, 1.0], [40.0] * 4 + [far, 0.0])
    found = decluster(events, threshold=-2.5)
    roles = ["foreshock", "mainshock", "aftershock", "aftershock", "background", "background"]
    assert found.events["role"].tolist() == roles  # of equal magnitudes the first is the main shock
    assert found.events["family"].tolist() == [0, 0, 0, 0, 1, 2]
    assert found.background_fraction == pytest.approx(3 / 6)
    shuffled = events.sample(frac=1, random_state=3)
    again = decluster(shuffled, threshold=-2.5).events
    assert (again["event_id"].to_numpy() == shuffled["event_id"].to_numpy()).all()  # in the order of the list
    merged = found.events.merge(again, on="event_id")
    for column in ("parent_id", "family", "role", "linked"):
        assert (merged[column + "_x"] == merged[column + "_y"]).all()


def test_families_from_parents():
    assert families([7, 8, 9, 10, 11], [-1, 7, 8, 99, 10]).tolist() == [0, 0, 0, 1, 1]
    chain = np.arange(5000)
    assert (families(chain, chain - 1) == 0).all()
    assert families([], []).tolist() == []
    for circle in ([2, 1], [1, 2], [2, 3, 1]):
        with pytest.raises(ValueError, match="own ancestor"):
            families(sorted(circle), circle)


def test_little_or_bad_input_is_refused_or_counted():
    for few in (independent(0), independent(1), independent(20)):
        with pytest.raises(OneMode, match="give a threshold"):
            decluster(few)
        found = decluster(few, threshold=-5.0)
        assert len(found.events) == len(few) and found.summary()["background"] == len(few)
    assert np.isnan(decluster(independent(0), threshold=-5.0).background_fraction)
    events = independent(50)
    events.loc[3:5, "magnitude"] = np.nan
    twin = events.iloc[[10]].assign(event_id=1, magnitude=9.0)
    found = decluster(pd.concat([events, twin]), threshold=-5.0)
    assert found.left_out == {"no magnitude": 3, "time and place of another event": 1}
    left = found.events[found.events["family"] < 0]
    assert left["event_id"].tolist() == [103, 104, 105, 1] and (left["role"] == "").all()
    assert not found.events["parent_id"].isin(left["event_id"]).any()
    assert found.summary()["left out: no magnitude"] == 3
    with pytest.raises(ValueError, match="stands twice"):
        decluster(pd.concat([events, events.iloc[[0]]]))
    for wrong, said in (({"b": -1.0}, "b is -1.0"), ({"min_km": 0.0}, "min_km"), ({"dimension": np.nan}, "dimension")):
        with pytest.raises(ValueError, match=said):
            decluster(events, threshold=-5.0, **wrong)


def test_a_list_without_two_modes_gets_no_threshold():
    before = time.perf_counter()
    events = independent(10_000)
    with pytest.raises(OneMode, match=r"separation 1\.\d\d"):
        decluster(events)  # a random list has no families, and two normal distributions would make hundreds
    assert time.perf_counter() - before < 30
    assert decluster(events, threshold=-5.0).background_fraction > 0.995
    curves = sensitivity(events.iloc[:300], b=(1.0,), dimension=(1.2, 1.6))
    assert len(curves) == 2 and curves["background_fraction"].isna().all()


def test_a_mixture_is_recovered():
    rng = np.random.default_rng(1)
    found = fit_mixture(np.concatenate([rng.normal(-8, 1.0, 3000), rng.normal(-3, 0.5, 7000)]))
    assert found.means == pytest.approx((-8, -3), abs=0.1) and found.deviations == pytest.approx((1.0, 0.5), abs=0.05)
    assert found.weights == pytest.approx((0.3, 0.7), abs=0.01)
    # where 0.3 N(-8, 1) equals 0.7 N(-3, 0.5): (x + 8)^2 / 2 - 2 (x + 3)^2 = ln(3 / 14)
    crossing = next(x for x in np.roots([-1.5, -4.0, 14.0 - np.log(3 / 14)]) if -8 < x < -3)
    assert found.threshold == pytest.approx(crossing, abs=0.1)


@pytest.fixture(scope="module")
def month():
    truth = World.month(seed=42).truth
    etas = truth.events["cluster"].isin(["main shock", "aftershock", "background"])
    events = truth.events[etas].reset_index(drop=True)
    return events, truth.parents.set_index("event_id").loc[events["event_id"]].reset_index()


def test_triggered_events_of_a_month_are_told_from_background(month):
    events, true = month
    found = decluster(events, dimension=2.2, depth=True)
    linked, triggered = found.events["linked"].to_numpy(), true["triggered"].to_numpy()
    assert found.mixture.separation > 2.5
    assert (linked & triggered).sum() / triggered.sum() > 0.9
    assert (linked & triggered).sum() / linked.sum() > 0.9
    right = linked & (found.events["parent_id"].to_numpy() == true["parent_id"].to_numpy())
    assert right.sum() / triggered.sum() > 0.65
    assert found.background_fraction == pytest.approx(1 - triggered.mean(), abs=0.05)
    scores = external_scores(found.events["family"], families(true["event_id"], true["parent_id"]))
    assert scores["ari"] > 0.8 and scores["ami"] > 0.8
    # the magnitude is what finds the parents: without it the last event nearby is taken
    blind = decluster(events, b=0.0, dimension=2.2, depth=True)
    assert (blind.events["parent_id"].to_numpy() == true["parent_id"].to_numpy()).sum() < 0.5 * right.sum()


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("COURSE_DATA_MIRROR"), reason="COURSE_DATA_MIRROR is not set")
def test_real_lists_have_two_modes_or_are_refused():
    from course_utils import data

    northwest = data.open("pnw-ml", progress=False).events.query("event_type == 'earthquake'")
    found = decluster(northwest)
    assert found.mixture.separation > 2.2 and 0.65 < found.background_fraction < 0.85
    reviewed = data.open("comcat-reviewed", progress=False).events.query("sequence == 'ridgecrest'")
    with pytest.raises(OneMode, match="one sequence alone"):
        decluster(reviewed)
    assert decluster(reviewed, threshold=-5.0).background_fraction < 0.02  # southern California's threshold
