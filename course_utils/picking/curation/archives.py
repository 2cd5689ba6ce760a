"""One face for everything that holds records: archives, ObsPy streams, folders, synthetic worlds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from .plan import SECOND_US, to_us
from .settings import CurationError

_TOGETHER_S = 120.0  # windows so close are read at once
_LONGEST_READ_S = 1800.0  # bounds the memory


class Records:
    """``read(station, start_us, end_us)`` gives a Stream, empty where nothing is; ``spans(stations)`` what there is.

    Args:
        waveforms: anything with ``read(station, start, end)``; an ObsPy Stream; a synthetic world; a file or folder.
    """

    def __init__(self, waveforms):
        self.root: Path | None = None
        if isinstance(waveforms, (str, Path)):
            from ...data.day_files import open_archive
            from ...data.storage import open_storage

            waveforms = open_archive(open_storage(str(waveforms)))
        storage = getattr(waveforms, "storage", None)
        if getattr(storage, "local", False):
            self.root = Path(storage.root)
        self._source, self._by_station, self._limits = waveforms, None, None
        if hasattr(waveforms, "traces") and hasattr(waveforms, "slice"):
            self._by_station = defaultdict(list)
            for trace in waveforms:
                self._by_station[trace.id.rsplit(".", 1)[0]].append(trace)
        elif callable(getattr(waveforms, "read", None)):
            self._read = waveforms.read
        elif callable(getattr(waveforms, "waveforms", None)) and hasattr(waveforms, "start"):
            self._read = waveforms.waveforms
            self._limits = tuple(to_us([waveforms.start, waveforms.end]).tolist())
        else:
            raise CurationError(
                f"waveforms: {type(waveforms).__name__} cannot be read; give a folder, an ObsPy Stream, or an object with "
                "read(station, start, end)"
            )

    def read(self, station: str, start_us: int, end_us: int):
        """Records of a station from start (included) to end, microseconds since 1970."""
        from obspy import Stream, UTCDateTime

        station = self._known(station)
        if self._by_station is not None:
            traces = self._by_station.get(station, [])
            start, end = (UTCDateTime(ns=int(t) * 1000) for t in (start_us, end_us))
            return Stream([t for t in traces if t.stats.endtime >= start and t.stats.starttime < end])
        if self._limits is not None:
            start_us, end_us = max(start_us, self._limits[0]), min(end_us, self._limits[1])
            if start_us >= end_us:
                return Stream()
        start, end = (pd.Timestamp(int(t) * 1000, tz="UTC") for t in (start_us, end_us))
        try:
            return self._read(station, start, end)
        except KeyError:  # no such station
            return Stream()

    def spans(self, stations: list[str], otherwise: dict[str, tuple[int, int]]) -> dict[str, list[tuple[int, int]]]:
        """Times with records of each station, microseconds; ``otherwise`` where the source cannot say."""
        found = {}
        for name in stations:
            station = self._known(name)
            if self._by_station is not None:
                traces = self._by_station.get(station, [])
                ends = [(t.stats.starttime.ns // 1000, t.stats.endtime.ns // 1000) for t in traces]
            elif self._limits is not None:
                ends = [self._limits]
            elif callable(getattr(self._source, "spans", None)):
                try:
                    held = self._source.spans(station)
                except (KeyError, TypeError):
                    held = []
                ends = [tuple(to_us([span[0], span[1]]).tolist()) for span in held]
            else:
                ends = [otherwise[name]]
            found[name] = _merged(ends)
        return found

    def _known(self, station: str) -> str:
        """The station itself; where a pick leaves the location open ("NC.ABC."), the only one that the records have."""
        if not station.endswith("."):
            return station
        names = self._by_station if self._by_station is not None else getattr(self._source, "stations", None)
        if not isinstance(names, (dict, list)) or station in names:
            return station
        fitting = [name for name in names if name.startswith(station)]
        return fitting[0] if len(fitting) == 1 else station


def reads(windows: pd.DataFrame, window_s: float) -> Iterator[tuple[str, int, int, np.ndarray]]:
    """(station, start_us, end_us, positions): windows that are read together, by station and time."""
    station, start = windows["station"].to_numpy(), windows["start_us"].to_numpy()
    length, near, most = (round(s * SECOND_US) for s in (window_s, _TOGETHER_S, max(_LONGEST_READ_S, 2 * window_s)))
    order = np.lexsort((start, station))
    at = 0
    while at < len(order):
        begin, end, stop = start[order[at]], start[order[at]] + length, at + 1
        while stop < len(order):
            one = order[stop]
            if station[one] != station[order[at]] or start[one] > end + near or start[one] + length > begin + most:
                break
            end, stop = start[one] + length, stop + 1
        yield station[order[at]], int(begin), int(end), order[at:stop]
        at = stop


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for a, b in sorted(spans):
        if out and a <= out[-1][1] + SECOND_US:
            out[-1] = (out[-1][0], max(out[-1][1], b))
        else:
            out.append((a, b))
    return out
