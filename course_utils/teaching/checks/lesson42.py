"""Checks of lesson 42, clustering a sequence."""

from __future__ import annotations

import numpy as np
import pandas as pd

from course_utils.catalog.clustering import cluster, external_scores
from course_utils.teaching.checks import Unanswered, Wrong, call, exercise, number, one_of, words

_NEIGHBOURS = {"A": (5.0, 100.0, 20.0), "B": (2.0, 1.0, 2.0), "C": (3.0, 10.0, 1.0)}  # magnitude, days, km
_LEAST_ARI = 0.85
_WIDEST = 0.3


@exercise
def parent_by_hand(answer):
    if not isinstance(answer, dict) or not {"parent", "log_eta"} <= set(answer):
        raise Wrong('write a dictionary: {"parent": "A", "log_eta": ...}.')
    name, value = one_of(answer["parent"], list(_NEIGHBOURS)), number(answer["log_eta"], -20, 20)
    eta = {k: np.log10(days / 365.25) + 1.6 * np.log10(km) - m for k, (m, days, km) in _NEIGHBOURS.items()}
    right = min(eta, key=eta.get)
    if name != right:
        raise Wrong(
            f"{name} has log10 eta = {eta[name]:.2f}; another one has less. What is soon or near may be too small."
        )
    if abs(value - (eta[name] + np.log10(365.25))) < 0.02:
        raise Wrong("the event is right; its time stands in days, eta wants years.")
    if abs(value - eta[name]) > 0.02:
        raise Wrong(
            f"the event is right; log10 eta = {value:.2f} is not. Add the three logarithms: time, 1.6 times distance, minus b m."
        )
    return f"{right}, {eta[right]:.2f}. A is by far the largest, and the least likely: a hundred days and 20 km are too much even for it."


@exercise
def strike_from_scratch(answer):
    rng = np.random.default_rng(42)
    for strike in (35.0, 0.0, 90.0, 179.0, 130.0):
        s = np.radians(strike)
        along, across = rng.normal(0, 5, 400), rng.normal(0, 0.3, 400)
        east, north = along * np.sin(s) + across * np.cos(s), along * np.cos(s) - across * np.sin(s)
        found = number(call(answer, east.copy(), north.copy()), -1e4, 1e4)
        if abs((found - strike + 90) % 180 - 90) < 1.5:
            if not -1e-9 <= found <= 180 + 1e-9:
                raise Wrong(f"{found:.1f} degrees is the right line; give it between 0 and 180.")
            continue
        if abs((found - strike) % 180 - 90) < 1.5:
            raise Wrong(
                "this is the direction *across* the fault: the axis with the smallest variance. Which one is longest?"
            )
        if abs((90 - found - strike + 90) % 180 - 90) < 1.5:
            raise Wrong(
                "this angle is counted from east towards north, as in mathematics; strike is counted from north towards east."
            )
        raise Wrong(f"for a fault that strikes {strike:.0f} degrees it gives {found:.1f}.")
    return (
        "It finds all five, also the one that runs north-south, where the slope of a regression line would be infinite."
    )


@exercise
def one_per_family(answer, links: pd.DataFrame):
    try:  # ids have more digits than a float holds
        given = {int(one) for one in answer}
    except (TypeError, ValueError):
        raise Wrong("give the event_id of the events that stay, as a list or as a column of the table.") from None
    unknown = given - set(links["event_id"])
    if unknown:
        raise Wrong(f"{len(unknown)} of these are no event_id of the list; give ids, not positions.")
    families, kept = links[links["family"] >= 0], links[links["event_id"].isin(given)]
    number_of = kept["family"].value_counts()
    if number_of.max() > 1:
        raise Wrong(f"there are {int((number_of > 1).sum())} families of which more than one event stays.")
    if len(number_of) < families["family"].nunique():
        raise Wrong(
            f"{families['family'].nunique() - len(number_of)} families are left without an event; those of one event are families too."
        )
    wrong = ~kept["role"].isin(["background", "mainshock"])
    if wrong.any():
        raise Wrong(
            f"{int(wrong.sum())} of these events are not the largest of their family: which role has the largest?"
        )
    return f"{len(kept)} of {len(links)} events. Rates of such a list describe the background, not what people feel: aftershocks shake houses too."


@exercise
def better_eps(answer, events, group):
    eps = number(answer, 0.01, 1000)
    found, wider = (_rand_index(events, group, one) for one in (eps, 1.3 * eps))
    if found < _LEAST_ARI:
        raise Wrong(
            f"with {eps:.2f} km the adjusted Rand index is {found:.2f}. Try a {'larger' if wider > found else 'smaller'} one."
        )
    return (
        f"{eps:.2f} km gives {found:.2f}. A wide range does as well: where a result is stable it is easier to believe."
    )


def _rand_index(events, group, eps: float) -> float:
    label = cluster(events, "dbscan", km=1.0, eps=eps, min_samples=10)["cluster"]
    return external_scores(label, group)["ari"]


@exercise
def background_interval(answer, trade: pd.DataFrame):
    if not isinstance(answer, dict) or not {"low", "high", "reason"} <= set(answer):
        raise Wrong('write a dictionary with the keys "low", "high" and "reason".')
    if any(value is ... for value in answer.values()):
        raise Unanswered
    low, high = number(answer["low"], 0, 1), number(answer["high"], 0, 1)
    if not low < high or high - low > _WIDEST:
        raise Wrong(f"{low:.2f} to {high:.2f} is no interval, or wider than {_WIDEST}.")
    outside = trade[~trade["background_fraction"].between(low, high)].dropna()
    if len(outside):
        row = outside.iloc[0]
        raise Wrong(
            f"b = {row['b']:.1f} with d = {row['dimension']:.1f} gives {row['background_fraction']:.2f}, outside your interval."
        )
    words(answer["reason"], 20)
    return "All nine lie inside. Whether the reason names what is missing, discuss with your neighbour."
