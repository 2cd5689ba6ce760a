"""Picking a whole archive: station-days over processes, each done once, whatever some of them hold.

On a CPU each worker reads, picks and writes a station-day by itself. With readers (and on a GPU) the workers only read and
decode, and this process picks, so that one process owns the device. Either way what is in memory at a time is a
station-day or two per worker, however long the archive.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from course_utils.pipeline.config import Pick
from course_utils.pipeline.sources import Records, Window
from course_utils.pipeline.units import Record, Result, Unit, UnitStore, UnusableInput, skipped
from course_utils.pipeline.workers import Lost, share_out

_BATCH = 8  # consecutive days of a station go to one worker, which keeps the bytes of the neighbours in memory
_SHOWN = 200  # units and files named one by one in the report; their sums are complete

Advance = Callable[[Record], None]


@dataclass
class Tally:
    """Sums over the units of a run, in memory however many there are."""

    total: int = 0
    states: Counter = field(default_factory=Counter)
    reasons: Counter = field(default_factory=Counter)
    notes: dict[str, dict[str, float]] = field(default_factory=dict)
    files: Counter = field(default_factory=Counter)
    totals: Counter = field(default_factory=Counter)
    seconds: Counter = field(default_factory=Counter)
    picks: int = 0
    stations: set[str] = field(default_factory=set)
    named: list[dict[str, str]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    _damaged: set[tuple[str, str]] = field(default_factory=set)

    def add(self, record: Record) -> None:
        """Count a unit."""
        self.states[record.state] += 1
        if record.rows.get("picks"):
            self.picks += record.rows["picks"]
            self.stations.add(record.name.split("/", 1)[1])
        facts = record.facts
        if record.reason:
            self.reasons[f"{record.state}: {record.reason.split(' (')[0].split(': ')[0]}"] += 1
            self._name({"unit": record.name, "state": record.state, "reason": record.reason})
        if record.note:
            self._name({"unit": record.name, "state": record.state, "reason": record.note})
        for note in facts.get("notes", ()):
            kind = self.notes.setdefault(note["kind"], {"count": 0, "seconds": 0.0})
            kind["count"] += note["count"]
            kind["seconds"] = round(kind["seconds"] + note["seconds"], 3)
        for damage in facts.get("files", ()):  # a file also belongs to its neighbours' days, and counts once
            key = (damage["file"], damage["problem"])
            if key not in self._damaged:
                self._damaged.add(key)
                self.files[damage["problem"].split(":")[0]] += 1
                self._name({"file": damage["file"], "reason": damage["problem"]})
        self.totals.update(facts.get("totals", {}))
        if record.state == "done":
            self.seconds.update(facts.get("seconds", {}))
        self.settings = self.settings or facts.get("settings", {})

    def _name(self, what: dict[str, str]) -> None:
        if len(self.named) < _SHOWN:
            self.named.append(what)


class Job:
    """What a process needs to work on windows; made anew in each. Only a process that picks loads the model."""

    def __init__(
        self,
        reader: Any,
        identity: dict[str, Any],
        pick: Pick,
        inventory: Any,
        weights: dict[str, str],
        pad_s: float,
        folder: Path | None,
        force: bool,
    ):
        from course_utils.pipeline.stages import UnitMaker

        self.units = UnitMaker(reader, identity, pick, inventory, weights)
        self.store = UnitStore(folder) if folder else None
        self.pad_s, self.force = pad_s, force

    @classmethod
    def of_worker(cls, *arguments: Any) -> Job:
        """The job of a process that picks beside others like it."""
        import torch

        from course_utils.pipeline.stages import _model

        for name in arguments[2].models:  # loaded now, so that it does not count as time spent on the first station-day
            _model(name)
        torch.set_num_threads(1)
        return cls(*arguments)

    def do(self, window: Window) -> tuple[Record, Result | None]:
        """Read, pick and write; the result itself only where nothing is written."""
        unit = self.units.unit(window)
        return _fearless(unit, lambda: self._do(unit))

    def _do(self, unit: Unit) -> tuple[Record, Result | None]:
        if self.store is not None:
            return self.store.run(unit, self.force), None
        began = time.perf_counter()
        result = unit.function(**unit.arguments)
        rows = {name: len(table) for name, table in result.tables.items()}
        return Record(unit.stage, unit.name, "done", time.perf_counter() - began, rows, result.facts), result

    def read(self, window: Window) -> Record | tuple[list, dict[str, str], float]:
        """The records of a window, as plain arrays, for another process to pick; a record when there is nothing to do."""
        from course_utils.data.miniseed import of_stream

        unit = self.units.unit(window)

        def load():
            if self.store is not None and not self.force and (held := self.store.held(unit)[0]) is not None:
                return held, None
            began = time.perf_counter()
            try:
                stream, problems = self.units.reader.read_window(window, self.pad_s)
            except (OSError, ValueError, RuntimeError) as error:
                raise UnusableInput(f"records cannot be read: {error}") from error
            return (of_stream(stream), problems, time.perf_counter() - began), None

        return _fearless(unit, load)[0]

    def finish(self, window: Window, read: tuple[list, dict[str, str], float]) -> tuple[Record, Result | None]:
        """Pick what :meth:`read` gave, and write."""
        from course_utils.data.miniseed import to_stream
        from course_utils.pipeline.stages import pick_stream

        pieces, problems, reading_s = read
        unit = self.units.unit(window)
        arguments = {"stream": to_stream(pieces), "problems": problems, "reading_s": reading_s}
        arguments |= {key: value for key, value in unit.arguments.items() if key != "reader"}
        return _fearless(unit, lambda: self._force_do(replace(unit, function=pick_stream, arguments=arguments)))

    def _force_do(self, unit: Unit) -> tuple[Record, Result | None]:
        if self.store is not None:
            return self.store.run(unit, force=True), None
        return self._do(unit)


def pick_archive(
    records: Records,
    pick: Pick,
    folder: Path | None,
    *,
    inventory: Any = None,
    workers: int = 1,
    readers: int = 0,
    force: bool = False,
    advance: Advance = lambda record: None,
    take: Callable[[Result], None] = lambda result: None,
) -> Tally:
    """Pick every window of an archive.

    Args:
        folder: of the units, so that the run can be resumed; None: results are only handed to ``take``.
        workers: processes that read and pick; 1: this one alone.
        readers: processes that read for this one, which picks; 0: none.
        advance: called with the record of each unit as it ends.

    Units whose input cannot be used are skipped, those at which an error or the death of a worker strikes fail; both are
    counted, and the run goes on. KeyboardInterrupt passes; finished units are kept.
    """
    from course_utils.pipeline.stages import padding_s, weights_identity

    tally = Tally(total=records.count)
    known = weights_identity(pick), padding_s(pick)
    arguments = (records.reader, records.identity, pick, inventory, *known, folder, force)

    def ended(record: Record, result: Result | None) -> None:
        tally.add(record)
        advance(record)
        if result is not None:
            take(result)

    if workers <= 1 and not readers:
        job = Job(*arguments)
        for window in records.windows():
            ended(*job.do(window))
        return tally
    batches = _batches(records, readers or workers)
    if not readers:
        for window, outcome in share_out(batches, workers, Job.do, Job.of_worker, arguments):
            ended(*((_lost(window, outcome), None) if isinstance(outcome, Lost) else outcome))
        return tally
    job = Job(*arguments)
    _move_to_device(pick)
    for window, outcome in share_out(batches, readers, Job.read, Job, arguments):
        if isinstance(outcome, Lost):
            outcome = _lost(window, outcome)
        ended(*((outcome, None) if isinstance(outcome, Record) else job.finish(window, outcome)))
    return tally


def _move_to_device(pick: Pick) -> None:
    """The model stays on its device from unit to unit, instead of being moved there and back."""
    import torch

    from course_utils.pipeline.stages import _model

    device = "cuda" if pick.device == "auto" and torch.cuda.is_available() else pick.device
    if device not in ("auto", "cpu"):
        for name in pick.models:
            _model(name).to(device)


def _fearless(unit: Unit, work: Callable[[], tuple]) -> tuple:
    """What ``work`` gives; a "skipped" or "failed" record when it raises."""
    began = time.perf_counter()
    try:
        return work()
    except UnusableInput as error:
        return skipped(unit, error, time.perf_counter() - began), None
    except OSError as error:
        if error.errno in _NO_PLACE:  # every unit would meet the same
            raise
        return _failed(unit.name, f"{type(error).__name__}: {error}", began), None
    except Exception as error:  # one unit of thousands: it is named in the report, and the run goes on
        return _failed(unit.name, f"{type(error).__name__}: {error}", began), None


_NO_PLACE = {28, 30, 122}  # ENOSPC, EROFS, EDQUOT


def _failed(name: str, reason: str, began: float) -> Record:
    return Record("pick", name, "failed", time.perf_counter() - began, reason=reason)


def _lost(window: Window, outcome: Lost) -> Record:
    return Record("pick", window.name, "failed", 0.0, reason=str(outcome))


def _batches(records: Records, workers: int) -> Iterator[list[Window]]:
    """Consecutive windows of one station, few enough for every worker to have something to do."""
    size = min(_BATCH, max(1, records.count // (workers * 4)))
    batch: list[Window] = []
    for window in records.windows():
        if batch and (len(batch) >= size or batch[-1].station != window.station):
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_words(tally: Tally, records: Records, seconds: float) -> Iterable[str]:
    """The report of a run as lines to read."""
    done = tally.states["done"]
    shown = [f"{tally.states[s]} {word}" for s, word in _STATES.items() if tally.states[s]]
    phases = f"{tally.totals['P_picks']} P, {tally.totals['S_picks']} S"
    yield f"{tally.picks} picks ({phases}) at {len(tally.stations)} stations"
    yield f"{tally.total} station-days: {', '.join(shown) or 'none finished'}"
    for reason, count in tally.reasons.most_common():
        yield f"  {reason}: {count}"
    if tally.totals["instruments"]:
        days = tally.totals["seconds_picked"] / 86400
        yield f"{days:.2f} days of records at {tally.totals['instruments']} instruments (padding and all)"
    if tally.notes:
        yield "noted: " + ", ".join(f"{kind} {note['count']}" for kind, note in sorted(tally.notes.items()))
    if tally.files:
        yield "files used in part or not at all: " + ", ".join(f"{kind} {n}" for kind, n in sorted(tally.files.items()))
    if records.unused:
        kinds = Counter(item["reason"].split(":")[0] for item in records.unused)
        yield "not used: " + ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())
    if done:
        spent = sum(tally.seconds.values()) or 1.0
        parts = ", ".join(
            f"{name} {value:.1f} s ({100 * value / spent:.0f} %)" for name, value in tally.seconds.items()
        )
        yield f"{60 * done / max(seconds, 1e-9):.1f} station-days per minute over {seconds:.1f} s; work: {parts}"


_STATES = {"done": "done", "kept": "done before", "skipped": "skipped", "failed": "failed"}
