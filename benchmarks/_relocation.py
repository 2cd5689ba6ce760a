"""Relocation for the benchmark of location: official examples, halves of the picks, and the solver against scipy's lsmr."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import scipy.sparse as sp
from _common import Figure, mirror, missing
from scipy.sparse.linalg import lsmr
from scipy.spatial import cKDTree

from course_utils import location
from course_utils.catalog.tables import Catalog
from course_utils.earth import LocalFrame
from course_utils.location.relative_solve import Links, System, weighted_rms

_DAMPING, _TOLERANCE = 0.01, 1e-6


def problem(n_events: int, seed: int = 0, neighbours: int = 10, per_pair: int = 50, n_stations: int = 60):
    """Clustered events with random observations of their neighbours: links, slopes, residuals and weights."""
    rng = np.random.default_rng(seed)
    clusters = max(n_events // 200, 1)
    centre = rng.uniform(0, 100, (clusters, 3)) * [1, 1, 0.15]
    place = centre[rng.integers(0, clusters, n_events)] + rng.normal(0, 1, (n_events, 3))
    stations = np.column_stack([rng.uniform(-20, 120, (n_stations, 2)), np.zeros(n_stations)])
    near = cKDTree(place).query(place, neighbours + 1)[1][:, 1:]
    pairs = np.sort(np.column_stack([np.repeat(np.arange(n_events), neighbours), near.ravel()]), axis=1)
    pairs = np.unique(pairs, axis=0)
    seen = np.argsort(rng.random((len(pairs), 2 * n_stations)), axis=1)[:, :per_pair].ravel()
    first, second = np.repeat(pairs, per_pair, axis=0).T
    n = len(first)
    links = Links.build(first, second, seen // 2, seen % 2, np.zeros(n), np.ones(n), np.zeros(n, bool), n_stations)
    ray = place[links.event] - stations[links.station]
    slope = ray / (np.linalg.norm(ray, axis=1) * np.where(links.code == 0, 6.0, 3.46))[:, None]
    true = rng.normal(0, 0.3, (n_events, 4)) * [1, 1, 1, 0.05]
    return links, slope, _predicted(links, slope, true) + rng.normal(0, 0.01, n), np.exp(rng.normal(-0.5, 0.5, n))


def _predicted(links: Links, slope, step) -> np.ndarray:
    i, j = links.pair[links.pair_of_link].T
    left = (slope[links.left] * step[i, :3]).sum(axis=1) + step[i, 3]
    return left - (slope[links.right] * step[j, :3]).sum(axis=1) - step[j, 3]


def _rows(links: Links, slope, weight, n_events: int):
    """The same problem as a sparse matrix of one row per link, columns scaled so that Marquardt damping becomes plain."""
    pair = links.pair[links.pair_of_link]
    values = np.ones((len(weight), 8))
    values[:, :3], values[:, 4:7], values[:, 7] = slope[links.left], -slope[links.right], -1.0
    values *= weight[:, None]
    columns = np.concatenate([4 * pair[:, side, None] + np.arange(4, dtype=np.int32) for side in (0, 1)], axis=1)
    scale = np.sqrt(_DAMPING * np.bincount(columns.ravel(), weights=values.ravel() ** 2, minlength=4 * n_events))
    values /= scale[columns]
    start = np.arange(0, 8 * len(weight) + 1, 8, dtype=np.int32)
    return sp.csr_array((values.ravel(), columns.ravel(), start), shape=(len(weight), 4 * n_events)), scale


def solver(n_events: int) -> dict[str, Figure]:
    """Processor time and memory of one reweighted step, condensed and by lsmr, at the same residual."""
    links, slope, residual, weight = problem(n_events)

    def condensed():
        system = System.blank(links, n_events)
        return system.fill(links, slope, residual, weight, _DAMPING, np.zeros(n_events, np.int64), False).solve(
            _TOLERANCE
        )[0]

    def by_rows():
        matrix, scale = _rows(links, slope, weight, n_events)
        found = lsmr(matrix, weight * residual, damp=1.0, atol=_TOLERANCE, btol=_TOLERANCE, maxiter=1000)[0]
        return (found / scale).reshape(-1, 4)

    seconds: dict[str, list[float]] = {"condensed": [], "lsmr": []}
    rms = {}
    condensed()
    for _ in range(3):
        for name, work in (("condensed", condensed), ("lsmr", by_rows)):
            begin = time.process_time()
            step = work()
            seconds[name].append(time.process_time() - begin)
            rms[name] = weighted_rms(residual - _predicted(links, slope, step), weight)
    matrix, _ = _rows(links, slope, weight, n_events)
    held = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
    peak = {}
    for name, work in (
        ("condensed", condensed),
        ("lsmr", lambda: lsmr(matrix, weight * residual, damp=1.0, atol=_TOLERANCE, btol=_TOLERANCE, maxiter=5)),
    ):
        tracemalloc.start()
        work()
        peak[name] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    where = f"{n_events} events, {len(links.pair)} pairs, {len(weight)} links, one core, assembly included"
    return {
        "solve_vs_lsmr": Figure(np.median(seconds["lsmr"]) / np.median(seconds["condensed"]), where, "at least 10"),
        "solve_s": Figure(float(np.median(seconds["condensed"])), where),
        "solve_memory_vs_lsmr": Figure(
            peak["condensed"] / (held + peak["lsmr"]), where + "; its finished matrix", "at most 0.1"
        ),
        "solve_residual_vs_lsmr": Figure(rms["condensed"] / rms["lsmr"], where, "1.000"),
    }


def _places(events, ids) -> np.ndarray:
    events = events.set_index("event_id").loc[ids]
    frame = LocalFrame(float(events["latitude"].mean()), float(events["longitude"].mean()))
    return np.column_stack([*frame.to_xy_km(events["latitude"], events["longitude"]), events["depth_km"]])


def shape_km(events, reference) -> float:
    """Root mean square distance in km to reference hypocenters, each set around its mean."""
    ids = reference["event_id"]
    a, b = (_places(e, ids) for e in (events, reference))
    return float(np.sqrt((((a - a.mean(axis=0)) - (b - b.mean(axis=0))) ** 2).sum(axis=1).mean()))


def thickness_km(events) -> float:
    """Standard deviation across the plane that fits the hypocenters best."""
    place = _places(events, events["event_id"])
    return float(np.linalg.svd(place - place.mean(axis=0))[1][-1] / np.sqrt(len(place)))


def hypodd() -> dict[str, Figure]:
    """HypoDD's examples with the weights of the official run."""
    goals = {
        "hypodd1_cc_rms_s": "at most 0.0047",
        "hypodd1_links_kept": "at least 0.93",
        "hypodd1_to_official_km": "at most 0.02",
        "hypodd1_thickness_km": "official: 0.229 -> 0.007",
        "hypodd4_shape_km": "at most 0.01",
    }
    if not mirror("hypodd-examples"):
        return {key: missing("no hypodd-examples in COURSE_DATA_MIRROR", goal) for key, goal in goals.items()}
    from course_utils import data

    opened = data.open("hypodd-examples")
    run = location.run_relocation(opened.catalog, opened.differences, stages=opened.stages)
    cc, live = run.problem.links.cc, run.problem.weight > 0
    four = opened.example4
    found = location.relocate(four["catalog"], four["differences"])
    values = {
        "hypodd1_cc_rms_s": weighted_rms(run.problem.residual[cc], run.problem.weight[cc]),
        "hypodd1_links_kept": float(live.mean()),
        "hypodd1_to_official_km": shape_km(run.catalog.events, opened.relocated),
        "hypodd1_thickness_km": thickness_km(run.catalog.events),
        "hypodd4_shape_km": shape_km(found.events, four["truth"]),
    }
    where = {
        "1": "16 events, links and weights of the official run",
        "4": "21 synthetic events, rms to the truth, means removed",
    }
    return {key: Figure(values[key], f"hypodd-examples {key[6]}: {where[key[6]]}", goal) for key, goal in goals.items()}


