"""``course locate``: the files of ``course associate`` in, located events with uncertainties and grades out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from course_utils.pipeline.commands.failures import in_words


def locate(
    folder: Annotated[
        Path,
        typer.Argument(help="Folder with events, assignments and picks (.parquet), as course associate writes it."),
    ],
    stations: Annotated[
        Path, typer.Option(help="Stations: CSV (station, latitude, longitude, elevation_m), StationXML or Parquet.")
    ],
    velocity: Annotated[
        Path, typer.Option(help="Velocity model, CSV: depth_km, vp_km_s, vs_km_s; or Parquet of a run.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the tables (.parquet) and outcomes.csv.")],
    picks: Annotated[
        Path | None, typer.Option(help="Picks from elsewhere than the folder, CSV or Parquet.", show_default=False)
    ] = None,
    velocity_interpolation: Annotated[
        str, typer.Option(help="Rows of the model are nodes (linear) or tops of constant layers (layers).")
    ] = "linear",
    method: Annotated[str, typer.Option(help="Likelihood: edt (robust) or l2 (least squares).")] = "edt",
    gather: Annotated[bool, typer.Option(help="Also take the picks nearest to predicted arrivals.")] = False,
    station_terms: Annotated[bool, typer.Option(help="Estimate delays of stations and write them.")] = False,
    max_depth_km: Annotated[
        float | None, typer.Option(help="Deepest source; by default from the velocity model.", show_default=False)
    ] = None,
) -> None:
    """Locate every event from its picks, and say what became of each that came in."""
    from course_utils.catalog.store import read_table, write_table, write_text
    from course_utils.catalog.tables import Catalog
    from course_utils.location import run_location
    from course_utils.pipeline.network import stations_of_picks, velocity_of

    try:
        events, pairs = (read_table(folder / f"{name}.parquet", name) for name in ("events", "assignments"))
        table = read_table(picks or folder / "picks.parquet", "picks")
        sites, table = stations_of_picks(stations, table)
        named = pairs["pick_id"].map(table.drop_duplicates("pick_id").set_index("pick_id")["station"])
        pairs = pairs.assign(station=named.fillna(pairs["station"]).astype(pairs["station"].dtype))
        catalog = Catalog(events, pairs, table, sites, velocity_of(velocity, velocity_interpolation))
        run = run_location(
            catalog, method=method, gather=gather, station_terms=station_terms, max_depth_km=max_depth_km
        )
        for name in ("events", "assignments", "picks", "stations", "velocity"):
            write_table(getattr(run.catalog, name), name, out / f"{name}.parquet")
        write_text(run.outcomes.to_csv(index=False), out / "outcomes.csv")
        if station_terms:
            write_text(run.station_terms.to_csv(index=False), out / "station_terms.csv")
    except (ValueError, OSError) as error:
        typer.echo(f"error: {in_words(error)}", err=True)
        raise typer.Exit(1) from error
    typer.echo(run.summary())
    also = ", station_terms.csv" if station_terms else ""
    typer.echo(f"written to {out}: events, assignments, picks, stations and velocity (.parquet), outcomes.csv{also}")
