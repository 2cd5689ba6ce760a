"""The real and published pick sets of the association benchmark, and what each allows to say."""

from __future__ import annotations

import pandas as pd
from _association_run import Run, measure

from course_utils import data
from course_utils.association import score
from course_utils.catalog.matching import match_events


def pyocto_picks(method: str, tuned: dict) -> tuple[Run, object]:
    """Northern Chile, exact truth: what was found of 50 events and 946 picks, and the share of noise taken."""
    opened = data.open("pyocto-picks", progress=False)
    run = measure(method, opened.picks, opened.stations, opened.velocity, tuned)
    noise = int((opened.picks["truth_event"] < 0).sum())
    return run, score(run.catalog.assignments, opened.assignments, noise)


def iceland(method: str, tuned: dict) -> tuple[Run, object]:
    """Volcanic sequence, QuakeMigrate's picks and events (automatic, no analyst)."""
    opened = data.open("qm-volcanotectonic", progress=False)
    run = measure(method, opened.picks, opened.stations, opened.velocity, tuned)
    return run, match_events(run.catalog.events, opened.events, max_dt_s=1.0, max_km=3.0)


def italy(method: str, tuned: dict, hours: float) -> Run:
    """The first hours of a day of PhaseNet picks; no truth."""
    opened = data.open("real-demo", progress=False)
    picks = opened.picks[opened.picks["time"] < opened.picks["time"].min() + pd.Timedelta(hours=hours)]
    return measure(method, picks, opened.stations, opened.velocity, tuned)


def ridgecrest(method: str, tuned: dict, day: str) -> tuple[Run, object]:
    """PAL's picks of a day; matched with the reviewed catalog (ComCat) within 3 s and 25 km, as PAL's own events are."""
    opened = data.open("ai-pal-ridgecrest", progress=False)
    start = pd.Timestamp(day, tz="UTC")
    picks = opened.picks[opened.picks["time"].between(start, start + pd.Timedelta(days=1))]
    run = measure(method, picks, opened.stations, opened.velocity, tuned)
    reviewed = data.open("comcat-reviewed", progress=False).events
    return run, match_events(
        run.catalog.events, reviewed[reviewed["time"].between(start, start + pd.Timedelta(days=1))], 3.0, 25.0
    )


def squeezed(method: str, tuned: dict, events: int, gap_s: float) -> tuple[Run, object]:
    """location-benchmark-yu, synthetic picks of a 3-D model, with origins ``gap_s`` apart instead of a minute."""
    opened = data.open("location-benchmark-yu", progress=False)
    number = opened.events["event_id"].rank().astype(int) - 1
    shift = pd.to_timedelta(number * (gap_s - 60.0), unit="s").set_axis(opened.events["event_id"])
    truth = opened.assignments[opened.assignments["event_id"].isin(shift.index[number.to_numpy() < events])]
    picks = opened.picks.merge(truth[["pick_id", "event_id"]], on="pick_id")
    picks["time"] = picks["time"] + pd.to_timedelta(picks.pop("event_id").map(shift))
    run = measure(method, picks, opened.stations, opened.velocity, tuned)
    return run, score(run.catalog.assignments, truth)
