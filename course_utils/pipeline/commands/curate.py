"""``course curate``: a catalog with picks and its waveforms in, a SeisBench data set and its report out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def curate(
    catalog: Annotated[
        str,
        typer.Argument(
            help="Events with picks: a folder of course run, associate or locate; QuakeML; data:NAME; synthetic:NAME."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the data set; nothing is there before all of it is.")],
    waveforms: Annotated[
        str | None,
        typer.Option(
            help="An SDS tree, a folder or file of MiniSEED or SAC, s3://..., data:NAME or synthetic:NAME. Default: those of "
            "the catalog, where that is data:NAME or synthetic:NAME.",
            show_default=False,
        ),
    ] = None,
    stations: Annotated[
        Path | None,
        typer.Option(help="Coordinates, CSV or StationXML, where the catalog has none.", show_default=False),
    ] = None,
    inventory: Annotated[
        Path | None, typer.Option(help="StationXML with sensitivities, for --units physical.", show_default=False)
    ] = None,
    window_s: Annotated[float, typer.Option(help="Length of the windows in s.")] = 60.0,
    pick_at_s: Annotated[
        tuple[float, float],
        typer.Option(
            help="The first pick lies between these seconds of its window; different, so that no model can guess."
        ),
    ] = (8.0, 30.0),
    rate: Annotated[float, typer.Option(help="Sampling rate in Hz; others are converted as SeisBench does.")] = 100.0,
    components: Annotated[str, typer.Option(help="Order of the components; 1 and 2 stand in for N and E.")] = "ZNE",
    phases: Annotated[str, typer.Option(help="Picks that an event needs at a station: any, P, S, both.")] = "any",
    min_components: Annotated[int, typer.Option(help="Fewest recorded components; missing ones are zeros.")] = 1,
    min_completeness: Annotated[float, typer.Option(help="Smallest share of samples recorded.")] = 0.9,
    min_snr_db: Annotated[
        float | None, typer.Option(help="Smallest SNR of an event's first pick.", show_default=False)
    ] = None,
    noise: Annotated[float, typer.Option(help="Noise windows for each window of an event.")] = 0.1,
    units: Annotated[str, typer.Option(help="counts, or physical (m/s; needs --inventory).")] = "counts",
    split: Annotated[
        str, typer.Option(help="Parts by event, time (blocks of half an hour: for dense sequences), station, or none.")
    ] = "event",
    seed: Annotated[int, typer.Option(help="Another seed gives other positions, noise windows and parts.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace a data set that is there.")] = False,
) -> None:
    """Cut windows around the picks of a catalog into a data set that SeisBench trains on.

    Writes metadata.csv and waveforms.hdf5 (read them with seisbench.data.WaveformDataset), curation.json with settings and
    counts, left_out.csv with everything that did not get in and why, and report.html with pictures. No event is in two
    parts; windows that two parts would share are marked "unused". Nothing is written beside the records.
    """
    from course_utils.picking.curation import CurationSettings
    from course_utils.picking.curation import curate as cut_windows
    from course_utils.picking.curation.splits import SPLITS
    from course_utils.pipeline.dataset_report import write_dataset_report

    settings = CurationSettings(
        window_s=window_s,
        pick_at_s=pick_at_s,
        sampling_rate_hz=rate,
        component_order=components,
        phases=phases,
        min_components=min_components,
        min_completeness=min_completeness,
        min_snr_db=min_snr_db,
        noise_fraction=noise,
        units=units,
        seed=seed,
    )
    if split not in (*SPLITS, "none"):
        raise typer.BadParameter(f"--split {split!r}: use {', '.join(SPLITS)} or none")
    given, records, responses, label = _inputs(catalog, waveforms, stations, inventory)

    def parts(metadata):
        from course_utils.picking.curation.splits import split_by

        return split_by(split, metadata, seed=seed)

    parts.__name__ = split
    with _progress() as progress:
        made = cut_windows(
            given,
            records,
            out,
            settings,
            inventory=responses,
            split=None if split == "none" else parts,
            source=label,
            force=force,
            progress=progress,
        )
    write_dataset_report(made.open(), out / "report.html", f"{out.name}, from {label}", made.counts)
    typer.echo(made.summary())
    spent = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in made.seconds.items())
    typer.echo(f"time: {spent}")
    typer.echo(f"data set in {out}: metadata.csv, waveforms.hdf5, curation.json, left_out.csv, report.html")


def _inputs(catalog: str, waveforms: str | None, stations: Path | None, inventory: Path | None):
    """The catalog, what to read records from, responses, and what to call the records."""
    from course_utils.data import read_stations
    from course_utils.pipeline import sources
    from course_utils.pipeline.config import DATASET, SYNTHETIC, ConfigError
    from course_utils.pipeline.network import read_responses

    if catalog.startswith(SYNTHETIC):
        given = sources.world(catalog.removeprefix(SYNTHETIC)).truth.catalog()
    else:
        given, _ = sources.open_catalog(catalog)
    if waveforms is None:
        if not catalog.startswith((SYNTHETIC, DATASET)):
            raise ConfigError("--waveforms is missing: the folder that holds the records of this catalog")
        waveforms = catalog
    responses = read_responses(inventory)
    if waveforms.startswith(SYNTHETIC):
        made = sources.world(waveforms.removeprefix(SYNTHETIC))
        return given, made, responses or made.inventory, waveforms
    if waveforms.startswith(DATASET):
        from course_utils import data

        opened = data.open(waveforms.removeprefix(DATASET))
        if "waveforms" not in opened or not hasattr(opened.waveforms, "traces"):
            raise ConfigError(f"{waveforms}: the data set holds no continuous records, but {', '.join(opened.parts)}")
        records = opened.waveforms
    else:
        from course_utils.data.day_files import open_archive
        from course_utils.data.storage import open_storage

        records = open_archive(open_storage(waveforms))
    if stations is not None:
        given = given.replace(stations=read_stations(stations))
    return given, records, responses, waveforms


def _progress():
    """A bar on a terminal, nothing in a log."""
    from contextlib import contextmanager

    from rich.console import Console
    from rich.progress import Progress

    @contextmanager
    def shown():
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("windows", total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)

    return shown()
