"""Checks of lesson 23, graph networks for sources."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from course_utils.teaching.checks import Unanswered, Wrong, array, call, choices, exercise, whole, words

_TYPO = 2305  # seed of which station is mistyped


@exercise
def two_rounds(answer):
    values = array(answer, (4,))
    ring, after = np.array([0.0, 0.0, 0.0, 8.0]), []
    for _ in range(2):
        ring = 0.5 * ring + 0.25 * (np.roll(ring, 1) + np.roll(ring, -1))
        after.append(ring)
    if np.allclose(values, after[1], atol=0.01):
        return "After two rounds the 8 has reached every station of the ring."
    if np.allclose(values, after[0], atol=0.01):
        raise Wrong("these are the numbers after one round. Do it once more, with the new numbers everywhere.")
    if not np.isclose(values.sum(), 8.0, atol=0.04):
        raise Wrong(
            f"they add up to {values.sum():g}. In this ring every number is given away completely: half stays, a quarter goes to each side."
        )
    raise Wrong(
        "the sum is right, the places are not. All nodes change at once: use the old numbers of both neighbours."
    )


@exercise
def numbering(answer, net, problem):
    import torch

    from course_utils.association.graphs import Graph

    old = problem.observed
    order = np.roll(np.arange(len(old.x_km))[::-1], 2)
    new = call(answer, old, order.copy())
    if not hasattr(new, "travel_times"):
        raise Wrong("the function should return an Observed; replace(observed, ...) makes one.")
    if not np.array_equal(new.x_km, old.x_km[order]) or not np.array_equal(new.y_km, old.y_km[order]):
        raise Wrong("the stations are not in the new order: number i should stand where order[i] stood.")
    if not np.array_equal(new.x_km[new.station], old.x_km[old.station]):
        raise Wrong("some picks now stand at another station. Which new number has the station that had number s?")
    if not np.array_equal(new.alive, old.alive[order]):
        raise Wrong("another station counts as dead now.")
    if not np.array_equal(new.travel_times.level, old.travel_times.level[order]):
        raise Wrong("the picks went along, the travel times did not: each station has its own level.")
    with torch.no_grad():
        before, after = (net(Graph.build(o, problem.candidates)) for o in (old, new))
    off = max(
        float((before.event - after.event).abs().max()),
        float((before.step - after.step).abs().max()),
    )
    if off > 1e-2:
        raise Wrong(
            f"the numbering is right, but this network's answers differ by {off:.3g}: something in it knows the numbers."
        )
    return f"The answers differ by at most {off:.1g}, which is rounding."


@exercise
def counting(answer):
    import torch

    from course_utils.association.graphs import attention, gather

    chosen = choices(answer, ["sum", "mean", "max", "attention"])
    to = torch.tensor([0] * 3 + [1] * 12)
    ones = torch.ones(15, 1)
    total = gather(ones, to, 2)[:, 0]
    joined = {
        "sum": total,
        "mean": total / torch.bincount(to),
        "max": torch.ones(2),
        "attention": gather(ones * attention(ones, to, 2), to, 2)[:, 0],
    }
    can = {name for name, (a, b) in joined.items() if abs(float(a - b)) > 1e-4}
    if wrong := sorted(chosen - can):
        raise Wrong(f"{wrong[0]}: what number does A hold then, and what number B?")
    if missing := can - chosen:
        raise Wrong(f"{len(missing)} way of joining that can tell A from B is missing.")
    return "Mean, maximum and attention say how well the messages fit, a sum also says how many they are."


def mistyped(problems: list) -> list:
    """The same minutes with one station 20 km away from where it was, and the candidates that follow from it."""
    from course_utils.association.graphs import vote

    which, east, north = _typo(problems)
    out = []
    for p in problems:
        x, y = p.observed.x_km.copy(), p.observed.y_km.copy()
        x[which] += east
        y[which] += north
        observed = replace(p.observed, x_km=x, y_km=y)
        candidates, votes = vote(observed, observed.nodes((14, 14, 3), (3, 25)))
        if len(candidates):
            out.append(p._replace(observed=observed, candidates=candidates, votes=votes))
    return out


def _typo(problems: list) -> tuple[int, float, float]:
    rng = np.random.default_rng(_TYPO)
    angle = rng.uniform(0, 2 * np.pi)
    return int(rng.integers(len(problems[0].observed.x_km))), 20 * np.cos(angle), 20 * np.sin(angle)


@exercise
def wrong_station(answer, typed, problems):
    n = len(problems[0].observed.x_km)
    which, (right, *_) = whole(answer, 0, n - 1), _typo(problems)
    if which != right:
        picks = sum(int((p.observed.station == which).sum()) for p in typed)
        raise Wrong(
            f"station {which} stands where it should. It has {picks} picks in these minutes: compare with how many of them ended in events, for each station."
        )
    return "A station whose picks are never believed has a wrong place, a wrong clock or a wrong name."


@exercise
def claims(answer, results: pd.DataFrame, dying: pd.DataFrame):
    if not isinstance(answer, dict) or "claims" not in answer:
        raise Wrong('a dictionary is asked for: {"claims": ["a", ...], "reason": "..."}.')
    chosen = choices(answer["claims"], list("abcde"))
    if "c" in chosen:
        raise Wrong("sentence c speaks of any network; how many were tried?")
    if "e" in chosen:
        raise Wrong("sentence e speaks of all graph networks and all grid searches; what was compared here?")
    cpu = results.pivot_table(index="scenario", columns="method", values="cpu_s")
    f1 = results.pivot_table(index="scenario", columns="method", values="F1")
    found = dying.pivot_table(index="method", columns="dead", values="found", aggfunc="sum")
    holds = {
        "a": bool((cpu["graph network"] < cpu["PyOcto"]).all()),
        "b": bool((f1["graph network"] >= f1.max(axis=1)).all()),
        "d": bool((found[found.columns.max()] < found[0]).all()),
    }
    for letter, true in holds.items():
        if true and letter not in chosen:
            raise Wrong(f"sentence {letter} can be read from the tables, and you left it out.")
        if letter in chosen and not true:
            raise Wrong(f"sentence {letter} does not hold in the tables. Compute it.")
    if "reason" not in answer:
        raise Unanswered
    words(answer["reason"], 10)
    return "Compare your reason with the solution's."
