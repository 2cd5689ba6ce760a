"""What a data set is made of: window, rate, components, quality, noise; checked before anything is read."""

from __future__ import annotations

from dataclasses import asdict, dataclass

UNITS = ("counts", "physical")
PHASE_RULES = ("any", "P", "S", "both")


class CurationError(ValueError):
    """A data set cannot be made or used as asked; the message names the thing, the value and the remedy."""


@dataclass(frozen=True)
class CurationSettings:
    """How windows are cut.

    Attributes:
        window_s: length of a window in s.
        pick_at_s: the first pick of a window's event lies between these seconds from its start, at a place that follows
            from the ids of event and station: a model must not learn the position. Equal numbers fix it.
        sampling_rate_hz: of the data set; other records are converted as SeisBench does before it annotates.
        component_order: rows of the arrays; 1 and 2 stand in for N and E.
        phases: which picks an event needs at a station: "any", "P", "S" or "both".
        min_components: windows with fewer recorded components are left out; missing ones are zeros.
        min_completeness: smallest share of samples recorded, over the components that are there; gaps are bridged by
            straight lines and flagged.
        min_snr_db: windows whose first pick has less are left out; None keeps all.
        noise_fraction: noise windows for each window with an event, as far as quiet times are found.
        guard_s: noise windows keep so far from every pick and predicted arrival.
        after_s: seconds after an S that still count as its event.
        units: "counts", or "physical": divided by the sensitivity of the inventory (m/s, or m/s**2 of accelerometers).
        seed: another one gives other positions and noise windows.
    """

    window_s: float = 60.0
    pick_at_s: tuple[float, float] = (8.0, 30.0)
    sampling_rate_hz: float = 100.0
    component_order: str = "ZNE"
    phases: str = "any"
    min_components: int = 1
    min_completeness: float = 0.9
    min_snr_db: float | None = None
    noise_fraction: float = 0.1
    guard_s: float = 5.0
    after_s: float = 30.0
    units: str = "counts"
    seed: int = 0

    def __post_init__(self):
        low, high = self.pick_at_s
        letters = self.component_order
        checks = (
            ("window_s", self.window_s, 1 <= self.window_s <= 3600, "give 1 to 3600 s"),
            (
                "pick_at_s",
                self.pick_at_s,
                0 <= low <= high < self.window_s,
                "give two times inside the window, in order",
            ),
            ("sampling_rate_hz", self.sampling_rate_hz, 1 <= self.sampling_rate_hz <= 10_000, "give 1 to 10000 Hz"),
            ("component_order", letters, 0 < len(letters) == len(set(letters)), 'give different letters, as in "ZNE"'),
            ("phases", self.phases, self.phases in PHASE_RULES, f"use {', '.join(PHASE_RULES)}"),
            ("min_components", self.min_components, 1 <= self.min_components <= len(letters), "give 1 or more"),
            ("min_completeness", self.min_completeness, 0 < self.min_completeness <= 1, "give a share above 0"),
            ("noise_fraction", self.noise_fraction, 0 <= self.noise_fraction <= 100, "give 0 or more"),
            ("guard_s", self.guard_s, self.guard_s >= 0, "give 0 or more"),
            ("after_s", self.after_s, self.after_s >= 0, "give 0 or more"),
            ("units", self.units, self.units in UNITS, f"use {' or '.join(UNITS)}"),
        )
        for name, value, right, remedy in checks:
            if not right:
                raise CurationError(f"{name} is {value!r}; {remedy}")

    @property
    def samples(self) -> int:
        """Samples of a window."""
        return round(self.window_s * self.sampling_rate_hz)

    def as_dict(self) -> dict:
        """Plain values, ready for JSON."""
        return asdict(self) | {"pick_at_s": list(self.pick_at_s)}
