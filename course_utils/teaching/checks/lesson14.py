"""Checks of lesson 14, judging a picker."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course_utils.teaching.checks import Unanswered, Wrong, array, call, choices, exercise, number, one_of, whole, words

if TYPE_CHECKING:
    from course_utils.picking.evaluation import LabelledRecords

_FOOLED, _CREDIT = 0.4, 0.3  # what a blind picker may get at most, and what a real one must get more than it
_SAME, _NAIVE = (
    0.035,
    0.012,
)  # bootstraps of other seeds and kinds differ by less; those of one kind, with many rows, by less still


@exercise
def by_hand(answer, tables):
    if not isinstance(answer, dict) or not {"found", "missed", "false"} <= set(answer):
        raise Wrong('a dictionary is asked for: {"found": ..., "missed": ..., "false": ...}.')
    given = {name: whole(answer[name], 0, 20) for name in ("found", "missed", "false")}
    right = _counts(tables["picks"], tables["labels"])
    if given == right:
        return "The S at 28.5 s counts, for the tolerance is inclusive; and it costs nothing to say so beside a score."
    labels, picks = len(tables["labels"]), len(tables["picks"])
    if given["found"] + given["missed"] != labels:
        raise Wrong(f"there are {labels} labels; each is either found or missed.")
    if given["found"] + given["false"] != picks:
        raise Wrong(f"there are {picks} picks; one to one, each is either the one of a found label or false.")
    one_phase = _counts(*(tables[name].assign(phase="P") for name in ("picks", "labels")))
    if given == one_phase:
        raise Wrong("you let picks find labels of the other phase.")
    raise Wrong(f"{given['found']} labels are not what one to one gives. Go through the labels; which pick is whose?")


@exercise
def repaired(answer, records, constant):
    """Three pickers that do not look at the data, one that knows the answer, and one that works."""
    seen = Oracle(records)
    knowing = _score(answer, seen, records)
    blind = {
        "the constant answer": constant,
        "a picker that never picks": silent,
        "a picker that picks twice a second": flood,
    }
    if len(seen.seconds):
        often = _most_common(seen.seconds)
        blind[f"another constant answer, {often:.1f} s,"] = lambda streams: _at(streams, [often])
    fooled = {name: _score(answer, picker, records) for name, picker in blind.items()}
    for name, value in fooled.items():
        if value > _FOOLED:
            raise Wrong(f"{name} still gets {value:.2f}. What does it know, and what would take it away?")
    working = _score(answer, "sta_lta", records)
    if working < max(fooled.values()) + _CREDIT:
        raise Wrong(
            f"STA/LTA gets {working:.2f}, and the best of the pickers that do not look {max(fooled.values()):.2f}: "
            "real work is not told from none."
        )
    if len(seen.seconds) and knowing < 0.9:
        raise Wrong(f"a picker that gives the true times gets {knowing:.2f} only. What is held against it?")
    return f"STA/LTA {working:.2f}, the best picker that does not look {max(fooled.values()):.2f}."


@exercise
def two_jobs(answer, two):
    if not isinstance(answer, dict) or not {"early warning", "catalog"} <= set(answer):
        raise Wrong('a dictionary is asked for: {"early warning": "A", "catalog": "A", "reason": "..."}.')
    alarm, catalog = (one_of(answer[job], two.index) for job in ("early warning", "catalog"))
    if two.loc[alarm, "false picks per hour"] > two["false picks per hour"].min():
        raise Wrong(
            f"an early warning that acts on one station: how many alarms would {alarm} raise there on a day without earthquakes?"
        )
    if two.loc[catalog, "weak P found"] < two["weak P found"].max():
        raise Wrong("what is a catalog of a dense network made of mostly, and who removes the false picks there?")
    if "reason" not in answer:
        raise Unanswered
    words(answer["reason"], 15)
    return "Neither is the better model. Compare your reason with the solution's."


@exercise
def interval(answer, sequence):
    other = _other_sequence()
    for table, where in ((sequence, ""), (other, " for another table, with other events")):
        low, high = array(call(answer, table.copy()), (2,))
        if low > high:
            raise Wrong("the lower end is above the upper one; exchange them.")
        if high > 1.5:
            raise Wrong("recall is a share between 0 and 1.")
        right, naive = _bootstrap(table, by_event=True), _bootstrap(table, by_event=False)
        if np.abs(np.array([low, high]) - right).max() <= _SAME:
            continue
        if np.abs(np.array([low, high]) - naive).max() <= _NAIVE:
            raise Wrong(
                f"{low:.2f} to {high:.2f}{where} is as narrow as if each label were a piece of evidence by itself. What do labels of one event share?"
            )
        if not low <= table["found"].mean() <= high:
            raise Wrong(
                f"{low:.2f} to {high:.2f}{where} does not hold the recall itself, {table['found'].mean():.2f}. Do events count by their labels?"
            )
        width = (high - low) / (right[1] - right[0])
        how = "wide" if width > 1 else "narrow"
        raise Wrong(
            f"{low:.2f} to {high:.2f}{where} is too {how}, {width:.1f} times what it should be. How many are drawn, with replacement, "
            "and which share of the draws lies between the ends?"
        )
    right, naive = _bootstrap(sequence, by_event=True), _bootstrap(sequence, by_event=False)
    ratio = (right[1] - right[0]) / (naive[1] - naive[0])
    return f"Drawn by label it would be {ratio:.1f} times narrower, and wrong."


@exercise
def hours_of_noise(answer):
    value = number(answer, 0, 1000, unit="h")
    if abs(value - np.log(20)) <= 0.1:
        return "For one a day it takes 24 times that: three days of nothing but noise."
    if abs(value - np.log(40)) <= 0.1:
        raise Wrong("this is the two-sided interval; only the upper end is asked for.")
    if value <= 1:
        raise Wrong(
            f"at a rate of one per hour, {value:g} h without a pick happen by chance {np.exp(-value):.0%} of the time."
        )
    raise Wrong(
        f"at a rate of one per hour, {value:g} h without a pick happen by chance {np.exp(-value):.1%} of the time; that should be 5 %."
    )


@exercise
def claims(answer, real):
    if not isinstance(answer, dict) or "claims" not in answer:
        raise Wrong('a dictionary is asked for: {"claims": ["a", ...], "reason": "..."}.')
    chosen = choices(answer["claims"], "abcdef")
    look = {
        "a": "sentence a ranks a picker on records of which it knew something; look at the column knew.",
        "c": "sentence c: training is one way to know the records. Who made these labels?",
        "e": "sentence e takes the labels for everything that happened in those minutes.",
    }
    for letter, message in look.items():
        if letter in chosen:
            raise Wrong(message)
    for letter, holds in supported(real).items():
        if holds and letter not in chosen:
            raise Wrong(f"sentence {letter} is supported, and you left it out. Check it again.")
        if letter in chosen and not holds:
            raise Wrong(f"sentence {letter} does not hold in this table: the intervals overlap.")
    if "reason" not in answer:
        raise Unanswered
    words(answer["reason"], 15)
    return "Compare your reason with the solution's."


def supported(real: pd.DataFrame) -> dict[str, bool]:
    """Which of the sentences b, d and f the table of real scores supports."""
    at = real.set_index(["records", "picker", "phase"]).sort_index()
    ours = at.loc[("California", "network", "S")]
    return {
        "b": bool(ours["recall_low"] > at.loc[("California", "STA/LTA", "S"), "recall_high"]),
        "d": bool(ours["recall_low"] > at.loc[("ocean bottom", "network", "S"), "recall_high"]),
        "f": True,
    }


class Oracle:
    """A picker that finds where each stream was cut from its record, and gives the true P; ``seconds`` keeps them."""

    def __init__(self, records: LabelledRecords):
        self.records, self.seconds = records, []
        p = records.labels[records.labels["phase"] == "P"]
        start = pd.Timestamp("2000-01-01", tz="UTC")
        self.p_s = dict(zip(p["station"], (p["time"] - start).dt.total_seconds(), strict=True))
        self.row = {code: row for row, code in enumerate(records.table["station"])}

    def __call__(self, streams: Iterable) -> pd.DataFrame:
        parts = [_at([], [])]
        for stream in streams:
            first = stream[0]
            code = f"{first.stats.network}.{first.stats.station}.{first.stats.location}"
            if code not in self.p_s:
                continue
            samples, letters, rate = self.records.read(self.row[code])
            cut_s = _where(first.data, samples[letters.index(first.stats.channel[-1])], rate)
            if cut_s is None or not 0 <= self.p_s[code] - cut_s < len(first.data) / rate:
                continue
            self.seconds.append(self.p_s[code] - cut_s)
            parts.append(_at([stream], self.seconds[-1:]))
        return pd.concat(parts, ignore_index=True)


def silent(streams: Iterable) -> pd.DataFrame:
    """No pick at all."""
    return _at(streams, [])


def flood(streams: Iterable) -> pd.DataFrame:
    """A P twice a second."""
    return _at(streams, np.arange(0, 120, 0.5))


def _at(streams: Iterable, seconds) -> pd.DataFrame:
    """A P at these seconds of each stream, as far as it reaches."""
    rows = []
    for stream in streams:
        trace = stream[0]
        code = f"{trace.stats.network}.{trace.stats.station}.{trace.stats.location}"
        start = pd.Timestamp(trace.stats.starttime.datetime, tz="UTC")
        length = trace.stats.npts / trace.stats.sampling_rate
        rows += [(code, "P", start + pd.Timedelta(round(1e6 * s), "us")) for s in seconds if s < length]
    frame = pd.DataFrame(rows, columns=["station", "phase", "time"])
    return frame.assign(time=pd.to_datetime(frame["time"], utc=True).astype("datetime64[us, UTC]"))


def _where(cut: np.ndarray, whole_record: np.ndarray, rate: float) -> float | None:
    """Seconds of the record at which ``cut`` begins; None where it is not a part of it."""
    head = cut[:50]
    for first in np.flatnonzero(whole_record[: len(whole_record) - len(head) + 1] == head[0]):
        if np.array_equal(whole_record[first : first + len(head)], head):
            return float(first / rate)
    return None


def _most_common(seconds: list[float], within_s: float = 0.5) -> float:
    at = np.asarray(seconds)
    return float(at[(np.abs(at[:, None] - at) <= within_s).sum(axis=1).argmax()])


def _score(answer: Callable, picker: object, records: LabelledRecords) -> float:
    return number(call(answer, picker, records), 0, 1)


def _counts(picks: pd.DataFrame, labels: pd.DataFrame) -> dict[str, int]:
    from course_utils.catalog.matching import match_picks

    match = match_picks(picks, labels, tolerance_s=0.5)
    return {"found": len(match.matched), "missed": len(match.missed), "false": len(match.proposed)}


def _bootstrap(table: pd.DataFrame, by_event: bool) -> np.ndarray:
    keys = table["event"] if by_event else pd.Series(range(len(table)), index=table.index)
    counts = table.groupby(keys)["found"].agg(["sum", "size"]).to_numpy()
    drawn = np.random.default_rng(2).integers(len(counts), size=(4000, len(counts)))
    found, labels = counts[drawn].sum(axis=1).T
    return np.quantile(found / labels, [0.025, 0.975])


def _other_sequence() -> pd.DataFrame:
    rng = np.random.default_rng(41)
    event = np.repeat(np.arange(40), rng.integers(1, 15, 40))
    share = np.where(rng.random(40) < 0.6, 0.95, 0.15)
    table = pd.DataFrame({"event": [f"ev{e}" for e in event], "found": rng.random(len(event)) < share[event]})
    return table.sample(frac=1, random_state=1).reset_index(drop=True)
