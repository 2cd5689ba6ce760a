"""The look of all figures: colours that survive colour blindness, one Matplotlib style, one Plotly template."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects as go

# Okabe and Ito's palette (https://jfly.uni-koeln.de/color/), each colour with one meaning throughout the course.
COLOURS = {
    "P": "#0072B2",
    "S": "#D55E00",
    "noise": "#999999",
    "truth": "#000000",
    "matched": "#009E73",
    "missed": "#D55E00",
    "proposed": "#CC79A7",
    "station": "#56B4E9",
    "baseline": "#E69F00",
}
CYCLE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999")
SEQUENTIAL = "Cividis"


def use_style() -> None:
    """Make the course's look the default of Matplotlib and Plotly in this process."""
    import matplotlib
    import plotly.io as pio
    from cycler import cycler

    matplotlib.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=CYCLE),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.titlelocation": "left",
            "axes.titlesize": "medium",
            "figure.figsize": (8, 4),
            "figure.dpi": 96,
            "figure.constrained_layout.use": True,
            "grid.color": "#dddddd",
            "grid.linewidth": 0.6,
            "image.cmap": "cividis",
            "legend.frameon": False,
            "lines.linewidth": 1.2,
        }
    )
    pio.templates["course"] = _template()
    pio.templates.default = "course"


def describe(figure: go.Figure, alt: str) -> go.Figure:
    """The Plotly figure with ``alt`` as its alternative text: what it shows, and what a reader should see in it.

    Raises:
        ValueError: the text is too short to say that.
    """
    if len(alt.split()) < 5:
        raise ValueError(f"alternative text {alt!r} says too little; write a sentence on what the figure shows")
    return figure.update_layout(meta={"alt": " ".join(alt.split())})


def _template():
    import plotly.graph_objects as go

    axis = {
        "gridcolor": "#dddddd",
        "linecolor": "#888888",
        "zerolinecolor": "#bbbbbb",
        "ticks": "outside",
        "showline": True,
        "automargin": True,
    }
    return go.layout.Template(
        layout={
            "colorway": list(CYCLE),
            "colorscale": {"sequential": SEQUENTIAL.lower()},
            "font": {"size": 13},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "margin": {"l": 60, "r": 20, "t": 84, "b": 50},
            "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
            "title": {"x": 0, "xanchor": "left", "xref": "paper", "y": 0.98, "yanchor": "top", "font": {"size": 16}},
            "xaxis": axis,
            "yaxis": axis,
            "hoverlabel": {"namelength": -1},
        }
    )
