"""Pieces of the reports: one HTML file each, that needs nothing else, with pictures, tables and figures to explore."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import matplotlib.figure
    import plotly.graph_objects as go


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page with the look of all reports; ``title`` is also its heading."""
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f'<meta name="color-scheme" content="light dark"><style>{_file("report.css")}</style>'
    )
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body><main>\n<h1>{escape(title)}</h1>\n{body}\n</main></body></html>\n'


def picture(figure: matplotlib.figure.Figure, alt: str) -> str:
    """A Matplotlib figure inside the page, with its description below; the figure is closed."""
    import matplotlib.pyplot as plt

    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=100, metadata={"Software": None})
    plt.close(figure)
    data, text = base64.b64encode(held.getvalue()).decode(), escape(alt, quote=True)
    return f'<figure><img src="data:image/png;base64,{data}" alt="{text}"><figcaption>{text}</figcaption></figure>'


def table(frame: pd.DataFrame, most: int = 100, index: bool = False) -> str:
    """The first rows of a frame, and how many there are."""
    more = f"<p>The first {most} of {len(frame)}.</p>" if len(frame) > most else ""
    html = frame.head(most).to_html(
        index=index, border=0, na_rep="", float_format=lambda v: f"{v:.0f}" if abs(v) >= 1000 else f"{v:.3g}"
    )
    return f'{more}<div class="scroll" tabindex="0">{html}</div>'


def explorable(figures: Iterable[tuple[str, str, go.Figure, str]]) -> str:
    """Plotly figures, each given as name, heading, figure and description, with one copy of Plotly for all."""
    from plotly.offline import get_plotlyjs

    parts = [f"<script>{get_plotlyjs()}</script>", "<script>const plots = [];</script>"]
    for name, heading, figure, alt in figures:
        figure.update_layout(
            paper_bgcolor="rgba(0,0,0,0)",
            plot_bgcolor="rgba(0,0,0,0)",
            margin={"l": 56, "r": 10, "t": 46, "b": 46},
            legend={"orientation": "h", "yanchor": "bottom", "y": 1.01, "x": 0},
        )
        data = figure.to_json().replace("</", "<\\/")  # "</" inside a script element would end it
        parts.append(
            f'<h2>{heading}</h2><figure><div id="{name}" class="plot" role="img" aria-label="{escape(alt, quote=True)}"></div>'
            f'<figcaption>{escape(alt)}</figcaption></figure><script>plots.push(["{name}", {data}]);</script>'
        )
    return "\n".join([*parts, f"<script>{_file('report.js')}</script>"])


def _file(name: str) -> str:
    return resources.files("course_utils.pipeline").joinpath(name).read_text("utf-8")
