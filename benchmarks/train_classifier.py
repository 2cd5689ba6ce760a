"""Train the classifier of event types that the package ships, on the synthetic Earth alone.

    python benchmarks/train_classifier.py [--events 1200] [--epochs 14] [--out course_utils/discrimination/weights]

Seeds of training and calibration differ from every seed that is scored. Vertical windows of 45 s, 40 Hz, 1-15 Hz; classes weigh alike.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np
import torch

from course_utils.discrimination.cnn import SpectrogramCNN
from course_utils.discrimination.decision import combine, temperature
from course_utils.discrimination.forms import Form, cut, prepare
from course_utils.pipeline.synthetic_events import event_records

TRAIN_SEED, CALIBRATION_SEED = 240101, 240102
FORM = Form()


def windows_of(events: int, seed: int, versions: int):
    """Windows of ``versions`` placements each, their labels, events and strengths."""
    made = event_records(events, seed)
    prepared = prepare(made.streams, FORM)
    parts = [cut(prepared, version) for version in range(versions)]
    # an event that no station sees is noise to the network, so its records are left out
    visible = made.table["p_visible"] | (made.table["event_type"] == "noise")
    keep = [np.flatnonzero(visible.to_numpy()[w.source]) for w in parts]
    source = np.concatenate([w.source[k] for w, k in zip(parts, keep, strict=True)])
    waveforms = np.concatenate([w.waveforms[k] for w, k in zip(parts, keep, strict=True)])
    jump = np.concatenate([w.jump_db[k] for w, k in zip(parts, keep, strict=True)])
    rows = made.table.iloc[source]
    return waveforms, rows["event_type"].to_numpy(), rows["event"].to_numpy(), jump


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1200)
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--out", type=Path, default=Path("course_utils/discrimination/weights"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    start = time.process_time()
    waveforms, labels, _, _ = windows_of(options.events, TRAIN_SEED, 2)
    net = SpectrogramCNN(sampling_rate_hz=FORM.sampling_rate_hz, epochs=options.epochs, seed=1).fit(waveforms, labels)
    held, true, event, jump = windows_of(max(options.events // 6, 40), CALIBRATION_SEED, 1)
    joint = combine(net.predict_proba(held), event, np.clip(jump - 3.0, 0.1, 20.0))
    first = dict(zip(event, true, strict=True))
    truth = np.array([first[e] for e in joint.index])
    at = temperature(joint.to_numpy(), truth, net.classes_)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "classifier_synthetic.safetensors"
    net.save(path)
    card = {
        "what": "type of an event from vertical windows of 45 s at 40 Hz, 1-15 Hz, unit peak",
        "classes": [str(c) for c in net.classes_],
        "trained_on": f"{options.events} events of the synthetic Earth, seed {TRAIN_SEED}; no real record",
        "windows": len(labels),
        "parameters": sum(p.numel() for p in net.net_.parameters()),
        "epochs": options.epochs,
        "loss": [round(v, 4) for v in net.losses_],
        "temperature": max(1.0, round(at, 3)),
        "temperature_note": f"of {len(truth)} further events, seed {CALIBRATION_SEED}; one below 1 is not applied: real events are less alike",
        "calibration_accuracy": round(float((net.classes_[joint.to_numpy().argmax(-1)] == truth).mean()), 3),
        "limits": "types of real events depend on region, network and distance; see the book, lesson 24",
        "licence": "BSD-3-Clause",
        "torch": torch.__version__,
        "machine": platform.machine(),
        "cpu_s": round(time.process_time() - start),
    }
    path.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(card, indent=1))


if __name__ == "__main__":
    main()
