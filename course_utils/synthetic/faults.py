"""What goes wrong with real records, put into good ones, with a table that says where.

:func:`inject` draws what goes wrong and where from a key, so that the same seed and station give the same faults.
Faults change what is recorded, never what is true: arrivals keep their times, and a pick on a station with a wrong
clock is late by the clock's error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from course_utils.catalog.tables import conform, empty
from course_utils.synthetic.instruments import FULL_SCALE_COUNTS
from course_utils.synthetic.randomness import Draws

# in the order in which a signal meets them: cables, sensor, digitiser, transmission, time stamps
KINDS = ("swapped", "flipped", "clipping", "step", "spike", "dead", "overlap", "gap", "clock", "rate")
REPEATED = ("clipping", "step", "spike", "dead", "overlap", "gap")
MINIMUM_S = 60.0
_EDGE_S = 5.0  # at both ends of the stream, and between faults
_RATE_FACTORS = (0.5, 0.8, 1.25, 2.0)


def inject(stream, station: str, seed: int, kinds: Sequence[str] | None = None, per_kind: int = 1):
    """A faulty copy of a stream, and the faults table that says what was done.

    Args:
        stream: ObsPy Stream of one station, one whole trace per channel, integer counts, as ``world.waveforms`` gives.
        station: "NET.STA.LOC", for the table and the key of the random numbers.
        seed: seed of the faults.
        kinds: which of :data:`KINDS`; by default one, drawn at random.
        per_kind: how often each of :data:`REPEATED` occurs; the others hold once, for the whole stream.

    Returns:
        (stream, faults): the faulty ObsPy Stream, and a faults table. Its times and channels are those that the faulty
        stream itself shows (with a wrong clock: stamped times). ``size`` is, by kind: the length of a gap, an overlap
        or a dead piece in s; the height of a spike or step and the level of clipping in counts; the error of the clock
        in s; the sampling rate that is claimed; for swapped channels ``unit`` names the other one.

    Raises:
        ValueError: an unknown kind, traces that do not fit together, or a stream too short for so many faults.
    """
    draws = Draws(seed, "faults", station)
    kinds = (draws.choice(KINDS),) if kinds is None else tuple(kinds)
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f"fault kind {kind!r}: use some of {', '.join(KINDS)}")
    if per_kind < 1:
        raise ValueError(f"per_kind is {per_kind}; give 1 or more")
    _check(stream, station)
    bench = _Bench.of(stream)
    for kind in sorted(set(kinds), key=KINDS.index):
        for i in range(per_kind if kind in REPEATED else 1):
            _MAKERS[kind](bench, draws.child(kind, i))
    if not bench.rows:
        return stream.copy(), empty("faults")
    names = ["station", "channel", "kind", "start", "end", "size", "unit"]
    table = pd.DataFrame([(station, *row) for row in bench.timed_rows()], columns=names)
    table = conform(table.sort_values(["start", "channel"], kind="stable"), "faults")
    return bench.stream(), table


def _check(stream, station: str) -> None:
    if not len(stream):
        raise ValueError(f"station {station!r}: the stream is empty; there is nothing to put faults into")
    first = stream[0].stats
    for trace in stream:
        if trace.data.dtype.kind != "i":
            raise ValueError(f"{trace.id}: samples are {trace.data.dtype}; faults are put into integer counts")
        if ".".join(trace.id.split(".")[:3]) != station:
            raise ValueError(f"{trace.id} does not belong to station {station!r}; give the stream of one station")
        same = (first.starttime, first.npts, first.sampling_rate)
        if (trace.stats.starttime, trace.stats.npts, trace.stats.sampling_rate) != same:
            raise ValueError(f"{trace.id}: spans other times than {stream[0].id}; give one whole trace per channel")
    if len({trace.id for trace in stream}) < len(stream):
        raise ValueError(f"station {station!r}: a channel stands twice; merge its traces first")
    if first.npts / first.sampling_rate < MINIMUM_S:
        raise ValueError(f"{stream[0].id}: {first.npts} samples are less than a minute; give a longer stream")


@dataclass
class _Bench:
    """The stream taken apart: samples by channel, and everything that happens to them in sample numbers."""

    headers: dict[str, object]
    data: dict[str, np.ndarray]
    rate: float
    start: pd.Timestamp
    rows: list[tuple] = field(default_factory=list)  # channel, kind, first, last, size, unit
    taken: list[tuple[int, int]] = field(default_factory=list)
    cuts: list[tuple[str, int, int, np.ndarray | None]] = field(default_factory=list)
    clock_s: float = 0.0
    factor: float = 1.0

    @classmethod
    def of(cls, stream) -> _Bench:
        ordered = sorted(stream, key=lambda trace: trace.stats.channel)
        stats = ordered[0].stats
        return cls(
            {trace.stats.channel: trace.stats for trace in ordered},
            {trace.stats.channel: trace.data.astype(np.int64) for trace in ordered},
            float(stats.sampling_rate),
            pd.Timestamp(stats.starttime.ns, unit="ns", tz="UTC"),
        )

    @property
    def npts(self) -> int:
        return len(next(iter(self.data.values())))

    def one_channel(self, draws: Draws) -> str:
        return draws.choice(sorted(self.data))

    def piece(self, draws: Draws, low_s: float, high_s: float) -> tuple[int, int]:
        """First and last sample of a free piece, at most a third of the stream long."""
        edge = int(_EDGE_S * self.rate)
        high_s = max(min(high_s, self.npts / self.rate / 3), low_s)
        for _ in range(200):
            count = max(1, round(draws.loguniform(low_s, high_s) * self.rate))
            if count >= self.npts - 2 * edge:
                continue
            first = draws.integers(edge, self.npts - edge - count)
            last = first + count - 1
            if all(last + edge < a or first - edge > b for a, b in self.taken):
                self.taken.append((first, last))
                return first, last
        raise ValueError(
            f"{self.npts / self.rate:.0f} s are too short for so many faults; give a longer stream or fewer"
        )

    def spread(self, channel: str) -> float:
        """99th percentile of the distance from the median, counts."""
        values = self.data[channel]
        return float(np.percentile(np.abs(values - np.median(values)), 99))

    def timed_rows(self):
        """Rows with times as the faulty stream stamps them."""
        for channel, kind, first, last, size, unit in self.rows:
            stamps = [
                (self.start + pd.Timedelta(self.clock_s + n / (self.rate * self.factor), "s")).round("us")
                for n in (first, last)
            ]
            yield channel, kind, *stamps, size, unit

    def stream(self):
        """Put together again."""
        from obspy import Stream, Trace, UTCDateTime

        out = Stream()
        for channel, values in self.data.items():
            values = _to_counts(values)
            begin, pieces = 0, []
            for name, first, last, again in sorted(self.cuts, key=lambda cut: cut[1]):
                if name != channel:
                    continue
                if again is None:  # a gap: go on behind it
                    pieces.append((begin, values[begin:first]))
                    begin = last + 1
                else:  # sent twice: go on from its beginning, with the other samples
                    pieces.append((begin, values[begin : last + 1].copy()))
                    values[first : last + 1] = _to_counts(again)
                    begin = first
            pieces.append((begin, values[begin:]))
            stats = self.headers[channel]
            for at, samples in pieces:
                seconds = self.clock_s + at / (self.rate * self.factor)
                header = {key: stats[key] for key in ("network", "station", "location")}
                header |= {"channel": channel, "sampling_rate": self.rate * self.factor}
                header["starttime"] = UTCDateTime(ns=self.start.as_unit("ns").value + round(seconds * 1e9))
                out.append(Trace(samples.copy(), header))
        return out.sort(keys=["channel", "starttime"])


def _to_counts(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -FULL_SCALE_COUNTS - 1, FULL_SCALE_COUNTS).astype(np.int32)


def _swapped(bench: _Bench, draws: Draws) -> None:
    """Two cables exchanged: the records carry each other's channel codes."""
    codes = sorted(bench.data)
    if len(codes) < 2:
        raise ValueError(f"{codes[0]}: a single channel cannot be swapped; give a three-component stream")
    one = draws.integers(0, len(codes))
    a, b = codes[one], codes[(one + 1) % len(codes)]
    bench.data[a], bench.data[b] = bench.data[b], bench.data[a]
    bench.rows.append((a, "swapped", 0, bench.npts - 1, np.nan, b))
    bench.rows.append((b, "swapped", 0, bench.npts - 1, np.nan, a))


