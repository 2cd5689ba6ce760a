"""What can go wrong with an outside file, said so that a person can act on it."""

from __future__ import annotations


class DataError(RuntimeError):
    """A file is not there, or is not the file that the manifest describes.

    The message names the file, what was expected, what was found, and what to do about it.
    """

    def __init__(self, what: str, *, expected: str = "", found: str = "", remedy: str = ""):
        self.what, self.expected, self.found, self.remedy = what, expected, found, remedy
        lines = [what]
        lines += [f"  {label:9s}{text}" for label, text in (("expected", expected), ("found", found)) if text]
        lines += [f"  {'remedy':9s}{remedy}"] if remedy else []
        super().__init__("\n".join(lines))


class UnknownDataset(DataError):
    """The manifest has no data set, or the data set no file, of this name."""


class MissingFile(DataError):
    """A mirror or cache should hold a file and does not."""


class WrongContent(DataError):
    """A file's length or sha256 differs from the manifest; it is refused."""


class NoNetwork(DataError):
    """A server could not be reached, refused, or broke off."""


class NoRoom(DataError):
    """A file could not be written: the disk is full or the folder is read-only."""
