"""How a catalog compares with another: what both hold, what only one holds, how far apart the common events are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from course_utils.catalog.matching import EventMatch, match_events


@dataclass(frozen=True)
class Comparison:
    """Events matched one to one with a reference.

    Attributes:
        label: what the reference is called.
        match: pairs, and what has no partner.
        reference: the reference's events within the time looked at.
        expected: ids of the reference events that a good catalog should hold; all of them unless the reference is a
            synthetic truth, which also knows events that nobody could see.
        gates: max_dt_s and max_km.
    """

    label: str
    match: EventMatch
    reference: pd.DataFrame
    expected: frozenset[int]
    gates: dict[str, float]

    @property
    def missed(self) -> pd.DataFrame:
        """Expected reference events without a partner."""
        return self.match.missed[self.match.missed["event_id"].isin(self.expected)].reset_index(drop=True)

    @property
    def proposed(self) -> pd.DataFrame:
        """Events without a partner in the reference."""
        return self.match.proposed

    def summary(self) -> dict[str, Any]:
        """Counts, rates and medians as plain values; None where there is nothing to take them of."""
        pairs = self.match.matched
        found = int(pairs["reference_id"].isin(self.expected).sum())
        proposed = len(self.proposed)
        return {
            "reference": self.label,
            **self.gates,
            "events": len(pairs) + proposed,
            "reference_events": len(self.reference),
            "expected": len(self.expected),
            "matched": len(pairs),
            "expected_matched": found,
            "missed": len(self.missed),
            "proposed": proposed,
            "recall": _ratio(found, len(self.expected)),
            "precision": _ratio(len(pairs), len(pairs) + proposed),
            "median_dt_s": _median(pairs["dt_s"]),
            "median_abs_dt_s": _median(pairs["dt_s"].abs()),
            "median_km": _median(pairs["distance_km"]),
            "median_depth_difference_km": _median(pairs["depth_difference_km"]),
        }


def compare(
    events: pd.DataFrame,
    reference: pd.DataFrame,
    max_dt_s: float,
    max_km: float,
    label: str = "reference",
    expected: frozenset[int] | None = None,
    span: tuple[pd.Timestamp, pd.Timestamp] | None = None,
) -> Comparison:
    """Match a catalog's events with a reference's.

    Args:
        events, reference: events tables.
        max_dt_s, max_km: largest difference of origin times in s and distance of epicenters in km.
        expected: ids that count as missed when they have no partner; by default all.
        span: only reference events with origin times in it are looked at.
    """
    if span is not None:
        inside = (reference["time"] >= span[0]) & (reference["time"] < span[1])
        reference = reference[inside].reset_index(drop=True)
    ids = frozenset(reference["event_id"].tolist())
    wanted = ids if expected is None else ids & expected
    match = match_events(events, reference, max_dt_s=max_dt_s, max_km=max_km)
    return Comparison(label, match, reference, wanted, {"max_dt_s": max_dt_s, "max_km": max_km})


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _median(values: pd.Series) -> float | None:
    return float(np.median(values)) if len(values) else None
