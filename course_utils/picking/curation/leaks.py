"""Leaks between the parts of any SeisBench data set: the same event, the same ground motion, the same samples.

Aguilar Suarez and Beroza (2025, arXiv:2511.09805) find errors in 0 to 8 % of the records of widely used sets; a leak is one
that no look at single records can find.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from .columns import event_ids, overlapping
from .settings import CurationError
from .splits import UNUSED

_AT_ONCE = 128  # traces in memory

KINDS = {
    "event": "one event has traces in both parts",
    "station and time": "traces of one station that share some time are in both parts",
    "waveform": "traces with the same samples are in both parts",
}


@dataclass(frozen=True)
class LeakReport:
    """What parts share. ``table``: kind, parts ("train/test"), count, example; one row per kind and pair of parts.

    Attributes:
        looked: which kinds could be looked for; those that the metadata do not allow are in ``not_looked`` with the reason.
    """

    table: pd.DataFrame
    looked: tuple[str, ...]
    not_looked: dict[str, str]

    @property
    def clean(self) -> bool:
        """Nothing is shared, as far as could be looked."""
        return not len(self.table)

    def count(self, kind: str) -> int:
        """How often a kind was found, over all pairs of parts."""
        return int(self.table.loc[self.table["kind"] == kind, "count"].sum())

    def __str__(self) -> str:
        lines = [f"{r.kind}, {r.parts}: {r.count}, for example {r.example}" for r in self.table.itertuples()]
        lines = lines or [f"no leak ({', '.join(self.looked)})"]
        return "\n".join(lines + [f"{kind}: not looked for, {why}" for kind, why in self.not_looked.items()])


def leak_report(data, split="split", waveforms: bool | None = None) -> LeakReport:
    """Find what the parts of a data set share.

    Args:
        data: a ``seisbench.data.WaveformDataset``, the folder of one, or its metadata.
        split: a column of the metadata, or the part of each row. Empty and "unused" rows count for nothing.
        waveforms: compare samples, too (exactly equal ones are found); by default when there are some.

    Raises:
        CurationError: there is no such column, or no part.
    """
    metadata, dataset = _opened(data)
    if isinstance(split, str):
        if split not in metadata.columns:
            raise CurationError(f"metadata: no column {split!r}; make one with split_by_event, or name yours")
        split = metadata[split]
    part = pd.Series(np.asarray(split, object)).fillna("").astype(str).to_numpy(dtype=object)
    if len(part) != len(metadata):
        raise CurationError(f"split has {len(part)} rows, the metadata {len(metadata)}; give one part for each row")
    names = [name for name in dict.fromkeys(part) if name not in ("", UNUSED, "nan")]
    rows, looked, not_looked = [], [], {}
    for kind, find in (("event", _by_event), ("station and time", _by_time)):
        try:
            rows += find(metadata, part, names)
            looked.append(kind)
        except CurationError as error:
            not_looked[kind] = str(error)
    if dataset is None:
        not_looked["waveform"] = "there are only metadata"
    elif waveforms is False:
        not_looked["waveform"] = "not asked for"
    else:
        rows += _shared("waveform", _digests(dataset), part, names)
        looked.append("waveform")
    table = pd.DataFrame(rows, columns=["kind", "parts", "count", "example"])
    return LeakReport(table, tuple(looked), not_looked)


def duplicated_waveforms(dataset) -> pd.DataFrame:
    """Groups of traces with exactly the same samples: rows (positions), count; one row per group, largest first."""
    found: dict[str, list[int]] = {}
    for position, digest in enumerate(_digests(dataset)):
        if digest:
            found.setdefault(digest[0], []).append(position)
    groups = [tuple(rows) for rows in found.values() if len(rows) > 1]
    groups.sort(key=lambda rows: (-len(rows), rows))
    return pd.DataFrame({"rows": groups, "count": [len(rows) for rows in groups]})


def _opened(data):
    if isinstance(data, pd.DataFrame):
        return data, None
    if isinstance(data, (str, Path)):
        from seisbench.data import WaveformDataset

        if not (Path(data) / "metadata.csv").is_file():
            raise CurationError(f"{data}: no SeisBench data set there (metadata.csv is missing)")
        data = WaveformDataset(data, component_order="ZNE")
    return data.metadata, data


def _by_event(metadata: pd.DataFrame, part: np.ndarray, names: list[str]) -> list[tuple]:
    return _shared("event", event_ids(metadata), part, names)


def _by_time(metadata: pd.DataFrame, part: np.ndarray, names: list[str]) -> list[tuple]:
    first, second = overlapping(metadata)
    if "trace_start_time" not in metadata.columns:
        raise CurationError("there is no trace_start_time")
    a, b = part[first], part[second]
    rows = []
    for x, y in combinations(names, 2):
        mixed = np.flatnonzero(((a == x) & (b == y)) | ((a == y) & (b == x)))
        if len(mixed):
            rows.append(("station and time", f"{x}/{y}", len(mixed), f"rows {first[mixed[0]]} and {second[mixed[0]]}"))
    return rows


def _shared(kind: str, keys, part: np.ndarray, names: list[str]) -> list[tuple]:
    """Rows for the keys (several to a trace) that are in two parts; ``count`` is that of keys."""
    seen: dict[str, dict[str, int]] = {name: {} for name in names}
    for row, (some, mine) in enumerate(zip(keys, part, strict=True)):
        if mine in seen:
            for key in some:
                seen[mine].setdefault(key, row)
    rows = []
    for x, y in combinations(names, 2):
        both = [key for key in seen[x] if key in seen[y]]
        if both:
            example = f"rows {seen[x][both[0]]} and {seen[y][both[0]]}"
            rows.append((kind, f"{x}/{y}", len(both), f"{both[0]} ({example})" if kind == "event" else example))
    return rows


def _digests(dataset):
    """A hash of each trace's samples; () for one without any motion, which is like every other such."""
    for begin in range(0, len(dataset), _AT_ONCE):
        rows = np.arange(begin, min(begin + _AT_ONCE, len(dataset)))
        for data in dataset.get_waveforms(rows):
            used = np.flatnonzero((data != 0).any(axis=0))  # SeisBench fills the shorter traces of a batch with zeros
            data = np.ascontiguousarray(data[:, : used[-1] + 1] if len(used) else data[:, :0])
            moves = data.size and (data != data.flat[0]).any()
            yield (hashlib.blake2b(data.tobytes(), digest_size=16).hexdigest(),) if moves else ()
