"""Records with what a picker says about them: components on top, one panel of probabilities per run of the picker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course_utils.teaching.style import COLOURS

if TYPE_CHECKING:
    import obspy
    import plotly.graph_objects as go

_DASH = {"P": "solid", "S": "dash"}
_SYMBOL = {"P": "circle", "S": "square"}


def record_with_probabilities(
    stream: obspy.Stream,
    probabilities: Mapping[str, obspy.Stream],
    picks: Mapping[str, pd.DataFrame] | None = None,
    arrivals: pd.DataFrame | None = None,
    arrivals_name: str = "true arrival",
) -> go.Figure:
    """Traces of one instrument, each over its own largest value, above the probabilities of P and S.

    Args:
        stream: one trace per component; the first one gives the time axis, in seconds after its start.
        probabilities: name of a run -> Stream as SeisBench's ``annotate`` returns it (channels ending in ``_P``, ``_S``).
        picks: name of a run -> picks table; drawn as markers at their probability.
        arrivals: picks or arrivals table, drawn as vertical lines through all panels.

    Returns:
        A Plotly figure without alternative text: pass it on to :func:`course_utils.teaching.style.describe`.
    """
    from plotly.subplots import make_subplots

    names = list(probabilities)
    heights = [0.7] * len(stream) + [1.0] * len(names)
    figure = make_subplots(
        rows=len(heights),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.02,
        row_heights=[h / sum(heights) for h in heights],
    )
    start = stream[0].stats.starttime
    length = stream[0].stats.npts / stream[0].stats.sampling_rate
    for row, trace in enumerate(stream, 1):
        x = np.round(trace.times() + (trace.stats.starttime - start), 3)
        y = trace.data - np.mean(trace.data)
        y = np.round(y / (np.abs(y).max() or 1.0), 3)
        figure.add_scatter(
            x=x, y=y, mode="lines", line={"color": "#888888", "width": 1}, showlegend=False, row=row, col=1
        )
        figure.update_yaxes(
            title_text=trace.stats.channel, range=[-1.1, 1.1], showticklabels=False, row=row, col=1, fixedrange=True
        )
    for row, name in enumerate(names, len(stream) + 1):
        first = row == len(stream) + 1
        for phase in "PS":
            for trace in probabilities[name].select(channel=f"*_{phase}"):
                figure.add_scatter(
                    x=np.round(trace.times() + (trace.stats.starttime - start), 3),
                    y=np.round(trace.data.astype(float), 3),
                    mode="lines",
                    line={"color": COLOURS[phase], "dash": _DASH[phase]},
                    name=f"{phase} probability",
                    legendgroup=phase,
                    showlegend=first,
                    row=row,
                    col=1,
                )
            if picks is not None and name in picks:
                _markers(figure, picks[name], phase, start, length, row, showlegend=row == len(stream) + 1)
        figure.update_yaxes(title_text=name, range=[-0.03, 1.08], row=row, col=1, fixedrange=True)
    if arrivals is not None:
        _lines(figure, arrivals, start, length, arrivals_name)
    figure.update_xaxes(range=[0, length])
    figure.update_xaxes(title_text=f"Seconds after {start.strftime('%Y-%m-%d %H:%M:%S')} UTC", row=len(heights), col=1)
    return figure.update_layout(height=170 + 75 * len(stream) + 120 * len(names), hovermode="x")


def _markers(figure, picks: pd.DataFrame, phase: str, start, length: float, row: int, showlegend: bool) -> None:
    rows = picks[picks["phase"] == phase]
    x = _seconds(rows["time"], start)
    inside = (x >= 0) & (x <= length)
    figure.add_scatter(
        x=np.round(x[inside], 3),
        y=rows["probability"].to_numpy()[inside].round(3),
        mode="markers",
        marker={"color": COLOURS[phase], "symbol": _SYMBOL[phase], "size": 10, "line": {"width": 1, "color": "white"}},
        name=f"{phase} pick",
        legendgroup=phase,
        showlegend=bool(showlegend and inside.any()),
        row=row,
        col=1,
    )


def _lines(figure, arrivals: pd.DataFrame, start, length: float, name: str) -> None:
    x = _seconds(arrivals["time"], start)
    for seconds, phase in zip(x, arrivals["phase"], strict=True):
        if 0 <= seconds <= length:
            figure.add_vline(
                x=round(float(seconds), 3), line={"color": "#888888", "width": 1.5, "dash": "dot"}, row="all", col=1
            )
            figure.add_annotation(
                x=round(float(seconds), 3), y=1.0, yref="paper", yanchor="top", xshift=8, text=phase, showarrow=False
            )
    figure.add_scatter(
        x=[None],
        y=[None],
        mode="lines",
        name=name,
        line={"color": "#888888", "width": 1.5, "dash": "dot"},
        row=1,
        col=1,
    )


def _seconds(times: pd.Series, start) -> np.ndarray:
    """Seconds between ``start`` (UTCDateTime) and each time."""
    return (times - pd.Timestamp(start.datetime, tz="UTC")).dt.total_seconds().to_numpy()
