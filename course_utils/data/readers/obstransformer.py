"""obstransformer-sample: 56 labelled records of ocean-bottom seismometers, the sample that came with OBSTransformer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..errors import WrongContent
from ..fetching import fetch
from ..manifests import Dataset, files
from .opened import Opened

SAMPLING_RATE_HZ = 100.0
N_SAMPLES = 6000
_FOLDER = "FineTuning/"


def read(entry: Dataset, progress: bool = True) -> Opened:
    """37 local earthquakes with P and S and 19 windows of noise, of 11 ocean-bottom experiments.

    ``waveforms``        float32, shape (56, 3, 6000), components Z, 1, 2 (the file holds 1, 2, Z), 100 Hz, each
                         component demeaned and divided by its own standard deviation as published: amplitudes and the
                         ratios between components are lost. The horizontals are not oriented; pickers take them for N and E.
    ``records``          one row per record: ``record``, ``station`` ("NET.STA."), ``time`` (of the first sample), ``kind``
                         ("event" or "noise"), ``event`` (a key to split by; each record is of another event),
                         ``p_sample``, ``s_sample`` (fractions occur; NaN for noise), ``snr_db``, ``sampling_rate_hz``.
    ``noise_waveforms``  (9, 3, 6000), further noise of two stations; ``noise_records`` says which.

    The set has no station coordinates, no hydrophone, no origins and no magnitudes. Traps: start times of noise
    are written day first and to the minute (here they come from the names of the records, to the second); station
    codes lose their leading zero in the table (9 is 09; here they come from the names too); four records hold a P later than
    39 s, so that a window of 30 s from the start misses it; S-P is 1.0 to 33.4 s, longer than on land.

    Niksejel and Zhang (2024) GJI 237, 485-505, doi:10.1093/gji/ggae049.

    Raises:
        WrongContent: a record of another shape, or a start time that contradicts the name.
    """
    import h5py

    extra = sorted(p for p in files(entry.name) if p.startswith(_FOLDER + "aug_noise/"))
    folder = fetch(entry.name, [_FOLDER + "sample.csv", _FOLDER + "sample.hdf5", *extra], progress=progress)
    raw = pd.read_csv(folder / _FOLDER / "sample.csv", dtype={"receiver_code": str})
    waveforms = np.zeros((len(raw), 3, N_SAMPLES), np.float32)
    with h5py.File(folder / _FOLDER / "sample.hdf5", "r") as file:
        for row, name in enumerate(raw["trace_name"]):
            waveforms[row] = _z12(np.asarray(file["data"][name]), name)
    noise = raw["trace_category"] == "noise"
    names = _from_names(raw["trace_name"])
    stated = pd.Series(pd.NaT, index=raw.index, dtype="datetime64[us, UTC]")
    stated[noise] = pd.to_datetime(raw.loc[noise, "trace_start_time"], dayfirst=True, format="mixed", utc=True)
    stated[~noise] = pd.to_datetime(raw.loc[~noise, "trace_start_time"], format="ISO8601", utc=True)
    apart = (names["time"] - stated).dt.total_seconds().abs()
    if (apart > 60).any():
        row = int(apart.argmax())
        raise WrongContent(
            f"{raw['trace_name'][row]}: name and start time differ",
            found=raw["trace_start_time"][row],
            remedy="fetch the data set again",
        )
    records = pd.DataFrame(
        {
            "record": raw["trace_name"],
            "station": names["station"],
            "time": stated.where(~noise, names["time"]),
            "kind": np.where(noise, "noise", "event"),
            "event": raw["trace_name"],
            "p_sample": raw["p_arrival_sample"],
            "s_sample": raw["s_arrival_sample"],
            "snr_db": raw["snr_db"],
            "sampling_rate_hz": SAMPLING_RATE_HZ,
        }
    )
    stems = pd.Series([path.rsplit("/", 1)[1] for path in extra])
    more = [_z12(np.load(folder / path, allow_pickle=False), path) for path in extra]
    noise_records = _from_names(stems).assign(
        record=stems, kind="noise", event=stems, p_sample=np.nan, s_sample=np.nan, sampling_rate_hz=SAMPLING_RATE_HZ
    )
    return Opened(
        entry,
        folder,
        read,
        waveforms=waveforms,
        records=records,
        noise_waveforms=np.stack(more).astype(np.float32),
        noise_records=noise_records,
    )


def _z12(samples: np.ndarray, name: str) -> np.ndarray:
    if samples.shape != (N_SAMPLES, 3):
        raise WrongContent(
            f"{name}: not a record of this set",
            expected=f"shape ({N_SAMPLES}, 3)",
            found=str(samples.shape),
            remedy="fetch the data set again",
        )
    return samples.T[[2, 0, 1]]


def _from_names(names: pd.Series) -> pd.DataFrame:
    """Station and start time out of names such as 09.YM_20090209002657_EV."""
    parts = names.str.extract(r"^(?P<code>[^.]+)\.(?P<network>[^_]+)_(?P<time>\d{14})_")
    return pd.DataFrame(
        {
            "station": parts["network"] + "." + parts["code"] + ".",
            "time": pd.to_datetime(parts["time"], format="%Y%m%d%H%M%S", utc=True).astype("datetime64[us, UTC]"),
        }
    )
