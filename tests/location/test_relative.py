from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from relative_world import cluster, offsets
from scipy.sparse.linalg import lsqr

from course_utils import location
from course_utils.catalog.tables import TableError
from course_utils.location.differences import conform_differences
from course_utils.location.relative_errors import respond
from course_utils.location.relative_solve import Links, System, reweight, robust_sigma


@pytest.fixture(scope="module")
def world():
    return cluster(30, seed=1)


@pytest.fixture(scope="module")
def run(world):
    return location.run_relocation(world[0])


def random_problem(n=12, stations=9, seed=0):
    """Links among n events with random slopes, weights and residuals; the rows of the same problem as a sparse matrix."""
    rng = np.random.default_rng(seed)
    i, j = np.triu_indices(n, 1)
    near = rng.random(len(i)) < 0.6
    first, second = np.repeat(i[near], 2 * stations), np.repeat(j[near], 2 * stations)
    station, code = (np.tile(v, near.sum()) for v in (np.repeat(np.arange(stations), 2), np.tile([0, 1], stations)))
    keep = rng.random(len(first)) < 0.7
    first, second, station, code = first[keep], second[keep], station[keep], code[keep]
    m = len(first)
    links = Links.build(first, second, station, code, rng.normal(size=m), np.ones(m), np.zeros(m, bool), stations)
    slope, residual, weight = rng.normal(0, 0.2, (len(links.event), 3)), rng.normal(size=m), rng.uniform(0, 1, m)
    weight[::17] = 0.0
    left = np.column_stack([slope[links.left], np.ones(m)])
    right = np.column_stack([slope[links.right], np.ones(m)])
    rows, pair = np.repeat(np.arange(m), 4), links.pair[links.pair_of_link]
    columns = [(4 * pair[:, side, None] + np.arange(4)).ravel() for side in (0, 1)]
    values = np.concatenate([(weight[:, None] * left).ravel(), -(weight[:, None] * right).ravel()])
    matrix = sp.csr_array((values, (np.tile(rows, 2), np.concatenate(columns))), shape=(m, 4 * n))
    return links, slope, residual, weight, matrix, n


@pytest.mark.parametrize("damping", [0.0, 0.3])
def test_condensed_solution_is_that_of_least_squares_on_all_rows(damping):
    links, slope, residual, weight, matrix, n = random_problem()
    system = System.blank(links, n).fill(links, slope, residual, weight, damping, np.zeros(n, np.int64), False)
    step, _ = system.solve(1e-12)
    rows = sp.vstack([matrix, sp.diags_array(np.sqrt(damping * (matrix.power(2)).sum(axis=0)))])
    wanted = lsqr(rows, np.concatenate([weight * residual, np.zeros(4 * n)]), atol=1e-13, btol=1e-13, iter_lim=5000)[0]
    if damping:
        np.testing.assert_allclose(step.ravel(), wanted, atol=1e-7)
        covariance = np.linalg.inv((rows.T @ rows).toarray())
        blocks = system.covariance(2.0)
        for e in range(n):
            np.testing.assert_allclose(blocks[e], 2.0 * covariance[4 * e : 4 * e + 4, 4 * e : 4 * e + 4], atol=1e-6)
    else:  # origin times are known up to a constant: compare what is resolved
        np.testing.assert_allclose(matrix @ step.ravel(), matrix @ wanted, atol=1e-6)


def test_held_mean_is_the_constrained_least_squares_solution():
    links, slope, residual, weight, matrix, n = random_problem(seed=4)
    group = np.zeros(n, np.int64)
    system = System.blank(links, n).fill(links, slope, residual, weight, 0.1, group, True)
    step, _ = system.solve(1e-12)
    normal = (matrix.T @ matrix).toarray()
    normal[np.diag_indices(4 * n)] *= 1.1
    constraint = np.tile(np.eye(4), n)
    bordered = np.block([[normal, constraint.T], [constraint, np.zeros((4, 4))]])
    right = np.concatenate([matrix.T @ (weight * residual), np.zeros(4)])
    np.testing.assert_allclose(step.ravel(), np.linalg.solve(bordered, right)[: 4 * n], atol=1e-7)
    np.testing.assert_allclose(step.mean(axis=0), 0.0, atol=1e-9)
    inverse = np.linalg.inv(bordered)
    blocks = system.covariance()
    for e in range(n):
        np.testing.assert_allclose(blocks[e], inverse[4 * e : 4 * e + 4, 4 * e : 4 * e + 4], rtol=1e-5, atol=1e-9)


