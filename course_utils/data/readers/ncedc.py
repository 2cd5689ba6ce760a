"""phasenet-ncedc: 101 labelled records of Northern California, the sample that came with PhaseNet."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..errors import WrongContent
from ..fetching import fetch
from ..manifests import Dataset, files
from .opened import Opened

SAMPLING_RATE_HZ = 100.0
N_SAMPLES = 9001


def read(entry: Dataset, progress: bool = True) -> Opened:
    """101 single-station records, each of a different event, with an analyst's P and S.

    ``waveforms``  float32, shape (101, 3, 9001), components Z, N, E (the files hold E, N, Z), 100 Hz, units as published
                   (unknown, mixed instruments). 27 records are of vertical sensors: their N and E are zero.
    ``records``    one row per record: ``record`` (file name), ``station`` ("NET.STA.LOC"), ``channel`` (band and
                   instrument code), ``components`` ("ZNE" or "Z"), ``event`` (digits of the file name; a key to split by,
                   not a time to rely on), ``p_sample``, ``s_sample``, ``sampling_rate_hz``.

    Trap: the P arrival is *always* sample 3000, so a picker that answers "30 s" whatever it sees scores perfectly. Cut
    every record at a random start before you train on it or score with it. And PhaseNet "original" was trained on
    records of this collection (the upstream folder is ``waveform_train``): its score here is a check, not a benchmark.

    Zhu & Beroza (2019) GJI 216, 261-273, doi:10.1093/gji/ggy423.
    """
    paths = sorted(p for p in files(entry.name) if p.endswith(".npz"))
    folder = fetch(entry.name, paths, progress=progress)
    waveforms = np.zeros((len(paths), 3, N_SAMPLES), dtype=np.float32)
    rows = []
    for i, path in enumerate(paths):
        with np.load(folder / path, allow_pickle=False) as npz:
            samples, channels = npz["data"], str(npz["channels"]).split("_")
            p_sample, s_sample = int(npz["itp"]), int(npz["its"])
        if samples.shape != (N_SAMPLES, 3) or channels[-1][-1:] != "Z":
            raise WrongContent(
                f"{path}: not a record of this set",
                expected=f"shape ({N_SAMPLES}, 3), the last channel vertical",
                found=f"shape {samples.shape}, channels {'_'.join(channels)}",
                remedy="fetch the data set again",
            )
        waveforms[i] = samples.T[::-1]  # E, N, Z -> Z, N, E
        record = path.rsplit("/", 1)[1].removesuffix(".npz")
        network, station, event, location = (record + "_").split("_")[:4]
        components = "ZNE" if len(channels) == 3 else "Z"
        rows.append(
            (record, f"{network}.{station}.{location}", channels[-1][:2], components, event, p_sample, s_sample)
        )
    columns = ["record", "station", "channel", "components", "event", "p_sample", "s_sample"]
    records = pd.DataFrame(rows, columns=columns).assign(sampling_rate_hz=SAMPLING_RATE_HZ)
    return Opened(entry, folder, read, waveforms=waveforms, records=records)
