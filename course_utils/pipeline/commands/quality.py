"""``course quality``: what is wrong with the records of an archive, before anything is picked on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def quality(
    waveforms: Annotated[
        str,
        typer.Argument(
            help='An SDS tree, a folder or file of MiniSEED or SAC, s3://bucket/prefix, "synthetic:NAME", or "data:NAME".'
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for metrics, faults and spectra (.parquet, .csv) and report.html.")],
    stations: Annotated[
        Path | None,
        typer.Option(
            help="Stations, CSV or StationXML: only these are checked, and those without records are named.",
            show_default=False,
        ),
    ] = None,
    inventory: Annotated[
        Path | None,
        typer.Option(
            help="StationXML: true rates, and noise against Peterson's models where it has responses.",
            show_default=False,
        ),
    ] = None,
    arrivals: Annotated[
        Path | None,
        typer.Option(
            help="For swapped, flipped and late channels: a folder of course locate, or a table of event_id, station, phase, time, "
            "residual_s, azimuth_deg.",
            show_default=False,
        ),
    ] = None,
    start: Annotated[str | None, typer.Option(help="First time to check, UTC.")] = None,
    end: Annotated[str | None, typer.Option(help="End of the time to check, UTC (not included).")] = None,
) -> None:
    """Measure every channel and UTC day and list faults: gaps, overlaps, spikes, steps, clipping, dead channels, wrong rates and
    offsets; with an inventory noise beyond Peterson's models; with arrivals swapped or flipped channels and wrong clocks.

    Days that cannot be read are skipped and counted. A killed run goes on where it was. Nothing is written beside the records.
    """
    from course_utils.catalog.store import write_table, write_text
    from course_utils.data import read_stations
    from course_utils.pipeline.commands.pick import _limits, _progress
    from course_utils.pipeline.config import DATASET, SYNTHETIC, ConfigError, refuse_inside
    from course_utils.pipeline.network import read_responses
    from course_utils.pipeline.sources import open_records, world
    from course_utils.pipeline.units import UnitStore
    from course_utils.pipeline.waveform_quality import TABLES, check_records, read_arrivals, report, without_response

    if not waveforms.startswith((SYNTHETIC, DATASET)) and "://" not in waveforms:
        refuse_inside(Path(waveforms).expanduser(), out)
    responses, wanted, without = read_responses(inventory), (), []
    if responses is None and waveforms.startswith(SYNTHETIC):
        responses = world(waveforms.removeprefix(SYNTHETIC)).inventory
    heard = None if arrivals is None else read_arrivals(arrivals)
    if stations is not None:
        wanted = tuple(read_stations(stations)["station"])
    records = open_records(waveforms, *_limits(start, end), wanted)
    if wanted:
        held = {window.station for window in records.windows()}
        without = [name for name in wanted if name not in held]
    store = UnitStore(out / "units")
    try:
        with store.locked(), _progress(records.count) as advance:
            outcome = check_records(records, store.folder, inventory=responses, arrivals=heard, advance=advance)
    except KeyboardInterrupt:
        typer.echo(f"interrupted; what is finished is kept in {out}: the same command goes on from there", err=True)
        raise typer.Exit(130) from None
    for name, table in zip(TABLES, outcome.checked, strict=True):
        for ending in ("parquet", "csv"):
            write_table(table, name, out / f"{name.removeprefix('waveform_')}.{ending}")
    done = outcome.states["done"] + outcome.states["kept"]
    if not done:
        raise ConfigError(f"{waveforms}: no station-day could be used; the first: {outcome.skipped[0][1]}")
    unused = records.unused + ([] if responses is None else without_response(outcome.checked.spectra))
    write_text(report(f"Quality of {Path(waveforms).name}", outcome, unused, without), out / "report.html")
    faults = outcome.checked.faults
    typer.echo(
        f"{len(outcome.checked.metrics)} channel-days in {done} station-days ({outcome.states['kept']} done before)"
    )
    for kind, count in faults["kind"].value_counts().items():
        typer.echo(
            f"{kind}: {count} at {faults[faults['kind'] == kind].groupby(['station', 'channel']).ngroups} channels"
        )
    if not len(faults):
        typer.echo("no faults")
    for name, reason in outcome.skipped:
        typer.echo(f"skipped: {name}: {reason}", err=True)
    for item in unused:
        typer.echo(f"not used: {item['what']}: {item['reason']}", err=True)
    for name in without:
        typer.echo(f"no records: {name}", err=True)
    typer.echo(f"written to {out}: metrics, faults, spectra (.parquet, .csv), report.html")
