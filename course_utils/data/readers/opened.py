"""What ``data.open`` returns: the parts of one data set, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...catalog.tables import SCHEMAS, Catalog, conform
from ..manifests import Dataset


class Opened:
    """The parts of a data set, each an attribute: tables as pandas frames, waveforms as the reader says.

    A set that has both unpacks into them: ``stations, stream = data.open("qm-volcanotectonic")``. Of any set,
    ``opened["events", "picks"]`` returns a tuple of parts, ``opened.catalog`` the tables as one Catalog, and
    ``opened.citation`` what to cite. Asking for a part that the set does not hold names those that it holds.
    """

    def __init__(self, entry: Dataset, folder: Path, reader, **parts: Any):
        self.name, self.citation, self.licence, self.terms = entry.name, entry.citation, entry.licence, entry.terms
        self.folder, self.reader = folder, reader
        self._parts = {key: conform(part, key) if key in SCHEMAS else part for key, part in parts.items()}

    def __getattr__(self, part: str) -> Any:
        parts = self.__dict__.get("_parts", {})
        if part in parts:
            return parts[part]
        raise AttributeError(f"data set {self.__dict__.get('name')!r} has no {part}; it has {', '.join(parts)}")

    def __getitem__(self, part: str | tuple[str, ...]) -> Any:
        if isinstance(part, str):
            return getattr(self, part)
        return tuple(getattr(self, p) for p in part)

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts."""
        return tuple(self._parts)

    def __iter__(self):
        if "stations" in self and "waveforms" in self:
            return iter((self.stations, self.waveforms))
        raise TypeError(
            f"unpack parts by name: a, b = data.open({self.name!r})[{', '.join(map(repr, self.parts[:2]))}]"
        )

    def __contains__(self, part: str) -> bool:
        return part in self._parts

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._parts]

    @property
    def catalog(self) -> Catalog:
        """The events, assignments, picks, stations and velocity of the set as one Catalog."""
        wanted = ("events", "assignments", "picks", "stations", "velocity")
        return Catalog(**{key: self._parts[key] for key in wanted if key in self._parts})

    def __repr__(self) -> str:
        counts = ", ".join(
            f"{len(part)} {key}" if hasattr(part, "__len__") else key for key, part in self._parts.items()
        )
        return f"<{self.name}: {counts}>"
