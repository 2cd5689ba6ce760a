"""Reference values that the prose quotes: stored in ``golden/*.json``, filled into the text, and verified.

A file ``golden/lesson01.json`` maps names to entries::

    {"events": {"value": 14, "tolerance": 1, "format": "d", "date": "2026-11-21", "data": "synthetic, seed 7",
                "doc": "events of the first hour"}}

The prose writes ``{golden:lesson01.events}``. A cell of the lesson tagged ``golden`` calls
``golden.check("lesson01", events=len(catalog.events))``, so that every run of the lesson verifies what its text says.
With ``COURSE_GOLDEN=write`` the same call stores the value instead; look at the difference before committing it.
"""

from __future__ import annotations

import json
import math
import os
from datetime import date
from pathlib import Path

import course_utils

_FIELDS = {"value": (int, float, str), "tolerance": (int, float), "format": str, "date": str, "data": str, "doc": str}


class GoldenError(AssertionError):
    """A result is not what the text says; the message names both and the remedy."""


def folder() -> Path:
    """The folder of the reference values: ``golden/`` of the checkout (``COURSE_GOLDEN_DIR`` points elsewhere)."""
    return Path(os.environ.get("COURSE_GOLDEN_DIR") or Path(course_utils.__file__).parents[1] / "golden")


def load(name: str) -> dict[str, dict]:
    """The entries of one file, checked. Raises GoldenError for a file that is not in the form above."""
    path = folder() / f"{name}.json"
    if not path.exists():
        return {}
    entries = json.loads(path.read_text(encoding="utf-8"))
    for key, entry in entries.items():
        for field, types in _FIELDS.items():
            if field not in entry:
                raise GoldenError(f"{path.name}: {key} has no {field!r}; every value needs {', '.join(_FIELDS)}")
            if not isinstance(entry[field], types):
                raise GoldenError(f"{path.name}: {key}: {field} is {entry[field]!r}; give it the right type")
        date.fromisoformat(entry["date"])
    return entries


def text(key: str) -> str:
    """The value under ``file.name`` as the prose quotes it; KeyError says which values there are."""
    name, _, field = key.partition(".")
    entries = load(name)
    if field not in entries:
        there = ", ".join(f"{name}.{k}" for k in entries) or f"none in golden/{name}.json"
        raise KeyError(f"no reference value {key!r}; there are: {there}. Run the lesson with COURSE_GOLDEN=write")
    return format(entries[field]["value"], entries[field]["format"])


def check(name: str, /, **values: float | str) -> None:
    """Compare results with the stored values of ``golden/<name>.json``.

    A number may differ by the entry's absolute ``tolerance``, a text not at all.

    Raises:
        GoldenError: a value is not stored, is not a number, or differs by more than its tolerance.
    """
    if os.environ.get("COURSE_GOLDEN") == "write":
        _write(name, values)
        return
    entries, wrong = load(name), []
    for key, value in values.items():
        if key not in entries:
            wrong.append(f"{name}.{key} is not stored (now {value!r})")
            continue
        stored, tolerance = entries[key]["value"], entries[key]["tolerance"]
        if isinstance(stored, str) or isinstance(value, str):
            if str(value) != str(stored):
                wrong.append(f"{name}.{key}: now {value!r}, the text says {stored!r}")
        elif not math.isfinite(value) or abs(value - stored) > tolerance:
            wrong.append(f"{name}.{key}: now {value:g}, the text says {stored:g} within {tolerance:g}")
    if wrong:
        raise GoldenError(
            "; ".join(wrong) + ". If the new values are right, run the lesson with COURSE_GOLDEN=write, "
            "make notebooks, and read what the text now says"
        )


def _write(name: str, values: dict) -> None:
    entries = load(name)
    for key, value in values.items():
        value = value.item() if hasattr(value, "item") else value
        default = {
            "tolerance": 0 if isinstance(value, (int, str)) else float(f"{abs(value) * 0.05:.1g}"),
            "format": "" if isinstance(value, str) else "d" if isinstance(value, int) else ".2g",
            "doc": "",
        }
        known = entries.get(key, default)
        if not isinstance(value, str) and "value" in known and abs(value - known["value"]) <= known["tolerance"]:
            continue  # still right: the text stays as it is
        data = f"course {course_utils.__version__}, {os.environ.get('COURSE_DATA', 'embedded')} data"
        stamp = {"date": date.today().isoformat(), "data": data}
        entries[key] = {"value": value, **{k: known[k] for k in ("tolerance", "format", "doc")}, **stamp}
    folder().mkdir(parents=True, exist_ok=True)
    out = json.dumps(entries, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    (folder() / f"{name}.json").write_text(out, encoding="utf-8")
