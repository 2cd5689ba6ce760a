"""Picking: phase arrivals from continuous data with any SeisBench model, and baselines with the same result.

picks = picking.pick(stream, model="phasenet:original")
"""

from . import baselines
from .models import PACKAGED, ModelError, load_model, save_model
from .picker import Annotation, annotate, pick
from .report import Report
from .torch_engine import PickingError

__all__ = [
    "PACKAGED",
    "Annotation",
    "ModelError",
    "PickingError",
    "Report",
    "annotate",
    "baselines",
    "load_model",
    "pick",
    "save_model",
]
