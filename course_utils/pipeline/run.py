"""``course run``: from waveforms to a catalog, in stages of units that are done once.

The folder of a run holds the tables (``stations``, ``velocity``, ``picks``, ``events``, ``assignments`` as Parquet), ``catalog.xml``
(QuakeML), ``catalog.csv``, ``report.html`` and ``run.json``, and in ``units`` what makes it resumable. Nothing is written
anywhere else.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from course_utils.catalog.comparison import Comparison, compare
from course_utils.catalog.store import write_catalog, write_text
from course_utils.catalog.tables import Catalog
from course_utils.pipeline import stages
from course_utils.pipeline.config import DATASET, SYNTHETIC, Config, ConfigError, refuse_inside
from course_utils.pipeline.magnitudes import check_magnitude, magnitude_unit
from course_utils.pipeline.sources import Source, open_catalog, open_source
from course_utils.pipeline.units import Record, Unit, UnitStore, file_hash

Say = Callable[[str], None]
_VERSIONS = ("numpy", "pandas", "torch", "seisbench", "obspy", "pyocto", "GMMA", "fteikpy", "pyarrow")
_SHOWN_NOTES = 200  # of the picker, in run.json; their sums are complete


class RunFailed(RuntimeError):
    """A stage left nothing to go on with; the message says why."""


def run(config: Config, out: str | Path, force: bool = False, say: Say | None = None) -> dict[str, Any]:
    """Run a configuration into a folder, or finish a run that was interrupted there.

    Args:
        out: folder of the run, made when absent. It may not lie inside the folder of waveforms.
        force: do every unit again, finished or not.
        say: called with a line on each finished stage; None for silence, and no progress bars.

    Returns:
        The content of ``run.json``.

    Raises:
        ConfigError, DataError, TableError, FileNotFoundError: input that cannot be used.
        Busy: another run is at work in the folder.
        RunFailed: every unit of a stage was skipped.
    """
    out = Path(out)
    _check_place(config, out)
    out.mkdir(parents=True, exist_ok=True)
    store = UnitStore(out / "units")
    with store.locked():
        summary = _new_summary(config)
        try:
            _all_stages(config, out, store, summary, force, say)
        except BaseException as error:
            state = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            _write_summary(out, summary | {"status": state, "error": f"{type(error).__name__}: {error}"})
            raise
        return summary


def _all_stages(config: Config, out: Path, store: UnitStore, summary: dict, force: bool, say: Say | None) -> None:
    from course_utils.pipeline.report import write_report

    began = time.perf_counter()
    _write_summary(out, summary)
    source = open_source(config)
    # everything that can be wrong with the settings is found before the first hour of work
    settings = stages.association_settings(config, source.stations, source.velocity)
    location = stages.location_settings(config)
    check_magnitude(config, source)
    reference = open_catalog(config.reference.catalog, config) if config.reference else None
    summary["input"] = {
        "waveforms": source.label,
        "stations": len(source.stations),
        "start": source.span[0].isoformat(),
        "end": source.span[1].isoformat(),
        "unused": source.unused,
    }
    summary["settings"] = {
        "pick": config.pick.model_dump(),
        "associate": {"method": config.associate.method} | settings.model_dump(mode="json"),
        "locate": location.model_dump(mode="json"),
        "magnitude": config.magnitude.model_dump() if config.magnitude else {},
    }

    def do(stage: str, units: Iterable[Unit]) -> tuple[list[Unit], list[Record]]:
        return _stage(stage, list(units), store, summary, force, say)

    units, records = do("pick", stages.pick_units(source, config.pick))
    summary["picking"] = _picking_facts(records)
    picks = stages.merge_picks([store.tables(unit)["picks"] for unit in units])

    (unit,), (record,) = do("associate", [stages.associate_unit(picks, source, config.associate, settings)])
    summary["association"] = record.facts
    tables = store.tables(unit) | {"picks": picks, "stations": source.stations, "velocity": source.velocity}
    catalog = Catalog(**tables)

    (unit,), (record,) = do("locate", [stages.locate_unit(catalog, location)])
    summary["location"] = record.facts
    catalog = catalog.replace(**store.tables(unit))

    if config.magnitude:
        unit = magnitude_unit(catalog, source, config.magnitude, store.files_hash(units))
        _, (record,) = do("magnitude", [unit])
        summary["magnitude"] = record.facts
        catalog = catalog.replace(**store.tables(unit))

    if config.grade is not None:
        catalog, summary["grades"] = _graded(catalog, out)

    comparison = None
    if reference is not None:
        published, expected = reference
        gates = {"max_dt_s": config.reference.max_dt_s, "max_km": config.reference.max_km}
        comparison = compare(
            catalog.events,
            published.events,
            **gates,
            label=config.reference.catalog,
            expected=expected,
            span=source.span,
        )
        summary["comparison"] = comparison.summary()
    _finish(config, out, summary, catalog, source, comparison, write_report, time.perf_counter() - began, say)


def _graded(catalog: Catalog, out: Path) -> tuple[Catalog, dict[str, int]]:
    """The catalog with its grades, and how many events have each; grades.csv says why."""
    from course_utils.catalog.quality import grade
    from course_utils.pipeline.commands.grade import write_grades

    catalog, table = grade(catalog)
    write_grades(table, out)
    return catalog, {str(name): int(n) for name, n in table["grade"].value_counts().sort_index().items()}


def _finish(
    config: Config,
    out: Path,
    summary: dict,
    catalog: Catalog,
    source: Source,
    comparison: Comparison | None,
    write_report: Callable,
    seconds: float,
    say: Say | None,
) -> None:
    summary["counts"] = {
        "stations": len(catalog.stations),
        "stations_with_picks": int(catalog.picks["station"].nunique()),
        "picks": len(catalog.picks),
        "p_picks": int((catalog.picks["phase"] == "P").sum()),
        "s_picks": int((catalog.picks["phase"] == "S").sum()),
        "assigned_picks": int(catalog.assignments["pick_id"].nunique()),
        "events": len(catalog.events),
    }
    write_catalog(catalog, out)
    summary |= {"status": "finished", "finished": _now(), "seconds": round(seconds, 3)}
    started = time.perf_counter()
    write_report(out / "report.html", config.report, summary, catalog, source, comparison)
    summary["report_seconds"] = round(time.perf_counter() - started, 3)
    summary["files"] = {path.name: file_hash(path) for path in sorted(out.iterdir()) if path.suffix in _OUTPUTS}
    _write_summary(out, summary)
    if say:
        grades = ", ".join(f"{n} {grade}" for grade, n in summary.get("grades", {}).items())
        graded = f" ({grades}; grades.csv says why)" if grades else ""
        say(f"{summary['counts']['events']} events{graded} in {out}; look at {out / 'report.html'}")


_OUTPUTS = {".parquet", ".xml", ".csv"}


def _stage(
    stage: str, units: list[Unit], store: UnitStore, summary: dict, force: bool, say: Say | None
) -> tuple[list[Unit], list[Record]]:
    """Run the units of a stage in this process; returns those with a result. A pool of workers would go in here."""
    began = time.perf_counter()
    done: list[Unit] = []
    records: list[Record] = []
    with _progress(stage, len(units), say) as advance:
        for unit in units:
            advance(0, unit.name)
            record = store.run(unit, force)
            records.append(record)
            if record.state != "skipped":
                done.append(unit)
            advance(1, unit.name)
    states = {state: sum(r.state == state for r in records) for state in ("done", "kept", "skipped")}
    rows: dict[str, int] = {}
    for record in records:
        for name, count in record.rows.items():
            rows[name] = rows.get(name, 0) + count
    summary["stages"].append(
        {
            "stage": stage,
            "units": len(units),
            **states,
            "rows": rows,
            "seconds": round(time.perf_counter() - began, 3),
            "work_seconds": round(sum(r.seconds for r in records), 3),
        }
    )
    summary["skipped"] += [
        {"stage": stage, "unit": r.name, "reason": r.reason} for r in records if r.state == "skipped"
    ]
    summary["notes"] += [{"stage": stage, "unit": r.name, "note": r.note} for r in records if r.note]
    if say:
        parts = [f"{count} {state}" for state, count in states.items() if count]
        found = ", ".join(f"{count} {name}" for name, count in rows.items())
        say(
            f"{stage:9s} {len(units)} units ({', '.join(parts)}): {found or 'nothing'}  {time.perf_counter() - began:.1f} s"
        )
    if not done:
        reasons = sorted({r.reason for r in records})
        raise RunFailed(f"{stage}: none of the {len(units)} units could be done; {'; '.join(reasons[:3])}")
    return done, [r for r in records if r.state != "skipped"]


def _picking_facts(records: list[Record]) -> dict[str, Any]:
    """What the picker read, and what it left out or changed, summed over the units."""
    totals: dict[str, float] = {}
    kinds: dict[str, dict[str, float]] = {}
    notes: list[dict] = []
    for record in records:
        for name, amount in record.facts.get("totals", {}).items():
            totals[name] = totals.get(name, 0) + amount
        for note in record.facts.get("notes", []):
            kind = kinds.setdefault(note["kind"], {"count": 0, "seconds": 0.0})
            kind["count"] += note["count"]
            kind["seconds"] = round(kind["seconds"] + note["seconds"], 3)
            notes.append({"unit": record.name} | note)
    settings = records[0].facts.get("settings", {}) if records else {}
    return {"totals": totals, "kinds": kinds, "notes": notes[:_SHOWN_NOTES], "settings": settings}


@contextmanager
def _progress(stage: str, total: int, say: Say | None):
    """A bar on the terminal, where there is one; it is taken away at the end, also by Ctrl-C."""
    from rich.console import Console

    console = Console(stderr=True)
    if say is None or not console.is_terminal:
        yield lambda steps, name: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(f"{stage:9s}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda steps, name: bar.update(task, advance=steps, description=name)


def _check_place(config: Config, out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out}: is a file; give a folder")
    if config.input.waveforms.startswith((SYNTHETIC, DATASET)):
        return
    refuse_inside(config.path(config.input.waveforms), out)


def _new_summary(config: Config) -> dict[str, Any]:
    from course_utils import __version__

    versions = {"ml-earthquake-catalogs": __version__, "python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in _VERSIONS}
    return {
        "status": "running",
        "title": config.report.title,
        "started": _now(),
        "versions": versions,
        "config": config.model_dump(mode="json"),
        "stages": [],
        "skipped": [],
        "notes": [],
    }


def _write_summary(out: Path, summary: dict) -> None:
    write_text(json.dumps(summary, indent=1, default=str) + "\n", out / "run.json")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
