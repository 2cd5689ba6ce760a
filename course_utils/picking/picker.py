"""Phase picks from continuous data: any SeisBench model that gives P or S over the time of one instrument, and the same
picks as its ``classify``, in batches and synchronously.

Where SeisBench 0.12.6 loses data, this does not, on purpose (``tests/picking/test_beyond_seisbench.py`` shows both):

- two instruments at one location (HH and HN) are one group there, and the trace that comes last wins: here they stay apart;
- a piece shorter than the model's window gives nothing there: here it is mirrored to fill one (if it has 5 s);
- records of one channel that disagree are all left out there, for as long as any lasts: here only while they do;
- exactly one window of a model with point outputs (GPD) is an error there: here it gives its one vector;
- some lengths lose their last sample there, by rounding: here none does.

Besides, gaps up to ``max_gap_s`` are bridged (0: none, as in SeisBench), and everything left out is counted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from course_utils.catalog import tables

from .collect import Collector
from .denoise import make_denoiser
from .engines import choose
from .models import load_model, weights_name
from .one_pass import Run, one_pass
from .peaks import on_host
from .plan import Plan, labels, make_plan
from .plan import thresholds as limits_of
from .records import SECOND_NS
from .report import Report

logger = logging.getLogger(__name__)


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
    precision: str = "single",
    max_gap_s: float = 1.0,
    time_stretch: float = 1.0,
    inventory=None,
    response: str = "full",
    denoise=None,
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
        precision: "single", or "half" to let torch run the network in 16 bits where it can (float16 on a GPU, bfloat16 on
            a CPU), never by itself. With bfloat16, 5.8 % of 881 picks of PhaseNet and 2.0 % of 645 of EQTransformer
            (published weights, real records) moved by more than a sample, and 0.3 and 0.2 % vanished.
        max_gap_s: gaps up to this long are interpolated; 0 treats every gap as SeisBench does.
        time_stretch: 2.0 plays the data at half speed (100 Hz data are resampled as if they were 50 Hz), so that small,
            near, fast events look like those that published weights know; times are mapped back, and the weights' name
            says so ("original, time stretch 2"). A window then covers half the time.
        inventory: ObsPy Inventory; amplitudes are then ground velocity in m/s, else counts (see ``picking.measure``).
        response: "full" or "sensitivity", how the inventory is used.
        denoise: SeisBench's DeepDenoiser, "deepdenoiser:original" or a model, to clean what the model reads (see
            ``picking.denoise``); amplitudes and SNR stay those of the records as they came. The weights' name says so.
        progress: True for a bar, or a function that is called with (instruments done, name of the next).

    Returns:
        schemas.PICKS; ``channel`` is the band and instrument code ("HH"), ``probability`` the peak of the model's
        output, ``time`` that of the peak. ``frame.attrs["report"]`` says in plain values what was left out or changed
        (kinds in ``picking.report.KINDS``) and with which settings the model ran.

    Raises:
        ModelError: the model or its weights cannot be had.
        ValueError: an argument that cannot be.
        PickingError: the model failed; the message names the instrument and the time.

    Zhu & Beroza (2019), doi:10.1093/gji/ggy423; Woollam et al. (2022), doi:10.1785/0220210324.
    """
    (picks,) = pick_many(
        waveforms,
        [model],
        thresholds=[thresholds],
        device=device,
        engine=engine,
        batch_size=batch_size,
        overlap=overlap,
        anchor=anchor,
        precision=precision,
        max_gap_s=max_gap_s,
        time_stretch=time_stretch,
        inventory=inventory,
        response=response,
        denoise=denoise,
        progress=progress,
    ).values()
    return picks


def pick_many(
    waveforms,
    models: Iterable | Mapping[str, object],
    *,
    thresholds: float | dict[str, float] | list | None = None,
    device: str | None = "auto",
    engine: str = "auto",
    batch_size: int | None = None,
    overlap: float | None = None,
    anchor: str = "segment",
    precision: str = "single",
    max_gap_s: float = 1.0,
    time_stretch: float = 1.0,
    inventory=None,
    response: str = "full",
    denoise=None,
    progress: bool | Callable[[int, str], None] = False,
) -> dict[tuple[str, str], pd.DataFrame]:
    """What :func:`pick` gives for each of several models and sets of thresholds, in one pass over the data.

    Each stream is read and cleaned once, each model runs once, and a set of thresholds repeats only the search for
    peaks and their amplitudes. All models are held in memory (or on the device) together. Waveforms and what is not
    listed here are as for :func:`pick`.

    Args:
        models: names for ``load_model`` or SeisBench models, in a list, or in a dict that names them. A model of a dict
            whose weights have no name takes that of the dict.
        thresholds: one set as for :func:`pick`, or a list of such sets; None in it stands for the weights' own.

    Returns:
        A picks table for each pair of model and thresholds. The keys are pairs of names, such as
        ``("phasenet:original", "0.3")``, ``("phasenet:volpick", "own")`` or ``("phasenet:jma", "P 0.2, S 0.1")``. Each
        table and its report equal those of :func:`pick` with that model and those thresholds.
        ``pandas.concat(result, names=["run", "thresholds"])`` makes one long table of them.

    Raises:
        ModelError, PickingError: as :func:`pick`.
        ValueError: as :func:`pick`; two models or two sets of thresholds that their picks would not tell apart.
    """
    sets = _threshold_sets(thresholds)
    settings = {"max_gap_s": max_gap_s, "time_stretch": time_stretch}
    changed = f", time stretch {time_stretch:g}" if time_stretch != 1 else ""
    denoiser = make_denoiser(denoise, device)
    if denoiser:
        settings["denoise"] = denoiser.name
        changed += f", denoised by {denoiser.name}"
    runs, combinations = [], []
    for name, model, weights in _named(models):
        plan = make_plan(model, device, batch_size, overlap, anchor, precision)
        engine_used, probabilities = choose(model, plan, engine)
        runs.append(Run(model, plan, probabilities, Report()))
        for set_name, given in sets.items():
            limits = limits_of(model, plan, given)
            report = _new_report(model, weights, plan, engine_used, settings | {"thresholds": limits})
            found = Collector(model.labels, limits, plan, report, inventory, response)
            combinations.append(_Combination((name, set_name), runs[-1], weights + changed, report, found))
    reading = Report()
    for run, segment, stacked, first, factor in one_pass(
        waveforms,
        runs,
        reading,
        max_gap_s=max_gap_s,
        time_stretch=time_stretch,
        denoise=denoiser,
        progress=progress,
    ):
        for combination in combinations:
            if combination.run is run:
                combination.found.add(segment, stacked, first, factor)
    return {combination.key: combination.table(reading) for combination in combinations}


