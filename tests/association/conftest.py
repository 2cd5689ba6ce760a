"""Pick sets with exact truth: known hypocenters, travel times of a known model, picking errors, misses and noise."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from course_utils.catalog.tables import conform
from course_utils.earth import LocalFrame
from course_utils.earth.traveltime import TravelTimes

START = pd.Timestamp("2022-12-20T23:40:00Z")  # the sets run over midnight


@dataclass(frozen=True)
class PickSet:
    stations: pd.DataFrame
    velocity: pd.DataFrame
    events: pd.DataFrame
    picks: pd.DataFrame  # with the column event_id of the truth, -1 for noise

    @property
    def truth(self) -> pd.DataFrame:
        return self.picks[self.picks["event_id"] >= 0]

    @property
    def n_noise(self) -> int:
        return int((self.picks["event_id"] < 0).sum())


def network(n, aperture_km, seed, elevation_m=(0.0, 1400.0), latitude=64.8, longitude=-16.8):
    """Stations spread over a square by best-candidate sampling."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(-0.5, 0.5, (1, 2))
    while len(xy) < n:
        candidates = rng.uniform(-0.5, 0.5, (20, 2))
        far = np.linalg.norm(candidates[:, None] - xy, axis=2).min(1)
        xy = np.vstack([xy, candidates[far.argmax()]])
    lat, lon = LocalFrame(latitude, longitude).to_geographic(*(xy.T * aperture_km / np.sqrt(2)))
    frame = pd.DataFrame(
        {
            "station": [f"XX.S{i:02d}." for i in range(n)],
            "latitude": lat,
            "longitude": lon,
            "elevation_m": rng.uniform(*elevation_m, n).round(),
        }
    )
    return conform(frame, "stations")


def make_picks(stations, velocity, events, *, seed, reach_km, error_s=0.06, detection=0.85, noise=0.5):
    """Picks of ``events`` (x_km, y_km, depth_km, time_s): within ``reach_km`` (one per event), with errors and noise."""
    rng = np.random.default_rng(seed)
    frame = LocalFrame.around(stations)
    x, y = frame.to_xy_km(stations["latitude"].to_numpy(), stations["longitude"].to_numpy())
    distance = np.hypot(events["x_km"].to_numpy()[:, None] - x, events["y_km"].to_numpy()[:, None] - y)
    times = TravelTimes.build(stations, velocity, distance.max() + 1, events["depth_km"].max() + 1)
    rows = []
    for phase, factor in (("P", 1.0), ("S", 1.5)):
        seen = (distance < np.asarray(reach_km).reshape(-1, 1)) & (rng.random(distance.shape) < detection)
        event, station = np.nonzero(seen)
        travel = times.times(phase, station, distance[event, station], events["depth_km"].to_numpy()[event])
        seconds = events["time_s"].to_numpy()[event] + travel + rng.normal(0, factor * error_s, len(event))
        rows.append(pd.DataFrame({"event_id": event, "station": station, "phase": phase, "seconds": seconds}))
    picks = pd.concat(rows)
    n_noise = int(noise * len(picks))
    span = picks["seconds"].min() - 10, picks["seconds"].max() + 10
    stray = pd.DataFrame(
        {
            "event_id": -1,
            "station": rng.integers(0, len(stations), n_noise),
            "phase": rng.choice(["P", "S"], n_noise),
            "seconds": rng.uniform(*span, n_noise),
        }
    )
    picks = pd.concat([picks, stray]).sample(frac=1.0, random_state=seed)
    latitude, longitude = frame.to_geographic(events["x_km"], events["y_km"])
    truth = pd.DataFrame(
        {
            "event_id": np.arange(len(events)),
            "time": START + pd.to_timedelta(events["time_s"], unit="s"),
            "latitude": latitude,
            "longitude": longitude,
            "depth_km": events["depth_km"],
        }
    )
    table = pd.DataFrame(
        {
            "station": stations["station"].to_numpy()[picks["station"]],
            "phase": picks["phase"].to_numpy(),
            "time": START + pd.to_timedelta(picks["seconds"].to_numpy(), unit="s"),
            "probability": rng.uniform(0.3, 1.0, len(picks)),
            "event_id": picks["event_id"].to_numpy(),
        }
    )
    return PickSet(stations, velocity, conform(truth, "events"), conform(table, "picks"))


VOLCANO = pd.DataFrame(
    {"depth_km": [-1.5, 1, 5, 10, 30], "vp_km_s": [2.5, 4.0, 6.0, 6.9, 7.3], "vs_km_s": [1.4, 2.25, 3.4, 3.87, 4.1]}
)
COAST = pd.DataFrame(
    {"depth_km": [0, 3, 10, 22, 35], "vp_km_s": [4.5, 5.5, 6.3, 6.8, 8.0], "vs_km_s": [2.5, 3.1, 3.6, 3.9, 4.5]}
)


def dense_sequence(seed=1, n_events=12, gap_s=10.0, noise=0.3):
    """Twelve stations within 40 km, events seconds apart under a volcano."""
    rng = np.random.default_rng(seed)
    events = pd.DataFrame(
        {
            "x_km": rng.normal(2, 2.0, n_events),
            "y_km": rng.normal(-3, 2.0, n_events),
            "depth_km": rng.uniform(1.5, 7.0, n_events),
            "time_s": 1200 + np.cumsum(1.5 + rng.exponential(gap_s - 1.5, n_events)),
        }
    )
    stations = network(12, 50, seed, (600, 1400))
    return make_picks(stations, VOLCANO, events, seed=seed, reach_km=rng.uniform(18, 60, n_events), noise=noise)


def regional(seed=1, n_events=20, hours=2.0, noise=0.5, n_stations=24):
    """Stations over 150 km, some under water; background seismicity and an aftershock sequence."""
    rng = np.random.default_rng(seed)
    half = n_events // 2
    events = pd.DataFrame(
        {
            "x_km": np.r_[rng.uniform(-60, 60, n_events - half), rng.normal(20, 5, half)],
            "y_km": np.r_[rng.uniform(-60, 60, n_events - half), rng.normal(-10, 3, half)],
            "depth_km": np.r_[rng.uniform(3, 28, n_events - half), rng.uniform(8, 16, half)],
            "time_s": np.r_[
                rng.uniform(0, 3600 * hours, n_events - half), 600 + rng.pareto(0.6, half).clip(0, 30) * 200
            ],
        }
    )
    stations = network(n_stations, 170, seed, (-1500, 1200), latitude=40.4, longitude=-124.3)
    reach = np.exp(rng.normal(np.log(75), 0.4, n_events)).clip(35, 160)
    return make_picks(stations, COAST, events, seed=seed, reach_km=reach, error_s=0.1, noise=noise)


@pytest.fixture(scope="session")
def dense():
    return dense_sequence()


@pytest.fixture(scope="session")
def regional_set():
    return regional()


@pytest.fixture(scope="session")
def clear():
    """Two events ten minutes apart that every station of a small network picked, without noise."""
    events = pd.DataFrame({"x_km": [2.0, -6.0], "y_km": [3.0, 4.0], "depth_km": [6.0, 8.0], "time_s": [1200.0, 1800.0]})
    return make_picks(
        network(10, 60, 4), COAST, events, seed=4, reach_km=[200.0, 200.0], error_s=0.02, detection=1.0, noise=0.0
    )
