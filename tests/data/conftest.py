"""Fixtures of the data room: a small manifest served from this machine, and a mirror of it."""

from __future__ import annotations

import threading

import pytest
from data_helpers import CONTENT, Server, write_manifest

from course_utils.data import manifests


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def small(tmp_path, server, monkeypatch):
    """The small manifest in force, an empty cache, no mirror; returns the cache folder."""
    folder = tmp_path / "manifest"
    folder.mkdir()
    monkeypatch.setattr(manifests, "MANIFEST_PATH", write_manifest(folder, server.url))
    monkeypatch.delenv("COURSE_DATA_MIRROR", raising=False)
    monkeypatch.setenv("COURSE_DATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # pooch waits between tries
    return tmp_path / "cache"


@pytest.fixture
def mirror(small, tmp_path, monkeypatch):
    """A complete mirror of the small manifest in force; returns its folder."""
    folder = tmp_path / "mirror"
    for name, content in CONTENT.items():
        for path, data in content.items():
            (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / name / path).write_bytes(data)
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(folder))
    return folder
