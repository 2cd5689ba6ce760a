"""Matching is exact: as many pairs as any other pairing inside the gates, and among those the least misfit."""

import itertools
import time
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.catalog import matching
from course_utils.catalog.matching import assign, match_events, match_picks, near_in_time
from course_utils.catalog.tables import TableError, empty

START = pd.Timestamp("2022-12-20T10:00:00Z")


def picks_at(seconds, station="NC.KMPB.", phase="P"):
    return pd.DataFrame(
        {"station": station, "phase": phase, "time": START + pd.to_timedelta(np.asarray(seconds, float), unit="s")}
    )


def events_at(seconds, latitude=40.5, longitude=-124.0, depth_km=10.0):
    frame = pd.DataFrame({"time": START + pd.to_timedelta(np.asarray(seconds, float), unit="s")})
    return frame.assign(latitude=latitude, longitude=longitude, depth_km=depth_km)


def brute_force(n_left, edges):
    """Best (number of pairs, total cost) over all pairings; ``edges`` maps (left, right) to cost."""

    def best(i, used):
        if i == n_left:
            return 0, 0.0
        options = [best(i + 1, used)]
        for (a, b), cost in edges.items():
            if a == i and b not in used:
                pairs, total = best(i + 1, used | {b})
                options.append((pairs + 1, total + cost))
        return min(options, key=lambda o: (-o[0], o[1]))

    return best(0, frozenset())


edge_sets = st.dictionaries(
    st.tuples(st.integers(0, 5), st.integers(0, 5)), st.floats(0, 9, allow_subnormal=False), max_size=16
)


