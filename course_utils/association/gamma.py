"""GaMMA behind the common interface: association as a mixture of events, each a cloud of picks around its moveout.

GaMMA (Zhu et al. 2022, JGR Solid Earth 127, doi:10.1029/2021JB023249) groups picks by DBSCAN in time and space and
fits a Gaussian mixture to each group. Its two steps are called here with arrays of our own: ``gamma.utils.association``
would parse the times again, drop picks of stations with a missing value without a word, number events in two ways and
write a folder into the working directory, and its result would differ from run to run.
"""

from __future__ import annotations

import contextlib
import os
import threading
import warnings

import numpy as np
import pandas as pd
from pydantic import Field

from .problem import Problem
from .settings import AssociationSettings, Geometry

_DIMENSIONS = ["x(km)", "y(km)", "z(km)"]
_EPOCH_S = 1e6  # GaMMA returns dates: keep them after 1970


class GammaSettings(AssociationSettings):
    """Settings of GaMMA (Zhu et al. 2022, doi:10.1029/2021JB023249) on top of the shared ones."""

    dbscan_eps_s: float = Field(
        gt=0,
        description="Picks closer than this in time plus P time between their stations go into one group. One event "
        "falls into pieces, or far stations miss it: raise it. Takes for ever, as a whole day becomes one group: lower it.",
    )
    dbscan_min_samples: int = Field(
        ge=1,
        description="Sum of probabilities within dbscan_eps_s that makes a pick the core of a group. Groups of noise: "
        "raise it. Events with improbable picks are missing: lower it.",
    )
    dbscan_min_cluster_size: int = Field(
        ge=1, description="Groups of more picks that last long are split. Slow: lower it. Events cut in two: raise it."
    )
    oversample_factor: int = Field(
        ge=1,
        description="Mixture components per event that the busiest station could have seen. Events missing in a dense "
        "sequence: raise it. Slow: lower it.",
    )
    max_residual_s: float = Field(
        gt=0,
        description="GaMMA's max_sigma11: picks that lie farther from their component's moveout leave it. Whole events "
        "are missing: raise it. Events of noise: lower it.",
    )
    use_amplitude: bool = Field(
        description="Whether amplitudes (in m/s, of every pick) must fit a magnitude, too. Events of noise: try it."
    )
    max_amplitude_residual: float = Field(
        gt=0,
        description="GaMMA's max_sigma22: largest misfit of log10 amplitude. Large events are missing: raise it.",
    )
    seed: int = Field(ge=0, description="Of the random start. If another seed changes much, the result is uncertain.")

    @classmethod
    def _choose(cls, choose, network: Geometry) -> None:
        choose("dbscan_eps_s", round(_eps_s(network), 1))
        choose("dbscan_min_samples", 3)
        choose("dbscan_min_cluster_size", 500)
        choose("oversample_factor", 5)
        choose("max_residual_s", round(2 * (0.15 + 0.03 * network.s_time_s), 2))
        choose("use_amplitude", False)
        choose("max_amplitude_residual", 1.0)
        choose("seed", 0)
        choose("slice_s", 1200.0)
        choose("time_before_s", round(1.2 * network.s_time_s + 2.0, 1))


def _eps_s(network: Geometry) -> float:
    """GaMMA's rule: the P time between neighbours, with two standard deviations, times 1.5."""
    distance = np.hypot(network.x_km[:, None] - network.x_km, network.y_km[:, None] - network.y_km)
    distance[distance < 0.05] = np.inf  # a station is no neighbour of itself, nor are two sensors in one vault
    nearest = distance.min(axis=1)
    nearest = nearest[np.isfinite(nearest)] if np.isfinite(nearest).any() else np.ones(1)
    return 1.5 * float(nearest.mean() + 2 * nearest.std()) / network.p_speed_km_s


