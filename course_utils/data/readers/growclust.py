"""growclust3d-spanish-springs: a sequence of small earthquakes in Nevada before and after relocation by GrowClust3D."""

from __future__ import annotations

import pandas as pd

from ...catalog.formats.growclust import read_events, read_relocated, read_stations
from ..fetching import fetch
from ..manifests import Dataset
from .opened import Opened

_IN, _OUT = "examples/data/in/", "examples/data/out/"
_VP_VS = 1.732  # of the example's control file


def read(entry: Dataset, progress: bool = True) -> Opened:
    """Spanish Springs, Nevada, 2012 to 2015: 1616 events within some kilometres, magnitudes -1.0 to 4.2.

    ``events``        the locations that GrowClust started from.
    ``relocated``     all 1616 events, places and times by GrowClust3D in a 1-D model. Those with ``is_relocated`` (735) share a cluster with others; the rest
                      keep their start. Further columns as in :func:`course_utils.catalog.formats.growclust.read_relocated`.
    ``relocated_3d``  the same with travel times from NonLinLoc's grids.
    ``stations``      51 stations of Nevada; the list names no networks.
    ``velocity``      the 1-D model of the example, Vs by its Vp/Vs of 1.732.

    ``event_id`` is the same in all three lists. The cross-correlation times are not in the set: the relocation cannot be repeated.

    Trugman and Shearer (2017) SRL, doi:10.1785/0220160188; Trugman et al. (2022) SRL, doi:10.1785/0220220193.
    """
    paths = [_IN + name for name in ("evlist.txt", "stlist2.txt", "vzmodel.txt")]
    results = [_OUT + name for name in ("out.trace1D.cat", "out.nllgrid3D.cat")]
    folder = fetch(entry.name, paths + results, progress=progress)
    flat, solid = (read_relocated(folder / path) for path in results)
    model = pd.read_csv(folder / paths[2], sep=r"\s+", header=None, names=["depth_km", "vp_km_s", "vs_km_s"])
    return Opened(
        entry,
        folder,
        read,
        events=read_events(folder / paths[0]),
        relocated=flat.assign(is_relocated=flat["n_cluster"] > 1),
        relocated_3d=solid.assign(is_relocated=solid["n_cluster"] > 1),
        stations=read_stations(folder / paths[1]),
        velocity=model.assign(vs_km_s=model["vp_km_s"] / _VP_VS),
    )
