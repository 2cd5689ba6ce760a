"""Pictures of how good pickers are: side by side, against the threshold, calibration, residuals, break-downs.

Each function draws on Matplotlib axes (new ones by default) what ``picking.evaluation`` has in a table, and returns a text
that says what the picture shows, for those who cannot see it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course_utils.picking.evaluation.curves import average_precision
from course_utils.teaching.style import COLOURS, CYCLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from course_utils.picking.evaluation import Comparison, Judgement

_DASHES = ("-", "--", ":", "-.")
_MARKS = "os^Dv<>P"


def comparison(axes: tuple[Axes, Axes], found: Comparison, level: float = 0.95) -> str:
    """Recall and precision of each picker, P on the first and S on the second axes, with bootstrap intervals over events."""
    said = []
    for ax, phase in zip(axes, ("P", "S"), strict=True):
        names = list(found.judgements)
        for row, name in enumerate(names):
            scores = found.judgements[name].intervals(level=level)
            scores = scores[scores["phase"] == phase].set_index("score")
            for score, offset, mark, colour in (("recall", 0.12, "o", CYCLE[0]), ("precision", -0.12, "s", CYCLE[1])):
                value, low, high = scores.loc[score, ["value", "low", "high"]]
                if np.isfinite(value):
                    label = score if row == 0 else None
                    errors = [[value - low], [high - value]]
                    ax.errorbar(value, row + offset, xerr=errors, fmt=mark, color=colour, label=label, capsize=2)
            said.append(
                f"{name} {phase}: recall {_text(scores.loc['recall', 'value'])}, "
                f"precision {_text(scores.loc['precision', 'value'])}"
            )
        ax.set(yticks=range(len(names)), yticklabels=names, xlim=(-0.02, 1.02), xlabel="share", title=phase)
        ax.set_ylim(len(names) - 0.5, -0.5)
        handles, labels = ax.get_legend_handles_labels()
        if handles and phase == "P":
            ax.legend(handles, labels, loc="lower left", fontsize="small")
    return (
        f"Recall and precision of {len(found.judgements)} pickers with {level:.0%} intervals. " + "; ".join(said) + "."
    )


def precision_recall(axes: Axes, curves: Mapping[str, pd.DataFrame], phase: str = "P") -> str:
    """Precision against recall of each picker, a point per threshold; average precision in the legend."""
    said = []
    for number, (name, table) in enumerate(curves.items()):
        rows = table[table["phase"] == phase].dropna(subset=["recall", "precision"]).sort_values("threshold")
        area = average_precision(table)[phase]
        look = {"color": CYCLE[number % len(CYCLE)], "ls": _DASHES[number % 4], "marker": _MARKS[number % 8]}
        axes.plot(rows["recall"], rows["precision"], ms=4, label=f"{name} ({area:.2f})", **look)
        said.append(f"{name} {area:.2f}")
    axes.set(
        xlabel="recall",
        ylabel="precision",
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.02),
        title=f"{phase}, a point per threshold",
    )
    axes.legend(title="average precision", fontsize="small", title_fontsize="small")
    return f"Precision against recall of {phase} as the threshold moves. Average precision: {', '.join(said)}."


def against_threshold(axes: Axes, table: pd.DataFrame, phase: str = "P", chosen: float | None = None) -> str:
    """Recall, precision and F1 of one picker against the threshold; ``chosen`` is marked."""
    rows = table[table["phase"] == phase].sort_values("threshold")
    for (score, label), dash, colour in zip(
        {"recall": "recall", "precision": "precision", "f1": "F1"}.items(), _DASHES, CYCLE, strict=False
    ):
        axes.plot(rows["threshold"], rows[score], dash, marker=".", color=colour, label=label)
    best = rows.loc[rows["f1"].idxmax()] if rows["f1"].notna().any() else None
    if chosen is not None:
        axes.axvline(chosen, color="#444444", lw=0.8)
        axes.annotate(f"chosen {chosen:g}", (chosen, 0.02), xytext=(3, 0), textcoords="offset points", fontsize="small")
    axes.set(xlabel="threshold", ylabel="share", ylim=(-0.02, 1.02), title=phase)
    axes.legend(fontsize="small")
    peak = f"F1 is largest, {best['f1']:.2f}, at {best['threshold']:g}" if best is not None else "F1 is undefined"
    return f"Recall, precision and F1 of {phase} against the threshold, {rows['threshold'].min():g} to {rows['threshold'].max():g}; {peak}."


def reliability(axes: Axes, judged: Judgement, bins: int = 10) -> str:
    """Share of right picks against their probability; on the diagonal a probability means what it says."""
    table = judged.calibration(bins)
    said = []
    axes.plot([0, 1], [0, 1], color=COLOURS["noise"], lw=0.8, zorder=0)
    for phase, mark in (("P", "o"), ("S", "s")):
        rows = table[(table["phase"] == phase) & (table["n"] > 0)]
        error = table.attrs["expected_calibration_error"][phase]
        axes.plot(
            rows["mean_probability"], rows["share_right"], f"{mark}-", color=COLOURS[phase],
            label=f"{phase}, error {_text(error)}",
        )  # fmt: skip
        for row in rows.itertuples():
            axes.annotate(
                str(row.n),
                (row.mean_probability, row.share_right),
                xytext=(4, -9),
                textcoords="offset points",
                fontsize=7,
            )
        said.append(f"{phase} expected calibration error {_text(error)} of {int(rows['n'].sum())} picks")
    axes.set(
        xlabel="probability of the pick",
        ylabel="share that is right",
        xlim=(0, 1.02),
        ylim=(0, 1.05),
        title="Calibration",
    )
    axes.legend(loc="upper left", fontsize="small")
    return f"Reliability diagram, numbers of picks at the points: {'; '.join(said)}. Above the diagonal picks are better than they say."


def residuals(axes: Axes, judged: Judgement, limit_s: float = 1.0) -> str:
    """Histogram of pick minus label for P and S, pairs up to 3 s apart; those beyond ``limit_s`` stand in the outer bins."""
    said = []
    edges = np.linspace(-limit_s, limit_s, 41)
    table = judged.table().set_index("phase")
    for phase, hatch in (("P", ""), ("S", "//")):
        offset = judged.labels.loc[judged.labels["phase"] == phase, "offset_s"].dropna()
        row = table.loc[phase]
        axes.hist(
            offset.clip(-limit_s, limit_s), bins=edges, alpha=0.55, color=COLOURS[phase], hatch=hatch, label=phase
        )
        said.append(
            f"{phase} median {_text(row['residual_median_s'])} s, MAD {_text(row['residual_mad_s'])} s, "
            f"{_text(row['outlier_share'])} beyond {row['tolerance_s']:g} s"
        )
    axes.axvline(0, color="#444444", lw=0.8)
    axes.set(xlabel="pick minus label, s", ylabel="pairs", title="Residuals")
    axes.legend(fontsize="small")
    return f"Histogram of pick minus label: {'; '.join(said)}."


def broken_down(axes: Axes, table: pd.DataFrame, column: str, unit: str = "") -> str:
    """Recall of P and S by a column, as ``Judgement.by`` gives it; numbers of labels at the points."""
    values = list(dict.fromkeys(table[column]))
    said = []
    for phase, mark in (("P", "o"), ("S", "s")):
        rows = table[table["phase"] == phase]
        at = [values.index(value) for value in rows[column]]
        axes.plot(at, rows["recall"], f"{mark}-", color=COLOURS[phase], label=phase)
        for x, row in zip(at, rows.itertuples(), strict=True):
            axes.annotate(str(row.n_labels), (x, row.recall), xytext=(4, -9), textcoords="offset points", fontsize=7)
        said.append(f"{phase} " + ", ".join(_text(value) for value in rows["recall"]))
    names = [f"{v.left:.3g} to {v.right:.3g}" if hasattr(v, "left") else str(v) for v in values]
    axes.set_xticks(range(len(values)), names, rotation=20, ha="right", fontsize="small")
    axes.set(xlabel=f"{column}{f', {unit}' if unit else ''}", ylabel="recall", ylim=(-0.02, 1.05))
    axes.legend(fontsize="small")
    return f"Recall by {column} ({'; '.join(names)}): {'; '.join(said)}."


def _text(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "undefined"
