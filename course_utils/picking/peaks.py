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
    below any threshold. Only the samples above half the threshold leave the device.

    Raises:
        ValueError: a threshold outside (0, 1].
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}; give a probability above 0 and at most 1")
    if not isinstance(probability, np.ndarray) and probability.device.type == "cpu":
        probability = probability.numpy()  # NumPy searches faster
    above = probability >= threshold / 2
    if isinstance(probability, np.ndarray):
        samples = np.flatnonzero(above)
        values = probability[samples]
    else:
        samples = above.nonzero().squeeze(1)
        values = probability[samples].cpu().numpy()
        samples = samples.cpu().numpy()
    if not len(samples):
        return samples.astype(np.int64), values
    begins = np.flatnonzero(np.diff(samples, prepend=samples[0] - 2) > 1)
    largest = np.maximum.reduceat(values, begins)
    stretch = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(samples)))
    at_peak = np.flatnonzero(values == largest[stretch])
    first = at_peak[np.diff(stretch[at_peak], prepend=-1) > 0]
    keep = first[values[first] >= threshold]
    return samples[keep].astype(np.int64), values[keep]
