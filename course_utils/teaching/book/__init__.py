"""The course as a static site: ``python -m course_utils.teaching.book`` builds ``book/_build/html``."""
