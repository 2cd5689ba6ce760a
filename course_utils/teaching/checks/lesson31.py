"""Checks of lesson 31, location and its uncertainty."""

from __future__ import annotations

import numpy as np
import pandas as pd

from course_utils.catalog.tables import Catalog, conform
from course_utils.teaching.checks import Unanswered, Wrong, call, choices, exercise, number, one_of, words

# Places where a station could be built: latitude, longitude, elevation in m.
SITES = pd.DataFrame(
    {
        "A": (40.55, -123.95, 300.0),
        "B": (39.82, -124.72, -1500.0),
        "C": (39.99, -124.47, -700.0),
        "D": (40.11, -123.85, 500.0),
    },
    index=["latitude", "longitude", "elevation_m"],
).T
_MOVED_S = -1.7
_SAME_WITHIN = 1.05


def spoiled(catalog: Catalog) -> Catalog:
    """The catalog with one of its picks moved: always the same one of the same catalog."""
    picks = catalog.picks.copy()
    mine = np.flatnonzero(picks["pick_id"].isin(catalog.assignments["pick_id"]) & (picks["phase"] == "S"))
    at = picks.index[mine[len(mine) // 3]]
    picks.loc[at, "time"] = picks.loc[at, "time"] + pd.Timedelta(round(_MOVED_S * 1e6), "us")
    return catalog.replace(picks=picks)


def with_site(catalog: Catalog, event_id: int, site: str) -> Catalog:
    """The catalog with a further station at one of the ``SITES``, whose P and S of the event are what the model predicts
    for the place and time in the events table."""
    from course_utils.earth import distance_azimuth
    from course_utils.earth.traveltime import TravelTimes

    place, event = SITES.loc[one_of(site, SITES.index)], catalog.events.set_index("event_id").loc[event_id]
    new = conform(pd.DataFrame([{"station": f"XX.NEW{site}.", **place}]), "stations")
    away = float(distance_azimuth(place["latitude"], place["longitude"], event["latitude"], event["longitude"])[0])
    table = TravelTimes.build(new, catalog.velocity, away + 5.0, max(event["depth_km"], 10.0) + 5.0)
    rows = [
        (new["station"][0], phase, event["time"] + pd.Timedelta(round(float(seconds) * 1e6), "us"))
        for phase in "PS"
        for seconds in [table.times(phase, 0, away, event["depth_km"])]
    ]
    picks = conform(pd.DataFrame(rows, columns=["station", "phase", "time"]), "picks")
    pairs = picks[["pick_id", "station", "phase"]].assign(event_id=event_id)
    return catalog.replace(
        picks=pd.concat([catalog.picks, picks], ignore_index=True),
        assignments=pd.concat([catalog.assignments, pairs], ignore_index=True),
        stations=pd.concat([catalog.stations, new], ignore_index=True),
    )


@exercise
def wrong_pick(answer, suspect, catalog):
    if not isinstance(answer, dict) or not {"station", "phase", "late_s"} <= set(answer):
        raise Wrong('a dictionary is asked for: {"station": "...", "phase": "P", "late_s": 0.0}.')
    both = suspect.picks.merge(catalog.picks[["pick_id", "time"]], on="pick_id", suffixes=("", "_true"))
    moved = (both["time"] - both["time_true"]).dt.total_seconds()
    row = both.loc[moved.abs().idxmax()]
    station = one_of(answer["station"], suspect.stations["station"])
    phase = one_of(answer["phase"], ["P", "S"])
    late = number(answer["late_s"], -60, 60, unit="s")
    if station != row["station"]:
        raise Wrong(
            f"the readings of {station} are as they were. Whose residual is largest when the others do not have to bend?"
        )
    if phase != row["phase"]:
        raise Wrong(f"it is this station; but its {phase} is as it was.")
    off = late - float(moved[row.name])
    if np.sign(late) != np.sign(moved[row.name]):
        raise Wrong("it is this reading, with the other sign: a residual is observed minus predicted.")
    if abs(off) > 0.3:
        raise Wrong(
            f"it is this reading, and {abs(late):.1f} s is off by more than 0.3 s. Was the event free to move towards the wrong reading?"
        )
    return "Had you left the event where least squares puts it, part of the fault would hide in the residuals of the others."


@exercise
def origin_shift(answer, times, read, distance_km, depth_km):
    value = number(answer, -10, 10, unit="s")
    seen = times.index(read["station"])
    slopes = times.times_and_slopes("P", seen, distance_km, depth_km)
    right = -float(slopes[2].mean())
    if np.isclose(value, right, atol=max(0.01, 0.1 * abs(right))):
        return "So an origin time without a depth is worth no more than the depth."
    if np.isclose(value, -right, atol=max(0.01, 0.1 * abs(right))):
        raise Wrong(
            "the size is right. If the waves need longer from there and arrive when they did, when did they start?"
        )
    if np.isclose(abs(value), abs(float(slopes[1].mean())), atol=0.01):
        raise Wrong("this is the slope with distance; the event moves down.")
    raise Wrong(
        f"{value:.3f} s is not it. The arrivals stay; how much longer or shorter do the rays take from 1 km deeper, on average?"
    )


@exercise
def new_station(answer, catalog, event_id):
    if not isinstance(answer, dict) or not {"horizontal", "depth"} <= set(answer):
        raise Wrong('a dictionary is asked for: {"horizontal": "A", "depth": "B"}.')
    chosen = {what: one_of(answer[what], SITES.index) for what in ("horizontal", "depth")}
    from course_utils import location

    found = {s: location.locate(with_site(catalog, event_id, s)).events.iloc[0] for s in SITES.index}
    errors = pd.DataFrame(found).T[["horizontal_error_km", "depth_error_km"]].astype(float)
    for what, site in chosen.items():
        column = errors[f"{what}_error_km"]
        if column[site] > _SAME_WITHIN * column.min():
            raise Wrong(
                f"with {site} the {what} error is {column[site]:.1f} km, and another site does better. "
                f"{'From which side does no station look?' if what == 'horizontal' else 'Which ray would feel a change of depth most?'}"
            )
    return "A real plan would ask this for many events, and for the noise of the place."


@exercise
def inside_ellipse(answer):
    rng = np.random.default_rng(31)
    wrong, given, right, thin = 0, [], [], []
    for _ in range(60):
        angle, axes, centre = rng.uniform(0, np.pi), rng.uniform(0.3, 6.0, 2), rng.uniform(-40, 40, 2)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        points = centre + (rng.standard_normal((500, 2)) * axes) @ turn.T
        cloud = pd.DataFrame({"x_km": points[:, 0], "y_km": points[:, 1], "depth_km": rng.uniform(0, 9, 500)})
        probability = rng.choice([0.5, 0.68, 0.9])
        x, y = points[rng.integers(500)] + rng.standard_normal(2) * 0.3
        off = np.array([x, y]) - points.mean(axis=0)
        squared = off @ np.linalg.solve(np.cov(points.T), off)
        edge = -2.0 * np.log(1.0 - probability)  # chi-square with two degrees of freedom
        if abs(squared - edge) < 0.1 * edge:
            continue  # too near the line to tell methods apart
        value = call(answer, cloud, float(x), float(y), float(probability))
        if np.size(value) != 1 or bool(np.asarray(value).item()) != np.asarray(value).item():
            raise Wrong("the function should return True or False.")
        given.append(bool(np.asarray(value).item()))
        right.append(bool(squared < edge))
        thin.append(bool((off**2 / points.var(axis=0)).sum() < edge))
    given, right, thin = map(np.array, (given, right, thin))
    wrong = int((given != right).sum())
    if not wrong:
        return f"Right for {len(right)} clouds. For a posterior that is not Gaussian, count samples of lower density instead."
    if wrong == len(right):
        raise Wrong("it says inside for outside, always.")
    if (given == thin).mean() > (given == right).mean():
        raise Wrong(f"wrong for {wrong} of {len(right)} clouds: the ellipses are tilted, and yours are not.")
    if given[given != right].all():
        raise Wrong(
            f"wrong for {wrong} of {len(right)} clouds: your ellipse is too large. How many coordinates has an epicenter?"
        )
    if not given[given != right].any():
        raise Wrong(
            f"wrong for {wrong} of {len(right)} clouds: your ellipse is too small. Does it hold that share of a plane, or of a line?"
        )
    raise Wrong(
        f"wrong for {wrong} of {len(right)} clouds, in both directions. Where is the centre, and what is one unit in each direction?"
    )


@exercise
def publishable(answer, compared):
    if not isinstance(answer, dict) or "events" not in answer:
        raise Wrong('a dictionary is asked for: {"events": [1, 2], "reason": "..."}.')
    given = answer["events"]
    given = [given] if isinstance(given, (int, np.integer)) else given
    chosen = {int(n) for n in choices(given, [str(n) for n in compared.index])}
    if not chosen:
        raise Wrong("is there no event at all whose depth both programs give alike?")
    differ = (compared["depth_km"] - compared["depth_km_edt"]).abs()
    stated = np.hypot(compared["depth_error_km"], compared["depth_error_km_edt"])
    for n in sorted(chosen):
        if compared.loc[n, "depth_km"] < 0:
            raise Wrong(f"event {n}: look at its NonLinLoc depth, and at where the ground is.")
        if differ[n] > 2 * stated[n]:
            raise Wrong(f"event {n}: the two depths differ by {differ[n]:.0f} km. Compare this with the stated errors.")
    good = set(compared.index[(compared["depth_km"] > 0) & (differ <= 2 * stated)])
    left = sorted(good - chosen)
    if left:
        raise Wrong(f"event {left[0]} is left out. What speaks against it?")
    if "reason" not in answer:
        raise Unanswered
    words(answer["reason"], 15)
    return "Publishing the others' epicenters, with a fixed depth and a flag that says so, is what many agencies do."
