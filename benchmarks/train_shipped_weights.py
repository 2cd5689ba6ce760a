"""Train the PhaseNet that ships with the package, on the synthetic Earth alone.

    python benchmarks/train_shipped_weights.py --steps 6000 --out course_utils/picking/weights

Everything is fixed by --seed and --steps: the same call gives the same weights on the same machine. Signals and noise
are made once as banks of single records and mixed while training: random position in the window, several events
per window, gains, polarity, rotation, missing and dead components, gaps, clipping. No real record is used, neither
for training nor to choose the thresholds; the seeds below are used nowhere else.

Writes phasenet_synthetic.safetensors (tensors only) and phasenet_synthetic.json (arguments, thresholds, recipe, scores).
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TRAINING_SEED, NOISE_SEED, VALIDATION_SEED = 910_001, 910_002, 910_003
RATE = 100.0
WINDOW = 3001
ONSET = 500  # sample of P in the signal bank
LABEL_SIGMA = 10.0
KINDS = {"earthquake": 0.80, "quarry blast": 0.08, "low-frequency": 0.04, "surface event": 0.08}
MODEL_ARGS = {"phases": "PSN", "norm": "std", "component_order": "ZNE", "sampling_rate": 100}
NOISE_BIAS = 3.5  # without it the P probability never passes 0.33 while the loss looks normal


@dataclass(frozen=True)
class Banks:
    """Noise-free signals (n, 3, m) and noise (k, 3, m), both divided by their gain, and their tables."""

    signals: np.ndarray
    events: object
    noises: np.ndarray
    quiet: object


def make_banks(events: int, noises: int) -> Banks:
    """The two banks; about 7 ms of one core per event and 3 ms per noise window."""
    from course_utils.synthetic.records import records

    at = ONSET / RATE
    signal = records(
        events, TRAINING_SEED, duration_s=40.0, noise_fraction=0.0, kinds=KINDS, noise=False, p_at_s=(at, at + 1e-9)
    )
    noise = records(noises, NOISE_SEED, duration_s=60.0, noise_fraction=1.0)
    for made in (signal, noise):
        made.waveforms[:] /= made.table["gain"].to_numpy()[:, None, None]
    return Banks(signal.waveforms, signal.table, noise.waveforms, noise.table)


class Mixer:
    """Training windows, endless and reproducible, from the two banks."""

    def __init__(self, banks: Banks, seed: int):
        self.banks, self.rng = banks, np.random.default_rng(seed)
        events, quiet = banks.events, banks.quiet
        self.codes = sorted(set(events["instrument"]) & set(quiet["instrument"]))
        self.of_class = {c: np.flatnonzero(events["instrument"] == c) for c in self.codes}
        self.noise_of_class = {c: np.flatnonzero(quiet["instrument"] == c) for c in self.codes}
        surface = (events["kind"] == "surface event").to_numpy()
        self.labelled = ~surface
        self.size = np.where(surface, events["peak_m_s"] / 3.0, events["p_rms_m_s"]).clip(1e-30)
        self.s_after = ((events["s_sample"] - events["p_sample"]).round()).to_numpy()
        self.s_over_p = 20 * np.log10(events["s_rms_m_s"].to_numpy() / self.size)
        self.s_over_coda = events["s_snr_db"].to_numpy()  # against expected noise and P coda; an upper bound when mixed
        self.time = np.arange(WINDOW)

    def batch(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Waveforms (size, 3, 3001) in Z, N, E and label probabilities (size, 3, 3001) of P, S and noise."""
        pairs = [self.window() for _ in range(size)]
        return np.stack([x for x, _ in pairs]).astype(np.float32), np.stack([y for _, y in pairs]).astype(np.float32)

    def window(self) -> tuple[np.ndarray, np.ndarray]:
        rng, banks = self.rng, self.banks
        code = self.codes[rng.integers(len(self.codes))]
        k = rng.choice(self.noise_of_class[code])
        first = rng.integers(0, banks.noises.shape[2] - WINDOW)
        x = banks.noises[k, :, first : first + WINDOW].astype(np.float64)
        quiet = float(banks.quiet["noise_rms_m_s"].iloc[k])
        label = np.zeros((2, WINDOW))
        if rng.random() > 0.12:
            main_db = float(np.clip(rng.normal(24.0, 13.0), -2.0, 65.0))
            self._add(x, label, code, quiet, main_db, inside=rng.random() < 0.7)
            for _ in range(rng.choice(4, p=[0.62, 0.25, 0.09, 0.04])):
                self._add(x, label, code, quiet, main_db + rng.uniform(-25.0, 12.0), inside=False)
        x = self._disturb(x)
        total = np.maximum(label.sum(0), 1.0)
        label = label / total
        return x, np.concatenate([label, 1.0 - label.sum(0, keepdims=True)])

    def _add(self, x, label, code: str, quiet: float, snr_db: float, inside: bool) -> None:
        rng = self.rng
        i = rng.choice(self.of_class[code])
        later = self.s_after[i] if np.isfinite(self.s_after[i]) else 0.0
        p = int(rng.uniform(50, WINDOW - 50) if inside else rng.uniform(-later - 800, WINDOW - 50))
        gain = quiet * 10 ** (snr_db / 20) / self.size[i]
        signal = _turn(self.banks.signals[i], rng.uniform(0, 2 * np.pi)) * gain
        start = p - ONSET
        low, high = max(start, 0), min(start + signal.shape[1], WINDOW)
        if high > low:
            x[:, low:high] += signal[:, low - start : high - start]
        if not self.labelled[i]:
            return
        if snr_db > 2.0:
            label[0] = np.maximum(label[0], self._bump(p))
        if np.isfinite(self.s_after[i]) and min(snr_db + self.s_over_p[i], self._s_limit(i)) > 2.0:
            label[1] = np.maximum(label[1], self._bump(p + later))

    def _s_limit(self, i: int) -> float:
        """S over the coda of its own P: what remains of the S SNR when noise is negligible."""
        return max(self.s_over_coda[i], 6.0 if self.s_over_p[i] > 0 else 0.0)

    def _bump(self, at: float) -> np.ndarray:
        return np.exp(-0.5 * ((self.time - at) / LABEL_SIGMA) ** 2)

    def _disturb(self, x: np.ndarray) -> np.ndarray:
        """What real stations do to good records."""
        rng = self.rng
        if rng.random() < 0.3:
            x = x * np.exp(rng.normal(0.0, 0.4, (3, 1)))
        x = x * rng.choice([-1.0, 1.0], (3, 1))
        u = rng.random()
        if u < 0.22:
            x[1:] = 0.0  # vertical-only station
        elif u < 0.26:
            x[rng.integers(3)] = 0.0  # one dead channel
        if rng.random() < 0.05:  # a gap, filled with zeros or held
            width = int(rng.uniform(20, 900))
            at = rng.integers(0, WINDOW - width)
            x[:, at : at + width] = 0.0 if rng.random() < 0.5 else x[:, at : at + 1]
        if rng.random() < 0.04:
            limit = np.abs(x).max() * rng.uniform(0.15, 0.8)
            x = np.clip(x, -limit, limit)
        if rng.random() < 0.15:  # coarse digitiser
            step = max(1e-30, np.abs(x).std() * 10 ** rng.uniform(-2.5, -0.3))
            x = np.round(x / step) * step
        if rng.random() < 0.1:  # people often high-pass first
            x = x - _smooth(x, int(rng.uniform(50, 200)))
        return x


