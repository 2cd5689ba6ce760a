"""An automatic catalog of the synthetic Earth with faults, made as a pipeline makes one, and the truth about each event.

made = faulty_catalog(seed=7)
made.catalog.events          # what is given
made.truth_labels            # what each of these events is
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from course_utils.association import associate
from course_utils.catalog.magnitude import MagnitudeScale
from course_utils.catalog.tables import Catalog
from course_utils.earth import distance_azimuth
from course_utils.location import locate
from course_utils.synthetic.catalog_faults import Spoiled, inject
from course_utils.synthetic.catalog_picks import CatalogPicks, catalog_picks

# of rms velocities of S in m/s, 1-16 Hz; the level is that of the synthetic Earth's Mw near 1.5
SCALE = MagnitudeScale(offset=8.5, unit="m/s", name="S velocity")
_MAGNITUDE_OFF = 0.3
_AT_GROUND_KM, _UP_KM = 3.0, 2.0
_FAR_KM, _DEEP_KM = 10.0, 15.0


@dataclass(frozen=True)
class FaultyCatalog:
    """A catalog with faults and its truth.

    Attributes:
        catalog: events (located, with magnitude and the location's grade), assignments, picks, stations, velocity.
        stations, velocity: those of the catalog; velocity is the published model, the true medium is another.
        truth_events: the true events: events table (magnitude is Mw) with cluster and mechanism.
        truth_labels: one row per catalog event, in its order: event_id; ``kind`` (one of
            :data:`course_utils.synthetic.catalog_faults.KINDS`, described there); ``good`` (kind is "good");
            ``true_event_id`` (the true event that most of its picks belong to, -1 when fewer than half belong to any);
            ``true_share`` of its picks that do; ``faulty_picks`` (picks that were changed); ``partner_id`` (the other event of
            a split or duplicate, else -1); ``error_km`` (epicentre) and ``depth_difference_km`` (both NaN without a true
            event; positive is too deep).
    """

    catalog: Catalog
    stations: pd.DataFrame
    velocity: pd.DataFrame
    truth_events: pd.DataFrame
    truth_labels: pd.DataFrame


def faulty_catalog(seed: int, n_events: int = 400) -> FaultyCatalog:
    """The catalog that an automatic pipeline would make of ``n_events`` true events, nearly half of its events bad.

    Picks with noise are associated (vote), some of the events spoiled, and all located (equal differential time), without the
    merging of duplicates that :func:`course_utils.location.locate` does by default. The same seed gives the same tables.

    Args:
        seed: whole number, at least 0, of up to 128 bits.
        n_events: true events, 20 to 5000.

    Raises:
        ValueError: one of the two is out of range.
    """
    drawn = catalog_picks(seed, n_events)
    associated = associate(drawn.picks, drawn.stations, drawn.velocity, method="vote")
    before = _belongs(associated.assignments.merge(drawn.origin, on="pick_id"))
    bad = set(associated.events["event_id"]) - set(before.index[~before["second"] & (before["true_event_id"] >= 0)])
    spoiled = inject(associated, drawn.origin, seed, spare=bad)
    catalog = locate(spoiled.catalog, merge=False, unlocatable="remove")
    magnitude = _magnitudes(catalog, catalog.assignments).round(2)
    catalog = catalog.replace(events=catalog.events.assign(magnitude=magnitude, magnitude_type="M"))
    labels = _labels(catalog, spoiled, drawn)
    return FaultyCatalog(catalog, catalog.stations, catalog.velocity, drawn.events, labels)


def _belongs(pairs: pd.DataFrame) -> pd.DataFrame:
    """For each event of assignments with ``true_event_id``: the true event of most picks, its share, and whether another event
    has more picks of the same."""
    counts = pairs.groupby(["event_id", "true_event_id"], sort=True).size().rename("n").reset_index()
    counts["true_share"] = counts["n"] / counts.groupby("event_id")["n"].transform("sum")
    best = counts.sort_values(["event_id", "n"], ascending=[True, False], kind="stable").drop_duplicates("event_id")
    best.loc[best["true_share"] < 0.5, "true_event_id"] = -1
    best = best.sort_values("n", ascending=False, kind="stable")
    best["second"] = (best["true_event_id"] >= 0) & best.duplicated("true_event_id")
    return best.set_index("event_id")


def _magnitudes(catalog: Catalog, pairs: pd.DataFrame) -> pd.Series:
    """Mean over stations of S, as many networks take it, in the order of the events."""
    rows = pairs.merge(catalog.picks[["pick_id", "amplitude"]], on="pick_id")
    rows = rows[rows["phase"] == "S"].merge(catalog.events[["event_id", "depth_km"]], on="event_id")
    rows["ml"] = SCALE.magnitude(rows["amplitude"], np.hypot(rows["distance_km"], rows["depth_km"].clip(lower=1.0)))
    return catalog.events["event_id"].map(rows.groupby("event_id")["ml"].mean())


def _labels(catalog: Catalog, spoiled: Spoiled, drawn: CatalogPicks) -> pd.DataFrame:
    events = catalog.events
    pairs = catalog.assignments.merge(spoiled.origin, on="pick_id")
    table = events[["event_id", "latitude", "longitude", "depth_km"]].merge(spoiled.plan, on="event_id", how="left")
    belongs = _belongs(pairs).reindex(table["event_id"])
    table["true_event_id"] = belongs["true_event_id"].to_numpy()
    table["true_share"] = belongs["true_share"].where(belongs["true_event_id"] >= 0, 0.0).to_numpy()
    true = drawn.events.set_index("event_id").reindex(table["true_event_id"])
    table["error_km"] = distance_azimuth(*(t[c] for t in (table, true) for c in ("latitude", "longitude")))[0]
    table["depth_difference_km"] = table["depth_km"].to_numpy() - true["depth_km"].to_numpy()
    kind = table["planned"].copy()
    kind[kind.eq("good") & belongs["second"].to_numpy()] = "split"
    # a fault counts by what it did
    deeper = table["depth_difference_km"]
    displaced = (table["error_km"] >= _FAR_KM) | (deeper >= _DEEP_KM)
    displaced |= (table["depth_km"] < _AT_GROUND_KM) & (deeper < -_UP_KM)
    kind[kind.eq("airquake") & ~displaced] = "timing"
    unharmed = (events["magnitude"] - _magnitudes(catalog, pairs[pairs["fault"] != "magnitude"])).abs() < _MAGNITUDE_OFF
    kind[kind.eq("magnitude") & unharmed.to_numpy()] = "good"
    kind[table["true_event_id"] < 0] = "false"
    table = table.assign(kind=kind, good=kind == "good")
    columns = ["event_id", "kind", "good", "true_event_id", "true_share", "faulty_picks", "partner_id", "error_km"]
    return table[[*columns, "depth_difference_km"]]
