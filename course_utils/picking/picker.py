"""Phase picks from continuous data: any SeisBench model that gives a probability per sample, and the same picks as its
``classify``, in batches and synchronously.

What differs from SeisBench, on purpose: instruments at one location stay apart (HH and HN), gaps up to ``max_gap_s`` are
bridged, pieces shorter than the model's window are mirrored to fill one, records that disagree cost only the time where
they do, and everything left out is counted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from course_utils.catalog import tables

from .engines import choose
from .measure import measure, to_utc
from .models import load_model, weights_name
from .peaks import find_peaks
from .plan import Plan, labels, make_plan
from .plan import thresholds as limits_of
from .records import SECOND_NS, instruments, streams
from .report import Report
from .segments import PADDING_GUARD_S, Segment, segments

logger = logging.getLogger(__name__)

MIN_RATE_FRACTION = 0.2  # of the model's rate: data slower than that hold too little of what it listens to


@dataclass(frozen=True)
class Annotation:
    """Probabilities over one contiguous stretch: (labels, samples) float32; NaN where no window speaks."""

    station: str
    channel: str
    model: str
    labels: tuple[str, ...]
    start_ns: int
    rate_hz: float
    probabilities: np.ndarray

    def to_stream(self):
        """As ObsPy traces named like SeisBench's (channel "PhaseNet_P"), undefined ends cut off."""
        from obspy import Stream, Trace, UTCDateTime

        network, name, location = self.station.split(".")
        stream = Stream()
        for label, values in zip(self.labels, self.probabilities, strict=True):
            defined = np.flatnonzero(~np.isnan(values))
            if not len(defined):
                continue
            start = self.start_ns + round(int(defined[0]) / self.rate_hz * SECOND_NS)
            header = {
                "network": network,
                "station": name,
                "location": location,
                "channel": f"{self.model}_{label}",
                "starttime": UTCDateTime(ns=start),
                "sampling_rate": self.rate_hz,
            }
            stream.append(Trace(values[defined[0] : defined[-1] + 1].copy(), header))
        return stream


