"""The explorable figures of a run's report: map with depth section, and the course of the sequence in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course_utils.catalog.formats import id_text
from course_utils.pipeline.comparison import Comparison
from course_utils.teaching.style import COLOURS

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from course_utils.catalog.tables import Catalog

_REFERENCE, _OWN = "#888888", COLOURS["matched"]


def map_and_section(catalog: Catalog, comparison: Comparison | None) -> tuple[go.Figure, str]:
    """Epicenters with stations, and the same events in depth along longitude; and a text that says what is to be seen."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.68, 0.32], vertical_spacing=0.06)
    stations, events = catalog.stations, catalog.events
    figure.add_scatter(
        x=stations["longitude"],
        y=stations["latitude"],
        mode="markers",
        name="stations",
        marker={"symbol": "triangle-up", "size": 9, "color": COLOURS["station"], "line": {"width": 1, "color": "#555"}},
        text=stations["station"],
        hovertemplate="%{text}<extra></extra>",
        row=1,
        col=1,
    )
    for name, rows, colour, symbol in _groups(events, comparison):
        for row, y in ((1, "latitude"), (2, "depth_km")):
            figure.add_scatter(
                x=rows["longitude"],
                y=rows[y],
                mode="markers",
                name=f"{name} ({len(rows)})",
                legendgroup=name,
                showlegend=row == 1,
                marker={"symbol": symbol, "size": _sizes(rows), "color": colour, "opacity": 0.8},
                customdata=np.column_stack([_labels(rows), rows["depth_km"].round(2)]),
                hovertemplate="%{customdata[0]}<br>depth %{customdata[1]} km<extra></extra>",
                row=row,
                col=1,
            )
    middle = float(np.nanmean(np.r_[stations["latitude"], events["latitude"]]))
    figure.update_yaxes(title="latitude", scaleanchor="x", scaleratio=1 / np.cos(np.radians(middle)), row=1, col=1)
    figure.update_yaxes(title="depth in km", autorange="reversed", row=2, col=1)
    figure.update_xaxes(title="longitude", row=2, col=1)
    figure.update_layout(height=760)
    alt = (
        f"Map of {len(events)} epicenters and {len(stations)} stations, with a section of depth along longitude below."
    )
    if len(events):
        alt += (
            f" Epicenters lie between {events['latitude'].min():.2f} and {events['latitude'].max():.2f} degrees north, "
            f"{events['longitude'].min():.2f} and {events['longitude'].max():.2f} degrees east; depths from "
            f"{events['depth_km'].min():.1f} to {events['depth_km'].max():.1f} km."
        )
    return figure, alt


def time_figure(catalog: Catalog, comparison: Comparison | None) -> tuple[go.Figure, str]:
    """Magnitudes over time where there are any, else the number of picks of each event; and its description."""
    import plotly.graph_objects as go

    events = catalog.events.assign(n_picks=catalog.events["n_p"].fillna(0) + catalog.events["n_s"].fillna(0))
    column, title = (
        ("magnitude", "magnitude") if events["magnitude"].notna().any() else ("n_picks", "picks of the event")
    )
    figure = go.Figure()
    for name, rows, colour, symbol in _groups(events, comparison):
        if column not in rows or rows[column].isna().all():
            continue
        figure.add_scatter(
            x=rows["time"],
            y=rows[column],
            mode="markers",
            name=f"{name} ({len(rows)})",
            marker={"symbol": symbol, "size": 8, "color": colour, "opacity": 0.85},
            text=_labels(rows),
            hovertemplate="%{text}<br>" + title + " %{y}<extra></extra>",
        )
    figure.update_layout(height=340, yaxis={"title": title}, xaxis={"title": "origin time, UTC"})
    alt = f"{title.capitalize()} of {len(events)} events over time."
    if len(events):
        alt += f" From {events['time'].min():%Y-%m-%d %H:%M:%S} to {events['time'].max():%Y-%m-%d %H:%M:%S} UTC."
    return figure, alt


def _groups(events: pd.DataFrame, comparison: Comparison | None) -> list[tuple[str, pd.DataFrame, str, str]]:
    """Name, rows, colour and symbol of each kind of event."""
    if comparison is None:
        return [("events", events, _OWN, "circle")]
    proposed = events["event_id"].isin(comparison.proposed["event_id"])
    groups = [
        ("reference", comparison.reference, _REFERENCE, "circle-open"),
        ("matched", events[~proposed], _OWN, "circle"),
        ("not in the reference", events[proposed], COLOURS["proposed"], "diamond"),
        ("missed", comparison.missed, COLOURS["missed"], "x"),
    ]
    return [group for group in groups if len(group[1])]


def _labels(rows: pd.DataFrame) -> list[str]:
    times = rows["time"].dt.strftime("%Y-%m-%d %H:%M:%S.%f").str[:-4]
    magnitudes = ["" if np.isnan(m) else f" M {m:.1f}" for m in rows["magnitude"]]
    ids = [id_text(i)[:8] for i in rows["event_id"]]
    return [f"{t}{m} ({i})" for t, m, i in zip(times, magnitudes, ids, strict=True)]


def _sizes(rows: pd.DataFrame) -> np.ndarray:
    return np.clip(6 + 3 * rows["magnitude"].fillna(0.7).to_numpy(float), 5, 26)
