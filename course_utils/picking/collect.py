"""The picks of a run: peaks of each segment's probabilities, cleaned at the edges, measured once per instrument."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pandas as pd

from .measure import measure, to_utc
from .peaks import find_peaks
from .plan import Plan
from .records import SECOND_NS, Instrument
from .report import Report
from .segments import PADDING_GUARD_S, Segment

DAY_NS = 86400 * SECOND_NS


class Collector:
    """Takes what an engine gives and keeps what a picks table needs; records are let go instrument by instrument.

    Args:
        names: the model's outputs in order.
        limits: threshold of each phase.
        report: where dropped picks and the seconds spent are counted.
        inventory, response: as for :func:`measure`.
    """

    def __init__(self, names, limits: dict[str, float], plan: Plan, report: Report, inventory=None, response="full"):
        self._rows = [list(names).index(phase) for phase in limits]
        self._limits, self._plan, self._report = limits, plan, report
        self._inventory, self._response = inventory, response
        self._instrument: Instrument | None = None
        self._found: list[tuple[str, np.ndarray, np.ndarray]] = []
        self._parts: list[pd.DataFrame] = []

    def add(self, segment: Segment, stacked, first: int, factor: float) -> None:
        """Picks of one segment, without those that padding or interpolation made."""
        began = perf_counter()
        if segment.instrument is not self._instrument:
            self._finish_instrument()
            self._instrument = segment.instrument
        begin, end = segment.own
        for row, (phase, threshold) in zip(self._rows, self._limits.items(), strict=True):
            peaks, values = find_peaks(stacked[row], threshold)
            if not len(peaks):
                continue
            samples = first + peaks / factor
            keep = (samples >= begin) & (samples < end)
            if segment.real != (0, segment.data.shape[1]):
                keep = self._away_from_padding(segment, samples, keep)
            if segment.recorded is not None:
                keep = self._recorded(segment, samples, keep)
            if keep.any():
                self._found.append((phase, segment.time_ns(samples[keep]), values[keep].astype(np.float64)))
        self._report.add("peaks_s", perf_counter() - began)

    def rows(self) -> pd.DataFrame:
        """All picks: phase, time, probability, station, channel, amplitude, amplitude_unit, snr_db; empty without any."""
        self._finish_instrument()
        return pd.concat(self._parts, ignore_index=True) if self._parts else pd.DataFrame()

    def _away_from_padding(self, segment: Segment, samples: np.ndarray, inside: np.ndarray) -> np.ndarray:
        guard = round(PADDING_GUARD_S * (self._plan.arguments["sampling_rate"] or segment.rate_hz))
        keep = inside & (samples >= segment.real[0] + guard) & (samples < segment.real[1] - guard)
        self._note("picks at padding", int((inside & ~keep).sum()))
        return keep

    def _recorded(self, segment: Segment, samples: np.ndarray, keep: np.ndarray) -> np.ndarray:
        nearest = np.clip(np.rint(samples).astype(int), 0, len(segment.recorded) - 1)
        recorded = segment.recorded[nearest]
        self._note("picks in gap", int((keep & ~recorded).sum()))
        return keep & recorded

    def _note(self, kind: str, count: int) -> None:
        if count:
            self._report.note(kind, self._instrument.station, self._instrument.channel, count=count)

    def _finish_instrument(self) -> None:
        found, self._found = self._found, []
        if not found:
            return
        began = perf_counter()
        phases = np.repeat([phase for phase, _, _ in found], [len(times) for _, times, _ in found])
        times_ns = np.concatenate([times for _, times, _ in found])
        probability = np.concatenate([values for _, _, values in found])
        # a response may change from day to day
        days = times_ns // DAY_NS if self._inventory is not None else np.zeros(len(times_ns), int)
        for day in np.unique(days):
            some = np.flatnonzero(days == day)
            times, names = times_ns[some], phases[some]
            amplitude, unit, snr = measure(
                times, names, self._instrument, self._report, self._inventory, self._response
            )
            columns = {
                "phase": names,
                "time": to_utc(times),
                "probability": probability[some],
                "station": self._instrument.station,
                "channel": self._instrument.channel,
                "amplitude": amplitude,
                "amplitude_unit": unit,
                "snr_db": snr,
            }
            self._parts.append(pd.DataFrame(columns))
        self._report.add("measure_s", perf_counter() - began)
