"""Faults injected into synthetic records, found by ``course_utils.data.quality``: recall and precision of each kind.

Every station of a world gets each kind of fault in turn, and none; thresholds were chosen on worlds of other seeds. What is found
of another kind, on another channel or at another time is a false alarm of the kind that it claims.
"""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
import pandas as pd
from _common import Figure, mirror

from course_utils.data.quality import check_archive, check_stream
from course_utils.synthetic import World
from course_utils.synthetic.faults import KINDS, inject

SCORED_SEEDS = (7201, 7202, 7203, 7204)  # thresholds were chosen on 11 to 13
NEAR = pd.Timedelta("1s")
REAL = ("malmi-coseismiq", "qm-volcanotectonic", "elep-mount-st-helens", "easyquake-o2-wilz", "pnw-classification")
PICK_ERROR_S = {"P": 0.05, "S": 0.1}


def arrivals_of(world: World) -> pd.DataFrame:
    """What a located catalog of this world would say: true arrivals with reading errors, located in the published model.

    Columns event_id, station, phase, time, residual_s, azimuth_deg.
    """
    from course_utils.location import locate

    catalog = world.truth.catalog()
    random = np.random.default_rng([world.seed, 34])
    picks = catalog.picks.copy()
    error = random.standard_t(4, len(picks)) * picks["phase"].map(PICK_ERROR_S)
    picks["time"] = picks["time"] + pd.to_timedelta(error, unit="s").dt.round("us")
    located = locate(catalog.replace(picks=picks))
    rows = located.assignments[["pick_id", "event_id", "station", "phase", "residual_s", "azimuth_deg"]]
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


def stamped(times: pd.Series, truth: pd.DataFrame, start: pd.Timestamp) -> pd.Series:
    """When a record with a wrong clock or rate says that something happened."""
    for row in truth.itertuples():
        if row.kind == "clock":
            times = times + pd.Timedelta(row.size, "s")
        elif row.kind == "rate":
            times = start + (times - start) * (float(row.unit.split()[-1]) / row.size)
    return times


