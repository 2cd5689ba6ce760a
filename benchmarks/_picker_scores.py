"""What pickers find in real records, by the rules of ``picking.evaluation``, for the training benchmark.

Nothing here chooses a threshold: the weights carry theirs, fixed on synthetic records; baselines run with their defaults.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from _common import Figure, mirror, missing

OURS, PUBLISHED = "phasenet:synthetic", "phasenet:original"
CUTS = (0, 1, 2)
NOISE_SEED = 616_161  # neither trained on nor used for validation
GOALS = {
    "ncedc_p_recall": "at least 0.93",
    "ncedc_p_precision_near": "at least 0.93",
    "ncedc_s_recall": "at least 0.85",
    "ncedc_s_precision_near": "at least 0.9",
    "ncedc_p_precision_whole": "beside the published model's",
}
IN_SAMPLE = "in sample: these records probably trained it"


def real_scores(quick: bool) -> dict[str, Figure]:
    """Figures of phasenet-ncedc, and of two further real sets; those that are absent are missing."""
    figures = california()
    figures |= noise(60 if quick else 300)
    figures |= ocean_bottom()
    return figures | iceland()


def _pickers() -> list[str]:
    from course_utils.picking.models import ModelError, load_model

    try:
        load_model(PUBLISHED)
    except ModelError:
        return [OURS, "sta_lta", "ar"]
    return [OURS, PUBLISHED, "sta_lta", "ar"]


def _named(name: str) -> str:
    return {OURS: "", PUBLISHED: "original_", "sta_lta": "stalta_", "ar": "ar_"}[name]


def california() -> dict[str, Figure]:
    """101 land records, mean of three random cuts."""
    from course_utils import data
    from course_utils.picking.evaluation import compare_over_cuts, labelled_records

    if mirror("phasenet-ncedc") is None:
        why = "phasenet-ncedc is not there (COURSE_DATA_MIRROR)"
        return {key: missing(why, goal) for key, goal in GOALS.items()} | {"stalta_p_recall": missing(why)}
    records = labelled_records(*data.open("phasenet-ncedc")["waveforms", "records"])
    mean, cuts = compare_over_cuts(records, _pickers(), CUTS)
    mean = mean.set_index(["picker", "phase"])
    ours = [cut.judgements[OURS] for cut in cuts]
    errors = [one.calibration().attrs["expected_calibration_error"] for one in ours]
    strict = [(one.labels["residual_s"].abs() <= 0.2).groupby(one.labels["phase"]).mean() for one in ours]
    thresholds = cuts[0].settings[OURS]["thresholds"]
    on = f"{len(records)} phasenet-ncedc records, mean of {len(CUTS)} random cuts of 60 s, within 0.5 s"
    ours_on = f"{on}, threshold P {thresholds['P']:g}, S {thresholds['S']:g} as the weights carry it"
    figures = {}
    for picker in mean.index.unique("picker"):
        name = _named(picker)
        about = {OURS: ours_on, PUBLISHED: f"{on}; published PhaseNet, {IN_SAMPLE}"}.get(picker, f"{on}; {picker}")
        for phase in "PS":
            row, lower = mean.loc[picker, phase], phase.lower()
            prefix = f"ncedc_{lower}_" if picker == OURS else f"{name}{lower}_"
            for key, column, what in (
                (f"{prefix}recall", "recall", ""),
                (f"{prefix}precision_near", "precision", ", 5 s before P to 5 s after S"),
                (f"{prefix}precision_whole", "precision_whole", ", whole records"),
            ):
                figures[key] = Figure(float(row[column]), f"{phase}{what}, {about}", GOALS.get(key, ""))
    for phase in "PS":
        lower = phase.lower()
        row = mean.loc[OURS, phase]
        figures[f"ncedc_{lower}_residual_median_s"] = Figure(float(row["residual_median_s"]), f"{phase}, {on}")
        figures[f"ncedc_{lower}_residual_mad_s"] = Figure(float(row["residual_mad_s"]), f"{phase}, {on}")
        value = float(np.mean([table[phase] for table in strict]))
        figures[f"ncedc_{lower}_recall_0.2_s"] = Figure(
            value, f"{phase} within 0.2 s, {on.removesuffix(', within 0.5 s')}"
        )
        error = float(np.mean([e[phase] for e in errors]))
        figures[f"ncedc_{lower}_calibration_error"] = Figure(
            error, f"{phase}, expected calibration error in 10 bins, {on}"
        )
    return figures


def noise(windows: int) -> dict[str, Figure]:
    """Picks an hour, P and S together, where there is nothing to find: real records before P, and synthetic noise."""
    from course_utils import data
    from course_utils.picking.evaluation import labelled_records
    from course_utils.synthetic.records import records as synthetic_records

    if mirror("phasenet-ncedc") is None:
        figures = {"noise_picks_per_hour": missing("phasenet-ncedc is not there (COURSE_DATA_MIRROR)")}
    else:
        waveforms, table = data.open("phasenet-ncedc")["waveforms", "records"]
        quiet = table.assign(p_sample=np.nan, s_sample=np.nan, kind="noise")
        # the 29.5 s before P; models are silent for 2.5 s at the start of a record and at its end
        before = labelled_records(waveforms[:, :, :2950], quiet)
        before.table["seconds"] -= 4.5
        on = f"P and S, the 25 s before P of {len(table)} phasenet-ncedc records ({len(table) * 25 / 3600:.2f} h)"
        figures = _false_picks(before, "noise_picks_per_hour", on)
    made = synthetic_records(windows, NOISE_SEED, noise_fraction=1.0)
    about = pd.DataFrame({"p_sample": np.nan, "s_sample": np.nan, "kind": "noise"}, index=range(windows))
    records = labelled_records(made.waveforms, about.assign(sampling_rate_hz=100.0))
    on = f"P and S, {windows} synthetic noise windows of 60 s, seed {NOISE_SEED}"
    return figures | _false_picks(records, "synthetic_noise_picks_per_hour", on)


def _false_picks(records, key: str, on: str) -> dict[str, Figure]:
    from course_utils.picking.evaluation import compare_pickers

    table = compare_pickers(records, _pickers()).table
    rate = table.groupby("picker", sort=False)["false_per_hour"].sum()
    return {f"{_named(picker)}{key}": Figure(float(value), f"{on}; {picker}") for picker, value in rate.items()}


def ocean_bottom() -> dict[str, Figure]:
    """A second real set, far from what the weights were made for: ocean-bottom records, S-P up to 33 s."""
    from course_utils import data
    from course_utils.picking.evaluation import compare_over_cuts, labelled_records

    if mirror("obstransformer-sample") is None:
        return {"obs_p_recall": missing("obstransformer-sample is not there (COURSE_DATA_MIRROR)")}
    records = labelled_records(*data.open("obstransformer-sample")["waveforms", "records"])
    mean, _ = compare_over_cuts(records, _pickers(), CUTS)
    n = int(mean["n_labels"].iloc[0])
    return _second(mean, "obs", f"{n} obstransformer-sample records, mean of {len(CUTS)} random cuts, within 0.5 s")


def iceland() -> dict[str, Figure]:
    """A third: continuous records of a volcano, judged by the automatic picks of QuakeMigrate, which are no truth."""
    from course_utils import data
    from course_utils.picking.baselines import ar, sta_lta
    from course_utils.picking.evaluation import judge
    from course_utils.picking.picker import pick

    if mirror("qm-volcanotectonic") is None:
        return {"iceland_p_recall": missing("qm-volcanotectonic is not there (COURSE_DATA_MIRROR)")}
    opened = data.open("qm-volcanotectonic")
    labels = opened.picks.merge(opened.assignments[["pick_id", "event_id"]].drop_duplicates("pick_id"), on="pick_id")
    rows = []
    for name in _pickers():
        own = {"sta_lta": sta_lta, "ar": ar}.get(name)
        picks = own(opened.waveforms) if own else pick(opened.waveforms, name)
        rows.append(judge(picks, labels).table().assign(picker=name))
    on = f"{len(labels)} picks of QuakeMigrate (automatic, no truth), qm-volcanotectonic, within 0.5 s"
    return _second(pd.concat(rows), "iceland", on)


def _second(table: pd.DataFrame, prefix: str, on: str) -> dict[str, Figure]:
    figures = {}
    for row in table.itertuples():
        key = f"{prefix}_{_named(row.picker)}{row.phase.lower()}"
        figures[f"{key}_recall"] = Figure(row.recall, f"{row.phase}, {on}; {row.picker}")
        if np.isfinite(row.precision):
            figures[f"{key}_precision_near"] = Figure(row.precision, f"{row.phase}, {on}; {row.picker}")
        else:
            figures[f"{key}_precision_near"] = missing(row.note)
    return figures
