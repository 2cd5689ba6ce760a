"""Checks of lesson 12, SeisBench."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course_utils.teaching.checks import Unanswered, Wrong, array, call, choices, exercise, number, one_of, table, words

if TYPE_CHECKING:
    import obspy

CAUSES = (
    "arrival at a blinded end",
    "dead channels",
    "not a number",
    "records disagree",
    "shorter than a window",
    "threshold too high",
    "wrong component order",
    "wrong sampling rate",
)
_MADE = {
    "A": "not a number",
    "B": "arrival at a blinded end",
    "C": "records disagree",
    "D": "dead channels",
    "E": "shorter than a window",
    "F": "wrong sampling rate",
}
_LOOK = {
    "threshold too high": "what is the largest P probability that annotate returns, if it returns any?",
    "wrong component order": "compare the channel codes with the strengths of the components.",
    "shorter than a window": "how many seconds does each trace hold, and how many does one window need?",
    "wrong sampling rate": "compare the header, and the duration that follows from it, with the other streams.",
    "dead channels": "look at the smallest and the largest sample of each trace.",
    "not a number": "look at every sample of each trace, not only at the mean.",
    "records disagree": "count the traces per channel and compare their times.",
    "arrival at a blinded end": "compare the times that annotate covers with the times of the data.",
}


def silent_streams(stream: obspy.Stream, onset: int) -> dict[str, obspy.Stream]:
    """Six variants of a record, each broken in a way for which ``classify`` returns nothing; ``onset`` is the P's sample."""
    start = stream[0].stats.starttime
    p = start + onset / stream[0].stats.sampling_rate
    whole = stream.slice(p - 20, p + 20).copy()

    missing = whole.copy()
    for trace in missing:
        trace.data = trace.data.astype(np.float32)
        trace.data[len(trace.data) // 2 - 500] = np.nan
    late = stream.slice(p - 34, p + 1.5).copy()
    other = whole.copy()
    for trace in other:
        trace.data = 1.02 * trace.data + 3
    dead = whole.copy()
    for trace in dead:
        trace.data = np.full_like(trace.data, 17)
    short = stream.slice(p - 10, p + 15).copy()
    slow = stream.slice(p - 15, p + 15.5).copy()
    for trace in slow:
        trace.stats.sampling_rate = 1.0
    return {"A": missing, "B": late, "C": whole + other, "D": dead, "E": short, "F": slow}


@exercise
def by_hand(answer, model, window):
    mixed = type(window)(sorted((t.copy() for t in window), key=lambda t: t.stats.channel))
    for stream in (window, mixed):
        expected = _annotated(model, stream)
        given = _labels_first(call(answer, stream.copy()), expected.shape)
        difference = float(np.abs(given - expected).max())
        if difference > 1e-5:
            raise Wrong(_suspect(given, expected, difference, model, stream, stream is mixed))
    return f"Equal to {difference:.0e}. So there is no secret in annotate, only steps that must all be the same."


@exercise
def empty_results(answer, silent):
    if not isinstance(answer, dict):
        raise Wrong('a dictionary is asked for: {"A": "a cause", "B": "another", ...}.')
    given = {str(key).strip().upper(): value for key, value in answer.items()}
    left_out = [name for name in silent if name not in given]
    if left_out:
        raise Wrong(f"there is no cause for {', '.join(left_out)}.")
    causes = {name: one_of(given[name], CAUSES) for name in silent}
    wrong = [name for name in silent if causes[name] != _MADE[name]]
    if wrong:
        name = wrong[0]
        raise Wrong(
            f"{len(silent) - len(wrong)} of {len(silent)} are right. {name} is not a case of {causes[name]!r}: {_LOOK[causes[name]]}"
        )
    return "Each of them would have looked like a quiet station."


@exercise
def smallest_overlap(answer, model):
    value = number(answer, 0, model.in_samples - 1, unit="samples")
    if 0 < value < 1:
        value = round(value * model.in_samples)
    before, after = model.default_args["blinding"]
    step, spoken = model.in_samples - value, model.in_samples - before - after
    if step > spoken:
        raise Wrong(
            f"with an overlap of {value:g} samples the windows advance by {step:g}, and each speaks about {spoken}: samples are left out between them."
        )
    if step < spoken:
        raise Wrong(f"every sample is covered, but with an overlap of {value:g} some of them twice; less would do.")
    return "SeisBench's default of 1500 is three times that, so that most samples are heard twice."


@exercise
def brought_back(answer, onset):
    picks = table(answer, ["phase", "time"])
    if len(picks) > 6:
        raise Wrong(
            f"{len(picks)} picks in a minute and a half; at most six are asked for. Which of them would you trust?"
        )
    p = picks[picks["phase"] == "P"]
    away = (pd.to_datetime(p["time"], utc=True) - pd.Timestamp(onset.datetime, tz="UTC")).dt.total_seconds().abs()
    if not len(p):
        raise Wrong("there is no P in this table. What in the window decides how large the small event looks?")
    if away.min() > 0.3:
        raise Wrong(
            f"the nearest P is {away.min():.1f} s from the small one. As long as the window holds the larger event too, "
            "the small one looks like nothing."
        )
    return "The same samples, another window: normalisation had hidden it, not noise."


@exercise
def claims(answer, picks):
    if not isinstance(answer, dict) or "claims" not in answer:
        raise Wrong('a dictionary is asked for: {"claims": ["a", ...], "reason": "..."}.')
    chosen = choices(answer["claims"], ["a", "b", "c", "d"])
    if "a" in chosen:
        raise Wrong(
            "sentence a speaks of every phase; how many analyst picks, of how many events, lie in these four hours?"
        )
    if "b" in chosen:
        raise Wrong("sentence b takes the analysts' list for everything that happened. Why do analysts pick an event?")
    for letter, holds in {"c": _agrees(picks), "d": _similar_pairs(picks)}.items():
        if holds and letter not in chosen:
            raise Wrong(f"sentence {letter} can be checked in the table of picks, and you left it out. Check it.")
        if letter in chosen and not holds:
            raise Wrong(f"sentence {letter} does not hold in the table of picks. Check it.")
    if "reason" not in answer:
        raise Unanswered
    words(answer["reason"], 10)
    return "Compare your reason with the solution's: few picks, and a list that was never meant to be complete."


def _annotated(model, stream) -> np.ndarray:
    """What SeisBench says about one window: (labels, samples) in the model's order of labels."""
    traces = model.annotate(stream, blinding=(0, 0))
    return np.stack([traces.select(channel=f"*_{label}")[0].data for label in model.labels])


def _labels_first(answer: object, shape: tuple[int, int]) -> np.ndarray:
    if hasattr(answer, "detach"):
        answer = answer.detach().cpu().numpy()
    values = np.squeeze(np.asarray(answer, dtype=float)) if not isinstance(answer, str) else answer
    if getattr(values, "shape", None) == shape[::-1]:
        values = values.T
    if getattr(values, "shape", None) != shape:
        raise Wrong(
            f"an array of shape {shape} is asked for, one row per label; this is {getattr(values, 'shape', 'no array')}."
        )
    return array(values, shape)


def _suspect(given, expected, difference: float, model, stream, mixed: bool) -> str:
    """The one mistake that gives exactly these numbers, if it is a known one."""
    import torch

    data = np.stack([stream.select(component=c)[0].data for c in model.component_order]).astype(np.float32)
    prepared = model.annotate_batch_pre(torch.tensor(data)[None], {})[0].numpy()
    centred = data - data.mean(axis=1, keepdims=True)
    as_they_come = np.stack([trace.data for trace in stream]).astype(np.float32)
    tried = {
        "the samples went in as counts; look at what annotate does to each window first.": data,
        "the mean is gone, the size is not; what else happens to each window?": centred,
        "all components were divided by one number; look at the axis.": centred / centred.std(),
        "the size was taken with the mean still in it.": data / data.std(axis=1, ddof=1, keepdims=True),
        "the size is another one than these weights were trained with; look at model.norm.": centred
        / np.abs(centred).max(axis=1, keepdims=True),
        "the components go in as they stand in the stream; the model has an order of its own.": model.annotate_batch_pre(
            torch.tensor(as_they_come)[None], {}
        )[0].numpy(),
    }
    if np.isnan(given).any():
        return "there are values that are not a number; look for a division by zero."
    if np.abs(given.sum(axis=0) - 1).max() > 1e-3:
        return "the rows do not add up to one, so these are not the probabilities of all labels."
    for row in range(1, len(expected)):
        if np.abs(np.roll(given, row, axis=0) - expected).max() < 1e-4:
            return "the numbers are right and in other rows; the order is that of model.labels."
    with torch.inference_mode():
        for message, x in tried.items():
            same_as_right = np.abs(x - prepared).max() < 1e-6
            if not same_as_right and np.abs(model(torch.tensor(x)[None])[0].numpy() - given).max() < 1e-4 < difference:
                return f"it differs by up to {difference:.1g}: {message}"
    if difference < 0.02:
        return f"it differs by up to {difference:.1g}: nearly, so that one step is a little different. Is your standard deviation that of torch?"
    where = " when the traces of the stream come in another order" if mixed else ""
    return f"it differs by up to {difference:.2g}{where}; go through the steps of annotate one by one, and compare what goes into the model."


def _agrees(picks: pd.DataFrame) -> bool:
    return bool(picks["minus_analyst_s"].abs().max() <= 0.15)


def _similar_pairs(picks: pd.DataFrame) -> bool:
    """Whether an S follows some further P after the S-P time of the first matched event, within 0.1 s."""
    seconds = (picks["time"] - picks["time"].min()).dt.total_seconds()
    matched = picks["minus_analyst_s"].notna()
    p, s = picks["phase"] == "P", picks["phase"] == "S"
    first = seconds[matched & s].min() - seconds[matched & p].min()
    gaps = seconds[~matched & s].to_numpy()[None] - seconds[~matched & p].to_numpy()[:, None]
    return bool((np.abs(gaps - first) < 0.1).any())
