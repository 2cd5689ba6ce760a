"""Sphinx extension of the book: its style, its figures, and formulas without a network."""

from __future__ import annotations

import importlib
import os
import shutil
from html import escape
from pathlib import Path

from sphinx.application import Sphinx

from course_utils.teaching.book.vendor import plotly_js

_OWN = ("course-figures.js", "course.css")


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.add_html_math_renderer("plain", (_inline_math, None), (_block_math, None))
    app.connect("config-inited", _choose_math, priority=100)
    app.connect("config-inited", _without_thebe)
    app.connect("missing-reference", _follow_reexport)
    app.connect("build-finished", _copy)
    app.add_css_file("course.css")
    app.add_js_file("course-figures.js")
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _choose_math(app: Sphinx, config) -> None:
    if os.environ.get("COURSE_MATHJAX"):
        config.html_math_renderer = "mathjax"
        config.mathjax_path = "vendor/mathjax/es5/tex-chtml.js"
    else:
        config.html_math_renderer = "plain"


def _without_thebe(app: Sphinx, config) -> None:
    """Jupyter Book always loads sphinx-thebe, which writes addresses of other hosts and a script error into pages."""
    for listeners in app.events.listeners.values():
        for listener in list(listeners):
            if getattr(listener.handler, "__module__", "") == "sphinx_thebe":
                app.disconnect(listener.id)
    app.registry.css_files = [entry for entry in app.registry.css_files if "thebe" not in entry[0]]


def _follow_reexport(app: Sphinx, env, node, contnode):
    """``course_utils.picking.pick`` is documented in the module that defines it; lead there."""
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not target.startswith("course_utils."):
        return None
    package, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(package), name)
    except (ImportError, AttributeError):
        return None  # Sphinx then warns, and the build fails
    defined = f"{getattr(found, '__module__', '')}.{getattr(found, '__qualname__', '')}"
    if defined == target:
        return None
    domain = env.get_domain("py")
    return domain.resolve_xref(env, node["refdoc"], app.builder, node["reftype"], defined, node, contnode)


def _copy(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    vendor = static / "vendor"
    vendor.mkdir(parents=True, exist_ok=True)
    for name in _OWN:
        shutil.copyfile(Path(__file__).with_name(name), static / name)
    shutil.copyfile(plotly_js(), vendor / "plotly.min.js")
    if os.environ.get("COURSE_MATHJAX"):
        shutil.copytree(os.environ["COURSE_MATHJAX"], vendor / "mathjax", dirs_exist_ok=True)


def _inline_math(self, node) -> None:
    from docutils import nodes

    self.body.append(f'<code class="course-math">{escape(node.astext())}</code>')
    raise nodes.SkipNode


def _block_math(self, node) -> None:
    from docutils import nodes

    self.body.append(f'<pre class="course-math">{escape(node.astext())}</pre>')
    raise nodes.SkipNode
