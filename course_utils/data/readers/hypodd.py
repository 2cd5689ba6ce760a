"""hypodd-examples: two examples that come with HypoDD, and what HypoDD made of them."""

from __future__ import annotations

import pandas as pd

from ...catalog.formats import hypodd
from ...catalog.tables import Catalog
from ..fetching import fetch
from ..manifests import Dataset
from .opened import Opened

_ONE, _FOUR = "examples/example1/", "examples/example4/"
_NEEDED = {
    _ONE: ("event.dat", "station.sel", "dt.ct", "dt.cc", "hypoDD.inp", "hypoDD.loc", "hypoDD.reloc", "El16.pha"),
    _FOUR: ("event.sel", "event.sel.noise", "station.sel.z", "dt.ct", "hypoDD.inp", "hypoDD.reloc"),
}


def read(entry: Dataset, progress: bool = True) -> Opened:
    """Sixteen earthquakes on the Hayward fault (example 1), and 21 synthetic ones with known truth (example 4).

    Example 1, the parts by name:

    ``events``       16 rows as located by the network, ids of HypoDD kept.
    ``stations``     the 75 stations of the official run, at sea level as HypoDD takes them.
    ``velocity``     the ten layers of the control file as nodes.
    ``picks``, ``assignments``  the phase file.
    ``differences``  links from catalog times (dt.ct) and cross-correlation (dt.cc); of the latter most belong to other
                     events of the fault: 881 P and 731 S remain between these events at these stations.
    ``stages``       iterations and weights of the official run, as ``location.Stage`` takes them.
    ``located``, ``relocated``  hypoDD.loc and hypoDD.reloc.

    ``example4`` is a dict with ``catalog`` (noisy starts), ``differences``, ``truth`` and ``relocated``. Its station
    file gives elevations from -13000 to 5000, but its differential times were computed with a thousandth of them
    (misfit of travel times to the truth 0.0004 s, against 0.16 s for metres): they are read so. Its years run
    from 1001 to 1021.
    """
    folder = fetch(entry.name, [path + name for path, names in _NEEDED.items() for name in names], progress=progress)
    one, four = folder / _ONE, folder / _FOUR
    stages, velocity = hypodd.read_control(one / "hypoDD.inp")
    phases = hypodd.read_phases(one / "El16.pha")
    stations = hypodd.read_stations(four / "station.sel.z")
    stations["elevation_m"] /= 1000.0
    return Opened(
        entry,
        folder,
        read,
        events=hypodd.read_events(one / "event.dat"),
        stations=hypodd.read_stations(one / "station.sel"),
        velocity=velocity,
        picks=phases.picks,
        assignments=phases.assignments,
        differences=pd.concat(
            [hypodd.read_differences(one / f"dt.{kind}", kind) for kind in ("ct", "cc")], ignore_index=True
        ),
        stages=stages,
        located=hypodd.read_relocated(one / "hypoDD.loc"),
        relocated=hypodd.read_relocated(one / "hypoDD.reloc"),
        example4={
            "catalog": Catalog(
                hypodd.read_events(four / "event.sel.noise"),
                stations=stations,
                velocity=hypodd.read_control(four / "hypoDD.inp")[1],
            ),
            "differences": hypodd.read_differences(four / "dt.ct", "ct"),
            "truth": hypodd.read_events(four / "event.sel"),
            "relocated": hypodd.read_relocated(four / "hypoDD.reloc"),
        },
    )
