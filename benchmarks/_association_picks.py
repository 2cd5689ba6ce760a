"""Pick sets with exact truth for the stress benchmark: a network and a medium like those of the synthetic Earth.

The picks travel through a medium that differs from the published model (``course_utils.synthetic.medium``: layers 3-5 %
off, a lateral field, station terms); associators are given the published one. Each station has a noise rate of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from course_utils.catalog.tables import conform
from course_utils.earth import LocalFrame
from course_utils.earth.traveltime import TravelTimes
from course_utils.synthetic.medium import TrueMedium, published

START = pd.Timestamp("2022-12-20T00:00:00Z")
SIDE_KM, DEEPEST_KM = 200.0, 25.0
MAX_REACH_KM = 150.0
TAIL, TAIL_FACTOR = 0.05, 4.0  # share of picks with a larger error, and how much larger


@dataclass(frozen=True)
class Scenario:
    """What is varied.

    Attributes:
        events_per_day: rate of events, over ``hours``.
        noise: picks without event over picks of events.
        error_s: standard deviation of P times; S 1.5 times that; one pick in twenty is four times worse.
        outage: share of the stations that are down for half of the time.
        aftershocks: all events within 8 km by 4 km by 8 km, gaps by Omori's law; else half of them spread
            over the whole region and half in five clusters.
    """

    events_per_day: float = 1000.0
    hours: float = 6.0
    noise: float = 0.5
    error_s: float = 0.1
    outage: float = 0.0
    aftershocks: bool = False
    stations: int = 100


@dataclass(frozen=True)
class PickSet:
    """Tables for an associator; ``picks`` carries the true ``event_id``, -1 for noise."""

    stations: pd.DataFrame
    velocity: pd.DataFrame
    picks: pd.DataFrame
    n_events: int

    @cached_property
    def truth(self) -> pd.DataFrame:
        return self.picks[self.picks["event_id"] >= 0]

    @property
    def n_noise(self) -> int:
        return len(self.picks) - len(self.truth)


def draw(scenario: Scenario, seed: int) -> PickSet:
    """One pick set: network, medium, events and errors all from ``seed``."""
    rng = np.random.default_rng([seed, 2022])
    stations = _network(scenario.stations, rng)
    frame = LocalFrame.around(stations)
    x, y = frame.to_xy_km(stations["latitude"].to_numpy(), stations["longitude"].to_numpy())
    medium = TrueMedium(seed)
    events = _events(scenario, rng)
    n = len(events)
    distance = np.hypot(events["x_km"].to_numpy()[:, None] - x, events["y_km"].to_numpy()[:, None] - y)
    times = TravelTimes.build(stations, medium.velocity, 1.5 * SIDE_KM + 60.0, DEEPEST_KM + 3.0, spacing_km=0.5)
    terms = medium.station_terms_s(stations)
    down = _outages(scenario, rng)
    parts = []
    for phase, factor in (("P", 1.0), ("S", 1.5)):
        # how surely an arrival is picked falls from 0.9 near the event to 0 around its reach
        reach = events["reach_km"].to_numpy()[:, None] / factor**0.25
        picked = rng.random(distance.shape) < 0.9 / (
            1.0 + np.exp(np.minimum((distance - reach) / (0.12 * reach), 50.0))
        )
        event, station = np.nonzero(picked & (distance < 1.3 * MAX_REACH_KM))
        at = [events[c].to_numpy()[event] for c in ("x_km", "y_km", "depth_km", "time_s")]
        travel = times.times(phase, station, distance[event, station], at[2])
        travel = travel + medium.delay_s(phase, at[0], at[1], x[station], y[station], travel) + terms[phase][station]
        spread = factor * scenario.error_s * np.where(rng.random(len(event)) < TAIL, TAIL_FACTOR, 1.0)
        seconds = at[3] + travel + spread * rng.normal(size=len(event))
        parts.append(pd.DataFrame({"event_id": event, "station": station, "phase": phase, "seconds": seconds}))
    n_noise = round(scenario.noise * sum(map(len, parts)))
    rate = rng.lognormal(0.0, 0.8, scenario.stations)
    parts.append(
        pd.DataFrame(
            {
                "event_id": -1,
                "station": rng.choice(scenario.stations, n_noise, p=rate / rate.sum()),
                "phase": rng.choice(["P", "S"], n_noise),
                "seconds": rng.uniform(0.0, 3600.0 * scenario.hours + 30.0, n_noise),
            }
        )
    )
    picks = pd.concat(parts, ignore_index=True)
    start, end = (column[picks["station"].to_numpy()] for column in down)
    picks = picks[~picks["seconds"].between(start, end)].sample(frac=1.0, random_state=seed)
    picks["time"] = START + pd.to_timedelta((picks.pop("seconds") * 1e6).round(), unit="us")
    picks["station"] = stations["station"].to_numpy()[picks["station"]]
    return PickSet(stations, published(), conform(picks, "picks"), n)


def _network(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Stations by best-candidate sampling of a square, heights of 0 to 1500 m in steps of 100 m (few tables)."""
    xy = rng.uniform(-0.5, 0.5, (1, 2))
    while len(xy) < n:
        candidates = rng.uniform(-0.5, 0.5, (8, 2))
        xy = np.vstack([xy, candidates[np.linalg.norm(candidates[:, None] - xy, axis=2).min(1).argmax()]])
    latitude, longitude = LocalFrame(40.4, -123.5).to_geographic(*(SIDE_KM * xy.T))
    names = [f"SY.N{i:03d}.00" for i in range(n)]
    height = 100.0 * rng.integers(0, 16, n)
    table = {"station": names, "latitude": latitude, "longitude": longitude, "elevation_m": height}
    return conform(pd.DataFrame(table), "stations")


def _events(scenario: Scenario, rng: np.random.Generator) -> pd.DataFrame:
    seconds = 3600.0 * scenario.hours
    n = round(scenario.events_per_day * scenario.hours / 24.0)
    place = rng.uniform([-0.5 * SIDE_KM, -0.5 * SIDE_KM, 2.0], [0.5 * SIDE_KM, 0.5 * SIDE_KM, DEEPEST_KM], (n, 3))
    time = rng.uniform(0.0, seconds, n)
    if scenario.aftershocks:
        place = rng.uniform(-60.0, 60.0, 2).tolist() + [10.0] + rng.normal(size=(n, 3)) * (8.0, 4.0, 4.0)
        c = 0.02 * seconds  # Omori with p = 1
        time = c * ((1.0 + seconds / c) ** rng.random(n) - 1.0)
    else:
        centres = place[:5]
        of_cluster = np.flatnonzero(rng.random(n) < 0.5)
        place[of_cluster] = centres[rng.integers(0, len(centres), len(of_cluster))] + rng.normal(
            scale=4.0, size=(len(of_cluster), 3)
        )
    place[:, 2] = place[:, 2].clip(1.0, DEEPEST_KM)
    magnitude = 1.0 + rng.exponential(1.0 / np.log(10.0), n)
    reach = np.minimum(35.0 * 10 ** (0.3 * (magnitude - 1.0)), MAX_REACH_KM)
    table = {"x_km": place[:, 0], "y_km": place[:, 1], "depth_km": place[:, 2], "time_s": time, "reach_km": reach}
    return pd.DataFrame(table)


def _outages(scenario: Scenario, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Start and end of each station's outage in s; without one the end lies before the start."""
    half = 1800.0 * scenario.hours
    start = rng.uniform(0.0, half, scenario.stations)
    return start, np.where(rng.random(scenario.stations) < scenario.outage, start + half, start - 1.0)
