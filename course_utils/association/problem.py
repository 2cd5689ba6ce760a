"""The association problem in plain arrays: what every method is given, after all checks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from ..earth.coordinates import LocalFrame
from ..earth.traveltime import TravelTimes
from .settings import AssociationSettings


@dataclass(frozen=True)
class Problem:
    """Picks and stations of one run.

    Attributes:
        station: position of each pick's station, shape (picks,).
        phase: "P" or "S", shape (picks,).
        time_s: seconds since ``start``, ascending, shape (picks,).
        probability: of each pick, 1 where unknown, shape (picks,).
        amplitude_m_s: of each pick, NaN where unknown or in another unit, shape (picks,).
        start: time zero.
        x_km, y_km: stations in ``frame``, shape (stations,).
        frame: local coordinates around the network.
        travel_times: tables for these stations.
        kept: what a method wants to keep between the windows of a run.
    """

    station: np.ndarray
    phase: np.ndarray
    time_s: np.ndarray
    probability: np.ndarray
    amplitude_m_s: np.ndarray
    start: pd.Timestamp
    x_km: np.ndarray
    y_km: np.ndarray
    frame: LocalFrame
    travel_times: TravelTimes
    kept: dict = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def build(
        cls, picks: pd.DataFrame, stations: pd.DataFrame, velocity: pd.DataFrame, settings: AssociationSettings
    ) -> Problem:
        """The problem of checked tables; ``picks`` in order of time, all at known stations, not empty."""
        highest_km = -float(stations["elevation_m"].max()) / 1000.0
        if settings.min_depth_km < highest_km - 0.5 * settings.max_table_km:
            raise ValueError(
                f"min_depth_km is {settings.min_depth_km}, above the highest station at {highest_km:.2f} km; "
                "there is no Earth to search up there: raise it"
            )
        frame = LocalFrame.around(stations)
        x, y = frame.to_xy_km(stations["latitude"].to_numpy(), stations["longitude"].to_numpy())
        width, height = np.ptp(x) + 2 * settings.margin_km, np.ptp(y) + 2 * settings.margin_km
        travel_times = TravelTimes.build(
            stations,
            velocity,
            # A little beyond the search volume: PyOcto treats the last nodes as outside.
            max_distance_km=1.02 * float(np.hypot(width, height)) + 2 * settings.max_table_km,
            max_depth_km=settings.max_depth_km + 2 * settings.max_table_km,
            spacing_km=settings.max_table_km,
        )
        start = picks["time"].iloc[0]
        return cls(
            station=travel_times.index(picks["station"]),
            phase=picks["phase"].to_numpy(dtype=object),
            time_s=((picks["time"] - start) / pd.Timedelta(seconds=1)).to_numpy(np.float64),
            probability=picks["probability"].fillna(1.0).to_numpy(np.float64),
            amplitude_m_s=picks["amplitude"].where(picks["amplitude_unit"] == "m/s").to_numpy(np.float64),
            start=start,
            x_km=np.asarray(x),
            y_km=np.asarray(y),
            frame=frame,
            travel_times=travel_times,
        )

    def part(self, first: int, last: int, start_s: float) -> Problem:
        """The picks from row ``first`` up to ``last``, their times counted from ``start_s`` to the microsecond."""
        rows = slice(first, last)
        us = np.rint(self.time_s[rows] * 1e6) - np.rint(start_s * 1e6)
        return replace(
            self,
            station=self.station[rows],
            phase=self.phase[rows],
            time_s=us / 1e6,
            probability=self.probability[rows],
            amplitude_m_s=self.amplitude_m_s[rows],
            start=self.start + pd.Timedelta(round(start_s * 1e6), unit="us"),
        )

    def limits_km(self, margin_km: float) -> tuple[float, float, float, float]:
        """West, east, south and north end of the search."""
        return (
            float(self.x_km.min() - margin_km),
            float(self.x_km.max() + margin_km),
            float(self.y_km.min() - margin_km),
            float(self.y_km.max() + margin_km),
        )
