"""Compiled likelihoods and octree search for one event; everything here works on arrays of one event's arrivals.

Coordinates are km in a local frame (x east, y north, z depth below sea level), times s from an arbitrary reference.
"""

from __future__ import annotations

import numpy as np
from numba import njit

EDT, L2 = 0, 1
# The EDT density is a product over pairs that share arrivals. For Gaussian errors and many arrivals the log of the mean
# pair term, times the number of arrivals, is 2.0 times wider (in variance) than least squares, while its maximum
# scatters only 1.10 times as much (sandwich formula); this exponent brings the two together (slightly lowered: with
# tens of arrivals the maximum scatters a little more).
_EDT_TEMPER = 1.77
_EDT_AT_NOISE = np.sqrt(0.5)  # mean of a pair's term when errors are as stated
_S_MODEL_ERROR = 1.7  # delays of S over those of P, about their ratio of velocities
_GAUSS_STEP = 1.0 / 128.0
_GAUSS = np.exp(-np.arange(0, 16 * 128 + 2) * _GAUSS_STEP)


@njit(cache=True, nogil=True)
def predict(x, y, z, sx, sy, phase, level, table_p, table_s, top, spacing, out):
    """Travel times from one point to every arrival's station; False (and ``out`` unusable) outside the tables."""
    row = (z - top) / spacing
    if not 0.0 <= row <= table_p.shape[1] - 1:
        return False
    i = min(int(row), table_p.shape[1] - 2)
    u = row - i
    last = table_p.shape[2] - 1
    for k in range(len(sx)):
        column = np.sqrt((x - sx[k]) ** 2 + (y - sy[k]) ** 2) / spacing
        if column > last:
            return False
        j = min(int(column), last - 1)
        v = column - j
        table = table_s if phase[k] == 1 else table_p
        m = level[k]
        upper = table[m, i, j] * (1 - v) + table[m, i, j + 1] * v
        lower = table[m, i + 1, j] * (1 - v) + table[m, i + 1, j + 1] * v
        out[k] = upper * (1 - u) + lower * u
    return True


@njit(cache=True, nogil=True)
def pair_terms(variance, inverse, height):
    """For every pair the inverse of its variance and the height of its term; returns the sum of all heights."""
    total = 0.0
    for a in range(len(variance)):
        for b in range(a):
            inverse[a, b] = 0.5 / (variance[a] + variance[b])
            height[a, b] = np.sqrt(inverse[a, b])
            total += height[a, b]
    return total


@njit(cache=True, nogil=True)
def edt_sum(reduced, inverse, height):
    """Sum over pairs of Gaussians of the difference of their origin times (Font et al. 2004; Lomax 2005).

    The Gaussian has the variance of the difference, twice NonLinLoc's: a little less wary of outliers, but its
    maximum scatters 10 % and not 19 % more than least squares where there are none.
    """
    total = 0.0
    for a in range(1, len(reduced)):
        origin = reduced[a]
        for b in range(a):
            difference = origin - reduced[b]
            u = difference * difference * inverse[a, b] * 128.0
            if u < 2048.0:
                i = int(u)
                total += height[a, b] * (_GAUSS[i] + (u - i) * (_GAUSS[i + 1] - _GAUSS[i]))
    return total


@njit(cache=True, nogil=True)
def l2_misfit(reduced, variance):
    """Sum of squared weighted residuals about the weighted mean origin time."""
    weight = 0.0
    mean = 0.0
    for k in range(len(reduced)):
        weight += 1.0 / variance[k]
        mean += reduced[k] / variance[k]
    mean /= weight
    total = 0.0
    for k in range(len(reduced)):
        total += (reduced[k] - mean) ** 2 / variance[k]
    return total


@njit(cache=True, nogil=True)
def edt_weights(reduced, inverse, height, out):
    """Agreement of each arrival with the others, 0 to 1: its pair terms over their largest possible sum.

    Scaled so that the arrival that agrees best has weight 1.
    """
    n = len(reduced)
    out[:] = 0.0
    full = np.zeros(n)
    for a in range(1, n):
        for b in range(a):
            term = np.exp(-((reduced[a] - reduced[b]) ** 2) * inverse[a, b]) * height[a, b]
            out[a] += term
            out[b] += term
            full[a] += height[a, b]
            full[b] += height[a, b]
    best = 0.0
    for a in range(n):
        out[a] /= full[a]
        best = max(best, out[a])
    if best > 0.0:
        out /= best


@njit(cache=True, nogil=True)
def ground_depth(x, y, ground, gx, gy, gh):
    """Depth of the ground below sea level at a point, bilinear on its grid, constant beyond the edge."""
    column = min(max((x - gx) / gh, 0.0), ground.shape[1] - 1.0)
    row = min(max((y - gy) / gh, 0.0), ground.shape[0] - 1.0)
    i = min(int(row), ground.shape[0] - 2)
    j = min(int(column), ground.shape[1] - 2)
    u = row - i
    v = column - j
    return (ground[i, j] * (1 - v) + ground[i, j + 1] * v) * (1 - u) + (
        ground[i + 1, j] * (1 - v) + ground[i + 1, j + 1] * v
    ) * u


@njit(cache=True, nogil=True)
def total_variance(travel, phase, error, model, inflation_p, inflation_s, out):
    """Variance of each arrival: reading, model (fraction of travel time within bounds) and size of the cell."""
    for k in range(len(travel)):
        least = model[1] * _S_MODEL_ERROR if phase[k] == 1 else model[1]
        m = max(min(model[0] * travel[k], model[2]), least)
        out[k] = error[k] ** 2 + m**2 + (inflation_s if phase[k] == 1 else inflation_p)


@njit(cache=True, nogil=True)
def effective_number(share, n):
    """Number of arrivals that agree, from the share of pair terms reached: outliers must not sharpen the density."""
    return max(2.0, min(float(n), n * np.sqrt(share / _EDT_AT_NOISE)))


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
        power = independence * _EDT_TEMPER * (n_eff - 1.0)
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
