"""Associators under stress: event rate, noise, timing error, outages and dense aftershocks, and real picks.

    python benchmarks/association.py [--quick] [--json FILE] [--store]

Picks are drawn with exact truth in media that differ from the published model that every method is given. PyOcto and
the vote are tuned by random search with the same number of trials on two seeds; five others decide. Processor time is
that of the whole call, in turn in one process on one thread, with the travel-time tables at hand. ``--store`` writes the
table that lesson 22 shows. What needs real data (COURSE_DATA_MIRROR) is missing without it.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from _association_picks import PickSet, Scenario, draw
from _association_run import draw_settings
from _association_run import measure as associate
from _common import Figure, mirror, missing, run

from course_utils.association import score

TUNING_SEEDS, SEEDS = (101, 102), (61, 62, 63, 64, 65)
MIN_PICKS = 8  # a true event with fewer picks need not be found
METHODS = ("pyocto", "vote")
BASE = Scenario(events_per_day=1000, hours=0.5)
AFTERSHOCKS = Scenario(events_per_day=1000, hours=0.5, aftershocks=True)
SCENARIOS = {
    "100 events a day": replace(BASE, events_per_day=100, hours=3),
    "1000 events a day": replace(BASE, hours=2),
    "5000 events a day": replace(BASE, events_per_day=5000, hours=0.25),
    "no noise": replace(BASE, noise=0.0),
    "noise 100 %": replace(BASE, noise=1.0),
    "noise 300 %": replace(BASE, noise=3.0),
    "errors 0.05 s": replace(BASE, error_s=0.05),
    "errors 0.2 s": replace(BASE, error_s=0.2),
    "outages": replace(BASE, outage=0.4),
    "aftershocks": AFTERSHOCKS,
}
TUNING = (
    BASE,
    replace(BASE, events_per_day=5000, hours=0.1),
    replace(BASE, noise=3.0, hours=0.25),
    AFTERSHOCKS,
)
# on these the processor time is compared: long enough that fixed costs do not count
BUSY = {
    "1000 events a day": replace(BASE, hours=12),
    "5000 events a day": replace(BASE, events_per_day=5000, hours=1),
}
_TABLE: list[pd.DataFrame] = []


def row(method: str, how: str, picks: PickSet, tuned: dict, **more) -> dict:
    """Scores and cost of one method on one pick set."""
    done = associate(method, picks.picks, picks.stations, picks.velocity, tuned)
    got = score(done.catalog.assignments, picks.truth, picks.n_noise, min_picks=MIN_PICKS)
    return {
        "method": method,
        "settings": how,
        **more,
        "event_f1": got.event_f1,
        "pick_f1": got.pick_f1,
        "event_recall": got.event_recall,
        "event_precision": got.event_precision,
        "cpu_s": done.cpu_s,
        "events": got.n_reference,
        "picks": len(picks.picks),
    }


def tune(trials: int) -> dict[str, dict]:
    """Best of ``trials`` settings of each method, by the mean of event and pick F1; the first trial are the defaults."""
    sets = [draw(scenario, seed) for seed in TUNING_SEEDS for scenario in TUNING]
    best = {}
    for method in METHODS:
        rng = np.random.default_rng(2022)
        tried = [{}, *(draw_settings(method, rng) for _ in range(trials - 1))]
        scores = []
        for i, tuned in enumerate(tried):
            rows = pd.DataFrame([row(method, "tuning", s, tuned) for s in sets])
            scores.append(float(rows[["event_f1", "pick_f1"]].mean().mean()))
            print(
                f"tuning {method} {i}: F1 {scores[-1]:.4f}, {rows['cpu_s'].sum():.1f} s {tuned}",
                file=sys.stderr,
                flush=True,
            )
        best[method] = tried[int(np.argmax(scores))]
    return best


def stress(best: dict[str, dict], names, seeds) -> pd.DataFrame:
    """One row per scenario, seed, method and settings; GaMMA at up to 100 events a day alone."""
    rows = []
    for name in names:
        for seed in seeds:
            picks = draw(SCENARIOS[name], seed)
            for method in METHODS:
                for how, tuned in (("default", {}), ("tuned", best[method])):
                    rows.append(row(method, how, picks, tuned, scenario=name, seed=seed))
            if SCENARIOS[name].events_per_day <= 100:
                rows.append(row("gamma", "default", picks, {}, scenario=name, seed=seed))
        part = pd.DataFrame(rows).query("scenario == @name")
        summary = part.groupby(["method", "settings"])[["event_f1", "pick_f1", "cpu_s"]].mean().round(4)
        print(name, summary.to_string(), sep="\n", file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def figures_of(table: pd.DataFrame, best: dict[str, dict], trials: int) -> dict[str, Figure]:
    """Means over seeds; the ratio of processor times; on how many pick sets the vote is no worse."""
    where = f"{table['scenario'].nunique()} scenarios x {table['seed'].nunique()} seeds"
    tuned = table[(table["settings"] == "tuned")]
    figures = {}
    for method in METHODS:
        for how, tail in (("tuned", ""), ("default", "_default")):
            mean = table[(table["method"] == method) & (table["settings"] == how)][["event_f1", "pick_f1"]].mean()
            text = f"{where}, {how}" + (f", best of {trials} trials on two other seeds" if how == "tuned" else "")
            figures[f"f1_event_{method}{tail}"] = Figure(mean["event_f1"], text)
            figures[f"f1_pick_{method}{tail}"] = Figure(mean["pick_f1"], text)
    gamma = table[table["method"] == "gamma"]
    if len(gamma):
        same = tuned[tuned["scenario"].isin(gamma["scenario"])]
        figures["f1_event_gamma"] = Figure(gamma["event_f1"].mean(), "100 events a day, default settings")
        figures["f1_pick_gamma"] = Figure(gamma["pick_f1"].mean(), "100 events a day, default settings")
        slower = gamma["cpu_s"].sum() / same[same["method"] == "pyocto"]["cpu_s"].sum()
        figures["gamma_vs_pyocto_cpu"] = Figure(slower, "100 events a day: processor time of GaMMA over PyOcto's")
    default = table[table["settings"] == "default"]
    vote_as_is = default[default["method"] == "vote"]
    mixed = pd.concat([tuned[tuned["method"] == "pyocto"], vote_as_is])
    for how, rows in (("tuned", tuned), ("default", default), ("default_to_tuned", mixed)):
        wide = rows.pivot_table(index="seed", columns="method", values=["event_f1", "pick_f1"])
        for value in ("event_f1", "pick_f1"):
            count = int((wide[value, "vote"] >= wide[value, "pyocto"]).sum())
            key = f"vote_no_worse_{value}_{how}"
            figures[key] = Figure(
                count,
                f"seeds of {len(wide)} on which the vote's mean is no smaller than PyOcto's, {how.replace('_', ' ')}",
                "all",
            )
    return figures


def busy(best: dict[str, dict], quick: bool) -> dict[str, Figure]:
    """Processor time of both methods, tuned, on long pick sets."""
    figures, ratios = {}, []
    for name, scenario in BUSY.items():
        picks = draw(replace(scenario, hours=scenario.hours / (4 if quick else 1)), 6)
        cost = {method: row(method, "tuned", picks, best[method]) for method in METHODS}
        ratios.append(cost["pyocto"]["cpu_s"] / cost["vote"]["cpu_s"])
        for method, done in cost.items():
            key = f"cpu_s_{method}_{scenario.events_per_day:.0f}"
            text = f"{name} for {scenario.hours / (4 if quick else 1):g} h, {done['picks']} picks, tuned"
            figures[key] = Figure(done["cpu_s"], text)
            print(key, done, file=sys.stderr, flush=True)
    text = f"PyOcto's processor time over the vote's, tuned: the smaller ratio of {' and '.join(BUSY)}"
    return {"vote_vs_pyocto_cpu": Figure(min(ratios), text, "at least 10")} | figures


def peak_mb(method: str, picks: PickSet) -> float:
    """How far one association raises the resident memory of a process (Linux), in MB; of a new one, since what was freed
    before stays with a process and would be used again unseen."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_raise_mb, method, picks).result()


