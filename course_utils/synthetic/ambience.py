"""Noise of a station at any time: fixed blocks, cross-faded at fixed places, so that chunks never matter."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from course_utils.synthetic.noise import noise
from course_utils.synthetic.randomness import Draws
from course_utils.synthetic.receivers import Receiver, cultural_level
from course_utils.synthetic.transients import Transient, transients, waveforms

BLOCK_S = 1024
FADE_S = 16  # each block begins FADE_S early, while the one before it fades


def samples(seed: int, receiver: Receiver, first: int, count: int, epoch_s: int) -> np.ndarray:
    """Noise in counts (3, count; Z, N, E), float64, from sample ``first`` after ``epoch_s`` (seconds since 1970).

    Block k covers 1024 s from k * 1024 s since 1970, whatever the world; it fades in over the 16 s before, with
    the square root of a cosine, which keeps the power of two independent noises.
    """
    rate = int(receiver.rate_hz)
    out = np.zeros((3, count))
    begin = epoch_s * rate + first  # sample since 1970
    size, fade = BLOCK_S * rate, FADE_S * rate
    for block in range(begin // size, (begin + count - 1 + fade) // size + 1):
        data = _block(seed, receiver, block)
        at = block * size - fade - begin
        low, high = max(at, 0), min(at + data.shape[1], count)
        if high > low:
            out[:, low:high] += data[:, low - at : high - at]
    return out


def block_transients(seed: int, receiver: Receiver, block: int) -> list[Transient]:
    """The disturbances of a block, times from the block's beginning (16 s before its 1024 s)."""
    rms = float(np.sqrt(np.mean(np.square(receiver.noise_rms(0.5)))))
    counts = float(abs(receiver.instrument.response(np.array([5.0]))[0]))
    busy = float(cultural_level((block + 0.5) * BLOCK_S))
    hourly = receiver.noise.transients_per_hour * (1.0 if receiver.noise.kind != "land" else 0.4 + 1.2 * busy)
    draws = Draws(seed, "transients", receiver.name, block)
    return transients(draws, BLOCK_S + FADE_S, hourly, receiver.noise.kind, rms, counts, FADE_S)


def transients_table(seed: int, receiver: Receiver, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Disturbances between two times: station, kind, start, end, size, unit."""
    rows = []
    for block in range(int(start.timestamp() // BLOCK_S), int(end.timestamp() // BLOCK_S) + 1):
        origin = pd.Timestamp(block * BLOCK_S - FADE_S, unit="s", tz="UTC").as_unit("us")
        for t in block_transients(seed, receiver, block):
            begin, stop = origin + pd.Timedelta(t.start_s, "s"), origin + pd.Timedelta(t.end_s, "s")
            if stop > start and begin < end:
                rows.append((receiver.name, t.kind, begin.floor("us"), stop.floor("us"), t.size, t.unit))
    return pd.DataFrame(rows, columns=["station", "kind", "start", "end", "size", "unit"])


@lru_cache(maxsize=3)
def _block(seed: int, receiver: Receiver, block: int) -> np.ndarray:
    rate = int(receiver.rate_hz)
    count = (BLOCK_S + FADE_S) * rate
    ground, direct = waveforms(
        block_transients(seed, receiver, block), Draws(seed, "transient shape", receiver.name, block), count, rate
    )
    data = noise(
        receiver.noise,
        receiver.instrument,
        Draws(seed, "noise", receiver.name, block),
        count,
        sampling_rate_hz=receiver.rate_hz,
        cultural=float(cultural_level((block + 0.5) * BLOCK_S)),
        unit="counts",
        added=ground,
    )
    if direct is not None:
        data += direct
    fade = FADE_S * rate
    up = np.sin(np.pi / 2 * (np.arange(fade) + 0.5) / fade)
    data[:, :fade] *= up
    data[:, -fade:] *= up[::-1]
    data.flags.writeable = False
    return data
