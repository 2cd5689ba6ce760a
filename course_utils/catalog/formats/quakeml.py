"""QuakeML 1.2 through ObsPy, so that any client that reads it accepts the file.

What has no place in the standard (grade, probabilities, the picker's confidence) travels as JSON in comments and comes
back on reading.
"""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import pandas as pd

from course_utils.catalog.formats.text import id_text, known, parse_id
from course_utils.catalog.store import atomic_path
from course_utils.catalog.tables import Catalog, TableError, conform, empty

KM_PER_DEGREE = 111.19492664455873  # sphere of 6371 km, as ObsPy converts
_COMMENT = "course_utils "  # opens the comments that hold our own fields as JSON
_EVENT_FIELDS = ("n_p", "n_s", "event_type_probability", "grade", "quality_probability")
_PICK_FIELDS = ("probability", "amplitude", "amplitude_unit", "snr_db", "model", "weights")


def write_quakeml(catalog: Catalog, path: str | Path) -> Path:
    """Write events with origins and their uncertainty, magnitudes, types, and the assigned picks as arrivals.

    Picks that belong to no event have no place in QuakeML; they stay in the picks table.
    """
    from obspy.core import event as qml

    picks = {row["pick_id"]: row for row in catalog.picks.to_dict("records")}
    by_event = dict(tuple(catalog.assignments.groupby("event_id", sort=False)))
    out = qml.Catalog(resource_id=qml.ResourceIdentifier("smi:local/catalog"))
    for row in catalog.events.sort_values(["time", "event_id"]).to_dict("records"):
        out.append(_to_obspy(row, by_event.get(row["event_id"]), picks))
    with atomic_path(path) as hidden:
        out.write(str(hidden), format="QUAKEML")
    return Path(path)


def read_quakeml(path: str | Path) -> Catalog:
    """Events, picks and assignments from QuakeML (ours or any other), without stations and velocity.

    The preferred origin and magnitude count, else the first ones. Events without an origin time, epicenter or depth
    and arrivals of phases other than P and S are left out, with a warning that counts them.
    """
    import obspy

    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file; expected QuakeML")
    try:
        source = obspy.read_events(str(path), format="QUAKEML")
    except Exception as error:  # ObsPy and lxml raise many kinds; all mean that the file is unusable
        raise TableError(f"{path}: not readable as QuakeML ({error}); write or fetch it again") from error
    events, picks, assignments, dropped, phases = [], {}, {}, 0, 0
    for item in source:
        origin = item.preferred_origin() or (item.origins[0] if item.origins else None)
        if origin is None or None in (origin.time, origin.latitude, origin.longitude, origin.depth):
            dropped += 1
            continue
        row = _event_row(item, origin)
        events.append(row)
        by_id = {pick.resource_id.id: pick for pick in item.picks}
        for arrival in origin.arrivals:
            pick = by_id.get(arrival.pick_id.id if arrival.pick_id else "")
            phase = (arrival.phase or (pick.phase_hint if pick else "") or "")[:1].upper()
            if pick is None or phase not in ("P", "S") or not pick.waveform_id or not pick.waveform_id.station_code:
                phases += 1
                continue
            picked = _pick_row(pick, phase)
            picks[picked["pick_id"]] = picked
            assignments[row["event_id"], picked["pick_id"]] = _assignment_row(row, picked, arrival)
    if dropped or phases:
        warnings.warn(
            f"{path}: {dropped} events without origin time, epicenter or depth and {phases} arrivals without a pick "
            "of a P or S phase were left out",
            stacklevel=2,
        )
    return Catalog(
        events=_frame(events, "events"),
        picks=_frame(list(picks.values()), "picks"),
        assignments=_frame(list(assignments.values()), "assignments"),
    )


def _frame(rows: list[dict], name: str) -> pd.DataFrame:
    return conform(pd.DataFrame(rows), name) if rows else empty(name)


def _comment(row: dict, names: tuple[str, ...], **more) -> list:
    """The fields that QuakeML has no place for, as one comment (or none)."""
    from obspy.core.event import Comment

    held = {name: row[name] for name in names if known(row[name])} | more
    # ObsPy invents a random id otherwise, and two runs would differ in their bytes
    return [Comment(text=_COMMENT + json.dumps(held), force_resource_id=False)] if held else []


def _commented(item) -> dict:
    for comment in item.comments:
        if (comment.text or "").startswith(_COMMENT):
            try:
                held = json.loads(comment.text[len(_COMMENT) :])
            except json.JSONDecodeError:  # somebody else's comment with the same first word
                continue
            return held if isinstance(held, dict) else {}
    return {}


