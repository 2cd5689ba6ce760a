"""A blind panel: real and synthetic records side by side, shuffled; can you tell which is which?

    python benchmarks/synthetic_pictures.py --out panel.png [--records 12] [--seed 0] [--key]

Real records come from phasenet-ncedc (COURSE_DATA_MIRROR). The answers are printed, and drawn with --key.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from synthetic_realism import RATE, SEED, real_records

from course_utils.synthetic.records import records
from course_utils.teaching.style import COLOURS


def panel(count: int, seed: int) -> list[tuple[np.ndarray, float, float, str]]:
    """(waveforms (3, m), P and S in s after P, "real" or "synthetic"), shuffled; S-P below 6 s, three components."""
    rng = np.random.default_rng(seed)
    real = [r for r in real_records() or [] if r[0].any(axis=1).all() and r[2] - r[1] < 600]
    if not real:
        raise SystemExit("phasenet-ncedc is not there: set COURSE_DATA_MIRROR, see `course data list`")
    made = records(8 * count, SEED + seed + 10, noise_fraction=0.0, kinds={"earthquake": 1.0})
    table = made.table
    good = np.flatnonzero(
        table["p_snr_db"].between(8, 45) & table["s_sample"].lt(4900) & (table["s_sample"] - table["p_sample"]).lt(600)
    )
    chosen = [(*real[k], "real") for k in rng.permutation(len(real))[: count // 2]]
    for row in good[: count - len(chosen)]:
        p, s = table["p_sample"].iloc[row], table["s_sample"].iloc[row]
        chosen.append((made.waveforms[row].astype(float), p, s, "synthetic"))
    out = []
    for k in rng.permutation(len(chosen)):
        x, p, s, which = chosen[k]
        first, last = int(p) - 200, min(int(s) + 800, x.shape[1])
        out.append((x[:, first:last], 2.0, 2.0 + (s - p) / RATE, which))
    return out


def draw(shown: list, file: Path, key: bool) -> None:
    """Three traces a panel, each panel scaled by its own maximum; no labels that would give the answer away."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = (len(shown) + 1) // 2
    figure, axes = plt.subplots(rows, 2, figsize=(14, 2.2 * rows), squeeze=False)
    for number, (axis, (x, p, s, which)) in enumerate(zip(axes.flat, shown, strict=False), 1):
        y = x - x.mean(axis=1, keepdims=True)
        y = y / np.abs(y).max()
        t = np.arange(y.shape[1]) / RATE
        for component in range(3):
            axis.plot(t, y[component] - 1.3 * component, color="black", linewidth=0.5)
        for at, colour in ((p, COLOURS["P"]), (s, COLOURS["S"])):
            axis.axvline(at, color=colour, linewidth=0.8)
        axis.set_yticks([0, -1.3, -2.6], ["Z", "N", "E"])
        axis.set_title(f"{number}" + (f"  {which}" if key else ""), fontsize=9, loc="left")
    for axis in axes[-1]:
        axis.set_xlabel("s")
    figure.tight_layout()
    figure.savefig(file, dpi=75)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--records", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--key", action="store_true", help="write the answers into the picture")
    options = parser.parse_args()
    shown = panel(options.records, options.seed)
    draw(shown, options.out, options.key)
    print(" ".join(f"{number}:{which}" for number, (*_, which) in enumerate(shown, 1)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
