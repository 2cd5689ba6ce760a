"""``course classify``: the type of every event of a catalog, or of every folder of waveforms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from course_utils.pipeline.commands.failures import in_words

_BEFORE_S, _AFTER_S = 30.0, 60.0


def classify(
    waveforms: Annotated[
        Path,
        typer.Option(
            help="With CATALOG: its waveform archive. Without: a folder with one sub-folder of MiniSEED per event."
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="Folder for event_types.csv and refused.csv; with CATALOG also its tables.")
    ],
    catalog: Annotated[
        Path | None,
        typer.Argument(
            help="Folder with events, assignments and picks (.parquet), as course locate writes it.", show_default=False
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="Another classifier (.safetensors); by default the shipped one.", show_default=False),
    ] = None,
    at_least: Annotated[float, typer.Option(help='Below this probability the type is "unknown".')] = 0.5,
) -> None:
    """Earthquake, quarry blast, surface event or noise: decided per event from the vertical records of all its stations.

    The shipped classifier has learned from the synthetic Earth alone; check it on events of known type in your region first.
    """
    import pandas as pd

    from course_utils.catalog.store import write_text
    from course_utils.discrimination.classifier import classify_events

    try:
        if not waveforms.is_dir():
            raise FileNotFoundError(f"--waveforms {waveforms}: no such folder")
        if catalog is None:
            tables, streams, events, picks_s, problems = None, *_folders(waveforms)
        else:
            tables = _tables(catalog)
            streams, events, picks_s, problems = _windows(tables, waveforms)
        types, refused = classify_events(streams, events, picks_s=picks_s, classifier=model, at_least=at_least)
        refused = refused.drop(columns="source")
        refused = pd.concat([refused, problems], ignore_index=True)
        out.mkdir(parents=True, exist_ok=True)
        if tables is not None:
            types = _into(tables, types, out)
        else:
            missing = [e for e in dict.fromkeys(problems["event"]) if e not in types.index]
            types = types.reindex([*types.index, *missing])
            types["event_type"] = types["event_type"].fillna("unclassified")
        write_text(types.rename_axis("event").reset_index().to_csv(index=False), out / "event_types.csv")
        write_text(refused[["event", "reason"]].to_csv(index=False), out / "refused.csv")
    except (ValueError, OSError) as error:
        typer.echo(f"error: {in_words(error)}", err=True)
        raise typer.Exit(1) from error
    typer.echo(
        f"{len(types)} events: " + ", ".join(f"{n} {kind}" for kind, n in types["event_type"].value_counts().items())
    )
    for reason, n in refused["reason"].str.split(":").str[0].value_counts().items():
        typer.echo(f"records left out: {n} {reason}")
    typer.echo(f"written to {out}")


def _folders(root: Path):
    """One stream per station of each sub-folder."""
    import obspy
    import pandas as pd

    from course_utils.data import DataError, read_waveforms

    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not folders:
        raise FileNotFoundError(f"--waveforms {root}: no sub-folder; give one folder of MiniSEED per event")
    streams: list[obspy.Stream] = []
    events, problems = [], []
    for folder in folders:
        try:
            archive = read_waveforms(folder)
        except DataError as error:
            problems.append((folder.name, f"no waveforms: {error}".splitlines()[0]))
            continue
        problems += [
            (folder.name, f"file: {row.file}: {row.problem}") for row in archive.problems.itertuples() if not row.used
        ]
        for _, stream in archive:
            streams.append(stream)
            events.append(folder.name)
    return streams, events, None, pd.DataFrame(problems, columns=["event", "reason"])


def _tables(folder: Path) -> dict:
    from course_utils.catalog.store import read_table

    found = {name: read_table(folder / f"{name}.parquet", name) for name in ("events", "assignments", "picks")}
    for name in ("stations", "velocity"):
        if (folder / f"{name}.parquet").is_file():
            found[name] = read_table(folder / f"{name}.parquet", name)
    return found


def _windows(tables: dict, root: Path):
    """The record of each event at each of its stations, around its first pick there."""
    import numpy as np
    import pandas as pd

    from course_utils.data import read_waveforms

    archive = read_waveforms(root)
    picks = tables["assignments"][["event_id", "pick_id", "station"]].merge(
        tables["picks"][["pick_id", "time"]], on="pick_id"
    )
    first = picks.groupby(["event_id", "station"], sort=True)["time"].min().reset_index()
    streams, events, picks_s, problems = [], [], [], []
    known = set(archive.stations)
    for row in first.itertuples():
        if row.station not in known:
            problems.append((row.event_id, f"no such station: {row.station}"))
            continue
        stream = archive.read(
            row.station, row.time - pd.Timedelta(seconds=_BEFORE_S), row.time + pd.Timedelta(seconds=_AFTER_S)
        )
        if not stream:
            problems.append((row.event_id, f"no data: {row.station}"))
            continue
        start = min(trace.stats.starttime for trace in stream)
        streams.append(stream)
        events.append(row.event_id)
        picks_s.append((row.time - pd.Timestamp(start.datetime, tz="UTC")).total_seconds())
    return streams, events, np.array(picks_s, float), pd.DataFrame(problems, columns=["event", "reason"])


def _into(tables: dict, types, out: Path):
    """The catalog with its types filled in, written; the types of all its events in their order."""
    from course_utils.catalog.store import write_table

    every = types.reindex(tables["events"]["event_id"])
    every["event_type"] = every["event_type"].fillna("unclassified")
    events = tables["events"].assign(
        event_type=every["event_type"].to_numpy(), event_type_probability=every["event_type_probability"].to_numpy()
    )
    for name, table in {**tables, "events": events}.items():
        write_table(table, name, out / f"{name}.parquet")
    return every
