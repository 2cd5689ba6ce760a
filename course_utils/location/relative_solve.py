"""The double-difference problem as arrays, condensed to 4x4 blocks per event pair, and its solution and covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from course_utils.location import relative_kernels as kernels

_FLOOR = 1e-9  # of the diagonal: keeps blocks with fewer than four independent links invertible


@dataclass(frozen=True)
class Links:
    """Differential times sorted by event pair.

    ``pair`` (pairs, 2) positions of events; ``start`` (pairs + 1,) where a pair's links begin; ``left`` and ``right``
    (links,) positions of the two arrivals, which are described by ``event``, ``station``, ``code`` (0 P, 1 S);
    ``difference`` in s, ``prior`` weight, ``cc`` whether from cross-correlation; ``order`` (links,) the row of the table
    that a link came from.
    """

    pair: np.ndarray
    start: np.ndarray
    left: np.ndarray
    right: np.ndarray
    event: np.ndarray
    station: np.ndarray
    code: np.ndarray
    difference: np.ndarray
    prior: np.ndarray
    cc: np.ndarray
    order: np.ndarray

    @classmethod
    def build(cls, first, second, station, code, difference, weight, cc, n_stations: int) -> Links:
        """From one array per column; a link from a later to an earlier event is turned round."""
        turn = first > second
        first, second = np.where(turn, second, first), np.where(turn, first, second)
        difference = np.where(turn, -difference, difference)
        order = np.lexsort((code, station, second, first))
        first, second, station, code = (v[order].astype(np.int64) for v in (first, second, station, code))
        new = np.ones(len(first), bool)
        new[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
        begin = np.flatnonzero(new)
        within = 2 * station + code
        keys = np.concatenate([first * 2 * n_stations + within, second * 2 * n_stations + within])
        unique, inverse = np.unique(keys, return_inverse=True)
        left, right = np.split(inverse.astype(np.int32), 2)
        return cls(
            np.column_stack([first[begin], second[begin]]).astype(np.int32),
            np.append(begin, len(first)).astype(np.int64),
            left,
            right,
            (unique // (2 * n_stations)).astype(np.int32),
            (unique // 2 % n_stations).astype(np.int32),
            (unique % 2).astype(np.int8),
            difference[order].astype(float),
            weight[order].astype(float),
            cc[order].astype(bool),
            order,
        )

    @property
    def pair_of_link(self) -> np.ndarray:
        return np.repeat(np.arange(len(self.pair)), np.diff(self.start))

    def per_event(self, flags: np.ndarray, n_events: int) -> np.ndarray:
        """How many flagged links touch each event."""
        per_pair = np.add.reduceat(np.append(flags, 0).astype(np.int64), self.start[:-1]) if len(self.pair) else []
        return sum(np.bincount(self.pair[:, side], weights=per_pair, minlength=n_events) for side in (0, 1)).astype(int)

    def groups(self, alive: np.ndarray, n_events: int) -> np.ndarray:
        """Connected component of every event over the pairs flagged ``alive`` (pairs,)."""
        i, j = self.pair[alive].T
        graph = sp.coo_array((np.ones(len(i), np.int8), (i, j)), shape=(n_events, n_events))
        return connected_components(graph, directed=False)[1].astype(np.int64)


@dataclass
class System:
    """Condensed normal equations: ``diagonal`` (events, 4, 4), ``off`` (pairs, 4, 4), ``right_side`` (events, 4).

    ``group`` numbers the connected components, each of whose means is held when ``hold``. Events without links have a
    block of their own that gives no step.
    """

    pair: np.ndarray
    diagonal: np.ndarray
    off: np.ndarray
    right_side: np.ndarray
    group: np.ndarray
    hold: bool

    @classmethod
    def blank(cls, links: Links, n_events: int) -> System:
        """Memory for the blocks of a problem, filled by :meth:`fill` as often as weights change."""
        n, m = n_events, len(links.pair)
        blocks = np.zeros((n, 4, 4)), np.zeros((m, 4, 4)), np.zeros((n, 4))
        return cls(links.pair, *blocks, np.zeros(n, np.int64), False)

    def fill(self, links: Links, slope, residual, weight, damping: float, group: np.ndarray, hold: bool) -> System:
        """Condense the links with these weights; ``damping`` is a fraction of the diagonal."""
        kernels.condense(
            links.start,
            links.pair,
            links.left,
            links.right,
            slope,
            residual,
            weight,
            self.diagonal,
            self.off,
            self.right_side,
        )
        self.group, self.hold = group, hold
        at = np.arange(4)
        own = self.diagonal[:, at, at]
        own = own * (1.0 + damping) + _FLOOR * own.max(axis=1, keepdims=True)
        self.diagonal[:, at, at] = np.where(own.max(axis=1, keepdims=True) > 0.0, own, 1.0)
        return self

    def solve(self, tolerance: float = 1e-8, most: int = 2000) -> tuple[np.ndarray, int]:
        """Steps (events, 4) in km and s by conjugate gradients, and the iterations it took."""
        inverse = np.linalg.inv(self.diagonal)
        held = np.empty((0, 4, 4))
        if self.hold:
            total = np.zeros((int(self.group.max()) + 1, 4, 4))
            np.add.at(total, self.group, inverse)
            held = np.linalg.inv(total)
        x = np.empty_like(self.right_side)
        count, _ = kernels.conjugate_gradients(
            self.pair, self.diagonal, self.off, inverse, self.group, held, self.right_side, tolerance, most, x
        )
        return x, count

    def matrix(self, events: np.ndarray) -> sp.csc_array:
        """The condensed matrix of some events (positions) as a sparse array, four rows and columns each."""
        local = np.full(len(self.diagonal), -1)
        local[events] = np.arange(len(events))
        pair = local[self.pair]
        inside = (pair >= 0).all(axis=1)
        i, j = pair[inside].T
        own = np.arange(len(events))
        blocks = np.concatenate([self.diagonal[events], self.off[inside], self.off[inside].transpose(0, 2, 1)])
        rows, columns = np.concatenate([own, i, j]), np.concatenate([own, j, i])
        at = np.arange(4)
        return sp.coo_array(
            (
                blocks.ravel(),
                (
                    np.repeat(4 * rows, 16) + np.tile(np.repeat(at, 4), len(rows)),
                    np.repeat(4 * columns, 16) + np.tile(np.tile(at, 4), len(rows)),
                ),
            ),
            shape=(4 * len(events),) * 2,
        ).tocsc()

    def covariance(self, variance: float = 1.0) -> np.ndarray:
        """Blocks (events, 4, 4) of the covariance of the unknowns, km and s, by sparse LU of every group; NaN where alone.

        Exact for the weights, damping and constraint of the system, and for links with independent errors of
        ``variance`` over the squared weight. Links that share an arrival are not independent: see ``relative_errors``.
        """
        out = np.full(self.diagonal.shape, np.nan)
        order = np.argsort(self.group, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(self.group[order])) + 1):
            if len(members) > 1:
                out[members] = variance * _diagonal_of_inverse(self.matrix(members), self.hold)
        return out


def _diagonal_of_inverse(matrix: sp.csc_array, hold: bool) -> np.ndarray:
    n = matrix.shape[0]
    factor = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    out = np.empty((n // 4, 4, 4))
    for begin in range(0, n, 400):  # a few hundred right sides at a time bound the memory
        end = min(begin + 400, n)
        unit = np.zeros((n, end - begin))
        unit[np.arange(begin, end), np.arange(end - begin)] = 1.0
        columns = factor.solve(unit).reshape(n // 4, 4, -1)
        for e in range(begin // 4, end // 4):
            out[e] = columns[e, :, 4 * e - begin : 4 * e - begin + 4]
    if hold:  # covariance under four linear constraints, by the Schur complement of the bordered matrix
        border = factor.solve(np.tile(np.eye(4), (n // 4, 1)))
        small = np.linalg.inv(border.reshape(n // 4, 4, 4).sum(axis=0))
        blocks = border.reshape(n // 4, 4, 4)
        out -= blocks @ small @ blocks.transpose(0, 2, 1)
    return out


def robust_sigma(values: np.ndarray) -> float:
    """Standard error of Gaussian values from their median absolute deviation; NaN without values."""
    if not len(values):
        return float("nan")
    return float(np.median(np.abs(values - np.median(values))) / 0.67449)


def reweight(residual, separation_km, cc, prior, code, stage) -> tuple[np.ndarray, dict[str, float]]:
    """Weights of links in one iteration, 0 for those cut off, and the residual cut-offs in s.

    The prior weight times the factor of the kind and phase, times ``(1 - (separation/cut-off)^a)^a`` with a = 3 for catalog
    and 5 for correlation times, times ``(1 - (|residual|/cut-off)^3)^3`` (Waldhauser and Ellsworth 2000, BSSA 90).
    """
    weight = np.zeros(len(residual))
    cut = {}
    finite = np.isfinite(residual)
    for kind, is_kind, a in (("ct", ~cc, 3), ("cc", cc, 5)):
        rows = np.flatnonzero(is_kind & finite)
        sigmas, most_km = getattr(stage, f"{kind}_sigmas"), getattr(stage, f"{kind}_max_km")
        factor = np.where(code[rows] == 0, getattr(stage, f"{kind}_p"), getattr(stage, f"{kind}_s"))
        w = prior[rows] * factor
        if most_km is not None:
            w *= np.maximum(0.0, 1.0 - (separation_km[rows] / most_km) ** a) ** a
        if sigmas is not None and len(rows):
            # perfect times would give a cut-off of nothing
            cut[kind] = max(sigmas * robust_sigma(residual[rows]), 1e-6)
            w *= np.maximum(0.0, 1.0 - (np.abs(residual[rows]) / cut[kind]) ** 3) ** 3
        w[w < 1e-5] = 0.0
        weight[rows] = w
    return weight, cut


def weighted_rms(residual: np.ndarray, weight: np.ndarray) -> float:
    """Root of the mean squared residual, weights squared; NaN where nothing has weight."""
    total = float((weight**2).sum())
    return (
        float(np.sqrt((weight**2 * np.where(weight > 0, residual, 0.0) ** 2).sum() / total)) if total else float("nan")
    )


def event_positions(ids: np.ndarray, wanted: pd.Series) -> np.ndarray:
    """Positions of event ids, -1 for unknown ones."""
    return pd.Index(ids).get_indexer(wanted)
