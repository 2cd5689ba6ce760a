"""Checks of lesson 36, the hackathon of quality control."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from course_utils.teaching.checks import Unanswered, Wrong, array, call, exercise, number, one_of, words
from course_utils.teaching.hackathon import Entry, GradedWorld, score, validate


def after_the_contest(seed: str) -> tuple[str, dict[str, str]]:
    """The SHA-256 of a seed, and three seeds that are said to be it: one is, and two differ in a digit."""
    other = [seed[:k] + format(int(seed[k], 16) ^ 1, "x") + seed[k + 1 :] for k in (5, 20)]
    return hashlib.sha256(seed.encode()).hexdigest(), {"a": other[0], "b": seed, "c": other[1]}


@exercise
def promised(answer, promise: str, revealed: dict[str, str]):
    who = one_of(answer, revealed)
    if hashlib.sha256(revealed[who].encode()).hexdigest() != promise:
        raise Wrong(
            f"the SHA-256 of seed {who} is another one. Hash the text of each: hashlib.sha256(seed.encode()).hexdigest()."
        )
    return "One digit changes the whole hash, and 2^128 seeds cannot be tried; a seed such as 36 could be."


@exercise
def entry(answer, catalogs: dict, worlds: dict[str, GradedWorld], entries: list[Entry]):
    starter = next(e for e in entries if e.team == "starter")
    points = {}
    for name in worlds:
        events = catalogs[name].events
        said = array(call(answer, catalogs[name]), (len(events),))
        if said.min() < 0 or said.max() > 1:
            raise Wrong(f"probabilities lie between 0 and 1; these go from {said.min():g} to {said.max():g}.")
        if np.ptp(said) == 0:
            raise Wrong(f"every event of {name} gets {said[0]:g}; nothing is told apart.")
        table = events[["event_id", "time", "latitude", "longitude", "depth_km"]].assign(quality_probability=said)
        points[name] = score(validate(table, events), worlds[name]).points
    for name, value in points.items():
        bar = starter.scores[name].points
        if name != "public" and value <= bar:
            raise Wrong(
                f"{value:.1f} points on {name}, where the starter has {bar:.1f}"
                + (
                    f", and {points['public']:.1f} on the public world: what did it learn there?"
                    if points["public"] > bar + 5
                    else "."
                )
            )
    hidden = np.mean([v for name, v in points.items() if name != "public"])
    return f"{points['public']:.1f} points in public (not held out, if you trained on it), {hidden:.1f} hidden."


@exercise
def misled(answer, board: pd.DataFrame):
    if not isinstance(answer, dict) or "team" not in answer:
        raise Wrong('a dictionary is asked for: {"team": "...", "reason": "..."}.')
    team = one_of(answer["team"], board.index)
    if board.loc[team, "gap"] < board["gap"].max():
        raise Wrong(f"{team!r} has a gap of {board.loc[team, 'gap']:+.1f}; another one has a larger one.")
    if "reason" not in answer:
        raise Unanswered
    words(answer["reason"], 10)
    return "Compare your reason with the solution's."


@exercise
def telltale(answer, table: pd.DataFrame):
    column = one_of(answer, table.columns)
    if column == "published":
        raise Wrong("this is the answer itself. Which other column knows it?")
    same = (table[column].notna() == table["published"]).mean()
    best = max((table[c].notna() == table["published"]).mean() for c in table.columns.drop("published"))
    if same < best:
        raise Wrong(
            f"whether {column} is there agrees with what was published for {same:.0%} of the events; another column does better."
        )
    return "It was filled in from the bulletin, after the decision that it would predict. Ask of each column when it was written."


@exercise
def publish(answer, probability: np.ndarray, labels: pd.DataFrame):
    if not isinstance(answer, dict) or "threshold" not in answer:
        raise Wrong('a dictionary is asked for: {"threshold": ..., "note": "..."}.')
    threshold = number(answer["threshold"], 0, 1)
    good = labels["good"].to_numpy()
    kept = np.asarray(probability) >= threshold
    if not kept.any():
        raise Wrong(f"nothing reaches {threshold:g}.")
    right, whole = good[kept].mean(), good[kept].sum() / good.sum()
    if right < 0.9:
        raise Wrong(
            f"of the {kept.sum()} events that this publishes in world1, {right:.0%} are good; a higher threshold keeps fewer bad ones."
        )
    if whole < 0.5:
        raise Wrong(f"only {whole:.0%} of the good events are left; a lower threshold loses fewer.")
    if "note" not in answer:
        raise Unanswered
    words(answer["note"], 20)
    return f"{kept.sum()} events are published, {right:.0%} of them good, with {whole:.0%} of all good ones."
