"""What goes wrong in automatic catalogs, put into the picks and assignments of one whose truth is known.

:func:`inject` spoils some of the events that association made of the picks of :mod:`course_utils.synthetic.catalog_picks`;
:mod:`course_utils.pipeline.faulty_catalog` joins both with association and location.

Kinds of event in the truth:

- ``good``: none of the following.
- ``timing``: picks at the wrong time: a station's clock is off for some hours (0.4 to 3 s), or one to three picks are wrong.
- ``airquake``: few and mostly wrong picks have displaced the location: up to the ground, out of the network (10 km or more), or
  far down (15 km or more).
- ``swapped``: at a station P and S are exchanged for some hours, amplitudes too, as when a cable or a channel table is wrong.
- ``magnitude``: amplitudes at a share of the stations are wrong by a factor of 6 or more, and the magnitude by 0.3 or more.
- ``split``: the picks of some stations, fewer than the rest, as an event of its own beside the rest (which stays ``good``).
- ``duplicate``: an event a second time, from the same picks or from those of a second picker (the first stays ``good``).
- ``false``: no event: picks of noise bursts that cross the network, or of a distant earthquake.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from course_utils.catalog.tables import Catalog, conform, stable_ids
from course_utils.synthetic.randomness import Draws

KINDS = ("good", "timing", "airquake", "swapped", "magnitude", "split", "duplicate", "false")
SHARES = {"timing": 0.09, "swapped": 0.06, "airquake": 0.08, "magnitude": 0.08, "split": 0.06, "duplicate": 0.06}
_LEAST_SPLIT = 7  # picks of each part


@dataclass(frozen=True)
class Spoiled:
    """Tables with faults, to be located.

    Attributes:
        catalog: as given, with changed picks and assignments; split and duplicate events stand behind the others.
        plan: one row per event of the catalog: event_id, ``planned`` (kind that was put in, or "good"), ``partner_id`` (the
            other event of a split or duplicate, else -1), ``faulty_picks``.
        origin: as in :class:`~course_utils.synthetic.catalog_picks.CatalogPicks`, with ``fault`` ("" for none) of each pick.
    """

    catalog: Catalog
    plan: pd.DataFrame
    origin: pd.DataFrame


def inject(catalog: Catalog, origin: pd.DataFrame, seed: int, spare: set[int] = frozenset()) -> Spoiled:
    """Put faults into the picks and assignments of an associated catalog; each event gets one kind at most.

    Args:
        catalog: events, assignments, picks, stations.
        origin: where each pick comes from; see :class:`~course_utils.synthetic.catalog_picks.CatalogPicks`.
        seed: of the faults.
        spare: ids of events that are bad already.
    """
    bench = _Bench(catalog, origin, Draws(int(seed), "catalog faults"), spare)
    quota = {kind: max(1, round(share * len(bench.free()))) for kind, share in SHARES.items()}
    bench.station_faults("swapped", quota["swapped"])
    bench.station_faults("timing", quota["timing"] // 2)
    for kind in ("airquake", "timing", "magnitude"):
        for event in bench.some(kind, quota[kind] - quota[kind] // 2 * (kind == "timing")):
            bench.spoil(kind, event)
    for kind in ("split", "duplicate"):
        for event in bench.some(kind, quota[kind]):
            bench.second(kind, event)
    return bench.finish()


class _Bench:
    """The catalog taken apart: ``pairs`` has one row per assigned pick, with all that the pick has."""

    def __init__(self, catalog: Catalog, origin: pd.DataFrame, draws: Draws, spare):
        self.catalog, self.draws = catalog, draws
        self.picks = catalog.picks.merge(origin, on="pick_id", how="left").assign(fault="")
        self.picks["key"] = np.arange(len(self.picks))
        at = pd.Index(self.picks["pick_id"]).get_indexer(catalog.assignments["pick_id"])
        self.pairs = pd.DataFrame({"event_id": catalog.assignments["event_id"].to_numpy(), "key": at})
        self.depth_km = catalog.events.set_index("event_id")["depth_km"].to_dict()
        self.plan = dict.fromkeys(catalog.events["event_id"].tolist(), "good")
        self.partner: dict[int, int] = {}
        self.spare = set(spare)
        self.copies: list[pd.DataFrame] = []
        self.rows = {e: g.to_numpy() for e, g in self.pairs.groupby("event_id", sort=True)["key"]}

    def free(self) -> list[int]:
        return [e for e, kind in self.plan.items() if kind == "good" and e not in self.spare and e in self.rows]

    def some(self, kind: str, count: int) -> list[int]:
        """``count`` events to spoil: large ones to take apart, shallow ones to pull up."""
        least = 2 * _LEAST_SPLIT + 2 if kind == "split" else 0
        free = [e for e in self.free() if len(self.rows[e]) >= least and e not in self.partner]
        if kind == "airquake":
            free = sorted(free, key=lambda e: (self.depth_km[e], e))[: 3 * count]
        order = np.argsort(self.draws.child("some", kind).uniform(size=len(free)), kind="stable")
        return [free[i] for i in order[:count]]

    def _put(self, keys, fault: str, **columns) -> None:
        for name, values in columns.items():
            self.picks.loc[keys, name] = values
        self.picks.loc[keys, "fault"] = fault

    def station_faults(self, kind: str, count: int) -> None:
        """Hours of a station, until they have hit ``count`` events."""
        time = self.picks["time"]
        hit: set[int] = set()
        for attempt in range(200):
            own = self.draws.child(kind, attempt)
            free = self.free()
            if len(hit) >= count or not free:
                return
            event = free[own.integers(0, len(free))]
            station = self.picks["station"].iloc[own.choice(self.rows[event].tolist())]
            first = time.iloc[self.rows[event]].min() - pd.Timedelta(own.uniform(60, 600), "s")
            last = first + pd.Timedelta(own.loguniform(900, 10800), "s")
            here = (self.picks["station"] == station) & time.between(first, last) & (self.picks["fault"] == "")
            keys = self.picks.index[here]
            touched = set(self.pairs["event_id"][self.pairs["key"].isin(keys)]) & set(free)
            if len(touched) > max(6, count // 2):
                continue
            if kind == "timing":
                shift = pd.Timedelta(round(own.loguniform(0.4, 3.0) * own.choice((-1, 1)) * 1e6), "us")
                self._put(keys, kind, time=time[keys] + shift)
            else:
                self._put(keys, kind, phase=np.where(self.picks.loc[keys, "phase"] == "P", "S", "P"))
            self.plan.update(dict.fromkeys(touched, kind))
            hit |= touched

    def spoil(self, kind: str, event: int) -> None:
        """Wrong picks, or wrong amplitudes, of one event."""
        own = self.draws.child("spoil", event)
        picks = self.picks.loc[self.rows[event]].sort_values(["time", "station"], kind="stable")
        self.plan[event] = kind
        if kind == "magnitude":
            names = np.array(sorted(picks["station"].unique()))
            wrong = names[own.uniform(size=len(names)) < own.uniform(0.3, 0.7)]
            keys = picks.index[picks["station"].isin(wrong)]
            factor = 10 ** (own.uniform(0.8, 2.2) * own.choice((-1, 1)))
            self._put(keys, kind, amplitude=picks.loc[keys, "amplitude"] * factor)
            return
        if kind == "timing":
            order = np.argsort(own.uniform(size=len(picks)), kind="stable")
            keys = picks.index[order[: own.integers(1, 4)]]
            shift = own.loguniform(0.4, 3.0, len(keys)) * np.where(own.uniform(size=len(keys)) < 0.6, 1.0, -1.0)
        else:
            keys, shift = self._pull(event, picks, own)
        self._put(keys, kind, time=picks.loc[keys, "time"] + pd.to_timedelta((shift * 1e6).round(), unit="us"))

    def _pull(self, event: int, picks: pd.DataFrame, own: Draws) -> tuple[pd.Index, np.ndarray]:
        """Picks to change and by how many seconds, so that an event of few picks moves up or away; the others are not found."""
        order = picks["station"].drop_duplicates().tolist()
        names = order[: own.integers(4, 7)]
        lost = picks.index[~picks["station"].isin(names)]
        self.pairs = self.pairs[~((self.pairs["event_id"] == event) & self.pairs["key"].isin(lost))]
        if own.chance(
            0.5
        ):  # early picks at the nearest stations, S most: the source seems to lie close to them, up at the ground
            near = names[: own.integers(2, 4)]
            keys = picks.index[picks["station"].isin(near)]
            mine = picks.loc[keys]
            first = mine["station"].map(mine.groupby("station")["time"].min())
            after_p_s = (mine["time"] - first).dt.total_seconds().to_numpy()
            shift = -own.uniform(0.5, 1.2) - own.uniform(0.5, 0.8) * after_p_s + 0.1 * own.normal(size=len(keys))
        else:  # S late everywhere, P late on one side: the source seems to lie beyond the other side
            late = names[: own.integers(2, 4)]
            keys = picks.index[picks["station"].isin(names) & (picks["station"].isin(late) | (picks["phase"] == "S"))]
            is_s = picks.loc[keys, "phase"].to_numpy() == "S"
            shift = np.where(is_s, own.uniform(3.0, 9.0), own.uniform(1.0, 3.0)) * own.uniform(0.8, 1.2, len(keys))
        return keys, shift

    def second(self, kind: str, event: int) -> None:
        """A second event beside one."""
        own, keys = self.draws.child("second", event), np.sort(self.rows[event])
        if kind == "split":
            # stations go together: half of a network and another associated apart
            names = self.picks.loc[keys, "station"].to_numpy()
            unique, of = np.unique(names, return_inverse=True)
            rank = np.argsort(np.argsort(own.uniform(size=len(unique)), kind="stable"))
            mine = rank[of] < own.uniform(0.35, 0.5) * len(unique)
            mine = mine if 2 * mine.sum() <= len(mine) else ~mine
            if mine.sum() < _LEAST_SPLIT:
                return
            keys = keys[mine]
            self.pairs = self.pairs[~((self.pairs["event_id"] == event) & self.pairs["key"].isin(keys))]
        else:
            keys = keys[own.uniform(size=len(keys)) < own.uniform(0.65, 1.0)]
            if len(keys) < _LEAST_SPLIT:
                return
            if own.chance(0.5):  # a second picker's picks of the same arrivals
                copy = self.picks.loc[keys].assign(model="synthetic 2", fault=kind, key=-1)
                late = 0.01 + own.uniform(0.02, 0.12) * own.normal(size=len(copy))
                copy["time"] = copy["time"] + pd.to_timedelta((late * 1e6).round(), unit="us")
                copy.index = len(self.picks) + np.arange(len(copy))
                self.picks = pd.concat([self.picks, copy.assign(key=copy.index)])
                keys = copy.index.to_numpy()
        new = int(stable_ids(pd.Series([f"{kind} {event}"]))[0])
        self.pairs = pd.concat([self.pairs, pd.DataFrame({"event_id": new, "key": keys})], ignore_index=True)
        self.plan[new] = kind
        self.partner |= {new: event, event: new}

    def finish(self) -> Spoiled:
        kept = self.picks[~self.picks.duplicated(["station", "channel", "phase", "time", "model"])]
        picks = conform(kept.drop(columns=["pick_id", "key", "true_event_id", "source", "fault"]), "picks")
        origin = kept[["true_event_id", "source", "fault"]].assign(pick_id=picks["pick_id"].to_numpy())
        pairs = self.pairs[self.pairs["key"].isin(kept.index)]
        used = picks.iloc[pd.Index(kept.index).get_indexer(pairs["key"])][["pick_id", "station", "phase"]]
        assignments = used.reset_index(drop=True).assign(event_id=pairs["event_id"].to_numpy())
        new = np.array([e for e in self.partner if self.plan[e] in ("split", "duplicate")], np.int64)
        events = self.catalog.events.set_index("event_id", drop=False)
        copies = events.loc[[self.partner[e] for e in new.tolist()]].assign(event_id=new)
        wrong = assignments.merge(origin[origin["fault"] != ""], on="pick_id").groupby("event_id").size()
        plan = pd.DataFrame({"event_id": list(self.plan), "planned": list(self.plan.values())})
        plan["partner_id"] = np.array([self.partner.get(e, -1) for e in self.plan], np.int64)
        plan["faulty_picks"] = plan["event_id"].map(wrong).fillna(0).astype("int64")
        made = replace(
            self.catalog,
            events=pd.concat([events, copies], ignore_index=True),
            assignments=assignments.sort_values(["event_id", "pick_id"], kind="stable"),
            picks=picks.sort_values(["time", "station", "phase"], kind="stable"),
        )
        return Spoiled(made, plan, origin.reset_index(drop=True))
