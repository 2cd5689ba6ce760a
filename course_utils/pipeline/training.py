"""What ``course train`` does: data, weights and recipe of a configuration to a trained pair and its learning curves."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from course_utils.picking.training import Batches, Recipe, TrainingError, bank_from_dataset, train
from course_utils.picking.training.banks import Bank
from course_utils.pipeline.config import ConfigError
from course_utils.pipeline.training_config import SYNTHETIC, TrainingConfig

NAME = "picker"
_WRITTEN = ("last.ckpt", "best.ckpt", f"{NAME}.json", f"{NAME}.safetensors", "history.csv", "logs")


def run_training(
    config: TrainingConfig,
    out: Path,
    *,
    resume: bool = False,
    force: bool = False,
    say: Callable[[str], None] | None = None,
    progress: bool = False,
):
    """Train as the configuration says; ``picker.json``, ``picker.safetensors``, ``history.csv`` and logs in ``out``.

    Raises:
        TrainingError: data that cannot be learned from, a model that does not fit, ``out`` in use without ``resume``
            or ``force``.
        ConfigError: settings that contradict the data.
    """
    from course_utils.picking.models import save_model
    from course_utils.picking.training.callbacks import Say

    augmentation, out = config.augmentations(), Path(out)
    _make_room(out, resume, force)
    model, from_weights = start_model(config)
    say = say or (lambda text: None)
    training, validation = _data(config, model, augmentation)
    section = config.train
    recipe = Recipe(
        steps=section.steps,
        learning_rate=section.learning_rate or (2e-4 if from_weights else 2e-3),
        weight_decay=section.weight_decay,
        schedule=section.schedule,
        warm_up=section.warm_up,
        gradient_clip=section.gradient_clip,
        class_weights=section.class_weights,
        noise_bias=None if from_weights else 3.5,
        freeze=config.model.freeze,
        precision=section.precision,
        validate_every=section.validate_every,
        validation_batches=section.validation_batches,
        patience=section.patience,
        seed=section.seed,
    )
    out.mkdir(parents=True, exist_ok=True)
    done = train(
        model,
        training,
        validation,
        recipe,
        out=out,
        resume=resume,
        device=section.device,
        progress=progress,
        callbacks=[Say(say)],
    )
    told = done.recipe | {"start": config.model.start, "config": config.model_dump(mode="json")}
    told["curves"] = done.history.round(6).replace({np.nan: None}).to_dict("list")
    save_model(done.model, out / NAME, recipe=told, docstring=f"Trained by course train from {config.model.start}.")
    done.history.to_csv(out / "history.csv", index=False)
    return done


def start_model(config: TrainingConfig):
    """The model of a configuration, and whether it comes with weights."""
    import torch

    from course_utils.picking import models
    from course_utils.picking.training.module import label_letters

    name = config.model.start
    torch.manual_seed(config.train.seed)
    if ":" in name or Path(f"{config.path(name)}".removesuffix(".json") + ".json").is_file():
        model, weights = models.load_model(name if ":" in name else config.path(name)), True
    else:
        kind = models.model_class(name)
        phases = {"phases": "PSN"} if kind.__name__ in ("PhaseNet", "UNetPicker") else {}
        model, weights = kind(**phases, component_order="ZNE"), False
    label_letters(model)
    if config.model.freeze != "none" and not weights:
        raise ConfigError(f"[model] freeze = {config.model.freeze!r}: {name} has no weights to keep; start from some")
    if model.in_samples is None:
        raise ConfigError(f"[model] start = {name!r}: the model has no window length of its own; choose another class")
    rate = config.data.sampling_rate_hz
    if model.sampling_rate and float(model.sampling_rate) != rate:
        raise ConfigError(
            f"[data] sampling_rate_hz = {rate:g}: {name} works at {model.sampling_rate:g} Hz; set it to that"
        )
    return model, weights


def _data(config: TrainingConfig, model, augmentation):
    """Training and validation batches, or SeisBench's loaders."""
    from course_utils.picking.training.module import label_letters

    data, section = config.data, config.train
    if section.loader == "seisbench":
        from course_utils.picking.training.seisbench_loader import seisbench_loader

        sets = _open_parts(config)
        return tuple(
            None
            if part is None
            else seisbench_loader(
                part,
                model,
                batch_size=section.batch_size,
                label_width_samples=section.label_width_samples,
                seed=section.seed + number,
                shuffle=number == 0,
            )
            for number, part in enumerate(sets)
        )
    if data.training.startswith(SYNTHETIC):
        (bank, noise), (check, check_noise) = _synthetic(config)
    else:
        parts = _open_parts(config)
        bank, check = (None if p is None else bank_from_dataset(p, name=str(p.path)) for p in parts)
        noise = check_noise = _noise(config)
    common = {
        "window_samples": model.in_samples,
        "labels": label_letters(model),
        "augmentation": augmentation,
        "label_width_samples": section.label_width_samples,
        "label_shape": section.label,
        "batch_size": section.batch_size,
    }
    training = Batches(bank, noise=noise, seed=section.seed, **common)
    validation = None if check is None else Batches(check, noise=check_noise, seed=section.seed + 7_000_001, **common)
    return training, validation


