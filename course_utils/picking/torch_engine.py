"""The torch engine: windows by stride, the model's own normalisation, inference, overlap-add; batches cross segments.

It does what SeisBench's ``annotate`` does (same windows, same stacking, same blinding) in one thread of control, so that
an error surfaces where it happens.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .ahead import ahead
from .plan import Plan, windows
from .report import Report
from .segments import Segment

if TYPE_CHECKING:
    import torch


AHEAD = 3  # segments that wait, prepared, for a GPU


class PickingError(RuntimeError):
    """The model failed on a batch; the message names the instrument and the time."""


def probabilities(
    model, segments: Iterable[Segment], plan: Plan, report: Report
) -> Iterator[tuple[Segment, torch.Tensor, int, float]]:
    """For each segment, in order: the segment, (labels, samples) probabilities on the plan's device, and how output
    samples map to samples of the segment: sample = ``first`` + output sample / ``factor``. Blinded samples are NaN.

    Windows of several segments share a batch; a segment is given out as soon as its last window is done. On a GPU the
    next segments are prepared, in page-locked memory, by a thread while the device works; on a CPU, where both would
    want the same cores, they are not.
    """
    forward = _Forward(model, plan, report)
    loaded = ((segment, _load(segment, plan.device)) for segment in segments)
    source = ahead(loaded, AHEAD) if _reads_ahead(plan) else loaded
    waiting: deque[_Stack] = deque()
    batch: list[tuple[_Stack, int, int]] = []
    room = forward.batch_size
    with closing(source):
        for segment, data in source:
            stack = _Stack(segment, data, plan)
            waiting.append(stack)
            begin = 0
            while begin < stack.n_windows:
                end = min(begin + room, stack.n_windows)
                batch.append((stack, begin, end))
                room -= end - begin
                begin = end
                if room == 0:
                    _predict(forward, batch, plan, report)
                    batch, room = [], forward.batch_size
            while waiting and waiting[0].done:
                yield waiting.popleft().result()
        if batch:
            _predict(forward, batch, plan, report)
        while waiting:
            yield waiting.popleft().result()


def _reads_ahead(plan: Plan) -> bool:
    return plan.device.startswith("cuda")


def _load(segment: Segment, device: str) -> torch.Tensor:
    import torch

    data = torch.from_numpy(segment.data)
    if not device.startswith("cuda"):
        return data
    with torch.cuda.device(device):  # the thread that reads ahead has no device of its own
        return data.pin_memory()


class _Stack:
    """The windows of one segment, and the sum of what the model said about each sample."""

    def __init__(self, segment: Segment, data: torch.Tensor, plan: Plan):
        self.segment, self.plan = segment, plan
        self.data = data.to(plan.device, non_blocking=True)
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
        of the m kinds is added in one strided operation. Vectors of a point output (windows, 1, labels) stand side by
        side."""
        import torch

        self.left -= end - begin
        _, size, n_labels = predicted.shape
        if self.plan.point:
            if self.total is None:
                self.total = predicted.new_empty((n_labels, self.n_windows))
            self.total[:, begin:end] = predicted[:, 0].T
            return
        if self.n_windows == 1:  # nothing to stack
            self.factor = size / (self.plan.pred_sample[1] - self.plan.pred_sample[0])
            self.total = predicted[0].T.contiguous()
            return
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

    def result(self) -> tuple[Segment, torch.Tensor, int, float]:
        import torch

        self.data = None
        if self.plan.point:
            return self.segment, self.total, int(self.offsets[0]) + self.plan.pred_sample[1], 1 / self.plan.step
        if self.n_windows == 1:
            return self.segment, self.total, self.plan.pred_sample[0], self.factor
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


