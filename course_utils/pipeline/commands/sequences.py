"""``course sequences``: the events of a catalog by cluster, family and role, and the planes through the clusters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def sequences(
    catalog: Annotated[
        str,
        typer.Argument(
            help='Catalog: folder of a run, .parquet, .csv, QuakeML, "data:NAME", "data:NAME/PART", "synthetic:NAME".'
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for events.csv, planes.csv and summary.json.")],
    b: Annotated[float, typer.Option("--b", help="b-value, of the distance between events.")] = 1.0,
    dimension: Annotated[float, typer.Option(help="Fractal dimension of the places; more with --depth.")] = 1.6,
    min_km: Annotated[float, typer.Option(help="Smaller distances count as so large; the location error.")] = 0.1,
    depth: Annotated[bool, typer.Option("--depth", help="Hypocentral instead of epicentral distances.")] = False,
    threshold: Annotated[
        float | None, typer.Option(help="log10 eta below which a link counts (found in the data).", show_default=False)
    ] = None,
    scale_km: Annotated[float, typer.Option(help="Unit of distance of the clusters.")] = 1.0,
    min_cluster_size: Annotated[int, typer.Option(help="Events of the smallest cluster (HDBSCAN).")] = 10,
) -> None:
    """Families by nearest neighbours in time, space and magnitude (Zaliapin and Ben-Zion 2013), clusters in space by HDBSCAN.

    Events of another type than earthquake are left out and counted, events without magnitude have family -1.
    """
    import json

    from course_utils.catalog.clustering import cluster, planes
    from course_utils.catalog.sequences import decluster
    from course_utils.catalog.store import times_as_text, write_text
    from course_utils.pipeline.commands.failures import in_words
    from course_utils.pipeline.sources import open_catalog

    try:
        whole = open_catalog(catalog)[0].events
        kind = whole["event_type"].fillna("")
        events = whole[kind.isin(["", "earthquake"])]
        if len(events) < min_cluster_size:
            raise ValueError(f"{catalog}: {len(events)} earthquakes, fewer than --min-cluster-size {min_cluster_size}")
        found = decluster(events, b, dimension, min_km, depth, threshold)
        groups = cluster(events, "hdbscan", scale_km, min_cluster_size=min_cluster_size)
    except (ValueError, OSError) as error:
        typer.echo(f"error: {in_words(error)}", err=True)
        raise typer.Exit(1) from error
    fitted = planes(events, groups["cluster"])
    other_types = kind[~kind.index.isin(events.index)].value_counts()
    facts = found.summary() | {f"left out: {name}": int(n) for name, n in other_types.items()}
    facts |= {
        "clusters in space": int(groups["cluster"].max()) + 1,
        "events in no cluster": int((groups["cluster"] < 0).sum()),
    }
    shown = events[["event_id", "time", "latitude", "longitude", "depth_km", "magnitude"]]
    table = shown.merge(groups, on="event_id").merge(found.events, on="event_id")
    write_text(times_as_text(table).to_csv(index=False), out / "events.csv")
    write_text(fitted.to_csv(index=False, float_format="%.7g"), out / "planes.csv")
    write_text(json.dumps(facts, indent=1) + "\n", out / "summary.json")
    for name, value in facts.items():
        typer.echo(f"{name:36s} {f'{value:.3f}' if isinstance(value, float) else value}")
    typer.echo(f"written to {out}: events.csv, planes.csv, summary.json")
