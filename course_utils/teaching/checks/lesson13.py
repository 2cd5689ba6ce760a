"""Checks of lesson 13, building and training a picker."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course_utils.teaching.checks import Unanswered, Wrong, call, choices, exercise, number, one_of, words

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

CAUSES = (
    "gradients pile up",
    "labels of other records",
    "learning rate too high",
    "learning rate too low",
    "optimiser moves another network",
    "softmax twice",
    "units are dead",
)
_MADE = {
    "A": "optimiser moves another network",
    "B": "softmax twice",
    "C": "units are dead",
    "D": "gradients pile up",
    "E": "labels of other records",
}
_LOOK = {
    "gradients pile up": "print the size of net's gradients after one step and after ten, on the same windows.",
    "labels of other records": "draw one window with its target; does the bell of P stand where the P is?",
    "learning rate too high": "read it in optimiser.param_groups, and try another one in a fresh patient.",
    "learning rate too low": "read it in optimiser.param_groups, and try another one in a fresh patient.",
    "optimiser moves another network": "does any number of net change in a step?",
    "softmax twice": "what does net return, and what does the loss expect?",
    "units are dead": "look at the values behind each ReLU of net.",
}
MOST_PARAMETERS, LEAST_FIELD_S = 60_000, 25.0
TRUE_CLAIMS = {"b", "d"}


@dataclass
class Patient:
    """A network, an optimiser, windows and targets that do not get on. ``step()`` trains once and returns the loss."""

    net: torch.nn.Module
    optimiser: torch.optim.Optimizer
    x: torch.Tensor
    y: torch.Tensor
    loss: Callable
    forget: bool = True

    def step(self) -> float:
        if self.forget:
            self.optimiser.zero_grad()
        loss = self.loss(self.net(self.x), self.y)
        loss.backward()
        self.optimiser.step()
        return float(loss.detach())


def patients(x: torch.Tensor, y: torch.Tensor) -> dict[str, Patient]:
    """Five trainings on windows ``x`` (n, 3, samples) with targets ``y``, each with one mistake; "healthy" has none."""
    import torch
    from torch.nn.functional import cross_entropy

    from course_utils.picking.training.unet import UNet

    def fresh(seed: int = 0) -> torch.nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = UNet(channels=(4, 8, 16))
        with torch.no_grad():
            net.out.bias.copy_(torch.tensor([0.0, 0.0, 3.5]))
        return net

    def patient(net, of=None, target=y, forget=True) -> Patient:
        optimiser = torch.optim.SGD((of or net).parameters(), lr=0.3, momentum=0.9)
        return Patient(net, optimiser, x, target, cross_entropy, forget)

    dead = fresh()
    with torch.no_grad():
        for part in dead.modules():
            if isinstance(part, torch.nn.BatchNorm1d):
                part.bias.fill_(-60.0)
    certain = fresh()
    certain.out = torch.nn.Sequential(certain.out, torch.nn.Softmax(dim=1))
    return {
        "healthy": patient(fresh()),
        "A": patient(fresh(), of=fresh()),
        "B": patient(certain),
        "C": patient(dead),
        "D": patient(fresh(), forget=False),
        "E": patient(fresh(), target=y.roll(1, 0)),
    }


@exercise
def average(answer):
    rng = np.random.default_rng(13)
    for sizes in ([16, 16, 16, 16, 16, 16], [16] * 11 + [3], [5]):
        batches = [(float(loss), size) for loss, size in zip(rng.uniform(0.02, 1.1, len(sizes)), sizes, strict=True)]
        value = number(_no_tensor(call(answer, list(batches))))
        losses, windows = (np.array(column, float) for column in zip(*batches, strict=True))
        right = float(losses @ windows / windows.sum())
        if abs(value - right) > 1e-6:
            raise Wrong(_wrong_average(value, losses, windows))
    return "Now a loss of training and a loss of validation can be put into one figure."


@exercise
def diagnosis(answer):
    if not isinstance(answer, dict):
        raise Wrong('a dictionary is asked for: {"A": "a cause", "B": "another", ...}.')
    given = {str(key).strip().upper(): value for key, value in answer.items()}
    left_out = [name for name in _MADE if name not in given]
    if left_out:
        raise Wrong(f"there is no cause for {', '.join(left_out)}.")
    causes = {name: one_of(given[name], CAUSES) for name in _MADE}
    wrong = [name for name in _MADE if causes[name] != _MADE[name]]
    if wrong:
        name = wrong[0]
        raise Wrong(
            f"{len(_MADE) - len(wrong)} of {len(_MADE)} are right. {name} is not a case of {causes[name]!r}: "
            f"{_LOOK[causes[name]]}"
        )
    return "None of the five had raised an error."


@exercise
def learning_rate(answer, test: pd.DataFrame):
    rate = number(_no_tensor(answer), 0.0, 1e3)
    rates, losses = test["rate"].to_numpy(), smooth(test["loss"].to_numpy())
    lowest = int(np.argmin(losses))
    fall = losses[0] - losses[lowest]
    falling = rates[np.argmax(losses <= losses[0] - 0.1 * fall)]
    if rate <= 0:
        raise Wrong("with a learning rate of zero nothing moves.")
    if rate > rates[lowest]:
        raise Wrong(
            f"at {rate:g} the curve of the range test has turned up again: such steps jump over what they look for."
        )
    if rate > 0.5 * rates[lowest]:
        raise Wrong(
            f"{rate:g} is at the edge: the lowest loss of a range test stands just before the rise, and a long training "
            "meets steeper places than these few steps did. Keep some distance."
        )
    if rate < 0.5 * falling:
        raise Wrong(
            f"at {rate:g} the loss has hardly begun to fall; the same place would be reached with many more steps."
        )
    return "Anything between where the fall begins and a fraction of where it ends will do; the schedule does the rest."


@exercise
def longer_sight(answer):
    if isinstance(answer, dict):
        from course_utils.picking.training.unet import UNet

        answer = call(UNet, **answer)
    if not hasattr(answer, "parameters"):
        raise Wrong(f"a network is asked for, such as UNet(channels=(8, 16), step=4); this is {type(answer).__name__}.")
    seconds = field_samples(answer) / 100
    numbers = sum(p.numel() for p in answer.parameters())
    if seconds < LEAST_FIELD_S:
        raise Wrong(
            f"this network sees {seconds:.1f} s. Where is a filter of seven samples cheap, and long in seconds?"
        )
    if numbers > MOST_PARAMETERS:
        raise Wrong(
            f"it sees {seconds:.1f} s with {numbers:,} numbers, more than {MOST_PARAMETERS:,}. Which level holds most of them?"
        )
    return f"It sees {seconds:.1f} s with {numbers:,} numbers."


@exercise
def claims(answer):
    if not isinstance(answer, dict) or "claims" not in answer:
        raise Wrong('a dictionary is asked for: {"claims": ["a", ...], "reason": "..."}.')
    chosen = choices(answer["claims"], ["a", "b", "c", "d"])
    doubts = {
        "a": "sentence a looks at the training loss only; which of the networks had the lowest, and what did it find?",
        "c": "sentence c takes one run of each setting as proof; what else differs between two runs?",
    }
    for letter, doubt in doubts.items():
        if letter in chosen:
            raise Wrong(doubt)
    for letter in sorted(TRUE_CLAIMS - chosen):
        raise Wrong(f"sentence {letter} can be read from the tables and figures above, and you left it out. Check it.")
    if "reason" not in answer:
        raise Unanswered
    words(answer["reason"], 10)
    return "Compare your reason with that of the solution."


def smooth(values: np.ndarray, width: int = 5) -> np.ndarray:
    """Running median: single batches are noisy. Values that are not finite count as infinite."""
    values = np.where(np.isfinite(values), values, np.inf)
    padded = np.pad(values, width // 2, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1)


def field_samples(net: torch.nn.Module, samples: int = 16_384) -> int:
    """How many samples of a record one output depends on, from the first to the last; the most over 17 places.

    All weights are set to one value, so that nothing cancels, and the input is positive, so that no unit is silent.
    """
    import torch

    net = copy.deepcopy(net).double().eval()
    with torch.no_grad():
        for part in net.modules():
            if isinstance(part, torch.nn.Conv1d | torch.nn.ConvTranspose1d):
                part.weight.fill_(1.0 / part.weight[0].numel())
                if part.bias is not None:
                    part.bias.zero_()
    x = torch.ones((1, 3, samples), dtype=torch.float64, requires_grad=True)
    y = net(x)[0, 0]
    widest = 0
    for at in np.linspace(samples // 2, samples // 2 + min(2048, samples // 4), 17).astype(int):
        (gradient,) = torch.autograd.grad(y[at], x, retain_graph=True)
        seen = torch.nonzero(gradient.abs().sum((0, 1)))
        widest = max(widest, int(seen.max() - seen.min()) + 1)
    return widest


def _no_tensor(value: object) -> object:
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


def _wrong_average(value: float, losses: np.ndarray, windows: np.ndarray) -> str:
    last_five = np.repeat(losses[::5], 5)[: len(losses)]
    known = {
        "the sum of the batches' means was divided by the number of windows. Each mean is already one per window.": losses.sum()
        / windows.sum(),
        "only every fifth loss is counted.": last_five.sum() / windows.sum(),
        "only every fifth loss is counted, ": last_five.mean(),
        "every batch counts the same, also the last one, which is smaller. Of how many windows is each loss the mean?": losses.mean(),
        "this is a sum; a sum grows with the number of windows.": float(losses @ windows),
        "this is the loss of the last batch.": losses[-1],
    }
    for message, wrong in known.items():
        if abs(value - wrong) < 1e-6:
            return message.rstrip(", ") + ("." if message.endswith(", ") else "")
    return f"for {len(losses)} batches of {windows.astype(int).tolist()} windows your average is {value:.4g}; work it out by hand for two batches."
