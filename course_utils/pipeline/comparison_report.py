"""What ``course compare`` leaves: the tables of a comparison, and one HTML file for a person who must judge it."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from course_utils.catalog.comparison import (
    FATES,
    Comparison,
    PickComparison,
    by_day,
    chance_matches,
    confusion,
    nearest_km,
    residual_statistics,
)
from course_utils.catalog.intervals import intervals, recall_curve
from course_utils.pipeline import html

_DAYS_FOR_BLOCKS = 8  # fewer days are too few to draw from; hours are drawn instead
_BINS = 8
_DRAWN = 4000  # events of a kind on the map: more make a page that no browser likes


def block_of(comparison: Comparison) -> str:
    """The block of the bootstrap, as pandas writes it: a day, or an hour where there are too few days."""
    return "1D" if len(by_day(comparison)) >= _DAYS_FOR_BLOCKS else "1h"


def comparison_tables(
    comparison: Comparison, stations: pd.DataFrame, picks: PickComparison | None = None
) -> dict[str, pd.DataFrame]:
    """All tables of a comparison by name, as they are written and shown.

    Args:
        stations: for the distance to the nearest one; without rows it is that to the median epicenter.
        picks: of the same two catalogs, when both have some.
    """
    wanted, block = comparison.wanted, block_of(comparison)
    blocks = wanted["time"].dt.floor(block)
    tables = {
        "matched": comparison.pairs,
        "missed": _filled(comparison.missed),
        "proposed": _filled(comparison.proposed),
        "by_day": by_day(comparison),
        "confusion": confusion(comparison).rename_axis(columns=None).reset_index(),
        "residuals": residual_statistics(comparison.pairs).reset_index(),
        "chance": chance_matches(comparison.events, comparison.reference, **comparison.gates),
    }
    alone, drawn = intervals(comparison), intervals(comparison, block)
    ends = drawn[["low", "high"]].add_suffix(f"_{block}")
    tables["intervals"] = alone.join(ends).rename_axis("figure").reset_index()
    magnitudes, away = wanted["magnitude"], nearest_km(wanted, stations)
    for name, values, edges in (
        ("recall_by_magnitude", magnitudes, _halves(magnitudes)),
        ("recall_by_distance", away, np.unique(np.quantile(away, np.linspace(0, 1, _BINS + 1))) if len(away) else []),
    ):
        if len(edges) > 1:
            tables[name] = recall_curve(wanted["found"], values, edges, blocks)
    if picks is not None:
        arrivals = picks.arrivals
        tables["events_picks"], tables["arrivals"] = picks.events, arrivals
        tables["fates"] = (
            pd.crosstab(arrivals["fate"], arrivals["phase"])
            .reindex(FATES, fill_value=0)
            .rename_axis(index="fate", columns=None)
            .reset_index()
        )
        if len(arrivals["weight"].dropna().unique()) > 1:
            found = arrivals["fate"] != FATES[3]
            tables["recall_by_weight"] = recall_curve(found, arrivals["weight"], blocks=arrivals["event_id"])
    return tables


def _filled(events: pd.DataFrame) -> pd.DataFrame:
    """Without columns that hold nothing."""
    return events.dropna(axis=1, how="all") if len(events) else events


def _halves(magnitudes: pd.Series) -> np.ndarray:
    """Edges half a magnitude apart around all values; none without any."""
    known = magnitudes.dropna()
    if not len(known):
        return np.zeros(0)
    return np.arange(np.floor(2 * known.min()), np.floor(2 * known.max()) + 2) / 2


def comparison_page(
    name: str,
    comparison: Comparison,
    facts: dict[str, Any],
    tables: dict[str, pd.DataFrame],
    stations: pd.DataFrame,
    distance_to: str,
) -> str:
    """The report as HTML.

    Args:
        name: of the catalog.
        facts: ``comparison.summary()``.
        tables: of :func:`comparison_tables`.
        distance_to: what the distances of the recall are measured to.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from course_utils.teaching.figures import comparing
    from course_utils.teaching.figures.catalogs import catalog_figure, groups
    from course_utils.teaching.style import use_style

    use_style()
    label = escape(comparison.label)
    parts = [
        _lead(name, facts),
        "<h2>Rates and differences, with 95 % intervals</h2>",
        _INTERVALS,
        html.table(tables["intervals"]),
    ]
    curves = [(key, text) for key, text in _CURVES.items() if key in tables]
    if curves:
        figure, axes = plt.subplots(1, len(curves), figsize=(4.6 * len(curves), 3.8), squeeze=False)
        said = [
            comparing.recall_against(ax, {"recall": tables[key]}, text.format(distance_to=distance_to))
            for ax, (key, text) in zip(axes[0], curves, strict=True)
        ]
        parts += ["<h2>Recall</h2>", html.picture(figure, " ".join(said))]
    if len(tables["matched"]):
        figure, axes = plt.subplots(1, 3, figsize=(11, 3.8))
        said = comparing.residual_clouds(axes, tables["matched"])
        parts += [
            "<h2>How far apart the matched events are</h2>",
            html.picture(figure, said),
            html.table(tables["residuals"]),
        ]
    figure, ax = plt.subplots(figsize=(9, 3.6))
    parts += ["<h2>Day by day</h2>", _days(facts), html.picture(figure, comparing.days(ax, tables["by_day"]))]
    parts += ["<h2>How many of the matches could be chance</h2>", _CHANCE, html.table(tables["chance"])]
    if "fates" in tables:
        parts += [f"<h2>What became of the arrivals of {label}</h2>", html.table(tables["fates"])]
        held = tables["events_picks"]
        held = held[held["n_reference"] > 0]
        full = held["n_common"] == held["n_reference"]
        parts.append(f"<p>{full.sum()} of {len(held)} matched events hold all arrivals of their reference event.</p>")
    parts += ["<h2>By type</h2>", html.table(tables["confusion"])]
    shown = [
        replace(
            group,
            name=f"{group.name}, largest of {len(group.events)}",
            events=group.events.nlargest(_DRAWN, "magnitude"),
        )
        if len(group.events) > _DRAWN
        else group
        for group in groups(
            comparison.events, comparison.match, comparison.reference, comparison.missed, comparison.label
        )
    ]
    alt = f"Map of matched, missed and proposed events with {len(stations)} stations, their depths along longitude, and their course in time."
    parts.append(html.explorable([("map", "Map, section and time", catalog_figure(stations, shown), alt)]))
    for key, heading in (("missed", "Missed, largest first"), ("proposed", "Proposed, largest first")):
        parts += [f"<h2>{heading}</h2>", html.table(_listed(tables[key])) if len(tables[key]) else "<p>None.</p>"]
    return html.page(f"{name} against {comparison.label}", parts)


