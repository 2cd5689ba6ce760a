"""Fetching files that the manifest names: from a mirror folder, the cache, or the network; verified in every case.

``COURSE_DATA``         ``embedded`` (default: the synthetic Earth, nothing is fetched) or ``real``
``COURSE_DATA_MIRROR``  a folder with ``<dataset>/<path>``; read in place, never written
``COURSE_DATA_CACHE``   where downloads are kept; default: the platform's cache folder

A download grows in ``<cache>/.incoming`` and moves to its place only when its sha256 is right, so a file in
place is always whole. An interrupted download continues where it stopped.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import DataError, MissingFile, NoNetwork, NoRoom, UnknownDataset, WrongContent
from .manifests import Dataset, File, dataset, files

TIMEOUT_S = 30
_CHUNK = 1 << 16  # what is lost at most when a connection breaks off
_FULL = (errno.ENOSPC, errno.EDQUOT)
_verified: set[tuple] = set()


def mode() -> str:
    """``"embedded"`` or ``"real"``, from the environment variable COURSE_DATA."""
    value = os.environ.get("COURSE_DATA", "").strip().lower() or "embedded"
    if value not in ("embedded", "real"):
        raise DataError(
            f"COURSE_DATA is {value!r}", expected="embedded or real", remedy="export COURSE_DATA=real, or unset it"
        )
    return value


def mirror_folder() -> Path | None:
    """The folder that COURSE_DATA_MIRROR names, or None. DataError when it is no folder."""
    value = os.environ.get("COURSE_DATA_MIRROR", "").strip()
    if not value:
        return None
    folder = Path(value).expanduser()
    if not folder.is_dir():
        raise DataError(
            f"COURSE_DATA_MIRROR={value}: no such folder",
            remedy="mount or make it (course data mirror DIR), or unset the variable to use the network",
        )
    return folder


def cache_folder() -> Path:
    """Where downloads are kept: COURSE_DATA_CACHE, or the platform's cache folder."""
    value = os.environ.get("COURSE_DATA_CACHE", "").strip()
    if value:
        return Path(value).expanduser()
    import pooch

    return Path(pooch.os_cache("ml-earthquake-catalogs")) / "data"


def fetch(name: str, paths: Iterable[str] | None = None, progress: bool = True) -> Path:
    """Make files of a data set available on this machine, and return the folder that holds them.

    Every file is checked against the manifest's length and sha256, wherever it comes from: COURSE_DATA_MIRROR,
    where files are read in place, or else the cache, which is filled from the network.

    Args:
        name: data set of the manifest.
        paths: files wanted, relative to the data set; None for all of them.
        progress: show a progress bar on standard error when there is a terminal.

    Raises:
        UnknownDataset, MissingFile, WrongContent, NoNetwork, NoRoom: all of them DataError; nothing half-written remains.
    """
    entry, listed = dataset(name), _select(name, paths)
    mirror = mirror_folder()
    if mirror is not None:
        for file in listed:
            _check_mirrored(mirror / name, entry, file)
        return mirror / name
    folder = cache_folder() / name
    wanted = [file for file in listed if not is_verified(folder / file.path, file)]
    if wanted:
        _download(entry, wanted, folder, progress)
    return folder


def path(name: str, file: str, progress: bool = True) -> Path:
    """Fetch one file of a data set and return where it lies."""
    return fetch(name, [file], progress=progress) / file


def verify(name: str) -> list[DataError]:
    """Check every file of a data set that a mirror (if set) or the cache holds; nothing is fetched.

    Files that are absent or wrong are returned as errors, in the manifest's order; an empty list means all is well.
    """
    mirror = mirror_folder()
    folder = (mirror or cache_folder()) / name
    problems = []
    for file in files(name).values():
        try:
            check(folder / file.path, file, remember=False)
        except DataError as error:
            problems.append(error)
    return problems


