"""Batches made where the network is: cut, mixed, disturbed and labelled in a few tensor operations.

    batches = Batches(bank, noise=noise, window_samples=3001, labels="PSN", seed=1)
    x, y = batches(step)            # (32, 3, 3001) in Z, N, E, and (32, 3, 3001)

Batch number ``step`` is a pure function of the seed and of ``step``: nothing has to be remembered to go on after a kill.
"""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from functools import cached_property
from typing import Any

import torch
from torch.nn.functional import pad

from . import augment
from .augment import Augmentation
from .banks import Bank, TrainingError
from .dice import Dice
from .labels import Shape, make_labels


class Batches:
    """Training windows from a bank of records, or from banks of signals and noise.

    Args:
        bank: signals or records. Records come in a new random order in every epoch, each once; signals are drawn.
        noise: needed for signals; for records it is added now and then.
        window_samples: length of a window, ``model.in_samples``.
        labels: order of the targets, ``"".join(model.labels)`` (D for detection).

    Raises:
        TrainingError: signals without noise, no common instrument group, different sampling rates, short noise.
    """

    def __init__(
        self,
        bank: Bank,
        *,
        noise: Bank | None = None,
        window_samples: int = 3001,
        labels: str = "PSN",
        batch_size: int = 32,
        seed: int = 0,
        augmentation: Augmentation | None = None,
        label_width_samples: float = 10.0,
        label_shape: Shape = "gaussian",
    ):
        self.bank, self.noise, self.batch_size, self.seed = bank, noise, int(batch_size), int(seed)
        self.window_samples, self.labels = int(window_samples), labels
        self.augmentation = augmentation or Augmentation()
        if bank.kind == "records":  # they bring the swing of their own sea; the stored recipe says so
            self.augmentation = replace(self.augmentation, microseism_chance=0.0)
        self.label_width_samples, self.label_shape = label_width_samples, label_shape
        if bank.kind == "noise":
            raise TrainingError(f"{bank.name or 'bank'}: noise has nothing to learn; give it as noise=")
        if bank.kind == "signals" and noise is None:
            raise TrainingError(f"{bank.name or 'signals'}: noise-free signals need a bank of noise to be mixed with")
        if noise is not None and noise.sampling_rate_hz != bank.sampling_rate_hz:
            raise TrainingError(
                f"noise at {noise.sampling_rate_hz:g} Hz and {bank.kind} at {bank.sampling_rate_hz:g} Hz; resample one"
            )
        if noise is not None and noise.waveforms.shape[2] < self._extended():
            raise TrainingError(
                f"noise windows have {noise.waveforms.shape[2]} samples, but {self._extended()} are needed for a window "
                f"of {window_samples}"
            )
        self._groups = _Groups(bank, noise) if bank.kind == "signals" else None
        self._order: tuple[int, torch.Tensor] | None = None

    @property
    def steps_per_epoch(self) -> int:
        """Batches that use every record once (the last one may be filled from the next epoch)."""
        return math.ceil(len(self.bank) / self.batch_size)

    def to(self, device: torch.device | str) -> Batches:
        """Move the banks to a device; the batches are made there from now on."""
        if self.bank.waveforms.device != torch.device(device):
            self.bank = self.bank.to(device)
            self.noise = None if self.noise is None else self.noise.to(device)
            self._groups = _Groups(self.bank, self.noise) if self.bank.kind == "signals" else None
            self._order = None
        return self

    def __call__(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Waveforms (batch, 3, window) in Z, N, E, not normalised, and targets (batch, len(labels), window)."""
        dice = Dice(self.seed, step, self.bank.waveforms.device)
        with torch.no_grad():
            x, onsets = self._mixed(dice) if self.bank.kind == "signals" else self._recorded(step, dice)
            a = self.augmentation
            if a.stretch_chance:
                x, onsets = augment.stretch(x, onsets, self.window_samples, dice, a)
            x, onsets = augment.disturb(x, onsets, dice, a, self.bank.sampling_rate_hz)
            y = make_labels(
                onsets, self.window_samples, self.labels, width_samples=self.label_width_samples, shape=self.label_shape
            )
        return x, y

    @cached_property
    def digest(self) -> str:
        """Identity of the data: the digests of the banks."""
        return " ".join(bank.digest()[:16] for bank in (self.bank, self.noise) if bank is not None)

    def describe(self) -> dict[str, Any]:
        """What fixes these batches, as plain values."""
        told = {"augmentation": asdict(self.augmentation), "digest": self.digest}
        told |= {"batch_size": self.batch_size, "seed": self.seed, "window_samples": self.window_samples}
        told |= {"label_width_samples": self.label_width_samples, "label_shape": self.label_shape}
        for name, bank in (("bank", self.bank), ("noise", self.noise)):
            if bank is not None:
                told[name] = {"name": bank.name, "kind": bank.kind, "records": len(bank)}
        return told

    def _extended(self) -> int:
        a = self.augmentation
        return math.ceil(self.window_samples * (a.stretch_most if a.stretch_chance else 1.0)) + 1

    def _length(self) -> int:
        return self._extended() if self.augmentation.stretch_chance else self.window_samples

    def _mixed(self, dice: Dice) -> tuple[torch.Tensor, torch.Tensor]:
        """Noise, an event at a random SNR, and now and then more events of the same instrument class."""
        a, n, bank, noise = self.augmentation, self.batch_size, self.bank, self.noise
        length = self._length()
        k, of_noise = self._groups.noise_rows(n, dice)
        first = dice.below(torch.full((n,), noise.waveforms.shape[2] - length + 1, device=dice.device))
        x = cut(noise.waveforms, of_noise, first, length)
        events = torch.where(dice.chance(n, a.noise_only_chance), 0, 1 + dice.choice(a.stack_weights, n))
        row = torch.repeat_interleave(torch.arange(n, device=dice.device), events)
        slot = torch.arange(len(row), device=dice.device) - (events.cumsum(0) - events)[row]
        onsets = torch.full((n, 2, max(1, len(a.stack_weights))), math.nan, device=dice.device)
        if not len(row):
            return x, onsets
        main_db = dice.normal(n, *a.snr_db).clamp(-2.0, 65.0)
        db = main_db[row] + torch.where(slot > 0, dice.uniform(len(row), *a.stack_db), 0.0)
        i = self._groups.signal_rows(k[row], dice)
        p0, s0 = bank.onsets[i, 0, 0], bank.onsets[i, 1, 0]
        at = self._place(p0, s0, slot == 0, dice)
        start = (p0 - at).floor().long()
        signal = cut(bank.waveforms, i, start, length)
        s_gain_db = dice.normal(len(row), 0.0, a.s_gain_db)
        s_db = torch.minimum(db + bank.s_db[i], bank.s_limit_db[i]) + s_gain_db
        if a.emergent_chance:
            signal = self._emergent(signal, p0 - start, s0 - start, db, s_db, dice)
        waves = self._signal(signal, dice, s_gain_db) * self._gain(row, of_noise, i, db)
        events_alone = torch.zeros_like(x).index_add_(0, row, waves)
        shared = events[row] > 1
        for phase, onset, seen_db in ((0, p0 - start, db), (1, s0 - start, s_db)):
            seen = (seen_db > a.label_from_db) & bank.labelled[i]
            seen[shared] &= stands_out(waves[shared], events_alone[row[shared]], onset[shared], a.label_over_others_db)
            onsets[row, phase, slot] = torch.where(seen, onset, torch.nan)
        return x + events_alone, onsets

    def _gain(self, row, of_noise, i, db) -> torch.Tensor:
        return (self.noise.level[of_noise][row] / self.bank.level[i] * 10 ** (db / 20))[:, None, None]

    def _place(self, p0, s0, main, dice: Dice) -> torch.Tensor:
        """Sample of the window where P comes to lie: mostly inside, else anywhere from S just gone to the end."""
        a, n = self.augmentation, len(p0)
        late, margin = self.window_samples - a.margin_samples, a.margin_samples
        if not a.shift:
            return torch.full((n,), float(self.window_samples // 3), device=p0.device)
        later = torch.nan_to_num(s0 - p0, nan=0.0)
        inside = dice.uniform(n, margin, late)
        u = dice.uniform(n)
        anywhere = -later - 800.0 + u * (late + later + 800.0)
        return torch.where(main & dice.chance(n, a.inside_chance), inside, anywhere)

    def _emergent(self, signal, p_onset, s_onset, p_db, s_db, dice: Dice) -> torch.Tensor:
        """Weak beginnings of P and of S; a first arrival that is labelled stays well visible."""
        a, rate_hz = self.augmentation, self.bank.sampling_rate_hz
        s_after_p = torch.nan_to_num((s_onset - p_onset) / rate_hz, nan=math.inf)
        parts = []
        for first, onset, db in ((0, p_onset, p_db), (3, s_onset, s_db)):
            if first < signal.shape[1]:
                least = 10 ** ((a.label_from_db + 3.0 - db) / 20)
                part = signal[:, first : first + 3]
                parts.append(augment.emergent(part, onset, 0.7 * s_after_p, least, dice, a, rate_hz))
        return torch.cat(parts, 1)

    def _signal(self, signal: torch.Tensor, dice: Dice, s_gain_db: torch.Tensor) -> torch.Tensor:
        """Noise-free waves (l, 3 or 6, samples) with their own scattering, balance and direction, as 3 channels."""
        a, n = self.augmentation, len(signal)
        if a.coda_chance:
            signal = augment.scatter(signal, dice, a, self.bank.sampling_rate_hz)
        if a.rotate:
            signal = augment.rotate(signal, dice)
        if signal.shape[1] == 3:
            return signal
        median, deviation = a.p_on_horizontals
        horizontal = torch.exp(dice.normal((n, 2), math.log(median), deviation))
        weight = torch.cat([torch.ones((n, 1), device=signal.device), horizontal], 1)
        return signal[:, :3] * weight[..., None] + signal[:, 3:] * 10 ** (s_gain_db / 20)[:, None, None]

    def _recorded(self, step: int, dice: Dice) -> tuple[torch.Tensor, torch.Tensor]:
        """Records cut at random places, sometimes with another record or noise on top."""
        a, n, bank = self.augmentation, self.batch_size, self.bank
        rows = self._rows_of(step)
        x, onsets = self._cut_record(rows, dice)
        if sum(a.stack_weights[1:]) > 0 and len(bank) > 1:
            chosen = (dice.choice(a.stack_weights, n) > 0).nonzero()[:, 0]
            other = dice.below(torch.full((len(chosen),), len(bank), device=dice.device))
            x2, onsets2 = self._cut_record(other, dice)
            db = dice.uniform(len(chosen), *a.stack_db)
            gain = (bank.level[rows[chosen]] / bank.level[other] * 10 ** (db / 20))[:, None, None]
            x[chosen] += x2 * gain
            seen = (bank.snr_db[other] + db > a.label_from_db)[:, None, None]
            more = torch.full((n, *onsets2.shape[1:]), math.nan, device=x.device)
            more[chosen] = torch.where(seen, onsets2, torch.nan)
            onsets = torch.cat([onsets, more], 2)
        if self.noise is not None and a.added_noise_chance:
            chosen = dice.chance(n, a.added_noise_chance).nonzero()[:, 0]
            other = dice.below(torch.full((len(chosen),), len(self.noise), device=dice.device))
            first = dice.below(
                torch.full((len(chosen),), self.noise.waveforms.shape[2] - x.shape[2] + 1, device=x.device)
            )
            most = (bank.snr_db[rows[chosen]] - 6.0).clamp(-10.0, 15.0)  # the arrivals stay visible
            db = -10.0 + dice.uniform(len(chosen)) * (most + 10.0)
            gain = bank.level[rows[chosen]] / self.noise.level[other] * 10 ** (db / 20)
            x[chosen] += cut(self.noise.waveforms, other, first, x.shape[2]) * gain[:, None, None]
        if a.rotate:
            x = augment.rotate(x, dice)
        return x, onsets

    def _cut_record(self, rows: torch.Tensor, dice: Dice) -> tuple[torch.Tensor, torch.Tensor]:
        a, n, length = self.augmentation, len(rows), self._length()
        samples = self.bank.waveforms.shape[2]
        onsets = self.bank.onsets[rows]
        flat = torch.nan_to_num(onsets.flatten(1), nan=math.inf)
        first = flat.amin(1)
        known = torch.isfinite(first)
        at = dice.uniform(n, a.margin_samples, self.window_samples - a.margin_samples)
        if not a.shift:
            at = torch.full_like(at, self.window_samples // 3)
        most = max(samples - length, 0)
        anywhere = dice.uniform(n, 0.0, most + 1.0).floor()
        aimed = (torch.where(known, first, 0.0) - at).floor()
        use = known & (dice.chance(n, a.inside_chance) if a.shift else torch.ones_like(known))
        start = torch.where(use, aimed, anywhere).long().clamp(0, most)
        return cut(self.bank.waveforms, rows, start, length), onsets - start[:, None, None]

    def _rows_of(self, step: int) -> torch.Tensor:
        """Rows of batch ``step``: every record once an epoch, in an order of that epoch's own."""
        total, device = len(self.bank), self.bank.waveforms.device
        number = torch.arange(step * self.batch_size, (step + 1) * self.batch_size, device=device)
        out = torch.empty_like(number)
        for epoch in range(int(step * self.batch_size // total), int(((step + 1) * self.batch_size - 1) // total) + 1):
            if self._order is None or self._order[0] != epoch:
                generator = Dice(self.seed, 2**31 + epoch, device).generator
                self._order = (epoch, torch.randperm(total, generator=generator, device=device))
            mine = (number // total) == epoch
            out[mine] = self._order[1][number[mine] % total]
        return out


def cut(waveforms: torch.Tensor, rows: torch.Tensor, start: torch.Tensor, length: int) -> torch.Tensor:
    """Windows (len(rows), channels, length) of some rows, each from its own ``start``; zeros where the record is not."""
    samples = waveforms.shape[2]
    index = torch.arange(len(rows), device=waveforms.device)
    if samples >= length and bool(((start >= 0) & (start <= samples - length)).all()):
        return waveforms.unfold(2, length, 1)[rows, :, start]
    padded = pad(waveforms[rows], (length, length))
    return padded.unfold(2, length, 1)[index, :, (start + length).clamp(0, samples + length)]


def stands_out(wave: torch.Tensor, total: torch.Tensor, onset: torch.Tensor, least_db: float) -> torch.Tensor:
    """Whether an arrival (l,) rises above the other events of its window: an event in the coda of a larger one may not.

    ``wave`` (l, 3, m) is the event alone and ``total`` all events together. Compared are the rms values of first
    differences (what a picker sees above the slow coda) in the second after the onset and half a second before.
    """
    if not len(wave):
        return torch.zeros(0, dtype=torch.bool, device=wave.device)
    rows = torch.arange(len(wave), device=wave.device)
    first = torch.nan_to_num(onset, nan=-1e6).long()
    own = cut(wave, rows, first, 100).diff(dim=2).square().mean((1, 2))
    rest = total - wave
    before = cut(rest, rows, first - 50, 150).diff(dim=2).square().mean((1, 2))
    return own > before * 10 ** (least_db / 10)


class _Groups:
    """Rows of signals and noise by instrument class, so that only like is mixed with like."""

    def __init__(self, signals: Bank, noise: Bank):
        common = sorted(set(signals.group.tolist()) & set(noise.group.tolist()))
        if not common:
            raise TrainingError("signals and noise have no instrument group in common; give them matching groups")
        self._signal = _Ragged([(signals.group == g).nonzero()[:, 0] for g in common])
        self._noise = _Ragged([(noise.group == g).nonzero()[:, 0] for g in common])

    def noise_rows(self, n: int, dice: Dice) -> tuple[torch.Tensor, torch.Tensor]:
        group = dice.below(torch.full((n,), len(self._noise.counts), device=dice.device))
        return group, self._noise.draw(group, dice)

    def signal_rows(self, group: torch.Tensor, dice: Dice) -> torch.Tensor:
        return self._signal.draw(group, dice)


class _Ragged:
    def __init__(self, lists: list[torch.Tensor]):
        self.rows = torch.cat(lists)
        self.counts = torch.tensor([len(rows) for rows in lists], device=self.rows.device)
        self.first = self.counts.cumsum(0) - self.counts

    def draw(self, group: torch.Tensor, dice: Dice) -> torch.Tensor:
        return self.rows[self.first[group] + dice.below(self.counts[group])]