def _raise_mb(method: str, picks: PickSet) -> float:

    def status(key: str) -> float:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024

    associate(method, picks.picks.iloc[:200], picks.stations, picks.velocity, {})
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    associate(method, picks.picks, picks.stations, picks.velocity, {})
    return status("VmHWM") - before


def chunked(picks: PickSet) -> float:
    """Least share of events that are identical when a worker takes half an hour at once instead of three, by method."""
    shares = []
    for method in METHODS:
        whole, parts = (
            associate(method, picks.picks, picks.stations, picks.velocity, {}, chunk_s=seconds, workers=workers).catalog
            for seconds, workers in ((None, 1), (1800.0, 2))
        )
        shares.append(len(whole.events.merge(parts.events)) / max(len(whole.events), len(parts.events)))
    return min(shares)


def real(best: dict[str, dict], quick: bool) -> dict[str, Figure]:
    import _association_real as sets

    figures = {}
    for method in METHODS:
        for how, tuned in (("default", {}), ("tuned", best[method])):
            tail = f"_{method}" + ("_tuned" if how == "tuned" else "")
            if mirror("pyocto-picks"):
                _, got = sets.pyocto_picks(method, tuned)
                key = "pyocto_picks_events" if (method, how) == ("pyocto", "default") else f"pyocto_picks_events{tail}"
                figures[key] = Figure(len(got.pairs), f"of 50 events, pyocto-picks, {method}, {how}", "50")
                figures[f"pyocto_picks_recall{tail}"] = Figure(
                    got.pick_recall, f"their picks, {method}, {how}", "at least 0.97"
                )
                figures[f"pyocto_picks_noise{tail}"] = Figure(
                    got.noise_assigned, f"noise picks taken, {method}, {how}", "at most 0.05"
                )
            else:
                figures["pyocto_picks_events"] = missing("no pyocto-picks in COURSE_DATA_MIRROR", "50")
            if mirror("qm-volcanotectonic"):
                _, found = sets.iceland(method, tuned)
                figures[f"iceland_events{tail}"] = Figure(
                    len(found.matched), f"of 20 automatic events, {len(found.proposed)} others, {method}, {how}"
                )
            if mirror("location-benchmark-yu"):
                for gap in (20.0, 5.0):
                    done, got = sets.squeezed(method, tuned, 40, gap)
                    name = f"yu_{gap:g}_s".replace(".", "_")
                    text = f"location-benchmark-yu, origins {gap:g} s apart, {method}, {how}"
                    figures[f"{name}_f1_event{tail}"] = Figure(got.event_f1, text)
                    figures[f"{name}_f1_pick{tail}"] = Figure(got.pick_f1, text)
                    figures[f"{name}_cpu_s{tail}"] = Figure(done.cpu_s, text)
            if quick:
                continue
            if mirror("ai-pal-ridgecrest") and mirror("comcat-reviewed"):
                done, found = sets.ridgecrest(method, tuned, "2019-07-04")
                text = f"ai-pal-ridgecrest, 4 July 2019, {method}, {how}"
                figures[f"ridgecrest_events{tail}"] = Figure(len(done.catalog.events), text + "; PAL: 408")
                figures[f"ridgecrest_matched{tail}"] = Figure(len(found.matched), text + ", in ComCat; PAL: 364")
                figures[f"ridgecrest_cpu_s{tail}"] = Figure(done.cpu_s, text)
            if mirror("real-demo"):
                done = sets.italy(method, tuned, 0.5)
                text = f"real-demo, first half hour, no truth, {method}, {how}"
                figures[f"italy_events{tail}"] = Figure(len(done.catalog.events), text)
                figures[f"italy_picks{tail}"] = Figure(len(done.catalog.assignments), text)
                figures[f"italy_rms_s{tail}"] = Figure(done.catalog.events["rms_s"].median(), text)
                figures[f"italy_cpu_s{tail}"] = Figure(done.cpu_s, text)
    if not quick and mirror("real-demo"):
        for method, tuned in (("vote", {}), ("pyocto", best["pyocto"])):  # PyOcto's defaults take hours
            done = sets.italy(method, tuned, 24)
            text = f"real-demo, the whole day of {len(done.catalog.picks)} picks, {method}" + (
                ", tuned" if tuned else ""
            )
            figures[f"italy_day_events_{method}"] = Figure(len(done.catalog.events), text)
            figures[f"italy_day_picks_{method}"] = Figure(len(done.catalog.assignments), text)
            figures[f"italy_day_cpu_s_{method}"] = Figure(done.cpu_s, text)
    return figures


def measure(quick: bool) -> dict[str, Figure]:
    trials = 2 if quick else 16
    best = tune(trials)
    names = ["100 events a day", "1000 events a day", "5000 events a day", "aftershocks"] if quick else list(SCENARIOS)
    table = stress(best, names, SEEDS[:1] if quick else SEEDS)
    _TABLE.append(table)
    figures = figures_of(table, best, trials) | busy(best, quick)
    day = draw(replace(BASE, events_per_day=5000, hours=0.5), 6)
    for method in METHODS:
        figures[f"memory_mb_{method}"] = Figure(
            peak_mb(method, day), f"above what was there, {len(day.picks)} picks at 5000 events a day"
        )
    figures["chunked_identical"] = Figure(
        chunked(draw(replace(BASE, hours=1), 7)),
        "1000 events a day: two workers, half an hour each, against one process",
        "at least 0.995",
    )
    return figures | real(best, quick)


def main(argv: list[str]) -> int:
    rest = [a for a in argv if a != "--store"]
    code = run("association", measure, rest)
    if "--store" in argv:
        from course_utils.teaching.stored import keep

        os.environ["COURSE_GOLDEN"] = "write"
        keep("lesson22_stress", _TABLE[-1], data="benchmarks/association.py, synthetic picks")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
