"""One lesson, three notebooks: for learners, with solutions, and the one that continuous integration runs.

The source is a percent script (jupytext) under ``lessons/``. What a cell becomes follows from its tags and from
comments inside it:

- ``# solution`` ... ``# end solution`` (or the end of the cell): learners get ``answer = ...`` instead. Another stub
  is written behind a colon: ``# solution: return ...``.
- tag ``solution``: the whole cell is left out for learners.
- tag ``golden``: verifies reference values; in the executed notebook alone.

The executed notebook also runs each exercise's untouched stub, which its check must call "not answered".
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import tomllib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from course_utils.teaching import golden
from course_utils.teaching.markup import fill_golden, for_book, for_jupyter

VARIANTS = ("learner", "solution", "book")
STUB = "answer = ...  # replace the dots by your answer"
_SOLUTION = re.compile(r"^(?P<indent>\s*)# solution(?::\s*(?P<stub>.+))?$")
_END = re.compile(r"^\s*# end solution$")
_OWN_TAGS = {"solution", "golden"}
_KERNEL = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

SETUP = """\
# Setup: installs the course where it is missing (on Colab), then chooses the device and the data.
import importlib.util

if importlib.util.find_spec("course_utils") is None:
    %pip install --quiet "{package} @ {release}"

from course_utils import teaching
from course_utils.teaching import checks

device = teaching.start()"""


class LessonError(ValueError):
    """A lesson's source cannot become a notebook; the message names the lesson, the cell and the remedy."""


@dataclass(frozen=True)
class Cell:
    """One cell: ``kind`` is "markdown" or "code"."""

    kind: str
    source: str
    tags: tuple[str, ...] = ()
    alt: str = ""
    prompt: str = ""

    @property
    def is_exercise(self) -> bool:
        return self.kind == "code" and any(_SOLUTION.match(line) for line in self.source.split("\n"))


@dataclass(frozen=True)
class Lesson:
    """A lesson's source: ``name`` is "day1/11_curate_dataset"."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Project:
    """What the notebooks say about where they come from, and the bibliography that their citations use."""

    package: str
    homepage: str
    release: str
    bibliography: dict[str, tuple[str, str, str]]

    @property
    def tag(self) -> str:
        return Path(self.release).name.removesuffix(".zip")

    @classmethod
    def read(cls, root: Path) -> Project:
        """From ``pyproject.toml`` and ``book/references.bib`` of a checkout."""
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        urls = project["urls"]
        bib = root / "book" / "references.bib"
        return cls(project["name"], urls["Homepage"], urls["Release"], _bibliography(bib) if bib.exists() else {})

    def citation(self, key: str, textual: bool) -> str:
        """A reference as Markdown: "Zhu and Beroza (2019)" when textual, else "Zhu and Beroza, 2019"."""
        if key not in self.bibliography:
            raise LessonError(f"no reference {key!r} in book/references.bib; add it there")
        who, year, link = self.bibliography[key]
        label = f"{who} ({year})" if textual else f"{who}, {year}"
        return f"[{label}]({link})" if link else label


def read_lesson(path: Path, root: Path) -> Lesson:
    """Parse ``lessons/day1/11_name.py``.

    Raises:
        LessonError: the first cell is not a title, or a cell has tags or metadata that have no meaning here.
    """
    import jupytext

    name = path.relative_to(root).with_suffix("").as_posix()
    notebook = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    cells = []
    for number, cell in enumerate(notebook.cells, 1):
        where = f"{path.name}, cell {number}"
        if cell.cell_type not in ("markdown", "code"):
            raise LessonError(f"{where}: a {cell.cell_type} cell; write [markdown] or code")
        meta = {
            k: v for k, v in cell.metadata.items() if k not in ("lines_to_next_cell", "lines_to_end_of_cell_marker")
        }
        tags, alt = tuple(meta.pop("tags", ())), meta.pop("alt", "")
        if meta:
            raise LessonError(f'{where}: {", ".join(meta)} has no meaning in a lesson; use tags=[...] and alt="..."')
        if cell.source.strip():
            cells.append(Cell(cell.cell_type, cell.source, tags, alt))
    if not cells or cells[0].kind != "markdown" or not cells[0].source.startswith("# "):
        raise LessonError(f"{path.name}: the first cell must be [markdown] and begin with the title: # # Title")
    try:
        _check_golden_names(tuple(cells), name)
    except SyntaxError as error:
        raise LessonError(f"{path.name}: {error}") from error
    return Lesson(name, tuple(cells))


def to_notebook(lesson: Lesson, variant: str, project: Project) -> dict:
    """The notebook (nbformat 4.5, as JSON-ready dict) of one of VARIANTS, without outputs and with fixed cell ids.

    Raises:
        LessonError, MarkupError: see :func:`read_lesson` and :mod:`course_utils.teaching.markup`.
    """
    if variant not in VARIANTS:
        raise ValueError(f"no variant {variant!r}; there are {', '.join(VARIANTS)}")
    title, *rest = lesson.cells
    setup = Cell("code", SETUP.format(package=project.package, release=project.release))
    cells = [
        _title(title, lesson, variant, project),
        replace(setup, tags=("remove-cell",) if variant == "book" else ()),
    ]
    for number, cell in enumerate(rest, 2):
        where = f"{lesson.name}, cell {number}"
        cells += [cell] if cell.kind == "markdown" else _code(cell, variant, where)
    cells = [_prose(c, variant, project, lesson.name) if c.kind == "markdown" else c for c in cells]
    seen: Counter = Counter()
    return {
        "cells": [_json(cell, variant, seen) for cell in cells],
        "metadata": _KERNEL,
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def dump(notebook: dict) -> str:
    """The notebook as text, the same bytes for the same notebook."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _title(cell: Cell, lesson: Lesson, variant: str, project: Project) -> Cell:
    repository = project.homepage.removeprefix("https://github.com/")
    colab = f"https://colab.research.google.com/github/{repository}/blob/{project.tag}/notebooks"
    link = f"[Open in Colab]({colab}/{lesson.name}.ipynb)"
    if variant == "book":
        link += f" · [with solutions]({colab}/solutions/{lesson.name}.ipynb)"
    heading, _, body = cell.source.partition("\n")
    return replace(cell, source=f"{heading}\n\n{link}\n{body}".rstrip("\n"))


