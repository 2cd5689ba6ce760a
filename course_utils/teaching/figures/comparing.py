"""Pictures of two catalogs side by side: recall against a variable, clouds of differences, events by day.

Each function draws on Matplotlib axes what ``catalog.comparison`` and ``catalog.intervals`` have in tables, and returns a
text that says what the picture shows, for those who cannot see it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course_utils.teaching.style import COLOURS, CYCLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

_MARKS, _DASHES = "os^D", ("-", "--", ":", "-.")
_UNITS = {"dt_s": "s", "distance_km": "km", "depth_difference_km": "km", "magnitude_difference": "units of magnitude"}


def recall_against(ax: Axes, curves: Mapping[str, pd.DataFrame], xlabel: str = "magnitude of the reference") -> str:
    """Recall with intervals, one curve for each table of :func:`course_utils.catalog.intervals.recall_curve`."""
    said = []
    for i, (name, curve) in enumerate(curves.items()):
        errors = [curve["recall"] - curve["low"], curve["high"] - curve["recall"]]
        look = {"marker": _MARKS[i % 4], "ls": _DASHES[i % 4], "color": CYCLE[i % len(CYCLE)], "ms": 5}
        ax.errorbar(curve["value"], curve["recall"], np.clip(errors, 0, None), capsize=2, label=name, **look)
        if len(curve):
            first, last = curve.iloc[0], curve.iloc[-1]
            said.append(
                (f"{name}: " if len(curves) > 1 else "")
                + f"{first['recall']:.2f} at {first['value']:.3g}, {last['recall']:.2f} at {last['value']:.3g}, "
                f"{curve['n'].sum()} in all"
            )
    ax.set(xlabel=xlabel, ylabel="recall", ylim=(-0.03, 1.05))
    if len(curves) > 1:
        ax.legend(fontsize="small")
    return f"Recall against {xlabel}, with intervals. " + ("; ".join(said) or "There is nothing to show") + "."


def residual_clouds(axes: Sequence[Axes], pairs: pd.DataFrame) -> str:
    """Differences of matched pairs: epicenters as seen from the reference; origin time and depth; magnitude."""
    place, when, size = axes
    look = {"s": 9, "alpha": 0.35, "color": COLOURS["matched"], "linewidths": 0}
    for ax, x, y, xlabel, ylabel in (
        (place, pairs["east_km"], pairs["north_km"], "east (km)", "north (km)"),
        (when, pairs["dt_s"], pairs["depth_difference_km"], "origin time (s)", "depth (km, positive: deeper)"),
        (size, pairs["magnitude"], pairs["magnitude_difference"], "magnitude of the reference", "magnitude difference"),
    ):
        ax.scatter(x, y, **look)
        ax.axhline(0, color=COLOURS["noise"], lw=0.8)
        if ax is not size:
            ax.axvline(0, color=COLOURS["noise"], lw=0.8)
            ax.plot(
                np.median(x) if len(x) else np.nan, np.median(y) if len(y) else np.nan, "+", color="black", ms=14, mew=2
            )
        elif y.notna().any():
            ax.axhline(y.median(), color="black", ls="--", lw=1)
        for values, limit in ((x, ax.set_xlim), (y, ax.set_ylim)):
            of = pd.concat([x, y]) if ax is place else values
            if of.notna().any() and not (ax is size and values is x):
                # the few far ones would squeeze the cloud to a point
                reach = 1.15 * max(np.nanquantile(of.abs(), 0.985), 1e-3)
                limit(-reach, reach)
        ax.set(xlabel=xlabel, ylabel=ylabel)
    place.set_box_aspect(1)
    medians = [
        f"{pairs[k].median():+.2f} {unit} ({k.split('_')[0]})" for k, unit in _UNITS.items() if pairs[k].notna().any()
    ]
    return (
        f"Differences of {len(pairs)} matched pairs, catalog minus reference, in three clouds: epicenters, origin times with "
        f"depths, magnitudes. The farthest 1.5 % lie outside. Medians: {', '.join(medians) or 'none'}."
    )


def days(ax: Axes, by_day: pd.DataFrame) -> str:
    """Found and missed reference events of each day upwards, proposed ones downwards; empty days are marked."""
    at = np.arange(len(by_day))
    ax.bar(at, by_day["found"], color=COLOURS["matched"], label="matched")
    ax.bar(
        at, by_day["missed"], bottom=by_day["found"], color=COLOURS["missed"], hatch="//", label="missed", ec="white"
    )
    ax.bar(at, -by_day["proposed"], color=COLOURS["proposed"], hatch="..", label="proposed", ec="white")
    top = (by_day["found"] + by_day["missed"]).to_numpy()
    for flag, text, y, side in (
        ("no_events", "no events", top, "bottom"),
        ("no_reference", "no reference", 0 * top, "bottom"),
    ):
        for i in np.flatnonzero(by_day[flag]):
            ax.text(i, y[i], text, ha="center", va=side, fontsize="small", rotation=90 if len(at) > 12 else 0)
    shown = at[:: max(1, len(at) // 8)]
    ax.set_xticks(shown, by_day["day"].dt.strftime("%Y-%m-%d").iloc[shown])
    ax.axhline(0, color="black", lw=0.8)
    ax.set_axisbelow(True)
    ax.yaxis.set_major_formatter(lambda v, _: f"{abs(v):g}")
    ax.set_ylabel("events")
    ax.margins(y=0.12)
    ax.set_xlim(-0.5 - 2 / len(at), len(at) - 0.5 + 2 / len(at)) if len(at) else None
    ax.legend(fontsize="small", ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    absent = int(by_day["no_events"].sum())
    return (
        f"Events by day: {by_day['found'].sum()} matched and {by_day['missed'].sum()} missed upwards, "
        f"{by_day['proposed'].sum()} proposed downwards; "
        + (f"without any event of the catalog: {absent}, marked." if absent else "no day is without events.")
    )


def gallery(
    axes: Sequence[Axes], events: pd.DataFrame, traces: Mapping[str, tuple], picks: pd.DataFrame, nearest: Sequence
) -> str:
    """Record sections, one for each event: what a person looks at who must say whether it is one.

    Args:
        axes: at least as many as events.
        events: events table.
        traces: station -> ObsPy Trace of its vertical and of one horizontal component, already filtered.
        picks: assigned picks with event_id, station, phase, time.
        nearest: for each event the stations to draw, the nearest first.
    """
    for number, (ax, event, names) in enumerate(zip(axes, events.itertuples(), nearest, strict=False), 1):
        mine = picks[picks["event_id"] == event.event_id]
        after_s = (mine["time"] - event.time).dt.total_seconds()
        last_s = max(12.0, after_s[mine["station"].isin(names)].max() + 3.0)
        for level, name in enumerate(names):
            here = after_s[mine["station"] == name]
            for trace, offset, colour in zip(traces[name], (0.0, 0.42), ("black", COLOURS["noise"]), strict=True):
                start = pd.Timestamp(trace.stats.starttime.datetime, tz="UTC")
                seconds = trace.times() + (start - event.time).total_seconds()
                shown = (seconds >= -3.0) & (seconds <= last_s)
                # the scale is that of the picked waves: a larger event before or after them is cut off
                near = shown & (seconds >= here.min() - 1.0) & (seconds <= here.max() + 2.0) if len(here) else shown
                y = trace.data / (np.abs(trace.data[near]).max() if near.any() else 1.0)
                ax.plot(seconds[shown], level + offset + 0.3 * np.clip(y[shown], -1, 1), color=colour, lw=0.5)
            for phase, dash in (("P", "-"), ("S", "--")):
                for at in here[mine["phase"] == phase]:
                    ax.plot([at, at], [level - 0.35, level + 0.75], color=COLOURS[phase], lw=2, ls=dash)
        ax.set_yticks(np.arange(len(names)) + 0.2, [name.split(".")[1] for name in names])
        ax.set(title=f"{number}: {event.time:%H:%M:%S}, {len(mine)} picks", xlim=(-3, last_s), ylim=(-0.6, len(names)))
        ax.grid(False)
    for ax in axes[-2:]:
        ax.set_xlabel("seconds after the origin time")
    return (
        f"Record sections of {len(events)} events at the {len(nearest[0])} nearest stations each, the nearest at the bottom: vertical "
        "(black) and a horizontal component (grey), with the assigned P (solid bars) and S (dashed bars)."
    )
