"""Scores against the threshold: the precision-recall curve, its area, and the choice of a threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from course_utils.catalog import tables

from .judgement import judge, require_probability
from .labelled import LabelledRecords

THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def curve(
    picks: pd.DataFrame | Mapping[float, pd.DataFrame],
    labels: pd.DataFrame,
    records: pd.DataFrame | None = None,
    *,
    thresholds: Sequence[float] | None = None,
    **rules,
) -> pd.DataFrame:
    """Scores of P and S at each threshold, matched anew at each.

    Args:
        picks: picks table with probabilities, made at a threshold no higher than the lowest here; or a table per
            threshold, which is exact: two arrivals that a low threshold joins into one pick stand apart at a higher one.
        labels, records, rules: as for :func:`judge`.
        thresholds: which; None: each probability that occurs, at most 200 of them (evenly spread by rank), or the keys.

    Returns:
        phase, threshold (ascending), and the columns of ``Judgement.table`` without tolerance_s.

    Raises:
        ValueError: a pick without probability, or as :func:`judge`.
    """
    if isinstance(picks, Mapping):
        wanted = sorted(picks) if thresholds is None else sorted(thresholds)
        absent = [value for value in wanted if value not in picks]
        if absent:
            raise ValueError(
                f"picks has no table for threshold {absent[0]}; it has {', '.join(map(str, sorted(picks)))}"
            )
        chosen = {value: picks[value] for value in wanted}
    else:
        picks = tables.conform(picks, "picks")
        require_probability(picks, "a curve")
        wanted = sorted(thresholds) if thresholds is not None else _spread(np.unique(picks["probability"]))
        chosen = {float(value): picks[picks["probability"] >= value] for value in wanted}
    parts = []
    for value, some in chosen.items():
        table = judge(some, labels, records, **rules).table().drop(columns="tolerance_s")
        table.insert(1, "threshold", float(value))
        parts.append(table)
    if not parts:
        raise ValueError("there is no pick and no threshold; give thresholds")
    return pd.concat(parts, ignore_index=True).sort_values(["phase", "threshold"], ignore_index=True)


def curve_of(
    records: LabelledRecords, model, thresholds: Sequence[float] = THRESHOLDS, *, device="auto", engine="auto", **rules
) -> pd.DataFrame:
    """The curve of a model on labelled records: it runs once, and picks are made at each threshold as ``pick`` makes them.

    Raises:
        ModelError, PickingError, ValueError: as ``picking.pick``.
    """
    from ..picker import pick_many

    values = sorted(float(value) for value in thresholds)
    found = pick_many(records.streams(), [model], thresholds=values, device=device, engine=engine)
    return curve(dict(zip(values, found.values(), strict=True)), records.labels, records.table, **rules)


def average_precision(scores: pd.DataFrame) -> dict[str, float]:
    """Area under the precision-recall curve of each phase: the sum of (R_n - R_n-1) P_n with falling threshold.

    No interpolation, so that a curve of few thresholds is not flattered; recall that no threshold reaches adds nothing.
    NaN for a phase without labels.

    Args:
        scores: what :func:`curve` gives.
    """
    area = {}
    for phase, some in scores.groupby("phase"):
        some = some.sort_values("threshold", ascending=False)
        recall = some["recall"].to_numpy(np.float64)
        if np.isnan(recall).all():
            area[phase] = float("nan")
            continue
        recall = np.maximum.accumulate(np.nan_to_num(recall))
        gain = np.diff(recall, prepend=0.0)
        area[phase] = float(np.sum(gain * np.nan_to_num(some["precision"].to_numpy(np.float64))))
    return area


def choose_threshold(scores: pd.DataFrame, *, precision: float | None = None, slack: float = 0.0) -> dict[str, float]:
    """A threshold per phase, to be used on *other* records than those of the curve.

    Args:
        scores: what :func:`curve` gives, on records for validation.
        precision: the lowest threshold that reaches this precision and keeps it at all higher ones that were tried;
            None: the threshold of the best F1.
        slack: of all thresholds whose F1 is within ``slack`` of the best, the lowest is taken.

    Raises:
        ValueError: no threshold will do; the message says how far they come.
    """
    if precision is not None and not 0 < precision <= 1:
        raise ValueError(f"precision is {precision}; give a share above 0 and at most 1")
    chosen = {}
    for phase, some in scores.groupby("phase"):
        some = some.sort_values("threshold").dropna(subset=["precision", "recall"])
        some = some[some["n_found"] > 0]
        if not len(some):
            raise ValueError(f"no {phase} label is found at any threshold of the curve; none can be chosen from it")
        if precision is None:
            best = some["f1"].max()
            chosen[phase] = float(some.loc[some["f1"] >= best - slack, "threshold"].iloc[0])
            continue
        stays = (some["precision"] >= precision)[::-1].cummin()[::-1]
        if not stays.any():
            row = some.loc[some["precision"].idxmax()]
            raise ValueError(
                f"{phase} never keeps a precision of {precision:g}: the best is {row['precision']:.3f} at threshold "
                f"{row['threshold']:g}; ask for less, or give a curve with higher thresholds"
            )
        chosen[phase] = float(some.loc[stays, "threshold"].iloc[0])
    return chosen


def _spread(values: np.ndarray, most: int = 200) -> np.ndarray:
    if len(values) <= most:
        return values
    return values[np.unique(np.rint(np.linspace(0, len(values) - 1, most)).astype(int))]
