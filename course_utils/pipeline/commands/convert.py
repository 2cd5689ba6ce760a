"""``course convert``: a catalog, its stations or its model from one format to another, and what was lost on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from course_utils.pipeline.commands.failures import in_words


def convert(
    source: Annotated[
        Path | None, typer.Argument(help="File to read, or a folder of tables (.parquet).", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Argument(help="File to write, or a folder for tables.", show_default=False)
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="Format read; else by name and content.", show_default=False)
    ] = None,
    to: Annotated[str | None, typer.Option(help="Format written; else by name.", show_default=False)] = None,
    stations: Annotated[
        Path | None,
        typer.Option(
            help="Stations to go with the events, and to complete their names: any format that holds stations, CSV or "
            "StationXML.",
            show_default=False,
        ),
    ] = None,
    velocity: Annotated[
        Path | None,
        typer.Option(help="Velocity model to go with them: CSV, Parquet or LAYER lines.", show_default=False),
    ] = None,
    list_formats: Annotated[bool, typer.Option("--list", help="Show the formats and leave.")] = False,
) -> None:
    """Convert between the formats of catalogs, and say what was lost and left out."""
    from course_utils.catalog.formats import registry
    from course_utils.catalog.formats.text import Account

    if list_formats:
        for one in registry.FORMATS:
            use = "read and written" if one.read and one.write else "read" if one.read else "written"
            typer.echo(f"{one.name:20s} {', '.join(one.endings):28s} {use:18s} {one.title}")
        return
    try:
        if source is None or out is None:
            raise ValueError("give a file to read and one to write, or --list")
        if out.exists() and source.exists() and out.samefile(source):
            raise ValueError(f"{out}: this is the file that is read; give another name to write to")
        form, account = registry.named(from_) if from_ else registry.guess(source), Account()
        target = registry.named(to) if to else registry.guess(out, writing=True)
        catalog = registry.read(source, form, account)
        typer.echo(f"read {source} as {form.name}: {_counts(catalog)}")
        if registry.names_path_of(source).is_file():
            typer.echo(f"names as they were before, from {registry.names_path_of(source)}")
        if str(account):
            typer.echo(str(account))
        if stations is not None:
            catalog, said = with_stations(catalog, _stations(stations))
            typer.echo(said)
        if velocity is not None:
            catalog = catalog.replace(velocity=_velocity(velocity))
        typer.echo(str(registry.write(catalog, out, target)))
    except (ValueError, OSError) as error:
        typer.echo(f"error: {in_words(error)}", err=True)
        raise typer.Exit(1) from error


def with_stations(catalog, table):
    """The catalog with these stations, and a line on the stations of its picks that were given their full names.

    A name without network and location, as most text formats leave it, becomes that of the one station with the same code,
    or with the same network and code written together; ambiguous ones stay.
    """
    import pandas as pd

    held = set(table["station"])
    parts = table["station"].str.split(".", n=2, expand=True).reindex(columns=range(3)).fillna("")
    names = pd.concat([table["station"]] * 3, ignore_index=True)
    keys = pd.concat([parts[1], parts[0] + parts[1], parts[0] + parts[1] + parts[2]], ignore_index=True)
    by_key = names.groupby(keys).unique()
    full = {key: found[0] for key, found in by_key.items() if len(found) == 1}
    used = set(catalog.picks["station"]) | set(catalog.assignments["station"])
    new = {name: full[key] for name in used - held if (key := name.replace(".", "")) in full}
    unknown = sorted(used - held - set(new))
    renamed = {
        name: getattr(catalog, name).assign(station=lambda frame: frame["station"].replace(new))
        for name in ("picks", "assignments")
    }
    said = f"{len(table)} stations given: {len(used) - len(unknown)} of the {len(used)} with picks are among them"
    said += f" ({len(new)} after their names were completed)" if new else ""
    if unknown:
        said += f"; not {', '.join(unknown[:5])}{', ...' if len(unknown) > 5 else ''}"
    return catalog.replace(stations=table, **renamed), said


def _counts(catalog) -> str:
    counts = {name: len(getattr(catalog, name)) for name in ("events", "picks", "assignments", "stations", "velocity")}
    return (
        ", ".join(
            f"{count} {'velocity nodes' if name == 'velocity' else name}" for name, count in counts.items() if count
        )
        or "nothing"
    )


def _stations(path: Path):
    from course_utils.catalog.formats import registry
    from course_utils.data import read_stations

    try:
        form = registry.guess(path)
    except ValueError:
        return read_stations(path)
    if "stations" not in form.keeps or (form.name == "tables" and path.is_file()):
        return read_stations(path)
    return registry.read(path, form).stations


def _velocity(path: Path):
    from course_utils.catalog.formats import registry
    from course_utils.pipeline.network import velocity_of

    if path.suffix in (".csv", ".parquet"):
        return velocity_of(path)
    model = registry.read(path).velocity
    if not len(model):
        raise ValueError(f"{path}: holds no velocity model; give CSV, Parquet or LAYER lines")
    return model
