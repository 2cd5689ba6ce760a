"""``course grade`` and ``[grade]`` of ``course run``."""

import pandas as pd
import pytest
from typer.testing import CliRunner

from course_utils.catalog.store import read_catalog, write_catalog
from course_utils.pipeline.cli import app
from course_utils.pipeline.config import Config, ConfigError
from course_utils.pipeline.run import _graded
from course_utils.synthetic import World


def call(*arguments):
    return CliRunner().invoke(app, ["grade", *map(str, arguments)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("located")
    return write_catalog(World.tiny(seed=3).truth.catalog(), where)


def test_grades_and_reasons_are_written(folder, tmp_path):
    before = {p: p.read_bytes() for p in folder.iterdir()}
    done = call(folder, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert {p: p.read_bytes() for p in folder.iterdir()} == before
    events, table = read_catalog(tmp_path).events, pd.read_csv(tmp_path / "grades.csv", keep_default_na=False)
    assert table["event_id"].tolist() == events["event_id"].tolist()
    assert table["grade"].tolist() == events["grade"].tolist()
    assert (table["reasons"].ne("") == table["grade"].ne("A")).all()
    assert events["quality_probability"].between(0, 1).all()
    assert "not known of any event: rms_s" in done.output


def test_what_is_wrong_is_named(folder, tmp_path):
    for arguments, said in (
        ((folder, "--out", folder), "where the catalog is read from"),
        ((tmp_path / "none", "--out", tmp_path / "out"), "no such file"),
        ((folder, "--stations", tmp_path / "none.csv", "--out", tmp_path / "out"), "none.csv"),
    ):
        done = call(*arguments)
        assert done.exit_code == 1 and said in done.output, done.output
    assert not (tmp_path / "out").exists()


def test_a_run_grades_when_it_is_told_to(folder, tmp_path):
    catalog, counts = _graded(read_catalog(folder), tmp_path)
    assert sum(counts.values()) == len(catalog.events)
    assert (tmp_path / "grades.csv").is_file()
    assert Config.from_dict({"input": {"waveforms": "synthetic:tiny:3"}, "grade": {}}).grade is not None
    with pytest.raises(ConfigError, match=r"\[grade\]"):
        Config.from_dict({"input": {"waveforms": "synthetic:tiny:3"}, "grade": {"rules": 3}})
