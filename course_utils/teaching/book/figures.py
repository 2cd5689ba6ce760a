"""Plotly figures in the book: they work from a folder on disk, without a network, in light and dark mode.

myst-nb finds :class:`PlotlyRenderer` through the entry point group ``myst_nb.mime_renderers``. A figure becomes its
JSON beside a labelled empty box; ``course-figures.js`` draws it when the reader comes near, with the copy of Plotly
that the site ships once.
"""

from __future__ import annotations

import json
from html import escape

from docutils import nodes
from sphinx.util import logging

PLOTLY = "application/vnd.plotly.v1+json"
_HEIGHT_PX = 450


class PlotlyRenderer:
    """Renders ``application/vnd.plotly.v1+json``; leaves every other type to myst-nb."""

    mime_priority_overrides = (("*", PLOTLY, 1),)

    @staticmethod
    def handle_mime(renderer, data, inline: bool) -> list[nodes.Element] | None:
        """Nodes for a figure; warns (and so fails the build) when it has no alternative text."""
        if data.mime_type != PLOTLY or inline:
            return None
        figure = data.content if isinstance(data.content, dict) else json.loads(data.content)
        alt = alternative_text(figure)
        if not alt:
            logging.getLogger(__name__).warning(
                "Plotly figure without alternative text: use style.describe(fig, alt)", location=renderer.document
            )
        return [nodes.raw("", to_html(figure, alt), format="html", classes=["course-figure-output"])]


def alternative_text(figure: dict) -> str:
    """What ``style.describe`` stored in the figure, or an empty text."""
    meta = figure.get("layout", {}).get("meta")
    return str(meta.get("alt", "")).strip() if isinstance(meta, dict) else ""


def to_html(figure: dict, alt: str) -> str:
    """The box that the figure is drawn in, with the figure's JSON."""
    content = {key: figure[key] for key in ("data", "layout", "frames") if key in figure}
    # "<" cannot occur in a script element, where "</script>" would end it.
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    height = int(figure.get("layout", {}).get("height") or _HEIGHT_PX)
    return (
        f'<div class="course-figure" role="figure" aria-label="{escape(alt)}" style="min-height: {height}px">'
        f'<script type="application/json">{text}</script>'
        f"<noscript><p>{escape(alt)}</p></noscript></div>"
    )
