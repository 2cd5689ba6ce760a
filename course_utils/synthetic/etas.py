"""Aftershocks that have aftershocks: the epidemic-type sequence of Ogata (1988, JASA 83; 1998, Ann. Inst. Stat. Math. 50)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_utils.synthetic.randomness import Draws


@dataclass(frozen=True)
class Etas:
    """Rates of the process; the rate of direct aftershocks t days after an event of magnitude M is
    ``productivity * 10**(alpha * (M - min_magnitude)) * (p - 1) / c_days * (1 + t / c_days)**-p``.

    Attributes:
        productivity: mean number of direct aftershocks, over all time, of an event of ``min_magnitude``.
        alpha: growth of productivity with magnitude, base 10.
        c_days, p: Omori-Utsu decay.
        b: slope of Gutenberg and Richter's law.
        min_magnitude, max_magnitude: range of aftershock magnitudes.
        d_km, q: distance kernel on the parent's plane, density of (r**2 + d**2)**-q, d growing as 10**(0.4 M).
        thickness_km: standard deviation off the plane.
    """

    productivity: float = 0.1
    alpha: float = 0.8
    c_days: float = 0.02
    p: float = 1.1
    b: float = 1.0
    min_magnitude: float = 0.8
    max_magnitude: float = 5.2
    d_km: float = 0.15
    q: float = 1.8
    thickness_km: float = 0.25

    def __post_init__(self):
        if not self.branching_ratio < 1:
            raise ValueError(f"branching ratio {self.branching_ratio:.2f}: the sequence never ends; lower productivity")

    @property
    def branching_ratio(self) -> float:
        """Mean number of direct aftershocks of an aftershock of random magnitude."""
        span = self.max_magnitude - self.min_magnitude
        if np.isclose(self.alpha, self.b):
            mean = self.b * np.log(10) * span
        else:
            mean = self.b / (self.b - self.alpha) * (1 - 10 ** (-(self.b - self.alpha) * span))
        return float(self.productivity * mean / (1 - 10 ** (-self.b * span)))

    def decayed(self, days) -> np.ndarray:
        """Share of an event's direct aftershocks that come within ``days``."""
        return 1 - (1 + np.maximum(days, 0.0) / self.c_days) ** (1 - self.p)

    def magnitudes(self, draws: Draws, count: int) -> np.ndarray:
        """Magnitudes by Gutenberg and Richter's law between the two ends."""
        cut = 1 - 10 ** (-self.b * (self.max_magnitude - self.min_magnitude))
        return self.min_magnitude - np.log10(1 - cut * draws.uniform(size=count)) / self.b

    def delays_days(self, draws: Draws, until_days: np.ndarray) -> np.ndarray:
        """Times after the parent, one for each entry of ``until_days`` and below it."""
        u = draws.uniform(size=len(until_days)) * self.decayed(until_days)
        return self.c_days * ((1 - u) ** (1 / (1 - self.p)) - 1)

    def offsets_km(self, draws: Draws, parent_magnitude: np.ndarray) -> np.ndarray:
        """Offsets from the parent, shape (n, 3): along strike, down dip, off the plane."""
        n = len(parent_magnitude)
        d = self.d_km * 10 ** (0.4 * (parent_magnitude - self.min_magnitude))
        reach = np.minimum((1 + (8.0 / d) ** 2) ** (1 - self.q), 0.999)  # no aftershock beyond 8 km of its parent
        tail = reach + (1 - reach) * draws.uniform(size=n)
        r = d * np.sqrt(tail ** (1 / (1 - self.q)) - 1)
        angle = draws.uniform(0, 2 * np.pi, n)
        off = draws.normal(0, self.thickness_km, n)
        return np.column_stack([r * np.cos(angle), r * np.sin(angle), off])


@dataclass(frozen=True)
class Sequence:
    """Events of a simulated sequence in the order of time, arrays of one length.

    Attributes:
        days: time since the origin of the simulation.
        magnitude: magnitudes.
        on_plane_km: (n, 3) along strike, down dip, off the plane, from the plane's centre.
        plane: number of the plane that the event lies on.
        generation: 0 for events that were given, 1 for their direct aftershocks, and so on.
        parent: position of the event that triggered it, -1 for events that were given.
    """

    days: np.ndarray
    magnitude: np.ndarray
    on_plane_km: np.ndarray
    plane: np.ndarray
    generation: np.ndarray
    parent: np.ndarray


def simulate(etas: Etas, draws: Draws, first: Sequence, until_days: float, scatter_first=None) -> Sequence:
    """Grow a sequence from the events in ``first``, generation by generation, up to ``until_days``.

    Args:
        etas: the rates.
        draws: random numbers; each generation uses its own child.
        first: events that start it (a main shock, background).
        until_days: end of the simulation.
        scatter_first: ``f(draws, count) -> (on_plane_km, plane)`` places the direct aftershocks of the first event of
            ``first`` (a main shock as large as its faults); by default they follow the distance kernel too.
    """
    generations, parents, before = [first], first, 0
    while len(parents.days):
        step = draws.child("generation", len(generations))
        mean = etas.productivity * 10 ** (etas.alpha * (parents.magnitude - etas.min_magnitude))
        mean = mean * etas.decayed(until_days - parents.days)
        count = step.child("count").poisson(float(mean.sum()))
        share = np.cumsum(mean) / max(mean.sum(), 1e-300)
        parent = np.minimum(np.searchsorted(share, step.child("parent").uniform(size=count)), len(mean) - 1)
        days = parents.days[parent] + etas.delays_days(step.child("delay"), until_days - parents.days[parent])
        place = parents.on_plane_km[parent] + etas.offsets_km(step.child("offset"), parents.magnitude[parent])
        plane = parents.plane[parent].copy()
        if scatter_first is not None and len(generations) == 1:
            of_main = parent == 0
            place[of_main], plane[of_main] = scatter_first(step.child("rupture"), int(of_main.sum()))
        magnitude = etas.magnitudes(step.child("magnitude"), count)
        generation, parent = np.full(count, len(generations)), parent + before
        before += len(parents.days)
        parents = Sequence(days, magnitude, place, plane, generation, parent)
        generations.append(parents)
    joined = [np.concatenate([getattr(g, name) for g in generations]) for name in Sequence.__dataclass_fields__]
    order = np.argsort(joined[0], kind="stable")
    *columns, parent = (values[order] for values in joined)
    return Sequence(*columns, np.where(parent < 0, -1, np.argsort(order)[parent]))
