"""``course magnitude``: the files of ``course locate`` and the records in, local magnitudes with their errors out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from course_utils.pipeline.commands.failures import in_words


def magnitude(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Folder with events, assignments, picks and stations (.parquet), as course locate writes it."
        ),
    ],
    waveforms: Annotated[
        str,
        typer.Argument(
            help='The records: an SDS tree, a folder or file, s3://bucket/prefix, "synthetic:NAME", "data:NAME"; or "picks": '
            "the amplitudes of the picks in m/s, which need --like."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the tables (.parquet), readings.csv and scale.json.")],
    inventory: Annotated[
        Path | None,
        typer.Option(help="StationXML with responses; a synthetic world has its own.", show_default=False),
    ] = None,
    calibrated: Annotated[
        bool,
        typer.Option(
            "--calibrate",
            help="Distance correction and station terms from these readings, instead of the published ones.",
        ),
    ] = False,
    like: Annotated[
        Path | None,
        typer.Option(
            help="Catalog with known magnitudes of 20 of these events or more: the scale takes theirs over.",
            show_default=False,
        ),
    ] = None,
    max_dt_s: Annotated[
        float, typer.Option(help="Events of --like match within this difference of origin times.")
    ] = 2.0,
    max_km: Annotated[float, typer.Option(help="Events of --like match within this distance of epicenters.")] = 15.0,
    min_distance_km: Annotated[
        float | None, typer.Option(help="Nearest reading of the published scale (10 km).", show_default=False)
    ] = None,
) -> None:
    """Read Wood-Anderson amplitudes (or take those of the picks), compute local magnitudes, and say what was left out and why."""
    import json
    from dataclasses import asdict

    from course_utils.catalog.store import read_catalog, read_table, write_table, write_text
    from course_utils.catalog.tables import Catalog
    from course_utils.pipeline.config import Magnitude, settings_of
    from course_utils.pipeline.magnitudes import known_magnitudes, scale_and_magnitudes

    try:
        section = settings_of(Magnitude, "magnitude", {"calibrate": calibrated, "min_distance_km": min_distance_km})
        tables = {n: read_table(folder / f"{n}.parquet", n) for n in ("events", "assignments", "picks", "stations")}
        catalog = Catalog(**tables)
        if waveforms == "picks":
            _check_units(catalog.picks)
        known = None if like is None else known_magnitudes(catalog, read_catalog(like).events, max_dt_s, max_km)
        run = scale_and_magnitudes(catalog, _readings(catalog, waveforms, inventory), section, known)
        for name in tables:
            write_table(getattr(run.catalog, name), name, out / f"{name}.parquet")
        write_text(run.readings.to_csv(index=False), out / "readings.csv")
        write_text(json.dumps(asdict(run.scale), indent=1) + "\n", out / "scale.json")
    except (ValueError, OSError) as error:
        typer.echo(f"error: {in_words(error)}", err=True)
        raise typer.Exit(1) from error
    typer.echo(run.summary())
    typer.echo(f"written to {out}: {', '.join(tables)} (.parquet), readings.csv, scale.json")


def _check_units(picks) -> None:
    """ConfigError when no amplitude of the picks is one of ground motion."""
    from course_utils.pipeline.config import ConfigError

    if not (picks["amplitude_unit"] == "m/s").any():
        units = ", ".join(sorted(picks["amplitude_unit"].dropna().astype(str).unique())) or "none"
        raise ConfigError(
            f"no pick has an amplitude in m/s (their units: {units}); course pick --inventory STATIONXML measures it"
        )


def _readings(catalog, waveforms: str, inventory: Path | None):
    from course_utils.catalog.amplitudes import from_picks, wood_anderson

    return from_picks(catalog) if waveforms == "picks" else wood_anderson(catalog, *_records(waveforms, inventory))


def _records(waveforms: str, inventory: Path | None):
    """A function that reads a station between two times, and the responses."""
    from course_utils.pipeline.config import SYNTHETIC, ConfigError
    from course_utils.pipeline.magnitudes import station_reader
    from course_utils.pipeline.network import read_responses
    from course_utils.pipeline.sources import open_records, world

    if inventory is not None:
        responses = read_responses(inventory)
    elif waveforms.startswith(SYNTHETIC):
        responses = world(waveforms.removeprefix(SYNTHETIC)).inventory
    else:
        raise ConfigError(
            "--inventory is missing: Wood-Anderson amplitudes need the instruments' responses (StationXML)"
        )
    records = open_records(waveforms)
    return station_reader(records.reader, records.windows()), responses
