"""How well events are told apart, and how much of that is not the event.

    python benchmarks/discrimination.py [--quick] [--json FILE]

Pacific Northwest: earthquake against explosion per event, nested repeated cross-validation grouped by event, all records in one form. Beside it
the same model on what the archive alone gives away (metadata) and on windows before the onset. The accuracy is the balanced one, the
mean of the recalls of both classes: chance is 0.5, whatever the share of explosions. Synthetic Earth: the shipped classifier on unseen events.
"""

from __future__ import annotations

import os
import sys
import time

import numpy as np
import pandas as pd
from _common import Figure, mirror, missing, run

SET = "17 explosions and 50 earthquakes of pnw-classification, events held out, nested choice"


def speed() -> Figure:
    from course_utils.discrimination.features import features

    block = np.random.default_rng(0).normal(size=(256, 3, 15000)).astype(np.float32)
    features(block[:64], 100.0)
    times = []
    for _ in range(5):
        start = time.process_time()
        features(block, 100.0)
        times.append((time.process_time() - start) / len(block) * 1e3)
    return Figure(float(np.median(times)), "CPU ms for one record of 3 components, 150 s, 100 Hz", "at most 2")


def synthetic(quick: bool) -> dict[str, Figure]:
    """The shipped classifier on events of unseen seeds that at least one station sees."""
    from course_utils.discrimination.classifier import classify_events
    from course_utils.pipeline.synthetic_events import event_records

    made = event_records(80 if quick else 400, seed=990_001)
    seen = made.table.groupby("event")["p_visible"].any() | (
        made.table.groupby("event")["event_type"].first() == "noise"
    )
    types, _ = classify_events(made.streams, made.table["event"], at_least=0.0)
    true = made.table.groupby("event")["event_type"].first().reindex(types.index)
    right = (types["event_type"] == true)[seen.reindex(types.index)]
    recall = right.groupby(true[right.index]).mean()
    what = f"{len(right)} visible events of four types (noise is one), 3-8 stations, shipped network"
    return {
        "synthetic_balanced_accuracy": Figure(float(recall.mean()), what),
        "synthetic_lowest_recall": Figure(float(recall.min()), f"the same; lowest: {recall.idxmin()}"),
    }


def trace_table(records: pd.DataFrame, prepared, version: int, part: str):
    """Features of one window per record, of the event or of the noise before it, and the windows."""
    from course_utils.discrimination.features import features
    from course_utils.discrimination.forms import cut

    origin = records["origin_s"].to_numpy()
    onset = dict(zip(prepared.source, prepared.onset + prepared.skipped_s, strict=True))
    windows = cut(prepared, version, part=part, noise_before_s=origin)
    travel = np.array([max(onset[k] - origin[k], 0.7) for k in windows.source])
    # S from the travel time of P and Vp/Vs 1.75; in noise the same spans at a random place
    place = windows.onset if part == "event" else np.random.default_rng(version).uniform(5, 20, len(travel))
    return features(windows.waveforms, 40.0, p_s=place, s_s=place + 0.75 * travel), windows


def study(records: pd.DataFrame, prepared, versions: int, part: str) -> tuple[list[pd.DataFrame], pd.Index]:
    """Feature tables per event (several random placements), and their index."""
    from course_utils.discrimination.decision import by_event

    tables = []
    for version in range(versions):
        table, windows = trace_table(records, prepared, version, part)
        tables.append(by_event(table, records["source_id"].to_numpy()[windows.source], windows.jump_db)[0])
    return tables, tables[0].index


def stations_apart(records: pd.DataFrame, prepared, repeats: int):
    """Earthquake or explosion from visible records, stations under test not in the training set either; per event."""
    from course_utils.discrimination.decision import VISIBLE_DB
    from course_utils.discrimination.evaluation import cross_validate
    from course_utils.discrimination.models import CURVATURES, model

    table, windows = trace_table(records, prepared, 0, "event")
    rows = records.iloc[windows.source]
    keep = rows["event_type"].isin(("earthquake", "explosion")).to_numpy() & (windows.jump_db >= VISIBLE_DB)
    rows = rows[keep]
    return cross_validate(
        table[keep].reset_index(drop=True),
        rows["event_type"],
        rows["source_id"],
        lambda: model("logistic", columns=CURVATURES, c=0.01),
        repeats=repeats,
        stations=rows["station"],
        strength=windows.jump_db[keep],
    )


def quakexnet(records: pd.DataFrame, prepared) -> float:
    """Balanced accuracy of QuakeXNet, earthquake against explosion per event, on vertical records with zeros as horizontals."""
    from course_utils.discrimination.decision import combine
    from course_utils.discrimination.quakexnet import CLASSES, QuakeXNet

    samples = 5600
    z = np.stack([np.pad(t[:samples], (0, max(0, samples - t.size))) for t in prepared.traces])
    p = QuakeXNet.from_cache().classify(np.stack([z, 0 * z, 0 * z], axis=1), 40.0)
    joint = combine(p, records["source_id"].to_numpy()[prepared.source], np.clip(prepared.jump_db - 3.0, 0.1, 20.0))
    says = joint[CLASSES.index("explosion")] > joint[CLASSES.index("earthquake")]
    true = records.groupby("source_id")["event_type"].first().reindex(joint.index)
    return float(np.mean([says[true == "explosion"].mean(), (~says[true == "earthquake"]).mean()]))


