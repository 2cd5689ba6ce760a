"""Named features of seismograms, for thousands of traces at once.

    table = features(waveforms, sampling_rate_hz=40)   # (n, samples) vertical, or (n, 3, samples) Z, N, E
    describe()                                         # name, unit, definition of every column

The core is the table of Malfante et al. (2018, IEEE Signal Process. Mag. 35(2), 20-30): the same statistics, entropies and shape
descriptors of waveform, spectrum and cepstrum, and of the smoothed envelope. Then follow what seismologists look at: spectra, durations,
coda decay, P over S in frequency bands (Kim et al. 1993, Geophys. Res. Lett. 20, 1507-1510), and the polarisation of three-component
records (Jurkevics 1988, BSSA 78, 1725-1743). No feature knows the gain: all are free of the amplitude's unit.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import fft, ndimage

from course_utils.discrimination import DiscriminationError
from course_utils.discrimination.feature_table import BANDS_HZ, BINS, describe

_MIDDLES = np.sqrt([a * b for a, b in BANDS_HZ])
ENVELOPE_RATE_HZ = 10.0
SMOOTHING_S = 1.0
PART_S = 3.0  # length of the early and of the strongest part
_CHUNK = 64
_TINY = 1e-20
_SLOPE = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])  # orthogonal polynomials over the six bands
_CURVATURE = np.array([5.0, -1.0, -4.0, -4.0, -1.0, 5.0]) / 10


def features(
    waveforms: np.ndarray, sampling_rate_hz: float, *, p_s: np.ndarray | None = None, s_s: np.ndarray | None = None
) -> pd.DataFrame:
    """One row of features for each trace.

    Args:
        waveforms: shape (n, samples), vertical, or (n, 3, samples), Z, N, E; any unit. Windows of one length.
        sampling_rate_hz: at least 30, because the bands end at 15 Hz.
        p_s, s_s: shape (n,), arrivals of P and S in s after the first sample where known, else NaN. Where one is unknown the parts are found
            from the record: P at the onset, S at the maximum of the envelope.

    Returns a float64 frame, finite everywhere, with the columns of :func:`describe`. Refused are fewer than 10 s, a rate below 30 Hz, and a
    trace that is constant or not finite.
    """
    waveforms = np.asarray(waveforms)
    if waveforms.ndim not in (2, 3) or (waveforms.ndim == 3 and waveforms.shape[1] != 3):
        raise DiscriminationError(f"waveforms have shape {waveforms.shape}; give (n, samples) or (n, 3, samples)")
    n, samples = len(waveforms), waveforms.shape[-1]
    if not sampling_rate_hz >= 2 * BANDS_HZ[-1][1]:
        raise DiscriminationError(f"sampling_rate_hz is {sampling_rate_hz:g}; bands end at 15 Hz, give at least 30 Hz")
    if samples < 10 * sampling_rate_hz:
        raise DiscriminationError(f"traces are {samples / sampling_rate_hz:.1f} s long; give at least 10 s")
    arrivals = [np.full(n, np.nan) if a is None else np.asarray(a, float) for a in (p_s, s_s)]
    columns = describe(waveforms.ndim == 3)["feature"]
    parts = [
        _chunk(waveforms[i : i + _CHUNK], float(sampling_rate_hz), *(a[i : i + _CHUNK] for a in arrivals), first=i)
        for i in range(0, n, _CHUNK)
    ]
    values = {name: np.concatenate([part[name] for part in parts]) if parts else np.empty(0) for name in columns}
    return pd.DataFrame(values)


def _chunk(block: np.ndarray, rate: float, p_s: np.ndarray, s_s: np.ndarray, first: int) -> dict[str, np.ndarray]:
    traces = block.astype(np.float32).reshape(len(block), -1, block.shape[-1])
    traces = traces - traces.mean(-1, keepdims=True)
    peak = np.abs(traces).max(-1).max(-1)
    bad = ~(np.isfinite(peak) & (np.abs(traces[:, 0]).max(-1) > 0))
    if bad.any():
        raise DiscriminationError(
            f"trace {first + int(bad.argmax())} is constant or not finite; leave it out, as forms.prepare does"
        )
    traces = traces / peak[:, None, None]
    z = traces[:, 0]
    n_fft = fft.next_fast_len(z.shape[-1], real=True)
    spectrum = fft.rfft(z, n_fft)
    envelope, e_rate = _envelope(spectrum, n_fft, z.shape[-1], rate)
    smooth, sf = _smoothed(spectrum.real**2 + spectrum.imag**2, fft.rfftfreq(n_fft, 1 / rate))
    cepstrum = np.abs(fft.irfft(np.log10(smooth + 1e-6 * smooth.max(-1, keepdims=True))))
    half = cepstrum.shape[-1] // 2
    quefrency = np.arange(half) / (2 * (sf[-1] + sf[1]))
    out: dict[str, np.ndarray] = {}
    for name, values, axis in (
        ("waveform", z, np.arange(z.shape[-1]) / rate),
        ("envelope", envelope, np.arange(envelope.shape[-1]) / e_rate),
        ("spectrum", np.sqrt(smooth), sf),
        ("cepstrum", cepstrum[:, 2:half], quefrency[2:]),  # the first two hold the level and the slope
    ):
        out |= {f"{name}_{key}": value for key, value in _general(values, axis.astype(np.float32)).items()}
    seismic, parts = _seismic(z, envelope, e_rate, smooth, sf, rate, p_s, s_s)
    out |= seismic
    if traces.shape[1] == 3:
        out |= _polarisation(traces, rate, *parts)
    return {key: np.asarray(value, float) for key, value in out.items()}


def _envelope(spectrum: np.ndarray, n_fft: int, samples: int, rate: float) -> tuple[np.ndarray, float]:
    """Envelope (Hilbert), averaged over 1 s, about ten values per second."""
    analytic = np.zeros((len(spectrum), n_fft), np.complex64)
    analytic[:, : spectrum.shape[-1]] = 2 * spectrum
    analytic[:, 0] = spectrum[:, 0]
    square = fft.ifft(analytic, overwrite_x=True)[:, :samples]
    square = square.real**2 + square.imag**2
    step = max(1, round(rate / ENVELOPE_RATE_HZ))
    n = samples // step
    coarse = square[:, : n * step].reshape(len(square), n, step).mean(-1)
    width = max(1, round(SMOOTHING_S * rate / step))
    return np.sqrt(ndimage.uniform_filter1d(coarse, width, axis=-1, mode="nearest").clip(0)), rate / step


def _smoothed(power: np.ndarray, f: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Power spectrum averaged in bins of 0.25 Hz from 0 to 16 Hz at most."""
    edges = np.arange(0.0, min(16.0, f[-1]) + 1e-9, 0.25)
    at = np.searchsorted(f, edges)
    sums = np.add.reduceat(power[:, : at[-1]], at[:-1], axis=-1)
    return sums / np.maximum(np.diff(at), 1), (edges[:-1] + 0.125).astype(np.float32)


