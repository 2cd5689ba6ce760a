"""The tables that flow between rooms: their columns, units and meaning, declared once as Arrow schemas.

:mod:`course_utils.catalog.tables` checks frames against them; the book's reference shows them.
"""

from __future__ import annotations

import pyarrow as pa

TIME_UNIT = "us"

_TYPES = {
    "time": pa.timestamp(TIME_UNIT, tz="UTC"),
    "text": pa.string(),
    "float": pa.float64(),
    "int": pa.int64(),
    "bool": pa.bool_(),
}


def _field(name: str, kind: str, unit: str, doc: str, required: bool = False) -> pa.Field:
    meta = {"kind": kind, "unit": unit, "doc": doc, "required": "yes" if required else "no"}
    return pa.field(name, _TYPES[kind], metadata=meta)


def _schema(name: str, doc: str, key: str, *columns: pa.Field) -> pa.Schema:
    return pa.schema(columns, metadata={"table": name, "doc": doc, "key": key})


STATIONS = _schema(
    "stations",
    "Where the ground motion was recorded. One row per sensor location.",
    "station",
    _field("station", "text", "", 'network, station and location code joined by dots: "NET.STA.LOC"', True),
    _field("latitude", "float", "deg", "WGS84 latitude, north positive", True),
    _field("longitude", "float", "deg", "WGS84 longitude, east positive", True),
    _field("elevation_m", "float", "m", "height of the sensor above sea level, negative under water", True),
    _field("channels", "text", "", 'band and instrument codes, comma separated: "HH" or "HH,HN"'),
    _field("start", "time", "UTC", "first time the station ran; empty when unknown"),
    _field("end", "time", "UTC", "last time the station ran; empty when unknown"),
)

VELOCITY = _schema(
    "velocity",
    "One-dimensional velocity model. Rows are nodes; velocity is linear between nodes, constant outside. "
    "Two rows with the same depth make an interface.",
    "depth_km",
    _field("depth_km", "float", "km", "depth below sea level, negative above", True),
    _field("vp_km_s", "float", "km/s", "P velocity", True),
    _field("vs_km_s", "float", "km/s", "S velocity", True),
)

PICKS = _schema(
    "picks",
    "Phase arrivals measured at stations.",
    "pick_id",
    _field("pick_id", "int", "", "stable 64-bit hash of station, channel, phase, time, model and weights"),
    _field("station", "text", "", '"NET.STA.LOC"', True),
    _field("channel", "text", "", 'band and instrument code of the records used: "HH"'),
    _field("phase", "text", "", '"P" or "S"', True),
    _field("time", "time", "UTC", "arrival time", True),
    _field("probability", "float", "1", "the picker's own confidence between 0 and 1"),
    _field(
        "amplitude", "float", "amplitude_unit", "peak absolute amplitude after the pick; see the picker's documentation"
    ),
    _field("amplitude_unit", "text", "", '"m/s" when the response was known, else "counts"'),
    _field("snr_db", "float", "dB", "signal after the pick over noise before it"),
    _field("pick_error_s", "float", "s", "standard error of the time; empty when unknown"),
    _field("model", "text", "", "picker that made the pick"),
    _field("weights", "text", "", "weights that the picker ran with"),
)

EVENTS = _schema(
    "events",
    "Seismic events: origin time, hypocenter, their uncertainty, size, type and grade.",
    "event_id",
    _field("event_id", "int", "", "stable 64-bit hash of the origin, or of the assigned picks"),
    _field("time", "time", "UTC", "origin time", True),
    _field("latitude", "float", "deg", "WGS84 latitude of the epicenter", True),
    _field("longitude", "float", "deg", "WGS84 longitude of the epicenter", True),
    _field("depth_km", "float", "km", "depth below sea level", True),
    _field("magnitude", "float", "1", "magnitude on the scale in magnitude_type"),
    _field("magnitude_type", "text", "", '"ML", "Mw", ...'),
    _field(
        "horizontal_error_km", "float", "km", "semi-major axis of the 68 % epicentral ellipse (2 degrees of freedom)"
    ),
    _field("depth_error_km", "float", "km", "half-width of the 68 % marginal interval of depth"),
    _field("rms_s", "float", "s", "weighted root mean square of the arrival-time residuals"),
    _field(
        "azimuthal_gap_deg", "float", "deg", "largest azimuth between neighbouring stations seen from the epicenter"
    ),
    _field("n_p", "float", "1", "P picks used"),
    _field("n_s", "float", "1", "S picks used"),
    _field("event_type", "text", "", '"earthquake", "quarry blast", "surface event", ...'),
    _field("event_type_probability", "float", "1", "probability of event_type"),
    _field("grade", "text", "", "quality grade, A (best) to D"),
    _field("quality_probability", "float", "1", "probability that the event is right"),
)

ASSIGNMENTS = _schema(
    "assignments",
    "Which pick belongs to which event.",
    "event_id, pick_id",
    _field("event_id", "int", "", "event of the events table", True),
    _field("pick_id", "int", "", "pick of the picks table", True),
    _field("station", "text", "", '"NET.STA.LOC"', True),
    _field("phase", "text", "", '"P" or "S"', True),
    _field("residual_s", "float", "s", "observed minus predicted arrival time"),
    _field("weight", "float", "1", "weight of the pick in the location, 0 to 1"),
    _field("distance_km", "float", "km", "epicentral distance"),
    _field("azimuth_deg", "float", "deg", "azimuth from epicenter to station, clockwise from north"),
)