@pytest.mark.parametrize("dense_cells", [1_000_000, 0], ids=["dense", "sparse"])
@given(edges=edge_sets)
@settings(max_examples=80, deadline=None)
def test_assignment_equals_brute_force(dense_cells, edges):
    left, right = np.array(list(edges), dtype=int).reshape(-1, 2).T
    cost = np.array(list(edges.values()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "_DENSE_CELLS", dense_cells)
        chosen = assign(left, right, cost)
    assert len(set(left[chosen])) == len(chosen) == len(set(right[chosen]))
    pairs, total = brute_force(6, edges)
    assert len(chosen) == pairs
    assert cost[chosen].sum() == pytest.approx(total, abs=1e-6)


@given(
    a=st.lists(st.integers(0, 30), max_size=5),
    b=st.lists(st.integers(0, 30), max_size=5),
    tolerance=st.integers(0, 6),
)
@settings(max_examples=60, deadline=None)
def test_picks_equal_brute_force(a, b, tolerance):
    # Tenths of seconds on both sides, so that ties and gate-wide differences happen all the time.
    a, b = sorted(set(a)), sorted(set(b))
    result = match_picks(picks_at(np.array(a) / 10), picks_at(np.array(b) / 10), tolerance / 10)
    edges = {
        (i, j): ((x - y) / 10) ** 2
        for (i, x), (j, y) in itertools.product(enumerate(a), enumerate(b))
        if abs(x - y) <= tolerance
    }
    pairs, total = brute_force(len(a), edges)
    assert len(result.matched) == pairs
    assert (result.matched["residual_s"] ** 2).sum() == pytest.approx(total, abs=1e-9)
    assert len(result.missed) == len(b) - pairs
    assert len(result.proposed) == len(a) - pairs


def test_taking_the_nearest_in_turn_would_lose_a_pair():
    # The pick at 10.4 is nearest to the reference at 10.5, but taking it leaves 10.0 and 10.9 apart.
    result = match_picks(picks_at([10.4, 10.95]), picks_at([10.0, 10.5]), tolerance_s=0.5)
    assert result.recall == result.precision == result.f1 == 1.0
    assert sorted(result.matched["residual_s"].round(6)) == [0.4, 0.45]


def test_the_least_cost_decides_between_equally_many_pairs():
    result = match_picks(picks_at([0.0, 1.0]), picks_at([0.2, 1.1]), tolerance_s=2.0)
    assert sorted(result.matched["residual_s"].round(6)) == [-0.2, -0.1]


def test_residual_is_pick_minus_reference_and_ids_belong_to_the_rows():
    mine, theirs = picks_at([5.3]).assign(pick_id=7), picks_at([5.0]).assign(pick_id=9)
    row = match_picks(mine, theirs, 0.5).matched.iloc[0]
    assert row["residual_s"] == pytest.approx(0.3)
    assert (row["pick_id"], row["reference_id"], row["station"], row["phase"]) == (7, 9, "NC.KMPB.", "P")


def test_phases_and_stations_do_not_mix():
    mine = pd.concat([picks_at([1.0], "A.A."), picks_at([1.0], "B.B.", "S")])
    theirs = pd.concat([picks_at([1.0], "A.A.", "S"), picks_at([1.0], "B.B.", "P")])
    assert len(match_picks(mine, theirs, 5.0).matched) == 0


def test_gates_are_inclusive_and_midnight_is_no_border():
    late = pd.DataFrame(
        {"station": "A.A.", "phase": "P", "time": pd.to_datetime(["2020-12-31T23:59:59.900000Z"], utc=True)}
    )
    early = late.assign(time=pd.to_datetime(["2021-01-01T00:00:00.100000Z"], utc=True))
    assert match_picks(late, early, 0.2).recall == 1.0
    assert match_picks(late, early, 0.199999).recall == 0.0


def test_events_are_gated_in_time_space_and_depth():
    reference = events_at([0.0, 60.0, 120.0])
    events = pd.concat(
        [
            events_at([0.4]),
            events_at([60.0], latitude=40.6),  # 11.1 km north
            events_at([120.0], depth_km=25.0),
        ]
    )
    assert len(match_events(events, reference, 1.0, 20.0).matched) == 3
    assert len(match_events(events, reference, 1.0, 5.0).matched) == 2
    assert len(match_events(events, reference, 1.0, 20.0, max_depth_km=5.0).matched) == 2
    assert len(match_events(events, reference, 0.3, 20.0).matched) == 2
    matched = match_events(events, reference, 1.0, 20.0).matched
    assert matched["dt_s"].tolist() == pytest.approx([0.4, 0.0, 0.0])
    assert matched["distance_km"].tolist() == pytest.approx([0.0, 11.1, 0.0], abs=0.01)
    assert matched["depth_difference_km"].tolist() == pytest.approx([0.0, 0.0, 15.0])


def test_event_assignment_is_optimal_where_greedy_is_wrong():
    # Event 0 lies nearest to reference 1; event 1 reaches only reference 1; both find a partner.
    events, reference = events_at([0.9, 1.6]), events_at([0.0, 1.0])
    result = match_events(events, reference, max_dt_s=1.0, max_km=5.0)
    assert len(result.matched) == 2
    assert result.matched["dt_s"].tolist() == pytest.approx([0.9, 0.6])


def test_distance_across_the_date_line():
    west, east = events_at([0.0], 52.0, 179.99), events_at([0.0], 52.0, -179.99)
    assert match_events(west, east, 1.0, 2.0).matched["distance_km"].iloc[0] == pytest.approx(1.37, abs=0.01)


@pytest.mark.parametrize("mine, theirs", [(0, 0), (0, 2), (2, 0)])
def test_empty_tables(mine, theirs):
    seconds = [1.0, 400.0]
    result = match_events(
        events_at(seconds) if mine else empty("events"), events_at(seconds) if theirs else empty("events"), 1.0, 5.0
    )
    picks = match_picks(
        picks_at(seconds) if mine else empty("picks"), picks_at(seconds) if theirs else empty("picks"), 1.0
    )
    for match in (result, picks):
        assert (len(match.matched), len(match.missed), len(match.proposed)) == (0, theirs, mine)
        assert np.isnan(match.recall) == (theirs == 0)
        assert np.isnan(match.precision) == (mine == 0)
    assert list(result.matched) == ["event_id", "reference_id", "dt_s", "distance_km", "depth_difference_km"]


def test_infinite_gates_pair_everything():
    result = match_events(events_at([0.0, 1e6]), events_at([2e6, 3e6], latitude=-40.0), np.inf, np.inf, np.inf)
    assert result.f1 == 1.0


@pytest.mark.parametrize("gate", [-1.0, float("nan")])
def test_bad_gates_are_refused(gate):
    with pytest.raises(ValueError, match="tolerance_s is"):
        match_picks(picks_at([0.0]), picks_at([0.0]), gate)
    with pytest.raises(ValueError, match="max_km is"):
        match_events(events_at([0.0]), events_at([0.0]), 1.0, gate)


def test_a_broken_table_is_refused():
    with pytest.raises(TableError, match="no column"):
        match_events(events_at([0.0]).drop(columns="depth_km"), events_at([0.0]), 1.0, 1.0)


def test_station_codes_written_differently_are_pointed_out():
    with pytest.warns(UserWarning, match="no station in common"):
        match_picks(picks_at([0.0], "NC.KMPB."), picks_at([0.0], "KMPB"), 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        match_picks(picks_at([0.0]), picks_at([50.0]), 1.0)


def test_the_callers_frames_are_not_edited():
    mine, theirs = picks_at([3.0, 1.0]), picks_at([1.1, 3.1])
    before = mine.copy(), theirs.copy()
    match_picks(mine, theirs, 1.0)
    pd.testing.assert_frame_equal(mine, before[0])
    pd.testing.assert_frame_equal(theirs, before[1])


@given(
    st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 2)), max_size=12),
    st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 2)), max_size=12),
    st.integers(0, 20),
)
@settings(max_examples=60, deadline=None)
def test_near_in_time_finds_every_pair(a, b, gate):
    ta, tb = (
        pd.Series(START + pd.to_timedelta([t for t, _ in x], unit="s"), dtype="datetime64[us, UTC]") for x in (a, b)
    )
    left, right, dt = near_in_time(ta, tb, gate, np.array([g for _, g in a]), np.array([g for _, g in b]))
    expected = {
        (i, j): x - y
        for (i, (x, g)), (j, (y, h)) in itertools.product(enumerate(a), enumerate(b))
        if abs(x - y) <= gate and g == h
    }
    assert dict(zip(zip(left.tolist(), right.tolist(), strict=True), dt.tolist(), strict=True)) == expected


