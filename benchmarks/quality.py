"""Quality control: faults of records found and scored against injected ones, graded events, comparison with published catalogs.

    python benchmarks/quality.py [--quick] [--json FILE]

Each part is a module ``_quality_*.py`` with a function that takes ``quick`` and returns its figures.
"""

from __future__ import annotations

import sys

from _common import Figure, run
from _quality_catalog import graded_catalog
from _quality_faults import faults
from _quality_pairs import pairs

PARTS = (faults, pairs, graded_catalog)


def measure(quick: bool) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for part in PARTS:
        figures |= part(quick)
    return figures


if __name__ == "__main__":
    sys.exit(run("quality", measure))
