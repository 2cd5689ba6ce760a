"""Association finds known events from geometry alone, loses no pick silently and refuses what would fail silently."""

import numpy as np
import pandas as pd
import pytest

from course_utils.association import associate, associate_with_report, score, settings_for
from course_utils.association.interface import _repeats
from course_utils.association.problem import Problem
from course_utils.association.pyocto import write_tables
from course_utils.catalog.matching import match_events
from course_utils.catalog.tables import Catalog, TableError, conform, empty
from course_utils.earth import distance_azimuth


@pytest.fixture(scope="module")
def dense_result(dense):
    return associate_with_report(dense.picks, dense.stations, dense.velocity)


@pytest.fixture(scope="module")
def regional_result(regional_set):
    return associate_with_report(regional_set.picks, regional_set.stations, regional_set.velocity)


def test_regional_network_from_geometry_alone(regional_set, regional_result):
    catalog, report = regional_result
    scored = score(catalog.assignments, regional_set.truth, regional_set.n_noise, min_picks=8)
    assert scored.event_recall >= 0.95
    assert scored.event_precision >= 0.97
    assert scored.pick_recall >= 0.93
    assert scored.pick_precision >= 0.97
    assert scored.noise_assigned <= 0.05
    found = match_events(catalog.events, regional_set.events, 1.5, 10.0)
    assert found.matched["distance_km"].median() < 0.6
    assert found.matched["dt_s"].abs().median() < 0.1
    assert report.events == len(catalog.events)


def test_dense_sequence_from_geometry_alone(dense, dense_result):
    scored = score(dense_result[0].assignments, dense.truth, dense.n_noise, min_picks=8)
    assert scored.event_recall >= 0.9
    assert scored.event_precision >= 0.9
    assert scored.pick_recall >= 0.85


def test_every_pick_has_at_most_one_event_and_every_event_one_arrival_per_station_and_phase(dense_result):
    assignments = dense_result[0].assignments
    assert not assignments["pick_id"].duplicated().any()
    assert not assignments.duplicated(["event_id", "station", "phase"]).any()


def test_events_hold_what_their_assignments_say(regional_set, regional_result):
    catalog, report = regional_result
    rows = catalog.assignments.merge(catalog.events, on="event_id").merge(catalog.stations, on="station")
    distance, azimuth = distance_azimuth(
        rows["latitude_x"], rows["longitude_x"], rows["latitude_y"], rows["longitude_y"]
    )
    np.testing.assert_allclose(rows["distance_km"], distance, atol=1e-6)
    np.testing.assert_allclose(rows["azimuth_deg"], azimuth, atol=1e-6)
    assert rows["residual_s"].abs().max() <= report.settings.pick_tolerance_s
    by_event = rows.groupby("event_id")
    events = catalog.events.set_index("event_id").loc[list(by_event.groups)]
    assert (by_event["phase"].agg(lambda p: (p == "P").sum()) == events["n_p"]).all()
    assert (events["n_p"] + events["n_s"] >= report.settings.min_picks).all()
    np.testing.assert_allclose(by_event["residual_s"].agg(lambda r: np.sqrt((r**2).mean())), events["rms_s"])
    assert catalog.events["time"].is_monotonic_increasing
    assert events["azimuthal_gap_deg"].between(0, 360).all()
    # the tables that were given pass through
    assert set(catalog.picks["pick_id"]) == set(regional_set.picks["pick_id"])
    pd.testing.assert_frame_equal(catalog.stations, regional_set.stations)


def test_residuals_are_observed_minus_predicted(regional_set, regional_result):
    # Moving one pick later by 0.1 s within the tolerance makes its residual larger by about as much.
    catalog, _ = regional_result
    row = catalog.assignments[catalog.assignments["residual_s"].abs() < 0.05].iloc[0]
    picks = regional_set.picks.copy()
    picks.loc[picks["pick_id"] == row["pick_id"], "time"] += pd.Timedelta(seconds=0.1)
    again = associate(picks, regional_set.stations, regional_set.velocity)
    moved = again.assignments.set_index("pick_id").loc[row["pick_id"], "residual_s"]
    assert 0.05 < moved - row["residual_s"] < 0.15


def test_the_result_depends_on_neither_order_nor_index_nor_threads(dense, dense_result):
    shuffled = dense.picks.sample(frac=1.0, random_state=3)
    again = associate(shuffled, dense.stations, dense.velocity, threads=2)
    pd.testing.assert_frame_equal(again.events, dense_result[0].events)
    pd.testing.assert_frame_equal(again.assignments, dense_result[0].assignments)


def test_the_callers_tables_are_not_edited(dense, dense_result):
    before = dense.picks.copy()
    associate(dense.picks.iloc[:60], dense.stations, dense.velocity)
    pd.testing.assert_frame_equal(dense.picks, before)


