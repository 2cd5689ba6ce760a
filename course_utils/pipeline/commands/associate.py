"""``course associate``: a pick table in, events and assignments out, and why an event is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from course_utils.pipeline.commands.failures import in_words


def associate(
    picks: Annotated[
        Path,
        typer.Argument(
            help="Picks: CSV or Parquet (station, phase, time[, probability]), or a folder or zip of REAL's files."
        ),
    ],
    stations: Annotated[
        Path,
        typer.Option(
            help="Stations: CSV (station, latitude, longitude, elevation_m), StationXML, Parquet, or REAL's station.dat."
        ),
    ],
    velocity: Annotated[
        Path, typer.Option(help="Velocity model, CSV: depth_km, vp_km_s, vs_km_s; or Parquet of a run.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the tables (.parquet).")],
    velocity_interpolation: Annotated[
        str, typer.Option(help="Rows of the model are nodes (linear) or tops of constant layers (layers).")
    ] = "linear",
    method: Annotated[str, typer.Option(help="Associator: pyocto, gamma or vote.")] = "pyocto",
    min_picks: Annotated[
        int | None, typer.Option(help="Fewest picks of an event; by default from the network.", show_default=False)
    ] = None,
    min_probability: Annotated[
        float | None, typer.Option(help="Picks below are left aside; by default none.", show_default=False)
    ] = None,
    chunk_hours: Annotated[
        float, typer.Option(min=0.01, help="Time that one worker takes at once; the result does not depend on it.")
    ] = 1.0,
    workers: Annotated[int, typer.Option(min=1, help="Processes; the result does not depend on it.")] = 1,
    explain: Annotated[
        list[str] | None,
        typer.Option(
            help="Why is this event missing? Origin time, latitude, longitude, depth in km, with commas between and no "
            "spaces. May be repeated.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Gather picks into events, with settings from the geometry of the network, and say where every pick went."""
    import warnings

    from course_utils.association import associate_with_report
    from course_utils.association import explain as why
    from course_utils.catalog.store import read_table, write_table
    from course_utils.data import read_real_picks
    from course_utils.data.real_files import holds_real_picks
    from course_utils.pipeline.network import stations_of_picks, velocity_of

    given = {"min_picks": min_picks, "min_probability": min_probability}
    try:
        expected = [_origin(text) for text in explain or []]
        with warnings.catch_warnings(), _progress() as progress:
            warnings.simplefilter("ignore", UserWarning)  # the report says the same, in its place
            table = read_real_picks(picks) if holds_real_picks(picks) else read_table(picks, "picks")
            sites, table = stations_of_picks(stations, table)
            catalog, report = associate_with_report(
                table,
                sites,
                velocity_of(velocity, velocity_interpolation),
                method,
                chunk_s=3600 * chunk_hours,
                workers=workers,
                progress=progress,
                **{name: value for name, value in given.items() if value is not None},
            )
        for name in ("events", "assignments", "picks", "stations", "velocity"):
            write_table(getattr(catalog, name), name, out / f"{name}.parquet")
        typer.echo(str(report))
        for event in expected:
            where = "{time} {latitude:g} {longitude:g} {depth_km:g} km".format(**event)
            typer.echo(f"\n{where}\n{why(event, catalog, report.settings)}")
    except (ValueError, OSError, RuntimeError) as error:
        typer.echo(f"error: {in_words(error)}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"written to {out}: events, assignments, picks, stations and velocity (.parquet)")


def _origin(text: str) -> dict:
    parts = [part.strip() for part in text.split(",")]
    try:
        numbers = [float(part) for part in parts[1:]]
        if len(numbers) != 3:
            raise ValueError
    except ValueError as error:
        raise ValueError(
            f"--explain {text!r}: write time,latitude,longitude,depth_km, like 2016-10-14T00:10:00,42.8,13.1,5"
        ) from error
    return dict(zip(("time", "latitude", "longitude", "depth_km"), (parts[0], *numbers), strict=True))


@contextmanager
def _progress() -> Iterator:
    """Windows done and what is left: a bar on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("windows"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