def _turn(x: np.ndarray, angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([x[0], c * x[1] + s * x[2], -s * x[1] + c * x[2]])


def _smooth(x: np.ndarray, width: int) -> np.ndarray:
    total = np.cumsum(np.pad(x, ((0, 0), (width, width)), mode="edge"), axis=1)
    return (total[:, 2 * width :] - total[:, : -2 * width])[:, : x.shape[1]] / (2 * width)


def train(banks: Banks, steps: int, batch: int, rate: float, seed: int):
    """A SeisBench PhaseNet after ``steps`` steps of AdamW with warm-up and cosine decay, and its last loss."""
    import seisbench.models as sbm
    import torch

    torch.manual_seed(seed)
    model = sbm.PhaseNet(**MODEL_ARGS)
    torch.nn.init.zeros_(model.out.bias)
    model.out.bias.data[MODEL_ARGS["phases"].index("N")] = NOISE_BIAS
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-4)
    mixer, running, began = Mixer(banks, seed), None, time.time()
    model.train()
    for step in range(steps):
        done = step / steps
        factor = done / 0.05 if done < 0.05 else 0.5 * (1 + np.cos(np.pi * (done - 0.05) / 0.95))
        for group in optimiser.param_groups:
            group["lr"] = rate * factor + 1e-6
        x, y = mixer.batch(batch)
        prediction = model(model.annotate_batch_pre(torch.from_numpy(x), {}))
        loss = -(torch.from_numpy(y) * torch.log(prediction + 1e-5)).sum(1).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        running = loss.item() if running is None else 0.98 * running + 0.02 * loss.item()
        if step % 100 == 99:
            print(f"step {step + 1:6d}  loss {running:.4f}  {time.time() - began:6.0f} s", file=sys.stderr, flush=True)
    return model.eval(), running


