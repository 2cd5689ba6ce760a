"""A training from beginning to end: Lightning's loop, checkpoints, logs, going on after a kill, weights with their recipe."""

from __future__ import annotations

import logging
import platform
import signal
import warnings
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .banks import TrainingError
from .batches import Batches
from .recipe import Recipe

if TYPE_CHECKING:
    from seisbench.models import WaveformModel

CHECKPOINT, BEST = "last.ckpt", "best.ckpt"


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model in evaluation mode, its learning curves and how it came about.

    ``history``: step, train_loss, val_loss, val_p_peak, val_s_peak (mean over windows with that phase of its largest
    probability; NaN where a step has no such figure). ``recipe``: plain values, as they are stored with the weights.
    """

    model: WaveformModel
    history: pd.DataFrame
    steps: int
    stopped_early: bool
    recipe: dict[str, Any]


def train(
    model: WaveformModel,
    training: Batches | Any,
    validation: Batches | Any = None,
    recipe: Recipe | None = None,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    device: str = "auto",
    progress: bool = False,
    callbacks: list | None = None,
) -> Trained:
    """Train ``model`` in place.

    Args:
        training, validation: :class:`Batches`, or data loaders of :func:`seisbench_loader`.
        out: folder for checkpoints and logs (CSV and TensorBoard); None keeps nothing.
        resume: go on from the last checkpoint in ``out``, where there is one. On a CPU the result is the same, bit for
            bit, as without the interruption.
        callbacks: more Lightning callbacks.

    Raises:
        TrainingError: no P probability per sample, a loss that is not finite, ``patience`` without validation, a
            checkpoint of another architecture or recipe, or ``out`` holding a training that is not to be resumed.
    """
    import pytorch_lightning as pl
    import torch
    from torch.utils.data import DataLoader

    from .callbacks import BestInMemory, History
    from .module import PickerModule, set_noise_bias

    recipe = recipe or Recipe()
    folder = None if out is None else Path(out)
    checkpoint = None if folder is None else folder / CHECKPOINT
    if checkpoint is not None and checkpoint.exists() and not resume:
        raise TrainingError(f"{checkpoint} is there already; resume that training, or choose another folder")
    if recipe.patience is not None and validation is None:
        raise TrainingError("patience needs validation data: without them nobody can tell when to stop")
    if recipe.noise_bias is not None:
        set_noise_bias(model, recipe.noise_bias)
    ours = isinstance(training, Batches)
    module = PickerModule(
        model, recipe, training if ours else None, validation if isinstance(validation, Batches) else None
    )
    best = None
    extra = list(callbacks or [])
    if folder is not None:
        extra.append(_checkpoint(folder, None))
    if recipe.patience is not None:
        extra.append(pl.callbacks.EarlyStopping("val_loss", patience=recipe.patience, check_finite=False))
        if folder is not None:
            best = _checkpoint(folder, "val_loss")
        else:
            best = BestInMemory()
        extra.append(best)
    with _quiet():
        trainer = pl.Trainer(
            accelerator="cpu" if device == "cpu" else ("gpu" if device.startswith("cuda") else "auto"),
            devices=[int(device.split(":")[1])] if ":" in device else 1,
            max_steps=recipe.steps,
            max_epochs=-1,
            precision=recipe.precision,
            gradient_clip_val=recipe.gradient_clip or None,
            logger=_loggers(folder) if folder is not None else False,
            callbacks=[*extra, history := History()],
            enable_checkpointing=folder is not None,
            enable_progress_bar=progress,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            log_every_n_steps=10,
            limit_val_batches=None if isinstance(validation, Batches) else recipe.validation_batches,
            use_distributed_sampler=False,
        )
        steps = DataLoader(range(max(1, min(recipe.validate_every, recipe.steps))), batch_size=None)
        checks = DataLoader(range(recipe.validation_batches), batch_size=None)
        with _loading(checkpoint), _interruptible(trainer):
            trainer.fit(
                module,
                steps if ours else training,
                checks if isinstance(validation, Batches) else validation,
                ckpt_path=str(checkpoint) if checkpoint is not None and checkpoint.exists() else None,
                weights_only=True,
            )
    if best is not None:
        state = best.state if folder is None else _best_state(Path(best.best_model_path))
        module.load_state_dict(state)
    model.to(torch.device("cpu")).eval()
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    stopped = recipe.patience is not None and trainer.global_step < recipe.steps
    told = describe(recipe, training, validation)
    return Trained(model, history.table(), trainer.global_step, stopped, told)


def describe(recipe: Recipe, training: Batches | Any, validation: Batches | Any = None) -> dict[str, Any]:
    """All that fixes a training, as plain values: numbers, augmentation, seeds, what the data were, versions."""
    told: dict[str, Any] = {"training": asdict(recipe)}
    for name, batches in (("data", training), ("validation", validation)):
        if isinstance(batches, Batches):
            told[name] = batches.describe()
        elif batches is not None:
            told[name] = {"loader": "SeisBench generator", "records": len(batches.dataset)}
    packages = ("torch", "seisbench", "pytorch-lightning", "numpy")
    told["versions"] = {"python": platform.python_version()} | {name: version(name) for name in packages}
    return told


def _checkpoint(folder: Path, monitor: str | None):
    import pytorch_lightning as pl

    name = CHECKPOINT if monitor is None else BEST
    return pl.callbacks.ModelCheckpoint(
        dirpath=folder,
        filename=name.removesuffix(".ckpt"),
        monitor=monitor,
        save_top_k=1,
        every_n_epochs=1,
        save_on_train_epoch_end=monitor is None,
        enable_version_counter=False,
    )


def _loggers(folder: Path) -> list:
    from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

    csv = CSVLogger(folder, name="logs", flush_logs_every_n_steps=50)
    return [csv, TensorBoardLogger(folder, name="logs", version=csv.version)]


def _best_state(path: Path) -> dict:
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)["state_dict"]


@contextmanager
def _loading(checkpoint: Path | None):
    """What Lightning says of a checkpoint that does not fit, in our words."""
    try:
        yield
    except (RuntimeError, KeyError, ValueError) as error:
        text = str(error)
        if isinstance(error, TrainingError) or not ("state_dict" in text or "parameter group" in text):
            raise
        raise TrainingError(
            f"{checkpoint} is of another architecture, or trains other layers: {text.splitlines()[0]} Resume with the "
            "configuration that began it, or choose another folder"
        ) from error


@contextmanager
def _interruptible(trainer):
    """Lightning answers Ctrl-C with SystemExit and ignores it from then on; here it stays a KeyboardInterrupt."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit:
        if not trainer.interrupted:
            raise
        signal.signal(signal.SIGINT, before)
        raise KeyboardInterrupt from None


@contextmanager
def _quiet():
    """Lightning's advice on workers and its banners are not about what we do: batches are made on the device."""
    names = ("pytorch_lightning", "pytorch_lightning.utilities.rank_zero", "lightning.pytorch")
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning, module=r"(pytorch_)?lightning.*")
            warnings.filterwarnings("ignore", message=".*LeafSpec.*|.*does not have many workers.*")
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
