"""Delays of stations and phases that all events share, estimated from residuals."""

from __future__ import annotations

import numpy as np
import pandas as pd


def update_terms(terms: pd.DataFrame | None, arrivals: pd.DataFrame, least: int) -> pd.DataFrame:
    """Station terms after one more round: the old ones plus the median residual of each station and phase.

    Medians of stations and phases with ``n`` residuals count n / (n + 3), so that a few of them move a term less.
    The mean over stations of each phase is removed: a common delay would be an origin time, and P against S a
    velocity ratio. Stations with fewer than ``least`` arrivals of the phase have no term.

    Args:
        terms: station, phase, term_s, n or None.
        arrivals: station, phase, residual_s, weight of located events.

    Returns:
        station, phase, term_s, n, sorted.
    """
    rows = arrivals[arrivals["used"] & arrivals["residual_s"].notna() & (arrivals["weight"] > 0)]
    found = rows.groupby(["station", "phase"])["residual_s"].agg(["median", "size"]).reset_index()
    found = found[found["size"] >= least]
    if terms is not None and len(terms):
        found = found.merge(terms[["station", "phase", "term_s"]], on=["station", "phase"], how="left")
    else:
        found = found.assign(term_s=0.0)
    n = found["size"].to_numpy(float)
    term = found["term_s"].fillna(0.0).to_numpy() + found["median"].to_numpy() * n / (n + 3.0)
    out = pd.DataFrame(
        {"station": found["station"], "phase": found["phase"], "term_s": term, "n": n.astype(np.int64)}
    ).sort_values(["station", "phase"], ignore_index=True)
    out["term_s"] -= out.groupby("phase")["term_s"].transform("mean")
    return out
