"""The three stages of a run as units of work: picking per station and day, association, location."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from course_utils.catalog.tables import Catalog, conform, empty
from course_utils.pipeline.config import Associate, Config, ConfigError, Pick, check_keys, explain_settings
from course_utils.pipeline.sources import Source, Window
from course_utils.pipeline.units import Result, Unit, UnitStore, UnusableInput, table_hash


def pick_units(source: Source, pick: Pick) -> list[Unit]:
    """One unit for each station and UTC day that has records."""
    make = UnitMaker(source.reader, source.identity, pick, source.inventory)
    return [make.unit(window) for window in source.windows]


class UnitMaker:
    """Makes the units of picking; a process that picks holds one of them."""

    def __init__(
        self, reader: Any, identity: dict[str, Any], pick: Pick, inventory: Any, weights: dict[str, str] | None = None
    ):
        self.reader, self.pick, self.inventory = reader, pick, inventory
        settings = pick.model_dump(exclude={"device", "engine", "batch_size"})
        settings["weights"] = weights_identity(pick) if weights is None else weights
        responses = None if inventory is None else inventory_hash(inventory)
        self.inputs = {"anchor": "time"} | identity | {"settings": settings, "inventory": responses}

    def unit(self, window: Window) -> Unit:
        """Picking of a window."""
        times = {"station": window.station, "start": window.start.isoformat(), "end": window.end.isoformat()}
        inputs = (
            self.inputs
            | times
            | ({"objects": list(zip(window.files, window.tags, strict=True))} if window.tags else {})
        )
        arguments = {"reader": self.reader, "window": window, "pick": self.pick, "inventory": self.inventory}
        arguments["anchor"] = self.inputs["anchor"]
        files = () if any("://" in file for file in window.files) else tuple(map(Path, window.files))
        return Unit("pick", window.name, pick_window, arguments, inputs, files)


def padding_s(pick: Pick) -> float:
    """Seconds around a window that its picks can feel: a window of the model on each side with what it blinds there, and
    the ends of filters and of the windows in which amplitude and noise are measured."""
    models = [_model(name) for name in pick.models]
    seconds = max((model.in_samples or 0) / (model.sampling_rate or 100.0) for model in models) / pick.time_stretch
    return 1.2 * seconds + 20.0


def pick_window(reader: Any, window: Window, pick: Pick, inventory: Any, anchor: str = "time") -> Result:
    """Picks of one station in one window. Records around it are read too, so that its edges leave no mark."""
    began = time.perf_counter()
    try:
        stream, problems = reader.read_window(window, padding_s(pick))
    except (OSError, ValueError, RuntimeError) as error:
        raise UnusableInput(f"records cannot be read: {error}") from error
    return pick_stream(stream, problems, window, pick, inventory, anchor, time.perf_counter() - began)


def pick_stream(
    stream, problems: dict[str, str], window: Window, pick: Pick, inventory: Any, anchor: str, reading_s: float
) -> Result:
    """Picks in a window of records that have been read, with their padding; ``problems`` of files go into the facts."""
    from course_utils import picking

    began = time.perf_counter()
    if not len(stream):
        raise UnusableInput(
            "; ".join(f"{kind} ({file})" for file, kind in problems.items()) or "no records in the window"
        )
    try:
        picks = _pick(stream, pick, inventory, anchor)
    except picking.PickingError as error:
        raise UnusableInput(f"the picker failed: {error}") from error
    report = picks.attrs.pop("report")
    if not report["totals"].get("instruments"):
        kinds = sorted({note["kind"] for note in report["notes"]})
        raise UnusableInput(f"no usable record: {', '.join(kinds) or 'no component that the model knows'}")
    inside = (picks["time"] >= window.start) & (picks["time"] < window.end)
    picks = picks[inside].reset_index(drop=True)
    for column in (
        "probability",
        "amplitude",
        "snr_db",
    ):  # seven digits are more than they hold, and half the bytes on disk
        picks[column] = picks[column].astype("float32").astype("float64")
    report["totals"] |= {f"{phase}_picks": int((picks["phase"] == phase).sum()) for phase in ("P", "S")}
    report["files"] = [{"file": file, "problem": problem} for file, problem in problems.items()]
    report["seconds"] = {"reading": round(reading_s, 4), "picking": round(time.perf_counter() - began, 4)}
    return Result({"picks": picks}, report)


def _pick(stream, pick: Pick, inventory: Any, anchor: str) -> pd.DataFrame:
    """Picks of one model, or of several side by side or in consensus; the report with them."""
    from course_utils import picking

    options = {
        "device": pick.device,
        "engine": pick.engine,
        "thresholds": pick.thresholds,
        "batch_size": pick.batch_size,
        "overlap": _overlap(pick.overlap),
        "anchor": anchor,
        "max_gap_s": pick.max_gap_s,
        "time_stretch": pick.time_stretch,
        "inventory": inventory,
    }
    if not pick.ensemble:
        return picking.pick(stream, _model(pick.model), **options)
    found = list(picking.pick_many(stream, [_model(name) for name in pick.models], **options).values())
    reports = [table.attrs.pop("report") for table in found]
    picks = picking.consensus(found, required=pick.consensus) if pick.consensus else merge_picks(found)
    # what is wrong with the records each model notes again: it counts once
    notes: dict[tuple, dict] = {}
    for note in (note for report in reports for note in report["notes"]):
        key = note["kind"], note["station"], note["channel"]
        notes[key] = max(note, notes.get(key, note), key=lambda n: n["count"])
    totals = {name: max(report["totals"].get(name, 0) for report in reports) for name in reports[0]["totals"]}
    settings = {"consensus": pick.consensus, "models": [report["settings"] for report in reports]}
    picks.attrs["report"] = {"settings": settings, "totals": totals, "notes": [notes[key] for key in sorted(notes)]}
    return picks


def merge_picks(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """One picks table of many, in order of time; a pick that two windows share counts once."""
    filled = [table for table in tables if len(table)]
    if not filled:
        return empty("picks")
    picks = pd.concat(filled, ignore_index=True).drop_duplicates("pick_id")
    return conform(picks.sort_values(["time", "station", "channel", "phase", "pick_id"], kind="stable"), "picks")


def picks_by_day(store: UnitStore, windows: Iterable[Window]) -> Iterator[pd.DataFrame]:
    """The picks of all finished windows, a table for each UTC day with picks, in order of time."""
    by_day: dict[str, list[str]] = {}
    for window in windows:
        by_day.setdefault(window.name.split("/", 1)[0], []).append(window.name)
    for day in sorted(by_day):
        tables = [table for name in by_day[day] if (table := store.table("pick", name, "picks")) is not None]
        if sum(map(len, tables)):
            yield merge_picks(tables)


def association_settings(config: Config, stations: pd.DataFrame, velocity: pd.DataFrame):
    """Settings of the associator for this network; ConfigError names a wrong key or value of ``[associate]``."""
    from course_utils.association.methods import SETTINGS, settings_for

    section = config.associate
    if section.method not in SETTINGS:
        raise ConfigError(f"[associate] method = {section.method!r}: there is {', '.join(SETTINGS)}")
    check_keys("associate", section.settings, [*Associate.model_fields, *SETTINGS[section.method].model_fields])
    with explain_settings("associate"):
        return settings_for(stations, velocity, section.method, **section.settings)


def location_settings(config: Config):
    """Settings of the location; ConfigError names a wrong key or value of ``[locate]``."""
    from course_utils.location.settings import LocationSettings

    check_keys("locate", config.locate.settings, list(LocationSettings.model_fields))
    with explain_settings("locate"):
        return LocationSettings(**config.locate.settings)


def associate_unit(picks: pd.DataFrame, source: Source, section: Associate, settings: Any) -> Unit:
    """Association of all picks; in how many processes is no part of what its result depends on."""
    method = section.method
    arguments = {
        "workers": section.workers,
        "chunk_hours": section.chunk_hours,
        "picks": picks,
        "stations": source.stations,
        "velocity": source.velocity,
        "method": method,
        "settings": settings,
    }
    inputs = {
        "picks": table_hash(picks, "picks"),
        "stations": table_hash(source.stations, "stations"),
        "velocity": table_hash(source.velocity, "velocity"),
        "method": method,
        "settings": settings.model_dump(mode="json"),
    }
    return Unit("associate", "all", associate_picks, arguments, inputs)


def associate_picks(picks, stations, velocity, method: str, settings, workers: int, chunk_hours: float) -> Result:
    """Events and assignments, and where every pick went."""
    from course_utils.association import associate_with_report

    catalog, report = associate_with_report(
        picks, stations, velocity, method, settings, chunk_s=3600 * chunk_hours, workers=workers
    )
    facts = {
        "gates": report.gates.to_dict("records"),
        "turned_down": report.turned_down.to_dict("records"),
        "stations": report.stations.to_dict("records"),
    }
    return Result({"events": catalog.events, "assignments": catalog.assignments}, facts)


def locate_unit(catalog: Catalog, settings: Any) -> Unit:
    """Location of all events."""
    inputs = {name: table_hash(getattr(catalog, name), name) for name in ("events", "assignments", "picks")}
    inputs |= {name: table_hash(getattr(catalog, name), name) for name in ("stations", "velocity")}
    inputs["settings"] = settings.model_dump(mode="json")
    return Unit("locate", "all", locate_events, {"catalog": catalog, "settings": settings}, inputs)


def locate_events(catalog: Catalog, settings: Any) -> Result:
    """Located events with their assignments, and how many were located, kept, merged or removed, and why."""
    from course_utils.location import run_location

    if not len(catalog.events):
        return Result({"events": catalog.events, "assignments": catalog.assignments}, {"outcomes": []})
    run = run_location(catalog, settings=settings)
    outcomes = run.outcomes.fillna({"reason": ""})
    outcomes["reason"] = outcomes["reason"].str.replace(r"\d[\d.]*", "#", regex=True)  # one kind, whatever its numbers
    counts = outcomes.groupby(["outcome", "reason"], sort=True).size()
    facts = {"outcomes": [{"outcome": o, "reason": r, "events": int(n)} for (o, r), n in counts.items()]}
    return Result({"events": run.catalog.events, "assignments": run.catalog.assignments}, facts)


@lru_cache(maxsize=2)
def model_identity(name: str) -> dict[str, str]:
    """What the picker's result depends on: the class and version of the weights, and a hash of their values."""
    model = _model(name)
    digest = hashlib.sha256()
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    version = str(getattr(model, "weights_version", None) or "")
    return {"class": type(model).__name__, "name": name, "version": version, "sha256": digest.hexdigest()}


def weights_identity(pick: Pick) -> dict[str, Any]:
    """What the picks depend on of the weights: that of the model, or of each model of an ensemble."""
    if not pick.ensemble:
        return model_identity(pick.model)
    return {name: model_identity(name) for name in pick.models}


@lru_cache(maxsize=8)
def _model(name: str):
    from course_utils import picking

    return picking.load_model(name)


def _overlap(value: float | None) -> float | int | None:
    return int(value) if value is not None and value >= 1 else value


def inventory_hash(inventory) -> str:
    parts = sorted(
        f"{channel.code}{channel.start_date}{channel.response}"
        for network in inventory
        for station in network
        for channel in station
    )
    return hashlib.sha256("".join(parts).encode()).hexdigest()
