"""Where the bytes of waveform files come from: a folder, or an object store by its URL (s3://bucket/prefix).

Both know the names below a root, folder by folder so that parts can be left out unseen, and load a file whole. Nothing is
ever written there, and nothing of an object store is kept on disk.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

from .errors import DataError

PUBLIC_BUCKETS = ("scedc-pds", "ncedc-pds", "earthscope-geophysical-data", "geonet-open-data")
_TRIES = 4
_FIRST_WAIT_S = 0.5
_HELD_BYTES = 400_000_000  # of objects: a station's day with its two neighbours, so that each is fetched once

Wanted = Callable[[tuple[str, ...]], bool]


def open_storage(text: str | Path) -> LocalFiles | ObjectStore:
    """The storage behind a path or URL. DataError: nothing is there, or it needs a package that is not installed."""
    return ObjectStore(str(text)) if "://" in str(text) else LocalFiles(text)


class LocalFiles:
    """Files of a folder (hidden ones are left out), or one file; a name is the whole path."""

    local = True

    def __init__(self, path: str | Path):
        path = Path(path).expanduser()
        if not path.exists():
            raise DataError(
                f"{path}: no such file or folder", remedy="give a MiniSEED or SAC file, or a folder of them"
            )
        self.root = self.label = str(path)

    def names(self, wanted: Wanted = lambda parts: True) -> Iterator[str]:
        """Names of files in order. ``wanted`` is asked with the parts of each folder below the root."""
        if os.path.isfile(self.root):
            yield self.root
        else:
            yield from self._below(self.root, (), wanted)

    def _below(self, folder: str, parts: tuple[str, ...], wanted: Wanted) -> Iterator[str]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except PermissionError:
            yield folder  # loading it says what is wrong, where files are counted
            return
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if not entry.is_dir():
                yield entry.path
            elif wanted((*parts, entry.name)):
                yield from self._below(entry.path, (*parts, entry.name), wanted)

    def parts(self, name: str) -> tuple[str, ...]:
        """A name's folders below the root and its last part."""
        return Path(name).relative_to(self.root).parts or (Path(name).name,)

    def load(self, name: str) -> bytes:
        """The bytes of a file; OSError when it cannot be read."""
        with open(name, "rb") as handle:
            return handle.read()

    def tag(self, name: str) -> str:
        """Local files are known by their bytes, see ``pipeline.units``."""
        return ""


class ObjectStore:
    """Objects below a URL; a name is the whole URL. S3 by pyarrow, everything else (gs, http, memory ...) by fsspec.

    Public buckets of waveforms are read anonymously, others with the credentials that the environment holds, or anonymously
    when it holds none. AWS_ENDPOINT_URL points to another S3 server.
    """

    local = False

    def __init__(self, url: str):
        self.root = self.label = url.rstrip("/")
        self._tags: dict[str, str] = {}
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._connection = None

    def __getstate__(self):  # another process opens its own connection
        return self.__dict__ | {"_connection": None, "_held": OrderedDict(), "_tags": {}}

    def names(self, wanted: Wanted = lambda parts: True) -> Iterator[str]:
        """Names of objects in order. ``wanted`` is asked with the parts of each folder below the root."""
        found = self._listing(self.root)
        if not found:
            raise DataError(f"{self.root}: there are no objects", remedy="check the bucket and the prefix")
        yield from self._below(found, (), wanted)

    def _below(self, entries: list[tuple[str, bool, str]], parts: tuple[str, ...], wanted: Wanted) -> Iterator[str]:
        for url, is_folder, tag in sorted(entries):
            here = (*parts, url.rsplit("/", 1)[1])
            if not is_folder:
                self._tags[url] = tag
                yield url
            elif wanted(here):
                yield from self._below(self._listing(url), here, wanted)

    def parts(self, name: str) -> tuple[str, ...]:
        """A name's folders below the root and its last part."""
        below = name.removeprefix(self.root).strip("/")
        return tuple(below.split("/")) if below else (name.rsplit("/", 1)[1],)

    def load(self, name: str) -> bytes:
        """The bytes of an object, fetched whole; OSError when that fails for good. The last few are kept in memory."""
        if name in self._held:
            self._held.move_to_end(name)
            return self._held[name]
        content = self._held[name] = self._patiently("fetch", name)
        while len(self._held) > 1 and sum(map(len, self._held.values())) > _HELD_BYTES:
            self._held.popitem(last=False)
        return content

    def tag(self, name: str) -> str:
        """Size and time of change of an object, as it was listed."""
        return self._tags.get(name, "")

    def _listing(self, url: str) -> list[tuple[str, bool, str]]:
        try:
            return self._patiently("list", url)
        except OSError as error:
            raise DataError(
                f"{url}: cannot be listed ({error.strerror or error})",
                remedy="check the bucket and the prefix, the network, and the credentials in the environment",
            ) from error

    def _patiently(self, what: str, url: str):
        """List or fetch; failures of the network are tried again after pauses, refusals are not."""
        if self._connection is None:
            self._connection = _S3(self.root) if self.root.startswith("s3://") else _Fsspec(self.root)
        for attempt in range(_TRIES):
            try:
                return getattr(self._connection, what)(url)
            except (FileNotFoundError, PermissionError):
                raise
            except Exception as error:  # each protocol has its own kinds; all mean that the bytes did not come
                if attempt == _TRIES - 1 or "ACCESS_DENIED" in str(error):
                    raise OSError(None, str(error).splitlines()[0][:300], url) from error
                time.sleep(_FIRST_WAIT_S * 3**attempt)
        raise AssertionError