def _to_obspy(row: dict, assigned: pd.DataFrame | None, picks: dict[int, dict]):
    from obspy import UTCDateTime
    from obspy.core import event as qml

    key = id_text(row["event_id"])
    origin = qml.Origin(
        resource_id=f"smi:local/origin/{key}",
        time=UTCDateTime(ns=row["time"].value),
        latitude=row["latitude"],
        longitude=row["longitude"],
        depth=row["depth_km"] * 1000.0,
        evaluation_mode="automatic",
    )
    if known(row["horizontal_error_km"]):
        origin.origin_uncertainty = qml.OriginUncertainty(
            horizontal_uncertainty=row["horizontal_error_km"] * 1000.0,
            preferred_description="horizontal uncertainty",
            confidence_level=68.0,
        )
    if known(row["depth_error_km"]):
        origin.depth_errors = qml.QuantityError(uncertainty=row["depth_error_km"] * 1000.0, confidence_level=68.0)
    origin.quality = qml.OriginQuality(
        standard_error=row["rms_s"] if known(row["rms_s"]) else None,
        azimuthal_gap=row["azimuthal_gap_deg"] if known(row["azimuthal_gap_deg"]) else None,
    )
    event = qml.Event(resource_id=f"smi:local/event/{key}", origins=[origin])
    event.preferred_origin_id = origin.resource_id
    more = {}
    if known(row["event_type"]):
        try:
            event.event_type = row["event_type"]
        except ValueError:  # not in QuakeML's vocabulary: keep our word for it in the comment
            event.event_type, more = "other event", {"event_type": row["event_type"]}
    event.comments = _comment(row, _EVENT_FIELDS, **more)
    if known(row["magnitude"]):
        magnitude = qml.Magnitude(
            resource_id=f"smi:local/magnitude/{key}",
            mag=row["magnitude"],
            magnitude_type=row["magnitude_type"] if known(row["magnitude_type"]) else None,
            origin_id=origin.resource_id,
        )
        event.magnitudes, event.preferred_magnitude_id = [magnitude], magnitude.resource_id
    if assigned is not None:
        origin.quality.used_phase_count = len(assigned)
        origin.quality.used_station_count = int(assigned["station"].nunique())
        for one in assigned.to_dict("records"):
            pick, arrival = _pick_and_arrival(key, one, picks[one["pick_id"]])
            event.picks.append(pick)
            origin.arrivals.append(arrival)
    return event


def _pick_and_arrival(event_key: str, one: dict, row: dict):
    from obspy import UTCDateTime
    from obspy.core import event as qml

    network, station, location = [*row["station"].split(".", 2), "", ""][:3]
    pick = qml.Pick(
        resource_id=f"smi:local/pick/{id_text(one['pick_id'])}",
        time=UTCDateTime(ns=row["time"].value),
        waveform_id=qml.WaveformStreamID(
            network_code=network,
            station_code=station,
            location_code=location,
            channel_code=row["channel"] if known(row["channel"]) else None,
        ),
        phase_hint=row["phase"],
        time_errors=qml.QuantityError(uncertainty=row["pick_error_s"]) if known(row["pick_error_s"]) else None,
        evaluation_mode="automatic",
        comments=_comment(row, _PICK_FIELDS),
    )
    arrival = qml.Arrival(
        resource_id=f"smi:local/arrival/{event_key}/{id_text(one['pick_id'])}",
        pick_id=pick.resource_id,
        phase=one["phase"],
        time_residual=one["residual_s"] if known(one["residual_s"]) else None,
        time_weight=one["weight"] if known(one["weight"]) else None,
        distance=one["distance_km"] / KM_PER_DEGREE if known(one["distance_km"]) else None,
        azimuth=one["azimuth_deg"] if known(one["azimuth_deg"]) else None,
    )
    return pick, arrival


def _event_row(item, origin) -> dict:
    magnitude = item.preferred_magnitude() or (item.magnitudes[0] if item.magnitudes else None)
    region, quality = origin.origin_uncertainty, origin.quality
    horizontal = region.horizontal_uncertainty if region is not None else None
    if horizontal is None and region is not None:
        horizontal = region.max_horizontal_uncertainty
    depth_error = origin.depth_errors.uncertainty
    row = {
        "event_id": _resource_id(item.resource_id),
        "time": origin.time.datetime,
        "latitude": origin.latitude,
        "longitude": origin.longitude,
        "depth_km": origin.depth / 1000.0,
        "magnitude": magnitude.mag if magnitude is not None else None,
        "magnitude_type": magnitude.magnitude_type if magnitude is not None else None,
        "horizontal_error_km": horizontal / 1000.0 if horizontal is not None else None,
        "depth_error_km": depth_error / 1000.0 if depth_error is not None else None,
        "rms_s": quality.standard_error if quality is not None else None,
        "azimuthal_gap_deg": quality.azimuthal_gap if quality is not None else None,
        "event_type": str(item.event_type) if item.event_type else None,
    }
    kept = _commented(item)
    return row | {name: kept.get(name) for name in _EVENT_FIELDS} | {k: v for k, v in kept.items() if k == "event_type"}


def _pick_row(pick, phase: str) -> dict:
    where = pick.waveform_id
    return {
        "pick_id": _resource_id(pick.resource_id),
        "station": f"{where.network_code or ''}.{where.station_code}.{where.location_code or ''}",
        "channel": where.channel_code,
        "phase": phase,
        "time": pick.time.datetime,
        "pick_error_s": pick.time_errors.uncertainty,
    } | {name: value for name, value in _commented(pick).items() if name in _PICK_FIELDS}


def _assignment_row(event: dict, pick: dict, arrival) -> dict:
    return {
        "event_id": event["event_id"],
        "pick_id": pick["pick_id"],
        "station": pick["station"],
        "phase": pick["phase"],
        "residual_s": arrival.time_residual,
        "weight": arrival.time_weight,
        "distance_km": arrival.distance * KM_PER_DEGREE if arrival.distance is not None else None,
        "azimuth_deg": arrival.azimuth,
    }


def _resource_id(identifier) -> int:
    text = identifier.id
    ours = re.fullmatch(r"smi:local/(?:event|pick)/([0-9a-f]{16})", text)
    return parse_id(ours.group(1) if ours else text)
