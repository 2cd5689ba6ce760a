"""The arrivals of every event as arrays: assignments joined with picks, checked, ready for the likelihood."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from course_utils.catalog.tables import PHASES, UTC_DTYPE, Catalog

logger = logging.getLogger(__name__)

USED_WEIGHT = 0.1  # arrivals with less weight are outliers and do not count as used


def microseconds(times: pd.Series) -> np.ndarray:
    """Times as integer microseconds since 1970."""
    return times.astype(UTC_DTYPE).astype("int64").to_numpy()


def collect(catalog: Catalog, pairs: pd.DataFrame, stations: pd.DataFrame, settings) -> pd.DataFrame:
    """One row per pair of event and pick, sorted by event, with everything that locating needs.

    Args:
        catalog: supplies events and picks.
        pairs: columns event_id and pick_id.
        stations: stations table; arrivals elsewhere cannot be used.
        settings: supplies the errors of picks that have none.

    Returns:
        event (position in ``catalog.events``), pick_id, station, phase, station_index (-1 unknown), code (0 P, 1 S),
        time_us, error_s, used, note. Of two picks of one phase at one station the more probable is used (the first of
        equals), the other is kept with a note.
    """
    table = pairs[["event_id", "pick_id"]].merge(
        catalog.picks[["pick_id", "station", "phase", "time", "probability", "pick_error_s"]], on="pick_id", how="left"
    )
    lost = table["station"].isna()
    if lost.any():
        raise ValueError(
            f"assignments: pick_id {table.loc[lost, 'pick_id'].iloc[0]} is not in the picks table "
            f"({int(lost.sum())} such rows); locating needs the picks that the assignments name"
        )
    event = pd.Index(catalog.events["event_id"]).get_indexer(table["event_id"])
    if (event < 0).any():
        raise ValueError(
            f"assignments: event_id {table['event_id'].iloc[int((event < 0).argmax())]} is in no event row"
        )
    code = (table["phase"] == "S").to_numpy().astype(np.int64)
    error = table["pick_error_s"].to_numpy(float, copy=True)
    unknown = ~(error > 0)
    error[unknown] = np.where(code == 1, settings.s_error_s, settings.p_error_s)[unknown]
    out = pd.DataFrame(
        {
            "event": event,
            "pick_id": table["pick_id"].to_numpy(),
            "station": table["station"].to_numpy(),
            "phase": table["phase"].to_numpy(),
            "station_index": pd.Index(stations["station"]).get_indexer(table["station"]),
            "code": code,
            "time_us": microseconds(table["time"]),
            "error_s": error,
            "probability": table["probability"].fillna(0.0).to_numpy(),
            "used": True,
            "note": "",
        }
    )
    out = out.sort_values(
        ["event", "station", "code", "probability", "time_us"],
        ascending=[True, True, True, False, True],
        kind="stable",
        ignore_index=True,
    )
    twice = out.duplicated(["event", "station", "code"]).to_numpy()
    out.loc[twice, ["used", "note"]] = False, "second pick of the phase at the station"
    away = (out["station_index"] < 0).to_numpy()
    if away.any():
        names = sorted(out.loc[away, "station"].unique())
        logger.warning(
            "%d arrivals are at %d stations without coordinates and are not used: %s",
            int(away.sum()),
            len(names),
            ", ".join(names[:10]) + (" ..." if len(names) > 10 else ""),
        )
        out.loc[away, ["used", "note"]] = False, "station without coordinates"
    return out


def spans(event: np.ndarray, n_events: int) -> np.ndarray:
    """Where each event's rows start in arrays sorted by event; n_events + 1 positions."""
    return np.searchsorted(event, np.arange(n_events + 1))


def s_before_p(arrivals: pd.DataFrame) -> dict[int, list[str]]:
    """For every event the stations whose S pick is not later than their P pick."""
    used = arrivals[arrivals["used"]]
    wide = used.pivot_table(index=["event", "station"], columns="code", values="time_us", aggfunc="first")
    if not {0, 1} <= set(wide.columns):
        return {}
    wrong = wide.index[(wide[1] <= wide[0]).to_numpy()]
    out: dict[int, list[str]] = {}
    for event, station in wrong:
        out.setdefault(int(event), []).append(station)
    return out


def corrected(arrivals: pd.DataFrame, corrections: pd.DataFrame | None) -> np.ndarray:
    """Station term in s of every arrival, 0 where there is none."""
    if corrections is None or not len(corrections):
        return np.zeros(len(arrivals))
    missing = {"station", "phase", "term_s"} - set(corrections.columns)
    if missing:
        raise ValueError(f"corrections: no column {', '.join(sorted(missing))}; give station, phase, term_s")
    strange = ~corrections["phase"].isin(PHASES)
    if strange.any() or corrections.duplicated(["station", "phase"]).any() or corrections["term_s"].isna().any():
        raise ValueError("corrections: give one row per station and phase (P or S) with a number as term_s")
    keys = pd.MultiIndex.from_frame(corrections[["station", "phase"]].astype(str))
    at = keys.get_indexer(pd.MultiIndex.from_frame(arrivals[["station", "phase"]].astype(str)))
    return np.where(at >= 0, corrections["term_s"].to_numpy(float)[np.maximum(at, 0)], 0.0)
