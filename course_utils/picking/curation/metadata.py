"""The metadata of each trace, in the column names of SeisBench."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from ...catalog.tables import Catalog
from .cut import Cut, Unusable, snr_db
from .plan import Plan

_PICK_FIELDS = {
    "probability": "trace_{}_probability",
    "pick_error_s": "trace_{}_uncertainty_s",
    "residual_s": "path_{}_residual_s",
}


def event_name(event_id: int) -> str:
    """Text of an event id that no reader of CSV takes for a number: "ev" and 16 hexadecimal digits."""
    return f"ev{int(event_id):016x}"


def planned_metadata(plan: Plan, catalog: Catalog) -> pd.DataFrame:
    """What is known of each window before it is read: source_*, station_*, time, events and length."""
    windows, settings = plan.windows, plan.settings
    events = catalog.events.set_index("event_id").reindex(windows["event_id"]).reset_index(drop=True)
    stations = catalog.stations.set_index("station").reindex(windows["station"]).reset_index(drop=True)
    codes = windows["station"].str.split(".", n=2, expand=True).reindex(columns=range(3)).fillna("")
    is_event = windows["event_id"].ne(0)
    names = windows["event_id"].map(event_name).where(is_event, None)
    event_of = plan.picks["event_id"].to_numpy()
    every = []
    for station, start, own in windows[["station", "start_us", "event_id"]].itertuples(index=False):
        found = dict.fromkeys([own, *event_of[plan.inside(station, start)].tolist()]) if own else {}
        every.append(";".join(event_name(one) for one in found))
    rate = settings.sampling_rate_hz
    theirs = {"source_catalog_id": events["source_id"]} if "source_id" in events.columns else {}
    return pd.DataFrame(
        {
            "source_id": names,
            **theirs,
            "source_origin_time": _iso(events["time"]),
            "source_latitude_deg": events["latitude"],
            "source_longitude_deg": events["longitude"],
            "source_depth_km": events["depth_km"],
            "source_magnitude": events["magnitude"],
            "source_magnitude_type": events["magnitude_type"],
            "source_type": events["event_type"],
            "station_network_code": codes[0],
            "station_code": codes[1],
            "station_location_code": codes[2],
            "station_latitude_deg": stations["latitude"],
            "station_longitude_deg": stations["longitude"],
            "station_elevation_m": stations["elevation_m"],
            "trace_category": np.where(is_event, "event", "noise"),
            "trace_source_ids": every,
            "trace_start_time": _iso(pd.to_datetime(windows["start_us"], unit="us", utc=True)),
            "trace_sampling_rate_hz": rate,
            "trace_npts": settings.samples,
        }
    )


def describe(plan: Plan, window: tuple, piece: Cut, fixed: dict, along: np.ndarray, unit_of) -> dict | None:
    """The row of one trace, with its picks and SNRs; None if the first pick is weaker than the settings ask for.

    Args:
        window: station, start_us, event_id.
        fixed: what :func:`planned_metadata` says of it.
        along: epicentral distance in km and back azimuth in degrees.
        unit_of: unit of a station's cut, or None for counts.
    """
    settings = plan.settings
    station, start_us, event_id = window
    row = dict(fixed)
    row["trace_name"] = f"{fixed['source_id'] or 'noise'}_{station}.{piece.channel}_{start_us}"
    row["trace_start_time"] = pd.Timestamp(piece.start_ns, tz="UTC").strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    row["trace_channel"] = piece.channel
    row["trace_component_order"] = settings.component_order
    row["trace_recorded_sampling_rate_hz"] = piece.recorded_rate_hz
    row["trace_unit"] = unit_of(station, piece, settings) if unit_of else "counts"
    row["trace_missing_components"] = piece.missing
    row["trace_completeness"] = round(piece.completeness, 5)
    row |= piece.flags
    row["trace_unlabelled_picks"] = plan.unlabelled(station, start_us)
    row["path_ep_distance_km"], row["path_back_azimuth_deg"] = np.round(along, 4).tolist()
    row["path_hyp_distance_km"] = round(float(np.hypot(along[0], fixed["source_depth_km"])), 4)
    first_snr_db = _add_picks(row, plan, window, piece)
    if event_id and settings.min_snr_db is not None and not first_snr_db >= settings.min_snr_db:
        return None
    return row


def _add_picks(row: dict, plan: Plan, window: tuple, piece: Cut) -> float:
    """Put all picks of a window into its row; SNR of the first one of its own event (NaN without)."""
    settings, rate, pick = plan.settings, plan.settings.sampling_rate_hz, plan.fields
    station, start_us, event_id = window
    inside = plan.inside(station, start_us) if event_id else np.zeros(0, np.int64)
    samples = (pick["time_us"][inside] * 1000 - piece.start_ns) / 1e9 * rate
    there = (samples >= 0) & (samples <= settings.samples - 1)
    inside, samples = inside[there], samples[there]
    snrs = np.round(snr_db(piece.data, rate, samples), 2)
    others = {"P": 1, "S": 1}  # the plain names belong to the window's own event, even if it has no such pick
    first_snr_db = np.nan
    for at, sample, snr in zip(inside.tolist(), samples.tolist(), snrs.tolist(), strict=True):
        name, own = pick["phase"][at], pick["event_id"][at] == event_id
        if not own:
            others[name] += 1
            name += str(others[name])
        row[f"trace_{name}_arrival_sample"] = round(sample, 4)
        row[f"trace_{name}_snr_db"] = snr[0]
        if not own:
            row[f"trace_{name}_source_id"] = event_name(pick["event_id"][at])
            continue
        if np.isnan(first_snr_db):
            first_snr_db = snr[0]
        for letter, value in zip(settings.component_order, snr[1:], strict=True):
            row[f"trace_{name}_{letter}_snr_db"] = value
        for column, said in _PICK_FIELDS.items():
            if np.isfinite(pick[column][at]):
                row[said.format(name)] = float(pick[column][at])
    return first_snr_db


def sensitivities(inventory):
    """(divide, unit_of): the sensitivity of an instrument's component, and the unit that division leaves."""

    @cache
    def found(seed_id: str, start_s: int):
        from obspy import UTCDateTime

        try:
            value = inventory.get_response(seed_id, UTCDateTime(start_s)).instrument_sensitivity
        except Exception as error:  # ObsPy raises a bare Exception when nothing matches
            raise Unusable("no sensitivity in the inventory", f"{seed_id}: {error}") from error
        if value is None or not value.value:
            raise Unusable("no sensitivity in the inventory", f"{seed_id}: it is empty")
        return float(value.value), str(value.input_units).lower()

    def divide(instrument, letter: str) -> float:
        first = min(piece.start_ns for piece in instrument.pieces[letter])
        return found(instrument.seed_id(letter), first // 1_000_000_000)[0]

    def unit_of(station: str, piece: Cut, settings) -> str:
        start_s = piece.start_ns // 1_000_000_000
        for letter in settings.component_order:
            try:
                return found(f"{station}.{piece.channel}{letter}", start_s)[1]
            except Unusable:
                continue
        return "unknown"

    return divide, unit_of


def _iso(times) -> pd.Series:
    return pd.Series(times).dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