def associate_gamma(problem: Problem, settings: GammaSettings) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Preliminary origins, and which picks they are made of.

    Raises:
        ValueError: ``use_amplitude`` is set, and a pick has no amplitude in m/s.

    Returns:
        origins (time_s, x_km, y_km, depth_km), and the pairs as positions of origins and positions of picks.
    """
    from gamma import utils

    if "gamma" not in problem.kept:
        problem.kept["gamma"] = _eikonal(problem)
    depth, table = problem.kept["gamma"]
    locations = np.column_stack([problem.x_km, problem.y_km, depth])[problem.station]
    phase = np.char.lower(problem.phase.astype("U1"))
    weight = problem.probability[:, None]
    data = problem.time_s[:, None]
    if settings.use_amplitude:
        missing = ~(problem.amplitude_m_s > 0)
        if missing.any():
            raise ValueError(
                f"use_amplitude: {missing.sum()} of {len(missing)} picks have no amplitude in m/s; leave it off"
            )
        data = np.column_stack([data, np.log10(problem.amplitude_m_s * 100)])
    # GaMMA wants velocities even when it has a table: they scale distance to time in the grouping.
    fastest = {k: table[f"u{k}"].reshape(table["nr"], -1)[1:].min(axis=1) for k in "ps"}
    speed = {k: float(np.median(table["rgrid"][1:] / fastest[k])) for k in "ps"}
    west, east, south, north = problem.limits_km(settings.margin_km)
    limits = ((west, east), (south, north), (settings.min_depth_km, settings.max_depth_km))
    config = {
        "dims": _DIMENSIONS,
        **dict(zip(_DIMENSIONS, limits, strict=True)),
        "bfgs_bounds": (*limits, (None, None)),
        "use_amplitude": settings.use_amplitude,
        "oversample_factor": settings.oversample_factor,
        "min_picks_per_eq": settings.min_picks,
        "min_p_picks_per_eq": settings.min_p_picks,
        "min_s_picks_per_eq": settings.min_s_picks,
        "max_sigma11": settings.max_residual_s,
        "max_sigma22": settings.max_amplitude_residual,
        "eikonal": table,
    }
    names = np.char.add(problem.station.astype(str), phase)
    origins, of_origin, of_pick = [], [], []
    with _quiet():
        labels = utils.hierarchical_dbscan_clustering(
            problem.time_s[:, None],
            locations,
            phase,
            weight,
            speed,
            eps=settings.dbscan_eps_s,
            min_samples=settings.dbscan_min_samples,
            min_cluster_size=settings.dbscan_min_cluster_size,
        )
        order = np.argsort(labels, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
            if labels[rows[0]] < 0 or len(rows) < settings.min_picks:
                continue
            # Each group starts afresh: times from its first pick, the same random numbers.
            np.random.seed(settings.seed)  # noqa: NPY002 - it draws from the global state
            start = problem.time_s[rows[0]]
            part = data[rows].copy()
            part[:, 0] -= start
            events, members = utils.associate(
                0,
                np.zeros(len(rows)),
                part,
                locations[rows],
                phase[rows],
                weight[rows],
                rows,
                names[rows],
                config,
                _EPOCH_S,
                speed,
                "BGMM",  # its "GMM" fails at once with an AttributeError in 1.2.17
                len(origins) - 1,
            )
            for event in events:
                seconds = pd.Timestamp(event["time"], tz="UTC").timestamp() - _EPOCH_S + start
                origins.append((seconds, *(event[name] for name in _DIMENSIONS)))
            of_pick += [pick for pick, _, _ in members]
            of_origin += [event for _, event, _ in members]
    return (
        pd.DataFrame(origins, columns=["time_s", "x_km", "y_km", "depth_km"], dtype=float),
        np.asarray(of_origin, np.int64),
        np.asarray(of_pick, np.int64),
    )


def _eikonal(problem: Problem) -> tuple[np.ndarray, dict]:
    """Depths of the stations, and the table of a station of middle depth as GaMMA keeps its own.

    GaMMA knows one table and counts depth from each station: exact for this one, good to some hundredths of a second
    elsewhere unless elevations differ by kilometres; the refinement then uses the table of each station.
    """
    times, depth = problem.travel_times, -problem.travel_times.stations["elevation_m"].to_numpy() / 1000.0
    middle = int(np.argsort(depth)[len(depth) // 2])
    h = times.section.spacing_km
    p, s = (times.tables[phase][times.level[middle]].T.astype(float) for phase in ("P", "S"))
    table = {
        "h": h,
        "nr": p.shape[0],
        "nz": p.shape[1],
        "rgrid": np.arange(p.shape[0]) * h,
        "zgrid": times.section.top_km + np.arange(p.shape[1]) * h - depth[middle],
    }
    for name, values in (("p", p), ("s", s)):
        table[f"u{name}"] = values.ravel()
        table[f"grad_u{name}"] = np.array([g.ravel() for g in np.gradient(values, h)])
    return depth, table


_ALONE = threading.Lock()  # what follows belongs to the whole process


@contextlib.contextmanager
def _quiet():
    """Without GaMMA's prints and progress bars, on one core, and with NumPy's global random state given back."""
    import joblib
    from threadpoolctl import threadpool_limits

    _ALONE.acquire()
    state = np.random.get_state()  # noqa: NPY002
    try:
        with (
            open(os.devnull, "w") as nowhere,
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(nowhere),
            warnings.catch_warnings(),
            joblib.parallel_config(backend="sequential"),
            threadpool_limits(
                1
            ),  # its many tiny minimisations take ten times as long when BLAS threads wait for each other
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
        _ALONE.release()
