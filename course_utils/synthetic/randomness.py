"""Random numbers that depend on their key alone: the same key gives the same numbers, in any order, in any process.

The raw bits come from the counter-based generator Philox (Salmon et al. 2011, "Parallel random numbers: as easy
as 1, 2, 3"), whose stream NumPy guarantees. The way from bits to uniforms and normals is ours, because NumPy does
not promise the stream of its ``Generator``; so the same Earth comes out of every NumPy version and machine.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

_TABLE_BITS = 16


def _philox_key(key: tuple[int | str, ...]) -> np.ndarray:
    """128 bits (2 uint64) that stand for a key; integers and texts never collide."""
    parts = []
    for part in key:
        if isinstance(part, str):
            parts.append("s" + part)
        elif isinstance(part, (int, np.integer)):
            parts.append(f"i{int(part)}")
        else:
            raise TypeError(
                f"random key {key!r}: {part!r} is neither a whole number nor a text; round times and places to integers"
            )
    digest = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).digest()
    return np.frombuffer(digest, dtype="<u8").astype(np.uint64)


@lru_cache(maxsize=1)
def _box_muller_tables() -> tuple[np.ndarray, np.ndarray]:
    """Radius (float64) and direction (complex128) for every 16-bit number (Box and Muller 1958)."""
    u = (np.arange(1 << _TABLE_BITS) + 0.5) / (1 << _TABLE_BITS)
    return np.sqrt(-2 * np.log(u)), np.exp(2j * np.pi * u)


class Draws:
    """A sequence of random numbers named by a key of whole numbers and texts.

    ``Draws(seed, "noise", "NC.KCT.", block)`` gives the same numbers wherever and whenever it is made.
    :meth:`child` opens an independent sequence below it; give each physical part its own child, so that leaving
    one part out does not shift the numbers of another.
    """

    __slots__ = ("_bits", "key")

    def __init__(self, *key: int | str):
        if not key:
            raise TypeError("Draws needs a key, for example Draws(seed, 'noise', station, block)")
        self.key = key
        self._bits = np.random.Philox(key=_philox_key(key))

    def __repr__(self) -> str:
        return f"Draws{self.key!r}"

    def child(self, *key: int | str) -> Draws:
        """The independent sequence named by this key followed by ``key``; does not advance this one."""
        return Draws(*self.key, *key)

    def raw(self, size: int) -> np.ndarray:
        """``size`` uniformly distributed 64-bit numbers (uint64)."""
        return self._bits.random_raw(size)

    def uniform(self, low: float = 0.0, high: float = 1.0, size: int | tuple[int, ...] | None = None):
        """Numbers between ``low`` and ``high``, both excluded at 53 bits; a float when ``size`` is None."""
        if size is None:
            return low + (high - low) * ((int(self._bits.random_raw()) >> 11) + 0.5) * 2.0**-53
        unit = ((self.raw(int(np.prod(size))) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
        return (low + (high - low) * unit).reshape(size)

    def normal(self, mean: float = 0.0, sd: float = 1.0, size: int | tuple[int, ...] | None = None):
        """Normal numbers by inversion of the distribution function; a float when ``size`` is None."""
        if size is None:
            return float(mean + sd * ndtri(self.uniform()))
        return mean + sd * ndtri(self.uniform(size=size))

    def lognormal(self, median: float, sigma: float, size: int | tuple[int, ...] | None = None):
        """Numbers whose logarithm is normal around log(median) with standard deviation ``sigma`` (natural)."""
        return median * np.exp(self.normal(0.0, sigma, size))

    def loguniform(self, low: float, high: float, size: int | tuple[int, ...] | None = None):
        """Numbers whose logarithm is uniform between those of ``low`` and ``high``."""
        return np.exp(self.uniform(np.log(low), np.log(high), size))

    def exponential(self, mean: float = 1.0, size: int | tuple[int, ...] | None = None):
        """Exponential numbers by inversion."""
        return -mean * np.log(self.uniform(size=size))

    def integers(self, low: int, high: int, size: int | tuple[int, ...] | None = None):
        """Whole numbers from ``low`` to ``high - 1``."""
        values = np.floor(self.uniform(low, high, size))
        return int(values) if size is None else values.astype(np.int64)

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.uniform() < probability

    def choice(self, options, weights=None):
        """One of ``options``, drawn with ``weights`` (equal when None)."""
        w = np.ones(len(options)) if weights is None else np.asarray(weights, float)
        return options[int(np.searchsorted(np.cumsum(w) / w.sum(), self.uniform()))]

    def poisson(self, mean: float) -> int:
        """A Poisson number: how many arrivals of unit rate fall into ``mean``."""
        if mean > 500:
            return max(0, round(self.normal(mean, np.sqrt(mean))))
        count, total = 0, self.exponential()
        while total < mean:
            count, total = count + 1, total + self.exponential()
        return count

    def complex_normal(self, size: int | tuple[int, ...]) -> np.ndarray:
        """Complex numbers (complex128) whose real and imaginary parts are independent unit normals.

        Radius and angle come from tables of 2^16 entries, two numbers per 64 random bits: fast enough for the
        spectrum of a day of noise, and the same on every machine. A single value is limited to 4.85 standard
        deviations; a seismogram sums thousands of them and is Gaussian well beyond.
        """
        count = int(np.prod(size))
        radius, direction = _box_muller_tables()
        words = self.raw((count + 1) // 2).astype("<u8", copy=False).view("<u2")
        out = direction.take(words[1::2][:count])
        out *= radius.take(words[::2][:count])
        return out.reshape(size)
