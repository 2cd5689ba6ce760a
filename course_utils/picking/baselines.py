"""Pickers without learning, with the same result as :func:`course_utils.picking.pick`, to compare with."""

from __future__ import annotations

import numpy as np
import pandas as pd

from course_utils.catalog import tables

from .measure import measure, to_utc
from .records import SECOND_NS, Instrument, Piece, component_index, instruments, streams
from .report import Report

_ORDER = "ZNE"
# averages (s), orders and windows (s) of ar_pick, in the order of its arguments
AR = {"lta_p": 1.0, "sta_p": 0.1, "lta_s": 4.0, "sta_s": 1.0, "m_p": 2, "m_s": 8, "l_p": 0.1, "l_s": 0.2}


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
        schemas.PICKS with model "STA/LTA", missing probabilities, and one more column, ``ratio``: the largest ratio
        while the trigger was on. ``frame.attrs["report"]`` as for ``picking.pick``.

    Raises:
        ValueError: averages or thresholds that contradict one another.
    """
    _check(sta_s, lta_s, band_hz, on, off)
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
            found = {"P": (p_times, p_ratio), "S": (s_times[alone], s_ratio[alone])}
            rows += _rows(found, instrument, report, inventory, response)
    weights = f"{sta_s:g}/{lta_s:g} s, ratio {on:g}, {band_hz[0]:g}-{band_hz[1]:g} Hz"
    return _table(rows, "STA/LTA", weights, report)


def ar(
    waveforms,
    *,
    sta_s: float = 0.5,
    lta_s: float = 5.0,
    band_hz: tuple[float, float] = (2.0, 20.0),
    on: float = 4.0,
    off: float = 1.5,
    before_s: float = 8.0,
    after_s: float = 20.0,
    near_s: float = 2.0,
    max_gap_s: float = 1.0,
    inventory=None,
    response: str = "full",
) -> pd.DataFrame:
    """P and S onsets by autoregression around the triggers of STA/LTA, by ObsPy's ``ar_pick`` (Akazawa 2004, 13th World
    Conference on Earthquake Engineering, paper 786).

    Each trigger of the vertical, as in :func:`sta_lta`, opens a window from ``before_s`` before it to ``after_s`` after
    it, in which ``ar_pick`` looks for one P and, after it, one S. The P counts if it lies within ``near_s`` of the
    trigger; if not, the window is tried once more, ended before the next trigger. A trigger within ``near_s / 2`` of
    the P or S of the event before belongs to it.

    P needs the vertical, S both the vertical and a horizontal: an instrument without a vertical has no picks, one
    without horizontals has P alone, both noted. Every P in a window with a horizontal gets an S, however small. Averages
    and orders of the autoregression are those of ObsPy's documentation (``AR``).

    Args:
        sta_s, lta_s, on, off, band_hz: of the trigger; ``band_hz`` also of ``ar_pick``.
        waveforms, max_gap_s, inventory, response: as for ``picking.pick``.

    Returns:
        schemas.PICKS with model "AR", missing probabilities, and one more column, ``ratio``, of the trigger.
        ``frame.attrs["report"]`` as for ``picking.pick``.

    Raises:
        ValueError: averages, thresholds or windows that contradict one another.
    """
    _check(sta_s, lta_s, band_hz, on, off)
    if not (before_s > near_s > 0 and after_s > near_s):
        raise ValueError(f"before_s is {before_s} and after_s {after_s}; both must be above near_s, {near_s}")
    trigger = {"sta_s": sta_s, "lta_s": lta_s, "on": on, "off": off, "band_hz": list(band_hz)}
    report = Report(
        {"model": "AR", **trigger, "before_s": before_s, "after_s": after_s, "near_s": near_s, "ar_pick": AR}
    )
    rows = []
    for stream in streams(waveforms, report):
        for instrument in instruments(stream, _ORDER, max_gap_s, report, min_rate_hz=2.5 * band_hz[0]):
            for letter in "ZNE":
                if not any(component_index(code, _ORDER) == _ORDER.index(letter) for code in instrument.pieces):
                    report.note("component missing", instrument.station, instrument.channel + letter)
            events = []
            for piece in instrument.pieces.get("Z", []):
                triggers, ratios = _triggers([[piece]], sta_s, lta_s, band_hz, on, off)
                events += _events(piece, instrument, triggers, ratios, (before_s, after_s, near_s), band_hz, report)
            found = {}
            for row, phase in enumerate("PS"):
                known = [(event[row], event[2]) for event in events if event[row] is not None]
                found[phase] = np.array([t for t, _ in known], np.int64), np.array([r for _, r in known])
            rows += _rows(found, instrument, report, inventory, response)
    weights = f"{sta_s:g}/{lta_s:g} s, ratio {on:g}, {band_hz[0]:g}-{band_hz[1]:g} Hz"
    return _table(rows, "AR", weights, report)


def _events(
    piece: Piece,
    instrument: Instrument,
    triggers: np.ndarray,
    ratios: np.ndarray,
    window_s: tuple[float, float, float],
    band_hz: tuple[float, float],
    report: Report,
) -> list[tuple[int, int | None, float]]:
    """P and S (ns; None: no S) and the trigger's ratio of each event on the vertical's ``piece``."""
    before_s, after_s, near_s = window_s
    events, same = [], near_s / 2 * SECOND_NS
    for time, ratio, following in zip(triggers, ratios, [*triggers[1:], *triggers[-1:]], strict=True):
        before = events[-1][:2] if events else ()
        if any(known is not None and abs(time - known) <= same for known in before):
            continue
        next_s = (following - time) / SECOND_NS
        p = None
        for end_s in (after_s, next_s) if near_s < next_s < after_s else (after_s,):
            if p is None:
                p, s = _onsets(piece, instrument, time, before_s, end_s, near_s, band_hz)
        if p is None or (before and p - before[0] <= same):
            report.note("no onset", instrument.station, instrument.channel)
        else:
            events.append((p, s, ratio))
    return events


def _onsets(piece: Piece, instrument: Instrument, time: int, before_s, after_s, near_s, band_hz):
    """P and S (ns, or None) of the event that triggered at ``time``."""
    from obspy.signal.trigger import ar_pick
    from scipy.signal import detrend

    rate = piece.rate_hz
    at = round((time - piece.start_ns) / SECOND_NS * rate)
    begin, end = max(at - round(before_s * rate), 0), min(at + round(after_s * rate), len(piece.data))
    start_ns = piece.start_ns + round(begin / rate * SECOND_NS)
    horizontals = [
        cut
        for letter, pieces in instrument.pieces.items()
        if letter != "Z"
        for other in pieces
        if (cut := _cut(other, start_ns, end - begin, rate)) is not None
    ]
    # Older versions of ar_pick write past their arrays when what they seek lies in the last samples (ObsPy issue 1801): a
    # faint echo is put behind them. Cubes and squares in float32 and logarithms bound the scale; nothing may be zero.
    rest = round((2 * AR["l_p"] + 3 / band_hz[0]) * rate) + AR["m_p"]
    if end - begin < rest + AR["lta_p"] * rate:
        return None, None
    data = [detrend(d.astype(np.float64)) for d in (piece.data[begin:end], *horizontals)]
    data = [np.append(d, 1e-3 * d[: -rest - 1 : -1]) for d in data]
    sizes = [np.abs(data[0]).max(), max((np.abs(d).max() for d in data[1:]), default=1.0)]
    if not all(sizes):
        return None, None
    dither = np.random.default_rng(0).normal(0, 0.01, len(data[0]))
    data = [d / size * 1e4 + dither for d, size in zip(data, [sizes[0], sizes[1], sizes[1]], strict=False)]
    data = [data[0], data[min(1, len(data) - 1)], data[-1]]
    settings = (rate, band_hz[0], min(band_hz[1], 0.45 * rate), *AR.values())
    p, _ = ar_pick(*data, *settings, s_pick=False)
    if p <= 0 or abs(begin / rate + p - at / rate) > near_s:
        return None, None
    p_ns = start_ns + round(p * SECOND_NS)
    if not horizontals or p < AR["lta_s"]:  # the search for S reads that far before P
        return p_ns, None
    _, s = ar_pick(*data, *settings)
    return p_ns, start_ns + round(s * SECOND_NS) if p < s < (end - begin) / rate else None


def _cut(piece: Piece, start_ns: int, length: int, rate: float) -> np.ndarray | None:
    begin = round((start_ns - piece.start_ns) / SECOND_NS * rate)
    whole = piece.rate_hz == rate and begin >= 0 and begin + length <= len(piece.data)
    return piece.data[begin : begin + length] if whole else None


def _check(sta_s: float, lta_s: float, band_hz: tuple[float, float], on: float, off: float) -> None:
    if not 0 < sta_s < lta_s:
        raise ValueError(
            f"sta_s is {sta_s} and lta_s {lta_s}; the short average must be above 0 and below the long one"
        )
    if not 0 < off <= on:
        raise ValueError(f"on is {on} and off {off}; the trigger must end at or below the ratio where it starts")
    if not 0 < band_hz[0] < band_hz[1]:
        raise ValueError(f"band_hz is {band_hz}; give (lowest, highest) in Hz")


def _rows(found: dict, instrument: Instrument, report: Report, inventory, response: str) -> list[pd.DataFrame]:
    """``found`` maps each phase to times (ns) and trigger ratios of one instrument."""
    phase = np.repeat(list(found), [len(times) for times, _ in found.values()])
    if not len(phase):
        return []
    times = np.concatenate([times for times, _ in found.values()])
    amplitude, unit, snr = measure(times, phase, instrument, report, inventory, response)
    columns = {"phase": phase, "time": to_utc(times), "amplitude": amplitude, "amplitude_unit": unit, "snr_db": snr}
    ratio = np.concatenate([ratios for _, ratios in found.values()])
    return [pd.DataFrame(columns).assign(station=instrument.station, channel=instrument.channel, ratio=ratio)]


def _table(rows: list[pd.DataFrame], model: str, weights: str, report: Report) -> pd.DataFrame:
    picks = tables.empty("picks").assign(ratio=pd.Series(dtype="float64"))
    if rows:
        frame = pd.concat(rows, ignore_index=True).assign(model=model, weights=weights)
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


__all__ = ["ar", "sta_lta"]
