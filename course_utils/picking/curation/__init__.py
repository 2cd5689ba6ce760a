"""Curation: from a catalog and waveforms to a data set that SeisBench trains on, and what may be wrong with any such set.

    made = curate(catalog, "waveforms/", "dataset/", window_s=60)
    print(made.summary())
    print(leak_report("dataset/"))

Wrong labels and leaks between the parts of a set are common in published ones, too (Aguilar Suarez and Beroza 2025,
arXiv:2511.09805).
"""

from .columns import event_ids, pick_columns, station_names
from .dataset import Curated, curate
from .labels import constant_picks, duplicated_events, duplicated_records, suspicious_labels
from .leaks import LeakReport, duplicated_waveforms, leak_report
from .settings import CurationError, CurationSettings
from .splits import assert_disjoint, split_by_event, split_by_station, split_by_time, split_sizes

__all__ = [
    "Curated",
    "CurationError",
    "CurationSettings",
    "LeakReport",
    "assert_disjoint",
    "constant_picks",
    "curate",
    "duplicated_events",
    "duplicated_records",
    "duplicated_waveforms",
    "event_ids",
    "leak_report",
    "pick_columns",
    "split_by_event",
    "split_by_station",
    "split_by_time",
    "split_sizes",
    "station_names",
    "suspicious_labels",
]
