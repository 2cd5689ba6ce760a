"""Association: which picks belong to one event. One interface over the methods, and how to score them."""

from .explain import Explanation, explain
from .gamma import GammaSettings
from .interface import associate, associate_with_report
from .methods import METHODS, settings_for
from .pyocto import PyOctoSettings
from .report import Report
from .scoring import AssociationScore, score, score_events
from .settings import AssociationSettings

__all__ = [
    "METHODS",
    "AssociationScore",
    "AssociationSettings",
    "Explanation",
    "GammaSettings",
    "PyOctoSettings",
    "Report",
    "associate",
    "associate_with_report",
    "explain",
    "score",
    "score_events",
    "settings_for",
]
