"""Checks of lesson 35, two catalogs side by side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from course_utils.teaching.checks import (
    Unanswered,
    Wrong,
    array,
    call,
    choices,
    exercise,
    number,
    words,
)

_PASS, _GATE_S, _MOST = 8, 1.0, 4


@exercise
def judged(answer, real: np.ndarray):
    """Numbers of the events to delete, counted from 1; most of them right."""
    names = [str(n) for n in range(1, len(real) + 1)]
    deleted = np.isin(names, list(choices([str(n) for n in _as_list(answer)], names)))
    kept_false, lost = int((~deleted & ~real).sum()), int((deleted & real).sum())
    right = len(real) - kept_false - lost
    if right < _PASS:
        raise Wrong(
            f"{right} of {len(real)} are as the truth has them: {lost} real {_events(lost)} deleted, {kept_false} kept that {_are(kept_false)} not. "
            "Look once more at the near stations: is there a beginning at every bar, and do the bars move out?"
        )
    return (
        f"{right} of {len(real)}: {lost} real {_events(lost)} deleted, {kept_false} kept that {_are(kept_false)} not."
    )


@exercise
def trap(answer, greedy: Callable, optimal: Callable):
    if not isinstance(answer, dict) or not {"mine", "theirs"} <= set(answer):
        raise Wrong('a dictionary is asked for: {"mine": [...], "theirs": [...]}.')
    mine, theirs = (array(answer[name], (None,)).tolist() for name in ("mine", "theirs"))
    for name, times in (("mine", mine), ("theirs", theirs)):
        if not 1 <= len(times) <= _MOST:
            raise Wrong(f"{name} has {len(times)} times; one to {_MOST} are allowed.")
        if len(set(times)) < len(times):
            raise Wrong(f"two times of {name} are the same; all should differ.")
    lost = [len(optimal(order, theirs, _GATE_S)) - len(greedy(order, theirs, _GATE_S)) for order in (mine, mine[::-1])]
    if not any(lost):
        raise Wrong(
            f"greedy finds {len(greedy(mine, theirs, _GATE_S))} pairs, and so does optimal. "
            "Give one of mine a nearest partner that another one of mine needs more."
        )
    if not all(lost):
        way = "backwards" if lost[0] else "as it is"
        raise Wrong(
            f"with mine written {way}, greedy loses nothing. What does a trap for the other direction look like?"
        )
    return f"Greedy loses {lost[0]} forwards and {lost[1]} backwards."


@exercise
def all_days(answer, days: pd.DataFrame):
    uneven = pd.DataFrame({"reference": [1000, 10, 0, 40], "events": [0, 12, 3, 20], "found": [0, 9, 0, 15]})
    uneven = uneven.assign(missed=uneven["reference"] - uneven["found"], proposed=uneven["events"] - uneven["found"])
    uneven = uneven.assign(
        day=pd.date_range("2020-01-01", periods=4, tz="UTC"),
        no_events=uneven["events"] == 0,
        no_reference=uneven["reference"] == 0,
    )
    for name, table in (("days", days), ("days of very different size", uneven)):
        got = number(call(answer, table.copy()))
        right = table["found"].sum() / table["reference"].sum()
        if abs(got - right) < 1e-6:
            continue
        there = table[~table["no_events"]]
        each = (table["found"] / table["reference"]).dropna()
        hints = {
            there["found"].sum()
            / there["reference"].sum(): "the days without events are left out; their reference events were missed.",
            (
                there["found"] / there["reference"]
            ).mean(): "this is the colleague's number: it skips a day, and a quiet day counts as much as a busy one.",
            each.mean(): "a mean of the days' recalls gives a day with ten events the weight of one with a thousand.",
            table["found"].sum()
            / table["events"].sum(): "this is the share of the *catalog* that is confirmed: precision.",
        }
        for value, hint in hints.items():
            if abs(got - value) < 1e-6:
                raise Wrong(f"on {name} it gives {got:.3f}: {hint}")
        raise Wrong(f"on {name} it gives {got:.3f}. How many were to be found in all, and how many were?")


@exercise
def beyond_chance(answer, gates: pd.DataFrame):
    row = gates[(gates["max_km"] == 10) & (gates["max_dt_s"] == 1.5)].iloc[0]
    value, luck = number(answer, 0, 703), row["by_chance"] / 703
    right = (row["matched"] - row["by_chance"]) / (1 - luck)
    if abs(value - right) <= 1.0:
        return "Chance matters less than it seems: only what is not truly there can be matched by luck."
    if abs(value - (row["matched"] - row["by_chance"])) <= 1.0:
        raise Wrong("this takes the luck off all 703, also off those that are truly there and need none.")
    if abs(value - row["matched"]) <= 0.5:
        raise Wrong("these are the matches, luck included.")
    raise Wrong("write down: matched = m + luck of the others (703 - m), and solve for m.")


@exercise
def press(answer):
    if not isinstance(answer, dict) or "claims" not in answer:
        raise Wrong('a dictionary is asked for: {"claims": ["a", ...], "reason": "..."}.')
    chosen = choices(answer["claims"], ["a", "b", "c", "d"])
    hints = {
        "a": "sentence a: look at the table of the third list.",
        "b": "sentence b: what do the tables say of why an event was left out? Think of the corner in the OGS bulletin.",
        "c": "sentence c: what did the ten record sections tell that no matching could?",
        "d": "sentence d: the matched ones are confirmed by people. What confirms the others?",
    }
    for letter, right in zip("abcd", (True, False, True, False), strict=True):
        if (letter in chosen) != right:
            raise Wrong(hints[letter])
    if "reason" not in answer:
        raise Unanswered
    words(answer["reason"], 15)
    return "Compare your reason with the solution's."


def _as_list(answer) -> list:
    if isinstance(answer, str):
        return [part for part in answer.replace(",", " ").split() if part != "and"]
    if isinstance(answer, (int, np.integer)):
        return [answer]
    if not isinstance(answer, (list, tuple, set, np.ndarray, pd.Series, pd.Index)):
        raise Wrong("a list of numbers is asked for, such as [2, 9]; [] keeps them all.")
    return [int(n) if isinstance(n, (float, np.floating)) and n == int(n) else n for n in answer]


def _events(n: int) -> str:
    return "event" if n == 1 else "events"


def _are(n: int) -> str:
    return "is" if n == 1 else "are"
