"""Compiled loops of the vote: back-projection on nodes, robust location, and the evidence for an event.

Picks are held by channel, channel = 2 * station + (1 for S): ``time[first[c]:first[c + 1]]`` ascending. Coordinates
are (origin time s, x km, y km, depth km).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ..earth.traveltime import lookup

_BINS = 128  # voted on at once, so that the votes stay in the cache
_GIVE_UP = 20.0  # so far below its maximum the evidence does not come back
S_FACTOR = 1.5  # S times are this much worse than P times


@njit(cache=True, nogil=True)
def rates(time, first, half_s, span_s):
    """Picks per second in the channel of each pick: mean of the rate within ``half_s``, itself left out, and overall."""
    out = np.empty(len(time))
    for c in range(len(first) - 1):
        a, b = first[c], first[c]
        for k in range(first[c], first[c + 1]):
            while time[a] < time[k] - half_s:
                a += 1
            while b < first[c + 1] and time[b] <= time[k] + half_s:
                b += 1
            out[k] = 0.5 * (b - a - 1) / (2.0 * half_s) + 0.5 * (first[c + 1] - first[c]) / span_s
    return out


@njit(cache=True, nogil=True)
def back_project(grid, picks, weight, begin, bins, bin_s, longest_s):
    """For every bin of origin time the largest sum of weights that any node collects in three bins, and that node.

    Args:
        grid: number of nodes; bounds, node, travel: channel ``c`` is heard by ``node[bounds[c]:bounds[c + 1]]`` after
            these times in s.
        weight: of each pick, float32; ``begin``: start of the first bin; ``longest_s``: longest of the travel times.
    """
    nodes, bounds, node, travel = grid
    time, _, free, first = picks
    best, best_node = np.zeros(bins, np.float32), np.zeros(bins, np.int64)
    votes, total = np.empty((nodes, _BINS + 4), np.float32), np.empty(_BINS, np.float32)
    per_s = np.float32(1.0 / bin_s)
    for low in range(0, bins, _BINS):
        size = min(_BINS, bins - low)
        since, until = begin + (low - 2) * bin_s, begin + (low + size + 2) * bin_s + longest_s
        votes[:, : size + 4] = 0.0
        for c in range(len(first) - 1):
            k = first[c] + np.searchsorted(time[first[c] : first[c + 1]], since)
            while k < first[c + 1] and time[k] < until:
                if free[k]:
                    at = np.float32((time[k] - since) / bin_s)
                    for i in range(bounds[c], bounds[c + 1]):
                        b = int(at - travel[i] * per_s)
                        if 0 <= b < size + 4:
                            votes[node[i], b] += weight[k]
                k += 1
        for n in range(nodes):
            better = 0
            for b in range(size):
                total[b] = votes[n, b + 1] + votes[n, b + 2] + votes[n, b + 3]
                better += total[b] > best[low + b]
            if better:
                for b in range(size):
                    if total[b] > best[low + b]:
                        best[low + b] = total[b]
                        best_node[low + b] = n
    return best, best_node


@njit(cache=True, nogil=True)
def peaks(best, least):
    """Bins whose vote is at least ``least`` and larger than that of their neighbours; of equal ones the first."""
    found = []
    for b in range(len(best)):
        before = best[b - 1] if b else np.float32(0.0)
        after = best[b + 1] if b + 1 < len(best) else np.float32(0.0)
        if best[b] >= least and best[b] > before and best[b] >= after:
            found.append(b)
    return np.array(found, np.int64)


@njit(cache=True, nogil=True)
def _predict(tables, station, is_s, at, x, y):
    """Travel time and its slopes along x, y and depth."""
    p, s, level, top, h = tables
    dx, dy = at[1] - x[station], at[2] - y[station]
    distance = max(np.sqrt(dx * dx + dy * dy), 1e-6)
    table = s[level[station]] if is_s else p[level[station]]
    t, down, across = lookup(table, (at[3] - top) / h, distance / h)
    return t, across / h * dx / distance, across / h * dy / distance, down / h


@njit(cache=True, nogil=True)
def locate(at, radius, window, spread, steps, picks, tables, x, y, active, model, low, high):
    """Move ``at`` in place to where the picks within ``radius`` agree best.

    Every channel is a mixture of "no pick of this event" and "one of these picks"; Gauss-Newton steps use the
    probability that a pick is the event's as its weight (expectation maximisation), while the assumed error shrinks
    from ``spread`` to what picks and model have (graduated non-convexity).
    """
    time, rate, free, first = picks
    error, relative, share = model
    normal, gradient, row = np.empty((4, 4)), np.empty(4), np.empty(4)
    n = len(x)
    begin, end = np.zeros(2 * n, np.int64), np.zeros(2 * n, np.int64)
    for j in range(n):
        if active[j] and (at[1] - x[j]) ** 2 + (at[2] - y[j]) ** 2 <= radius * radius:
            for s in range(2):
                t = _predict(tables, j, s == 1, at, x, y)[0]
                if np.isnan(t):
                    continue
                c = 2 * j + s
                a = first[c] + np.searchsorted(time[first[c] : first[c + 1]], at[0] + t - window)
                b = a
                while b < first[c + 1] and time[b] <= at[0] + t + window:
                    b += 1
                begin[c], end[c] = a, b
    odds = np.empty(64)
    for step in range(steps):
        extra = spread * 0.5**step if step < steps - 2 else 0.0
        normal[:] = 0.0
        gradient[:] = 0.0
        for c in range(2 * n):
            if begin[c] == end[c]:
                continue
            t, row[1], row[2], row[3] = _predict(tables, c // 2, c % 2 == 1, at, x, y)
            if np.isnan(t):
                continue
            row[0] = 1.0
            sigma = error * (S_FACTOR if c % 2 else 1.0)
            variance = sigma * sigma + (relative * t) ** 2 + extra * extra
            total = 1.0 - share
            for k in range(begin[c], min(end[c], begin[c] + 64)):
                odd = 0.0
                if free[k]:
                    r = time[k] - at[0] - t
                    odd = share * np.exp(-0.5 * r * r / variance) / (np.sqrt(2.0 * np.pi * variance) * rate[k])
                odds[k - begin[c]] = odd
                total += odd
            for k in range(begin[c], min(end[c], begin[c] + 64)):
                weight = odds[k - begin[c]] / (total * variance)
                if weight > 0.0:
                    r = time[k] - at[0] - t
                    for i in range(4):
                        gradient[i] += weight * row[i] * r
                        for m in range(4):
                            normal[i, m] += weight * row[i] * row[m]
        for i in range(4):
            normal[i, i] *= 1.02
        normal[0, 0] += 1e-3
        normal[1, 1] += 1.0 / 100.0
        normal[2, 2] += 1.0 / 100.0
        normal[3, 3] += 1.0 / 16.0
        at += np.linalg.solve(normal, gradient)
        for i in range(4):
            at[i] = min(max(at[i], low[i]), high[i])


@njit(cache=True, nogil=True)
def evidence(at, radius, tolerance, strict, picks, tables, x, y, active, model, member):
    """Logarithm of how much likelier the picks are with an event at ``at`` than without; and the event's reach.

    Stations are visited outwards; an event is seen up to the distance at which the sum is largest, its reach. Fills
    ``member`` with the best pick of every channel within ``radius``, -1 for none: with ``strict`` only picks that are
    more probably the event's than not, otherwise any within ``tolerance``.
    """
    time, rate, free, first = picks
    error, relative, share = model
    member[:] = -1
    distance = np.sqrt((at[1] - x) ** 2 + (at[2] - y) ** 2)
    total, most, reach = 0.0, 0.0, 0.0
    for j in np.argsort(distance):
        if distance[j] > radius or (strict and total < most - _GIVE_UP):
            break
        if not active[j]:
            continue
        for s in range(2):
            t = _predict(tables, j, s == 1, at, x, y)[0]
            if np.isnan(t):
                continue
            c = 2 * j + s
            sigma = error * (S_FACTOR if s else 1.0)
            variance = sigma * sigma + (relative * t) ** 2
            window = min(tolerance, 4.0 * np.sqrt(variance)) if strict else tolerance
            a = first[c] + np.searchsorted(time[first[c] : first[c + 1]], at[0] + t - window)
            ratio, top = 1.0 - share, 1.0 - share if strict else -1.0
            for k in range(a, first[c + 1]):
                r = time[k] - at[0] - t
                if r > window:
                    break
                if free[k]:
                    odd = share * np.exp(-0.5 * r * r / variance) / (np.sqrt(2.0 * np.pi * variance) * rate[k])
                    ratio += odd
                    if odd > top:
                        top = odd
                        member[c] = k
            total += np.log(ratio)
        if total > most:
            most, reach = total, distance[j]
    return most, reach


@njit(cache=True, nogil=True)
def settle(
    candidates,
    scores,
    least,
    counts,
    cutoff,
    farthest,
    window,
    spread,
    tolerance,
    picks,
    tables,
    x,
    y,
    active,
    model,
    low,
    high,
):
    """Take events from the candidates, the one with most evidence first; each takes its picks away.

    Evidence only shrinks as picks are taken, so a candidate is weighed again when its turn has come.

    Returns:
        positions of the candidates that became events, and for each its pick in every channel (-1: none).
    """
    free = picks[2]
    member = np.empty(2 * len(x), np.int64)
    weighed = np.full(len(candidates), -1)
    chosen, members, n = np.empty(len(candidates), np.int64), np.empty((len(candidates), 2 * len(x)), np.int64), 0
    while len(scores):
        i = np.argmax(scores)
        if scores[i] < least:
            break
        if weighed[i] == n:
            reach = evidence(candidates[i], farthest, tolerance, True, picks, tables, x, y, active, model, member)[1]
            for j in range(len(x)):
                if (candidates[i, 1] - x[j]) ** 2 + (candidates[i, 2] - y[j]) ** 2 > (reach + 1e-6) ** 2:
                    member[2 * j] = member[2 * j + 1] = -1
            n_p, n_s, both = 0, 0, 0
            for j in range(len(x)):
                n_p += member[2 * j] >= 0
                n_s += member[2 * j + 1] >= 0
                both += member[2 * j] >= 0 and member[2 * j + 1] >= 0
            scores[i] = -1.0
            if n_p + n_s >= counts[0] and n_p >= counts[1] and n_s >= counts[2] and both >= counts[3]:
                chosen[n], members[n] = i, member
                n += 1
                for k in member:
                    if k >= 0:
                        free[k] = False
            continue
        at = candidates[i].copy()
        first_time = weighed[i] < 0
        locate(
            at,
            cutoff,
            window,
            spread if first_time else 0.25 * spread,
            9 if first_time else 4,
            picks,
            tables,
            x,
            y,
            active,
            model,
            low,
            high,
        )
        value, reach = evidence(at, farthest, tolerance, True, picks, tables, x, y, active, model, member)
        if value >= least and reach > 0:
            locate(at, reach, window, 0.0, 3, picks, tables, x, y, active, model, low, high)
            value, reach = evidence(at, farthest, tolerance, True, picks, tables, x, y, active, model, member)
        candidates[i] = at
        scores[i] = min(value, scores[i]) if not first_time else value
        weighed[i] = n
    return chosen[:n], members[:n]
