"""Archives for tests: day files with something to pick around midnight, and an S3 server of a folder."""

import re
import threading
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import numpy as np

MIDNIGHTS = ("2024-02-29T00:00:00", "2024-03-01T00:00:00")
SDS = "{year}/{net}/{sta}/{cha}.D/{net}.{sta}.{loc}.{cha}.D.{year}.{day:03d}"
SCEDC = "continuous_waveforms/{year}/{year}_{day:03d}/{net}{sta:_<5}{cha}{loc:_<3}{year}{day:03d}.ms"
NCEDC = "continuous_waveforms/{net}/{year}/{year}.{day:03d}/{sta}.{net}.{cha}.{loc}.D.{year}.{day:03d}"
EARTHSCOPE = "miniseed/{net}/{year}/{day:03d}/{sta}.{net}.{year}.{day:03d}"


def record(station="XX.AAA.00", minutes=3.0, around=MIDNIGHTS, codes="ZNE", seed=0, rate=100.0):
    """Noise with wavelets, ``minutes`` long and contiguous across each midnight, as an ObsPy stream."""
    from obspy import Stream, Trace, UTCDateTime

    random, stream = np.random.default_rng(seed), Stream()
    network, name, location = station.split(".")
    for midnight in around:
        n = round(minutes * 60 * rate)
        late = np.arange(n) / rate - np.arange(7.3, minutes * 60, 13.7)[:, None]
        shape = np.where(late > 0, np.exp(-np.abs(late) / 1.5) * np.sin(2 * np.pi * 7 * late), 0)
        for code in codes:
            data = random.normal(0, 30, n) + 500 + random.normal(0, 600, len(late)) @ shape
            header = {"network": network, "station": name, "location": location, "channel": f"HH{code}"}
            header |= {"sampling_rate": rate, "starttime": UTCDateTime(midnight) - minutes * 30}
            stream.append(Trace(np.rint(data).astype(np.int32), header))
    return stream


def write_days(folder: Path, stream, layout=SDS) -> list[Path]:
    """Cut a stream into day files; those of one name (all channels) are one file."""
    from obspy import Stream, UTCDateTime

    files: dict[Path, Stream] = {}
    for trace in stream:
        s, day = trace.stats, UTCDateTime(trace.stats.starttime.date)
        while day < s.endtime:
            part = trace.slice(day, day + 86400 - 1e-6)
            names = {"net": s.network, "sta": s.station, "loc": s.location, "cha": s.channel}
            path = folder / layout.format(**names, year=day.year, day=day.julday)
            if len(part):
                files.setdefault(path, Stream()).append(part)
            day += 86400
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        content.write(str(path), format="MSEED", encoding="STEIM2")
    return sorted(files)


def save_seeded(path: Path, kind="PhaseNet", seed=7, **arguments) -> str:
    """A network with fixed random weights, steep enough that it picks; the path of its pair of files."""
    import seisbench.models
    import torch

    from course_utils import picking

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = getattr(seisbench.models, kind)(**arguments)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name.startswith(("out.", "conv_out", "pick_convs", "out_")) and name.endswith("weight"):
                    parameter.mul_(40)
    picking.save_model(model, path, recipe="fixed random weights of a test")
    return f"{path}.json"


class S3Server(ThreadingHTTPServer):
    """Enough of S3 for a client: HeadObject, GetObject with ranges, ListObjectsV2 with prefixes and delimiters in pages.

    ``fail[key]`` is how many GETs of a key still end in status 500.
    """

    daemon_threads = True
    page = 3

    def __init__(self, folder: Path):
        super().__init__(("127.0.0.1", 0), _S3Handler)
        self.folder, self.fail, self.asked = folder, {}, []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def handle_error(self, request, client_address):
        """Clients hang up as they please."""


class _S3Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        url = urlsplit(self.path)
        _, bucket, key = (unquote(url.path) + "/").split("/", 2)
        key = key.rstrip("/")
        self.server.asked.append((self.command, key))
        if not key:
            return self._list(bucket, {k: v[0] for k, v in parse_qs(url.query).items()})
        file = self.server.folder / bucket / key
        if self.command == "GET" and self.server.fail.get(key, 0) > 0:
            self.server.fail[key] -= 1
            return self._answer(500, b"<Error><Code>InternalError</Code></Error>")
        if not file.is_file():
            return self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        body, status = file.read_bytes(), 200
        size = len(body)
        if wanted := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            first, last = int(wanted[1]), min(int(wanted[2] or size), size - 1)
            body, status = body[first : last + 1], 206
            return self._answer(status, body, {"Content-Range": f"bytes {first}-{last}/{size}"})
        return self._answer(status, body)

    def _list(self, bucket: str, query: dict):
        root, prefix = self.server.folder / bucket, query.get("prefix", "")
        keys = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
        keys = [k for k in keys if k.startswith(prefix)]
        entries = keys
        if query.get("delimiter"):
            entries = sorted({k[: k.find("/", len(prefix)) + 1] or k if "/" in k[len(prefix) :] else k for k in keys})
        entries = [e for e in entries if e > query.get("continuation-token", "")]
        shown, more = entries[: self.server.page], entries[self.server.page :]
        rows = [
            f"<CommonPrefixes><Prefix>{escape(e)}</Prefix></CommonPrefixes>"
            if e.endswith("/")
            else f"<Contents><Key>{escape(e)}</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;1&quot;</ETag><Size>{(root / e).stat().st_size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for e in shown
        ]
        token = f"<NextContinuationToken>{escape(shown[-1])}</NextContinuationToken>" if more else ""
        self._answer(
            200,
            f'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(shown)}</KeyCount><MaxKeys>{self.server.page}</MaxKeys>"
            f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>{token}{''.join(rows)}</ListBucketResult>".encode(),
            {"Content-Type": "application/xml"},
        )

    def _answer(self, status: int, body: bytes, headers=()):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", formatdate(1704067200, usegmt=True))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
