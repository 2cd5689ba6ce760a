"""One pass over the data for any number of models: each stream is read and cleaned once, and let go.

The models take turns: whichever has read least goes on, so that what one has read and another has not is never more than
one batch of windows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from time import perf_counter

import numpy as np

from .denoise import Denoiser
from .plan import Plan
from .records import instruments, streams
from .report import Report
from .segments import Segment, segments

MIN_RATE_FRACTION = 0.2  # of the model's rate: data slower than that hold too little of what it listens to


@dataclass(frozen=True)
class Run:
    """A model at work: ``probabilities`` is its engine, ``report`` collects what it left out."""

    model: object
    plan: Plan
    probabilities: Callable
    report: Report

    def needs(self, time_stretch: float) -> tuple[str, float]:
        """What its records must have: component letters, and the lowest sampling rate."""
        rate = MIN_RATE_FRACTION * self.model.sampling_rate * time_stretch if self.model.sampling_rate else 0.0
        return "".join(sorted(self.model.component_order)), rate


def one_pass(
    waveforms,
    runs: list[Run],
    reading: Report,
    *,
    max_gap_s: float,
    time_stretch: float,
    denoise: Denoiser | None = None,
    progress=False,
) -> Iterator[tuple]:
    """(run, segment, probabilities, first, factor) as the engines give them, in order for each run.

    ``reading`` collects what concerns files and traces before any model sees them. ``denoise`` changes what the models
    read; ``segment.instrument`` stays the records as they came.
    """
    if not 0 <= max_gap_s < np.inf:
        raise ValueError(f"max_gap_s is {max_gap_s}; give seconds from 0")
    if not 0.1 <= time_stretch <= 10:
        raise ValueError(f"time_stretch is {time_stretch}; give a factor from 0.1 to 10 (1 leaves the data alone)")

    def units() -> Iterator[dict]:
        for stream in streams(waveforms, reading):
            unit = {}
            for needs in dict.fromkeys(run.needs(time_stretch) for run in runs):
                report = Report()
                found = instruments(stream, needs[0], max_gap_s, report, needs[1])
                unit[needs] = [(i, denoise(i, report) if denoise else i) for i in found], report
            yield unit

    def all_segments(run: Run, read: Iterator[dict], tell: Callable) -> Iterator[Segment]:
        done = 0
        for unit in read:
            found, report = unit[run.needs(time_stretch)]
            run.report.merge(report)
            for instrument, heard in found:
                tell(done, f"{instrument.station} {instrument.channel}")
                for segment in segments(heard, run.model, run.plan, time_stretch, run.report):
                    run.report.add("seconds_picked", (segment.own[1] - segment.own[0]) / segment.rate_hz)
                    yield replace(segment, instrument=instrument) if denoise else segment
                done += 1
                run.report.add("instruments", 1)
        tell(done, "")

    with ExitStack() as stack:
        tell = stack.enter_context(_teller(progress))
        for run in runs:
            stack.enter_context(_ready(run.model, run.plan.device))
        if denoise:
            stack.enter_context(_ready(denoise.model, denoise.device))
        shared = _Shared(units(), len(runs))
        work = {}
        for number, run in enumerate(runs):
            # one bar serves: the models keep step
            given = all_segments(run, shared.reader(number), tell if number == 0 else lambda done, name: None)
            given = _timed(given, run.report, "prepare_s")
            work[number] = run.probabilities(run.model, given, run.plan, run.report)
        while work:
            number = min(work, key=shared.taken.__getitem__)
            run, began = runs[number], perf_counter()
            prepared_s = run.report.totals.get("prepare_s", 0.0)
            result = next(work[number], None)
            prepared_s = run.report.totals.get("prepare_s", 0.0) - prepared_s
            run.report.add("model_s", max(perf_counter() - began - prepared_s, 0.0))
            if result is None:
                del work[number]
            else:
                yield run, *result


def _timed(items: Iterator, report: Report, name: str) -> Iterator:
    """The same items; the seconds that they take to make are added to a total of the report."""
    while True:
        began = perf_counter()
        item = next(items, None)
        report.add(name, perf_counter() - began)
        if item is None:
            return
        yield item


class _Shared:
    """An iterator that several readers go through, each at its own pace and in its own thread if it likes."""

    def __init__(self, items: Iterator, n_readers: int):
        self._items, self._lock = items, Lock()
        self._waiting = [deque() for _ in range(n_readers)]
        self.taken = [0] * n_readers

    def reader(self, number: int) -> Iterator:
        while True:
            with self._lock:
                if not self._waiting[number]:
                    item = next(self._items, None)
                    if item is None:
                        self.taken[number] += 1
                        return
                    for waiting in self._waiting:
                        waiting.append(item)
                item = self._waiting[number].popleft()
                self.taken[number] += 1
            yield item


@contextmanager
def _ready(model, device: str):
    """The model in evaluation mode on its device; afterwards as it was."""
    before, training = model.device, model.training
    model.to(device).eval()
    try:
        yield
    finally:
        model.to(before).train(training)


@contextmanager
def _teller(progress):
    if callable(progress):
        yield progress
    elif progress:
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.completed} instruments picked"),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
        )
        with bar:
            task = bar.add_task("", total=None)
            yield lambda done, name: bar.update(task, completed=done, description=name)
    else:
        yield lambda done, name: None
