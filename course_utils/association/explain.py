"""Why not? For an earthquake that is known from elsewhere: is it in a catalog, and if not, at which condition it failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..catalog.tables import Catalog, TableError, conform
from ..earth.coordinates import LocalFrame, distance_azimuth
from .interface import associate_with_report, pick_gates
from .methods import SETTINGS
from .problem import Problem
from .settings import AssociationSettings

_SHOWN = 12


@dataclass(frozen=True)
class Explanation:
    """Why an event is, or is not, in a catalog.

    Attributes:
        outcome: "found", or the first condition that failed: "outside the search", "no picks then", "too few stations",
            "too few picks", "wrong phase", "left aside", "taken by another event", "stations too sparse",
            "does not fit", "as likely by chance", "lost in competition".
        text: the same in a sentence, with numbers and what to change.
        event_id: the event that was found, or that took most of the picks; None without one.
        counts: picks (each station and phase once) that lie near their predicted times, that passed the gates, and that
            no other event has: columns stage, n_p, n_s, n_both, n_picks; then the row of what the settings ask for.
        stations: columns station, distance_km, in_reach, p, p_residual_s, s, s_residual_s: what was found at the predicted
            times: "free", "this event", "event <id>", "improbable", "duplicate", "an S" (or "a P"), "none".
    """

    outcome: str
    text: str
    event_id: int | None
    counts: pd.DataFrame
    stations: pd.DataFrame

    def __str__(self) -> str:
        lines = [f"{self.outcome}: {self.text}"]
        if len(self.counts):
            lines.append(self.counts.to_string(index=False))
        if len(self.stations):
            lines.append(self.stations.head(_SHOWN).to_string(index=False, float_format="%.2f", na_rep=""))
            if len(self.stations) > _SHOWN:
                lines.append(f"... and {len(self.stations) - _SHOWN} stations farther away")
        return "\n".join(lines)


def explain(
    event: Mapping | pd.Series,
    catalog: Catalog,
    settings: AssociationSettings,
    max_dt_s: float = 2.0,
    max_km: float = 15.0,
) -> Explanation:
    """Which condition an expected event failed, in the order in which an association asks them.

    Its origin may be as uncertain as the gates: the picks are compared with arrivals predicted from the given place and
    from the origin time, within ``max_dt_s``, that most of them fit.

    Args:
        event: time, latitude, longitude, depth_km.
        catalog: what :func:`~course_utils.association.associate` returned, with all its tables.
        settings: those of that run (``report.settings``).
        max_dt_s, max_km: an event of the catalog as near as this in origin time and epicenter is the expected one.

    Raises:
        ValueError: a value of ``event`` is missing or impossible.
    """
    time, latitude, longitude, depth = _checked(event)
    nothing = pd.DataFrame()
    if not len(catalog.stations) or not len(catalog.velocity):
        raise ValueError("catalog: it has no stations or no velocity model; give what associate returned")

    dt = (catalog.events["time"] - time).dt.total_seconds().to_numpy()
    km, _ = distance_azimuth(latitude, longitude, catalog.events["latitude"], catalog.events["longitude"])
    near = np.flatnonzero((np.abs(dt) <= max_dt_s) & (km <= max_km))
    found = int(near[np.argmin((dt[near] / max_dt_s) ** 2 + (km[near] / max_km) ** 2)]) if len(near) else None

    frame = LocalFrame.around(catalog.stations)
    x, y = (float(v) for v in frame.to_xy_km(latitude, longitude))
    if found is None and (outside := _outside(frame, catalog.stations, settings, x, y, depth)):
        return Explanation("outside the search", outside, None, nothing, nothing)
    # Only what could belong to it: no arrival is later than this.
    longest = pd.Timedelta(seconds=settings.time_before_s * 3 + 60)
    span = pd.Timedelta(seconds=max_dt_s + 5)
    known = catalog.picks["station"].isin(catalog.stations["station"])
    around = catalog.picks[known & catalog.picks["time"].between(time - span, time + longest)]
    around = around.sort_values(["time", "station", "phase"], kind="stable").reset_index(drop=True)
    if not len(around):
        if found is not None:
            return Explanation("found", _found(catalog, found, dt, km), _id(catalog, found), nothing, nothing)
        text = "no station has a single pick from then on; were there records, and were they picked?"
        return Explanation("no picks then", text, None, nothing, nothing)
    problem = Problem.build(around, catalog.stations, catalog.velocity, settings)
    near = _Near(problem, around, catalog, settings, (time, x, y, depth), max_dt_s)
    mine = None if found is None else _id(catalog, found)
    table = near.table(mine)
    if found is not None:
        return Explanation("found", _found(catalog, found, dt, km), mine, near.counts(mine), table)
    outcome, text, event_id = _first_failure(near, catalog, settings)
    return Explanation(outcome, text, event_id, near.counts(None), table)


def _checked(event) -> tuple[pd.Timestamp, float, float, float]:
    for name in ("time", "latitude", "longitude", "depth_km"):
        if name not in event or pd.isna(event[name]):
            raise ValueError(f"event: {name} is missing; give time, latitude, longitude and depth_km")
    row = pd.DataFrame({name: [event[name]] for name in ("time", "latitude", "longitude", "depth_km")})
    try:
        row = conform(row, "events").iloc[0]
    except TableError as error:
        raise ValueError(f"event: {error}") from error
    values = [float(row[name]) for name in ("latitude", "longitude", "depth_km")]
    return row["time"], *values


def _id(catalog: Catalog, row: int) -> int:
    return int(catalog.events["event_id"].iloc[row])


def _name(catalog: Catalog, event_id: int) -> str:
    row = catalog.events[catalog.events["event_id"] == event_id].iloc[0]
    return (
        f"event {event_id} ({row['time']:%Y-%m-%dT%H:%M:%S} {row['latitude']:.3f} {row['longitude']:.3f}, "
        f"{row['n_p'] + row['n_s']:.0f} picks)"
    )


def _found(catalog: Catalog, row: int, dt: np.ndarray, km: np.ndarray) -> str:
    return f"{_name(catalog, _id(catalog, row))}, {dt[row]:+.2f} s and {km[row]:.1f} km from what was expected"


def _outside(frame, stations: pd.DataFrame, settings: AssociationSettings, x: float, y: float, depth: float) -> str:
    east, north = frame.to_xy_km(stations["latitude"].to_numpy(), stations["longitude"].to_numpy())
    beyond = max(east.min() - x, x - east.max(), north.min() - y, y - north.max()) - settings.margin_km
    if beyond > 0:
        return f"the epicenter lies {beyond:.1f} km outside the area that is searched; raise margin_km ({settings.margin_km})"
    if depth < settings.min_depth_km:
        return f"depth {depth:g} km is above the search; lower min_depth_km ({settings.min_depth_km})"
    if depth > settings.max_depth_km:
        return f"depth {depth:g} km is below the search; raise max_depth_km ({settings.max_depth_km})"
    return ""


class _Near:
    """The picks near the predicted arrivals of one origin."""

    def __init__(self, problem: Problem, picks: pd.DataFrame, catalog: Catalog, settings, origin, max_dt_s: float):
        time, x, y, depth = origin
        self.settings = settings
        self.station = catalog.stations["station"].to_numpy()
        self.distance = np.hypot(problem.x_km - x, problem.y_km - y)
        index = np.arange(len(self.station))
        start_s = (time - problem.start) / pd.Timedelta(seconds=1)
        self.travel = {phase: problem.travel_times.times(phase, index, self.distance, depth) for phase in ("P", "S")}
        self.reach = self.distance <= getattr(settings, "cutoff_km", np.inf)
        self.tolerance = getattr(settings, "model_tolerance_s", settings.pick_tolerance_s)
        window = pd.Timedelta(seconds=settings.slice_s)
        lately = catalog.picks["station"][catalog.picks["time"].between(time - window, time + window)]
        self.active = np.isin(self.station, lately.unique())
        gate = pick_gates(picks, catalog.stations, settings)
        owners = catalog.assignments.set_index("pick_id")["event_id"]
        taken = picks["pick_id"].isin(owners.index).to_numpy()
        self.problem, self.picks = problem, picks
        self.status = np.where(gate != "offered", gate, np.where(taken, "taken", "free"))
        # never as floats, which cannot hold the digits of an id; 0 stands for no event
        self.owner = owners.reindex(picks["pick_id"], fill_value=0).to_numpy(np.int64)
        delay = {phase: problem.time_s - start_s - self.travel[phase][problem.station] for phase in ("P", "S")}
        own = np.where(problem.phase == "P", delay["P"], delay["S"])
        other = np.where(problem.phase == "P", delay["S"], delay["P"])
        # the origin time that most picks fit, perhaps under the name of the other phase
        trial = np.arange(-max_dt_s, max_dt_s + 1e-9, 0.1)
        within = self.reach[problem.station]
        fits = [
            np.sum(np.abs(own[within] - shift) <= self.tolerance)
            + 0.5 * np.sum(np.abs(other[within] - shift) <= self.tolerance)
            for shift in trial
        ]
        best = np.flatnonzero(fits == np.max(fits))
        self.shift = float(trial[best[np.argmin(np.abs(trial[best]))]])
        # row of the nearest pick at each station: of the right phase, and of the other one
        self.right = {p: self._nearest(delay[p] - self.shift, problem.phase == p) for p in ("P", "S")}
        self.wrong = {p: self._nearest(delay[p] - self.shift, problem.phase != p) for p in ("P", "S")}
        self.residual = {p: delay[p] - self.shift for p in ("P", "S")}

    def _nearest(self, delay: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Row of the best pick at every station, -1 where none is near; what passed the gates comes first."""
        row = np.full(len(self.station), -1)
        rows = np.flatnonzero(which & (np.abs(delay) <= self.tolerance))
        passed = np.isin(self.status[rows], ("free", "taken"))
        for i in rows[np.lexsort((np.abs(delay[rows]), ~passed))][::-1]:
            row[self.problem.station[i]] = i
        return row

    def has(self, phase: str, *status: str) -> np.ndarray:
        """Stations in reach with a pick of this phase near its time and of one of these kinds; all kinds by default."""
        row = self.right[phase]
        kind = np.where(row >= 0, self.status[row], "")
        return self.reach & (np.isin(kind, status) if status else row >= 0)

    def numbers(self, *status: str) -> dict[str, int]:
        p, s = self.has("P", *status), self.has("S", *status)
        return {
            "n_p": int(p.sum()),
            "n_s": int(s.sum()),
            "n_both": int((p & s).sum()),
            "n_picks": int(p.sum() + s.sum()),
        }

    def required(self) -> dict[str, int]:
        s = self.settings
        return {"n_p": s.min_p_picks, "n_s": s.min_s_picks, "n_both": s.min_both, "n_picks": s.min_picks}

    def lacks(self, *status: str) -> str:
        """What the picks of these kinds lack: "5 of 7 picks, ..." or nothing."""
        names = {"n_picks": "picks", "n_p": "P", "n_s": "S", "n_both": "stations with both"}
        has, need = self.numbers(*status), self.required()
        return ", ".join(f"{has[k]} of {need[k]} {name}" for k, name in names.items() if has[k] < need[k])

    def counts(self, mine: int | None) -> pd.DataFrame:
        """See :attr:`Explanation.counts`."""
        if mine is not None:
            self.status = np.where(self.owner == mine, "free", self.status)
        stages = {"near their times": (), "passed the gates": ("free", "taken"), "not of another event": ("free",)}
        rows = [{"stage": name, **self.numbers(*status)} for name, status in stages.items()]
        return pd.DataFrame([*rows, {"stage": "needed", **self.required()}])

    def table(self, mine: int | None) -> pd.DataFrame:
        """See :attr:`Explanation.stations`."""
        table = pd.DataFrame({"station": self.station, "distance_km": self.distance, "in_reach": self.reach})
        for phase in ("P", "S"):
            right, wrong = self.right[phase], self.wrong[phase]
            words, residual = [], []
            for r, w in zip(right, wrong, strict=True):
                word = "none"
                if r >= 0:
                    word = "this event" if self.owner[r] == mine else self.status[r]
                    word = f"event {int(self.owner[r])}" if word == "taken" else word
                elif w >= 0:
                    word = "an S" if phase == "P" else "a P"
                words.append(word)
                residual.append(self.residual[phase][r if r >= 0 else w] if max(r, w) >= 0 else np.nan)
            table[phase.lower()] = words
            table[f"{phase.lower()}_residual_s"] = residual
        return table.sort_values("distance_km", kind="stable", ignore_index=True)


