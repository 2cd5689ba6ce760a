"""A U-Net in plain PyTorch, small enough to be read in one sitting: what a PhaseNet is made of.

Down: filters look at the record in ever coarser time, so that a sample of the deepest layer sees most of the window.
Up: back to every sample, with the fine detail of the way down handed across. At the end one convolution of width 1
turns the channels into a score for each label, and a softmax turns scores into probabilities.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import pad


def block(channels_in: int, channels_out: int, width: int = 7) -> nn.Sequential:
    """One layer: convolution over time, scaled to mean 0 and deviation 1 over the batch, negative values to zero."""
    return nn.Sequential(
        nn.Conv1d(channels_in, channels_out, width, padding="same", bias=False),
        nn.BatchNorm1d(channels_out),
        nn.ReLU(),
    )


class UNet(nn.Module):
    """Records (n, 3, samples) in, scores (n, labels, samples) out; any number of samples.

    ``channels`` of the levels from fine to coarse; each level is ``step`` times coarser in time than the one before.
    """

    def __init__(
        self, labels: int = 3, components: int = 3, channels: tuple[int, ...] = (8, 16, 32, 64), step: int = 4
    ):
        super().__init__()
        self.step = step
        fine, coarse = channels[:-1], channels[1:]
        self.encoder = nn.ModuleList()  # at each level look, then go coarser
        last = components
        for here in fine:
            self.encoder.append(
                nn.ModuleDict({"look": block(last, here), "coarser": nn.Conv1d(here, here, step, step)})
            )
            last = here
        self.bottom = block(last, channels[-1])
        self.decoder = nn.ModuleList()  # at each level go finer, join what the encoder saw there, look
        for here, below in zip(reversed(fine), reversed(coarse), strict=True):
            self.decoder.append(
                nn.ModuleDict({"finer": nn.ConvTranspose1d(below, here, step, step), "look": block(2 * here, here)})
            )
        self.out = nn.Conv1d(fine[0], labels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        samples = x.shape[-1]
        x = pad(x, (0, -samples % self.step ** len(self.encoder)))  # a length that divides evenly at all levels
        seen = []
        for level in self.encoder:
            x = level["look"](x)
            seen.append(x)
            x = level["coarser"](x)
        x = self.bottom(x)
        for level in self.decoder:
            x = torch.cat([seen.pop(), level["finer"](x)], dim=1)
            x = level["look"](x)
        return self.out(x)[..., :samples]
