"""What one event writes at one station, on the station's own samples."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy import fft

from course_utils.synthetic.ground_motion import GroundMotion, Parts, duration_s, ground_motion
from course_utils.synthetic.path import Attenuation, frequencies
from course_utils.synthetic.paths import Paths
from course_utils.synthetic.randomness import Draws
from course_utils.synthetic.receivers import Receiver
from course_utils.synthetic.seismicity import Event

LEAD_S = 1.5  # record before P
LENGTHS_S = (10, 16, 26, 42, 68, 110, 180, 300, 600)  # few lengths, so that filters are made once
LONGEST_S = {"teleseism": 3600, "surface event": 600}
FAINT = 0.2  # of the noise: contributions whose P and S are smaller are left out
CODA_END = 0.5  # of the noise, where duration_s, which overestimates by two, ends a coda; it fades before
_KEPT = 48


@dataclass
class Seismograms:
    """Seismograms of all pairs, made when asked for.

    ``expected`` is :func:`course_utils.synthetic.expectation.expected_rms`. Everything depends on the seed, the
    event and the station alone; the cache only saves time.
    """

    seed: int
    events: list[Event]
    paths: Paths
    receivers: list[Receiver]
    attenuation: Attenuation
    expected: dict[str, np.ndarray]
    parts: Parts = field(default_factory=Parts)
    _cache: OrderedDict = field(default_factory=OrderedDict, repr=False)
    _begins: dict = field(default_factory=dict, repr=False)
    _lengths: dict = field(default_factory=dict, repr=False)

    def counts_anything(self, station: int) -> np.ndarray:
        """Which events leave a trace at a station, bool (events,)."""
        floor = FAINT * float(np.sqrt(np.mean(np.square(self.receivers[station].noise_rms(0.0)))))
        p, s = self.expected["P"][:, station], np.nan_to_num(self.expected["S"][:, station])
        return (np.maximum(p, s) > floor) | ~self.is_local

    @cached_property
    def is_local(self) -> np.ndarray:
        """Which events are no teleseisms, bool (events,)."""
        return np.array([e.source.kind != "teleseism" for e in self.events], bool)

    def overlapping(self, station: int, first: int, last: int) -> list[int]:
        """Events, in the order of the truth, with samples at a station from ``first`` to before ``last``."""
        if station not in self._begins:
            rate = self.receivers[station].rate_hz
            onset = np.array([e.time_s for e in self.events]) + self.paths.p_time_s[:, station]
            longest = np.array([LONGEST_S.get(e.source.kind, LENGTHS_S[-1]) for e in self.events], float)
            self._begins[station] = (onset - LEAD_S) * rate, longest * rate, self.counts_anything(station)
        begins, longest, heard = self._begins[station]
        near = np.flatnonzero(heard & (begins < last) & (begins + longest > first - 1))
        rate = self.receivers[station].rate_hz
        return [i for i in near.tolist() if self.first_sample(i, station) + self.length_s(i, station) * rate > first]

    def first_sample(self, event: int, station: int) -> int:
        """Sample of the station, counted from the world's start, at which the event's record begins."""
        onset = self.events[event].time_s + self.paths.p_time_s[event, station]
        return int(np.floor((onset - LEAD_S) * self.receivers[station].rate_hz))

    def length_s(self, event: int, station: int) -> int:
        """Length of the event's record at a station in s, one of :data:`LENGTHS_S` or of :data:`LONGEST_S`."""
        if (event, station) not in self._lengths:
            self._lengths[event, station] = self._length_s(event, station)
        return self._lengths[event, station]

    def _length_s(self, event: int, station: int) -> int:
        one, receiver = self.events[event], self.receivers[station]
        if one.source.kind in LONGEST_S:
            return LONGEST_S[one.source.kind]
        floor = CODA_END * float(receiver.noise_rms(0.0)[0])
        source = one.source if one.family_mw is None else replace(one.source, mw=one.family_mw)
        wanted = duration_s(source, self.paths.ray(event, station), self.attenuation, floor) + LEAD_S + 1.0
        return next((n for n in LENGTHS_S if n >= wanted), LENGTHS_S[-1])

    def motion(self, event: int, station: int) -> GroundMotion:
        """Noise-free ground velocity in m/s."""
        one, receiver = self.events[event], self.receivers[station]
        rate = receiver.rate_hz
        return ground_motion(
            one.source,
            self.paths.ray(event, station),
            receiver.site,
            self.attenuation,
            Draws(self.seed, "seismogram", one.path_key, receiver.name),
            sampling_rate_hz=rate,
            start_s=self.first_sample(event, station) / rate - one.time_s,
            samples=int(self.length_s(event, station) * rate),
            parts=self.parts,
        )

    def counts(self, event: int, station: int) -> np.ndarray:
        """Counts (3, n; Z, N, E) that the event adds from :meth:`first_sample` on, float64, not rounded."""
        key = (event, station)
        if key not in self._cache:
            receiver = self.receivers[station]
            ground = self.motion(event, station).total
            n = ground.shape[1]
            padded = fft.next_fast_len(n + int(20 * receiver.rate_hz), real=True)
            response = receiver.instrument.response(frequencies(padded, receiver.rate_hz), receiver.rate_hz)
            self._cache[key] = fft.irfft(fft.rfft(ground, padded) * response, padded)[:, :n]
            while len(self._cache) > _KEPT:
                self._cache.popitem(last=False)
        return self._cache[key]
