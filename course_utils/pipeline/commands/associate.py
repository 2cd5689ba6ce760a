"""``course associate``: a pick table in, events and assignments out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from course_utils.pipeline.commands.failures import in_words


def associate(
    picks: Annotated[Path, typer.Argument(help="Picks, CSV or Parquet: station, phase, time[, probability].")],
    stations: Annotated[
        Path, typer.Option(help="Stations: CSV (station, latitude, longitude, elevation_m), StationXML or Parquet.")
    ],
    velocity: Annotated[
        Path, typer.Option(help="Velocity model, CSV: depth_km, vp_km_s, vs_km_s; or Parquet of a run.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the tables (.parquet).")],
    velocity_interpolation: Annotated[
        str, typer.Option(help="Rows of the model are nodes (linear) or tops of constant layers (layers).")
    ] = "linear",
    method: Annotated[str, typer.Option(help="Associator.")] = "pyocto",
    min_picks: Annotated[
        int | None, typer.Option(help="Fewest picks of an event; by default from the network.", show_default=False)
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads; the result does not depend on it.")] = 1,
) -> None:
    """Gather picks into events, with settings from the geometry of the network, and say where every pick went."""
    import warnings

    from course_utils.association import associate_with_report
    from course_utils.catalog.store import read_table, write_table
    from course_utils.pipeline.network import stations_of_picks, velocity_of

    overrides = {"threads": threads} | ({} if min_picks is None else {"min_picks": min_picks})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the report says the same, in its place
            table = read_table(picks, "picks")
            catalog, report = associate_with_report(
                table,
                stations_of_picks(stations, table),
                velocity_of(velocity, velocity_interpolation),
                method,
                **overrides,
            )
        for name in ("events", "assignments", "picks", "stations", "velocity"):
            write_table(getattr(catalog, name), name, out / f"{name}.parquet")
    except (ValueError, OSError) as error:
        typer.echo(f"error: {in_words(error)}", err=True)
        raise typer.Exit(1) from error
    typer.echo(str(report))
    typer.echo(f"written to {out}: events, assignments, picks, stations and velocity (.parquet)")
