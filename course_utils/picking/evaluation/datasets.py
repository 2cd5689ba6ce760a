"""Pickers on a data set in SeisBench's format: records and labels from it, scores as tables and JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from course_utils.data.errors import MissingFile, WrongContent

from .comparison import Comparison, compare_pickers
from .curves import THRESHOLDS, choose_threshold, curve_of
from .labelled import LabelledRecords, assemble

# How data sets of SeisBench call what the analysts picked (Woollam et al. 2022); depth phases are not first arrivals.
PHASE_OF = {"p": "P", "pg": "P", "pn": "P", "p1": "P", "s": "S", "sg": "S", "sn": "S", "s1": "S"}
_ARRIVAL = re.compile(r"trace_(\w+)_arrival_sample$")
_EVENT = ("source_id", "event_id", "source_origin_time")


def records_of_dataset(dataset, split: str | None = "test") -> LabelledRecords:
    """Labelled records of a data set in SeisBench's format, read one by one as they are needed.

    P is the earliest of P, Pg, Pn, P1, S likewise. A record without arrivals is noise when its ``trace_category`` says so,
    or, without that column, when it names no event; others without arrivals are left out and counted. Further columns of the
    metadata stand beside the labels, with ``source_magnitude`` as ``magnitude``, ``path_ep_distance_km`` as ``distance_km``
    and ``trace_snr_db`` as ``snr_db`` (the mean where it lists one value per component).

    Args:
        dataset: folder of the data set, or a ``seisbench.data.WaveformDataset``.
        split: "train", "dev", "test", or None for everything.

    Raises:
        DataError: no such folder, no data set in it, no such split, no arrival columns, or a record without its rate.
    """
    dataset = _opened(dataset)
    metadata = dataset.metadata.reset_index(drop=True)
    keep = _rows_of_split(metadata, split, dataset)
    metadata = metadata.iloc[keep].reset_index(drop=True)
    arrivals = {name: _ARRIVAL.match(name) for name in metadata.columns}
    columns = {name: PHASE_OF[m[1].lower()] for name, m in arrivals.items() if m and m[1].lower() in PHASE_OF}
    if not columns:
        raise WrongContent(
            f"{_name(dataset)}: the metadata has no arrivals, so there is nothing to judge picks by",
            expected="columns such as trace_p_arrival_sample and trace_s_arrival_sample",
            found=", ".join(metadata.columns),
            remedy="use a data set with picks",
        )
    source_rate = _rates(metadata, dataset)
    rate = np.full(len(metadata), float(dataset.sampling_rate)) if dataset.sampling_rate else source_rate
    samples = {
        phase: [
            metadata[[c for c, p in columns.items() if p == phase]].apply(pd.to_numeric, errors="coerce").min(axis=1)
        ]
        if phase in columns.values()
        else []
        for phase in ("P", "S")
    }
    samples = {phase: [column * rate / source_rate for column in found] for phase, found in samples.items()}
    event = next((metadata[name] for name in _EVENT if name in metadata.columns), pd.Series([None] * len(metadata)))
    none = np.logical_and.reduce([pd.to_numeric(metadata[c], errors="coerce").isna().to_numpy() for c in columns])
    if "trace_category" in metadata.columns:
        noise = none & metadata["trace_category"].astype(str).str.contains("noise", case=False).to_numpy()
    else:
        noise = none & event.isna().to_numpy()
    lengths, read = _reader(dataset, keep, rate)
    return assemble(_described(metadata, event), samples, rate, lengths, noise, read)


def evaluate_dataset(
    dataset,
    models: Sequence | Mapping[str, object],
    *,
    split: str | None = "test",
    thresholds: Mapping[str, object] | None = None,
    choose_on: str | None = None,
    precision: float | None = None,
    seed: int | None = 0,
    device: str | None = "auto",
    engine: str = "auto",
    **rules,
) -> tuple[Comparison, dict]:
    """Judge models (and baselines) on a data set in SeisBench's format.

    Args:
        dataset, split: as for :func:`records_of_dataset`; or LabelledRecords, which are one split, all of it scored.
        models: as ``pickers`` of :func:`compare_pickers`.
        thresholds: per model; None: the weights' own.
        choose_on: a split ("dev") on which thresholds are chosen, by best F1 or by ``precision``, for models that
            ``thresholds`` does not name. Never the split that is scored.
        seed: of the random cut that moves the arrivals (``LabelledRecords.cut``); None: records as they are.
        rules: as for :func:`judge`.

    Returns:
        The comparison, and its scores as plain values ready for JSON (NaN is None): ``{"dataset", "split", "records",
        "left_out", "rules", "scores": [...], "intervals": [...], "thresholds", "calibration_error"}``.

    Raises:
        DataError: as :func:`records_of_dataset`; ``choose_on`` is the split that is scored.
        ModelError, PickingError, ValueError: as ``picking.pick``.
    """
    if isinstance(dataset, LabelledRecords):
        split = None
    else:
        dataset = _opened(dataset)
    named = dict(models) if isinstance(models, Mapping) else {str(model): model for model in models}
    use = dict(thresholds or {})
    if choose_on is not None:
        if choose_on == split or split is None:
            raise WrongContent(
                f"thresholds would be chosen on split {choose_on!r}, which is scored", remedy="choose on another split"
            )
        validation = _records(dataset, choose_on, seed)
        for name, model in named.items():
            if name not in use and name not in ("sta_lta", "ar"):
                scores = curve_of(validation, model, THRESHOLDS, device=device, engine=engine, **rules)
                use[name] = choose_threshold(scores, precision=precision)
    records = _records(dataset, split, seed)
    found = compare_pickers(records, named, thresholds=use, device=device, engine=engine, **rules)
    errors = {}
    for name, result in found.judgements.items():
        if not result.picks["probability"].isna().any():
            errors[name] = result.calibration().attrs["expected_calibration_error"]
    intervals = pd.concat([r.intervals().assign(picker=name) for name, r in found.judgements.items()])
    facts = {
        "dataset": _name(dataset),
        "split": split,
        "records": records.table["kind"].value_counts().to_dict(),
        "left_out": records.left_out,
        "random_cut_seed": seed,
        "thresholds_chosen_on": choose_on,
        "thresholds": {name: s.get("thresholds") for name, s in found.settings.items()},
        "scores": found.table.to_dict("records"),
        "intervals": intervals.to_dict("records"),
        "calibration_error": errors,
    }
    return found, _plain(facts)


def _records(dataset, split: str | None, seed: int | None) -> LabelledRecords:
    records = dataset if isinstance(dataset, LabelledRecords) else records_of_dataset(dataset, split)
    return records if seed is None else records.cut(seed)


def _opened(dataset):
    """A WaveformDataset in Z, N, E with absent components as zeros."""
    import seisbench.data

    if not isinstance(dataset, (str, Path)):
        return dataset
    folder = Path(dataset)
    if not folder.is_dir():
        raise MissingFile(f"there is no folder {folder}", remedy="give the folder of a data set in SeisBench's format")
    if not list(folder.glob("metadata*.csv")) or not list(folder.glob("waveforms*.hdf5")):
        raise WrongContent(
            f"{folder} holds no data set in SeisBench's format",
            expected="metadata.csv and waveforms.hdf5",
            found=", ".join(sorted(f.name for f in folder.iterdir())[:8]) or "nothing",
            remedy="make one with picking.curation, or course curate",
        )
    return seisbench.data.WaveformDataset(folder, component_order="ZNE", missing_components="pad")


def _rows_of_split(metadata: pd.DataFrame, split: str | None, dataset) -> np.ndarray:
    if split is None:
        return np.arange(len(metadata))
    if "split" not in metadata.columns:
        raise WrongContent(
            f"{_name(dataset)}: the metadata has no column split, so there is no split {split!r}",
            remedy="split it by event, or judge all records (split None, --split all)",
        )
    rows = np.flatnonzero((metadata["split"] == split).to_numpy())
    if not len(rows):
        there = ", ".join(f"{name} ({n})" for name, n in metadata["split"].value_counts().items())
        raise WrongContent(
            f"{_name(dataset)}: no record is in split {split!r}", found=there, remedy="name one of those"
        )
    return rows


def _rates(metadata: pd.DataFrame, dataset) -> np.ndarray:
    """Sampling rate of each record as its samples are counted in the metadata."""
    column = metadata.get("trace_sampling_rate_hz", pd.Series(np.nan, index=metadata.index))
    rate = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, copy=True)
    common = dataset.data_format.get("sampling_rate")
    if common is not None:
        rate[np.isnan(rate)] = float(common)
    bad = ~(rate > 0)
    if bad.any():
        raise WrongContent(
            f"{_name(dataset)}: the sampling rate of {int(bad.sum())} records is not known, the first in row {int(bad.argmax())}",
            remedy="add the column trace_sampling_rate_hz",
        )
    return rate


def _reader(dataset, keep: np.ndarray, rate: np.ndarray):
    """Lengths in samples, and a function that reads one record."""
    order = str(dataset.component_order)

    def read(row: int) -> tuple[np.ndarray, str, float]:
        samples, _ = dataset.get_sample(int(keep[row]), sampling_rate=dataset.sampling_rate)
        return np.asarray(samples), order, float(rate[row])

    known = dataset.metadata.get("trace_npts")
    if known is not None and known.notna().all() and not dataset.sampling_rate:
        return known.to_numpy(np.int64)[keep], read
    return np.array([read(row)[0].shape[1] for row in range(len(keep))], np.int64), read


def _described(metadata: pd.DataFrame, event: pd.Series) -> pd.DataFrame:
    table = metadata.drop(columns=[c for c in metadata.columns if c in ("station", "event", "kind")])
    table["event"] = event.to_numpy()
    parts = [
        metadata.get(f"station_{p}", pd.Series("", index=metadata.index))
        for p in ("network_code", "code", "location_code")
    ]
    texts = [part.astype(object).where(part.notna(), "").astype(str).replace("--", "") for part in parts]
    table["station"] = texts[0] + "." + texts[1] + "." + texts[2]
    for ours, theirs in {"magnitude": "source_magnitude", "distance_km": "path_ep_distance_km"}.items():
        if theirs in metadata.columns:
            table[ours] = pd.to_numeric(metadata[theirs], errors="coerce")
    if "trace_snr_db" in metadata.columns:
        table["snr_db"] = [_mean(value) for value in metadata["trace_snr_db"]]
    elif "snr_db" in table.columns:
        table["snr_db"] = [_mean(value) for value in metadata["snr_db"]]
    return table


def _mean(value) -> float:
    """The mean of "10.1|19.5|9.8", of a list, or the number itself; NaN for what is none."""
    parts = re.split(r"[|\s,\[\]]+", str(value))
    numbers = [float(p) for p in parts if re.fullmatch(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?", p)]
    return float(np.mean(numbers)) if numbers else float("nan")


def _name(dataset) -> str:
    return str(getattr(dataset, "path", "labelled records"))


def _plain(value):
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
