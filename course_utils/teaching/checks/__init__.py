"""Exercise checks: right or wrong and why, without giving the solution away.

A check lives in the module of its lesson, ``checks/lesson01.py``, and reads like this::

    @exercise
    def busiest_station(answer, picks):
        name = one_of(answer, picks["station"].unique())
        counts = picks["station"].value_counts()
        if counts[name] < counts.max():
            raise Wrong(f"{name} has {counts[name]} picks; another station has more. Count the rows per station.")
        return "It is also the nearest one."

It compares with what the notebook computed (``checks.lesson01.busiest_station(answer, picks)``) where that is
possible, so that every right answer passes. The readers of :mod:`course_utils.teaching.checks.answers` turn what a
learner typed into a value. With ``COURSE_CHECKS=strict`` (continuous integration) a check that does not say what is
expected raises :class:`CheckError`.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from importlib import resources

from course_utils.teaching.checks.answers import (
    Unanswered,
    Wrong,
    array,
    call,
    choices,
    number,
    one_of,
    table,
    whole,
    words,
)

__all__ = [
    "CheckError",
    "Result",
    "Unanswered",
    "Wrong",
    "array",
    "call",
    "choices",
    "exercise",
    "expect_passed",
    "expect_unanswered",
    "number",
    "one_of",
    "table",
    "whole",
    "words",
]

_FACES = {
    "passed": ("✔", "Right", "#2a7f62"),
    "wrong": ("✘", "Not yet", "#b3261e"),
    "unanswered": ("…", "Not answered", "#6b6b6b"),
    "unreadable": ("?", "The check could not read this answer", "#a15c00"),
}


class CheckError(AssertionError):
    """In strict mode: a solution that does not pass, or a stub that is not "not answered"."""


@dataclass(frozen=True)
class Result:
    """What a check says. ``state`` is "passed", "wrong", "unanswered" or "unreadable"; true when passed."""

    exercise: str
    state: str
    message: str

    def __bool__(self) -> bool:
        return self.state == "passed"

    def __repr__(self) -> str:
        symbol, title, _ = _FACES[self.state]
        return f"{symbol} {title}. {self.message}".rstrip()

    def _repr_html_(self) -> str:
        symbol, title, colour = _FACES[self.state]
        return (
            f'<div style="border-left: 4px solid {colour}; padding: 0.3em 1em; margin: 0.5em 0">'
            f"<b>{symbol} {title}.</b> {escape(self.message)}</div>"
        )


_expected, _met = "passed", 0


def exercise(check: Callable) -> Callable[..., Result]:
    """Make a function of an answer (and of what the notebook computed) a check that returns a :class:`Result`.

    The function raises :class:`Wrong` with an explanation, or returns None or a sentence for a right answer. Dots
    anywhere in the answer mean that it is not answered; the function is not called then.
    """

    @functools.wraps(check)
    def checked(answer, *context, **named_context) -> Result:
        result = _judge(check, answer, context, named_context)
        if os.environ.get("COURSE_CHECKS") == "strict":
            _compare(result)
        return result

    checked.is_exercise = True
    return checked


def expect_unanswered() -> None:
    """Until :func:`expect_passed`, checks meet an untouched stub; strict mode raises when one says anything else."""
    global _expected, _met
    _expected, _met = "unanswered", 0


def expect_passed() -> None:
    """Back to normal. Raises CheckError when no check was called since :func:`expect_unanswered`."""
    global _expected
    _expected = "passed"
    if _met == 0:
        raise CheckError("the untouched stub calls no check; call one behind '# end solution'")


def _judge(check: Callable, answer: object, context: tuple, named_context: dict) -> Result:
    name = f"{check.__module__.rsplit('.', 1)[-1]}.{check.__name__}"
    try:
        if _has_dots(answer):
            raise Unanswered
        return Result(name, "passed", check(answer, *context, **named_context) or "")
    except Unanswered:
        return Result(name, "unanswered", "Replace the dots (...) by your answer and run the cell again.")
    except Wrong as wrong:
        return Result(name, "wrong", str(wrong))
    except Exception as error:  # whatever a learner's object did; said, and raised in strict mode
        return Result(
            name, "unreadable", f"{type(error).__name__}: {error}. Compare its form with the exercise's text."
        )


def _has_dots(answer: object) -> bool:
    if answer is Ellipsis:
        return True
    if isinstance(answer, dict):
        return any(_has_dots(v) for v in answer.values())
    return isinstance(answer, (list, tuple, set)) and any(_has_dots(v) for v in answer)


def _compare(result: Result) -> None:
    global _met
    _met += 1
    if result.state != _expected:
        who = "the solution" if _expected == "passed" else "the untouched stub"
        raise CheckError(f"{result.exercise}: {who} must be {_expected!r} and is {result.state!r}: {result.message}")


def __getattr__(name: str):
    if name.startswith("lesson") and (resources.files(__name__) / f"{name}.py").is_file():
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