def _moments(values: np.ndarray) -> tuple[np.ndarray, ...]:
    mean = values.mean(-1)
    d = values - mean[:, None]
    d2 = d * d
    var = d2.mean(-1) + _TINY
    return mean, np.sqrt(var), (d2 * d).mean(-1) / var**1.5, (d2 * d2).mean(-1) / var**2


def _general(values: np.ndarray, axis: np.ndarray) -> dict[str, np.ndarray]:
    """The table of Malfante et al. for values (n, m) on an axis (m,)."""
    size = np.abs(values)
    top = size.max(-1) + _TINY
    x = size / top[:, None]
    energy = x * x
    total = energy.sum(-1) + _TINY
    low = float(axis[0])
    span = float(axis[-1] - axis[0])
    u = (axis - low) / span  # 0 to 1: moments stay small in single precision
    raw = np.stack([energy @ u**k for k in range(1, 5)]) / total
    m1 = raw[0]
    var = np.maximum(raw[1] - m1**2, 1e-9)
    third = raw[2] - 3 * m1 * raw[1] + 2 * m1**3
    fourth = raw[3] - 4 * m1 * raw[2] + 6 * m1**2 * raw[1] - 3 * m1**4
    _, std, skew, kurt = _moments(values)
    e_mean, e_std, e_skew, e_kurt = _moments(energy)
    steps = np.diff(energy, axis=-1)
    out = {
        "centroid": low + span * m1,
        "spread": span * np.sqrt(var),
        "axis_skewness": third / var**1.5,
        "axis_kurtosis": fourth / var**2,
        "position_of_max": axis[size.argmax(-1)],
        "mean_over_max": x.mean(-1),
        "std_over_max": std / top,
        "skewness": skew,
        "kurtosis": kurt,
        "energy_std": e_std / (e_mean + _TINY),
        "energy_skewness": e_skew,
        "energy_kurtosis": e_kurt,
        "attack": steps.max(-1),
        "decay": -steps.min(-1),
    }
    out |= _entropies(values)
    for t in (25, 50, 75):
        above = x > t / 100
        out[f"silence_{t}"] = 1.0 - above.mean(-1)
        out[f"crossings_{t}"] = (above[:, 1:] != above[:, :-1]).mean(-1)
    return out


