"""Record sections as small SVG pictures: the waveforms of one event with its picks, for a person to judge.

Drawn by hand rather than by a plotting library: a section of a dozen stations takes some 60 kB, follows the light or dark
colours of the page it stands in, and stays sharp on any screen.
"""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd

from course_utils.catalog.tables import UTC_DTYPE
from course_utils.earth import distance_azimuth

HIGHPASS_HZ = 2.0
PAD_S = 5.0  # read around the window, so that the filter's edges stay outside
_WIDTH, _LEFT, _ROW, _TOP, _BOTTOM = 560, 92, 30, 6, 34
_COLUMNS = 320  # horizontal resolution of a trace: each column is drawn from its least to its greatest sample


def section_window(event: dict, assigned_times: pd.Series) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Time to show around an event: from 2 s before the origin to 4 s after its last pick, 8 to 90 s long."""
    start = event["time"] - pd.Timedelta(seconds=2)
    last = assigned_times.max() if len(assigned_times) else event["time"]
    seconds = float(np.clip((last - start).total_seconds() + 4.0, 8.0, 90.0))
    return start, start + pd.Timedelta(seconds=seconds)


def nearest_stations(event: dict, stations: pd.DataFrame, most: int) -> pd.DataFrame:
    """The nearest stations with a column ``distance_km``, nearest first."""
    distance, _ = distance_azimuth(
        event["latitude"], event["longitude"], stations["latitude"].to_numpy(), stations["longitude"].to_numpy()
    )
    ranked = stations.assign(distance_km=distance).sort_values(["distance_km", "station"], kind="stable")
    return ranked.head(most)


def record_section(
    traces: dict[str, list],
    nearest: pd.DataFrame,
    picks: pd.DataFrame,
    assigned_ids: set[int],
    start: pd.Timestamp,
    end: pd.Timestamp,
    origin: pd.Timestamp,
    label: str,
) -> str:
    """An SVG element: for each station the vertical and the stronger horizontal record, high-passed at 2 Hz.

    Args:
        traces: ObsPy traces by station, already filtered (:func:`prepare`).
        nearest: stations to draw from top to bottom, with ``distance_km``.
        picks: picks in the window; those in ``assigned_ids`` are drawn solid, others dashed.
        start, end: window, UTC; the time axis counts from ``origin``.
        label: alternative text.
    """
    span = (end - start).total_seconds()
    scale = (_WIDTH - _LEFT - 8) / span

    def x_of(time: pd.Timestamp) -> float:
        return _LEFT + (time - start).total_seconds() * scale

    parts, y = [], float(_TOP)
    for row in nearest.itertuples():
        vertical, horizontal = _chosen(traces.get(row.station, []))
        middle = y + _ROW
        code = ".".join(row.station.split(".")[:2])
        parts.append(f'<text x="2" y="{middle - 4:.0f}">{escape(code)}</text>')
        parts.append(f'<text x="2" y="{middle + 11:.0f}" class="faint">{row.distance_km:.1f} km</text>')
        for trace, offset, name in ((vertical, _ROW * 0.5, "Z"), (horizontal, _ROW * 1.5, "H")):
            if trace is None:
                parts.append(f'<text x="{_LEFT + 4}" y="{y + offset + 4:.0f}" class="faint">no {name} record</text>')
                continue
            line = _polyline(trace, start, end, y + offset, _ROW * 0.46)
            if line:
                parts.append(f'<path d="{line}" class="{name.lower()}"/>')
        here = picks[picks["station"] == row.station]
        for pick in here.itertuples():
            at = x_of(pick.time)
            kind = "" if pick.pick_id in assigned_ids else " free"
            parts.append(
                f'<path d="M{at:.1f} {y + 2:.0f}V{y + 2 * _ROW - 2:.0f}" class="pick {pick.phase.lower()}{kind}"/>'
            )
        y += 2 * _ROW + 4
    parts.append(_axis(start, origin, span, scale, y))
    height = y + _BOTTOM
    return (
        f'<svg class="section" viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-label="{escape(label, quote=True)}">'
        + "".join(parts)
        + "</svg>"
    )


def prepare(stream, start: pd.Timestamp, end: pd.Timestamp) -> list:
    """Traces high-passed at 2 Hz and cut to the window; records that the filter cannot serve are left out."""
    from obspy import UTCDateTime
    from scipy.signal import butter, sosfiltfilt

    kept = []
    for trace in stream.copy().split() if any(np.ma.isMaskedArray(t.data) for t in stream) else stream.copy():
        rate, data = trace.stats.sampling_rate, np.asarray(trace.data, float)
        if rate < 4 * HIGHPASS_HZ or len(data) < rate or not np.isfinite(data).all():
            continue
        sos = butter(2, HIGHPASS_HZ, "highpass", fs=rate, output="sos")
        trace.data = sosfiltfilt(sos, data - data.mean())
        trace.trim(UTCDateTime(ns=start.value), UTCDateTime(ns=end.value), nearest_sample=False)
        if len(trace.data) > 1:
            kept.append(trace)
    return kept


def _chosen(traces: list) -> tuple:
    """The vertical record and the stronger horizontal one; of several pieces the longest."""
    by_letter: dict[str, list] = {}
    for trace in traces:
        by_letter.setdefault(trace.stats.channel[-1:], []).append(trace)
    longest = {letter: max(pieces, key=lambda t: len(t.data)) for letter, pieces in by_letter.items()}
    vertical = longest.pop("Z", None)
    rest = sorted(longest.items(), key=lambda item: (-float(np.std(item[1].data)), item[0]))
    return vertical, rest[0][1] if rest else None


def _polyline(trace, start: pd.Timestamp, end: pd.Timestamp, middle: float, half: float) -> str:
    """Path through least and greatest sample of each column, scaled to the record's own peak."""
    data = trace.data
    peak = float(np.abs(data).max())
    if peak == 0:
        return ""
    t0 = (pd.Timestamp(trace.stats.starttime.ns, tz="UTC") - start).total_seconds()
    seconds = t0 + np.arange(len(data)) / trace.stats.sampling_rate
    span = (end - start).total_seconds()
    column = np.clip((seconds / span * _COLUMNS).astype(int), 0, _COLUMNS - 1)
    first = np.flatnonzero(np.r_[True, np.diff(column) > 0])
    width = (_WIDTH - _LEFT - 8) / _COLUMNS
    xs = _LEFT + (column[first] + 0.5) * width
    low, high = np.minimum.reduceat(data, first), np.maximum.reduceat(data, first)
    # up one column and down the next, so that the line does not cross itself
    ys = np.stack([low, high], axis=1)
    ys[1::2] = ys[1::2, ::-1]
    ys = middle - ys / peak * half
    points = [f"{x:.0f} {a:.1f}V{b:.1f}" for x, (a, b) in zip(xs, ys, strict=True)]
    return "M" + "L".join(points)


def _axis(start: pd.Timestamp, origin: pd.Timestamp, span: float, scale: float, y: float) -> str:
    step = next(s for s in (1, 2, 5, 10, 20, 30) if span / s <= 10)
    first = (start - origin).total_seconds()
    ticks = np.arange(np.ceil(first / step) * step, first + span + 1e-9, step)
    out = [f'<path d="M{_LEFT} {y:.0f}H{_WIDTH - 8}" class="axis"/>']
    for tick in ticks:
        at = _LEFT + (tick - first) * scale
        out.append(f'<path d="M{at:.1f} {y:.0f}v4" class="axis"/>')
        out.append(f'<text x="{at:.1f}" y="{y + 17:.0f}" text-anchor="middle">{tick:g}</text>')
    out.append(f'<text x="{_WIDTH - 8}" y="{y + 31:.0f}" text-anchor="end" class="faint">s after origin time</text>')
    return "".join(out)


def in_window(picks: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Picks between two times."""
    times = picks["time"].astype(UTC_DTYPE)
    return picks[(times >= start) & (times <= end)]
