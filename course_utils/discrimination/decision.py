"""From traces to a decision on the event: joining stations, calibration, abstention."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from course_utils.discrimination.errors import DiscriminationError

VISIBLE_DB = 6.0


def by_event(
    table: pd.DataFrame, events: Sequence, jump_db: Sequence, at_least_db: float = VISIBLE_DB
) -> tuple[pd.DataFrame, pd.Series]:
    """One row per event: the median of each feature over the traces on which it is visible; and how many these are.

    Visible is a trace whose energy rises by ``at_least_db`` at the onset. An event without one is represented by its strongest trace
    and counts 0.
    """
    events, jump = np.asarray(events), np.asarray(jump_db, float)
    if len(events) != len(table) or len(jump) != len(table):
        raise DiscriminationError(
            f"{len(table)} rows, {len(events)} events, {len(jump)} strengths; give one for each row"
        )
    visible = jump >= at_least_db
    count = pd.Series(visible, events).groupby(level=0).sum().astype(int)
    strongest = pd.Series(jump).groupby(events).idxmax()
    used = visible.copy()
    used[strongest[count.reindex(strongest.index) == 0].to_numpy(int)] = True
    rows = table[used].groupby(events[used]).median()
    return rows, count.reindex(rows.index).rename("n_visible")


def combine(probabilities: np.ndarray, events: Sequence, weights: Sequence | None = None) -> pd.DataFrame:
    """Class probabilities per event from those of its traces: the weighted mean of their logarithms, renormalised.

    Traces of one event are not independent, so logarithms are averaged and not added: forty stations do not make a doubtful event certain.
    """
    p = np.asarray(probabilities, float)
    w = np.ones(len(p)) if weights is None else np.clip(np.asarray(weights, float), 1e-3, None)
    logs = pd.DataFrame(np.log(np.clip(p, 1e-3, 1.0)) * w[:, None]).groupby(np.asarray(events)).sum()
    mean = logs.div(pd.Series(w).groupby(np.asarray(events)).sum(), axis=0)
    joint = np.exp(mean)
    return joint.div(joint.sum(axis=1), axis=0)


def temperature(probabilities: np.ndarray, labels: Sequence, classes: Sequence) -> float:
    """The temperature that makes held-out probabilities fit their labels best (Guo et al. 2017): above 1 they were too sure."""
    p = np.log(np.clip(np.asarray(probabilities, float), 1e-6, 1.0))
    true = pd.Index(classes).get_indexer(labels)
    if (true < 0).any():
        raise DiscriminationError(
            f"label {np.asarray(labels)[true < 0][0]!r} is none of {', '.join(map(str, classes))}"
        )

    def loss(log_t):
        scaled = p / np.exp(log_t)
        top = scaled.max(-1, keepdims=True)
        return float(np.mean(np.log(np.exp(scaled - top).sum(-1)) + top[:, 0] - scaled[np.arange(len(p)), true]))

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded").x))


def tempered(probabilities: np.ndarray, at: float) -> np.ndarray:
    """Probabilities at another temperature."""
    p = np.clip(np.asarray(probabilities, float), 1e-6, 1.0) ** (1.0 / at)
    return p / p.sum(-1, keepdims=True)


def reliability(probabilities: np.ndarray, labels: Sequence, classes: Sequence, bins: int = 5) -> pd.DataFrame:
    """Calibration of the winning class: bins of equal size with mean confidence, share right, n; attrs["ece"] is the mean distance."""
    p = np.asarray(probabilities, float)
    confidence, right = p.max(-1), np.asarray(classes)[p.argmax(-1)] == np.asarray(labels)
    number = pd.qcut(pd.Series(confidence).rank(method="first"), min(bins, len(p)), labels=False)
    frame = (
        pd.DataFrame({"confidence": confidence, "right": right})
        .groupby(number)
        .agg(confidence=("confidence", "mean"), right=("right", "mean"), n=("right", "size"))
    )
    frame.attrs["ece"] = float(((frame["confidence"] - frame["right"]).abs() * frame["n"]).sum() / frame["n"].sum())
    return frame


def decide(probabilities: np.ndarray, classes: Sequence, at_least: float = 0.0) -> np.ndarray:
    """Names of the likeliest classes; "unknown" where its probability stays below ``at_least``."""
    p = np.asarray(probabilities, float)
    names = np.asarray(classes, object)[p.argmax(-1)]
    return np.where(p.max(-1) >= at_least, names, "unknown")


def abstention(probabilities: np.ndarray, labels: Sequence, classes: Sequence) -> pd.DataFrame:
    """What abstaining costs and brings: for each threshold the share of events answered and the accuracy on these."""
    p = np.asarray(probabilities, float)
    confidence, right = p.max(-1), np.asarray(classes)[p.argmax(-1)] == np.asarray(labels)
    at = np.unique(np.concatenate([[0.0], confidence]))
    rows = [(t, (confidence >= t).mean(), right[confidence >= t].mean(), int((confidence >= t).sum())) for t in at]
    return pd.DataFrame(rows, columns=["threshold", "answered", "accuracy", "n"])
