"""PyOcto behind the common interface: association by space-time partitioning, with our own travel times.

PyOcto (Münchmeyer 2024, Seismica 3, doi:10.26443/seismica.v3i1.1130) fails silently on much bad input; the
problem it gets here has been checked. Every station has a table of its own, in which its elevation is exact:
PyOcto's correction by a surface velocity assumes that rays leave vertically.
"""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field

from ..earth.traveltime import TravelTimes
from .problem import Problem
from .settings import AssociationSettings, Geometry


class PyOctoSettings(AssociationSettings):
    """Settings of PyOcto (Münchmeyer 2024, doi:10.26443/seismica.v3i1.1130) on top of the shared ones."""

    cutoff_km: float = Field(
        gt=0,
        description="Only stations up to this distance form an event; farther picks join it afterwards. Runs for "
        "hours, or far noise joins into events: lower it. Events in sparse parts of the network are missing: raise it.",
    )
    model_tolerance_s: float = Field(
        gt=0,
        description="How far times may be off while an event is sought: picking error, velocity model and half a cell. "
        "Whole events are missing: raise it. Slow, or events of noise: lower it.",
    )
    node_km: float = Field(
        gt=0,
        description="Cell size at which the search stops and an event is made. Slow: raise it. Events missing in a "
        "dense sequence: lower it.",
    )
    location_node_km: float = Field(gt=0, description="Cell size of the preliminary location.")
    min_station_fraction: float = Field(
        ge=0,
        le=1,
        description="Share of the nearer stations that must have picks before a farther one may join. Noise on distant "
        "stations joins: raise it. Many stations were down: lower it.",
    )

    @classmethod
    def _choose(cls, choose, network: Geometry) -> None:
        tolerance = choose("model_tolerance_s", round(0.15 + 0.03 * network.s_time_s, 2))
        node = choose("node_km", round(tolerance * network.p_speed_km_s, 1))
        choose("location_node_km", round(node / 10, 2))
        before = choose("time_before_s", round(1.2 * network.s_time_s + 2.0, 1))
        # whole parts of an hour, so that every hour and every day has the same windows
        choose("slice_s", next(s for s in (300.0, 600.0, 900.0, 1200.0) if s >= min(10 * before, 1200.0)))
        choose("min_station_fraction", 0.25)


def associate_pyocto(problem: Problem, settings: PyOctoSettings) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Preliminary origins, and which picks they are made of.

    Returns:
        origins (time_s, x_km, y_km, depth_km), and the pairs as positions of origins and positions of picks.
    """
    import pyocto

    west, east, south, north = problem.limits_km(settings.margin_km)
    if "pyocto" not in problem.kept:
        problem.kept["pyocto"] = _stations_and_model(problem, settings)
    stations, model = problem.kept["pyocto"]
    associator = pyocto.OctoAssociator(
        xlim=(west, east),
        ylim=(south, north),
        zlim=(settings.min_depth_km, settings.max_depth_km),
        velocity_model=model,
        time_before=settings.time_before_s,
        min_node_size=settings.node_km,
        min_node_size_location=settings.location_node_km,
        pick_match_tolerance=settings.pick_tolerance_s,
        # PyOcto compares neighbours in time wherever they are; ours looks at place too, afterwards.
        min_interevent_time=0.0,
        max_pick_overlap=min(4, settings.min_picks // 2),
        n_picks=settings.min_picks,
        n_p_picks=settings.min_p_picks,
        n_s_picks=settings.min_s_picks,
        n_p_and_s_picks=settings.min_both,
        min_pick_fraction=settings.min_station_fraction,
        # The slices of PyOcto begin at the first pick, whatever that is; ours are fixed: this is one of them.
        time_slicing=problem.time_s[-1] - problem.time_s[0] + 2 * settings.time_before_s,
        n_threads=1,
    )
    picks = pd.DataFrame(
        {
            "station": stations["id"].to_numpy()[problem.station],
            "phase": problem.phase,
            "time": problem.time_s.astype(np.float64),
        }
    )
    found, members = associator.associate(picks, stations)
    if not len(found):
        return pd.DataFrame(columns=["time_s", "x_km", "y_km", "depth_km"], dtype=float), *(np.zeros((2, 0), np.int64))
    origins = found.rename(columns={"time": "time_s", "x": "x_km", "y": "y_km", "z": "depth_km"})
    return (
        origins[["time_s", "x_km", "y_km", "depth_km"]],
        members["event_idx"].to_numpy(np.int64),
        members["pick_idx"].to_numpy(np.int64),
    )


def _stations_and_model(problem: Problem, settings: PyOctoSettings) -> tuple[pd.DataFrame, object]:
    """PyOcto's stations table, and its velocity model, read from files once and kept in memory."""
    import pyocto

    class Kept(pyocto.StationSpecificVelocityModel1D):
        made = None

        def to_cpp(self, stations):
            if self.made is None:
                self.made = super().to_cpp(stations)
            return self.made

    names = [str(i) for i in range(len(problem.x_km))]
    stations = pd.DataFrame(
        {"id": names, "x": problem.x_km, "y": problem.y_km, "z": float(problem.travel_times.section.top_km)}
    )
    with tempfile.TemporaryDirectory(prefix="association-") as folder:
        write_tables(problem.travel_times, Path(folder))
        model = Kept(folder, tolerance=settings.model_tolerance_s, association_cutoff_distance=settings.cutoff_km)
        model.to_cpp(pyocto.OctoAssociator._convert_stations(stations))
    return stations, model


def write_tables(travel_times: TravelTimes, folder: Path) -> None:
    """Travel times as PyOcto's station-specific files ``0.pyocto``, ``1.pyocto``, ... in ``folder``.

    A file holds two 32-bit integers (nodes in distance nx, in depth nz), the spacing in km as a double, then
    P and S times as doubles, depth running fastest. PyOcto puts node ``n_padding`` at the station's depth; we
    give all stations the depth of the section's top and no padding, so that the node above is node 0 and each
    table keeps its station at its true elevation, wherever that lies between nodes.
    """
    (folder / "n_padding").write_bytes(struct.pack("i", 0))
    for i, level in enumerate(travel_times.level):
        depths, distances = travel_times.tables["P"][level].shape
        with open(folder / f"{i}.pyocto", "wb") as file:
            file.write(struct.pack("iid", distances, depths, travel_times.section.spacing_km))
            for phase in ("P", "S"):
                file.write(np.ascontiguousarray(travel_times.tables[phase][level].T, dtype="<f8").tobytes())
