"""Picks of a network on labelled windows, for benchmark programs."""

from __future__ import annotations

import numpy as np

WINDOW, STRIDE, BLIND = 3001, 1500, 250


def annotate(model, waveforms: np.ndarray, batch: int = 64) -> dict[str, np.ndarray]:
    """Probability (n, samples) of each phase: windows of 3001 samples every 1500, their blind ends cut, maximum taken.

    ``waveforms`` (n, 3, samples) in Z, N, E; the order that the model wants comes from the model.
    """
    import torch

    order = ["ZNE".index(c) for c in model.component_order]
    x = np.ascontiguousarray(waveforms[:, order], dtype=np.float32)
    samples = x.shape[2]
    starts = sorted({*range(0, max(1, samples - WINDOW + 1), STRIDE), max(0, samples - WINDOW)})
    labels = list(model.labels)
    out = {phase: np.zeros((len(x), samples), np.float32) for phase in "PS"}
    model.eval()
    with torch.no_grad():
        for first in range(0, len(x), batch):
            for start in starts:
                part = torch.from_numpy(x[first : first + batch, :, start : start + WINDOW])
                y = model(model.annotate_batch_pre(part, {})).numpy()
                low = 0 if start == 0 else BLIND
                high = WINDOW if start == starts[-1] else WINDOW - BLIND
                for phase, sums in out.items():
                    cut = sums[first : first + batch, start + low : start + high]
                    np.maximum(cut, y[:, labels.index(phase), low:high], out=cut)
    return out


def picks_of(probability: np.ndarray, threshold: float, apart: int = 50) -> np.ndarray:
    """Samples of the maxima of a curve (m,) that reach ``threshold``, the highest first within ``apart`` samples."""
    inner = probability[1:-1]
    at = np.flatnonzero((inner >= threshold) & (inner > probability[:-2]) & (inner >= probability[2:])) + 1
    kept: list[int] = []
    for k in at[np.argsort(-probability[at], kind="stable")]:
        if all(abs(k - other) > apart for other in kept):
            kept.append(int(k))
    return np.array(sorted(kept), dtype=np.int64)