def test_a_shift_in_time_shifts_the_catalog(dense, dense_result):
    """Times count from the first pick: epoch and midnight leave no trace."""
    shift = pd.Timedelta(days=365 * 30)
    later = associate(dense.picks.assign(time=dense.picks["time"] + shift), dense.stations, dense.velocity)
    assert (later.events["time"] - shift).tolist() == dense_result[0].events["time"].tolist()


def test_report_accounts_for_every_pick(dense, dense_result):
    stray = dense.picks.iloc[:6].assign(station="YY.GONE.", pick_id=np.arange(6))
    twice = dense.picks.iloc[10:14].assign(
        pick_id=100 + np.arange(4),
        time=dense.picks["time"].iloc[10:14] + pd.Timedelta(milliseconds=20),
        probability=0.2,
    )
    picks = pd.concat([dense.picks, stray, twice], ignore_index=True)
    idle = dense.stations.iloc[:1].assign(station="XX.IDLE.", latitude=64.9)
    stations = pd.concat([dense.stations, idle], ignore_index=True)
    settings = settings_for(dense.stations, dense.velocity)
    with pytest.warns(UserWarning, match=r"6 of \d+ picks are at 1 stations without a row.*YY.GONE"):
        catalog, report = associate_with_report(picks, stations, dense.velocity, settings=settings)
    assert report.gates["picks"].sum() == len(picks)
    assert report.picks("unknown station") == 6
    assert report.picks("duplicate") == dense_result[1].picks("duplicate") + 4
    assert report.picks("assigned") == len(catalog.assignments)
    assert report.silent_stations == ["XX.IDLE."]
    assert report.unknown_stations == ["YY.GONE."]
    assert report.stations["given"].sum() == len(picks)
    assert report.stations["assigned"].sum() == len(catalog.assignments)
    assert "YY.GONE." in str(report) and f"{len(catalog.events)} events" in str(report)
    # what was left aside changes nothing
    pd.testing.assert_frame_equal(catalog.events, dense_result[0].events)


def test_improbable_picks_are_left_aside_and_counted(dense):
    catalog, report = associate_with_report(dense.picks, dense.stations, dense.velocity, min_probability=0.99)
    assert report.picks("improbable") == (dense.picks["probability"] < 0.99).sum()
    assert len(catalog.events) == 0


def test_of_repeated_picks_the_most_probable_stays():
    at = pd.Timestamp("2024-01-01T00:00:00Z")
    picks = conform(
        pd.DataFrame(
            {
                "station": ["A.A."] * 5 + ["B.B."],
                "phase": ["P", "P", "P", "S", "P", "P"],
                "time": [at + pd.Timedelta(seconds=s) for s in (0.0, 0.06, 0.12, 0.06, 0.5, 0.06)],
                "probability": [0.5, 0.9, 0.6, 0.1, 0.2, np.nan],
            }
        ),
        "picks",
    )
    assert _repeats(picks, 0.1).tolist() == [True, False, True, False, False, False]
    # a chain keeps its ends when the ends are best
    assert _repeats(picks.iloc[:3].assign(probability=[0.9, 0.1, 0.8]), 0.1).tolist() == [False, True, False]


@pytest.mark.parametrize("n", [0, 3])
def test_too_few_picks_give_an_empty_catalog(dense, n):
    catalog, report = associate_with_report(dense.picks.iloc[:n], dense.stations, dense.velocity)
    assert isinstance(catalog, Catalog)
    assert len(catalog.events) == len(catalog.assignments) == 0
    assert list(catalog.events) == list(empty("events"))
    assert report.gates["picks"].sum() == n


def test_noise_alone_gives_no_events(regional_set):
    noise = regional_set.picks[regional_set.picks["event_id"] < 0]
    assert len(noise) > 100
    assert len(associate(noise, regional_set.stations, regional_set.velocity).events) <= 1


def test_naive_times_and_text_times_work_like_utc(dense, dense_result):
    naive = dense.picks.assign(time=dense.picks["time"].dt.tz_localize(None).astype("datetime64[ns]"))
    assert (
        associate(naive, dense.stations, dense.velocity).events["time"].tolist()
        == dense_result[0].events["time"].tolist()
    )


def test_what_would_fail_silently_is_refused(dense):
    def run(picks=dense.picks, stations=dense.stations, velocity=dense.velocity, **more):
        return associate(picks, stations, velocity, **more)

    with pytest.raises(TableError, match='phase is \'p\'; use "P" or "S"'):
        run(picks=dense.picks.assign(phase="p"))
    with pytest.raises(TableError, match="bare numbers"):
        run(picks=dense.picks.assign(time=np.arange(len(dense.picks), dtype=float)))
    with pytest.raises(TableError, match="latitude is missing"):
        run(stations=dense.stations.assign(latitude=[np.nan] + [64.8] * 11))
    with pytest.raises(TableError, match="stands twice"):
        run(stations=pd.concat([dense.stations, dense.stations.iloc[:1]]))
    with pytest.raises(ValueError, match="velocity: the table is empty"):
        run(velocity=empty("velocity"))
    with pytest.raises(ValueError, match="method 'octo' is not known; there is pyocto"):
        run(method="octo")
    with pytest.raises(ValueError, match="no setting n_picks"):
        run(n_picks=4)
    with pytest.raises(ValueError, match=r"min_both .* asks for more"):
        run(min_both=9, min_p_picks=2)
    with pytest.raises(ValueError, match="can never give"):
        run(min_picks=30)
    with pytest.raises(ValueError, match="event needs arrivals at three"):
        run(stations=dense.stations.iloc[:2])
    with pytest.raises(ValueError, match="above the highest station"):
        run(min_depth_km=-9.0)


