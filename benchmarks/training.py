"""How good the shipped weights are on real records that they have never seen, and how fast windows are made for training.

    python benchmarks/training.py [--quick] [--json FILE]

The weights were trained on the synthetic Earth alone and carry thresholds that were chosen there. Beside them stand the
published PhaseNet "original", which probably knew the records of phasenet-ncedc, and two baselines without learning. Figures
on data that are not there (COURSE_DATA_MIRROR, SEISBENCH_CACHE_ROOT) are missing.
"""

from __future__ import annotations

import sys

from _common import Figure, run
from _loader_speed import loader_speed
from _picker_scores import real_scores


def measure(quick: bool) -> dict[str, Figure]:
    import torch

    torch.set_num_threads(1)
    return real_scores(quick) | loader_speed(quick)


if __name__ == "__main__":
    sys.exit(run("training", measure))
