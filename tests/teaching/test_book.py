"""The book's parts: generated pages, figures without a network, and what is refused."""

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from course_utils.catalog import tables
from course_utils.catalog.formats.registry import FORMATS
from course_utils.teaching.book import assemble as assembling
from course_utils.teaching.book import figures, offline, pages, vendor
from course_utils.teaching.book.assemble import BookError, assemble

ROOT = Path(__file__).parents[2]


class Scripts(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.inside, self.labels = [], False, []

    def handle_starttag(self, tag, attrs):
        self.inside = tag == "script"
        self.labels += [v for k, v in attrs if k == "aria-label"]

    def handle_data(self, data):
        if self.inside:
            self.found.append(data)
            self.inside = False


@pytest.fixture
def book(course):
    """The small course with this book's pages, its lesson marked as run."""
    for name in ("_config.yml", "_toc.yml", "course.yml", "intro.md", "schedule.md"):
        shutil.copy(ROOT / "book" / name, course / "book")
    run = course / "executed" / "day1" / "99_machinery.ipynb"
    run.parent.mkdir(parents=True)
    run.write_text(json.dumps({"cells": [{"cell_type": "code", "execution_count": 1}]}))
    return course


@pytest.mark.parametrize("name", tables.SCHEMAS)
def test_every_column_of_a_table_is_in_its_reference(name):
    text = pages.table_columns(name)
    for column in tables.columns(name).itertuples():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{column.column}`"))
        assert column.meaning.replace("|", "\\|") in row and row.count(" | ") == 3
        assert ("*" in row.split("|")[1]) == column.required


def test_every_table_is_in_the_reference_page():
    page = (ROOT / "book" / "reference" / "tables.md").read_text()
    assert all(f"<!-- generated: table {name} -->" in page for name in tables.SCHEMAS)


def test_every_format_is_in_the_reference():
    text = pages.formats()
    assert all(f"| `{one.name}`<br>{one.title} |" in text for one in FORMATS)
    assert "<!-- generated: formats -->" in (ROOT / "book" / "reference" / "formats.md").read_text()


def test_schedule_links_what_exists_and_adds_up():
    text = pages.schedule(ROOT, "day3", ["day3/31_location"])
    assert "[Location and its uncertainty](lessons/day3/31_location.ipynb)" in text
    assert "Together 7 h 00 min. † in preparation." in text and "(self-study)" in text


def test_times_of_the_schedule_leave_room_for_each_lesson():
    course = yaml.safe_load((ROOT / "book" / "course.yml").read_text())
    for part in ("day1", "day2", "day3"):
        slots = [(x["time"], x["minutes"]) for x in course[part] if "time" in x]
        starts = [int(t.split(":")[0]) * 60 + int(t.split(":")[1]) for t, _ in slots]
        ends = [s + m for s, (_, m) in zip(starts, slots, strict=True)]
        assert all(end <= start for end, start in zip(ends, starts[1:], strict=False)), part


def test_data_page_names_every_set_with_its_licence():
    text = pages.datasets()
    manifest = yaml.safe_load((ROOT / "course_utils" / "data" / "data_manifest.yaml").read_text())
    for entry in manifest["datasets"]:
        assert f"`{entry['name']}`" in text and entry["licence"] in text


def test_results_page_shows_what_the_programs_printed():
    page = (ROOT / "book" / "results.md").read_text()
    for path in (ROOT / "benchmarks" / "results").glob("*.json"):
        record = json.loads(path.read_text())
        assert f"<!-- generated: measured {path.stem} -->" in page
        assert (ROOT / "benchmarks" / f"{path.stem}.py").is_file()
        text = pages.measured(ROOT, path.stem)
        assert record["quick"] == ("--quick" in text)  # a quick run is shown as one
        assert all(f"| `{key}`<br>" in text for key in record["measured_on"])


def test_every_module_of_a_room_is_documented():
    text = pages.modules("course_utils.catalog")
    for module in (ROOT / "course_utils" / "catalog").glob("[a-z]*.py"):
        assert f".. automodule:: course_utils.catalog.{module.stem}\n   :members:" in text


def test_assembled_book_has_pages_lessons_and_a_flat_contents(book):
    source = book / "source"
    assemble(book, book / "executed", source)
    toc = yaml.safe_load((source / "_toc.yml").read_text())
    captions = {part["caption"]: part["chapters"] for part in toc["parts"]}
    assert captions["Day 1 · Detect and pick"] == [{"file": "lessons/day1/99_machinery"}]
    assert "Day 2 · Associate and discriminate" not in captions
    assert "glob" not in str(toc) and "sections" not in str(toc)
    assert "<!-- generated" not in (source / "schedule.md").read_text()
    assert (source / "lessons" / "day1" / "99_machinery.ipynb").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!-- generated: moon x -->", r"intro\.md: nothing generates 'moon'"),
        ("<!-- generated: table moon -->", r"intro\.md: no table 'moon'"),
        ("{golden:lesson99.moon}", r"no reference value 'lesson99\.moon'"),
    ],
)
def test_unknown_generated_part_is_refused(book, text, message):
    (book / "book" / "intro.md").write_text(text)
    with pytest.raises(BookError, match=message):
        assemble(book, book / "executed", book / "source")


def test_lesson_without_outputs_is_refused(book):
    path = book / "executed" / "day1" / "99_machinery.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "execution_count": None}]}))
    with pytest.raises(BookError, match=r"99_machinery\.ipynb was not run; run: make lessons"):
        assemble(book, book / "executed", book / "source")


def test_figure_carries_its_data_and_its_alternative_text():
    figure = {"data": [{"name": "</script><b>&\u2028"}], "layout": {"meta": {"alt": 'A "map" & <more>'}}, "config": {}}
    page = Scripts()
    page.feed(figures.to_html(figure, figures.alternative_text(figure)))
    assert page.labels == ['A "map" & <more>']
    assert json.loads(page.found[0]) == {"data": figure["data"], "layout": figure["layout"]}


def test_renderer_takes_plotly_alone_and_complains_without_alternative_text(caplog):
    import sphinx.util.logging

    warned = []
    logger = SimpleNamespace(warning=lambda text, **_: warned.append(text))
    render = figures.PlotlyRenderer.handle_mime
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sphinx.util.logging, "getLogger", lambda _: logger)
        content = {"data": [], "layout": {}}
        nodes = render(
            SimpleNamespace(document=None), SimpleNamespace(mime_type=figures.PLOTLY, content=content), False
        )
    assert len(nodes) == 1 and "without alternative text" in warned[0]
    assert render(None, SimpleNamespace(mime_type="text/html", content=""), False) is None


def test_renderer_is_found_by_myst_nb():
    from myst_nb.core.render import load_mime_renders

    assert figures.PlotlyRenderer in load_mime_renders()


def test_requests_to_other_hosts_are_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<a href="https://x.org">fine</a><script src="https://cdn.x/y.js"></script><img src="//x/z.png">'
        '<link rel="stylesheet" href="https://fonts/x.css"><link rel="canonical" href="https://here/"><img src="b.png">'
    )
    (tmp_path / "b.css").write_text("a{background:url('https://x/y.png')} b{background:url(c.png)}")
    found = offline.remote_requests(tmp_path)
    assert [f.split(": ")[1] for f in found] == [
        "https://cdn.x/y.js",
        "//x/z.png",
        "https://fonts/x.css",
        "https://x/y.png",
    ]


def test_plotly_ships_its_library():
    assert vendor.plotly_js().stat().st_size > 1e6


def test_without_npm_there_is_no_mathjax_and_a_reason(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(vendor.shutil, "which", lambda _: None)
    assert vendor.mathjax(tmp_path / "mathjax") is None and "no npm" in capsys.readouterr().err


def test_mathjax_of_another_hash_is_refused(tmp_path, monkeypatch, capsys):
    npm = tmp_path / "npm"
    npm.write_text('#!/bin/sh\nwhile [ "$1" != --pack-destination ]; do shift; done\necho x > "$2/mathjax.tgz"\n')
    npm.chmod(0o755)
    monkeypatch.setattr(vendor.shutil, "which", lambda _: str(npm))
    assert vendor.mathjax(tmp_path / "mathjax") is None
    assert "another sha512" in capsys.readouterr().err and not (tmp_path / "mathjax").exists()


def test_left_out_folders_do_not_reach_the_source(book):
    for name in assembling._LEFT_OUT:
        (book / "book" / name).mkdir()
        (book / "book" / name / "x.md").write_text("# x")
    assemble(book, book / "executed", book / "source")
    assert not list((book / "source").rglob("x.md"))
