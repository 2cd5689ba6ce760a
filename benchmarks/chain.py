"""From waveforms to a catalog: how much of the truth, and of a published catalog, the whole chain finds.

    python benchmarks/chain.py [--quick] [--json FILE]

Synthetic: hours of worlds that no setting was chosen on, users' (published) velocity model, packaged weights.
Recall counts true earthquakes and blasts with at least 8 visible arrivals on at least 4 stations;
precision counts a catalog event as right when it matches any true event of any type and size. One to one within 1.5 s
and 10 km. Iceland: examples/iceland.toml as it stands, against QuakeMigrate's events, within 1 s and 2 km.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import pandas as pd
from _common import Figure, mirror, missing, run

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SEEDS = tuple(range(101, 111))  # no setting was chosen on them; the quick run takes the first three
GATES = {"max_dt_s": 1.5, "max_km": 10.0}


def measure(quick: bool) -> dict[str, Figure]:
    with tempfile.TemporaryDirectory() as folder:
        return {**synthetic(Path(folder), SEEDS[:3] if quick else SEEDS), **swarm(SEEDS[0]), **iceland(Path(folder))}


def synthetic(folder: Path, seeds: tuple[int, ...]) -> dict[str, Figure]:
    from course_utils.catalog.matching import match_events
    from course_utils.pipeline.config import Config, read_config
    from course_utils.pipeline.run import run as run_config
    from course_utils.synthetic.world import World

    counts = {"expected": 0, "found": 0, "events": 0, "right": 0}
    each = []
    for seed in seeds:
        config = read_config(EXAMPLES / "synthetic.toml").model_dump(exclude_none=True, exclude={"reference"})
        config["input"]["waveforms"] = f"synthetic:lesson:{seed}"
        out = folder / str(seed)
        run_config(Config.from_dict(config), out)
        events = pd.read_parquet(out / "events.parquet")
        truth = World.lesson(seed=seed).truth
        expected = truth.detectable()
        hits = match_events(events, expected, **GATES)
        right = match_events(events, truth.events, **GATES)
        new = {
            "expected": len(expected),
            "found": len(hits.matched),
            "events": len(events),
            "right": len(right.matched),
        }
        counts = {key: counts[key] + value for key, value in new.items()}
        each.append((seed, new, float(right.matched["distance_km"].median())))
        print(f"seed {seed}: {new}, median epicentral error {each[-1][2]:.2f} km", file=sys.stderr)
    what = f"World.lesson (1 h, 12 stations), seeds {seeds[0]} to {seeds[-1]}, phasenet:synthetic, published velocity"
    worst_recall = min(new["found"] / new["expected"] for _, new, _ in each)
    worst_precision = min(new["right"] / max(new["events"], 1) for _, new, _ in each)
    figures = {
        "synthetic_recall": Figure(
            counts["found"] / counts["expected"], f"{what}: {counts['found']} of {counts['expected']}", "at least 0.95"
        ),
        "synthetic_recall_worst_seed": Figure(worst_recall, what),
        "synthetic_precision": Figure(
            counts["right"] / max(counts["events"], 1),
            f"{what}: {counts['right']} of {counts['events']}",
            "at least 0.95",
        ),
        "synthetic_precision_worst_seed": Figure(worst_precision, what),
        "synthetic_median_km": Figure(sum(km for *_, km in each) / len(each), f"{what}: mean of the medians"),
    }
    return figures


def swarm(seed: int) -> dict[str, Figure]:
    """Thirty earthquakes at one place, two seconds apart: where picks of neighbours overlap at every station."""
    from obspy import Stream

    from course_utils import association, location, picking
    from course_utils.catalog.matching import match_events
    from course_utils.synthetic.world import World

    world = World(preset="lesson", seed=seed, swarm_events=30)
    expected = world.truth.detectable()
    expected = expected[expected["swarm"].to_numpy(bool)]
    begin = expected["time"].min() - pd.Timedelta("60s")
    end = expected["time"].max() + pd.Timedelta("90s")
    records = Stream()
    for station in world.stations["station"]:
        records += world.waveforms(station, begin, end)
    picks = picking.pick(records, "phasenet:synthetic")
    catalog = location.locate(association.associate(picks, world.stations, world.velocity))
    found = match_events(catalog.events, expected, **GATES)
    on = f"World.lesson, seed {seed}, with 30 events 2 s apart: {len(found.matched)} of {len(expected)} expected ones"
    return {"synthetic_swarm_recall": Figure(len(found.matched) / max(len(expected), 1), on)}


def iceland(folder: Path) -> dict[str, Figure]:
    from course_utils.picking import ModelError
    from course_utils.pipeline.config import read_config
    from course_utils.pipeline.run import run as run_config

    goals = {
        "iceland_reference": "",
        "iceland_matched": "at least 18",
        "iceland_unmatched": "at most 5",
        "iceland_median_km": "at most 0.4",
    }
    if mirror("qm-volcanotectonic") is None:
        return {
            key: missing("set COURSE_DATA_MIRROR to a mirror with qm-volcanotectonic", g) for key, g in goals.items()
        }
    try:
        summary = run_config(read_config(EXAMPLES / "iceland.toml"), folder / "iceland")
    except ModelError as error:
        return {key: missing(str(error), goal) for key, goal in goals.items()}
    compared = summary["comparison"]
    values = (compared["expected"], compared["matched"], compared["proposed"], compared["median_km"])
    what = "examples/iceland.toml: 12 stations, 6 min, phasenet:original, within 1 s and 2 km of QuakeMigrate"
    print(json.dumps(compared), file=sys.stderr)
    return {key: Figure(value, what, goals[key]) for key, value in zip(goals, values, strict=True)}


if __name__ == "__main__":
    sys.exit(run("chain", measure))
