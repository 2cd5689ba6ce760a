"""What an associator must know about a network, derived from the network's geometry and explained by symptom.

Every number follows from where the stations stand and how fast waves cross the network; nothing is tuned to one
sequence. Whatever the user gives explicitly wins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..catalog.tables import conform
from ..earth.coordinates import LocalFrame
from ..earth.traveltime import TravelTimes


class AssociationSettings(BaseModel):
    """Settings that every associator shares. Each field says what goes wrong when it is too small or too large."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    _TOLERANCE: ClassVar[float] = 1.0  # of the method's pick tolerance to the error that model and picks may have

    margin_km: float = Field(
        ge=0,
        description="How far outside the network's bounding box epicenters may lie. Events pile up along a straight "
        "line at the edge of the map: raise it. Poor events far outside: lower it.",
    )
    min_depth_km: float = Field(
        description="Upper end of the search in km below sea level; by default the highest station. Events stick to "
        "this depth: wrong velocity near the surface, or picks that belong to no local event.",
    )
    max_depth_km: float = Field(
        description="Lower end of the search in km below sea level. Events stick to this depth: raise it, or suspect "
        "distant earthquakes. Slow: lower it.",
    )
    min_picks: int = Field(
        ge=3,
        description="Fewest picks of an event, P and S together. Small events are missing: lower it. Events made of "
        "noise: raise it.",
    )
    min_p_picks: int = Field(ge=0, description="Fewest P picks of an event.")
    min_s_picks: int = Field(
        ge=0, description="Fewest S picks of an event. Large events with clipped S are missing: lower it."
    )
    min_both: int = Field(
        ge=0,
        description="Fewest stations with both P and S. They fix the origin time: lowering it admits events made of "
        "noise before it finds new ones.",
    )
    pick_tolerance_s: float = Field(
        gt=0,
        description="Largest difference between an assigned pick and its predicted time. Clear picks are left over: "
        "raise it (or correct the velocity model). Picks of two events mix in a dense sequence: lower it.",
    )
    min_interevent_s: float = Field(
        ge=0,
        description="Two events closer in origin time than this whose arrivals cannot be told apart are one; the "
        "event with fewer picks is dropped. Every event appears twice: raise it. One of a doublet is missing: lower it.",
    )
    min_log_odds: float = Field(
        description="Natural logarithm of how much likelier an event's picks must be with it than by chance, given the "
        "rate of picks at its stations. Events made of noise in a dense sequence: raise it. Small events in a dense "
        "sequence are missing: lower it."
    )
    duplicate_s: float = Field(
        ge=0,
        description="Picks of one station and phase closer than this are one arrival (two instruments, two models); "
        "the most probable stays.",
    )
    min_probability: float = Field(
        ge=0, le=1, description="Picks below this probability are left aside. Slow, or events of noise: raise it."
    )
    slice_s: float = Field(
        gt=0,
        description="Length of the windows in which picks are associated; they begin at whole multiples of it. Out of "
        "memory: lower it. Slow with few picks: raise it.",
    )
    time_before_s: float = Field(
        gt=0,
        description="Margin of the windows, before and after; at least the S time over the cut-off distance. Events "
        "lost every slice_s: raise it.",
    )
    max_table_km: float = Field(
        gt=0, description="Grid spacing of the travel-time tables. Times off by over 0.05 s: lower it."
    )
    threads: int = Field(ge=1, description="Threads. Results do not depend on it; in a pool of workers keep it at 1.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.max_depth_km <= self.min_depth_km:
            raise ValueError(f"max_depth_km ({self.max_depth_km}) is not below min_depth_km ({self.min_depth_km})")
        if self.min_both > min(self.min_p_picks, self.min_s_picks):
            raise ValueError(
                f"min_both ({self.min_both}) asks for more than min_p_picks ({self.min_p_picks}) or min_s_picks "
                f"({self.min_s_picks}); lower min_both or raise the others"
            )
        if self.min_picks < self.min_p_picks + self.min_s_picks:
            raise ValueError(
                f"min_picks ({self.min_picks}) is less than min_p_picks + min_s_picks "
                f"({self.min_p_picks} + {self.min_s_picks}); raise it, or lower one of them"
            )
        return self

    def with_overrides(self, **overrides) -> Self:
        """The same settings with some fields exchanged, checked again."""
        return type(self)(**{**self.model_dump(), **overrides})

    @classmethod
    def for_network(cls, stations: pd.DataFrame, velocity: pd.DataFrame, **overrides) -> Self:
        """Settings for a network; see :func:`~course_utils.association.settings_for`."""
        unknown = set(overrides) - set(cls.model_fields)
        if unknown:
            raise ValueError(
                f"no setting {', '.join(sorted(unknown))} in {cls.__name__}; there are {', '.join(cls.model_fields)}"
            )
        stations, velocity = conform(stations, "stations"), conform(velocity, "velocity")
        if len(stations) < 3:
            raise ValueError(f"stations: {len(stations)} of them; an event needs arrivals at three stations at least")
        given = dict(overrides)

        def choose(name: str, value: float):
            return given.setdefault(name, value)

        x, y = LocalFrame.around(stations).to_xy_km(stations["latitude"].to_numpy(), stations["longitude"].to_numpy())
        aperture = float(np.hypot(x[:, None] - x, y[:, None] - y).max())
        deepest = float(velocity["depth_km"].max())
        highest = -float(stations["elevation_m"].max()) / 1000.0
        choose("margin_km", round(float(np.clip(aperture / 4, 5, 60)), 1))
        choose("min_depth_km", round(highest, 2))
        choose("max_depth_km", round(float(max(10.0, min(max(deepest, aperture / 4), aperture))), 1))
        cutoff = choose("cutoff_km", round(_cutoff_km(x, y), 1))

        middle = stations.assign(elevation_m=float(stations["elevation_m"].median())).iloc[:1]
        depth = float(max(given["max_depth_km"], 1.0 - highest))
        times = TravelTimes.build(middle, velocity, 1.05 * cutoff, depth + 1.0, spacing_km=max(cutoff, depth) / 100)
        depths = np.linspace(min(0.0, depth), depth, 5)
        s_time = float(np.nanmax(times.times("S", 0, cutoff, depths)))
        p_speed = cutoff / float(np.nanmin(times.times("P", 0, cutoff, depths)))

        tolerance = choose("pick_tolerance_s", round(cls._TOLERANCE * (0.15 + 0.018 * s_time), 2))
        choose("min_interevent_s", round(2 * tolerance / cls._TOLERANCE, 2))
        picks, p, s, both = {3: (5, 2, 2, 2), 4: (6, 2, 2, 2)}.get(len(stations), (7, 1, 1, 1))
        choose("min_both", both)
        choose("min_p_picks", max(p, given["min_both"]))
        choose("min_s_picks", max(s, given["min_both"]))
        choose("min_picks", max(picks, given["min_p_picks"] + given["min_s_picks"]))
        choose("min_log_odds", 1.0)
        choose("duplicate_s", 0.1)
        choose("min_probability", 0.0)
        choose("max_table_km", round(float(np.clip((aperture + 2 * given["margin_km"]) / 250, 0.1, 2.0)), 2))
        choose("threads", 1)
        cls._choose(choose, Geometry(x, y, aperture, cutoff, s_time, p_speed))
        choose("slice_s", 21600.0)
        choose("time_before_s", max(1800.0, 3 * s_time))
        return cls(**{name: value for name, value in given.items() if name in cls.model_fields})

    @classmethod
    def _choose(cls, choose: Callable[[str, float], float], network: Geometry) -> None:
        """Defaults of the fields that only this method has: ``choose(name, value)`` returns what counts."""


@dataclass(frozen=True)
class Geometry:
    """A network as the rules for settings see it.

    Attributes:
        x_km, y_km: stations in local coordinates, shape (stations,).
        aperture_km: largest distance between two stations.
        cutoff_km: covers the twelve nearest stations (or all) from nine places in ten within the network.
        s_time_s: S time over that distance.
        p_speed_km_s: apparent P velocity over it.
    """

    x_km: np.ndarray
    y_km: np.ndarray
    aperture_km: float
    cutoff_km: float
    s_time_s: float
    p_speed_km_s: float


def _cutoff_km(x: np.ndarray, y: np.ndarray, nearest: int = 12) -> float:
    """Distance that covers the ``nearest`` stations from 90 % of the places in the network's bounding box."""
    gx, gy = np.meshgrid(np.linspace(x.min(), x.max(), 15), np.linspace(y.min(), y.max(), 15))
    distance = np.sort(np.hypot(gx.ravel()[:, None] - x, gy.ravel()[:, None] - y), axis=1)
    return max(20.0, float(np.quantile(distance[:, min(nearest, len(x)) - 1], 0.9)))
