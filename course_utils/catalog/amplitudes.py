"""Amplitudes for local magnitudes: what a Wood-Anderson seismograph would have written, read from any instrument's records.

A reading is one event at one station: the largest amplitude (zero to peak) between the P onset and some seconds after S, as the geometric mean of both
horizontal components. Records are divided by their response and multiplied with the Wood-Anderson's, many windows in one transform, through the lowest of
``HIGHPASS_HZ`` at which the signal stands out of the noise before it: small events drown in the microseism otherwise, and large ones would lose their
long periods to a high corner.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from course_utils.catalog.tables import UTC_DTYPE, Catalog

# Uhrhammer and Collins (1990, BSSA 80, 702): the instrument as it was, not as it was meant to be
GAIN, PERIOD_S, DAMPING = 2080.0, 0.8, 0.7
HIGHPASS_HZ = (0.1, 0.5, 1.0)
BEFORE_S, NOISE_S, LEAST_AFTER_S = 12.0, (-8.5, -0.5), 5.0
SLOPE_S = 2.0, 0.5  # records rise from zero and fall to it, so that their ends do not ring; nothing is read there
CLEAR, JUST = 6.0, 3.0  # peak over peak of the noise: to stay with a corner; at the highest corner, to count at all
VP_VS = 1.75  # tells the arrival that was not picked from the other
FULL_SCALE_COUNTS = 0.99 * 2**23
_BLOCK = pd.Timedelta(hours=2)
_CHUNK = 64  # windows in one transform

COLUMNS = ("event_id", "station", "channel", "distance_km", "amplitude", "amplitude_unit", "noise", "highpass_hz")


def pair_readings(catalog: Catalog) -> pd.DataFrame:
    """Every event at every station that has a pick of it: event_id, station, distance_km (hypocentral), p_time, s_time.

    The arrival that was not picked follows from the other and the origin time. ``reason`` says why a pair cannot be used.

    Raises:
        ValueError: the catalog has no assignments.
    """
    if catalog.assignments.empty:
        raise ValueError(
            "the catalog has no assignments: magnitudes are read where an event was picked; associate first"
        )
    pairs = catalog.assignments[["event_id", "pick_id", "station", "phase"]]
    pairs = pairs.merge(catalog.picks[["pick_id", "time"]], on="pick_id")
    table = pairs.pivot_table(index=["event_id", "station"], columns="phase", values="time", aggfunc="min")
    table = table.reindex(columns=["P", "S"]).astype(UTC_DTYPE).reset_index()
    table = table.rename(columns={"P": "p_time", "S": "s_time"}).rename_axis(columns=None)
    events = catalog.events[["event_id", "time", "latitude", "longitude", "depth_km"]]
    table = table.merge(events, on="event_id").merge(
        catalog.stations[["station", "latitude", "longitude", "elevation_m"]],
        on="station",
        how="left",
        suffixes=("", "_s"),
    )
    table["distance_km"] = _hypocentral_km(table)
    origin = table["time"]
    table["p_time"] = table["p_time"].fillna((origin + (table["s_time"] - origin) / VP_VS).dt.floor("us"))
    table["s_time"] = table["s_time"].fillna((origin + (table["p_time"] - origin) * VP_VS).dt.floor("us"))
    strange = (table["s_time"] <= table["p_time"]) | (table["p_time"] < origin)
    table["reason"] = np.select(
        [table["distance_km"].isna(), strange],
        ["station without coordinates", "S before P, or P before the origin"],
        "",
    )
    return table[["event_id", "station", "distance_km", "p_time", "s_time", "reason"]]


def wood_anderson(catalog: Catalog, waveforms, inventory) -> pd.DataFrame:
    """Wood-Anderson amplitudes of all events of a catalog at the stations that picked them.

    Args:
        catalog: events, their assignments and picks, stations.
        waveforms: an ObsPy Stream in counts, or a function of station ("NET.STA.LOC"), start and end that returns one, such as
            ``WaveformArchive.read`` or ``World.waveforms``. It is called for some hours of one station at a time.
        inventory: ObsPy Inventory with the responses.

    Returns:
        Readings, one row per event and station: event_id, station, channel (band and instrument code), distance_km
        (hypocentral), amplitude (mm on the Wood-Anderson, geometric mean of the horizontals), amplitude_unit, noise (mm, the
        same measure before P), highpass_hz, and ``reason``: empty, or why there is no amplitude: "no record", "gap in the record",
        "no response", "one horizontal only", "clipped", "not above the noise", "another event in the window", "station without coordinates",
        "S before P, or P before the origin".

    Raises:
        ValueError: the catalog has no assignments, or ``inventory`` is missing.
    """
    if inventory is None:
        raise ValueError("inventory is None: Wood-Anderson amplitudes need the instruments' responses; give StationXML")
    read = waveforms if callable(waveforms) else lambda station, start, end: _slice(waveforms, station, start, end)
    pairs = pair_readings(catalog)
    found = []
    for station, rows in pairs.groupby("station", sort=True):
        rows = _windows(rows)
        usable = rows[rows["reason"] == ""].sort_values("start")
        for block in _blocks(usable):
            stream = read(station, block["start"].min(), block["end"].max())
            found.append(_best(_read_block(block, stream, station, inventory)))
        found.append(rows[rows["reason"] != ""])
    table = pd.concat(found, ignore_index=True).assign(amplitude_unit="mm").reindex(columns=[*COLUMNS, "reason"])
    return table.sort_values(["event_id", "station"], ignore_index=True)


def from_picks(catalog: Catalog) -> pd.DataFrame:
    """Readings from the amplitudes of the picks (ground velocity after the pick, m/s), as :func:`wood_anderson` gives them.

    Of P and S at a station the larger counts. Velocity is not what Richter's instrument writes: such readings need a scale of
    their own, see :func:`course_utils.catalog.magnitude.calibrate` with known magnitudes.
    """
    pairs = pair_readings(catalog)
    seen = catalog.assignments[["event_id", "pick_id", "station"]].merge(
        catalog.picks[["pick_id", "channel", "amplitude", "amplitude_unit"]], on="pick_id"
    )
    seen = seen[(seen["amplitude_unit"] == "m/s") & (seen["amplitude"] > 0)].sort_values("amplitude")
    last = seen.drop_duplicates(["event_id", "station"], keep="last").drop(columns="pick_id")
    table = pairs.merge(last, on=["event_id", "station"], how="left")
    table.loc[(table["reason"] == "") & table["amplitude"].isna(), "reason"] = "no amplitude in m/s"
    table = table.assign(amplitude_unit="m/s").reindex(columns=[*COLUMNS, "reason"])
    return table.sort_values(["event_id", "station"], ignore_index=True)


def _hypocentral_km(table: pd.DataFrame) -> np.ndarray:
    from pyproj import Geod

    places = table[["longitude", "latitude", "longitude_s", "latitude_s"]].to_numpy().T
    known = np.isfinite(places).all(axis=0)
    away = np.full(len(table), np.nan)
    away[known] = Geod(ellps="WGS84").inv(*places[:, known])[2] / 1000.0
    return np.hypot(away, table["depth_km"] + table["elevation_m"] / 1000.0)


def _windows(rows: pd.DataFrame) -> pd.DataFrame:
    """``start`` and ``end`` of the records that each reading of one station needs; an end is drawn in to the next arrival
    of another event, and a reading whose own arrivals another event enters is refused."""
    p, s = (rows[c].astype("int64").to_numpy() for c in ("p_time", "s_time"))
    after = np.maximum(s - p, round(1e6 * LEAST_AFTER_S))
    end, enough = s + after, s + after // 5
    order = np.argsort(p)
    others, owner = np.concatenate([p, s]), np.tile(np.arange(len(p)), 2)
    by_time = np.argsort(others, kind="stable")
    others, owner = others[by_time], owner[by_time]
    reason = rows["reason"].to_numpy(object).copy()
    for i in order:
        low, high = np.searchsorted(others, [p[i], end[i]])
        foreign = others[low:high][owner[low:high] != i]
        if len(foreign) and reason[i] == "":
            end[i] = foreign[0]
            if end[i] < enough[i]:
                reason[i] = "another event in the window"
    times = {"start": p - round(1e6 * BEFORE_S), "end": end}
    return rows.assign(
        reason=reason, **{k: pd.to_datetime(v, unit="us", utc=True).astype(UTC_DTYPE) for k, v in times.items()}
    )


def _blocks(rows: pd.DataFrame):
    """Rows in turn, as many as lie within some hours."""
    while len(rows):
        near = (rows["end"] - rows["start"].iloc[0] <= _BLOCK).to_numpy()
        count = max(1, int(near.argmin()) if not near.all() else len(rows))
        yield rows.iloc[:count]
        rows = rows.iloc[count:]


def _slice(stream, station: str, start: pd.Timestamp, end: pd.Timestamp):
    from obspy import Stream, UTCDateTime

    begin, stop = (UTCDateTime(ns=t.as_unit("ns").value) for t in (start, end))
    return Stream([t for t in stream if t.id.rsplit(".", 1)[0] == station]).slice(begin, stop)


def _read_block(rows: pd.DataFrame, stream, station: str, inventory) -> pd.DataFrame:
    """Readings of every instrument of the station, in the order of preference; events without any record once."""
    by_band: dict[str, dict[str, list]] = {}
    for trace in stream:
        by_band.setdefault(trace.stats.channel[:-1], {}).setdefault(trace.stats.channel[-1:], []).append(trace)
    found = []
    for band in sorted(by_band, key=lambda b: (b[-1:] in "NG", b)):  # accelerometers where the others clip
        horizontal = [letters for letters in ("NE", "12", "RT") if set(letters) <= by_band[band].keys()]
        if horizontal:
            traces = [by_band[band][letter] for letter in horizontal[0]]
            found.append(_measure(rows, traces, f"{station}.{band}", horizontal[0], inventory))
        elif set(by_band[band]) & set("NE12RT"):
            found.append(rows.assign(channel=band, reason="one horizontal only"))
    return pd.concat(found or [rows.assign(reason="no record")])


def _best(rows: pd.DataFrame) -> pd.DataFrame:
    """Of the instruments at a station the first that gives an amplitude."""
    unusable = (rows["reason"] != "").to_numpy()
    return rows.iloc[np.argsort(unusable, kind="stable")].drop_duplicates("event_id")


def _measure(rows: pd.DataFrame, traces: list[list], instrument: str, letters: str, inventory) -> pd.DataFrame:
    """Readings of one instrument; ``traces`` holds those of each of its two horizontals."""
    reasons = np.full(len(rows), "", dtype=object)
    cut = [[_cut(row, side) for side in traces] for row in rows.itertuples()]
    for i, pieces in enumerate(cut):
        reasons[i] = next((p for p in pieces if isinstance(p, str)), "")
        if not reasons[i] and pieces[0][1] != pieces[1][1]:
            reasons[i] = "gap in the record"
        if not reasons[i] and any(_is_clipped(p[0]) for p in pieces):
            reasons[i] = "clipped"
    values = np.full((len(rows), 3), np.nan)  # amplitude, noise, corner
    good = np.flatnonzero(reasons == "")
    rates = np.array([cut[i][0][1] for i in good])
    arrival = (rows["p_time"] - rows["start"]).dt.total_seconds().to_numpy()
    when = rows["start"].iloc[0]
    for rate in np.unique(rates):
        same = good[rates == rate]
        same = same[np.argsort([len(cut[i][0][0]) for i in same], kind="stable")]
        for at in range(0, len(same), _CHUNK):
            some = same[at : at + _CHUNK]
            windows = [[piece[0] for piece in cut[i]] for i in some]
            measured = _amplitudes(windows, arrival[some], rate, instrument, letters, inventory, when)
            if isinstance(measured, str):
                reasons[some] = measured
                continue
            values[some] = measured
            weak = measured[:, 0] < JUST * measured[:, 1]
            reasons[some[weak]] = "not above the noise"
    columns = dict(zip(("amplitude", "noise", "highpass_hz"), values.T, strict=True))
    return rows.assign(channel=instrument.rsplit(".", 1)[1], reason=reasons, **columns)


def _cut(row, traces: list):
    """(samples, rate) of a window from the trace that covers it, or the reason why there is none."""
    start, end = (t.as_unit("ns").value for t in (row.start, row.end))
    touched = False
    for trace in traces:
        rate, begin = trace.stats.sampling_rate, trace.stats.starttime.ns
        first, stop = (round((t - begin) * 1e-9 * rate) for t in (start, end))
        touched |= first < len(trace.data) and stop > 0
        if first < -1 or stop > len(trace.data) + 1:  # a reader that cuts between two samples gives one less
            continue
        data = trace.data[max(first, 0) : stop]
        if not np.ma.is_masked(data) and np.isfinite(data).all():
            return np.asarray(data, float), rate
    return "gap in the record" if touched else "no record"


def _is_clipped(data: np.ndarray) -> bool:
    """Whether the record stands still at its largest or smallest value, or at the full scale of 24 bits."""
    low, high = data.min(), data.max()
    if max(high, -low) >= FULL_SCALE_COUNTS:
        return True
    if high - low < 1000:  # digits this few repeat by chance
        return False
    return any(np.any(e[2:] & e[1:-1] & e[:-2]) for e in (data == high, data == low))


def _amplitudes(windows: list, arrival_s, rate: float, instrument: str, letters: str, inventory, when):
    """Amplitude, noise and corner of each window (n, 3), or the reason why there are none."""
    from scipy import fft

    longest = max(len(pieces[0]) for pieces in windows)
    n = fft.next_fast_len(longest + round(5 * rate), real=True)
    rise, fall = (0.5 - 0.5 * np.cos(np.pi * np.arange(m := round(t * rate)) / m) for t in SLOPE_S)
    counts = np.zeros((len(windows), 2, n))
    inside = np.zeros((len(windows), n), bool)
    for row, (pieces, onset) in enumerate(zip(windows, arrival_s, strict=True)):
        size = min(map(len, pieces))
        quiet = max(1, round(onset * rate))
        for side, piece in enumerate(pieces):
            piece = piece[:size] - piece[:quiet].mean()
            piece[: len(rise)] *= rise
            piece[size - len(fall) :] *= fall[::-1]
            counts[row, side, :size] = piece
        inside[row, len(rise) : size - len(fall)] = True
    try:
        factors = [_to_wood_anderson(inventory, f"{instrument}{letter}", when, rate, n) for letter in letters]
    except Exception:  # ObsPy raises a bare Exception when nothing matches, evalresp many kinds for incomplete stages
        return "no response"
    spectrum = fft.rfft(counts, axis=-1)
    time = np.arange(n) / rate - arrival_s[:, None]
    signal = inside & (time >= -0.2)
    before = (time >= NOISE_S[0]) & (time <= NOISE_S[1])
    out = np.full((len(windows), 3), np.nan)
    for corner in HIGHPASS_HZ:
        written = np.abs(fft.irfft(spectrum * (np.stack(factors) * _highpass(corner, rate, n)), n, axis=-1))
        peak, noise = (
            np.exp(np.log(np.maximum(np.where(part[:, None], written, 0).max(axis=-1), 1e-30)).mean(axis=1))
            for part in (signal, before)
        )
        undecided = ~(out[:, 0] >= CLEAR * out[:, 1])
        out[undecided] = np.column_stack([peak, noise, np.full(len(peak), corner)])[undecided]
    return out


def _to_wood_anderson(inventory, seed_id: str, when: pd.Timestamp, rate: float, n: int) -> np.ndarray:
    """What the spectrum of counts is multiplied with to become that of the Wood-Anderson's trace in mm."""
    from obspy import UTCDateTime

    response = inventory.get_response(seed_id, UTCDateTime(ns=when.as_unit("ns").value))
    gain, frequency = response.get_evalresp_response(1 / rate, n, output="VEL")
    s, omega = 2j * np.pi * frequency, 2 * np.pi / PERIOD_S
    nyquist = rate / 2
    band = np.interp(frequency, (0.8 * nyquist, 0.95 * nyquist), (1, 0))
    usable = (frequency >= HIGHPASS_HZ[0] / 10) & (np.abs(gain) > 0) & (band > 0)
    if not usable.any():
        raise ValueError(f"{seed_id}: the response is zero")
    out = np.zeros(len(frequency), complex)
    f = s[usable]
    out[usable] = band[usable] * 1e3 * GAIN * f / (f**2 + 2 * DAMPING * omega * f + omega**2) / gain[usable]
    return out


@lru_cache(maxsize=64)
def _highpass(corner_hz: float, rate: float, n: int) -> np.ndarray:
    """Causal, so that no part of an arrival comes to lie before it, where the noise is read."""
    from scipy.signal import butter, sosfreqz

    sos = butter(4, corner_hz, "highpass", fs=rate, output="sos")
    return sosfreqz(sos, worN=np.fft.rfftfreq(n, 1 / rate), fs=rate)[1]
