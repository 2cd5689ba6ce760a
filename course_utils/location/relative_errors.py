"""How far relative locations scatter: bootstraps over stations or picks.

Differential times are no independent measurements: n events at one station have n picks and n (n - 1) / 2 differences. A
bootstrap over differences therefore promises far too much. Here stations or picks are drawn, and every difference follows.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.sparse.linalg import lsmr

from course_utils.location.locator import ELLIPSE_68
from course_utils.location.relative import RelocationRun
from course_utils.location.relative_solve import System

SOURCES = ("picks", "stations")


def respond(run: RelocationRun, weights: np.ndarray, residuals: np.ndarray | None = None) -> np.ndarray:
    """How the solution moves when links weigh otherwise, or have other residuals: one linear step per replicate.

    Args:
        run: a relocation.
        weights: shape (replicates, links), factors on the squared final weights, at least 0, in the order of
            ``run.problem.links``.
        residuals: shape (replicates, links), s; by default those at the solution.

    Returns:
        Steps in km (east, north, depth) and s from the solution, shape (replicates, events, 4), in the order of the events
        that went into the relocation.
    """
    problem = run.problem
    links, n = problem.links, len(problem.place)
    damping = problem.stages[-1].damping
    system = System.blank(links, n)
    group, hold = problem.system.group, problem.system.hold

    def step(weight: np.ndarray, residual: np.ndarray) -> np.ndarray:
        return system.fill(links, problem.slope, residual, weight, damping, group, hold).solve(1e-6)[0]

    if residuals is not None:
        return np.stack([step(problem.weight * np.sqrt(w), r) for w, r in zip(weights, residuals, strict=True)])
    rest = step(problem.weight, problem.residual)  # the last iteration and damping leave a little
    return np.stack([step(problem.weight * np.sqrt(w), problem.residual) - rest for w in weights])


def bootstrap(run: RelocationRun, replicates: int = 200, by: str = "picks", seed: int = 0) -> np.ndarray:
    """Replicates of the solution.

    By "picks": the residuals of the links are taken apart into errors of the picks at their two ends (least squares) and
    what is left, which catalog times have none of. Errors of picks are drawn with replacement among those of the same
    phase and kind, enlarged for the unknowns that were fitted, and differences made of them.

    By "stations": a Bayesian bootstrap (Rubin 1981, Annals of Statistics 9): every station gets a random weight of mean and
    variance 1 instead of being drawn or not, so that no event loses all its data. It includes errors of the model that
    neighbouring events share at a station, needs many stations, and is the more optimistic the fewer there are.

    Args:
        run: a relocation.
        replicates: how many.
        by: "picks" or "stations".
        seed: of the draws.

    Returns:
        Steps from the solution, shape (replicates, events, 4); see :func:`respond`.
    """
    if by not in SOURCES:
        raise ValueError(f"by {by!r}: use {' or '.join(SOURCES)}; differential times share picks and must not be drawn")
    rng = np.random.default_rng(seed)
    links = run.problem.links
    if by == "stations":
        drawn = rng.exponential(size=(replicates, len(run.problem.station_xy)))
        return respond(run, drawn[:, links.station[links.left]])
    residuals = np.zeros((replicates, len(links.left)))
    for cc in (False, True):
        live = np.flatnonzero((run.problem.weight > 0) & (links.cc == cc))
        if len(live):
            residuals[:, live] = _drawn_picks(run.problem, live, replicates, rng)
    return respond(run, np.ones_like(residuals), residuals)


def _drawn_picks(problem, live: np.ndarray, replicates: int, rng) -> np.ndarray:
    """Residuals of the links ``live`` made of drawn errors of picks, shape (replicates, live)."""
    links = problem.links
    ends = np.stack([links.left[live], links.right[live]])
    used, ends = np.unique(ends, return_inverse=True)
    left, right = ends.reshape(2, -1)
    row = np.arange(len(live))
    matrix = sp.csr_array(
        (np.repeat([1.0, -1.0], len(live)), (np.concatenate([row, row]), np.concatenate([left, right]))),
        shape=(len(live), len(used)),
    )
    observed = problem.residual[live]
    error = lsmr(matrix, observed, atol=1e-8, btol=1e-8, damp=1e-3)[0]
    rest = observed - matrix @ error
    code = links.code[used]
    spots = len(np.unique(2 * links.station[used] + code))
    events = len(np.unique(links.event[used]))
    freedom = max(len(used) - spots - 4 * (events - 1), 1)
    error *= np.sqrt(len(used) / freedom)
    drawn = np.empty((replicates, len(used)))
    for phase in (0, 1):
        own = code == phase
        if own.any():
            drawn[:, own] = rng.choice(error[own] - error[own].mean(), size=(replicates, int(own.sum())))
    return drawn[:, left] - drawn[:, right] + rng.choice(rest, size=(replicates, len(live)))


def bootstrap_errors(run: RelocationRun, replicates: int = 200, by: str = "picks", seed: int = 0) -> pd.DataFrame:
    """Errors of every relocated event relative to the mean of its cluster, from :func:`bootstrap`.

    Returns:
        event_id, horizontal_error_km (semi-major axis of the 68 % ellipse), depth_error_km (half the width of the 68 %
        interval), origin_error_s (standard error).
    """
    steps = bootstrap(run, replicates, by, seed)
    moved = (run.outcomes["outcome"] == "relocated").to_numpy()
    plane = np.stack([np.cov(steps[:, e, :2].T) for e in np.flatnonzero(moved)]) if moved.any() else np.empty((0, 2, 2))
    low, high = np.percentile(steps[:, moved, 2], [16, 84], axis=0) if moved.any() else (np.empty(0), np.empty(0))
    return pd.DataFrame(
        {
            "event_id": run.outcomes["event_id"].to_numpy()[moved],
            "horizontal_error_km": np.sqrt(ELLIPSE_68 * np.linalg.eigvalsh(plane).max(axis=1)) if len(plane) else [],
            "depth_error_km": (high - low) / 2.0,
            "origin_error_s": steps[:, moved, 3].std(axis=0),
        }
    )
