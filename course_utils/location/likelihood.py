"""Compiled likelihoods of one event: travel times to its stations, EDT and least squares, weights, errors.

Coordinates are km in a local frame (x east, y north, z depth below sea level), times s from an arbitrary reference.
Numba's cache does not see changes across files: after an edit here, touch kernels.py too.
"""

from __future__ import annotations

import numpy as np
from numba import njit

EDT, L2 = 0, 1
# The EDT density is a product over pairs that share arrivals. For Gaussian errors and many arrivals the log of the mean
# pair term, times the number of arrivals, is 2.0 times wider (in variance) than least squares, while its maximum
# scatters only 1.10 times as much (sandwich formula); this exponent brings the two together (slightly lowered: with
# tens of arrivals the maximum scatters a little more).
EDT_TEMPER = 1.77
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
