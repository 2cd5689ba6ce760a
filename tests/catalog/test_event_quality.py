"""Features, rules and probability of events: against planted faults, whatever is missing, in any order of rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.catalog.quality import GROUPS, LEARNED, RULES, fit, grade, grade_by_rules, probability
from course_utils.catalog.quality_features import FEATURES, features
from course_utils.catalog.tables import Catalog

T0 = pd.Timestamp("2024-01-01T06:00:00Z")


def small(n_events: int = 6, seed: int = 0) -> Catalog:
    """Events a minute apart among twelve stations, picks with errors of 0.05 s, amplitudes that fall with distance."""
    rng = np.random.default_rng(seed)
    angle = np.arange(12) * np.pi / 6
    stations = pd.DataFrame(
        {
            "station": [f"XX.S{i:02d}." for i in range(12)],
            "latitude": 40 + 0.3 * np.cos(angle) * (1 + np.arange(12) % 3 * 0.4),
            "longitude": 10 + 0.4 * np.sin(angle) * (1 + np.arange(12) % 3 * 0.4),
            "elevation_m": 100.0 * np.arange(12),
        }
    )
    events, picks, pairs = [], [], []
    for i in range(n_events):
        latitude, longitude = 40 + 0.15 * rng.normal(), 10 + 0.15 * rng.normal()
        at = T0 + pd.Timedelta(minutes=i)
        place = {"latitude": latitude, "longitude": longitude, "depth_km": 8.0, "magnitude": 1.0 + 0.1 * i}
        events.append({"event_id": i + 1, "time": at, **place, "horizontal_error_km": 0.5, "depth_error_km": 1.0})
        for j, row in enumerate(stations.itertuples()):
            km = np.hypot((row.latitude - latitude) * 111.2, (row.longitude - longitude) * 85.0)
            for phase, speed in (("P", 6.0), ("S", 3.4)):
                error = 0.05 * rng.normal()
                seconds = np.hypot(km, 8.0) / speed + error
                number = 1000 * (i + 1) + 2 * j + (phase == "S")
                amplitude = 10 ** (1.0 + 0.1 * i - 6 + 0.1 * rng.normal()) / np.hypot(km, 8.0) ** 1.3
                time = at + pd.Timedelta(round(seconds * 1e6), "us")
                pick = {"pick_id": number, "station": row.station, "phase": phase, "time": time}
                picks.append(pick | {"probability": 0.9, "amplitude": amplitude * (1 + (phase == "S"))})
                pairs.append(
                    {
                        "event_id": i + 1,
                        "pick_id": number,
                        "station": row.station,
                        "phase": phase,
                        "residual_s": error,
                        "weight": 1.0,
                    }
                )
    picks = pd.DataFrame(picks).assign(amplitude_unit="m/s", channel="HH")
    return Catalog(pd.DataFrame(events), pd.DataFrame(pairs), picks, stations)


def graded(catalog: Catalog) -> pd.DataFrame:
    return grade_by_rules(features(catalog)).set_index("event_id")


def test_clean_events_are_good():
    table = graded(small())
    assert set(table["grade"]) <= {"A", "B"}
    assert (table["grade"] == "A").mean() >= 0.5


def test_features_are_what_they_say():
    catalog = small()
    f = features(catalog).set_index("event_id").loc[1]
    assert (f["n_p"], f["n_s"], f["n_stations"]) == (12, 12, 12)
    rows = catalog.assignments[catalog.assignments["event_id"] == 1]
    assert f["rms_s"] == pytest.approx(np.sqrt((rows["residual_s"] ** 2).mean()))
    assert f["vpvs"] == pytest.approx(6.0 / 3.4, abs=0.05)
    assert f["outside_km"] == 0 and 8.0 < f["below_ground_km"] < 9.1
    assert f["gap_deg"] < 90 and f["neighbour"] == 10 and f["missing_share"] == 0
    far = catalog.replace(events=catalog.events.assign(latitude=42.0))
    far = far.replace(assignments=far.assignments.assign(distance_km=np.nan, azimuth_deg=np.nan))
    f = features(far).set_index("event_id").loc[1]
    assert 140 < f["outside_km"] < 222 and f["gap_deg"] > 270


def test_a_wrong_pick_is_named():
    catalog = small()
    pairs = catalog.assignments.copy()
    pairs.loc[pairs["pick_id"] == 2004, "residual_s"] = 1.5
    table = graded(catalog.replace(assignments=pairs))
    assert table.loc[2, "grade"] in ("C", "D")
    assert "standard deviations off" in table.loc[2, "reasons"]
    assert (table["grade"].drop(2) <= "B").all()


def test_a_duplicate_is_named_and_the_larger_stays():
    catalog = small()
    twin = catalog.events[catalog.events["event_id"] == 3].assign(event_id=99)
    shared = catalog.assignments[catalog.assignments["event_id"] == 3].iloc[:16].assign(event_id=99)
    both = catalog.replace(
        events=pd.concat([catalog.events, twin]), assignments=pd.concat([catalog.assignments, shared])
    )
    table = graded(both)
    assert table.loc[99, "grade"] == "D" and "larger event's" in table.loc[99, "reasons"]
    assert table.loc[3, "grade"] in ("A", "B")


def test_of_two_equal_events_one_gives_way():
    catalog = small()
    twin = catalog.events[catalog.events["event_id"] == 3].assign(event_id=99)
    shared = catalog.assignments[catalog.assignments["event_id"] == 3].assign(event_id=99)
    both = catalog.replace(
        events=pd.concat([twin, catalog.events]), assignments=pd.concat([shared, catalog.assignments])
    )
    grades = graded(both)["grade"]
    assert sorted([grades[3] == "D", grades[99] == "D"]) == [False, True]


def test_an_amplitude_glitch_is_named():
    catalog = small()
    picks = catalog.picks.copy()
    picks.loc[picks["pick_id"].between(4000, 4008), "amplitude"] *= 100
    table = graded(catalog.replace(picks=picks))
    assert "amplitudes differ" in table.loc[4, "reasons"]


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_order_of_rows_does_not_matter(seed):
    catalog = small(4)
    mixed = Catalog(
        *(
            getattr(catalog, name).sample(frac=1, random_state=(seed + i) % 2**32)
            for i, name in enumerate(("events", "assignments", "picks", "stations"))
        )
    )
    a, b = (features(c).set_index("event_id").sort_index() for c in (catalog, mixed))
    pd.testing.assert_frame_equal(a, b, check_exact=False, rtol=1e-9)
    pd.testing.assert_frame_equal(*(grade_by_rules(x.reset_index()) for x in (a, b)))


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_whatever_is_missing_there_is_a_grade(data):
    n_events = data.draw(st.integers(0, 3))
    catalog = small(n_events) if n_events else Catalog(stations=small(1).stations)
    optional = {
        "events": ["magnitude", "horizontal_error_km", "depth_error_km"],
        "assignments": ["residual_s", "weight"],
        "picks": ["probability", "amplitude"],
    }
    for table, columns in optional.items():
        drop = data.draw(st.lists(st.sampled_from(columns), unique=True))
        catalog = catalog.replace(**{table: getattr(catalog, table).drop(columns=drop)})
    if data.draw(st.booleans()):
        catalog = catalog.replace(stations=catalog.stations.iloc[: data.draw(st.integers(0, 3))])
    if data.draw(st.booleans()):
        catalog = catalog.replace(assignments=catalog.assignments.iloc[:0])
    numbers = features(catalog)
    assert list(numbers.columns) == ["event_id", *FEATURES]
    assert not np.isinf(numbers[list(FEATURES)].to_numpy()).any()
    assert grade_by_rules(numbers)["grade"].isin(list("ABCD")).all()


def test_events_alone_are_never_an_a():
    bare = small(3).events[["event_id", "time", "latitude", "longitude", "depth_km"]]
    as_published = bare.assign(rms_s=0.05, azimuthal_gap_deg=60.0, horizontal_error_km=0.3, n_p=20.0, n_s=10.0)
    for events in (bare, as_published):
        result, table = grade(Catalog(events=events))
        assert (table["grade"] > "B").all() and "none of its picks known" in table["reasons"].iloc[0]
    assert result.events["quality_probability"].between(0, 1).all()
    assert (table["unknown"] > 20).all()


def test_shipped_probability_tells_good_from_bad():
    catalog = small(30)
    pairs, picks = catalog.assignments.copy(), catalog.picks.copy()
    for event in (5, 6, 7):
        rows = pairs.index[pairs["event_id"] == event]
        pairs.loc[rows[:6], "residual_s"] += 2.0
        pairs.loc[rows[:6], "weight"] = 0.0
    result, table = grade(catalog.replace(assignments=pairs, picks=picks))
    p = table.set_index("event_id")["quality_probability"]
    assert p[[5, 6, 7]].max() < 0.3 < p.drop([5, 6, 7]).median()
    assert result.events["quality_probability"].tolist() == table["quality_probability"].tolist()


def test_fit_learns_from_other_catalogs_and_refuses_one_class():
    rng = np.random.default_rng(0)
    good = rng.random(400) < 0.5
    numbers = pd.DataFrame({name: rng.normal(size=400) for name in LEARNED})
    numbers["residual_worst"] += 3.0 * ~good
    catalog = np.repeat([1, 2, 3, 4], 100)
    classifier = fit(numbers.iloc[:300], good[:300], catalog[:300])
    p = probability(numbers.iloc[300:], classifier)
    assert np.corrcoef(p, good[300:])[0, 1] > 0.6
    with pytest.raises(ValueError, match="good and bad events of two catalogs"):
        fit(numbers, np.ones(400, bool), catalog)
    assert len(probability(numbers.iloc[:0])) == 0


def test_rules_quote_features_that_exist():
    numbers = pd.DataFrame({name: [1.0] for name in [*FEATURES, "n_picks"]})
    for rule in RULES:
        assert rule.grade in "BCD"
        assert rule.words.format(**numbers.iloc[0].to_dict())
        assert len(rule.fires(numbers)) == 1
    assert {name for group in GROUPS.values() for name in group} <= set(FEATURES)
