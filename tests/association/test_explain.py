"""An event that is missing is explained by the first condition that it failed; one that is there is said to be there."""

import numpy as np
import pandas as pd
import pytest

from course_utils.association import associate, associate_with_report, explain, settings_for
from course_utils.catalog.tables import conform


@pytest.fixture(scope="module")
def settings(clear):
    return settings_for(clear.stations, clear.velocity)


@pytest.fixture(scope="module")
def event(clear):
    return clear.events.iloc[0]


def why(clear, settings, event, picks, method="pyocto"):
    catalog = associate(picks, clear.stations, clear.velocity, method, settings=settings)
    return explain(event, catalog, settings)


def mine(clear):
    return clear.picks["event_id"] == 0


def test_an_event_that_was_found(clear, settings, event):
    catalog = associate(clear.picks, clear.stations, clear.velocity, settings=settings)
    said = explain(event, catalog, settings)
    assert said.outcome == "found"
    assert said.event_id in set(catalog.events["event_id"])
    assert "km from what was expected" in said.text
    assert said.stations.loc[said.stations["in_reach"], "p"].eq("this event").all()
    assert said.counts["n_picks"].tolist() == [20, 20, 20, settings.min_picks]
    assert said.stations["distance_km"].is_monotonic_increasing
    assert said.stations["p_residual_s"].abs().max() < 0.3
    # also when origin time and place are a little off
    off = {**event.to_dict(), "time": event["time"] + pd.Timedelta(seconds=0.8), "latitude": event["latitude"] + 0.02}
    assert explain(off, catalog, settings).event_id == said.event_id
    assert "found" in str(said)


def test_nobody_picked_then(clear, settings, event):
    later = event.copy()
    later["time"] += pd.Timedelta(days=3)
    said = why(clear, settings, later, clear.picks)
    assert said.outcome == "no picks then" and len(said.stations) == 0


@pytest.mark.parametrize(
    "change, words",
    [({"longitude": 8.0}, "margin_km"), ({"depth_km": 70.0}, "max_depth_km"), ({"depth_km": -4.0}, "min_depth_km")],
)
def test_outside_the_search(clear, settings, event, change, words):
    said = why(clear, settings, pd.Series({**event.to_dict(), **change}), clear.picks[~mine(clear)])
    assert said.outcome == "outside the search" and words in said.text


def test_too_few_stations_in_reach(clear, event):
    settings = settings_for(clear.stations, clear.velocity, cutoff_km=9.0)
    said = why(clear, settings, event, clear.picks)
    assert said.outcome == "too few stations" and "cutoff_km" in said.text
    assert said.stations["in_reach"].sum() < 4


def test_too_few_picks(clear, settings, event):
    few = clear.picks[mine(clear)].groupby("phase").head(2)
    silent = set(clear.stations["station"]) - set(few["station"])
    said = why(clear, settings, event, pd.concat([few, clear.picks[~mine(clear)]]))
    assert said.outcome == "too few picks"
    assert "4 of 7 picks" in said.text
    assert said.stations.set_index("station").loc[sorted(silent), "p"].eq("none").all()


def test_only_one_phase(clear, settings, event):
    said = why(clear, settings, event, clear.picks[~mine(clear) | (clear.picks["phase"] == "P")])
    assert said.outcome == "too few picks"
    assert "0 of 1 S" in said.text and "0 of 1 stations with both" in said.text


def test_phases_taken_for_one_another(clear, settings, event):
    picks = clear.picks.copy()
    # the P picks are lost, and all S are called P
    picks = picks[~mine(clear) | (picks["phase"] == "S")]
    picks.loc[mine(clear), "phase"] = "P"
    said = why(clear, settings, event, picks)
    assert said.outcome == "wrong phase"
    assert said.stations["s"].eq("a P").sum() >= 8


def test_left_aside_at_the_gates(clear, event):
    picks = clear.picks.copy()
    picks.loc[mine(clear), "probability"] = 0.2
    settings = settings_for(clear.stations, clear.velocity, min_probability=0.3)
    said = why(clear, settings, event, picks)
    assert said.outcome == "left aside" and "20 improbable" in said.text


def test_picks_taken_by_another_event(clear, settings, event):
    # a pick of nobody among them: ids must not take a detour over floats, which would change their last digits
    stray = clear.picks.iloc[[0]].assign(pick_id=1, time=event["time"] + pd.Timedelta(seconds=30))
    picks = pd.concat([clear.picks, stray], ignore_index=True)
    catalog = associate(picks, clear.stations, clear.velocity, settings=settings)
    # somebody's second event at nearly the same time, beyond what counts as the same
    other = event.copy()
    other["time"] += pd.Timedelta(seconds=1.0)
    said = explain(other, catalog, settings, max_dt_s=0.9)
    assert said.outcome == "taken by another event"
    assert said.event_id in set(catalog.assignments["event_id"])
    assert f"belong to event {said.event_id}" in said.text
    assert said.stations["p"].eq(f"event {said.event_id}").sum() >= 8