def _count(text: str, key: str) -> int:
    number = text.removeprefix(SYNTHETIC)
    if not number.isdigit() or int(number) < 20:
        raise ConfigError(f"[data] {key} = {text!r}: write the number of events, at least 20, as in synthetic:2000")
    return int(number)


def _synthetic(config: TrainingConfig) -> tuple[tuple[Bank, Bank], tuple[Bank, Bank]]:
    from course_utils.pipeline.synthetic_banks import noise_bank, signal_bank

    data = config.data
    count = _count(data.training, "training")
    checks = _count(data.validation, "validation") if data.validation else max(20, count // 10)
    seed = 1_000 * data.seed + 930_000
    return (
        (signal_bank(count, seed), noise_bank(max(50, count // 2), seed + 1)),
        (signal_bank(checks, seed + 2), noise_bank(max(50, checks // 2), seed + 3)),
    )


def _noise(config: TrainingConfig) -> Bank | None:
    from course_utils.picking.training.banks import bank_from_arrays

    name, rate = config.data.noise, config.data.sampling_rate_hz
    if name is None:
        return None
    if name.startswith(SYNTHETIC):
        from course_utils.pipeline.synthetic_banks import RATE_HZ, noise_bank

        if rate != RATE_HZ:
            raise ConfigError(f"[data] noise = {name!r}: synthetic noise has {RATE_HZ:g} Hz, the data {rate:g} Hz")
        return noise_bank(_count(name, "noise"), 1_000 * config.data.seed + 930_004)
    dataset = open_dataset(config.path(name), rate)
    waveforms = [dataset.get_waveforms(i) for i in range(len(dataset))]
    shortest = min(w.shape[1] for w in waveforms)
    return bank_from_arrays(
        np.stack([w[:, :shortest] for w in waveforms]), sampling_rate_hz=rate, kind="noise", name=name
    )


def _open_parts(config: TrainingConfig):
    """Training and validation data sets of folders, checked to share no event."""
    data = config.data
    whole = open_dataset(config.path(data.training), data.sampling_rate_hz)
    training = _part(whole, data.training_part, data.training)
    if data.validation is not None:
        other = open_dataset(config.path(data.validation), data.sampling_rate_hz)
        validation = _part(other, data.validation_part if "split" in other.metadata else "all", data.validation)
    elif data.training_part == "all" or "split" not in whole.metadata:
        validation = None
    else:
        there = (whole.metadata["split"] == data.validation_part).any()
        validation = _part(whole, data.validation_part, data.training) if there else None
    if validation is not None:
        check_disjoint(training.metadata, validation.metadata)
    return training, validation


def open_dataset(folder: Path, sampling_rate_hz: float):
    """A folder in SeisBench format with components in Z, N, E; TrainingError says what is missing."""
    from seisbench.data import WaveformDataset

    for name in ("metadata.csv", "waveforms.hdf5"):
        if not (folder / name).is_file():
            raise TrainingError(
                f"{folder}: no {name}; a data set in SeisBench format has metadata.csv and waveforms.hdf5"
            )
    dataset = WaveformDataset(folder, sampling_rate=sampling_rate_hz, component_order="ZNE", missing_components="pad")
    key = [c for c in ("trace_chunk", "trace_name") if c in dataset.metadata]
    twice = dataset.metadata[dataset.metadata.duplicated(key)]
    if len(twice):
        name = twice["trace_name"].iloc[0]
        raise TrainingError(f"{folder}: {len(twice)} traces are there twice, first: {name}; keep one row of each")
    return dataset


def _part(dataset, part: str, name: str):
    if part == "all":
        return dataset
    if "split" not in dataset.metadata:
        raise TrainingError(
            f'{name}: no column "split"; divide it by event (course curate does), or set the part to "all"'
        )
    mask = (dataset.metadata["split"] == part).to_numpy()
    if not mask.any():
        there = ", ".join(sorted(set(dataset.metadata["split"].dropna().astype(str))))
        raise TrainingError(f"{name}: no trace of part {part!r}; there are {there}")
    return dataset.filter(mask, inplace=False)


def check_disjoint(training: pd.DataFrame, validation: pd.DataFrame) -> None:
    """TrainingError when an event is in both; data sets without event ids are compared by trace name."""
    key = next((c for c in ("source_id", "event_id", "trace_name") if c in training and c in validation), None)
    if key is None:
        raise TrainingError(
            "neither source_id nor trace_name in the metadata: nobody can tell whether the parts share events"
        )
    common = sorted(set(training[key].dropna().astype(str)) & set(validation[key].dropna().astype(str)))
    if common:
        raise TrainingError(
            f"{len(common)} {'events are' if key != 'trace_name' else 'traces are'} in training and validation, first: "
            f"{common[0]}; divide the data by event, else the score is of memory and not of skill"
        )


def _make_room(out: Path, resume: bool, force: bool) -> None:
    there = [name for name in _WRITTEN if (out / name).exists()]
    if resume and (out / f"{NAME}.json").exists() and not force:
        raise TrainingError(f"{out}: this training is finished ({NAME}.json); --force does it again")
    if not there or (resume and not force):
        return
    if not force:
        raise TrainingError(
            f"{out} holds {', '.join(there)}; --resume goes on, --force begins again, or choose another --out"
        )
    for name in there:
        path = out / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
