"""Checks of lesson 11, curating a data set."""

from __future__ import annotations

import numpy as np
import pandas as pd

from course_utils.teaching.checks import Unanswered, Wrong, array, exercise, number, one_of, words

SPLITS = ("trace", "event", "station", "time", "none")
_CLAIMS = {"a": "event", "b": "station", "c": "none", "d": "time"}
_WHY_NOT = {
    "trace": "a split by trace tests records of events that were met in training; which of the sentences claims only that?",
    "event": "with a split by event, training and test come from the same stations and the same hour. Does the sentence claim no more, and no less?",
    "station": "with a split by station, the test asks for records of known events at an unknown place. Is that what the sentence claims?",
    "time": "with a split by time, training lies before or after the test. Is that what the sentence claims?",
    "none": "some part of this set could be kept for a test of this sentence. What would have to be new in it?",
}
_AHEAD_S, _SPREAD_S, _BEHIND_S, _SPARE_S, _SHARE = 5.0, 6.0, 3.0, 3.0, 0.95


def given_split(metadata: pd.DataFrame) -> pd.DataFrame:
    """The metadata with parts as a careless colleague made them: by the window's own event alone."""
    from course_utils.picking.curation.splits import leaky_split_by_trace

    own = metadata.drop_duplicates("source_id")
    part = leaky_split_by_trace(own, (0.7, 0.0, 0.3), seed=5).to_numpy()
    part = dict(zip(own["source_id"].fillna(""), part, strict=True))
    return metadata.assign(split=metadata["source_id"].fillna("").map(part))


def spoiled(dataset, seed: int = 4):
    """A copy of a data set in which five records carry wrong labels."""
    from course_utils.picking.curation import event_ids

    table = dataset.metadata.copy()
    p, s = "trace_P_arrival_sample", "trace_S_arrival_sample"
    alone = np.array([len(names) == 1 for names in event_ids(table)])
    clear = (table["trace_P_snr_db"] > 15) & (table[s] - table[p] > 150) & (table[s] < 2000) & alone
    clear &= table["source_type"] == "earthquake"
    rng = np.random.default_rng(seed)
    swapped, late, s_late, halved = (table.index[i] for i in rng.permutation(np.flatnonzero(clear))[:4])
    noise = table.index[rng.permutation(np.flatnonzero(table["trace_category"] == "noise"))[0]]
    table.loc[swapped, [p, s]] = table.loc[swapped, [s, p]].to_numpy()
    table.loc[late, [p, s]] += 700.0  # a clock, or the pick of another event
    table.loc[s_late, s] += 800.0
    table.loc[halved, [p, s]] /= 2.0  # samples of a record at 50 Hz
    table.loc[noise, p] = 1234.0
    copy = dataset.copy()
    copy._metadata = table
    return copy


def regional_s_minus_p(catalog) -> pd.Series:
    """S minus P in s of all pairs of event and station with both picks in a catalog."""
    picks = catalog.assignments.merge(catalog.picks[["pick_id", "time"]], on="pick_id")
    times = picks.pivot_table(index=["event_id", "station"], columns="phase", values="time", aggfunc="first")
    return (times["S"] - times["P"]).dropna().dt.total_seconds().rename("s_minus_p")


@exercise
def baseline(answer, hours):
    if not isinstance(answer, dict):
        raise Wrong('a dictionary is asked for: {"accuracy": ..., "balanced accuracy": ...}.')
    given = {" ".join(str(k).lower().replace("_", " ").split()): v for k, v in answer.items()}
    missing = {"accuracy", "balanced accuracy"} - set(given)
    if missing:
        raise Wrong(f"there is no {' and no '.join(sorted(missing))} in your dictionary.")
    accuracy, balanced = (_share(given[name]) for name in ("accuracy", "balanced accuracy"))
    count = hours.groupby("event_type")["events"].sum()
    of_all = count["earthquake"] / count.sum()
    right = count["earthquake"] / (count["earthquake"] + count["explosion"])
    if abs(accuracy - right) > 0.0006 and abs(accuracy - of_all) < 0.0006:
        raise Wrong("this accuracy counts the rare classes, too; only earthquakes and explosions are asked for.")
    if abs(accuracy - right) > 0.006:
        raise Wrong(
            f"an accuracy of {accuracy:.3f} is not that of 'always earthquake'. How many answers are right, of how many?"
        )
    if abs(balanced - 0.5) > 0.006:
        raise Wrong(
            f"a balanced accuracy of {balanced:.3f}: take the share that is right among the earthquakes, the share that is "
            "right among the explosions, and their mean."
        )
    return "So 81 % correct is what a machine reaches that answers without looking."


