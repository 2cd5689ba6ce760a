"""One interface over the associators: checked tables in, a catalog and an account of every pick out."""

from __future__ import annotations

import logging
import time
import warnings

import numpy as np
import pandas as pd

from ..catalog.tables import Catalog, conform, empty, stable_ids
from ..earth.coordinates import azimuthal_gap, distance_azimuth
from .chunks import Progress, in_windows
from .methods import SETTINGS, check_method, settings_for
from .problem import Problem
from .refine import refine
from .report import Report
from .settings import AssociationSettings

logger = logging.getLogger(__name__)


def associate(
    picks: pd.DataFrame,
    stations: pd.DataFrame,
    velocity: pd.DataFrame,
    method: str = "pyocto",
    settings: AssociationSettings | None = None,
    *,
    chunk_s: float | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    **overrides,
) -> Catalog:
    """Gather picks into events.

    Args:
        picks: picks table; any order, at least station, phase and time.
        stations: stations table, coordinates and elevations complete.
        velocity: velocity table.
        method: "pyocto", "gamma" or "vote".
        settings: how; by default :func:`settings_for` these stations and this velocity model.
        chunk_s: time that one worker takes at once, an hour by default. The result does not depend on it.
        workers: processes. A script that asks for more than one must do so under ``if __name__ == "__main__":``.
        progress: called as work goes on with the number of windows done and of all windows.
        overrides: single settings by name, e.g. ``min_picks=10``.

    Returns:
        A catalog with ``events`` (origin time, hypocenter good to a few km: locate afterwards, rms, gap, counts),
        ``assignments`` (residual, distance, azimuth) and the tables that were given.

    Raises:
        TableError: a table breaks its schema (the message names the row).
        ValueError: unknown method or setting, or settings that this network can never meet.

    Warns:
        UserWarning: picks at stations that the stations table does not hold; they are left aside.
    """
    return associate_with_report(
        picks, stations, velocity, method, settings, chunk_s=chunk_s, workers=workers, progress=progress, **overrides
    )[0]


def associate_with_report(
    picks: pd.DataFrame,
    stations: pd.DataFrame,
    velocity: pd.DataFrame,
    method: str = "pyocto",
    settings: AssociationSettings | None = None,
    *,
    chunk_s: float | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    **overrides,
) -> tuple[Catalog, Report]:
    """As :func:`associate`, and the :class:`Report` of where every pick went."""
    began = time.perf_counter()
    check_method(method)
    picks, stations = conform(picks, "picks"), conform(stations, "stations")
    velocity = conform(velocity, "velocity")
    if not len(velocity):
        raise ValueError("velocity: the table is empty; one row is enough for a half-space")
    if settings is None:
        settings = settings_for(stations, velocity, method, **overrides)
    elif not isinstance(settings, SETTINGS[method]):
        raise ValueError(f"settings are {type(settings).__name__}; method {method!r} needs {SETTINGS[method].__name__}")
    elif overrides:
        settings = settings.with_overrides(**overrides)
    if len(stations) < settings.min_both or 2 * len(stations) < settings.min_picks:
        raise ValueError(
            f"{len(stations)} stations can never give {settings.min_picks} picks with both phases on "
            f"{settings.min_both} stations; lower min_picks or min_both"
        )

    gate = pick_gates(picks, stations, settings)
    offered = picks[gate == "offered"].sort_values(["time", "station", "phase"], kind="stable").reset_index(drop=True)
    turned_down: dict[str, int] = {}
    if len(offered) >= settings.min_picks:
        problem = Problem.build(offered, stations, velocity, settings)
        origins, of_origin, of_pick = in_windows(problem, settings, method, chunk_s, workers, progress)
        origins, of_origin, of_pick, turned_down = refine(problem, origins, of_origin, of_pick, settings)
        events, assignments = _tables(problem, origins, of_origin, of_pick, offered, stations)
    else:
        events, assignments = empty("events"), empty("assignments")

    catalog = Catalog(events=events, assignments=assignments, picks=picks, stations=stations, velocity=velocity)
    report = _report(method, settings, catalog, gate, turned_down, time.perf_counter() - began)
    logger.info("%s", report)
    return catalog, report


_MEANING = {
    "assigned": "belong to an event",
    "left over": "were offered to the associator and fit no event",
    "unknown station": "have no row in the stations table",
    "improbable": "are below min_probability",
    "duplicate": "repeat a more probable pick of the same station and phase within duplicate_s",
}


def pick_gates(picks: pd.DataFrame, stations: pd.DataFrame, settings: AssociationSettings) -> np.ndarray:
    """The gate at which each pick stopped; "offered" if at none."""
    gate = np.full(len(picks), "offered", dtype=object)
    known = picks["station"].isin(stations["station"]).to_numpy()
    gate[~known] = "unknown station"
    if not known.all():
        names = picks.loc[~known, "station"].unique()
        example = "" if not len(stations) else f"; a code of the table is {stations['station'].iloc[0]!r}"
        warnings.warn(
            f"{(~known).sum()} of {len(picks)} picks are at {len(names)} stations without a row in the stations table "
            f"({', '.join(map(repr, names[:5]))}{', ...' if len(names) > 5 else ''}) and are left aside{example}",
            stacklevel=4,
        )
    gate[known & (picks["probability"] < settings.min_probability).to_numpy()] = "improbable"
    if settings.duplicate_s > 0:
        rows = np.flatnonzero(gate == "offered")
        gate[rows[_repeats(picks.iloc[rows], settings.duplicate_s)]] = "duplicate"
    return gate


