"""MyST becomes what Jupyter can show; reference values are filled in."""

import re

import pytest

from course_utils.teaching.markup import MarkupError, fill_golden, for_book, for_jupyter


def cite(key, textual):
    return f"{key} (2019)" if textual else f"{key}, 2019"


def plain(text):
    return for_jupyter(text, cite, "a lesson, cell 3")


@pytest.mark.parametrize("fence", ["```", ":::", "````"])
def test_admonition_becomes_a_box(fence):
    out = plain(f"before\n\n{fence}{{warning}}\nTake *care* of `x`.\n\n- one\n- two\n{fence}\n\nafter")
    assert "<b>Warning</b>" in out and "<em>care</em>" in out and "<li>two</li>" in out and "<code>x</code>" in out
    assert "{warning}" not in out and out.startswith("before\n") and out.endswith("after")


def test_box_has_no_blank_line_that_would_end_its_html():
    box = plain("```{note}\none\n\ntwo\n\n| a | b |\n|---|---|\n| 1 | 2 |\n```")
    assert not re.search(r"\n\s*\n", box) and "<td>1</td>" in box


def test_formula_in_a_box_stays_a_formula():
    out = plain("```{tip}\nwith $a_i * b_i * c$ and\n\n$$ x_1 < \\sqrt{2} $$\n```")
    assert "$a_i * b_i * c$" in out and "<em>" not in out
    assert "x_1 &lt; \\sqrt{2}" in out


def test_titles_options_and_nesting():
    out = plain("````{admonition} A *title*\n:class: tip\n\ntext\n\n```{note}\ninner\n```\n````")
    assert "A <em>title</em>" in out and ":class:" not in out and out.count("border-left") == 2


def test_exercise_for_both_targets():
    source = "```{exercise} Exercise 1 · Count\nHow many?\n```"
    assert "<b>Exercise 1 · Count</b>" in plain(source)
    assert for_book(source) == "```{admonition} Exercise 1 · Count\n:class: exercise\nHow many?\n```"


def test_dropdown_folds():
    assert "<details" in plain("```{dropdown} More\ntext\n```")


def test_roles_become_text():
    assert plain("{cite}`a,b` and {cite:t}`c`") == "(a, 2019; b, 2019) and c (2019)"
    assert plain("{term}`Pick` {term}`picks <Pick>` {doc}`the data <../data>`") == "Pick picks the data"
    assert plain("{func}`~course_utils.picking.pick`, {class}`Catalog`") == "`pick()`, `Catalog`"


def test_code_blocks_and_targets():
    code = "```python\nx = {note}\n(label)=\n```"
    assert plain(code) == code
    assert plain("(label)=\n## Title") == "## Title"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```{figure} x.png\n```", r"cell 3: a notebook cannot show the directive \{figure\}"),
        ("{eq}`x`", r"cannot show the role \{eq\}"),
        ("{doc}`data`", r"write \{doc\}`text <data>`"),
        ("```{note}\nno end", "does not end"),
    ],
)
def test_what_a_notebook_cannot_show_is_refused(text, message):
    with pytest.raises(MarkupError, match=message):
        plain(text)


def test_golden_values_are_filled_in():
    assert fill_golden("F1 {golden:lesson22.f1}.", {"lesson22.f1": "0.97"}.__getitem__, "w") == "F1 0.97."
    with pytest.raises(MarkupError, match=r"w: lesson22\.f2"):
        fill_golden("{golden:lesson22.f2}", {}.__getitem__, "w")
