"""Faults that the samples of one channel show: dead times, spikes, steps, clipping. The kinds of all faults and their thresholds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

FULL_SCALE_COUNTS = 2**23 - 1


@dataclass(frozen=True)
class Fault:
    """A kind of fault: its threshold, why it stands there, and what to do about what it finds."""

    threshold: float
    unit: str
    reason: str
    remedy: str


FAULTS = {
    "gap": Fault(
        0.5,
        "samples",
        "half a sample is more than the rounding of time stamps",
        "pick either side; never fill with zeros",
    ),
    "overlap": Fault(
        0.5,
        "samples",
        "records that repeat the same samples are joined before; these disagree",
        "keep the later transmission, or none of the two",
    ),
    "dead": Fault(
        10.0,
        "s",
        "no ground is so quiet that a digitiser writes one count or less from peak to peak for 10 s",
        "leave the time out; check cable and sensor",
    ),
    "spike": Fault(
        5.0,
        "times",
        "an anti-alias filter lets no ground motion jump so far beyond its neighbours and back within three samples",
        "leave a second around it out, or interpolate; check the line and the power",
    ),
    "step": Fault(
        4.0,
        "times",
        "an offset that comes within a sample and stays is no ground motion; times the scatter around it",
        "cut the record there; ask whether masses were centred",
    ),
    "clipping": Fault(
        8.0,
        "times",
        "samples pile up at an extreme: so many times more at the very value than in the counts next to it",
        "use no amplitude from it and no S behind a clipped P; take an accelerometer",
    ),
    "rate": Fault(
        1e-3,
        "1",
        "a clock is good to 1e-6; the rate differs from the inventory, the band code or the rest of the day by more",
        "ask the operator which rate is true before anything else; every time on this record is wrong if it is not",
    ),
    "clock": Fault(
        0.12,
        "s",
        "residuals of a station wander by less from one day to the next when the same model and catalog stand behind them",
        "leave its times out of location and associate without them until the clock's error is known",
    ),
    "swapped": Fault(
        3.0,
        "sigma",
        "P moves along the ray from the source; with two channels exchanged it does so significantly better",
        "exchange the channel codes after a look at a record with a clear P",
    ),
    "flipped": Fault(
        2.0,
        "sigma",
        "P moves up and away or down and towards the source; with one channel reversed it does so significantly better",
        "multiply by -1 after a look at a teleseismic P beside its neighbours",
    ),
    "offset": Fault(
        0.25 * FULL_SCALE_COUNTS,
        "counts",
        "a quarter of a 24-bit range is gone before the ground moves",
        "centre the masses",
    ),
    "loud": Fault(
        50.0,
        "%",
        "most of the spectrum lies above Peterson's high-noise model (1993)",
        "check response, sensor and vault",
    ),
    "quiet": Fault(
        20.0,
        "%",
        "no place on Earth is quieter than Peterson's low-noise model (1993)",
        "check the response and the sensor",
    ),
}

_BESIDE = 8  # samples: the length of the ringing that a digitiser's filter puts around a spike
_STEP_S, _STAYS_S = 3.0, 25.0
_FEWEST_AT_EXTREME = 4


def dead_times(x: np.ndarray, rate_hz: float) -> list[tuple]:
    """Stretches in which a channel holds still: ("dead", first sample, last sample, seconds)."""
    n = max(1, round(rate_hz))
    blocks = len(x) // n
    if blocks == 0:
        return []
    piled = x[: blocks * n].reshape(blocks, n)
    low, high = piled.min(axis=1).astype(float), piled.max(axis=1).astype(float)
    step = 1.0 if x.dtype.kind in "iu" else 0.0
    still, out = high - low <= step, []
    labels, _ = ndimage.label(still)
    for (where,) in ndimage.find_objects(labels):
        a, b = where.start, where.stop
        if high[a:b].max() - low[a:b].min() <= step:
            first, last, (floor, top) = a * n, b * n - 1, (low[a:b].min(), high[a:b].max())
            while first > 0 and floor <= x[first - 1] <= top:
                first -= 1
            while last < len(x) - 1 and floor <= x[last + 1] <= top:
                last += 1
            if (last - first + 1) / rate_hz >= FAULTS["dead"].threshold:
                out.append(("dead", first, last, (last - first + 1) / rate_hz))
    return out


def jumps(x: np.ndarray, rate_hz: float) -> list[tuple]:
    """Spikes and steps: (kind, first sample, last sample, height over its threshold's unit)."""
    x = np.asarray(x, float)
    d = np.abs(np.diff(x))
    n = max(4 * _BESIDE, round(rate_hz))
    blocks = len(d) // n
    if blocks < 3:
        return []
    piled = d[: blocks * n].reshape(blocks, n)
    usual = np.maximum(np.median(piled, axis=1), 1.0)
    candidates = np.flatnonzero(piled.max(axis=1) > 6.0 * usual)
    out, taken = [], -1
    for block in candidates:
        i = int(block * n + piled[block].argmax())
        if i <= taken:
            continue
        found = _spike(x, d, i, n) or _step(x, d, i, n, rate_hz)
        if found:
            out.append(found)
            taken = found[1] + _BESIDE
    return out


def _beside(d: np.ndarray, first: int, last: int, n: int) -> float:
    """The largest step from sample to sample in n samples on either side, but for those next to it; at least one count."""
    return max(
        d[max(first - n, 0) : max(first - _BESIDE, 0)].max(initial=1.0), d[last + _BESIDE : last + n].max(initial=1.0)
    )


def _spike(x: np.ndarray, d: np.ndarray, i: int, n: int) -> tuple | None:
    for width in (1, 2, 3):
        for first in (i + 1, i + 1 - width):  # the largest step leads into the spike, or out of it
            last = first + width - 1
            if first < 1 or last + 1 >= len(x):
                continue
            base = 0.5 * (x[first - 1] + x[last + 1])
            height = np.abs(x[first : last + 1] - base)
            if abs(x[last + 1] - x[first - 1]) > 0.3 * height.min() or height.min() < 0.5 * height.max():
                continue
            ratio = height.min() / _beside(d, first - 1, last, n)
            if ratio >= FAULTS["spike"].threshold:
                return "spike", first, last, ratio
    return None


def _step(x: np.ndarray, d: np.ndarray, i: int, n: int, rate_hz: float) -> tuple | None:
    if d[i] < FAULTS["step"].threshold * _beside(d, i, i, n):
        return None
    width, stays = round(_STEP_S * rate_hz), round(_STAYS_S * rate_hz)
    before, after = x[max(i - width, 0) : i - 1], x[i + 2 : i + 2 + width]
    later = x[i + stays - width : i + stays] if i + stays <= len(x) else x[-width:]
    if min(len(before), len(after), len(later)) < rate_hz:
        return None
    height = np.median(after) - np.median(before)
    scatter = max(np.std(before), np.std(after), 1.0)
    if abs(height) < 0.5 * d[i] or np.sign(height) != np.sign(x[i + 1] - x[i]) or abs(height) < 2 * scatter:
        return None
    if (np.median(later) - np.median(before)) / height < 0.5:
        return None
    return "step", i + 1, len(x) - 1, d[i] / _beside(d, i, i, n)


def pile_up(x: np.ndarray, sign: int) -> tuple[float, float]:
    """How many times more samples lie at the extreme than in each of the five counts next to it; and the extreme times ``sign``.

    A smooth peak leaves up to about four times as many (its top is flat); a clipped one many more. Zero with fewer than four.
    """
    level = float(sign * (x.max() if sign > 0 else x.min()))
    top = sign * x[sign * x >= level - 5].astype(float)
    count = int((top == level).sum())
    if count < _FEWEST_AT_EXTREME or level == sign * np.median(x):
        return 0.0, level
    beside = (len(top) - count) / 5
    return count / max(beside, 0.5), level