def _flipped(bench: _Bench, draws: Draws) -> None:
    """The polarity of a cable is reversed."""
    channel = bench.one_channel(draws)
    bench.data[channel] = -bench.data[channel]
    bench.rows.append((channel, "flipped", 0, bench.npts - 1, -1.0, "factor"))


def _clipping(bench: _Bench, draws: Draws) -> None:
    """A digitiser that saturates early: what lies further from the middle than a level is cut to it."""
    channel = bench.one_channel(draws)
    values = bench.data[channel]
    middle = int(np.median(values))
    away = np.abs(values - middle)
    quiet, peak = max(float(np.percentile(away, 95)), 1.0), float(away.max())
    level = int(max(quiet * max(peak / quiet, 1.2) ** draws.uniform(0.4, 0.7), 2.0))
    cut = np.flatnonzero(away > level)
    if not len(cut):
        raise ValueError(
            f"{channel}: nothing rises above the noise, so nothing can clip; choose a stream with an event"
        )
    bench.data[channel] = np.clip(values, middle - level, middle + level)
    bench.rows.append((channel, "clipping", int(cut[0]), int(cut[-1]), float(level), "counts"))


def _step(bench: _Bench, draws: Draws) -> None:
    """The offset jumps and stays, as after a re-centring of the mass."""
    channel = bench.one_channel(draws)
    at, _ = bench.piece(draws, 0.01, 0.02)
    size = round(max(bench.spread(channel) * draws.uniform(3, 20), 1000.0)) * (1 if draws.chance(0.5) else -1)
    bench.data[channel][at:] += size
    bench.rows.append((channel, "step", at, bench.npts - 1, float(size), "counts"))


