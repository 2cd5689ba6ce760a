"""The Lightning module around a SeisBench model: loss, schedule, what is frozen, what is logged."""

from __future__ import annotations

import inspect
import math
from dataclasses import asdict

import pytorch_lightning as pl
import torch
from torch.nn import functional

from .banks import TrainingError
from .batches import Batches
from .recipe import Recipe

# modules of each architecture: (encoder, output layers)
_PARTS = {
    "PhaseNet": (("inc", "in_bn", "down_branch"), ("out",)),
    "VariableLengthPhaseNet": (("inc", "in_bn", "down_branch"), ("out",)),
    "UNet": (("encoder", "bottom"), ("out",)),  # inside UNetPicker
    "EQTransformer": (
        ("encoder", "res_cnn_stack", "bi_lstm_stack", "transformer_d0", "transformer_d"),
        ("conv_d", "pick_convs"),
    ),
}


class PickerModule(pl.LightningModule):
    """Trains a model that answers with probabilities at every sample.

    ``training`` and ``validation`` are :class:`Batches` (asked for batch number ``global_step``, made on the device of
    the network) or None when data loaders with ``{"X", "y"}`` of SeisBench's generator are given to the trainer.
    """

    def __init__(self, model, recipe: Recipe, training: Batches | None = None, validation: Batches | None = None):
        super().__init__()
        label_letters(model)  # refuses what gives no probabilities per sample
        self.model, self.recipe = model, recipe
        self._batches = {"train": training, "val": validation}
        self._logits = "logits" in inspect.signature(model.forward).parameters
        self._frozen = freeze(model, recipe.freeze)
        weights = recipe.class_weights or [1.0] * len(model.labels)
        if len(weights) != len(model.labels):
            raise TrainingError(f"class_weights {weights}: the model has {len(model.labels)} labels, {model.labels}")
        self.register_buffer("class_weights", torch.tensor(weights, dtype=torch.float32), persistent=False)

    def loss(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Cross-entropy averaged over samples, and the probabilities (n, labels, samples). ``x`` as the batches give it."""
        out = self.model(prepare(self.model, x), **({"logits": True} if self._logits else {}))
        several = isinstance(out, tuple | list)
        out = (torch.stack(tuple(out), 1) if several else out).float()
        weights = self.class_weights[:, None]
        if several:  # each output is a yes or no of its own (EQTransformer)
            if self._logits:
                each, probability = functional.binary_cross_entropy_with_logits(out, y, reduction="none"), out.sigmoid()
            else:
                each, probability = functional.binary_cross_entropy(out, y, reduction="none"), out
            return (weights * each).sum(1).mean(), probability
        log = torch.log_softmax(out, 1) if self._logits else torch.log(out.clamp(min=1e-7))
        return -(weights * y * log).sum(1).mean(), log.exp()

    def training_step(self, batch, _index: int) -> torch.Tensor:
        torch.manual_seed(hash((self.recipe.seed, self.global_step)) % 2**63)  # dropout too goes on after a kill
        x, y = self._data("train", batch, self.global_step)
        loss, _ = self.loss(x, y)
        if not torch.isfinite(loss):
            raise TrainingError(
                f"step {self.global_step}: the loss is {loss.item()}; lower the learning rate, check the data"
            )
        self.log("train_loss", loss, prog_bar=True, batch_size=len(x), on_step=True, on_epoch=False)
        return loss

    def validation_step(self, batch, _index: int) -> None:
        x, y = self._data("val", batch, batch if isinstance(batch, int) else 0)
        loss, probability = self.loss(x, y)
        self.log("val_loss", loss, prog_bar=True, batch_size=len(x))
        for name in "PS":
            at = label_letters(self.model).index(name)
            there = y[:, at].amax(1) > 0.9
            if there.any():  # the trap of an output that stays small while the loss looks normal shows here
                peak = probability[there, at].amax(1)
                self.log(f"val_{name.lower()}_peak", peak.mean(), batch_size=int(there.sum()), prog_bar=name == "P")

    def configure_optimizers(self):
        trained = [p for p in self.model.parameters() if p.requires_grad]
        optimiser = torch.optim.AdamW(trained, lr=self.recipe.learning_rate, weight_decay=self.recipe.weight_decay)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate_factor(step, self.recipe))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        checkpoint["course"] = self._identity()

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        here, there = self._identity(), checkpoint.get("course", {})
        differ = [f"{k} was {there.get(k)!r} and is {v!r}" for k, v in here.items() if there.get(k) != v]
        if differ:
            raise TrainingError(
                f"the checkpoint belongs to another training: {'; '.join(differ)}. Resume with the configuration that "
                "began it, or choose another folder"
            )

    def _identity(self) -> dict:
        told = {"model": type(self.model).__name__, "labels": str(self.model.labels)}
        told["parameters"] = sum(p.numel() for p in self.model.parameters())
        batches = self._batches["train"]
        return told | asdict(self.recipe) | ({} if batches is None else {"data": batches.digest})

    def on_fit_start(self) -> None:
        for batches in self._batches.values():
            if batches is not None:
                batches.to(self.device)

    def on_train_batch_start(self, *_args) -> None:
        for part in self._frozen:  # a frozen layer keeps its running mean and variance as well
            part.eval()

    def _data(self, kind: str, batch, number: int):
        batches = self._batches[kind]
        if batches is not None:
            return batches(number)
        return batch["X"], batch["y"]


def prepare(model, x: torch.Tensor) -> torch.Tensor:
    """Waveforms in Z, N, E as the network sees them when it picks: its own component order and normalisation."""
    order = ["ZNE".index(c) for c in model.component_order]
    if order != [0, 1, 2]:
        x = x[:, order]
    out = model.annotate_batch_pre(x, dict(model.default_args))
    return out[0] if isinstance(out, tuple) else out


def label_letters(model) -> str:
    """Labels of a model by their first letters, "PSN" or "DPS"; TrainingError for models without curves of P and S."""
    labels = "".join(str(label)[0].upper() for label in (model.labels or ""))
    if model.output_type != "array" or not {"P", "S"} <= set(labels) or set(labels) - set("PSND"):
        raise TrainingError(
            f"{type(model).__name__} with labels {model.labels} and {model.output_type} output: only models that give P "
            "and S at every sample are trained here (PhaseNet, EQTransformer, the U-Net)"
        )
    return labels


def freeze(model, what: str) -> list[torch.nn.Module]:
    """Switch off the gradients of ``"encoder"`` or of all but the ``"output"`` layers; the modules that are frozen."""
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    if what == "none":
        return []
    model = getattr(model, "net", model)
    kind = next((base.__name__ for base in type(model).__mro__ if base.__name__ in _PARTS), None)
    if kind is None:
        raise TrainingError(
            f"{type(model).__name__}: nothing is known of its parts; known are {', '.join(_PARTS)}. freeze='none'"
        )
    encoder, output = _PARTS[kind]
    parts = [
        part for name, part in model.named_children() if (name in encoder if what == "encoder" else name not in output)
    ]
    for part in parts:
        for parameter in part.parameters():
            parameter.requires_grad_(False)
    return parts


def rate_factor(step: int, recipe: Recipe) -> float:
    """Learning rate at a step over its greatest value."""
    done = min(1.0, step / max(1, recipe.steps))
    if recipe.schedule == "constant":
        return min(1.0, (step + 1) / max(1.0, recipe.warm_up * recipe.steps))
    start, end = (0.0, 1e-3) if recipe.schedule == "cosine" else (0.04, 1e-4)
    warm = recipe.warm_up if recipe.schedule == "cosine" else 0.3  # one-cycle: Smith and Topin (2019)
    if done < warm:
        x = done / warm
        rise = x if recipe.schedule == "cosine" else 0.5 * (1 - math.cos(math.pi * x))
        return max(1e-3, start + (1 - start) * rise)
    return end + (1 - end) * 0.5 * (1 + math.cos(math.pi * (done - warm) / (1 - warm)))


def set_noise_bias(model, bias: float) -> None:
    """Begin with an answer of "noise" nearly everywhere, as it is nearly everywhere right.

    With the default bias and a high learning rate the P probability of a PhaseNet never passed 0.33 although the loss
    looked normal. Models whose last layer is not a convolution called ``out`` are left as they are.
    """
    out = getattr(getattr(model, "net", model), "out", None)
    letters = label_letters(model)
    if isinstance(out, torch.nn.Conv1d) and out.bias is not None and "N" in letters:
        with torch.no_grad():
            out.bias.zero_()
            out.bias[letters.index("N")] = bias