def test_tables_of_stations_at_differing_elevations_are_exact(dense, tmp_path):
    """PyOcto reads back analytic times: constant velocity, every station at its own height, sources above and below."""
    import pyocto._core as core

    velocity = pd.DataFrame({"depth_km": [0.0], "vp_km_s": [5.0], "vs_km_s": [2.9]})
    stations = dense.stations.assign(elevation_m=np.linspace(-2500, 3000, 12))
    settings = settings_for(stations, velocity)
    problem = Problem.build(dense.picks.iloc[:1], stations, velocity, settings)
    write_tables(problem.travel_times, tmp_path)
    section = problem.travel_times.section
    for i in (0, 5, 11):
        model = np.fromfile(tmp_path / f"{i}.pyocto", dtype=np.int32, count=2)
        nx, nz = model
        assert (nx, nz) == problem.travel_times.tables["P"][0].shape[::-1]
        raw = np.fromfile(tmp_path / f"{i}.pyocto", dtype="<f8", offset=8)
        assert raw[0] == section.spacing_km
        assert len(raw) == 1 + 2 * nx * nz
        times = raw[1:].reshape(2, nx, nz)
        distance = np.arange(nx)[:, None] * section.spacing_km
        height = section.top_km + np.arange(nz) * section.spacing_km + stations["elevation_m"].iloc[i] / 1000
        for table, speed in zip(times, (5.0, 2.9), strict=True):
            assert np.abs(table - np.hypot(distance, height) / speed).max() < 0.02
    # PyOcto itself accepts the folder
    core.StationSpecificVelocityModel1D(str(tmp_path))


def test_depths_count_from_sea_level_whatever_the_elevations(regional_set, regional_result):
    """The same picks, seen from stations said to stand 0.8 km lower, give events about 0.8 km deeper."""
    low = regional_set.stations.assign(elevation_m=regional_set.stations["elevation_m"] - 800)
    velocity = regional_set.velocity
    lowered = velocity.assign(depth_km=velocity["depth_km"] + 0.8)
    catalog = associate(regional_set.picks, low, lowered)
    same = match_events(catalog.events, regional_result[0].events, 0.5, 3.0).matched
    assert len(same) >= 0.9 * len(regional_result[0].events)
    assert same["depth_difference_km"].median() == pytest.approx(0.8, abs=0.1)


def test_events_at_one_time_in_two_places_are_both_kept(regional_set):
    """PyOcto merges whatever is close in time, wherever it is; here two events 200 km apart share an origin time."""
    one = regional_set.truth["event_id"].value_counts().index[0]
    picks = regional_set.picks[regional_set.picks["event_id"] == one]
    east = 6.0  # degrees
    far = regional_set.stations.assign(
        station=regional_set.stations["station"].str.replace("XX", "YY"),
        longitude=regional_set.stations["longitude"] + east,
    )
    twin = picks.assign(station=picks["station"].str.replace("XX", "YY"), pick_id=np.arange(len(picks)))
    catalog = associate(
        pd.concat([picks, twin]), pd.concat([regional_set.stations, far]), regional_set.velocity, cutoff_km=100.0
    )
    assert len(catalog.events) == 2
    assert np.ptp(catalog.events["longitude"]) == pytest.approx(east, abs=0.1)
    assert len(catalog.assignments) >= 2 * len(picks) - 4


def test_settings_follow_the_network(dense, regional_set):
    small = settings_for(dense.stations, dense.velocity)
    large = settings_for(regional_set.stations, regional_set.velocity)
    for name in ("margin_km", "cutoff_km", "time_before_s", "pick_tolerance_s", "model_tolerance_s", "node_km"):
        assert getattr(small, name) < getattr(large, name), name
    assert small.min_depth_km == pytest.approx(-dense.stations["elevation_m"].max() / 1000, abs=0.01)
    assert settings_for(dense.stations, dense.velocity, cutoff_km=20.0).time_before_s < small.time_before_s
    three = settings_for(dense.stations.iloc[:3], dense.velocity)
    assert three.min_picks == 5
    assert small.with_overrides(min_picks=9).min_picks == 9
    with pytest.raises(ValueError, match="max_depth_km"):
        small.with_overrides(max_depth_km=-3.0)


def test_every_setting_is_explained():
    from course_utils.association.methods import METHODS, SETTINGS

    assert set(METHODS) == set(SETTINGS)
    for kind in SETTINGS.values():
        for name, field in kind.model_fields.items():
            assert field.description and len(field.description) > 20, (kind, name)
