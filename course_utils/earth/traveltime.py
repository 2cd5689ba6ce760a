"""First-arrival times in a one-dimensional model, from eikonal tables, with derivatives.

A table holds the time from a source anywhere in a vertical section to one station depth; reciprocity lets one
solution per station depth serve every source. Stations keep their elevation: those within 10 m share a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numba import njit

from course_utils.catalog.tables import PHASES, conform
from course_utils.earth.velocity import sample

LEVEL_KM = 0.02
_MAX_NODES = 4_000_000


@dataclass(frozen=True)
class Section:
    """Grid of a vertical section: distance from 0, depth from ``top_km`` (below sea level), square cells."""

    top_km: float
    bottom_km: float
    max_distance_km: float
    spacing_km: float

    @property
    def cells(self) -> tuple[int, int]:
        """Number of cells in depth and distance; there is one node more."""
        return (
            max(2, int(np.ceil((self.bottom_km - self.top_km) / self.spacing_km))),
            max(2, int(np.ceil(self.max_distance_km / self.spacing_km))),
        )


def solve(velocity: pd.DataFrame, station_depth_km: float, phase: str, section: Section) -> np.ndarray:
    """Times in s from every node of a section to a station at distance 0, shape (depths, distances), float32.

    Fast sweeping with a spherical approximation at the source (Noble et al. 2014, GJI 199; fteikpy).
    """
    nodes = tuple(map(tuple, velocity[["depth_km", "vp_km_s", "vs_km_s"]].to_numpy(float)))
    return _solve(nodes, float(station_depth_km), phase, section)


@lru_cache(maxsize=256)
def _solve(nodes: tuple, station_depth_km: float, phase: str, section: Section) -> np.ndarray:
    from fteikpy import Eikonal2D

    nz, nx = section.cells
    h = section.spacing_km
    # cells carry the mean slowness over their thickness, so that an interface inside a cell keeps its delay
    fine = section.top_km + (np.arange(nz * 8) + 0.5) * h / 8
    velocity = pd.DataFrame(nodes, columns=["depth_km", "vp_km_s", "vs_km_s"])
    values = sample(velocity, fine)[PHASES.index(phase)]
    cells = 1.0 / (1.0 / values).reshape(nz, 8).mean(axis=1)
    solver = Eikonal2D(np.repeat(cells[:, None], nx, axis=1), gridsize=(h, h), origin=(section.top_km, 0.0))
    row = (station_depth_km - section.top_km) / h
    if abs(row - round(row)) < 1e-3:  # within rounding of a node fteikpy 2.4 returns garbage: step off by h / 1000
        station_depth_km = section.top_km + (round(row) + 1e-3) * h
    times = solver.solve((station_depth_km, 0.0), nsweep=2).grid.astype(np.float32)
    if not 0.0 <= times.min() <= times.max() < 1e4:
        raise RuntimeError(
            f"eikonal solver: times from {times.min()} to {times.max()} s for a station at depth {station_depth_km} km; "
            "change spacing_km a little"
        )
    times.setflags(write=False)
    return times


@njit(cache=True, nogil=True)
def lookup(table, row, column):
    """Time and its slopes per row and column, bilinear, at a fractional position; NaN outside. For numba loops."""
    rows, columns = table.shape
    if not (0.0 <= row <= rows - 1 and 0.0 <= column <= columns - 1):
        return np.nan, np.nan, np.nan
    i = min(int(row), rows - 2)
    j = min(int(column), columns - 2)
    u = row - i
    v = column - j
    a, b, c, d = table[i, j], table[i, j + 1], table[i + 1, j], table[i + 1, j + 1]
    down = (c - a) * (1 - v) + (d - b) * v
    across = (b - a) * (1 - u) + (d - c) * u
    return a * (1 - u) * (1 - v) + b * (1 - u) * v + c * u * (1 - v) + d * u * v, down, across


@njit(cache=True, nogil=True)
def _lookup_many(tables, level, row, column, out):
    for k in range(len(row)):
        out[0, k], out[1, k], out[2, k] = lookup(tables[level[k]], row[k], column[k])


@dataclass(frozen=True)
class TravelTimes:
    """Travel times of P and S from any source to every station of a network.

    Attributes:
        stations: the stations table.
        velocity: the velocity table.
        section: the grid all tables share.
        level: for every station the position of its table, shape (stations,).
        tables: for "P" and "S" the times in s, shape (levels, depths, distances), float32.
    """

    stations: pd.DataFrame
    velocity: pd.DataFrame
    section: Section
    level: np.ndarray
    tables: dict[str, np.ndarray]

    @classmethod
    def build(
        cls,
        stations: pd.DataFrame,
        velocity: pd.DataFrame,
        max_distance_km: float,
        max_depth_km: float,
        spacing_km: float | None = None,
    ) -> TravelTimes:
        """Solve the eikonal equation for every station depth.

        Args:
            stations: stations table; depths are ``-elevation_m / 1000``.
            velocity: velocity table.
            max_distance_km: largest epicentral distance that will be asked for.
            max_depth_km: largest source depth below sea level that will be asked for.
            spacing_km: grid spacing; by default 1/500 of the distance, between 0.1 and 0.5 km, coarser where the
                section would have more than four million nodes. Times are good to about 1 % of the spacing over
                the velocity times ten: some ms.
        """
        stations, velocity = conform(stations, "stations"), conform(velocity, "velocity")
        if not len(stations):
            raise ValueError("stations: the table is empty; travel times need at least one station")
        if not (max_distance_km > 0 and np.isfinite(max_distance_km)):
            raise ValueError(f"max_distance_km is {max_distance_km}; give a positive number")
        depth = np.round(-stations["elevation_m"].to_numpy() / 1000.0 / LEVEL_KM) * LEVEL_KM
        if max_depth_km <= depth.max():
            raise ValueError(f"max_depth_km is {max_depth_km}, not below the deepest station at {depth.max():.2f} km")
        levels, level = np.unique(depth, return_inverse=True)
        h = spacing_km or float(np.clip(max_distance_km / 500.0, 0.1, 0.5))
        top = float(levels.min()) - h
        # rays to far stations dive below the sources: keep the model's deeper layers as far as rays can use them
        deepest = float(velocity["depth_km"].max()) + 2.0
        bottom = max(max_depth_km + h, min(deepest, max_depth_km + 0.5 * max_distance_km), 0.25 * max_distance_km)
        h = max(h, float(np.sqrt((bottom - top) * max_distance_km / _MAX_NODES)))
        section = Section(top, bottom, float(max_distance_km), h)
        keep = min(int(np.ceil((max_depth_km - top) / h)) + 1, section.cells[0] + 1)
        tables = {
            phase: np.stack([solve(velocity, z, phase, section)[:keep] for z in levels.tolist()]) for phase in PHASES
        }
        return cls(stations, velocity, section, level.astype(np.int64), tables)

    def index(self, names) -> np.ndarray:
        """Positions of station names in the stations table; KeyError names the first unknown one."""
        positions = pd.Index(self.stations["station"]).get_indexer(list(names))
        if len(positions) and positions.min() < 0:
            raise KeyError(f"station {list(names)[int(positions.argmin())]!r} is not in the stations table")
        return positions

    def times(self, phase: str, station_index, distance_km, depth_km) -> np.ndarray:
        """Travel times in s; arguments broadcast; NaN outside the tables."""
        return self.times_and_slopes(phase, station_index, distance_km, depth_km)[0]

    def times_and_slopes(
        self, phase: str, station_index, distance_km, depth_km
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Travel times in s and their slopes in s/km with distance and with source depth; arguments broadcast."""
        h = self.section.spacing_km
        station, distance, depth = np.broadcast_arrays(
            np.asarray(station_index, np.int64), np.asarray(distance_km, float), np.asarray(depth_km, float)
        )
        row = ((depth - self.section.top_km) / h).ravel()
        out = np.empty((3, row.size))
        _lookup_many(self.tables[phase], self.level[station.ravel()], row, (distance / h).ravel(), out)
        times, down, across = out.reshape(3, *station.shape)
        return times, across / h, down / h

    def incidence_deg(self, phase: str, station_index, distance_km, depth_km) -> np.ndarray:
        """Angle of the ray from the vertical at the station, 0 to 90 degrees (Snell: slowness times velocity)."""
        slowness = self.times_and_slopes(phase, station_index, distance_km, depth_km)[1]
        height = self.stations["elevation_m"].to_numpy()[np.asarray(station_index, np.int64)]
        speed = sample(self.velocity, -height / 1000.0)[PHASES.index(phase)]
        return np.degrees(np.arcsin(np.clip(slowness * speed, 0.0, 1.0)))

    def takeoff_deg(self, phase: str, station_index, distance_km, depth_km) -> np.ndarray:
        """Angle of the ray at the source from the downward vertical: over 90 degrees leaves upwards."""
        _, across, down = self.times_and_slopes(phase, station_index, distance_km, depth_km)
        return np.degrees(np.arctan2(np.maximum(across, 0.0), -down))
