"""Which engine runs a model: torch (any model, any device), or the vector kernel (PhaseNet on a CPU), chosen by itself."""

from __future__ import annotations

from collections.abc import Callable

from . import torch_engine
from .plan import Plan

ENGINES = ("auto", "torch", "kernel")
PUBLISHED_PHASENET = {
    "in_channels": 3,
    "classes": 3,
    "filters_root": 8,
    "filter_factor": 1,
    "depth": 5,
    "in_samples": 3001,
}


def choose(model, plan: Plan, engine: str) -> tuple[str, Callable]:
    """Name and ``probabilities(model, segments, plan, report)`` of the engine.

    Raises:
        ValueError: there is no such engine, or the kernel was asked for and does not serve this model or device.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine is {engine!r}; use one of {', '.join(ENGINES)}")
    if engine != "torch":
        why = _beyond_the_kernel(model, plan)
        if not why:
            try:
                from . import kernel
            except (ImportError, OSError, RuntimeError) as error:  # numba or its LLVM does not load on this machine
                why = f"it needs numba, which cannot be used here: {error}"
            else:
                return "kernel", kernel.probabilities
        if engine == "kernel":
            raise ValueError(f"engine='kernel': {why}; use engine='auto' or 'torch'")
    return "torch", torch_engine.probabilities


def _beyond_the_kernel(model, plan: Plan) -> str:
    """Why the kernel cannot run this model as planned; empty when it can."""
    from seisbench.models import PhaseNet

    if type(model) is not PhaseNet:
        return f"it is made for SeisBench's PhaseNet, not {type(model).__name__}"
    own = {"forward", "annotate_batch_pre", "annotate_batch_post"} & vars(model).keys()
    if own or any(part._forward_hooks or part._forward_pre_hooks for part in model.modules()):
        return "somebody has changed or hooked what the model computes"
    if plan.device != "cpu":
        return f"it runs on a CPU, not on {plan.device}"
    for name, value in PUBLISHED_PHASENET.items():
        if getattr(model, name, None) != value:
            return f"it is made for {name} = {value}, not {getattr(model, name, None)}"
    if model.norm not in ("std", "peak") or model.norm_detrend or model.norm_amp_per_comp:
        return "the weights ask for another normalisation than by standard deviation or peak"
    if plan.precision != "single":
        return f"it works in single precision, not {plan.precision}"
    if plan.stacking != "avg":
        return f"it stacks by average, not by {plan.stacking}"
    return ""
