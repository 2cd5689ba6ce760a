"""Random draws of a whole batch at once, on the device where the batch lives, from one seeded generator."""

from __future__ import annotations

import numpy as np
import torch


class Dice:
    """Draws of one batch. The same (seed, step) on the same kind of device gives the same draws in the same order."""

    def __init__(self, seed: int, step: int, device: torch.device | str = "cpu"):
        self.device = torch.device(device)
        mixed = np.random.SeedSequence(entropy=int(seed), spawn_key=(int(step),)).generate_state(1, np.uint64)[0]
        self.generator = torch.Generator(self.device).manual_seed(int(mixed >> np.uint64(1)))

    def uniform(self, shape: int | tuple[int, ...], low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        return torch.rand(shape, generator=self.generator, device=self.device) * (high - low) + low

    def loguniform(self, shape: int | tuple[int, ...], low: float, high: float) -> torch.Tensor:
        return torch.exp(self.uniform(shape, float(np.log(low)), float(np.log(high))))

    def normal(self, shape: int | tuple[int, ...], mean: float = 0.0, sd: float = 1.0) -> torch.Tensor:
        return torch.randn(shape, generator=self.generator, device=self.device) * sd + mean

    def chance(self, shape: int | tuple[int, ...], probability: float) -> torch.Tensor:
        """Booleans, true with ``probability``."""
        return torch.rand(shape, generator=self.generator, device=self.device) < probability

    def below(self, counts: torch.Tensor) -> torch.Tensor:
        """An integer from 0 to ``counts`` - 1 for each entry."""
        u = torch.rand(counts.shape, generator=self.generator, device=self.device, dtype=torch.float64)
        return torch.minimum((u * counts).long(), counts - 1)

    def choice(self, weights: torch.Tensor | list[float], n: int) -> torch.Tensor:
        """``n`` indices drawn by ``weights``."""
        weights = torch.as_tensor(weights, dtype=torch.float64, device=self.device)
        edges = torch.cumsum(weights, 0) / weights.sum()
        u = torch.rand(n, generator=self.generator, device=self.device, dtype=torch.float64)
        return torch.searchsorted(edges, u).clamp_(max=len(weights) - 1)
