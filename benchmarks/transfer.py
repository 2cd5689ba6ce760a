"""How many labelled records of a place a picker needs that was trained elsewhere: the learning curves of lesson 15.

    python benchmarks/transfer.py [--quick] [--json FILE] [--repeats 10] [--store]

In every repeat the events of a place are divided anew; all sizes of one repeat are tested on the same records, cut at
random, and a larger training set holds the smaller one. Thresholds stay those of the start weights, the recipe is the same
everywhere and was not tuned per place. ``--store`` writes the table that the lesson shows. Without the real data
(COURSE_DATA_MIRROR) or the published weights (SEISBENCH_CACHE_ROOT) what needs them is missing.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from _common import Figure, mirror, missing, run

OURS, PUBLISHED = "phasenet:synthetic", "phasenet:original"
STEPS, RATE = 120, 5e-4
HOME_SEED = 151_515  # neither trained on nor used for validation
SCRATCH_STEPS, SCRATCH_REPEATS = 300, 3
SPEEDS = (0.5, 0.7, 1.0, 1.4)
OTHER_SPEED = "synthetic, other speed"


@dataclass(frozen=True)
class Place:
    """Where records come from: sizes of the training sets, and how many events are tested on at least."""

    name: str
    key: str
    dataset: str
    sizes: tuple[int, ...]
    frozen_sizes: tuple[int, ...]  # of these the encoder is frozen, too
    tested: int
    starts: tuple[str, ...]


PLACES = (
    Place("California", "ncedc", "phasenet-ncedc", (4, 8, 16, 32, 64), (4, 16, 64), 37, (OURS,)),
    Place("ocean bottom", "obs", "obstransformer-sample", (4, 8, 16), (4, 16), 21, (OURS, PUBLISHED)),
)


def curves(place: Place, repeats: int, quick: bool = False) -> pd.DataFrame:
    """One row per repeat, start, way of training, size and phase: scores at the place, F1 at home, false picks an hour."""
    from course_utils import data
    from course_utils.picking import load_model
    from course_utils.picking.evaluation import labelled_records
    from course_utils.picking.models import ModelError
    from course_utils.picking.training.finetune import GENTLE, event_splits, fine_tune

    waveforms, table = data.open(place.dataset, progress=False)["waveforms", "records"]
    quiet = np.flatnonzero(table["kind"] == "noise") if "kind" in table else np.zeros(0, int)
    events = np.setdiff1d(np.arange(len(table)), quiet)
    records, home = labelled_records(waveforms, table), home_records()
    sizes = place.sizes[-1:] if quick else place.sizes
    rows = []
    splits = event_splits(
        table["event"].iloc[events].to_numpy(), (0, *sizes), repeats=repeats, held_out=place.tested / len(events)
    )
    for repeat, size, train_rows, test_rows in splits:
        test = records.select(np.concatenate([events[test_rows], quiet])).cut(repeat)
        for start in place.starts:
            try:
                model = load_model(start)
            except ModelError as error:
                print(f"{start} is left out: {error}", file=sys.stderr)
                continue
            ways = {"as it is": "none"} if not size else {"all": "none"}
            if size in place.frozen_sizes:
                ways["encoder frozen"] = "encoder"
            for way, freeze in ways.items():
                tuned = model
                if size:
                    recipe = replace(GENTLE, steps=STEPS, learning_rate=RATE, freeze=freeze, seed=repeat)
                    bank = bank_of(waveforms, table, events[train_rows])
                    tuned = fine_tune(model, bank, recipe=recipe, device="cpu").model
                rows += scores(tuned, test, home, place, start, way, size, repeat)
        if not size:
            rows += scores("sta_lta", test, None, place, "STA/LTA", "as it is", size, repeat)
        if size == max(place.sizes):
            chosen = other_speed(load_model(OURS), records.select(events[train_rows]))
            rows += scores(chosen, test, home, place, OTHER_SPEED, "as it is", size, repeat)
        if size == max(place.sizes) and repeat < SCRATCH_REPEATS and not quick:
            tuned = from_nothing(load_model(OURS), bank_of(waveforms, table, events[train_rows]), repeat)
            rows += scores(tuned, test, home, place, "nothing", "all", size, repeat)
        print(f"{place.name}, repeat {repeat + 1} of {repeats}, {size} records", file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def other_speed(model, learn):
    """The start weights on records that are played faster or slower: no training, the speed of the best F1 on ``learn``."""
    from course_utils.picking import pick
    from course_utils.picking.evaluation import compare_pickers

    def played(stretch: float):
        return lambda streams: pick(streams, model, time_stretch=stretch, device="cpu")

    found = compare_pickers(learn, {speed: played(speed) for speed in SPEEDS}).table
    return played(float(found.groupby("picker")["f1"].mean().idxmax()))


def from_nothing(like, bank, seed: int):
    """A network of the same architecture that starts from random numbers, trained on the same few records for longer."""
    import torch

    from course_utils.picking.training import Recipe
    from course_utils.picking.training.finetune import fine_tune

    torch.manual_seed(seed)
    model = type(like)(**like.get_model_args())
    model.default_args = dict(like.default_args)
    recipe = Recipe(steps=SCRATCH_STEPS, learning_rate=2e-3, seed=seed)
    return fine_tune(model, bank, recipe=recipe, device="cpu").model


def bank_of(waveforms: np.ndarray, table: pd.DataFrame, rows: np.ndarray):
    """Training bank of some records of a place."""
    from course_utils.picking.training import bank_from_arrays

    some = table.iloc[rows].reset_index(drop=True)
    at = some[["p_sample", "s_sample"]].rename(columns=lambda name: name[0].upper())
    picks = at.rename_axis("record").reset_index().melt("record", var_name="phase", value_name="sample").dropna()
    return bank_from_arrays(waveforms[rows], picks)


def home_records():
    """Synthetic records of the kind that the shipped weights were trained on, to see what is forgotten."""
    from course_utils.picking.evaluation import labelled_records
    from course_utils.synthetic.records import records

    made = records(100, HOME_SEED, noise_fraction=0.0, kinds={"earthquake": 1.0})
    return labelled_records(made.waveforms, made.table.assign(sampling_rate_hz=100.0))


def scores(picker, test, home, place: Place, start: str, way: str, size: int, repeat: int) -> list[dict]:
    from course_utils.picking.evaluation import compare_pickers

    there = compare_pickers(test, {"it": picker}, device="cpu").table.set_index("phase")
    at_home = compare_pickers(home, {"it": picker}, device="cpu").table.set_index("phase") if home is not None else None
    about = {"place": place.name, "start": start, "way": way, "records": size, "repeat": repeat}
    return [
        about
        | {
            "phase": phase,
            "tested": int(row["n_labels"]),
            **{name: float(row[name]) for name in ("recall", "precision", "f1", "false_per_hour")},
            "home_f1": float(at_home.loc[phase, "f1"]) if at_home is not None else float("nan"),
        }
        for phase, row in there.iterrows()
    ]


def summary(table: pd.DataFrame, place: Place) -> dict[str, Figure]:
    """Means over the repeats with their 90 % range, all layers trained; and what that costs at home."""
    figures = {}
    for (start, size, phase), some in table[table["way"] != "encoder frozen"].groupby(["start", "records", "phase"]):
        if start == "nothing":
            continue
        name = {OURS: "", PUBLISHED: "original_", "STA/LTA": "stalta_", OTHER_SPEED: "speed_"}[start]
        low, high = some["f1"].quantile([0.05, 0.95])
        on = (
            f"F1 of {phase}, {place.dataset}, {size} records to learn from, mean of {len(some)} splits by event, each "
            f"tested on {some['tested'].iloc[0]}, {low:.2f} to {high:.2f}; {start}"
        )
        figures[f"{name}{place.key}_{phase.lower()}_f1_{size}"] = Figure(float(some["f1"].mean()), on)
    ours = table[(table["start"] == OURS) & (table["way"] != "encoder frozen")].groupby(["records", "phase"])["home_f1"]
    for phase in "PS":
        before, after = (float(ours.mean()[size, phase]) for size in (0, table["records"].max()))
        on = f"F1 of {phase} on 100 synthetic records, before minus after learning from {table['records'].max()} of {place.name}"
        figures[f"{place.key}_{phase.lower()}_forgotten"] = Figure(before - after, on)
    return figures


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--store", action="store_true")
    options, rest = parser.parse_known_args(argv)

    def measure(quick: bool) -> dict[str, Figure]:
        import torch

        torch.set_num_threads(1)
        figures, tables = {}, []
        for place in PLACES:
            if mirror(place.dataset) is None:
                figures[f"{place.key}_p_f1_0"] = missing(f"{place.dataset} is not there (COURSE_DATA_MIRROR)")
                continue
            tables.append(curves(place, 1 if quick else options.repeats, quick))
            figures |= summary(tables[-1], place)
        if options.store and not quick and len(tables) == len(PLACES):
            store(pd.concat(tables, ignore_index=True))
        return figures

    return run("transfer", measure, rest)


def store(table: pd.DataFrame) -> None:
    """Replace the table of the lesson."""
    from course_utils.data.manifests import dataset
    from course_utils.picking import load_model
    from course_utils.teaching.stored import keep

    versions = [f"{place.dataset} {dataset(place.dataset).version[:7]}" for place in PLACES]
    weights = [f"{name} {load_model(name).weights_version}" for name in (OURS, PUBLISHED)]
    os.environ["COURSE_GOLDEN"] = "write"
    keep("lesson15_curves", table, data=", ".join(versions + weights))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