def test_relocation_finds_the_shape_that_noise_hid(world, run):
    catalog, place = world
    before, after = (np.sqrt((offsets(c.events, place) ** 2).mean(axis=0)) for c in (catalog, run.catalog))
    assert (before > 0.35).all()
    assert (after[:2] < 0.06).all() and after[2] < 0.15
    assert (run.outcomes["outcome"] == "relocated").all() and (run.outcomes["cluster"] == 0).all()
    assert run.history["rms_ct_s"].iloc[-1] < 0.25 * run.history["rms_ct_s"].iloc[0]
    assert list(run.catalog.events["event_id"]) == list(range(1, 31))


def test_a_wrong_model_cancels_in_differences():
    catalog, place = cluster(20, seed=5, model_change=0.05, pick_error_s=0.005)
    after = offsets(location.relocate(catalog).events, place)
    assert np.sqrt((after**2).mean()) < 0.12  # a start error of 0.5 km; 5 % of a plane of 3 km is 0.1 km


def test_mean_of_the_cluster_stays_unless_it_is_let_go(world, run):
    catalog, _ = world
    columns = ["latitude", "longitude", "depth_km"]
    drift = (run.catalog.events[columns] - catalog.events[columns]).mean().abs() * [111.0, 85.0, 1.0]
    assert drift.max() < 1e-3
    free = location.relocate(catalog, hold_centroid=False).events
    assert ((free[columns] - catalog.events[columns]).mean().abs() * [111.0, 85.0, 1.0]).max() > 5e-3


def test_result_does_not_depend_on_order_or_direction_of_links(world, run):
    catalog, _ = world
    links = location.catalog_differences(catalog)
    turned = links.rename(columns={"event_id_1": "event_id_2", "event_id_2": "event_id_1"})
    turned = turned.assign(dt_s=-turned["dt_s"]).sample(frac=1.0, random_state=0)
    mixed = catalog.replace(events=catalog.events.sample(frac=1.0, random_state=1))
    again = location.relocate(mixed, turned).events
    for name, metre in (("latitude", 1e-5), ("longitude", 1e-5), ("depth_km", 1e-3)):
        np.testing.assert_allclose(again[name], run.catalog.events[name], rtol=0, atol=metre)


def test_outliers_lose_their_weight(world):
    catalog, place = world
    picks = catalog.picks.copy()
    wrong = picks.index % 25 == 0
    picks.loc[wrong, "time"] += pd.Timedelta("1s")
    one = location.run_relocation(catalog.replace(picks=picks))
    assert np.sqrt((offsets(one.catalog.events, place)[:, :2] ** 2).mean()) < 0.08
    first = one.links["residual_s"].isna()
    assert 0.04 < first.mean() < 0.15, "links with a wrong pick at one of their ends"


def test_two_clusters_are_held_apart_and_a_lone_event_is_kept(world):
    catalog, _ = world
    events = catalog.events.copy()
    far = events["event_id"] > 20
    events.loc[far, "latitude"] += 0.3
    events.loc[events["event_id"] == 30, "longitude"] += 0.5
    one = location.run_relocation(catalog.replace(events=events))
    clusters = one.outcomes.set_index("event_id")["cluster"]
    assert (clusters.loc[:20] == 0).all() and (clusters.loc[21:29] == 1).all() and clusters.loc[30] == -1
    row = one.outcomes.set_index("event_id").loc[30]
    assert row["outcome"] == "kept" and "no neighbour within 10 km" in row["reason"] and row["shift_km"] == 0
    kept = one.catalog.events.set_index("event_id").loc[30]
    assert kept["depth_km"] == events.set_index("event_id").loc[30, "depth_km"]
    assert np.isnan(kept["formal_depth_error_km"])


