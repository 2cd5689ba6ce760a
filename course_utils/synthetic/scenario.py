"""What happens in a world: how long, how many stations, which kinds of events. The presets are scenarios."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Scenario:
    """Ingredients of a world.

    Attributes:
        start: first moment of the records, UTC. Local time is 8 hours behind.
        hours: length.
        stations: number of stations, nearest the faults first.
        main_shock_hour: when the main shock strikes, counted from ``start``; negative is before; None for none.
        main_magnitude: its Mw.
        min_magnitude: smallest Mw in the world.
        background_per_hour: earthquakes outside the sequence, above ``min_magnitude``.
        blasts_at_least, surface_at_least: so many even if their rates give fewer.
        surface_per_hour: rate of rockfalls and landslides.
        repeaters: families of repeating earthquakes; ``repeat_hours`` is the mean time between the members of one.
        swarm_events: earthquakes of the swarm with two seconds between events.
        low_frequency_per_hour: rate of bursts of low-frequency earthquakes.
        teleseism: with a distant earthquake, and a burst of local ones in its surface waves.
    """

    start: str = "2023-05-16T19:00:00"
    hours: float = 1.0
    stations: int = 12
    main_shock_hour: float | None = -4.0
    main_magnitude: float = 6.4
    min_magnitude: float = 0.8
    background_per_hour: float = 2.0
    blasts_at_least: int = 0
    surface_per_hour: float = 0.1
    surface_at_least: int = 0
    repeaters: int = 0
    repeat_hours: float = 4.0
    swarm_events: int = 0
    low_frequency_per_hour: float = 0.0
    teleseism: bool = False

    def __post_init__(self):
        if not (np.isfinite(self.hours) and 0 < self.hours <= 24 * 62):
            raise ValueError(f"hours is {self.hours}; give more than 0 and at most {24 * 62}")
        if pd.isna(pd.Timestamp(self.start)):
            raise ValueError(f"start is {self.start!r}; give an ISO 8601 time")

    @property
    def start_time(self) -> pd.Timestamp:
        """First moment, UTC."""
        stamp = pd.Timestamp(self.start)
        return (stamp.tz_localize("UTC") if stamp.tz is None else stamp.tz_convert("UTC")).as_unit("us")

    @property
    def seconds(self) -> float:
        return self.hours * 3600.0


PRESETS = {
    "tiny": Scenario(
        hours=1 / 6,
        stations=6,
        main_shock_hour=-3.0,
        min_magnitude=1.0,
        background_per_hour=12.0,
        blasts_at_least=1,
        surface_per_hour=0.0,
    ),
    "lesson": Scenario(blasts_at_least=2, surface_at_least=1, repeaters=1, repeat_hours=0.25),
    "day": Scenario(
        start="2023-05-16T00:00:00",
        hours=24.0,
        stations=24,
        main_shock_hour=5.3,
        blasts_at_least=2,
        surface_at_least=2,
        repeaters=3,
        swarm_events=40,
        low_frequency_per_hour=0.15,
        teleseism=True,
    ),
    "month": Scenario(
        start="2023-05-01T00:00:00",
        hours=24.0 * 30,
        stations=24,
        main_shock_hour=24.0 * 8 + 13.7,
        repeaters=6,
        repeat_hours=40.0,
        swarm_events=60,
        low_frequency_per_hour=0.05,
        surface_per_hour=0.05,
        teleseism=True,
    ),
}


def preset(name: str, hours: float | None = None, **changes) -> Scenario:
    """A preset, some of its ingredients changed; ValueError names what there is."""
    if name not in PRESETS:
        raise ValueError(f"preset {name!r}: there is {', '.join(PRESETS)}")
    known = Scenario.__dataclass_fields__
    unknown = [key for key in changes if key not in known]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no ingredient of a scenario; there is {', '.join(known)}")
    if hours is not None:
        changes["hours"] = float(hours)
    return replace(PRESETS[name], **changes)
