"""Arrivals computed in an Earth that differs from the one they are located in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from course_utils.catalog.tables import Catalog, conform
from course_utils.earth import LocalFrame
from course_utils.earth.traveltime import TravelTimes

P_ERROR_S, S_ERROR_S = 0.06, 0.10
EPOCH = pd.Timestamp("2022-12-20", tz="UTC")


def network(n: int = 24, seed: int = 1, half_width_km: float = 80.0) -> pd.DataFrame:
    """Stations on land and on the sea floor around 40.4 N, 124 W, on a jittered grid."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(n)))
    grid = (np.stack(np.meshgrid(*[np.arange(side)] * 2), -1).reshape(-1, 2)[:n] + 0.5) / side * 2 - 1
    x, y = (half_width_km * (grid + rng.uniform(-0.15, 0.15, grid.shape))).T
    latitude, longitude = LocalFrame(40.4, -124.0).to_geographic(x, y)
    elevation = np.round(np.where(x < -20, rng.uniform(-2500, -200, n), rng.uniform(0, 1000, n)) / 500.0) * 500.0
    names = [f"XX.S{i:02d}." for i in range(n)]
    return conform(
        pd.DataFrame({"station": names, "latitude": latitude, "longitude": longitude, "elevation_m": elevation}),
        "stations",
    )


def crust() -> pd.DataFrame:
    """The model that users are given."""
    depth = [-1.0, 4.0, 10.0, 20.0, 28.0, 45.0]
    vp = np.array([4.2, 5.4, 6.0, 6.6, 7.6, 8.0])
    return conform(pd.DataFrame({"depth_km": depth, "vp_km_s": vp, "vs_km_s": vp / 1.75}), "velocity")


@dataclass(frozen=True)
class Truth:
    """A located-nothing catalog, the true hypocenters in the frame of the network, and the size of its model errors."""

    catalog: Catalog
    x_km: np.ndarray
    y_km: np.ndarray
    depth_km: np.ndarray
    model_error_s: float


def perturbed(
    n_events: int,
    seed: int,
    stations: pd.DataFrame | None = None,
    velocity_change: float = 0.02,
    delay_s: float = 0.08,
    outliers: float = 0.03,
    arrivals: int = 30,
    spacing_km: float | None = None,
) -> Truth:
    """Events in a medium of its own: nodes of the model and delays of the stations differ from what users are given.

    Velocities change by ``velocity_change`` (standard deviation, depths independent, half of it in Vp/Vs); each path has
    a delay of standard deviation ``delay_s`` for P, 1.7 times for S, half of it (in variance) common to the station.
    ``outliers`` of the picks are wrong by up to 3 s. Each event is seen by the nearest stations, ``arrivals`` picks.
    """
    rng = np.random.default_rng(seed)
    stations = network() if stations is None else stations
    given = crust()
    frame = LocalFrame.around(stations)
    sx, sy = frame.to_xy_km(stations["latitude"], stations["longitude"])
    true = given.copy()
    true["vp_km_s"] *= 1 + velocity_change * rng.standard_normal(len(true))
    true["vs_km_s"] = true["vp_km_s"] / (1.75 * (1 + 0.5 * velocity_change * rng.standard_normal(len(true))))
    half = 0.7 * np.ptp(sx) / 2
    x, y = rng.uniform(-half, half, (2, n_events))
    z = rng.uniform(4.0, 25.0, n_events)
    distance = np.hypot(x[:, None] - sx, y[:, None] - sy)
    reach = float(np.hypot(np.ptp(sx), np.ptp(sy))) + 1.0
    index = np.broadcast_to(np.arange(len(stations)), distance.shape)
    depth = np.broadcast_to(z[:, None], distance.shape)
    station_delay = delay_s * np.sqrt(0.5) * rng.standard_normal(len(stations))
    times, wrong = [], []
    tables = [TravelTimes.build(stations, model, reach, 30.0, spacing_km) for model in (true, given)]
    for phase, factor in (("P", 1.0), ("S", 1.7)):
        path = station_delay + delay_s * np.sqrt(0.5) * rng.standard_normal(distance.shape)
        exact, guess = (t.times(phase, index, distance, depth) for t in tables)
        times.append(exact + factor * path)
        wrong.append(times[-1] - guess)
    nearest = np.argsort(distance, axis=1)[:, : (arrivals + 1) // 2]
    rows = np.repeat(np.arange(n_events), arrivals)
    at = np.repeat(nearest, 2, axis=1)[:, :arrivals].ravel()
    code = np.tile(np.arange(arrivals) % 2, n_events)
    model = np.stack(wrong)[code, rows, at].reshape(n_events, arrivals)
    reading = np.where(code == 0, P_ERROR_S, S_ERROR_S) * rng.standard_normal(len(rows))
    bad = rng.random(len(rows)) < outliers
    reading[bad] = rng.uniform(-3, 3, bad.sum())
    origin = 60.0 * np.arange(n_events)
    seconds = origin[rows] + np.stack(times)[code, rows, at] + reading
    demeaned = model - model.mean(axis=1, keepdims=True)
    latitude, longitude = frame.to_geographic(x, y)
    events = pd.DataFrame(
        {
            "event_id": np.arange(n_events) + 1,
            "time": EPOCH + pd.to_timedelta(origin, unit="s"),
            "latitude": latitude,
            "longitude": longitude,
            "depth_km": z,
        }
    )
    picks = pd.DataFrame(
        {
            "pick_id": np.arange(len(rows)) + 1,
            "station": stations["station"].to_numpy()[at],
            "phase": np.array(["P", "S"])[code],
            "time": EPOCH + pd.to_timedelta(np.round(seconds * 1e6), unit="us"),
            "probability": 0.9,
        }
    )
    pairs = picks[["pick_id", "station", "phase"]].assign(event_id=rows + 1)
    catalog = Catalog(events, pairs, picks, stations, given)
    return Truth(catalog, x, y, z, float((demeaned / np.where(code == 0, 1.0, 1.7).reshape(demeaned.shape)).std()))


def stated(model_error_s: float) -> dict[str, float]:
    """Settings that state the errors of :func:`perturbed` as they are."""
    return {
        "p_error_s": P_ERROR_S,
        "s_error_s": S_ERROR_S,
        "model_error_fraction": 0.0,
        "model_error_min_s": model_error_s,
    }