def check(where: Path, file: File, remember: bool = True) -> None:
    """Raise MissingFile or WrongContent unless ``where`` holds exactly the bytes of ``file``."""
    try:
        stat = where.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise MissingFile(f"{where}: missing", expected=f"{file.bytes} bytes", remedy="course data fetch") from None
    key = (str(where), stat.st_size, stat.st_mtime_ns, stat.st_ino, file.sha256)
    if remember and key in _verified:
        return
    if stat.st_size != file.bytes:
        kind = "truncated" if stat.st_size < file.bytes else "too long"
        raise WrongContent(f"{where}: {kind}, refused", expected=f"{file.bytes} bytes", found=f"{stat.st_size} bytes")
    found = sha256_of(where)
    if found != file.sha256:
        raise WrongContent(
            f"{where}: wrong content, refused", expected=f"sha256 {file.sha256}", found=f"sha256 {found}"
        )
    _verified.add(key)


def is_verified(where: Path, file: File) -> bool:
    """Whether ``where`` holds exactly the bytes of ``file``."""
    try:
        check(where, file)
    except (MissingFile, WrongContent):
        return False
    return True


def sha256_of(where: Path) -> str:
    """sha256 of a file's bytes, as hexadecimal text."""
    with open(where, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


@contextmanager
def room(where: Path, file: File) -> Iterator[None]:
    """Turn a full disk, a read-only folder and the like into NoRoom, which says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise NoRoom(
                f"{where}: the disk is full",
                expected=f"room for {file.bytes} bytes ({file.path})",
                found=os.strerror(error.errno),
                remedy="free some space, or set COURSE_DATA_CACHE to a folder on another disk, and run the command again",
            ) from error
        raise NoRoom(
            f"{where}: cannot be written",
            found=os.strerror(error.errno) if error.errno else str(error),
            remedy="set COURSE_DATA_CACHE to a folder that you may write to",
        ) from error


def _select(name: str, paths: Iterable[str] | None) -> list[File]:
    known = files(name)
    if paths is None:
        return list(known.values())
    if isinstance(paths, str):
        paths = [paths]
    wanted = [str(p) for p in paths]
    unknown = [p for p in wanted if p not in known]
    if unknown:
        raise UnknownDataset(
            f"{name} has no file {unknown[0]!r}", remedy=f"`course data list {name}` shows its {len(known)} files"
        )
    return [known[p] for p in wanted]


def _check_mirrored(folder: Path, entry: Dataset, file: File) -> None:
    try:
        check(folder / file.path, file)
    except MissingFile as error:
        hint = "complete the mirror (course data mirror DIR)"
        if entry.redistribution != "allowed":
            hint = "public mirrors leave this set out, as its redistribution is unclear; complete it with course data mirror DIR --private"
        raise MissingFile(
            error.what + f" in the mirror (data set {entry.name})",
            expected=error.expected,
            remedy=f"{hint}, or unset COURSE_DATA_MIRROR to use the network",
        ) from None
    except WrongContent as error:
        raise WrongContent(
            error.what + f" (mirror, data set {entry.name})",
            expected=error.expected,
            found=error.found,
            remedy="copy the file again, or make the mirror again with course data mirror DIR",
        ) from None


def _download(entry: Dataset, wanted: list[File], folder: Path, progress: bool) -> None:
    """Download into the staging folder through pooch, which verifies, then move each file to its place."""
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")  # the bar shows progress
    staging = folder.parent / ".incoming" / entry.name
    with room(staging, wanted[0]):
        staging.parent.mkdir(parents=True, exist_ok=True)
    with (
        _only_one(staging.with_name(entry.name + ".lock")),
        _staged(staging),
        _bar(entry.name, wanted, progress) as advance,
    ):
        for file in wanted:
            if is_verified(folder / file.path, file):  # another process was faster
                advance(file.bytes)
                continue
            client = pooch.create(
                path=staging,
                base_url="",
                registry={file.path: file.sha256},
                urls={file.path: entry.url(file)},
                retry_if_failed=1,
            )
            part = staging / "parts" / file.sha256
            with room(part, file):
                part.parent.mkdir(parents=True, exist_ok=True)
                try:
                    got = client.fetch(file.path, downloader=_Resuming(part, file, advance))
                except requests.exceptions.RequestException as error:
                    raise _no_network(entry, file, part, error) from error
                except ValueError as error:  # pooch: the hash differs; it has removed the file
                    got_hash = re.search(r"got ([0-9a-f]{64})", str(error))
                    raise WrongContent(
                        f"{entry.url(file)}: wrong content, refused",
                        expected=f"sha256 {file.sha256}, {file.bytes} bytes",
                        found=f"sha256 {got_hash[1]}" if got_hash else str(error),
                        remedy="nothing was kept; try again, and if it stays wrong, report it: the file changed at its source",
                    ) from error
                target = folder / file.path
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(got, target)
            check(target, file)


def _no_network(entry: Dataset, file: File, part: Path, error: Exception) -> NoNetwork:
    kept = part.stat().st_size if part.exists() else 0
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        what, found = f"{entry.url(file)}: the server refused", f"HTTP status {status}"
    elif kept:
        what, found = f"{entry.url(file)}: the download broke off", f"{kept} of {file.bytes} bytes"
    else:
        what, found = f"{entry.url(file)}: cannot be reached", type(error).__name__
    kept_note = (
        f"run the command again (it continues after {kept} bytes)" if kept else "check the network and try again"
    )
    return NoNetwork(
        what,
        expected=f"{file.bytes} bytes ({entry.name}: {file.path})",
        found=found,
        remedy=f"{kept_note}, or set COURSE_DATA_MIRROR to a folder made by `course data mirror DIR`",
    )


class _Resuming:
    """A pooch downloader that appends to a part file, so that a download continues where it stopped."""

    def __init__(self, part: Path, file: File, advance: Callable[[int], None]):
        self.part, self.file, self.advance = part, file, advance

    def __call__(self, url: str, output_file, pooch) -> None:
        import requests

        have = self.part.stat().st_size if self.part.exists() else 0
        if have >= self.file.bytes:
            self.part.unlink()
            have = 0
        # "identity": a range of a compressed stream is not a range of the file
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        try:
            with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as answer:
                if answer.status_code == 416:  # what we have is longer than what the server has
                    self.part.unlink()
                answer.raise_for_status()
                continues = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(
                    f"bytes {have}-"
                )
                with open(self.part, "ab" if continues else "wb") as out:
                    self.advance(have if continues else 0)
                    for chunk in answer.iter_content(_CHUNK):
                        out.write(chunk)
                        self.advance(len(chunk))
        except OSError as error:
            if error.errno in _FULL:
                self.part.unlink(missing_ok=True)
            raise
        size = self.part.stat().st_size
        if size < self.file.bytes:
            raise requests.exceptions.ConnectionError(f"{size} of {self.file.bytes} bytes arrived")
        os.replace(self.part, output_file)


@contextmanager
def _staged(staging: Path) -> Iterator[None]:
    """Clear the staging folder of what killed runs left there, but for parts that can be continued."""
    import shutil

    try:
        yield
    finally:
        parts = [part for part in staging.glob("parts/*") if part.is_file() and part.stat().st_size]
        for child in [staging] if not parts else [c for c in staging.iterdir() if c.name != "parts"]:
            if child.is_file():
                child.unlink()
            else:
                shutil.rmtree(child, ignore_errors=True)


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Let one process at a time fill a data set; the others wait, and then find the files there."""
    try:
        import fcntl
    except ImportError:  # Windows: two processes may fetch the same file twice, each whole
        yield
        return
    with open(lock, "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:  # a file system without locks
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                raise
        yield


@contextmanager
def _bar(name: str, wanted: list[File], progress: bool) -> Iterator[Callable[[int], None]]:
    from rich.console import Console

    console = Console(stderr=True)
    if not (progress and (console.is_terminal or console.is_jupyter)):
        yield lambda count: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(name, total=sum(f.bytes for f in wanted))
        yield lambda count: bars.advance(task, count)
