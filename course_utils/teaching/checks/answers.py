"""Readers of answers: they take every form in which a learner may write a right answer, and say what else is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd


class Wrong(Exception):
    """The answer is wrong; the message says in which respect, not what would be right."""


class Unanswered(Exception):
    """The stub is untouched."""


def number(answer: object, low: float = -math.inf, high: float = math.inf, unit: str = "") -> float:
    """A finite number between ``low`` and ``high``: also from a NumPy scalar, an array of one value, or text."""
    value = answer
    if isinstance(value, str):
        value = value.strip().removesuffix(unit).strip() if unit else value.strip()
    if hasattr(value, "item") and getattr(value, "size", 1) == 1:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise Wrong(f"a number is asked for, this is {_kind(answer)}.")
    try:
        value = float(value)
    except ValueError:
        raise Wrong(f"a number is asked for, {answer!r} cannot be read as one.") from None
    in_unit = f" {unit}" if unit else ""
    if not math.isfinite(value):
        raise Wrong(f"the answer is {value}, which is no number; look for the step that made it.")
    if not low <= value <= high:
        raise Wrong(f"{value:g}{in_unit} is not possible here: between {low:g} and {high:g}{in_unit}. Check the unit.")
    return value


def whole(answer: object, low: float = -math.inf, high: float = math.inf) -> int:
    """A whole number, also written 3.0."""
    value = number(answer, low, high)
    if value != round(value):
        raise Wrong(f"a whole number is asked for, this is {value:g}.")
    return round(value)


def one_of(answer: object, options: Iterable[str]) -> str:
    """One of ``options``, whatever its case and brackets: "B", "(b)" and "b." are "b"; "BJES" is "BK.BJES." when no other fits."""
    options = [str(o) for o in options]
    text = str(answer.item() if hasattr(answer, "item") and getattr(answer, "size", 1) == 1 else answer)
    plain = _plain(text)
    fits = [o for o in options if o == text] or [o for o in options if _plain(o) == plain]
    if not fits and len(plain) > 1:
        fits = [o for o in options if plain in re.split(r"[^0-9a-z]+", o.lower())]
    if len(fits) != 1:
        shown = ", ".join(options[:12]) + (", ..." if len(options) > 12 else "")
        raise Wrong(f"{text!r} is {'more than one' if fits else 'none'} of: {shown}.")
    return fits[0]


def choices(answer: object, options: Iterable[str]) -> set[str]:
    """A set of ``options``: from a list or a set, or from text such as "a, c" or "a and c"."""
    options = list(options)
    if isinstance(answer, str):
        answer = [part for part in re.split(r"[,;\s]+|\band\b", answer) if part]
    if not isinstance(answer, (list, tuple, set, frozenset, np.ndarray, pd.Series, pd.Index)):
        raise Wrong(f'several answers are possible: write a list such as ["a", "b"]; this is {_kind(answer)}.')
    return {one_of(part, options) for part in answer}


def array(answer: object, shape: tuple[int | None, ...]) -> np.ndarray:
    """A float array of this shape (None: any length); lists, tuples, frames and tensors are taken too."""
    if hasattr(answer, "detach"):
        answer = answer.detach().cpu().numpy()
    try:
        values = np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        raise Wrong(f"an array of numbers is asked for, this is {_kind(answer)}.") from None
    if values.ndim != len(shape) or any(n is not None and n != m for n, m in zip(shape, values.shape, strict=True)):
        wanted = " x ".join("any" if n is None else str(n) for n in shape)
        raise Wrong(f"the shape should be {wanted}, it is {' x '.join(map(str, values.shape)) or 'a single number'}.")
    if not np.isfinite(values).all():
        raise Wrong(
            f"{int((~np.isfinite(values)).sum())} of the values are not finite; look for the step that made them."
        )
    return values


def table(answer: object, columns: Iterable[str]) -> pd.DataFrame:
    """A frame that has these columns."""
    if not isinstance(answer, pd.DataFrame):
        raise Wrong(f"a table (pandas DataFrame) is asked for, this is {_kind(answer)}.")
    missing = [c for c in columns if c not in answer.columns]
    if missing:
        raise Wrong(f"the table has no column {', '.join(missing)}; it has {', '.join(map(str, answer.columns))}.")
    return answer


def words(answer: object, at_least: int) -> str:
    """A text in the learner's own words, for questions of judgment."""
    if not isinstance(answer, str):
        raise Wrong(f"a text is asked for, this is {_kind(answer)}.")
    count = len(re.findall(r"\w+", answer))
    if count < at_least:
        raise Wrong(f"{count} words are too few to give a reason; write at least {at_least}.")
    return answer


def call(answer: object, *arguments: object, **named: object) -> object:
    """What the learner's function returns. A function that still returns dots is not answered."""
    if not callable(answer):
        raise Wrong(f"a function is asked for, this is {_kind(answer)}; give its name without brackets.")
    function: Callable = answer
    try:
        out = function(*arguments, **named)
    except NotImplementedError:
        raise Unanswered from None
    except Exception as error:
        raise Wrong(f"your function raised {type(error).__name__}: {error}") from error
    if out is Ellipsis:
        raise Unanswered
    if out is None:
        raise Wrong("your function returns nothing; end it with return.")
    return out


def _plain(text: str) -> str:
    return re.sub(r"^[\s(\[]+|[\s)\].:]+$", "", text).lower()


def _kind(answer: object) -> str:
    shown = repr(answer)
    return f"{type(answer).__name__} {shown if len(shown) <= 60 else shown[:57] + '...'}"
