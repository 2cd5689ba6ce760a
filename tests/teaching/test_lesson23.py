"""Checks of lesson 23: right answers in any form pass, wrong ones get a message that helps."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch

from course_utils.association.graphs import Graph, Observed
from course_utils.earth.traveltime import TravelTimes
from course_utils.teaching.checks import lesson23

REASON = "Both can be read from the tables, and the other sentences say more than was measured."


class Problem(NamedTuple):
    observed: Observed
    candidates: np.ndarray
    votes: np.ndarray


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(1)
    stations = pd.DataFrame({"station": [f"S{i}" for i in range(6)], "latitude": 40.0, "longitude": -124.0})
    stations["elevation_m"] = [0.0, 400, 0, 400, 0, 0]
    velocity = pd.DataFrame({"depth_km": [0.0, 30.0], "vp_km_s": [6.0, 6.5], "vs_km_s": [3.4, 3.7]})
    times = TravelTimes.build(stations, velocity, 150, 40, 1.0)
    x, y = rng.uniform(-40, 40, (2, 6))
    station = np.arange(12) % 6
    t = [float(times.times("PS"[i // 6], s, np.hypot(x[s], y[s]), 10.0)) for i, s in enumerate(station)]
    observed = Observed(station, np.arange(12) // 6, 5 + np.array(t), x, y, np.arange(6) != 2, times)
    return Problem(observed, np.array([[5.0, 1.0, 1.0, 9.0], [6.0, 20.0, 1.0, 9.0]]), np.array([12, 5]))


class Answer(NamedTuple):
    event: torch.Tensor
    step: torch.Tensor


def fair(graph):
    from course_utils.association.graphs import gather

    return Answer(gather(graph.node_features, graph.source_of_node, graph.n_sources), graph.residual.sum())


def unfair(graph):
    """Knows the numbers of the stations."""
    number = torch.arange(graph.n_nodes)[:, None] % 6
    return fair(replace(graph, node_features=graph.node_features * number))


def renumbered(o, order):
    new = np.argsort(order)
    level = o.travel_times.level[order]
    return Observed(
        new[o.station],
        o.phase,
        o.time_s,
        o.x_km[order],
        o.y_km[order],
        o.alive[order],
        replace(o.travel_times, level=level),
    )


def test_two_rounds():
    assert lesson23.two_rounds([2, 1, 2, 3])
    assert lesson23.two_rounds(np.array([2.0, 1, 2, 3])) and lesson23.two_rounds(torch.tensor([2.0, 1, 2, 3]))
    assert "after one round" in lesson23.two_rounds([2, 0, 2, 4]).message
    assert "add up to 12" in lesson23.two_rounds([3, 3, 3, 3]).message
    assert "old numbers" in lesson23.two_rounds([2, 2, 2, 2]).message
    assert lesson23.two_rounds([2, ..., 2, 2]).state == "unanswered"


def test_numbering(problem):
    assert lesson23.numbering(renumbered, fair, problem)
    assert "knows the numbers" in lesson23.numbering(renumbered, unfair, problem).message
    assert "new order" in lesson23.numbering(lambda o, order: o, fair, problem).message

    def but(**kept):
        return lambda o, order: replace(renumbered(o, order), **{k: getattr(o, k) for k in kept})

    assert "another station" in lesson23.numbering(but(station=1), fair, problem).message
    assert "dead" in lesson23.numbering(but(alive=1), fair, problem).message
    assert "its own level" in lesson23.numbering(but(travel_times=1), fair, problem).message
    assert "Observed" in lesson23.numbering(lambda o, order: order, fair, problem).message
    assert lesson23.numbering(lambda o, order: ..., fair, problem).state == "unanswered"
    assert Graph.build(problem.observed, problem.candidates).n_nodes == 12


def test_counting():
    assert lesson23.counting(["sum"]) and lesson23.counting("Sum")
    assert "mean: what number" in lesson23.counting(["sum", "mean"]).message
    assert "attention: what number" in lesson23.counting(["attention"]).message
    assert "missing" in lesson23.counting([]).message
    assert lesson23.counting(...).state == "unanswered"


def test_wrong_station(problem):
    typed = lesson23.mistyped([problem])
    off = np.hypot(typed[0].observed.x_km - problem.observed.x_km, typed[0].observed.y_km - problem.observed.y_km)
    assert np.isclose(np.sort(off), [0, 0, 0, 0, 0, 20]).all()
    right = int(off.argmax())
    assert lesson23.wrong_station(right, typed, [problem]) and lesson23.wrong_station(f"{right}", typed, [problem])
    assert "has 2 picks" in lesson23.wrong_station((right + 1) % 6, typed, [problem]).message
    assert "between" in lesson23.wrong_station(12, typed, [problem]).message


def test_claims():
    methods = {"vote and grid search": (0.9, 0.4), "PyOcto": (0.95, 2.0), "graph network": (0.92, 0.1)}
    rows = [(s, m, f, c) for s in ("easy", "hard") for m, (f, c) in methods.items()]
    results = pd.DataFrame(rows, columns=["scenario", "method", "F1", "cpu_s"])
    dying = pd.DataFrame([(m, d, 20 - 2 * d) for m in methods for d in (0, 6)], columns=["method", "dead", "found"])
    assert lesson23.claims({"claims": "a and d", "reason": REASON}, results, dying)
    assert "how many" in lesson23.claims({"claims": ["a", "c"], "reason": REASON}, results, dying).message
    assert "what was compared" in lesson23.claims({"claims": ["e"], "reason": REASON}, results, dying).message
    assert "left it out" in lesson23.claims({"claims": ["a"], "reason": REASON}, results, dying).message
    assert "does not hold" in lesson23.claims({"claims": ["a", "b", "d"], "reason": REASON}, results, dying).message
    better = results.assign(F1=np.where(results["method"] == "graph network", 1.0, 0.9))
    assert lesson23.claims({"claims": ["a", "b", "d"], "reason": REASON}, better, dying)
    assert lesson23.claims({"claims": ["a", "d"]}, results, dying).state == "unanswered"
