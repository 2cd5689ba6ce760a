"""Signals without a sharp onset: landslides and rockfalls, surface waves of blasts, distant earthquakes."""

from __future__ import annotations

import numpy as np
from scipy import fft

from course_utils.synthetic.path import site_filter, spreading_per_m
from course_utils.synthetic.source import brune_spectrum


def spectra(work) -> tuple[np.ndarray, np.ndarray]:
    """Spectra (3, m) of "p" and "s" for kinds without local body waves."""
    p, s = _surface_event(work) if work.source.kind == "surface event" else _teleseism(work)
    if work.parts.site:
        transfer = np.exp(site_filter(work.site, work.n, work.sampling_rate_hz))
        p, s = p * transfer, s * transfer
    return p, s


def _surface_event(work) -> tuple[np.ndarray, np.ndarray]:
    """A spindle of 1 to 5 Hz that swells for a third of its duration and fades: many small impacts (Hibert et al. 2017)."""
    own = work.own("surface event")
    rate, f, ray = work.sampling_rate_hz, work.f, work.ray
    duration = max(work.source.duration_s, 5.0) + 0.15 * ray.distance_km
    t = np.arange(work.n) / rate - (ray.p_time_s - work.start_s)
    x = np.clip(t / duration, 0.0, None)
    spindle = (x / 0.3) ** 1.5 * np.exp(1.5 * (1 - x / 0.3))
    nodes = np.arange(0.0, work.n / rate + 2.0, 2.0)
    spindle = spindle * np.exp(np.interp(np.arange(work.n) / rate, nodes, own.normal(0.0, 0.4, nodes.size)))
    centre = 2.2 * own.lognormal(1.0, 0.3)
    shape = np.exp(-0.5 * (np.log(np.maximum(f, 0.05) / centre) / 0.5) ** 2)
    shape = shape * np.exp(-np.pi * f * ray.p_time_s / work.attenuation.qs(f))
    noise = own.complex_normal((4, f.size))
    mixed = (0.8 * noise[:3] + 0.6 * noise[3]) * shape
    band = fft.irfft(mixed, work.n)
    band /= np.sqrt(np.mean(band**2))
    peak = _velocity_at_hz(work, centre)
    weights = np.array([0.9, 1.0, 1.0])[:, None]
    p = fft.rfft(band * spindle * weights * peak)
    return p, np.zeros_like(p)


def _velocity_at_hz(work, frequency_hz: float) -> float:
    """Rough peak velocity (m/s) of the S-wave pulse of the source's moment around one frequency."""
    ray = work.ray
    fc = work.source.corner_hz(ray.vs_km_s)
    far = work.source.moment_n_m * spreading_per_m(ray.hypocentral_km, "S")
    far /= 4 * np.pi * ray.density_kg_m3 * (ray.vs_km_s * 1e3) ** 3
    return float(far * 2 * np.pi * frequency_hz**2 / (1 + (frequency_hz / fc) ** 2))


def short_period_rayleigh(work) -> np.ndarray:
    """Spectrum of the Rg wave of a shallow source: 0.5 to 3 Hz, about 2.6 km/s, retrograde (Kafka 1990)."""
    own = work.own("rg")
    ray, f = work.ray, work.f
    speed = own.uniform(2.3, 2.9)
    centre = own.uniform(0.7, 1.8)
    band = np.exp(-0.5 * (np.log(np.maximum(f, 0.05) / centre) / 0.45) ** 2)
    arrival = ray.distance_km / speed + 0.3
    dispersion = 0.03 * ray.distance_km / centre * (np.log(np.maximum(f, 0.05) / centre)) ** 2
    phase = np.exp(-2j * np.pi * f * (arrival - work.start_s) - 1j * dispersion)
    size = 0.5 * own.lognormal(1.0, 0.4) * _velocity_at_hz(work, centre) * np.sqrt(max(ray.distance_km, 1.0) / 10.0)
    size *= np.exp(-np.pi * centre * arrival / 60.0)
    spectrum = size * band * phase * (work.sampling_rate_hz / (2.5 * centre))
    az = np.radians(ray.azimuth_deg)
    radial = np.array([0.0, np.cos(az), np.sin(az)])
    motion = np.array([1.0, 0.0, 0.0])[:, None] + 0.8j * radial[:, None]
    wave = fft.irfft(motion * spectrum, work.n)
    t = np.arange(work.n) / work.sampling_rate_hz + work.start_s
    onset = 0.5 - 0.5 * np.cos(np.pi * np.clip((t - ray.s_time_s) / 1.0, 0.0, 1.0))  # nothing before S
    return fft.rfft(wave * onset)


