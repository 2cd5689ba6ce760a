import logging
import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perturbed_medium import perturbed, stated

from course_utils import location
from course_utils.catalog.tables import Catalog
from course_utils.earth import distance_azimuth
from course_utils.location import likelihood
from course_utils.location.quality import GRADES
from course_utils.location.terms import update_terms

FAST = {"margin_km": 10.0, "max_depth_km": 40.0}


def offsets_km(catalog, truth):
    """Epicentral distances to the truth, in the truth's order."""
    events = catalog.events.set_index("event_id").loc[truth.catalog.events["event_id"]]
    true = truth.catalog.events
    return distance_azimuth(events["latitude"], events["longitude"], true["latitude"], true["longitude"])[0]


@pytest.fixture(scope="module")
def run(truth):
    return location.run_location(truth.catalog, **FAST, **stated(truth.model_error_s))


def test_hypocenters_are_near_the_truth_and_ids_stay(run, truth):
    found = run.catalog.events
    assert set(found["event_id"]) == set(truth.catalog.events["event_id"])
    assert np.median(offsets_km(run.catalog, truth)) < 0.6
    both = found.merge(truth.catalog.events, on="event_id", suffixes=("", "_true"))
    assert np.median(np.abs(both["depth_km"] - both["depth_km_true"])) < 2.0
    assert np.median(np.abs((both["time"] - both["time_true"]).dt.total_seconds())) < 0.3
    assert (run.outcomes["outcome"] == "located").all()


def test_table_columns_are_filled_and_consistent(run):
    events, pairs = run.catalog.events, run.catalog.assignments
    assert events[["horizontal_error_km", "depth_error_km", "rms_s", "azimuthal_gap_deg"]].gt(0).all().all()
    assert events["grade"].isin([*GRADES, "D"]).all()
    used = pairs[(pairs["weight"] >= 0.1) & (pairs["phase"] == "P")].groupby("event_id").size()
    np.testing.assert_array_equal(used, events.set_index("event_id")["n_p"].loc[used.index])
    rms = pairs.groupby("event_id").apply(lambda g: np.sqrt(np.average(g["residual_s"] ** 2, weights=g["weight"])))
    np.testing.assert_allclose(rms, events.set_index("event_id")["rms_s"].loc[rms.index])


def test_residuals_are_observed_minus_predicted(run, truth):
    event = run.catalog.events.iloc[0]
    pairs = run.catalog.assignments.query("event_id == @event.event_id").merge(run.catalog.picks, on="pick_id")
    times = run.locator.times
    for row in pairs.itertuples():
        travel = times.times(row.phase_x, times.index([row.station_x]), row.distance_km, event["depth_km"])[0]
        observed = (row.time - event["time"]).total_seconds()
        assert observed - travel == pytest.approx(row.residual_s, abs=2e-3)


def test_two_runs_give_the_same_bytes(run, truth):
    again = location.locate(truth.catalog, **FAST, **stated(truth.model_error_s))
    pd.testing.assert_frame_equal(again.events, run.catalog.events)
    order = np.random.default_rng(0).permutation(len(truth.catalog.assignments))
    mixed = truth.catalog.replace(assignments=truth.catalog.assignments.iloc[order])
    pd.testing.assert_frame_equal(location.locate(mixed, **FAST, **stated(truth.model_error_s)).events, again.events)


def test_edt_withstands_outliers_that_carry_least_squares_away(truth):
    picks = truth.catalog.picks.copy()
    picks.loc[picks.index % 30 == 4, "time"] += pd.Timedelta("4s")
    catalog = truth.catalog.replace(picks=picks)
    edt, l2 = (location.locate(catalog, **FAST, method=m, **stated(truth.model_error_s)) for m in ("edt", "l2"))
    assert np.median(offsets_km(edt, truth)) < 0.6 < 1.5 < np.median(offsets_km(l2, truth))
    wrong = edt.assignments[edt.assignments["pick_id"].isin(picks.loc[picks.index % 30 == 4, "pick_id"])]
    assert wrong["weight"].max() < 0.01


@pytest.mark.slow
def test_ellipsoids_hold_the_truth_as_often_as_they_say():
    from scipy.stats import chi2

    inside = []
    for seed in range(21, 41):
        truth = perturbed(8, seed=seed, spacing_km=0.5)
        one = location.run_location(truth.catalog, **FAST, **stated(truth.model_error_s), merge=False)
        for e, event_id in enumerate(truth.catalog.events["event_id"]):
            samples = location.posterior(event_id, truth.catalog, 500, locator=one.locator)
            points = samples[["x_km", "y_km", "depth_km"]].to_numpy()
            off = np.array([truth.x_km[e], truth.y_km[e], truth.depth_km[e]]) - points.mean(axis=0)
            inside.append(off @ np.linalg.solve(np.cov(points.T), off) < chi2.ppf(0.68, 3))
    # events of one medium share its errors: the share scatters by 0.2 between media, 0.05 over 20 of them
    assert 0.56 < np.mean(inside) < 0.80


