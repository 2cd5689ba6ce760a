"""A small manifest, and a server on this machine that can misbehave in the ways that servers do."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

CONTENT = {
    "open-set": {
        "LICENSE": b"do as you like\n",
        "deep/er/waves one:2.bin": bytes(range(256)) * 2000,
        "table.csv": b"a,b\n1,2\n",
    },
    "unclear-set": {"picks.txt": b"1 2 3\n" * 50},
}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_manifest(folder: Path, base_url: str) -> Path:
    sets = []
    for name, content in CONTENT.items():
        files = [
            {"path": p, "bytes": len(c), "sha256": sha256(c), "role": "licence text" if p == "LICENSE" else "data"}
            for p, c in content.items()
        ]
        sets.append(
            {
                "name": name, "title": name, "description": "made for a test", "use": ["test"], "source": "https://example.org", "version": "1",
                "version_date": "2026-01-01", "base_url": f"{base_url}/{name}/", "licence": "MIT", "terms": "none", "citation": "nobody (2026)",
                "redistribution": "unclear" if name.startswith("unclear") else "allowed", "redistribution_note": "",
                "bytes": sum(len(c) for c in content.values()), "file_count": len(content), "files": files,
            }
        )  # fmt: skip
    path = folder / "data_manifest.yaml"
    path.write_text(
        yaml.safe_dump({"manifest_version": 1, "note": "test", "datasets": sets, "full": [], "weights": []})
    )
    return path


class Server(ThreadingHTTPServer):
    """Serves CONTENT. ``replace[url path]`` exchanges a body, ``cut[url path]`` breaks off after so many bytes, once."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replace: dict[str, bytes] = {}
        self.cut: dict[str, list[int]] = {}
        self.status: dict[str, int] = {}
        self.ranges = True
        self.slow = threading.Event()
        self.requests: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        """A client that was killed is expected here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        from urllib.parse import unquote

        server, path = self.server, unquote(self.path)
        wanted = self.headers.get("Range")
        server.requests.append((path, wanted))
        if path in server.status:
            self.send_error(server.status[path])
            return
        name, _, file = path.lstrip("/").partition("/")
        body = server.replace.get(path, CONTENT.get(name, {}).get(file))
        if body is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.ranges else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        part = body[start:]
        if server.cut.get(path):
            part = part[: server.cut[path].pop(0)]
            self.close_connection = True
        if server.slow.is_set():
            self.wfile.write(part[: 1 << 18])
            self.wfile.flush()
            threading.Event().wait(30)
        self.wfile.write(part)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder and its bytes."""
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}
