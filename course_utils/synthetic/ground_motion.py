"""Ground motion of one source at one station, P and S apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import fft

from course_utils.synthetic import coda
from course_utils.synthetic.path import (
    Attenuation,
    Ray,
    Site,
    frequencies,
    path_filter,
    site_filter,
    spreading_per_m,
)
from course_utils.synthetic.randomness import Draws
from course_utils.synthetic.source import Source, moment_rate_spectrum, radiation, with_floor

FREE_SURFACE = 2.0
_RINGING_S = 0.25  # what the band limit puts before an onset has died out by then
RADIATION_FLOOR = {"P": 0.45, "SV": 0.3, "SH": 0.3}


@dataclass(frozen=True)
class Parts:
    """Which parts of the physics are on; for ablations."""

    coda: bool = True
    polarisation: bool = True
    site: bool = True
    conversions: bool = True
    surface_waves: bool = True


@dataclass(frozen=True)
class GroundMotion:
    """Ground velocity in m/s, components Z (up), N, E, first sample ``start_s`` after the origin time.

    ``p`` and ``s`` have shape (3, n). ``p`` holds the P wave, its coda and what arrives before S; ``s`` the S wave,
    its coda and the surface waves. A surface event or one without S has zeros in ``s``.
    """

    start_s: float
    sampling_rate_hz: float
    p: np.ndarray
    s: np.ndarray

    @property
    def total(self) -> np.ndarray:
        return self.p + self.s


def ground_motion(
    source: Source,
    ray: Ray,
    site: Site,
    attenuation: Attenuation,
    draws: Draws,
    *,
    sampling_rate_hz: float = 100.0,
    start_s: float,
    samples: int,
    parts: Parts | None = None,
) -> GroundMotion:
    """Ground velocity of ``source`` along ``ray``: omega-square source, spreading, Q, kappa, site, coda, conversions.

    The first sample lies ``start_s`` after the origin time; choose it so that samples fall on the station's own
    grid, at least 1 s before P (onsets are placed between samples by their phase). Whatever would come after
    ``samples`` is faded out; :func:`duration_s` says how long is long enough. ``draws`` is keyed by the caller
    (seed, station, event); repeating events that share a key and a length share their scattered waves.

    Raises:
        ValueError: the record would begin after P, or is shorter than one second.
    """
    parts = parts or Parts()
    if not start_s <= ray.p_time_s:
        raise ValueError(
            f"start_s is {start_s:.3f} s but P arrives at {ray.p_time_s:.3f} s; start at least 1 s earlier"
        )
    if samples < sampling_rate_hz:
        raise ValueError(f"samples is {samples}; ask for at least one second ({sampling_rate_hz:.0f})")
    n = fft.next_fast_len(int(samples * 1.04) + int(sampling_rate_hz), real=True)
    n += n % 2
    work = _Workspace(source, ray, site, attenuation, draws, sampling_rate_hz, n, start_s, samples, parts)
    if source.kind in ("surface event", "teleseism"):
        from course_utils.synthetic import long_signals

        p, s = long_signals.spectra(work)
    else:
        p, s = _local_event(work)
    out = fft.irfft(np.concatenate([p, s]), n)[:, :samples]
    _fade_end(out, int(sampling_rate_hz))
    quiet = int((ray.p_time_s - start_s - _RINGING_S) * sampling_rate_hz)
    out[:, : max(0, quiet)] = 0.0
    return GroundMotion(start_s, sampling_rate_hz, out[:3], out[3:])


def duration_s(source: Source, ray: Ray, attenuation: Attenuation, floor_m_s: float, longest_s: float = 600.0) -> float:
    """Seconds after P until the coda at 2 Hz sinks below ``floor_m_s`` (ground velocity), at least S-P plus 3 s.

    Uses the coda law of Aki and Chouet (1975) from the size of the S wave, an over-estimate by design (factor 2).
    """
    s_minus_p = ray.s_time_s - ray.p_time_s if ray.has_s else 0.0
    if source.kind == "surface event":
        return min(longest_s, source.duration_s * 1.6 + 10.0)
    if source.kind == "teleseism":
        return longest_s
    t = np.geomspace(0.5, longest_s, 80)
    travel = ray.s_time_s if ray.has_s else ray.p_time_s
    fc = source.corner_hz(ray.vs_km_s)
    peak = 2 * source.moment_n_m * spreading_per_m(ray.hypocentral_km, "S") * FREE_SURFACE
    peak /= 4 * np.pi * ray.density_kg_m3 * (ray.vs_km_s * 1e3) ** 3
    power = coda.envelope_power(attenuation, "S", travel, ray.hypocentral_km, t, 1.0, 0.4)
    f = np.array([0.7, 1.5, 3.0, 6.0])[:, None]
    spectrum = peak * 2 * np.pi * f / (1 + (f / fc) ** 2) * np.exp(-np.pi * f * travel / attenuation.qs(f))
    decay = np.array([coda.coda_decay(attenuation, float(frequency), t) for frequency in f[:, 0]])
    level = spectrum * np.sqrt(power * f) * decay
    above = np.flatnonzero(level.max(0) > floor_m_s)
    tail = t[above[-1]] if above.size else 0.0
    return float(min(longest_s, s_minus_p + max(tail, 3.0)))


@dataclass(eq=False)
class _Workspace:
    source: Source
    ray: Ray
    site: Site
    attenuation: Attenuation
    draws: Draws
    sampling_rate_hz: float
    n: int
    start_s: float
    samples: int
    parts: Parts

    @property
    def f(self) -> np.ndarray:
        return frequencies(self.n, self.sampling_rate_hz)

    def delay(self, seconds: float) -> np.ndarray:
        """Spectrum of a delay."""
        return np.exp((-2j * np.pi * seconds) * self.f)

    def room(self, onset_s: float) -> int:
        """Samples between an onset (after the origin time) and the end of the record."""
        return max(0, self.samples - int((onset_s - self.start_s) * self.sampling_rate_hz) - 1)

    @cached_property
    def pulse_p(self) -> np.ndarray:
        """Direct P of unit radiation with its onset in place."""
        return pulse(self, "P") * self.delay(self.ray.p_time_s - self.start_s)

    @cached_property
    def pulse_s(self) -> np.ndarray:
        """Direct S of unit radiation with its onset in place."""
        return pulse(self, "S") * self.delay(self.ray.s_time_s - self.start_s)

    def own(self, purpose: str) -> Draws:
        return self.draws.child(purpose)


def directions(ray: Ray) -> dict[str, np.ndarray]:
    """Unit vectors (Z, N, E) of P, SV and SH motion at the surface, and of the radial ("R") and up ("Z") directions.

    Positive P is away from the source, up at the surface; SV and SH keep the senses of Aki and Richards (2002).
    """
    az = np.radians(ray.azimuth_deg)
    ip, iv = np.radians([ray.incidence_p_deg, ray.incidence_s_deg])
    up = np.array([1.0, 0.0, 0.0])
    radial = np.array([0.0, np.cos(az), np.sin(az)])
    transverse = np.array([0.0, -np.sin(az), np.cos(az)])
    return {
        "P": np.cos(ip) * up + np.sin(ip) * radial,
        "SV": np.sin(iv) * up - np.cos(iv) * radial,
        "SH": transverse,
        "R": radial,
        "Z": up,
    }


def pulse(work: _Workspace, phase: str) -> np.ndarray:
    """Ground velocity spectrum (m/s per Hz times rate) of a direct phase of unit radiation, before the site."""
    ray, source, f = work.ray, work.source, work.f
    speed = (ray.vp_km_s if phase == "P" else ray.vs_km_s) * 1e3
    travel = ray.p_time_s if phase == "P" else ray.s_time_s
    attenuation, site = work.attenuation, work.site
    q = attenuation.qs(f) * (attenuation.qp_over_qs if phase == "P" else 1.0)
    kappa = site.kappa_s * (site.kappa_p_ratio if phase == "P" else 1.0)
    rate = moment_rate_spectrum(source, f, ray.vs_km_s, phase, work.own("source"))
    scale = FREE_SURFACE * spreading_per_m(ray.hypocentral_km, phase) / (4 * np.pi * ray.density_kg_m3 * speed**3)
    path = np.exp(path_filter(travel, q, kappa, work.n, work.sampling_rate_hz))
    # a spectrum per sample: the inverse transform of a unit spectrum is one sample of height 1, not of area 1
    return rate * path * (2j * np.pi * f * scale * work.sampling_rate_hz * _band_limit(work))


def _band_limit(work: _Workspace) -> np.ndarray:
    """A smooth end of the spectrum, 0.36 to 0.5 of the sampling rate: a sharp one would ring before every onset."""
    x = np.clip((work.f / work.sampling_rate_hz - 0.36) / 0.14, 0.0, 1.0)
    return np.cos(np.pi / 2 * x) ** 2


def _local_event(work: _Workspace) -> tuple[np.ndarray, np.ndarray]:
    ray, site, parts, own = work.ray, work.site, work.parts, work.own("path")
    toward = directions(ray)
    factor_p, factor_sv, factor_sh = radiation(work.source, ray.azimuth_deg, ray.takeoff_p_deg, ray.takeoff_s_deg)
    motion_p = with_floor(factor_p, RADIATION_FLOOR["P"]) * toward["P"]
    motion_s = with_floor(factor_sv, RADIATION_FLOOR["SV"]) * toward["SV"]
    motion_s = motion_s + with_floor(factor_sh, RADIATION_FLOOR["SH"]) * toward["SH"]
    if work.source.kind == "quarry blast":
        motion_s = motion_s * 0.5  # spall and scattering make some S even of an explosion
    if not parts.polarisation:
        motion_p = np.linalg.norm(motion_p) * own.child("p direction").normal(0, 3**-0.5, 3)
        motion_s = np.linalg.norm(motion_s) * own.child("s direction").normal(0, 3**-0.5, 3)
    p = _phase(work, "P", motion_p, ray.p_time_s, np.array([1.1, 0.8, 0.8]), own)
    s = np.zeros_like(p)
    if ray.has_s:
        s = _phase(work, "S", motion_s, ray.s_time_s, np.array([0.85, 1.05, 1.05]), own)
        if parts.conversions:
            p = p + _conversions(work, motion_p, motion_s, toward, own.child("conversions"))
        if parts.surface_waves and work.source.kind == "quarry blast":
            from course_utils.synthetic import long_signals

            s = s + long_signals.short_period_rayleigh(work)
    if parts.site:
        transfer = np.exp(site_filter(site, work.n, work.sampling_rate_hz))
        p, s = p * transfer, s * transfer
    return p, s


def _phase(work, phase: str, motion: np.ndarray, onset_s: float, weights: np.ndarray, own: Draws) -> np.ndarray:
    """Spectrum (3, m) of a phase: the direct pulse, a few later ones on nearby paths, and the scattered waves."""
    own = own.child(phase)
    attenuation, ray = work.attenuation, work.ray
    direct = np.sqrt(1.0 - coda.forward_loss(attenuation, ray.hypocentral_km))
    last = work.room(onset_s)
    nearby = np.zeros(work.n)
    nearby[0] = direct
    if work.parts.coda and last > 1:
        mean_s = attenuation.multipath_s * (1.0 + ray.hypocentral_km / 50.0)
        late = own.child("multipath").exponential(1.0, 12)
        at = (late * mean_s * work.sampling_rate_hz).astype(int) + 2
        size = own.child("multipath size").normal(0.0, attenuation.multipath, 12) * np.exp(-0.4 * late)
        np.add.at(nearby, at[at < last], size[at < last])
    green = np.outer(motion, fft.rfft(nearby))
    if work.parts.coda and last > 1:
        early = (attenuation.early_p if phase == "P" else attenuation.early_s) * own.lognormal(1.0, 0.5)
        early_decay = attenuation.early_decay_s * own.lognormal(1.0, 0.6) + 0.01 * onset_s
        t = np.arange(last) / work.sampling_rate_hz
        power = coda.envelope_power(attenuation, phase, onset_s, ray.hypocentral_km, t, early, early_decay)
        green += float(np.linalg.norm(motion)) * coda.scattered(
            own.child("coda"),
            attenuation,
            power,
            work.n,
            work.sampling_rate_hz,
            weights / np.sqrt(3.0),
            0.2,
        )
    return green * (work.pulse_p if phase == "P" else work.pulse_s)


def _conversions(work: _Workspace, motion_p, motion_s, toward, own: Draws) -> np.ndarray:
    """P to S under the station shortly after P, and S to P shortly before S (both arrive before S: part of ``p``)."""
    ray = work.ray
    gap = ray.s_time_s - ray.p_time_s
    later = work.site.sediment_delay_s * own.lognormal(1.0, 0.4)
    earlier = work.site.sediment_delay_s * 0.8 * own.lognormal(1.0, 0.4)
    size_ps, size_sp = own.normal(0.0, 0.35), own.normal(0.0, 0.2)
    out = np.zeros((3, work.n // 2 + 1), complex)
    if later < 0.8 * gap:
        ps = np.linalg.norm(motion_p) * size_ps * toward["R"]
        out += np.outer(ps, work.pulse_p * work.delay(later))
    if earlier < 0.7 * gap:
        sp = np.linalg.norm(motion_s) * size_sp * (toward["Z"] + 0.3 * toward["R"])
        out += np.outer(sp, work.pulse_s * work.delay(-earlier))
    return out


def _fade_end(out: np.ndarray, width: int) -> None:
    out[:, -width:] *= np.cos(np.linspace(0, np.pi / 2, width)) ** 2