def correlation() -> dict[str, Figure]:
    """Cross-correlation: FDTCC's four differential times, and the time for all pairs of a hundred events."""
    from repeating_records import errors_s, records

    catalog, stream, truth = records(n_events=100, n_stations=20, noise=0.05)
    location.correlate(records(n_events=3)[0], stream)
    begin = time.process_time()
    links = location.correlate(catalog, stream, max_km=20.0).links
    where = f"100 synthetic repeaters x 20 stations, P and S, all pairs ({len(links)} links), 100 Hz, CPU"
    out = {
        "correlate_100_events_s": Figure(time.process_time() - begin, where, "at most 60"),
        "correlate_median_error_ms": Figure(1000 * float(np.median(np.abs(errors_s(links, truth)))), where),
    }
    goal = "4 of 4"
    if not mirror("fdtcc-ridgecrest"):
        return out | {"fdtcc_within_one_sample": missing("no fdtcc-ridgecrest in COURSE_DATA_MIRROR", goal)}
    from course_utils import data

    opened = data.open("fdtcc-ridgecrest")
    theirs = opened.differences[opened.differences["kind"] == "cc"]
    both = theirs.merge(
        location.correlate(opened.catalog, opened.waveforms).links,
        on=["event_id_1", "event_id_2", "station", "phase"],
        suffixes=("_fdtcc", ""),
    )
    near = int(((both["dt_s"] - both["dt_s_fdtcc"]).abs() <= 0.01).sum())
    return out | {"fdtcc_within_one_sample": Figure(near, f"fdtcc-ridgecrest, {len(theirs)} differential times", goal)}


def halves(catalog: Catalog) -> dict[str, Figure]:
    """Separations of event pairs from two disjoint halves of the stations' phases: how far apart the two answers are."""
    pairs = catalog.assignments
    spots = (pairs["station"] + pairs["phase"]).to_numpy()
    drawn = np.random.default_rng(0).permutation(np.unique(spots))[::2]
    found: dict[str, list[np.ndarray]] = {"before": [], "after": []}
    ids = catalog.events["event_id"]
    for mine in (np.isin(spots, drawn), ~np.isin(spots, drawn)):
        rows = pairs[mine]
        half = catalog.replace(assignments=rows, picks=catalog.picks[catalog.picks["pick_id"].isin(rows["pick_id"])])
        located = location.locate(half, merge=False)
        found["before"].append(_places(located.events, ids))
        found["after"].append(_places(location.relocate(located).events, ids))
    near = cKDTree(_places(catalog.events, ids)).query_pairs(2.0, output_type="ndarray")
    out = {}
    for name, (a, b) in found.items():
        apart = (a[near[:, 0]] - a[near[:, 1]]) - (b[near[:, 0]] - b[near[:, 1]])
        out[f"yu_halves_{name}_km"] = Figure(
            float(np.median(np.linalg.norm(apart, axis=1))),
            f"location-benchmark-yu, {len(ids)} events, {len(near)} pairs within 2 km: median difference of separations",
        )
    return out
