"""Compiled inner loops of double difference: predicted times, residuals, condensed normal equations, their solution.

Links are sorted by event pair. All links of a pair share the same eight unknowns, so each pair condenses to 4x4 blocks:
one added to the diagonal block of either event, one off the diagonal. Unknowns of an event are east, north and depth in
km and the shift of its origin time in s.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from course_utils.earth.traveltime import lookup


@njit(cache=True, nogil=True)
def predict(event, station, code, place, station_xy, level, p_table, s_table, top_km, spacing_km, time, slope):
    """Travel times in s and their slopes in s/km with east, north and depth of the source, for every arrival.

    ``time`` (arrivals,) and ``slope`` (arrivals, 3) are filled; NaN outside the tables.
    """
    for k in range(len(event)):
        e, s = event[k], station[k]
        dx, dy = place[e, 0] - station_xy[s, 0], place[e, 1] - station_xy[s, 1]
        distance = np.hypot(dx, dy)
        row = (place[e, 2] - top_km) / spacing_km
        table = p_table if code[k] == 0 else s_table
        time[k], down, across = lookup(table[level[s]], row, distance / spacing_km)
        across /= spacing_km * max(distance, 1e-9)
        slope[k, 0], slope[k, 1], slope[k, 2] = across * dx, across * dy, down / spacing_km


@njit(cache=True, nogil=True)
def residuals(start, pair, left, right, difference, time, shift, out):
    """Observed minus predicted difference in s of every link."""
    for p in range(len(pair)):
        both = shift[pair[p, 0]] - shift[pair[p, 1]]
        for k in range(start[p], start[p + 1]):
            out[k] = difference[k] - (time[left[k]] - time[right[k]]) - both


@njit(cache=True, nogil=True)
def condense(start, pair, left, right, slope, residual, weight, diagonal, off, right_side):
    """Blocks of the normal equations. ``weight`` multiplies a row of the least-squares problem.

    Fills ``diagonal`` (events, 4, 4), ``off`` (pairs, 4, 4; rows the first event, columns the second) and
    ``right_side`` (events, 4).
    """
    diagonal[:], off[:], right_side[:] = 0.0, 0.0, 0.0
    a, b = np.ones(4), np.ones(4)
    for p in range(len(pair)):
        i, j = pair[p, 0], pair[p, 1]
        for k in range(start[p], start[p + 1]):
            w = weight[k] * weight[k]
            if not w > 0.0:
                continue
            for q in range(3):
                a[q], b[q] = slope[left[k], q], slope[right[k], q]
            for q in range(4):
                wa, wb = w * a[q], w * b[q]
                right_side[i, q] += wa * residual[k]
                right_side[j, q] -= wb * residual[k]
                for s in range(4):
                    diagonal[i, q, s] += wa * a[s]
                    diagonal[j, q, s] += wb * b[s]
                    off[p, q, s] -= wa * b[s]


@njit(cache=True, nogil=True)
def multiply(pair, diagonal, off, x, out):
    """Product of the condensed matrix with ``x``, both (events, 4)."""
    for e in range(len(x)):
        for q in range(4):
            s = 0.0
            for r in range(4):
                s += diagonal[e, q, r] * x[e, r]
            out[e, q] = s
    for p in range(len(pair)):
        i, j = pair[p, 0], pair[p, 1]
        for q in range(4):
            s = 0.0
            for r in range(4):
                s += off[p, q, r] * x[j, r]
                out[j, r] += off[p, q, r] * x[i, q]
            out[i, q] += s


@njit(cache=True, nogil=True)
def precondition(inverse, group, held, residual, out):
    """Block-Jacobi step ``out`` = inverse diagonal times residual; with ``held``, the step of zero mean in each group.

    ``held`` (groups, 4, 4) is the inverse of the sum of a group's inverse blocks; without rows nothing is held. The
    force that holds a group's mean is taken off the residual too: it would not shrink, and its rounding would in the end
    move the mean.
    """
    n = len(residual)
    for e in range(n):
        for q in range(4):
            s = 0.0
            for r in range(4):
                s += inverse[e, q, r] * residual[e, r]
            out[e, q] = s
    if not len(held):
        return
    total = np.zeros((len(held), 4))
    for e in range(n):
        for q in range(4):
            total[group[e], q] += out[e, q]
    force = np.zeros((len(held), 4))
    for g in range(len(held)):
        for q in range(4):
            for r in range(4):
                force[g, q] += held[g, q, r] * total[g, r]
    for e in range(n):
        for q in range(4):
            residual[e, q] -= force[group[e], q]
            for r in range(4):
                out[e, q] -= inverse[e, q, r] * force[group[e], r]


@njit(cache=True, nogil=True)
def conjugate_gradients(pair, diagonal, off, inverse, group, held, right_side, tolerance, most, x):
    """Solve the condensed equations into ``x`` (events, 4), from zero; returns the iterations and the last ratio.

    Projected preconditioned conjugate gradients (Gould, Hribar and Nocedal 2001, SIAM J. Sci. Comput. 23): with
    ``held`` every iterate has zero mean in each group. Ends when the preconditioned residual has fallen by
    ``tolerance``.
    """
    x[:] = 0.0
    r = right_side.copy()
    z, step, image = np.empty_like(r), np.empty_like(r), np.empty_like(r)
    precondition(inverse, group, held, r, z)
    step[:] = z
    first = now = (r * z).sum()
    count = 0
    while count < most and now > tolerance * tolerance * first:
        multiply(pair, diagonal, off, step, image)
        length = now / (step * image).sum()
        x += length * step
        r -= length * image
        precondition(inverse, group, held, r, z)
        before, now = now, (r * z).sum()
        step *= now / before
        step += z
        count += 1
    return count, np.sqrt(max(now, 0.0) / first) if first > 0.0 else 0.0


@njit(cache=True, nogil=True)
def common_arrivals(first, second, start, key, left, right):
    """Positions of the arrivals that two events share; returns how many per pair. Keys are sorted within an event.

    Called with empty ``left`` and ``right`` it only counts.
    """
    count = np.zeros(len(first), np.int64)
    fill, at = len(left) > 0, 0
    for p in range(len(first)):
        i, j = start[first[p]], start[second[p]]
        end_i, end_j = start[first[p] + 1], start[second[p] + 1]
        while i < end_i and j < end_j:
            if key[i] == key[j]:
                if fill:
                    left[at], right[at] = i, j
                    at += 1
                count[p] += 1
                i += 1
                j += 1
            elif key[i] < key[j]:
                i += 1
            else:
                j += 1
    return count
