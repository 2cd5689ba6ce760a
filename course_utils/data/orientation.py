"""Channels exchanged or reversed, and wrong clocks: what the arrivals of a located catalog say about a station."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from scipy import signal

from .quality import FAULTS

_BAND_HZ = (1.0, 10.0)
_P_WINDOW_S, _NOISE_S = 0.5, 2.0
_MIN_RATIO = 3.0  # of rms amplitude, P over noise
_FEWEST = 5  # arrivals
_MIN_GAIN = 0.03  # of the share of energy along the ray
_INCIDENCE_DEG = np.arange(10.0, 71.0, 5.0)
_ORDERS = {"ZNE": None, "NZE": "ZN", "ENZ": "ZE", "ZEN": "NE"}  # which recorded channel is Z, N, E
_SIGNS = {(1, 1, 1): None, (-1, 1, 1): "Z", (1, -1, 1): "N", (1, 1, -1): "E"}


def judge(stream, arrivals: pd.DataFrame, start=None, end=None) -> tuple[dict, pd.DataFrame]:
    """What a station's arrivals say in a window.

    Args:
        stream: ObsPy Stream of the station with channels that end in Z, N and E.
        arrivals: see :func:`course_utils.data.quality.check_stream`.

    Returns:
        Two metrics (p_arrivals, clock_shift_s), and rows channel, kind, start, end, value.
    """
    first = min(t.stats.starttime for t in stream)
    last = max(t.stats.endtime for t in stream)
    span = tuple(pd.Timestamp(t.ns, unit="ns", tz="UTC") for t in (first, last))
    inside = arrivals["time"].between(start or span[0], end or span[1])
    rows = []
    shift, sure = clock_shift(arrivals[inside], arrivals[~inside])
    if sure:
        rows.append(("*", "clock", *span, shift))
    p = arrivals[inside & (arrivals["phase"] == "P")]
    motions, azimuths = p_motions(stream, p)
    codes = {t.stats.channel[-1]: t.stats.channel for t in stream}
    for kind, letters, sigma in orientation(motions, azimuths):
        rows += [(codes[c], kind, *span, sigma) for c in letters]
    said = {"p_arrivals": float(len(motions)), "clock_shift_s": shift}
    return said, pd.DataFrame(rows, columns=["channel", "kind", "start", "end", "value"])


def clock_shift(inside: pd.DataFrame, outside: pd.DataFrame) -> tuple[float, bool]:
    """Median residual in a window minus the same station's outside of it, in s, P and S weighed by their scatter; and
    whether it is a wrong clock: beyond the threshold and four standard errors, with P and S late alike.

    NaN with fewer than five residuals of a phase on either side.
    """
    shifts, variances = [], []
    for phase in "PS":
        here, there = (t.loc[t["phase"] == phase, "residual_s"].dropna().to_numpy() for t in (inside, outside))
        if min(len(here), len(there)) < _FEWEST:
            continue
        spread = [1.253 * 1.4826 * np.median(np.abs(r - np.median(r))) / np.sqrt(len(r)) for r in (here, there)]
        shifts.append(np.median(here) - np.median(there))
        variances.append(max(float(np.square(spread).sum()), 1e-6))
    if not shifts:
        return float("nan"), False
    weight = 1 / np.array(variances)
    shift, error = float(np.average(shifts, weights=weight)), float(weight.sum() ** -0.5)
    alike = np.ptp(shifts) <= max(4 * np.sqrt(sum(variances)), 0.5 * abs(shift))
    return shift, bool(alike and abs(shift) > max(FAULTS["clock"].threshold, 4 * error))


def p_motions(stream, arrivals: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Covariances (n, 3, 3; Z, N, E; trace 1) of the first half second of P, 1-10 Hz, where it stands out of the noise,
    and azimuths from the epicenters in degrees (n,)."""
    pieces = {}
    for code in "ZNE":
        traces = [t for t in stream if t.stats.channel.endswith(code)]
        if not traces:
            return np.zeros((0, 3, 3)), np.zeros(0)
        pieces[code] = traces
    rate = pieces["Z"][0].stats.sampling_rate
    sos = signal.butter(2, (_BAND_HZ[0], min(_BAND_HZ[1], 0.4 * rate)), "bandpass", fs=rate, output="sos")
    before, after = round((_NOISE_S + 5) * rate), round((_P_WINDOW_S + 0.1) * rate)
    covariances, azimuths = [], []
    for row in arrivals.dropna(subset=["azimuth_deg"]).itertuples():
        cut = [_cut(pieces[c], row.time, before, after, rate) for c in "ZNE"]
        if any(c is None for c in cut):
            continue
        x = np.array(cut, float)
        y = signal.sosfilt(sos, x - x[:, :1], axis=1)
        p = y[:, before - round(0.05 * rate) : before + round(_P_WINDOW_S * rate)]
        noise = y[:, before - round((_NOISE_S + 0.3) * rate) : before - round(0.3 * rate)]
        covariance = p @ p.T / p.shape[1]
        if np.trace(covariance) > _MIN_RATIO**2 * np.trace(noise @ noise.T / noise.shape[1]):
            covariances.append(covariance / np.trace(covariance))
            azimuths.append(row.azimuth_deg)
    return np.array(covariances).reshape(-1, 3, 3), np.array(azimuths)


def _cut(traces: list, time: pd.Timestamp, before: int, after: int, rate: float) -> np.ndarray | None:
    for trace in traces:
        at = round((time.as_unit("ns").value - trace.stats.starttime.ns) / 1e9 * rate)
        if at >= before and at + after <= trace.stats.npts and abs(trace.stats.sampling_rate / rate - 1) < 1e-6:
            return trace.data[at - before : at + after]
    return None


def orientation(covariances: np.ndarray, azimuths_deg: np.ndarray) -> list[tuple[str, str, float]]:
    """Which channels are exchanged or reversed: rows (kind, letters, sigma); empty when none or not enough is known.

    The share of energy along the ray, at the incidence that fits the station best, is compared with what it would be with two
    channels exchanged or one reversed (polarisation of P, Jurkevics 1988). Sigma is the mean gain over its standard error.
    """
    if len(covariances) < _FEWEST:
        return []
    azimuth = np.radians(azimuths_deg)
    incidence = np.radians(_INCIDENCE_DEG)[:, None]
    rays = np.stack(
        [
            np.cos(incidence) * np.ones_like(azimuth),
            np.sin(incidence) * np.cos(azimuth),
            np.sin(incidence) * np.sin(azimuth),
        ],
        axis=-1,
    )
    shares, said = [], []
    for (order, swapped), (signs, flipped) in itertools.product(_ORDERS.items(), _SIGNS.items()):
        if swapped and flipped:
            continue
        turned = _turned(covariances, ["ZNE".index(c) for c in order], np.array(signs))
        along = np.einsum("iea,eab,ieb->ie", rays, turned, rays)
        shares.append(along[along.mean(axis=1).argmax()])
        said.append(("swapped", swapped) if swapped else ("flipped", flipped))
    shares = np.array(shares)
    best = int(shares.mean(axis=1).argmax())
    gain = shares[best] - shares[0]
    if best == 0 or gain.mean() < _MIN_GAIN:
        return []
    sigma = float(gain.mean() / max(gain.std(ddof=1) / np.sqrt(len(gain)), 1e-9))
    kind, letters = said[best]
    return [(kind, letters, sigma)] if sigma > FAULTS[kind].threshold else []


def _turned(covariances: np.ndarray, order: list[int], signs: np.ndarray) -> np.ndarray:
    return covariances[:, order][:, :, order] * np.multiply.outer(signs, signs)
