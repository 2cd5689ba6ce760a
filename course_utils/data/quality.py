"""Quality control of waveforms: what is measured of every channel and day, and what is wrong with it.

The metrics follow IRIS MUSTANG (Casey et al. 2018). Every fault has a named threshold with its reason and remedy, see
:data:`course_utils.data.channel_faults.FAULTS`; nothing is repaired here. Swapped and flipped channels and wrong clocks
need a catalog's arrivals (:mod:`course_utils.data.orientation`), power spectra against Peterson's noise models need the
instruments' responses.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import signal

from ..catalog.tables import conform, empty
from .channel_faults import FAULTS, dead_times, jumps, pile_up
from .waveforms import to_utc

# SEED manual, appendix A: samples per second of the band codes of short- and broadband instruments
_BANDS = {
    "F": (1000, 5000), "G": (1000, 5000), "D": (250, 1000), "C": (250, 1000), "E": (80, 250), "H": (80, 250),
    "S": (10, 80), "B": (10, 80), "M": (1, 10), "L": (0.5, 1.5),
}  # fmt: skip
_SPECTRUM_S = 100.0  # length of the segments: periods to about 30 s
_PERIODS_S = np.geomspace(0.02, 30.0, 60)


class Checked(NamedTuple):
    """Tables of :mod:`course_utils.catalog.tables`: ``waveform_metrics``, ``waveform_faults``, ``waveform_spectra``."""

    metrics: pd.DataFrame
    faults: pd.DataFrame
    spectra: pd.DataFrame


def check_archive(
    archive, hours: float = 24.0, *, inventory=None, arrivals=None, progress: Callable[[int, int], None] | None = None
) -> Checked:
    """Check every station and window of an archive (:func:`course_utils.data.read_waveforms`, or a DayFiles archive).

    ``progress`` is called with windows done and in all. Files that cannot be read are in ``archive.problems`` afterwards.
    Other arguments: see :func:`check_stream`.
    """
    windows = archive.windows(hours)
    parts = []
    for done, row in enumerate(windows.itertuples(), 1):
        stream = archive.read(row.station, row.start, row.end)
        if stream:
            parts.append(check_stream(stream, row.start, row.end, inventory=inventory, arrivals=arrivals))
        if progress:
            progress(done, len(windows))
    return joined(parts)


def joined(parts: list[Checked]) -> Checked:
    """The tables of several windows one below the other."""
    names = ("waveform_metrics", "waveform_faults", "waveform_spectra")
    return Checked(*(pd.concat([empty(n), *(p[i] for p in parts)], ignore_index=True) for i, n in enumerate(names)))


def check_stream(stream, start=None, end=None, *, inventory=None, arrivals: pd.DataFrame | None = None) -> Checked:
    """Check the records of one station.

    Args:
        stream: ObsPy Stream of one station ("NET.STA.LOC"), raw counts, gaps as they are.
        start, end: the window that they should fill, UTC; by default the first and last sample of all.
        inventory: ObsPy Inventory with rates and responses: noise against Peterson's models, in dB of acceleration. Without
            one, spectra are in dB of counts and no absolute level is judged.
        arrivals: assigned picks of this station (those of others are left aside), also outside the window: station, phase,
            time, event_id, residual_s and azimuth_deg (from the epicenter to the station).

    Returns:
        One row per channel, fault, and spectral point.

    Raises:
        ValueError: the stream is empty or holds several stations.
    """
    stations = {t.id.rsplit(".", 1)[0] for t in stream}
    if len(stations) != 1:
        raise ValueError(
            f"the stream holds {len(stations)} stations ({', '.join(sorted(stations)) or 'none'}); give one"
        )
    station = stations.pop()
    for trace in stream:
        if np.ma.isMaskedArray(trace.data) or (trace.data.dtype.kind == "f" and not np.isfinite(trace.data).all()):
            raise ValueError(f"{trace.id}: samples are masked or not finite; leave them out and stream.split()")
    start, end = to_utc(start), to_utc(end)
    metrics, faults, spectra = [], [], []
    for code in sorted({t.stats.channel for t in stream}):
        channel = _Channel(sorted(stream.select(channel=code), key=lambda t: t.stats.starttime), inventory)
        found = channel.faults()
        metrics.append(channel.metrics(start, end) | _counted(found))
        faults += [(code, *row) for row in found]
        psd = channel.spectrum()
        if psd is not None:
            spectra.append(psd.assign(channel=code, start=channel.start if start is None else start))
            peterson, seen = channel.against_peterson(psd)
            metrics[-1] |= peterson
            faults += [(code, *row) for row in seen]
    table = pd.DataFrame(faults, columns=["channel", "kind", "start", "end", "value"])
    if arrivals is not None:
        from .orientation import judge

        mine = arrivals[arrivals["station"] == station]
        said, extra = judge(stream, mine, start, end)
        table = pd.concat([table, extra], ignore_index=True) if len(extra) else table
        for row in metrics:
            row |= said
    table = table.assign(
        station=station,
        threshold=table["kind"].map({k: f.threshold for k, f in FAULTS.items()}),
        unit=table["kind"].map({k: f.unit for k, f in FAULTS.items()}),
    )
    points = pd.concat(spectra).assign(station=station) if spectra else empty("waveform_spectra")
    return Checked(
        conform(pd.DataFrame(metrics).assign(station=station), "waveform_metrics"),
        conform(table.sort_values(["start", "channel"], kind="stable"), "waveform_faults"),
        conform(points, "waveform_spectra"),
    )


def _counted(faults: list[tuple]) -> dict[str, int]:
    kinds = [row[0] for row in faults]
    return {f"{kind}s": kinds.count(kind) for kind in ("gap", "overlap", "spike", "step")}


class _Channel:
    """The pieces of one channel in order of time; those of the most common rate are judged, other rates are a fault."""

    def __init__(self, traces: list, inventory):
        rates = pd.Series([t.stats.npts for t in traces]).groupby([t.stats.sampling_rate for t in traces]).sum()
        self.rate = float(rates.idxmax())
        self.others = [t for t in traces if abs(t.stats.sampling_rate / self.rate - 1) > FAULTS["rate"].threshold]
        self.traces = [t for t in traces if not any(t is other for other in self.others)]
        self.code = traces[0].stats.channel
        self.start, self.end = _time(traces[0].stats.starttime), max(_time(t.stats.endtime) for t in traces)
        self.holes = self._holes()
        self.inventory, self.described = inventory, None
        if inventory is not None:
            network, station, location, code = traces[0].id.split(".")
            found = inventory.select(network, station, location, code, time=traces[0].stats.starttime)
            channels = [c for n in found for s in n for c in s]
            self.described = channels[0] if channels else None

    def _holes(self) -> list[tuple[str, pd.Timestamp, pd.Timestamp, float]]:
        """Gaps and overlaps: kind, first and last sample concerned, samples."""
        out, reached = [], None
        for trace in self.traces:
            begin = trace.stats.starttime
            if reached is not None:
                samples = (begin - reached) * self.rate - 1
                if samples > FAULTS["gap"].threshold:
                    out.append(("gap", _time(reached + 1 / self.rate), _time(begin - 1 / self.rate), samples))
                elif samples < -FAULTS["overlap"].threshold:
                    out.append(("overlap", _time(begin), _time(min(reached, trace.stats.endtime)), -samples))
            reached = trace.stats.endtime if reached is None else max(reached, trace.stats.endtime)
        return out

    def metrics(self, start, end) -> dict:
        start, end = start or self.start, end or self.end + pd.Timedelta(1 / self.rate, "s")
        twice = sum(row[3] for row in self.holes if row[0] == "overlap")
        gaps = [row[3] for row in self.holes if row[0] == "gap"]
        held = (sum(t.stats.npts for t in self.traces) - twice) / self.rate
        x = np.concatenate([t.data for t in self.traces])
        middle = float(np.median(x))
        return {
            "channel": self.code,
            "start": start,
            "end": end,
            "first": self.start,
            "last": self.end,
            "sampling_rate_hz": self.rate,
            "samples": len(x),
            "percent_available": min(100.0, 100 * held / max((end - start).total_seconds(), 1e-9)),
            "longest_gap_s": max(gaps, default=0.0) / self.rate,
            "offset": middle,
            "rms": float(np.sqrt(np.mean(np.square(x - middle)))),
            "lowest": float(x.min()),
            "highest": float(x.max()),
        }

    def faults(self) -> list[tuple]:
        """Rows kind, start, end, value."""
        out = list(self.holes)
        out += self._rate_trouble()
        for trace in self.traces:
            x = np.asarray(trace.data)
            out += [
                (kind, _at(trace, a), _at(trace, b), value)
                for kind, a, b, value in (*dead_times(x, self.rate), *jumps(x, self.rate))
            ]
        out += self._clipping()
        level = float(np.median([np.median(t.data) for t in self.traces]))
        if abs(level) > FAULTS["offset"].threshold:
            out.append(("offset", self.start, self.end, abs(level)))
        return out

    def _rate_trouble(self) -> list[tuple]:
        limit = FAULTS["rate"].threshold
        out = [
            ("rate", _time(t.stats.starttime), _time(t.stats.endtime), t.stats.sampling_rate / self.rate - 1)
            for t in self.others
        ]
        if self.described is not None and self.described.sample_rate:
            off = self.rate / self.described.sample_rate - 1
            if abs(off) > limit:
                out.append(("rate", self.start, self.end, off))
            return out
        low, high = _BANDS.get(self.code[0], (0, np.inf))
        off = min(self.rate / low - 1, 0.0) if low else 0.0
        off = max(self.rate / high - 1, 0.0) if self.rate > high else off
        return out + ([("rate", self.start, self.end, off)] if abs(off) > limit else [])

    def _clipping(self) -> list[tuple]:
        kept = [t for t in self.traces if t.data.dtype.kind == "i" and len(t.data)]
        if not kept:
            return []
        x = np.concatenate([t.data for t in kept])
        times = np.concatenate([[0], np.cumsum([len(t.data) for t in kept])])
        hit = np.zeros(len(x), bool)
        worst = 0.0
        for sign in (1, -1):
            ratio, level = pile_up(x, sign)
            if ratio >= FAULTS["clipping"].threshold:
                hit |= sign * x >= level
                worst = max(worst, ratio)
        where = np.flatnonzero(hit)
        if not len(where):
            return []
        first, last = (int(np.searchsorted(times, w, side="right")) - 1 for w in (where[0], where[-1]))
        return [
            ("clipping", _at(kept[first], where[0] - times[first]), _at(kept[last], where[-1] - times[last]), worst)
        ]

    def spectrum(self) -> pd.DataFrame | None:
        """Median power spectral density over segments of 100 s; None when no piece is so long."""
        n = int(_SPECTRUM_S * self.rate)
        segments = [
            signal.welch(piece, self.rate, nperseg=n, average="median", detrend="linear")
            for t in self.traces
            if len(piece := np.asarray(t.data, float)) >= n
        ]
        if not segments:
            return None
        f = segments[0][0]
        weights = [len(t.data) for t in self.traces if len(t.data) >= n]
        psd = np.average([s[1] for s in segments], axis=0, weights=weights)
        unit, response = "counts**2/Hz", self._response(f)
        if response is not None:
            with np.errstate(divide="ignore"):
                psd, unit = psd / np.square(np.abs(response)), "(m/s**2)**2/Hz"
        wanted = _PERIODS_S[(0.4 * self.rate > 1 / _PERIODS_S)]
        smooth = [
            np.mean(psd[(f > 0.89 / p) & (f < 1.12 / p)]) if ((f > 0.89 / p) & (f < 1.12 / p)).any() else np.nan
            for p in wanted
        ]
        table = pd.DataFrame({"period_s": wanted, "psd_db": 10 * np.log10(np.maximum(smooth, 1e-30)), "unit": unit})
        return table[np.isfinite(table["psd_db"])]

    def _response(self, f: np.ndarray):
        """Counts per m/s**2 at frequencies; None without a response."""
        if self.described is None or self.described.response is None:
            return None
        try:
            return self.described.response.get_evalresp_response_for_frequencies(np.maximum(f, 1e-4), output="ACC")
        except (ValueError, NotImplementedError, TypeError, AttributeError):  # a response without stages
            return None

    def against_peterson(self, psd: pd.DataFrame) -> tuple[dict, list[tuple]]:
        """Shares of the spectrum beyond the noise models, percent, and faults; only with a response."""
        if not len(psd) or psd["unit"].iloc[0] != "(m/s**2)**2/Hz":
            return {}, []
        low, high = peterson(psd["period_s"])
        used = (psd["period_s"] >= 0.1).to_numpy()  # the models end at 10 Hz
        above = 100 * float(np.mean(psd["psd_db"][used] > high[used]))
        below = 100 * float(np.mean(psd["psd_db"][used] < low[used]))
        shares = {"percent_above_high_noise": above, "percent_below_low_noise": below}
        kinds = (("loud", above), ("quiet", below))
        return shares, [(k, self.start, self.end, v) for k, v in kinds if v > FAULTS[k].threshold]


@lru_cache(maxsize=1)
def _peterson_models():
    from obspy.signal.spectral_estimation import get_nhnm, get_nlnm

    return tuple(
        (period[::-1], db[::-1]) if period[0] > period[-1] else (period, db) for period, db in (get_nlnm(), get_nhnm())
    )


def peterson(periods_s) -> tuple[np.ndarray, np.ndarray]:
    """New low- and high-noise models of Peterson (1993), dB of (m/s**2)**2/Hz, constant beyond their ends."""
    low, high = _peterson_models()
    x = np.log(np.asarray(periods_s, float))
    return np.interp(x, np.log(low[0]), low[1]), np.interp(x, np.log(high[0]), high[1])


def _time(utc) -> pd.Timestamp:
    return pd.Timestamp(utc.ns, unit="ns", tz="UTC")


def _at(trace, sample: int) -> pd.Timestamp:
    return _time(trace.stats.starttime) + pd.Timedelta(int(sample) / trace.stats.sampling_rate, "s")
