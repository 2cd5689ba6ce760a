"""From traces to a decision on the event: joining stations, calibration, abstention."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from course_utils.discrimination import DiscriminationError

VISIBLE_DB = 6.0


def by_event(table: pd.DataFrame, events: Sequence, jump_db: Sequence) -> pd.DataFrame:
    """One row per event: the median of each feature over its visible traces, those whose energy rises by 6 dB at the onset.

    An event without one is represented by its strongest trace.
    """
    events, jump = np.asarray(events), pd.Series(np.asarray(jump_db, float))
    if len(events) != len(table) or len(jump) != len(table):
        raise DiscriminationError(f"{len(table)} rows, {len(events)} events, {len(jump)} strengths; give one per row")
    used = (jump >= np.minimum(jump.groupby(events).transform("max"), VISIBLE_DB)).to_numpy()
    return table[used].groupby(events[used]).median()


def combine(probabilities: np.ndarray, events: Sequence, weights: Sequence | None = None) -> pd.DataFrame:
    """Class probabilities per event from those of its traces: the weighted mean of their logarithms, renormalised.

    Traces of one event are not independent, so logarithms are averaged and not added: forty stations do not make a doubtful event certain.
    """
    p = np.asarray(probabilities, float)
    w = np.ones((len(p), 1)) if weights is None else np.clip(np.reshape(weights, (-1, 1)), 1e-3, None)
    sums = pd.DataFrame(np.hstack([np.log(np.clip(p, 1e-3, 1.0)) * w, w])).groupby(np.asarray(events)).sum()
    return pd.DataFrame(softmax(sums.iloc[:, :-1].div(sums.iloc[:, -1], axis=0), axis=1), sums.index)


def temperature(probabilities: np.ndarray, labels: Sequence, classes: Sequence) -> float:
    """The temperature that makes held-out probabilities fit their labels best (Guo et al. 2017): above 1 they were too sure."""
    logs = np.log(np.clip(np.asarray(probabilities, float), 1e-6, 1.0))
    true = pd.Index(classes).get_indexer(labels)
    if (true < 0).any():
        raise DiscriminationError(
            f"label {np.asarray(labels)[true < 0][0]!r} is none of {', '.join(map(str, classes))}"
        )

    def loss(log_t):
        chosen = log_softmax(logs / np.exp(log_t), axis=-1)[np.arange(len(logs)), true]
        return -float(chosen.mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded").x))


def tempered(probabilities: np.ndarray, at: float) -> np.ndarray:
    """Probabilities at another temperature."""
    return softmax(np.log(np.clip(np.asarray(probabilities, float), 1e-6, 1.0)) / at, axis=-1)


def _sure(probabilities: np.ndarray, labels: Sequence, classes: Sequence) -> pd.DataFrame:
    p = np.asarray(probabilities, float)
    return pd.DataFrame({"confidence": p.max(-1), "right": np.asarray(classes)[p.argmax(-1)] == np.asarray(labels)})


def reliability(probabilities: np.ndarray, labels: Sequence, classes: Sequence, bins: int = 5) -> pd.DataFrame:
    """Calibration of the winning class: bins of equal size with mean confidence, share right, n; attrs["ece"] is the mean distance."""
    sure = _sure(probabilities, labels, classes)
    number = pd.qcut(sure["confidence"].rank(method="first"), min(bins, len(sure)), labels=False)
    out = sure.groupby(number).agg(confidence=("confidence", "mean"), right=("right", "mean"), n=("right", "size"))
    out.attrs["ece"] = float(np.average((out["confidence"] - out["right"]).abs(), weights=out["n"]))
    return out


def abstention(probabilities: np.ndarray, labels: Sequence, classes: Sequence) -> pd.DataFrame:
    """What abstaining costs and brings: for each threshold the share of events answered and the accuracy on these."""
    sure = _sure(probabilities, labels, classes)
    at = np.unique(np.append(0.0, sure["confidence"]))
    kept = [sure.loc[sure["confidence"] >= t, "right"] for t in at]
    rows = [(t, len(k) / len(sure), k.mean(), len(k)) for t, k in zip(at, kept, strict=True)]
    return pd.DataFrame(rows, columns=["threshold", "answered", "accuracy", "n"])
