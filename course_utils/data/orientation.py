"""Channels exchanged or reversed, and wrong clocks: what the arrivals of a located catalog say about a station."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import signal

from .channel_faults import FAULTS

_BAND_HZ = (1.0, 10.0)
_P_WINDOW_S, _NOISE_S = 0.2, 2.0  # scattered waves follow within a few tenths of a second
_S_WINDOW_S = 1.0
_MIN_RATIO = 2.0  # of rms amplitude, P over noise
_FEWEST = 5  # arrivals
_INCIDENCE_DEG = np.arange(15.0, 71.0, 5.0)
_TURNS = {  # order of the recorded channels that gives Z, N, E; their signs
    ("", ""): ([0, 1, 2], [1, 1, 1]),
    ("swapped", "NE"): ([0, 2, 1], [1, 1, 1]),
    ("flipped", "Z"): ([0, 1, 2], [-1, 1, 1]),
    ("flipped", "N"): ([0, 1, 2], [1, -1, 1]),
    ("flipped", "E"): ([0, 1, 2], [1, 1, -1]),
}


def judge(stream, arrivals: pd.DataFrame, start=None, end=None) -> tuple[dict, pd.DataFrame]:
    """What a station's arrivals say in a window.

    Args:
        stream: ObsPy Stream of the station with channels that end in Z, N and E.
        arrivals: see :func:`course_utils.data.quality.check_stream`.

    Returns:
        Metrics (p_arrivals, orientation_judged, clock_shift_s), and rows channel, kind, start, end, value.
    """
    first = min(t.stats.starttime for t in stream)
    last = max(t.stats.endtime for t in stream)
    span = tuple(pd.Timestamp(t.ns, unit="ns", tz="UTC") for t in (first, last))
    inside = arrivals["time"].between(start or span[0], end or span[1])
    rows = []
    shift, sure = clock_shift(arrivals[inside], arrivals[~inside])
    if sure:
        rows.append(("*", "clock", *span, shift))
    moved = motions(stream, arrivals[inside])
    found, judged = orientation(*moved)
    codes = {t.stats.channel[-1]: t.stats.channel for t in stream}
    for kind, letters, sigma in found:
        rows += [(codes[c], kind, *span, sigma) for c in letters]
    said = {"p_arrivals": float(len(moved[0])), "orientation_judged": ",".join(judged), "clock_shift_s": shift}
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


def motions(stream, arrivals: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Covariances (n, 3, 3; Z, N, E; trace 1) of the first 0.2 s of P, 1-10 Hz, where it stands out of the noise;
    azimuths from the epicenters in degrees (n,); log amplitude ratio of S to P on each channel (m, 3)."""
    pieces = {c: [t for t in stream if t.stats.channel.endswith(c)] for c in "ZNE"}
    covariances, azimuths, ratios = [], [], []
    s_times = arrivals[arrivals["phase"] == "S"].drop_duplicates("event_id").set_index("event_id")["time"]
    if all(pieces.values()):
        rate = pieces["Z"][0].stats.sampling_rate
        sos = signal.butter(2, (_BAND_HZ[0], min(_BAND_HZ[1], 0.4 * rate)), "bandpass", fs=rate, output="sos")
        for row in arrivals[(arrivals["phase"] == "P") & arrivals["azimuth_deg"].notna()].itertuples():
            s_after = (s_times[row.event_id] - row.time).total_seconds() if row.event_id in s_times.index else np.nan
            length = _S_WINDOW_S if np.isnan(s_after) else s_after + _S_WINDOW_S
            before, after = round((_NOISE_S + 5) * rate), round((length + 0.1) * rate)
            cut = [_cut(pieces[c], row.time, before, after, rate) for c in "ZNE"]
            if any(c is None for c in cut):
                continue
            x = np.array(cut, float)
            y = signal.sosfilt(sos, x - x[:, :1], axis=1)
            p = y[:, before - round(0.05 * rate) : before + round(_P_WINDOW_S * rate)]
            noise = y[:, before - round((_NOISE_S + 0.3) * rate) : before - round(0.3 * rate)]
            covariance = p @ p.T / p.shape[1]
            if np.trace(covariance) <= _MIN_RATIO**2 * np.trace(noise @ noise.T / noise.shape[1]):
                continue
            covariances.append(covariance / np.trace(covariance))
            azimuths.append(row.azimuth_deg)
            if s_after > 0.3:
                n, at = round(min(_S_WINDOW_S, 0.8 * s_after) * rate), before + round(s_after * rate)
                power = [np.mean(np.square(y[:, a : a + n]), axis=1) for a in (before, at)]
                ratios.append(0.5 * np.log(np.maximum(power[1], 1e-12) / np.maximum(power[0], 1e-12)))
    return np.array(covariances).reshape(-1, 3, 3), np.array(azimuths), np.array(ratios).reshape(-1, 3)


def _cut(traces: list, time: pd.Timestamp, before: int, after: int, rate: float) -> np.ndarray | None:
    for trace in traces:
        at = round((time.as_unit("ns").value - trace.stats.starttime.ns) / 1e9 * rate)
        if at >= before and at + after <= trace.stats.npts and abs(trace.stats.sampling_rate / rate - 1) < 1e-6:
            return trace.data[at - before : at + after]
    return None


def orientation(
    covariances: np.ndarray, azimuths_deg: np.ndarray, ratios: np.ndarray
) -> tuple[list[tuple[str, str, float]], list[str]]:
    """Which channels are exchanged or reversed: rows (kind, letters, sigma), and what could be judged at all ("ZNE" for an
    exchanged vertical, "NE" for exchanged horizontals, "Z", "N", "E" for reversed channels).

    The vertical is the channel on which S is smallest beside P. The share of P energy along the ray, at the incidence
    that fits the station best, is compared with what it would be with the horizontals exchanged or one channel reversed
    (polarisation of P, Jurkevics 1988). From one azimuth only, a reversed channel across it leaves no trace: it is not judged.
    Sigma is the mean gain over its standard error.
    """
    judged = []
    if len(ratios) >= _FEWEST:
        judged.append("ZNE")
        gains = [_sigma(ratios[:, 0] - ratios[:, c]) for c in (1, 2)]
        if max(gains) > FAULTS["swapped"].threshold:
            return [("swapped", "Z" + "NE"[int(np.argmax(gains))], max(gains))], judged
    if len(covariances) < _FEWEST:
        return [], judged
    azimuth, incidence = np.radians(azimuths_deg), np.radians(_INCIDENCE_DEG)[:, None]
    level = np.sin(incidence)
    rays = np.stack(
        [np.cos(incidence) + 0 * azimuth, level * np.cos(azimuth), level * np.sin(azimuth)], axis=-1
    )  # (incidences, arrivals, 3)
    shares = {}
    for said, (order, signs) in _TURNS.items():
        turned = covariances[:, order][:, :, order] * np.multiply.outer(signs, signs)
        along = np.einsum("iea,eab,ieb->ie", rays, turned, rays)
        shares[said] = along[along.mean(axis=1).argmax()]
    plain = shares.pop(("", ""))
    gains = {said: _sigma(share - plain) for said, share in shares.items()}
    judged += [letters for (kind, letters), sigma in gains.items() if abs(sigma) > FAULTS[kind].threshold]
    kind, letters = max(shares, key=lambda said: shares[said].mean())
    sigma = gains[kind, letters]
    return ([(kind, letters, sigma)] if sigma > FAULTS[kind].threshold else []), judged


def _sigma(values: np.ndarray) -> float:
    """Mean over its standard error."""
    return float(values.mean() / max(values.std(ddof=1) / np.sqrt(len(values)), 1e-9))
