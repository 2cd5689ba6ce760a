"""The three stages of a run as units of work: picking per station and day, association, location."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import pandas as pd

from course_utils.catalog.tables import Catalog, conform, empty
from course_utils.pipeline.config import Config, ConfigError, Pick, check_keys, explain_settings
from course_utils.pipeline.sources import PAD_S, Source, Window
from course_utils.pipeline.units import Result, Unit, UnusableInput, table_hash


def pick_units(source: Source, pick: Pick) -> list[Unit]:
    """One unit for each station and UTC day that has records."""
    settings = pick.model_dump(exclude={"device", "batch_size"}) | {"weights": model_identity(pick.model)}
    inventory = None if source.inventory is None else _inventory_hash(source.inventory)
    units = []
    for window in source.windows:
        inputs = source.identity | {
            "station": window.station,
            "start": window.start.isoformat(),
            "end": window.end.isoformat(),
            "settings": settings,
            "inventory": inventory,
        }
        arguments = {"records": source.records, "window": window, "pick": pick, "inventory": source.inventory}
        units.append(Unit("pick", window.name, pick_window, arguments, inputs, window.files))
    return units


def pick_window(records: Any, window: Window, pick: Pick, inventory: Any) -> Result:
    """Picks of one station in one window. Records around it are read too, so that its edges leave no mark."""
    from course_utils import picking

    pad = pd.Timedelta(seconds=PAD_S)
    try:
        stream = records.read(window.station, window.start - pad, window.end + pad)
    except (OSError, ValueError, RuntimeError) as error:
        raise UnusableInput(f"records cannot be read: {error}") from error
    if not len(stream):
        raise UnusableInput(_why_empty(records, window))
    try:
        picks = picking.pick(
            stream,
            _model(pick.model),
            device=pick.device,
            thresholds=pick.thresholds,
            batch_size=pick.batch_size,
            overlap=_overlap(pick.overlap),
            max_gap_s=pick.max_gap_s,
            time_stretch=pick.time_stretch,
            inventory=inventory,
        )
    except picking.PickingError as error:
        raise UnusableInput(f"the picker failed: {error}") from error
    report = picks.attrs.pop("report")
    if not report["totals"].get("instruments"):
        kinds = sorted({note["kind"] for note in report["notes"]})
        raise UnusableInput(f"no usable record: {', '.join(kinds) or 'no component that the model knows'}")
    inside = (picks["time"] >= window.start) & (picks["time"] < window.end)
    return Result({"picks": picks[inside].reset_index(drop=True)}, report)


def merge_picks(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """One picks table of many, in order of time; a pick that two windows share counts once."""
    filled = [table for table in tables if len(table)]
    if not filled:
        return empty("picks")
    picks = pd.concat(filled, ignore_index=True).drop_duplicates("pick_id")
    return conform(picks.sort_values(["time", "station", "channel", "phase", "pick_id"], kind="stable"), "picks")


def association_settings(config: Config, stations: pd.DataFrame, velocity: pd.DataFrame):
    """Settings of the associator for this network; ConfigError names a wrong key or value of ``[associate]``."""
    from course_utils.association.settings import SETTINGS, settings_for

    section = config.associate
    if section.method not in SETTINGS:
        raise ConfigError(f"[associate] method = {section.method!r}: there is {', '.join(SETTINGS)}")
    check_keys("associate", section.settings, ["method", *SETTINGS[section.method].model_fields])
    with explain_settings("associate"):
        return settings_for(stations, velocity, section.method, **section.settings)


def location_settings(config: Config):
    """Settings of the location; ConfigError names a wrong key or value of ``[locate]``."""
    from course_utils.location.settings import LocationSettings

    check_keys("locate", config.locate.settings, list(LocationSettings.model_fields))
    with explain_settings("locate"):
        return LocationSettings(**config.locate.settings)


def associate_unit(picks: pd.DataFrame, source: Source, method: str, settings: Any) -> Unit:
    """Association of all picks."""
    arguments = {
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


def associate_picks(picks, stations, velocity, method: str, settings) -> Result:
    """Events and assignments, and where every pick went."""
    from course_utils.association import associate_with_report

    catalog, report = associate_with_report(picks, stations, velocity, method, settings)
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


@lru_cache(maxsize=2)
def _model(name: str):
    from course_utils import picking

    return picking.load_model(name)


def _overlap(value: float | None) -> float | int | None:
    return int(value) if value is not None and value >= 1 else value


def _inventory_hash(inventory) -> str:
    parts = sorted(
        f"{channel.code}{channel.start_date}{channel.response}"
        for network in inventory
        for station in network
        for channel in station
    )
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def _why_empty(records: Any, window: Window) -> str:
    problems = getattr(records, "problems", None)
    if problems is not None:
        files = {str(path) for path in window.files}
        said = problems[problems["file"].isin(files)]
        if len(said):
            return f"{said['file'].iloc[0]}: {said['problem'].iloc[0]}"
    return "no records in the window"