def validate(model, count: int) -> dict:
    """Scores by threshold on synthetic records never trained on, and the thresholds to use.

    Of all thresholds whose F1 is within 0.01 of the best the lowest is taken: synthetic onsets are cleaner than real
    ones, so the best threshold here would be too strict there.
    """
    from _scoring import annotate, picks_of

    from course_utils.synthetic.records import records

    made = records(count, VALIDATION_SEED, noise_fraction=0.3)
    probability = annotate(model, made.waveforms)
    scores, chosen = {}, {}
    for phase in "PS":
        truth = made.table[f"{phase.lower()}_sample"].to_numpy()
        visible = made.table[f"{phase.lower()}_visible"].to_numpy()
        table = []
        for threshold in np.round(np.arange(0.1, 0.75, 0.05), 2):
            hit = false = 0
            for row in range(count):
                at = picks_of(probability[phase][row], threshold)
                right = np.abs(at - truth[row]) <= 20 if np.isfinite(truth[row]) else np.zeros(at.size, bool)
                hit += bool(visible[row] and right.any())
                false += int((~right).sum())
            recall, precision = hit / max(1, visible.sum()), hit / max(1, hit + false)
            f1 = 2 * recall * precision / max(1e-9, recall + precision)
            table.append({"threshold": float(threshold), "recall": recall, "precision": precision, "f1": f1})
        best = max(row["f1"] for row in table)
        use = next(row for row in table if row["f1"] >= best - 0.01)
        chosen[f"{phase}_threshold"] = use["threshold"]
        scores[phase] = {
            "on": f"{count} synthetic records of seed {VALIDATION_SEED}, within 0.2 s, visible phases",
            "chosen": {key: round(value, 4) for key, value in use.items()},
            "f1_by_threshold": {f"{row['threshold']:.2f}": round(row["f1"], 4) for row in table},
        }
    return {"thresholds": chosen, "scores": scores}


def write(model, folder: Path, recipe: dict, validation: dict, version: str) -> None:
    """Tensors and JSON, and nothing that could run code when it is read."""
    import seisbench
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "phasenet_synthetic.safetensors"
    tensors = {
        k: v.detach().contiguous().to(torch.float32 if v.is_floating_point() else v.dtype)
        for k, v in model.state_dict().items()
    }
    save_file(tensors, target)
    target.chmod(0o644)
    card = {
        "model_class": "PhaseNet",
        "model_args": MODEL_ARGS,
        "default_args": {"overlap": 1500, "blinding": [250, 250], **validation["thresholds"]},
        "weights_version": version,
        "docstring": (
            "PhaseNet (Zhu and Beroza 2019) trained by this project on its synthetic Earth alone: no real record was "
            "used. For local earthquakes and blasts up to about 120 km at 100 Hz, three components in the order Z, N, E "
            "(missing ones as zeros), each window demeaned and divided by its standard deviation per component. "
            "Made for teaching and for work without a network; for research compare it with published weights. It has "
            "not seen teleseisms, volcanic tremor, or sampling rates other than 100 Hz. Licence: BSD-3-Clause."
        ),
        "recipe": recipe,
        "validation": validation["scores"],
    }
    card["recipe"].setdefault("commit", _commit())
    card["recipe"]["versions"] = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "seisbench": seisbench.__version__,
        "numpy": np.__version__,
    }
    (folder / "phasenet_synthetic.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def _commit() -> str:
    """The commit of this working tree: the physics of that commit made the banks."""
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--events", type=int, default=9000)
    parser.add_argument("--noises", type=int, default=4000)
    parser.add_argument("--validation", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--weights-version", default="1")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)  # the sum over threads would change the last digits
    began = time.process_time()
    commit = _commit()
    banks = make_banks(options.events, options.noises)
    print(f"banks made in {time.process_time() - began:.0f} s", file=sys.stderr, flush=True)
    model, loss = train(banks, options.steps, options.batch, options.rate, options.seed)
    recipe = {k: getattr(options, k) for k in ("steps", "batch", "rate", "events", "noises", "seed")}
    recipe |= {"program": "benchmarks/train_shipped_weights.py", "kinds": KINDS, "label_sigma_samples": LABEL_SIGMA}
    recipe |= {"seeds": [TRAINING_SEED, NOISE_SEED, VALIDATION_SEED], "final_loss": round(loss, 5)}
    recipe |= {"commit": commit, "cpu_minutes": round((time.process_time() - began) / 60, 1)}
    validation = validate(model, options.validation)
    write(model, options.out, recipe, validation, options.weights_version)
    print(json.dumps(validation))
    return 0


if __name__ == "__main__":
    sys.exit(main())