def _spike(bench: _Bench, draws: Draws) -> None:
    """One to three samples far off."""
    channel = bench.one_channel(draws)
    first, _ = bench.piece(draws, 0.02, 0.05)
    last = first + draws.integers(0, 3)
    size = round(max(bench.spread(channel) * draws.uniform(10, 60), 2000.0)) * (1 if draws.chance(0.5) else -1)
    bench.data[channel][first : last + 1] += size
    bench.rows.append((channel, "spike", first, last, float(size), "counts"))


def _dead(bench: _Bench, draws: Draws) -> None:
    """The sensor is unplugged: a constant whose last bit toggles."""
    channel = bench.one_channel(draws)
    first, last = bench.piece(draws, 20.0, 4 * 3600.0)
    values = bench.data[channel]
    values[first : last + 1] = int(np.median(values)) + draws.integers(0, 2, last - first + 1)
    bench.rows.append((channel, "dead", first, last, (last - first + 1) / bench.rate, "s"))


def _overlap(bench: _Bench, draws: Draws) -> None:
    """A packet sent twice, the second time with other samples: a merge that trusts either is half wrong."""
    channel = bench.one_channel(draws)
    first, last = bench.piece(draws, 2.0, 30.0)
    values = bench.data[channel][first : last + 1]
    noise = float(np.median(np.abs(np.diff(values)))) + 2.0
    again = values + np.rint(draws.normal(0, 3 * noise, len(values))).astype(np.int64)
    bench.cuts.append((channel, first, last, again))
    bench.rows.append((channel, "overlap", first, last, (last - first + 1) / bench.rate, "s"))


def _gap(bench: _Bench, draws: Draws) -> None:
    """The line was down: nothing on any channel."""
    first, last = bench.piece(draws, 0.5, 300.0)
    for channel in bench.data:
        bench.cuts.append((channel, first, last, None))
        bench.rows.append((channel, "gap", first, last, (last - first + 1) / bench.rate, "s"))


def _clock(bench: _Bench, draws: Draws) -> None:
    """The clock lost its satellites: every sample of the station is stamped late (positive) or early."""
    samples = max(1, round(draws.loguniform(0.2, 5.0) * bench.rate)) * (1 if draws.chance(0.5) else -1)
    bench.clock_s = samples / bench.rate
    bench.rows.append(("*", "clock", 0, bench.npts - 1, bench.clock_s, "s"))


def _rate(bench: _Bench, draws: Draws) -> None:
    """The header claims another sampling rate than the samples were taken with."""
    bench.factor = draws.choice(_RATE_FACTORS)
    bench.rows.append(("*", "rate", 0, bench.npts - 1, bench.rate * bench.factor, f"Hz instead of {bench.rate:g}"))


_MAKERS = dict(
    zip(
        KINDS,
        (_swapped, _flipped, _clipping, _step, _spike, _dead, _overlap, _gap, _clock, _rate),
        strict=True,
    )
)