def _first_failure(near: _Near, catalog: Catalog, settings) -> tuple[str, str, int | None]:
    """Outcome, sentence and the event that took the picks."""
    n, need = int(near.reach.sum()), settings.min_picks
    cutoff = getattr(settings, "cutoff_km", None)
    if 2 * n < need or n < settings.min_both:
        text = f"{n} stations stand within cutoff_km ({cutoff:g}); {need} picks need {max((need + 1) // 2, settings.min_both)}"
        return "too few stations", f"{text}; raise cutoff_km, or lower min_picks", None
    within = f"within {near.tolerance:g} s of the predicted times at {n} stations"
    if lack := near.lacks():
        swapped = [near.reach & (near.right[p] < 0) & (near.wrong[p] >= 0) for p in ("P", "S")]
        names = near.station[swapped[0] | swapped[1]]
        # many stations have some wrong pick by chance: count them only where most stations have one
        if len(names) >= 2 and _share(near, near.has("P") | swapped[0], near.has("S") | swapped[1]) >= 0.5:
            text = f"{lack} {within}, but picks of the other phase at {', '.join(names[:5])}; the picker took P for S or S for P"
            return "wrong phase", text, None
        without = near.station[near.reach & ~near.has("P") & ~near.has("S")]
        text = f"{lack} {within}; {len(without)} of them have none: {', '.join(without[:8])}"
        return "too few picks", f"{text}. Lower the picker's threshold, or min_picks; or the place is wrong", None
    if lack := near.lacks("free", "taken"):
        kinds = pd.Series([near.status[r] for p in ("P", "S") for r in near.right[p][near.reach] if r >= 0])
        kinds = kinds[~kinds.isin(["free", "taken"])].value_counts()
        text = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        return (
            "left aside",
            f"{lack} passed the gates, the others are {text}; lower min_probability or duplicate_s",
            None,
        )
    if lack := near.lacks("free"):
        rows = [r for p in ("P", "S") for r in near.right[p][near.reach] if r >= 0 and near.status[r] == "taken"]
        owners = pd.Series(near.owner[rows]).astype(np.int64).value_counts()
        text = "; ".join(f"{count} belong to {_name(catalog, i)}" for i, count in owners.head(3).items())
        advice = "two events in one: lower pick_tolerance_s and min_interevent_s; or the other event is a wrong one"
        return (
            "taken by another event",
            f"{lack} are left, {text}. {advice[0].upper()}{advice[1:]}",
            int(owners.index[0]),
        )
    if (share := _share(near, near.has("P", "free"), near.has("S", "free"))) < (
        least := getattr(settings, "min_station_fraction", 0.0)
    ):
        text = (
            f"{100 * share:.0f} % of the stations up to the farthest pick have picks, {100 * least:.0f} % are asked for"
        )
        return "stations too sparse", f"{text}; lower min_station_fraction", None
    return _alone(near, catalog, settings)


