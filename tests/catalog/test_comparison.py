"""A comparison counts every event of both catalogs once, whatever the days, and its intervals are bootstrap intervals."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.catalog.comparison import (
    FATES,
    by_day,
    chance_matches,
    compare,
    compare_picks,
    confusion,
    nearest_km,
    residual_statistics,
)
from course_utils.catalog.intervals import intervals, recall_curve
from course_utils.catalog.tables import Catalog, conform, empty

NOON = pd.Timestamp("2019-07-04T12:00:00Z")
HOUR = 3600.0


def events_at(seconds, magnitude=None, kind=None, latitude=35.7, longitude=-117.5):
    seconds = np.asarray(seconds, float)
    table = pd.DataFrame({"time": NOON + pd.to_timedelta(seconds, unit="s")})
    table = table.assign(latitude=latitude, longitude=longitude, depth_km=8.0, event_id=np.arange(len(table)) + 1)
    return conform(table.assign(magnitude=magnitude, event_type=kind), "events")


seconds = st.lists(st.integers(-40, 40), max_size=5, unique=True)
magnitudes = st.lists(st.one_of(st.none(), st.floats(0, 4)), min_size=5, max_size=5)


def most_pairs(a, b, gate):
    """As many pairs as any pairing has, by trying all."""
    if not a:
        return 0
    rest = [most_pairs(a[1:], b[:i] + b[i + 1 :], gate) + 1 for i in range(len(b)) if abs(a[0] - b[i]) <= gate]
    return max([most_pairs(a[1:], b, gate), *rest])


@given(a=seconds, b=seconds, m=magnitudes, gate=st.integers(0, 30), hours=st.sampled_from([0, 12, 30]))
@settings(max_examples=60, deadline=None)
def test_counts_equal_brute_force_and_add_up_on_every_day(a, b, m, gate, hours):
    # around noon, or around midnight, where days must not lose a pair
    mine, theirs = (events_at(np.array(x) + hours * HOUR, m[: len(x)]) for x in (a, b))
    c = compare(mine, theirs, gate, 10.0)
    facts, days = c.summary(), by_day(c)
    assert facts["matched"] == most_pairs(a, b, gate)
    assert facts["matched"] + facts["missed"] == len(b) == days["reference"].sum()
    assert facts["matched"] + facts["proposed"] == len(a) == days["events"].sum()
    assert days["found"].sum() == facts["matched"] and days["missed"].sum() == facts["missed"]
    assert days["proposed"].sum() == facts["proposed"] and (days["reference"] == days["found"] + days["missed"]).all()
    assert confusion(c).to_numpy().sum() == len(a) + facts["missed"]
    table = residual_statistics(c.pairs)
    both = c.pairs["magnitude_difference"].notna().sum()
    assert table.loc["magnitude_difference", "n"] == both and table.loc["dt_s", "n"] == facts["matched"]


def test_an_event_at_midnight_is_found_also_when_only_one_day_is_looked_at():
    late, early = 12 * HOUR - 0.2, 12 * HOUR + 0.2
    mine, theirs = events_at([late, 100.0, early + 500]), events_at([early, 100.3, late - 700])
    day = pd.Timestamp("2019-07-05", tz="UTC")
    second = compare(mine, theirs, 1.0, 5.0, span=(day, day + pd.Timedelta("1D")))
    assert (second.summary()["matched"], second.summary()["missed"], second.summary()["proposed"]) == (1, 0, 1)
    assert second.pairs["dt_s"].iloc[0] == pytest.approx(-0.4)
    first = compare(mine, theirs, 1.0, 5.0, span=(day - pd.Timedelta("1D"), day))
    assert (first.summary()["matched"], first.summary()["missed"], first.summary()["proposed"]) == (1, 1, 0)


def test_a_missing_day_counts_as_missed_and_is_listed():
    theirs = events_at(np.arange(8) * 8 * HOUR)  # 4 to 6 July
    mine = theirs.iloc[[0, 1, 5, 6, 7]].reset_index(drop=True)  # nothing on 5 July
    facts = compare(mine, theirs, 1.0, 5.0).summary()
    assert facts["days_without_events"] == ["2019-07-05"] and facts["missed_on_days_without_events"] == 3
    assert facts["missed"] == 3 and facts["recall"] == pytest.approx(5 / 8)
    turned = compare(theirs, mine, 1.0, 5.0).summary()
    assert turned["days_without_reference"] == ["2019-07-05"] and turned["proposed_on_days_without_reference"] == 3
    # one event just before midnight that pairs across it does not leave a day missing
    across = compare(events_at([12 * HOUR - 0.1]), events_at([12 * HOUR + 0.1]), 1.0, 5.0).summary()
    assert across["days_without_events"] == [] and across["matched"] == 1


@pytest.mark.parametrize("mine, theirs", [(0, 0), (0, 3), (3, 0)])
def test_an_empty_side_is_no_error(mine, theirs):
    tables = [events_at(np.arange(n) * 60.0) if n else empty("events") for n in (mine, theirs)]
    c = compare(*tables, 1.0, 5.0)
    facts = c.summary()
    assert (facts["matched"], facts["missed"], facts["proposed"]) == (0, theirs, mine)
    assert facts["recall"] == (0.0 if theirs else None) and facts["precision"] == (0.0 if mine else None)
    assert residual_statistics(c.pairs)["n"].eq(0).all()
    assert intervals(c).loc["recall", ["value"]].isna().all() == (theirs == 0)
    assert chance_matches(*tables, 1.0, 5.0)["matched"].eq(0).all()
    assert len(recall_curve(c.wanted["found"], c.wanted["magnitude"])) == 0  # no magnitudes


def test_differences_have_a_sign_and_a_direction():
    mine = events_at([0.5], [2.3], latitude=35.7 + 0.009, longitude=-117.5 - 0.011)
    row = compare(mine, events_at([0.0], [2.0]), 1.0, 5.0).pairs.iloc[0]
    assert row["dt_s"] == 0.5 and row["magnitude_difference"] == pytest.approx(0.3)
    assert row["north_km"] == pytest.approx(1.0, abs=0.01) and row["east_km"] == pytest.approx(-1.0, abs=0.01)
    assert np.hypot(row["east_km"], row["north_km"]) == pytest.approx(row["distance_km"])


def test_robust_statistics_by_hand():
    pairs = compare(events_at([0.1, 60.2, 120.3, 180.4, 249.0]), events_at([0, 60, 120, 180, 240]), 10.0, 5.0).pairs
    row = residual_statistics(pairs).loc["dt_s"]
    assert (
        row["median"] == pytest.approx(0.3) and row["mad"] == pytest.approx(0.1) and row["mean"] == pytest.approx(2.0)
    )
    assert row["beyond_3_sd"] == pytest.approx(0.2) and row["largest"] == pytest.approx(9.0)


def test_confusion_by_type_keeps_events_of_unknown_type():
    mine = events_at([0, 60, 300], kind=["earthquake", "quarry blast", None])
    theirs = events_at([0, 60, 900], kind=["earthquake", "earthquake", "quarry blast"])
    table = confusion(compare(mine, theirs, 1.0, 5.0))
    assert table.loc["earthquake", "earthquake"] == table.loc["earthquake", "quarry blast"] == 1
    assert table.loc["quarry blast", "not in it"] == table.loc["not in it", "event"] == 1
    assert table.index[-1] == table.columns[-1] == "not in it" and table.to_numpy().sum() == 4


def test_unexpected_events_may_be_matched_but_are_not_missed():
    theirs = events_at([0, 60, 120])
    c = compare(events_at([0, 60]), theirs, 1.0, 5.0, expected=frozenset([1]))
    assert c.summary()["matched"] == 2 and c.summary()["recall"] == 1.0 and len(c.missed) == 0
    assert by_day(c)["reference"].sum() == 1


def test_chance_matches_wrap_around_and_find_unrelated_catalogs_alike():
    rng = np.random.default_rng(1)
    mine, theirs = events_at(np.sort(rng.uniform(0, HOUR, 300))), events_at(np.sort(rng.uniform(0, HOUR, 300)))
    real = compare(mine, theirs, 1.0, 5.0).summary()["matched"]
    shifted = chance_matches(mine, theirs, 1.0, 5.0)
    assert set(shifted["shift_s"].abs()) == {600.0}  # an hour is more than half of what is covered
    assert shifted["matched"].between(0.7 * real, 1.3 * real).all()
    whole = chance_matches(mine, mine, 1.0, 5.0, [0.0])
    assert whole["matched"].tolist() == [300]


def test_distance_to_the_nearest_station_or_to_the_middle():
    events = events_at([0, 60, 120], latitude=np.array([35.0, 35.1, 36.0]))
    stations = pd.DataFrame({"latitude": [35.0, 36.0], "longitude": [-117.5, -117.4]})
    assert nearest_km(events, stations) == pytest.approx([0.0, 11.1, 9.0], abs=0.1)
    assert nearest_km(events) == pytest.approx([11.1, 0.0, 99.9], abs=0.1)


def catalog(seconds, picks):
    """A catalog of events and of picks given as (event number or None, station, seconds)."""
    table = pd.DataFrame(picks, columns=["event", "station", "at"])
    frame = table.assign(phase="P", time=NOON + pd.to_timedelta(table["at"], unit="s"))
    frame = conform(frame[["station", "phase", "time", "event"]], "picks")
    assigned = frame[frame["event"].notna()]
    pairs = assigned[["pick_id", "station", "phase"]].assign(event_id=assigned["event"].astype(int), weight=0.5)
    return Catalog(events=events_at(seconds), picks=frame.drop(columns="event"), assignments=pairs)


def test_fates_of_arrivals():
    theirs = catalog([0, 60], [(1, "A.A.", 1), (1, "A.B.", 2), (1, "A.C.", 3), (1, "A.D.", 4), (2, "A.A.", 61)])
    mine = catalog(
        [0.1, 300], [(1, "A.A.", 1.1), (2, "A.B.", 2.1), (None, "A.C.", 3.1), (1, "A.D.", 4.9), (2, "A.A.", 301)]
    )
    match = compare(mine.events, theirs.events, 1.0, 5.0).match
    found = compare_picks(mine, theirs, match, 0.5)
    assert found.arrivals["fate"].tolist() == [*FATES, FATES[3]]
    assert found.arrivals["weight"].eq(0.5).all()
    row = found.events.iloc[0]
    assert len(found.events) == 1 and (row["n"], row["n_reference"], row["n_common"]) == (2, 4, 1)
    assert row["residual_s"] == pytest.approx(0.1)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=30))
@settings(max_examples=40, deadline=None)
def test_recall_curve_counts_as_a_loop_does(rows):
    found, values, blocks = (pd.Series([r[i] for r in rows]) for i in range(3))
    for edges in (None, np.array([0.0, 2.0, 3.0])):
        curve = recall_curve(found, values.where(values > 0, np.nan), edges, blocks)
        assert curve.attrs["left_out"] == (values == 0).sum()
        for row in curve.itertuples():
            inside = values == row.value if edges is None else (values > 0) & ((values < 2) == (row.value == 1.0))
            assert (row.n, row.found) == (inside.sum(), (found & inside).sum())
            assert 0 <= row.low <= row.recall + 1e-12 and row.recall - 1e-12 <= row.high <= 1 + 1e-12


def test_intervals_cover_and_days_that_share_their_luck_make_them_wider():
    rng = np.random.default_rng(7)
    covered, widths = 0, []
    for _ in range(25):
        theirs = events_at(np.repeat(np.arange(12), 20) * 24 * HOUR + np.tile(np.arange(20) * 60.0, 12))
        luck = rng.choice([0.4, 0.9], 12)  # of a day; on average 0.65
        mine = theirs[rng.uniform(size=240) < np.repeat(luck, 20)]
        c = compare(mine, theirs, 1.0, 5.0)
        alone, days = (intervals(c, block).loc["recall"] for block in (None, "1D"))
        assert alone["value"] == days["value"] == len(mine) / 240
        covered += days["low"] <= 0.65 <= days["high"]
        widths.append((days["high"] - days["low"]) / (alone["high"] - alone["low"]))
    assert covered >= 20 and np.median(widths) > 1.8


def test_the_interval_of_a_median_is_that_of_the_drawn_medians():
    shifts = np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    c = compare(events_at(np.arange(5) * 60 + shifts), events_at(np.arange(5) * 60), 1.0, 5.0)
    row = intervals(c).loc["median dt_s"]
    exact = [np.median(draw) for draw in itertools.product(shifts, repeat=5)]
    assert row["value"] == pytest.approx(0.3)
    assert (row["low"], row["high"]) == pytest.approx(tuple(np.quantile(exact, [0.025, 0.975])), abs=0.1001)


def test_edges_that_do_not_ascend_are_refused():
    with pytest.raises(ValueError, match="ascending"):
        recall_curve(pd.Series([True]), pd.Series([1.0]), [2.0, 1.0])
