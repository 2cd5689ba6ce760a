"""Record sections: the records of one event, station by station, at their distance, with the picks on them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course_utils.teaching.style import COLOURS

if TYPE_CHECKING:
    import obspy
    import plotly.graph_objects as go

_SYMBOL = {"P": "circle", "S": "square"}
_BINS = 500


def record_section(
    streams: Iterable[obspy.Stream],
    distances_km: pd.Series,
    start: pd.Timestamp,
    end: pd.Timestamp,
    picks: pd.DataFrame,
    own: Iterable[int] = (),
    predicted: pd.DataFrame | None = None,
    band_hz: tuple[float, float] = (2.0, 15.0),
    component: str = "Z",
) -> go.Figure:
    """Bandpassed records of one component, each over its own largest value, against distance and time.

    Args:
        streams: one Stream per station or one for all; never changed.
        distances_km: distance of each station, indexed by "NET.STA.LOC"; stations without one are left out.
        start, end: what to show, UTC.
        picks: picks table; those with a ``pick_id`` in ``own`` are filled, all others open and grey.
        predicted: station, phase, time: predicted arrivals, joined by a thin line per phase.
        band_hz: what to keep, by a causal filter, so that onsets stay where they are.

    Returns:
        A Plotly figure without alternative text: pass it on to :func:`course_utils.teaching.style.describe`.
    """
    import plotly.graph_objects as go
    from obspy import UTCDateTime

    figure = go.Figure()
    reach = float(distances_km.max() - distances_km.min()) or 1.0
    begin, finish = UTCDateTime(start), UTCDateTime(end)
    for stream in streams:
        for trace in stream.select(component=component):
            name = ".".join(trace.id.split(".")[:3])
            if name not in distances_km.index:
                continue
            piece = trace.slice(begin - 10, finish).copy().detrend("demean")
            high = min(band_hz[1], 0.45 * piece.stats.sampling_rate)
            piece.filter("bandpass", freqmin=band_hz[0], freqmax=high, corners=2).trim(begin, finish)
            if not piece.stats.npts:
                continue
            x, y = _envelope(piece.times() + (piece.stats.starttime - begin), piece.data)
            height = 0.045 * reach / (np.abs(y).max() or 1.0)
            figure.add_scatter(
                x=x.round(3),
                y=(float(distances_km[name]) + height * y).round(2),
                mode="lines",
                line={"color": "#888888", "width": 0.8},
                showlegend=False,
                name=name,
                hovertemplate=f"{name}, {distances_km[name]:.0f} km<extra></extra>",
            )
    if predicted is not None:
        _curves(figure, predicted, distances_km, start)
    _picks(figure, picks, distances_km, start, end, set(own))
    length = (end - start).total_seconds()
    figure.update_xaxes(title=f"seconds after {start:%Y-%m-%d %H:%M:%S} UTC", range=[0, length])
    figure.update_yaxes(title="epicentral distance in km")
    return figure.update_layout(height=640, hovermode="closest")


def _envelope(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and the largest sample of each of at most ``_BINS`` bins: what a screen can show of a long trace."""
    size = -(-len(y) // _BINS)
    if size < 3:
        return x, y
    bins = np.pad(y, (0, -len(y) % size), mode="edge").reshape(-1, size)
    at = np.sort(np.stack([bins.argmin(axis=1), bins.argmax(axis=1)], axis=1), axis=1)
    at = np.minimum((at + size * np.arange(len(bins))[:, None]).ravel(), len(y) - 1)
    return x[at], y[at]


def _curves(figure, predicted: pd.DataFrame, distances_km: pd.Series, start: pd.Timestamp) -> None:
    for phase in "PS":
        rows = predicted[(predicted["phase"] == phase) & predicted["station"].isin(distances_km.index)]
        rows = rows.assign(distance=rows["station"].map(distances_km)).sort_values("distance")
        if len(rows) > 1:
            figure.add_scatter(
                x=_seconds(rows["time"], start),
                y=rows["distance"].round(2),
                mode="lines",
                line={"color": COLOURS[phase], "width": 1.5, "dash": "dot"},
                name=f"{phase} predicted",
                legendgroup=phase,
                hoverinfo="skip",
            )


def _picks(figure, picks: pd.DataFrame, distances_km: pd.Series, start, end, own: set[int]) -> None:
    shown = picks[picks["time"].between(start, end) & picks["station"].isin(distances_km.index)]
    mine = shown["pick_id"].isin(own)
    for phase in "PS":
        for rows, colour, opened in ((shown[mine], COLOURS[phase], ""), (shown[~mine], "#888888", "-open")):
            rows = rows[rows["phase"] == phase]
            if not len(rows):
                continue
            probability = rows["probability"].map("{:.2f}".format)
            figure.add_scatter(
                x=_seconds(rows["time"], start),
                y=rows["station"].map(distances_km).round(2),
                mode="markers",
                marker={"symbol": _SYMBOL[phase] + opened, "size": 9, "color": colour, "line": {"width": 1.5}},
                name=f"{phase} pick" + (", others" if opened else ""),
                text=rows["station"] + "<br>" + phase + ", probability " + probability,
                hovertemplate="%{text}<extra></extra>",
            )


def _seconds(times: pd.Series, start: pd.Timestamp) -> np.ndarray:
    return (times - start).dt.total_seconds().round(3).to_numpy()
