"""``course pick``: waveforms in, a picks table out."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer


def pick(
    waveforms: Annotated[
        str,
        typer.Argument(
            help="An SDS tree, a folder or file of MiniSEED or SAC, s3://bucket/prefix (SCEDC, NCEDC, EarthScope or your own), "
            '"synthetic:NAME", or "data:NAME".'
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="A table, .parquet or .csv; or a folder for archives: one Parquet file per station-day, which a killed run "
            "goes on from, and at the end picks.parquet, report.json and report.txt."
        ),
    ],
    model: Annotated[
        list[str],
        typer.Option(
            help='"class:weights", or the path of a .json and .safetensors pair; given again, further models run in the same '
            "pass over the data, and their picks stand side by side."
        ),
    ] = ["phasenet:original"],  # noqa: B006 (typer reads it, nothing writes to it)
    consensus: Annotated[
        int | None,
        typer.Option(min=1, help="Picks that this many of the models agree on, instead of all.", show_default=False),
    ] = None,
    start: Annotated[str | None, typer.Option(help="First time to pick, UTC: 2024-01-31 or 2024-01-31T12:00.")] = None,
    end: Annotated[str | None, typer.Option(help="End of the time to pick, UTC (not included).")] = None,
    station: Annotated[
        list[str] | None,
        typer.Option(help='Pattern of station codes such as "ABC", "NC.*" or "NC.ABC.00"; may be given again.'),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Processes that read and pick, one core each; 0: one per core where that pays.")
    ] = 0,
    readers: Annotated[
        int,
        typer.Option(
            min=0, help="Processes that only read, for one that picks: for a GPU. 0: none, or by the cores on a GPU."
        ),
    ] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    engine: Annotated[str, typer.Option(help="auto, torch, or kernel (PhaseNet on a CPU).")] = "auto",
    p_threshold: Annotated[float | None, typer.Option(help="Default: the weights' own.", show_default=False)] = None,
    s_threshold: Annotated[float | None, typer.Option(help="Default: the weights' own.", show_default=False)] = None,
    time_stretch: Annotated[float, typer.Option(help="2 shows the model data at half speed.")] = 1.0,
    inventory: Annotated[
        Path | None, typer.Option(help="StationXML with responses: amplitudes in m/s.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Pick everything again, finished or not.")] = False,
) -> None:
    """Pick P and S, station by station and UTC day by day, and say what was left out and why.

    Records are read beyond midnight on both sides, so that cutting into days loses and doubles nothing. Nothing is ever
    written beside the records. A station-day that cannot be used is skipped and counted; the others are picked.
    """
    from course_utils.pipeline.archive import in_words, pick_archive, usable_cores
    from course_utils.pipeline.config import Pick, settings_of
    from course_utils.pipeline.network import read_responses
    from course_utils.pipeline.sources import open_records

    given = {"p_threshold": p_threshold, "s_threshold": s_threshold, "engine": engine, "device": device}
    models = {"model": model[0], "ensemble": model[1:], "consensus": consensus}
    settings = settings_of(Pick, "pick", models | {"time_stretch": time_stretch} | given)
    limits = _limits(start, end)
    is_table = _check_out(waveforms, out)
    responses = read_responses(inventory)
    records = open_records(waveforms, *limits, tuple(station or ()))
    cores = usable_cores()
    on_gpu = device.startswith("cuda") or (device == "auto" and _sees_gpu())
    if not readers and not workers and on_gpu:
        readers = min(cores, records.count) if records.count > 1 else 0
    workers = workers or (1 if on_gpu else max(1, min(cores, records.count // 4)))  # a process takes seconds to start

    kept: list = []
    options = {"inventory": responses, "workers": workers, "readers": readers, "force": force}
    began = time.perf_counter()
    if is_table:
        with _progress(records.count) as advance:
            tally = pick_archive(
                records, settings, None, **options, advance=advance, take=lambda r: kept.append(r.tables["picks"])
            )
        _write_table(kept, out)
    else:
        tally = _into_folder(records, settings, out, options)
    for item in records.unused:
        typer.echo(f"not used: {item['what']}: {item['reason']}", err=True)
    for item in tally.named:
        what = f"{item['state']}: {item['unit']}" if "unit" in item else f"damaged: {item['file']}"
        typer.echo(f"{what}: {item['reason']}", err=True)
    lines = list(in_words(tally, records, time.perf_counter() - began))
    if not is_table:
        _write_report(out, waveforms, tally, records, lines, time.perf_counter() - began)
    for line in lines:
        typer.echo(line)
    typer.echo(f"picks in {out if is_table else out / 'picks.parquet'}")
    if not tally.states["done"] + tally.states["kept"]:
        typer.echo("error: no station-day could be picked", err=True)
        raise typer.Exit(1)


def _into_folder(records, settings, out: Path, options: dict):
    """Units below the folder, then one table of them all."""
    from course_utils.catalog.store import write_tables
    from course_utils.pipeline.archive import pick_archive
    from course_utils.pipeline.stages import picks_by_day
    from course_utils.pipeline.units import UnitStore

    store = UnitStore(out / "units")
    with store.locked():
        try:
            with _progress(records.count) as advance:
                tally = pick_archive(records, settings, store.folder, **options, advance=advance)
        except KeyboardInterrupt:
            typer.echo(f"interrupted; what is finished is kept in {out}: the same command goes on from there", err=True)
            raise typer.Exit(130) from None
        write_tables(picks_by_day(store, records.windows()), "picks", out / "picks.parquet")
    return tally


def _write_table(tables: list, out: Path) -> None:
    from course_utils.catalog.store import write_table
    from course_utils.pipeline.stages import merge_picks

    write_table(merge_picks(tables), "picks", out)


def _write_report(out: Path, waveforms: str, tally, records, lines: list[str], seconds: float) -> None:
    from course_utils import __version__
    from course_utils.catalog.store import write_text

    report = {
        "waveforms": waveforms,
        "version": __version__,
        "units": {"total": tally.total} | dict(tally.states),
        "picks": tally.picks,
        "reasons": dict(tally.reasons),
        "notes": tally.notes,
        "files": dict(tally.files),
        "unused": records.unused,
        "named": tally.named,
        "totals": dict(tally.totals),
        "settings": tally.settings,
        "work_seconds": dict(tally.seconds),
        "seconds": round(seconds, 3),
    }
    write_text(json.dumps(report, indent=1, default=str) + "\n", out / "report.json")
    write_text("\n".join(lines) + "\n", out / "report.txt")


def _limits(start: str | None, end: str | None) -> tuple:
    """``--start`` and ``--end`` as times, checked as the configuration checks its own."""
    from course_utils.pipeline.config import Input, settings_of

    checked = settings_of(Input, "input", {"waveforms": "synthetic:any", "start": start, "end": end})
    return checked.start, checked.end


def _check_out(waveforms: str, out: Path) -> bool:
    """Whether ``--out`` is a table. What is wrong with it is found before the first hour of work."""
    from course_utils.catalog.store import check_table_path
    from course_utils.pipeline.config import DATASET, SYNTHETIC, ConfigError, refuse_inside

    if not waveforms.startswith((SYNTHETIC, DATASET)) and "://" not in waveforms:
        refuse_inside(Path(waveforms).expanduser(), out)
    if out.is_dir() or not out.suffix:
        if out.is_dir() and any(out.iterdir()) and not (out / "units").is_dir():
            raise ConfigError(
                f"--out {out}: a folder that holds other things; give a new one, or a table that ends in .parquet"
            )
        return False
    check_table_path(out)
    return True


def _sees_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


@contextmanager
def _progress(total: int):
    """Station-days done, how fast, and what is left: a bar on a terminal, a line a minute in a log."""
    from rich.console import Console

    console = Console(stderr=True)
    began, seen = time.perf_counter(), {"count": 0, "new": 0, "said": time.perf_counter()}

    def rate() -> str:
        return f"{60 * seen['new'] / max(time.perf_counter() - began, 1e-9):.1f} station-days a minute"

    def count(record) -> None:
        seen["count"] += 1
        seen["new"] += record.state != "kept"

    if not console.is_terminal:

        def line(record) -> None:
            count(record)
            if time.perf_counter() - seen["said"] > 60:
                seen["said"] = time.perf_counter()
                typer.echo(f"{seen['count']} of {total} station-days, {rate()}", err=True)

        yield line
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("station-days"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)

        def step(record) -> None:
            count(record)
            bar.update(task, advance=1, description=rate())

        yield step
