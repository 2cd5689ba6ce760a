"""The configuration of ``course train``: what to learn from, from which weights, how, and how long."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from course_utils.pipeline.config import ConfigError, explain

SYNTHETIC = "synthetic:"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(_Section):
    """What to learn from."""

    training: str = Field(
        description='a folder in SeisBench format, or "synthetic:2000" for so many events of the synthetic Earth'
    )
    validation: str | None = Field(
        None,
        description='the like, or None: the part "dev" of the training folder; of the synthetic Earth, a tenth more',
    )
    training_part: str = Field(
        "train", description='part (column "split") of a folder to train on; "all" for every trace'
    )
    validation_part: str = Field("dev", description='part of a folder to validate on; "all" for every trace')
    noise: str | None = Field(
        None, description='noise to add to records: a folder whose traces have no picks, or "synthetic:500"'
    )
    sampling_rate_hz: float = Field(100.0, gt=0, description="all records are brought to it when they are read")
    seed: int = Field(0, description="of the synthetic Earth")


class Model(_Section):
    """What is trained."""

    start: str = Field(
        "PhaseNet",
        description='a class of SeisBench ("PhaseNet", "EQTransformer") or "UNetPicker" from nothing, or weights to start '
        'from: "phasenet:original", "phasenet:synthetic", the path of a pair',
    )
    freeze: Literal["none", "encoder", "all_but_output"] = Field("none", description="what keeps its start weights")


class Train(_Section):
    """How it is trained (:class:`course_utils.picking.training.Recipe`)."""

    steps: int = Field(2000, ge=1)
    batch_size: int = Field(32, ge=2)
    learning_rate: float | None = Field(None, gt=0, description="default 2e-3 from nothing, 2e-4 from weights")
    schedule: Literal["cosine", "one_cycle", "constant"] = "cosine"
    warm_up: float = Field(0.05, gt=0, lt=1, description="share of the steps in which the rate rises")
    weight_decay: float = Field(1e-4, ge=0)
    gradient_clip: float = Field(1.0, ge=0, description="largest norm of the gradient; 0 for no limit")
    class_weights: tuple[float, ...] | None = Field(
        None, description="weight of each label in the loss, in the model's order"
    )
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "32-true"
    label: Literal["gaussian", "hard"] = "gaussian"
    label_width_samples: float = Field(10.0, gt=0, description="deviation of the bell, or half the width of the box")
    validate_every: int = Field(200, ge=1, description="steps between two validations and between two checkpoints")
    validation_batches: int = Field(10, ge=1)
    patience: int | None = Field(None, ge=1, description="validations without a better loss before training stops")
    seed: int = 0
    device: str = Field("auto", description='"auto", "cpu", "cuda", ...')
    loader: Literal["memory", "seisbench"] = Field(
        "memory", description="batches made on the device, or SeisBench's generator"
    )


class TrainingConfig(_Section):
    """A whole configuration."""

    data: Data
    model: Model = Model()
    train: Train = Train()
    augmentation: dict[str, Any] = Field({}, description="fields of course_utils.picking.training.Augmentation")
    _folder: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _consistent(self) -> TrainingConfig:
        if self.train.loader == "seisbench" and self.data.training.startswith(SYNTHETIC):
            raise ValueError(
                'loader "seisbench" reads data sets in SeisBench format; the synthetic Earth needs "memory"'
            )
        return self

    def path(self, text: str) -> Path:
        """A path that the file names, relative to the file's own folder."""
        return self._folder / Path(text).expanduser()

    def augmentations(self):
        """The augmentation with what the file changes; ConfigError for a key that nobody knows."""
        from course_utils.picking.training import Augmentation
        from course_utils.pipeline.config import check_keys

        check_keys("augmentation", self.augmentation, [f.name for f in fields(Augmentation)])
        given = {k: tuple(v) if isinstance(v, list) else v for k, v in self.augmentation.items()}
        for key, value in given.items():
            if key.endswith("_chance") and not (isinstance(value, int | float) and 0 <= value <= 1):
                raise ConfigError(f"[augmentation] {key} = {value!r}: a share of the windows, from 0 to 1")
        return Augmentation(**given)


SECTIONS: dict[str, type[BaseModel]] = {"data": Data, "model": Model, "train": Train}


def read_training_config(path: str | Path) -> TrainingConfig:
    """Read a configuration.

    Raises:
        FileNotFoundError: there is no such file.
        ConfigError: not TOML, or keys and values that cannot be used; the message has a line for each.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"configuration {path}: no such file; examples/train_synthetic.toml is one to start from"
        )
    try:
        config = TrainingConfig.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    except ValidationError as error:
        lines = [f"{path}: {explain(item, SECTIONS, ('augmentation',))}" for item in error.errors()]
        raise ConfigError("\n".join(lines)) from None
    config._folder = path.parent
    return config
