"""Intervals of rates and medians by the bootstrap, over events or over blocks of time.

Aftershocks come in bursts, and a network is deaf for hours: events of one day share their luck. Drawing whole days
(Künsch 1989, doi:10.1214/aos/1176347265) keeps what they share; drawing single events gives an interval that is too short then.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from course_utils.catalog.comparison import Comparison

DRAWS = 2000


def recall_curve(
    found: pd.Series,
    values: pd.Series,
    edges: np.ndarray | None = None,
    blocks: pd.Series | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Share that was found, by a variable, with intervals.

    Args:
        found: bool per row.
        values: the variable, same length; rows without a value (NaN) are left out and counted in ``attrs["left_out"]``.
        edges: of bins, the last one closed; None: each distinct value is a bin.
        blocks: rows with the same label are drawn together, for instance the day of an event or the event of a pick.
        level: coverage of the interval.

    Returns:
        value (middle of the bin), n, found, recall, low, high; bins without rows are left out. The interval is the wider one,
        on either side, of the bootstrap and Wilson's (1927), since the bootstrap of a bin in which all were found has no width.
    """
    table = pd.DataFrame({"found": np.asarray(found, float), "value": np.asarray(values, float)})
    table["block"] = np.arange(len(table)) if blocks is None else pd.factorize(np.asarray(blocks))[0]
    kept = table.dropna()
    if edges is not None:
        edges = np.asarray(edges, float)
        if len(edges) < 2 or not (np.diff(edges) > 0).all():
            raise ValueError(f"edges are {edges}; give at least two, ascending")
        at = np.clip(np.searchsorted(edges, kept["value"], side="right") - 1, 0, len(edges) - 2)
        inside = kept["value"].between(edges[0], edges[-1])
        kept = kept.assign(value=((edges[1:] + edges[:-1]) / 2)[at])[inside]
    names, bins = np.unique(kept["value"].to_numpy(), return_inverse=True)
    ones = np.eye(len(names))[bins]
    sums = pd.DataFrame(np.c_[ones, ones * kept[["found"]].to_numpy()]).groupby(kept["block"].to_numpy()).sum()
    n, k = np.split(sums.to_numpy().sum(axis=0), 2)
    rows = pd.DataFrame({"value": names, "n": n.astype(int), "found": k.astype(int), "recall": k / np.maximum(n, 1)})
    drawn_n, drawn_k = np.split(_draw(sums.to_numpy(), seed), 2, axis=1)
    low, high = _quantiles(drawn_k, drawn_n, level) if len(names) else (n, n)
    wilson_low, wilson_high = _wilson(k, n, level)
    rows["low"], rows["high"] = np.fmin(low, wilson_low), np.fmax(high, wilson_high)
    rows.attrs["left_out"] = len(table) - len(kept)
    return rows


def intervals(comparison: Comparison, block: str | None = None, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Recall, precision, F1 and the medians of the differences with bootstrap intervals, events or blocks drawn.

    Args:
        block: length of the blocks of time, as pandas writes it ("1D", "1h"); None: single events.

    Returns:
        value, low, high; index: what. NaN where there is nothing to take it of.
    """
    parts = wanted, pairs, proposed = comparison.wanted, comparison.pairs, comparison.proposed
    if block is None:  # an expected reference event and its pair are one event, drawn together
        ids = np.r_[wanted["event_id"], pairs["reference_id"]]
        codes = np.r_[pd.factorize(ids)[0], len(ids) + np.arange(len(proposed))]
    else:
        codes = pd.factorize(pd.concat([part["time"] for part in parts]).dt.floor(block))[0]
    what = np.repeat(np.eye(3), [len(part) for part in parts], axis=0)  # expected, matched, proposed
    found = np.r_[wanted["found"], np.zeros(len(pairs) + len(proposed))]
    sums = pd.DataFrame(np.c_[found, what]).groupby(codes).sum().to_numpy()

    def rates(t: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            recall, precision = t[..., 0] / t[..., 1], t[..., 2] / (t[..., 2] + t[..., 3])
            return np.stack([recall, precision, 2 * recall * precision / (recall + precision)], -1)

    drawn = rates(_draw(sums, seed))
    rows = {}
    for i, name in enumerate(("recall", "precision", "f1")):
        rows[name] = (rates(sums.sum(axis=0))[i], *_spread(drawn[:, i], level))
    for name in ("dt_s", "distance_km", "depth_difference_km", "magnitude_difference"):
        x, which = pairs[name].to_numpy(), codes[len(wanted) : len(wanted) + len(pairs)]
        known = ~np.isnan(x)
        rows[f"median {name}"] = (
            np.median(x[known]) if known.any() else np.nan,
            *_spread(_drawn_medians(x[known], which[known], seed), level),
        )
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])


def _draw(sums: np.ndarray, seed: int) -> np.ndarray:
    """Column sums of DRAWS samples of the rows with replacement, shape (DRAWS, columns). Equal rows are drawn as one kind,
    which is the same in law and makes thousands of single events a dozen kinds."""
    if not len(sums):
        return np.zeros((DRAWS, sums.shape[1]))
    kinds, counts = np.unique(sums, axis=0, return_counts=True)
    return np.random.default_rng(seed).multinomial(len(sums), counts / len(sums), size=DRAWS) @ kinds


def _drawn_medians(x: np.ndarray, blocks: np.ndarray, seed: int) -> np.ndarray:
    """Medians of DRAWS // 4 samples of the blocks."""
    if not len(x):
        return np.full(1, np.nan)
    order = np.argsort(x)
    codes, x = pd.factorize(blocks[order])[0], x[order]
    rng, n = np.random.default_rng(seed), codes.max() + 1
    out = np.full(DRAWS // 4, np.nan)
    for i in range(len(out)):
        weight = np.cumsum(np.bincount(rng.integers(0, n, n), minlength=n)[codes])
        if weight[-1]:
            half = weight[-1] / 2
            out[i] = (x[np.searchsorted(weight, half)] + x[np.searchsorted(weight, half, side="right")]) / 2
    return out


def _quantiles(part: np.ndarray, whole: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(whole > 0, part / whole, np.nan)
    return tuple(np.nanquantile(share, [(1 - level) / 2, (1 + level) / 2], axis=0))


def _spread(drawn: np.ndarray, level: float) -> tuple[float, float]:
    if np.isnan(drawn).all():
        return np.nan, np.nan
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _wilson(k: np.ndarray, n: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    z = norm.ppf((1 + level) / 2)
    n = np.maximum(n, 1)
    middle, half = k / n + z**2 / (2 * n), z * np.sqrt(k / n * (1 - k / n) / n + z**2 / (4 * n**2))
    return (middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)
