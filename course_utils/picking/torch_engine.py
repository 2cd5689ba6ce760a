"""The torch engine: windows by stride, the model's own normalisation, inference, overlap-add; batches cross segments.

It does what SeisBench's ``annotate`` does (same windows, same stacking, same blinding) in one thread of control, so that
an error surfaces where it happens.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .plan import Plan, windows
from .report import Report
from .segments import Segment

if TYPE_CHECKING:
    import torch


class PickingError(RuntimeError):
    """The model failed on a batch; the message names the instrument and the time."""


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
        place = windows(segment.data.shape[1], segment.first_sample, plan)
        self.offsets, self.regular_from, self.regular_to = place.offsets, place.begin, place.end
        self.n_windows = len(self.offsets)
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
        first, last = max(begin, self.regular_from), min(end, self.regular_to)
        parts = []
        if begin < self.regular_from:
            parts.append(self.data[None, :, :size])
        if first < last:
            strided = self.data[:, self.offsets[self.regular_from] :].unfold(1, size, self.plan.step)
            parts.append(strided[:, first - self.regular_from : last - self.regular_from].transpose(0, 1))
        if end > self.regular_to:
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
        start, stop = max(begin, self.regular_from), min(end, self.regular_to)
        exact = float(self.plan.step * self.factor).is_integer()
        stride = round(self.plan.step * self.factor)
        kinds = -(-size // stride) if exact else max(stop - start, 1)
        groups = [(start + k, stop, kinds) for k in range(min(kinds, max(stop - start, 0)))]
        if begin < self.regular_from:
            groups.append((0, 1, 1))
        if end > self.regular_to:
            groups.append((self.regular_to, end, 1))
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
