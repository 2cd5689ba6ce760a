"""What stations, people and the Earth do to records: changes of whole batches, each row with its own draws.

Every function takes waveforms (n, 3, samples) in Z, N, E and returns new ones; where an arrival moves or is lost the
onsets change with it. What is costly is done for the rows that were drawn and not for the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch

from .dice import Dice


@dataclass(frozen=True)
class Augmentation:
    """How often and how strongly. Names in ``*_chance`` are shares of windows (of signals: coda_chance)."""

    shift: bool = True  # without it the network learns where P stands, not what it looks like
    inside_chance: float = 0.7  # windows that are sure to hold the P of their event
    margin_samples: int = 50
    noise_only_chance: float = 0.12  # when there is a bank of noise to take them from
    snr_db: tuple[float, float] = (24.0, 13.0)  # mean and deviation of P over noise in a mix
    label_from_db: float = 2.0  # weaker arrivals are mixed in and not labelled
    label_over_others_db: float = 2.0  # the same for an arrival within another event
    added_noise_chance: float = 0.3  # of records that bring their own noise
    stack_weights: tuple[float, ...] = (0.62, 0.25, 0.09, 0.04)  # 0, 1, 2, 3 more events in a window
    stack_db: tuple[float, float] = (-25.0, 12.0)
    coda_chance: float = 0.5
    coda_energy: tuple[float, float] = (0.1, 5.0)  # of the scattered waves over the direct pulse
    coda_decay_s: tuple[float, float] = (0.04, 0.6)
    emergent_chance: float = 0.5  # of P and of S: a weak first arrival that grows over some time
    emergent_s: tuple[float, float] = (0.1, 3.0)
    emergent_first: tuple[float, float] = (0.05, 0.6)  # of the first arrival over the full wave
    p_on_horizontals: tuple[float, float] = (1.3, 0.4)  # median and log deviation
    s_gain_db: float = 3.0
    stretch_chance: float = 0.25
    stretch_most: float = 1.3
    rotate: bool = True
    polarity: bool = True
    gain_chance: float = 0.3
    gain_deviation: float = 0.4
    vertical_only_chance: float = 0.22
    dead_channel_chance: float = 0.04
    gap_chance: float = 0.05
    gap_samples: tuple[int, int] = (20, 900)
    clip_chance: float = 0.04
    round_chance: float = 0.15
    filter_chance: float = 0.2
    hum_chance: float = 0.04
    microseism_chance: float = 0.4  # of windows mixed from signals and noise; records bring their own
    microseism_over_record: tuple[float, float] = (0.3, 20.0)
    spike_chance: float = 0.04

    @classmethod
    def none(cls) -> Augmentation:
        """Windows as they are: cut at random, and nothing else."""
        off = {f.name: 0.0 for f in fields(cls) if f.name.endswith("_chance") and f.name != "inside_chance"}
        off |= {"p_on_horizontals": (1.0, 0.0), "s_gain_db": 0.0, "stack_weights": (1.0,)}
        return cls(**off, rotate=False, polarity=False)


def _fast(size: int) -> int:
    """The next even length whose only factors are 2, 3 and 5."""
    from scipy.fft import next_fast_len

    return 2 * next_fast_len(math.ceil(size / 2), real=True)


def rotate(x: torch.Tensor, dice: Dice) -> torch.Tensor:
    """Horizontals (rows 1 and 2 of each three channels) turned by any angle, the same for all channels of a row."""
    angle = dice.uniform(len(x), 0.0, 2 * math.pi)[:, None]
    c, s = torch.cos(angle), torch.sin(angle)
    out = x.clone()
    for first in range(0, x.shape[1], 3):
        north, east = x[:, first + 1], x[:, first + 2]
        out[:, first + 1] = c * north + s * east
        out[:, first + 2] = c * east - s * north
    return out


def scatter(x: torch.Tensor, dice: Dice, a: Augmentation, rate_hz: float) -> torch.Tensor:
    """More scattered waves behind every onset of noise-free signals (n, 3 or 6, samples), some of Z on N and E.

    Each channel is convolved with a pulse followed by noise that decays, as in the coda of Aki and Chouet (1975): the
    onset stays where it was, what follows is longer, less pulse-like and less alike between the components.
    """
    chosen = dice.chance(len(x), a.coda_chance).nonzero()[:, 0]
    if not len(chosen):
        return x
    n, channels, samples = len(chosen), x.shape[1], x.shape[2]
    length = int(1.5 * rate_hz)
    time = torch.arange(length, device=x.device) / rate_hz
    decay = torch.exp(-time / dice.loguniform((n, 1, 1), *a.coda_decay_s))
    energy = dice.loguniform((n, 1, 1), *a.coda_energy)
    kernel = dice.normal((n, channels + 2, length)) * decay
    kernel = kernel * torch.sqrt(energy / (decay**2).sum(-1, keepdim=True))
    kernel[:, :channels, 0] += 1.0
    kernel = kernel / torch.sqrt(1.0 + energy)
    size = _fast(samples + length)
    spectrum, filters = torch.fft.rfft(x[chosen], size), torch.fft.rfft(kernel, size)
    made = spectrum * filters[:, :channels]
    made[:, 1:3] += spectrum[:, :1] * filters[:, channels:]
    out = x.clone()
    out[chosen] = torch.fft.irfft(made, size)[..., :samples]
    return out


def emergent(
    x: torch.Tensor,
    onset: torch.Tensor,
    longest_s: torch.Tensor,
    least: torch.Tensor,
    dice: Dice,
    a: Augmentation,
    rate_hz: float,
) -> torch.Tensor:
    """Some waves (n, 3, samples) that begin weakly and grow: head waves and forward scattering before the full pulse.

    The first arrival stays at its onset with a share of its size, further copies follow, each larger than the last, the
    full wave at the end. ``longest_s`` (n,) bounds the time of growth, ``least`` (n,) the size of the first arrival, so
    that an arrival which is labelled can be seen.
    """
    chosen = (dice.chance(len(x), a.emergent_chance) & torch.isfinite(onset)).nonzero()[:, 0]
    n, copies = len(chosen), 3
    if not n:
        return x
    growth = torch.minimum(dice.loguniform(n, *a.emergent_s), longest_s[chosen])
    first = torch.maximum(dice.loguniform(n, *a.emergent_first), least[chosen]).clamp(max=1.0)
    at = torch.sort(dice.uniform((n, copies), 0.1, 1.0), 1).values
    at[:, -1] = 1.0
    size = first[:, None] ** (1.0 - at) * (1.0 - 2.0 * dice.chance((n, copies), 0.5).float())
    source = x[chosen]
    out = source * first[:, None, None]
    time = torch.arange(x.shape[2], device=x.device)
    for k in range(copies):
        from_sample = time - (at[:, k] * growth * rate_hz).long().clamp(min=1)[:, None]
        later = torch.gather(source, 2, from_sample.clamp(min=0)[:, None].expand(-1, x.shape[1], -1))
        out += torch.where(from_sample[:, None] >= 0, later, 0.0) * size[:, k, None, None]
    made = x.clone()
    made[chosen] = out
    return made


def stretch(
    x: torch.Tensor, onsets: torch.Tensor, samples: int, dice: Dice, a: Augmentation
) -> tuple[torch.Tensor, torch.Tensor]:
    """Some rows faster or slower in time (another sampling rate, a nearer or farther event), cut to ``samples``.

    ``x`` must have at least ``samples * stretch_most`` samples, so that a faster row is still full.
    """
    out = x[:, :, :samples].clone()
    chosen = dice.chance(len(x), a.stretch_chance).nonzero()[:, 0]
    if not len(chosen):
        return out, onsets
    factor = dice.loguniform(len(chosen), 1.0 / a.stretch_most, a.stretch_most)
    at = torch.arange(samples, device=x.device) * factor[:, None]
    left = at.long().clamp(max=x.shape[2] - 2)
    part = (at - left)[:, None]
    index = left[:, None].expand(-1, x.shape[1], -1)
    source = x[chosen]
    out[chosen] = torch.gather(source, 2, index) * (1 - part) + torch.gather(source, 2, index + 1) * part
    onsets = onsets.clone()
    onsets[chosen] = onsets[chosen] / factor[:, None, None]
    return out, onsets


def disturb(
    x: torch.Tensor, onsets: torch.Tensor, dice: Dice, a: Augmentation, rate_hz: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Microseism, hum, spikes, filters, gains, polarity, clipping, coarse digitisers, gaps and missing channels, in this order."""
    n, channels, _ = x.shape
    x = _microseism(x, dice, a, rate_hz)
    x = _hum_and_spikes(x, dice, a, rate_hz)
    x = _filtered(x, dice, a, rate_hz)
    if a.gain_chance:
        one = torch.ones((n, channels, 1), device=x.device)
        gain = torch.exp(dice.normal((n, channels, 1), 0.0, a.gain_deviation))
        x = x * torch.where(dice.chance((n, 1, 1), a.gain_chance), gain, one)
    if a.polarity:
        x = x * (1.0 - 2.0 * dice.chance((n, channels, 1), 0.5).float())
    if a.clip_chance:
        limit = x.abs().amax((1, 2), keepdim=True) * dice.uniform((n, 1, 1), 0.15, 0.8)
        limit = torch.where(dice.chance((n, 1, 1), a.clip_chance), limit, torch.full_like(limit, math.inf))
        x = torch.minimum(torch.maximum(x, -limit), limit)
    if a.round_chance:
        chosen = dice.chance(n, a.round_chance).nonzero()[:, 0]
        coarse = x[chosen]  # counts of the digitiser are coarse beside the record
        step = coarse.square().mean((1, 2), keepdim=True).sqrt().clamp(min=1e-30) * 10 ** dice.uniform(
            (len(chosen), 1, 1), -2.5, -0.3
        )
        x[chosen] = torch.round(coarse / step) * step
    if a.gap_chance:
        x, onsets = _gaps(x, onsets, dice, a)
    return _missing(x, dice, a), onsets


