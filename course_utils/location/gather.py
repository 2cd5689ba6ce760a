"""Give every event the picks nearest to its predicted arrivals; a pick belongs to one event at most."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numba import njit

from course_utils.catalog.tables import PHASES
from course_utils.location.arrivals import microseconds

_KEEP_BONUS = 0.5  # standard errors by which a pick prefers the event it already belongs to


def gather(locator, solution, arrivals: pd.DataFrame, picks: pd.DataFrame, event_ids: np.ndarray) -> pd.DataFrame:
    """Assign picks anew around the predicted arrivals of located events.

    All picks within ``gather_sigmas`` standard errors (of pick and model together) of a predicted arrival compete;
    the smallest normalised residual wins first, then each event, station and phase has at most one pick and each pick
    at most one event. Stations count up to ``gather_reach`` times the distance of the event's farthest arrival with
    weight. Events that are not located keep their picks.

    Returns:
        pairs of event_id and pick_id.
    """
    settings = locator.settings
    located = np.flatnonzero(solution.found)
    stays = arrivals[~np.isin(arrivals["event"].to_numpy(), located)]
    kept = pd.DataFrame({"event_id": event_ids[stays["event"].to_numpy()], "pick_id": stays["pick_id"].to_numpy()})
    free = picks[~picks["pick_id"].isin(stays["pick_id"])]
    if not len(located) or not len(free):
        return kept
    travel = locator.arrival_times(solution.x_km[located], solution.y_km[located], solution.depth_km[located])
    distance = np.hypot(solution.x_km[located][:, None] - locator.x_km, solution.y_km[located][:, None] - locator.y_km)
    reach = _reach(arrivals, len(event_ids))[located] * settings.gather_reach
    travel[:, distance > reach[:, None]] = np.nan
    mine = pd.MultiIndex.from_arrays([arrivals["event"].to_numpy(), arrivals["pick_id"].to_numpy()])
    free_us, free_station = (
        microseconds(free["time"]),
        pd.Index(locator.stations["station"]).get_indexer(free["station"]),
    )
    free_code, own_error = (free["phase"] == "S").to_numpy().astype(int), free["pick_error_s"].to_numpy(float)
    found = []
    for code in range(len(PHASES)):
        default = settings.s_error_s if code else settings.p_error_s
        error = np.where(own_error > 0, own_error, default)
        for station in range(len(locator.stations)):
            at = np.flatnonzero((free_station == station) & (free_code == code))
            if not len(at):
                continue
            at = at[np.argsort(free_us[at], kind="stable")]
            times = travel[code, :, station]
            spread = locator.model_spread(times, code)
            gate = settings.gather_sigmas * np.hypot(spread, error[at].max())
            centre = solution.time_us[located] + np.nan_to_num(times) * 1e6
            low = np.searchsorted(free_us[at], centre - gate * 1e6)
            high = np.where(np.isnan(times), low, np.searchsorted(free_us[at], centre + gate * 1e6))
            event = np.repeat(np.arange(len(located)), np.maximum(high - low, 0))
            if not len(event):
                continue
            first = np.repeat(
                np.cumsum(np.maximum(high - low, 0)) - np.maximum(high - low, 0), np.maximum(high - low, 0)
            )
            pick = at[low[event] + np.arange(len(event)) - first]
            score = np.abs(free_us[pick] - centre[event]) / 1e6 / np.hypot(spread[event], error[pick])
            good = score <= settings.gather_sigmas
            slot = (event * len(locator.stations) + station) * len(PHASES) + code
            found.append(np.column_stack([event[good], pick[good], slot[good], score[good]]))
    if not found:
        return kept
    found = np.concatenate(found)
    event, pick, slot = (found[:, c].astype(np.int64) for c in range(3))
    ids = free["pick_id"].to_numpy()
    owned = pd.MultiIndex.from_arrays([located[event], ids[pick]]).isin(mine)
    order = np.lexsort((ids[pick], event, found[:, 3] - _KEEP_BONUS * owned))
    n_slots = len(located) * len(locator.stations) * len(PHASES)
    chosen = order[_first_come(pick[order], slot[order], len(free), n_slots)]
    pairs = pd.DataFrame({"event_id": event_ids[located[event[chosen]]], "pick_id": ids[pick[chosen]]})
    return pd.concat([kept, pairs], ignore_index=True)


def _reach(arrivals: pd.DataFrame, n_events: int) -> np.ndarray:
    """Distance in km of every event's farthest arrival that carries weight."""
    out = np.zeros(n_events)
    rows = arrivals[arrivals["weight"] >= 0.1]
    np.maximum.at(out, rows["event"].to_numpy(), rows["distance_km"].to_numpy())
    return out


@njit(cache=True)
def _first_come(pick, slot, n_picks, n_slots):
    """Which candidates win when they are served in order and every pick and slot can be had once."""
    pick_taken = np.zeros(n_picks, np.bool_)
    slot_taken = np.zeros(n_slots, np.bool_)
    wins = np.zeros(len(pick), np.bool_)
    for c in range(len(pick)):
        if not pick_taken[pick[c]] and not slot_taken[slot[c]]:
            pick_taken[pick[c]] = True
            slot_taken[slot[c]] = True
            wins[c] = True
    return wins
