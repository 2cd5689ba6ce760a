"""A sequence in time: map and section with a slider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course_utils.teaching.style import COLOURS

if TYPE_CHECKING:
    import plotly.graph_objects as go

_LOOK = {"bgcolor": "#dddddd", "bordercolor": "#888888"}


def slider_map(events: pd.DataFrame, place_km: np.ndarray, hours: float, half_width_km: float) -> go.Figure:
    """A map above a section towards north; a slider picks the events of one window of time, all others stay grey.

    Args:
        events: events table with magnitudes.
        place_km: shape (events, 3): km east, km north, depth in km.
        hours: length of a window.
        half_width_km: half the side of the map.

    Returns:
        A Plotly figure without alternative text: pass it on to :func:`course_utils.teaching.style.describe`.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    first = events["time"].min().floor("D")
    window = ((events["time"] - first).dt.total_seconds() // (3600 * hours)).astype(int).to_numpy()
    size = np.clip(4 + 3 * events["magnitude"].to_numpy(float), 4, 24).round(0)
    place = place_km.round(2)

    def marks(chosen, vertical, **look):
        return go.Scatter(x=place[chosen, 0], y=place[chosen, vertical], mode="markers", hoverinfo="skip", **look)

    figure = make_subplots(2, 1, shared_xaxes=True, row_heights=[0.7, 0.3], vertical_spacing=0.04)
    start = int(np.bincount(window).argmax())
    for row, vertical in ((1, 1), (2, 2)):
        grey = {"size": 3, "color": COLOURS["noise"], "opacity": 0.5}
        figure.add_trace(marks(slice(None), vertical, marker=grey, name="all", showlegend=row == 1), row, 1)
        now = {"size": size[window == start], "color": COLOURS["S"], "opacity": 0.8}
        label = f"in these {hours:g} hours"
        figure.add_trace(marks(window == start, vertical, marker=now, name=label, showlegend=row == 1), row, 1)
    frames, steps = [], []
    still = {"mode": "immediate", "frame": {"duration": 0, "redraw": False}, "transition": {"duration": 0}}
    for k in range(window.max() + 1):
        name = f"{first + pd.Timedelta(hours=k * hours):%d %B %H:%M}, {int((window == k).sum())} events"
        data = [marks(window == k, vertical, marker={"size": size[window == k]}) for vertical in (1, 2)]
        frames.append(go.Frame(name=name, data=data, traces=[1, 3]))
        steps.append({"method": "animate", "label": name, "args": [[name], still]})
    figure.frames = frames
    side = [-half_width_km, half_width_km]
    figure.update_xaxes(range=side)
    figure.update_xaxes(title="km east", row=2)
    figure.update_yaxes(title="km north", range=side, scaleanchor="x", scaleratio=1, constrain="domain", row=1)
    figure.update_yaxes(title="depth in km", autorange="reversed", row=2)
    slider = {"steps": steps, "active": start, "pad": {"t": 60}, "ticklen": 0, "minorticklen": 0, **_LOOK}
    slider["font"] = {"color": "rgba(0,0,0,0)", "size": 1}  # labels of all steps would lie on one another
    slider["currentvalue"] = {"prefix": "from ", "font": {"size": 13, "color": "#888888"}}
    return figure.update_layout(height=800, sliders=[slider], margin={"b": 130}, legend={"itemsizing": "constant"})
