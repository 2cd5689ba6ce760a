"""The built book in a browser: from a folder on disk, wide and narrow, light and dark, without any other host.

Needs a book (make book), Chromium and the playwright package; skipped without them.
"""

import os
import shutil
from pathlib import Path

import pytest

SITE = Path(os.environ.get("COURSE_BOOK") or Path(__file__).parents[2] / "book" / "_build" / "html").resolve()
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (SITE / "index.html").exists(), reason="the book is not built: make book"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
]


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def open_page(browser, path, width=1300, theme="light"):
    page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme).new_page()
    page.remote, page.errors = [], []
    page.on("request", lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else page.remote.append(r.url))
    page.on("requestfailed", lambda r: page.errors.append(f"cannot read {r.url}"))
    page.on("pageerror", lambda e: page.errors.append(str(e)))
    page.goto(path.as_uri())
    page.wait_for_timeout(500)
    return page


def pages():
    found = sorted(
        p for p in SITE.rglob("*.html") if not set(p.relative_to(SITE).parts) & {"_modules", "_static", "_sources"}
    )
    return [p for p in found if p.name not in ("genindex.html", "py-modindex.html", "index.html")]


@pytest.mark.parametrize("path", pages(), ids=lambda p: p.relative_to(SITE).as_posix())
@pytest.mark.parametrize(("width", "theme"), [(1300, "light"), (390, "dark")])
def test_page_needs_no_other_host_and_fits(browser, path, width, theme):
    page = open_page(browser, path, width, theme)
    page.evaluate("window.scrollTo({left: 300, behavior: 'instant'})")
    assert page.evaluate("window.scrollX") == 0, "the page is wider than the screen"
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    assert page.evaluate("[...document.images].filter(i => !i.alt.trim()).map(i => i.src)") == []
    assert page.remote == [] and page.errors == []
    page.context.close()


def first_with(selector):
    for path in pages():
        if selector in path.read_text(encoding="utf-8"):
            return path
    pytest.skip(f"no page has {selector}")


@pytest.mark.parametrize("width", [1300, 390])
def test_figure_is_drawn_when_near_and_again_for_the_other_theme(browser, width):
    page = open_page(browser, first_with('class="course-figure"'), width)
    box = page.locator(".course-figure").first
    box.scroll_into_view_if_needed()
    box.locator(".main-svg").first.wait_for(timeout=20_000)
    assert box.bounding_box()["width"] <= width
    ink = "getComputedStyle(document.querySelector('.course-figure .xtick text, .course-figure text')).fill"
    light = page.evaluate(ink)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_timeout(1500)
    assert page.evaluate(ink) != light
    assert page.remote == [] and page.errors == []
    page.context.close()


def test_search_finds_a_word(browser):
    page = open_page(browser, SITE / "search.html")
    page.goto((SITE / "search.html").as_uri() + "?q=hypocenter")
    page.locator("#search-results li").first.wait_for(timeout=20_000)
    assert page.remote == []
    page.context.close()


def test_formula_is_typeset(browser):
    page = open_page(browser, first_with('class="math notranslate'))
    page.locator("mjx-container").first.wait_for(timeout=20_000)
    assert page.remote == [] and page.errors == []
    page.context.close()