def _share(near: _Near, p: np.ndarray, s: np.ndarray) -> float:
    """Largest share of stations with picks among those up to any station with one that leaves enough picks."""
    order = np.argsort(near.distance, kind="stable")
    p, s = p[order], s[order]
    share = np.cumsum(p | s) / np.maximum(np.cumsum(near.active[order]), 1)
    enough = (np.cumsum(p.astype(int) + s) >= near.settings.min_picks) & (p | s)
    return float(share[enough].max(initial=0.0))


def _alone(near: _Near, catalog: Catalog, settings) -> tuple[str, str, None]:
    """Enough picks are free, and yet there is no event: is there one when no other pick disturbs?"""
    rows = sorted({int(r) for p in ("P", "S") for r in near.right[p] if r >= 0 and near.status[r] == "free"})
    method = next(name for name, kind in SETTINGS.items() if type(settings) is kind)
    alone, report = associate_with_report(near.picks.iloc[rows], catalog.stations, catalog.velocity, method, settings)
    if len(alone.events):
        text = f"{len(rows)} free picks near their times make an event when no other pick is there ({len(alone.assignments)} of them)"
        held = [_held(near, rows, catalog, method, s) for s in (settings, settings.with_overrides(min_log_odds=-1e9))]
        if held == [False, True]:
            text += ", but among so many others they are not enough likelier than chance"
            return "as likely by chance", f"{text}; lower min_log_odds ({settings.min_log_odds:g}), or the noise", None
        return "lost in competition", f"{text}; lower model_tolerance_s or pick_tolerance_s, or the noise", None
    rules = ", ".join(report.turned_down["rule"]) or "no origin holds enough of them"
    text = f"{len(rows)} free picks lie near their times, but together they do not fit one origin ({rules})"
    return "does not fit", f"{text}; raise model_tolerance_s and pick_tolerance_s, or correct the velocity model", None


def _held(near: _Near, rows: list[int], catalog: Catalog, method: str, settings) -> bool:
    """Whether an association of all picks around has an event with most of these."""
    events = associate_with_report(near.picks, catalog.stations, catalog.velocity, method, settings)[0].assignments
    mine = events["pick_id"].isin(near.picks["pick_id"].iloc[rows])
    return bool(events.loc[mine, "event_id"].value_counts().gt(len(rows) / 2).any())
