"""What Lightning's loop calls: learning curves that survive a kill, the best weights, a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable

import pandas as pd
import pytorch_lightning as pl

COLUMNS = ("train_loss", "val_loss", "val_p_peak", "val_s_peak")


class History(pl.Callback):
    """Learning curves in memory and in every checkpoint: the mean training loss between validations, and their figures."""

    def __init__(self):
        self.rows: list[dict[str, float]] = []
        self._losses: list[float] = []

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx) -> None:
        self._losses.append(float(outputs["loss"]))

    def on_train_epoch_end(self, trainer, module) -> None:
        if not self._losses:  # a resumed training ends its last epoch once more
            return
        row = {"step": trainer.global_step, "train_loss": sum(self._losses) / len(self._losses)}
        row |= {k: float(v) for k, v in trainer.callback_metrics.items() if k in COLUMNS[1:]}
        self.rows.append(row)
        self._losses = []

    def state_dict(self) -> dict:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict) -> None:
        self.rows = list(state_dict["rows"])

    def table(self) -> pd.DataFrame:
        """One row per validation."""
        return pd.DataFrame(self.rows, columns=["step", *COLUMNS]).astype(
            {"step": "int64"} | dict.fromkeys(COLUMNS, float)
        )


class BestInMemory(pl.Callback):
    """Keeps the weights of the lowest validation loss when nothing is written."""

    def __init__(self):
        self.loss, self.state = float("inf"), None

    def on_validation_end(self, trainer, module) -> None:
        loss = float(trainer.callback_metrics.get("val_loss", float("inf")))
        if loss < self.loss:
            self.loss = loss
            self.state = {k: v.detach().clone() for k, v in module.state_dict().items()}


class Say(pl.Callback):
    """One line for every validation: step, losses, the largest P probability, steps a second, time to go."""

    def __init__(self, say: Callable[[str], None]):
        self._say, self._began, self._first = say, 0.0, 0

    def on_train_start(self, trainer, module) -> None:
        self._began, self._first = time.monotonic(), trainer.global_step
        if self._first:
            self._say(f"goes on at step {self._first}")

    def on_train_epoch_end(self, trainer, module) -> None:
        figures = {k: float(v) for k, v in trainer.callback_metrics.items()}
        text = ", ".join(f"{k} {figures[k]:.4f}" for k in ("train_loss", "val_loss", "val_p_peak") if k in figures)
        speed = (trainer.global_step - self._first) / max(1e-9, time.monotonic() - self._began)
        left = (trainer.max_steps - trainer.global_step) / max(speed, 1e-9)
        self._say(
            f"step {trainer.global_step} of {trainer.max_steps}: {text}; {speed:.1f} steps/s, {left / 60:.0f} min to go"
        )
