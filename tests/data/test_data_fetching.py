"""Everything that can go wrong between a server, a disk and a classroom."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from data_helpers import CONTENT, tree
from typer.testing import CliRunner

from course_utils import data
from course_utils.data import manifests
from course_utils.pipeline.commands.data import app

WAVES = "deep/er/waves one:2.bin"
CHUNK = 1 << 16
URL_PATH = f"/open-set/{WAVES}"


def assert_nothing_in_place(cache: Path, file: str = WAVES) -> None:
    assert not (cache / "open-set" / file).exists()
    leftovers = [f for f in cache.rglob("*") if f.is_file() and f.suffix != ".lock"] if cache.exists() else []
    assert all("parts" in f.parts for f in leftovers), leftovers


def test_fetch_from_network_then_from_cache(small, server):
    folder = data.fetch("open-set", progress=False)
    assert folder == small / "open-set"
    assert tree(folder) == dict(sorted(CONTENT["open-set"].items()))
    asked = len(server.requests)
    assert asked == 3
    assert data.fetch("open-set", progress=False) == folder
    assert len(server.requests) == asked, "the cache was not used"
    assert data.verify("open-set") == []
    assert not (small / ".incoming" / "open-set").exists(), "staging folder left behind"


def test_fetch_one_path_only(small, server):
    path = data.path("open-set", "table.csv", progress=False)
    assert path.read_bytes() == CONTENT["open-set"]["table.csv"]
    assert [p for p, _ in server.requests] == ["/open-set/table.csv"]


def test_damaged_cache_is_replaced(small, server):
    path = data.path("open-set", "table.csv", progress=False)
    path.write_bytes(b"a,b\n1,3\n")
    os.utime(path, ns=(1, 1))
    [problem, *_] = [p for p in data.verify("open-set") if "wrong content" in str(p)]
    assert str(path) in str(problem)
    assert data.path("open-set", "table.csv", progress=False).read_bytes() == CONTENT["open-set"]["table.csv"]


def test_wrong_hash_is_refused(small, server):
    good = CONTENT["open-set"][WAVES]
    server.replace[URL_PATH] = b"X" + good[1:]  # same length
    with pytest.raises(data.WrongContent) as caught:
        data.fetch("open-set", [WAVES], progress=False)
    message = str(caught.value)
    assert "waves%20one%3A2.bin" in message
    assert manifests.files("open-set")[WAVES].sha256 in message
    import hashlib

    assert hashlib.sha256(server.replace[URL_PATH]).hexdigest() in message
    assert "try again" in message
    assert_nothing_in_place(small)
    assert not any(f.is_file() and f.suffix != ".lock" for f in small.rglob("*")), "a refused file was kept"


def test_truncated_answer_is_completed_in_the_same_call(small, server):
    server.cut[URL_PATH] = [3 * CHUNK]
    path = data.path("open-set", WAVES, progress=False)
    assert path.read_bytes() == CONTENT["open-set"][WAVES]
    assert [r for _, r in server.requests] == [None, f"bytes={3 * CHUNK}-"]


def test_truncated_again_and_again_is_refused_then_resumed(small, server):
    server.cut[URL_PATH] = [CHUNK, 2 * CHUNK]
    with pytest.raises(data.NoNetwork) as caught:
        data.fetch("open-set", [WAVES], progress=False)
    assert "broke off" in str(caught.value) and f"{3 * CHUNK} of 512000 bytes" in str(caught.value)
    assert f"continues after {3 * CHUNK} bytes" in str(caught.value)
    assert_nothing_in_place(small)
    server.requests.clear()
    assert data.path("open-set", WAVES, progress=False).read_bytes() == CONTENT["open-set"][WAVES]
    assert server.requests == [(URL_PATH, f"bytes={3 * CHUNK}-")]


def test_short_file_on_the_server_is_never_used(small, server):
    server.replace[URL_PATH] = CONTENT["open-set"][WAVES][:1000]  # whole answer, wrong length
    with pytest.raises(data.DataError, match="1000 of 512000 bytes"):
        data.fetch("open-set", [WAVES], progress=False)
    assert_nothing_in_place(small)


def test_server_without_ranges_starts_over(small, server):
    server.ranges = False
    server.cut[URL_PATH] = [CHUNK + 77]
    assert data.path("open-set", WAVES, progress=False).read_bytes() == CONTENT["open-set"][WAVES]


def test_stale_part_is_not_trusted(small, server):
    """What an older version of the file left behind spoils one try only."""
    part = small / ".incoming" / "open-set" / "parts" / manifests.files("open-set")[WAVES].sha256
    part.parent.mkdir(parents=True)
    part.write_bytes(b"old bytes" * 100)
    assert data.path("open-set", WAVES, progress=False).read_bytes() == CONTENT["open-set"][WAVES]


def test_no_network(small, server):
    server.shutdown()
    server.server_close()
    with pytest.raises(data.NoNetwork) as caught:
        data.fetch("open-set", ["table.csv"], progress=False)
    message = str(caught.value)
    assert "table.csv" in message and "cannot be reached" in message and "COURSE_DATA_MIRROR" in message
    assert not any(f.is_file() and f.suffix != ".lock" for f in small.rglob("*"))


@pytest.mark.parametrize("status", [404, 503])
def test_server_refuses(small, server, status):
    server.status["/open-set/table.csv"] = status
    with pytest.raises(data.NoNetwork, match=f"HTTP status {status}"):
        data.fetch("open-set", ["table.csv"], progress=False)


def test_full_disk_on_a_real_small_disk(small, server, tmp_path, monkeypatch):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root; test_full_disk_reported_by_the_system covers the same path")
    try:
        monkeypatch.setenv("COURSE_DATA_CACHE", str(disk / "cache"))
        with pytest.raises(data.NoRoom) as caught:
            data.fetch("open-set", [WAVES], progress=False)
        assert (
            "full" in str(caught.value)
            and "512000 bytes" in str(caught.value)
            and "COURSE_DATA_CACHE" in str(caught.value)
        )
        assert_nothing_in_place(disk / "cache")
        assert not list((disk / "cache").rglob("parts/*")), "a full disk was left full"
        result = CliRunner().invoke(app, ["fetch", "open-set", "-q"])
        assert result.exit_code == 1 and "full" in result.output
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_full_disk_reported_by_the_system(small, server):
    part = small / ".incoming" / "open-set" / "parts" / manifests.files("open-set")[WAVES].sha256
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")  # every write to it fails with ENOSPC
    with pytest.raises(data.NoRoom, match="disk is full"):
        data.fetch("open-set", [WAVES], progress=False)
    assert not part.is_symlink() and Path("/dev/full").exists()
    assert_nothing_in_place(small)


def test_folder_that_cannot_be_written(small, server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("COURSE_DATA_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(data.NoRoom, match="COURSE_DATA_CACHE"):
        data.fetch("open-set", progress=False)


FETCH = textwrap.dedent("""
    import sys
    from pathlib import Path
    from course_utils import data
    from course_utils.data import manifests
    manifests.MANIFEST_PATH = Path(sys.argv[1])
    data.fetch("open-set", progress=False)
