"""The refinement turns down what could be chance, and keeps an event among as much noise when its picks say more."""

import numpy as np
import pandas as pd
import pytest

from course_utils.association import settings_for
from course_utils.association.problem import Problem
from course_utils.association.refine import refine


@pytest.fixture(scope="module")
def flooded(clear):
    """Both events among noise: a pick every two seconds at every station and phase."""
    rng = np.random.default_rng(8)
    start = clear.picks["time"].min() - pd.Timedelta(seconds=60)
    n = 10 * 2 * 400
    noise = pd.DataFrame(
        {
            "station": rng.choice(clear.stations["station"], n),
            "phase": rng.choice(["P", "S"], n),
            "time": start + pd.to_timedelta(np.round(rng.uniform(0, 800, n), 6), unit="s"),
            "probability": 0.5,
            "event_id": -1,
            "pick_id": np.arange(n) + 1,
        }
    )
    picks = pd.concat([clear.picks, noise]).sort_values(["time", "station", "phase"]).reset_index(drop=True)
    picks["channel"] = picks["amplitude_unit"] = None
    return picks


def refined(clear, picks, origins, settings):
    """What is left of origins (seconds after the first true pick's event, x, y, depth) that start with every pick near."""
    problem = Problem.build(picks, clear.stations, clear.velocity, settings)
    shift = (clear.events["time"].iloc[0] - problem.start) / pd.Timedelta(seconds=1)
    frame = pd.DataFrame(origins, columns=["time_s", "x_km", "y_km", "depth_km"])
    frame["time_s"] += shift
    of_origin, of_pick = [], []
    for i, row in frame.iterrows():
        distance = np.hypot(problem.x_km - row["x_km"], problem.y_km - row["y_km"])
        for phase in ("P", "S"):
            travel = problem.travel_times.times(phase, np.arange(len(distance)), distance, row["depth_km"])
            late = problem.time_s - row["time_s"] - travel[problem.station]
            late[problem.phase != phase] = np.inf
            for j in range(len(distance)):
                rows = np.flatnonzero(problem.station == j)
                best = rows[np.argmin(np.abs(late[rows]))]
                if abs(late[best]) < settings.pick_tolerance_s:
                    of_origin.append(i)
                    of_pick.append(best)
    return refine(problem, frame, np.array(of_origin), np.array(of_pick), settings)


def test_what_could_be_chance_is_turned_down_and_a_true_event_in_the_same_noise_is_not(clear, flooded):
    settings = settings_for(clear.stations, clear.velocity)
    true = [0.0, *_place(clear, 0)]
    chance = [[t, 4.0, -6.0, 7.0] for t in (60.0, 120.0, 180.0, 240.0, 300.0, 360.0, 420.0, 480.0)]
    where, of_origin, _, turned_down = refined(clear, flooded, [true, *chance], settings)
    assert len(where) == 1
    assert abs(where["x_km"].iloc[0] - true[1]) < 2.0
    assert np.bincount(of_origin)[0] >= 18
    # without the rule, noise makes events
    free = settings.with_overrides(min_log_odds=-1e9)
    events = len(refined(clear, flooded, [true, *chance], free)[0])
    assert events >= 3
    assert turned_down["picks that fit by chance"] >= events - 1


def test_the_same_picks_without_noise_are_an_event(clear):
    settings = settings_for(clear.stations, clear.velocity)
    seven = clear.picks[clear.picks["event_id"] == 0].sort_values("time").head(7)
    picks = pd.concat([seven, clear.picks[clear.picks["event_id"] == 1]]).sort_values("time").reset_index(drop=True)
    where, of_origin, _, turned_down = refined(clear, picks, [[0.0, *_place(clear, 0)]], settings)
    assert len(where) == 1 and len(of_origin) == 7
    assert turned_down["picks that fit by chance"] == 0


def _place(clear, row):
    from course_utils.earth import LocalFrame

    event = clear.events.iloc[row]
    x, y = LocalFrame.around(clear.stations).to_xy_km(event["latitude"], event["longitude"])
    return [float(x), float(y), float(event["depth_km"])]
