"""How good a picker is: its picks against labels, one to one, on records or on continuous data.

result = judge(picks, labels)                          # tables in, scores out
result.table(), result.by("snr_db"), result.intervals(), result.calibration()

records = labelled_records(waveforms, table)           # or records_of_dataset(folder, split="test")
table, _ = compare_over_cuts(records, ["phasenet:original", "phasenet:synthetic", "sta_lta"])

A threshold is chosen on one set of records (``choose_threshold(curve_of(dev, model))``) and used on another.

Münchmeyer et al. (2022), Which picker fits my data? J. Geophys. Res. Solid Earth, doi:10.1029/2021JB023499.
"""

from .comparison import Comparison, compare_over_cuts, compare_pickers, mean_scores, run_picker
from .curves import average_precision, choose_threshold, curve, curve_of
from .datasets import evaluate_dataset, records_of_dataset
from .judgement import Judgement, judge
from .labelled import LabelledRecords, labelled_records

__all__ = [
    "Comparison",
    "Judgement",
    "LabelledRecords",
    "average_precision",
    "choose_threshold",
    "compare_over_cuts",
    "compare_pickers",
    "curve",
    "curve_of",
    "evaluate_dataset",
    "judge",
    "labelled_records",
    "mean_scores",
    "records_of_dataset",
    "run_picker",
]
