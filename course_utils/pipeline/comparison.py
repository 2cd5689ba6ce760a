"""Moved to :mod:`course_utils.catalog.comparison`."""

from course_utils.catalog.comparison import Comparison, compare

__all__ = ["Comparison", "compare"]
