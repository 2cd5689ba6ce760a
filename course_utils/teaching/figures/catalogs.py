"""Catalogs to explore: a map, a section of depth under it, and the course of events in time, on linked axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course_utils.catalog.formats import id_text
from course_utils.teaching.style import COLOURS

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from course_utils.catalog.matching import EventMatch

_LOOK = {
    "reference": ("#888888", "circle-open"),
    "events": (COLOURS["matched"], "circle"),
    "matched": (COLOURS["matched"], "circle"),
    "proposed": (COLOURS["proposed"], "diamond"),
    "missed": (COLOURS["missed"], "x"),
}
_SHARE = {"map": 0.56, "depth": 0.22, "time": 0.22}
_HEIGHT_PX = {"map": 430, "depth": 170, "time": 190}


@dataclass(frozen=True)
class Group:
    """Events drawn alike: ``kind`` is "reference", "events", "matched", "proposed" or "missed"."""

    kind: str
    name: str
    events: pd.DataFrame


def groups(
    events: pd.DataFrame,
    match: EventMatch | None = None,
    reference: pd.DataFrame | None = None,
    missed: pd.DataFrame | None = None,
    reference_name: str = "reference",
) -> list[Group]:
    """The events of a catalog, or, with a ``match``, what became of each; groups without rows are left out.

    Args:
        events: events table.
        match: what :func:`course_utils.catalog.matching.match_events` said of them.
        reference: all reference events, drawn behind.
        missed: the reference events that count as missed; by default all without partner.
    """
    if match is None:
        return [Group("events", "events", events)] if len(events) else []
    proposed = events["event_id"].isin(match.proposed["event_id"])
    all_groups = [
        Group("reference", reference_name, events.iloc[:0] if reference is None else reference),
        Group("matched", "matched", events[~proposed]),
        Group("proposed", f"not in the {reference_name}", events[proposed]),
        Group("missed", "missed", match.missed if missed is None else missed),
    ]
    return [group for group in all_groups if len(group.events)]


def catalog_figure(
    stations: pd.DataFrame, shown: list[Group], panels: tuple[str, ...] = ("map", "depth", "time")
) -> go.Figure:
    """Panels one below the other: "map" (with stations), "depth" along longitude, "time".

    Map and depth share their longitudes, so that zooming into one moves the other; a click in the legend hides a group
    in all panels. The time panel shows magnitudes, or the number of picks where the catalog has no magnitudes.

    Returns:
        A Plotly figure without alternative text: pass it on to :func:`course_utils.teaching.style.describe`.
    """
    from plotly.subplots import make_subplots

    whole = sum(_SHARE[p] for p in panels)
    figure = make_subplots(
        rows=len(panels), cols=1, row_heights=[_SHARE[p] / whole for p in panels], vertical_spacing=0.09
    )
    own = [group.events["magnitude"] for group in shown if group.kind not in ("reference", "missed")]
    sized = bool(own) and any(column.notna().any() for column in own)
    last_map_row = max((row for row, panel in enumerate(panels, 1) if panel != "time"), default=0)
    for row, panel in enumerate(panels, 1):
        if panel == "map":
            _stations(figure, stations, row)
        for group in shown:
            x, y, rows = _values(group, panel, sized)
            if not len(rows):
                continue
            colour, symbol = _LOOK[group.kind]
            figure.add_scatter(
                x=x,
                y=y,
                mode="markers",
                name=f"{group.name} ({len(group.events)})",
                legendgroup=group.name,
                showlegend=row == 1,
                marker={"symbol": symbol, "size": _sizes(rows, sized), "color": colour, "opacity": 0.85},
                text=_labels(rows),
                hovertemplate="%{text}<extra></extra>",
                row=row,
                col=1,
            )
        if panel == "map":
            latitudes = np.concatenate([stations["latitude"], *(g.events["latitude"] for g in shown)])
            ratio = 1 / np.cos(np.radians(float(np.nanmean(latitudes))))
            figure.update_yaxes(title="latitude", scaleanchor=f"x{row if row > 1 else ''}", scaleratio=ratio, row=row)
        elif panel == "depth":
            figure.update_yaxes(title="depth in km", autorange="reversed", row=row)
        else:
            figure.update_yaxes(title="magnitude" if sized else "picks", rangemode="tozero", row=row)
            figure.update_xaxes(title="origin time, UTC", row=row)
        if panel != "time":
            title = "longitude" if row == last_map_row else None
            figure.update_xaxes(title=title, matches="x", row=row)
    # below the last axis stand its numbers, a date and a title
    return figure.update_layout(height=140 + sum(_HEIGHT_PX[p] for p in panels), margin={"b": 80})


def _stations(figure, stations: pd.DataFrame, row: int) -> None:
    figure.add_scatter(
        x=stations["longitude"],
        y=stations["latitude"],
        mode="markers",
        name="stations",
        marker={
            "symbol": "triangle-up",
            "size": 10,
            "color": COLOURS["station"],
            "line": {"width": 1, "color": "#555"},
        },
        text=stations["station"],
        hovertemplate="%{text}<extra></extra>",
        row=row,
        col=1,
    )


def _values(group: Group, panel: str, sized: bool):
    """Abscissa and ordinate of a group in a panel, and the rows that have both."""
    rows = group.events
    if panel == "time":
        y = rows["magnitude"] if sized else rows["n_p"].fillna(0) + rows["n_s"].fillna(0)
        rows = rows[y.notna()] if sized else rows[y > 0]
        return rows["time"], y[rows.index], rows
    y = rows["latitude" if panel == "map" else "depth_km"]
    return rows["longitude"].round(5), y.round(5), rows


def _labels(rows: pd.DataFrame) -> list[str]:
    """One line on time, magnitude and id, one on depth, for each event."""
    times = rows["time"].dt.strftime("%Y-%m-%d %H:%M:%S.%f").str[:-4]
    magnitudes = ["" if np.isnan(m) else f" M {m:.1f}" for m in rows["magnitude"]]
    ids = [id_text(i)[:8] for i in rows["event_id"]]
    return [
        f"{t}{m} ({i})<br>depth {d:.1f} km" for t, m, i, d in zip(times, magnitudes, ids, rows["depth_km"], strict=True)
    ]


def _sizes(rows: pd.DataFrame, sized: bool) -> np.ndarray | float:
    """Marker sizes in px: by magnitude, or else smaller the more events there are."""
    if sized:
        return np.clip(6 + 3 * rows["magnitude"].fillna(0.7).to_numpy(float), 5, 26)
    return float(np.clip(80 / np.sqrt(len(rows)), 3, 8))
