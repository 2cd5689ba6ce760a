"""``course pick``: waveforms in, a picks table out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def pick(
    waveforms: Annotated[
        str, typer.Argument(help='Folder or file of MiniSEED or SAC, "synthetic:NAME", or "data:NAME".')
    ],
    out: Annotated[Path, typer.Option(help="Picks, .parquet or .csv.")],
    model: Annotated[str, typer.Option(help='"class:weights", or the path of a .json and .safetensors pair.')] = (
        "phasenet:original"
    ),
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    p_threshold: Annotated[float | None, typer.Option(help="Default: the weights' own.", show_default=False)] = None,
    s_threshold: Annotated[float | None, typer.Option(help="Default: the weights' own.", show_default=False)] = None,
    time_stretch: Annotated[float, typer.Option(help="2 shows the model data at half speed.")] = 1.0,
    inventory: Annotated[
        Path | None, typer.Option(help="StationXML with responses: amplitudes in m/s.", show_default=False)
    ] = None,
) -> None:
    """Pick P and S, station by station and day by day, and say what was left out."""
    from course_utils.catalog.store import check_table_path, write_table
    from course_utils.pipeline.config import DATASET, SYNTHETIC, Pick, refuse_inside, settings_of
    from course_utils.pipeline.sources import open_records
    from course_utils.pipeline.stages import merge_picks, pick_window
    from course_utils.pipeline.units import UnusableInput

    given = {"p_threshold": p_threshold, "s_threshold": s_threshold}
    settings = settings_of(Pick, "pick", {"model": model, "device": device, "time_stretch": time_stretch} | given)
    responses = None
    if inventory is not None:
        import obspy

        if not inventory.is_file():
            raise FileNotFoundError(f"--inventory {inventory}: no such file; give StationXML")
        responses = obspy.read_inventory(inventory)
    check_table_path(out)  # what is wrong with --out is found before the first hour of work
    if not waveforms.startswith((SYNTHETIC, DATASET)):
        refuse_inside(Path(waveforms).expanduser(), out)
    records, windows, unused = open_records(waveforms)
    tables, skipped, noted = [], [], {}
    for window in windows:
        try:
            result = pick_window(records, window, settings, responses)
        except UnusableInput as error:
            skipped.append(f"{window.name}: {error}")
            continue
        tables.append(result.tables["picks"])
        for note in result.facts["notes"]:
            noted[note["kind"]] = noted.get(note["kind"], 0) + note["count"]
    picks = merge_picks(tables)
    write_table(picks, "picks", out)
    for line in [f"not used: {item['what']}: {item['reason']}" for item in unused] + [f"skipped: {s}" for s in skipped]:
        typer.echo(line, err=True)
    if noted:
        typer.echo("noted: " + ", ".join(f"{kind} {count}" for kind, count in sorted(noted.items())))
    counts = picks["phase"].value_counts()
    typer.echo(
        f"{len(picks)} picks ({counts.get('P', 0)} P, {counts.get('S', 0)} S) at {picks['station'].nunique()} stations "
        f"from {len(tables)} of {len(windows)} station-days, in {out}"
    )
    if not tables:
        typer.echo("error: no station-day could be picked", err=True)
        raise typer.Exit(1)
