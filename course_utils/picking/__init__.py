"""Picking: phase arrivals from continuous data with any SeisBench model, and baselines with the same result.

picks = picking.pick(stream, model="phasenet:original")
"""

from . import baselines
from .ensemble import consensus
from .models import PACKAGED, ModelError, load_model, save_model
from .picker import Annotation, annotate, pick, pick_many
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
    "consensus",
    "load_model",
    "pick",
    "pick_many",
    "save_model",
]
