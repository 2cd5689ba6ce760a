"""Checks of lesson 16, picking continuous data."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pandas as pd

from course_utils.teaching.checks import Wrong, array, call, choices, exercise, number, table, whole, words

SIZE, STEP, BLIND = 3001, 1501, 250
_KEEPS = {
    "a": "does a window know how many others travel with it through the network?",
    "b": "which samples does no window speak about then, and over how many windows is the mean taken elsewhere?",
    "c": "does the picker of one station ever look at another one?",
    "d": "look at what half precision did in this lesson.",
    "e": "it differs by rounding, in the sixth digit of a probability. How many picks are that near to a threshold?",
    "f": "lesson 12 broke exactly this: what happens to the clock?",
    "g": "look at the table of the pieces.",
    "h": "look at what `farthest` said of it.",
}


@exercise
def speakers(answer):
    for n in (4502, 12_345, SIZE, 600_000):
        given = array(call(answer, n), (n,))
        starts = np.unique(np.append(np.arange(0, n - SIZE + 1, STEP), n - SIZE))
        expected = _spoken(n, starts, BLIND)
        if np.array_equal(given, expected):
            continue
        known = {
            "the blinded ends speak too in your count.": (starts, 0),
            "the last window is missing: which samples at the end does then nobody speak about?": (
                np.arange(0, n - SIZE + 1, STEP),
                BLIND,
            ),
            "one window too many: where n ends with a regular window, no other is added.": (
                np.append(np.arange(0, n - SIZE + 1, STEP), n - SIZE),
                BLIND,
            ),
            "your windows start every 1500 samples; 1500 is the overlap.": (
                np.unique(np.append(np.arange(0, n - SIZE + 1, SIZE - STEP), n - SIZE)),
                BLIND,
            ),
        }
        for message, (others, blind) in known.items():
            if np.array_equal(given, _spoken(n, others, blind)):
                raise Wrong(f"for {n} samples {message}")
        first = int(np.flatnonzero(given != expected)[0])
        raise Wrong(
            f"for {n} samples the first difference is at sample {first}: you count {given[first]:g}. Draw the windows there."
        )
    return "A day has 5756 windows; nearly all of its samples are heard once or twice, a few near the end oftener, its two ends never."


@exercise
def choose_batch(answer, batches):
    if not isinstance(answer, dict) or not {"batch", "reason"} <= answer.keys():
        raise Wrong('a dictionary is asked for: {"batch": 1, "reason": "..."}.')
    batch = whole(answer["batch"], 1)
    speed = batches["windows per s"]
    if batch not in speed.index:
        raise Wrong(f"{batch} is not in your table; it has {', '.join(map(str, speed.index))}.")
    share = speed[batch] / speed.max()
    if share < 0.75:
        raise Wrong(f"in your table batch {batch} reaches {share:.0%} of the best speed. That is a lot to give away.")
    smaller = speed.index[(speed.index < batch) & (speed >= 0.95 * speed[batch])]
    if batch > 100 and len(smaller):
        raise Wrong(
            f"a smaller batch is as fast in your table. What do four processes with {batch} windows each ask of memory and cache?"
        )
    words(answer["reason"], 10)
    return "Compare reasons: calls saved, cache, fresh memory, four neighbours."


@exercise
def taken_by_the_edge(answer, whole_picks, pieces, begin, shown, every_s=240.0):
    try:
        time = pd.Timestamp(getattr(answer, "datetime", answer))
    except (TypeError, ValueError):
        raise Wrong(f"a time is asked for; {answer!r} cannot be read as one.") from None
    if pd.isna(time):
        raise Wrong("this is no time; look for the step that lost it.")
    time = time.tz_localize("UTC") if time.tz is None else time.tz_convert("UTC")
    if abs(time - shown) <= pd.Timedelta("0.1s"):
        raise Wrong("that is the one of the figure; another one is asked for.")
    near = whole_picks[(whole_picks["time"] - time).abs() <= pd.Timedelta("0.1s")]
    if not len(near):
        raise Wrong("the whole hour has no pick within 0.1 s of this time.")
    lost = []
    for pick in near.itertuples():
        same = pieces[(pieces["station"] == pick.station) & (pieces["phase"] == pick.phase)]
        if not ((same["time"] - pick.time).abs() <= pd.Timedelta("0.5s")).any():
            lost.append(pick)
    if not lost:
        raise Wrong("the pieces have that pick too, within half a second.")
    after = [(pick.time - begin).total_seconds() % every_s for pick in lost]
    distance = min(min(a, every_s - a) for a in after)
    if distance > BLIND / 100 + 0.05:
        raise Wrong(
            f"the pieces lost it, but the nearest cut is {distance:.1f} s away, farther than the blinded end reaches. What else differs between the runs?"
        )
    return "Nothing is wrong with the earthquake or the network; the file ended."


@exercise
def five_thousand_gaps(answer, broken, stream, model):
    if not isinstance(answer, dict) or not {"predicted", "measured"} <= answer.keys():
        raise Wrong('a dictionary is asked for: {"predicted": 3.0, "measured": 1.0}.')
    predicted, measured = (number(answer[key], 0.01, 1000) for key in ("predicted", "measured"))
    ratio = _cost(broken, model) / _cost(stream, model)
    if not ratio / 3 <= measured <= ratio * 3:
        raise Wrong(
            f"measured again just now, the ratio is another one than {measured:.2g} by more than a factor of three. "
            "Is it the time of `broken` over that of `stream`? Did you take the shortest of several runs of each, after a warm-up?"
        )
    judged = "close to" if 0.5 <= predicted / measured <= 2 else "far from"
    return f"Measured {measured:.1f}, and your guess was {judged} it. Being wrong here costs nothing and teaches something."


@exercise
def keeps_the_picks(answer):
    chosen, right = choices(answer, _KEEPS), {"a", "c", "e", "h"}
    for letter in sorted(chosen - right):
        raise Wrong(f"{letter} changes picks: {_KEEPS[letter]}")
    if chosen != right:
        letter = min(right - chosen)
        raise Wrong(f"all that you name keep the picks, but something is missing. About {letter}: {_KEEPS[letter]}")
    return "The others change what is computed, not only how."


@exercise
def a_year(answer, seconds_per_station_hour):
    value = number(answer, 0, unit="hours")
    hours = 50 * 365.25 * 24 * seconds_per_station_hour / 3600
    for factor, message in {
        50: "that is one station.",
        365: "that is one day of fifty stations.",
        24: "a factor of 24 is missing: are these days, or did a day count as one hour?",
        1 / 3600: "these are seconds.",
        1 / 60: "these are minutes.",
    }.items():
        if abs(value * factor / hours - 1) < 0.02:
            raise Wrong(f"{message} Look at the units.")
    if abs(value / hours - 1) > 0.05:
        raise Wrong(f"{value:.3g} hours do not follow from {seconds_per_station_hour:.3g} s per station-hour.")
    return (
        f"About {hours:.0f} hours on one core. The network never sleeps either: it is {hours / 8766:.1%} of the year."
    )


@exercise
def race(answer, score, start):
    judged = score(lambda stream, model: table(call(answer, stream, model), ["station", "phase", "time"]))
    if judged["lost"]:
        raise Wrong(
            f"{judged['lost']} of SeisBench's picks are not there within one sample, so speed does not count. Find one of them and look at it."
        )
    if not judged["counts"]:
        raise Wrong(
            f"{judged['others']} picks are yours alone, F1 is {judged['F1']:.3f} and SeisBench's {judged['F1 of SeisBench']:.3f}. Equal first."
        )
    gain = judged["speed against default"] / start["speed against default"]
    if gain < 1.2:
        raise Wrong(
            f"the picks are equal, the speed is {gain:.1f} times the starter's. Where does your profile say that the time goes?"
        )
    return (
        f"Equal picks, {gain:.1f} times as fast as the starter; {judged['speed against default']:.1f} times SeisBench's default and "
        f"{judged['speed against batch 64']:.1f} times its batch 64."
    )


def _spoken(n: int, starts: np.ndarray, blind: int) -> np.ndarray:
    """In how many windows each sample is spoken about."""
    change = np.zeros(n + 1, int)
    np.add.at(change, starts + blind, 1)
    np.add.at(change, starts + SIZE - blind, -1)
    return np.cumsum(change)[:n]


def _cost(stream, model) -> float:
    """Seconds that the picker takes, the shortest of three runs."""
    from course_utils import picking

    seconds = []
    for _ in range(3):
        began = perf_counter()
        picking.pick(stream, model)
        seconds.append(perf_counter() - began)
    return min(seconds)
