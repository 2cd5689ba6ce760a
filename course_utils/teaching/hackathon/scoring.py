"""Points of a submission on one world, with what luck does to them.

- 30 x F1 of **events**: rows of the submission matched one to one with true events within 2 s and 10 km;
- 10 x (1 - mean distance in space of the matched ones / 5 km), not below 0;
- 40 x (2 AUC - 1), not below 0: does ``quality_probability`` put good events of the given catalog before bad ones;
- 20 x Brier skill, not below 0: is it a probability, compared with the share of good events said of all (Brier 1950; Murphy 1973).

F1 and location look at which events there are and where; AUC and Brier skill at what is said of the events that were given. An event
that was given and is not in the submission counts as called good with probability 0. A row stands for the given event of its
``event_id``; if the file has no ids, for the one next to it within the same gates.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from course_utils.catalog.matching import match_events

MAX_DT_S, MAX_KM = 2.0, 10.0
WEIGHTS = {"event_f1": 30.0, "location": 10.0, "auc": 40.0, "brier_skill": 20.0}
_FAR_KM = 5.0
_BLOCKS, _DRAWS = 40, 500


@dataclass(frozen=True)
class GradedWorld:
    """What a submission is measured by.

    Attributes:
        name: "public", "world1", ...
        given: events of the catalog that teams got.
        truth_events: true events (time, latitude, longitude, depth_km).
        truth_labels: event_id of every given event, and ``good``.
    """

    name: str
    given: pd.DataFrame
    truth_events: pd.DataFrame
    truth_labels: pd.DataFrame


@dataclass(frozen=True)
class Score:
    """Points of one world, or the mean of some.

    Attributes:
        points: out of 100.
        interval: 95 % of the bootstrap draws.
        event_f1, precision, recall: of events.
        location_km: mean distance in space of matched events.
        auc, brier_skill: of the quality probability.
        calibration_error: mean absolute difference of probability and share of good events, in ten groups of equal size.
        draws: points of each draw; the same blocks of time in every submission, so that differences of two are paired.
    """

    points: float
    interval: tuple[float, float]
    event_f1: float
    precision: float
    recall: float
    location_km: float
    auc: float
    brier_skill: float
    calibration_error: float
    draws: np.ndarray = field(repr=False)


def score(table: pd.DataFrame, world: GradedWorld) -> Score:
    """Points of a validated submission; the bootstrap draws 40 blocks of the world's time, with repetition.

    Args:
        table: as :func:`course_utils.teaching.hackathon.submission.validate` returns it.
    """
    events = table.drop(columns="event_id").assign(event_id=np.arange(len(table)))
    match = match_events(events, world.truth_events, MAX_DT_S, MAX_KM)
    edges = world.given["time"].astype("int64").quantile(np.linspace(0, 1, _BLOCKS + 1)[1:-1]).to_numpy()
    true_block = pd.Series(_block(world.truth_events["time"], edges), world.truth_events["event_id"])
    pairs = match.matched
    hit = true_block.loc[pairs["reference_id"]].to_numpy()
    miss = true_block.loc[match.missed["event_id"]].to_numpy()
    extra = _block(match.proposed["time"], edges)
    away = np.hypot(pairs["distance_km"], pairs["depth_difference_km"]).to_numpy()
    said = _said(table, world)
    good = world.truth_labels.set_index("event_id")["good"].loc[world.given["event_id"]].to_numpy()
    block = _block(world.given["time"], edges)

    def measure(weights: np.ndarray) -> dict[str, np.ndarray]:
        """Of draws as weights (draws, blocks)."""
        n_hit, n_miss, n_extra = (weights[:, b].sum(1) for b in (hit, miss, extra))
        parts = {"event_f1": 2 * n_hit / np.maximum(2 * n_hit + n_miss + n_extra, 1)}
        parts["location_km"] = np.where(n_hit, weights[:, hit] @ away / np.maximum(n_hit, 1), np.inf)
        w = weights[:, block]
        parts["auc"] = _auc(said, good, w)
        share = (w @ good) / w.sum(1)
        reference = np.maximum(share * (1 - share), 1e-9)
        parts["brier_skill"] = 1 - (w @ (said - good) ** 2) / w.sum(1) / reference
        return parts

    own = measure(np.ones((1, _BLOCKS)))
    drawn = np.random.default_rng(0).multinomial(_BLOCKS, np.full(_BLOCKS, 1 / _BLOCKS), size=_DRAWS).astype(float)
    draws = _points(**measure(drawn))
    return Score(
        points=float(_points(**own)[0]),
        interval=tuple(np.quantile(draws, [0.025, 0.975]).tolist()),
        event_f1=float(own["event_f1"][0]),
        precision=match.precision,
        recall=match.recall,
        location_km=float(own["location_km"][0]),
        auc=float(own["auc"][0]),
        brier_skill=float(own["brier_skill"][0]),
        calibration_error=_calibration_error(said, good),
        draws=draws,
    )


def mean_score(scores: list[Score]) -> Score:
    """The mean over worlds."""
    draws = np.mean([s.draws for s in scores], axis=0)
    names = ("points", "event_f1", "precision", "recall", "location_km", "auc", "brier_skill", "calibration_error")
    means = {name: float(np.mean([getattr(s, name) for s in scores])) for name in names}
    return Score(interval=tuple(np.quantile(draws, [0.025, 0.975]).tolist()), draws=draws, **means)


def _said(table: pd.DataFrame, world: GradedWorld) -> np.ndarray:
    """Probability of each given event, 0 where the submission does not have it."""
    if table["event_id"].notna().any():
        rows = table.dropna(subset="event_id")
        said = pd.Series(rows["quality_probability"].to_numpy(), rows["event_id"].astype("int64"))
    else:
        events = table.drop(columns="event_id").assign(event_id=np.arange(len(table)))
        pairs = match_events(events, world.given, MAX_DT_S, MAX_KM).matched
        said = pd.Series(table["quality_probability"].to_numpy()[pairs["event_id"]], pairs["reference_id"])
    return said.reindex(world.given["event_id"]).fillna(0.0).to_numpy()


def _block(times: pd.Series, edges: np.ndarray) -> np.ndarray:
    return np.searchsorted(edges, times.astype("int64").to_numpy(), side="right")


def _auc(said: np.ndarray, good: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted share of pairs of a good and a bad event in the right order, ties half, per row of weights."""
    values, at = np.unique(said, return_inverse=True)
    member = np.zeros((len(said), len(values)))
    member[np.arange(len(said)), at] = 1.0
    positive, negative = (weights * good) @ member, (weights * ~good) @ member
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(1) * negative.sum(1)
    return np.where(pairs > 0, (positive * below).sum(1) / np.maximum(pairs, 1e-9), 0.5)


def _points(event_f1, location_km, auc, brier_skill) -> np.ndarray:
    parts = {
        "event_f1": event_f1,
        "location": np.clip(1 - location_km / _FAR_KM, 0, 1),
        "auc": np.clip(2 * auc - 1, 0, 1),
        "brier_skill": np.clip(brier_skill, 0, 1),
    }
    return sum(WEIGHTS[name] * np.asarray(value) for name, value in parts.items())


def _calibration_error(said: np.ndarray, good: np.ndarray) -> float:
    groups = np.array_split(np.argsort(said, kind="stable"), 10)
    return float(sum(len(g) * abs(said[g].mean() - good[g].mean()) for g in groups if len(g)) / len(said))
