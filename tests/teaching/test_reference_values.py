"""The project's own golden files: complete, quoted somewhere, and verified by a lesson, a test or a benchmark."""

import re
from pathlib import Path

import pytest

from course_utils.teaching import golden
from course_utils.teaching.markup import GOLDEN

ROOT = Path(__file__).parents[2]
NAMES = sorted(p.stem for p in (ROOT / "golden").glob("*.json"))


@pytest.fixture(scope="module")
def verifiers():
    folders = [("lessons", "*.py"), ("tests", "*.py"), ("benchmarks", "*.py")]
    return "\n".join(p.read_text() for folder, pattern in folders for p in (ROOT / folder).rglob(pattern))


@pytest.mark.parametrize("name", NAMES)
def test_values_are_complete_and_verified(name, verifiers):
    for key, entry in golden.load(name).items():
        assert entry["doc"], f"golden/{name}.json: {key} needs a doc: what the number is, on what it was measured"
        format(entry["value"], entry["format"])
        assert re.search(rf"\b{key}\b", verifiers), f"golden/{name}.json: nothing verifies {key}"


def test_the_prose_quotes_only_what_is_stored():
    sources = [
        *(ROOT / "lessons").rglob("*.py"),
        *(p for p in (ROOT / "book").glob("**/*.md") if "_build" not in p.parts),
    ]
    for path in sources:
        for key in GOLDEN.findall(path.read_text()):
            assert golden.text(key)
