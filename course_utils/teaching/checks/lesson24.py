"""Checks of lesson 24, is it an earthquake?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from course_utils.teaching.checks import Unanswered, Wrong, call, choices, exercise, number, one_of, whole, words

_SKILL = (0.95, 0.9, 0.85, 0.75, 0.7, 0.65, 0.3)  # share right on a case that is neither plain nor hidden
_LOOKED_AT = 0.85


def volunteers(cases: pd.DataFrame, seed: int = 24) -> pd.DataFrame:
    """Labels of seven volunteers for triggered cases (columns kind, size_db), missing where somebody did not look.

    People differ in skill, weak signals are missed more often, and who misses one mostly says "nothing".
    """
    rng = np.random.default_rng(seed)
    kinds = np.array(sorted(cases["kind"].unique()))
    truth = np.searchsorted(kinds, cases["kind"])
    plain = np.clip(cases["size_db"].fillna(10.0).to_numpy() / 10.0, 0.3, 1.2)
    order = rng.permutation(len(_SKILL))
    answers = {}
    for j, k in enumerate(order):
        right = rng.random(len(cases)) < np.clip(_SKILL[k] * plain, 0.0, 0.97)
        other = (truth + rng.integers(1, len(kinds), len(cases))) % len(kinds)
        missed = np.where(
            (rng.random(len(cases)) < 0.6) & (cases["kind"] != "nothing"), np.searchsorted(kinds, "nothing"), other
        )
        answers["ABCDEFG"[j]] = kinds[np.where(right, truth, missed)]
    table = pd.DataFrame(answers, index=cases.index).astype(object)
    seen = rng.random(table.shape) < _LOOKED_AT
    seen[~seen.any(axis=1), 0] = True
    return table.where(seen)


@exercise
def archive(answer, archives):
    columns = list(archives.columns.drop("event_type"))
    given = choices(answer, columns)
    surface = archives["event_type"] == "surface event"
    right = set()
    for column in columns:
        values = archives[column].round() if archives[column].dtype.kind == "f" else archives[column]
        if surface.groupby(values).nunique().max() == 1:
            right.add(column)
    wrong = given - right
    if wrong:
        raise Wrong(
            f"{', '.join(sorted(wrong))}: some value stands both with surface events and with others. Count the types per value."
        )
    if given != right:
        raise Wrong(f"what you name is right; {len(right - given)} more of the {len(columns)} columns do it, too.")
    return "A classifier that sees any of these needs no seismogram."


@exercise
def monitoring(answer, answered):
    if not isinstance(answer, dict) or not {"threshold", "answered"} <= set(answer):
        raise Wrong('a dictionary is asked for: {"threshold": ..., "answered": ...}.')
    threshold, share = number(answer["threshold"], 0, 1), number(answer["answered"], 0, 1)
    lowest = answered["accuracy"][::-1].cummin()[::-1] >= 0.95
    right = answered[lowest].iloc[0]
    above = answered[answered["threshold"] >= threshold - 1e-6]
    if above.empty or above["accuracy"].min() < 0.95 - 1e-9:
        worst = above["accuracy"].min() if len(above) else float("nan")
        raise Wrong(f"at this threshold or a higher one the accuracy is {worst:.3f}; look at all rows above it.")
    if threshold > right["threshold"] + 0.005:
        raise Wrong("this is safe, but a lower threshold is safe, too, and answers more events.")
    if abs(share - right["answered"]) > 0.02:
        raise Wrong("the threshold is right; what share of the events reaches it?")
    return f"{1 - share:.0%} of the events go to a person."


@exercise
def balanced(function):
    cases = [
        (["a", "a", "a", "b"], ["a", "a", "a", "a"], 0.5),
        (["a", "b", "b", "c"], ["a", "b", "c", "c"], (1 + 0.5 + 1) / 3),
        (["x", "y"], ["y", "x"], 0.0),
    ]
    for truth, answers, expected in cases:
        got = number(call(function, np.array(truth), np.array(answers)), 0, 1)
        if abs(got - expected) > 1e-6:
            raise Wrong(
                f"for the truth {truth} and the answers {answers} it gives {got:.3f}. Each class counts alike, whatever its size; "
                "classes that occur in the answers alone have no recall."
            )
    return "Always saying the most frequent class earns one over the number of classes."


@exercise
def careless(answer, labels):
    from course_utils.discrimination.agreement import dawid_skene, majority

    if not isinstance(answer, dict) or not {"volunteer", "tied"} <= set(answer):
        raise Wrong('a dictionary is asked for: {"volunteer": "...", "tied": ...}.')
    if answer["volunteer"] is Ellipsis or answer["tied"] is Ellipsis:
        raise Unanswered
    name = one_of(answer["volunteer"], labels.columns)
    reliable = {who: np.diag(matrix).mean() for who, matrix in dawid_skene(labels)[1].items()}
    if name != min(reliable, key=reliable.get):
        raise Wrong(f"the diagonal of {name} has a mean of {reliable[name]:.2f}; somebody's is lower.")
    tied = int(majority(labels)["tied"].sum())
    if whole(answer["tied"], 0, len(labels)) != tied:
        raise Wrong(
            "the volunteer is right; count the cases in which two labels have the same, largest number of votes."
        )
    return "Nobody needed to know the truth for this."


@exercise
def claims(answer, scores):
    if not isinstance(answer, dict) or "claims" not in answer:
        raise Wrong('a dictionary is asked for: {"claims": ["a", ...], "reason": "..."}.')
    chosen = choices(answer["claims"], ["a", "b", "c", "d"])
    if "b" in chosen:
        raise Wrong("sentence b speaks of the world; where are the events of the table from?")
    if "c" in chosen:
        raise Wrong("sentence c: what do noise and metadata alone reach for three classes?")
    at = scores.set_index(["classes", "seen"]).loc["earthquake, explosion"]
    holds = {
        "a": at.loc["event", "value"] > at.loc["noise only", "value"],
        "d": at.loc["event", "high"] - at.loc["event", "low"] > 0.1,
    }
    for letter, true_here in holds.items():
        if true_here and letter not in chosen:
            raise Wrong(f"sentence {letter} can be read from the table, and you left it out.")
        if letter in chosen and not true_here:
            raise Wrong(f"sentence {letter} does not hold in this table. Compute it.")
    if answer.get("reason", ...) is ...:
        raise Unanswered
    words(answer["reason"], 10)
    return "Compare your reason with the solution's."
