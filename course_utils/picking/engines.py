"""Which engine runs a model: torch (any model, any device), or the vector kernel (PhaseNet on a CPU), chosen by itself."""

from __future__ import annotations

from collections.abc import Callable

from . import torch_engine
from .plan import Plan

ENGINES = ("auto", "torch", "kernel")


def choose(model, plan: Plan, engine: str) -> tuple[str, Callable]:
    """Name and ``probabilities(model, segments, plan, report)`` of the engine.

    Raises:
        ValueError: there is no such engine, or the kernel was asked for and does not serve this model or device.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine is {engine!r}; use one of {', '.join(ENGINES)}")
    return "torch", torch_engine.probabilities
