"""Settings of absolute location: what they mean and what they are when nobody says."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class LocationSettings(BaseModel):
    """How events are located. Unknown names are refused; every field can be given to ``locate`` as a keyword."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["edt", "l2"] = Field("edt", description="likelihood: equal differential time, or least squares")
    p_error_s: float = Field(0.08, gt=0, description="standard error of a P pick without a pick_error_s of its own")
    s_error_s: float = Field(0.12, gt=0, description="standard error of an S pick without a pick_error_s of its own")
    model_error_fraction: float = Field(
        0.02, ge=0, description="standard error of a predicted time, as a fraction of the travel time"
    )
    model_error_min_s: float = Field(0.05, ge=0, description="least standard error of a predicted P time; S: 1.7 times")
    model_error_max_s: float = Field(1.0, gt=0, description="most that the fraction of the travel time can give")
    error_correlation: float = Field(
        0.025,
        ge=0,
        lt=1,
        description="mean correlation of the errors of two arrivals: an error of the velocity model delays P and S and "
        "neighbouring paths alike, so that n arrivals are worth n / (1 + (n - 1) times this); 0 for random errors",
    )
    margin_km: float | None = Field(
        None, ge=0, description="how far outside the stations to search; half the network's width, 20 to 100 km"
    )
    max_depth_km: float | None = Field(
        None, gt=0, description="deepest source; by default the last row of the velocity model, from 15 to 100 km"
    )
    min_arrivals: int = Field(5, ge=4, description="events with fewer arrivals are not located")
    min_stations: int = Field(3, ge=3, description="events with arrivals at fewer stations are not located")
    unlocatable: Literal["keep", "remove"] = Field(
        "keep", description="what happens to events that cannot be located: kept as they came with grade D, or removed"
    )
    samples: int = Field(1000, ge=100, description="points drawn from the posterior for the uncertainties")
    seed: int = Field(0, ge=0, description="seed of those points, together with the event_id")
    station_terms: bool = Field(False, description="estimate delays of stations and phases from the residuals")
    station_term_rounds: int = Field(4, ge=1, description="rounds of locating and estimating them")
    station_term_min: int = Field(5, ge=2, description="arrivals that a station and phase needs to get a delay")
    gather: bool = Field(False, description="take the picks nearest to the predicted arrivals, and locate again")
    gather_rounds: int = Field(2, ge=1, description="rounds of gathering and locating")
    gather_sigmas: float = Field(
        3.0, gt=0, description="gate around a predicted arrival, in standard errors of pick and model together"
    )
    gather_reach: float = Field(
        1.25, ge=1, description="gather at stations up to this factor of the distance of the farthest assigned one"
    )
    merge: bool = Field(True, description="merge events that explain the same arrivals")
    merge_s: float | None = Field(
        None,
        gt=0,
        description="two events are one when their predicted arrivals differ by less (median); three errors of a P",
    )
    merge_shared: float = Field(0.5, gt=0, le=1, description="or when they share this fraction of the smaller's picks")
    prune_min_arrivals: int | None = Field(None, description="afterwards remove events with fewer arrivals used")
    prune_max_rms_s: float | None = Field(None, gt=0, description="afterwards remove events with a larger rms")
    prune_max_gap_deg: float | None = Field(None, gt=0, le=360, description="afterwards remove events with a wider gap")
    prune_max_horizontal_error_km: float | None = Field(
        None, gt=0, description="afterwards remove events with a larger horizontal error"
    )


def with_overrides(settings: LocationSettings | dict | None, overrides: dict) -> LocationSettings:
    """The settings with some fields exchanged, checked; ValueError names an unknown field or a bad value."""
    base = settings.model_dump() if isinstance(settings, LocationSettings) else dict(settings or {})
    return LocationSettings(**{**base, **overrides})
