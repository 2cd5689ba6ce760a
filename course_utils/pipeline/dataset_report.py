"""The report of a data set: one HTML file with pictures and tables, for a person who must decide whether to train on it."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
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
from course_utils.pipeline import html
from course_utils.teaching.figures.datasets import PANELS, gallery, overview

_DRAWN = 6


def write_dataset_report(dataset, path: str | Path, title: str = "", counts: dict[str, int] | None = None) -> Path:
    """Write the report of any ``seisbench.data.WaveformDataset``: balance, leaks, doubtful labels, pictures.

    Args:
        counts: what was left out when it was made, and why.
    """
    metadata = dataset.metadata
    parts = [_lead(metadata)]
    if "split" in metadata.columns:
        sizes = split_sizes(metadata)
        parts += ["<h2>Parts</h2>", html.table(sizes)]
        parts += ["<h2>Leaks between the parts</h2>", f"<pre>{escape(str(leak_report(dataset)))}</pre>"]
    parts.append("<h2>What is in it</h2>")
    for name in PANELS:
        figure, alt = overview(metadata, (name,), columns=1)
        parts.append(html.picture(figure, alt))
    parts += ["<h2>Labels to look at</h2>", *_labels(dataset)]
    if counts is not None:
        rows = pd.DataFrame(sorted(counts.items()), columns=["what", "number"])
        parts += [
            "<h2>What was left out or noticed</h2>",
            html.table(rows),
            "<p>left_out.csv lists them one by one.</p>",
        ]
    return write_text(html.page(title or "Data set", parts), path)


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
        yield f"<h3>{heading}</h3>" + (html.table(found) if len(found) else "<p>None.</p>")
    try:
        doubtful = suspicious_labels(metadata)
    except CurationError as error:
        yield f"<p>{escape(str(error))}.</p>"
        return
    counts = doubtful["reason"].value_counts().rename_axis("reason").reset_index(name="number")
    yield "<h3>Suspicious labels</h3>" + (html.table(counts) if len(counts) else "<p>None.</p>")
    for what, why in doubtful.attrs["not_tested"].items():
        yield f"<p>Not tested: {escape(what)}, since {escape(why)}.</p>"
    worst = doubtful.drop_duplicates("reason").head(_DRAWN)
    if len(worst):
        titles = [f"row {r.row}: {r.reason} ({r.value:.1f} {r.unit})" for r in worst.itertuples()]
        yield html.picture(*gallery(dataset, worst["row"].tolist(), titles))
