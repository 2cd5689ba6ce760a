"""Readers of published data sets into the common tables: one module per set, one function ``data.open``."""

from __future__ import annotations

from importlib import import_module

from ..errors import UnknownDataset
from ..manifests import dataset
from .opened import Opened

_READERS = {
    "ai-pal-ridgecrest": "pal_ridgecrest",
    "comcat-reviewed": "comcat",
    "easyquake-o2-wilz": "easyquake",
    "elep-mount-st-helens": "elep",
    "fdtcc-ridgecrest": "fdtcc",
    "gamma-ridgecrest": "gamma_ridgecrest",
    "growclust3d-spanish-springs": "growclust",
    "hypodd-examples": "hypodd",
    "location-benchmark-yu": "benchmark_yu",
    "nonlinloc-samples": "nonlinloc",
    "obstransformer-sample": "obstransformer",
    "ogs-2024": "ogs",
    "phasenet-ncedc": "ncedc",
    "pnw-classification": "pnw_classification",
    "pnw-ml": "pnw_ml",
    "pyocto-picks": "pyocto",
    "qm-volcanotectonic": "volcanotectonic",
    "quakemigrate-manuscript": "quakemigrate",
    "real-demo": "real_demo",
    "seisbench-dummy": "seisbench_dummy",
}


def openable() -> list[str]:
    """Names of the data sets that :func:`open_dataset` knows how to read."""
    return sorted(_READERS)


def open_dataset(name: str, progress: bool = True) -> Opened:
    """Fetch a data set, verify it and read it into the common tables.

    The result has those of ``stations``, ``velocity``, ``waveforms`` (ObsPy Stream, or an array of records),
    ``picks``, ``events``, ``assignments`` that the set holds, and sometimes more; printing it shows which. What each
    means for a set stands in the docstring of its reader, ``help(data.open("...").reader)``.

    Raises:
        UnknownDataset: no such set, or none with a reader (``data.fetch`` still gives its files).
        DataError: a file is missing, wrong, or cannot be fetched.
    """
    entry = dataset(name)
    if name not in _READERS:
        raise UnknownDataset(
            f"{name}: there is no reader for this data set",
            found=f"readers exist for {', '.join(openable())}",
            remedy=f"data.fetch({name!r}) returns the folder with its files",
        )
    reader = import_module(f".{_READERS[name]}", __name__).read
    return reader(entry, progress)