def pick(
    waveforms,
    model="phasenet:original",
    *,
    device: str | None = "auto",
    engine: str = "auto",
    thresholds: float | dict[str, float] | None = None,
    batch_size: int | None = None,
    overlap: float | None = None,
    anchor: str = "segment",
    max_gap_s: float = 1.0,
    time_stretch: float = 1.0,
    inventory=None,
    response: str = "full",
    progress: bool | Callable[[int, str], None] = False,
) -> pd.DataFrame:
    """P and S picks of continuous data as a picks table, sorted by time.

    Args:
        waveforms: an ObsPy Stream, Trace, path of a file or folder, a list of those, or an iterable of Streams (each
            is worked through by itself, so that a generator bounds the memory). Never changed.
        model: a name for :func:`load_model`, or a SeisBench model.
        device: "auto" (a GPU if torch sees one), "cpu", "cuda", "cuda:1"; None is "auto".
        engine: "torch" for any model on any device, "kernel" for PhaseNet on a CPU (faster, same picks); "auto" takes the
            kernel where it serves.
        thresholds: probability that a pick must reach, one for all or ``{"P": 0.3, "S": 0.3}``; None: the weights' own.
        batch_size: windows at once; None: 32 on a CPU, 512 on a GPU.
        overlap: of neighbouring windows, a fraction below 1 or samples; None: the weights' own.
        anchor: where windows start: "segment", at the first sample of each contiguous stretch, as in SeisBench; "time", at
            multiples of the stride counted from 1970, so that picks do not depend on how the data were cut.
        max_gap_s: gaps up to this long are interpolated; 0 treats every gap as SeisBench does.
        time_stretch: 2.0 plays the data at half speed (100 Hz data are resampled as if they were 50 Hz), so that small,
            near, fast events look like those that published weights know; times are mapped back, and the weights' name
            says so ("original, time stretch 2"). A window then covers half the time.
        inventory: ObsPy Inventory; amplitudes are then ground velocity in m/s, else counts (see ``picking.measure``).
        response: "full" or "sensitivity", how the inventory is used.
        progress: True for a bar, or a function that is called with (instruments done, name of the next).

    Returns:
        tables.PICKS; ``channel`` is the band and instrument code ("HH"), ``probability`` the peak of the model's
        output, ``time`` that of the peak. ``frame.attrs["report"]`` says in plain values what was left out or changed
        (kinds in ``picking.report.KINDS``) and with which settings the model ran.

    Raises:
        ModelError: the model or its weights cannot be had.
        ValueError: an argument that cannot be.
        PickingError: the model failed; the message names the instrument and the time.

    Zhu & Beroza (2019), doi:10.1093/gji/ggy423; Woollam et al. (2022), doi:10.1785/0220210324.
    """
    model = load_model(model) if isinstance(model, (str, Path)) else model
    plan = make_plan(model, device, batch_size, overlap, anchor)
    limits = limits_of(model, plan, thresholds)
    label = weights_name(model) + (f", time stretch {time_stretch:g}" if time_stretch != 1 else "")
    engine, probabilities = choose(model, plan, engine)
    report = _new_report(model, plan, engine, max_gap_s, time_stretch)
    report.settings["thresholds"] = limits
    tables_found = []
    for segment, stacked, first, factor in _run(
        waveforms, model, plan, probabilities, max_gap_s, time_stretch, report, progress
    ):
        rows = _segment_picks(segment, stacked, first, factor, model.labels, limits, plan, report)
        if not len(rows):
            continue
        amplitude, unit, snr = measure(
            rows["time_ns"].to_numpy(), rows["phase"].to_numpy(), segment.instrument, report, inventory, response
        )
        tables_found.append(
            rows.assign(
                station=segment.instrument.station,
                channel=segment.instrument.channel,
                amplitude=amplitude,
                amplitude_unit=unit,
                snr_db=snr,
            )
        )
    picks = tables.empty("picks")
    if tables_found:
        rows = pd.concat(tables_found, ignore_index=True)
        rows["time"] = to_utc(rows.pop("time_ns").to_numpy())
        rows = rows.assign(model=type(model).__name__, weights=label)
        rows = rows.drop_duplicates(["station", "channel", "phase", "time"])
        rows = rows.sort_values(["time", "station", "channel", "phase"], ignore_index=True)
        picks = tables.conform(rows, "picks")
    report.add("picks", len(picks))
    if report.as_dict()["notes"]:
        logger.info("picking: %s", report)
    picks.attrs["report"] = report.as_dict()
    return picks


def annotate(
    waveforms,
    model="phasenet:original",
    *,
    device: str | None = "auto",
    engine: str = "auto",
    batch_size: int | None = None,
    overlap: float | None = None,
    anchor: str = "segment",
    max_gap_s: float = 1.0,
    time_stretch: float = 1.0,
    report: Report | None = None,
    progress: bool | Callable[[int, str], None] = False,
) -> list[Annotation]:
    """Probabilities over time for each contiguous stretch of each instrument; arguments and errors as :func:`pick`.

    With ``max_gap_s=0`` they equal SeisBench's ``annotate`` on each contiguous segment that is as long as a window.
    Pass a ``Report`` to learn what was left out.
    """
    model = load_model(model) if isinstance(model, (str, Path)) else model
    plan = make_plan(model, device, batch_size, overlap, anchor)
    _, probabilities = choose(model, plan, engine)
    report = report if report is not None else Report()
    found = []
    for segment, stacked, first, factor in _run(
        waveforms, model, plan, probabilities, max_gap_s, time_stretch, report, progress
    ):
        begin, end = (round((edge - first) * factor) for edge in segment.real)
        begin, end = max(begin, 0), min(end, stacked.shape[1])
        found.append(
            Annotation(
                segment.instrument.station,
                segment.instrument.channel,
                type(model).__name__,
                labels(model, len(stacked)),
                int(segment.time_ns(first + begin / factor)),
                segment.rate_hz * factor,
                stacked[:, begin:end].cpu().numpy(),
            )
        )
    return found


