"""Figures of waveform quality: availability with faults, power spectra between the noise models, a record with its faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course_utils.data.quality import peterson
from course_utils.teaching.style import COLOURS, CYCLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKS = "osv^D<>pPX*h8"
_MOST = 60


def availability(axes: Axes, metrics: pd.DataFrame, faults: pd.DataFrame) -> str:
    """When the channels recorded, and where which faults lie; one line per channel (or station, when there are many: then from
    its first to its last sample)."""
    every = metrics
    if metrics["station"].nunique() > _MOST:  # those with the most faults
        some = faults["station"].value_counts().index.append(pd.Index(metrics["station"].unique())).unique()[:_MOST]
        metrics = metrics[metrics["station"].isin(some)]
    by = ["station", "channel"] if metrics.groupby(["station", "channel"]).ngroups <= _MOST else ["station"]
    lines = [key if isinstance(key, tuple) else (key,) for key in metrics.groupby(by).groups]
    place = {key: i for i, key in enumerate(lines)}
    for row in metrics.itertuples():
        y = place[tuple(getattr(row, c) for c in by)]
        axes.plot([row.start, row.end], [y, y], color="#dddddd", lw=6, solid_capstyle="butt", zorder=1)
        axes.plot([row.first, row.last], [y, y], color=COLOURS["station"], lw=6, solid_capstyle="butt", zorder=2)
    for row in faults[faults["kind"] == "gap"].itertuples():
        y = place.get((row.station, row.channel)) if len(by) == 2 else None
        if y is not None:
            axes.plot([row.start, row.end], [y, y], color="#dddddd", lw=6, solid_capstyle="butt", zorder=2)
    kinds = sorted(faults["kind"].unique())
    for k, kind in enumerate(kinds):
        mine = faults[faults["kind"] == kind]
        x, y = [], []
        for row in mine.itertuples():
            for key, at in place.items():
                if key[0] == row.station and (len(key) == 1 or row.channel in (key[1], "*")):
                    x.append(row.start)
                    y.append(at)
        axes.plot(
            x,
            y,
            _MARKS[k % len(_MARKS)],
            ms=5,
            mec="black",
            mew=0.4,
            ls="",
            color=CYCLE[k % len(CYCLE)],
            label=kind,
            zorder=3,
        )
    axes.set_yticks(range(len(lines)), [".".join(key) for key in lines], fontsize="x-small")
    left_out = every["station"].nunique() - metrics["station"].nunique()
    title = "Records (bar) in each window, and faults (marks)" + (
        f"; {left_out} stations not shown" if left_out else ""
    )
    axes.set(title=title, ylim=(len(lines) - 0.5, -0.5))
    axes.tick_params(axis="x", rotation=20)
    if kinds:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small")
    counts = ", ".join(f"{n} {kind}" for kind, n in faults["kind"].value_counts().items()) or "no faults"
    return (
        f"Availability of {every.groupby(['station', 'channel']).ngroups} channels: median "
        f"{every['percent_available'].median():.1f} %, lowest {every['percent_available'].min():.1f} %; {counts}."
    )


def spectra(axes: Axes, table: pd.DataFrame, highlight: tuple[str, ...] = ()) -> str:
    """Power spectral densities against period; with responses between Peterson's (1993) noise models.

    Args:
        highlight: "NET.STA.LOC.CHA" to be drawn in colour and named; the others are grey.
    """
    absolute = table["unit"].eq("(m/s**2)**2/Hz")
    table = table[absolute] if absolute.any() else table
    colours = iter(CYCLE)
    for (station, channel, _), some in table.groupby(["station", "channel", "start"]):
        name = f"{station}.{channel}"
        style = (
            {"color": next(colours, "#000000"), "lw": 1.6, "label": name, "zorder": 3}
            if name in highlight
            else {"color": COLOURS["noise"], "lw": 0.6, "alpha": 0.6}
        )
        axes.semilogx(some["period_s"], some["psd_db"], **style)
    said = f"Power spectra of {table.groupby(['station', 'channel']).ngroups} channels"
    if absolute.any():
        periods = np.geomspace(max(table["period_s"].min(), 0.1), table["period_s"].max(), 100)
        for level, text in zip(peterson(periods), ("low", "high"), strict=True):
            axes.semilogx(
                periods, level, "k--" if text == "low" else "k-", lw=1.5, label=f"Peterson's {text}-noise model"
            )
        said += " between Peterson's low- and high-noise models" if len(table) else ""
    axes.set(
        xlabel="period (s)",
        ylabel=f"power (dB of {table['unit'].iloc[0] if len(table) else 'counts**2/Hz'})",
        title="Median power spectral density",
    )
    if len(table):  # a dead channel has no spectrum to speak of
        low, high = np.percentile(table["psd_db"], [1, 99.9])
        axes.set_ylim(low - 15, high + 10)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small")
    return said + "."