def test_stations_too_sparse(clear, event):
    # half of the stations have picks, nine in ten are asked for: nobody in between may be missing
    far = clear.stations["station"].iloc[::2]
    gone = mine(clear) & ~clear.picks["station"].isin(far)
    stray = clear.picks[gone & (clear.picks["phase"] == "P")]
    picks = pd.concat([clear.picks[~gone], stray.assign(time=stray["time"] + pd.Timedelta(seconds=150))])
    settings = settings_for(clear.stations, clear.velocity, min_station_fraction=0.95)
    said = why(clear, settings, event, picks)
    assert said.outcome == "stations too sparse" and "min_station_fraction" in said.text


def test_picks_that_fit_no_single_origin(clear, settings, event):
    rng = np.random.default_rng(0)
    picks = clear.picks.copy()
    error = rng.choice([-1.0, 1.0], len(picks)) * 0.9 * settings.model_tolerance_s
    picks.loc[mine(clear), "time"] += pd.to_timedelta(error[mine(clear)], unit="s")
    picks = picks[~mine(clear) | picks["station"].isin(clear.stations["station"].iloc[:5])]
    said = why(clear, settings.with_overrides(pick_tolerance_s=0.05), event, picks)
    assert said.outcome == "does not fit"


def test_lost_in_competition(clear, settings, event):
    # the catalog of another run: this event's picks are free, and alone they make an event
    catalog = associate(clear.picks, clear.stations, clear.velocity, settings=settings)
    one = catalog.events["time"].idxmin()
    gone = catalog.replace(
        events=catalog.events.drop(one),
        assignments=catalog.assignments[catalog.assignments["event_id"] != catalog.events.loc[one, "event_id"]],
    )
    said = explain(event, gone, settings)
    assert said.outcome == "lost in competition" and "20 free picks" in said.text


def test_as_likely_by_chance(clear, event):
    # so many other picks at every station that the same arrivals say little
    rng = np.random.default_rng(3)
    seconds = rng.uniform(-40, 60, (len(clear.stations), 2, 8))
    rows = [
        {"station": name, "phase": phase, "time": event["time"] + pd.Timedelta(seconds=round(t, 4))}
        for name, times in zip(clear.stations["station"], seconds, strict=True)
        for phase, phase_times in zip("PS", times, strict=True)
        for t in phase_times
    ]
    own = clear.picks.loc[mine(clear), ["station", "phase", "time"]]
    picks = conform(pd.concat([own, pd.DataFrame(rows)], ignore_index=True), "picks")
    for odds in range(0, 100, 10):
        settings = settings_for(clear.stations, clear.velocity, "vote", min_log_odds=odds)
        said = why(clear, settings, event, picks, "vote")
        if said.outcome != "found":
            break
    assert said.outcome == "as likely by chance" and "min_log_odds" in said.text


def test_every_true_event_of_a_noisy_set_gets_an_answer(regional_set):
    s = regional_set
    catalog, report = associate_with_report(s.picks, s.stations, s.velocity, min_picks=14, min_p_picks=6)
    outcomes = [explain(e, catalog, report.settings).outcome for _, e in s.events.iterrows()]
    assert outcomes.count("found") == len(catalog.events)
    assert set(outcomes) - {"found"} <= {"too few picks", "too few stations", "stations too sparse"}


def test_gamma_too(clear, event):
    catalog, report = associate_with_report(clear.picks, clear.stations, clear.velocity, "gamma")
    assert explain(event, catalog, report.settings).outcome == "found"
    none = catalog.replace(events=catalog.events.iloc[:0], assignments=catalog.assignments.iloc[:0])
    assert explain(event, none, report.settings).outcome == "lost in competition"


@pytest.mark.parametrize(
    "change, message",
    [({"time": None}, "time is missing"), ({"latitude": 95.0}, "latitude is 95"), ({"time": "noon"}, "as time")],
)
def test_an_impossible_event_is_refused(clear, settings, event, change, message):
    catalog = associate(clear.picks.iloc[:0], clear.stations, clear.velocity, settings=settings)
    with pytest.raises(ValueError, match=message):
        explain({**event.to_dict(), **change}, catalog, settings)
