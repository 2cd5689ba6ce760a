"""The report of a run: one HTML file that needs nothing else, for a person who must judge the catalog."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from course_utils.catalog.comparison import Comparison
from course_utils.catalog.formats import id_text
from course_utils.catalog.store import write_text
from course_utils.catalog.tables import Catalog
from course_utils.pipeline import figures, html
from course_utils.pipeline.config import ReportSection
from course_utils.pipeline.sections import PAD_S as FILTER_PAD_S
from course_utils.pipeline.sections import in_window, nearest_stations, prepare, record_section, section_window
from course_utils.pipeline.sources import Source

_STATIONS_SHOWN, _EVENTS_LISTED, _SKIPPED_LISTED = 12, 500, 100


def write_report(
    path: Path,
    section: ReportSection,
    summary: dict[str, Any],
    catalog: Catalog,
    source: Source,
    comparison: Comparison | None,
) -> Path:
    """Write the report of a finished run.

    Args:
        path: the HTML file.
        section: what to show.
        summary: content of run.json.
        catalog: the result.
        source: read again for the waveforms that are shown.
        comparison: with the reference, when there is one.
    """
    blocks = [_head(summary, catalog)]
    if comparison is not None:
        blocks.append(_comparison(comparison))
    blocks.append(_figures(catalog, comparison))
    if comparison is not None:
        blocks += [_proposed(section, catalog, source, comparison), _missed(section, catalog, source, comparison)]
    blocks.append(_weakest(section, catalog, source))
    blocks += [_events(catalog, comparison), _stages(summary), _left_out(summary), _settings(summary)]
    return write_text(html.page(section.title, blocks), path)


def _head(summary: dict, catalog: Catalog) -> str:
    counts, given = summary["counts"], summary["input"]
    versions = summary["versions"]["ml-earthquake-catalogs"]
    share = f" ({counts['assigned_picks'] / counts['picks']:.0%})" if counts["picks"] else ""
    skipped = len(summary["skipped"])
    return (
        f'<p class="lead"><strong>{counts["events"]} events</strong> from {counts["picks"]} picks ({counts["p_picks"]} P, '
        f"{counts['s_picks']} S) at {counts['stations_with_picks']} of {counts['stations']} stations; "
        f"{counts['assigned_picks']} picks{share} belong to an event.</p>"
        f"<p>Records from {_when(given['start'])} to {_when(given['end'])} UTC ({escape(given['waveforms'])}). "
        f"Made {_when(summary['finished'])} UTC by ml-earthquake-catalogs {escape(versions)} in {_span(summary['seconds'])}"
        + (
            f"; <strong>{skipped} {'unit was' if skipped == 1 else 'units were'} skipped</strong>, see below"
            if skipped
            else "; nothing was skipped"
        )
        + ".</p>"
    )


def _comparison(comparison: Comparison) -> str:
    facts = comparison.summary()
    missing = facts["reference_events"] - facts["expected"]
    rows = [
        ("reference events in this time", facts["reference_events"]),
        *([("of these to be expected (seen well enough)", facts["expected"])] if missing else []),
        ("matched one to one", facts["matched"]),
        ("missed" + (" of the expected" if missing else ""), facts["missed"]),
        ("detections that the reference does not hold", facts["proposed"]),
        ("recall", _percent(facts["recall"])),
        ("precision, if the reference were complete", _percent(facts["precision"])),
        ("median distance of epicenters", _number(facts["median_km"], "km")),
        ("median difference of origin times", _number(facts["median_dt_s"], "s")),
        ("median difference of depths", _number(facts["median_depth_difference_km"], "km")),
    ]
    gates = f"Events match within {facts['max_dt_s']:g} s and {facts['max_km']:g} km; differences are ours minus the reference."
    return f"<h2>Comparison with {escape(comparison.label)}</h2><p>{gates}</p>" + _table(["", ""], rows, numeric={1})


def _figures(catalog: Catalog, comparison: Comparison | None) -> str:
    return html.explorable(
        (name, heading, *make(catalog, comparison))
        for name, heading, make in (
            ("map", "Map and section", figures.map_and_section),
            ("time", "Through time", figures.time_figure),
        )
    )


def _proposed(section: ReportSection, catalog: Catalog, source: Source, comparison: Comparison) -> str:
    rows = comparison.proposed.sort_values("time")
    if not len(rows):
        return "<h2>Detections without a reference event</h2><p>There is none.</p>"
    text = (
        "Each may be an event that the reference left out, or a false one. Look whether P and S move out with distance."
    )
    return _sections("Detections without a reference event", text, rows, section.unmatched_shown, catalog, source)


def _missed(section: ReportSection, catalog: Catalog, source: Source, comparison: Comparison) -> str:
    rows = comparison.missed.sort_values("time")
    if not len(rows):
        return "<h2>Missed reference events</h2><p>There is none.</p>"
    text = "Expected events without a partner, drawn at the place and time of the reference. Dashed picks were made but not assigned to them."
    return _sections("Missed reference events", text, rows, section.missed_shown, catalog, source)


def _weakest(section: ReportSection, catalog: Catalog, source: Source) -> str:
    events = catalog.events.assign(n=catalog.events["n_p"].fillna(0) + catalog.events["n_s"].fillna(0))
    rows = events.sort_values(["n", "rms_s"], ascending=[True, False], kind="stable").head(section.weakest_shown)
    if not len(rows):
        return ""
    return _sections("The events with the fewest picks", "", rows, section.weakest_shown, catalog, source)


def _sections(heading: str, text: str, rows: pd.DataFrame, most: int, catalog: Catalog, source: Source) -> str:
    shown = rows.head(most)
    said = f"{len(rows)} in all" + (f", the first {len(shown)} are shown" if len(shown) < len(rows) else "")
    caption = (
        f"{said}. {text} Records are high-passed at 2 Hz and scaled each to its own peak; above the vertical, below the "
        f"stronger horizontal one, of the {_STATIONS_SHOWN} nearest stations. "
        '<span class="key p">P</span> and <span class="key s">S</span> picks, solid when assigned to the event, else dashed.'
    )
    figures_ = "".join(_section(row, catalog, source) for row in shown.to_dict("records"))
    return f"<h2>{heading}</h2><p>{caption}</p>{figures_}"


def _section(event: dict, catalog: Catalog, source: Source) -> str:
    mine = catalog.assignments[catalog.assignments["event_id"] == event["event_id"]]
    ids = set(mine["pick_id"].tolist())
    start, end = section_window(event, catalog.picks.loc[catalog.picks["pick_id"].isin(ids), "time"])
    nearest = nearest_stations(event, catalog.stations, _STATIONS_SHOWN)
    pad = pd.Timedelta(seconds=FILTER_PAD_S)
    traces = {}
    recorded = {window.station for window in source.windows}
    for station in nearest["station"]:
        if station in recorded and start + pad < source.span[1] and end - pad > source.span[0]:
            traces[station] = prepare(source.read(station, start - pad, end + pad), start, end)
    picks = in_window(catalog.picks, start, end)
    facts = [f"{event['time']:%Y-%m-%d %H:%M:%S}.{event['time'].microsecond // 10000:02d} UTC"]
    facts.append(f"{event['latitude']:.4f}, {event['longitude']:.4f}, {event['depth_km']:.1f} km deep")
    if not pd.isna(event.get("magnitude")):
        facts.append(f"M {event['magnitude']:.1f}")
    if len(mine):
        used = event["n_p"] + event["n_s"]  # the location may give a pick no weight
        facts.append(
            f"{(mine['phase'] == 'P').sum()} P, {(mine['phase'] == 'S').sum()} S"
            + ("" if pd.isna(used) or used == len(mine) else f" ({used:.0f} used)")
        )
    for key, name, unit in (
        ("rms_s", "rms", "s"),
        ("azimuthal_gap_deg", "gap", "°"),
        ("horizontal_error_km", "±", "km"),
    ):
        if not pd.isna(event.get(key)):
            facts.append(f"{name} {event[key]:.3g} {unit}")
    label = f"Record section of the event of {facts[0]} at {len(nearest)} stations with {len(picks)} picks"
    svg = record_section(traces, nearest, picks, ids, start, end, event["time"], label)
    return (
        f'<figure id="e{id_text(event["event_id"])}"><figcaption>{escape("; ".join(facts))}</figcaption>{svg}</figure>'
    )


def _events(catalog: Catalog, comparison: Comparison | None) -> str:
    proposed = set() if comparison is None else set(comparison.proposed["event_id"].tolist())
    events = catalog.events.sort_values("time")
    heads = ["origin time, UTC", "latitude", "longitude", "depth km", "M", "± km", "rms s", "gap °", "P", "S", "grade"]
    rows = []
    for e in events.head(_EVENTS_LISTED).to_dict("records"):
        values = [
            f"{e['time']:%Y-%m-%d %H:%M:%S}.{e['time'].microsecond // 10000:02d}",
            f"{e['latitude']:.4f}",
            f"{e['longitude']:.4f}",
            *(
                _cell(e[key], form)
                for key, form in (("depth_km", ".1f"), ("magnitude", ".1f"), ("horizontal_error_km", ".2f"))
            ),
            *(
                _cell(e[key], form)
                for key, form in (("rms_s", ".2f"), ("azimuthal_gap_deg", ".0f"), ("n_p", ".0f"), ("n_s", ".0f"))
            ),
            "" if pd.isna(e["grade"]) else e["grade"],
        ]
        if comparison is not None:
            values.append("new" if e["event_id"] in proposed else "matched")
        rows.append(values)
    if comparison is not None:
        heads.append("reference")
    more = f"<p>The first {_EVENTS_LISTED}; catalog.csv has all.</p>" if len(events) > _EVENTS_LISTED else ""
    table = _table(heads, rows, numeric=set(range(1, 10)))
    return f"<h2>Events</h2><details{' open' if len(events) <= 30 else ''}><summary>{len(events)} events</summary>{more}{table}</details>"


def _stages(summary: dict) -> str:
    rows = [
        (
            s["stage"],
            s["units"],
            s["done"],
            s["kept"],
            s["skipped"],
            ", ".join(f"{n} {name}" for name, n in s["rows"].items()),
            f"{s['seconds']:.1f}",
            f"{s['work_seconds']:.1f}",
        )
        for s in summary["stages"]
    ]
    heads = ["stage", "units", "done", "kept", "skipped", "result", "s in this run", "s of work"]
    note = (
        "Kept units were finished by an earlier run with the same input and settings; their time counts as work only."
    )
    return f"<h2>Stages and times</h2><p>{note}</p>" + _table(heads, rows, numeric={1, 2, 3, 4, 6, 7})


def _left_out(summary: dict) -> str:
    from course_utils.picking.report import KINDS

    parts = ["<h2>What was left out, and why</h2>"]
    skipped = [(s["stage"], s["unit"], s["reason"]) for s in summary["skipped"]]
    parts.append(_listed("Units skipped", ["stage", "unit", "reason"], skipped))
    unused = [(u["what"], u["reason"]) for u in summary["input"]["unused"]]
    parts.append(_listed("Files and stations not used", ["what", "reason"], unused))
    kinds = summary["picking"]["kinds"]
    noted = [(kind, v["count"], f"{v['seconds']:.0f}", KINDS.get(kind, "")) for kind, v in sorted(kinds.items())]
    parts.append(_listed("Noted by the picker", ["kind", "count", "s", "meaning"], noted, {1, 2}))
    gates = [(g["gate"], g["picks"], g["meaning"]) for g in summary["association"]["gates"]]
    parts.append("<h3>Where every pick went</h3>" + _table(["", "picks", "which"], gates, {1}))
    stations = [(s["station"], s["given"], s["assigned"]) for s in summary["association"]["stations"]]
    parts.append("<h3>Picks of each station</h3>" + _table(["station", "picks", "assigned"], stations, {1, 2}))
    turned = [(t["rule"], t["events"]) for t in summary["association"]["turned_down"]]
    parts.append(_listed("Events turned down by the association", ["rule", "events"], turned, {1}))
    outcomes = [(o["outcome"], o["events"], o["reason"]) for o in summary["location"]["outcomes"]]
    parts.append(_listed("What the location made of the events", ["outcome", "events", "reason"], outcomes, {1}))
    if "grades" in summary:
        parts.append(
            _listed("Grades of events, see grades.csv", ["grade", "events"], list(summary["grades"].items()), {1})
        )
    if "magnitude" in summary:
        given = [(o["outcome"], o["events"]) for o in summary["magnitude"]["events"]]
        parts.append(_listed("Events with and without magnitude", ["outcome", "events"], given, {1}))
        read = [(r["reason"], r["readings"]) for r in summary["magnitude"]["readings"]]
        parts.append(_listed("Amplitudes read for magnitudes", ["reason", "readings"], read, {1}))
    redone = [(n["stage"], n["unit"], n["note"]) for n in summary["notes"]]
    parts.append(_listed("Results that had to be made again", ["stage", "unit", "why"], redone))
    return "".join(parts)


def _settings(summary: dict) -> str:
    rows = [
        (section, key, json.dumps(value))
        for section, values in summary["settings"].items()
        for key, value in values.items()
    ]
    versions = list(summary["versions"].items())
    return (
        "<h2>Settings</h2><details><summary>All settings of this run, given or derived from the network</summary>"
        + _table(["section", "setting", "value"], rows)
        + "</details><details><summary>Versions</summary>"
        + _table(["package", "version"], versions)
        + "</details>"
    )


def _listed(heading: str, heads: list[str], rows: list[tuple], numeric: Iterable[int] = ()) -> str:
    if not rows:
        return f"<h3>{heading}</h3><p>None.</p>"
    more = (
        f"<p>The first {_SKIPPED_LISTED} of {len(rows)}; run.json has all.</p>" if len(rows) > _SKIPPED_LISTED else ""
    )
    return f"<h3>{heading}</h3>{more}" + _table(heads, rows[:_SKIPPED_LISTED], numeric)


def _table(heads: list[str], rows: Iterable[Iterable[Any]], numeric: Iterable[int] = ()) -> str:
    numeric = set(numeric)

    def cells(values: Iterable[Any], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=n' if i in numeric else ''}>{escape(str(value))}</{tag}>" for i, value in enumerate(values)
        )

    head = f"<thead><tr>{cells(heads, 'th')}</tr></thead>" if any(heads) else ""
    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f'<div class="scroll" tabindex="0"><table>{head}<tbody>{body}</tbody></table></div>'


def _cell(value: float, form: str) -> str:
    return "" if pd.isna(value) else format(value, form)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _number(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{value:.2f} {unit}"


def _when(text: str) -> str:
    return f"{pd.Timestamp(text):%Y-%m-%d %H:%M:%S}"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} minutes"
