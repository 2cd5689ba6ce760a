"""Generated parts of the book's pages, in MyST Markdown."""

from __future__ import annotations

import importlib
import json
import pkgutil
from importlib import resources
from pathlib import Path

import yaml

from course_utils.catalog import tables
from course_utils.catalog.formats.registry import FORMATS

_KEYS = {"event_id", "pick_id", "station", "phase", "time", "latitude", "longitude", "depth_km", "elevation_m"}


def table_columns(name: str) -> str:
    """The columns of one of the common tables, as a Markdown table with its meaning above it."""
    doc = tables.schema(name).metadata[b"doc"].decode()
    rows = [
        (f"`{c.column}`" + (" *" if c.required else ""), c.kind, _unit(c.unit), c.meaning)
        for c in tables.columns(name).itertuples()
    ]
    return f"{doc}\n\n" + _markdown_table(("column", "type", "unit", "meaning"), rows)


def schedule(root: Path, part: str, lessons: list[str]) -> str:
    """The lessons of one part of ``book/course.yml`` with their minutes; those that exist are links."""
    course = yaml.safe_load((root / "book" / "course.yml").read_text(encoding="utf-8"))
    by_number = {name.rsplit("/", 1)[-1].split("_", 1)[0]: name for name in lessons}
    rows, total = [], 0
    for lesson in course[part]:
        number, minutes = lesson["number"], lesson["minutes"]
        title = lesson["title"]
        if number in by_number:
            title = f"[{title}](lessons/{by_number[number]}.ipynb)"
        else:
            title += " †"
        if lesson.get("self_study"):
            title += " (self-study)"
        else:
            total += minutes
        rows.append((lesson.get("time", ""), number, title, str(minutes)))
    header = ("from", "lesson", "", "minutes")
    if not any(row[0] for row in rows):
        header, rows = header[1:], [row[1:] for row in rows]
    missing = " † in preparation." if any("†" in cell for row in rows for cell in row) else ""
    return _markdown_table(header, rows) + f"\n\nTogether {total // 60} h {total % 60:02d} min.{missing}"


def formats() -> str:
    """The formats of ``course convert``: how files are called, what is kept of each table, and how exactly."""
    rows = []
    for one in FORMATS:
        kept = []
        for name, held in one.keeps.items():
            declared = [column for column in tables.columns(name)["column"] if column not in _KEYS]
            more = sorted(held - set(declared) - _KEYS)
            listed = [f"`{column}`" for column in [*(c for c in declared if c in held), *more]]
            everything = not more and held >= set(declared)
            kept.append(f"**{name}**" + (": all" if everything else f": {', '.join(listed)}" if listed else ""))
        use = "read, written" if one.read and one.write else "read" if one.read else "written"
        endings = ", ".join("a folder" if end == "/" else f"`{end}`" for end in one.endings)
        rows.append((f"`{one.name}`<br>{one.title}", endings, use, "<br>".join(kept), one.precision))
    return _markdown_table(("format", "files", "", "keeps, besides time, place and names", "precision"), rows)


def datasets() -> str:
    """The outside data sets of the manifest: what they are, size, licence and terms, citation, and what to beware of."""
    manifest = yaml.safe_load(resources.files("course_utils.data").joinpath("data_manifest.yaml").read_text("utf-8"))
    out = [
        _dataset(entry, f"{entry['bytes'] / 1e6:.1f} MB in {entry['file_count']} files")
        for entry in manifest["datasets"]
    ]
    if manifest.get("full"):
        out.append(
            "## Larger sets\n\nNo lesson needs them. They are for those who want to go on with more data, and are read "
            "by SeisBench or from data centres."
        )
        out += [_dataset(entry, f"{entry['size_gb']:g} GB ({entry['size_note']})") for entry in manifest["full"]]
    return "\n\n".join(out)


def _dataset(entry: dict, size: str) -> str:
    facts = {
        "Size": size,
        "How": entry.get("how", ""),
        "Source": f"<{entry['source']}>" if "source" in entry else "",
        "Licence": entry.get("licence", ""),
        "Redistribution": entry.get("redistribution", ""),
        "Terms": entry.get("terms", ""),
        "Cite": entry.get("citation", ""),
        "Beware": entry.get("caution", ""),
        "Note": entry.get("note", ""),
    }
    lines = [f"- **{name}**: {value}" for name, value in facts.items() if value]
    text = entry.get("description") or entry.get("role", "")
    return f"### {entry['title']}\n\n`{entry['name']}`. {text}\n\n" + "\n".join(lines)


def measured(root: Path, name: str) -> str:
    """What a benchmark program printed when it last ran in full, from ``benchmarks/results``."""
    record = json.loads((root / "benchmarks" / "results" / f"{name}.json").read_text(encoding="utf-8"))
    rows = [(f"`{key}`<br>{on}", _number(record[key])) for key, on in record["measured_on"].items()]
    run = f"`benchmarks/{name}.py{' --quick' if record['quick'] else ''}`"
    header = f"Printed by {run} in {record['seconds']:.0f} s on {record['machine']}.\n\n"
    return header + _markdown_table(("figure, and what it was measured on", "value"), rows)


def _number(value: float | int | bool | str) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def modules(package: str) -> str:
    """The documented modules of a package, each with its public functions and classes."""
    names = [package]
    module = importlib.import_module(package)
    names += [
        f"{package}.{m.name}"
        for m in pkgutil.iter_modules(module.__path__)
        if not m.name.startswith("_") and not m.ispkg
    ]
    out = []
    # scikit-learn puts methods into its subclasses whose text refers to its own book
    theirs = "set_fit_request, set_predict_request, set_predict_proba_request, set_score_request"
    members = f"   :members:\n   :exclude-members: {theirs}\n   :member-order: bysource\n"
    for name in names:
        options = members if name != package else ""
        heading = f"## `{name.removeprefix('course_utils.')}`\n\n" if name != package else ""
        out.append(f"{heading}```{{eval-rst}}\n.. automodule:: {name}\n{options}```")
    return "\n\n".join(out)


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit


def _markdown_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
