"""Pairs of published catalogs: how much they share, how far apart it lies, and how much of it is chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
from _common import Figure, mirror, missing

from course_utils import data
from course_utils.catalog.comparison import Comparison, chance_matches, compare


def pairs(quick: bool) -> dict[str, Figure]:
    """Figures of four pairs; they take seconds, so that ``quick`` changes nothing."""
    return _ridgecrest_gamma() | _ridgecrest_pal() | _ogs() | _askja()


def _chance(comparison: Comparison, text: str, shift_s: float = 3600.0) -> Figure:
    """Mean number of pairs with the reference shifted both ways."""
    shifts = (-shift_s, shift_s)
    found = chance_matches(comparison.events, comparison.reference, **comparison.gates, shifts_s=shifts)
    return Figure(found["matched"].mean(), f"{text}, the reference shifted by {shift_s / 60:g} min both ways")


def _ridgecrest_gamma() -> dict[str, Figure]:
    if not mirror("gamma-ridgecrest"):
        return {"gamma_scsn_matched": missing("no gamma-ridgecrest in COURSE_DATA_MIRROR", "656 of 703")}
    events, scsn = data.open("gamma-ridgecrest", progress=False)["events", "scsn"]
    where = "GaMMA (1479) against SCSN (703), Ridgecrest, 4 July 2019 17-24 h"
    figures = {}
    for max_dt_s, key, goal in ((3, "", "656"), (2, "_2s", "650"), (1, "_1s", "624")):
        figures[f"gamma_scsn_matched{key}"] = Figure(
            compare(events, scsn, max_dt_s, np.inf).summary()["matched"], f"{where}, within {max_dt_s} s", goal
        )
    figures["gamma_scsn_chance"] = _chance(compare(events, scsn, 3, np.inf), f"{where}, within 3 s")
    near = compare(events, scsn, 1.5, 10)
    figures["gamma_scsn_matched_near"] = Figure(near.summary()["matched"], f"{where}, within 1.5 s and 10 km")
    figures["gamma_scsn_chance_near"] = _chance(near, f"{where}, within 1.5 s and 10 km")
    return figures


def _ridgecrest_pal() -> dict[str, Figure]:
    if not (mirror("ai-pal-ridgecrest") and mirror("comcat-reviewed")):
        return {"pal_comcat_matched": missing("no ai-pal-ridgecrest or comcat-reviewed in COURSE_DATA_MIRROR", "364")}
    events = data.open("ai-pal-ridgecrest", progress=False).events
    comcat = data.open("comcat-reviewed", progress=False).events
    figures = {}
    for day, key, goal in ((4, "", "364"), (6, "_6_july", "at least 1161")):
        start = pd.Timestamp(2019, 7, day, tz="UTC")
        found = compare(events, comcat, 3, 25, span=(start, start + pd.Timedelta("1D")))
        facts = found.summary()
        where = f"PAL ({facts['events']}) against ComCat ({facts['expected']}), {day} July 2019, within 3 s and 25 km"
        figures[f"pal_comcat_matched{key}"] = Figure(facts["matched"], where, goal)
        figures[f"pal_comcat_chance{key}"] = _chance(found, where)
    whole = compare(events, comcat, 3, 25, span=tuple(pd.to_datetime(["2019-07-04", "2019-07-07"], utc=True)))
    facts = whole.summary()
    figures["pal_comcat_missed_on_absent_days"] = Figure(
        facts["missed_on_days_without_events"],
        f"of {facts['missed']} missed, 4 to 6 July: the files of {', '.join(facts['days_without_events'])} are not in the set",
    )
    return figures


def _ogs() -> dict[str, Figure]:
    if not mirror("ogs-2024"):
        return {"ogs_matched": missing("no ogs-2024 in COURSE_DATA_MIRROR", "1349 of 1349")}
    events, bulletin = data.open("ogs-2024", progress=False)["events", "bulletin"]
    found = compare(events, bulletin, 1, 1)
    facts, where = (
        found.summary(),
        "HYPO71 locations of OGS (1778) against its bulletin (1349), 2024, within 1 s and 1 km",
    )
    return {
        "ogs_matched": Figure(facts["matched"], where, "1349"),
        "ogs_farthest_km": Figure(found.pairs["distance_km"].max(), where + ": they are the same locations"),
        "ogs_chance": _chance(found, where),
    }


def _askja() -> dict[str, Figure]:
    if not mirror("quakemigrate-manuscript"):
        return {"askja_matched": missing("no quakemigrate-manuscript in COURSE_DATA_MIRROR", "1706")}
    events, manual = data.open("quakemigrate-manuscript", progress=False)["events", "manual"]
    found = compare(events, manual, 3, 5)
    where = "QuakeMigrate against analysts, Askja, 1706 events, within 3 s and 5 km"
    away = found.pairs["distance_km"]
    return {
        "askja_matched": Figure(len(found.pairs), where, "1706"),
        "askja_epicenter_mean_km": Figure(away.mean(), where, "0.279"),
        "askja_epicenter_median_km": Figure(away.median(), where, "0.240"),
        "askja_depth_mean_km": Figure(
            -found.pairs["depth_difference_km"].mean(), f"{where}: manual minus QuakeMigrate", "0.207"
        ),
        "askja_chance": _chance(found, where),
    }
