"""Data of any length: an association in windows that lie fixed in absolute time, in one process or in many.

A method sees the picks of one window and a margin on both sides, and keeps the origins that fall into the window. Windows
begin at whole multiples of ``slice_s`` since 1970, so that neither the first pick nor the way in which windows are dealt
out changes what happens in one. All origins are then refined together: no pick has two events, wherever a window ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from multiprocessing import get_context

import numpy as np
import pandas as pd

from .methods import METHODS
from .problem import Problem
from .settings import AssociationSettings

_COLUMNS = ["time_s", "x_km", "y_km", "depth_km"]
Progress = Callable[[int, int], None]


def in_windows(
    problem: Problem,
    settings: AssociationSettings,
    method: str,
    chunk_s: float | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Origins and pairs of a method, found window by window.

    Args:
        problem: all picks.
        settings: of the method; ``slice_s`` and ``time_before_s`` are the length of the windows and their margin.
        method: name in METHODS.
        chunk_s: time that a worker takes at once, an hour by default; the result does not depend on it.
        workers: processes.
        progress: called with the number of windows done and of all windows.

    Raises:
        ValueError: ``chunk_s`` is not positive, or there are no workers. RuntimeError: a worker died.
    """
    if workers < 1:
        raise ValueError(f"workers is {workers}; give 1 or more")
    if chunk_s is not None and not chunk_s > 0:
        raise ValueError(f"chunk_s is {chunk_s}; give a positive number of seconds")
    windows = list(_windows(problem, settings))
    if workers == 1:
        results = _in_threads(problem, settings, method, windows)
    else:
        results = _shared(problem, settings, method, _chunks(windows, chunk_s or 3600.0), workers)
    origins, pairs, done = [np.zeros((0, 4))], [np.zeros((2, 0), np.int64)], 0
    for found, members, number in results:
        members[0] += sum(map(len, origins))
        origins.append(found)
        pairs.append(members)
        done += number
        if progress:
            progress(done, len(windows))
    return pd.DataFrame(np.concatenate(origins), columns=_COLUMNS), *np.concatenate(pairs, axis=1)


def _windows(problem: Problem, settings: AssociationSettings) -> Iterator[tuple[float, float, int, int]]:
    """Begin and end in s, and the rows of picks with the margin, of every window that could hold an event."""
    offset = (problem.start - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1) % settings.slice_s
    first = np.floor((problem.time_s[0] - settings.time_before_s + offset) / settings.slice_s)
    last = np.floor((problem.time_s[-1] + offset) / settings.slice_s)
    # only the windows around picks: there may be months without any
    near = (problem.time_s + offset)[:, None] + np.array([-settings.time_before_s, 0.0])
    numbers = np.unique(np.floor(near / settings.slice_s))
    for k in numbers[(numbers >= first) & (numbers <= last)]:
        begin, end = k * settings.slice_s - offset, (k + 1) * settings.slice_s - offset
        a, middle, b = np.searchsorted(
            problem.time_s, [begin - settings.time_before_s, begin, end + settings.time_before_s]
        )
        if b - middle >= settings.min_picks:
            yield begin, end, a, b


def _chunks(windows: list[tuple[float, float, int, int]], chunk_s: float) -> Iterator[list]:
    """Windows that begin within the same stretch of ``chunk_s``."""
    group: list = []
    for window in windows:
        if group and window[0] - group[0][0] >= chunk_s:
            yield group
            group = []
        group.append(window)
    if group:
        yield group


def _associate(problem: Problem, settings, method: str, windows: list) -> tuple[np.ndarray, np.ndarray, int]:
    """Origins in these windows, pairs of origin and pick, shape (2, pairs), and the number of windows."""
    origins, pairs, count = [], [], 0
    for begin, end, a, b in windows:
        found, of_origin, of_pick = METHODS[method](problem.part(a, b, begin), settings)
        where = found[_COLUMNS].to_numpy(np.float64).copy()
        # An origin at the border may be put into either window by its two sets of picks: the refinement drops the double.
        slack = settings.min_interevent_s
        mine = (where[:, 0] >= -slack) & (where[:, 0] < end - begin + slack)
        where[:, 0] += begin
        inside = mine[of_origin]
        pairs.append(np.stack([(np.cumsum(mine) - 1)[of_origin[inside]] + count, of_pick[inside] + a]))
        origins.append(where[mine])
        count += int(mine.sum())
    return np.concatenate(origins), np.concatenate(pairs, axis=1), len(windows)


def _in_threads(problem: Problem, settings, method: str, windows: list) -> Iterator:
    if settings.threads == 1:
        yield from (_associate(problem, settings, method, [window]) for window in windows)
        return
    with ThreadPoolExecutor(settings.threads) as pool:
        yield from pool.map(lambda window: _associate(problem, settings, method, [window]), windows)


_OWN: dict = {}  # of a worker: what does not change from chunk to chunk


def _prepare(travel_times, settings: AssociationSettings, method: str) -> None:
    import signal

    import numba
    from threadpoolctl import threadpool_limits

    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches all of the terminal's processes; the parent ends these
    threadpool_limits(1)
    numba.set_num_threads(1)
    _OWN.update(travel_times=travel_times, settings=settings, method=method, kept={})


def _work(problem: Problem, windows: list):
    problem = replace(problem, travel_times=_OWN["travel_times"], kept=_OWN["kept"])
    return _associate(problem, _OWN["settings"], _OWN["method"], windows)


def _shared(problem: Problem, settings, method: str, chunks: Iterator[list], workers: int) -> Iterator:
    """Results of chunks of windows, in their order, from ``workers`` processes."""
    prepare = partial(_prepare, problem.travel_times, settings, method)
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=prepare)
    try:
        waiting = []
        for chunk in chunks:
            a, b = min(w[2] for w in chunk), max(w[3] for w in chunk)
            task = replace(problem.part(a, b, 0.0), travel_times=None, kept={})
            waiting.append((a, pool.submit(_work, task, [(begin, end, i - a, j - a) for begin, end, i, j in chunk])))
        for a, future in waiting:
            origins, pairs, number = future.result()
            pairs[1] += a
            yield origins, pairs, number
    except BrokenProcessPool as error:
        raise RuntimeError(
            f"a worker of the association died: out of memory? try fewer than {workers} workers or a shorter slice_s. "
            "A script that starts workers must do so under \"if __name__ == '__main__':\""
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)
