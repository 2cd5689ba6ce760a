"""Differential times from waveforms: cross-correlation of the same phase of two events at one station, in batches.

Windows of all events at a station are transformed once; every pair is then one product of spectra, on a CPU or a GPU
(Schaff and Waldhauser 2005, BSSA 95). Peaks are refined below the sampling interval by a parabola.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field
from scipy.signal import butter, sosfiltfilt
from scipy.spatial import cKDTree

from course_utils.catalog.tables import Catalog
from course_utils.earth import LocalFrame
from course_utils.location.arrivals import collect, microseconds
from course_utils.location.differences import empty_differences
from course_utils.location.settings import LocationSettings

_MARGIN_S = 3.0  # cut more than the window, so that the filter's ends stay outside
_COMPONENTS = {"P": ("Z3",), "S": ("N1", "E2")}


class CorrelationSettings(BaseModel):
    """How windows are cut and compared. Unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    low_hz: float = Field(2.0, gt=0, description="lower corner of the zero-phase band-pass")
    high_hz: float = Field(8.0, gt=0, description="upper corner")
    before_s: float = Field(0.25, ge=0, description="window before the pick")
    after_p_s: float = Field(1.0, gt=0, description="window after a P pick; it ends before the S pick")
    after_s_s: float = Field(1.5, gt=0, description="window after an S pick")
    max_shift_s: float = Field(0.5, gt=0, description="farthest that two picks may be from agreement")
    min_cc: float = Field(0.7, gt=0, le=1, description="least correlation coefficient of a link")
    either_polarity: bool = Field(False, description="take a peak of inverted polarity where it is the larger one")
    max_km: float = Field(5.0, gt=0, description="farthest apart that two events may be")
    device: str = Field("cpu", description='torch device: "cpu", "cuda", ...')
    batch: int = Field(4096, ge=1, description="pairs compared at a time")


@dataclass(frozen=True)
class Correlations:
    """What comparing a catalog's waveforms gave.

    Attributes:
        links: table of links (kind "cc", weight the correlation coefficient) with cc, polarity (1 or -1) and shift_s,
            which added to the second event's pick brings its wave in line with the first one's.
        left_out: reason, n: arrivals and pairs without a link, and why.
    """

    links: pd.DataFrame
    left_out: pd.DataFrame


def correlate(
    catalog: Catalog, waveforms, settings: CorrelationSettings | dict | None = None, **overrides
) -> Correlations:
    """Compare every arrival with the same arrival of every neighbouring event.

    Args:
        catalog: events, stations, and the picks assigned to events (of a picker, an analyst, or predicted).
        waveforms: ObsPy Stream that covers the arrivals, continuous or cut by event; P is read from the vertical, S from
            the horizontals together.
        settings: see :class:`CorrelationSettings`; its fields may also be given by name.

    Returns:
        Links and an account. A correlation coefficient is that of the windows, weighted by a taper, at the best shift.

    Raises:
        ValueError: a setting is unknown, or the pass band does not fit the sampling rate.
    """
    base = settings.model_dump() if isinstance(settings, CorrelationSettings) else dict(settings or {})
    settings = CorrelationSettings(**{**base, **overrides})
    rows = collect(catalog, catalog.assignments, catalog.stations, LocationSettings())
    left_out: dict[str, int] = rows.loc[~rows["used"], "note"].value_counts().to_dict()
    rows = rows[rows["used"]].reset_index(drop=True)
    near = _near(catalog.events, settings.max_km)
    spans = _traces(waveforms)
    s_time = rows[rows["phase"] == "S"].set_index(["event", "station"])["time_us"]
    parts = []
    for (station, phase), own in rows.groupby(["station", "phase"], sort=True):
        windows = _Windows.cut(spans.get(station, {}), own, phase, s_time, settings, left_out)
        if windows is None:
            continue
        pairs = windows.pairs(near)
        if len(pairs):
            found = _compare(windows, pairs, settings)
            parts.append(_links(windows, pairs, found, catalog, own, settings, left_out))
    links = (
        pd.concat(parts, ignore_index=True) if parts else empty_differences().assign(cc=0.0, polarity=1, shift_s=0.0)
    )
    table = pd.DataFrame({"reason": list(left_out), "n": list(left_out.values())})
    return Correlations(
        links.sort_values(["event_id_1", "event_id_2", "station", "phase"], ignore_index=True), table.query("n > 0")
    )


def _near(events: pd.DataFrame, max_km: float) -> np.ndarray:
    """Whether two events are within ``max_km``, as pairs (first < second), sorted."""
    if len(events) < 2:
        return np.empty((0, 2), np.int64)
    x, y = LocalFrame.around(events).to_xy_km(events["latitude"], events["longitude"])
    tree = cKDTree(np.column_stack([x, y, events["depth_km"]]))
    return np.sort(tree.query_pairs(max_km, output_type="ndarray").astype(np.int64), axis=1).reshape(-1, 2)