def test_posterior_agrees_with_the_table_and_the_misfit_peaks_at_the_maximum(run, truth):
    event = run.catalog.events.iloc[3]
    samples = location.posterior(event, truth.catalog, 4000, locator=run.locator)
    assert location.locator.half_width(samples["depth_km"].to_numpy(), np.full(4000, 1 / 4000)) == pytest.approx(
        event["depth_error_km"], rel=0.12
    )
    axes = location.ellipsoid(samples)["axes_km"]
    assert (np.diff(axes) <= 0).all()
    x, y, z = samples.attrs["maximum"]
    line = location.misfit_grid(event, truth.catalog, x + np.linspace(-5, 5, 41), y, z, locator=run.locator)
    assert line.shape == (41,) and line.max() == pytest.approx(0, abs=1e-6) and line.argmax() == 20
    cube = location.misfit_grid(event, truth.catalog, [x, x + 1], [y], [z, 200.0, -5.0], locator=run.locator)
    assert cube.shape == (3, 1, 2) and np.isneginf(cube[1:]).all()


def test_events_that_cannot_be_located_are_counted_with_a_reason(truth, caplog):
    pairs = truth.catalog.assignments
    few = pairs[(pairs["event_id"] != 1) | (pairs["station"].isin(pairs["station"].unique()[:2]))]
    few = pd.concat([few[few["event_id"] != 2], few[few["event_id"] == 2].head(3)])
    catalog = truth.catalog.replace(assignments=few)
    with caplog.at_level(logging.INFO, logger="course_utils.location"):
        kept = location.run_location(catalog, **FAST)
    outcomes = kept.outcomes.set_index("event_id")
    assert outcomes.loc[2, "outcome"] == "kept" and "3 arrivals" in outcomes.loc[2, "reason"]
    row = kept.catalog.events.set_index("event_id").loc[2]
    assert row["grade"] == "D" and np.isnan(row["horizontal_error_km"])
    assert "kept" in caplog.text
    removed = location.run_location(catalog, **FAST, unlocatable="remove")
    assert 2 not in set(removed.catalog.events["event_id"]) and 2 not in set(removed.catalog.assignments["event_id"])


def test_stations_without_coordinates_and_double_picks_get_no_weight(truth, caplog):
    picks, pairs = truth.catalog.picks, truth.catalog.assignments
    extra = picks.iloc[[0, 1]].assign(pick_id=[10001, 10002], probability=0.1)
    extra.loc[extra.index[1], "station"] = "XX.GONE."
    more = extra[["pick_id", "station", "phase"]].assign(event_id=1)
    catalog = truth.catalog.replace(picks=pd.concat([picks, extra]), assignments=pd.concat([pairs, more]))
    out = location.locate(catalog, **FAST)
    assert "XX.GONE." in caplog.text
    assert (out.assignments.set_index("pick_id").loc[[10001, 10002], "weight"] == 0).all()


def test_station_terms_recover_delays(truth):
    delays = {name: 0.3 * (-1) ** i for i, name in enumerate(truth.catalog.stations["station"])}
    shift = truth.catalog.picks["station"].map(delays)
    picks = truth.catalog.picks.assign(
        time=truth.catalog.picks["time"] + pd.to_timedelta(shift, unit="s").dt.round("us")
    )
    one = location.run_location(truth.catalog.replace(picks=picks), **FAST, station_terms=True)
    terms = one.station_terms
    assert terms.groupby("phase")["term_s"].mean().abs().max() < 1e-9
    assert np.corrcoef(terms["term_s"], terms["station"].map(delays))[0, 1] > 0.9
    again = location.run_location(truth.catalog.replace(picks=picks), **FAST, corrections=terms)
    before = location.run_location(truth.catalog.replace(picks=picks), **FAST)
    assert again.catalog.events["rms_s"].median() < 0.6 * before.catalog.events["rms_s"].median()


def test_gathering_returns_dropped_picks_and_releases_wrong_ones(truth):
    pairs = truth.catalog.assignments
    rng = np.random.default_rng(3)
    dropped = pairs.index[rng.random(len(pairs)) < 0.3]
    stolen = pairs[pairs["event_id"] == 5].index[3]
    wrong = pairs.drop(dropped).copy()
    if stolen not in dropped:
        wrong.loc[stolen, "event_id"] = 6
    catalog = truth.catalog.replace(assignments=wrong)
    out = location.locate(catalog, **FAST, gather=True, model_error_min_s=0.1)
    found = out.assignments.merge(pairs[["pick_id", "event_id"]], on="pick_id", suffixes=("", "_true"))
    assert (found["event_id"] == found["event_id_true"]).mean() > 0.99
    assert len(found) > 0.9 * len(pairs)
    assert not found["pick_id"].duplicated().any()


