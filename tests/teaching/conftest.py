"""A small course with one lesson that has every kind of cell, in a folder of its own."""

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _make(folder: Path) -> Path:
    shutil.copytree(Path(__file__).with_name("course"), folder, dirs_exist_ok=True)
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "book").mkdir()
    shutil.copy(ROOT / "book" / "references.bib", folder / "book")
    return folder


@pytest.fixture(scope="session")
def make_course():
    """A function that fills a folder with the small course."""
    return _make


@pytest.fixture
def course(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_GOLDEN_DIR", str(tmp_path / "golden"))
    monkeypatch.delenv("COURSE_GOLDEN", raising=False)
    return _make(tmp_path)
