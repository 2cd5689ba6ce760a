"""The U-Net of the course as a SeisBench model: trained, saved, loaded and run over continuous data like any other."""

from __future__ import annotations

from typing import Any

import seisbench.util as sbu
import torch
from seisbench.models.base import WaveformModel

from .unet import UNet


class UNetPicker(WaveformModel):
    """:class:`UNet` with what SeisBench and the picker want to know of a model: window, labels, normalisation, thresholds."""

    _annotate_args = WaveformModel._annotate_args.copy()
    _annotate_args["*_threshold"] = ("Detection threshold for the provided phase", 0.3)
    _annotate_args["blinding"] = ("Samples to discard on each side of each window", (250, 250))
    _annotate_args["overlap"] = (_annotate_args["overlap"][0], 1500)

    def __init__(
        self,
        phases: str = "PSN",
        in_samples: int = 3001,
        sampling_rate: float = 100,
        channels: tuple[int, ...] = (8, 16, 32, 64),
        step: int = 4,
        **kwargs,
    ):
        edge = min(250, in_samples // 12)  # where a window knows too little of what is around
        kwargs.setdefault("default_args", {"overlap": in_samples // 2, "blinding": [edge, edge]})
        super().__init__(
            citation="The U-Net of lesson 13, after PhaseNet (Zhu and Beroza 2019, doi:10.1093/gji/ggy423)",
            in_samples=in_samples,
            output_type="array",
            pred_sample=(0, in_samples),
            labels=phases,
            sampling_rate=sampling_rate,
            **kwargs,
        )
        self.channels, self.step = tuple(channels), step
        self.net = UNet(len(phases), channels=self.channels, step=step)

    def forward(self, x: torch.Tensor, logits: bool = False) -> torch.Tensor:
        scores = self.net(x)
        return scores if logits else torch.softmax(scores, 1)

    def annotate_batch_pre(self, batch: torch.Tensor, argdict: dict[str, Any]) -> torch.Tensor:
        batch = batch - batch.mean(-1, keepdim=True)
        return batch / (batch.std(-1, keepdim=True) + 1e-10)

    def annotate_batch_post(self, batch: torch.Tensor, piggyback: Any, argdict: dict[str, Any]) -> torch.Tensor:
        batch = torch.transpose(batch, -1, -2)
        before, after = argdict.get("blinding", self._annotate_args["blinding"][1])
        batch[:, :before] = torch.nan
        batch[:, batch.shape[1] - after :] = torch.nan
        return batch

    def classify_aggregate(self, annotations, argdict) -> sbu.ClassifyOutput:
        picks = sbu.PickList()
        for phase in self.labels.replace("N", ""):
            threshold = argdict.get(f"{phase}_threshold", self._annotate_args["*_threshold"][1])
            curves = annotations.select(channel=f"{type(self).__name__}_{phase}")
            picks += self.picks_from_annotations(curves, threshold, phase)
        return sbu.ClassifyOutput(self.name, picks=sbu.PickList(sorted(picks)))

    def get_model_args(self) -> dict[str, Any]:
        told = {"phases": self.labels, "in_samples": self.in_samples, "sampling_rate": self.sampling_rate}
        return told | {"channels": list(self.channels), "step": self.step, "component_order": self.component_order}
