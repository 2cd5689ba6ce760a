"""The events of a world: a main shock and its aftershocks, background, repeaters, a swarm, blasts and the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from course_utils.earth.coordinates import LocalFrame
from course_utils.synthetic.etas import Etas, Sequence, simulate
from course_utils.synthetic.randomness import Draws
from course_utils.synthetic.scenario import Scenario
from course_utils.synthetic.source import EXPLOSION, Source, double_couple

CENTRE = LocalFrame(40.47, -124.17)
BEFORE_S = 180.0  # events so long before the records can still be seen in them
STRESS_DROP_MPA = 4.0
UTC_OFFSET_H = -8
QUARRIES = ((40.605, -124.035), (40.935, -124.045), (40.175, -123.640))
WORKING_HOURS = (10.0, 15.0)  # local
BLASTS_PER_HOUR = 0.25  # of each quarry in its working hours
BLUFFS = ((40.345, -124.352), (40.440, -124.130), (40.120, -123.830), (40.700, -123.870))
HOLE_DELAYS_S = (0.017, 0.025, 0.042)
TELESEISM = (51.9, 159.6, 35.0)  # off Kamchatka


@dataclass(frozen=True)
class FaultPlane:
    """A rectangle; ``rake_deg`` is that of most of its earthquakes. The centre is given in km east and north of
    :data:`CENTRE` and in depth."""

    name: str
    east_km: float
    north_km: float
    depth_km: float
    strike_deg: float
    dip_deg: float
    rake_deg: float
    length_km: float
    width_km: float

    @property
    def axes(self) -> np.ndarray:
        """Unit vectors along strike, down dip and off the plane (downwards); rows, east-north-down."""
        s, d = np.radians([self.strike_deg, self.dip_deg])
        along = np.array([np.sin(s), np.cos(s), 0.0])
        down = np.array([np.cos(d) * np.cos(s), -np.cos(d) * np.sin(s), np.sin(d)])
        off = np.cross(along, down)
        return np.array([along, down, off if off[2] >= 0 else -off])


@dataclass(frozen=True)
class Event:
    """One event of the truth.

    Attributes:
        time_s: origin time in s after the world's start.
        latitude, longitude, depth_km: hypocentre.
        source: what radiates.
        cluster: the group it belongs to: "main shock", "aftershock", "background", "repeater 1", "swarm", ...
        strike_deg, dip_deg, rake_deg: mechanism, NaN when it is no shear source.
        key: names its random numbers.
        path_key: names the scattering of its paths; members of a repeating family share it.
        family_mw: Mw that sets the length of the records of a family, so that they are alike sample for sample.
        parent_key: key of the event that triggered it, None for one that came by itself.
    """

    time_s: float
    latitude: float
    longitude: float
    depth_km: float
    source: Source
    cluster: str
    strike_deg: float
    dip_deg: float
    rake_deg: float
    key: str
    path_key: str
    family_mw: float | None = None
    parent_key: str | None = None


def fault_planes(seed: int) -> tuple[FaultPlane, FaultPlane]:
    """The two crossing strike-slip faults of the sequence: left-lateral to the east-north-east, right-lateral to the north-west."""
    draws = Draws(seed, "planes")
    east, north, depth = (*draws.uniform(-6, 6, 2).tolist(), draws.uniform(14.0, 18.0))
    first = FaultPlane("A", east, north, depth, 72 + draws.normal(0, 4), 84.0, 4.0, 24.0, 11.0)
    second = FaultPlane("B", east, north, depth, 332 + draws.normal(0, 4), 80.0, 176.0, 15.0, 9.0)
    return first, second


_SCATTERED = FaultPlane("background", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)  # north, east, down


def etas_of(scenario: Scenario) -> Etas:
    """The process that the sequence of a scenario follows; productivity scales with the smallest magnitude so that
    a lower one adds small events and keeps the large ones."""
    return Etas(
        productivity=0.1 * 10 ** (0.2 * (0.8 - scenario.min_magnitude)),
        min_magnitude=scenario.min_magnitude,
        max_magnitude=max(scenario.main_magnitude - 1.2, scenario.min_magnitude + 1.5),
    )


def events(seed: int, scenario: Scenario) -> list[Event]:
    """All events of a world in the order of time."""
    found = _sequence(seed, scenario)
    found += _repeaters(seed, scenario) + _swarm(seed, scenario) + _low_frequency(seed, scenario)
    found += _blasts(seed, scenario) + _surface(seed, scenario) + _teleseism(seed, scenario)
    return sorted(found, key=lambda e: (e.time_s, e.key))


def _shear(draws: Draws, time_s, at, mw, plane_angles, cluster, key, path_key=None, kind="earthquake") -> Event:
    strike, dip, rake = plane_angles
    stress = draws.lognormal(STRESS_DROP_MPA, 0.7)
    if kind == "low-frequency":  # corner near 2 Hz: slow rupture under fluid pressure (Bostock et al. 2015)
        stress *= 2e-4
    source = Source(float(mw), double_couple(strike, dip, rake), stress_drop_mpa=stress, kind=kind)
    return Event(_us(time_s), *at, source, cluster, float(strike), float(dip), float(rake), key, path_key or key)


def _us(time_s: float) -> float:
    return round(float(time_s), 6)


def _places(east_north_depth_km) -> list[tuple[float, float, float]]:
    """Latitude, longitude and depth of points given in km around :data:`CENTRE`, shape (n, 3)."""
    where = np.asarray(east_north_depth_km, float).reshape(-1, 3)
    latitude, longitude = CENTRE.to_geographic(where[:, 0], where[:, 1])
    depth = np.clip(where[:, 2], 0.5, 45.0)
    columns = (np.round(latitude, 6), np.round(longitude, 6), np.round(depth, 4))
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _sequence(seed: int, scenario: Scenario) -> list[Event]:
    planes = (*fault_planes(seed), _SCATTERED)
    etas, draws = etas_of(scenario), Draws(seed, "sequence")
    main_hour = scenario.main_shock_hour
    origin_h = min(0.0, main_hour if main_hour is not None else 0.0) - BEFORE_S / 3600
    until_days = (scenario.hours - origin_h) / 24

    count = draws.child("count").poisson(scenario.background_per_hour * 24 * until_days)
    place = draws.child("background")
    days = place.uniform(0, until_days, count)
    where = np.column_stack([place.uniform(-60, 70, count), place.uniform(-55, 70, count), np.zeros(count)])
    # the slab and its seismicity deepen eastwards; under the sea everything is shallower
    where[:, 2] = np.clip(11 + 0.14 * where[:, 1] + place.normal(0, 5, count), 2.0, 32.0)
    size = etas.magnitudes(draws.child("background magnitude"), count)
    plane = np.full(count, 2)
    if main_hour is not None:
        days = np.append((main_hour - origin_h) / 24, days)
        where = np.vstack([[2.0, 1.0, 0.0], where])
        size = np.append(scenario.main_magnitude, size)
        plane = np.append(0, plane)
    first = Sequence(days, size, where, plane, np.zeros(len(days), int), np.full(len(days), -1))

    def on_rupture(step: Draws, n: int):
        which = (step.uniform(size=n) > 0.62).astype(int)
        length = np.array([planes[w].length_km for w in which])
        width = np.array([planes[w].width_km for w in which])
        # the arcsine law crowds the ends of a rupture, where stress was raised most
        along = 0.55 * length * (0.75 * np.cos(np.pi * step.uniform(size=n)) + 0.25 * step.uniform(-1, 1, n))
        down = np.clip(step.normal(0, 0.22, n), -0.6, 0.6) * width
        return np.column_stack([along, down, step.normal(0, etas.thickness_km, n)]), which

    grown = simulate(etas, draws.child("etas"), first, until_days, on_rupture if main_hour is not None else None)
    seconds = (grown.days * 24 + origin_h) * 3600
    kept = np.flatnonzero((seconds >= -BEFORE_S) & (seconds < scenario.seconds))
    centres = np.array([(p.east_km, p.north_km, p.depth_km) for p in planes])
    axes = np.array([p.axes for p in planes])
    on_plane, plane = grown.on_plane_km[kept], grown.plane[kept]
    places = _places(np.einsum("ni,nij->nj", on_plane, axes[plane]) + centres[plane])
    found = []
    for i, at in zip(kept.tolist(), places, strict=True):
        own, fault = draws.child("event", i), planes[grown.plane[i]]
        generation, main = int(grown.generation[i]), grown.magnitude[i] == scenario.main_magnitude
        if fault is _SCATTERED:
            angles = own.choice(((55, 85, 5), (340, 14, 92), (150, 55, -80), (310, 80, 170)))
        else:
            angles = (fault.strike_deg, fault.dip_deg, fault.rake_deg)
        spread = 0.0 if main and generation == 0 else 14.0
        strike, dip, rake = np.array(angles) + spread * own.normal(size=3)
        cluster = "main shock" if main and generation == 0 else ("aftershock" if generation else "background")
        angles = (strike % 360, float(np.clip(dip, 2, 89)), rake)
        one = _shear(own, seconds[i], at, grown.magnitude[i], angles, cluster, f"etas {i}")
        found.append(replace(one, parent_key=f"etas {grown.parent[i]}" if generation else None))
    return found


def _repeaters(seed: int, scenario: Scenario) -> list[Event]:
    found = []
    for family in range(scenario.repeaters):
        draws = Draws(seed, "repeater", family)
        plane = draws.choice(fault_planes(seed))
        on = [draws.uniform(-0.7, 0.7) * plane.length_km, draws.uniform(-0.4, 0.4) * plane.width_km, 0.3]
        centre = np.array(on) @ plane.axes + [plane.east_km, plane.north_km, plane.depth_km]
        mw, angles = draws.uniform(1.5, 2.3), (plane.strike_deg, plane.dip_deg, plane.rake_deg)
        # members share place and stress drop: only then do their records look alike
        wait_s = scenario.repeat_hours * 3600
        at_most = int(scenario.seconds / (0.4 * wait_s)) + 2
        waits = wait_s * np.clip(draws.child("wait").lognormal(1.0, 0.25, at_most), 0.4, 2.5)
        times = draws.uniform(0, wait_s) + np.cumsum(waits) - waits[0]
        times = times[times < scenario.seconds]
        places = _places(centre + draws.child("place").normal(0, 0.01, (len(times), 3)))
        label = f"repeater {family + 1}"
        for member, (time, at) in enumerate(zip(times.tolist(), places, strict=True)):
            size = mw + draws.child(member).normal(0, 0.06)
            one = _shear(draws.child("source"), time, at, size, angles, label, f"{label} {member}", label)
            found.append(replace(one, family_mw=mw))
    return found


def _swarm(seed: int, scenario: Scenario) -> list[Event]:
    draws = Draws(seed, "swarm")
    start = draws.uniform(0.1, 0.9) * scenario.seconds
    centre = np.array([draws.uniform(-15, 15), draws.uniform(-30, 20), draws.uniform(6, 12)])
    places = _places(centre + draws.child("place").normal(0, 0.4, (scenario.swarm_events, 3)))
    found = []
    for i, at in enumerate(places):
        own = draws.child(i)
        size = min(1.2 + own.exponential(1 / np.log(10)), 2.6)
        angles = (30 + own.normal(0, 10), 70, -20 + own.normal(0, 15))
        found.append(_shear(own, start + 2.0 * i + own.uniform(-0.3, 0.3), at, size, angles, "swarm", f"swarm {i}"))
    return found


def _low_frequency(seed: int, scenario: Scenario) -> list[Event]:
    draws = Draws(seed, "low-frequency")
    found = []
    for burst in range(draws.poisson(scenario.low_frequency_per_hour * scenario.hours)):
        own = draws.child(burst)
        time = own.uniform(0, scenario.seconds)
        centre = np.array([own.uniform(10, 45), own.uniform(-10, 40), own.uniform(27, 36)])
        count = own.integers(5, 16)
        for i, at in enumerate(_places(centre + own.child("place").normal(0, 1.0, (count, 3)))):
            each = own.child(i)
            time += each.exponential(12.0)
            if time >= scenario.seconds:
                break
            angles = (340 + each.normal(0, 8), 14, 92 + each.normal(0, 10))
            size, key = each.uniform(1.3, 2.1), f"low-frequency {burst} {i}"
            found.append(_shear(each, time, at, size, angles, f"low-frequency {burst + 1}", key, kind="low-frequency"))
    return found


def working_seconds(scenario: Scenario) -> np.ndarray:
    """Parts of the world in the quarries' working hours on weekdays, rows of start and end in s after its start."""
    local = scenario.start_time.tz_localize(None) + np.timedelta64(UTC_OFFSET_H * 3600, "s")
    midnight = (local.normalize() - local).total_seconds()
    parts = []
    for day in range(int(scenario.hours // 24) + 2):
        if (local.dayofweek + day) % 7 < 5:
            low, high = (midnight + day * 86400 + h * 3600 for h in WORKING_HOURS)
            low, high = max(low, 0.0), min(high, scenario.seconds)
            if high > low:
                parts.append((low, high))
    return np.array(parts).reshape(-1, 2)


def _blasts(seed: int, scenario: Scenario) -> list[Event]:
    draws, parts = Draws(seed, "blasts"), working_seconds(scenario)
    length = (parts[:, 1] - parts[:, 0]).sum()
    if not length:
        return []
    count = max(draws.poisson(BLASTS_PER_HOUR * len(QUARRIES) * length / 3600), scenario.blasts_at_least)
    begins = np.concatenate([[0.0], np.cumsum(parts[:, 1] - parts[:, 0])])
    found = []
    for i in range(count):
        own = draws.child(i)
        into = own.uniform(0, length)
        part = min(int(np.searchsorted(begins, into, side="right")) - 1, len(parts) - 1)
        latitude, longitude = own.choice(QUARRIES)
        spot = (round(latitude + own.normal(0, 0.002), 6), round(longitude + own.normal(0, 0.002), 6), 0.0)
        holes, rows, gap = own.integers(8, 20), own.integers(1, 4), own.choice(HOLE_DELAYS_S)
        delays = np.sort((np.arange(holes) * gap + np.arange(rows)[:, None] * 2.4 * gap).ravel())
        delays = np.maximum(delays + own.normal(0, 0.0015, len(delays)), 0.0)
        source = Source(own.uniform(1.4, 2.3), EXPLOSION, kind="quarry blast", delays_s=tuple(delays - delays.min()))
        time = _us(parts[part, 0] + into - begins[part])
        found.append(Event(time, *spot, source, "quarry", np.nan, np.nan, np.nan, f"blast {i}", f"blast {i}"))
    return found


def _surface(seed: int, scenario: Scenario) -> list[Event]:
    draws = Draws(seed, "surface")
    count = max(draws.poisson(scenario.surface_per_hour * scenario.hours), scenario.surface_at_least)
    found = []
    for i in range(count):
        own = draws.child(i)
        latitude, longitude = own.choice(BLUFFS)
        spot = (round(latitude + own.normal(0, 0.01), 6), round(longitude + own.normal(0, 0.01), 6), 0.0)
        towards = own.uniform(0, 2 * np.pi)
        force = (0.8 * np.cos(towards), 0.8 * np.sin(towards), 0.6)
        length = min(own.lognormal(60.0, 0.6), 240.0)
        source = Source(own.uniform(0.9, 1.8), force=force, kind="surface event", duration_s=length)
        time = _us(own.uniform(0, max(scenario.seconds - length, 1.0)))
        found.append(Event(time, *spot, source, "slope", np.nan, np.nan, np.nan, f"surface {i}", f"surface {i}"))
    return found


def _teleseism(seed: int, scenario: Scenario) -> list[Event]:
    if not scenario.teleseism:
        return []
    draws = Draws(seed, "teleseism")
    time = draws.uniform(0.55, 0.8) * scenario.seconds
    angles = (215.0, 20.0, 90.0)
    found = [_shear(draws, time, TELESEISM, 7.6, angles, "teleseism", "teleseism", kind="teleseism")]
    # Rayleigh waves cross the region about 26 minutes after the origin; some faults answer (Hill et al. 1993)
    centre = np.array([draws.uniform(25, 45), draws.uniform(-35, -10), draws.uniform(4, 9)])
    count = draws.integers(8, 15)
    for i, at in enumerate(_places(centre + draws.child("place").normal(0, 0.8, (count, 3)))):
        own = draws.child(i)
        size = min(1.2 + own.exponential(1 / np.log(10)), 2.8)
        angles = (20 + own.normal(0, 12), 65, -60 + own.normal(0, 15))
        later = time + own.uniform(1450, 2100)
        if later < scenario.seconds:
            found.append(_shear(own, later, at, size, angles, "triggered", f"triggered {i}"))
    return found