def _microseism(x: torch.Tensor, dice: Dice, a: Augmentation, rate_hz: float) -> torch.Tensor:
    """The slow swing of raw broadband records, up to many times larger than everything a picker looks for."""
    rows = dice.chance(len(x), a.microseism_chance).nonzero()[:, 0] if a.microseism_chance else ()
    if not len(rows):
        return x
    samples, shape = x.shape[2], (len(rows), x.shape[1])
    f = torch.fft.rfftfreq(samples, 1.0 / rate_hz)[1:].to(x.device)
    f = f[f <= 1.0]
    peak_hz = dice.loguniform((len(rows), 1, 1), 0.08, 0.4)
    bell = torch.exp(-0.5 * (torch.log(f / peak_hz) / 0.45) ** 2)
    spectrum = torch.complex(dice.normal((*shape, len(f))), dice.normal((*shape, len(f)))) * bell
    swing = torch.fft.irfft(torch.nn.functional.pad(spectrum, (1, samples // 2 - len(f))), samples)
    swing = swing / swing.std(-1, keepdim=True).clamp(min=1e-30)
    size = dice.loguniform((len(rows), 1, 1), *a.microseism_over_record)
    x[rows] += swing * size * x[rows].square().mean((1, 2), keepdim=True).sqrt()
    return x


def _hum_and_spikes(x: torch.Tensor, dice: Dice, a: Augmentation, rate_hz: float) -> torch.Tensor:
    n, channels, samples = x.shape
    if not (a.hum_chance or a.spike_chance):
        return x
    scale = x.std(-1, keepdim=True)
    if a.hum_chance:
        rows = dice.chance(n, a.hum_chance).nonzero()[:, 0]
        time = torch.arange(samples, device=x.device) / rate_hz
        phase = 2 * math.pi * dice.loguniform((len(rows), 1, 1), 1.0, 0.45 * rate_hz) * time
        phase = phase + dice.uniform((len(rows), channels, 1), 0.0, 2 * math.pi)
        x[rows] += scale[rows] * dice.loguniform((len(rows), channels, 1), 0.05, 1.5) * torch.sin(phase)
    if a.spike_chance:
        rows = dice.chance(n, a.spike_chance).nonzero()[:, 0]
        at = dice.below(torch.full((len(rows),), samples, device=x.device))
        height = scale[rows, :, 0] * dice.normal((len(rows), channels)) * dice.loguniform((len(rows), 1), 3.0, 60.0)
        x[rows, :, at] += height
    return x


def _filtered(x: torch.Tensor, dice: Dice, a: Augmentation, rate_hz: float) -> torch.Tensor:
    """Some rows high-passed, low-passed or both, by causal filters of second order: onsets stay where they are."""
    chosen = dice.chance(len(x), a.filter_chance).nonzero()[:, 0]
    if not len(chosen):
        return x
    n, samples = len(chosen), x.shape[2]
    size = _fast(samples + int(2 * rate_hz))
    f = torch.fft.rfftfreq(size, 1.0 / rate_hz).to(x.device)
    low, high = dice.loguniform((n, 1, 1), 0.1, 3.0), dice.uniform((n, 1, 1), 0.12 * rate_hz, 0.45 * rate_hz)
    both = dice.uniform((n, 1, 1))
    ratio = 1j * f / low
    passed = torch.where(both < 0.75, (ratio / (1.0 + ratio)) ** 2, torch.ones_like(ratio))
    passed = passed * torch.where(both > 0.5, (1.0 + 1j * f / high) ** -2, torch.ones_like(ratio))
    source = x[chosen]
    spectrum = torch.fft.rfft(source - source[..., :50].mean(-1, keepdim=True), size)
    x[chosen] = torch.fft.irfft(spectrum * passed, size)[..., :samples]
    return x


def _gaps(x: torch.Tensor, onsets: torch.Tensor, dice: Dice, a: Augmentation) -> tuple[torch.Tensor, torch.Tensor]:
    """Gaps in all channels, filled with zeros or with the last value; an arrival within one loses its label."""
    n, _, samples = x.shape
    rows = dice.chance(n, a.gap_chance).nonzero()[:, 0]
    if not len(rows):
        return x, onsets
    low, high = a.gap_samples
    width = low + dice.below(torch.full((len(rows),), max(1, min(high, samples // 2) - low), device=x.device))
    first = dice.below(samples - width)
    time = torch.arange(samples, device=x.device)
    inside = (time >= first[:, None]) & (time < (first + width)[:, None])
    held = torch.gather(x[rows], 2, first[:, None, None].expand(-1, x.shape[1], 1))
    fill = held * dice.chance((len(rows), 1, 1), 0.5)
    x[rows] = torch.where(inside[:, None], fill, x[rows])
    lost = (onsets[rows] >= first[:, None, None]) & (onsets[rows] < (first + width)[:, None, None])
    onsets = onsets.clone()
    onsets[rows] = torch.where(lost, torch.nan, onsets[rows])
    return x, onsets


def _missing(x: torch.Tensor, dice: Dice, a: Augmentation) -> torch.Tensor:
    n, channels, _ = x.shape
    if not (a.vertical_only_chance or a.dead_channel_chance):
        return x
    keep = torch.ones((n, channels, 1), device=x.device)
    u = dice.uniform(n)
    keep[u < a.vertical_only_chance, 1:] = 0.0
    one = (u >= a.vertical_only_chance) & (u < a.vertical_only_chance + a.dead_channel_chance)
    dead = dice.below(torch.full((n,), channels, device=x.device))
    keep[one.nonzero()[:, 0], dead[one]] = 0.0
    return x * keep
