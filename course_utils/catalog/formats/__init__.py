"""Catalogs in the formats that others read and write; :mod:`~course_utils.catalog.formats.registry` lists them all."""

from __future__ import annotations

from course_utils.catalog.formats.comcat import read_csv, write_csv
from course_utils.catalog.formats.quakeml import read_quakeml, write_quakeml
from course_utils.catalog.formats.text import id_text, parse_id

__all__ = ["id_text", "parse_id", "read_csv", "read_quakeml", "write_csv", "write_quakeml"]