def annotate(
    waveforms,
    model="phasenet:original",
    *,
    device: str | None = "auto",
    engine: str = "auto",
    batch_size: int | None = None,
    overlap: float | None = None,
    anchor: str = "segment",
    precision: str = "single",
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
    plan = make_plan(model, device, batch_size, overlap, anchor, precision)
    _, probabilities = choose(model, plan, engine)
    report = report if report is not None else Report()
    run = Run(model, plan, probabilities, report)
    found = []
    for _, segment, stacked, first, factor in one_pass(
        waveforms, [run], report, max_gap_s=max_gap_s, time_stretch=time_stretch, progress=progress
    ):
        begin, end = (int(np.floor((edge - first) * factor + 0.5)) for edge in segment.own)
        begin, end = max(begin, 0), min(end, stacked.shape[1])
        values = on_host(stacked[:, begin:end])
        if segment.continues and found:
            found[-1][1].append(values)
            continue
        about = (
            segment.instrument.station,
            segment.instrument.channel,
            type(model).__name__,
            labels(model, len(stacked)),
        )
        start_ns = int(segment.time_ns(first + begin / factor))
        found.append(((*about, start_ns, segment.rate_hz * factor), [values.copy()]))
    return [Annotation(*about, np.concatenate(blocks, axis=1)) for about, blocks in found]


@dataclass
class _Combination:
    """A model with a set of thresholds, and its picks so far."""

    key: tuple[str, str]
    run: Run
    weights: str
    report: Report
    found: Collector

    def table(self, reading: Report) -> pd.DataFrame:
        picks = tables.empty("picks")
        rows = self.found.rows()
        if len(rows):
            rows = rows.assign(model=type(self.run.model).__name__, weights=self.weights)
            rows = rows.drop_duplicates(["station", "channel", "phase", "time"])
            rows = rows.sort_values(["time", "station", "channel", "phase"], ignore_index=True)
            picks = tables.conform(rows, "picks")
        for part in (reading, self.run.report):
            self.report.merge(part)
        self.report.add("picks", len(picks))
        facts = self.report.as_dict()
        if facts["notes"]:
            logger.info("picking: %s", self.report)
        picks.attrs["report"] = facts
        return picks


def _named(models) -> list[tuple[str, object, str]]:
    """Name, model and weights' name of each; what cannot be told apart is refused."""
    if isinstance(models, (str, Path)) or not isinstance(models, Iterable):
        raise TypeError(f"models is {models!r}; give a list of models or a dict of them")
    found = []
    for name, model in models.items() if isinstance(models, Mapping) else [("", model) for model in models]:
        loaded = load_model(model) if isinstance(model, (str, Path)) else model
        weights = weights_name(loaded)
        weights = name or weights if weights == "custom" else weights
        kind = type(loaded).__name__
        if any(weights == w and kind == type(m).__name__ for _, m, w in found):
            raise ValueError(f"models has {kind} with weights {weights!r} twice; name those without a name in a dict")
        found.append((name or f"{kind.lower()}:{weights}", loaded, weights))
    if not found:
        raise ValueError("models is empty; give at least one")
    return found


def _threshold_sets(thresholds) -> dict[str, float | dict[str, float] | None]:
    sets = {}
    for one in thresholds if isinstance(thresholds, (list, tuple)) else [thresholds]:
        if one is None:
            name = "own"
        elif isinstance(one, Mapping):
            name = ", ".join(f"{phase} {value:g}" for phase, value in sorted(one.items()))
        else:
            name = f"{one:g}"
        if name in sets:
            raise ValueError(f"thresholds has {name} twice; give each set once")
        sets[name] = one
    if not sets:
        raise ValueError("thresholds is an empty list; give at least one set, or None for the weights' own")
    return sets


def _new_report(model, weights: str, plan: Plan, engine: str, settings: dict) -> Report:
    return Report(
        {
            "model": type(model).__name__,
            "weights": weights,
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
            "precision": plan.precision,
            **settings,
        }
    )