def test_a_hundred_thousand_picks_take_seconds():
    rng = np.random.default_rng(4)
    n = 100_000
    seconds = np.sort(rng.uniform(0, 86400, n)).round(3) + np.arange(n) * 1e-5
    station = np.array([f"XX.S{i:02d}." for i in rng.integers(0, 40, n)])
    phase = np.where(rng.random(n) < 0.5, "P", "S")
    reference = picks_at(seconds, station, phase)
    picks = picks_at(seconds + rng.normal(0, 0.2, n).round(4), station, phase)
    began = time.process_time()
    result = match_picks(picks, reference, tolerance_s=1.0)
    assert time.process_time() - began < 30  # a few seconds; the limit only catches quadratic behaviour
    assert result.recall > 0.99


def test_one_large_component_is_solved_exactly():
    # 1500 against 1500 in one tangle: more than the dense solver is given. Sorted pairing is optimal in one dimension.
    rng = np.random.default_rng(1)
    a, b = np.sort(rng.uniform(0, 300, 1500)), np.sort(rng.uniform(0, 300, 1500))
    left, right, dt = near_in_time(picks_at(a)["time"], picks_at(b)["time"], 20.0)
    chosen = assign(left, right, dt**2)
    assert len(chosen) == 1500
    assert (dt[chosen] ** 2).sum() == pytest.approx(((a - b) ** 2).sum(), abs=1e-2)
