"""From the source to the surface: rays, spreading, attenuation, the site."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import fft

from course_utils.synthetic.randomness import Draws


@dataclass(frozen=True)
class Ray:
    """Where and when P and S of one source meet one station.

    Angles in degrees: ``azimuth_deg`` clockwise from north, source to station; takeoff from straight down;
    incidence from the vertical at the station. ``p_time_s`` and ``s_time_s`` count from the origin time
    (``s_time_s`` NaN: no S). ``vp_km_s``, ``vs_km_s`` and ``density_kg_m3`` are those of the source region.
    """

    distance_km: float
    hypocentral_km: float
    azimuth_deg: float
    takeoff_p_deg: float
    takeoff_s_deg: float
    incidence_p_deg: float
    incidence_s_deg: float
    p_time_s: float
    s_time_s: float
    vp_km_s: float = 6.0
    vs_km_s: float = 3.46
    density_kg_m3: float = 2700.0

    @property
    def has_s(self) -> bool:
        return bool(np.isfinite(self.s_time_s))


@dataclass(frozen=True)
class Attenuation:
    """What the crust takes away and scatters.

    Q of S is ``qs0 * f**qs_exponent``, that of P ``qp_over_qs`` times as much. Coda decays with
    ``coda_q0 * f**coda_q_exponent``. ``scattering_per_km`` is the S-wave scattering coefficient g (Sato 1977; 0.01
    to 0.05 in active crust), ``p_scattering_per_km`` that from P to the P coda. ``forward_km`` is the
    distance over which a direct pulse loses 63 % of its coherent energy; ``broadening_s`` the rise time that its
    envelope has gained at 100 km. ``early_p`` and ``early_s`` are the energy, relative to the direct pulse, that
    the shallow structure near source and station scatters within the first seconds. ``multipath`` is the relative size of a dozen later pulses on nearby paths, and
    ``multipath_s`` their mean delay near the source.
    """

    qs0: float = 200.0
    qs_exponent: float = 0.5
    qp_over_qs: float = 1.5
    coda_q0: float = 120.0
    coda_q_exponent: float = 0.7
    scattering_per_km: float = 0.02
    p_scattering_per_km: float = 0.03
    forward_km: float = 80.0
    broadening_s: float = 0.6
    early_p: float = 6.0
    early_s: float = 2.5
    early_decay_s: float = 0.8
    multipath: float = 0.4
    multipath_s: float = 0.2

    def qs(self, frequencies_hz):
        """Quality factor of S; constant below 0.3 Hz, where the power law would vanish."""
        return self.qs0 * np.maximum(frequencies_hz, 0.3) ** self.qs_exponent

    def coda_q(self, frequencies_hz):
        return self.coda_q0 * np.maximum(frequencies_hz, 0.3) ** self.coda_q_exponent


@dataclass(frozen=True)
class Site:
    """The last hundred metres.

    ``kappa_s`` takes the high frequencies from S (Anderson and Hough 1984), ``kappa_p_ratio`` times it from P.
    ``amplification`` multiplies the horizontals; ``resonance_hz`` and ``resonance_gain`` add a peak of the
    sediment (``resonance_hz`` 0: rock). ``roughness`` is the standard deviation (natural logarithm) of a smooth
    random transfer function drawn from ``key``; ``sediment_delay_s`` is how far converted phases are off.
    """

    key: tuple[int | str, ...] = ("rock",)
    kappa_s: float = 0.018
    kappa_p_ratio: float = 0.7
    amplification: float = 1.4
    resonance_hz: float = 0.0
    resonance_gain: float = 0.0
    resonance_width: float = 0.35
    roughness: float = 0.3
    sediment_delay_s: float = 0.3


def spreading_per_m(hypocentral_km: float, phase: str, crossover_km: float = 100.0) -> float:
    """Geometrical spreading (1/m): 1/r as a body wave, and beyond 100 km as Lg (r^-0.5) and Pg (r^-0.8) (Herrmann and Kijko 1983)."""
    r = max(hypocentral_km, 0.3)
    if r <= crossover_km:
        return 1e-3 / r
    exponent = 0.5 if phase == "S" else 0.8
    return 1e-3 / crossover_km * (crossover_km / r) ** exponent


def minimum_phase(log_amplitude: np.ndarray, n: int) -> np.ndarray:
    """Complex logarithm (..., n//2+1) of the causal filter of least delay with this log amplitude (Oppenheim and Schafer 2010, 13.1)."""
    cepstrum = fft.irfft(log_amplitude, n)
    cepstrum[..., 1 : (n + 1) // 2] *= 2.0
    cepstrum[..., n // 2 + 1 :] = 0.0
    return fft.rfft(cepstrum)


@lru_cache(maxsize=8)
def frequencies(n: int, sampling_rate_hz: float) -> np.ndarray:
    """Frequencies (Hz) of a real transform of ``n`` samples; shared, read only."""
    f = fft.rfftfreq(n, 1.0 / sampling_rate_hz)
    f.flags.writeable = False
    return f


def path_filter(travel_time_s: float, q: np.ndarray, kappa_s: float, n: int, sampling_rate_hz: float) -> np.ndarray:
    """Complex logarithm of anelastic attenuation exp(-pi f (t/Q + kappa)), minimum phase (Azimi et al. 1968: causal)."""
    f = frequencies(n, sampling_rate_hz)
    exponent = -np.pi * f * (travel_time_s / q + kappa_s)
    return minimum_phase(np.maximum(exponent, -25.0), n)


@lru_cache(maxsize=512)
def site_filter(site: Site, n: int, sampling_rate_hz: float) -> np.ndarray:
    """Complex logarithm (3, n//2+1; Z, N, E) of the site's transfer function, minimum phase; shared, read only."""
    f = frequencies(n, sampling_rate_hz)
    draws = Draws("site", *site.key)
    nodes = np.log(np.geomspace(0.05, 100.0, 9))
    rough = draws.normal(0.0, site.roughness, (3, nodes.size))
    rough[2] = 0.85 * rough[1] + 0.5 * rough[2]
    x = np.log(np.maximum(f, 0.05))
    log_amplitude = np.array([np.interp(x, nodes, row) for row in rough])
    log_amplitude[1:] += np.log(site.amplification)
    if site.resonance_hz > 0:
        ratio = np.log(np.maximum(f, 0.05) / site.resonance_hz) / site.resonance_width
        overtone = np.log(np.maximum(f, 0.05) / (3 * site.resonance_hz)) / site.resonance_width
        log_amplitude[1:] += np.log1p(site.resonance_gain * (np.exp(-(ratio**2)) + 0.4 * np.exp(-(overtone**2))))
        log_amplitude[0] += np.log1p(0.3 * site.resonance_gain * np.exp(-((ratio - 0.7 / site.resonance_width) ** 2)))
    out = minimum_phase(log_amplitude, n)
    out.flags.writeable = False
    return out
