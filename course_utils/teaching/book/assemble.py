"""Put the book's source together: its pages with generated parts filled in, and the executed lessons."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import yaml

from course_utils.teaching import golden
from course_utils.teaching.book import pages
from course_utils.teaching.markup import MarkupError, fill_golden

_GENERATED = re.compile(r"^<!-- generated: (?P<name>\w+)(?: (?P<argument>\S+))? -->$", re.MULTILINE)
_LEFT_OUT = {"_build", "_executed"}


class BookError(ValueError):
    """The pages cannot be put together; the message names the page and the remedy."""


def assemble(root: Path, executed: Path, source: Path) -> None:
    """Write the book's source into ``source``, which is emptied first.

    A line ``<!-- generated: NAME ARGUMENT -->`` of a page is replaced by what :mod:`.pages` makes of it, and
    ``{golden:key}`` by its value. The executed lessons come under ``lessons/``.

    Raises:
        BookError: an unknown generated part or reference value, or a lesson without outputs.
    """
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    lessons = _copy_lessons(executed, source / "lessons")
    book = root / "book"
    for path in sorted(p for p in book.rglob("*") if p.is_file()):
        relative = path.relative_to(book)
        if relative.parts[0] in _LEFT_OUT or path.name == "_toc.yml":
            continue
        target = source / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".md":
            target.write_text(_fill(path, root, lessons), encoding="utf-8")
        else:
            shutil.copyfile(path, target)
    toc = _present_only(yaml.safe_load((book / "_toc.yml").read_text(encoding="utf-8")), lessons)
    (source / "_toc.yml").write_text(yaml.safe_dump(toc, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _copy_lessons(executed: Path, folder: Path) -> list[str]:
    names = []
    for path in sorted(executed.rglob("*.ipynb")):
        relative = path.relative_to(executed)
        if ".ipynb_checkpoints" in relative.parts:
            continue
        text = path.read_text(encoding="utf-8")
        if '"execution_count": null' in text and '"execution_count": 1' not in text:
            raise BookError(f"{relative} was not run; run: make lessons")
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        names.append(relative.with_suffix("").as_posix())
    return names


def _fill(path: Path, root: Path, lessons: list[str]) -> str:
    parts: dict[str, Callable[[str], str]] = {
        "table": pages.table_columns,
        "datasets": lambda _: pages.datasets(),
        "formats": lambda _: pages.formats(),
        "schedule": lambda part: pages.schedule(root, part, lessons),
        "modules": pages.modules,
        "measured": lambda name: pages.measured(root, name),
    }

    def generated(match: re.Match) -> str:
        if match["name"] not in parts:
            raise BookError(f"{path.name}: nothing generates {match['name']!r}; there are {', '.join(parts)}")
        return parts[match["name"]](match["argument"] or "")

    try:
        return fill_golden(_GENERATED.sub(generated, path.read_text(encoding="utf-8")), golden.text, path.name)
    except (KeyError, MarkupError) as error:
        raise BookError(f"{path.name}: {error.args[0]}") from error


def _present_only(toc: dict, lessons: list[str]) -> dict:
    """The table of contents, each ``glob: lessons/day1/*`` replaced by the lessons there are."""
    parts = []
    for part in toc["parts"]:
        chapters: list[dict] = []
        for chapter in part["chapters"]:
            if "glob" not in chapter:
                chapters.append(chapter)
                continue
            folder = chapter["glob"].removeprefix("lessons/").removesuffix("/*")
            chapters += [{"file": f"lessons/{name}"} for name in lessons if name.startswith(f"{folder}/")]
        if chapters:
            parts.append({**part, "chapters": chapters})
    return {**toc, "parts": parts}
