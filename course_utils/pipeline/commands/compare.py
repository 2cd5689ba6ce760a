"""``course compare A B``: which events two catalogs have in common, and how far apart they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def compare(
    catalog: Annotated[str, typer.Argument(metavar="A", help="Catalog: folder of a run, .parquet, .csv, QuakeML.")],
    reference: Annotated[
        str, typer.Argument(metavar="B", help='Reference: the same, or "data:NAME", "synthetic:NAME".')
    ],
    max_dt_s: Annotated[float, typer.Option(help="Largest difference of origin times in s.")] = 1.5,
    max_km: Annotated[float, typer.Option(help="Largest distance of epicenters in km.")] = 10.0,
    pick_tolerance_s: Annotated[float, typer.Option(help="Largest difference of pick times in s.")] = 0.5,
    rows: Annotated[int, typer.Option(help="Rows to list of each kind.")] = 20,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write counts and rows to this file.", show_default=False)
    ] = None,
) -> None:
    """Match the events of A with those of B one to one (and their picks, when both have some)."""
    from course_utils.catalog.comparison import compare as compare_events
    from course_utils.catalog.matching import match_picks
    from course_utils.catalog.store import write_text
    from course_utils.pipeline.sources import open_catalog

    mine, _ = open_catalog(catalog)
    theirs, expected = open_catalog(reference)
    result = compare_events(mine.events, theirs.events, max_dt_s, max_km, label=reference, expected=expected)
    facts = result.summary()
    for name, value in facts.items():
        typer.echo(f"{name:28s} {_text(value)}")
    pairs = result.match.matched
    listed = {"matched": pairs, "missed": result.missed, "proposed": result.proposed}
    if len(mine.picks) and len(theirs.picks):
        picks = match_picks(mine.picks, theirs.picks, pick_tolerance_s)
        facts["picks"] = {
            "tolerance_s": pick_tolerance_s,
            "matched": len(picks.matched),
            "missed": len(picks.missed),
            "proposed": len(picks.proposed),
            "median_residual_s": None if not len(picks.matched) else float(picks.matched["residual_s"].median()),
        }
        for name, value in facts["picks"].items():
            typer.echo(f"{'picks ' + name:28s} {_text(value)}")
    columns = ["time", "latitude", "longitude", "depth_km", "magnitude"]
    for name, table in listed.items():
        if len(table) and rows:
            shown = table if name == "matched" else table[columns]
            typer.echo(f"\n{name}{'' if len(table) <= rows else f', the first {rows} of {len(table)}'}:")
            typer.echo(shown.head(rows).to_string(index=False, float_format=lambda v: f"{v:.3f}"))
    if json_file is not None:
        tables = {
            name: json.loads(table.to_json(orient="records", date_format="iso", date_unit="us"))
            for name, table in listed.items()
        }
        write_text(json.dumps(facts | {"tables": tables}, indent=1) + "\n", json_file)


def _text(value) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
