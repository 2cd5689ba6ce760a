"""Grades of events against truth: automatic catalogs of the synthetic Earth with faults, of seeds that nothing was learned or chosen
on; and what grades say of real catalogs.

No real catalog has a truth of its own. Stand-ins: faults put into real picks (Ridgecrest, PAL), whether another catalog has the
event (the same against ComCat, which lacks small real events; the Icelandic example against QuakeMigrate), and an analyst's labels of
detections without picks (Rutford).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from _common import Figure, mirror, missing

from course_utils import data
from course_utils.catalog.matching import match_events
from course_utils.catalog.quality import GRADES, grade
from course_utils.catalog.store import read_catalog
from course_utils.catalog.tables import Catalog
from course_utils.location import locate
from course_utils.pipeline.faulty_catalog import faulty_catalog
from course_utils.synthetic.catalog_faults import KINDS, inject

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SCORED_SEEDS = (34101, 34102, 34103, 34104, 34105, 34106)  # learned on 34001 to 34012
N_EVENTS = 300


def auc(right, score) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(np.asarray(right, bool), np.asarray(score, float)))


def rank(grades: pd.Series) -> pd.Series:
    """Grades as numbers, A the largest."""
    return -grades.map(GRADES.index)


def calibration_error(right: np.ndarray, probability: np.ndarray) -> float:
    """Mean distance of predicted from observed share over ten bins of equal width, weighted by events (Naeini et al. 2015)."""
    bins = np.minimum((probability * 10).astype(int), 9)
    table = pd.DataFrame({"bin": bins, "right": right, "p": probability}).groupby("bin")
    return float((table.size() * (table["right"].mean() - table["p"].mean()).abs()).sum() / len(bins))


def graded_catalog(quick: bool) -> dict[str, Figure]:
    return {**synthetic(SCORED_SEEDS[:2] if quick else SCORED_SEEDS), **ridgecrest(quick), **iceland(), **rutford()}


def synthetic(seeds: tuple[int, ...]) -> dict[str, Figure]:
    parts = []
    for seed in seeds:
        made = faulty_catalog(seed, N_EVENTS)
        graded = grade(made.catalog)[1].merge(made.truth_labels, on="event_id")
        parts.append(graded)
        print(f"catalog {seed}: AUC {auc(graded['good'], graded['quality_probability']):.3f}", file=sys.stderr)
    table = pd.concat(parts, ignore_index=True)
    print(pd.crosstab(table["kind"], table["grade"]).reindex(KINDS).to_string(), file=sys.stderr)
    good, learned = table["good"].to_numpy(), table["quality_probability"].to_numpy()
    rules = rank(table["grade"]).to_numpy()
    where = f"{len(table)} events of {len(seeds)} catalogs with faults, {good.mean():.0%} good, seeds never used"
    low, high = table["grade"].isin(["C", "D"]), table["grade"].isin(["A", "B"])
    figures = {
        "qc_auc": Figure(auc(good, learned), where, "at least 0.95"),
        "qc_auc_rules": Figure(auc(good, rules), where),
        "qc_auc_picks": Figure(auc(good, table["n_p"] + table["n_s"]), f"number of picks alone, {where}"),
        "qc_calibration_error": Figure(calibration_error(good, learned), where, "at most 0.05"),
        "qc_good_in_ab": Figure(float(high[good].mean()), f"share of good events with grade A or B, {where}"),
        "qc_bad_in_cd": Figure(float(low[~good].mean()), f"share of bad events with grade C or D, {where}"),
    }
    for kind in KINDS[1:]:
        mine = table["kind"].isin(["good", kind]).to_numpy()
        n = int((table["kind"] == kind).sum())
        figures[f"qc_auc_{kind}"] = Figure(auc(good[mine], learned[mine]), f"{n} of them against the good ones")
    return figures


def ridgecrest(quick: bool) -> dict[str, Figure]:
    keys = ["qc_auc_real_picks", "qc_auc_real_picks_rules"]
    keys += ["qc_auc_comcat", "qc_auc_comcat_rules", "qc_auc_comcat_picks"]
    if mirror("ai-pal-ridgecrest") is None or mirror("comcat-reviewed") is None:
        reason = "set COURSE_DATA_MIRROR to a mirror with ai-pal-ridgecrest and comcat-reviewed"
        return {key: missing(reason) for key in keys}
    pal = data.open("ai-pal-ridgecrest")
    events = pal.events[pal.events["time"] < pd.Timestamp("2019-07-06", tz="UTC")] if quick else pal.events
    mine = pal.assignments[pal.assignments["event_id"].isin(events["event_id"])]
    catalog = Catalog(events, mine, pal.picks, pal.stations, pal.velocity)

    own = mine[["pick_id", "event_id"]].drop_duplicates("pick_id").set_index("pick_id")["event_id"]
    owner = pal.picks["pick_id"].map(own).fillna(-1)
    origin = pal.picks[["pick_id"]].assign(true_event_id=owner.astype("int64"), source="pal")
    spoiled = inject(catalog, origin, seed=34201)
    found = grade(locate(spoiled.catalog, merge=False))[1].merge(spoiled.plan, on="event_id")
    found = found[found["planned"] != "magnitude"]  # the set has no amplitudes
    found["right"] = found["planned"] == "good"
    for kind, each in found.groupby("planned"):
        if kind != "good":
            pair = pd.concat([each, found[found["right"]]])
            print(f"real picks, {kind}: AUC {auc(pair['right'], pair['quality_probability']):.3f}", file=sys.stderr)

    graded = grade(catalog)[1]
    window = data.open("comcat-reviewed").events
    window = window[window["time"].between(events["time"].min(), events["time"].max())]
    seen = graded["event_id"].isin(match_events(events, window, max_dt_s=3, max_km=25).matched["event_id"])
    where = f"{len(found)} events of PAL at Ridgecrest, {1 - found['right'].mean():.0%} spoiled, located; others count as good"
    matched = (
        f"{len(graded)} events of PAL, {seen.mean():.0%} in ComCat within 3 s and 25 km; no residuals, no amplitudes"
    )
    values = [auc(found["right"], found["quality_probability"]), auc(found["right"], rank(found["grade"]))]
    values += [auc(seen, graded["quality_probability"]), auc(seen, rank(graded["grade"]))]
    values += [auc(seen, graded["n_p"] + graded["n_s"])]
    texts = [where, where, matched, matched, f"number of picks alone, {matched}"]
    return {key: Figure(value, text) for key, value, text in zip(keys, values, texts, strict=True)}


def iceland() -> dict[str, Figure]:
    from course_utils.picking import ModelError
    from course_utils.pipeline.config import Config, read_config
    from course_utils.pipeline.run import run as run_config

    key = "qc_auc_iceland"
    if mirror("qm-volcanotectonic") is None:
        return {key: missing("set COURSE_DATA_MIRROR to a mirror with qm-volcanotectonic")}
    config = read_config(EXAMPLES / "iceland.toml").model_dump(exclude_none=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            run_config(Config.from_dict(config | {"grade": {}}), Path(folder))
        except ModelError as error:
            return {key: missing(str(error))}
        events = read_catalog(folder).events
    reference = data.open("qm-volcanotectonic").events
    seen = events["event_id"].isin(match_events(events, reference, max_dt_s=1, max_km=2).matched["event_id"])
    where = f"{len(events)} events of examples/iceland.toml, {seen.sum()} of them QuakeMigrate's"
    figures = {key: Figure(auc(seen, events["quality_probability"]), where)}
    figures["qc_iceland_a_matched"] = Figure(
        float(seen[events["grade"] == "A"].mean()), f"share of the {(events['grade'] == 'A').sum()} graded A, {where}"
    )
    return figures


def rutford() -> dict[str, Figure]:
    if mirror("quakemigrate-manuscript") is None:
        return {"qc_auc_rutford": missing("set COURSE_DATA_MIRROR to a mirror with quakemigrate-manuscript")}
    labelled = data.open("quakemigrate-manuscript").rutford
    labelled = labelled[labelled["label"] != 0.5].reset_index(drop=True)
    graded = grade(Catalog(events=labelled))[1]
    right = labelled["label"].to_numpy() == 1
    where = f"{len(right)} detections of QuakeMigrate, {right.sum()} icequakes, from times and places alone"
    return {
        "qc_auc_rutford": Figure(auc(right, graded["quality_probability"]), where),
        "qc_auc_rutford_coalescence": Figure(auc(right, labelled["coa"]), f"QuakeMigrate's coalescence alone, {where}"),
    }
