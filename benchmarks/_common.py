"""What every benchmark program shares: its options, its table, and the JSON object on its last line.

    from _common import Figure, run

    def measure(quick):
        return {"read_day_ms": Figure(98.0, "one station-day, 3 x 100 Hz, MiniSEED", goal="at most 150")}

    if __name__ == "__main__":
        sys.exit(run("picking", measure))

A figure that cannot be measured here is ``missing(...)`` with its reason: it stands in the table and stays out of the JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured number: its value, what it was measured on, and the goal in words (empty when there is none)."""

    value: float | int | bool | str | None
    measured_on: str
    goal: str = ""


def missing(reason: str, goal: str = "") -> Figure:
    """A figure that could not be measured; the reason is printed and the key is left out of the JSON object."""
    return Figure(None, f"not measured: {reason}", goal)


def mirror(dataset: str) -> Path | None:
    """Folder of a data set under COURSE_DATA_MIRROR, or None when it is not there."""
    root = os.environ.get("COURSE_DATA_MIRROR")
    folder = Path(root) / dataset if root else None
    return folder if folder is not None and folder.is_dir() else None


def in_turn(variants: dict[str, Callable[[], object]], repeats: int, warm_up: bool = True) -> dict[str, float]:
    """Median seconds of each variant. They run in turn in this process, so that a busy machine slows all alike."""
    if warm_up:
        for work in variants.values():
            work()
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(repeats):
        for name, work in variants.items():
            start = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def run(name: str, measure: Callable[[bool], dict[str, Figure]], argv: list[str] | None = None) -> int:
    """Parse ``[--quick] [--json FILE]``, call ``measure(quick)``, print the table and, last, one line of JSON.

    The object holds the keys of ``measure`` with bare values, and beside them ``benchmark``, ``quick``, ``seconds``,
    ``machine`` and ``measured_on`` (key -> text). Returns the exit code: 0, an exception of ``measure`` passes through.
    """
    parser = argparse.ArgumentParser(prog=f"benchmarks/{name}.py")
    parser.add_argument("--quick", action="store_true", help="smaller input, same code: at most 5 minutes on 2 cores")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the JSON object to FILE")
    options = parser.parse_args(argv)
    start = time.perf_counter()
    figures = measure(options.quick)
    record = {
        "benchmark": name,
        "quick": options.quick,
        "seconds": round(time.perf_counter() - start, 1),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        **{key: _plain(figure.value) for key, figure in figures.items() if figure.value is not None},
        "measured_on": {key: figure.measured_on for key, figure in figures.items() if figure.value is not None},
    }
    line = json.dumps(record, allow_nan=False)
    print(_table(name, figures, options.quick))
    if options.json:
        options.json.write_text(line + "\n", encoding="utf-8")
    sys.stdout.flush()
    print(line, flush=True)
    return 0


def _plain(value: object) -> object:
    """The value as JSON knows it; a NaN is refused, since a figure without a value must say why (``missing``)."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"a figure is {value}; return missing(reason) instead")
        return float(f"{value:.6g}")
    return value


def _table(name: str, figures: dict[str, Figure], quick: bool) -> str:
    rows = [("figure", "value", "goal", "measured on")]
    for key, figure in figures.items():
        value = _plain(figure.value) if figure.value is not None else "-"
        rows.append((key, f"{value:.4g}" if isinstance(value, float) else str(value), figure.goal, figure.measured_on))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [
        "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[3]]).rstrip() for row in rows
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join([f"{name}{' (quick)' if quick else ''}", *lines, ""])
