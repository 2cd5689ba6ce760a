"""From catalog and waveforms to a SeisBench data set on disk: streamed, whole or not at all, nothing overwritten."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ...catalog.tables import Catalog
from .archives import Records, reads
from .cut import PAD_S, Unusable, cut
from .metadata import describe, planned_metadata, sensitivities
from .noise import noise_windows
from .plan import SECOND_US, Plan, event_windows, paths, with_coordinates
from .settings import CurationError, CurationSettings
from .splits import split_by, split_sizes
from .tally import Tally

_BUCKET = 128  # traces that the writer packs into one array of the HDF5 file, and holds in memory


@dataclass(frozen=True)
class Curated:
    """A finished data set.

    Attributes:
        folder: metadata.csv, waveforms.hdf5, curation.json (settings, versions, counts), left_out.csv.
        metadata: one row per trace, as written.
        counts: what happened how often.
        left_out: reason, event_id (0 for noise), station, phase, time, detail.
        sizes: one row per part, see :func:`~course_utils.picking.curation.split_sizes`.
        seconds: where the time went.
    """

    folder: Path
    metadata: pd.DataFrame
    counts: dict[str, int]
    left_out: pd.DataFrame
    sizes: pd.DataFrame
    seconds: dict[str, float]

    def open(self, **options):
        """The data set as ``seisbench.data.WaveformDataset``."""
        from seisbench.data import WaveformDataset

        order = {"component_order": "".join(self.metadata["trace_component_order"].iloc[0])}
        return WaveformDataset(self.folder, **(order | options))

    def summary(self) -> str:
        """What is in it, and what was left out and why, in words."""
        noise = int((self.metadata["trace_category"] == "noise").sum())
        events = self.metadata["source_id"].dropna().nunique()
        lines = [f"{len(self.metadata)} traces: {len(self.metadata) - noise} of {events} events, {noise} of noise"]
        lines += [
            f"  {r.part}: {r.traces} traces, {r.events} events, {r.P} P, {r.S} S" for r in self.sizes.itertuples()
        ]
        return "\n".join(lines + [f"  {what}: {number}" for what, number in sorted(self.counts.items())])


def curate(
    catalog: Catalog,
    waveforms,
    out: str | Path,
    settings: CurationSettings | None = None,
    *,
    inventory=None,
    split: str | Callable[[pd.DataFrame], pd.Series] | None = "event",
    source: str = "",
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
    **changes,
) -> Curated:
    """Cut a window around the picks of every event at every station, and noise windows, into a SeisBench data set.

    Every labelled pick that falls into a window is a label of it, whichever event it belongs to: the first P is
    ``trace_P_arrival_sample``, further ones ``trace_P2_arrival_sample`` and so on (``pick_columns`` hands all of them to
    SeisBench's labellers). Arrival samples are fractions of a sample, counted from 0.

    Args:
        catalog: events, assignments, picks; stations for coordinates; velocity to keep noise away from predicted arrivals.
        waveforms: a folder or file, ``data.read_waveforms(...)``, an ObsPy Stream, a synthetic world: anything with
            ``read(station, start, end)``.
        out: folder to make; nothing is there before the whole set is.
        settings: or some of their fields as keywords: ``window_s=30``.
        inventory: ObsPy Inventory with sensitivities, for ``units="physical"``.
        split: "event", "time", "station", a function of the metadata, or None.
        source: what to call the waveforms in the record of provenance.
        force: replace an existing data set.
        progress: called with windows done and windows in all.

    Returns:
        The data set; ``print(result.summary())``.

    Raises:
        CurationError: nothing to cut, no window could be cut, or ``out`` is there or lies inside the waveforms' folder.

    Format: Woollam et al. (2022), SeisBench, Seismological Research Letters 93, doi:10.1785/0220210324.
    """
    settings = replace(settings or CurationSettings(), **changes)
    if settings.units == "physical" and inventory is None:
        raise CurationError(
            "units is 'physical', but there is no inventory; give one with sensitivities, or use 'counts'"
        )
    out, records, tally = Path(out), Records(waveforms), Tally()
    _check_out(out, records.root, force)
    catalog = with_coordinates(catalog)
    plan = event_windows(catalog, settings, tally)
    stations = sorted(plan.labels)
    around = {s: (int(times.time_us[0]), int(times.time_us[-1])) for s, times in plan.labels.items()}
    quiet = noise_windows(plan, catalog, records.spans(stations, around), tally)
    windows = pd.concat([plan.windows, quiet], ignore_index=True)
    plan = replace(plan, windows=windows.sort_values(["station", "start_us", "event_id"], ignore_index=True))
    planned = planned_metadata(plan, catalog)
    if split is not None:
        parts = split_by(split, planned) if isinstance(split, str) else split(planned)
        planned = planned.assign(split=np.asarray(parts, object))
    _count_unknown(planned, tally)
    with _folder(out, force) as folder:
        metadata = _write(folder, plan, planned, catalog, records, inventory, tally, progress)
        result = _finish(out, folder, metadata, settings, split, source, tally)
    return result


def _write(folder: Path, plan: Plan, planned, catalog, records, inventory, tally: Tally, progress) -> pd.DataFrame:
    from seisbench.data import WaveformDataWriter

    settings, rows, failure = plan.settings, [], None
    divide, unit_of = sensitivities(inventory) if settings.units == "physical" else (None, None)
    fixed = planned.to_dict("records")
    along = paths(plan.windows, catalog).to_numpy()
    windows = list(plan.windows[["station", "start_us", "event_id"]].itertuples(index=False, name=None))
    with WaveformDataWriter(folder / "metadata.csv", folder / "waveforms.hdf5") as writer:
        writer.bucket_size = _BUCKET
        writer._pbar = _Silent()
        writer.data_format = {
            "dimension_order": "CW",
            "component_order": settings.component_order,
            "sampling_rate": settings.sampling_rate_hz,
            "measurement": "velocity, or acceleration where trace_unit says so",
            "unit": settings.units,
            "instrument_response": "not restituted" if divide is None else "divided by the sensitivity",
        }
        try:  # inside, since the writer logs every exception as a failed download
            for done, (at, piece) in enumerate(_cuts(plan, records, divide, tally), 1):
                if progress is not None:
                    progress(done, len(plan.windows))
                if piece is None:
                    continue
                began = time.perf_counter()
                row = describe(plan, windows[at], piece, fixed[at], along[at], unit_of)
                tally.seconds["describe"] += time.perf_counter() - began
                if row is None:
                    station, start_us, event_id = windows[at]
                    tally.leave_out("SNR too low", event_id, station, _time(start_us))
                    continue
                began = time.perf_counter()
                writer.add_trace(row, piece.data)
                rows.append(row)
                tally.seconds["write"] += time.perf_counter() - began
        except BaseException as error:  # also an interrupt; raised again outside the writer
            failure = error
    if failure is not None:
        raise failure
    if not rows:
        raise CurationError(
            f"no window could be cut: {tally.in_words()}; compare station codes and times of picks and records"
        )
    return pd.DataFrame(rows)


def _cuts(plan: Plan, records: Records, divide, tally: Tally):
    """(position, Cut or None) for every window, a stretch of records in memory at a time."""
    from obspy import UTCDateTime

    settings, windows = plan.settings, plan.windows
    starts, ids, channels = (windows[c].to_numpy() for c in ("start_us", "event_id", "channel"))
    pad = round(PAD_S * SECOND_US)
    length = round(settings.window_s * SECOND_US)
    for station, begin, end, positions in reads(windows, settings.window_s):
        began = time.perf_counter()
        stream = records.read(station, begin - pad, end + pad)
        tally.seconds["read"] += time.perf_counter() - began
        for at in positions.tolist():
            began, piece = time.perf_counter(), None
            a, b = (UTCDateTime(ns=int(t) * 1000) for t in (starts[at] - pad, starts[at] + length + pad))
            try:
                piece = cut(stream.slice(a, b), int(starts[at]), settings, channels[at], divide)
            except Unusable as why:
                reason, detail = why.args
                kind = reason if ids[at] else f"noise: {reason}"
                tally.leave_out(kind, ids[at], station, _time(starts[at]), detail=detail)
            tally.seconds["cut"] += time.perf_counter() - began
            yield at, piece


def _finish(out: Path, folder: Path, metadata: pd.DataFrame, settings, split, source: str, tally: Tally) -> Curated:
    import seisbench

    from ... import __version__

    for flag in ("trace_has_gaps", "trace_has_clipping", "trace_has_overlaps", "trace_has_nan"):
        tally.count(f"trace flagged {flag.removeprefix('trace_has_')}", int(metadata[flag].sum()))
    tally.count("trace with a missing component", int((metadata["trace_missing_components"] != "").sum()))
    several = metadata["trace_source_ids"].str.contains(";").sum()
    tally.count("trace with several events", int(several))
    sizes = split_sizes(metadata) if split is not None else split_sizes(metadata, pd.Series(["train"] * len(metadata)))
    if split is not None:
        for part in sizes.loc[sizes["traces"] == 0, "part"]:
            tally.count(f"part without a trace: {part}")
    left_out = tally.table()
    left_out.to_csv(folder / "left_out.csv", index=False, date_format="%Y-%m-%dT%H:%M:%S.%fZ")
    record = {
        "made_by": {"ml-earthquake-catalogs": __version__, "seisbench": seisbench.__version__},
        "waveforms": source,
        "settings": settings.as_dict(),
        "split": split if isinstance(split, str) or split is None else getattr(split, "__name__", "function"),
        "traces": len(metadata),
        "counts": dict(sorted(tally.counts.items())),
        "parts": json.loads(sizes.to_json(orient="records")),
    }
    (folder / "curation.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    seconds = {name: round(value, 3) for name, value in tally.seconds.items()}
    return Curated(out, metadata, dict(tally.counts), left_out, sizes, seconds)


def _count_unknown(planned: pd.DataFrame, tally: Tally) -> None:
    where = planned.loc[planned["station_latitude_deg"].isna(), ["station_network_code", "station_code"]]
    tally.count("station without coordinates (kept)", len(where.drop_duplicates()))
    own = planned.loc[planned["source_magnitude"].isna() & planned["source_id"].notna(), "source_id"]
    tally.count("event without magnitude (kept)", own.nunique())


def _check_out(out: Path, raw: Path | None, force: bool) -> None:
    here = out.resolve()
    if raw is not None and (here == raw.resolve() or raw.resolve() in here.parents):
        raise CurationError(
            f"{out}: lies inside the folder of waveforms, where nothing is ever written; choose another"
        )
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        if not force:
            raise CurationError(f"{out}: is there already; choose another folder, or use force to replace a data set")
        if not (out / "metadata.csv").is_file() or not (out / "curation.json").is_file():
            raise CurationError(f"{out}: is there, and no data set that curation made; choose another folder")


@contextmanager
def _folder(out: Path, force: bool):
    """A hidden folder beside ``out`` that gets its name on success and is removed on failure."""
    out.parent.mkdir(parents=True, exist_ok=True)
    hidden = out.with_name(f".{out.name}.{os.getpid()}.part")
    shutil.rmtree(hidden, ignore_errors=True)
    hidden.mkdir()
    try:
        yield hidden
        for file in hidden.iterdir():
            with open(file, "rb+") as written:  # the bytes reach the disk before the name does
                os.fsync(written.fileno())
        if out.exists():
            old = out.with_name(f".{out.name}.{os.getpid()}.old")
            os.replace(out, old)
            os.replace(hidden, out)
            shutil.rmtree(old)
        else:
            os.replace(hidden, out)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def _time(us) -> pd.Timestamp:
    return pd.Timestamp(int(us) * 1000, tz="UTC")


class _Silent:
    """Stands in for the writer's own progress bar, which would write over the caller's."""

    total = 0

    def update(self, n: int = 1) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""