_CURVES = {
    "recall_by_magnitude": "magnitude of the reference",
    "recall_by_distance": "distance to {distance_to} (km)",
    "recall_by_weight": "analyst's weight of the pick",
}
_INTERVALS = (
    "<p>Bootstrap: low and high with single events drawn, and with whole days (1D) or hours (1h) drawn, which keeps together what shares its "
    "luck. Where the two differ, believe the wider one.</p>"
)
_CHANCE = (
    "<p>Pairs that remain when the reference is shifted in time: what two catalogs share that have nothing to do with one another but "
    "their rate and place. Of the true matches none remains.</p>"
)


def _listed(rows: pd.DataFrame) -> pd.DataFrame:
    """Events as text, largest first."""
    if "magnitude" in rows:
        rows = rows.sort_values("magnitude", ascending=False)
    shown = pd.DataFrame({"time": rows["time"].dt.strftime("%Y-%m-%d %H:%M:%S.%f").str[:-4]})
    for column, form in {"latitude": ".4f", "longitude": ".4f", "depth_km": ".1f", "magnitude": ".2f"}.items():
        if column in rows:
            shown[column] = rows[column].map(lambda v, form=form: "" if pd.isna(v) else format(v, form))
    return shown


def _lead(name: str, facts: dict[str, Any]) -> str:
    share = {key: "–" if facts[key] is None else f"{facts[key]:.1%}" for key in ("recall", "precision")}
    return (
        f'<p class="lead"><strong>{facts["expected_matched"]} of {facts["expected"]}</strong> events of '
        f"{escape(facts['reference'])} are among the {facts['events']} of {escape(name)} (recall {share['recall']}); "
        f"{facts['missed']} are missed, {facts['proposed']} are proposed that it does not hold "
        f"(precision {share['precision']}, if it were complete).</p>"
        f"<p>Events match one to one within {facts['max_dt_s']:g} s and {facts['max_km']:g} km, as many as possible and then as near as "
        "possible. Differences are catalog minus reference.</p>"
    )


def _days(facts: dict[str, Any]) -> str:
    said = []
    for days, count, text in (
        (
            facts["days_without_events"],
            facts["missed_on_days_without_events"],
            "without an event of the catalog: {} missed there",
        ),
        (
            facts["days_without_reference"],
            facts["proposed_on_days_without_reference"],
            "without a reference event: {} proposed there",
        ),
    ):
        if days:
            listed = ", ".join(days[:10]) + (" and more" if len(days) > 10 else "")
            said.append(
                f"<p><strong>{len(days)} {'day' if len(days) == 1 else 'days'} {text.format(count)}</strong> ({listed}).</p>"
            )
    return "".join(said) or "<p>No day is empty in one of them.</p>"
