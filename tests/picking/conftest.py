"""Models and real records for the picker's tests."""

import glob
import os
from pathlib import Path

import numpy as np
import pytest
from picking_helpers import seeded


@pytest.fixture(scope="session")
def phasenet():
    return seeded("PhaseNet", component_order="ENZ", default_args={"blinding": [250, 250]})


@pytest.fixture(scope="session")
def published():
    """load_model for published weights that are in the cache; skips where they are not."""
    from course_utils import picking

    def load(name):
        kind, weights = name.split(":")
        root = os.environ.get("SEISBENCH_CACHE_ROOT", "")
        if not root or not list(Path(root).glob(f"models/v3/{kind}/{weights}.json*")):
            pytest.skip(f"{name} is not in SEISBENCH_CACHE_ROOT")
        return picking.load_model(name)

    return load


@pytest.fixture(scope="session")
def seisbench_says(published, real):
    """(model, stream, SeisBench's annotations) of published weights on a data set; each is worked out once, for all
    engines."""
    known = {}

    def annotations(name, dataset, station="*"):
        if (name, dataset, station) not in known:
            model, stream = published(name), real(dataset).select(station=station)
            known[name, dataset, station] = model, stream, model.annotate(stream, batch_size=64)
        return known[name, dataset, station]

    return annotations


@pytest.fixture(scope="session")
def real():
    """Waveforms of a data set under COURSE_DATA_MIRROR as one stream; skips where there are none."""
    from obspy import Stream, Trace, UTCDateTime, read

    patterns = {
        "elep-mount-st-helens": "docs/tutorials/data/*.ms",
        "qm-volcanotectonic": "examples/benchmarks/Volcanotectonic_Iceland/*.m",
        "malmi-coseismiq": "tests/inputs/seismic_data/**/*.mseed",
        "phasenet-ncedc": "dataset/**/*.npz",
    }

    def load(dataset):
        root = os.environ.get("COURSE_DATA_MIRROR", "")
        files = sorted(glob.glob(f"{root}/{dataset}/{patterns[dataset]}", recursive=True)) if root else []
        if not files:
            pytest.skip(f"{dataset} is not under COURSE_DATA_MIRROR")
        stream = Stream()
        for number, file in enumerate(files):
            if not file.endswith(".npz"):
                stream += read(file)
                continue
            record = np.load(file)["data"]  # 9001 x 3, E N Z, horizontals all zero where there are none
            for column, code in enumerate("ENZ"):
                if record[:, column].any():
                    header = {
                        "network": "NC",
                        "station": f"R{number:03d}",
                        "channel": "HH" + code,
                        "sampling_rate": 100,
                    }
                    header["starttime"] = UTCDateTime("2020-01-01") + 200 * number
                    stream.append(Trace(record[:, column].copy(), header))
        return stream

    return load
