"""One association, timed, and the random search by which both methods are tuned with the same budget."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from course_utils.association import AssociationSettings, associate_with_report, settings_for
from course_utils.catalog.tables import Catalog

# Factors on what ``settings_for`` derives from a network, or values of their own; so that what was tuned on one network
# can be carried to another.
FACTORS = {
    # above the default, PyOcto takes minutes for a set of aftershocks
    "pyocto": {
        "cutoff_km": (0.6, 1.05),
        "model_tolerance_s": (0.5, 1.05),
        "node_km": (0.7, 1.5),
        "pick_tolerance_s": (0.7, 1.4),
        "time_before_s": (0.9, 1.3),
    },
    "vote": {
        "cutoff_km": (0.7, 1.3),
        "model_tolerance_s": (0.6, 1.3),
        "node_km": (0.7, 1.5),
        "pick_tolerance_s": (0.7, 1.4),
        "time_before_s": (0.9, 1.3),
    },
}
CHOICES = {
    "pyocto": {
        "min_picks": (6, 7, 8, 10),
        "slice_s": (300.0, 600.0, 1200.0),
        "min_station_fraction": (0.15, 0.25, 0.4),
    },
    "vote": {"min_picks": (6, 7, 8, 10), "pick_share": (0.3, 0.4, 0.5), "min_evidence": (7.0, 10.0, 14.0)},
}


@dataclass(frozen=True)
class Run:
    catalog: Catalog
    cpu_s: float


def draw_settings(method: str, rng: np.random.Generator) -> dict:
    """One trial of the random search: what to multiply, and what to set."""
    factors = {name: float(np.exp(rng.uniform(*np.log(limits)))) for name, limits in FACTORS[method].items()}
    chosen = {name: values[rng.integers(len(values))] for name, values in CHOICES[method].items()}
    return {"factors": factors, "values": chosen}


def settings(method: str, stations: pd.DataFrame, velocity: pd.DataFrame, tuned: dict) -> AssociationSettings:
    """Defaults of a network, changed by what tuning found."""
    default = settings_for(stations, velocity, method)
    changed = {name: getattr(default, name) * factor for name, factor in tuned.get("factors", {}).items()}
    values = dict(tuned.get("values", {}))
    if len(stations) < 5:  # networks that small have rules of their own
        values.pop("min_picks", None)
    return default.with_overrides(**changed, **values)


def measure(
    method: str, picks: pd.DataFrame, stations: pd.DataFrame, velocity: pd.DataFrame, tuned: dict, **how
) -> Run:
    """Associate and count processor seconds; travel-time tables, which all methods share, are at hand."""
    how = {"settings": settings(method, stations, velocity, tuned), **how}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = picks.sort_values("time").iloc[:30]
        associate_with_report(first, stations, velocity, method, settings=how["settings"])
        began = time.process_time()
        catalog, _ = associate_with_report(picks, stations, velocity, method, **how)
    return Run(catalog, time.process_time() - began)
