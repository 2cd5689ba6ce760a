"""Local magnitudes of the events of a run, and the reader of records that they share with ``course magnitude``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from typing import Any

import pandas as pd

from course_utils.catalog.tables import Catalog
from course_utils.pipeline.config import Config, ConfigError, Magnitude
from course_utils.pipeline.sources import Source, Window
from course_utils.pipeline.units import Result, Unit, table_hash

_TABLES = ("events", "assignments", "picks", "stations")


def station_reader(reader: Any, windows: Iterable[Window]) -> Callable:
    """A function of station, start and end that gives the records of these windows as one Stream."""
    from obspy import Stream

    held: dict[str, list[Window]] = {}
    for window in windows:
        held.setdefault(window.station, []).append(window)

    def read(station: str, start: pd.Timestamp, end: pd.Timestamp) -> Stream:
        stream = Stream()
        for window in held.get(station, ()):
            if window.start < end and window.end > start:
                part = replace(window, start=max(window.start, start), end=min(window.end, end))
                stream += reader.read_window(part, 0.0)[0]
        return stream.merge(-1)

    return read


def scale_and_magnitudes(catalog: Catalog, readings: pd.DataFrame, section: Magnitude, known: pd.Series | None = None):
    """A scale, with ``known`` magnitudes (by event_id) one that takes over theirs, and the magnitudes by it
    (:class:`course_utils.catalog.magnitude.MagnitudeRun`)."""
    from course_utils.catalog.magnitude import HUTTON_BOORE, calibrate, local_magnitudes

    scale = HUTTON_BOORE
    if section.calibrate or known is not None:
        scale = calibrate(readings, known, "calibrated" if known is None else "after the reference")
    if section.min_distance_km is not None:
        scale = replace(scale, min_km=section.min_distance_km)
    return local_magnitudes(catalog, readings, scale)


def known_magnitudes(catalog: Catalog, reference: pd.DataFrame, max_dt_s: float, max_km: float) -> pd.Series:
    """Magnitudes of the reference by event_id of the events of the catalog that match one to one."""
    from course_utils.catalog.matching import match_events

    reference = reference.dropna(subset="magnitude")
    matched = match_events(catalog.events, reference, max_dt_s, max_km).matched
    of_reference = reference.set_index("event_id")["magnitude"]
    return matched.set_index("event_id")["reference_id"].map(of_reference)


def check_magnitude(config: Config, source: Source) -> None:
    """ConfigError when magnitudes are wanted of instruments that nobody described."""
    if config.magnitude and source.inventory is None:
        given = f"stations = {config.input.stations!r}" if config.input.stations else "the data set's own stations"
        raise ConfigError(
            f"[magnitude]: {given} has no instrument responses; give StationXML as [input] stations, or remove the section"
        )


def magnitude_unit(catalog: Catalog, source: Source, section: Magnitude, records_hash: str) -> Unit:
    """Magnitudes of all events."""
    inputs = {name: table_hash(getattr(catalog, name), name) for name in _TABLES}
    inputs |= {"records": records_hash, "settings": section.model_dump()}
    arguments = {"catalog": catalog, "reader": source.reader, "windows": source.windows}
    arguments |= {"inventory": source.inventory, "section": section}
    return Unit("magnitude", "all", magnitude_events, arguments, inputs)


def magnitude_events(
    catalog: Catalog, reader: Any, windows: Iterable[Window], inventory: Any, section: Magnitude
) -> Result:
    """Events with magnitudes, and what became of events and readings."""
    if catalog.assignments.empty:
        return Result({"events": catalog.events}, {"events": [], "readings": [], "scale": {}})
    from course_utils.catalog.amplitudes import wood_anderson

    try:
        readings = wood_anderson(catalog, station_reader(reader, windows), inventory)
        run = scale_and_magnitudes(catalog, readings, section)
    except ValueError as error:  # too few readings to calibrate a scale: what to do about it stands in the message
        raise ConfigError(f"[magnitude]: {error}") from error
    reasons = run.readings["reason"].replace("", "used")
    facts = {
        "events": [{"outcome": o, "events": int(n)} for o, n in run.outcomes["outcome"].value_counts().items()],
        "readings": [{"reason": r, "readings": int(n)} for r, n in reasons.value_counts().items()],
        "scale": asdict(run.scale),
    }
    return Result({"events": run.catalog.events}, facts)
