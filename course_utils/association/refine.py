"""From preliminary origins to events whose picks are theirs alone.

Associators return coarse origins, take the first pick in a window rather than the best, and may give one pick
to two events. Here every event is located by robust least squares in the same travel-time tables, all events
then compete for all picks in one optimal assignment, and what no longer has enough picks, or could as well have come
together by chance, is turned down.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numba import njit

from ..catalog.matching import assign, near_in_time
from ..earth.traveltime import lookup
from .problem import Problem
from .settings import AssociationSettings

_ROUNDS = 2
_RATE_S = 30.0
_FEW, _SAME = "too few picks of their own", "the same as an event with more picks"
_CHANCE = "picks that fit by chance"
_COLUMNS = ["time_s", "x_km", "y_km", "depth_km"]


def refine(
    problem: Problem, origins: pd.DataFrame, of_origin: np.ndarray, of_pick: np.ndarray, settings: AssociationSettings
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, dict[str, int]]:
    """Located events, the pairs of event and pick (every pick once), and the number of events turned down by rule."""
    turned_down = dict.fromkeys((_FEW, _SAME, _CHANCE), 0)
    where = origins[_COLUMNS].to_numpy(np.float64).copy()

    def drop(keep: np.ndarray, rule: str):
        nonlocal where, of_origin, of_pick
        turned_down[rule] += int((~keep).sum())
        inside = keep[of_origin]
        of_origin, of_pick = (np.cumsum(keep) - 1)[of_origin[inside]], of_pick[inside]
        where = where[keep]

    _locate(problem, where, of_origin, of_pick, settings)
    for _ in range(_ROUNDS):
        drop(~_doubles(problem, where, of_origin, settings), _SAME)
        of_origin, of_pick = _compete(problem, where, of_origin, of_pick, settings)
        drop(_enough(problem, len(where), of_origin, of_pick, settings), _FEW)
        drop(_log_odds(problem, where, of_origin, of_pick, settings) >= settings.min_log_odds, _CHANCE)
        _locate(problem, where, of_origin, of_pick, settings)
    near = np.abs(_residuals(problem, where, of_origin, of_pick)) <= settings.pick_tolerance_s
    of_origin, of_pick = of_origin[near], of_pick[near]
    drop(_enough(problem, len(where), of_origin, of_pick, settings), _FEW)
    return pd.DataFrame(where, columns=_COLUMNS), of_origin, of_pick, turned_down


def _compete(problem, where, of_origin, of_pick, settings) -> tuple[np.ndarray, np.ndarray]:
    """Optimal one-to-one assignment of picks to predicted arrivals of all events."""
    event, station = np.nonzero(_within_reach(problem, where, of_origin, of_pick, settings))
    distance = _distance(problem, where, event, station)
    pairs = []
    for phase in ("P", "S"):
        rows = np.flatnonzero(problem.phase == phase)
        predicted = where[event, 0] + problem.travel_times.times(phase, station, distance, where[event, 3])
        ok = np.flatnonzero(np.isfinite(predicted))
        left, right, difference = near_in_time(
            _clock(problem.time_s[rows]),
            _clock(predicted[ok]),
            settings.pick_tolerance_s,
            problem.station[rows],
            station[ok],
        )
        chosen = assign(left, right, difference**2)
        pairs.append((event[ok[right[chosen]]], rows[left[chosen]]))
    return tuple(np.concatenate(column) for column in zip(*pairs, strict=True))


def _clock(seconds: np.ndarray) -> pd.Series:
    return pd.Series(pd.to_datetime(np.round(seconds * 1e6).astype(np.int64), unit="us", utc=True))


def _within_reach(problem, where, of_origin, of_pick, settings) -> np.ndarray:
    """Stations at which an event may have picks, shape (events, stations).

    Ordered by distance, up to the farthest station with a pick at which still ``min_station_fraction`` of the
    stations so far have one; without such a rule each event would gather noise from the whole network.
    """
    n = len(problem.x_km)
    has = np.zeros((len(where), n), bool)
    has[of_origin, problem.station[of_pick]] = True
    active = np.bincount(problem.station, minlength=n) > 0
    distance = np.hypot(where[:, 1:2] - problem.x_km, where[:, 2:3] - problem.y_km)
    order = np.argsort(distance, axis=1, kind="stable")
    share = np.cumsum(np.take_along_axis(has, order, 1), 1) / np.maximum(np.cumsum(active[order], 1), 1)
    good = (share >= getattr(settings, "min_station_fraction", 0.0)) & np.take_along_axis(has, order, 1)
    reach = np.where(good, np.take_along_axis(distance, order, 1), 0.0).max(axis=1, initial=0.0)
    return active & (distance <= reach[:, None])


def _enough(problem, n_events, of_origin, of_pick, settings) -> np.ndarray:
    """Which events meet the pick counts."""
    shape = (n_events, len(problem.x_km))
    p, s = np.zeros(shape, bool), np.zeros(shape, bool)
    is_p = problem.phase[of_pick] == "P"
    p[of_origin[is_p], problem.station[of_pick[is_p]]] = True
    s[of_origin[~is_p], problem.station[of_pick[~is_p]]] = True
    n_p, n_s = p.sum(1), s.sum(1)
    return (
        (n_p + n_s >= settings.min_picks)
        & (n_p >= settings.min_p_picks)
        & (n_s >= settings.min_s_picks)
        & ((p & s).sum(1) >= settings.min_both)
    )


def _log_odds(problem, where, of_origin, of_pick, settings) -> np.ndarray:
    """Natural logarithm of how much likelier each event's picks are with the event than without it, shape (events,).

    With it, a station within reach has each phase with the probability that the event's own picks show, and residuals are
    normal; without it, picks come at the rate of that station and phase within half a minute, where there are so many of
    them, those of true events included, that seven fit one origin somewhere (the idea of NET-VISA, Arora et al. 2013,
    doi:10.1785/0120120107).
    """
    chances = 2 * _within_reach(problem, where, of_origin, of_pick, settings).sum(axis=1)
    count = np.bincount(of_origin, minlength=len(where))
    share = np.clip(count / np.maximum(chances, 1), 0.2, 0.9)
    is_s = problem.phase == "S"
    # stations and phases follow one another on one axis, so that one sorted search serves all
    span = problem.time_s[-1] - problem.time_s[0] + 3 * _RATE_S
    key = (2 * problem.station + is_s) * span + problem.time_s - problem.time_s[0]
    ordered = np.sort(key)
    near = np.searchsorted(ordered, key[of_pick] + _RATE_S) - np.searchsorted(ordered, key[of_pick] - _RATE_S)
    sigma = settings.pick_tolerance_s / 3.0 * np.where(is_s[of_pick], 1.5, 1.0)
    z = _residuals(problem, where, of_origin, of_pick) / sigma
    density = np.log(share[of_origin] / (np.sqrt(2 * np.pi) * sigma)) - 0.5 * z**2
    gain = density - np.log(near / (2 * _RATE_S))
    return np.bincount(of_origin, gain, len(where)) + (chances - count) * np.log(1 - share)


def _doubles(problem, where, of_origin, settings) -> np.ndarray:
    """Events whose P would reach the stations together with the P of an event that has more picks."""
    twice = np.zeros(len(where), bool)
    count = np.bincount(of_origin, minlength=len(where))
    clock = _clock(where[:, 0])
    first, second, _ = near_in_time(clock, clock, settings.min_interevent_s)
    pair = first < second
    stations = np.arange(len(problem.x_km))
    for a, b in sorted(zip(first[pair], second[pair], strict=True), key=lambda ab: -max(count[ab[0]], count[ab[1]])):
        if twice[a] or twice[b]:
            continue
        arrival = [
            where[i, 0] + problem.travel_times.times("P", stations, _distance(problem, where, i, stations), where[i, 3])
            for i in (a, b)
        ]
        nearest = np.argsort(np.minimum(*arrival))[:8]
        if np.nanmedian(np.abs(arrival[0] - arrival[1])[nearest]) < settings.min_interevent_s:
            twice[b if count[a] >= count[b] else a] = True
    return twice


def _distance(problem, where, event, station) -> np.ndarray:
    return np.hypot(where[event, 1] - problem.x_km[station], where[event, 2] - problem.y_km[station])


def _residuals(problem, where, of_origin, of_pick) -> np.ndarray:
    station = problem.station[of_pick]
    distance = _distance(problem, where, of_origin, station)
    residual = problem.time_s[of_pick] - where[of_origin, 0]
    for phase in ("P", "S"):
        rows = problem.phase[of_pick] == phase
        residual[rows] -= problem.travel_times.times(phase, station[rows], distance[rows], where[of_origin[rows], 3])
    return residual


def _locate(problem, where, of_origin, of_pick, settings) -> None:
    """Locate all events in place; events without picks stay where they are."""
    order = np.argsort(of_origin, kind="stable")
    bounds = np.searchsorted(of_origin[order], np.arange(len(where) + 1))
    picks = of_pick[order]
    tables, section = problem.travel_times.tables, problem.travel_times.section
    west, east, south, north = problem.limits_km(settings.margin_km)
    low = np.array([-np.inf, west, south, settings.min_depth_km])
    high = np.array([np.inf, east, north, settings.max_depth_km])
    _locate_all(
        tables["P"],
        tables["S"],
        problem.travel_times.level,
        section.top_km,
        section.spacing_km,
        problem.x_km,
        problem.y_km,
        bounds,
        problem.station[picks],
        problem.phase[picks] == "S",
        problem.time_s[picks],
        where,
        low,
        high,
        settings.pick_tolerance_s / 3.0,
    )


@njit(cache=True, nogil=True)
def _misfit(p, s, level, top, h, x, y, station, is_s, time, at, scale, normal, gradient):
    """Sum of Cauchy misfits of one event; fills the normal matrix and gradient of its weighted least squares."""
    normal[:] = 0.0
    gradient[:] = 0.0
    total = 0.0
    row = np.empty(4)
    for k in range(len(station)):
        j = station[k]
        dx, dy = at[1] - x[j], at[2] - y[j]
        distance = max(np.sqrt(dx * dx + dy * dy), 1e-6)
        t, down, across = lookup(s[level[j]] if is_s[k] else p[level[j]], (at[3] - top) / h, distance / h)
        if np.isnan(t):
            return np.inf
        sigma = scale * (1.5 if is_s[k] else 1.0)
        r = (time[k] - at[0] - t) / sigma
        total += np.log1p(r * r)
        weight = 1.0 / (1.0 + r * r)
        row[0], row[1], row[2], row[3] = 1.0, across / h * dx / distance, across / h * dy / distance, down / h
        for a in range(4):
            gradient[a] += weight * row[a] / sigma * r
            for b in range(4):
                normal[a, b] += weight * row[a] * row[b] / (sigma * sigma)
    return total


@njit(cache=True, nogil=True)
def _locate_all(p, s, level, top, h, x, y, bounds, station, is_s, time, where, low, high, scale):
    """Levenberg-Marquardt with Cauchy weights (Geiger's method made robust), one event after the other, in place."""
    normal, gradient = np.empty((4, 4)), np.empty(4)
    new_normal, new_gradient = np.empty((4, 4)), np.empty(4)
    for e in range(len(where)):
        a, b = bounds[e], bounds[e + 1]
        if b == a:
            continue
        at = np.minimum(np.maximum(where[e], low), high)
        best = _misfit(p, s, level, top, h, x, y, station[a:b], is_s[a:b], time[a:b], at, scale, normal, gradient)
        damping = 1e-2
        for _ in range(40):
            matrix = normal.copy()
            for d in range(4):
                matrix[d, d] += damping * normal[d, d] + 1e-9
            step = np.linalg.solve(matrix, gradient)
            trial = np.minimum(np.maximum(at + step, low), high)
            value = _misfit(
                p, s, level, top, h, x, y, station[a:b], is_s[a:b], time[a:b], trial, scale, new_normal, new_gradient
            )
            if value < best:
                gain = best - value
                at, best = trial, value
                normal[:], gradient[:] = new_normal, new_gradient
                damping = max(damping / 5.0, 1e-6)
                if gain < 1e-6:
                    break
            else:
                damping *= 5.0
                if damping > 1e4:
                    break
        where[e] = at
