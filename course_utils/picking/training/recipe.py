"""How a network is trained: the numbers that, with the data and the versions, fix the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Recipe:
    """Optimisation of one training. Everything is counted in steps (batches), so that a slow machine gives the same weights.

    ``validate_every``: steps between two validations, and between two checkpoints. ``patience``: validations without a
    better loss before training stops, None to use all steps; with it the best weights are kept, without it the last.
    ``noise_bias``: first bias of the noise output, None (fine-tuning) to leave it.
    """

    steps: int = 2000
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    schedule: Literal["cosine", "one_cycle", "constant"] = "cosine"
    warm_up: float = 0.05
    gradient_clip: float = 1.0
    class_weights: tuple[float, ...] | None = None
    noise_bias: float | None = 3.5
    freeze: Literal["none", "encoder", "all_but_output"] = "none"
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "32-true"
    validate_every: int = 200
    validation_batches: int = 10
    patience: int | None = None
    seed: int = 0
