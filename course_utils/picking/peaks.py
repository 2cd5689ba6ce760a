"""From probabilities over time to picks: one per time that the probability rises above a threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def on_host(values: torch.Tensor | np.ndarray) -> np.ndarray:
    """As an array in the memory of the CPU; without a copy if it is there."""
    return values if isinstance(values, np.ndarray) else values.cpu().numpy()


def find_peaks(probability: torch.Tensor | np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Samples and values of the peaks of one probability trace, as SeisBench's ``picks_from_annotations`` finds them.

    A stretch that reaches ``threshold`` lasts for as long as the trace stays at or above half of it (ObsPy's
    ``trigger_onset(threshold, threshold / 2)``) and gives one pick at its largest sample, the first of equals. NaN is
    below any threshold. On a GPU the search is done there and only the picks leave it.

    Raises:
        ValueError: a threshold outside (0, 1].
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}; give a probability above 0 and at most 1")
    if not isinstance(probability, np.ndarray):
        if probability.device.type != "cpu":
            return _on_device(probability, threshold)
        probability = probability.numpy()  # which searches faster
    samples = np.flatnonzero(probability >= threshold / 2)
    values = probability[samples]
    if not len(samples):
        return samples.astype(np.int64), values
    begins = np.flatnonzero(np.diff(samples, prepend=samples[0] - 2) > 1)
    largest = np.maximum.reduceat(values, begins)
    stretch = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(samples)))
    at_peak = np.flatnonzero(values == largest[stretch])
    first = at_peak[np.diff(stretch[at_peak], prepend=-1) > 0]
    keep = first[values[first] >= threshold]
    return samples[keep].astype(np.int64), values[keep]


def _on_device(probability: torch.Tensor, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """The same by whole-array operations of torch."""
    import torch

    samples = (probability >= threshold / 2).nonzero().squeeze(1)
    if not len(samples):
        return np.empty(0, np.int64), np.empty(0, np.float32)
    values = probability[samples]
    stretch = torch.zeros_like(samples)
    stretch[1:] = (samples.diff() > 1).cumsum(0)
    count = int(stretch[-1]) + 1
    largest = values.new_full((count,), -torch.inf).scatter_reduce_(0, stretch, values, "amax")
    place = torch.arange(len(samples), device=samples.device)
    at_peak = torch.where(values == largest[stretch], place, len(samples))
    first = torch.full_like(stretch[:count], len(samples)).scatter_reduce_(0, stretch, at_peak, "amin")
    first = first[largest >= threshold]
    return samples[first].cpu().numpy(), values[first].cpu().numpy()