def _repeats(picks: pd.DataFrame, within_s: float) -> np.ndarray:
    """Which picks follow or precede a more probable one of their station and phase by less than ``within_s``.

    Picks in a chain of such gaps compete, the best first, so that a long chain keeps picks ``within_s`` apart.
    """
    frame = pd.DataFrame(
        {
            "group": picks.groupby(["station", "phase"], sort=False).ngroup().to_numpy(),
            "time": picks["time"].astype("int64").to_numpy(),
            "probability": picks["probability"].fillna(-1.0).to_numpy(),
        }
    )
    order = np.lexsort((frame["time"], frame["group"]))
    time_us, group = frame["time"].to_numpy()[order], frame["group"].to_numpy()[order]
    probability, limit = frame["probability"].to_numpy()[order], round(within_s * 1e6)
    near = (np.diff(time_us) < limit) & (np.diff(group) == 0)
    repeats = np.zeros(len(frame), bool)
    for start, end in _runs(near):
        kept: list[int] = []
        for i in sorted(range(start, end + 1), key=lambda i: (-probability[i], time_us[i], i)):
            if all(abs(time_us[i] - time_us[k]) >= limit for k in kept):
                kept.append(i)
            else:
                repeats[order[i]] = True
    return repeats


def _runs(near: np.ndarray) -> list[tuple[int, int]]:
    """First and last row of every chain of rows whose neighbours are near."""
    edges = np.diff(np.r_[0, near.astype(np.int8), 0])
    return list(zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True))


def _tables(problem, origins, of_origin, of_pick, picks, stations) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Events and assignments tables from refined origins and pairs."""
    latitude, longitude = problem.frame.to_geographic(origins["x_km"], origins["y_km"])
    pairs = pd.DataFrame({"origin": of_origin, "pick": of_pick}).sort_values(["origin", "pick"], kind="stable")
    of_origin, of_pick = pairs["origin"].to_numpy(), pairs["pick"].to_numpy()
    # An event is what its picks are, so that a later location does not change its id.
    pick_ids = picks["pick_id"].to_numpy()[of_pick]
    members = pd.Series(pick_ids).groupby(of_origin).agg(lambda ids: ",".join(map(str, sorted(ids))))
    ids = stable_ids(members)

    station = problem.station[of_pick]
    distance, azimuth = distance_azimuth(
        latitude[of_origin],
        longitude[of_origin],
        stations["latitude"].to_numpy()[station],
        stations["longitude"].to_numpy()[station],
    )
    phase = problem.phase[of_pick]
    residual = problem.time_s[of_pick] - origins["time_s"].to_numpy()[of_origin]
    depth = origins["depth_km"].to_numpy()
    planar = np.hypot(
        problem.x_km[station] - origins["x_km"].to_numpy()[of_origin],
        problem.y_km[station] - origins["y_km"].to_numpy()[of_origin],
    )
    for name in ("P", "S"):
        rows = phase == name
        residual[rows] -= problem.travel_times.times(name, station[rows], planar[rows], depth[of_origin[rows]])
    assignments = pd.DataFrame(
        {
            "event_id": ids[of_origin],
            "pick_id": pick_ids,
            "station": stations["station"].to_numpy()[station],
            "phase": phase.astype(str),
            "residual_s": residual,
            "distance_km": distance,
            "azimuth_deg": azimuth,
        }
    )
    events = pd.DataFrame(
        {
            "event_id": ids,
            "time": problem.start + pd.to_timedelta(np.round(origins["time_s"].to_numpy() * 1e6), unit="us"),
            "latitude": latitude,
            "longitude": longitude,
            "depth_km": depth,
            "rms_s": np.sqrt(pd.Series(residual**2).groupby(of_origin).mean().to_numpy()),
            "azimuthal_gap_deg": pd.Series(azimuth).groupby(of_origin).agg(azimuthal_gap).to_numpy(float),
            "n_p": np.bincount(of_origin[phase == "P"], minlength=len(ids)).astype(float),
            "n_s": np.bincount(of_origin[phase == "S"], minlength=len(ids)).astype(float),
        }
    )
    return conform(events.sort_values("time", kind="stable"), "events"), conform(assignments, "assignments")


def _report(method, settings, catalog: Catalog, gate: np.ndarray, turned_down: dict, seconds: float) -> Report:
    picks = catalog.picks
    assigned = picks["pick_id"].isin(catalog.assignments["pick_id"]).to_numpy()
    end = np.where(assigned, "assigned", np.where(gate == "offered", "left over", gate))
    counts = pd.Series(end).value_counts()
    gates = pd.DataFrame(
        [(name, int(counts.get(name, 0)), meaning) for name, meaning in _MEANING.items()],
        columns=["gate", "picks", "meaning"],
    )
    names = pd.Index(catalog.stations["station"]).union(pd.Index(picks["station"].unique()))
    per_station = pd.DataFrame({"station": names, "known": names.isin(catalog.stations["station"])})
    for column, rows in (("given", slice(None)), ("offered", gate == "offered"), ("assigned", assigned)):
        per_station[column] = names.map(picks.loc[rows, "station"].value_counts()).fillna(0).astype(int)
    rejected = pd.DataFrame([(k, v) for k, v in turned_down.items() if v], columns=["rule", "events"])
    return Report(method, settings, gates, per_station, rejected, len(catalog.events), seconds)
