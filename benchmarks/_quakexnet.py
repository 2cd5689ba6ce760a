"""QuakeXNet's published weights as a reference: earthquake, explosion, noise or surface event from 100 s of three components.

    reference = QuakeXNet.from_cache()
    reference.classify(waveforms, sampling_rate_hz)   # (n, 3, samples), Z, N, E

Kharita et al. (2025), arXiv:2510.23795; weights of SeisSCOPED/QuakeScope (MIT), pair ``quakexnet/base`` of a SeisBench cache, for which
SeisBench 0.12 has no class. It was trained on the Pacific Northwest, so records from there may have been in its training set.
"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from scipy import signal
from torch import nn
from torch.nn import functional

from course_utils.discrimination import DiscriminationError

RATE_HZ, SAMPLES = 50.0, 5000
CLASSES = ("earthquake", "explosion", "noise", "surface event")  # eq, px, no, su
_FILE = Path("models") / "v3" / "quakexnet" / "base.pt.v1"
_CHANNELS = (3, 8, 8, 16, 16, 32, 32, 64)
_STRIDES = (1, 2, 1, 2, 1, 2, 1)
_SEGMENT = 256


class QuakeXNet(nn.Module):
    """Seven convolutions on three spectrograms (E, N, Z; 129 frequencies, 38 times), two linear layers: 71,333 numbers with buffers."""

    def __init__(self):
        super().__init__()
        for i, stride in enumerate(_STRIDES, 1):
            setattr(self, f"conv{i}", nn.Conv2d(_CHANNELS[i - 1], _CHANNELS[i], 3, stride, 1))
            setattr(self, f"bn{i}", nn.BatchNorm2d(_CHANNELS[i]))
        self.fc1, self.fc1_bn = nn.Linear(256, 128), nn.BatchNorm1d(128)
        self.fc2, self.fc2_bn = nn.Linear(128, len(CLASSES)), nn.BatchNorm1d(len(CLASSES))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for i in range(1, 8):
            x = functional.relu(getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x)))
            if i in (2, 4):
                x = functional.max_pool2d(x, 2)
        x = functional.relu(self.fc1_bn(self.fc1(x.flatten(1))))
        return self.fc2_bn(self.fc2(x))

    @classmethod
    def from_cache(cls, folder: str | Path | None = None) -> QuakeXNet:
        """The network with its published weights, from a SeisBench cache (by default SEISBENCH_CACHE_ROOT, else ~/.seisbench)."""
        folder = Path(folder or os.environ.get("SEISBENCH_CACHE_ROOT") or Path.home() / ".seisbench")
        path = folder / _FILE
        if not path.is_file():
            raise DiscriminationError(
                f"{path}: not there; the weights quakexnet/base are in SeisSCOPED/QuakeScope on GitHub"
            )
        net = cls()
        net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        return net.eval()

    def classify(self, waveforms: np.ndarray, sampling_rate_hz: float) -> np.ndarray:
        """Probabilities (n, 4) in the order of :data:`CLASSES` for windows (n, 3, samples) of Z, N, E.

        Windows are brought to 50 Hz and 1-20 Hz; the middle 100 s are taken, shorter ones are mirrored at their ends. A vertical record
        with zeros as horizontals gives an answer, but not one that the network was trained for.
        """
        x = np.asarray(waveforms, float)
        if x.ndim != 3 or x.shape[1] != 3:
            raise DiscriminationError(f"waveforms have shape {x.shape}; give (n, 3, samples): Z, N, E")
        ratio = Fraction(RATE_HZ / sampling_rate_hz).limit_denominator(1000)
        x = signal.detrend(x[:, ::-1], axis=-1)
        x = signal.resample_poly(x, ratio.numerator, ratio.denominator, axis=-1)
        high_hz = min(19.9, 0.49 * min(sampling_rate_hz, RATE_HZ))
        x = signal.sosfiltfilt(signal.butter(4, [1.0, high_hz], "bandpass", fs=RATE_HZ, output="sos"), x)
        lack = SAMPLES - x.shape[-1]
        if lack > x.shape[-1] - 2:
            raise DiscriminationError(f"{x.shape[-1] / RATE_HZ:.0f} s are too short for QuakeXNet's window of 100 s")
        if lack > 0:
            x = np.pad(x, ((0, 0), (0, 0), (lack // 2, lack - lack // 2)), mode="reflect")
        first = (x.shape[-1] - SAMPLES) // 2
        x = x[..., first : first + SAMPLES] * signal.windows.tukey(SAMPLES, 0.1)
        x = x / (np.abs(x).std(-1, keepdims=True) + 1e-10)
        power = signal.spectrogram(x, RATE_HZ, "hann", _SEGMENT, _SEGMENT // 2, detrend=False, scaling="spectrum")[2]
        with torch.no_grad():
            return torch.softmax(self(torch.as_tensor(power, dtype=torch.float32)), -1).double().numpy()
