"""A folder with the course's data for a classroom: a server, a USB stick, a continuous-integration machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from . import manifests
from .errors import DataError, NoRoom, WrongContent
from .fetching import check, fetch, is_verified, mirror_folder, room
from .manifests import Dataset, dataset, files, manifest


@dataclass
class MirrorReport:
    """What :func:`make_mirror` did: files copied, files that were there already, data sets left out, and why."""

    folder: Path
    copied: int = 0
    kept: int = 0
    bytes: int = 0
    datasets: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def make_mirror(
    folder: str | Path,
    names: Iterable[str] | None = None,
    private: bool = False,
    progress: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> MirrorReport:
    """Fill ``folder`` so that ``COURSE_DATA_MIRROR=folder`` serves the course without a network.

    Each file is fetched (from COURSE_DATA_MIRROR, the cache or the network), verified, copied under a temporary name and
    renamed, so that a file in place is whole; what is there and right already is kept, so that a second run
    completes an interrupted one. ``LICENCES.md`` (licence, terms and citation of every set), ``SHA256SUMS`` (for ``sha256sum -c``)
    and the manifest are written beside the data.

    Args:
        folder: where to; made when it does not exist.
        names: data sets; None for all.
        private: include sets whose redistribution is unclear. Such a mirror must stay with you.
        progress: show progress bars while fetching.
        say: receives one line per data set.

    Raises:
        DataError: a file cannot be had, is wrong, or the disk is full. What was copied before stays and is whole.
    """
    folder = Path(folder).expanduser().absolute()
    source = mirror_folder()
    if source is not None and folder.resolve().is_relative_to(source.resolve()):
        raise DataError(
            f"{folder}: lies in COURSE_DATA_MIRROR itself, which is never written", remedy="choose another folder"
        )
    entries = [dataset(name) for name in names] if names else list(manifest().datasets)
    report = MirrorReport(folder)
    for entry in entries:
        if entry.redistribution != "allowed" and not private:
            report.left_out[entry.name] = f"redistribution unclear ({entry.licence})"
            say(f"{entry.name}: left out, redistribution unclear; --private includes it")
            continue
        origin = fetch(entry.name, progress=progress)
        before = report.copied
        for file in files(entry.name).values():
            target = folder / entry.name / file.path
            if is_verified(target, file):
                report.kept += 1
            else:
                _copy(origin / file.path, target, file)
                report.copied += 1
            report.bytes += file.bytes
        report.datasets.append(entry.name)
        say(f"{entry.name}: {report.copied - before} of {entry.file_count} files copied, {entry.bytes / 1e6:.1f} MB")
    _write_notes(folder, report, private)
    return report


def _copy(source: Path, target: Path, file) -> None:
    part = target.with_name(target.name + ".part")
    try:
        with room(target, file):
            target.parent.mkdir(parents=True, exist_ok=True)
            with open(source, "rb") as read, open(part, "wb") as write:
                while chunk := read.read(1 << 20):
                    write.write(chunk)
                write.flush()
                os.fsync(write.fileno())  # a stick pulled out too early must not leave a named, empty file
            check(part, file, remember=False)
            os.replace(part, target)
    except NoRoom as error:
        remedy = "choose another folder; sticks formatted FAT or exFAT cannot hold names with ':' (pnw-classification has them)"
        if "disk is full" in error.what:
            remedy = "free some space there and run the command again"
        raise NoRoom(error.what, expected=error.expected, found=error.found, remedy=remedy) from error
    except WrongContent as error:
        raise WrongContent(
            f"{target}: the copy differs from the original",
            expected=error.expected,
            found=error.found,
            remedy="check the disk",
        ) from error
    finally:
        if part.exists():
            part.unlink()


def _write_notes(folder: Path, report: MirrorReport, private: bool) -> None:
    """Licences, checksums and manifest of everything that the folder holds, each replaced in one step."""
    held = [entry for entry in manifest().datasets if (folder / entry.name).is_dir()]
    sums = [
        f"{file.sha256}  {entry.name}/{path}"
        for entry in held
        for path, file in files(entry.name).items()
        if (folder / entry.name / path).is_file()
    ]
    _write(folder / "LICENCES.md", licences(held, private))
    _write(folder / "SHA256SUMS", "\n".join(sums) + "\n")
    _write(folder / manifests.MANIFEST_PATH.name, manifests.MANIFEST_PATH.read_text("utf-8"))


def licences(entries: list[Dataset], private: bool = False) -> str:
    """Licence, terms and citation of data sets as Markdown."""
    lines = ["# Licences, terms and citations of these data", ""]
    if private or any(entry.redistribution != "allowed" for entry in entries):
        lines += ["**Private copy: it holds sets whose redistribution is unclear. Do not pass it on.**", ""]
    lines += [
        "Two things apply to each set: the licence of the repository it comes from, and the terms of the networks and data"
    ]
    lines += ["centres that recorded the data.", ""]
    for entry in entries:
        texts = [p for p, f in files(entry.name).items() if f.role.startswith("licence text")]
        lines += [
            f"## {entry.name}",
            "",
            f"{entry.title}",
            "",
            f"- source: {entry.source} at {entry.version}",
            f"- licence: {entry.licence}"
            + (
                f" (text: {', '.join(f'{entry.name}/{p}' for p in texts)})"
                if texts
                else " (no licence text in the repository)"
            ),
            f"- redistribution: {entry.redistribution}; {entry.redistribution_note}",
            f"- terms: {entry.terms}",
            f"- citation: {entry.citation}",
            "",
        ]
    return "\n".join(lines)


def _write(target: Path, text: str) -> None:
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, "utf-8")
        os.replace(part, target)
    except OSError as error:
        if part.exists():
            part.unlink()
        raise NoRoom(f"{target}: {error.strerror}", remedy="free some space or choose another folder") from error
