"""A classroom mirror: complete, licensed, verified, resumable."""

from __future__ import annotations

import subprocess

import pytest
from data_helpers import CONTENT, tree
from typer.testing import CliRunner

from course_utils import data
from course_utils.pipeline.commands.data import app


def test_mirror_then_use_it_without_a_network(small, server, tmp_path, monkeypatch):
    target = tmp_path / "stick"
    report = data.make_mirror(target, progress=False)
    assert report.copied == 3 and report.datasets == ["open-set"] and list(report.left_out) == ["unclear-set"]
    assert tree(target / "open-set") == dict(sorted(CONTENT["open-set"].items()))
    assert not (target / "unclear-set").exists()
    licences = (target / "LICENCES.md").read_text()
    assert (
        "open-set" in licences
        and "nobody (2026)" in licences
        and "open-set/LICENSE" in licences
        and "unclear-set" not in licences
    )
    assert subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=target, check=False).returncode == 0
    server.shutdown()
    server.server_close()
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(target))
    assert data.fetch("open-set", progress=False) == target / "open-set"


def test_private_mirror_says_so(small, tmp_path):
    report = data.make_mirror(tmp_path / "own", private=True, progress=False)
    assert report.copied == 4 and not report.left_out
    assert "Do not pass it on" in (tmp_path / "own" / "LICENCES.md").read_text()


def test_second_run_completes_the_first(small, tmp_path):
    target = tmp_path / "stick"
    data.make_mirror(target, progress=False)
    (target / "open-set" / "table.csv").write_bytes(b"half")
    (target / "open-set" / "LICENSE").unlink()
    report = data.make_mirror(target, progress=False)
    assert (report.copied, report.kept) == (2, 1)
    assert tree(target / "open-set") == dict(sorted(CONTENT["open-set"].items()))


def test_mirror_of_a_mirror_leaves_the_original_alone(mirror, tmp_path):
    before = tree(mirror)
    data.make_mirror(tmp_path / "copy", progress=False)
    assert tree(mirror) == before
    for inside in (mirror, mirror / "open-set"):
        with pytest.raises(data.DataError, match="never written"):
            data.make_mirror(inside, progress=False)
    assert tree(mirror) == before


def test_wrong_original_stops_the_mirror(mirror, tmp_path):
    (mirror / "open-set" / "table.csv").write_bytes(b"a,b\n7,7\n")
    with pytest.raises(data.WrongContent):
        data.make_mirror(tmp_path / "copy", progress=False)
    assert not (tmp_path / "copy" / "open-set").exists()


def test_full_stick(mirror, tmp_path):
    """Whole files or none on a disk that is too small; exit code 1 and a message."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", disk], capture_output=True, check=False
    ).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        result = CliRunner().invoke(app, ["mirror", str(disk / "course"), "-q"])
        assert (
            result.exit_code == 1 and "the disk is full" in result.output and "run the command again" in result.output
        )
        for path, content in tree(disk / "course").items():
            assert CONTENT["open-set"][path.removeprefix("open-set/")] == content
    finally:
        subprocess.run(["umount", disk], check=True)


def test_command_line(mirror, tmp_path):
    result = CliRunner().invoke(app, ["mirror", str(tmp_path / "a"), "-q"])
    assert result.exit_code == 0 and "left out" in result.output and "COURSE_DATA_MIRROR=" in result.output
    result = CliRunner().invoke(app, ["mirror", str(tmp_path / "b"), "unclear-set", "--private", "-q"])
    assert result.exit_code == 0 and (tmp_path / "b" / "unclear-set" / "picks.txt").is_file()
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(app, ["mirror", str(tmp_path / "file"), "-q"])
    assert result.exit_code == 1 and "cannot be written" in result.output