def _predict(forward: _Forward, batch: list[tuple[_Stack, int, int]], plan: Plan, report: Report) -> None:
    import torch

    with torch.inference_mode():
        flat = None

        def gather() -> torch.Tensor:  # a copy, which the model may normalise in place
            windows = torch.cat([stack.windows(begin, end) for stack, begin, end in batch])
            return windows if flat is None else windows.masked_fill_(flat[..., None], 0.0)

        if any(stack.may_be_flat for stack, _, _ in batch):
            low, high = torch.aminmax(gather(), dim=-1)
            flat = (low == high) & (low != 0)  # a constant over its rounded deviation would be noise of any size
            if count := int(flat.sum()):
                rate_hz = batch[0][0].segment.rate_hz
                report.note("flat", count=count, seconds=count * plan.in_samples / rate_hz)
        try:
            predicted = forward(gather)
        except Exception as error:  # whatever the model raises, the user must learn where
            raise PickingError(f"{type(forward.model).__name__} failed on {_where(batch)}: {error}") from error
        at = 0
        for stack, begin, end in batch:
            stack.add(begin, end, predicted[at : at + end - begin])
            at += end - begin
    report.add("windows", at)


class _Forward:
    """The model on a batch. Out of device memory: the batch is halved until it fits, and stays that small."""

    def __init__(self, model, plan: Plan, report: Report):
        import torch

        self.model, self.plan, self.report = model, plan, report
        self.batch_size = plan.batch_size
        self.half = None
        if plan.precision == "half":
            self.half = torch.bfloat16 if plan.device == "cpu" else torch.float16

    def __call__(self, gather: Callable[[], torch.Tensor]) -> torch.Tensor:
        """(windows, samples, labels) of the windows that ``gather`` gives; one sample if the model has a point output."""
        import torch

        windows, at, done = gather(), 0, []
        n = len(windows)
        while at < n:
            size = min(self.batch_size, n - at)
            try:
                done.append(self._run(windows[at : at + size]))
                at += size
                continue
            except torch.cuda.OutOfMemoryError:
                if size == 1:
                    raise
            # outside of the handler, since the exception keeps the tensors of its frames alive
            self.batch_size = size // 2
            self.report.note("batch halved", detail=f"{size} windows did not fit")
            windows = None
            if self.plan.device.startswith("cuda"):
                torch.cuda.empty_cache()
            windows = gather()  # the model may have changed the others in place
        return done[0] if len(done) == 1 else torch.cat(done)

    def _run(self, windows: torch.Tensor) -> torch.Tensor:
        import torch

        model, arguments = self.model, self.plan.arguments
        prepared = model.annotate_batch_pre(windows, argdict=arguments)  # counts of any size: always in full precision
        aside = None
        if isinstance(prepared, tuple):
            prepared, aside = prepared
        if self.half is None:
            with _no_tf32(self.plan.device):
                output = model(prepared)
        else:
            with torch.autocast(self.plan.device.partition(":")[0], dtype=self.half):
                output = _full(model(prepared))
        predicted = model.annotate_batch_post(output, piggyback=aside, argdict=arguments)
        if isinstance(predicted, (tuple, list)):
            predicted = torch.stack(tuple(predicted), dim=-1)
        shape = getattr(predicted, "shape", None)
        if self.plan.point:
            if shape is None or len(shape) not in (1, 2):
                raise ValueError(f"annotate_batch_post gave {_kind(predicted)}; expected (windows, labels)")
            return predicted.reshape(len(predicted), 1, -1)
        if shape is None or len(shape) not in (2, 3):
            raise ValueError(
                f"annotate_batch_post gave {_kind(predicted)}; expected (windows, samples) or (windows, samples, labels)"
            )
        return predicted if predicted.ndim == 3 else predicted[..., None]


@contextmanager
def _no_tf32(device: str) -> Iterator[None]:
    """On a GPU, torch shortens the numbers of float32 convolutions to ten bits unless it is told not to."""
    import torch

    if not device.startswith("cuda"):
        yield
        return
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def _full(output):
    """Half-precision arrays as float32, those of a tuple too."""
    if isinstance(output, (tuple, list)):
        return type(output)(_full(part) for part in output)
    return output.float()


def _kind(value) -> str:
    return str(tuple(value.shape)) if hasattr(value, "shape") else type(value).__name__


def _where(batch: list[tuple[_Stack, int, int]]) -> str:
    stack, begin, _ = batch[0]
    instrument = stack.segment.instrument
    start = pd.Timestamp(int(stack.segment.time_ns(stack.offsets[begin])), tz="UTC")
    text = f"{instrument.station} {instrument.channel} at {start:%Y-%m-%dT%H:%M:%S}"
    return text + (f" and {len(batch) - 1} more segments of one batch" if len(batch) > 1 else "")
