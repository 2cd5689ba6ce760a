"""The manifest: every outside file that the course may read, with its hash, licence, terms and citation.

``data_manifest.yaml`` beside this module is the one truth; the file of that name at the top of the repository
is a link to it. Long file lists live in ``registry-*.txt``, which pooch reads as they are (``path sha256
[url]``); a comment line ``# bytes=N role=TEXT`` there holds for the files below it.
"""

from __future__ import annotations

import difflib
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal
from urllib.parse import quote

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from .errors import DataError, UnknownDataset

MANIFEST_PATH = Path(__file__).with_name("data_manifest.yaml")

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Redistribution = Literal["allowed", "unclear"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class File(_Strict):
    """One file of a data set. ``path`` is relative to the data set's folder; ``url`` only where it is unusual."""

    path: str
    bytes: Annotated[int, Field(ge=0)]
    sha256: Sha256
    role: str = ""
    url: str | None = None

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, path: str) -> str:
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or "\\" in path or ":" in parts[0][:2]:
            raise ValueError(f"path {path!r} must be relative and stay inside the data set's folder")
        return path


class Dataset(_Strict):
    """A data set whose every byte is known. ``base_url`` + quoted path is a file's address."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    title: str
    description: str
    use: list[str]
    source: str
    version: str
    version_date: str
    base_url: str
    licence: str
    redistribution: Redistribution
    redistribution_note: str
    terms: str
    citation: str
    unverified_dois: list[str] = []
    caution: str = ""
    bytes: int
    file_count: int
    registry: str | None = None
    files: list[File] = []

    @model_validator(mode="after")
    def _one_list(self) -> Dataset:
        if bool(self.files) == bool(self.registry):
            raise ValueError(f"{self.name}: give either files or registry, not both and not neither")
        return self

    def url(self, file: File) -> str:
        """Where the file comes from."""
        return file.url or self.base_url + quote(file.path)


class FullSet(_Strict):
    """A set too large to be named file by file: optional, fetched by other software, never needed by the course."""

    name: str
    title: str
    how: str
    url: str
    size_gb: float
    size_note: str
    licence: str
    terms: str
    citation: str
    role: str
    note: str


class Weights(_Strict):
    """Published weights of a SeisBench model as a prefilled cache holds them; SeisBench loads them by name."""

    name: str
    model_class: str
    pretrained: str
    version: str
    role: Literal["weights"] = "weights"
    source: str
    source_commit: str
    source_file: str
    source_sha256: dict[str, Sha256]
    licence: str
    redistribution: Redistribution
    citation: str
    note: str
    files: list[File]


class Manifest(_Strict):
    """The whole manifest."""

    manifest_version: Literal[1]
    note: str
    datasets: list[Dataset]
    full: list[FullSet]
    weights: list[Weights]

    @model_validator(mode="after")
    def _names_once(self) -> Manifest:
        names = [entry.name for entry in (*self.datasets, *self.full)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"data sets named twice: {', '.join(twice)}")
        return self


def manifest() -> Manifest:
    """The parsed and checked manifest.

    Raises:
        DataError: the file breaks its model; the message names the entry.
    """
    return _load(MANIFEST_PATH)


@cache
def _load(path: Path) -> Manifest:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return Manifest.model_validate(yaml.load(path.read_text("utf-8"), loader))
    except (ValidationError, yaml.YAMLError) as error:
        raise DataError(
            f"{path}: not a valid manifest", found=str(error), remedy="correct the entry named above"
        ) from error


def dataset(name: str) -> Dataset:
    """The data set of that name; UnknownDataset suggests the nearest names."""
    for entry in manifest().datasets:
        if entry.name == name:
            return entry
    for entry in manifest().full:
        if entry.name == name:
            raise UnknownDataset(
                f"{name}: an optional large set ({entry.size_gb:g} GB) that is not fetched file by file",
                remedy=f"{entry.how} ({entry.url})",
            )
    names = [entry.name for entry in manifest().datasets]
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    raise UnknownDataset(
        f"no data set {name!r} in the manifest",
        remedy=(f"did you mean {' or '.join(near)}? " if near else "") + "`course data list` shows all",
    )


def files(name: str) -> dict[str, File]:
    """The files of a data set by path."""
    return _files(MANIFEST_PATH, name)


@cache
def _files(path: Path, name: str) -> dict[str, File]:
    entry = dataset(name)
    listed = list(entry.files) if entry.files else read_registry(path.parent / entry.registry)
    if len(listed) != entry.file_count or sum(f.bytes for f in listed) != entry.bytes:
        raise DataError(
            f"{name}: the file list does not agree with the manifest",
            expected=f"{entry.file_count} files, {entry.bytes} bytes",
            found=f"{len(listed)} files, {sum(f.bytes for f in listed)} bytes",
            remedy="restore course_utils/data from the release",
        )
    return {f.path: f for f in listed}


def read_registry(path: Path) -> list[File]:
    """Read a pooch registry whose comment lines carry size and role."""
    import shlex

    size, role, out = None, "", []
    for number, line in enumerate(Path(path).read_text("utf-8").splitlines(), 1):
        if line.startswith("# bytes="):
            head, _, role = line[2:].partition(" role=")
            size = int(head.removeprefix("bytes="))
        elif line.strip() and not line.startswith("#"):
            parts = shlex.split(line)
            if size is None or len(parts) not in (2, 3):
                raise DataError(
                    f"{path} line {number}: not a registry entry",
                    expected="path sha256 [url], below a line '# bytes=N role=TEXT'",
                    found=line,
                    remedy="write the registry with python -m course_utils.data.build_manifest",
                )
            out.append(
                File(path=parts[0], sha256=parts[1], url=parts[2] if len(parts) == 3 else None, bytes=size, role=role)
            )
    return out


def write_registry(path: Path, entries: list[File]) -> None:
    """Write files as a pooch registry, grouped by role and size."""
    import shlex

    lines, last = [], None
    for f in sorted(entries, key=lambda f: (f.role, f.bytes, f.path)):
        if (f.bytes, f.role) != last:
            last = (f.bytes, f.role)
            lines.append(f"# bytes={f.bytes} role={f.role}")
        lines.append(" ".join([shlex.quote(f.path), f.sha256] + ([f.url] if f.url else [])))
    Path(path).write_text("\n".join(lines) + "\n", "utf-8")