def test_arrivals_that_cannot_be_right_are_left_out_and_counted(world):
    catalog, _ = world
    pairs, picks = catalog.assignments, catalog.picks.copy()
    few = pairs[pairs["event_id"] == 1].index[3:]
    s = picks[(picks["phase"] == "S") & picks["pick_id"].isin(pairs.loc[pairs["event_id"] == 2, "pick_id"])].index[0]
    picks.loc[s, "time"] -= pd.Timedelta("30s")
    again = picks.iloc[[200]].assign(pick_id=99999)
    owner = pairs.loc[pairs["pick_id"] == picks["pick_id"].iloc[200], "event_id"].iloc[0]
    more = again[["pick_id", "station", "phase"]].assign(event_id=owner)
    changed = catalog.replace(
        picks=pd.concat([picks, again]), assignments=pd.concat([pairs.drop(few), more], ignore_index=True)
    )
    one = location.run_relocation(changed)
    left_out = one.left_out.set_index("reason")["n"]
    assert left_out["second pick of the phase at the station"] == 1
    assert left_out["S not later than P at the station"] in (1, 2)
    assert "3 usable arrivals, fewer than 4" in one.outcomes.set_index("event_id").loc[1, "reason"]
    assert "1 events kept: 3 usable arrivals" in one.summary()


def test_links_that_lead_nowhere_are_counted(world):
    catalog, _ = world
    links = location.catalog_differences(catalog)
    bad = links.iloc[[0, 1, 2]].copy()
    bad.loc[bad.index[0], "event_id_2"] = 777
    bad.loc[bad.index[1], "station"] = "XX.NOWHERE."
    bad.loc[bad.index[2], "event_id_2"] = bad["event_id_1"].iloc[2]
    table = pd.concat([links, bad, links.iloc[[5]]])
    one = location.run_relocation(catalog, table)
    left_out = one.left_out.set_index("reason")["n"]
    for reason in ("not in the events table", "without coordinates", "with itself", "stands twice"):
        assert left_out[left_out.index.str.contains(reason)].tolist() == [1]
    assert "not used: 1 x link that stands twice" in one.summary()
    kept = one.outcomes.assign(outcome="kept", reason="no neighbour within 10 km shares 8 arrivals")
    above = pd.DataFrame({"reason": ["station above the model (used)"], "n": [3]})
    lines = replace(one, outcomes=kept, left_out=above).summary().splitlines()
    assert f"{len(kept)} events kept: no neighbour within 10 km shares 8 arrivals" in lines
    assert lines[-1] == "noted: 3 x station above the model"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"phase": "Pg"}, "phase is 'Pg'"),
        ({"dt_s": np.nan}, "dt_s is nan"),
        ({"weight": 2.0}, "weight is 2.0"),
        ({"kind": "xx"}, "kind is 'xx'"),
    ],
)
def test_rows_that_are_no_links_are_refused(world, change, message):
    links = location.catalog_differences(world[0])
    with pytest.raises(TableError, match=message):
        conform_differences(links.assign(**change))
    with pytest.raises(TableError, match="no column station"):
        conform_differences(links.drop(columns="station"))


def test_nothing_to_relocate_is_refused_with_the_reason(world):
    catalog, _ = world
    links = location.catalog_differences(catalog)
    with pytest.raises(ValueError, match="there are none"):
        location.relocate(catalog, links.iloc[:0])
    with pytest.raises(ValueError, match="not in the events table"):
        location.relocate(catalog, links.assign(event_id_1=links["event_id_1"] + 1000))
    with pytest.raises(ValueError, match="assignments: the table is empty"):
        location.relocate(catalog.replace(assignments=catalog.assignments.iloc[:0]))
    with pytest.raises(ValueError, match="velocity"):
        location.relocate(catalog.replace(velocity=catalog.velocity.iloc[:0]))
    with pytest.raises(ValueError, match="neighbors"):
        location.relocate(catalog, neighbors=5)


def test_an_event_that_leaves_the_ground_is_taken_out(world, run):
    catalog, _ = world
    at = run.problem.links
    pull = np.zeros(len(run.links))  # what the times of event 4 would be 16 km higher, were the slopes constant
    for side, sign, ends in ((0, 1.0, at.left), (1, -1.0, at.right)):
        mine = (at.pair[:, side] == 3)[at.pair_of_link]
        pull[at.order[mine]] -= 16.0 * sign * run.problem.slope[ends[mine], 2]
    links = run.links.assign(dt_s=run.links["dt_s"] + pull)
    one = location.run_relocation(catalog, links, stages=(location.Stage(iterations=5),))
    outcomes = one.outcomes.set_index("event_id")
    assert outcomes.loc[4, "outcome"] == "kept" and outcomes.loc[4, "reason"] == "went above the ground"
    assert (outcomes.drop(4)["outcome"] == "relocated").all()
    assert one.catalog.events["depth_km"].iloc[3] == catalog.events["depth_km"].iloc[3]