@exercise
def find_the_leak(answer, given):
    from course_utils.picking.curation import leak_report

    rows = {int(i) for i in array(list(answer) if isinstance(answer, (set, frozenset)) else answer, (None,))}
    if rows and not 0 <= min(rows) <= max(rows) < len(given):
        raise Wrong(f"positions are 0 to {len(given) - 1}; yours are {min(rows)} to {max(rows)}.")
    part = given["split"].to_numpy(dtype=object)
    stray = [i for i in rows if part[i] != "train"]
    if stray:
        raise Wrong(f"row {stray[0]} is not in the training part; what is in the test stays there.")
    part[list(rows)] = "unused"
    report = leak_report(given, part)
    events, overlaps = report.count("event"), report.count("station and time")
    if events:
        raise Wrong(
            f"{events} events are still in both parts. A window may hold picks of events that are not its own: which column says so?"
        )
    if overlaps:
        raise Wrong(
            f"no event is shared, but {overlaps} pairs of records of one station still overlap in time across the parts."
        )
    needless = len(rows) - len(_leaking(given))
    if needless:
        raise Wrong(f"clean, but {needless} of the rows could have stayed in the training part.")
    return "Each source_id was in one part alone, and still the parts shared events: an id names a window's event, not all its events."


@exercise
def wrong_labels(answer, spoiled, dataset):
    rows = {int(i) for i in array(list(answer) if isinstance(answer, (set, frozenset)) else answer, (None,))}
    columns = ["trace_P_arrival_sample", "trace_S_arrival_sample"]
    here, there = (d.metadata[columns].fillna(-1).to_numpy() for d in (spoiled, dataset))
    wrong = set(np.flatnonzero((here != there).any(axis=1)).tolist())
    found = len(rows & wrong)
    if len(rows) > len(wrong):
        raise Wrong(
            f"{len(rows)} rows are more than five; {found} of the wrong ones are among them. Look at the records: which "
            "suspects are right, if slow or weak?"
        )
    if found < len(wrong):
        raise Wrong(
            f"{found} of your {len(rows)} rows are wrong labels, and there are five. Kinds to think of: order, size of the misfit, and "
            "labels where none should be."
        )
    return "Order of phases, a clock, one phase alone, a wrong sampling rate, and a pick in noise: only the eye or a rule for each finds all five."


@exercise
def choose_a_window(answer, s_minus_p):
    if not isinstance(answer, dict) or not {"window_s", "pick_at_s"} <= set(answer):
        raise Wrong('a dictionary is asked for: {"window_s": ..., "pick_at_s": (first, last)}.')
    length = number(answer["window_s"], 1, 3600, unit="s")
    low, high = array(answer["pick_at_s"], (2,))
    if not 0 <= low <= high < length:
        raise Wrong("the positions of the pick must lie in the window, the first before the last.")
    if low < _AHEAD_S:
        raise Wrong(f"with a pick at {low:g} s there are only {low:g} s of noise before it.")
    if high - low < _SPREAD_S:
        raise Wrong(f"positions vary by {high - low:g} s; a network may learn the place instead of the look of a pick.")
    inside = float((high + s_minus_p + _BEHIND_S <= length).mean())
    if inside < _SHARE:
        raise Wrong(
            f"when P lies at its last place, {inside:.0%} of the S are inside with {_BEHIND_S:g} s to spare. Which position "
            "of P is the one to plan for?"
        )
    needed = _AHEAD_S + _SPREAD_S + float(s_minus_p.quantile(_SHARE)) + _BEHIND_S
    if length > needed + _SPARE_S:
        raise Wrong(
            f"{length:g} s would do, but a shorter window does, too: every second more costs time and holds more of other events."
        )
    return (
        "Had you measured S-P in the set itself, the S that did not fit would have been missing from your statistics."
    )


@exercise
def which_split(answer):
    if not isinstance(answer, dict):
        raise Wrong('a dictionary is asked for: {"a": ..., "b": ..., "c": ..., "d": ..., "reason": "..."}.')
    given = {str(k).strip().lower(): v for k, v in answer.items()}
    left_out = [name for name in _CLAIMS if name not in given]
    if left_out:
        raise Wrong(f"there is no answer for {', '.join(left_out)}.")
    chosen = {name: one_of(given[name], SPLITS) for name in _CLAIMS}
    wrong = [name for name in _CLAIMS if chosen[name] != _CLAIMS[name]]
    if wrong:
        name = wrong[0]
        raise Wrong(
            f"{len(_CLAIMS) - len(wrong)} of {len(_CLAIMS)} are right. Think again about {name}: {_WHY_NOT[chosen[name]]}"
        )
    if "reason" not in given:
        raise Unanswered
    words(given["reason"], 10)
    return "A split is a claim in disguise: what is new in the test is what has been tested."


def _share(value: object) -> float:
    share = number(value, 0, 100, unit="%")
    return share / 100 if share > 1 else share


def _leaking(given: pd.DataFrame) -> set[int]:
    """Training rows that share an event or a piece of record with the test."""
    from course_utils.picking.curation import event_ids
    from course_utils.picking.curation.columns import overlapping

    ids, part = event_ids(given), given["split"].to_numpy()
    of_test = {name for names, mine in zip(ids, part, strict=True) if mine == "test" for name in names}
    rows = {i for i, names in enumerate(ids) if part[i] == "train" and of_test & set(names)}
    for i, j in zip(*overlapping(given), strict=True):
        rows |= {a for a, b in ((i, j), (j, i)) if part[a] == "train" and part[b] == "test"}
    return {int(i) for i in rows}
