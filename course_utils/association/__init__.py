"""Association: which picks belong to one event. One interface over the methods, and how to score them."""

from .interface import METHODS, associate, associate_with_report
from .report import Report
from .scoring import AssociationScore, score
from .settings import AssociationSettings, PyOctoSettings, settings_for

__all__ = [
    "METHODS",
    "AssociationScore",
    "AssociationSettings",
    "PyOctoSettings",
    "Report",
    "associate",
    "associate_with_report",
    "score",
    "settings_for",
]
