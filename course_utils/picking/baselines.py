"""Pickers without learning, with the same result as :func:`course_utils.picking.pick`, to compare with."""

from __future__ import annotations

import numpy as np
import pandas as pd

from course_utils.catalog import tables

from .measure import measure, to_utc
from .records import SECOND_NS, Piece, instruments, streams
from .report import Report

_ORDER = "ZNE"


def sta_lta(
    waveforms,
    *,
    sta_s: float = 0.5,
    lta_s: float = 5.0,
    band_hz: tuple[float, float] = (2.0, 20.0),
    on: float = 4.0,
    off: float = 1.5,
    same_arrival_s: float = 0.5,
    max_gap_s: float = 1.0,
    inventory=None,
    response: str = "full",
) -> pd.DataFrame:
    """P and S picks by the ratio of a short-term to a long-term average (Allen 1978; ObsPy's ``recursive_sta_lta``).

    The vertical, bandpassed, triggers P when the ratio reaches ``on``; the trigger ends below ``off``. The horizontals'
    vector length triggers S in the same way, unless a P lies within ``same_arrival_s``: the two components then saw one
    arrival. So an S that triggers on the vertical too is called P: that is how far this method goes. The first
    ``lta_s`` seconds of each contiguous piece are not used.

    Args:
        waveforms, max_gap_s, inventory, response: as for ``picking.pick``.

    Returns:
        tables.PICKS with model "STA/LTA", missing probabilities, and one more column, ``ratio``: the largest ratio
        while the trigger was on. ``frame.attrs["report"]`` as for ``picking.pick``.

    Raises:
        ValueError: averages or thresholds that contradict one another.
    """
    if not 0 < sta_s < lta_s:
        raise ValueError(
            f"sta_s is {sta_s} and lta_s {lta_s}; the short average must be above 0 and below the long one"
        )
    if not 0 < off <= on:
        raise ValueError(f"on is {on} and off {off}; the trigger must end at or below the ratio where it starts")
    if not 0 < band_hz[0] < band_hz[1]:
        raise ValueError(f"band_hz is {band_hz}; give (lowest, highest) in Hz")
    report = Report(
        {"model": "STA/LTA", "sta_s": sta_s, "lta_s": lta_s, "on": on, "off": off, "band_hz": list(band_hz)}
    )
    rows = []
    for stream in streams(waveforms, report):
        for instrument in instruments(stream, _ORDER, max_gap_s, report, min_rate_hz=2.5 * band_hz[0]):
            vertical = [p for letter, ps in instrument.pieces.items() if letter == "Z" for p in ps]
            horizontal = [ps for letter, ps in instrument.pieces.items() if letter != "Z"]
            p_times, p_ratio = _triggers([[p] for p in vertical], sta_s, lta_s, band_hz, on, off)
            s_times, s_ratio = _triggers(_together(horizontal), sta_s, lta_s, band_hz, on, off)
            alone = ~_near(s_times, p_times, same_arrival_s)
            times = np.concatenate([p_times, s_times[alone]])
            if not len(times):
                continue
            phase = np.array(["P"] * len(p_times) + ["S"] * int(alone.sum()))
            amplitude, unit, snr = measure(times, phase, instrument, report, inventory, response)
            rows.append(
                pd.DataFrame(
                    {
                        "station": instrument.station,
                        "channel": instrument.channel,
                        "phase": phase,
                        "time": to_utc(times),
                        "amplitude": amplitude,
                        "amplitude_unit": unit,
                        "snr_db": snr,
                        "ratio": np.concatenate([p_ratio, s_ratio[alone]]),
                    }
                )
            )
    picks = tables.empty("picks").assign(ratio=pd.Series(dtype="float64"))
    if rows:
        weights = f"{sta_s:g}/{lta_s:g} s, ratio {on:g}, {band_hz[0]:g}-{band_hz[1]:g} Hz"
        frame = pd.concat(rows, ignore_index=True).assign(model="STA/LTA", weights=weights)
        frame = frame.drop_duplicates(["station", "channel", "phase", "time"])
        picks = tables.conform(frame.sort_values(["time", "station", "channel", "phase"], ignore_index=True), "picks")
    report.add("picks", len(picks))
    picks.attrs["report"] = report.as_dict()
    return picks


def _together(components: list[list[Piece]]) -> list[list[Piece]]:
    """Pieces of the horizontals that start together go through the trigger together, any other alone."""
    groups: dict[tuple[int, float, int], list[Piece]] = {}
    for pieces in components:
        for piece in pieces:
            groups.setdefault((piece.start_ns, piece.rate_hz, len(piece.data)), []).append(piece)
    return list(groups.values())


def _triggers(groups: list[list[Piece]], sta_s, lta_s, band_hz, on, off) -> tuple[np.ndarray, np.ndarray]:
    from obspy.signal.trigger import recursive_sta_lta, trigger_onset
    from scipy.signal import butter, sosfilt

    times, ratios = [np.array([], np.int64)], [np.array([], float)]
    for pieces in groups:
        rate = pieces[0].rate_hz
        skip = round(lta_s * rate)
        if len(pieces[0].data) <= skip + 1:
            continue
        high = min(band_hz[1], 0.45 * rate)
        sos = butter(2, (band_hz[0], high), "bandpass", fs=rate, output="sos")
        square = sum(sosfilt(sos, p.data - np.mean(p.data, dtype=np.float64)) ** 2 for p in pieces)
        ratio = recursive_sta_lta(np.sqrt(square), max(round(sta_s * rate), 1), skip)
        ratio[:skip] = 0
        found = trigger_onset(ratio, on, off)
        if len(found):
            times.append(pieces[0].start_ns + np.rint(found[:, 0] / rate * SECOND_NS).astype(np.int64))
            ratios.append(np.array([ratio[a : b + 1].max() for a, b in found]))
    return np.concatenate(times), np.concatenate(ratios)


def _near(times: np.ndarray, others: np.ndarray, within_s: float) -> np.ndarray:
    if not len(others) or not len(times):
        return np.zeros(len(times), bool)
    others = np.sort(others)
    after = np.searchsorted(others, times)
    left = np.abs(times - others[np.maximum(after - 1, 0)])
    right = np.abs(others[np.minimum(after, len(others) - 1)] - times)
    return np.minimum(left, right) <= within_s * SECOND_NS


__all__ = ["sta_lta"]
