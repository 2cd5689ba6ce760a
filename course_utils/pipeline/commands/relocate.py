"""``course relocate``: located events and their picks, or HypoDD's files, in; events relative to each other out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from course_utils.pipeline.commands.failures import in_words

_TABLES = ("events", "assignments", "picks", "stations", "velocity")


def relocate(
    out: Annotated[Path, typer.Option(help="Folder for the results.")],
    folder: Annotated[
        Path | None,
        typer.Argument(help="Folder with events, assignments and picks (.parquet), as course locate writes it."),
    ] = None,
    events: Annotated[
        Path | None, typer.Option(help="In place of the folder: HypoDD's event.dat.", show_default=False)
    ] = None,
    stations: Annotated[
        Path | None,
        typer.Option(help="Stations: CSV, StationXML, Parquet, or HypoDD's station.dat; by default the folder's."),
    ] = None,
    velocity: Annotated[
        Path | None,
        typer.Option(help="Velocity model, CSV: depth_km, vp_km_s, vs_km_s; or Parquet; by default the folder's."),
    ] = None,
    dt_ct: Annotated[Path | None, typer.Option(help="HypoDD's times from the catalog.", show_default=False)] = None,
    dt_cc: Annotated[
        Path | None, typer.Option(help="HypoDD's times from cross-correlation.", show_default=False)
    ] = None,
    control: Annotated[
        Path | None,
        typer.Option(help="A hypoDD.inp of version 2: its weights, and its model unless --velocity is given."),
    ] = None,
    velocity_interpolation: Annotated[
        str, typer.Option(help="Rows of the model are nodes (linear) or tops of constant layers (layers).")
    ] = "linear",
    neighbours: Annotated[int, typer.Option(min=1, help="Neighbours an event is paired with.")] = 10,
    max_km: Annotated[float, typer.Option(help="Farthest neighbour.")] = 10.0,
    min_links: Annotated[int, typer.Option(min=1, help="Fewest differential times that tie two events.")] = 8,
    move_clusters: Annotated[bool, typer.Option(help="Let the mean of a cluster move.")] = False,
    bootstrap: Annotated[int, typer.Option(min=0, help="Replicates over picks, for errors.csv.")] = 0,
    compare_hypodd: Annotated[bool, typer.Option(help="Also run the program hypoDD, and compare.")] = False,
) -> None:
    """Relocate events by double difference, and say what became of every event and every differential time."""
    from course_utils.catalog.formats import hypodd
    from course_utils.catalog.store import write_table, write_text
    from course_utils.location import bootstrap_errors, run_relocation
    from course_utils.pipeline import hypodd as program

    try:
        if compare_hypodd and program.installed() is None:
            raise program.ProgramFailed("hypoDD: no such program on the PATH; leave out --compare-hypodd")
        stages, model = hypodd.read_control(control) if control else ((), None)
        catalog = _catalog(folder, events, stations, velocity, velocity_interpolation, model)
        overrides = {"neighbours": neighbours, "max_km": max_km, "min_links": min_links, "stages": tuple(stages)}
        links = _links(catalog, dt_ct, dt_cc, folder is not None)
        own = folder is not None and dt_ct is None
        run = run_relocation(catalog, links, with_picks=own, hold_centroid=not move_clusters, **overrides)
        text = run.summary()
        for name in _TABLES:
            write_table(getattr(run.catalog, name), name, out / f"{name}.parquet")
        for name in ("outcomes", "history", "links", "left_out"):
            write_text(getattr(run, name).to_csv(index=False), out / f"{name}.csv")
        write_text(hypodd.relocated_text(_moved(run)), out / "hypoDD.reloc")
        written = [*(f"{name}.parquet" for name in _TABLES), "outcomes.csv", "history.csv", "links.csv", "left_out.csv"]
        if bootstrap:
            write_text(bootstrap_errors(run, bootstrap).to_csv(index=False), out / "errors.csv")
            written.append("errors.csv")
        if compare_hypodd:
            used = [stage.model_dump() for stage in run.stages]
            theirs = program.run(
                catalog.events, catalog.stations, catalog.velocity, run.links, used, out / "hypodd", min_links
            )
            text += "\n" + program.difference_text(run.catalog.events, theirs)
        write_text(text + "\n", out / "report.txt")
    except (ValueError, OSError) as error:
        typer.echo(f"error: {in_words(error)}", err=True)
        raise typer.Exit(1) from error
    typer.echo(text)
    typer.echo(f"written to {out}: {', '.join([*written, 'hypoDD.reloc', 'report.txt'])}")


def _catalog(folder, events, stations, velocity, interpolation, model):
    """The tables, from a folder of ours or from HypoDD's files; ValueError says which option is missing."""
    from course_utils.catalog.formats import hypodd
    from course_utils.catalog.store import read_table
    from course_utils.catalog.tables import Catalog
    from course_utils.data import read_stations
    from course_utils.pipeline.network import velocity_of

    if (folder is None) == (events is None):
        raise ValueError("give either a folder of tables or --events with HypoDD's files")
    if velocity is not None:
        model = velocity_of(velocity, interpolation)
    if folder is not None:
        tables = {name: read_table(folder / f"{name}.parquet", name) for name in _TABLES[:3]}
        if stations is None or stations.suffix == ".parquet":
            tables["stations"] = read_table(stations or folder / "stations.parquet", "stations")
        else:
            tables["stations"] = read_stations(stations)
        tables["velocity"] = read_table(folder / "velocity.parquet", "velocity") if model is None else model
        return Catalog(**tables)
    if stations is None:
        raise ValueError("--events needs --stations with HypoDD's station.dat")
    if model is None:
        raise ValueError("--events needs --velocity with a model, or --control with one in it")
    return Catalog(hypodd.read_events(events), stations=hypodd.read_stations(stations), velocity=model)


def _links(catalog, dt_ct, dt_cc, ours: bool):
    """Links of HypoDD's files; None when there are none and the picks alone count."""
    import pandas as pd

    from course_utils.catalog.formats import hypodd

    parts = [hypodd.read_differences(path, kind) for path, kind in ((dt_ct, "ct"), (dt_cc, "cc")) if path is not None]
    if not parts and not ours:
        raise ValueError("--events needs --dt-ct, --dt-cc or both: the times that events are relocated from")
    if not parts:
        return None
    links = pd.concat(parts, ignore_index=True)
    if ours:  # files of HypoDD know stations by a label without dots
        names = {name.replace(".", ""): name for name in catalog.stations["station"]}
        links["station"] = links["station"].map(lambda name: names.get(name.replace(".", ""), name))
    return links


def _moved(run):
    """Relocated events with what HypoDD states about them; errors in m are formal ones, of one axis as of the other."""
    events = run.catalog.events.merge(run.outcomes[["event_id", "outcome", "links_ct", "links_cc"]], on="event_id")
    events = events[events["outcome"] == "relocated"].assign(cluster=lambda e: e["cluster"] + 1)
    live = run.links[run.links["final_weight"] > 0]
    for kind in ("cc", "ct"):
        for phase in ("P", "S"):
            rows = live[(live["kind"] == kind) & (live["phase"] == phase)]
            ends = rows["event_id_1"].value_counts().add(rows["event_id_2"].value_counts(), fill_value=0)
            events[f"n_{kind}_{phase.lower()}"] = events["event_id"].map(ends).fillna(0)
    one_sigma = 1000.0 / 2.2789**0.5
    events["error_x_m"] = events["error_y_m"] = events["formal_horizontal_error_km"] * one_sigma
    return events.assign(error_z_m=1000.0 * events["formal_depth_error_km"])
