"""Pickers on a data set in SeisBench's format: records and labels from it, scores as tables and JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from course_utils.data.errors import MissingFile, WrongContent

from ..curation.columns import event_column, magnitudes, pick_columns, rates_hz, sample_counts, station_names
from ..curation.labels import hypocentral_km
from ..curation.settings import CurationError
from .comparison import Comparison, compare_pickers
from .curves import THRESHOLDS, choose_threshold, curve_of
from .labelled import Arrivals, LabelledRecords, assemble

# Names of first arrivals (Woollam et al. 2022); depth phases and reflections are not scored.
_FIRST = {"p": "P", "pg": "P", "pn": "P", "p1": "P", "s": "S", "sg": "S", "sn": "S", "s1": "S"}
_OF_ANOTHER = re.compile(r"([PS])([2-9]|\d\d+)")  # P2: the P of a second event in the window


def records_of_dataset(dataset, split: str | None = "test") -> LabelledRecords:
    """Labelled records of a data set in SeisBench's format, read one by one as they are needed.

    P is the earliest of P, Pg, Pn, P1, S likewise; P2, S2 and so on are labels of further events in the window. A record without arrivals is noise when its ``trace_category`` says so,
    or, without that column, when it names no event; others without arrivals are left out and counted. Further columns of the
    metadata stand beside the labels, with the event's ``magnitude``, ``distance_km`` (epicentral where the metadata say so, else
    hypocentral) and ``snr_db`` (of the phase, else of the record: the largest of its components).

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
    columns = {
        column: column.removeprefix("trace_").removesuffix("_arrival_sample") for column in pick_columns(metadata)
    }
    own = {column: _FIRST[name.lower()] for column, name in columns.items() if name.lower() in _FIRST}
    if not own:
        raise WrongContent(
            f"{_name(dataset)}: the metadata has no arrivals, so there is nothing to judge picks by",
            expected="columns such as trace_p_arrival_sample and trace_s_arrival_sample",
            found=", ".join(metadata.columns),
            remedy="use a data set with picks",
        )
    source_rate = _rates(metadata, dataset)
    rate = np.full(len(metadata), float(dataset.sampling_rate)) if dataset.sampling_rate else source_rate
    samples = metadata[list(columns)].apply(pd.to_numeric, errors="coerce").mul(rate / source_rate, axis=0)
    try:
        event = metadata[event_column(metadata)]
    except CurationError:  # records then stand alone
        event = pd.Series([None] * len(metadata), dtype=object)
    none = samples.isna().all(axis=1).to_numpy()
    if "trace_category" in metadata.columns:
        noise = none & metadata["trace_category"].astype(str).str.contains("noise", case=False).to_numpy()
    else:
        noise = none & event.isna().to_numpy()
    arrivals = [_first_arrivals(metadata, samples, own, phase) for phase in ("P", "S") if phase in own.values()]
    for column, name in columns.items():
        if other := _OF_ANOTHER.fullmatch(name):
            named = metadata.get(f"trace_{name}_source_id")
            if named is None:
                named = event.astype(str) + f", event {other[2]} of the record"
            arrivals.append(Arrivals(other[1], samples[column], named, _snr(metadata, name)))
    lengths, read = _reader(dataset, keep, rate / source_rate, rate)
    return assemble(_described(metadata, event), arrivals, rate, lengths, noise, read)


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
    rate = np.array(rates_hz(metadata))
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


def _reader(dataset, keep: np.ndarray, stretch: np.ndarray, rate: np.ndarray):
    """Lengths in samples, and a function that reads one record."""
    order = str(dataset.component_order)

    def read(row: int) -> tuple[np.ndarray, str, float]:
        samples, _ = dataset.get_sample(int(keep[row]))
        return np.asarray(samples), order, float(rate[row])

    lengths = sample_counts(dataset.metadata)[keep] * stretch
    for row in np.flatnonzero(np.isnan(lengths)):
        lengths[row] = read(row)[0].shape[1]
    return np.ceil(lengths), read


def _first_arrivals(metadata: pd.DataFrame, samples: pd.DataFrame, own: dict[str, str], phase: str) -> Arrivals:
    """The earliest of the columns of one phase."""
    columns = [column for column, of in own.items() if of == phase]
    snrs = [_snr(metadata, column.removeprefix("trace_").removesuffix("_arrival_sample")) for column in columns]
    snr = next((one for one in snrs if one is not None), None)
    return Arrivals(phase, samples[columns].min(axis=1), None, snr)


def _snr(metadata: pd.DataFrame, name: str) -> pd.Series | None:
    known = metadata.get(f"trace_{name}_snr_db")
    return None if known is None else pd.to_numeric(known, errors="coerce")


def _described(metadata: pd.DataFrame, event: pd.Series) -> pd.DataFrame:
    table = metadata.drop(columns=[c for c in metadata.columns if c in ("station", "event", "kind", "snr_db")])
    table["event"] = event.to_numpy()
    if "station_code" in metadata.columns:
        table["station"] = station_names(metadata)
    table["magnitude"] = magnitudes(metadata)
    epicentral = metadata.get("path_ep_distance_km")
    table["distance_km"] = (
        hypocentral_km(metadata) if epicentral is None else pd.to_numeric(epicentral, errors="coerce")
    )
    for column in ("snr_db", "trace_snr_db"):
        if column in metadata.columns:
            table["snr_db"] = [_largest(value) for value in metadata[column]]
    return table


def _largest(value) -> float:
    """The largest of "10.1|19.5|9.8", or the number itself; NaN for what is none."""
    numbers = [float(n) for n in re.findall(r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?", str(value))]
    return max(numbers, default=float("nan"))


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
