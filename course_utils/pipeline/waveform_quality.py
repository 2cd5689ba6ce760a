"""Quality control of an archive, channel-day by channel-day, each done once; and its report."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from course_utils.catalog.store import read_table
from course_utils.catalog.tables import TableError
from course_utils.data.channel_faults import FAULTS
from course_utils.data.quality import Checked, check_stream, joined
from course_utils.pipeline import html
from course_utils.pipeline.sources import Records, Window
from course_utils.pipeline.units import Record, Result, Unit, UnitStore, UnusableInput

TABLES = ("waveform_metrics", "waveform_faults", "waveform_spectra")
_ARRIVALS = ["event_id", "station", "phase", "time", "residual_s", "azimuth_deg"]


@dataclass
class Outcome:
    """What a run found, and what it could not use."""

    checked: Checked
    states: Counter = field(default_factory=Counter)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)


def read_arrivals(path: Path) -> pd.DataFrame:
    """Assigned picks with residuals: a folder of ``course locate`` (assignments and picks), or a .parquet or .csv table of
    event_id, station, phase, time, residual_s and azimuth_deg (from the epicenter to the station)."""
    if path.is_dir():
        held = {name: read_table(path / f"{name}.parquet", name) for name in ("assignments", "picks")}
        return held["assignments"].merge(held["picks"][["pick_id", "time"]], on="pick_id")[_ARRIVALS]
    table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    missing = [c for c in _ARRIVALS if c not in table.columns]
    if missing:
        raise TableError(f"{path}: no column {', '.join(missing)}; needed are {', '.join(_ARRIVALS)}")
    return table.assign(time=pd.to_datetime(table["time"], utc=True, format="ISO8601"))[_ARRIVALS]


def check_window(reader: Any, window: Window, inventory: Any, arrivals: pd.DataFrame | None) -> Result:
    """The checks of one station in one window, as a unit of work."""
    try:
        stream, problems = reader.read_window(window, 0.0)
        if not len(stream):
            raise UnusableInput("; ".join(f"{why} ({file})" for file, why in problems.items()) or "no records")
        checked = check_stream(stream, window.start, window.end, inventory=inventory, arrivals=arrivals)
    except (OSError, ValueError, RuntimeError) as error:
        raise UnusableInput(f"records cannot be used: {error}") from error
    return Result(dict(zip(TABLES, checked, strict=True)), {"files": problems})


def check_records(
    records: Records, folder: Path, *, inventory=None, arrivals=None, advance: Callable[[Record], None] = lambda r: None
) -> Outcome:
    """Check every window of an archive; those that an earlier run finished in ``folder`` with the same input are kept."""
    from course_utils.pipeline.stages import inventory_hash

    store, outcome, parts = UnitStore(folder), Outcome(joined([])), []
    known = {name: (f.threshold, f.unit) for name, f in FAULTS.items()}
    responses = None
    if inventory is not None:
        rates = sorted(f"{c.code}{c.start_date}{c.sample_rate}" for net in inventory for sta in net for c in sta)
        responses = inventory_hash(inventory) + hashlib.sha256("".join(rates).encode()).hexdigest()
    for window in records.windows():
        mine = None if arrivals is None else arrivals[arrivals["station"] == window.station]
        heard = None if mine is None else hashlib.sha256(mine.to_csv(index=False).encode()).hexdigest()
        inputs = records.identity | {
            "window": [window.station, str(window.start), str(window.end)],
            "thresholds": known,
        }
        inputs |= {"inventory": responses, "arrivals": heard, "objects": list(window.tags)}
        arguments = {"reader": records.reader, "window": window, "inventory": inventory, "arrivals": mine}
        files = () if any("://" in f for f in window.files) else tuple(map(Path, window.files))
        unit = Unit("quality", window.name, check_window, arguments, inputs, files)
        record = store.run(unit)
        outcome.states[record.state] += 1
        if record.state == "skipped":
            outcome.skipped.append((window.name, record.reason))
        else:
            outcome.files |= record.facts["files"]
            tables = store.tables(unit)
            parts.append(Checked(*(tables[name] for name in TABLES)))
        advance(record)
    outcome.checked = joined(parts)
    return outcome


def without_response(spectra: pd.DataFrame) -> list[dict[str, str]]:
    """Channels whose spectra stayed in counts although an inventory was given."""
    rows = spectra[spectra["unit"] != "(m/s**2)**2/Hz"]
    names = sorted((rows["station"] + "." + rows["channel"]).unique())
    return [{"what": n, "reason": "no usable response in the inventory: its noise is not judged"} for n in names]


def report(title: str, outcome: Outcome, unused: list[dict[str, str]], without: list[str]) -> str:
    """The page for a person who must decide which channels to trust.

    Args:
        unused: files that the index of the archive could not use.
        without: stations of the given table without any record.
    """
    import matplotlib.pyplot as plt

    from course_utils.teaching.figures import quality
    from course_utils.teaching.style import use_style

    use_style()
    metrics, faults, spectra = outcome.checked
    channels = metrics.groupby(["station", "channel"]).ngroups
    bad = faults.loc[faults["kind"] != "gap"].groupby(["station", "channel"]).ngroups
    parts = [
        f'<p class="lead"><strong>{len(faults)} faults</strong> in {len(metrics)} channel-days of {channels} channels; '
        f"{bad} channels have others than gaps.</p>",
        "<h2>Faults by kind</h2>",
        html.table(kinds(faults)),
    ]
    figure, axes = plt.subplots(figsize=(11, 1.5 + 0.16 * min(channels, 60)))
    parts += ["<h2>Availability</h2>", html.picture(figure, quality.availability(axes, metrics, faults))]
    if len(spectra):
        figure, axes = plt.subplots(figsize=(9, 5))
        loud = faults[faults["kind"].isin(("loud", "quiet"))]
        named = tuple((loud["station"] + "." + loud["channel"]).unique()[:7])
        parts += ["<h2>Power spectra</h2>", html.picture(figure, quality.spectra(axes, spectra, named))]
    shown = faults.assign(**{c: faults[c].dt.strftime("%Y-%m-%d %H:%M:%S.%f").str[:-4] for c in ("start", "end")})
    parts += [
        "<h2>Faults</h2>",
        html.table(shown, 500),
        "<h2>Channels</h2>",
        html.table(_per_channel(metrics, faults), 500),
    ]
    left = [(name, reason) for name, reason in outcome.skipped] + list(outcome.files.items())
    left += [(u["what"], u["reason"]) for u in unused] + [
        (s, "in the table of stations, without records") for s in without
    ]
    parts.append("<h2>What was left out, and why</h2>")
    parts.append(html.table(pd.DataFrame(left, columns=["what", "reason"]), 200) if left else "<p>Nothing.</p>")
    return html.page(title, parts)


def kinds(faults: pd.DataFrame) -> pd.DataFrame:
    """How many faults of each kind at how many channels, with threshold, reason and remedy."""
    rows = []
    for kind, some in faults.groupby("kind"):
        fault = FAULTS[kind]
        rows.append(
            (
                kind,
                len(some),
                some.groupby(["station", "channel"]).ngroups,
                f"{fault.threshold:g} {fault.unit}",
                fault.reason,
                fault.remedy,
            )
        )
    names = ["kind", "faults", "channels", "threshold", "why there", "remedy"]
    return pd.DataFrame(rows, columns=names).sort_values("faults", ascending=False, ignore_index=True)


def _per_channel(metrics: pd.DataFrame, faults: pd.DataFrame) -> pd.DataFrame:
    columns = {
        "percent_available": "mean",
        "gaps": "sum",
        "spikes": "sum",
        "offset": "median",
        "rms": "median",
        "percent_above_high_noise": "mean",
    }
    table = metrics.groupby(["station", "channel"]).agg(columns).round(2)
    table["kinds of faults"] = faults.groupby(["station", "channel"])["kind"].agg(lambda k: ", ".join(sorted(set(k))))
    judged = metrics.groupby("station")["orientation_judged"].agg(
        lambda v: ",".join(sorted({w for t in v.dropna() for w in t.split(",") if w}))
    )
    table["orientation judged"] = table.index.get_level_values("station").map(judged)
    return table.reset_index()