""")


def start_fetch() -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", FETCH, str(manifests.MANIFEST_PATH)], stderr=subprocess.PIPE)


def test_killed_while_downloading(small, server):
    """kill -9 in the middle: nothing in place, and the next run continues with the bytes that had come."""
    sleep = threading.Event().wait
    server.slow.set()
    child = start_fetch()
    part = small / ".incoming" / "open-set" / "parts" / manifests.files("open-set")[WAVES].sha256
    for _ in range(600):
        if part.exists() and part.stat().st_size >= 1 << 18:
            break
        assert child.poll() is None, child.stderr.read().decode()
        sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stderr.close()
    assert 0 < part.stat().st_size < 512_000
    assert_nothing_in_place_except_done(small)
    server.slow.clear()
    server.requests.clear()
    folder = data.fetch("open-set", progress=False)
    assert tree(folder) == dict(sorted(CONTENT["open-set"].items()))
    assert (URL_PATH, f"bytes={1 << 18}-") in server.requests
    assert not (small / ".incoming" / "open-set").exists(), "strays of the killed run were left"


def assert_nothing_in_place_except_done(cache: Path) -> None:
    for path, content in tree(cache / "open-set").items() if (cache / "open-set").exists() else ():
        assert CONTENT["open-set"][path] == content


def test_two_processes_fetch_the_same_set(small, server):
    children = [start_fetch() for _ in range(2)]
    for child in children:
        assert child.wait(60) == 0, child.stderr.read().decode()
        child.stderr.close()
    assert tree(small / "open-set") == dict(sorted(CONTENT["open-set"].items()))
    assert len([p for p, _ in server.requests]) == 3, "the second process did not use what the first one fetched"


def test_mirror_is_used_in_place(mirror, server, small):
    before = tree(mirror)
    folder = data.fetch("open-set", progress=False)
    assert folder == mirror / "open-set"
    assert tree(mirror) == before and server.requests == [] and not small.exists()
    assert data.verify("open-set") == []


def test_mirror_with_a_missing_file(mirror):
    (mirror / "open-set" / "table.csv").unlink()
    with pytest.raises(data.MissingFile) as caught:
        data.fetch("open-set", progress=False)
    assert str(mirror / "open-set" / "table.csv") in str(caught.value) and "course data mirror" in str(caught.value)
    assert data.fetch("open-set", ["LICENSE"], progress=False) == mirror / "open-set"
    assert [type(p) for p in data.verify("open-set")] == [data.MissingFile]


def test_public_mirror_says_why_a_set_is_not_there(mirror):
    (mirror / "unclear-set" / "picks.txt").unlink()
    with pytest.raises(data.MissingFile, match="--private"):
        data.fetch("unclear-set", progress=False)


@pytest.mark.parametrize(
    ("content", "words"), [(b"a,b\n1,3\n", "wrong content"), (b"a,b\n", "truncated"), (b"a,b\n1,2\n\n", "too long")]
)
def test_mirror_with_a_wrong_file(mirror, content, words):
    (mirror / "open-set" / "table.csv").write_bytes(content)
    with pytest.raises(data.WrongContent) as caught:
        data.fetch("open-set", progress=False)
    message = str(caught.value)
    assert (
        words in message
        and "table.csv" in message
        and "expected" in message
        and "found" in message
        and "remedy" in message
    )
    assert (mirror / "open-set" / "table.csv").read_bytes() == content, (
        "a mirror is never repaired behind the user's back"
    )


def test_mirror_changed_after_it_was_verified(mirror):
    data.fetch("open-set", progress=False)
    file = mirror / "open-set" / "table.csv"
    time.sleep(0)
    file.write_bytes(b"a,b\n9,9\n")
    os.utime(file, ns=(5, 5))
    with pytest.raises(data.WrongContent):
        data.fetch("open-set", progress=False)


def test_mirror_folder_absent(small, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(tmp_path / "not-here"))
    with pytest.raises(data.DataError, match="no such folder"):
        data.fetch("open-set", progress=False)


def test_unknown_names(small):
    with pytest.raises(data.UnknownDataset, match="did you mean open-set"):
        data.fetch("opn-set")
    with pytest.raises(data.UnknownDataset, match="course data list open-set"):
        data.fetch("open-set", ["nothing.txt"])
    with pytest.raises(data.UnknownDataset, match=r"data\.fetch"):
        data.open("open-set")


def test_mode(monkeypatch):
    monkeypatch.delenv("COURSE_DATA", raising=False)
    assert data.mode() == "embedded"
    monkeypatch.setenv("COURSE_DATA", "Real ")
    assert data.mode() == "real"
    monkeypatch.setenv("COURSE_DATA", "true")
    with pytest.raises(data.DataError, match="embedded or real"):
        data.mode()


def test_command_line(small, server, monkeypatch):
    run = CliRunner().invoke
    result = run(app, ["list"])
    assert result.exit_code == 0 and "open-set" in result.output
    result = run(app, ["list", "open-set"])
    assert "table.csv" in result.output and "nobody (2026)" in result.output
    result = run(app, ["fetch", "open-set", "-q"])
    assert result.exit_code == 0 and str(small / "open-set") in result.output
    assert run(app, ["verify"]).exit_code == 0
    (small / "open-set" / "table.csv").write_bytes(b"spoilt")
    result = run(app, ["verify", "open-set"])
    assert result.exit_code == 1 and "table.csv" in result.output
    server.replace["/unclear-set/picks.txt"] = b"wrong"
    for arguments in (
        ["fetch", "unclear-set"],
        ["fetch", "no-such-set"],
        ["list", "no-such-set"],
        ["mirror", "x", "no-such-set"],
    ):
        result = run(app, arguments)
        assert result.exit_code == 1, arguments
        assert "Traceback" not in result.output and len(result.output) > 30
    server.shutdown()
    server.server_close()
    (small / "open-set" / "table.csv").unlink()
    assert run(app, ["fetch", "open-set", "-q"]).exit_code == 1
