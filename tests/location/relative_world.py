"""A cluster of events whose true places are known, and picks of them in a medium unlike the one they are relocated in."""

from __future__ import annotations

import numpy as np
import pandas as pd
from perturbed_medium import EPOCH, crust, network

from course_utils.catalog.tables import Catalog, conform
from course_utils.earth import LocalFrame
from course_utils.earth.traveltime import TravelTimes


def cluster(n_events=30, seed=3, pick_error_s=0.02, start_error_km=0.5, n_stations=20, model_change=0.0, missing=0.2):
    """Catalog with wrong starts, and the true places (events, 3) in km around 40.4 N, 124 W; two planes at 12 km."""
    rng = np.random.default_rng(seed)
    stations = network(n_stations, seed=2, half_width_km=45.0)
    frame = LocalFrame(40.4, -124.0)
    along = rng.uniform(-1.5, 1.5, n_events)
    down = rng.uniform(-1.0, 1.0, n_events)
    first = np.arange(n_events) % 2 == 0
    x = np.where(first, along, 0.1 * down) + 2.0
    y = np.where(first, 0.1 * down, along)
    place = np.column_stack([x, y, 12.0 + down])
    shift_s = rng.normal(0, 0.05, n_events)
    model = crust()
    true_model = model.assign(
        vp_km_s=model["vp_km_s"] * (1 + model_change), vs_km_s=model["vs_km_s"] * (1 + model_change)
    )
    times = TravelTimes.build(stations, true_model, 110.0, 25.0, 0.1)
    sx, sy = frame.to_xy_km(stations["latitude"], stations["longitude"])
    rows = []
    for e in range(n_events):
        distance = np.hypot(sx - place[e, 0], sy - place[e, 1])
        for phase, factor in (("P", 1.0), ("S", 1.5)):
            travel = times.times(phase, np.arange(len(stations)), distance, place[e, 2])
            seconds = 60.0 * e + shift_s[e] + travel + factor * pick_error_s * rng.standard_normal(len(stations))
            for s in np.flatnonzero(rng.random(len(stations)) > missing):
                rows.append((e + 1, stations["station"].iloc[s], phase, seconds[s]))
    picks = pd.DataFrame(rows, columns=["event_id", "station", "phase", "seconds"])
    picks["time"] = EPOCH + pd.to_timedelta(np.round(picks["seconds"] * 1e6), unit="us")
    picks["pick_id"] = np.arange(len(picks)) + 1
    wrong = place + rng.normal(0, start_error_km, place.shape)
    wrong -= (wrong - place).mean(axis=0)
    latitude, longitude = frame.to_geographic(wrong[:, 0], wrong[:, 1])
    events = pd.DataFrame(
        {
            "event_id": np.arange(n_events) + 1,
            "time": EPOCH + pd.to_timedelta(60.0 * np.arange(n_events), unit="s"),
            "latitude": latitude,
            "longitude": longitude,
            "depth_km": wrong[:, 2],
        }
    )
    catalog = Catalog(
        events,
        picks[["event_id", "pick_id", "station", "phase"]],
        conform(picks[["pick_id", "station", "phase", "time"]], "picks"),
        stations,
        model,
    )
    return catalog, place


def offsets(events: pd.DataFrame, place: np.ndarray) -> np.ndarray:
    """Places minus true places in km, each without its mean, shape (events, 3); events in the order of their ids."""
    events = events.sort_values("event_id")
    found = np.column_stack(
        [*LocalFrame(40.4, -124.0).to_xy_km(events["latitude"], events["longitude"]), events["depth_km"]]
    )
    off = found - place
    return off - off.mean(axis=0)