def _teleseism(work) -> tuple[np.ndarray, np.ndarray]:
    """Distant earthquake: P with t* of 0.8 s, S with t* of 4 s, then Love and Rayleigh waves of 15 to 50 s.

    Body waves spread as 1/r of the distance along the surface, with an average radiation; surface waves have the size that the Ms scale
    gives the 20 s wave (Vanek et al. 1962), and the group velocities of a continental crust.
    """
    own, ray, source, f = work.own("teleseism"), work.ray, work.source, work.f
    rate = work.sampling_rate_hz
    fc = source.corner_hz(ray.vs_km_s)
    km = max(ray.distance_km, 1000.0)
    az = np.radians(ray.azimuth_deg)
    up = np.array([1.0, 0.0, 0.0])[:, None]
    radial = np.array([0.0, np.cos(az), np.sin(az)])[:, None]
    across = np.array([0.0, -np.sin(az), np.cos(az)])[:, None]

    def body(speed_km_s, t_star, onset_s):
        far = 0.5 * source.moment_n_m / (4 * np.pi * ray.density_kg_m3 * (speed_km_s * 1e3) ** 3) / (km * 1e3)
        pulse = far * brune_spectrum(f, fc) * np.exp(-np.pi * f * t_star) * 2j * np.pi * f * rate
        reverberation = np.zeros(f.size, complex)
        for _ in range(6):
            reverberation += own.normal(0.0, 0.35) * np.exp(-2j * np.pi * f * own.uniform(1.0, 25.0))
        return pulse * (1.0 + reverberation) * np.exp(-2j * np.pi * f * (onset_s - work.start_s))

    sin_p = np.sin(np.radians(ray.incidence_p_deg))
    p = (np.sqrt(1 - sin_p**2) * up + sin_p * radial) * body(ray.vp_km_s, 0.8, ray.p_time_s)
    s = np.zeros_like(p)
    end_s = work.start_s + work.samples / rate
    if ray.has_s and ray.s_time_s < end_s:
        s = s + (0.8 * across + 0.5 * radial + 0.2 * up) * body(ray.vs_km_s, 4.0, ray.s_time_s)
    if work.parts.surface_waves:
        t = np.arange(work.n) / rate + work.start_s
        size_20_s = 10 ** (source.mw - 3.3 - 1.66 * np.log10(km / 111.2)) * 20.0 * 1e-6 * 2 * np.pi / 20.0
        waves = np.zeros((3, work.n))
        for period in np.geomspace(14.0, 50.0, 24):
            rayleigh, love = 2.8 + 0.022 * period, 3.3 + 0.018 * period
            for speed, motion in ((rayleigh, up + 0.7j * radial), (love, 0.9 * across)):
                arrival = km / min(speed, 4.2)
                width = 3.0 * period
                size = size_20_s * np.exp(-0.5 * (np.log(period / 21.0) / 0.5) ** 2) / 3.0
                packet = size * np.exp(-0.5 * ((t - arrival) / width) ** 2)
                carrier = np.exp(2j * np.pi * ((t - arrival) / period + own.uniform()))
                waves += np.real(motion * (packet * carrier))
        s = s + fft.rfft(waves)
    return p, s
