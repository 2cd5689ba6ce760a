"""Events of known type recorded by several stations, straight from the physics: what classifiers are trained and tested on.

    made = event_records(120, seed=7)
    made.streams      # one ObsPy Stream per record: Z, N, E, counts, 40 Hz, P about 50 s after the first sample
    made.table        # event, event_type, station, distance_km, mw, origin_s, p_s, s_s, p_snr_db, ...

One source serves all records of its event; each station has its own ground, noise, instrument and distance. The type of the event decides
about the source alone, and nothing else differs between the types.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from course_utils.synthetic.ground_motion import ground_motion
from course_utils.synthetic.instruments import INSTRUMENTS
from course_utils.synthetic.path import Ray
from course_utils.synthetic.randomness import Draws
from course_utils.synthetic.records import Setting, crustal_setting, noise_counts, recorded, records
from course_utils.synthetic.source import Source, double_couple

RATE_HZ = 40.0
ONSET_S = (48.0, 52.0)
LENGTH_S = 100.0
TYPES = ("earthquake", "noise", "quarry blast", "surface event")
TRIGGERED = ("nothing", "local earthquake", "tremor")
_FARTHEST = 2.0  # stations up to this multiple of the distance at which the event was made to be seen
_SURFACE_WAVES_S = (1500.0, 1980.0)
_SPARE = 800  # samples at the end, where motion is faded out


@dataclass(frozen=True)
class EventRecords:
    """Records of synthetic events; see the module. ``streams`` and ``table`` have one entry per record."""

    streams: list
    table: pd.DataFrame


def event_records(
    n_events: int, seed: int, types: tuple[str, ...] = TYPES, stations: tuple[int, int] = (3, 8)
) -> EventRecords:
    """``n_events`` events, each recorded by ``stations[0]`` to ``stations[1]`` stations; types take turns.

    Event ``i`` depends on ``seed`` and ``i`` alone. About 5 ms of one core for each record. "noise" events are windows without any event.

    Raises:
        ValueError: an unknown type, or fewer than one event or station.
    """
    unknown = [t for t in types if t not in TYPES]
    if unknown or not types:
        raise ValueError(f"type {unknown[:1] or types!r}: there is {', '.join(TYPES)}")
    if n_events < 1 or not 1 <= stations[0] <= stations[1]:
        raise ValueError(f"n_events is {n_events}, stations {stations}; give at least one event and one station")
    waveforms, tables = [], []
    for event in range(n_events):
        own = Draws(int(seed), "event", event)
        kind = types[event % len(types)]
        count = own.child("stations").integers(stations[0], stations[1] + 1)
        shared = None if kind == "noise" else crustal_setting(own.child("source"), kind)
        made = records(
            count,
            int(own.child("records").raw(1)[0] >> np.uint64(2)),
            duration_s=LENGTH_S,
            sampling_rate_hz=RATE_HZ,
            noise_fraction=float(kind == "noise"),
            kinds={"earthquake" if kind == "noise" else kind: 1.0},
            p_at_s=ONSET_S,
            setting=None if shared is None else _sharing(shared),
        )
        waveforms.append(made.waveforms)
        tables.append(made.table.assign(event=event, event_type=kind, station=[f"SY.S{k:02d}." for k in range(count)]))
    table = pd.concat(tables, ignore_index=True)
    table = table.assign(p_s=table["p_sample"] / RATE_HZ, s_s=table["s_sample"] / RATE_HZ)
    all_waveforms = np.concatenate(waveforms)
    return EventRecords([_stream(w, s) for w, s in zip(all_waveforms, table["station"], strict=True)], table)


def _sharing(shared: Setting):
    """A setting function whose records all have the source and depth of ``shared``, at distances of their own."""
    source, depth = shared.source, shared.depth_km
    farthest = _FARTHEST * shared.ray.hypocentral_km

    def setting(draws: Draws, kind: str) -> Setting:
        for attempt in range(20):
            made = crustal_setting(draws.child(attempt), kind)
            if made.ray.distance_km <= farthest:
                break
        hypocentral = float(np.hypot(made.ray.distance_km, depth))
        longer = hypocentral / made.ray.hypocentral_km
        ray = replace(
            made.ray,
            hypocentral_km=hypocentral,
            p_time_s=made.ray.p_time_s * longer,
            s_time_s=made.ray.s_time_s * longer,
        )
        return replace(made, source=source, ray=ray, depth_km=depth)

    return setting


def triggered_cases(n: int, seed: int) -> EventRecords:
    """Eight minutes of surface waves of a distant earthquake of Mw 7.6, with nothing, a local earthquake, or tremor inside (in turn).

    The task of the citizen-science project Earthquake Detective (Tang et al. 2020, Front. Earth Sci. 8, 321). Tremor is a burst
    of low-frequency earthquakes over one to three minutes (Shelly et al. 2007). ``table``: ``event``, ``kind`` (the truth), ``begin_s``
    and ``end_s`` of what is inside, ``size_db`` (2-8 Hz rms of its strongest 5 s over that of the rest).
    """
    streams, rows = [], []
    for number in range(n):
        own = Draws(int(seed), "triggered", number)
        kind = TRIGGERED[number % len(TRIGGERED)]
        samples = round((_SURFACE_WAVES_S[1] - _SURFACE_WAVES_S[0]) * RATE_HZ)
        site = crustal_setting(own.child("site"), "noise")
        site = replace(site, instrument=INSTRUMENTS["HH"])  # others hardly see waves of 20 s
        distant = Source(7.6, double_couple(215.0, 20.0, 90.0), kind="teleseism")
        km = own.uniform(5200.0, 6200.0)
        ray = Ray(
            km,
            km,
            own.uniform(0, 360),
            25.0,
            27.0,
            25.0,
            27.0,
            p_time_s=530.0,
            s_time_s=960.0,
            vp_km_s=6.5,
            vs_km_s=3.75,
        )
        first, last = 528.0, _SURFACE_WAVES_S[1]
        far = ground_motion(
            distant,
            ray,
            site.site,
            site.attenuation,
            own.child("far"),
            sampling_rate_hz=RATE_HZ,
            start_s=first,
            samples=round((last - first) * RATE_HZ) + _SPARE,
        )
        rest = recorded(far.total, site.instrument, RATE_HZ)[:, :-_SPARE][:, -samples:]
        rest = rest + noise_counts(site, own, samples, RATE_HZ)
        inside, begin, end = _inside(kind, own.child("inside"), site, samples)
        size = own.child("size").uniform(0.7, 5.0)  # peak over the noise there: from hardly visible to plain
        if kind != "nothing":
            inside = inside * size * _rms(rest) / max(_rms(inside), 1e-30)
        rows.append(
            {
                "event": number,
                "kind": kind,
                "begin_s": begin,
                "end_s": end,
                "size_db": float("nan") if kind == "nothing" else 20 * np.log10(size),
            }
        )
        streams.append(_stream(rest + inside, f"SY.T{number:03d}."))
    return EventRecords(streams, pd.DataFrame(rows))


def _inside(kind: str, own: Draws, site: Setting, samples: int) -> tuple[np.ndarray, float, float]:
    counts = np.zeros((3, samples))
    if kind == "nothing":
        return counts, float("nan"), float("nan")
    tremor = kind == "tremor"
    begin = own.uniform(60.0, 250.0)
    times = [begin]
    if tremor:
        length = own.uniform(60.0, 180.0)
        while times[-1] < begin + length:
            times.append(times[-1] + own.exponential(2.5))
    place = crustal_setting(own.child("place"), "low-frequency" if tremor else "earthquake")
    for i, at in enumerate(times):
        start = max(round((at - 2.0) * RATE_HZ), 0)
        n = min(round(60.0 * RATE_HZ), samples - start)
        motion = ground_motion(
            place.source,
            place.ray,
            site.site,
            site.attenuation,
            own.child("one", i),
            sampling_rate_hz=RATE_HZ,
            start_s=place.ray.p_time_s - 2.0,
            samples=n,
        )
        counts[:, start : start + n] += own.child("weight", i).lognormal(1.0, 0.5) * recorded(
            motion.total, site.instrument, RATE_HZ
        )
    return counts, begin, min(times[-1] + 20.0, samples / RATE_HZ)


def _rms(counts: np.ndarray) -> float:
    """Rms of the strongest 5 s of the vertical, 2-8 Hz."""
    from scipy import ndimage, signal

    sos = signal.butter(3, [2.0, 8.0], "bandpass", fs=RATE_HZ, output="sos")
    square = signal.sosfiltfilt(sos, counts[0]) ** 2
    return float(np.sqrt(ndimage.uniform_filter1d(square, round(5 * RATE_HZ)).max()))


def _stream(counts: np.ndarray, station: str):
    import obspy

    network, code, location = station.split(".")
    header = {"network": network, "station": code, "location": location, "sampling_rate": RATE_HZ}
    return obspy.Stream(
        [
            obspy.Trace(np.round(row).astype(np.int32), {**header, "channel": f"HH{component}"})
            for component, row in zip("ZNE", counts, strict=True)
        ]
    )
