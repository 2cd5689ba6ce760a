"""Statistics of a catalog's magnitudes and times: completeness by three methods, b-value, decay of aftershocks.

Magnitudes are counted in bins whose centres are the multiples of ``bin_width`` (0.1 as most catalogs are rounded). The smallest complete magnitude
is given as the centre of its bin. Estimators are those for the geometric distribution that rounding makes of Gutenberg and Richter's exponential one:
they have no bias from the width of the bins, and need no half bin taken off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

FEWEST = 10  # magnitudes; a b-value of fewer says nothing
_STABLE_OVER = 0.5  # magnitude units over which b must not change (Cao and Gao 2002)
_SHORTEST_C_DAYS, _LONGEST_C_DAYS, _P_RANGE = 1e-6, 1e2, (0.05, 5.0)


@dataclass(frozen=True)
class BValue:
    """A b-value: ``error`` is its standard error, ``n`` the magnitudes (b-positive: differences) of at least ``smallest``."""

    b: float
    error: float
    n: int
    smallest: float

    def __str__(self) -> str:
        return f"b = {self.b:.2f} +- {self.error:.2f} ({self.n} of at least {self.smallest:.2f})"


def frequency_magnitude(magnitudes, bin_width: float = 0.1) -> pd.DataFrame:
    """Events by magnitude: ``magnitude`` (centre of the bin), ``count``, ``cumulative`` (of this bin and all larger ones)."""
    first, counts = _binned(magnitudes, bin_width)
    centres = np.round((first + np.arange(len(counts))) * bin_width, 10)
    return pd.DataFrame({"magnitude": centres, "count": counts, "cumulative": np.cumsum(counts[::-1])[::-1]})


def b_curve(magnitudes, bin_width: float = 0.1) -> pd.DataFrame:
    """The b-value against the magnitude from which the catalog is taken as complete.

    Returns:
        One row per bin with at least 10 events in it and above, of more than one size: ``completeness``, ``b``, ``error``, ``n``, as of :func:`b_value`.
    """
    table = frequency_magnitude(magnitudes, bin_width)
    centre, counts, n = (table[c].to_numpy(float) for c in ("magnitude", "count", "cumulative"))
    above = np.cumsum((counts * centre)[::-1])[::-1]
    square = np.cumsum((counts * centre**2)[::-1])[::-1]
    spread = np.sqrt(np.maximum(square / n - (above / n) ** 2, 0.0) / np.maximum(n - 1, 1))  # of the mean
    usable = (n >= FEWEST) & (above / n - centre > 1e-9)
    b, error = _b_of((above / n - centre)[usable], spread[usable], bin_width)
    return pd.DataFrame({"completeness": centre[usable], "b": b, "error": error, "n": n[usable].astype(int)})


def b_value(magnitudes, completeness: float, bin_width: float = 0.1) -> BValue:
    """Maximum-likelihood b-value of the magnitudes of at least ``completeness``.

    Aki (1965, Bull. Earthq. Res. Inst. 43, 237), in the form of Tinti and Mulargia (1987, BSSA 77, 2125) for binned magnitudes; standard error of Shi
    and Bolt (1982, BSSA 72, 1677), which holds also where the magnitudes are not quite exponential. The error knows nothing of a wrong
    ``completeness``, nor of magnitudes that depend on one another.

    Args:
        magnitudes: shape (events,); missing ones are left out.
        completeness: centre of the smallest complete bin.
        bin_width: of the rounding; take what the catalog was rounded to or a multiple of it.

    Raises:
        ValueError: fewer than 10 magnitudes, or all in one bin; bad ``bin_width`` or ``completeness``.
    """
    number = _bin(_magnitudes(magnitudes), _width(bin_width))
    first = _bin(_finite("completeness", completeness), bin_width)
    excess = (number[number >= first] - first) * bin_width
    n, smallest = len(excess), float(np.round(first * bin_width, 10))
    if n < FEWEST or excess.max() == 0:
        raise ValueError(
            f"{n} magnitudes of at least {smallest:.2f}; a b-value needs {FEWEST}, not all alike: lower completeness, or take more events"
        )
    b, error = _b_of(excess.mean(), excess.std() / np.sqrt(n - 1), bin_width)
    return BValue(float(b), float(error), n, smallest)


def b_positive(magnitudes, smallest_difference: float | None = None, bin_width: float = 0.1) -> BValue:
    """b-value from the positive differences between each magnitude and the one before it, which needs no completeness.

    Van der Elst (2021, JGR 126, e2020JB021027): after an event of magnitude m, one larger than m is detected, whatever incompleteness the hour
    brings. Differences of magnitudes are distributed as magnitudes are, so the estimator and its error are those of :func:`b_value`.

    Args:
        magnitudes: in the order of time, shape (events,).
        smallest_difference: of the differences used; by default twice ``bin_width``.

    Raises:
        ValueError: as :func:`b_value`.
    """
    if smallest_difference is None:
        smallest_difference = 2 * bin_width
    if not _finite("smallest_difference", smallest_difference) > 0:
        raise ValueError(f"smallest_difference is {smallest_difference}; give a positive number")
    values = _magnitudes(magnitudes)
    steps = np.diff(_bin(values, _width(bin_width))) * bin_width
    return b_value(steps[steps > 0.5 * bin_width], smallest_difference, bin_width)


def maximum_curvature(magnitudes, bin_width: float = 0.1, correction: float = 0.2) -> float:
    """Completeness: the bin with the most events, plus ``correction`` (Wiemer and Wyss 2000, BSSA 90, 859; the correction
    is Woessner and Wiemer's, 2005, BSSA 95, 684). Too low wherever incompleteness sets in gradually."""
    table = frequency_magnitude(magnitudes, bin_width)
    return float(np.round(table["magnitude"][table["count"].idxmax()] + correction, 10))


def goodness_of_fit(magnitudes, bin_width: float = 0.1, level: float = 0.90) -> float:
    """Completeness: the smallest magnitude above which Gutenberg-Richter with the b-value of these events reproduces so
    large a share of the cumulative counts (Wiemer and Wyss 2000, BSSA 90, 859). At 0.90 and where detection fades over half a unit,
    the b-value above it is still some 15 % too low; 0.95 is often never reached.

    Raises:
        ValueError: no magnitude reaches the level; the message says which share was reached.
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; give a share between 0 and 1, such as 0.90 or 0.95")
    table = frequency_magnitude(magnitudes, bin_width)
    shares = []
    for row in _needs_curve(magnitudes, bin_width).itertuples():
        seen = table.loc[table["magnitude"] >= row.completeness - 1e-9]
        stated = row.n * 10 ** (-row.b * (seen["magnitude"] - row.completeness))
        share = 1 - float((seen["cumulative"] - stated).abs().sum() / seen["cumulative"].sum())
        if share >= level:
            return float(row.completeness)
        shares.append(share)
    raise ValueError(f"no magnitude reaches a fit of {level:.2f}; the best is {max(shares):.3f}: lower level")


def b_stability(magnitudes, bin_width: float = 0.1) -> float:
    """Completeness: the smallest magnitude whose b-value is within its standard error of the mean b-value over the next
    half unit (Cao and Gao 2002, GRL 29, 1189; with the error of Shi and Bolt: Woessner and Wiemer 2005, BSSA 95, 684).

    Raises:
        ValueError: b does not settle while there are enough events.
    """
    curve = _needs_curve(magnitudes, bin_width).set_index("completeness")
    for smallest, row in curve.iterrows():
        ahead = curve.loc[smallest - 1e-9 : smallest + _STABLE_OVER - 1e-9, "b"]
        if len(ahead) < round(_STABLE_OVER / bin_width):
            break
        if abs(ahead.mean() - row["b"]) <= row["error"]:
            return float(smallest)
    raise ValueError(
        f"b does not settle over {_STABLE_OVER} units while {FEWEST} events are left; more events are needed"
    )


COMPLETENESS: dict[str, Callable[..., float]] = {
    "maximum curvature": maximum_curvature,
    "goodness of fit": goodness_of_fit,
    "b stability": b_stability,
}


@dataclass(frozen=True)
class Omori:
    """Rate of aftershocks, ``k / (t + c_days) ** p`` per day at t days after the main shock.

    Errors are standard errors from the curvature of the likelihood; ``c_error_days`` is NaN where c ran into its limit, and
    the others then hold for that c. ``n`` events between ``start_days`` and ``end_days`` were fitted.
    """

    k: float
    c_days: float
    p: float
    k_error: float
    c_error_days: float
    p_error: float
    n: int
    start_days: float
    end_days: float

    def rate(self, days) -> np.ndarray:
        """Events per day."""
        return self.k * (np.asarray(days, float) + self.c_days) ** -self.p

    def expected(self, start_days, end_days) -> np.ndarray:
        """Number of events expected between two times."""
        return self.k * _integral(np.asarray(start_days, float), np.asarray(end_days, float), self.c_days, self.p)


def fit_omori(days, start_days: float, end_days: float) -> Omori:
    """Fit the modified Omori law (Utsu 1961) to times after a main shock by maximum likelihood (Ogata 1983, J. Phys. Earth 31, 115).

    Aftershocks of aftershocks are not modelled, and events that are missing soon after the main shock make c long: choose a
    magnitude and a ``start_days`` from which the list is complete.

    Args:
        days: days after the main shock, shape (events,), in any order; those outside the interval are left out.
        start_days, end_days: the interval of observation.

    Raises:
        ValueError: the interval is no interval, a time is not finite, fewer than 10 events lie in it, or their rate does not
            decay as a power of time.
    """
    from scipy.optimize import minimize

    start, end = _finite("start_days", start_days), _finite("end_days", end_days)
    if not 0 <= start < end:
        raise ValueError(f"start_days {start} to end_days {end}: give an interval after the main shock")
    t = np.asarray(days, float).ravel()
    if not np.isfinite(t).all():
        raise ValueError(f"days holds {int((~np.isfinite(t)).sum())} values that are no number; drop these events")
    t = t[(t >= start) & (t <= end)]
    n = len(t)
    if n < FEWEST:
        raise ValueError(f"{n} events between {start:g} and {end:g} days; fitting needs {FEWEST}")

    def surprise(log_k, log_c, p):
        c = np.exp(log_c)
        return np.exp(log_k) * _integral(start, end, c, p) - n * log_k + p * np.log(t + c).sum()

    def best_k(log_c, p):
        return np.log(n / _integral(start, end, np.exp(log_c), p))

    limits = np.log([_SHORTEST_C_DAYS, _LONGEST_C_DAYS])
    tried = [  # the likelihood may have two maxima: start on both sides
        minimize(lambda x: surprise(best_k(*x), *x), (np.log(c), 1.1), method="L-BFGS-B", bounds=(limits, _P_RANGE))
        for c in (1e-3, 0.1)
    ]
    log_c, p = min(tried, key=lambda one: one.fun).x
    if not _P_RANGE[0] < p < _P_RANGE[1]:
        raise ValueError(
            f"p ran to its limit {p:g}: the rate of these {n} events does not decay as a power of time; take a longer interval"
        )
    at = np.array([best_k(log_c, p), log_c, p])
    free = [0, 1, 2] if limits[0] + 0.01 < log_c < limits[1] - 0.01 else [0, 2]
    variance = np.linalg.pinv(_curvature(lambda x: surprise(*x), at)[np.ix_(free, free)]).diagonal()
    error = np.full(3, np.nan)
    error[free] = np.sqrt(np.where(variance > 0, variance, np.nan))
    k, c = np.exp(at[:2])
    return Omori(*map(float, (k, c, p, k * error[0], c * error[1], error[2])), n, start, end)


def _integral(start, end, c, p):
    """Integral of (t + c) ** -p from start to end, also at p = 1."""
    span = np.log((end + c) / (start + c))
    q = (1 - p) * span
    return (start + c) ** (1 - p) * span * np.where(np.abs(q) < 1e-9, 1.0, np.expm1(q) / np.where(q == 0, 1.0, q))


def _curvature(function, at: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """Second derivatives by central differences."""
    unit, out = np.eye(len(at)) * step, np.empty((len(at), len(at)))
    for i, a in enumerate(unit):
        for j, b in enumerate(unit):
            out[i, j] = function(at + a + b) - function(at + a - b) - function(at - a + b) + function(at - a - b)
    return out / (4 * step**2)


def _b_of(excess, spread, bin_width: float):
    """b and its standard error from the mean excess over the smallest bin and the standard error of that mean."""
    b = np.log1p(bin_width / excess) / (bin_width * np.log(10))
    return b, spread / (excess * (excess + bin_width) * np.log(10))


def _needs_curve(magnitudes, bin_width: float) -> pd.DataFrame:
    curve = b_curve(magnitudes, bin_width)
    if curve.empty:
        raise ValueError(f"fewer than {FEWEST} magnitudes, or all alike: completeness cannot be estimated")
    return curve


def _binned(magnitudes, bin_width: float) -> tuple[int, np.ndarray]:
    number = _bin(_magnitudes(magnitudes), _width(bin_width))
    return int(number.min()), np.bincount(number - number.min())


def _bin(values, bin_width: float) -> np.ndarray:
    """Number of the bin; the hair's breadth lets 2.35 / 0.1 = 23.499999 go up, as on paper."""
    return np.floor(np.asarray(values, float) / bin_width + 0.5 + 1e-6).astype(int)


def _magnitudes(magnitudes) -> np.ndarray:
    values = np.asarray(magnitudes, float).ravel()
    values = values[~np.isnan(values)]
    if not len(values):
        raise ValueError("there is no magnitude; were they computed?")
    if np.abs(values).max() > 12:
        raise ValueError(f"a magnitude is {values[np.abs(values).argmax()]}; drop it (999 and -9 often stand for none)")
    return values


def _width(bin_width: float) -> float:
    if not 1e-3 <= _finite("bin_width", bin_width) <= 1:
        raise ValueError(f"bin_width is {bin_width}; give 0.001 to 1 magnitude units, 0.1 for most catalogs")
    return bin_width


def _finite(name: str, value: float) -> float:
    if not np.isfinite(value):
        raise ValueError(f"{name} is {value}; give a number")
    return float(value)
