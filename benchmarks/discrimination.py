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

TWO = ("earthquake", "explosion")
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

    windows = cut(prepared, version, part=part, noise_before_s=records["origin_s"].to_numpy())
    travel = travel_s(records, prepared)[windows.source]
    # S from the travel time of P and Vp/Vs 1.75; in noise the same spans at a random place
    place = windows.onset if part == "event" else np.random.default_rng(version).uniform(5, 20, len(travel))
    return features(windows.waveforms, 40.0, p_s=place, s_s=place + 0.75 * travel), windows


def travel_s(records: pd.DataFrame, prepared) -> np.ndarray:
    """Travel time of P to each record, from its onset; NaN where the record was refused."""
    onset = pd.Series(prepared.onset + prepared.skipped_s, prepared.source).reindex(range(len(records)))
    return np.fmax(onset.to_numpy() - records["origin_s"].to_numpy(), np.where(onset.isna(), np.nan, 0.7))


def study(records: pd.DataFrame, prepared, versions: int, part: str) -> tuple[list[pd.DataFrame], pd.Index]:
    """Feature tables per event (several random placements), and their index."""
    from course_utils.discrimination.decision import by_event

    tables = []
    for version in range(versions):
        table, windows = trace_table(records, prepared, version, part)
        tables.append(by_event(table, records["source_id"].to_numpy()[windows.source], windows.jump_db))
    return tables, tables[0].index


def of_two(records: pd.DataFrame, windows, at_least_db: float) -> np.ndarray:
    """Whether each window is of an earthquake or explosion that rises from the noise by so much."""
    kind = records["event_type"].to_numpy()[windows.source]
    return np.isin(kind, TWO) & (windows.jump_db >= at_least_db)


def per_record(records: pd.DataFrame, prepared, repeats: int) -> dict[str, Figure]:
    """Models of single records, decided per event: stations held out, too; and networks, fine-tuned or trained within the folds."""
    from course_utils.discrimination.classifier import load_classifier
    from course_utils.discrimination.cnn import SpectrogramCNN
    from course_utils.discrimination.decision import VISIBLE_DB
    from course_utils.discrimination.evaluation import cross_validate
    from course_utils.discrimination.forms import cut
    from course_utils.discrimination.models import CURVATURES, model

    def score(x, windows, make, repeats, **more):
        keep = of_two(records, windows, VISIBLE_DB)
        rows = records.iloc[windows.source[keep]]
        strength = np.clip(windows.jump_db[keep], 1, 20)
        if "stations" in more:
            more["stations"] = rows["station"]
        held = cross_validate(
            x[keep], rows["event_type"], rows["source_id"], make, repeats=repeats, strength=strength, **more
        )
        return held.per_event().score().loc["balanced accuracy", "value"]

    table, windows = trace_table(records, prepared, 0, "event")
    noise = cut(prepared, 0, part="noise", noise_before_s=records["origin_s"].to_numpy())
    shipped = load_classifier()[0]
    few = max(2, repeats // 5)

    def tuned():
        return SpectrogramCNN(epochs=8, learning_rate=1e-3, start=shipped)

    what = f"balanced, per event; visible records, {few} repeats, windows at one random place"
    return {
        "pnw_stations_held_out_accuracy": Figure(
            score(table, windows, lambda: model("logistic", columns=CURVATURES, c=0.01), repeats, stations=True),
            "balanced, per event; curvatures of visible records, stations under test not trained on",
        ),
        "pnw_network_fine_tuned_accuracy": Figure(
            score(windows.waveforms, windows, tuned, few), f"{what}; shipped network, 8 epochs within each fold"
        ),
        "pnw_network_trained_accuracy": Figure(
            score(windows.waveforms, windows, lambda: SpectrogramCNN(epochs=12), few),
            f"{what}; the same network trained in each fold alone, 12 epochs",
        ),
        "pnw_network_fine_tuned_noise_accuracy": Figure(
            score(noise.waveforms, noise, tuned, few), "the fine-tuned network on windows before the onset"
        ),
    }


def other_ways(records: pd.DataFrame, streams, prepared, tables, labels: np.ndarray, repeats: int):
    """Other models of the same features, other ways from records to the event, and the nested choice among all."""
    from _event_models import rayleigh, variants

    from course_utils.discrimination.decision import VISIBLE_DB
    from course_utils.discrimination.evaluation import cross_validate
    from course_utils.discrimination.forms import Form, cut, prepare
    from course_utils.discrimination.models import MODELS, Chosen, candidates, model

    table, windows = trace_table(records, prepared, 0, "event")
    wide = cut(prepare(streams, Form(low_hz=0.5), origin_s=records["origin_s"].to_numpy()), 0)
    travel = travel_s(records, prepared)
    rg = pd.Series(rayleigh(wide.waveforms, wide.onset, travel[wide.source]), wide.source)
    rows = records.iloc[windows.source].reset_index(drop=True)
    table = table.assign(
        rayleigh=rg.reindex(windows.source).to_numpy(),
        log_travel=np.log10(travel[windows.source]),
        station=rows["station"],
        event=rows["source_id"],
    )
    # visible records; of an event without one the strongest
    strongest = pd.Series(windows.jump_db).groupby(rows["source_id"]).transform("max")
    every = variants(table[windows.jump_db >= np.minimum(strongest, VISIBLE_DB)])

    def score(x, make):
        held = cross_validate(x, labels, tables[0].index, make, repeats=repeats)
        print(f"{held.chosen.head(4).to_dict()} {held.score().round(3).iloc[1].to_dict()}")
        return held.score().loc["balanced accuracy", "value"]

    out = {}
    for name in MODELS:
        what = f"balanced; {name}, all features, one setting, {repeats} repeats"
        out[f"pnw_{name}_accuracy"] = Figure(score(tables, lambda name=name: model(name)), what)
    for name, one in every.items():
        what = f"balanced; one way from records to the event, one setting, {repeats} repeats"
        out[f"pnw_way_{name}_accuracy"] = Figure(score(tables[0], lambda one=one: one), what)
    what = f"balanced; nested choice among these ways and the models of the main score, {repeats} repeats"
    out["pnw_way_chosen_accuracy"] = Figure(score(tables[0], lambda: Chosen({**candidates(), **every})), what)
    return out


def quakexnet(records: pd.DataFrame, prepared) -> float:
    """Balanced accuracy of QuakeXNet, earthquake against explosion per event, on vertical records with zeros as horizontals."""
    from _quakexnet import CLASSES, QuakeXNet

    from course_utils.discrimination.decision import combine

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
    out: dict[str, Figure] = {}

    def nested(tables, index, note, choose=candidates, types=TWO):
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
    score = nested(tables, index, "three classes; class and archive coincide", types=(*TWO, "surface event"))
    what = "balanced; 50 earthquakes, 17 explosions, 36 surface events of another archive (confounded)"
    out["pnw_three_class_accuracy"] = Figure(score.loc["balanced accuracy", "value"], what)
    score = nested(noise, noise_index, "three classes from noise alone", types=(*TWO, "surface event"))
    out["pnw_three_class_noise_accuracy"] = Figure(score.loc["balanced accuracy", "value"], "the same from noise alone")
    out |= per_record(records, prepared, repeats)
    both = label_of.reindex(index).isin(TWO).to_numpy()
    out |= other_ways(
        records, streams, prepared, [t[both] for t in tables], label_of.reindex(index)[both].to_numpy(), repeats // 2
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
