"""The picker against SeisBench on one GPU, variants in turn in one process: python benchmarks/picking_gpu.py [--quick] [--json FILE]

Every figure is missing on a machine without a GPU. The data are those of benchmarks/picking.py, in memory; end to end is
``course pick`` on a folder of MiniSEED with processes that read for the one that picks.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from _common import Figure, in_turn, missing, run
from picking import both_ways, continuous, load

DAYS = 16
GOALS = {"phasenet": ("at most 20", "at least 30"), "eqtransformer": ("", "")}


def measure(quick: bool) -> dict[str, Figure]:
    import torch

    if not torch.cuda.is_available():
        return {"gpu_phasenet_station_day_ms": missing("torch sees no GPU", GOALS["phasenet"][0])}
    card, days = torch.cuda.get_device_name(), 4 if quick else DAYS
    figures = {}
    for name in ("phasenet",) if quick else ("phasenet", "eqtransformer"):
        figures |= in_memory(name, card, days, 1 if quick else 3)
    return figures | end_to_end(card, days)


def in_memory(name: str, card: str, days: int, repeats: int) -> dict[str, Figure]:
    """Milliseconds of a station-day, SeisBench's time over ours, and what half precision changes."""
    from course_utils import picking

    model, said = load(f"{name}:original")
    stream, many = continuous(24), [station(k) for k in range(days)]
    works = {
        "one": lambda: picking.pick(stream, model, device="cuda"),
        "many": lambda: picking.pick(iter(many), model, device="cuda"),
        "half": lambda: picking.pick(iter(many), model, device="cuda", precision="half"),
    }
    network = load(f"{name}:original")[0].cuda()
    theirs = {
        f"batch {size}": lambda size=size: network.classify(stream, batch_size=size)
        for size in ((256, 1024) if repeats == 1 else (256, 1024, 4096))
    }
    spent = in_turn(works, 3) | in_turn(theirs, repeats, warm_up=repeats > 1)
    best = min(theirs, key=spent.get)
    totals = works["many"]().attrs["report"]["totals"]
    day, ratio = GOALS[name]
    on = f"{card}, {said}, 3 x 100 Hz in memory"
    figures = {
        f"gpu_{name}_station_day_ms": Figure(1000 * spent["many"] / days, f"{on}, {days} station-days in a row", day),
        f"gpu_{name}_single_day_ms": Figure(1000 * spent["one"], f"{on}, one station-day by itself"),
        f"gpu_{name}_half_station_day_ms": Figure(1000 * spent["half"] / days, f"{on}, {days} station-days, float16"),
        f"gpu_{name}_vs_seisbench_default": Figure(
            spent["batch 256"] / (spent["many"] / days), f"{on}, classify of SeisBench as it comes", ratio
        ),
        f"gpu_{name}_vs_seisbench_tuned": Figure(spent[best] / (spent["many"] / days), f"{on}, classify, {best}"),
    }
    for step in ("prepare", "model", "peaks", "measure"):
        figures[f"gpu_{name}_{step}_ms"] = Figure(1000 * totals[f"{step}_s"] / days, f"{on}, of a station-day")
    ours, listed = works["one"](), network.classify(stream).picks
    a = [(p.trace_id, p.phase, p.peak_time.timestamp) for p in listed]
    figures[f"gpu_{name}_picks_within_one_sample"] = Figure(
        both_ways(a, as_tuples(ours)) / max(1, len(a) + len(ours)), f"{len(a)} and {len(ours)} picks, {on}", "1"
    )
    single, half = works["many"](), works["half"]()
    found = both_ways(as_tuples(single), as_tuples(half)) / max(1, len(single) + len(half))
    figures[f"gpu_{name}_half_moves"] = Figure(
        1 - found, f"share of {len(single)} picks without one of float16 within a sample, {on}"
    )
    return figures


def as_tuples(picks) -> list[tuple]:
    return list(zip(picks["station"], picks["phase"], picks["time"].astype("int64") / 1e6, strict=True))


def station(number: int):
    """The day of benchmarks/picking.py under another name."""
    stream = continuous(24) if number == 0 else station.first.copy()
    if number == 0:
        station.first = stream
    for trace in stream:
        trace.stats.station = f"D{number:03d}"
    return stream


def end_to_end(card: str, days: int) -> dict[str, Figure]:
    """``course pick`` from MiniSEED files, reading in as many processes as there are cores."""
    from course_utils.pipeline.cli import main

    readers = min(16, os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(2 * days):
            for trace in station(number % days).copy():
                trace.stats.station = f"D{number:03d}"
                file = Path(folder) / "archive" / f"{trace.id}.mseed"
                file.parent.mkdir(exist_ok=True)
                trace.write(str(file), format="MSEED", encoding="STEIM2")
        began = time.perf_counter()
        arguments = ["pick", str(Path(folder) / "archive"), "--out", str(Path(folder) / "picks")]
        model = "phasenet:original" if "random" not in load("phasenet:original")[1] else "phasenet:synthetic"
        try:
            main([*arguments, "--model", model, "--device", "cuda", "--readers", str(readers)])
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"course pick ended with {end.code}") from end
        spent = time.perf_counter() - began
    on = f"{card}, {2 * days} station-days of MiniSEED (Steim2), {readers} reading processes, start-up included"
    return {"gpu_end_to_end_station_days_per_s": Figure(2 * days / spent, on)}


if __name__ == "__main__":
    sys.exit(run("picking_gpu", measure))
