"""Lessons become notebooks: for learners, with solutions, and the one that is run."""

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest

from course_utils.teaching import notebooks
from course_utils.teaching.lessons import STUB, LessonError, Project, dump, read_lesson, to_notebook

ROOT = Path(__file__).parents[2]
NAME = "day1/99_machinery"


def lesson_from(course, text):
    path = course / "lessons" / "day1" / "98_other.py"
    path.write_text(text)
    return read_lesson(path, course / "lessons")


def variant(course, which, text=None):
    path = course / "lessons" / f"{NAME}.py"
    lesson = lesson_from(course, text) if text else read_lesson(path, course / "lessons")
    return to_notebook(lesson, which, Project.read(course))


def code(notebook):
    return ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]


@pytest.mark.parametrize("which", ["learner", "solution", "book"])
def test_every_variant_is_a_valid_notebook_without_outputs(course, which):
    notebook = variant(course, which)
    nbformat.validate(nbformat.from_dict(notebook))
    assert all(not c["outputs"] and c["execution_count"] is None for c in notebook["cells"] if c["cell_type"] == "code")
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    for source in code(notebook):
        ast.parse(re.sub(r"^(\s*)%.*$", r"\1pass", source, flags=re.MULTILINE))
    text = dump(notebook)
    assert "{golden" not in text and "# solution" not in text and text == dump(variant(course, which))


def test_learner_gets_stubs_and_no_solution(course):
    cells = code(variant(course, "learner"))
    assert f"{STUB}\nchecks.lesson99.how_many(answer, x)" in cells
    assert any("    return ...\n" in c and "checks.lesson99.square(square)" in c for c in cells)
    assert not any("value * value" in c or "golden" in c for c in cells)


def test_solution_has_the_answers_and_no_golden_cell(course):
    cells = code(variant(course, "solution"))
    assert any("answer = len(x)\nchecks.lesson99" in c for c in cells) and any("value * value" in c for c in cells)
    assert not any("golden" in c or "expect_unanswered" in c for c in cells)


def test_executed_notebook_runs_each_stub_before_its_solution(course):
    notebook = variant(course, "book")
    cells = code(notebook)
    stubs = [i for i, c in enumerate(cells) if c.startswith("checks.expect_unanswered()")]
    assert len(stubs) == 2 and all(cells[i].endswith("checks.expect_passed()") for i in stubs)
    assert all("..." in cells[i] and "..." not in cells[i + 1] for i in stubs)
    assert any("golden.check" in c for c in cells)
    hidden = [c for c in notebook["cells"] if "remove-cell" in c["metadata"].get("tags", [])]
    assert len(hidden) == 4  # setup, golden, two stubs


def test_first_code_cell_installs_from_the_tagged_address_only(course):
    setup = code(variant(course, "learner"))[0]
    assert "archive/refs/tags/v0.1.0.zip" in setup and 'find_spec("course_utils") is None' in setup
    assert 'pip install --quiet "ml-earthquake-catalogs @ https://' in setup


def test_prose_is_myst_in_the_book_and_plain_in_notebooks(course):
    plain, book = dump(variant(course, "learner")), dump(variant(course, "book"))
    assert "{cite}`" not in plain and "Zhu and Beroza, 2019" in plain and "{exercise}" not in plain
    assert "{cite}`zhu2019phasenet`" in book and ":class: exercise" in book
    assert "It shows 10 numbers" in plain and "It shows 10 numbers" in book


def test_cell_ids_depend_on_content_alone(course):
    before = [c["id"] for c in variant(course, "learner")["cells"]]
    path = course / "lessons" / f"{NAME}.py"
    path.write_text(path.read_text().replace("# %%\nfigure", "# %%\ny = 1\n\n# %%\ny = 1\n\n# %%\nfigure"))
    after = [c["id"] for c in variant(course, "learner")["cells"]]
    assert set(before) < set(after) and len(set(after)) == len(after) == len(before) + 2


def test_whole_solution_cell_is_left_out_for_learners(course):
    text = '# %% [markdown]\n# # T\n\n# %% tags=["solution"]\nsecret = 1\n'
    assert not any("secret" in c for c in code(variant(course, "learner", text)))
    cell = variant(course, "book", text)["cells"][-1]
    assert cell["metadata"]["tags"] == ["hide-cell"] and "Show the solution" in str(cell["metadata"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# %%\nx = 1\n", "first cell must be"),
        ("# %% [markdown]\n# # T\n\n# %% alternative=1\nx = 1\n", "alternative has no meaning"),
        ("# %% [markdown]\n# # T\n\n# %%\n# solution\nanswer = 1\n", "no check is left behind the stub"),
        ("# %% [markdown]\n# # T\n\n# %%\n# solution\na = 1\n# solution\nb = 2\n", "inside a solution"),
        ('# %% [markdown]\n# # T\n\n# %% tags=["golden"]\nf1 = 1\n\n# %%\nprint(f1)\n', "f1 comes from cell 2"),
        ("# %% [markdown]\n# # T\n\n# %%\nx = = 1\n", "invalid syntax"),
        ("# %% [raw]\n# x\n", "raw cell"),
    ],
)
def test_lesson_that_cannot_work_is_refused(course, text, message):
    with pytest.raises(LessonError, match=message):
        variant(course, "learner", text)


def test_unknown_reference_and_missing_value_are_refused(course):
    with pytest.raises(LessonError, match="no reference 'nobody1900'"):
        variant(course, "learner", "# %% [markdown]\n# # T\n#\n# {cite}`nobody1900`\n")
    with pytest.raises(ValueError, match=r"no reference value 'lesson99\.nothing'"):
        variant(course, "learner", "# %% [markdown]\n# # T\n#\n# {golden:lesson99.nothing}\n")


def test_write_then_check_then_edit(course, capsys):
    assert notebooks.main(["--root", str(course)]) == 0
    assert notebooks.main(["--root", str(course), "--check"]) == 0
    assert notebooks.write(course) == []
    learner = course / "notebooks" / f"{NAME}.ipynb"
    learner.write_text(learner.read_text().replace("parabola", "hyperbola"))
    (course / "notebooks" / "day1" / "01_gone.ipynb").write_text("{}")
    (course / "notebooks" / "solutions" / f"{NAME}.ipynb").unlink()
    assert notebooks.main(["--root", str(course), "--check"]) == 1
    said = capsys.readouterr().err
    assert "01_gone.ipynb has no lesson" in said and "99_machinery.ipynb is stale" in said and "is missing" in said
    assert notebooks.main(["--root", str(course)]) == 0
    assert notebooks.check(course) == [] and not (course / "notebooks" / "day1" / "01_gone.ipynb").exists()


def test_a_broken_lesson_is_a_message_and_an_exit_code(course, capsys):
    (course / "lessons" / "day1" / "98_other.py").write_text("# %%\nx = 1\n")
    assert notebooks.main(["--root", str(course)]) == 1
    assert "98_other.py" in capsys.readouterr().err


def test_every_lesson_of_the_course_is_in_the_schedule():
    import yaml

    course = yaml.safe_load((ROOT / "book" / "course.yml").read_text())
    planned = {x["number"]: x["title"] for part in course.values() for x in part}
    for path in (ROOT / "lessons").glob("*/[0-9]*_*.py"):
        number = path.name.split("_")[0]
        assert number in planned, f"add lesson {number} to book/course.yml"
        notebook = json.loads((ROOT / "notebooks" / path.parent.name / f"{path.stem}.ipynb").read_text())
        assert "".join(notebook["cells"][0]["source"]).startswith(f"# {number} · ")
