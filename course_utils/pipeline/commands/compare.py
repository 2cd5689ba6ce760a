"""``course compare A B``: which events two catalogs have in common, and how far apart they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

_DEEPEST_KM = 800.0  # below the deepest earthquakes known


def compare(
    catalog: Annotated[
        str,
        typer.Argument(
            metavar="A", help="Catalog: folder of a run, .parquet, .csv, QuakeML, or any format of course convert."
        ),
    ],
    reference: Annotated[
        str,
        typer.Argument(metavar="B", help='Reference: the same, or "data:NAME", "data:NAME/PART", "synthetic:NAME".'),
    ],
    max_dt_s: Annotated[float, typer.Option(help="Largest difference of origin times in s.")] = 1.5,
    max_km: Annotated[float, typer.Option(help="Largest distance of epicenters in km.")] = 10.0,
    pick_tolerance_s: Annotated[float, typer.Option(help="Largest difference of pick times in s.")] = 0.5,
    start: Annotated[str | None, typer.Option(help="Count events from this time on (UTC).", show_default=False)] = None,
    end: Annotated[str | None, typer.Option(help="Count events before this time (UTC).", show_default=False)] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for report.html and all tables as CSV.", show_default=False)
    ] = None,
    rows: Annotated[int, typer.Option(help="Rows to list of each kind.")] = 20,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write counts and rows to this file.", show_default=False)
    ] = None,
) -> None:
    """Match the events of A with those of B one to one (and their picks, when both have some).

    Every event of B counts, also those of days on which A holds nothing; such days are listed.
    """
    from course_utils.catalog.comparison import compare as compare_events
    from course_utils.catalog.comparison import compare_picks
    from course_utils.catalog.matching import match_picks
    from course_utils.catalog.store import write_text
    from course_utils.pipeline.sources import open_catalog

    mine, _ = open_catalog(catalog)
    theirs, expected = open_catalog(reference)
    span = _span(start, end)
    _refuse(mine.events, theirs.events, catalog, reference, {"max-dt-s": max_dt_s, "max-km": max_km}, pick_tolerance_s)
    result = compare_events(mine.events, theirs.events, max_dt_s, max_km, label=reference, expected=expected, span=span)
    facts = result.summary()
    for name, value in facts.items():
        typer.echo(f"{name:36s} {_text(value)}")
    pairs = result.match.matched
    listed = {"matched": pairs, "missed": result.missed, "proposed": result.proposed}
    arrivals = None
    if len(mine.picks) and len(theirs.picks):
        if len(theirs.assignments):
            arrivals = compare_picks(mine, theirs, result.match, pick_tolerance_s)
        picks = arrivals.match if arrivals else match_picks(mine.picks, theirs.picks, pick_tolerance_s)
        facts["picks"] = {
            "tolerance_s": pick_tolerance_s,
            "matched": len(picks.matched),
            "missed": len(picks.missed),
            "proposed": len(picks.proposed),
            "median_residual_s": None if not len(picks.matched) else float(picks.matched["residual_s"].median()),
        }
        for name, value in facts["picks"].items():
            typer.echo(f"{'picks ' + name:36s} {_text(value)}")
        if arrivals:
            facts["arrivals"] = {fate: int(n) for fate, n in arrivals.arrivals["fate"].value_counts().items()}
            for name, value in facts["arrivals"].items():
                typer.echo(f"{'arrivals ' + name:36s} {value}")
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
    if out is not None:
        _write(out, catalog, result, facts, mine.stations if len(mine.stations) else theirs.stations, arrivals)


def _write(out: Path, name: str, result, facts: dict, stations, arrivals) -> None:
    from course_utils.catalog.store import atomic_path, times_as_text, write_text
    from course_utils.pipeline.comparison_report import comparison_page, comparison_tables

    out.mkdir(parents=True, exist_ok=True)
    tables = comparison_tables(result, stations, arrivals)
    for key, table in tables.items():
        with atomic_path(out / f"{key}.csv") as hidden:
            times_as_text(table).to_csv(hidden, index=False)
    write_text(json.dumps(facts, indent=1) + "\n", out / "summary.json")
    to = "the nearest station" if len(stations) else "the median epicenter"
    write_text(comparison_page(name, result, facts, tables, stations, to), out / "report.html")
    typer.echo(f"\n{out / 'report.html'} and {len(tables)} tables beside it")


def _refuse(mine, theirs, a: str, b: str, gates: dict[str, float], pick_tolerance_s: float) -> None:
    """Say why two tables cannot be compared, where that would otherwise look like a bad catalog."""
    from course_utils.catalog.tables import TableError

    for name, value in (gates | {"pick-tolerance-s": pick_tolerance_s}).items():
        if not value >= 0:
            raise TableError(f"--{name} is {value}; give a number of at least 0")
    if not len(theirs):
        raise TableError(f"{b}: the reference holds no events, so that nothing could be found or missed")
    for table, which in ((mine, a), (theirs, b)):
        deepest = table["depth_km"].max()
        if len(table) and deepest > _DEEPEST_KM:
            raise TableError(f"{which}: depth_km reaches {deepest:g}, deeper than any earthquake; is it in metres?")
    if len(mine) and (mine["time"].max() < theirs["time"].min() or mine["time"].min() > theirs["time"].max()):
        ends = [f"{t['time'].min():%Y-%m-%d %H:%M} to {t['time'].max():%Y-%m-%d %H:%M}" for t in (mine, theirs)]
        raise TableError(f"{a} covers {ends[0]}, {b} {ends[1]}: no time in common; are both in UTC?")


def _span(start: str | None, end: str | None):
    import pandas as pd

    from course_utils.catalog.tables import TableError

    if start is None and end is None:
        return None
    ends = []
    for name, text, otherwise in (("start", start, "1677-09-22"), ("end", end, "2262-04-11")):
        try:
            time = pd.Timestamp(text or otherwise)
        except ValueError as error:
            raise TableError(f"--{name} is {text!r}; write a time as 2019-07-04T17:00") from error
        ends.append(time.tz_localize("UTC") if time.tz is None else time.tz_convert("UTC"))
    if ends[0] >= ends[1]:
        raise TableError(f"--start {start} is not before --end {end}")
    return tuple(ends)


def _text(value) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return ", ".join(value[:5]) + (f" and {len(value) - 5} more" if len(value) > 5 else "") or "none"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