def _prose(cell: Cell, variant: str, project: Project, where: str) -> Cell:
    text = fill_golden(cell.source, golden.text, where)
    if variant == "book":
        return replace(cell, source=for_book(text))
    return replace(cell, source=for_jupyter(text, project.citation, where))


def _code(cell: Cell, variant: str, where: str) -> list[Cell]:
    tags = tuple(t for t in cell.tags if t not in _OWN_TAGS)
    if "golden" in cell.tags:
        return [replace(cell, tags=("remove-cell",))] if variant == "book" else []
    if "solution" in cell.tags:
        if variant == "learner":
            return []
        return [replace(cell, tags=(*tags, "hide-cell"), prompt="Show the solution")]
    if not cell.is_exercise:
        return [replace(cell, tags=tags)]
    stub, solved = _stub(cell.source, where), _solved(cell.source)
    if variant == "learner":
        return [replace(cell, source=stub, tags=tags)]
    if variant == "solution":
        return [replace(cell, source=solved, tags=tags)]
    untouched = f"checks.expect_unanswered()\n{stub}\nchecks.expect_passed()"
    return [
        Cell("code", untouched, ("remove-cell",)),
        replace(cell, source=solved, tags=(*tags, "hide-cell"), prompt="Show the solution"),
    ]


def _check_golden_names(cells: tuple[Cell, ...], name: str) -> None:
    """What a golden cell defines is missing in the notebooks that people open, so that nothing else may use it."""
    golden_only: dict[str, int] = {}
    for number, cell in enumerate(cells, 1):
        if cell.kind != "code":
            continue
        stored, loaded = _names(cell.source)
        if "golden" in cell.tags:
            golden_only |= dict.fromkeys(stored, number)
            continue
        for used in sorted(loaded - stored):
            if used in golden_only:
                raise LessonError(
                    f"{name}, cell {number}: {used} comes from cell {golden_only[used]}, which is tagged golden and "
                    "left out of the notebooks; define it elsewhere"
                )
        for defined in stored:
            golden_only.pop(defined, None)


def _names(source: str) -> tuple[set[str], set[str]]:
    plain = "\n".join("pass" if line.lstrip().startswith(("%", "!")) else line for line in source.split("\n"))
    stored, loaded = set(), set()
    for node in ast.walk(ast.parse(plain)):
        if isinstance(node, ast.Name):
            (loaded if isinstance(node.ctx, ast.Load) else stored).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            stored.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            stored |= {(a.asname or a.name).split(".")[0] for a in node.names}
    return stored, loaded


def _stub(source: str, where: str) -> str:
    out, inside = [], False
    for line in source.split("\n"):
        start = _SOLUTION.match(line)
        if start and inside:
            raise LessonError(f"{where}: '# solution' inside a solution; close the first with '# end solution'")
        if start:
            inside = True
            out.append(start["indent"] + (start["stub"] or STUB))
        elif inside and _END.match(line):
            inside = False
        elif not inside:
            out.append(line)
    text = "\n".join(out)
    if "checks." not in text:
        raise LessonError(f"{where}: no check is left behind the stub; end the solution with '# end solution'")
    return text


def _solved(source: str) -> str:
    return "\n".join(line for line in source.split("\n") if not (_SOLUTION.match(line) or _END.match(line)))


def _json(cell: Cell, variant: str, seen: Counter) -> dict:
    seen[cell.kind, cell.source] += 1
    key = f"{cell.kind}\x1f{cell.source}\x1f{seen[cell.kind, cell.source]}"
    metadata: dict = {}
    if cell.tags:
        metadata["tags"] = list(cell.tags)
    nested: dict = {}
    if cell.alt:
        nested["image"] = {"alt": cell.alt}
    if cell.prompt and variant == "book":
        nested["code_prompt_show"], nested["code_prompt_hide"] = cell.prompt, "Hide the solution"
    if nested:
        metadata["mystnb"] = nested
    lines = cell.source.split("\n")
    out = {
        "cell_type": cell.kind,
        "id": hashlib.sha256(key.encode()).hexdigest()[:12],
        "metadata": metadata,
        "source": [line + "\n" for line in lines[:-1]] + lines[-1:],
    }
    if cell.kind == "code":
        out |= {"execution_count": None, "outputs": []}
    return out


def _bibliography(path: Path) -> dict[str, tuple[str, str, str]]:
    """Who, when, and a link to the DOI or address of each reference."""
    from pybtex.database import parse_file

    out = {}
    for key, entry in parse_file(str(path), bib_format="bibtex").entries.items():
        people = entry.persons.get("author") or entry.persons.get("editor") or []
        names = [" ".join([*p.prelast_names, *p.last_names]).replace("{", "").replace("}", "") for p in people]
        who = names[0] + " et al." if len(names) > 2 else " and ".join(names) or key
        doi, url = entry.fields.get("doi"), entry.fields.get("url", "")
        out[key] = (who, entry.fields.get("year", "n.d."), f"https://doi.org/{doi}" if doi else url)
    return out
