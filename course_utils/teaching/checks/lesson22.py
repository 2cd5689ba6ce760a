"""Checks of lesson 22, PyOcto and stress tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from course_utils.teaching.checks import Unanswered, Wrong, choices, exercise, number, one_of, whole, words

_COUNTS = ("min_picks", "min_p_picks", "min_s_picks", "min_both")


@exercise
def gate(answer, ladder):
    if not isinstance(answer, dict) or not {"gate", "who"} <= set(answer):
        raise Wrong('a dictionary is asked for: {"gate": "...", "who": "...", "reason": "..."}.')
    name = one_of(answer["gate"], ladder.index)
    lost = ladder["lost here"]
    if lost[name] < lost.max():
        raise Wrong(f"{lost[name]} events were lost at {name!r}; at another gate it was more.")
    who = one_of(answer["who"], ["settings", "picker", "network"])
    able = {"enough visible arrivals": "network", "enough of them picked": "picker"}.get(name, "settings")
    if who != able:
        raise Wrong(
            f"the gate is right. Could a change of {who} bring these events through it? Think of what the gate counts."
        )
    if "reason" not in answer:
        raise Unanswered
    words(answer["reason"], 10)
    return "An associator is judged by what it could have found."


@exercise
def six_stations(answer, f1_of_six: Callable[[dict, int], float]):
    if not isinstance(answer, dict):
        raise Wrong(
            'a dictionary is asked for: {"min_picks": ..., "min_p_picks": ..., "min_s_picks": ..., "min_both": ...}.'
        )
    unknown, missing = set(answer) - set(_COUNTS), set(_COUNTS) - set(answer)
    if unknown or missing:
        raise Wrong(f"the dictionary should hold {', '.join(_COUNTS)} and nothing else.")
    overrides = {name: whole(answer[name], 0, 1000) for name in _COUNTS}
    scores = []
    for seed in (31, 32):
        try:
            scores.append(f1_of_six(overrides, seed))
        except ValueError as error:
            raise Wrong(f"these settings contradict one another or the network: {error}") from error
    if not min(scores) >= 0.8:
        shown = " and ".join(f"{s:.2f}" for s in scores)
        raise Wrong(
            f"F1 is {shown}. Six stations give twelve arrivals at best, and not every one is seen. Compare the number of events found with "
            "the number of true ones: are you losing events, or making new ones of noise?"
        )
    return f"F1 is {scores[0]:.2f} and {scores[1]:.2f}."


@exercise
def overlap(answer, kit):
    value = number(answer, 0, 86400, unit="s")
    longest = max(float(rows["travel_s"].max()) for rows in kit)
    if value < longest:
        lost = sum(int((rows["travel_s"] > value).sum()) for rows in kit)
        raise Wrong(
            f"with {value:g} s, {lost} arrivals of the kit could lie beyond the overlap of their event's piece."
        )
    if value > longest + 15:
        raise Wrong(
            f"{value:g} s are safe, and more than is needed: what is the last thing that an event sends, and how long does it travel?"
        )
    return "It is a travel time of S, a property of the network, not of the sequence."


@exercise
def airquakes(answer, day, stations):
    if isinstance(answer, (pd.Series, pd.Index, np.ndarray)):
        answer = list(answer)
    if not isinstance(answer, (list, tuple, set)):
        raise Wrong("a list of event_id is asked for.")
    given = {_event_id(value) for value in answer}
    strangers = given - set(day["event_id"])
    if strangers:
        raise Wrong(f"{len(strangers)} of these numbers are not the event_id of an event of this day.")
    right = set(day.loc[day["depth_km"].to_numpy() < _ground_km(day, stations), "event_id"])
    if given == right:
        return "Nothing breaks in the air: a wrong velocity near the surface, or picks that do not belong together, pushed them up."
    if not given:
        raise Wrong("there are some. In which direction does depth_km count, and in which elevation_m?")
    if given == set(day.loc[day["depth_km"] < 0, "event_id"]):
        raise Wrong("these lie above sea level, which is not yet above the ground: the ground is high here.")
    raise Wrong(
        f"{len(given - right)} of yours lie in the ground, and {len(right - given)} in the air are missing. Check the sign and unit of the elevation."
    )


@exercise
def claims(answer, stress):
    if not isinstance(answer, dict) or "claims" not in answer:
        raise Wrong('a dictionary is asked for: {"claims": ["a", ...], "reason": "..."}.')
    chosen = choices(answer["claims"], ["a", "b", "c", "d"])
    if "b" in chosen:
        raise Wrong("sentence b speaks of all associators; which ones are in the table?")
    if "d" in chosen:
        raise Wrong(
            "look at sentence d again: how many events is a difference of 0.07, and how far are two seeds apart?"
        )
    for letter, holds in {"a": _never_below(stress), "c": _rate_costs_time(stress)}.items():
        if holds and letter not in chosen:
            raise Wrong(f"sentence {letter} can be read from the table of the stress test, and you left it out.")
        if letter in chosen and not holds:
            raise Wrong(f"sentence {letter} does not hold in the table of the stress test. Compute it.")
    if "reason" not in answer:
        raise Unanswered
    words(answer["reason"], 10)
    return "Compare your reason with the solution's."


def _event_id(value: object) -> int:
    """A 64-bit number; a float could not hold all of its digits."""
    try:
        return int(str(value).strip())
    except ValueError:
        raise Wrong(f"{value!r} is no event_id: whole numbers as in the table are asked for.") from None


def _ground_km(day: pd.DataFrame, stations: pd.DataFrame) -> np.ndarray:
    """Depth of the ground at the station nearest to each event, km below sea level."""
    from course_utils.earth.coordinates import distance_azimuth

    distance, _ = distance_azimuth(
        day[["latitude"]].to_numpy(),
        day[["longitude"]].to_numpy(),
        stations["latitude"].to_numpy(),
        stations["longitude"].to_numpy(),
    )
    return -stations["elevation_m"].to_numpy()[distance.argmin(axis=1)] / 1000.0


def _never_below(stress: pd.DataFrame) -> bool:
    cells = stress.groupby(["method", "rate", "noise"])["event_f1"].mean()
    return bool((cells["PyOcto"] >= cells["gaps in time"]).all())


def _rate_costs_time(stress: pd.DataFrame) -> bool:
    seconds = stress[stress["method"] == "PyOcto"].groupby("rate")["cpu_s"].mean()
    return bool(seconds.iloc[-1] > seconds.iloc[0])