def test_events_split_in_two_are_merged(truth):
    pairs, events = truth.catalog.assignments.copy(), truth.catalog.events
    mine = pairs.index[pairs["event_id"] == 4]
    pairs.loc[mine[:12], "event_id"] = 4444
    twin = events[events["event_id"] == 4].assign(event_id=4444)
    catalog = truth.catalog.replace(events=pd.concat([events, twin]), assignments=pairs)
    one = location.run_location(catalog, **FAST)
    assert one.outcomes.set_index("event_id").loc[4444, "outcome"] == "merged"
    assert (one.catalog.assignments["event_id"] == 4).sum() == len(mine)
    assert len(location.locate(catalog, **FAST, merge=False).events) == len(events) + 1


def test_pruning_says_why(run, truth):
    limit = float(run.catalog.events["azimuthal_gap_deg"].median())
    one = location.run_location(truth.catalog, **FAST, **stated(truth.model_error_s), prune_max_gap_deg=limit)
    gone = one.outcomes[one.outcomes["outcome"] == "removed"]
    assert set(gone["event_id"]) == set(run.catalog.events.query("azimuthal_gap_deg > @limit")["event_id"])
    assert len(gone) and gone["reason"].str.contains("gap").all()
    assert not one.catalog.assignments["event_id"].isin(gone["event_id"]).any()


def test_bad_requests_are_refused_by_name(truth):
    with pytest.raises(ValueError, match="sigma"):
        location.locate(truth.catalog, sigma=3)
    with pytest.raises(ValueError, match="velocity"):
        location.locate(Catalog(truth.catalog.events, stations=truth.catalog.stations))
    with pytest.raises(ValueError, match="pick_id"):
        location.locate(
            Catalog(truth.catalog.events, truth.catalog.assignments), truth.catalog.stations, truth.catalog.velocity
        )
    with pytest.raises(ValueError, match="not in the events table"):
        location.posterior(999, truth.catalog)
    with pytest.raises(ValueError, match="one row per station"):
        location.locate(
            truth.catalog, corrections=pd.DataFrame({"station": ["a"], "phase": ["X"], "term_s": [1.0]}), **FAST
        )


def test_empty_catalog_stays_empty(truth):
    c = truth.catalog
    assert not len(location.locate(Catalog(stations=c.stations, velocity=c.velocity), **FAST).events)


def test_no_event_above_the_ground(truth):
    """A source on the sea floor's depth stays at or below it, and is not graded as if its depth were known."""
    catalog = perturbed(3, seed=5, outliers=0.0, spacing_km=0.5).catalog
    early = catalog.picks["time"] - pd.to_timedelta(np.where(catalog.picks["phase"] == "S", 0.0, -0.4), unit="s")
    one = location.run_location(catalog.replace(picks=catalog.picks.assign(time=early)), **FAST)
    for row in one.catalog.events.itertuples():
        x, y = one.locator.frame.to_xy_km(row.latitude, row.longitude)
        assert row.depth_km >= one.locator.ground_km(float(x), float(y)) - 1e-3


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-20, 20), min_size=3, max_size=20), st.integers(0, 2**31))
def test_edt_sum_is_the_sum_over_pairs(reduced, seed):
    tau = np.array(reduced)
    variance = np.random.default_rng(seed).uniform(0.01, 1.0, len(tau))
    inverse, height = np.empty((2, len(tau), len(tau)))
    full = likelihood.pair_terms(variance, inverse, height)
    a, b = np.tril_indices(len(tau), -1)
    both = variance[a] + variance[b]
    terms = np.exp(-((tau[a] - tau[b]) ** 2) / (2 * both)) / np.sqrt(2 * both)
    assert likelihood.edt_sum(tau, inverse, height) == pytest.approx(terms.sum(), abs=1e-4 * full)
    assert likelihood.edt_sum(tau + 7.0, inverse, height) == pytest.approx(terms.sum(), abs=1e-4 * full)


def test_terms_are_damped_and_centred():
    rows = pd.DataFrame({"station": ["a"] * 9 + ["b"] * 9 + ["c"], "phase": "P", "used": True, "weight": 1.0})
    rows["residual_s"] = [0.4] * 9 + [0.0] * 9 + [9.0]
    terms = update_terms(None, rows, least=5)
    np.testing.assert_allclose(terms["term_s"], [0.15, -0.15])


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("COURSE_DATA_MIRROR"), reason="COURSE_DATA_MIRROR is not set")
def test_iceland_epicenters_agree_with_quakemigrate():
    from course_utils import data

    opened = data.open("qm-volcanotectonic")
    tables = [opened[k] for k in ("events", "assignments", "picks", "stations", "velocity")]
    found = location.locate(Catalog(*tables))
    both = found.events.merge(tables[0], on="event_id", suffixes=("", "_qm"))
    apart = distance_azimuth(both["latitude"], both["longitude"], both["latitude_qm"], both["longitude_qm"])[0]
    assert len(both) == 20 and np.median(apart) <= 0.4
