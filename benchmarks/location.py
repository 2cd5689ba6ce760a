"""Location and relocation: whether its ellipsoids hold the truth as often as they say, speed, and real sequences."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "location"))

from _common import Figure, mirror, missing, run
from _magnitude import magnitudes
from _relocation import correlation, halves, hypodd, solver
from perturbed_medium import perturbed, stated

from course_utils import location
from course_utils.catalog.tables import Catalog, conform
from course_utils.earth import distance_azimuth
from course_utils.location.locator import ELLIPSOID_68

_REGION = {"margin_km": 10.0, "max_depth_km": 40.0}


def coverage(n_media: int, n_events: int, arrivals: int) -> tuple[dict[float, float], float]:
    """Share of true hypocenters inside the 50, 68 and 95 % ellipsoids, and the median volume of the 68 % one, km^3."""
    from scipy.stats import chi2

    squared, volume = [], []
    for seed in range(1000, 1000 + n_media):
        truth = perturbed(n_events, seed, arrivals=arrivals, spacing_km=0.5)
        done = location.run_location(truth.catalog, **_REGION, **stated(truth.model_error_s), merge=False)
        true = np.column_stack([truth.x_km, truth.y_km, truth.depth_km])
        for e, event_id in enumerate(truth.catalog.events["event_id"]):
            samples = location.posterior(event_id, truth.catalog, 500, locator=done.locator)
            points = samples[["x_km", "y_km", "depth_km"]].to_numpy()
            covariance, off = np.cov(points.T), true[e] - points.mean(axis=0)
            squared.append(off @ np.linalg.solve(covariance, off))
            volume.append(4 / 3 * np.pi * np.sqrt(np.linalg.det(ELLIPSOID_68 * covariance)))
    shares = {p: float(np.mean(np.array(squared) < chi2.ppf(p, 3))) for p in (0.5, 0.68, 0.95)}
    return shares, float(np.median(volume))


def speed(n_events: int) -> float:
    """Seconds to locate 1,000 events of 30 arrivals on one core, tables and compiled code at hand."""
    truth = perturbed(n_events, 7, arrivals=30, spacing_km=0.5)
    locator = location.Locator(truth.catalog.stations, truth.catalog.velocity, location.LocationSettings())
    from course_utils.location.arrivals import collect

    rows = collect(truth.catalog, truth.catalog.assignments, locator.stations, locator.settings)
    ids = truth.catalog.events["event_id"].to_numpy()
    locator.solve(rows, ids, only=ids <= 2)
    start = time.process_time()
    locator.solve(rows, ids)
    return (time.process_time() - start) * 1000 / n_events


def iceland() -> float:
    """Median epicentral difference in km between our locations of QuakeMigrate's picks and QuakeMigrate's."""
    from course_utils import data

    opened = data.open("qm-volcanotectonic")
    found = location.locate(Catalog(*(opened[k] for k in ("events", "assignments", "picks", "stations", "velocity"))))
    both = found.events.merge(opened["events"], on="event_id", suffixes=("", "_qm"))
    apart = distance_azimuth(both["latitude"], both["longitude"], both["latitude_qm"], both["longitude_qm"])[0]
    return float(np.median(apart))


def yu_catalog(folder: Path, n_events: int) -> Catalog:
    """The first events of location-benchmark-yu in the common tables."""
    folder = folder / "workflow" / "hyposvi"
    stations = pd.read_csv(folder / "station.csv").rename(columns={"station": "code"})
    stations["station"] = "X." + stations["code"].str.strip() + "."
    stations["elevation_m"] = 1000.0 * stations["elevation"]
    velocity = pd.read_csv(folder / "vel.csv").set_axis(["depth_km", "vp_km_s", "vs_km_s"], axis=1)
    phases = pd.read_csv(folder / "phase.csv")
    phases = phases[phases["evid"] <= n_events].assign(
        event_id=lambda p: p["evid"],
        pick_id=lambda p: 1000 * p["evid"] + p["arid"],
        station=lambda p: "X." + p["station"].str.strip() + ".",
    )
    events = pd.read_csv(folder / "pre_cat.csv").rename(columns={"evid": "event_id", "depth": "depth_km"})
    return Catalog(
        events.loc[events["event_id"] <= n_events, ["event_id", "time", "latitude", "longitude", "depth_km"]],
        phases[["event_id", "pick_id", "station", "phase"]],
        phases[["pick_id", "station", "phase", "time"]],
        conform(stations[["station", "latitude", "longitude", "elevation_m"]], "stations"),
        velocity,
    )


def yu_residuals(folder: Path, n_events: int) -> tuple[float, float]:
    """Median absolute deviation of the residuals in s, with and without joint station terms."""
    catalog, out = yu_catalog(folder, n_events), []
    for terms in (True, False):
        residuals = location.locate(catalog, station_terms=terms).assignments["residual_s"].dropna()
        out.append(float((residuals - residuals.median()).abs().median()))
    return out[0], out[1]


def measure(quick: bool) -> dict[str, Figure]:
    media, events = (15, 10) if quick else (40, 25)
    figures = {}
    for arrivals, tail in ((30, ""), (16, "_16_arrivals")):
        shares, volume = coverage(media, events, arrivals)
        where = f"{media} perturbed media x {events} events, {arrivals} arrivals"
        figures[f"coverage_68{tail}"] = Figure(shares[0.68], where, goal="0.60 to 0.76")
        figures[f"coverage_50{tail}"] = Figure(shares[0.5], where)
        figures[f"coverage_95{tail}"] = Figure(shares[0.95], where)
        figures[f"ellipsoid_68_km3{tail}"] = Figure(volume, where + ", median")
    count = 200 if quick else 1000
    figures["locate_1000_s"] = Figure(speed(count), f"{count} events x 30 arrivals, one core", goal="at most 60")
    goal = "at most 0.4"
    if mirror("qm-volcanotectonic"):
        figures["iceland_median_km"] = Figure(iceland(), "qm-volcanotectonic, QuakeMigrate's own picks", goal=goal)
    else:
        figures["iceland_median_km"] = missing("no qm-volcanotectonic in COURSE_DATA_MIRROR", goal)
    folder = mirror("location-benchmark-yu")
    if folder:
        count = 200 if quick else 1000
        with_terms, without = yu_residuals(folder, count)
        where = f"location-benchmark-yu, {count} events"
        figures["yu_residual_mad_s"] = Figure(with_terms, where + ", station terms", goal="at most 0.045")
        figures["yu_residual_mad_without_terms_s"] = Figure(without, where)
    else:
        figures["yu_residual_mad_s"] = missing("no location-benchmark-yu in COURSE_DATA_MIRROR", "at most 0.045")
    figures |= hypodd() | solver(2000 if quick else 10000) | correlation()
    figures |= magnitudes(quick)
    if folder:
        figures |= halves(yu_catalog(folder, 300 if quick else 1000))
    return figures


if __name__ == "__main__":
    sys.exit(run("location", measure))