ARRIVALS = _schema(
    "arrivals",
    "Truth of the synthetic Earth: when each phase reached each station, and whether it can be seen.",
    "event_id, station, phase",
    _field("event_id", "int", "", "event of the truth's events table", True),
    _field("station", "text", "", '"NET.STA.LOC"', True),
    _field("phase", "text", "", '"P" or "S"', True),
    _field("time", "time", "UTC", "true arrival time", True),
    _field(
        "amplitude_m_s", "float", "m/s", "rms ground velocity of this phase alone in the 2 s after its onset, 1-16 Hz"
    ),
    _field("snr_db", "float", "dB", "that amplitude over the expected rms of everything else there", True),
    _field("visible", "bool", "", "snr_db is at least 6 dB", True),
    _field("distance_km", "float", "km", "epicentral distance"),
)

FAULTS = _schema(
    "faults",
    "Truth of the synthetic Earth: what is wrong with the records.",
    "station, channel, kind, start",
    _field("station", "text", "", '"NET.STA.LOC"', True),
    _field("channel", "text", "", 'three-letter channel code, or "*" for all of the station', True),
    _field(
        "kind",
        "text",
        "",
        '"gap", "overlap", "spike", "step", "clipping", "dead", "swapped", "flipped", "clock", "rate"',
        True,
    ),
    _field("start", "time", "UTC", "first sample concerned", True),
    _field("end", "time", "UTC", "last sample concerned", True),
    _field("size", "float", "unit", "how large the fault is"),
    _field("unit", "text", "", "unit of size"),
)

WAVEFORM_METRICS = _schema(
    "waveform_metrics",
    "What was measured of a channel in a window (a day), after IRIS MUSTANG.",
    "station, channel, start",
    _field("station", "text", "", '"NET.STA.LOC"', True),
    _field("channel", "text", "", "three-letter channel code", True),
    _field("start", "time", "UTC", "begin of the window", True),
    _field("end", "time", "UTC", "end of the window", True),
    _field("first", "time", "UTC", "first sample"),
    _field("last", "time", "UTC", "last sample"),
    _field("sampling_rate_hz", "float", "Hz", "the most common rate of the window"),
    _field("samples", "int", "", "samples read"),
    _field("percent_available", "float", "%", "share of the window that has samples"),
    _field("gaps", "int", "", "number of gaps"),
    _field("longest_gap_s", "float", "s", "longest gap"),
    _field("overlaps", "int", "", "number of overlaps whose samples disagree"),
    _field("spikes", "int", "", "number of spikes"),
    _field("steps", "int", "", "number of steps of the offset"),
    _field("offset", "float", "counts", "median"),
    _field("rms", "float", "counts", "root mean square around the median"),
    _field("lowest", "float", "counts", "smallest sample"),
    _field("highest", "float", "counts", "largest sample"),
    _field(
        "percent_above_high_noise",
        "float",
        "%",
        "share of periods above Peterson's high-noise model; empty without response",
    ),
    _field(
        "percent_below_low_noise",
        "float",
        "%",
        "share of periods below Peterson's low-noise model; empty without response",
    ),
    _field("p_arrivals", "float", "1", "P arrivals that orientation was judged by; empty without arrivals"),
    _field("orientation_judged", "text", "", 'what P and S could show: "ZNE", "NE" exchanged; "Z", "N", "E" reversed'),
    _field(
        "clock_shift_s", "float", "s", "residuals in the window minus the station's own outside; empty when not judged"
    ),
)

WAVEFORM_FAULTS = _schema(
    "waveform_faults",
    "What quality control found wrong with records; kinds, thresholds and remedies in course_utils.data.channel_faults.FAULTS.",
    "station, channel, kind, start",
    _field("station", "text", "", '"NET.STA.LOC"', True),
    _field("channel", "text", "", 'three-letter channel code, or "*" for all of the station', True),
    _field("kind", "text", "", '"gap", "overlap", "spike", "step", "clipping", "dead", "swapped", "clock", ...', True),
    _field("start", "time", "UTC", "first sample concerned", True),
    _field("end", "time", "UTC", "last sample concerned", True),
    _field("value", "float", "unit", "what was measured"),
    _field("threshold", "float", "unit", "what it was compared with"),
    _field("unit", "text", "", "unit of value and threshold"),
)

WAVEFORM_SPECTRA = _schema(
    "waveform_spectra",
    "Median power spectral density of a channel in a window.",
    "station, channel, start, period_s",
    _field("station", "text", "", '"NET.STA.LOC"', True),
    _field("channel", "text", "", "three-letter channel code", True),
    _field("start", "time", "UTC", "begin of the window", True),
    _field("period_s", "float", "s", "period", True),
    _field("psd_db", "float", "dB", "power spectral density in dB of unit", True),
    _field("unit", "text", "", '"(m/s**2)**2/Hz" with a response, else "counts**2/Hz"'),
)

SCHEMAS = {
    schema.metadata[b"table"].decode(): schema
    for schema in (
        STATIONS,
        VELOCITY,
        PICKS,
        EVENTS,
        ASSIGNMENTS,
        ARRIVALS,
        FAULTS,
        WAVEFORM_METRICS,
        WAVEFORM_FAULTS,
        WAVEFORM_SPECTRA,
    )
}
