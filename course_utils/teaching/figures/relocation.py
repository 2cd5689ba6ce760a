"""Relocation to look at: a map and a section that sharpen step by step, and hypocenters in three dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from course_utils.teaching.style import COLOURS

if TYPE_CHECKING:
    import plotly.graph_objects as go


def _marks(place: np.ndarray, vertical: int, colour: str, symbol: str, name: str, size: float, first: bool):
    import plotly.graph_objects as go

    return go.Scatter(
        x=place[:, 0].round(3),
        y=place[:, vertical].round(3),
        mode="markers",
        marker={"color": colour, "symbol": symbol, "size": size, "opacity": 0.8},
        name=name,
        legendgroup=name,
        showlegend=first,
        hovertemplate="%{x:.2f} km east<br>%{y:.2f} km<extra></extra>",
    )


def steps_figure(
    steps: dict[str, np.ndarray], truth: np.ndarray, east: tuple[float, float], north: tuple[float, float], depth: tuple
) -> go.Figure:
    """A map above a section towards north, with buttons that exchange the hypocenters; the truth stays behind them.

    Args:
        steps: hypocenters of each step, (events, 3): km east, km north, depth in km.
        truth: the true ones.
        east, north, depth: ranges in km.

    Returns:
        A Plotly figure without alternative text: pass it on to :func:`course_utils.teaching.style.describe`.
    """
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.05, row_heights=[0.62, 0.38])
    names = list(steps)
    for row, vertical in ((1, 1), (2, 2)):
        figure.add_trace(_marks(truth, vertical, COLOURS["noise"], "circle-open", "truth", 7, row == 1), row=row, col=1)
        for k, (name, place) in enumerate(steps.items()):
            trace = _marks(place, vertical, COLOURS["matched"], "circle", name, 5, row == 1)
            figure.add_trace(trace.update(visible=k == 0), row=row, col=1)
    n = len(names)
    buttons = []
    for k, name in enumerate(names):
        shown = [True] + [i == k for i in range(n)]
        buttons.append({"label": name, "method": "update", "args": [{"visible": shown * 2}]})
    ratio = {"scaleanchor": "x", "scaleratio": 1}
    figure.update_xaxes(range=east)
    figure.update_xaxes(title="km east", row=2)
    figure.update_yaxes(title="km north", range=north, row=1, **ratio)
    figure.update_yaxes(title="depth in km", range=depth[::-1], row=2)
    menu = {"type": "buttons", "direction": "right", "x": 0, "xanchor": "left", "y": 1.1, "yanchor": "bottom"}
    return figure.update_layout(height=760, updatemenus=[{**menu, "buttons": buttons}], margin={"t": 150})


def hypocenters_figure(groups: dict[str, np.ndarray], half_width_km: float) -> go.Figure:
    """Hypocenters of several catalogs in three dimensions, around a common point; a click in the legend hides one.

    Args:
        groups: for each name (events, 3): km east, km north, km below.
        half_width_km: half the side of the cube.

    Returns:
        A Plotly figure without alternative text: pass it on to :func:`course_utils.teaching.style.describe`.
    """
    import plotly.graph_objects as go

    looks = (("#999999", "circle", 4), (COLOURS["S"], "circle", 4), (COLOURS["P"], "diamond-open", 8))
    figure = go.Figure()
    for (name, place), (colour, symbol, size) in zip(groups.items(), looks, strict=False):
        figure.add_scatter3d(
            x=place[:, 0].round(4),
            y=place[:, 1].round(4),
            z=place[:, 2].round(4),
            mode="markers",
            marker={"size": size, "color": colour, "symbol": symbol, "line": {"color": colour, "width": 2}},
            name=name,
        )
    side = {"range": [-half_width_km, half_width_km]}
    return figure.update_layout(
        height=560,
        scene={
            "xaxis": {"title": "km east", **side},
            "yaxis": {"title": "km north", **side},
            "zaxis": {"title": "km below", "range": side["range"][::-1]},
            "aspectmode": "cube",
            "camera": {"eye": {"x": -1.7, "y": -2.3, "z": 0.9}, "center": {"x": 0, "y": 0, "z": -0.1}},
        },
        legend={"itemsizing": "constant"},
        margin={"l": 0, "r": 0, "b": 10},
    )
