"""The doctor finds what is wrong and says what to do."""

from __future__ import annotations

import json
import socket

import pytest
import typer
from typer.testing import CliRunner

from course_utils.pipeline.commands import doctor as room
from course_utils.pipeline.commands.doctor import doctor, examine

app = typer.Typer()
app.command()(doctor)


@pytest.fixture(autouse=True)
def plain(monkeypatch, tmp_path):
    for name in ("COURSE_DATA", "COURSE_DATA_MIRROR", "SEISBENCH_CACHE_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COURSE_DATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def find(findings, topic):
    return next(f for f in findings if f.topic == topic)


def problems(findings):
    return {f.topic for f in findings if f.level == "problem"}


def test_a_working_machine_without_a_network(monkeypatch):
    def refuse(*args, **options):
        raise AssertionError("the doctor used the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    findings = examine()
    assert problems(findings) <= {"packaged weights"}
    text = "\n".join(f"{f.topic} {f.value}" for f in findings)
    for word in (
        "Python",
        "torch",
        "seisbench",
        "cores",
        "SeisBench cache",
        "COURSE_DATA",
        "COURSE_DATA_MIRROR",
        "writable",
    ):
        assert word in text, word


def test_exit_codes(monkeypatch):
    monkeypatch.setattr(room, "_own_weights", lambda: [room.Finding("packaged weights", "some")])
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 0 and "ready" in result.output
    monkeypatch.setenv("COURSE_DATA", "sometimes")
    monkeypatch.setenv("COURSE_DATA_MIRROR", "/no/such/folder")
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 1
    assert "embedded or real" in result.output or "export COURSE_DATA=real" in result.output
    assert "no such folder" in result.output and "-> " in result.output


def test_missing_package_and_missing_weights(monkeypatch, tmp_path):
    monkeypatch.setattr(room, "PACKAGES", (*room.PACKAGES, "not-a-package-of-ours"))
    missing = find(examine(), "missing packages")
    assert missing.level == "problem" and missing.remedy == "python -m pip install not-a-package-of-ours"
    monkeypatch.setattr(room, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    assert find(room._own_weights(), "packaged weights").level == "problem"


def test_seisbench_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("SEISBENCH_CACHE_ROOT", str(tmp_path / "none"))
    assert find(examine(), "SeisBench cache").level == "problem"
    models = tmp_path / "sb" / "models" / "v3" / "phasenet"
    models.mkdir(parents=True)
    (models / "mine.pt.v1").write_bytes(b"x" * 100)
    (models / "mine.json.v1").write_text(json.dumps({}))
    (models / "alone.pt.v1").write_bytes(b"x" * 100)  # no metadata: SeisBench cannot load it
    monkeypatch.setenv("SEISBENCH_CACHE_ROOT", str(tmp_path / "sb"))
    assert find(room._seisbench(), "published weights").value == "phasenet/mine v1"
    (models / "original.json.v2.partial").write_text("")
    assert any("half downloaded" in f.value and f.level == "problem" for f in room._seisbench())


def test_mirror_state(monkeypatch, tmp_path):
    mirror = tmp_path / "mirror"
    (mirror / "qm-volcanotectonic").mkdir(parents=True)
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(mirror))
    finding = find(examine(), "COURSE_DATA_MIRROR")
    assert finding.level == "note" and "1 of 27" in finding.value and "phasenet-ncedc" in finding.remedy


def test_a_check_that_fails_is_a_finding(monkeypatch):
    def _broken():
        raise RuntimeError("surprise")

    monkeypatch.setattr(room, "_writing", _broken)
    assert "RuntimeError: surprise" in find(examine(), "broken").value