def test_a_model_that_starts_below_a_station_is_flagged(world):
    catalog, _ = world
    deep = catalog.velocity.iloc[1:].reset_index(drop=True)
    one = location.run_relocation(catalog.replace(velocity=deep))
    assert one.left_out["reason"].str.contains("above the model's first row at 4 km").sum() == 1


def test_pairs_follow_the_settings(world):
    catalog, _ = world
    links = location.catalog_differences(catalog, neighbours=3, max_links=12)
    sizes = links.groupby(["event_id_1", "event_id_2"]).size()
    assert sizes.max() == 12 and sizes.min() >= 8
    partners = pd.concat([links["event_id_1"], links["event_id_2"]]).nunique()
    assert partners == 30 and 45 <= len(sizes) <= 90
    assert (links["event_id_1"] < links["event_id_2"]).all()
    near = location.catalog_differences(catalog, max_station_km=30.0)
    assert near["station"].nunique() < links["station"].nunique()
    one = location.run_relocation(catalog, max_station_km=30.0)
    assert one.left_out["reason"].str.contains("farther than 30 km").any()


def test_stated_pick_errors_weigh(world):
    catalog, _ = world
    picks = catalog.picks.assign(pick_error_s=np.where(catalog.picks["phase"] == "P", 0.16, np.nan))
    links = location.catalog_differences(catalog.replace(picks=picks))
    assert links.groupby("phase")["weight"].first().to_dict() == pytest.approx({"P": 0.5, "S": 1.0})


def test_weights_fall_with_residual_and_separation():
    residual, apart = np.array([0.0, 0.05, 0.2, np.nan]), np.array([0.0, 1.0, 0.0, 0.0])
    stage = location.Stage(ct_max_km=2.0, cc_p=0.3)
    no = np.zeros(4, bool)
    weight, _ = reweight(residual, apart, no, np.ones(4), np.zeros(4, int), stage)
    np.testing.assert_allclose(weight, [1.0, (1 - 0.125) ** 3, 1.0, 0.0])
    weight, _ = reweight(residual, apart, ~no, np.ones(4), np.zeros(4, int), stage)
    np.testing.assert_allclose(weight, [0.3, 0.3, 0.3, 0.0])
    values = np.random.default_rng(0).normal(0, 0.1, 1000)
    weight, cut = reweight(
        values, values * 0, np.zeros(1000, bool), np.ones(1000), np.zeros(1000), location.Stage(ct_sigmas=2)
    )
    assert cut["ct"] == pytest.approx(2 * robust_sigma(values)) and robust_sigma(values) == pytest.approx(0.1, rel=0.1)
    assert ((weight == 0) == (np.abs(values) >= cut["ct"] * 0.99)).mean() > 0.99


@pytest.mark.slow
def test_errors_from_picks_are_as_large_as_the_errors_are():
    squares = {name: [] for name in ("picks", "stations", "links", "formal")}
    for seed in range(5):
        catalog, place = cluster(25, seed=seed)
        one = location.run_relocation(catalog)
        off = offsets(one.catalog.events, place)
        spread = {by: location.bootstrap(one, 80, by) for by in ("picks", "stations")}
        draws = np.random.default_rng(0).exponential(size=(80, len(one.problem.residual)))
        spread["links"] = respond(one, draws)
        for name, steps in spread.items():
            squares[name].append((off / steps[:, :, :3].std(axis=0)) ** 2)
        sigma = one.catalog.events.sort_values("event_id")["formal_depth_error_km"].to_numpy()
        squares["formal"].append((off[:, 2] / sigma) ** 2)
    ratio = {
        name: float(np.sqrt(np.concatenate([v.ravel() for v in values]).mean())) for name, values in squares.items()
    }
    assert 0.8 < ratio["picks"] < 1.3
    assert ratio["picks"] < ratio["stations"] < 2.0
    assert ratio["links"] > 2.0 and ratio["formal"] > 2.0


def test_bootstrap_is_repeatable_and_refuses_to_draw_differences(run):
    errors = location.bootstrap_errors(run, 40)
    pd.testing.assert_frame_equal(errors, location.bootstrap_errors(run, 40))
    assert len(errors) == 30 and (errors[["horizontal_error_km", "depth_error_km", "origin_error_s"]] > 0).all().all()
    with pytest.raises(ValueError, match="share picks"):
        location.bootstrap(run, by="differences")
