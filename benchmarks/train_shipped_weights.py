"""Train the PhaseNet that ships with the package, on the synthetic Earth alone.

    python benchmarks/train_shipped_weights.py --out runs/shipped
    python benchmarks/train_shipped_weights.py --out runs/shipped --package   # and copy the result into the package

Everything is fixed by --seed and --steps: the same call gives the same weights on the same machine, also when it was
killed in between (the same call goes on from its last checkpoint). Signals and noise are made once as banks of single
records and mixed while training. No real record is used, neither for training nor to choose the thresholds; the seeds
below are used nowhere else.

Writes phasenet_synthetic.safetensors (tensors only) and phasenet_synthetic.json (arguments, thresholds, recipe, scores).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

SIGNAL_SEED, NOISE_SEED, CHECK_SEED, VALIDATION_SEED = 920_001, 920_002, 920_003, 920_004
MODEL_ARGS = {"phases": "PSN", "norm": "std", "component_order": "ZNE", "sampling_rate": 100}
NAME = "phasenet_synthetic"
WITHIN_SAMPLES = 50
TOLERATED_F1 = 0.005
ABOUT = (
    "PhaseNet (Zhu and Beroza 2019) trained by this project on its synthetic Earth alone: no real record was used. For local "
    "earthquakes and blasts up to about 120 km at 100 Hz, three components in the order Z, N, E (missing ones as zeros), "
    "each window demeaned and divided by its standard deviation per component. Made for teaching and for work without a "
    "network; for research compare it with published weights. It has not seen teleseisms, volcanic tremor, or sampling "
    "rates other than 100 Hz. Licence: BSD-3-Clause."
)


def choose_thresholds(model, count: int) -> dict:
    """Thresholds from synthetic records never trained on: a score for each, and the one to use.

    Within 0.5 s of the truth, visible phases. Of all thresholds whose F1 is within 0.005 of the best the middle one is
    taken: it is the least sensitive to how much harder the real Earth is.
    """
    from _scoring import annotate, picks_of

    from course_utils.pipeline.synthetic_banks import training_setting
    from course_utils.synthetic.records import records

    made = records(count, VALIDATION_SEED, noise_fraction=0.3, setting=training_setting)
    probability = annotate(model, made.waveforms)
    told: dict = {"thresholds": {}, "scores": {}}
    for phase in "PS":
        truth = made.table[f"{phase.lower()}_sample"].to_numpy()
        visible = made.table[f"{phase.lower()}_visible"].to_numpy()
        table = []
        for threshold in np.round(np.arange(0.1, 0.91, 0.05), 2):
            hit = false = 0
            for row in range(count):
                at = picks_of(probability[phase][row], threshold)
                right = (
                    np.abs(at - truth[row]) <= WITHIN_SAMPLES if np.isfinite(truth[row]) else np.zeros(at.size, bool)
                )
                hit += bool(visible[row] and right.any())
                false += int((~right).sum())
            recall, precision = hit / max(1, visible.sum()), hit / max(1, hit + false)
            f1 = 2 * recall * precision / max(1e-9, recall + precision)
            table.append({"threshold": float(threshold), "recall": recall, "precision": precision, "f1": f1})
        best = max(row["f1"] for row in table)
        good = [row for row in table if row["f1"] >= best - TOLERATED_F1]
        use = good[(len(good) - 1) // 2]
        told["thresholds"][f"{phase}_threshold"] = use["threshold"]
        told["scores"][phase] = {
            "on": f"{count} synthetic records of seed {VALIDATION_SEED}, within 0.5 s, visible phases",
            "chosen": {key: round(value, 4) for key, value in use.items()},
            "f1_by_threshold": {f"{row['threshold']:.2f}": round(row["f1"], 4) for row in table},
        }
    return told


def commit() -> str:
    """The commit of this working tree: the physics of that commit made the banks."""
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=9_000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--events", type=int, default=12_000)
    parser.add_argument("--noises", type=int, default=8_000)
    parser.add_argument("--validation", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--weights-version", default="2")
    parser.add_argument("--package", action="store_true", help="copy the result over the packaged weights")
    parser.add_argument("--out", type=Path, required=True, help="checkpoints, logs and the result")
    options = parser.parse_args()
    import seisbench.models
    import torch

    from course_utils.picking.models import save_model
    from course_utils.picking.training import Batches, Recipe, train
    from course_utils.picking.training.callbacks import Say
    from course_utils.pipeline.synthetic_banks import KINDS, noise_bank, signal_bank

    torch.set_num_threads(1)  # the sum over threads would change the last digits
    began, at = time.process_time(), commit()
    signals, noise = signal_bank(options.events, SIGNAL_SEED), noise_bank(options.noises, NOISE_SEED)
    check = Batches(
        signal_bank(600, CHECK_SEED), noise=noise_bank(400, CHECK_SEED + 50), batch_size=options.batch, seed=CHECK_SEED
    )
    say(f"banks made in {time.process_time() - began:.0f} s of one core")
    torch.manual_seed(options.seed)
    model = seisbench.models.PhaseNet(**MODEL_ARGS)
    recipe = Recipe(
        steps=options.steps,
        learning_rate=options.rate,
        precision="bf16-mixed",  # nearly twice as fast on processors that know bf16; weights stay float32
        validate_every=500,
        validation_batches=12,
        seed=options.seed,
    )
    batches = Batches(signals, noise=noise, batch_size=options.batch, seed=options.seed)
    done = train(model, batches, check, recipe, out=options.out, resume=True, device="cpu", callbacks=[Say(say)])
    chosen = choose_thresholds(done.model, options.validation)
    done.model.default_args.update({"overlap": 1500, "blinding": [250, 250]} | chosen["thresholds"])
    told = done.recipe | {
        "program": "benchmarks/train_shipped_weights.py",
        "steps": options.steps,
        "batch": options.batch,
        "events": options.events,
        "noises": options.noises,
        "seed": options.seed,
        "kinds": KINDS,
        "seeds": [SIGNAL_SEED, NOISE_SEED, CHECK_SEED, VALIDATION_SEED],
        "commit": at,
        "final_loss": round(float(done.history["val_loss"].iloc[-1]), 5),
        "curves": done.history.round(5).to_dict("list"),
        "cpu_minutes_of_this_call": round((time.process_time() - began) / 60, 1),
        "validation": chosen["scores"],
    }
    folders = [options.out]
    if options.package:
        import course_utils.picking

        folders.append(Path(course_utils.picking.__file__).parent / "weights")
    for folder in folders:
        save_model(done.model, folder / NAME, recipe=told, docstring=ABOUT, version=options.weights_version)
    print(json.dumps(chosen))
    return 0


if __name__ == "__main__":
    sys.exit(main())
