"""Write ``notebooks/`` from ``lessons/``: ``python -m course_utils.teaching.notebooks [--check]``.

One direction only: ``lessons/day1/11_name.py`` becomes ``notebooks/day1/11_name.ipynb`` for learners and
``notebooks/solutions/day1/11_name.ipynb``. With ``--check`` nothing is written; the exit code is 1 when a notebook
is stale, missing, or has no lesson.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from course_utils.teaching.lessons import Lesson, LessonError, Project, dump, read_lesson, to_notebook
from course_utils.teaching.markup import MarkupError


def lessons(root: Path) -> list[Lesson]:
    """Every lesson of a checkout, in the order of the course."""
    folder = root / "lessons"
    return [read_lesson(path, folder) for path in sorted(folder.glob("*/[0-9]*_*.py"))]


def generate(root: Path) -> dict[Path, str]:
    """What ``notebooks/`` should hold: each notebook's path and text."""
    project = Project.read(root)
    out = {}
    for lesson in lessons(root):
        for variant, folder in (("learner", "notebooks"), ("solution", "notebooks/solutions")):
            out[root / folder / f"{lesson.name}.ipynb"] = dump(to_notebook(lesson, variant, project))
    return out


def write(root: Path) -> list[Path]:
    """Write what is stale or missing, remove notebooks whose lesson is gone; returns the paths touched."""
    wanted, touched = generate(root), []
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            touched.append(path)
    for path in _present(root) - set(wanted):
        path.unlink()
        touched.append(path)
    return touched


def check(root: Path) -> list[str]:
    """One line for each notebook that ``write`` would touch."""
    wanted, present = generate(root), _present(root)
    stale = [p for p in wanted if p in present and p.read_text(encoding="utf-8") != wanted[p]]
    return sorted(
        [f"{p.relative_to(root)} is stale" for p in stale]
        + [f"{p.relative_to(root)} is missing" for p in set(wanted) - present]
        + [f"{p.relative_to(root)} has no lesson" for p in present - set(wanted)]
    )


def _present(root: Path) -> set[Path]:
    return {p for p in (root / "notebooks").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m course_utils.teaching.notebooks", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when something is stale")
    parser.add_argument("--root", type=Path, default=Path(), help="the checkout (default: the current folder)")
    args = parser.parse_args(argv)
    root = args.root.resolve()
    try:
        if args.check:
            problems = check(root)
            for line in problems:
                print(line, file=sys.stderr)
            if problems:
                print("run: make notebooks", file=sys.stderr)
            return 1 if problems else 0
        for path in write(root):
            print(path.relative_to(root))
    except (LessonError, MarkupError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
