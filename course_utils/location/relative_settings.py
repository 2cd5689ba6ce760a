"""Settings of relative relocation: which events are paired, and how their differential times are weighted."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Stage(BaseModel):
    """A few iterations with one set of weights; a ``None`` leaves a cut-off out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    iterations: int = Field(5, ge=1, description="linearised steps with these weights")
    ct_p: float = Field(1.0, ge=0, description="factor on the weight of P differences from catalog times")
    ct_s: float = Field(0.5, ge=0, description="factor on the weight of S differences from catalog times")
    cc_p: float = Field(1.0, ge=0, description="factor on the weight of P differences from cross-correlation")
    cc_s: float = Field(0.5, ge=0, description="factor on the weight of S differences from cross-correlation")
    ct_sigmas: float | None = Field(None, gt=0, description="cut-off of catalog residuals, in robust standard errors")
    cc_sigmas: float | None = Field(None, gt=0, description="cut-off of correlation residuals, likewise")
    ct_max_km: float | None = Field(None, gt=0, description="cut-off of the separation of events, catalog times")
    cc_max_km: float | None = Field(None, gt=0, description="cut-off of the separation of events, correlation times")
    damping: float = Field(
        0.01, ge=0, lt=10, description="added to the diagonal of the normal equations, as a fraction of it (Marquardt)"
    )


class RelocationSettings(BaseModel):
    """How events are relocated. Unknown names are refused; every field can be given to ``relocate`` as a keyword."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    neighbours: int = Field(10, ge=1, description="how many neighbours an event is paired with (catalog times)")
    max_km: float = Field(10.0, gt=0, description="farthest neighbour")
    min_links: int = Field(8, ge=1, description="fewest differential times that tie two events together")
    max_links: int | None = Field(None, ge=1, description="most per pair, those of the nearest stations; all")
    max_station_km: float | None = Field(None, gt=0, description="leave out stations farther from the event than this")
    stages: tuple[Stage, ...] = Field(
        (), description="weights in turn; when empty, chosen for the kinds of times given"
    )
    hold_centroid: bool = Field(
        True, description="keep the mean of every cluster where it came in: differential times hardly resolve it"
    )
    spacing_km: float | None = Field(None, gt=0, description="grid of the travel-time tables; by default 0.1 to 0.5 km")
    depth_margin_km: float = Field(5.0, gt=0, description="how far below the deepest event the tables reach")
    formal_errors: bool = Field(True, description="compute the covariance given the weights, for all events")

    def stages_for(self, ct: bool, cc: bool) -> tuple[Stage, ...]:
        """The stages, or those that suit the kinds of times there are (after Waldhauser 2001, hypoDD's examples)."""
        if self.stages:
            return self.stages
        if ct and cc:
            # no residual cut-off of correlation times before they have moved the events: an event that starts far off would lose
            # all of them to the sharp cut-off of the others, and not come back
            low = {"cc_p": 0.01, "cc_s": 0.005}
            return (
                Stage(iterations=4, **low),
                Stage(iterations=4, ct_sigmas=10, cc_max_km=5.0),
                Stage(iterations=4, ct_p=0.1, ct_s=0.05, ct_sigmas=8, cc_sigmas=6, cc_max_km=3.0, damping=0.005),
                Stage(iterations=4, ct_p=0.01, ct_s=0.005, ct_sigmas=6, cc_sigmas=4, cc_max_km=2.0, damping=0.001),
            )
        if cc:
            return (
                Stage(iterations=4),
                Stage(iterations=4, cc_sigmas=6),
                Stage(iterations=4, cc_sigmas=4, damping=1e-3),
            )
        return (
            Stage(iterations=4),
            Stage(iterations=4, ct_sigmas=8, ct_max_km=self.max_km),
            Stage(iterations=6, ct_sigmas=5, ct_max_km=self.max_km, damping=0.002),
        )
