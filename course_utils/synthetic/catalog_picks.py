"""Picks of some days of the synthetic Earth, for tests of catalogs: what a picker finds, when, how large, and what it finds where nothing is.

The physics says how well each arrival stands out (:func:`course_utils.synthetic.expectation.expected_rms`); no seismogram is
made, so that a catalog of some hundred events takes seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from course_utils.catalog.tables import conform
from course_utils.synthetic.expectation import expected_rms
from course_utils.synthetic.randomness import Draws
from course_utils.synthetic.receivers import attenuation, cultural_level
from course_utils.synthetic.world import World

FALSE_SHARE = 0.14  # bursts and distant earthquakes over events; an associator turns many down
SEEN = 7  # arrivals over 6 dB that an event needs to be drawn
# each catalog has a picker of its own, drawn between these bounds
PICKER = {
    "error_factor": (0.8, 2.5),  # of the errors of picks
    "tail": (0.02, 0.12),  # share of picks four times worse
    "threshold_db": (5.0, 10.0),  # where half of the arrivals are found
    "scatter": (0.15, 0.35),  # of log10 amplitudes
    "noise_per_hour": (1.0, 8.0),  # median over stations
}


@dataclass(frozen=True)
class CatalogPicks:
    """What association is given, and what is true.

    Attributes:
        stations, velocity, picks: tables for users; velocity is the published model.
        events: true events as in :class:`course_utils.synthetic.truth.Truth`; magnitude is Mw.
        origin: pick_id, ``true_event_id`` (-1: noise) and ``source`` ("event", "noise", "burst", "distant").
    """

    stations: pd.DataFrame
    velocity: pd.DataFrame
    picks: pd.DataFrame
    events: pd.DataFrame
    origin: pd.DataFrame


def catalog_picks(seed: int, n_events: int = 400) -> CatalogPicks:
    """Picks of ``n_events`` events that at least :data:`SEEN` arrivals show, and of what is none, over some days at 14 to 24 stations.

    Raises:
        ValueError: ``n_events`` is outside 20 to 5000, or the seed is no whole number.
    """
    if not 20 <= n_events <= 5000:
        raise ValueError(f"n_events is {n_events}; give 20 to 5000")
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"seed is {seed!r}; give a whole number, at least 0")
    world, snr, rms = _world(seed, n_events)
    draws = Draws(world.seed, "catalog picks")
    seen = np.flatnonzero((np.fmax(snr["P"], -99) > 6).sum(1) + (np.fmax(snr["S"], -99) > 6).sum(1) >= SEEN)
    chosen = np.sort(seen[np.argsort(draws.child("choice").uniform(size=len(seen)), kind="stable")[:n_events]])
    picker = {name: draws.child("picker", name).loguniform(*bounds) for name, bounds in PICKER.items()}
    parts = [_arrivals(world, phase, chosen, snr[phase], rms[phase], draws, picker) for phase in ("P", "S")]
    parts += [_noise(world, draws, picker), _false(world, n_events, draws)]
    table = pd.concat(parts, ignore_index=True)
    start, end = (column[table["station"].to_numpy()] for column in _outages(world, draws))
    table = table[table["seconds"].between(0, world.scenario.seconds) & ~table["seconds"].between(start, end)]
    table = table.assign(
        time=world.start + pd.to_timedelta((table["seconds"] * 1e6).round(), unit="us"),
        channel=world.stations["channels"].to_numpy()[table["station"]],
        station=world.stations["station"].to_numpy()[table["station"]],
        amplitude_unit="m/s",
        model="synthetic",
    )
    table = table.sort_values(["time", "station", "phase"], kind="stable").drop_duplicates(["station", "phase", "time"])
    events, position, source = world.truth.events, table.pop("event").to_numpy(), table.pop("source").to_numpy()
    ids = np.where(position < 0, -1, events["event_id"].to_numpy()[position])
    picks = conform(table.drop(columns="seconds"), "picks")
    origin = pd.DataFrame({"pick_id": picks["pick_id"], "true_event_id": ids, "source": source})
    stations = conform(world.stations.drop(columns=["rate_hz", "setting"]), "stations")
    return CatalogPicks(stations, world.velocity, picks, events.iloc[chosen].reset_index(drop=True), origin)


def _world(seed: int, n_events: int) -> tuple[World, dict, dict]:
    """A world long enough, with signal-to-noise ratios in dB and rms velocities (events, stations) by phase."""
    hours = 24.0 * np.ceil(n_events / 200)
    stations = Draws(int(seed), "catalog network").integers(14, 25)
    while True:
        world = World(
            seed=seed,
            preset="day",
            hours=min(hours, 24.0 * 62),
            stations=stations,
            main_shock_hour=-8.0,
            min_magnitude=1.0,
            background_per_hour=4.0,
            swarm_events=12,
            low_frequency_per_hour=0.03,
            teleseism=False,
        )
        rms = expected_rms(world.event_list, world.paths, world.receivers, attenuation(world.seed))
        origin = world.start.timestamp() + np.array([e.time_s for e in world.event_list])
        busy = np.round(cultural_level(origin) * 4) / 4
        quiet = {b: np.sqrt([np.mean(r.noise_rms(b) ** 2) for r in world.receivers]) for b in np.unique(busy).tolist()}
        noise = np.array([quiet[b] for b in busy.tolist()])
        snr = {phase: 20 * np.log10(np.fmax(rms[phase], 1e-15) / noise) for phase in "PS"}
        snr = {phase: np.where(np.isfinite(rms[phase]), snr[phase], -np.inf) for phase in "PS"}
        if ((snr["P"] > 6).sum(1) + (snr["S"] > 6).sum(1) >= SEEN).sum() >= n_events or hours >= 24 * 62:
            return world, snr, {phase: np.hypot(np.nan_to_num(rms[phase]), noise) for phase in "PS"}
        hours *= 1.5


def _arrivals(world: World, phase: str, chosen: np.ndarray, snr: np.ndarray, rms: np.ndarray, draws: Draws, picker):
    """Picks of one phase: found the surer and timed the better, the more they stand out."""
    own = draws.child("arrivals", phase)
    shape = (len(chosen), snr.shape[1])
    # radiation, site and path scatter the amplitudes, those heard and those measured alike
    scatter = own.normal(0.0, picker["scatter"], shape)
    db = snr[chosen] + 20 * scatter - (3.0 if phase == "S" else 0.0)
    found = own.uniform(size=shape) < 0.95 / (1 + np.exp(np.clip(-(db - picker["threshold_db"]) / 2.0, -50, 50)))
    event, station = np.nonzero(found)
    db = db[found]
    times = world.paths.p_time_s if phase == "P" else world.paths.s_time_s
    sd = (0.03 + 0.12 * np.exp(-db / 12)) * (1.5 if phase == "S" else 1.0)
    sd = sd * np.where(own.uniform(size=len(db)) < picker["tail"], 4.0, 1.0) * picker["error_factor"]
    origin = np.array([e.time_s for e in world.event_list])[chosen]
    return pd.DataFrame(
        {
            "event": chosen[event],
            "station": station,
            "phase": phase,
            "seconds": origin[event] + times[chosen[event], station] + sd * own.normal(size=len(db)),
            "probability": np.clip(0.98 - 0.6 * np.exp(-db / 14) + 0.1 * own.normal(size=len(db)), 0.3, 0.99).round(3),
            "amplitude": rms[chosen[event], station] * 10 ** scatter[found],
            "snr_db": db,
            "source": "event",
        }
    )


def _loose(own: Draws, world: World, station: np.ndarray, phase, seconds: np.ndarray, source: str) -> pd.DataFrame:
    """Picks of no event."""
    n = len(station)
    quiet = np.sqrt([np.mean(r.noise_rms(0.5) ** 2) for r in world.receivers])
    db = 3.0 + own.exponential(5.0, n)
    return pd.DataFrame(
        {
            "event": -1,
            "station": station,
            "phase": phase,
            "seconds": seconds,
            "probability": np.clip(0.3 + own.exponential(0.13, n), 0.3, 0.97).round(3),
            "amplitude": quiet[station] * 10 ** (db / 20),
            "snr_db": db,
            "source": source,
        }
    )


def _noise(world: World, draws: Draws, picker) -> pd.DataFrame:
    own, n = draws.child("noise"), len(world.stations)
    rate = own.lognormal(picker["noise_per_hour"], 0.7, n)
    count = np.array([own.child(i).poisson(r * world.scenario.hours) for i, r in enumerate(rate.tolist())])
    station = np.repeat(np.arange(n), count)
    phase = np.where(own.uniform(size=len(station)) < 0.55, "P", "S")
    return _loose(own, world, station, phase, own.uniform(0, world.scenario.seconds, len(station)), "noise")


def _false(world: World, n_events: int, draws: Draws) -> pd.DataFrame:
    """Picks of bursts of noise that cross part of the network, and of distant earthquakes that cross all of it."""
    paths, parts = world.paths, []
    for i in range(round(FALSE_SHARE * n_events)):
        own = draws.child("false", i)
        at = own.uniform(60, world.scenario.seconds - 200)
        if own.chance(0.6):
            # near the moveout of some event, as chance picks that an associator accepts are
            like = own.integers(0, len(world.event_list))
            near = np.argsort(paths.distance_km[like], kind="stable")[: own.integers(8, 17)]
            station = near[own.uniform(size=len(near)) < 0.65]
            p, s = paths.p_time_s[like, station], paths.s_time_s[like, station]
            s = np.where(np.isfinite(s), s, 1.75 * p)
            error, source = own.uniform(0.15, 0.6), "burst"
        else:
            # a plane wave of 0.04 to 0.09 s/km; what pickers call its S comes after some seconds everywhere
            towards, slowness = own.uniform(0, 2 * np.pi), own.uniform(0.04, 0.09)
            station = np.flatnonzero(own.uniform(size=len(world.stations)) < 0.6)
            lat, lon = (world.stations[c].to_numpy()[station] for c in ("latitude", "longitude"))
            north, east = (lat - 40.45) * 111.2, (lon + 124.0) * 111.2 * np.cos(np.radians(40.45))
            p = 20.0 + slowness * (east * np.sin(towards) + north * np.cos(towards))
            s = p + own.uniform(4.0, 14.0)
            error, source = 0.4, "distant"
        heard = own.uniform(size=(2, len(station))) < np.array([[0.8], [0.6]])
        for phase, arrival, mine in (("P", p, heard[0]), ("S", s, heard[1])):
            each, rows = own.child(phase), station[mine]
            late = error * each.normal(size=len(rows)) * (1.0 if phase == "P" else 1.5)
            parts.append(_loose(each, world, rows, phase, at + arrival[mine] + late, source))
    return pd.concat(parts, ignore_index=True)


def _outages(world: World, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Start and end in s of each station's outage; a quarter of the stations have one."""
    own, n = draws.child("outages"), len(world.stations)
    start = own.uniform(0, world.scenario.seconds, n)
    return start, start + np.where(own.uniform(size=n) < 0.25, own.uniform(0.1, 0.3, n) * world.scenario.seconds, -1.0)
