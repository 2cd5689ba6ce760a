"""Labelled records: windows whose arrivals are known, in the form that pickers and :func:`judge` take.

Each record is an instrument of its own ("XX.000017."), starting at one nominal time, so that records of one station
that overlap in time cannot be confused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from course_utils.catalog import tables

START = pd.Timestamp("2000-01-01", tz="UTC")
SHORTEST_S = 5.0  # the picker skips shorter records
# columns of a record that would be taken for those of its labels
_NOT_OF_RECORDS = {"kind", "seconds", "time", "phase", "pick_id", "probability", "amplitude", "amplitude_unit", "model"}
_NOT_OF_RECORDS |= {"weights", "pick_error_s"}


@dataclass(frozen=True)
class Arrivals:
    """Arrivals of one phase, one of each record: ``samples`` (NaN: none); ``event``, ``snr_db`` where they are not the
    record's; ``visible`` as for :func:`judge`."""

    phase: str
    samples: pd.Series
    event: pd.Series | None = None
    snr_db: pd.Series | None = None
    visible: pd.Series | None = None


@dataclass(frozen=True)
class LabelledRecords:
    """Records, their labels, and a way to read their samples.

    Attributes:
        table: one row per record: ``station`` (its code here), ``seconds``, ``sampling_rate_hz``, ``event`` (records of one
            event share it; bootstrap draws events), ``kind`` ("event" or "noise"), and whatever else is known.
        labels: picks table with ``station`` as above, ``event``, and the record's further columns.
        read: row of the table -> (samples (components, n), letters of the components, sampling rate in Hz).
        left_out: what was not taken, and how often.
    """

    table: pd.DataFrame
    labels: pd.DataFrame
    read: Callable[[int], tuple[np.ndarray, str, float]]
    left_out: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.table)

    def streams(self) -> Iterator:
        """An ObsPy stream per record, made when it is asked for."""
        from obspy import Stream, Trace, UTCDateTime

        start = UTCDateTime(START.to_pydatetime())
        for row, code in enumerate(self.table["station"]):
            samples, letters, rate = self.read(row)
            network, station, location = code.split(".")
            header = {"network": network, "station": station, "location": location, "sampling_rate": rate}
            yield Stream(
                [
                    Trace(np.ascontiguousarray(data), header | {"channel": "HH" + letter, "starttime": start})
                    for letter, data in zip(letters, samples, strict=True)
                ]
            )

    def cut(self, seed: int, seconds: float = 60.0, lead_s: tuple[float, float] = (5.0, 25.0)) -> LabelledRecords:
        """The same records cut at random places, so that no arrival stands where the data set put it.

        The first label of a record comes between ``lead_s[0]`` and ``lead_s[1]`` after the start of the cut, as far as
        the record reaches; a record of noise is cut anywhere. Cuts are ``seconds`` long, shorter where the record ends.
        A picker that answers the same time always is thereby found out.

        Raises:
            ValueError: times that cannot be.
        """
        if not (0 <= lead_s[0] <= lead_s[1] < seconds) or seconds < SHORTEST_S:
            raise ValueError(
                f"lead_s is {lead_s}, seconds {seconds}; give 0 <= from <= to < seconds, seconds at least 5"
            )
        rng = np.random.default_rng(seed)
        draws = rng.random(len(self))
        length = self.table["seconds"].to_numpy(np.float64)
        since = (self.labels["time"] - START).dt.total_seconds()
        first = self.table["station"].map(since.groupby(self.labels["station"]).min()).to_numpy(np.float64)
        room = np.maximum(length - seconds, 0.0)
        begin = np.where(np.isnan(first), draws * room, first - lead_s[0] - draws * (lead_s[1] - lead_s[0]))
        # never held back by the end of the record: a shorter cut is better than an arrival that stays where it was
        begin = np.clip(begin, 0.0, np.maximum(length - SHORTEST_S, 0.0))

        rate = self.table["sampling_rate_hz"].to_numpy(np.float64)
        begin = np.rint(begin * rate) / rate
        read = self.read

        def cut_read(row: int) -> tuple[np.ndarray, str, float]:
            samples, letters, own = read(row)
            at = round(begin[row] * own)
            return samples[:, at : at + round(seconds * own)], letters, own

        return self._shifted(begin, np.minimum(seconds, length - begin), cut_read)

    def select(self, rows: np.ndarray) -> LabelledRecords:
        """Some of the records, by a mask or by row numbers."""
        rows = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
        table = self.table.iloc[rows].reset_index(drop=True)
        labels = self.labels[self.labels["station"].isin(table["station"])].reset_index(drop=True)
        return replace(self, table=table, labels=labels, read=lambda row: self.read(int(rows[row])))

    def _shifted(self, begin: np.ndarray, length: np.ndarray, read) -> LabelledRecords:
        shift = pd.Series(begin, index=self.table["station"].to_numpy())
        span = pd.Series(length, index=self.table["station"].to_numpy())
        labels = self.labels.copy()
        moved = (labels["time"] - START).dt.total_seconds() - labels["station"].map(shift)
        labels["time"] = START + pd.to_timedelta((moved * 1e6).round().astype("int64"), unit="us")
        inside = (moved >= 0) & (moved < labels["station"].map(span))
        left_out = dict(self.left_out)
        if not inside.all():
            left_out["labels outside the cut"] = int((~inside).sum())
        labels = tables.conform(labels.drop(columns="pick_id")[inside], "picks")
        return LabelledRecords(self.table.assign(seconds=length, cut_at_s=begin), labels, read, left_out)


