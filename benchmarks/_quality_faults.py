"""Faults injected into synthetic records, found by ``course_utils.data.quality``: recall and precision of each kind.

Every station of a world gets each kind of fault in turn, and none; thresholds were chosen on worlds of other seeds. What is found
of another kind, on another channel or at another time is a false alarm of the kind that it claims.
"""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
import pandas as pd
from _common import Figure

from course_utils.data.quality import check_stream
from course_utils.synthetic import World
from course_utils.synthetic.faults import KINDS, inject

SCORED_SEEDS = (7101, 7102, 7103, 7104, 7105, 7106)  # thresholds were chosen on 11 to 14
NEAR = pd.Timedelta("1s")
PICK_ERROR_S = {"P": 0.05, "S": 0.1}


def arrivals_of(world: World) -> pd.DataFrame:
    """What a located catalog of this world would say: true arrivals with reading errors, located in the published model.

    Columns station, phase, time, residual_s, azimuth_deg.
    """
    from course_utils.location import locate

    catalog = world.truth.catalog(min_snr_db=10.0)
    random = np.random.default_rng([world.seed, 34])
    picks = catalog.picks.copy()
    error = random.standard_t(4, len(picks)) * picks["phase"].map(PICK_ERROR_S)
    picks["time"] = picks["time"] + pd.to_timedelta(error, unit="s").dt.round("us")
    located = locate(catalog.replace(picks=picks))
    rows = located.assignments[["pick_id", "station", "phase", "residual_s", "azimuth_deg"]]
    return rows.merge(picks[["pick_id", "time"]], on="pick_id").drop(columns="pick_id")


def shifted(arrivals: pd.DataFrame, truth: pd.DataFrame, start: pd.Timestamp) -> pd.DataFrame:
    """Arrivals as they are read on records with a wrong clock or rate: late by the clock's error, or not recognised at all."""
    late, wrong = truth[truth["kind"] == "clock"], truth[truth["kind"] == "rate"]
    out = arrivals.copy()
    here = out["time"] >= start
    for row in late.itertuples():
        mine = here & (out["station"] == row.station)
        out.loc[mine, "time"] += pd.Timedelta(row.size, "s")
        out.loc[mine, "residual_s"] += row.size
    return out[~(here & out["station"].isin(wrong["station"]))]


def compare(truth: pd.DataFrame, found: pd.DataFrame, known: pd.DataFrame) -> Counter:
    """Counts (kind, "hit" | "missed" | "false") of one stream.

    ``known`` are spikes and steps that the world's own noise holds: finding them is neither right nor wrong.
    """
    counts: Counter = Counter()
    used: set[int] = set()
    for row in truth.itertuples():
        same = found[
            (found["kind"] == row.kind)
            & ((found["channel"] == row.channel) | (found["channel"] == "*") | (row.channel == "*"))
            & (found["start"] <= row.end + NEAR)
            & (found["end"] >= row.start - NEAR)
        ]
        if row.kind in ("spike", "step"):
            same = same[(same["start"] - row.start).abs() <= NEAR]
        counts[row.kind, "hit" if len(same) else "missed"] += 1
        used |= set(same.index)
    for row in found.drop(index=list(used)).itertuples():
        if (
            row.kind in ("spike", "step")
            and ((known["start"] - NEAR <= row.end) & (known["end"] + NEAR >= row.start)).any()
        ):
            continue
        counts[row.kind, "false"] += 1
    return counts


def score_world(seed: int, hours: float = 2.0, echo: bool = False) -> Counter:
    """Counts over all stations and kinds of a world; the hour before the last is where a station's usual residuals come from."""
    world = World.lesson(seed=seed, hours=hours)
    arrivals = arrivals_of(world)
    start = world.end - pd.Timedelta("1h")
    noise = world.truth.transients
    total: Counter = Counter()
    for station in world.stations["station"]:
        clean = world.waveforms(station, start, world.end)
        known = noise[(noise["station"] == station) & noise["kind"].isin(("spike", "step", "calibration"))]
        for kind in (None, *KINDS):
            faulty, truth = inject(clean, station, seed, kinds=() if kind is None else (kind,))
            heard = shifted(arrivals, truth, start)
            found = check_stream(faulty, inventory=world.inventory, arrivals=heard).faults
            counts = compare(truth, found, known)
            total += counts
            if kind == "rate":  # what is left without metadata: the band code, and the rest of the day
                found = check_stream(faulty).faults
                total["rate without inventory", "hit" if (found["kind"] == "rate").any() else "missed"] += 1
            if echo and any(what != "hit" for _, what in counts):
                print(seed, station, kind, dict(counts), file=sys.stderr)
                print(truth.drop(columns="station").to_string(), "\n", found.to_string(), file=sys.stderr)
    return total


def faults(quick: bool) -> dict[str, Figure]:
    seeds = SCORED_SEEDS[:1] if quick else SCORED_SEEDS
    total: Counter = Counter()
    for seed in seeds:
        total += score_world(seed)
        print(f"faults of world {seed} scored", file=sys.stderr)
    where = f"{len(seeds)} worlds of other seeds than the thresholds, 12 stations, an hour each; catalog located in the published model"
    figures, recalls, precisions = {}, {}, {}
    for kind in KINDS:
        hit, missed, false = (total[kind, what] for what in ("hit", "missed", "false"))
        recalls[kind], precisions[kind] = hit / (hit + missed), hit / max(hit + false, 1)
        figures[f"fault_recall_{kind}"] = Figure(recalls[kind], f"{hit + missed} faults of {where}")
        figures[f"fault_precision_{kind}"] = Figure(
            precisions[kind], f"{hit + false} findings on the same records, 11 versions of each"
        )
    lowest = [min(values, key=values.get) for values in (recalls, precisions)]
    hit, missed = (total["rate without inventory", what] for what in ("hit", "missed"))
    return {
        "fault_recall": Figure(recalls[lowest[0]], f"the lowest of ten kinds: {lowest[0]}", "at least 0.9"),
        "fault_precision": Figure(precisions[lowest[1]], f"the lowest of ten kinds: {lowest[1]}", "at least 0.8"),
        **figures,
        "fault_recall_rate_without_inventory": Figure(hit / (hit + missed), "the same, by the band code alone"),
    }
