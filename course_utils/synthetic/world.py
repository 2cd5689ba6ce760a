"""A synthetic Earth whose truth is known: stations, earthquakes, continuous records at any time."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from course_utils.synthetic import ambience
from course_utils.synthetic.ground_motion import Parts
from course_utils.synthetic.instruments import clip
from course_utils.synthetic.medium import TrueMedium, published
from course_utils.synthetic.network import stations_of, stations_table
from course_utils.synthetic.receivers import Receiver, attenuation, inventory, receiver
from course_utils.synthetic.scenario import Scenario
from course_utils.synthetic.scenario import preset as scenario_of
from course_utils.synthetic.seismicity import Event, events
from course_utils.synthetic.truth import Truth


class World:
    """One synthetic Earth.

    Everything follows from ``seed`` and the scenario: two worlds made alike give the same samples, in any process
    and whatever is asked first.

    Args:
        region: where; "mendocino".
        seed: whole number, at least 0.
        hours: length of the records; by default that of the preset.
        preset: "tiny", "lesson", "day" or "month"; see :data:`course_utils.synthetic.scenario.PRESETS`.
        parts: parts of the physics to leave out, for ablations.
        changes: ingredients of the scenario, for example ``stations=8`` or ``main_shock_hour=None``.

    Example:
        >>> world = World.tiny(seed=3)
        >>> stream = world.waveforms("SY.FERD.00", world.start, world.start + pd.Timedelta("2min"))
    """

    def __init__(
        self,
        region: str = "mendocino",
        seed: int = 0,
        hours: float | None = None,
        preset: str = "lesson",
        parts: Parts | None = None,
        **changes,
    ):
        if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or seed < 0:
            raise ValueError(f"seed is {seed!r}; give a whole number, at least 0")
        self.region, self.seed, self.preset = region, int(seed), preset
        self.scenario: Scenario = scenario_of(preset, hours, **changes)
        self.parts = parts or Parts()
        self._stations = stations_of(region, self.scenario.stations)

    @classmethod
    def tiny(cls, seed: int = 0, **changes) -> World:
        """6 stations, 10 minutes, for tests."""
        return cls(seed=seed, preset="tiny", **changes)

    @classmethod
    def lesson(cls, seed: int = 0, **changes) -> World:
        """12 stations, the fifth hour after a main shock of Mw 6.4."""
        return cls(seed=seed, preset="lesson", **changes)

    @classmethod
    def day(cls, seed: int = 0, **changes) -> World:
        """24 stations, the day of the main shock, with every type of event."""
        return cls(seed=seed, preset="day", **changes)

    @classmethod
    def month(cls, seed: int = 0, **changes) -> World:
        """24 stations, 30 days; waveforms exist only when asked for."""
        return cls(seed=seed, preset="month", **changes)

    def __repr__(self) -> str:
        s = self.scenario
        return f"World({self.region!r}, seed={self.seed}, preset={self.preset!r}: {s.stations} stations, {s.hours:g} h)"

    @property
    def start(self) -> pd.Timestamp:
        """First moment of the records, UTC."""
        return self.scenario.start_time

    @property
    def end(self) -> pd.Timestamp:
        """First moment after the records, UTC."""
        return self.start + pd.Timedelta(round(self.scenario.seconds * 1e6), "us")

    @cached_property
    def stations(self) -> pd.DataFrame:
        """Stations table."""
        return stations_table(self._stations).assign(start=self.start, end=self.end)

    @cached_property
    def velocity(self) -> pd.DataFrame:
        """The published velocity model: what users are given. The waves went through another one."""
        return published()

    @property
    def true_velocity(self) -> pd.DataFrame:
        """The layers of the true medium. Locating with it is the inverse crime; no score uses it."""
        return self.medium.velocity

    @cached_property
    def medium(self) -> TrueMedium:
        """The true medium: layers, lateral field, station delays."""
        return TrueMedium(self.seed)

    @cached_property
    def inventory(self):
        """Stations with their instruments' poles and zeros, an ObsPy Inventory."""
        return inventory(self.receivers, self.start)

    @cached_property
    def truth(self) -> Truth:
        """What is true in this world."""
        return Truth(self)

    @cached_property
    def receivers(self) -> list[Receiver]:
        """Instrument, ground and noise of each station, in the order of ``stations``."""
        return [receiver(self.seed, station) for station in self._stations]

    @cached_property
    def event_list(self) -> list[Event]:
        """The events as objects, in the order of ``truth.events``."""
        return events(self.seed, self.scenario)

    @cached_property
    def paths(self):
        """True rays of all pairs of event and station."""
        from course_utils.synthetic.paths import true_paths

        return true_paths(self.event_list, self.stations, self.medium)

    @cached_property
    def seismograms(self):
        """Noise-free seismograms of all pairs, made when asked for."""
        from course_utils.synthetic.expectation import expected_rms
        from course_utils.synthetic.seismograms import Seismograms

        crust = attenuation(self.seed)
        expected = expected_rms(self.event_list, self.paths, self.receivers, crust)
        return Seismograms(self.seed, self.event_list, self.paths, self.receivers, crust, expected, self.parts)

    def waveforms(self, station: str, start=None, end=None):
        """Records of one station between two times as an ObsPy Stream of three int32 traces (Z, N, E).

        Samples lie at ``start <= time < end`` on the station's own clock, which ticks with every whole second since
        1970. The samples depend on seed, station and time alone: pieces joined equal the whole, byte for byte.

        Args:
            station: "NET.STA.LOC" of the stations table.
            start, end: times (anything pandas reads, or UTCDateTime; UTC); by default the whole world.

        Raises:
            KeyError: no such station.
            ValueError: ``start`` is not before ``end``, or one of them lies outside the world.
        """
        names = self.stations["station"].tolist()
        if station not in names:
            raise KeyError(f"station {station!r} is not in this world; there is {', '.join(names)}")
        j = names.index(station)
        rate = int(self.receivers[j].rate_hz)
        first, last = self._samples_of(start, self.start, rate), self._samples_of(end, self.end, rate)
        if first >= last:
            raise ValueError(f"no sample between start {start} and end {end}; give an end after the start")
        return self._stream(j, first, self._counts(j, first, last))

    def _samples_of(self, when, default: pd.Timestamp, rate: int) -> int:
        """Number of samples between the world's start and a time: the first sample at or after it."""
        if when is None:
            when = default
        stamp = pd.Timestamp(when.datetime if hasattr(when, "datetime") else when)
        stamp = stamp.tz_localize("UTC") if stamp.tz is None else stamp.tz_convert("UTC")
        if not self.start <= stamp <= self.end:
            raise ValueError(f"{stamp} lies outside this world, which runs from {self.start} to {self.end}")
        nanoseconds = (stamp.as_unit("ns") - self.start.as_unit("ns")).value
        return int(-(-nanoseconds * rate // 1_000_000_000))

    def _counts(self, j: int, first: int, last: int) -> np.ndarray:
        made = self.seismograms
        out = ambience.samples(self.seed, self.receivers[j], first, last - first, round(self.start.timestamp()))
        for i in made.overlapping(j, first, last):
            at = made.first_sample(i, j) - first
            data = made.counts(i, j)
            low, high = max(at, 0), min(at + data.shape[1], last - first)
            if high > low:
                out[:, low:high] += data[:, low - at : high - at]
        return clip(out)

    def _stream(self, j: int, first: int, counts: np.ndarray):
        from obspy import Stream, Trace, UTCDateTime

        rate = self.receivers[j].rate_hz
        network, code, location = self.receivers[j].name.split(".")
        begin = UTCDateTime(ns=self.start.as_unit("ns").value + round(first * 1e9 / rate))
        header = {"network": network, "station": code, "location": location, "sampling_rate": rate, "starttime": begin}
        channels = self.receivers[j].channels()
        return Stream(
            [Trace(np.ascontiguousarray(x), {**header, "channel": c}) for x, c in zip(counts, channels, strict=True)]
        )

    def records(self, n: int, seed: int, **options):
        """Labelled training windows made by the same physics, each in a setting of its own (no station, path or event
        of this world); see :func:`course_utils.synthetic.records.records`."""
        from course_utils.synthetic.records import records

        return records(n, seed, **options)