def _traces(waveforms) -> dict[str, dict[str, list]]:
    """Traces by station ("NET.STA.LOC") and last letter of the channel."""
    out: dict[str, dict[str, list]] = {}
    for trace in waveforms:
        s = trace.stats
        name = f"{s.network}.{s.station}.{s.location}"
        out.setdefault(name, {}).setdefault(s.channel[-1:], []).append(trace)
    return out


@dataclass
class _Windows:
    """One phase at one station: ``data`` (events, components, samples) filtered, ``present`` (events, components),
    ``mask`` (events, samples of the window) the taper, ``late_s`` (events,) start of the first sample against what was
    wanted, ``row`` (events,) position in the arrivals, ``event`` (events,) position of the event."""

    data: np.ndarray
    present: np.ndarray
    mask: np.ndarray
    late_s: np.ndarray
    row: np.ndarray
    event: np.ndarray
    rate: float

    @classmethod
    def cut(cls, traces: dict, own: pd.DataFrame, phase: str, s_time, settings, left_out: dict) -> _Windows | None:
        """Cut and filter the windows of all events; None when fewer than two events have any."""
        chosen = [[t for letter in letters for t in traces.get(letter, [])] for letters in _COMPONENTS[phase]]
        rates = {t.stats.sampling_rate for group in chosen for t in group}
        if not rates:
            left_out[f"{phase} arrival without records"] = left_out.get(f"{phase} arrival without records", 0) + len(
                own
            )
            return None
        rate = max(rates, key=lambda r: sum(t.stats.sampling_rate == r for group in chosen for t in group))
        if settings.high_hz >= 0.45 * rate or settings.low_hz >= settings.high_hz:
            raise ValueError(
                f"pass band {settings.low_hz:g} to {settings.high_hz:g} Hz: at {rate:g} samples per second choose "
                f"low_hz < high_hz < {0.45 * rate:g}"
            )
        after = settings.after_p_s if phase == "P" else settings.after_s_s
        lead = settings.before_s + settings.max_shift_s + _MARGIN_S
        n = round((lead + after + settings.max_shift_s + _MARGIN_S) * rate)
        data, present = np.zeros((len(own), len(chosen), n)), np.zeros((len(own), len(chosen)), bool)
        late = np.zeros(len(own))
        for k, pick_us in enumerate(own["time_us"].to_numpy()):
            wanted = pick_us * 1e-6 - lead
            for c, group in enumerate(chosen):
                piece = _piece(group, wanted, n, rate)
                if piece is not None and (not present[k].any() or abs(piece[1] - late[k]) < 1e-4):
                    data[k, c], late[k] = piece
                    present[k, c] = True
        have = present.any(axis=1)
        if not have.all():
            reason = f"{phase} arrival without a whole window of records"
            left_out[reason] = left_out.get(reason, 0) + int((~have).sum())
        if have.sum() < 2:
            return None
        sos = butter(3, [settings.low_hz, settings.high_hz], "bandpass", fs=rate, output="sos")
        data = data[have] - data[have].mean(axis=2, keepdims=True)
        edge = round(_MARGIN_S * rate)
        data = sosfiltfilt(sos, data, axis=2)[:, :, edge : n - edge]
        own = own[have]
        length = round((settings.before_s + after) * rate)
        ends = np.full(len(own), length / rate)
        if phase == "P":
            keys = pd.MultiIndex.from_frame(own[["event", "station"]])
            ends = np.minimum(
                ends, (s_time.reindex(keys).to_numpy() - own["time_us"].to_numpy()) / 1e6 + settings.before_s - 0.1
            )
            ends = np.where(np.isnan(ends), length / rate, ends)
        return cls(
            data,
            present[have],
            _tapers(length, rate, ends),
            late[have],
            np.flatnonzero(have),
            own["event"].to_numpy(),
            rate,
        )

    def pairs(self, near: np.ndarray) -> np.ndarray:
        """Pairs of positions here whose events are near, shape (pairs, 2)."""
        n = int(max(near.max(initial=0), self.event.max())) + 1
        where = np.full(n, -1)
        where[self.event] = np.arange(len(self.event))
        pairs = where[near]
        return pairs[(pairs >= 0).all(axis=1)]


def _piece(traces: list, start_s: float, n: int, rate: float) -> tuple[np.ndarray, float] | None:
    """``n`` samples from the one nearest to a time, and how late that sample is; None where no trace holds them."""
    for trace in traces:
        begin = trace.stats.starttime.ns * 1e-9
        first = round((start_s - begin) * rate)
        if trace.stats.sampling_rate == rate and first >= 0 and first + n <= trace.stats.npts:
            values = np.asarray(trace.data[first : first + n], float)
            if np.ma.isMaskedArray(trace.data) or not np.isfinite(values).all() or not np.ptp(values) > 0:
                continue
            return values, begin + first / rate - start_s
    return None


