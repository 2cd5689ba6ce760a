"""Lessons are run once, and what came out is looked at."""

import json
import os

import pytest

from course_utils.teaching import execute
from course_utils.teaching.lessons import LessonError

FIGURE = {"data": [], "layout": {"meta": {"alt": "A map with forty events."}}}


@pytest.fixture(scope="module")
def executed(tmp_path_factory, make_course):
    folder = make_course(tmp_path_factory.mktemp("course"))
    source = folder / "lessons" / "day1" / "99_machinery.py"
    wrong = source.with_name("98_wrong.py")
    wrong.write_text(source.read_text().replace("answer = len(x)", "answer = len(x) + 1").replace("# # 99", "# # 98"))
    before = dict(os.environ)
    os.environ["COURSE_GOLDEN_DIR"] = str(folder / "golden")
    try:
        paths = execute.prepare(folder, folder / "out")
        code = execute.run(paths, jobs=1)
    finally:
        os.environ.clear()
        os.environ.update(before)
    return folder / "out" / "day1", code


def test_lesson_runs_and_keeps_its_outputs(executed):
    folder, _ = executed
    path = folder / "99_machinery.ipynb"
    assert execute.problems(path) == []
    text = path.read_text()
    assert execute.PLOTLY in text and "image/png" in text and "Also for three." in text
    assert 0 < execute.seconds(path) < 300


def test_wrong_solution_fails_the_run(executed):
    folder, code = executed
    assert code != 0
    assert any("must be 'passed' and is 'wrong'" in line for line in execute.problems(folder / "98_wrong.ipynb"))


def notebook(tmp_path, *outputs, metadata=None, count=1, tags=()):
    meta = {**(metadata or {}), "tags": list(tags)}
    cell = {
        "cell_type": "code",
        "source": ["fig"],
        "metadata": meta,
        "execution_count": count,
        "outputs": list(outputs),
    }
    path = tmp_path / "x.ipynb"
    path.write_text(json.dumps({"cells": [cell]}))
    return path


def shown(kind, content):
    return {"output_type": "display_data", "data": {kind: content}}


@pytest.mark.parametrize("layout", [{}, {"meta": {}}, {"meta": {"alt": " "}}, {"meta": "a text"}, {"meta": None}])
def test_plotly_figure_without_alternative_text_is_a_problem(tmp_path, layout):
    figure = {"data": [], "layout": layout}
    found = execute.problems(notebook(tmp_path, shown(execute.PLOTLY, figure)))
    assert len(found) == 1 and "without alternative text" in found[0]
    assert execute.problems(notebook(tmp_path, shown(execute.PLOTLY, FIGURE))) == []


def test_image_without_alternative_text_is_a_problem(tmp_path):
    image = shown("image/png", "iVBOR")
    assert "cell 1 (fig): an image without" in execute.problems(notebook(tmp_path, image))[0]
    assert execute.problems(notebook(tmp_path, image, metadata={"mystnb": {"image": {"alt": "Two peaks."}}})) == []


def test_cell_that_was_not_run_is_a_problem_unless_it_says_so(tmp_path):
    assert "was not run" in execute.problems(notebook(tmp_path, count=None))[0]
    assert execute.problems(notebook(tmp_path, count=None, tags=["skip-execution"])) == []


def test_only_the_named_lessons_are_prepared(course, capsys):
    folder = course / "out"
    assert [p.stem for p in execute.prepare(course, folder, ["99"])] == ["99_machinery"]
    with pytest.raises(LessonError, match="no lesson 'moon'"):
        execute.prepare(course, folder, ["moon"])
    assert execute.main(["--root", str(course), str(folder), "moon"]) == 1
    assert "day1/99_machinery" in capsys.readouterr().err


def test_a_course_without_lessons_is_said_not_failed(course, capsys):
    (course / "lessons" / "day1" / "99_machinery.py").unlink()
    assert execute.main(["--root", str(course), str(course / "out")]) == 0
    assert "no lessons" in capsys.readouterr().out
