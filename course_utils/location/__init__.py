"""Where and when: hypocenters and their uncertainty."""

from course_utils.location.absolute import LocationRun, locate, run_location
from course_utils.location.correlate import Correlations, CorrelationSettings, correlate
from course_utils.location.differences import catalog_differences
from course_utils.location.explore import ellipsoid, misfit_grid, posterior
from course_utils.location.locator import Locator
from course_utils.location.quality import GRADES
from course_utils.location.relative import RelocationRun, relocate, run_relocation
from course_utils.location.relative_errors import bootstrap, bootstrap_errors
from course_utils.location.relative_settings import RelocationSettings, Stage
from course_utils.location.settings import LocationSettings

__all__ = [
    "GRADES",
    "CorrelationSettings",
    "Correlations",
    "LocationRun",
    "LocationSettings",
    "Locator",
    "RelocationRun",
    "RelocationSettings",
    "Stage",
    "bootstrap",
    "bootstrap_errors",
    "catalog_differences",
    "correlate",
    "ellipsoid",
    "locate",
    "misfit_grid",
    "posterior",
    "relocate",
    "run_location",
    "run_relocation",
]