def _entropies(values: np.ndarray) -> dict[str, np.ndarray]:
    n, most = len(values), BINS[-1]
    low = values.min(-1, keepdims=True)
    scaled = (values - low) * (most / (np.ptp(values, axis=-1, keepdims=True) + _TINY))
    index = np.minimum(scaled.astype(np.int32), most - 1) + most * np.arange(n, dtype=np.int32)[:, None]
    fine = np.bincount(index.ravel(), minlength=n * most).reshape(n, most) / values.shape[-1]
    out = {}
    for bins in BINS:
        p = fine.reshape(n, bins, most // bins).sum(-1)
        out[f"shannon_{bins}"] = -(p * np.log2(np.where(p > 0, p, 1.0))).sum(-1)
        out[f"renyi2_{bins}"] = -np.log2((p * p).sum(-1))
        out[f"renyi_inf_{bins}"] = -np.log2(p.max(-1))
    return out


def envelope_of(traces: np.ndarray, sampling_rate_hz: float) -> tuple[np.ndarray, float]:
    """Envelope of traces (n, samples), averaged over 1 s, and its rate in Hz (about 10)."""
    n_fft = fft.next_fast_len(traces.shape[-1], real=True)
    return _envelope(fft.rfft(traces, n_fft), n_fft, traces.shape[-1], sampling_rate_hz)


def onset_s(
    envelope: np.ndarray, envelope_rate_hz: float, after_s: np.ndarray | None = None, before_s: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Onset in s of each row of a smoothed envelope, and by how many dB the energy rises there.

    Where the mean energy of the next 5 s exceeds that of the last 15 s most, in the ratio (a short over a long window, Allen 1978, but side
    by side). ``after_s`` and ``before_s``, shape (n,), bound the search.
    """
    n, m = envelope.shape
    short, long = round(5 * envelope_rate_hz), round(15 * envelope_rate_hz)
    energy = envelope.astype(float) ** 2
    total = np.concatenate([np.zeros((n, 1)), np.cumsum(energy, axis=-1)], axis=-1)
    edge = max(1, round(envelope_rate_hz))
    t = np.arange(edge, m - edge)
    a, b = np.maximum(t - long, 0), np.minimum(t + short, m)
    floor = 1e-4 * total[:, -1:] / m + _TINY
    before = (total[:, t] - total[:, a]) / (t - a) + floor
    after = (total[:, b] - total[:, t]) / (b - t) + floor
    gain = 10 * np.log10(after / before)
    seconds = t / envelope_rate_hz
    low = -np.inf if after_s is None else np.reshape(after_s, (-1, 1))
    high = np.inf if before_s is None else np.reshape(before_s, (-1, 1))
    outside = np.broadcast_to((seconds < low) | (seconds > high), gain.shape).copy()
    outside[outside.all(-1)] = False  # no room left: search everywhere
    gain = np.where(outside, -np.inf, gain)
    # short signals fill the 5 s from before their onset on: of nearly equal places the last one
    good = gain >= gain.max(-1, keepdims=True) - 1.0
    at = good.shape[-1] - 1 - good[:, ::-1].argmax(-1)
    # the envelope is an average over 1 s around each value, so what begins at t shows half a second earlier
    return seconds[at] + SMOOTHING_S / 2, gain[np.arange(n), at]


def _seismic(z, envelope, e_rate, smooth, sf, rate, p_s, s_s) -> tuple[dict[str, np.ndarray], tuple[np.ndarray, ...]]:
    """Features, and begin and end of the P and of the S part in s, shape (n, 2) each."""
    peak = envelope.argmax(-1)
    top = envelope.max(-1) + _TINY
    found, jump_db = onset_s(envelope, e_rate, before_s=peak / e_rate)
    out = {"onset": found, "onset_jump": jump_db, "rise": peak / e_rate - found}
    for t in (10, 20, 50):
        out[f"duration_{t}"] = (envelope > t / 100 * top[:, None]).sum(-1) / e_rate
    share = np.cumsum(envelope**2, axis=-1) / (envelope**2).sum(-1, keepdims=True)
    out["energy_80"] = ((share > 0.1) & (share < 0.9)).sum(-1) / e_rate
    log_e = np.log(envelope + 1e-4 * top[:, None])
    t = np.arange(envelope.shape[-1])[None] - peak[:, None]
    behind = ((t >= 0) & (t <= 20 * e_rate)).astype(float)
    time = t / e_rate - (behind * t / e_rate).sum(-1, keepdims=True) / behind.sum(-1, keepdims=True)
    spread = (behind * time**2).sum(-1)
    out["coda_decay"] = -(behind * time * log_e).sum(-1) / np.maximum(spread, 0.05)
    # energy per band as a function of time, once for all windows; a short-time transform of 1.6 s
    cumulative, hop_s = _band_energy(z, rate)
    p = np.where(np.isfinite(p_s), p_s, found)
    s = np.where(np.isfinite(s_s), s_s, peak / e_rate - 1.0)
    s = np.maximum(s, p + 0.5)
    early_end = np.minimum(p + PART_S, s)  # P must not reach into S

    def between(begin, end):
        at, last = np.arange(len(cumulative)), cumulative.shape[-1] - 1
        a = np.clip(np.round(begin / hop_s).astype(int), 0, last - 1)
        b = np.maximum(np.clip(np.round(end / hop_s).astype(int), 1, last), a + 1)
        return (cumulative[at, :, b] - cumulative[at, :, a]) / (b - a)[:, None] + _TINY

    noise = between(np.maximum(p - 15.0, 0.0), np.maximum(p - 1.0, 0.4)) * (p > 3.0)[:, None]
    spans = {"early": (p, early_end), "main": (s, s + PART_S), "coda": (s + 5.0, s + 11.0), "whole": (p, p + 20.0)}
    parts = {}
    for name, span in spans.items():
        energy = between(*span)
        # without the noise; where hardly any is left, 5 % of what was there
        bands = parts[name] = np.maximum(energy - noise, 0.05 * energy)
        relative = 0.5 * np.log10(bands)
        relative -= relative.mean(-1, keepdims=True)
        out |= {f"{name}_{a:g}_{b:g}_hz": relative[:, i] for i, (a, b) in enumerate(BANDS_HZ)}
        out[f"{name}_slope"], out[f"{name}_curvature"] = relative @ _SLOPE, relative @ _CURVATURE
        out[f"{name}_centroid_hz"] = bands @ _MIDDLES / bands.sum(-1)
    ratio = 0.5 * np.log10(parts["early"] / parts["main"])
    out |= {f"p_over_s_{a:g}_{b:g}_hz": ratio[:, i] for i, (a, b) in enumerate(BANDS_HZ)}
    out["p_over_s_slope"] = ratio[:, -1] - ratio[:, 0]
    sharp = between(p, p + 1.0).sum(-1) / between(np.maximum(p - 3.0, 0.0), np.maximum(p, 0.5)).sum(-1)
    out["onset_sharpness"] = np.log10(sharp)
    out["zero_crossing_hz"] = 0.5 * rate * np.mean(np.signbit(z[:, 1:]) != np.signbit(z[:, :-1]), axis=-1)
    out["peak_hz"] = sf[smooth.argmax(-1)]
    band = (sf >= 1.0) & (sf <= 15.0)
    inside = smooth[:, band] + 1e-9 * smooth.max(-1, keepdims=True) + _TINY
    log_s = np.log10(inside)
    out["spectral_flatness"] = 10 ** log_s.mean(-1) / inside.mean(-1)
    out["spectral_modulation"] = (log_s - ndimage.uniform_filter1d(log_s, 12, axis=-1, mode="nearest")).std(-1)
    all_energy = inside.sum(-1)
    for a, b in BANDS_HZ:
        out[f"share_{a:g}_{b:g}_hz"] = smooth[:, (sf >= a) & (sf < b)].sum(-1) / all_energy
    return out, (np.stack([p, early_end], -1), np.stack([s, s + PART_S], -1))


def _band_energy(z: np.ndarray, rate: float) -> tuple[np.ndarray, float]:
    """Cumulative energy (n, bands, steps + 1) in the bands, and the step in s: a short-time transform of 1.6 s, hop 0.4 s."""
    size = round(1.6 * rate)
    hop = max(1, size // 4)
    padded = np.pad(z, ((0, 0), (size // 2, size // 2)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size, axis=-1)[:, ::hop]
    spectrum = fft.rfft(frames * np.hanning(size).astype(np.float32), axis=-1)
    power = spectrum.real**2 + spectrum.imag**2
    f = fft.rfftfreq(size, 1 / rate)
    bands = np.stack([power[..., (f >= a) & (f < b)].sum(-1) for a, b in BANDS_HZ], axis=1)
    total = np.cumsum(bands, axis=-1, dtype=float)
    return np.concatenate([np.zeros((*total.shape[:2], 1)), total], axis=-1), hop / rate


def _polarisation(traces: np.ndarray, rate: float, early: np.ndarray, main: np.ndarray) -> dict[str, np.ndarray]:
    width = round(PART_S * rate)

    def covariance(window):
        start = np.clip(np.round(window[:, 0] * rate).astype(int), 0, traces.shape[-1] - width)
        at = start[:, None] + np.arange(width)
        inside = (at < window[:, 1:] * rate) | (np.arange(width) < rate / 4)
        cut = np.take_along_axis(traces, at[:, None].repeat(3, 1), axis=-1) * inside[:, None]
        return (cut @ cut.transpose(0, 2, 1)).astype(float)

    first, second = covariance(early), covariance(main)
    l3, l2, l1 = np.maximum(np.linalg.eigvalsh(second).T, 0.0) + _TINY

    def h_over_z(c):
        return 0.5 * np.log10((c[:, 1, 1] + c[:, 2, 2] + _TINY) / (2 * c[:, 0, 0] + _TINY))

    return {
        "rectilinearity": 1 - (l2 + l3) / (2 * l1),
        "planarity": 1 - 2 * l3 / (l1 + l2),
        "steepness": np.abs(np.linalg.eigh(first)[1][:, 0, -1]),
        "h_over_z_early": h_over_z(first),
        "h_over_z_main": h_over_z(second),
    }
