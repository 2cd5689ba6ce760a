"""How a model runs over data: its windows, where they start, how they are stacked, and the thresholds of its picks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_utils.catalog import tables

CPU_BATCH = 32  # larger batches leave the cache and are slower
GPU_BATCH = 512
CPU_BLOCK, GPU_BLOCK = 1_500_000, 4_500_000  # samples per component that are worked at once: 4.2 and 12.5 h at 100 Hz
ANCHORS = ("segment", "time")
PRECISIONS = ("single", "half")
SERVED = (
    "PhaseNet, PhaseNetLight, VariableLengthPhaseNet, LFEDetect, DKPN, EQTransformer, OBSTransformer, EQTP, EQCCTP, "
    "EQCCTS, Skynet, BasicPhaseAE, GPD"
)


@dataclass(frozen=True)
class Plan:
    """Windows of ``in_samples`` every ``step`` samples, ``batch_size`` at once.

    ``anchor`` says where windows start: at the first sample of each segment, as in SeisBench, or at multiples of
    ``step`` counted from 1970, so that the same data give the same windows however they were cut. Segments much longer
    than ``block_samples`` are worked in blocks of about that length, which bounds the memory. ``point`` is True where
    the model gives one vector per window, for its sample ``pred_sample[1]``.
    """

    device: str
    batch_size: int
    in_samples: int
    step: int
    stacking: str
    pred_sample: tuple[int, int]
    arguments: dict
    anchor: str = "segment"
    block_samples: int = CPU_BLOCK
    precision: str = "single"
    point: bool = False

    @property
    def blinding(self) -> tuple[int, int]:
        """Output samples at the start and the end of each window that do not count."""
        before, after = self.arguments["blinding"]
        return int(before), int(after)


def make_plan(
    model,
    device: str | None,
    batch_size: int | None,
    overlap: float | None,
    anchor: str = "segment",
    precision: str = "single",
) -> Plan:
    """The plan that SeisBench would follow (defaults of the class, then of the weights, then ours).

    Raises:
        ValueError: an overlap, batch size, anchor, precision or device that cannot be, or a model that does not give
            probabilities over the time of one instrument.
    """
    import torch

    _check_kind(model)
    arguments = {"blinding": model._annotate_args.get("blinding", ("", (0, 0)))[1]} | dict(model.default_args)
    if overlap is not None:
        arguments["overlap"] = overlap
    point = model.output_type == "point"
    step = _point_step(model, arguments, overlap) if point else _array_step(model, arguments)
    stacking = str(arguments.get("stacking", model._annotate_args["stacking"][1])).lower()
    if stacking not in ("avg", "max"):
        raise ValueError(f"stacking is {stacking!r}; use 'avg' or 'max'")
    if anchor not in ANCHORS:
        raise ValueError(f"anchor is {anchor!r}; use one of {', '.join(ANCHORS)}")
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}; use one of {', '.join(PRECISIONS)}")
    if device in (None, "auto"):
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if str(device).startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"device is {device!r} but torch sees no GPU here; use device='cpu' or 'auto'")
    if batch_size is None:
        batch_size = CPU_BATCH if str(device) == "cpu" else GPU_BATCH
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; give a whole number from 1")
    arguments["sampling_rate"] = model.sampling_rate
    span = model.pred_sample if isinstance(model.pred_sample, (tuple, list)) else (0, model.pred_sample)
    block = CPU_BLOCK if str(device) == "cpu" else GPU_BLOCK
    windows_of = (str(device), int(batch_size), model.in_samples, step, stacking, tuple(span), arguments)
    return Plan(*windows_of, anchor, block, precision, point)


def _check_kind(model) -> None:
    from seisbench.models import WaveformModel

    kind, why = type(model), ""
    if not isinstance(model, WaveformModel):
        why = "is no SeisBench waveform model"
    elif model._grouping.grouping != "instrument":
        why = f"reads the records grouped by {model._grouping.grouping!r}, not one instrument at a time"
    elif model.output_type not in ("array", "point") or not model.in_samples:
        why = f"has outputs of type {model.output_type!r} and windows of {model.in_samples} samples"
    elif callable(model.labels):
        why = "names its outputs by station: they are no phases"
    elif kind.annotate is not WaveformModel.annotate or kind.annotate_async is not WaveformModel.annotate_async:
        why = "annotates records in a way of its own"
    if why:
        raise ValueError(f"{kind.__name__} {why}; models that the picker runs are {SERVED}, and others of their kind")


def _array_step(model, arguments: dict) -> int:
    overlap = arguments.get("overlap", model._annotate_args["overlap"][1])
    samples = int(overlap * model.in_samples) if overlap < 1 else int(overlap)
    if not 0 <= samples < model.in_samples:
        raise ValueError(f"overlap is {overlap}; give a fraction below 1 or samples from 1 to {model.in_samples - 1}")
    return model.in_samples - samples


def _point_step(model, arguments: dict, overlap: float | None) -> int:
    if overlap is not None:
        raise ValueError(
            f"overlap is {overlap}, but {type(model).__name__} gives one vector per window: set the samples from window "
            "to window by model.default_args['stride']"
        )
    stride = arguments.get("stride", model._annotate_args["stride"][1])
    if int(stride) != stride or stride < 1:
        raise ValueError(f"stride is {stride}; give whole samples from 1")
    return int(stride)


@dataclass(frozen=True)
class Windows:
    """Where the windows of one segment start.

    Window ``begin`` up to ``end`` are regular, ``step`` apart; one before them and one after them may reach for the first
    and the last samples.
    """

    offsets: np.ndarray
    begin: int
    end: int


def windows(length: int, first_sample: int, plan: Plan) -> Windows:
    """The windows of a segment of ``length`` samples whose first one has number ``first_sample`` since 1970."""
    last = length - plan.in_samples
    lead = min(-first_sample % plan.step, last) if plan.anchor == "time" else 0
    regular = np.arange(lead, last + 1, plan.step)
    if plan.point:  # the vectors are samples of a series: none may stand out of step
        return Windows(regular.astype(np.int64), 0, len(regular))
    head = [0] if lead else []
    tail = [last] if regular[-1] < last else []
    offsets = np.concatenate([head, regular, tail]).astype(np.int64)
    return Windows(offsets, len(head), len(head) + len(regular))


def labels(model, count: int = 0) -> tuple[str, ...]:
    """Names of the model's outputs."""
    return tuple(str(label) for label in (model.labels if model.labels is not None else range(count)))


def thresholds(model, plan: Plan, given: float | dict[str, float] | None) -> dict[str, float]:
    """Threshold of each phase that the model knows: the caller's, else the weights', else the class's.

    Raises:
        ValueError: a threshold outside (0, 1], a phase that the model does not know, or a model without phases.
    """
    names = labels(model)
    phases = [phase for phase in tables.PHASES if phase in names]
    if not phases:
        raise ValueError(f"{type(model).__name__} gives {', '.join(names) or 'no labels'}, neither P nor S")
    if isinstance(given, dict):
        unknown = given.keys() - set(phases)
        if unknown:
            raise ValueError(
                f"thresholds name {', '.join(map(str, unknown))}; the model's phases are {', '.join(phases)}"
            )
    elif given is not None:
        given = dict.fromkeys(phases, float(given))
    default = model._annotate_args.get("*_threshold", ("", 0.3))[1]
    limits = {p: float(plan.arguments.get(f"{p}_threshold", default)) for p in phases} | dict(given or {})
    for phase, value in limits.items():
        if not 0 < value <= 1:
            raise ValueError(f"threshold of {phase} is {value}; give a probability above 0 and at most 1")
    return limits
