"""quakemigrate-manuscript: events that QuakeMigrate and analysts both located, and detections that an analyst judged."""

from __future__ import annotations

import pandas as pd

from ...catalog.tables import conform
from ..fetching import fetch
from ..manifests import Dataset
from .opened import Opened

_ASKJA = "figures/Askja_QM-manpick_comparison/generate_results/"
_PAIRS, _STATIONS = _ASKJA + "outputs/QM-man_combined.csv", _ASKJA + "inputs/askja_QM-manpick_stations.txt"
_RUTFORD = "data/icequake_example/rutford_icequakes_2009-020_0000-0010_labels.csv"
_TIME, _PLACE = "DT", {"X": "longitude", "Y": "latitude", "Z": "depth_km"}


def read(entry: Dataset, progress: bool = True) -> Opened:
    """Askja volcano (Iceland) 2007 to 2015, and ten minutes of icequakes of 2009-01-20 in Antarctica.

    ``events``    1706 events of Askja by QuakeMigrate, with ML and the coalescence ``coa``.
    ``manual``    the same 1706 located from analysts' picks by NonLinLoc, with rms, gap and numbers of picks.
    ``published`` the authors' own differences: event_id, epicenter_km, depth_difference_km (QuakeMigrate minus manual).
    ``stations``  98; their codes stand without network.
    ``rutford``   149 detections of QuakeMigrate; ``label`` is 1 (an icequake, 117), 0.5 (doubtful, 10) or 0 (false, 22).

    Both lists of Askja hold matched events alone: they say how far apart locations are, not how much was missed.
    Winder et al., doi:10.5281/zenodo.15236744. No licence is stated: use it, do not pass it on.
    """
    folder = fetch(entry.name, [_PAIRS, _STATIONS, _RUTFORD], progress=progress)
    pairs, rutford = pd.read_csv(folder / _PAIRS), pd.read_csv(folder / _RUTFORD)
    ids = pairs["EventID"].astype("int64")
    stations = pd.read_csv(folder / _STATIONS)
    return Opened(
        entry,
        folder,
        read,
        events=_events(pairs, "_QM", ids, magnitude=pairs["ML"], magnitude_type="ML", coa=pairs["COA"]),
        manual=_events(
            pairs,
            "_MAN",
            ids,
            rms_s=pairs["RMS"],
            azimuthal_gap_deg=pairs["AZ_GAP"],
            n_p=pairs["NUM_P"],
            n_s=pairs["NUM_S"],
        ),
        published=pd.DataFrame(
            {"event_id": ids, "epicenter_km": pairs["epi_diff"], "depth_difference_km": -pairs["Z_diff"]}
        ),
        stations=pd.DataFrame(
            {
                "station": "." + stations["Name"] + ".",
                "latitude": stations["Latitude"],
                "longitude": stations["Longitude"],
                "elevation_m": 1000.0 * stations["Elevation"],
            }
        ),
        rutford=_events(rutford, "", rutford["EventID"].astype("int64"), label=rutford["Label"], coa=rutford["COA"]),
    )


def _events(raw: pd.DataFrame, ending: str, ids: pd.Series, **more) -> pd.DataFrame:
    table = pd.DataFrame({name: raw[key + ending] for key, name in _PLACE.items()})
    return conform(table.assign(time=raw[_TIME + ending], event_id=ids, **more), "events")
