"""Compiled octree search for one event; everything here works on arrays of one event's arrivals.

Coordinates are km in a local frame (x east, y north, z depth below sea level), times s from an arbitrary reference.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from course_utils.location.likelihood import (
    EDT,
    EDT_TEMPER,
    L2,
    edt_sum,
    edt_weights,
    effective_number,
    ground_depth,
    l2_misfit,
    pair_terms,
    predict,
    total_variance,
)


@njit(cache=True, nogil=True)
def _slowest(slowness, top, spacing, z_low, z_high):
    i = min(max(int((z_low - top) / spacing), 0), len(slowness) - 1)
    j = min(max(int((z_high - top) / spacing) + 1, i + 1), len(slowness))
    return slowness[i:j].max()


@njit(cache=True, nogil=True)
def _inside(point, tables, ground):
    """The point, moved vertically onto the ground or the deepest row of the tables where it lies beyond."""
    table_p, _, top, spacing, _, _ = tables
    surface, gx, gy, gh = ground
    moved = point.copy()
    moved[2] = max(moved[2], ground_depth(moved[0], moved[1], surface, gx, gy, gh))
    moved[2] = min(moved[2], top + (table_p.shape[1] - 1) * spacing - 1e-6)
    return moved


@njit(cache=True, nogil=True)
def _evaluate(cells, method, sx, sy, phase, level, tobs, variance, number, correlation, tables, ground, reach, out):
    """Log-likelihood at points; returns the position of the best one, -1 when none is inside the Earth.

    Points up to ``reach`` above the ground or below the deepest row count as on it: cells that are cut by the ground.
    """
    table_p, table_s, top, spacing, _, _ = tables
    surface, gx, gy, gh = ground
    deepest = top + (table_p.shape[1] - 1) * spacing - 1e-6
    n = len(sx)
    independence = 1.0 / (1.0 + (n - 1) * correlation)
    inverse = np.empty((n, n))
    height = np.empty((n, n))
    full = pair_terms(variance, inverse, height)
    travel = np.empty(n)
    reduced = np.empty(n)
    best = -1
    for c in range(len(cells)):
        x, y, z = cells[c, 0], cells[c, 1], cells[c, 2]
        out[c] = -np.inf
        shallowest = ground_depth(x, y, surface, gx, gy, gh)
        if z + reach < shallowest or z - reach > deepest:
            continue
        z = min(max(z, shallowest), deepest)
        if not predict(x, y, z, sx, sy, phase, level, table_p, table_s, top, spacing, travel):
            continue
        for k in range(n):
            reduced[k] = tobs[k] - travel[k]
        if method == L2:
            out[c] = -0.5 * independence * l2_misfit(reduced, variance)
        else:
            out[c] = edt_sum(reduced, inverse, height) / full
        if best < 0 or out[c] > out[best]:
            best = c
    if method == EDT and best >= 0:
        n_eff = number if number > 0 else effective_number(out[best], n)
        power = independence * EDT_TEMPER * (n_eff - 1.0)
        for c in range(len(cells)):
            out[c] = power * np.log(max(out[c], 1e-30)) if out[c] > -np.inf else -np.inf
    return best


@njit(cache=True, nogil=True)
def _keep(logp, fraction, cap):
    """Positions of the most probable cells that hold ``fraction`` of the probability, at most ``cap``."""
    order = np.argsort(-logp)
    peak = logp[order[0]]
    total = 0.0
    for c in range(len(order)):
        total += np.exp(logp[order[c]] - peak)
    held = 0.0
    n = 0
    while n < len(order) and n < cap and held < fraction * total:
        held += np.exp(logp[order[n]] - peak)
        n += 1
    return order[:n]


@njit(cache=True, nogil=True)
def search(method, box, sx, sy, phase, level, tobs, error, model, tables, ground):
    """Octree search: cells that hold the probability are split into eight until they resolve the density.

    While cells are large, the variance of every arrival is raised by that of the travel time inside a cell, so that
    no cell that holds the maximum is thrown away (after the idea of Lomax & Curtis 2001).

    Args:
        box: x0, x1, y0, y1, z0, z1 and edge of the first cells, km; cells may reach beyond it by half an edge.

    Returns:
        centres of the last cells (n, 3), their probability (n), their edge in km, centre of the best cell (3);
        no cells when no point of the box lies below ground and inside the tables.
    """
    table_p, table_s, top, spacing, slow_p, slow_s = tables
    edge = box[6]
    n = len(sx)
    nx = max(1, int(np.ceil((box[1] - box[0]) / edge)))
    ny = max(1, int(np.ceil((box[3] - box[2]) / edge)))
    nz = max(1, int(np.ceil((box[5] - box[4]) / edge)))
    cells = np.empty((nx * ny * nz, 3))
    c = 0
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                cells[c, 0] = 0.5 * (box[0] + box[1]) + (i + 0.5 - 0.5 * nx) * edge
                cells[c, 1] = 0.5 * (box[2] + box[3]) + (j + 0.5 - 0.5 * ny) * edge
                cells[c, 2] = box[4] + (k + 0.5) * edge
                c += 1
    travel = np.empty(n)
    variance = np.empty(n)
    first = tobs.min()
    for k in range(n):
        travel[k] = tobs[k] - first
    mean_error = error.mean() + model[1]
    cap = min(max(45000 // n, 1500), 6000)  # few arrivals: wide densities, but cheap points
    while True:
        z_low = cells[:, 2].min() - 0.5 * edge
        z_high = cells[:, 2].max() + 0.5 * edge
        spread_p = (edge * _slowest(slow_p, top, spacing, z_low, z_high)) ** 2 / 6.0
        spread_s = (edge * _slowest(slow_s, top, spacing, z_low, z_high)) ** 2 / 6.0
        total_variance(travel, phase, error, model, spread_p, spread_s, variance)
        logp = np.empty(len(cells))
        best = _evaluate(
            cells, method, sx, sy, phase, level, tobs, variance, -1.0, model[3], tables, ground, 0.5 * edge, logp
        )
        if best < 0:
            return np.empty((0, 3)), np.empty(0), edge, np.empty(3)
        peak = _inside(cells[best], tables, ground)
        predict(peak[0], peak[1], peak[2], sx, sy, phase, level, table_p, table_s, top, spacing, travel)
        kept = _keep(logp, 0.99999, cap)
        resolved = spread_p < 0.1 * mean_error**2
        if edge < 2e-3 or len(kept) >= cap or (resolved and len(kept) >= 600):
            weight = np.exp(logp[kept] - logp[best])
            return cells[kept], weight / weight.sum(), edge, peak
        children = np.empty((8 * len(kept), 3))
        half = 0.25 * edge
        c = 0
        for parent in kept:
            for corner in range(8):
                children[c, 0] = cells[parent, 0] + (half if corner & 1 else -half)
                children[c, 1] = cells[parent, 1] + (half if corner & 2 else -half)
                children[c, 2] = cells[parent, 2] + (half if corner & 4 else -half)
                c += 1
        cells = children
        edge *= 0.5


@njit(cache=True, nogil=True)
def draw(cells, weight, edge, n_samples, rng):
    """Points drawn from the cells: systematic over the cells, uniform inside; and the cell each came from."""
    points = np.empty((n_samples, 3))
    cell = np.empty(n_samples, np.int64)
    position = rng.random() / n_samples
    c = 0
    reached = weight[0]
    for s in range(n_samples):
        while position > reached and c < len(weight) - 1:
            c += 1
            reached += weight[c]
        for a in range(3):
            points[s, a] = cells[c, a] + (rng.random() - 0.5) * edge
        cell[s] = c
        position += 1.0 / n_samples
    return points, cell


@njit(cache=True, nogil=True)
def _climb(start, step, method, sx, sy, phase, level, tobs, variance, number, tables, ground):
    """Highest point reached from ``start`` by a compass search down to steps of a metre."""
    point = start.copy()
    value = np.empty(7)
    trial = np.empty((7, 3))
    while step > 1e-3:
        for c in range(7):
            trial[c] = point
            if c > 0:
                trial[c, (c - 1) // 2] += step if c % 2 else -step
            trial[c] = _inside(trial[c], tables, ground)
        best = _evaluate(trial, method, sx, sy, phase, level, tobs, variance, number, 0.0, tables, ground, 0.0, value)
        if best > 0 and value[best] > value[0]:
            point = trial[best].copy()
        else:
            step *= 0.5
    return point


@njit(cache=True, nogil=True)
def locate_event(
    method, box, sx, sy, phase, level, tobs, error, model, tables, ground, n_samples, rng, residual, weight
):
    """Locate one event; fills ``residual`` (s) and ``weight`` (0 to 1) of its arrivals.

    Returns:
        found: whether there is any place for it; maximum (x, y, z); origin time s; samples (n, 3); their
        normalised importance weights; their origin times; effective number of samples.
    """
    nowhere = (False, np.zeros(3), 0.0, np.zeros((0, 3)), np.zeros(0), np.zeros(0), 0.0)
    cells, mass, edge, peak = search(method, box, sx, sy, phase, level, tobs, error, model, tables, ground)
    if not len(cells):
        return nowhere
    table_p, table_s, top, spacing, _, _ = tables
    n = len(sx)
    travel = np.empty(n)
    variance = np.empty(n)
    predict(peak[0], peak[1], peak[2], sx, sy, phase, level, table_p, table_s, top, spacing, travel)
    total_variance(travel, phase, error, model, 0.0, 0.0, variance)
    points, cell = draw(cells, mass, edge, n_samples, rng)
    logp = np.empty(n_samples)
    best = _evaluate(points, method, sx, sy, phase, level, tobs, variance, -1.0, model[3], tables, ground, 0.0, logp)
    start = points[best] if best >= 0 else peak
    number = float(n)  # any will do: it does not move the maximum
    maximum = _climb(start, 0.5 * edge, method, sx, sy, phase, level, tobs, variance, number, tables, ground)
    importance = np.zeros(n_samples)
    if best < 0:  # a density squeezed against the ground: all there is, is its maximum
        points[:] = maximum
        importance[:] = 1.0
    else:
        for s in range(n_samples):
            importance[s] = np.exp(logp[s] - logp[best]) / mass[cell[s]] if logp[s] > -np.inf else 0.0
    importance /= importance.sum()
    # origin time and weights at the maximum
    predict(maximum[0], maximum[1], maximum[2], sx, sy, phase, level, table_p, table_s, top, spacing, travel)
    reduced = tobs - travel
    inverse = np.empty((n, n))
    height = np.empty((n, n))
    pair_terms(variance, inverse, height)
    if method == EDT:
        edt_weights(reduced, inverse, height, weight)
    else:
        weight[:] = 1.0
    share = weight / variance
    origin = (share * reduced).sum() / share.sum()
    residual[:] = reduced - origin
    spread = 1.0 / np.sqrt(share.sum() / (1.0 + (n - 1) * model[3]))
    origins = np.empty(n_samples)
    for s in range(n_samples):
        origins[s] = np.nan
        x, y, z = points[s, 0], points[s, 1], points[s, 2]
        if importance[s] > 0.0 and predict(x, y, z, sx, sy, phase, level, table_p, table_s, top, spacing, travel):
            origins[s] = (share * (tobs - travel)).sum() / share.sum() + spread * rng.standard_normal()
    return True, maximum, origin, points, importance, origins, 1.0 / (importance**2).sum()


@njit(cache=True, nogil=True)
def density(method, points, peak, sx, sy, phase, level, tobs, error, model, tables, ground):
    """Log of the likelihood at points relative to ``peak``, the maximum; -inf above ground and outside the tables."""
    table_p, table_s, top, spacing, _, _ = tables
    n = len(sx)
    travel = np.empty(n)
    variance = np.empty(n)
    predict(peak[0], peak[1], peak[2], sx, sy, phase, level, table_p, table_s, top, spacing, travel)
    total_variance(travel, phase, error, model, 0.0, 0.0, variance)
    number = -1.0
    if method == EDT:
        inverse = np.empty((n, n))
        height = np.empty((n, n))
        full = pair_terms(variance, inverse, height)
        number = effective_number(edt_sum(tobs - travel, inverse, height) / full, n)
    at_peak = np.empty(1)
    out = np.empty(len(points))
    _evaluate(
        peak.reshape(1, 3),
        method,
        sx,
        sy,
        phase,
        level,
        tobs,
        variance,
        number,
        model[3],
        tables,
        ground,
        1e-6,
        at_peak,
    )
    _evaluate(points, method, sx, sy, phase, level, tobs, variance, number, model[3], tables, ground, 0.0, out)
    return out - at_peak[0]
