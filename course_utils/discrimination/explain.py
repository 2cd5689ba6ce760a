"""Which features a classifier leans on: groups of them are shuffled on held-out records, and the score is taken again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score

from course_utils.discrimination.errors import DiscriminationError
from course_utils.discrimination.feature_table import describe


def feature_groups() -> dict[str, list[str]]:
    """The features by what they look at: waveform, envelope, spectrum, cepstrum, P over S, bands of the parts, and the rest."""
    groups: dict[str, list[str]] = {}
    for name in describe()["feature"]:
        first = name.split("_")[0]
        kind = first if first in ("waveform", "envelope", "spectrum", "cepstrum") else "onset, duration, coda"
        kind = "P over S" if name.startswith("p_over_s") else kind
        kind = "bands of P, S, coda" if first in ("early", "main", "coda", "whole") and name != "coda_decay" else kind
        kind = "shape of the spectrum" if first in ("share", "spectral", "peak", "zero") else kind
        groups.setdefault(kind, []).append(name)
    return groups


def group_importance(
    model,
    x: pd.DataFrame,
    y: Sequence,
    groups: Mapping[str, Sequence[str]] | None = None,
    repeats: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """Loss of balanced accuracy when the columns of a group are shuffled together among the records (Breiman 2001).

    Features of one group say nearly the same, so shuffling one alone would cost nothing: its neighbours step in.

    Args:
        model: a fitted classifier; ``x`` and ``y``: records that it has not seen.

    Returns:
        One row per group, the largest first: loss, sd over the repeats, n_features.
    """
    groups = feature_groups() if groups is None else groups
    missing = [c for columns in groups.values() for c in columns if c not in x.columns]
    if missing:
        raise DiscriminationError(
            f"no feature {missing[0]!r} in the table; it has {', '.join(map(str, x.columns[:5]))}, ..."
        )
    rng = np.random.default_rng(seed)
    whole = balanced_accuracy_score(y, model.predict(x))
    rows = {}
    for name, columns in groups.items():
        losses = []
        for _ in range(repeats):
            shuffled = x.copy()
            shuffled[list(columns)] = x[list(columns)].to_numpy()[rng.permutation(len(x))]
            losses.append(whole - balanced_accuracy_score(y, model.predict(shuffled)))
        rows[name] = (np.mean(losses), np.std(losses), len(columns))
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["loss", "sd", "n_features"])
    return table.sort_values("loss", ascending=False)
