"""The torch engine: windows by stride, the model's own normalisation, inference, overlap-add; batches cross segments.

It does what SeisBench's ``annotate`` does (same windows, same stacking, same blinding) in one thread of control, so that
an error surfaces where it happens.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .report import Report
from .segments import Segment

if TYPE_CHECKING:
    import torch

CPU_BATCH = 32  # larger batches leave the cache and are slower
GPU_BATCH = 512


class PickingError(RuntimeError):
    """The model failed on a batch; the message names the instrument and the time."""


@dataclass(frozen=True)
class Plan:
    """How a model runs over data: windows of ``in_samples`` every ``step`` samples, ``batch_size`` at once."""

    device: str
    batch_size: int
    in_samples: int
    step: int
    stacking: str
    pred_sample: tuple[int, int]
    arguments: dict


def make_plan(
    model, device: str | None, batch_size: int | None, overlap: float | None, sampling_rate: float | None = None
) -> Plan:
    """The plan that SeisBench would follow (defaults of the class, then of the weights, then ours).

    Raises:
        ValueError: an overlap, batch size or device that cannot be, or a model that this engine does not serve.
    """
    import torch

    name = type(model).__name__
    grouping = model._grouping.grouping
    if model.output_type != "array" or grouping != "instrument" or not model.in_samples or callable(model.labels):
        raise ValueError(
            f"{name} (output {model.output_type!r}, grouping {grouping!r}) is not a model that gives a probability per "
            "sample and instrument; use one such as PhaseNet or EQTransformer"
        )
    arguments = dict(model.default_args)
    if overlap is not None:
        arguments["overlap"] = overlap
    overlap = arguments.get("overlap", model._annotate_args["overlap"][1])
    samples = int(overlap * model.in_samples) if overlap < 1 else int(overlap)
    if not 0 <= samples < model.in_samples:
        raise ValueError(f"overlap is {overlap}; give a fraction below 1 or samples from 1 to {model.in_samples - 1}")
    stacking = str(arguments.get("stacking", model._annotate_args["stacking"][1])).lower()
    if stacking not in ("avg", "max"):
        raise ValueError(f"stacking is {stacking!r}; use 'avg' or 'max'")
    if device in (None, "auto"):
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if str(device).startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"device is {device!r} but torch sees no GPU here; use device='cpu' or 'auto'")
    if batch_size is None:
        batch_size = CPU_BATCH if str(device) == "cpu" else GPU_BATCH
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; give a whole number from 1")
    arguments["sampling_rate"] = model.sampling_rate or sampling_rate
    span = model.pred_sample if isinstance(model.pred_sample, (tuple, list)) else (0, model.pred_sample)
    return Plan(
        str(device), int(batch_size), model.in_samples, model.in_samples - samples, stacking, tuple(span), arguments
    )


def probabilities(
    model, segments: Iterable[Segment], plan: Plan, report: Report
) -> Iterator[tuple[Segment, torch.Tensor, int, float]]:
    """For each segment, in order: the segment, (labels, samples) probabilities on the plan's device, and how output
    samples map to samples of the segment: sample = ``first`` + output sample / ``factor``. Blinded samples are NaN.

    Windows of several segments share a batch; a segment is given out as soon as its last window is done.
    """
    waiting: deque[_Stack] = deque()
    batch: list[tuple[_Stack, int, int]] = []
    room = plan.batch_size
    for segment in segments:
        stack = _Stack(segment, plan)
        waiting.append(stack)
        begin = 0
        while begin < stack.n_windows:
            end = min(begin + room, stack.n_windows)
            batch.append((stack, begin, end))
            room -= end - begin
            begin = end
            if room == 0:
                _predict(model, batch, plan, report)
                batch, room = [], plan.batch_size
        while waiting and waiting[0].done:
            yield waiting.popleft().result()
    if batch:
        _predict(model, batch, plan, report)
    while waiting:
        yield waiting.popleft().result()


class _Stack:
    """The windows of one segment, and the sum of what the model said about each sample."""

    def __init__(self, segment: Segment, plan: Plan):
        import torch

        self.segment, self.plan = segment, plan
        self.data = torch.from_numpy(segment.data).to(plan.device)
        length = segment.data.shape[1]
        regular = (length - plan.in_samples) // plan.step + 1
        self.offsets = np.arange(regular) * plan.step
        if self.offsets[-1] + plan.in_samples < length:  # the last window ends with the data
            self.offsets = np.append(self.offsets, length - plan.in_samples)
        self.regular, self.n_windows = regular, len(self.offsets)
        self.left = self.n_windows
        self.may_be_flat = _may_be_flat(segment.data, plan.in_samples)
        self.total = self.seen = None
        self.factor = 1.0

    @property
    def done(self) -> bool:
        return self.left == 0

    def windows(self, begin: int, end: int) -> torch.Tensor:
        """(windows, components, samples); a view of the segment where the windows are regular."""
        import torch

        size = self.plan.in_samples
        parts = []
        if begin < self.regular:
            parts.append(self.data.unfold(1, size, self.plan.step)[:, begin : min(end, self.regular)].transpose(0, 1))
        if end > self.regular:
            parts.append(self.data[None, :, -size:])
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def add(self, begin: int, end: int, predicted: torch.Tensor) -> None:
        """Overlap-add of (windows, samples, labels). Every m-th window is disjoint from the next of its kind, so each
        of the m kinds is added in one strided operation."""
        import torch

        _, size, n_labels = predicted.shape
        span = self.plan.pred_sample
        self.factor = size / (span[1] - span[0])
        starts = np.round(self.offsets * self.factor).astype(np.int64)
        largest = self.plan.stacking == "max"
        if self.total is None:
            shape = (n_labels, int(starts[-1]) + size)
            self.total = torch.full(shape, -torch.inf if largest else 0.0, device=predicted.device)
            self.seen = None if largest else torch.zeros(shape, device=predicted.device)
        predicted = predicted.transpose(1, 2)
        valid = None if largest else ~torch.isnan(predicted)
        predicted = torch.nan_to_num(predicted, nan=-torch.inf if largest else 0.0)
        stop = min(end, self.regular)
        stride = int(starts[1] - starts[0]) if self.regular > 1 else size
        even = (
            stride * (self.regular - 1) == starts[self.regular - 1] - starts[0]
            and float(self.plan.step * self.factor).is_integer()
        )
        kinds = -(-size // stride) if even else max(stop - begin, 1)
        groups = [(begin + k, stop, kinds) for k in range(min(kinds, max(stop - begin, 0)))]
        if end > self.regular:
            groups.append((self.regular, end, 1))
        for first, last, skip in groups:
            picked = slice(first - begin, last - begin, skip)
            shape = (len(range(first, last, skip)), n_labels, size)
            strides = (skip * stride, self.total.stride(0), 1)
            view = self.total.as_strided(shape, strides, int(starts[first]))
            if largest:
                view.copy_(torch.maximum(view, predicted[picked]))
            else:
                view.add_(predicted[picked])
                self.seen.as_strided(shape, strides, int(starts[first])).add_(valid[picked])
        self.left -= end - begin

    def result(self) -> tuple[Segment, torch.Tensor, int, float]:
        import torch

        self.data = None
        with torch.inference_mode():
            if self.seen is not None:  # 0 / 0 is the NaN of a sample that no window speaks about
                stacked = self.total.div_(self.seen)
            else:
                stacked = self.total.masked_fill_(torch.isinf(self.total), torch.nan)
        return self.segment, stacked, self.plan.pred_sample[0], self.factor


def _may_be_flat(data: np.ndarray, in_samples: int) -> bool:
    """False when no window can be constant and not zero: four samples spread over a window already differ."""
    few = data[:, :: max(in_samples // 4, 1)]
    same = (few[:, 1:] == few[:, :-1]) & (few[:, 1:] != 0)
    return bool((same[:, 2:] & same[:, 1:-1] & same[:, :-2]).any())


def _predict(model, batch: list[tuple[_Stack, int, int]], plan: Plan, report: Report) -> None:
    import torch

    with torch.inference_mode():
        parts = [stack.windows(begin, end) for stack, begin, end in batch]
        windows = torch.cat(parts)  # a copy, which the model may normalise in place
        flat = None
        if any(stack.may_be_flat for stack, _, _ in batch):
            low, high = torch.aminmax(windows, dim=-1)
            flat = (low == high) & (low != 0)
        if flat is not None and flat.any():  # a constant over its rounded deviation would be noise of any size
            windows.masked_fill_(flat[..., None], 0.0)
            report.note(
                "flat", count=int(flat.sum()), seconds=float(flat.sum()) * plan.in_samples / batch[0][0].segment.rate_hz
            )
        try:
            predicted = _forward(model, windows, plan.arguments)
        except Exception as error:  # whatever the model raises, the user must learn where
            raise PickingError(f"{type(model).__name__} failed on {_where(batch)}: {error}") from error
        at = 0
        for stack, begin, end in batch:
            stack.add(begin, end, predicted[at : at + end - begin])
            at += end - begin
    report.add("windows", at)


def _forward(model, windows: torch.Tensor, arguments: dict) -> torch.Tensor:
    """(windows, samples, labels). Out of device memory: the batch is halved until it fits."""
    import torch

    try:
        prepared = model.annotate_batch_pre(windows, argdict=arguments)
        aside = None
        if isinstance(prepared, tuple):
            prepared, aside = prepared
        predicted = model.annotate_batch_post(model(prepared), piggyback=aside, argdict=arguments)
    except torch.cuda.OutOfMemoryError:
        if len(windows) == 1:
            raise
        torch.cuda.empty_cache()
        half = len(windows) // 2
        return torch.cat([_forward(model, part, arguments) for part in (windows[:half], windows[half:])])
    if not isinstance(predicted, torch.Tensor) or predicted.ndim not in (2, 3):
        shape = tuple(getattr(predicted, "shape", ())) or type(predicted).__name__
        raise ValueError(f"annotate_batch_post gave {shape}; expected (windows, samples) or (windows, samples, labels)")
    return predicted if predicted.ndim == 3 else predicted[..., None]


def _where(batch: list[tuple[_Stack, int, int]]) -> str:
    stack, begin, _ = batch[0]
    instrument = stack.segment.instrument
    start = pd.Timestamp(int(stack.segment.time_ns(stack.offsets[begin])), tz="UTC")
    text = f"{instrument.station} {instrument.channel} at {start:%Y-%m-%dT%H:%M:%S}"
    return text + (f" and {len(batch) - 1} more segments of one batch" if len(batch) > 1 else "")