def compare(truth: pd.DataFrame, found: pd.DataFrame, known: pd.DataFrame, judged: set[str]) -> Counter:
    """Counts (kind, "hit" | "missed" | "not judged" | "false") of one stream.

    Args:
        known: spikes and steps that the world's own noise holds (kind, start, end): to find them is neither right nor wrong.
        judged: what the arrivals can tell of the faultless record (``orientation_judged``).
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
        used |= set(same.index)
        if row.kind in ("swapped", "flipped"):
            letters = {row.channel[-1], *(row.unit[-1] if row.kind == "swapped" else "")}
            which = "".join(letters) if row.kind == "flipped" else "ZNE" if "Z" in letters else "NE"
            counts[row.kind, "could not be judged"] += which not in judged
            counts[row.kind, "hit, or could not be judged"] += bool(len(same)) or which not in judged
        counts[row.kind, "hit" if len(same) else "missed"] += 1
    for row in found.drop(index=list(used)).itertuples():
        at = (known["start"] - NEAR <= row.start) & (known["end"] + NEAR >= row.start)
        if not (row.kind in ("spike", "step") and at.any()):
            counts[row.kind, "false"] += 1
    return counts


def score_world(seed: int, echo: bool = False) -> Counter:
    """Counts over all stations and kinds of a world of 3.5 hours.

    Orientation is judged on the last three hours, as it takes many events; all other faults lie in the last hour, and the hours
    before are where a station's usual residuals come from.
    """
    world = World.lesson(seed=seed, hours=3.5)
    arrivals = arrivals_of(world)
    start = world.end - pd.Timedelta("1h")
    noise = world.truth.transients
    noise = noise[noise["kind"].isin(("spike", "step", "calibration"))]
    total: Counter = Counter()
    for station in world.stations["station"]:
        whole = world.waveforms(station, world.end - pd.Timedelta("3h"), world.end)
        last = whole.slice(whole[0].stats.starttime + 7200)
        judged: set[str] = set()
        for kind in (None, *KINDS):
            clean = whole if kind in (None, "swapped", "flipped") else last
            faulty, truth = inject(clean, station, seed, kinds=() if kind is None else (kind,))
            heard, known = shifted(arrivals, truth, start), noise[noise["station"] == station]
            known = known.assign(**{c: stamped(known[c], truth, start) for c in ("start", "end")})
            checked = check_stream(faulty, inventory=world.inventory, arrivals=heard)
            if kind is None:
                judged = set(checked.metrics["orientation_judged"].iloc[0].split(","))
            counts = compare(truth, checked.faults, known, judged)
            total += counts
            if kind == "rate":  # what is left without metadata: the band code
                found = check_stream(faulty).faults
                total["rate without inventory", "hit" if (found["kind"] == "rate").any() else "missed"] += 1
            if echo and any(what in ("missed", "false") for _, what in counts):
                print(seed, station, kind, dict(counts), judged, file=sys.stderr)
                print(truth.drop(columns="station").to_string(), "\n", checked.faults.to_string(), file=sys.stderr)
    return total


def real_archives() -> dict[str, Figure]:
    """How much is flagged in real archives, apart from gaps (most of them hold windows of events); nothing was tuned on them."""
    from course_utils.data import read_waveforms

    figures = {}
    for name in REAL:
        folder = mirror(name)
        if folder is None:
            continue
        metrics, found, _ = check_archive(read_waveforms(folder))
        found = found[found["kind"] != "gap"]
        channels = found.groupby(["station", "channel"]).ngroups
        kinds = ", ".join(f"{n} {kind}" for kind, n in found["kind"].value_counts().items()) or "nothing"
        text = f"share of {metrics.groupby(['station', 'channel']).ngroups} channels of {name} with faults other than gaps: {kinds}"
        key = f"flagged_{name.replace('-', '_')}"
        figures[key] = Figure(channels / metrics.groupby(["station", "channel"]).ngroups, text)
    return figures


def faults(quick: bool) -> dict[str, Figure]:
    """Recall and precision of each kind, and the lowest of both."""
    seeds = SCORED_SEEDS[:1] if quick else SCORED_SEEDS
    total: Counter = Counter()
    for seed in seeds:
        total += score_world(seed)
        print(f"faults of world {seed} scored", file=sys.stderr)
    where = f"{len(seeds)} worlds of other seeds than the thresholds, 12 stations, an hour each (three for orientation)"
    figures, recalls, precisions = {}, {}, {}
    for kind in KINDS:
        hit, missed, false, blind = (total[kind, what] for what in ("hit", "missed", "false", "could not be judged"))
        count = hit + missed
        recalls[kind] = hit / count
        figures[f"fault_recall_{kind}"] = Figure(recalls[kind], f"{count} faults, {where}")
        if kind in ("swapped", "flipped"):
            among = total[kind, "hit, or could not be judged"] - blind
            text = f"{count - blind} of them, which the azimuths of these events can show"
            figures[f"fault_recall_{kind}_judged"] = Figure(among / (count - blind), text)
        precisions[kind] = hit / max(hit + false, 1)
        figures[f"fault_precision_{kind}"] = Figure(
            precisions[kind], f"{hit + false} findings on the same records, 11 versions each"
        )
    recall, precision = (min(values, key=values.get) for values in (recalls, precisions))
    hit, missed = (total["rate without inventory", what] for what in ("hit", "missed"))
    return {
        "fault_recall": Figure(recalls[recall], f"the lowest of ten kinds: {recall}", "at least 0.9"),
        "fault_precision": Figure(precisions[precision], f"the lowest of ten kinds: {precision}", "at least 0.8"),
        **figures,
        "fault_recall_rate_without_inventory": Figure(hit / (hit + missed), "the same, by the band code alone"),
        **real_archives(),
    }
