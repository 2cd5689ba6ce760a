"""Several pickers on the same records: published models, one's own, and baselines, in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .judgement import Judgement, judge
from .labelled import LabelledRecords

BASELINES = ("sta_lta", "ar")


@dataclass(frozen=True)
class Comparison:
    """What :func:`compare_pickers` found.

    Attributes:
        table: one row per picker and phase: picker, and the columns of ``Judgement.table``.
        judgements: the judgement of each picker, for ``by``, ``intervals`` and ``calibration``.
        settings: for each picker the settings that its picks were made with (thresholds among them).
    """

    table: pd.DataFrame
    judgements: dict[str, Judgement]
    settings: dict[str, dict]


def run_picker(
    records: LabelledRecords, picker, thresholds=None, *, device: str | None = "auto", engine: str = "auto"
) -> pd.DataFrame:
    """Picks of one picker on labelled records.

    Args:
        picker: "sta_lta" or "ar" (``picking.baselines``), a name for ``load_model``, a SeisBench model, or a function
            that takes an iterable of ObsPy streams and returns a picks table.
        thresholds: as for ``picking.pick``; None: the weights' own. Baselines and functions have their own.
    """
    from .. import baselines
    from ..picker import pick

    if isinstance(picker, str) and picker in BASELINES:
        return getattr(baselines, picker)(records.streams())
    if isinstance(picker, (str, Path)) or hasattr(picker, "annotate_batch_pre"):
        return pick(records.streams(), picker, thresholds=thresholds, device=device, engine=engine)
    if not callable(picker):
        raise TypeError(f"picker is {picker!r}; give a name, a SeisBench model or a function of streams")
    return picker(records.streams())


def compare_pickers(
    records: LabelledRecords,
    pickers: Sequence | Mapping[str, object],
    *,
    thresholds: Mapping[str, object] | None = None,
    device: str | None = "auto",
    engine: str = "auto",
    **rules,
) -> Comparison:
    """Judge several pickers on the same records by the same rules.

    Args:
        pickers: names as for :func:`run_picker`, or a dict from a name to any picker.
        thresholds: for a picker's name its thresholds, chosen on other records (``choose_threshold``); those not named
            run with their own.
        rules: as for :func:`judge`.

    Raises:
        ValueError: thresholds for a picker that is not there, or as :func:`judge`.
    """
    named = dict(pickers) if isinstance(pickers, Mapping) else {str(picker): picker for picker in pickers}
    unknown = set(thresholds or {}) - set(named)
    if unknown:
        raise ValueError(f"thresholds names {', '.join(sorted(unknown))}; the pickers are {', '.join(named)}")
    judgements, settings, parts = {}, {}, []
    for name, picker in named.items():
        picks = run_picker(records, picker, (thresholds or {}).get(name), device=device, engine=engine)
        settings[name] = picks.attrs.get("report", {}).get("settings", {})
        result = judge(picks, records.labels, records.table, **rules)
        result.left_out.update(records.left_out)
        judgements[name] = result
        parts.append(result.table().assign(picker=name))
    table = pd.concat(parts, ignore_index=True)
    return Comparison(table[["picker", *table.columns.drop("picker")]], judgements, settings)


def compare_over_cuts(
    records: LabelledRecords,
    pickers: Sequence | Mapping[str, object],
    seeds: Sequence[int] = (0, 1, 2),
    *,
    seconds: float = 60.0,
    lead_s: tuple[float, float] = (5.0, 25.0),
    **options,
) -> tuple[pd.DataFrame, list[Comparison]]:
    """:func:`compare_pickers` on several random cuts of the same records: :func:`mean_scores`, and each comparison.

    Args:
        seeds, seconds, lead_s: of ``LabelledRecords.cut``, one cut per seed.
        options: as for :func:`compare_pickers`.
    """
    found = [compare_pickers(records.cut(seed, seconds, lead_s), pickers, **options) for seed in seeds]
    return mean_scores([one.table for one in found]), found


def mean_scores(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Mean over several random cuts of the same records: one row per picker and phase.

    Args:
        tables: ``Comparison.table`` (or ``Judgement.table``) of each cut.

    Returns:
        The means of all numbers (counts too), ``n_cuts``, and ``recall_spread`` and ``precision_spread``, the largest
        minus the smallest.
    """
    if not len(tables):
        raise ValueError("there is no table to average")
    long = pd.concat(list(tables), ignore_index=True)
    keys = [name for name in ("picker", "phase") if name in long.columns]
    groups = long.groupby(keys, sort=False)
    mean = groups.mean(numeric_only=True)
    for name in ("recall", "precision"):
        mean[f"{name}_spread"] = groups[name].max() - groups[name].min()
    return mean.assign(n_cuts=groups.size()).reset_index()
