"""Prose of the lessons: reference values filled in, and MyST turned into what Jupyter and Colab can show.

Lessons are written in MyST Markdown, which the book renders. Jupyter's own Markdown knows neither admonitions nor
roles, so that the notebooks get plain HTML and plain text instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

GOLDEN = re.compile(r"\{golden:([A-Za-z0-9_.-]+)\}")
_FENCE = re.compile(r"^(?P<fence>`{3,}|:{3,})\{(?P<name>[\w:-]+)\}[ \t]*(?P<title>.*)$")
_OPTION = re.compile(r"^:[\w-]+:.*$")
_ROLE = re.compile(r"\{(?P<role>[a-z:]+)\}`(?P<text>[^`]+)`")
_TARGET = re.compile(r"^\([\w:. -]+\)=$")
_COLOURS = {
    "note": "#3b7ea1",
    "seealso": "#3b7ea1",
    "hint": "#3b7ea1",
    "exercise": "#6a4c93",
    "tip": "#2a7f62",
    "important": "#a15c00",
    "warning": "#a15c00",
    "caution": "#a15c00",
    "danger": "#b3261e",
    "admonition": "#3b7ea1",
    "dropdown": "#3b7ea1",
}
_TITLES = {"seealso": "See also"}


class MarkupError(ValueError):
    """A lesson's prose uses something that the notebooks cannot show; the message names it and the remedy."""


def fill_golden(text: str, value_of: Callable[[str], str], where: str) -> str:
    """``text`` with every ``{golden:key}`` replaced by the stored value, as ``value_of(key)`` writes it.

    Raises:
        MarkupError: there is no such value.
    """

    def value(match: re.Match) -> str:
        try:
            return value_of(match.group(1))
        except KeyError as error:
            raise MarkupError(f"{where}: {error.args[0]}") from error

    return GOLDEN.sub(value, text)


def for_book(text: str) -> str:
    """MyST for the book: our ``exercise`` directive becomes an admonition with a class of its own."""

    def admonition(line: str) -> str:
        match = _FENCE.match(line)
        if match is None or match["name"] != "exercise":
            return line
        return f"{match['fence']}{{admonition}} {match['title']}\n:class: exercise"

    return "\n".join(admonition(line) for line in text.split("\n"))


def for_jupyter(text: str, citation: Callable[[str, bool], str], where: str) -> str:
    """Plain Markdown and HTML that says the same as the MyST ``text``.

    ``citation(key, textual)`` writes a reference of the bibliography as Markdown, "Zhu (2019)" or "Zhu, 2019".

    Raises:
        MarkupError: an unknown directive or role, or a directive that does not end.
    """
    return _roles("\n".join(_directives(text.split("\n"), citation, where)), citation, where)


def _directives(lines: list[str], citation: Callable[[str, bool], str], where: str) -> list[str]:
    out: list[str] = []
    i = 0
    while i < len(lines):
        match = _FENCE.match(lines[i])
        if match is None:
            if lines[i].startswith("```"):  # an ordinary code block is copied as it stands
                end = _closing(lines, i, re.match(r"`+", lines[i])[0], where)
                out += lines[i : end + 1]
                i = end + 1
                continue
            if not _TARGET.match(lines[i]):
                out.append(lines[i])
            i += 1
            continue
        end = _closing(lines, i, match["fence"], where)
        body = lines[i + 1 : end]
        while body and _OPTION.match(body[0]):
            body = body[1:]
        out.append(_box(match["name"], match["title"], body, citation, where))
        i = end + 1
    return out


def _closing(lines: list[str], start: int, fence: str, where: str) -> int:
    for end in range(start + 1, len(lines)):
        if lines[end].strip() == fence:
            return end
    raise MarkupError(f"{where}: {lines[start]!r} does not end; add a line {fence!r}")


def _box(name: str, title: str, body: list[str], citation: Callable[[str, bool], str], where: str) -> str:
    if name not in _COLOURS:
        raise MarkupError(
            f"{where}: a notebook cannot show the directive {{{name}}}; there are {', '.join(sorted(_COLOURS))}"
        )
    source = _roles("\n".join(_directives(body, citation, where)), citation, where)
    heading = _inline(_roles(title, citation, where)) or _TITLES.get(name, name.capitalize())
    html = _to_html(source).strip()
    style = f"border-left: 4px solid {_COLOURS[name]}; padding: 0.5em 1em; margin: 1em 0"
    if name == "dropdown":
        return f'<details style="{style}"><summary><b>{heading}</b></summary>\n{html}\n</details>'
    return f'<div style="{style}">\n<p><b>{heading}</b></p>\n{html}\n</div>'


@cache
def _renderer():
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    def math(content: str, options: Mapping) -> str:
        from html import escape

        mark = "$$" if options.get("display_mode") else "$"
        return f"{mark}{escape(content, quote=False)}{mark}"

    return MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, renderer=math)


def _to_html(source: str) -> str:
    # A blank line would end the HTML block, and what follows would be read as Markdown again.
    return re.sub(r"\n\s*\n", "\n", _renderer().render(source))


def _inline(source: str) -> str:
    return _renderer().renderInline(source).strip()


def _roles(text: str, citation: Callable[[str, bool], str], where: str) -> str:
    def plain(match: re.Match) -> str:
        role, content = match["role"], match["text"]
        if role in ("cite", "cite:p", "cite:t"):
            textual = role == "cite:t"
            cited = (", " if textual else "; ").join(citation(key.strip(), textual) for key in content.split(","))
            return cited if textual else f"({cited})"
        if role in ("term", "ref", "doc", "numref"):
            titled = re.fullmatch(r"(.+?)\s*<([^>]+)>", content)
            if titled is None and role != "term":
                raise MarkupError(f"{where}: write {{{role}}}`text <{content}>`, so that notebooks have a text to show")
            return titled[1] if titled else content
        if role.startswith("py:") or role in ("func", "class", "meth", "mod", "attr"):
            name = content.rsplit(".", 1)[-1] if content.startswith("~") else content
            return f"`{name}()`" if role.removeprefix("py:") in ("func", "meth") else f"`{name}`"
        if role in ("sub", "sup"):
            return f"<{role}>{content}</{role}>"
        raise MarkupError(f"{where}: a notebook cannot show the role {{{role}}}; write it as plain Markdown")

    return _ROLE.sub(plain, text)
