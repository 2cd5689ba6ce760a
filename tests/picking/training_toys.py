"""Toy records for tests of training: a P on the vertical and a larger, slower S on the horizontals, in noise."""

import numpy as np
import pandas as pd

from course_utils.picking.training import bank_from_arrays


def wavelet(frequency_hz, size, samples=200):
    t = np.arange(samples) / 100
    return size * np.exp(-t / 0.4) * np.sin(2 * np.pi * frequency_hz * t)


def signals(n, samples=900, seed=0, noise=0.0):
    """(n, 3, samples) and picks; P at 200 to 300, S 1 to 2.5 s later, whole samples."""
    random = np.random.default_rng(seed)
    x = random.normal(0, noise, (n, 3, samples)) if noise else np.zeros((n, 3, samples))
    rows = []
    for k in range(n):
        p = int(random.integers(200, 300))
        s = p + int(random.integers(100, 250))
        x[k, 0, p : p + 200] += wavelet(random.uniform(8, 12), 1.0)
        x[k, 1, s : s + 200] += wavelet(random.uniform(3, 5), 2.0)
        x[k, 2, s : s + 200] += wavelet(random.uniform(3, 5), 2.0)
        rows += [(k, "P", p), (k, "S", s)]
    return x.astype(np.float32), pd.DataFrame(rows, columns=["record", "phase", "sample"])


def signal_bank(n=24, seed=0):
    x, picks = signals(n, seed=seed)
    return bank_from_arrays(x, picks, kind="signals", level=np.full(n, 0.4), s_db=np.full(n, 6.0))


def noise_bank(n=12, samples=900, seed=1):
    x = np.random.default_rng(seed).normal(0, 0.2, (n, 3, samples)).astype(np.float32)
    return bank_from_arrays(x, kind="noise")


def record_bank(n=24, seed=0):
    x, picks = signals(n, seed=seed, noise=0.05)
    return bank_from_arrays(x, picks)


def tiny_unet(seed=0):
    import torch

    from course_utils.picking.training.unet_picker import UNetPicker

    torch.manual_seed(seed)
    return UNetPicker(in_samples=512, channels=(8, 12, 16))
