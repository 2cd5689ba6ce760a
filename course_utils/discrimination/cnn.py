"""A small convolutional network on spectrograms, of the size of QuakeXNet (Kharita et al. 2025, arXiv:2510.23795), with scikit-learn's manners.

net = SpectrogramCNN(epochs=15, seed=1).fit(windows.waveforms, labels)
net.predict_proba(other)              # (n, classes)
net.saliency(other, "quarry blast")   # which part of the spectrogram speaks for the class
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from torch import nn

from course_utils.discrimination import DiscriminationError

_SIZE, _HOP = 64, 32
_WIDTHS = (16, 24, 32, 48)


class Network(nn.Module):
    """Log spectrogram of waveforms (n, samples), four convolutions, mean and maximum over time, one linear layer; logits (n, classes).

    Pooling over all of time makes the answer nearly independent of where in the window the event stands.
    """

    def __init__(self, classes: int, rate: float):
        super().__init__()
        f = torch.fft.rfftfreq(_SIZE, 1 / rate)
        self.register_buffer("window", torch.hann_window(_SIZE), persistent=False)
        self.keep = ((f >= 1.0) & (f <= 15.0)).nonzero().ravel()
        layers, before = [], 1
        for width in _WIDTHS:
            conv = nn.Conv2d(before, width, 3, padding=1, bias=False)
            layers += [conv, nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
            before = width
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(2 * before, classes))

    def spectrogram(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Log10 power (n, frequencies, times), mean 0 and standard deviation 1 in each record, so that no gain is left."""
        z = torch.stft(waveforms, _SIZE, _HOP, window=self.window, center=False, return_complex=True)[:, self.keep]
        power = z.real**2 + z.imag**2
        logs = torch.log10(power + 1e-6 * power.amax((1, 2), keepdim=True) + 1e-20)
        return (logs - logs.mean((1, 2), keepdim=True)) / (logs.std((1, 2), keepdim=True) + 1e-6)

    def classify(self, spectrogram: torch.Tensor) -> torch.Tensor:
        out = self.body(spectrogram[:, None])
        return self.head(torch.cat([out.mean((2, 3)), out.amax((2, 3))], 1))

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        return self.classify(self.spectrogram(waveforms))


class SpectrogramCNN(ClassifierMixin, BaseEstimator):
    """Classifier of vertical windows (n, samples).

    Training (AdamW, one cycle) balances the classes in the loss, shifts each window by up to ``shift_s`` (wrapped round) and adds a little
    noise, so that neither the place of the event nor its level carries the class. With ``start``, a fitted network, it starts from the
    convolutions of that one (fine-tuning). The same seed gives the same network on one machine.
    """

    def __init__(self, sampling_rate_hz=40.0, epochs=15, batch=64, learning_rate=3e-3, shift_s=5.0, seed=0, start=None):
        self.sampling_rate_hz, self.epochs, self.batch = sampling_rate_hz, epochs, batch
        self.learning_rate, self.shift_s, self.seed, self.start = learning_rate, shift_s, seed, start

    def fit(self, x: np.ndarray, y) -> SpectrogramCNN:
        x, y = _checked(x), np.asarray(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2 or len(y) != len(x):
            raise DiscriminationError(
                f"{len(x)} windows, {len(y)} labels, {len(self.classes_)} classes; give two classes"
            )
        target = torch.as_tensor(np.searchsorted(self.classes_, y))
        weight = 1.0 / torch.bincount(target).float()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.net_ = Network(len(self.classes_), self.sampling_rate_hz)
            if self.start is not None:
                self.net_.body.load_state_dict(self.start.net_.body.state_dict())
            optimiser = torch.optim.AdamW(self.net_.parameters(), self.learning_rate, weight_decay=0.01)
            schedule = torch.optim.lr_scheduler.OneCycleLR(
                optimiser, self.learning_rate, epochs=self.epochs, steps_per_epoch=-(-len(x) // self.batch)
            )
            loss = nn.CrossEntropyLoss(weight / weight.sum(), label_smoothing=0.05)
            most = int(self.shift_s * self.sampling_rate_hz)
            self.losses_ = []
            self.net_.train()
            for _ in range(self.epochs):
                total = 0.0
                for rows in torch.randperm(len(x)).split(self.batch):
                    if len(rows) < 2:  # batch normalisation needs two
                        continue
                    shift = torch.randint(-most, most + 1, (len(rows), 1))
                    at = (torch.arange(x.shape[1])[None] + shift) % x.shape[1]
                    batch = torch.gather(x[rows], 1, at)
                    batch = batch + 10 ** (-1 - 2 * torch.rand(len(rows), 1)) * 0.1 * torch.randn_like(batch)
                    optimiser.zero_grad()
                    value = loss(self.net_(batch), target[rows])
                    value.backward()
                    optimiser.step()
                    schedule.step()
                    total += value.item() * len(rows)
                self.losses_.append(total / len(x))
        self.net_.eval()
        return self

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return torch.cat([torch.softmax(self.net_(part), -1) for part in _checked(x).split(256)]).double().numpy()

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.classes_[self.predict_proba(x).argmax(-1)]

    def saliency(self, x: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Gradient of the logit of a class times the spectrogram: what speaks for it (positive) and against it.

        Returns saliency and normalised log spectrogram, both (n, frequencies, times); frequencies in Hz; times in s.
        """
        picture = self.net_.spectrogram(_checked(x)).detach().requires_grad_()
        number = int(np.flatnonzero(self.classes_ == name)[0])
        self.net_.classify(picture)[:, number].sum().backward()
        f = np.fft.rfftfreq(_SIZE, 1 / self.sampling_rate_hz)[self.net_.keep.numpy()]
        t = (np.arange(picture.shape[-1]) * _HOP + _SIZE / 2) / self.sampling_rate_hz
        return (picture.grad * picture).detach().numpy(), picture.detach().numpy(), f, t

    def save(self, path: str | Path) -> None:
        """Write the tensors as safetensors, with settings and classes in the header; nothing executable."""
        from safetensors.torch import save_file

        settings = {k: v for k, v in self.get_params(deep=False).items() if k != "start"}
        header = {"settings": json.dumps(settings), "classes": json.dumps([str(c) for c in self.classes_])}
        save_file(self.net_.state_dict(), str(path), header)

    @classmethod
    def load(cls, path: str | Path) -> SpectrogramCNN:
        """Read what :meth:`save` wrote."""
        from safetensors import safe_open

        with safe_open(str(path), "pt") as file:
            header = file.metadata() or {}
            if "classes" not in header:
                raise DiscriminationError(f"{path}: no classifier of this course; it has no list of classes")
            out = cls(**json.loads(header["settings"]))
            out.classes_ = np.array(json.loads(header["classes"]))
            out.net_ = Network(len(out.classes_), out.sampling_rate_hz)
            out.net_.load_state_dict({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118
        out.net_.eval()
        return out


def _checked(x: np.ndarray) -> torch.Tensor:
    x = np.ascontiguousarray(x, np.float32)
    if x.ndim != 2 or len(x) == 0 or x.shape[1] < 16 * _SIZE:
        raise DiscriminationError(f"windows have shape {x.shape}; give (n, samples), {16 * _SIZE} samples or more")
    return torch.from_numpy(x)
