"""Checks of lesson 15, transfer learning and domain shift."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from course_utils.teaching.checks import Unanswered, Wrong, choices, exercise, number, one_of, whole, words

OURS = "phasenet:synthetic"
_ANALYSTS, _LATE, _LATE_S = ("A", "B", "C"), "B", 0.35
_WITHIN = 0.02


def three_analysts(table: pd.DataFrame, seed: int = 15) -> pd.DataFrame:
    """P picks (samples, NaN: not picked) of three analysts for records with known P, one column each."""
    rng = np.random.default_rng(seed)
    seen = table["p_sample"].where(table["p_visible"]).to_numpy()
    made = {}
    for name in _ANALYSTS:
        error = rng.normal(0.0, 6.0, len(seen)) + (100 * _LATE_S * rng.uniform(0.7, 1.3) if name == _LATE else 0.0)
        made[name] = np.where(rng.random(len(seen)) < 0.1, np.nan, np.round(seen + error))
    return pd.DataFrame(made)


@exercise
def control(answer, start, tuned, score: Callable):
    if not isinstance(answer, dict) or not {"predicted", "model"} <= set(answer):
        raise Wrong('a dictionary is asked for: {"predicted": your number, "model": the trained model}.')
    guess = number(answer["predicted"], 0, 1)
    model = _a_model(answer["model"])
    if _same(model, start):
        raise Wrong("this is the start model, not trained any further.")
    if _same(model, tuned):
        raise Wrong("this model was trained on records of the sea; for a control it must not be.")
    now, before, there = (_mean(score(m), "sea", ["S"]) for m in (model, start, tuned))
    said = f"You expected {guess:.2f}, it is {now:.2f}; the start has {before:.2f}, the one trained at sea {there:.2f}."
    if there - before > 0 and now - before > 0.75 * (there - before):
        return (
            f"{said} So further training alone explains most of the gain: what does that say about the sea's records?"
        )
    return f"{said} The records of the sea did it, not the training as such."


@exercise
def learn_and_keep(answer, runs, score: Callable):
    model = _a_model(answer)
    now, start, all_layers = score(model), runs["as it is"], runs["all layers"]
    gain, full_gain = (_mean(run, "sea") - _mean(start, "sea") for run in (now, all_layers))
    loss, full_loss = (_mean(start, "home") - _mean(run, "home") for run in (now, all_layers))
    said = f"gain at sea {gain:.3f} (all layers {full_gain:.3f}), loss at home {loss:.3f} (all layers {full_loss:.3f})"
    if gain < 0.5 * full_gain:
        raise Wrong(f"{said}: it keeps its home, but has learnt too little of the sea.")
    if loss > max(0.5 * full_loss, _WITHIN):
        raise Wrong(f"{said}: it has learnt the sea and forgets home. What has it not seen while it was trained?")
    return f"{said}."


@exercise
def late_analyst(answer, table):
    if not isinstance(answer, dict) or not {"analyst", "seconds"} <= set(answer):
        raise Wrong('a dictionary is asked for: {"analyst": "...", "seconds": ...}.')
    labels = three_analysts(table)
    late_s = (labels.sub(table["p_sample"].to_numpy(), axis=0) / 100).median()
    late_s = late_s - late_s.drop(late_s.idxmax()).mean()
    name = one_of(answer["analyst"], _ANALYSTS)
    if name != late_s.idxmax():
        raise Wrong(
            f"{name} does not stand out. Compare each analyst's picks with those of a picker, record by record."
        )
    value = number(answer["seconds"], -100, 1000, unit="s")
    if value < 0:
        raise Wrong("late means after the wave: the number should be positive.")
    if abs(value - late_s[name]) > 0.12:
        unit = " Samples are hundredths of a second." if value > 5 else ""
        raise Wrong(
            f"the analyst is right, {value:g} s is not close enough.{unit} The picker is not right everywhere either: use a "
            "measure that a few wrong pairs do not move, and see how the other two analysts compare with it."
        )
    return "Nobody would see it in one record; in the median of thirty it is plain. The picker itself need not be right for this, only indifferent."


@exercise
def stop_labelling(answer, curves):
    if not isinstance(answer, dict):
        raise Wrong('a dictionary is asked for: {"California": ..., "ocean bottom": ...}.')
    for place, some in _all_layers(curves).groupby("place"):
        if place not in answer:
            raise Wrong(f"there is no number for {place!r}.")
        by_size = some.groupby("records")["f1"].mean()
        given = whole(answer[place])
        if given not in by_size.index:
            raise Wrong(f"{place}: {given} is none of the numbers of records in the table.")
        last = by_size.iloc[-1]
        if by_size[given] < last - _WITHIN:
            raise Wrong(
                f"{place}: with {given} records the mean F1 is {last - by_size[given]:.3f} below that at the end."
            )
        first = by_size.index[by_size >= last - _WITHIN].min()
        if given > first:
            raise Wrong(f"{place}: {given} records are enough, but fewer are, too.")
    return "The rule looks back: it needs the large set to say that it was not needed. Before you have it, ask what the last doubling bought."


@exercise
def claims(answer, curves):
    if not isinstance(answer, dict) or "claims" not in answer:
        raise Wrong('a dictionary is asked for: {"claims": ["a", ...], "reason": "..."}.')
    chosen = choices(answer["claims"], ["a", "b", "c", "d", "e"])
    if "a" in chosen:
        raise Wrong("sentence a speaks of any experiment; where do the test records of each split come from?")
    if "c" in chosen:
        raise Wrong("sentence c speaks of new regions; how many regions are in this curve?")
    if "e" in chosen:
        raise Wrong("sentence e is a rule for everything; what was measured, where, and with how many recipes?")
    for letter, holds in {"b": _always_better(curves), "d": _frozen_keeps_more(curves)}.items():
        if holds and letter not in chosen:
            raise Wrong(f"sentence {letter} can be computed from the table, and you left it out.")
        if letter in chosen and not holds:
            raise Wrong(f"sentence {letter} does not hold in the table. Compute it.")
    if "reason" not in answer:
        raise Unanswered
    words(answer["reason"], 10)
    return "Compare your reason with the solution's."


def _a_model(answer: object):
    if not hasattr(answer, "state_dict"):
        answer = getattr(answer, "model", answer)  # what fine_tune returns holds the model
    if not hasattr(answer, "annotate"):
        raise Wrong(f"a trained model is asked for, this is {type(answer).__name__}.")
    return answer


def _same(one, other) -> bool:
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(bool((mine[k].cpu() == theirs[k].cpu()).all()) for k in mine)


def _mean(run: pd.DataFrame, place: str, phases=("P", "S")) -> float:
    return float(run[(run["place"] == place) & run["phase"].isin(phases)]["value"].mean())


def _all_layers(curves: pd.DataFrame) -> pd.DataFrame:
    return curves[(curves["start"] == OURS) & (curves["way"] != "encoder frozen")]


def _always_better(curves: pd.DataFrame) -> bool:
    some = _all_layers(curves).query("place == 'ocean bottom' and phase == 'P'")
    score = some.set_index(["records", "repeat"])["f1"]
    return bool((score[16] > score[0]).all())


def _frozen_keeps_more(curves: pd.DataFrame) -> bool:
    some = curves[(curves["start"] == OURS) & (curves["place"] == "ocean bottom") & (curves["records"] == 16)]
    kept = some[some["phase"] == "S"].groupby("way")["home_f1"].mean()
    return bool(kept["encoder frozen"] > kept["all"])
