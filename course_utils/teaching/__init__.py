"""Exercise checks, figures and tools for lessons.

A notebook needs ``from course_utils import teaching`` and ``from course_utils.teaching import checks``; the rest of
this room writes, runs and publishes the lessons.
"""

from course_utils.teaching.session import choose_device, real_data, start, work_folder

__all__ = ["choose_device", "real_data", "start", "work_folder"]