def _tapers(length: int, rate: float, ends_s: np.ndarray) -> np.ndarray:
    """Windows that rise over the first tenth and fall over the last tenth of each length, shape (events, length)."""
    time = (np.arange(length) + 0.5) / rate
    edge = np.maximum(0.1 * ends_s, 2.0 / rate)[:, None]
    up = np.clip(time / edge, 0.0, 1.0)
    down = np.clip((ends_s[:, None] - time) / edge, 0.0, 1.0)
    return np.sin(0.5 * np.pi * np.minimum(up, down)) ** 2


def _compare(windows: _Windows, pairs: np.ndarray, settings) -> np.ndarray:
    """Shift in samples, correlation coefficient and polarity of every pair, shape (3, pairs); a peak at the edge has NaN.

    The first event's tapered window is the template, under which the second event's records slide.
    """
    import torch

    def tensor(values):
        return torch.as_tensor(values, dtype=torch.float32, device=settings.device)

    reach = round(settings.max_shift_s * windows.rate)
    n, length = windows.data.shape[2], windows.mask.shape[1]
    size = 1 << (n + length - 1).bit_length()
    # events differ by orders of magnitude: one scale for all components of an event keeps single precision happy
    scale = np.abs(windows.data).max(axis=(1, 2), keepdims=True)
    data, mask, present = tensor(windows.data / scale), tensor(windows.mask), tensor(windows.present)
    middle = data[:, :, reach : reach + length]
    template = middle * mask[:, None]
    energy = (middle * template).sum(dim=2)
    spectrum, power = (torch.fft.rfft(values, n=size) for values in (data, data.square()))
    against, taper = (torch.fft.rfft(values, n=size).conj() for values in (template, mask))
    out = np.empty((3, len(pairs)))
    for begin in range(0, len(pairs), settings.batch):
        i, j = torch.as_tensor(pairs[begin : begin + settings.batch].T.copy(), device=data.device)
        both = present[i] * present[j]
        product = (spectrum[j] * against[i] * both[:, :, None]).sum(dim=1)
        slide = (power[j] * both[:, :, None]).sum(dim=1) * taper[i]
        top, below = (torch.fft.irfft(values, n=size)[:, : 2 * reach + 1] for values in (product, slide))
        own = (energy[i] * both).sum(dim=1, keepdim=True)
        cc = top / (below.clamp_min(1e-12) * own.clamp_min(1e-12)).sqrt()
        out[:, begin : begin + len(i)] = _peaks(cc, settings.either_polarity, reach)
    return out


def _peaks(cc, either: bool, reach: int) -> np.ndarray:
    """Position, height and sign of the highest peak of every row, by a parabola through three samples."""
    import torch

    at = (cc.abs() if either else cc).argmax(dim=1)
    row = torch.arange(len(cc), device=cc.device)
    sign = torch.sign(cc[row, at])
    inner = (at > 0) & (at < 2 * reach)
    safe = at.clamp(1, 2 * reach - 1)
    left, mid, right = (cc[row, safe + k] * sign for k in (-1, 0, 1))
    bend = (left - 2 * mid + right).clamp_max(-1e-9)
    offset = (0.5 * (left - right) / bend).clamp(-0.5, 0.5)
    height = mid - 0.25 * (left - right) * offset
    nan = torch.full_like(height, float("nan"))
    shift = torch.where(inner, safe - reach + offset, nan)
    return torch.stack([shift, torch.where(inner, height, nan), sign]).double().cpu().numpy()


def _links(
    windows: _Windows, pairs, found, catalog: Catalog, own: pd.DataFrame, settings, left_out: dict
) -> pd.DataFrame:
    shift, cc, polarity = found
    edge = np.isnan(cc)
    good = ~edge & (cc >= settings.min_cc)
    for reason, n in (
        (f"pair whose best shift is at the end of {settings.max_shift_s:g} s", int(edge.sum())),
        (f"pair with a correlation below {settings.min_cc:g}", int((~edge & ~good).sum())),
    ):
        left_out[reason] = left_out.get(reason, 0) + n
    first, second = pairs[good].T
    arrival = own.iloc[windows.row]
    travel_s = (arrival["time_us"].to_numpy() - microseconds(catalog.events["time"])[windows.event]) / 1e6
    late_s = shift[good] / windows.rate + windows.late_s[second] - windows.late_s[first]
    ids = catalog.events["event_id"].to_numpy()
    return pd.DataFrame(
        {
            "event_id_1": ids[windows.event[first]],
            "event_id_2": ids[windows.event[second]],
            "station": arrival["station"].iloc[0],
            "phase": arrival["phase"].iloc[0],
            "dt_s": travel_s[first] - travel_s[second] - late_s,
            "weight": np.minimum(cc[good], 1.0),
            "kind": "cc",
            "cc": np.minimum(cc[good], 1.0),
            "polarity": polarity[good].astype(int),
            "shift_s": late_s,
        }
    )
