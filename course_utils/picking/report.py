"""What a run of the picker left out or changed, counted by station and channel. Nothing is dropped in silence."""

from __future__ import annotations

from dataclasses import dataclass, field

KINDS = {
    "unreadable": "a file that could not be read, or a trace without numbers; skipped",
    "empty": "a trace without samples; skipped",
    "wrong rate": "a sampling rate that is missing, or too low for the model; skipped",
    "rate converted": "resampled to the model's rate as SeisBench does; the detail names the rate",
    "component ignored": "a channel that the model has no use for, or the second code for one component; skipped",
    "component missing": "a component that was filled with zeros because the instrument has none",
    "not a number": "NaN, infinite or masked samples; treated as missing",
    "flat": "a component without any change over a whole piece or window; filled with zeros",
    "overlap merged": "records of one channel that cover the same time and agree; used once",
    "overlap disagrees": "records of one channel that cover the same time and differ; that time is treated as missing",
    "gap interpolated": "a gap up to max_gap_s, filled by a straight line",
    "fragment padded": "a piece shorter than the model's window, mirrored at its ends to fill one",
    "fragment skipped": "a piece too short to be picked at all; skipped",
    "picks at padding": "picks so close to the mirrored part of a padded fragment that they mean nothing; dropped",
    "picks in gap": "picks on interpolated samples that no component recorded; dropped",
    "preparation failed": "data that the model's own filter, resampling or features refused or used up; skipped",
    "batch halved": "a batch that did not fit into the memory of the device; worked in halves from then on",
    "not denoised": "a piece that the denoiser's own filter or resampling refused; picked as it came",
    "no onset": "a trigger of the AR baseline near which it finds no P, or the one it had; skipped",
    "no response": "an instrument that the inventory does not describe; its amplitudes stay in counts",
    "sensitivity only": "a response without usable stages; amplitudes by its overall sensitivity",
}


@dataclass
class Report:
    """Collects notes; :meth:`as_dict` gives them as plain values (ready for JSON and for ``frame.attrs``)."""

    settings: dict = field(default_factory=dict)
    totals: dict = field(default_factory=dict)
    _notes: dict = field(default_factory=dict)

    def note(
        self, kind: str, station: str = "", channel: str = "", *, seconds: float = 0.0, count: int = 1, detail: str = ""
    ) -> None:
        """Count one thing; equal notes add up, the first detail is kept. KeyError for a kind that is not in KINDS."""
        if kind not in KINDS:
            raise KeyError(f"no kind {kind!r} of note; there are {', '.join(KINDS)}")
        known = self._notes.setdefault((kind, station, channel), [0, 0.0, detail])
        known[0] += count
        known[1] += seconds

    def add(self, name: str, amount: float) -> None:
        """Add to a running total, such as the seconds of data that were picked."""
        self.totals[name] = self.totals.get(name, 0) + amount

    def merge(self, other: Report) -> None:
        """Add the notes and totals of another report."""
        for (kind, station, channel), (count, seconds, detail) in other._notes.items():
            self.note(kind, station, channel, seconds=seconds, count=count, detail=detail)
        for name, amount in other.totals.items():
            self.add(name, amount)

    def count(self, kind: str) -> int:
        """How often a kind was noted, over all stations."""
        return sum(values[0] for key, values in self._notes.items() if key[0] == kind)

    def seconds(self, kind: str) -> float:
        """Seconds of data that a kind concerns, over all channels."""
        return sum(values[1] for key, values in self._notes.items() if key[0] == kind)

    def as_dict(self) -> dict:
        """``{"settings": {...}, "totals": {...}, "notes": [{"kind", "station", "channel", "count", "seconds", "detail"}]}``."""
        notes = [
            {
                "kind": kind,
                "station": station,
                "channel": channel,
                "count": count,
                "seconds": round(seconds, 3),
                "detail": detail,
            }
            for (kind, station, channel), (count, seconds, detail) in sorted(self._notes.items())
        ]
        totals = {name: round(value, 3) if isinstance(value, float) else value for name, value in self.totals.items()}
        return {"settings": dict(self.settings), "totals": totals, "notes": notes}

    def __str__(self) -> str:
        parts = []
        for kind in KINDS:
            if n := self.count(kind):
                seconds = self.seconds(kind)
                parts.append(f"{kind}: {n}" + (f" ({seconds:.1f} s)" if seconds else ""))
        return "; ".join(parts) or "nothing left out"
