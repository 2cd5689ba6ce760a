"""Consensus of several pickers: picks of one arrival become one pick, with the number of models that made it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from course_utils.catalog import tables

TIMES = ("mean", "median", "best")


def consensus(
    picks: pd.DataFrame | Iterable[pd.DataFrame] | Mapping[object, pd.DataFrame],
    *,
    required: int = 2,
    tolerance_s: float = 0.3,
    time: str = "mean",
    of: int | None = None,
) -> pd.DataFrame:
    """Picks that at least ``required`` models agree on, per station, channel and phase.

    The most probable pick that is still free gathers, of every other model, the free pick nearest to it within
    ``tolerance_s``; and so on with the next. So every pick is used once, all picks of a group lie within ``tolerance_s``
    of its most probable one (a chain of close picks stays apart), and a model has one voice in a group. A model here is
    what the columns model and weights name. The order of the rows does not matter.

    Args:
        picks: a picks table, or several (such as what :func:`course_utils.picking.pick_many` gives for one set of
            thresholds). Each model must have worked on the same data.
        required: models that a group needs to become a pick; 1 keeps all that any model found.
        tolerance_s: see above, in seconds.
        time: "mean" of the group's times weighted by probability, "median" in the same way, or "best", the time of the
            most probable pick. Picks without a probability (STA/LTA) have a voice, but move the time only where no
            pick of the group has one.
        of: how many models there are. None counts those in ``picks``, or the tables if they are more (one may be
            without rows), so it must be given where a single table may lack the picks of a quiet model.

    Returns:
        schemas.PICKS with model "consensus" and two more columns. ``n_models`` says how many agree, ``spread_s`` is the
        latest minus the earliest time of the group. ``probability`` is the sum over the group divided by the number of
        models; a model that is silent counts as 0, which ranks picks better than the mean of those
        that speak. Amplitude and SNR are those of the most probable pick.

    Raises:
        TableError: not a picks table, or one pick twice (the same model with two sets of thresholds, say).
        ValueError: an argument that cannot be.

    Combines picks, which is cheaper than, and not the same as, combining probabilities over time as Yuan et al. (2023,
    doi:10.1109/TGRS.2023.3320148) do.
    """
    if time not in TIMES:
        raise ValueError(f"time is {time!r}; use one of {', '.join(TIMES)}")
    if not tolerance_s >= 0:
        raise ValueError(f"tolerance_s is {tolerance_s}; give seconds from 0")
    parts = []
    if not isinstance(picks, pd.DataFrame):
        parts = list(picks.values() if isinstance(picks, Mapping) else picks)
        picks = pd.concat([p for p in parts if len(p)] or [tables.empty("picks")], ignore_index=True)
    frame = tables.conform(picks, "picks")
    voters = frame.groupby(["model", "weights"], dropna=False, sort=True).ngroup().to_numpy()
    counted = len(np.unique(voters))
    n_models = max(counted, len(parts)) if of is None else of
    if n_models < counted:
        raise ValueError(f"of is {of} but picks holds {counted} models")
    if required < 1 or (n_models and required > n_models):
        raise ValueError(f"required is {required} of {n_models} models; give 1 to {max(n_models, 1)}")
    # strongest first; what follows only makes the order of equals independent of that of the rows
    micro = frame["time"].astype("int64").to_numpy()
    strength = frame["probability"].fillna(0).to_numpy()
    order = np.lexsort((frame["pick_id"].to_numpy(), voters, micro, -strength))
    frame, voters, micro = frame.iloc[order].reset_index(drop=True), voters[order], micro[order]
    group = np.full(len(frame), -1)
    for rows in frame.groupby(["station", "channel", "phase"], dropna=False).indices.values():
        group[rows] = rows[_gather(micro[rows], voters[rows], round(tolerance_s * 1e6))]
    found = _merge(frame, micro, group, n_models, time)
    found = found[found["n_models"] >= required].drop(columns="pick_id")
    found = found.assign(model="consensus", weights=f"{required} of {n_models} models within {tolerance_s:g} s")
    found = found.drop_duplicates(["station", "channel", "phase", "time"])
    return tables.conform(found.sort_values(["time", "station", "channel", "phase"], ignore_index=True), "picks")


def _gather(times: np.ndarray, voters: np.ndarray, tolerance: int) -> np.ndarray:
    """For each pick, strongest first: the position of the pick whose group it is in."""
    by_time = np.argsort(times, kind="stable")
    ordered = times[by_time]
    begins = np.searchsorted(ordered, times - tolerance, side="left")
    ends = np.searchsorted(ordered, times + tolerance, side="right")
    owner = np.full(len(times), -1)
    owner[ends - begins == 1] = np.flatnonzero(ends - begins == 1)
    for seed in range(len(times)):
        if owner[seed] >= 0:
            continue
        owner[seed] = seed
        nearest: dict[int, int] = {}
        for other in by_time[begins[seed] : ends[seed]]:
            if owner[other] < 0 and voters[other] != voters[seed]:
                known = nearest.setdefault(voters[other], other)
                if abs(times[other] - times[seed]) < abs(times[known] - times[seed]):
                    nearest[voters[other]] = other
        owner[list(nearest.values())] = seed
    return owner


def _merge(frame: pd.DataFrame, micro: np.ndarray, group: np.ndarray, n_models: int, time: str) -> pd.DataFrame:
    """One row per group: the row of its strongest pick, with the time, probability and counts of the group."""
    order = np.lexsort((np.arange(len(frame)), micro, group))
    seeds = np.unique(group)
    best = frame.iloc[seeds].reset_index(drop=True)
    if not len(seeds):
        return best.assign(n_models=pd.Series(dtype="int64"), spread_s=pd.Series(dtype="float64"))
    group = group[order]
    late = micro[order] - micro[group]  # microseconds after the strongest pick: small numbers lose nothing
    begins = np.flatnonzero(np.diff(group, prepend=-1))
    counts = np.diff(begins, append=len(group))
    probability = frame["probability"].to_numpy()[order]
    weight = np.nan_to_num(probability)
    total = np.add.reduceat(weight, begins)
    weight = np.where(np.repeat(total, counts) > 0, weight, 1.0)
    total = np.add.reduceat(weight, begins)
    shift = np.zeros(len(seeds))
    if time == "mean":
        shift = np.add.reduceat(weight * late, begins) / total
    elif time == "median":  # the first time at which half of the weight is reached
        reached = np.cumsum(weight) - np.repeat(np.cumsum(weight)[begins] - weight[begins], counts)
        half = np.flatnonzero(reached >= 0.5 * np.repeat(total, counts) * (1 - 1e-9))
        shift = late[half[np.searchsorted(half, begins)]]
    known = np.add.reduceat(~np.isnan(probability), begins) > 0
    summed = np.add.reduceat(np.nan_to_num(probability), begins) / n_models
    return best.assign(
        time=pd.to_datetime(micro[seeds] + np.rint(shift).astype(np.int64), unit="us", utc=True),
        probability=np.where(known, np.clip(summed, 0, 1), np.nan),
        n_models=counts,
        spread_s=(np.maximum.reduceat(late, begins) - np.minimum.reduceat(late, begins)) / 1e6,
    )
