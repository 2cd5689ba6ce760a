"""Where and when: hypocenters and their uncertainty."""

from course_utils.location.absolute import LocationRun, locate, run_location
from course_utils.location.explore import ellipsoid, misfit_grid, posterior
from course_utils.location.locator import Locator
from course_utils.location.quality import GRADES
from course_utils.location.settings import LocationSettings

__all__ = [
    "GRADES",
    "LocationRun",
    "LocationSettings",
    "Locator",
    "ellipsoid",
    "locate",
    "misfit_grid",
    "posterior",
    "run_location",
]
