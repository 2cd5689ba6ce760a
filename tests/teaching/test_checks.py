"""Exercise checks: what they accept, what they say, and that continuous integration sees through them."""

import importlib
import inspect
import pkgutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils.teaching import checks
from course_utils.teaching.checks import Wrong


@checks.exercise
def three_or_more(answer, least=3):
    if checks.number(answer) < least:
        raise Wrong("too few; count <again>.")
    return "Well counted."


@checks.exercise
def doubles(answer):
    if checks.call(answer, 2) != 4:
        raise Wrong("two does not become four.")


@pytest.fixture
def strict(monkeypatch):
    monkeypatch.setenv("COURSE_CHECKS", "strict")
    yield
    checks._expected = "passed"


@pytest.fixture(autouse=True)
def lenient(monkeypatch):
    monkeypatch.delenv("COURSE_CHECKS", raising=False)


def all_checks():
    for module in pkgutil.iter_modules(checks.__path__):
        if module.name.startswith("lesson"):
            members = inspect.getmembers(importlib.import_module(f"{checks.__name__}.{module.name}"))
            yield from ((f"{module.name}.{n}", f) for n, f in members if getattr(f, "is_exercise", False))


@pytest.mark.parametrize("check", [f for _, f in all_checks()], ids=[n for n, _ in all_checks()])
def test_every_check_calls_dots_not_answered_and_no_nonsense_right(check):
    assert check(...).state == "unanswered"
    assert check([1, ...]).state == "unanswered"
    parameters = list(inspect.signature(check).parameters.values())[1:]
    if all(p.default is not p.empty for p in parameters):  # those that need the notebook's objects test it themselves
        assert check("no such answer, surely").state != "passed"


def test_result_says_what_is_wrong_and_nothing_else():
    wrong, right = three_or_more(1), three_or_more(4)
    assert not wrong and wrong.state == "wrong" and str(wrong) == "✘ Not yet. too few; count <again>."
    assert right and "Well counted." in repr(right)
    assert "&lt;again&gt;" in wrong._repr_html_()


@pytest.mark.parametrize("dots", [..., [..., 1], (1, ...), {"a": ...}, {1: [2, ...]}])
def test_dots_anywhere_are_not_answered(dots):
    assert three_or_more(dots).state == "unanswered"


def test_untouched_function_is_not_answered():
    def not_yet(x):
        raise NotImplementedError

    assert doubles(lambda x: ...).state == "unanswered"
    assert doubles(not_yet).state == "unanswered"
    assert doubles(lambda x: x + x).state == "passed"
    assert "ZeroDivisionError" in doubles(lambda x: x / 0).message
    assert "returns nothing" in doubles(lambda x: None).message
    assert "without brackets" in doubles(4).message


def test_answer_that_breaks_a_check_is_unreadable_and_not_an_exception():
    @checks.exercise
    def fragile(answer):
        return answer.missing

    result = fragile(3)
    assert result.state == "unreadable" and "AttributeError" in result.message


def test_strict_mode_raises_for_a_solution_that_does_not_pass(strict):
    assert three_or_more(3)
    with pytest.raises(checks.CheckError, match=r"three_or_more: the solution must be 'passed' and is 'wrong'"):
        three_or_more(1)


def test_strict_mode_wants_stubs_unanswered(strict):
    checks.expect_unanswered()
    assert three_or_more(...).state == "unanswered"
    checks.expect_passed()
    checks.expect_unanswered()
    with pytest.raises(checks.CheckError, match="the untouched stub must be 'unanswered' and is 'passed'"):
        three_or_more(5)


def test_stub_that_calls_no_check_is_found_out(strict):
    checks.expect_unanswered()
    with pytest.raises(checks.CheckError, match="calls no check"):
        checks.expect_passed()


def test_unknown_lesson_is_an_attribute_error():
    with pytest.raises(AttributeError, match="lesson00"):
        checks.lesson00  # noqa: B018


@given(st.floats(-1e6, 1e6))
def test_number_takes_every_form_of_a_number(value):
    forms = [
        value,
        np.float64(value),
        np.array(value),
        np.array([value]),
        pd.Series([value]),
        str(value),
        f" {value} km",
    ]
    for form in forms:
        assert checks.number(form, unit="km") == value


@pytest.mark.parametrize("bad", [True, None, "three", [1, 2], np.nan, np.inf, np.array([1.0, 2.0]), {}])
def test_number_refuses_what_is_none(bad):
    with pytest.raises(Wrong):
        checks.number(bad)


def test_number_out_of_range_speaks_of_the_unit():
    with pytest.raises(Wrong, match=r"12000 km is not possible here: between 0 and 700 km. Check the unit"):
        checks.number(12000, 0, 700, unit="km")


def test_whole_takes_a_float_without_fraction():
    assert checks.whole(3.0) == 3
    with pytest.raises(Wrong, match=r"whole number.*3\.5"):
        checks.whole(3.5)


@pytest.mark.parametrize("form", ["b", "B", "(b)", "b)", "b.", " b ", "[b]", np.str_("b")])
def test_one_of_takes_every_way_to_write_a_letter(form):
    assert checks.one_of(form, "abc") == "b"


def test_one_of_takes_a_station_by_its_own_code_when_it_is_alone():
    names = ["BK.BJES.", "NC.KMR.", "NC.BJES.00"]
    assert checks.one_of("kmr", names) == "NC.KMR."
    assert checks.one_of("BK.BJES.", names) == "BK.BJES."
    with pytest.raises(Wrong, match="more than one"):
        checks.one_of("BJES", names)
    with pytest.raises(Wrong, match="none of"):
        checks.one_of("XX", names)


@pytest.mark.parametrize("form", ["a, c", "a and c", "A;C", ["a", "c"], {"c", "a"}, np.array(["a", "c"])])
def test_choices_take_lists_and_text(form):
    assert checks.choices(form, "abcd") == {"a", "c"}


def test_array_takes_lists_frames_and_tensors():
    torch = pytest.importorskip("torch")
    for form in ([[1, 2]], np.array([[1, 2]]), pd.DataFrame([[1, 2]]), torch.tensor([[1.0, 2.0]], requires_grad=True)):
        assert checks.array(form, (None, 2)).tolist() == [[1, 2]]
    with pytest.raises(Wrong, match=r"shape should be any x 2, it is 2\."):
        checks.array([1, 2], (None, 2))
    with pytest.raises(Wrong, match="1 of the values are not finite"):
        checks.array([1, np.nan], (2,))


def test_table_and_words_say_what_is_missing():
    with pytest.raises(Wrong, match="no column time; it has station"):
        checks.table(pd.DataFrame({"station": []}), ["station", "time"])
    with pytest.raises(Wrong, match="3 words are too few"):
        checks.words("because of noise", 5)
