"""The Earth whose truth is known: network, sequence, seismograms, noise, faults to inject."""

from __future__ import annotations

_WHERE = {"World": "world", "Truth": "truth", "Scenario": "scenario", "Parts": "ground_motion"}


def __getattr__(name: str):
    # loaded when first used: importing the package must not cost seconds
    if name in _WHERE:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_WHERE])
