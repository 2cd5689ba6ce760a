"""Records cleaned by SeisBench's DeepDenoiser before a model reads them; what is measured stays on the records as they came.

Zhu, Mousavi & Beroza (2019), doi:10.1109/TGRS.2019.2926772.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd

from .models import load_model, weights_name
from .records import Instrument, Piece
from .report import Report
from .torch_engine import PickingError

BATCH = 32


@dataclass(frozen=True)
class Denoiser:
    """Gives an instrument whose pieces are denoised, one by one: same times, lengths, rates and interpolated samples,
    float32, without their mean. Windows and their averaging are those of SeisBench's ``annotate``."""

    model: object
    device: str
    name: str

    def __call__(self, instrument: Instrument, report: Report) -> Instrument:
        pieces = {}
        for letter, some in instrument.pieces.items():
            pieces[letter] = [replace(p, data=self._clean(p, instrument.seed_id(letter), report)) for p in some]
        return replace(instrument, pieces=pieces)

    def _clean(self, piece: Piece, seed_id: str, report: Report) -> np.ndarray:
        from obspy import Stream, Trace
        from scipy.signal import resample_poly

        data = np.asarray(piece.data, np.float64)
        data = (data - data.mean()).astype(np.float32)
        stream = Stream([Trace(data.copy(), {"sampling_rate": piece.rate_hz, "channel": seed_id.split(".")[-1]})])
        try:
            self.model.annotate_stream_pre(stream, dict(self.model.default_args))
        except (ValueError, ArithmeticError, TypeError) as error:  # scipy and ObsPy refuse odd lengths
            station, _, channel = seed_id.rpartition(".")
            report.note("not denoised", station, channel, seconds=piece.seconds, detail=str(error))
            return data
        try:
            heard = self._overlap_add(np.asarray(stream[0].data, np.float32))
        except Exception as error:  # whatever the model raises, the user must learn where
            when = f"{pd.Timestamp(piece.start_ns, tz='UTC'):%Y-%m-%dT%H:%M:%S}"
            raise PickingError(f"{type(self.model).__name__} failed on {seed_id} at {when}: {error}") from error
        if stream[0].stats.sampling_rate != piece.rate_hz:
            ratio = Fraction(piece.rate_hz / stream[0].stats.sampling_rate).limit_denominator(1000)
            heard = resample_poly(heard, ratio.numerator, ratio.denominator)
        heard = np.pad(heard, (0, max(len(data) - len(heard), 0)), mode="edge")
        return heard[: len(data)].astype(np.float32)

    def _overlap_add(self, data: np.ndarray) -> np.ndarray:
        import torch

        size, length = self.model.in_samples, len(data)
        if length < size:
            data = np.pad(data, (0, size - length), mode="reflect")
        overlap = self.model.default_args.get("overlap", self.model._annotate_args["overlap"][1])
        step = size - (int(overlap * size) if overlap < 1 else int(overlap))
        starts = np.append(np.arange(0, len(data) - size, step), len(data) - size)
        total, seen = np.zeros(len(data), np.float32), np.zeros(len(data), np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(data, size)
        for at in range(0, len(starts), BATCH):
            some = starts[at : at + BATCH]
            with torch.inference_mode():
                batch = torch.from_numpy(windows[some]).to(self.device)
                prepared, aside = self.model.annotate_batch_pre(batch, argdict={})
                cleaned = self.model.annotate_batch_post(self.model(prepared), piggyback=aside, argdict={})
            for start, window in zip(some, cleaned.cpu().numpy(), strict=True):
                total[start : start + size] += window
                seen[start : start + size] += 1
        return (total / seen)[:length]


def make_denoiser(given, device: str | None) -> Denoiser | None:
    """From the ``denoise`` of :func:`course_utils.picking.pick`: a name for ``load_model``, a model, or None.

    Raises:
        ModelError: the weights cannot be had.
        ValueError: a model that does not turn the record of a channel into another.
    """
    import torch

    if given is None:
        return None
    model = load_model(given) if isinstance(given, (str, Path)) else given
    kind = type(model).__name__
    grouping = getattr(getattr(model, "_grouping", None), "grouping", None)
    if grouping != "channel" or model.output_type != "array" or not callable(model.labels):
        raise ValueError(f"denoise is {kind}, which gives no waveforms; use DeepDenoiser or leave it out")
    if device in (None, "auto"):
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return Denoiser(model, str(device), f"{kind.lower()}:{weights_name(model)}")