def _run(
    waveforms,
    model,
    plan: Plan,
    probabilities: Callable,
    max_gap_s: float,
    time_stretch: float,
    report: Report,
    progress,
) -> Iterator[tuple]:
    if not 0 <= max_gap_s < np.inf:
        raise ValueError(f"max_gap_s is {max_gap_s}; give seconds from 0")
    if not 0.1 <= time_stretch <= 10:
        raise ValueError(f"time_stretch is {time_stretch}; give a factor from 0.1 to 10 (1 leaves the data alone)")
    needed = MIN_RATE_FRACTION * model.sampling_rate * time_stretch if model.sampling_rate else 0.0

    def all_segments(tell) -> Iterator[Segment]:
        done = 0
        for stream in streams(waveforms, report):
            for instrument in instruments(stream, model.component_order, max_gap_s, report, needed):
                tell(done, f"{instrument.station} {instrument.channel}")
                for segment in segments(instrument, model, plan.arguments, time_stretch, report):
                    report.add("seconds_picked", (segment.real[1] - segment.real[0]) / segment.rate_hz)
                    yield segment
                done += 1
                report.add("instruments", 1)
        tell(done, "")

    with _ready(model, plan.device), _teller(progress) as tell:
        yield from probabilities(model, all_segments(tell), plan, report)


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


def _new_report(model, plan: Plan, engine: str, max_gap_s: float, time_stretch: float) -> Report:
    return Report(
        {
            "model": type(model).__name__,
            "weights": weights_name(model),
            "weights_version": str(getattr(model, "weights_version", None) or ""),
            "engine": engine,
            "device": plan.device,
            "batch_size": plan.batch_size,
            "component_order": str(model.component_order),
            "sampling_rate_hz": model.sampling_rate,
            "window_samples": plan.in_samples,
            "overlap_samples": plan.in_samples - plan.step,
            "stacking": plan.stacking,
            "blinding": list(plan.blinding),
            "anchor": plan.anchor,
            "max_gap_s": max_gap_s,
            "time_stretch": time_stretch,
        }
    )


def _segment_picks(
    segment: Segment, stacked, first: int, factor: float, names, limits: dict[str, float], plan: Plan, report: Report
) -> pd.DataFrame:
    """phase, time_ns and probability of a segment's picks, without those that padding or interpolation made."""
    begin, end = segment.real
    guard = round(PADDING_GUARD_S * (plan.arguments["sampling_rate"] or segment.rate_hz))
    parts = []
    for phase, threshold in limits.items():
        peaks, values = find_peaks(stacked[list(names).index(phase)], threshold)
        samples = first + peaks / factor
        keep = np.ones(len(samples), bool)
        if end - begin < segment.data.shape[1]:
            inside = (samples >= begin) & (samples < end)
            keep = (samples >= begin + guard) & (samples < end - guard)
            dropped = int((inside & ~keep).sum())
            if dropped:
                report.note("picks at padding", segment.instrument.station, segment.instrument.channel, count=dropped)
        if segment.recorded is not None:
            nearest = np.minimum(np.rint(samples).astype(int), len(segment.recorded) - 1)
            lost = keep & ~segment.recorded[nearest]
            if lost.any():
                report.note(
                    "picks in gap", segment.instrument.station, segment.instrument.channel, count=int(lost.sum())
                )
            keep &= ~lost
        parts.append(
            pd.DataFrame(
                {
                    "phase": phase,
                    "time_ns": segment.time_ns(samples[keep]),
                    "probability": values[keep].astype(np.float64),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