def metadata(records: pd.DataFrame) -> pd.DataFrame:
    """What an archive gives away, per event: networks, channel types, rates, lengths, number of records."""
    network = records["station"].str.split(".").str[0]
    rows = pd.get_dummies(pd.DataFrame({"network": network, "channel": records["channel"]}), dtype=float)
    rows = rows.assign(**records[["sampling_rate_hz", "pieces", "seconds"]])
    return rows.groupby(records["source_id"]).mean().assign(n=records.groupby("source_id").size())


def pacific_northwest(quick: bool) -> dict[str, Figure]:
    if mirror("pnw-classification") is None:
        reason = missing("pnw-classification is not there (COURSE_DATA_MIRROR)")
        return {"pnw_eq_explosion_accuracy": reason, "pnw_noise_only_accuracy": reason}
    os.environ["COURSE_DATA"] = "real"
    from course_utils import data
    from course_utils.discrimination.classifier import classify_events
    from course_utils.discrimination.evaluation import cross_validate
    from course_utils.discrimination.forms import prepare
    from course_utils.discrimination.models import Chosen, candidates, model

    opened = data.open("pnw-classification")
    records, streams = opened.records, opened.waveforms
    prepared = prepare(streams, origin_s=records["origin_s"].to_numpy())
    label_of = records.groupby("source_id")["event_type"].first()
    repeats, versions = (4, 2) if quick else (20, 4)
    two = ("earthquake", "explosion")
    out: dict[str, Figure] = {}

    def nested(tables, index, note, choose=candidates, types=two):
        keep = label_of.reindex(index).isin(types).to_numpy()
        labels = label_of.reindex(index)[keep].to_numpy()
        tables = [table[keep] for table in tables]
        held = cross_validate(tables, labels, index[keep], lambda: Chosen(choose()), repeats=repeats)
        print(f"\n{note}\n{held.score().round(3)}\n{held.confusion().round(1)}\n{held.chosen}")
        return held.score()

    tables, index = study(records, prepared, versions, "event")
    score = nested(tables, index, "earthquake or explosion")
    value = score.loc["balanced accuracy"]
    out["pnw_eq_explosion_accuracy"] = Figure(
        value["value"], f"balanced; {SET}; {repeats} repeats", "as high as it goes"
    )
    out["pnw_eq_explosion_low"] = Figure(value["low"], "its 95 % interval over events")
    out["pnw_eq_explosion_high"] = Figure(value["high"], "its 95 % interval over events")
    out["pnw_eq_explosion_plain_accuracy"] = Figure(
        score.loc["accuracy", "value"], "not balanced; always 'earthquake' gives 0.746"
    )
    noise, noise_index = study(records, prepared, versions, "noise")
    score = nested(noise, noise_index, "the same on noise before the onset")
    quiet = score.loc["balanced accuracy", "value"]
    out["pnw_noise_only_accuracy"] = Figure(
        quiet, "balanced; same model, windows before the onset", "0.15 below the event's"
    )

    def on_metadata():
        return {f"C {c:g}": model("logistic", c=c) for c in (0.01, 0.1, 1.0)} | {"best 6": model("logistic", best=6)}

    known = metadata(records)
    score = nested([known], known.index, "the same on metadata alone", on_metadata)
    told = score.loc["balanced accuracy", "value"]
    out["pnw_metadata_accuracy"] = Figure(
        told, "balanced; networks, channels, rates, lengths, counts", "0.15 below the event's"
    )
    score = nested(tables, index, "three classes; class and archive coincide", types=(*two, "surface event"))
    what = "balanced; 50 earthquakes, 17 explosions, 36 surface events of another archive (confounded)"
    out["pnw_three_class_accuracy"] = Figure(score.loc["balanced accuracy", "value"], what)
    score = nested(noise, noise_index, "three classes from noise alone", types=(*two, "surface event"))
    out["pnw_three_class_noise_accuracy"] = Figure(score.loc["balanced accuracy", "value"], "the same from noise alone")
    apart = stations_apart(records, prepared, repeats)
    print(
        f"\nper record, stations held out, too\n{apart.score().round(3)}\nper event\n{apart.per_event().score().round(3)}"
    )
    out["pnw_stations_held_out_accuracy"] = Figure(
        apart.per_event().score().loc["balanced accuracy", "value"],
        "balanced, per event; curvatures of visible records, stations under test not trained on",
    )
    if os.environ.get("SEISBENCH_CACHE_ROOT"):
        what = "balanced; QuakeXNet on verticals with zero horizontals; it may have been trained on these records"
        out["pnw_quakexnet_accuracy"] = Figure(quakexnet(records, prepared), what)
    types, _ = classify_events(streams, records["source_id"], picks_s=None, at_least=0.0)
    true = label_of.reindex(types.index)
    chance = types["p_quarry_blast"] > types["p_earthquake"]
    recall = [(chance[true == "explosion"]).mean(), (~chance[true == "earthquake"]).mean()]
    out["pnw_out_of_region_accuracy"] = Figure(
        float(np.mean(recall)), "balanced; shipped network, which saw no real record"
    )
    return out


def measure(quick: bool) -> dict[str, Figure]:
    import torch

    torch.set_num_threads(1)
    return pacific_northwest(quick) | synthetic(quick) | {"feature_ms_per_trace": speed()}


if __name__ == "__main__":
    sys.exit(run("discrimination", measure))