def labelled_records(waveforms: np.ndarray, table: pd.DataFrame, *, components: str = "ZNE") -> LabelledRecords:
    """Records from an array, such as ``data.open("phasenet-ncedc")["waveforms", "records"]``.

    Args:
        waveforms: (records, components, samples).
        table: one row per record with ``sampling_rate_hz``, ``p_sample``, ``s_sample`` (NaN: none), and optionally
            ``event``, ``kind`` ("noise": there is nothing to find) and any other column. A record without labels whose
            kind is not "noise" is left out and counted. ``p_visible`` and ``s_visible``, as ``synthetic.records`` gives them,
            say which labels need not be found.
        components: letters of the second axis.

    Raises:
        ValueError: array and table do not fit, or a column is missing.
    """
    waveforms = np.asarray(waveforms)
    if waveforms.ndim != 3 or waveforms.shape[:2] != (len(table), len(components)):
        raise ValueError(
            f"waveforms has shape {waveforms.shape}; expected ({len(table)} records as in the table, {len(components)} "
            f"components {components}, samples)"
        )
    absent = {"sampling_rate_hz", "p_sample", "s_sample"} - set(table.columns)
    if absent:
        raise ValueError(f"table has no column {', '.join(sorted(absent))}")
    table = table.reset_index(drop=True)
    rates = table["sampling_rate_hz"].to_numpy(np.float64)
    arrivals = [
        Arrivals(phase, table[f"{phase.lower()}_sample"], visible=table.get(f"{phase.lower()}_visible"))
        for phase in tables.PHASES
    ]
    lengths = np.full(len(table), waveforms.shape[2])
    noise = (table["kind"] == "noise").to_numpy() if "kind" in table.columns else np.zeros(len(table), bool)
    return assemble(table, arrivals, rates, lengths, noise, lambda row: (waveforms[row], components, rates[row]))


def assemble(table: pd.DataFrame, arrivals: list[Arrivals], rates, lengths, noise, read) -> LabelledRecords:
    """Labelled records from columns; records that cannot be used and labels outside of their record are counted.

    Args:
        table: one row per record; ``event``, ``station`` and whatever else is known.
        rates, lengths, noise: of each row of the table: Hz, samples, and whether there is nothing to find.
        read: row of the table -> (samples, component letters, rate).
    """
    left_out: dict[str, int] = {}
    noise, rates = np.asarray(noise, bool), np.asarray(rates, np.float64)
    seconds = np.asarray(lengths, np.float64) / rates
    codes = pd.Series([f"XX.{row:06d}." for row in range(len(table))], dtype=object)
    event = table["event"].astype(object) if "event" in table.columns else codes
    event = event.where(event.notna(), codes).astype(str)
    table = table.assign(station_code=table.get("station", codes)).assign(
        station=codes, seconds=seconds, sampling_rate_hz=rates, event=event, kind=np.where(noise, "noise", "event")
    )
    further = table.drop(columns=[*_NOT_OF_RECORDS & set(table.columns)])
    parts = []
    for some in arrivals:
        at = pd.to_numeric(some.samples, errors="coerce").to_numpy(np.float64) / rates
        known = np.isfinite(at)
        inside = known & (at >= 0) & (at < seconds)
        if (known & noise).any():
            raise ValueError(
                f"record {int((known & noise).argmax())} is said to be noise, but has labels; correct its kind"
            )
        if (known & ~inside).any():
            kind = "labels outside their record"
            left_out[kind] = left_out.get(kind, 0) + int((known & ~inside).sum())
        rows = np.flatnonzero(inside)
        time = START + pd.to_timedelta(np.rint(at[rows] * 1e6).astype(np.int64), unit="us")
        part = further.iloc[rows].assign(phase=some.phase, time=time)
        for name in ("event", "snr_db", "visible"):
            own = getattr(some, name)
            if own is not None:
                part[name] = own.iloc[rows].where(own.iloc[rows].notna(), part.get(name)).to_numpy()
        parts.append(part)
    labels = tables.conform(pd.concat(parts, ignore_index=True), "picks")
    keep = noise | table["station"].isin(labels["station"]).to_numpy()
    if not keep.all():
        left_out["records without labels that are not noise"] = int((~keep).sum())
    rows = np.flatnonzero(keep)
    return LabelledRecords(table.iloc[rows].reset_index(drop=True), labels, lambda row: read(int(rows[row])), left_out)
