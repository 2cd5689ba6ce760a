"""Checks of lesson 34, quality control of waveforms and catalogs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from course_utils.teaching.checks import Unanswered, Wrong, call, exercise, number, one_of, words

_KINDS = ("clipping", "dead", "spike", "step")
_LOOK = {
    "clipping": "look for flat tops at the largest amplitude.",
    "dead": "look for a stretch in which the record hardly moves.",
    "spike": "look for a sample that stands alone and is back at once.",
    "step": "look for a level that changes and stays.",
}
_PRECISION, _RECALL = 0.75, 0.1


def _fields(answer, *names):
    if not isinstance(answer, dict) or not set(names) <= set(answer):
        raise Wrong(f"write a dictionary with the keys {', '.join(names)}.")
    if any(answer[name] is ... for name in names):
        raise Unanswered
    return [answer[name] for name in names]


@exercise
def by_eye(answer, in_panel):
    given = dict(zip(in_panel, _fields(answer, *in_panel), strict=True))
    for letter, kind in in_panel.items():
        said = one_of(given[letter], _KINDS)
        if said != kind:
            raise Wrong(f"panel {letter} does not show what you say. For {said}, {_LOOK[said]}")
    return "All three. A day has thousands of such half minutes per channel; hence the rules."


def _records(seed: int):
    """Noise with spikes, and an earthquake without any: samples, sample numbers of the spikes."""
    rng = np.random.default_rng(seed)
    at = np.sort(rng.choice(np.arange(100, 5900, 60), 5, replace=False))
    noise = np.cumsum(rng.normal(0, 20, 6000)) * 0.2 + rng.normal(0, 30, 6000)
    noise[at] += rng.choice([-1, 1], 5) * rng.uniform(2000, 9000, 5)
    t = np.arange(6000) / 100 - 20
    shape = np.where(t > 0, np.exp(-np.abs(t) / 4), 0)
    smooth = np.convolve(rng.normal(0, 1, 6000), np.hanning(9), "same")
    yield noise, at
    yield 20_000 * shape * smooth + rng.normal(0, 30, 6000), np.array([], int)


@exercise
def find_spikes(answer):
    for seed in (3, 8):
        for x, right in _records(seed):
            found = np.unique(np.asarray(call(answer, x.copy()), int).ravel())
            kept = set(found.tolist()) & set(right.tolist())
            if not len(right) and len(found):
                raise Wrong(
                    f"on an earthquake without spikes it names {len(found)} samples. Strong shaking is large for many samples: what is usual around each of them?"
                )
            if len(kept) < len(right):
                raise Wrong(
                    f"it finds {len(kept)} of {len(right)} spikes in noise. Is the difference to both neighbours large there?"
                )
            if len(found) > len(right):
                raise Wrong(
                    f"it finds all {len(right)} spikes and names {len(found) - len(right)} other samples. The neighbours of a spike differ from the mean of theirs, too, by half as much."
                )
    return "It finds every spike and leaves the earthquake alone. Spikes of two samples would need another thought."


@exercise
def reversed_north(answer):
    said, instead = _fields(answer, "answer", "instead")
    if one_of(said, ("yes", "no")) == "yes":
        raise Wrong("P from the west moves the ground up, down, east and west. How much of it is on the north channel?")
    words(instead, 8)
    return "It does not: there is next to no P on that channel. Whether your other way would tell, discuss with your neighbour."


@exercise
def whose_fault(answer, picks):
    ratio, fault = _fields(answer, "ratio", "fault")
    right = (picks["phase"] == "S").sum() / (picks["phase"] == "P").sum()
    if abs(number(ratio, 0, 1e6) - right) > 0.06:
        raise Wrong("count the rows of each phase and divide S by P.")
    if one_of(fault, ("record", "picker")) == "record":
        raise Wrong(
            "what did the checks find wrong with the record? And what would have to be wrong with it for S without P?"
        )
    return f"{right:.1f} S for each P, on a record that passes. Look at the picker, its threshold and how its windows were made before you blame a station."


@exercise
def one_rule(answer):
    from importlib.resources import files

    table = pd.read_parquet(files("course_utils.catalog") / "quality_training.parquet")
    numbers = table.drop(columns=["kind", "good", "seed"])
    held = np.asarray(call(answer, numbers.copy())).ravel()
    if held.dtype != bool or len(held) != len(table):
        raise Wrong(
            f"it must give one True or False for each of the {len(table)} events; this is {held.dtype} of length {len(held)}."
        )
    empty = np.asarray(call(answer, numbers.iloc[:5] * np.nan)).ravel()
    if empty.any():
        raise Wrong(
            "an event of which nothing is known is held back. Comparisons with NaN are False: which of yours is turned around?"
        )
    bad = ~table["good"].to_numpy()
    if not held.any():
        raise Wrong("it holds no event back.")
    precision, recall = bad[held].mean(), held[bad].mean()
    if precision < _PRECISION:
        raise Wrong(
            f"of the {held.sum()} events that it holds back {precision:.0%} are bad, where {bad.mean():.0%} of all are. Make it stricter, or ask another feature."
        )
    if recall < _RECALL:
        raise Wrong(
            f"{precision:.0%} of what it holds back is bad, but it finds {recall:.0%} of the bad events only. Loosen it, or join a second condition by |."
        )
    return f"{precision:.0%} of the {held.sum()} events that it holds back are bad, and it finds {recall:.0%} of all bad ones."