class _S3:
    """Lists and fetches with the S3 client of pyarrow."""

    def __init__(self, url: str):
        from pyarrow import fs

        if not hasattr(fs, "S3FileSystem"):
            raise DataError(
                f"{url}: this build of pyarrow cannot speak S3",
                remedy="install it from PyPI: python -m pip install pyarrow",
            )
        bucket = url.removeprefix("s3://").split("/", 1)[0]
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if endpoint:
            scheme, _, host = endpoint.rpartition("://")
            options = {"endpoint_override": host.rstrip("/"), "scheme": scheme or "https", "region": "us-east-1"}
        else:
            options = {"region": fs.resolve_s3_region(bucket)}
        anonymous = bucket in PUBLIC_BUCKETS or not _has_credentials()
        self._system = fs.S3FileSystem(
            anonymous=anonymous,
            connect_timeout=20,
            request_timeout=120,
            retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=1),
            **options,
        )

    def list(self, url: str) -> list[tuple[str, bool, str]]:
        from pyarrow import fs

        path = url.removeprefix("s3://")
        found = self._system.get_file_info(fs.FileSelector(path, allow_not_found=True))
        if not found and "/" in path and (one := self._system.get_file_info(path)).is_file:
            found = [one]
        return [(f"s3://{f.path}", f.type == fs.FileType.Directory, f"{f.size} {f.mtime_ns}") for f in found]

    def fetch(self, url: str) -> bytes:
        with self._system.open_input_stream(url.removeprefix("s3://")) as stream:
            return stream.read()


class _Fsspec:
    """Lists and fetches with whatever fsspec knows of the protocol."""

    def __init__(self, url: str):
        protocol = url.split("://", 1)[0]
        try:
            import fsspec

            # listings are not cached: fsspec would answer for folders that it has seen only in part
            self._system = fsspec.filesystem(protocol, use_listings_cache=False)
        except ImportError as error:
            raise DataError(
                f"{url}: reading {protocol}:// needs a package that is not installed",
                found=str(error),
                remedy="install what the message names with: python -m pip install",
            ) from error
        except ValueError as error:
            raise DataError(f"{url}: {error}", remedy="give s3://bucket/prefix, or a folder") from error

    def list(self, url: str) -> list[tuple[str, bool, str]]:
        entries = [e | {"name": self._system.unstrip_protocol(e["name"].rstrip("/"))} for e in self._system.ls(url)]
        mark = ("ETag", "etag", "mtime", "LastModified", "created")
        return [
            (e["name"], e["type"] == "directory", f"{e.get('size')} {next((e[m] for m in mark if m in e), '')}")
            for e in entries
            if e["name"] != url or e["type"] != "directory"
        ]

    def fetch(self, url: str) -> bytes:
        return self._system.cat_file(url)


def _has_credentials() -> bool:
    """Whether the environment says who we are: keys, a profile, a role of a container or of a token."""
    names = (
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    )
    files = (os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"), "~/.aws/config")
    return any(os.environ.get(name) for name in names) or any(Path(file).expanduser().is_file() for file in files)
