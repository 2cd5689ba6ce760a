"""Reference values and stored tables: verified, and replaced only when asked."""

import json

import numpy as np
import pandas as pd
import pytest

from course_utils.teaching import golden
from course_utils.teaching import stored as stored_module
from course_utils.teaching.golden import GoldenError
from course_utils.teaching.stored import keep, stored

ENTRY = {"value": 0.9, "tolerance": 0.05, "format": ".0%", "date": "2026-11-21", "data": "synthetic", "doc": "F1"}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_GOLDEN_DIR", str(tmp_path))
    monkeypatch.delenv("COURSE_GOLDEN", raising=False)
    monkeypatch.setattr(stored_module, "_FOLDER", tmp_path)
    (tmp_path / "x.json").write_text(json.dumps({"f1": ENTRY, "name": {**ENTRY, "value": "BJES", "format": ""}}))
    return tmp_path


def test_text_is_formatted():
    assert golden.text("x.f1") == "90%"
    with pytest.raises(KeyError, match=r"no reference value 'x\.recall'; there are: x\.f1, x\.name"):
        golden.text("x.recall")


def test_value_within_tolerance_passes_and_outside_fails():
    golden.check("x", f1=0.94, name="BJES")
    golden.check("x", f1=np.float32(0.86))
    with pytest.raises(GoldenError, match=r"x\.f1: now 0\.8, the text says 0\.9 within 0\.05"):
        golden.check("x", f1=0.80)
    with pytest.raises(GoldenError, match="nan"):
        golden.check("x", f1=float("nan"))
    with pytest.raises(GoldenError, match="'KMR', the text says 'BJES'"):
        golden.check("x", name="KMR")
    with pytest.raises(GoldenError, match="recall is not stored"):
        golden.check("x", recall=1.0)


def test_writing_replaces_only_what_is_no_longer_right(folder, monkeypatch):
    monkeypatch.setenv("COURSE_GOLDEN", "write")
    golden.check("x", f1=0.91, name="KMR", count=np.int64(3))
    entries = json.loads((folder / "x.json").read_text())
    assert entries["f1"] == ENTRY
    assert entries["name"]["value"] == "KMR" and entries["name"]["doc"] == "F1"
    assert entries["count"]["value"] == 3 and entries["count"]["tolerance"] == 0
    monkeypatch.delenv("COURSE_GOLDEN")
    golden.check("x", f1=0.9, name="KMR", count=3)
    assert golden.text("x.count") == "3"


def test_incomplete_entry_is_refused(folder):
    (folder / "y.json").write_text(json.dumps({"a": {"value": 1}}))
    with pytest.raises(GoldenError, match=r"y\.json: a has no 'tolerance'"):
        golden.load("y")


@pytest.fixture
def events():
    times = pd.date_range("2022-12-20", periods=5, freq="h", tz="UTC").as_unit("us")
    return pd.DataFrame({"time": times, "latitude": np.linspace(40.0, 41.0, 5), "depth_km": 8.0})


def test_stored_table_comes_back_with_its_version(events, monkeypatch):
    monkeypatch.setenv("COURSE_GOLDEN", "write")
    keep("iceland", events, data="qm 5f1c")
    monkeypatch.delenv("COURSE_GOLDEN")
    back = stored("iceland")
    pd.testing.assert_frame_equal(back, events)
    assert back.attrs["data"].startswith("qm 5f1c, course ") and len(back.attrs["date"]) == 10
    keep("iceland", events, data="qm 5f1c", time=1.0, latitude=0.01)
    keep("iceland", events.iloc[1:], data="qm 5f1c", rows=1)
    with pytest.raises(AssertionError, match="4 rows instead of 5 within 0"):
        keep("iceland", events.iloc[1:], data="qm 5f1c")
    with pytest.raises(AssertionError, match="median time"):
        keep("iceland", events.assign(time=events["time"] + pd.Timedelta("3s")), data="qm 5f1c", time=1.0)
    with pytest.raises(AssertionError, match="median latitude"):
        keep("iceland", events.assign(latitude=events["latitude"] + 0.1), data="qm 5f1c", latitude=0.05)
    with pytest.raises(AssertionError, match="columns"):
        keep("iceland", events.drop(columns="depth_km"), data="qm 5f1c")


def test_missing_table_names_those_there_are():
    with pytest.raises(FileNotFoundError, match="no stored table 'moon'; there are: none"):
        stored("moon")
