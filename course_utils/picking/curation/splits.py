"""Training, development and test parts that share nothing, from ids alone.

Each event (station, block of time) is put into a part by a hash of its own id: the same in every run, and events that are
added later move no other. What two parts would share is then taken out of both or of the larger part and counted:
``split`` is "unused" there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ...catalog.tables import stable_ids
from .columns import event_ids, magnitudes, overlapping, pick_columns, station_names, times_s
from .settings import CurationError

PARTS = ("train", "dev", "test")
UNUSED = "unused"
FRACTIONS = (0.7, 0.1, 0.2)


def split_by_event(metadata: pd.DataFrame, fractions: Sequence[float] = FRACTIONS, seed: int = 0) -> pd.Series:
    """Every event whole in one part. Traces that hold events of two parts are unused, and so are the training (then
    the development) traces that overlap in time with a trace of another part at the same station.

    In a dense sequence that costs many traces, and favours isolated events: see :func:`split_by_time`. Noise goes by
    station and time.

    Returns:
        "train", "dev", "test" or "unused" for each row, on the index of ``metadata``.
    """
    ids = event_ids(metadata)
    own = pd.Series([names[0] if names else "" for names in ids])
    key = own.where(own != "", _place_and_time(metadata))
    return _without_shared(metadata, _drawn(key, fractions, seed), [_parts_of(ids, fractions, seed)])


def split_by_time(
    metadata: pd.DataFrame,
    fractions: Sequence[float] = FRACTIONS,
    seed: int = 0,
    block_s: float = 1800.0,
    cuts: Sequence | None = None,
) -> pd.Series:
    """Blocks of time, each whole in one part, by the origin time of the event (noise: start of the trace).

    Few blocks may all fall into one part: take shorter ones, or ``cuts``, two times (UTC): train before the first, dev
    before the second, then test. That also asks how a model does later on.

    Events never share a part's border with those of another part: traces that do are unused, as in
    :func:`split_by_event`.
    """
    if not block_s > 0:
        raise CurationError(f"block_s is {block_s}; give a positive length in s")
    origin = times_s(metadata, "source_origin_time")
    when = np.where(np.isfinite(origin), origin, times_s(metadata, "trace_start_time"))
    if not np.isfinite(when).all():
        at = int(np.flatnonzero(~np.isfinite(when))[0])
        raise CurationError(
            f"metadata row {at}: neither source_origin_time nor trace_start_time is known; drop the row or split by event"
        )
    if cuts is not None:
        first, second = (pd.to_datetime(cut, utc=True).timestamp() for cut in cuts)
        if not first <= second:
            raise CurationError(f"cuts are {cuts[0]} and {cuts[1]}; give two times in order")
        split = pd.Series(np.array(PARTS, object)[np.searchsorted([first, second], when, side="right")])
    else:
        block = pd.Series((when // block_s).astype(np.int64).astype(str))
        split = _drawn(block, fractions, seed)
    try:
        ids = event_ids(metadata)
    except CurationError:  # without names of events the time alone counts
        return _without_shared(metadata, split, [])
    part_of = {names[0]: part for names, part in zip(ids, split, strict=True) if names}
    return _without_shared(metadata, split, [[{part_of.get(n, "") for n in names} - {""} for names in ids]])


def split_by_station(metadata: pd.DataFrame, fractions: Sequence[float] = FRACTIONS, seed: int = 0) -> pd.Series:
    """Every station whole in one part. The same events are then in all parts: this asks how a model does at a new
    station, and says nothing of new events."""
    split = _drawn(pd.Series(station_names(metadata)), fractions, seed)
    return split.set_axis(metadata.index)


def leaky_split_by_trace(metadata: pd.DataFrame, fractions: Sequence[float] = FRACTIONS, seed: int = 0) -> pd.Series:
    """WRONG ON PURPOSE: every trace on its own, so that one event is in training and in test. Only for measuring how much
    too good a score becomes; never use it for a result."""
    key = pd.Series(station_names(metadata)) + " " + _place_and_time(metadata)
    if "trace_name" in metadata.columns:
        key += " " + metadata["trace_name"].astype(str).reset_index(drop=True)
    return _drawn(key, fractions, seed).set_axis(metadata.index)


SPLITS = {"event": split_by_event, "time": split_by_time, "station": split_by_station}


def split_by(how: str, metadata: pd.DataFrame, **options) -> pd.Series:
    """One of :data:`SPLITS` by name, checked with :func:`assert_disjoint`."""
    if how not in SPLITS:
        raise CurationError(f"split {how!r} is not known; use {', '.join(SPLITS)}")
    split = SPLITS[how](metadata, **options)
    assert_disjoint(metadata, split, "station" if how == "station" else "event")
    return split


def assert_disjoint(metadata: pd.DataFrame, split: pd.Series, by: str = "event") -> None:
    """CurationError that names an event (or station) which is in two parts; unused traces do not count."""
    part = np.asarray(split, object)
    if by == "station":
        names = [(name,) for name in station_names(metadata)]
    elif by == "event":
        names = event_ids(metadata)
    else:
        raise CurationError(f"by is {by!r}; use 'event' or 'station'")
    seen: dict[str, tuple[str, int]] = {}
    for row, (some, mine) in enumerate(zip(names, part, strict=True)):
        if mine not in PARTS:
            continue
        for name in some:
            other, at = seen.setdefault(name, (mine, row))
            if other != mine:
                raise CurationError(
                    f"{by} {name} is in two parts: {other} (row {at}) and {mine} (row {row}); use split_by_{by}"
                )


def split_sizes(metadata: pd.DataFrame, split: pd.Series | None = None) -> pd.DataFrame:
    """One row per part: traces and their share, events, stations, noise traces, P and S picks, median magnitude."""
    split = metadata["split"] if split is None else split
    part = pd.Series(np.asarray(split, object)).fillna(UNUSED)
    ids, stations = event_ids(metadata), station_names(metadata)
    picks = pick_columns(metadata)
    magnitude = magnitudes(metadata)
    rows = []
    for name in [*PARTS, *sorted(set(part) - set(PARTS))]:
        mine = np.flatnonzero(part == name)
        if not len(mine) and name not in PARTS:
            continue
        row = {"part": name, "traces": len(mine), "share": len(mine) / max(len(part), 1)}
        row["events"] = len({n for i in mine for n in ids[i]})
        row["stations"] = len(set(stations[mine]))
        row["noise"] = sum(not ids[i] for i in mine)
        for phase in "PS":
            columns = [c for c, p in picks.items() if p == phase]
            row[phase] = int(metadata[columns].iloc[mine].notna().sum().sum()) if columns else 0
        known = magnitude[mine][np.isfinite(magnitude[mine])]
        row["median_magnitude"] = float(np.median(known)) if len(known) else np.nan
        rows.append(row)
    return pd.DataFrame(rows)


def _place_and_time(metadata: pd.DataFrame) -> pd.Series:
    start = times_s(metadata, "trace_start_time")
    return pd.Series([f"{n} {t:.3f}" for n, t in zip(station_names(metadata), start, strict=True)])


def _drawn(keys: pd.Series, fractions: Sequence[float], seed: int) -> pd.Series:
    """The part of each key: its hash against the running sum of the fractions."""
    shares = np.asarray(fractions, float)
    if shares.shape != (3,) or (shares < 0).any() or abs(shares.sum() - 1) > 1e-6:
        raise CurationError(
            f"fractions are {tuple(fractions)}; give three shares for train, dev and test that add to 1"
        )
    unique, position = np.unique(keys.to_numpy(dtype=str), return_inverse=True)
    place = stable_ids(pd.Series([f"split {seed}"] * len(unique)), pd.Series(unique)) / 2.0**62
    part = np.minimum(np.searchsorted(np.cumsum(shares), place, side="right"), 2)
    return pd.Series(np.array(PARTS, object)[part][position])


def _parts_of(ids: list[tuple[str, ...]], fractions: Sequence[float], seed: int) -> list[set[str]]:
    """The parts of all events of each trace."""
    names = sorted({name for some in ids for name in some})
    part_of = dict(zip(names, _drawn(pd.Series(names, dtype=object), fractions, seed), strict=True)) if names else {}
    return [{part_of[name] for name in some} for some in ids]


def _without_shared(metadata: pd.DataFrame, split: pd.Series, parts: list) -> pd.Series:
    part = split.to_numpy(dtype=object).copy()
    for each in parts:
        part[[len(some) > 1 for some in each]] = UNUSED
    first, second = overlapping(metadata)
    for at, lower in enumerate(PARTS[:2]):  # the rarer part keeps its traces
        a, b, beats = part[first], part[second], list(PARTS[at + 1 :])
        drop = (a == lower) & np.isin(b, beats), (b == lower) & np.isin(a, beats)
        part[np.concatenate([first[drop[0]], second[drop[1]]])] = UNUSED
    return pd.Series(part, index=metadata.index, name="split")
