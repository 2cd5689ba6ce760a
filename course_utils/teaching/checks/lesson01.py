"""Checks of lesson 01, a first catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course_utils.teaching.checks import Unanswered, Wrong, choices, exercise, number, one_of, whole, words

if TYPE_CHECKING:
    from course_utils.catalog.tables import Catalog

_PROBABILITY = 0.8
_FEWEST_PICKS = 7


@exercise
def how_many(answer, catalog: Catalog):
    events = catalog.events
    grade, near = events["grade"] == "A", events["horizontal_error_km"] < 1
    given, right = whole(answer, 0, len(events)), int((grade & near).sum())
    if given == right:
        return f"And there are {len(events)} in the table, so say with every number of events which events you count."
    known = {
        int(grade.sum()): "this counts grade A alone; the second condition is missing.",
        int(near.sum()): "this counts the small errors alone; the grade is missing.",
        int((grade | near).sum()): "this counts events that meet one condition or the other; both must hold.",
        len(events): "these are all events; there are two conditions.",
    }
    raise Wrong(
        known.get(given, f"{given} is not their number. Keep the rows of catalog.events that meet both conditions.")
    )


@exercise
def sees_most(answer, catalog: Catalog):
    name = one_of(answer, catalog.stations["station"])
    of_events, of_all = catalog.assignments["station"].value_counts(), catalog.picks["station"].value_counts()
    if of_events.get(name, 0) < of_events.max():
        why = ""
        if of_all.get(name, 0) == of_all.max():
            why = " It has the most picks of all, but some of them belong to no event."
        raise Wrong(f"{name} has {of_events.get(name, 0)} picks in events; another station has more.{why}")
    last = of_events.reindex(catalog.stations["station"]).fillna(0).idxmin()
    return f"{of_events[name]} of its {of_all[name]} picks belong to events. At the other end stands {last}; look up its elevation."


@exercise
def rule_of_thumb(answer, catalog: Catalog, best: pd.Series):
    given = number(answer, 0, 500, unit="km")
    rows = catalog.assignments[catalog.assignments["event_id"] == best["event_id"]]
    rows = rows.merge(catalog.picks[["pick_id", "time"]], on="pick_id")
    both = rows.pivot_table(index="station", columns="phase", values="time", aggfunc="first").dropna()
    s_minus_p = (both["S"] - both["P"]).dt.total_seconds()
    distance = rows.groupby("station")["distance_km"].first()
    nearest = distance.idxmin()
    if nearest not in s_minus_p:
        nearest = distance[s_minus_p.index].idxmin()
    right = 8 * s_minus_p[nearest]
    located = float(np.hypot(distance[nearest], best["depth_km"]))
    if abs(given - right) <= 0.15:
        return (
            f"The location says {located:.1f} km along the straight line from {nearest}, which is {distance[nearest]:.1f} km from the epicenter. "
            "A single station gives the distance, three give the place."
        )
    if abs(given - right / 8) <= 0.02:
        raise Wrong("these are the seconds between P and S; the rule has one more step.")
    others = s_minus_p.drop(nearest)
    if len(others) and (8 * others - given).abs().min() <= 0.15:
        raise Wrong(f"this fits {(8 * others - given).abs().idxmin()}; another station is nearer to the epicenter.")
    if abs(given - distance[nearest]) <= 0.15 or abs(given - located) <= 0.15:
        raise Wrong("this is the distance that the location gives; use the times of P and S instead, then compare.")
    raise Wrong(
        f"{given:.1f} km does not follow from P and S at the nearest station. Use the times of the picks, not those that the location predicts."
    )


@exercise
def why_missed(answer, catalog: Catalog, its_arrivals: pd.DataFrame):
    from course_utils.catalog.matching import match_picks

    given = one_of(answer, "abc")
    hits = match_picks(catalog.picks, its_arrivals, tolerance_s=0.5).matched
    used = catalog.assignments[catalog.assignments["pick_id"].isin(hits["pick_id"])]
    owners = used["event_id"].value_counts()
    if len(hits) < _FEWEST_PICKS:
        right = "a"
    else:
        right = "c" if owners.sum() > len(hits) / 2 else "b"
    look = {
        "a": f"compare its {len(its_arrivals)} visible arrivals with the picks (match_picks, within 0.5 s), and count.",
        "b": "look up in catalog.assignments whether its picks belong to an event.",
        "c": "take the picks that fit its arrivals, and look up in catalog.assignments where they went, if anywhere.",
    }
    if given != right:
        raise Wrong(f"{given} is not what the tables say: {look[given]}")
    if right != "c":
        return f"{len(hits)} of its {len(its_arrivals)} visible arrivals have a pick."
    event = catalog.events.set_index("event_id").loc[owners.index[0]]
    events = "one event" if len(owners) == 1 else f"{len(owners)} events"
    return (
        f"{owners.sum()} of its picks went to {events}, the largest part to that of {event['time']:%H:%M:%S}: grade {event['grade']}, {event['azimuthal_gap_deg']:.0f} degrees "
        f"without any station, and an epicenter that may be {event['horizontal_error_km']:.0f} km off, as stated. One earthquake can be 'missed' and 'not in the truth'."
    )


@exercise
def predict(answer, catalog: Catalog):
    from course_utils.catalog.tables import Catalog as Tables

    if not isinstance(answer, dict) or not {"predicted", "catalog"} <= set(answer):
        raise Wrong('a dictionary is asked for: {"predicted": a number, "catalog": the new catalog}.')
    predicted, new = whole(answer["predicted"], 0), answer["catalog"]
    if not isinstance(new, Tables):
        raise Wrong(f"the catalog is what association.associate returns; this is {type(new).__name__}.")
    used = new.picks.merge(new.assignments[["pick_id"]], on="pick_id")["probability"]
    if not len(used):
        raise Wrong("this catalog has no event; give associate the picks, and min_probability=0.8.")
    if used.min() < _PROBABILITY:
        raise Wrong(
            f"events of this catalog have picks of probability {used.min():.2f}; run it with min_probability=0.8."
        )
    if len(new.picks) != len(catalog.picks) and new.picks["probability"].min() < _PROBABILITY:
        raise Wrong("this catalog was made from other picks; change nothing but min_probability.")
    before, after = len(catalog.events), len(new.events)
    each = len(catalog.assignments) / max(before, 1)
    off = f"You were {abs(predicted - after)} off." if predicted != after else "You predicted it exactly."
    return (
        f"{before} events became {after}. {off} An event rests on {each:.0f} picks on average and needs {_FEWEST_PICKS}: it can lose many. What became of the places "
        "of those that stayed?"
    )


@exercise
def claims(answer, scores: pd.DataFrame):
    if not isinstance(answer, dict) or "claims" not in answer:
        raise Wrong('a dictionary is asked for: {"claims": ["a", ...], "reason": "..."}.')
    chosen = choices(answer["claims"], "abcde")
    table = scores.set_index("settings")
    right = {"b"} if table.loc["from the geometry", "median km"] < 0.5 else set()
    right |= {"d"} if table["matched"].min() < table["matched"].max() else set()
    look = {
        "a": "the distance is to a reference; how far is the reference from the truth?",
        "b": "compare with the median distance in the table.",
        "c": "what would make the reference complete?",
        "d": "compare the rows of the table.",
        "e": "who made the reference?",
    }
    if not chosen:
        raise Wrong("at least one sentence holds.")
    for letter in sorted(chosen ^ right):
        state = "is not supported" if letter in chosen else "is supported, or can you say why not"
        raise Wrong(f"sentence {letter} {state}: {look[letter]}")
    if "reason" not in answer:
        raise Unanswered
    words(answer["reason"], 10)
    return "Compare your reason with the solution's: agreement with a list is not truth, and what a list lacks is not false."
