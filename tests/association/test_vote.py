"""The vote: exact cases, small networks, outages, noise, and what must not change its result."""

import os

import numpy as np
import pandas as pd
import pytest
from conftest import COAST, VOLCANO, make_picks, network, regional
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.association import associate, associate_with_report, score, settings_for
from course_utils.association import vote_kernels as kernels
from course_utils.association.vote import _even
from course_utils.catalog.matching import match_events
from course_utils.catalog.tables import empty


def at(*rows):
    """Events (x_km, y_km, depth_km, time_s)."""
    return pd.DataFrame(rows, columns=["x_km", "y_km", "depth_km", "time_s"])


def small(events, n=12, noise=0.0, error_s=0.02, detection=1.0, seed=5):
    return make_picks(
        network(n, 50, seed), VOLCANO, events, seed=seed, reach_km=60, error_s=error_s, detection=detection, noise=noise
    )


def vote(picks, **overrides):
    return associate(picks.picks, picks.stations, picks.velocity, method="vote", **overrides)


def test_one_event_is_found_where_it_is_with_all_its_picks():
    picks = small(at((2.0, -3.0, 5.0, 100.0)))
    catalog = vote(picks)
    found = match_events(catalog.events, picks.events, 0.2, 1.0)
    assert len(found.matched) == len(catalog.events) == 1
    assert abs(found.matched["depth_difference_km"].iloc[0]) < 1.5
    assert set(catalog.assignments["pick_id"]) == set(picks.truth["pick_id"])


@pytest.mark.parametrize("gap_s", [2.0, 3.0])
def test_two_events_at_one_place_seconds_apart_are_two(gap_s):
    picks = small(at((2.0, -3.0, 5.0, 100.0), (2.5, -2.5, 5.5, 100.0 + gap_s)), error_s=0.05)
    scored = score(vote(picks).assignments, picks.truth)
    assert len(scored.pairs) == scored.n_events == 2
    assert scored.pick_f1 >= 0.95


def test_two_events_at_one_time_far_apart_are_two():
    picks = make_picks(
        network(30, 200, 8), COAST, at((-55, -40, 9.0, 60.0), (50, 45, 12.0, 60.3)), seed=8, reach_km=70, noise=0.0
    )
    scored = score(vote(picks).assignments, picks.truth)
    assert len(scored.pairs) == scored.n_events == 2


@pytest.mark.parametrize("n", [3, 4, 6])
def test_networks_of_few_stations(n):
    rng = np.random.default_rng(n)
    events = at(*((*rng.uniform(-8, 8, 2), rng.uniform(3, 7), 60.0 * (i + 1)) for i in range(6)))
    picks = small(events, n=n, noise=0.2, error_s=0.04)
    scored = score(vote(picks).assignments, picks.truth, picks.n_noise)
    assert len(scored.pairs) == scored.n_events == 6
    assert scored.pick_recall >= 0.95


def test_stations_that_are_down_do_not_speak_against_an_event():
    """Eight of twelve stations are silent: what they do not say must not outweigh what the others say."""
    picks = small(at((2.0, -3.0, 5.0, 100.0)))
    alive = picks.stations["station"].iloc[:4]
    left = picks.picks[picks.picks["station"].isin(alive)]
    catalog = associate(left, picks.stations, picks.velocity, method="vote")
    assert len(catalog.events) == 1
    assert len(catalog.assignments) == len(left) == 8


@pytest.mark.parametrize("seed", [1, 2])
def test_noise_alone_gives_no_events(seed):
    rng = np.random.default_rng(seed)
    stations = network(24, 170, seed)
    n = 3000
    picks = pd.DataFrame(
        {
            "station": rng.choice(stations["station"], n),
            "phase": rng.choice(["P", "S"], n),
            "time": pd.Timestamp("2022-12-20T22:00:00Z") + pd.to_timedelta(rng.uniform(0, 4 * 3600, n), unit="s"),
        }
    )
    assert len(associate(picks, stations, COAST, method="vote").events) == 0


@pytest.fixture(scope="module")
def crowd():
    return regional(seed=3, n_events=24, hours=1.0, noise=1.0)


@pytest.fixture(scope="module")
def crowd_result(crowd):
    return vote(crowd)


def test_a_regional_hour_with_as_much_noise_as_picks(crowd, crowd_result):
    scored = score(crowd_result.assignments, crowd.truth, crowd.n_noise, min_picks=8)
    assert scored.event_f1 >= 0.95
    assert scored.pick_f1 >= 0.93
    assert scored.noise_assigned <= 0.05


def test_neither_order_nor_a_shift_in_time_matters(crowd, crowd_result):
    shift = pd.Timedelta(days=365 * 20)
    moved = crowd.picks.assign(time=crowd.picks["time"] + shift).sample(frac=1.0, random_state=4)
    later = associate(moved, crowd.stations, crowd.velocity, method="vote")
    assert (later.events["time"] - shift).tolist() == crowd_result.events["time"].tolist()
    assert later.assignments["residual_s"].tolist() == crowd_result.assignments["residual_s"].tolist()


