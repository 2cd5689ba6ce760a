"""Run every lesson once: ``python -m course_utils.teaching.execute [--jobs 2] book/_executed [LESSON ...]``.

Writes each lesson's complete notebook into the folder, has nbmake run them there and keep the outputs, and then looks
at what came out: every figure must have alternative text. Exits with 1 when anything failed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from course_utils.teaching.lessons import LessonError, Project, dump, to_notebook
from course_utils.teaching.markup import MarkupError
from course_utils.teaching.notebooks import lessons

PLOTLY = "application/vnd.plotly.v1+json"
IMAGES = ("image/png", "image/jpeg", "image/svg+xml")


def prepare(root: Path, folder: Path, only: list[str] = ()) -> list[Path]:
    """Write the notebooks to run, without outputs; what else the folder held is removed unless ``only`` names lessons.

    ``only`` holds numbers or parts of names: ["01", "22_pyocto"].

    Raises:
        LessonError: nothing goes by a name in ``only``.
    """
    found = lessons(root)
    for wanted in only:
        if not any(wanted in lesson.name for lesson in found):
            raise LessonError(f"no lesson {wanted!r}; there are {', '.join(x.name for x in found)}")
    if only:
        found = [x for x in found if any(wanted in x.name for wanted in only)]
    else:
        shutil.rmtree(folder, ignore_errors=True)
    project, paths = Project.read(root), []
    for lesson in found:
        path = folder / f"{lesson.name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dump(to_notebook(lesson, "book", project)), encoding="utf-8")
        paths.append(path)
    return paths


def run(paths: list[Path], jobs: int, timeout_s: int = 600) -> int:
    """Run notebooks in place with nbmake; returns pytest's exit code."""
    command = [sys.executable, "-m", "pytest", "--nbmake", "--overwrite", f"--nbmake-timeout={timeout_s}"]
    command += ["-q", "-p", "no:cacheprovider", "--timeout=0", *(["-n", str(jobs)] if jobs > 1 else [])]
    environment = {
        **os.environ,
        "COURSE_CHECKS": "strict",
        "PLOTLY_RENDERER": "plotly_mimetype",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYTHONHASHSEED": "0",
    }
    for variable in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):  # numba, once at work, sets the threads of torch too
        environment.setdefault(variable, "1")
    return subprocess.call([*command, *map(str, paths)], env=environment)


def problems(path: Path) -> list[str]:
    """What is wrong with an executed notebook: a cell that did not run, a figure without alternative text."""
    out = []
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for number, cell in enumerate(notebook["cells"], 1):
        tags = cell["metadata"].get("tags", [])
        if cell["cell_type"] != "code" or "skip-execution" in tags:
            continue
        where = f"{path.parent.name}/{path.stem}, cell {number} ({_first_line(cell)})"
        if cell["execution_count"] is None:
            out.append(f"{where}: was not run")
        for output in cell["outputs"]:
            data = output.get("data", {})
            if PLOTLY in data and not _plotly_alt(data[PLOTLY]):
                out.append(f'{where}: a Plotly figure without alternative text; set fig.layout.meta = {{"alt": "..."}}')
            elif any(kind in data for kind in IMAGES) and not cell["metadata"].get("mystnb", {}).get("image"):
                out.append(f'{where}: an image without alternative text; write # %% alt="what the figure shows"')
            if output.get("output_type") == "error":
                out.append(f"{where}: {output['ename']}: {output['evalue']}")
    return out


def _plotly_alt(figure: dict) -> str:
    meta = figure.get("layout", {}).get("meta") or {}
    return str(meta.get("alt", "")).strip() if isinstance(meta, dict) else ""


def _first_line(cell: dict) -> str:
    return "".join(cell["source"]).split("\n")[0][:60]


def seconds(path: Path) -> float:
    """How long a notebook ran, from the times that its kernel noted; 0 when it did not."""
    notes = [c["metadata"].get("execution", {}) for c in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    times = [datetime.fromisoformat(t.replace("Z", "+00:00")) for n in notes for k, t in n.items() if "iopub" in k]
    return (max(times) - min(times)).total_seconds() if times else 0.0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m course_utils.teaching.execute", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("lesson", nargs="*", help="numbers or parts of names; default: all")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--root", type=Path, default=Path())
    args = parser.parse_args(argv)
    try:
        paths = prepare(args.root.resolve(), args.folder, args.lesson)
    except (LessonError, MarkupError) as error:
        print(error, file=sys.stderr)
        return 1
    if not paths:
        print("no lessons to run")
        args.folder.mkdir(parents=True, exist_ok=True)
        return 0
    code = run(paths, args.jobs)
    for path in paths:
        print(f"{path.parent.name}/{path.stem}: {seconds(path):.0f} s")
    found = [line for path in paths for line in problems(path)] if code == 0 else []
    for line in found:
        print(line, file=sys.stderr)
    return 1 if code or found else 0


if __name__ == "__main__":
    sys.exit(main())
