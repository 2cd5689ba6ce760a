"""A small network with known arrivals, as a catalog and a stream."""

import numpy as np
import pandas as pd

from course_utils.catalog.tables import Catalog, conform

START = pd.Timestamp("2024-01-01T00:00:00", tz="UTC")
STATIONS = ("XX.A.00", "XX.B.", "XX.C.10")
RATE_HZ = 50.0


def table(events, picks):
    """Catalog of (id, seconds) events and (event, station, phase, seconds) picks; positions are made up but fixed."""
    events = pd.DataFrame(
        {
            "event_id": [e[0] for e in events],
            "time": [START + pd.Timedelta(seconds=e[1]) for e in events],
            "latitude": 40.0,
            "longitude": -124.0,
            "depth_km": 5.0,
            "magnitude": [e[2] if len(e) > 2 else 1.5 for e in events],
            "event_type": "earthquake",
        }
    )
    rows = pd.DataFrame(picks, columns=["event_id", "station", "phase", "s"])
    rows["time"] = START + pd.to_timedelta(rows["s"], unit="s")
    made = conform(rows[["station", "phase", "time"]], "picks")
    pairs = rows[["event_id", "station", "phase"]].assign(pick_id=made["pick_id"], residual_s=0.1)
    owned = rows["event_id"].notna()
    stations = pd.DataFrame(
        {
            "station": list(STATIONS[:2]),  # the third has no coordinates
            "latitude": [40.1, 40.3],
            "longitude": [-124.1, -124.2],
            "elevation_m": 100.0,
        }
    )
    return Catalog(events, pairs[owned].astype({"event_id": "int64"}), made, stations)


def records(seconds=900.0, rate_hz=RATE_HZ, stations=STATIONS, channels="ZNE", arrivals=(), seed=3):
    """Noise of 10 counts, and a burst of 1000 from each (station, seconds) of ``arrivals``."""
    from obspy import Stream, Trace, UTCDateTime

    rng = np.random.default_rng(seed)
    stream = Stream()
    for station in stations:
        network, code, location = station.split(".")
        for letter in channels:
            data = 10 * rng.standard_normal(round(seconds * rate_hz))
            for where, at in arrivals:
                if where == station:
                    begin = int(np.ceil(at * rate_hz))
                    length = round(2 * rate_hz)
                    data[begin : begin + length] += 1000 * rng.standard_normal(length)
            header = {"network": network, "station": code, "location": location, "channel": "HH" + letter}
            header |= {"sampling_rate": rate_hz, "starttime": UTCDateTime(ns=START.as_unit("ns").value)}
            stream.append(Trace(np.rint(data).astype(np.int32), header))
    return stream


def sequence():
    """Six events; the third and fourth are 9 s apart."""
    origins = [(11, 60.0), (12, 200.0), (13, 340.0), (14, 349.0), (15, 500.0, np.nan), (16, 640.0)]
    picks = []
    for event_id, at, *_ in origins:
        for k, station in enumerate(STATIONS):
            picks += [(event_id, station, "P", at + 3 + k + 0.013), (event_id, station, "S", at + 5 + 2 * k + 0.002)]
    return origins, picks
