"""From a catalog to the windows to be cut: where, when, and every pick in them. Nothing is read yet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ...catalog.tables import Catalog, conform, stable_ids
from ...earth import distance_azimuth
from .settings import CurationError, CurationSettings
from .tally import Tally

SECOND_US = 1_000_000


@dataclass(frozen=True)
class Labels:
    """Picks of one station that belong to events, in order of time. ``others_us``: times of all its picks."""

    event_id: np.ndarray
    phase: np.ndarray
    time_us: np.ndarray
    row: np.ndarray
    others_us: np.ndarray


@dataclass(frozen=True)
class Plan:
    """Windows by station and time, and what is known about their picks.

    Attributes:
        windows: station, start_us (microseconds since 1970), event_id (0 for noise), channel ("" if the picks do not say).
        labels: per station its labelled picks; ``row`` counts the rows of ``picks``.
        picks: event_id, station, phase, time, channel, probability, pick_error_s, residual_s.
    """

    windows: pd.DataFrame
    labels: dict[str, Labels]
    picks: pd.DataFrame
    settings: CurationSettings

    @cached_property
    def fields(self) -> dict[str, np.ndarray]:
        """The columns of ``picks`` as arrays, ``time_us`` too: rows of a frame are slow to take one by one."""
        wanted = ("event_id", "phase", "probability", "pick_error_s", "residual_s")
        return {name: self.picks[name].to_numpy() for name in wanted} | {"time_us": to_us(self.picks["time"])}

    def inside(self, station: str, start_us: int) -> np.ndarray:
        """Rows of ``picks`` that lie in a window, in order of time."""
        labels = self.labels.get(station)
        if labels is None:
            return np.zeros(0, np.int64)
        end_us = start_us + round(self.settings.window_s * SECOND_US)
        a, b = np.searchsorted(labels.time_us, [start_us, end_us])
        return labels.row[a:b]

    def unlabelled(self, station: str, start_us: int) -> int:
        """How many picks of the catalog lie in a window without belonging to an event."""
        labels = self.labels.get(station)
        if labels is None:
            return 0
        end_us = start_us + round(self.settings.window_s * SECOND_US)
        a, b = np.searchsorted(labels.others_us, [start_us, end_us])
        return int(b - a) - len(self.inside(station, start_us))


def to_us(times) -> np.ndarray:
    """Times (UTC) as microseconds since 1970, int64."""
    return pd.Series(times).astype(pd.DatetimeTZDtype("us", "UTC")).astype("int64").to_numpy()


def uniform(*keys) -> np.ndarray:
    """Numbers from 0 to 1 that depend on the values of the keys alone."""
    return stable_ids(*(pd.Series(key) for key in keys)) / 2.0**62


def event_windows(catalog: Catalog, settings: CurationSettings, tally: Tally) -> Plan:
    """One window for every pair of event and station that has the picks the settings ask for."""
    if not len(catalog.events):
        raise CurationError("catalog: it holds no events; make some with course associate, or give their table")
    if (catalog.events["event_id"] == 0).any():
        raise CurationError("catalog: event_id 0 stands for noise here; give that event another id")
    if not len(catalog.assignments):
        raise CurationError(
            "catalog: no pick belongs to an event (assignments are empty); give QuakeML with picks, or the folder of a run"
        )
    picks = _labelled(catalog, settings, tally)
    labels = _by_station(picks, catalog.picks)
    first = picks.sort_values(["event_id", "station", "phase", "time"], kind="stable")
    first = first.drop_duplicates(["event_id", "station"])  # P before S in the alphabet, too
    low, high = settings.pick_at_s
    seed = [f"window {settings.seed}"] * len(first)
    at_s = low + (high - low) * uniform(seed, first["event_id"], first["station"])
    windows = pd.DataFrame(
        {
            "station": first["station"].to_numpy(),
            "start_us": to_us(first["time"]) - np.round(at_s * SECOND_US).astype(np.int64),
            "event_id": first["event_id"].to_numpy(),
            "channel": first["channel"].fillna("").str[:2].to_numpy(),
        }
    )
    plan = Plan(windows.sort_values(["station", "start_us", "event_id"], ignore_index=True), labels, picks, settings)
    _count_cut_off(plan, tally)
    return plan


def _labelled(catalog: Catalog, settings: CurationSettings, tally: Tally) -> pd.DataFrame:
    wanted = ["pick_id", "time", "channel", "probability", "pick_error_s"]
    picks = catalog.assignments[["event_id", "pick_id", "station", "phase", "residual_s"]].merge(
        catalog.picks[wanted], on="pick_id", how="left"
    )
    lost = picks["time"].isna()
    tally.leave_out_rows("assignment without a pick", picks[lost])
    picks = picks[~lost]
    alone = ~catalog.picks["pick_id"].isin(catalog.assignments["pick_id"])
    tally.count("pick of no event (not labelled)", int(alone.sum()))
    shared = picks.duplicated("pick_id", keep=False)
    tally.count("pick that belongs to several events", int(picks.loc[shared, "pick_id"].nunique()))
    picks = picks.sort_values(
        ["event_id", "station", "phase", "probability", "time"], ascending=[True] * 3 + [False, True]
    )
    twice = picks.duplicated(["event_id", "station", "phase"])
    tally.leave_out_rows("second pick of one phase of an event at a station", picks[twice])
    picks = picks[~twice]
    if not len(picks):
        raise CurationError(f"catalog: no assignment has its pick in the table of picks ({tally.in_words()})")
    pairs = picks.assign(us=to_us(picks["time"]).astype(float)).pivot_table("us", ["event_id", "station"], "phase")
    pairs = pairs.reindex(columns=["P", "S"])
    wrong = pairs.index[(pairs["S"] <= pairs["P"]).to_numpy()]
    keep = {
        "any": pairs.notna().any(axis=1),
        "P": pairs["P"].notna(),
        "S": pairs["S"].notna(),
        "both": pairs.notna().all(axis=1),
    }[settings.phases]
    index = pd.MultiIndex.from_frame(picks[["event_id", "station"]])
    bad = index.isin(wrong)
    tally.leave_out_rows("S not after P", picks[bad])
    lacking = index.isin(pairs.index[~keep]) & ~bad
    tally.leave_out_rows(f"event without {settings.phases} of its picks at a station", picks[lacking])
    picks = picks[~bad & ~lacking]
    if not len(picks):
        raise CurationError(f"catalog: no pick is left to cut a window around ({tally.in_words()})")
    return picks.sort_values(["station", "time", "phase"], kind="stable", ignore_index=True)


def _by_station(picks: pd.DataFrame, everything: pd.DataFrame) -> dict[str, Labels]:
    times = to_us(picks["time"])
    every = {station: np.sort(to_us(some["time"])) for station, some in everything.groupby("station")}
    labels = {}
    for station, rows in picks.groupby("station").indices.items():
        rows = np.sort(rows)
        labels[station] = Labels(
            picks["event_id"].to_numpy()[rows], picks["phase"].to_numpy()[rows], times[rows], rows, every[station]
        )
    return labels


def _count_cut_off(plan: Plan, tally: Tally) -> None:
    """Picks of an event that its own window does not reach: they are no labels there."""
    start = plan.windows.set_index(["event_id", "station"])["start_us"]
    index = pd.MultiIndex.from_frame(plan.picks[["event_id", "station"]])
    since = to_us(plan.picks["time"]) - start.reindex(index).to_numpy()
    outside = (since < 0) | (since >= plan.settings.window_s * SECOND_US)
    tally.leave_out_rows("pick outside its window (not labelled)", plan.picks[outside])


def with_coordinates(catalog: Catalog) -> Catalog:
    """The catalog with a stations row for each station of its assignments, as far as one is known: its own, else that of its
    network and station code with another or no location code."""
    known = conform(catalog.stations, "stations")
    names = pd.Series(sorted(catalog.assignments["station"].unique()), dtype="str")
    place = known.assign(place=known["station"].str.rsplit(".", n=1).str[0]).drop_duplicates("place").set_index("place")
    missing = names[~names.isin(known["station"])]
    found = missing[missing.str.rsplit(".", n=1).str[0].isin(place.index)]
    more = place.loc[found.str.rsplit(".", n=1).str[0]].assign(station=found.to_numpy())
    return catalog.replace(stations=pd.concat([known, more], ignore_index=True) if len(more) else known)


def paths(windows: pd.DataFrame, catalog: Catalog) -> pd.DataFrame:
    """Epicentral distance in km and back azimuth in degrees of each window; NaN without coordinates and for noise."""
    stations = conform(catalog.stations, "stations").set_index("station")[["latitude", "longitude"]]
    events = catalog.events.set_index("event_id")[["latitude", "longitude"]]
    here, there = stations.reindex(windows["station"]).to_numpy(), events.reindex(windows["event_id"]).to_numpy()
    out = np.full((len(windows), 2), np.nan)
    known = np.isfinite(here).all(axis=1) & np.isfinite(there).all(axis=1)
    if known.any():
        distance, azimuth = distance_azimuth(here[known, 0], here[known, 1], there[known, 0], there[known, 1])
        out[known] = np.column_stack([distance, azimuth])
    return pd.DataFrame(out, columns=["distance_km", "back_azimuth_deg"])
