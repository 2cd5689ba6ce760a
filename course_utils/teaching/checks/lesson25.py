"""Checks of lesson 25, the hackathon of association."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from course_utils.catalog.tables import Catalog
from course_utils.teaching.checks import Unanswered, Wrong, call, choices, exercise, number, table, whole, words


@exercise
def entry(answer, score: Callable[..., dict], entries: dict):
    """A valid entry: it runs on both parts, returns a catalog of the picks it got, and is not worse than the starter."""
    points = {}
    for part in ("practice", "final"):

        def watched(picks, stations, velocity):
            given = picks.copy()
            catalog = call(answer, picks, stations, velocity)
            if not isinstance(catalog, Catalog):
                raise Wrong(
                    f"my_associator should return a Catalog, as association.associate does; it returned {type(catalog).__name__}."
                )
            if not picks.equals(given):
                raise Wrong("my_associator changed the picks it was given; work on a copy.")
            if catalog.assignments["pick_id"].duplicated().any():
                raise Wrong("some picks belong to two events; every pick may serve one.")
            if not catalog.assignments["pick_id"].isin(given["pick_id"]).all():
                raise Wrong("some assignments name picks that were not given.")
            return catalog

        points[part] = score(watched, part)["points"]
        bar = entries["starter", part]["points"]
        if part == "practice" and points[part] < bar - 1:
            raise Wrong(
                f"{points[part]:.1f} points on the practice minutes, where the starter has {bar:.1f}. Take back the last change and look at which "
                "part of the score it moved."
            )
    gap = points["final"] - points["practice"]
    return f"{points['practice']:.1f} points on the practice minutes, {points['final']:.1f} on the final ones: a gap of {gap:+.1f}."


@exercise
def whose_fault(answer, lost: pd.DataFrame, settings):
    value = whole(answer, 0)
    right = int((lost["n_picks"] >= settings.min_picks).sum())
    if value == right:
        return "The others ask for a better picker or more stations, not for other settings."
    if value == len(lost):
        raise Wrong("these are all lost events. Which of them had enough picks to become one?")
    if value == int((lost["n_picks"] > settings.min_picks).sum()):
        raise Wrong("an event with exactly as many picks as are asked for is allowed to become one.")
    if value == int((lost["n_picks"] < settings.min_picks).sum()):
        raise Wrong("these are the ones that no associator with these settings could find.")
    raise Wrong(
        f"{value} is not the number. Compare the column n_picks with settings.min_picks ({settings.min_picks})."
    )


@exercise
def fewer_stations(answer, picks: pd.DataFrame):
    names = picks["station"].value_counts().index[:3].tolist()
    for given in (names, names[:1], tuple(names), []):
        left = table(call(answer, picks.copy(), given), picks.columns)
        right = picks[~picks["station"].isin(list(given))]
        if len(left) == len(picks) and len(given):
            raise Wrong(f"all {len(picks)} picks are still there without {len(given)} stations.")
        if set(left["pick_id"]) == set(picks["pick_id"]) - set(right["pick_id"]) and len(given):
            raise Wrong("these are the picks of the stations that are down.")
        if set(left["pick_id"]) != set(right["pick_id"]):
            raise Wrong(f"{len(left)} picks are left without {len(given)} stations; it should be another number.")
    return "Events near a station that is down suffer most: they lose the pick that fixes their depth."


@exercise
def without_luck(answer, ridgecrest: pd.DataFrame):
    row = ridgecrest.set_index("catalog").loc["PAL"]
    n, matched, luck = (float(row[c]) for c in ("events", "in ComCat", "by luck"))
    value = number(answer, 0, n)
    right = (matched - luck) / (1 - luck / n)
    if abs(value - right) <= 0.5:
        return "With few events in a day luck is small; with ten times as many it would not be."
    if abs(value - (matched - luck)) < 0.5:
        raise Wrong("true events need no luck: only the N - m others can be matched by it. Solve for m.")
    if abs(value - matched) < 0.5:
        raise Wrong("this is the number matched, luck included.")
    raise Wrong(f"{value:g} does not solve m + (N - m) x share = matched.")


@exercise
def winner(answer):
    if not isinstance(answer, dict) or "claims" not in answer:
        raise Wrong('a dictionary is asked for: {"claims": ["a", ...], "reason": "..."}.')
    chosen = choices(answer["claims"], ["a", "b", "c", "d"])
    if "a" in chosen:
        raise Wrong("sentence a speaks of the associators, not of these minutes. How wide is the interval?")
    hints = {
        "b": "sentence b only repeats what was measured.",
        "c": "sentence c: what would make the interval narrower?",
        "d": "sentence d: the best of many tries was chosen by its score on the practice minutes. What does that do to this score?",
    }
    for letter, hint in hints.items():
        if letter not in chosen:
            raise Wrong(hint)
    if "reason" not in answer:
        raise Unanswered
    words(answer["reason"], 10)
    return "Compare your reason with the solution's."
