"""Windows fixed in absolute time: neither the first pick, nor chunks, nor workers change a result; no border eats an event."""

import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from course_utils.association import associate, settings_for
from course_utils.association.chunks import in_windows
from course_utils.association.problem import Problem


def by_picks(catalog):
    """The events as sets of their picks."""
    return set(catalog.assignments.groupby("event_id")["pick_id"].agg(frozenset))


@pytest.fixture(scope="module")
def whole(regional_set):
    s = regional_set
    return associate(s.picks, s.stations, s.velocity)


@pytest.mark.parametrize("how", [{"workers": 2, "chunk_s": 900.0}, {"workers": 2}, {"threads": 2}])
def test_chunks_workers_and_threads_change_nothing(regional_set, whole, how):
    s = regional_set
    again = associate(s.picks, s.stations, s.velocity, **how)
    pd.testing.assert_frame_equal(again.events, whole.events)
    pd.testing.assert_frame_equal(again.assignments, whole.assignments)


def test_an_earlier_pick_changes_nothing(regional_set, whole):
    """PyOcto alone counts its slices from the first pick: one more before it, and other events come out."""
    s = regional_set
    stray = s.picks.iloc[:1].assign(time=s.picks["time"].min() - pd.Timedelta(seconds=1777), pick_id=1)
    again = associate(pd.concat([stray, s.picks]), s.stations, s.velocity)
    assert by_picks(again) == by_picks(whole)


@pytest.mark.parametrize(
    "method, shift_s",
    [*(("pyocto", s) for s in (-3.0, -0.4, -0.02, 0.0, 0.02, 0.4, 3.0)), ("gamma", -0.4), ("gamma", 0.0)],
)
def test_an_event_at_a_border_is_found_once(clear, method, shift_s):
    """The first event starts at midnight, where every window ends."""
    picks = clear.picks.assign(time=clear.picks["time"] + pd.Timedelta(seconds=shift_s))
    catalog = associate(picks, clear.stations, clear.velocity, method)
    assert by_picks(catalog) == set(clear.picks.groupby("event_id")["pick_id"].agg(frozenset))


def test_years_without_picks_cost_nothing(clear):
    settings = settings_for(clear.stations, clear.velocity)
    later = clear.picks.assign(
        time=clear.picks["time"] + pd.Timedelta(days=1000), pick_id=np.arange(len(clear.picks)) + 1
    )
    said = []
    catalog = associate(
        pd.concat([clear.picks, later]),
        clear.stations,
        clear.velocity,
        settings=settings,
        progress=lambda done, total: said.append((done, total)),
    )
    assert len(catalog.events) == 4
    assert said[-1][0] == said[-1][1] == len(said) <= 8


class Deadly:
    """Ends the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (1,)


def test_the_death_of_a_worker_is_reported(clear):
    settings = settings_for(clear.stations, clear.velocity)
    picks = clear.picks.sort_values("time").reset_index(drop=True)
    problem = replace(Problem.build(picks, clear.stations, clear.velocity, settings), travel_times=Deadly())
    with pytest.raises(RuntimeError, match="a worker of the association died: out of memory"):
        in_windows(problem, settings, "pyocto", workers=2)


@pytest.mark.parametrize("how", [{"workers": 0}, {"chunk_s": 0.0}, {"chunk_s": float("nan")}])
def test_impossible_chunks_are_refused(clear, how):
    with pytest.raises(ValueError, match=next(iter(how))):
        associate(clear.picks, clear.stations, clear.velocity, **how)
