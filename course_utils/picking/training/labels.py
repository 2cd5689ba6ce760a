"""What a network is asked to answer at every sample: probabilities of P, S and noise, or a hard yes and no.

An arrival outside the window still counts where its label reaches in, so a window that cuts an event at its edge is
labelled like any other.
"""

from __future__ import annotations

import math
from typing import Literal

import torch

Shape = Literal["gaussian", "hard"]
REACH = 6.0  # deviations after which a bell is below 2e-8
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
    phases = _bumps(onsets, samples, float(width_samples), shape)
    if "N" in labels:  # probabilities add up to one: where a P and an S overlap they share
        total = phases[:, 0] + phases[:, 1]
        crowded = (total > 1.0).any(1).nonzero()[:, 0]
        phases[crowded] = phases[crowded] / total[crowded, None].clamp(min=1.0)
        total[crowded] = phases[crowded].sum(1)
    parts = {"P": phases[:, 0], "S": phases[:, 1]}
    if "N" in labels:
        parts["N"] = (1.0 - total).clamp_(min=0.0)
    if "D" in labels:
        parts["D"] = _detection(onsets, torch.arange(samples, device=onsets.device))
    return torch.stack([parts[name] for name in labels], 1)


def _bumps(onsets: torch.Tensor, samples: int, width: float, shape: Shape) -> torch.Tensor:
    """Curves (n, 2, samples) of P and S: the largest of their bells, each drawn only where it is more than nothing."""
    n, phases, _ = onsets.shape
    reach = math.ceil(width * (REACH if shape == "gaussian" else 1.0))
    row, phase, event = ((onsets > -reach) & (onsets < samples + reach)).nonzero(as_tuple=True)  # NaN is neither
    at = onsets[row, phase, event]
    place = at.round().long()[:, None] + torch.arange(-reach, reach + 1, device=onsets.device)
    away = place - at[:, None]
    bump = torch.exp(-0.5 * (away / width) ** 2) if shape == "gaussian" else (away.abs() <= width).float()
    inside = (place >= 0) & (place < samples)
    index = ((row * phases + phase)[:, None] * samples + place)[inside]
    out = torch.zeros(n * phases * samples, device=onsets.device)
    return out.scatter_reduce_(0, index, bump[inside], "amax").view(n, phases, samples)


def _detection(onsets: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    p, s = onsets[:, 0], onsets[:, 1]
    inside = (time >= p[..., None]) & (time <= (s + DETECTION_TAIL * (s - p))[..., None])
    return inside.any(1).float()
