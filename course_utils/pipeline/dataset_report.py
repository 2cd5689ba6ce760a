"""The report of a data set: one HTML file with pictures and tables, for a person who must decide whether to train on it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from html import escape
from importlib import resources
from pathlib import Path

import pandas as pd

from course_utils.catalog.store import write_text
from course_utils.picking.curation import (
    CurationError,
    constant_picks,
    duplicated_events,
    duplicated_records,
    leak_report,
    split_sizes,
    suspicious_labels,
)
from course_utils.teaching.figures.datasets import PANELS, gallery, overview

_LISTED, _DRAWN = 100, 6


def write_dataset_report(dataset, path: str | Path, title: str = "", counts: dict[str, int] | None = None) -> Path:
    """Write the report of any ``seisbench.data.WaveformDataset``: balance, leaks, doubtful labels, pictures.

    Args:
        counts: what was left out when it was made, and why.
    """
    metadata = dataset.metadata
    parts = [f"<h1>{escape(title or 'Data set')}</h1>", _lead(metadata)]
    if "split" in metadata.columns:
        sizes = split_sizes(metadata)
        parts += ["<h2>Parts</h2>", _frame(sizes)]
        parts += ["<h2>Leaks between the parts</h2>", f"<pre>{escape(str(leak_report(dataset)))}</pre>"]
    parts.append("<h2>What is in it</h2>")
    for name in PANELS:
        figure, alt = overview(metadata, (name,), columns=1)
        parts.append(_image(figure, alt))
    parts += ["<h2>Labels to look at</h2>", *_labels(dataset)]
    if counts is not None:
        rows = pd.DataFrame(sorted(counts.items()), columns=["what", "number"])
        parts += ["<h2>What was left out or noticed</h2>", _frame(rows), "<p>left_out.csv lists them one by one.</p>"]
    css = (resources.files("course_utils.pipeline") / "report.css").read_text(encoding="utf-8")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title or "Data set")}</title>'
    more = "img { max-width: 100%; height: auto; background: #ffffff; }"
    html = f'<!doctype html><html lang="en"><head>{head}<style>{css}{more}</style></head><body><main>{"".join(parts)}</main></body></html>\n'
    return write_text(html, path)


def _lead(metadata: pd.DataFrame) -> str:
    rate = ", ".join(f"{r:g} Hz" for r in sorted(metadata["trace_sampling_rate_hz"].dropna().unique()))
    return f'<p class="lead"><strong>{len(metadata)} records</strong> at {rate or "an unknown rate"}.</p>'


def _labels(dataset) -> Iterable[str]:
    metadata = dataset.metadata
    yield "<p>Nothing here is proof; look at them.</p>"
    for heading, find in (
        ("Picks in one place", lambda: constant_picks(metadata)),
        ("Events that may be one", lambda: duplicated_events(metadata)),
        ("Records that may be one", lambda: duplicated_records(metadata)),
    ):
        try:
            found = find()
        except CurationError as error:
            yield f"<h3>{heading}</h3><p>Not tested: {escape(str(error))}.</p>"
            continue
        yield f"<h3>{heading}</h3>" + (_frame(found) if len(found) else "<p>None.</p>")
    try:
        doubtful = suspicious_labels(metadata)
    except CurationError as error:
        yield f"<p>{escape(str(error))}.</p>"
        return
    counts = doubtful["reason"].value_counts().rename_axis("reason").reset_index(name="number")
    yield "<h3>Suspicious labels</h3>" + (_frame(counts) if len(counts) else "<p>None.</p>")
    for what, why in doubtful.attrs["not_tested"].items():
        yield f"<p>Not tested: {escape(what)}, since {escape(why)}.</p>"
    worst = doubtful.drop_duplicates("reason").head(_DRAWN)
    if len(worst):
        titles = [f"row {r.row}: {r.reason} ({r.value:.1f} {r.unit})" for r in worst.itertuples()]
        yield _image(*gallery(dataset, worst["row"].tolist(), titles))


def _image(figure, alt: str) -> str:
    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=100, metadata={"Software": None})
    data = base64.b64encode(held.getvalue()).decode()
    text = escape(alt, quote=True)
    return f'<figure><img src="data:image/png;base64,{data}" alt="{text}"><figcaption>{text}</figcaption></figure>'


def _frame(frame: pd.DataFrame) -> str:
    shown = frame.head(_LISTED)
    more = f"<p>The first {_LISTED} of {len(frame)}.</p>" if len(frame) > _LISTED else ""
    table = shown.to_html(index=False, border=0, na_rep="", float_format=lambda v: f"{v:.3g}")
    return f'{more}<div class="scroll" tabindex="0">{table}</div>'
