"""Seismic sources: how large, how fast, and in which direction they radiate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_utils.synthetic.randomness import Draws

KINDS = ("earthquake", "quarry blast", "surface event", "low-frequency", "teleseism")

# Brune's circular crack: corner frequency = k * beta * (stress drop / moment)^(1/3), SI units
_BRUNE_K = 0.4906
P_TO_S_CORNER = 1.4


def moment_n_m(mw: float) -> float:
    """Seismic moment (N m) of a moment magnitude (Hanks and Kanamori 1979; IASPEI's rounding 9.1)."""
    return 10.0 ** (1.5 * mw + 9.1)


def double_couple(strike_deg: float, dip_deg: float, rake_deg: float) -> tuple[float, ...]:
    """Unit moment tensor (nn, ee, dd, ne, nd, ed; north, east, down) of a shear fault (Aki and Richards 2002, box 4.4)."""
    s, d, r = np.radians([strike_deg, dip_deg, rake_deg])
    nn = -(np.sin(d) * np.cos(r) * np.sin(2 * s) + np.sin(2 * d) * np.sin(r) * np.sin(s) ** 2)
    ee = np.sin(d) * np.cos(r) * np.sin(2 * s) - np.sin(2 * d) * np.sin(r) * np.cos(s) ** 2
    dd = np.sin(2 * d) * np.sin(r)
    ne = np.sin(d) * np.cos(r) * np.cos(2 * s) + 0.5 * np.sin(2 * d) * np.sin(r) * np.sin(2 * s)
    nd = -(np.cos(d) * np.cos(r) * np.cos(s) + np.cos(2 * d) * np.sin(r) * np.sin(s))
    ed = -(np.cos(d) * np.cos(r) * np.sin(s) - np.cos(2 * d) * np.sin(r) * np.cos(s))
    return tuple(float(v) for v in (nn, ee, dd, ne, nd, ed))


EXPLOSION = (1.0, 1.0, 1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Source:
    """One source.

    ``mw`` sets the moment. ``moment_tensor`` (nn, ee, dd, ne, nd, ed; north, east, down; a double couple of
    :func:`double_couple` or :data:`EXPLOSION`) is scaled by that moment; or ``force`` (north, east, down; unit
    length) for a landslide or rockfall, whose size is the force equivalent of the moment at 1 Hz.
    ``stress_drop_mpa`` sets the corner frequency. ``kind`` is one of :data:`KINDS`.
    ``delays_s`` are the firing times of a ripple-fired blast. ``duration_s`` is that of a surface event.

    Raises:
        ValueError: unknown kind, neither tensor nor force, or a stress drop that is not positive.
    """

    mw: float
    moment_tensor: tuple[float, ...] | None = None
    force: tuple[float, float, float] | None = None
    stress_drop_mpa: float = 4.0
    kind: str = "earthquake"
    delays_s: tuple[float, ...] = ()
    duration_s: float = 0.0

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"source kind {self.kind!r} is unknown; use one of {', '.join(KINDS)}")
        if (self.moment_tensor is None) == (self.force is None):
            raise ValueError("a source needs a moment_tensor or a force, one of the two")
        if not self.stress_drop_mpa > 0:
            raise ValueError(f"stress_drop_mpa is {self.stress_drop_mpa}; it must be positive (1 to 10 is usual)")

    @property
    def moment_n_m(self) -> float:
        return moment_n_m(self.mw)

    def corner_hz(self, vs_km_s: float, phase: str = "S") -> float:
        """Corner frequency of P or S (Brune 1970, 1971; P corner 1.4 times that of S, Madariaga 1976)."""
        fc = _BRUNE_K * vs_km_s * 1e3 * (self.stress_drop_mpa * 1e6 / self.moment_n_m) ** (1 / 3)
        return fc * (P_TO_S_CORNER if phase == "P" else 1.0)


def brune_spectrum(frequencies_hz: np.ndarray, corner_hz: float) -> np.ndarray:
    """Unit omega-square displacement spectrum, complex, of the causal pulse t exp(-2 pi fc t) (Brune 1970)."""
    return 1.0 / (1.0 + 1j * np.asarray(frequencies_hz) / corner_hz) ** 2


def moment_rate_spectrum(source: Source, frequencies_hz, vs_km_s: float, phase: str, draws: Draws | None) -> np.ndarray:
    """Far-field moment-rate spectrum (N m), complex: a few self-similar sub-events that add up to the moment.

    Large earthquakes radiate high frequencies as long as they last, not at their start alone; sub-events of the
    same stress drop within the source duration do that and keep both the moment and about the omega-square
    level (Frankel 1991). ``draws`` None gives the single Brune pulse. P and S of a source share the sub-events
    when ``draws`` has the same key. A ripple-fired blast is repeated at its ``delays_s``, which stamps its
    spectrum with bands (Smith 1989).
    """
    f = np.asarray(frequencies_hz, float)
    fc = source.corner_hz(vs_km_s, phase)
    if source.delays_s:
        single = brune_spectrum(f, fc)
        return source.moment_n_m * single * np.exp(-2j * np.pi * np.outer(source.delays_s, f)).mean(0)
    count = 1
    if draws is not None and source.kind in ("earthquake", "teleseism"):
        count = 1 + min(9, draws.poisson(0.5 + 1.2 * max(0.0, source.mw - 3.0)))
    if count == 1:
        return source.moment_n_m * brune_spectrum(f, fc)
    weights = draws.exponential(1.0, count) + 0.05
    weights = weights / weights.sum()
    start = np.concatenate([[0.0], draws.uniform(0.0, 0.6 / source.corner_hz(vs_km_s), count - 1)])
    total = np.zeros(f.shape, complex)
    for weight, delay in zip(weights, start, strict=True):
        total += weight * brune_spectrum(f, fc * weight ** (-1 / 3)) * np.exp(-2j * np.pi * f * delay)
    return source.moment_n_m * total


def radiation(source: Source, azimuth_deg: float, takeoff_p_deg: float, takeoff_s_deg: float) -> tuple[float, ...]:
    """Far-field radiation factors of P, SV and SH (Aki and Richards 2002, eq. 4.29 and 4.96).

    ``azimuth_deg`` is clockwise from north, source to station; takeoff angles count from straight down. For a
    force the factors are its components along the same three unit vectors.
    """
    az = np.radians(azimuth_deg)
    if source.moment_tensor is not None:
        nn, ee, dd, ne, nd, ed = source.moment_tensor
        tensor = np.array([[nn, ne, nd], [ne, ee, ed], [nd, ed, dd]])

        def factor(direction, ray):
            return float(direction @ tensor @ ray)
    else:
        force = np.asarray(source.force, float)

        def factor(direction, ray):
            return float(direction @ force)

    def ray_of(takeoff_deg):
        i = np.radians(takeoff_deg)
        return np.array([np.sin(i) * np.cos(az), np.sin(i) * np.sin(az), np.cos(i)])

    i = np.radians(takeoff_s_deg)
    theta = np.array([np.cos(i) * np.cos(az), np.cos(i) * np.sin(az), -np.sin(i)])
    phi = np.array([-np.sin(az), np.cos(az), 0.0])
    p, s = ray_of(takeoff_p_deg), ray_of(takeoff_s_deg)
    return factor(p, p), factor(theta, s), factor(phi, s)


def with_floor(factor: float, floor: float) -> float:
    """A radiation factor that does not vanish at a node: the Earth scatters energy into it (Takemura et al. 2009)."""
    return float(np.copysign(np.hypot(factor, floor), factor))
