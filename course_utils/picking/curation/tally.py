"""What curation left out or changed, and why: nothing is lost in silence."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pandas as pd

COLUMNS = ["reason", "event_id", "station", "phase", "time", "detail"]


@dataclass
class Tally:
    """``counts``: how often each thing happened. ``rows``: what was left out, one by one."""

    counts: Counter = field(default_factory=Counter)
    rows: list[tuple] = field(default_factory=list)
    seconds: Counter = field(default_factory=Counter)

    def count(self, what: str, number: int = 1) -> None:
        """Count something that leaves nothing out."""
        if number:
            self.counts[what] += number

    def leave_out(self, reason: str, event_id: int, station: str, time=None, phase: str = "", detail: str = "") -> None:
        """One window, or one pick, that does not get into the data set."""
        self.counts[reason] += 1
        self.rows.append((reason, int(event_id), station, phase, time, detail))

    def leave_out_rows(self, reason: str, picks: pd.DataFrame) -> None:
        """Picks that do not get into the data set."""
        for row in picks[["event_id", "station", "phase", "time"]].itertuples(index=False):
            self.leave_out(reason, row.event_id, row.station, row.time, row.phase)

    def table(self) -> pd.DataFrame:
        """Everything left out: reason, event_id (0 for noise), station, phase, time, detail."""
        table = pd.DataFrame(self.rows, columns=COLUMNS)
        table["time"] = pd.to_datetime(table["time"], utc=True)
        return table

    def in_words(self) -> str:
        """The counts in one line."""
        return "; ".join(f"{what}: {number}" for what, number in sorted(self.counts.items())) or "nothing left out"
