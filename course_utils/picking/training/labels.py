"""What a network is asked to answer at every sample: probabilities of P, S and noise, or a hard yes and no.

An arrival outside the window still counts where its label reaches in, so a window that cuts an event at its edge is
labelled like any other.
"""

from __future__ import annotations

from typing import Literal

import torch

Shape = Literal["gaussian", "hard"]
DETECTION_TAIL = 0.4  # a detection lasts from P to S plus this part of S-P (Mousavi et al. 2020)


def make_labels(
    onsets: torch.Tensor, samples: int, labels: str, *, width_samples: float = 10.0, shape: Shape = "gaussian"
) -> torch.Tensor:
    """Targets float32 (n, len(labels), samples) in the order that the model names.

    Args:
        onsets: (n, 2, k), samples of P and S from the start of the window; fractional, NaN where there is none. Entry j
            of P and of S belong to one event.
        labels: of the model: "P", "S", "N" (what P and S leave) and "D" (detection, from P to a little after S).
        width_samples: standard deviation of the bell, or half the width of the box.

    Raises:
        ValueError: a label that is none of these, or a width that is not positive.
    """
    if width_samples <= 0:
        raise ValueError(f"width_samples is {width_samples}; labels need a positive width")
    unknown = [name for name in labels if name not in "PSND"]
    if unknown:
        raise ValueError(f"labels {labels!r}: nothing is known of {', '.join(unknown)}; there are P, S, N and D")
    n, _, k = onsets.shape
    time = torch.arange(samples, device=onsets.device, dtype=torch.float32)
    phases = torch.zeros((n, 2, samples), device=onsets.device)
    for j in range(k):  # few: events that share a window
        rows = torch.isfinite(onsets[:, :, j]).any(1).nonzero()[:, 0]
        away = time - onsets[rows, :, j, None]  # NaN stays NaN and becomes 0 below
        if shape == "gaussian":
            bump = torch.exp(-0.5 * (away / width_samples) ** 2)
        else:
            bump = (away.abs() <= width_samples).float()
        phases[rows] = torch.maximum(phases[rows], torch.nan_to_num(bump, nan=0.0))
    if "N" in labels:  # probabilities add up to one: where a P and an S overlap they share
        phases = phases / phases.sum(1, keepdim=True).clamp(min=1.0)
    parts = {"P": phases[:, 0], "S": phases[:, 1], "N": (1.0 - phases.sum(1)).clamp(min=0.0)}
    if "D" in labels:
        parts["D"] = _detection(onsets, time)
    return torch.stack([parts[name] for name in labels], 1)


def _detection(onsets: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    p, s = onsets[:, 0], onsets[:, 1]
    inside = (time >= p[..., None]) & (time <= (s + DETECTION_TAIL * (s - p))[..., None])
    return inside.any(1).float()
