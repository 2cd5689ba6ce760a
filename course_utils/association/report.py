"""What happened in an association run: where every pick went, and which events were turned down."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from .settings import AssociationSettings


@dataclass(frozen=True)
class Report:
    """Account of one run.

    Attributes:
        method: associator.
        settings: what it ran with.
        gates: columns gate, picks, meaning: how many picks were stopped or passed at each gate; their sum is
            the number of picks given.
        stations: columns station, known, given, offered, assigned: picks per station, also of stations without
            picks and of picks without station.
        turned_down: columns rule, events: preliminary events that were not kept, and why.
        seconds: time the run took.
    """

    method: str
    settings: AssociationSettings
    gates: pd.DataFrame
    stations: pd.DataFrame
    turned_down: pd.DataFrame
    events: int
    seconds: float

    def picks(self, gate: str) -> int:
        """Number of picks that ended at a gate."""
        return int(self.gates.loc[self.gates["gate"] == gate, "picks"].iloc[0])

    @property
    def silent_stations(self) -> list[str]:
        """Stations of the table without a single pick."""
        rows = self.stations[self.stations["known"] & (self.stations["given"] == 0)]
        return rows["station"].tolist()

    @property
    def unknown_stations(self) -> list[str]:
        """Stations that have picks but no row in the stations table."""
        return self.stations.loc[~self.stations["known"], "station"].tolist()

    def __str__(self) -> str:
        lines = [f"{self.method}: {self.events} events from {self.gates['picks'].sum()} picks in {self.seconds:.1f} s"]
        lines += [f"  {row.picks:>8} {row.gate}: {row.meaning}" for row in self.gates.itertuples() if row.picks]
        for name, stations in (("without picks", self.silent_stations), ("unknown", self.unknown_stations)):
            if stations:
                shown = ", ".join(stations[:8]) + (", ..." if len(stations) > 8 else "")
                lines.append(f"  stations {name}: {len(stations)} ({shown})")
        lines += [f"  events turned down: {row.events} ({row.rule})" for row in self.turned_down.itertuples()]
        return "\n".join(lines)