def test_no_event_lacks_what_its_settings_ask_for(crowd):
    catalog, report = associate_with_report(
        crowd.picks,
        crowd.stations,
        crowd.velocity,
        method="vote",
        min_picks=12,
        min_both=3,
        min_p_picks=4,
        min_s_picks=4,
    )
    assert len(catalog.events) > 5
    by_event = catalog.assignments.groupby("event_id")
    assert by_event.size().min() >= 12
    both = catalog.assignments.groupby(["event_id", "station"])["phase"].nunique() == 2
    assert both.groupby("event_id").sum().min() >= 3
    assert not catalog.assignments["pick_id"].duplicated().any()
    assert report.gates["picks"].sum() == len(crowd.picks)


def test_too_few_picks_give_an_empty_catalog(crowd):
    catalog = associate(crowd.picks.iloc[:5], crowd.stations, crowd.velocity, method="vote")
    assert list(catalog.events) == list(empty("events")) and not len(catalog.events)


def test_every_setting_is_explained(crowd):
    for name, field in type(settings_for(crowd.stations, crowd.velocity, "vote")).model_fields.items():
        assert field.description and len(field.description) > 20, name


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.floats(0.2, 2.0))
def test_back_projection_equals_a_count_written_out(seed, bins, bin_s):
    """Any node's best window of three bins, by numpy: the kernel's blocks leave no seam."""
    rng = np.random.default_rng(seed)
    nodes, channels, n = 4, 6, 80
    travel = rng.uniform(1.0, 9.0, (channels, nodes)).astype(np.float32)
    length = bins * bin_s
    channel = np.sort(rng.integers(0, channels, n))
    time = rng.uniform(0.0, length + 12.0, n)
    time = time[np.lexsort((time, channel))]
    first = np.searchsorted(channel, np.arange(channels + 1))
    free, weight = rng.random(n) < 0.8, rng.uniform(0.5, 2.0, n).astype(np.float32)
    grid = (
        nodes,
        np.arange(0, channels * nodes + 1, nodes),
        np.tile(np.arange(nodes, dtype=np.int32), channels),
        travel.ravel(),
    )
    best, node = kernels.back_project(grid, (time, weight, free, first), weight, 0.0, bins, bin_s, float(travel.max()))
    windows = np.zeros((nodes, bins))
    for k in np.flatnonzero(free):
        for i in range(nodes):
            b = int(np.floor((time[k] - travel[channel[k], i]) / bin_s))
            for c in (b - 1, b, b + 1):
                if 0 <= c < bins:
                    windows[i, c] += weight[k]
    # an origin time within rounding of a bin's edge may fall on either side
    same = np.isclose(best, windows.max(0), atol=1e-3)
    assert same.mean() >= 1 - 9 / bins if bins > 90 else (~same).sum() <= 6
    heard = np.flatnonzero(same & (best > 0))
    assert np.allclose(windows[node[heard], heard], best[heard], atol=1e-3)


@given(st.lists(st.floats(0, 10, width=32), min_size=1, max_size=50), st.floats(0.5, 9))
def test_peaks_are_local_maxima_and_none_is_left_out(values, least):
    best = np.array(values, np.float32)
    found = set(kernels.peaks(best, least).tolist())
    for b, v in enumerate(best):
        before = best[b - 1] if b else 0.0
        after = best[b + 1] if b + 1 < len(best) else 0.0
        assert (b in found) == (v >= least and v > before and v >= after)


@given(st.floats(-100, 100), st.floats(0.5, 200), st.floats(0.3, 50))
def test_nodes_are_at_most_their_spacing_apart_and_reach_both_ends(low, width, spacing):
    nodes = _even(low, low + width, spacing)
    step = width / len(nodes)
    assert step <= spacing * (1 + 1e-9)
    np.testing.assert_allclose([nodes[0] - step / 2, nodes[-1] + step / 2], [low, low + width], atol=1e-6)


@pytest.mark.real
@pytest.mark.skipif("COURSE_DATA_MIRROR" not in os.environ, reason="COURSE_DATA_MIRROR is not set")
def test_published_picks():
    from course_utils import data

    chile = data.open("pyocto-picks", progress=False)
    catalog = associate(chile.picks, chile.stations, chile.velocity, method="vote")
    scored = score(catalog.assignments, chile.assignments, int((chile.picks["truth_event"] < 0).sum()))
    assert len(scored.pairs) == scored.n_events == 50
    assert scored.pick_recall >= 0.97 and scored.noise_assigned <= 0.05
    iceland = data.open("qm-volcanotectonic", progress=False)
    catalog = associate(iceland.picks, iceland.stations, iceland.velocity, method="vote")
    found = match_events(catalog.events, iceland.events, max_dt_s=1.0, max_km=3.0)
    assert len(found.matched) >= 19 and len(found.proposed) <= 1
    assert found.matched["distance_km"].median() < 0.4
