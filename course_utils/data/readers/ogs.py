"""ogs-2024: the bulletin of north-eastern Italy for 2024, picked by analysts and located with HYPO71."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ...catalog.tables import conform
from ..errors import WrongContent
from ..fetching import fetch
from ..manifests import Dataset
from .opened import Opened

_FILES = [f"OGS/data/OGSCatalog/onlyEQ-2024.{kind}.parquet" for kind in ("hpl", "txt", "dat")]
_MODEL = "OGS/data/VelocityModel/1D/taup_tt.nd"
_COLUMNS = {
    "idx": "event_id",
    "time": "time",
    "latitude": "latitude",
    "longitude": "longitude",
    "depth": "depth_km",
    "max_horizontal_uncertainty": "horizontal_error_km",
    "vertical_uncertainty": "depth_error_km",
    "azimuthal_gap": "azimuthal_gap_deg",
}


def read(entry: Dataset, progress: bool = True) -> Opened:
    """Earthquakes of the bulletin of OGS with every pick, and the bulletin's own magnitudes and places.

    ``events``       1778 HYPO71 locations, times good to 0.01 s; the errors are HYPO71's ERH and ERZ (1760 rows), not the
                     68 % regions of this course. ``magnitude`` is ML where the bulletin has one (1349 rows), else the
                     duration magnitude MD (367); ``duration_magnitude`` and ``place`` are kept besides. ``rms_s`` where
                     the bulletin has it (1345).
    ``bulletin``     1349 of them as published, with ids of their own, rounded depths, ML and ``place``.
    ``picks``        25,670 of 106 stations (14,909 P and 10,761 S), with the analyst's ``weight_class`` 0 (best) to 4.
    ``assignments``  weight 1, 0.75, 0.5, 0.25 or 0, as HYPO71 makes it of the class. 159 picks belong to 11 events without
                     a location and are assigned to none.
    ``velocity``     layers of constant velocity: the travel times that the bulletin prints are theirs.

    There are no station coordinates, and stations are known by their code alone: ".BOO.".

    Trap: upstream the two magnitude columns of the bulletin are exchanged. What is named MD there reaches 4.6 (the
    earthquake of 27 March 2024) where HYPO71 prints no duration magnitude, and what is named ML repeats HYPO71's.

    Raises:
        WrongContent: the model's file has no line "mantle", below which it is no longer the region's.
    """
    folder = fetch(entry.name, [*_FILES, _MODEL], progress=progress)
    located, published, picked = (pd.read_parquet(folder / path) for path in _FILES)
    bulletin = _renamed(published).assign(
        magnitude=published["MD"],
        magnitude_type="ML",
        rms_s=published["weight"],  # headed t_err in the bulletin: the RMS that HYPO71 prints
        place=published["LOC_NAME"],
    )
    duration = pd.to_numeric(located["ML"].str.strip(), errors="coerce")  # column MAG of HYPO71, blanks where unknown
    same = bulletin.set_index("time")[["magnitude", "rms_s", "place"]].reindex(located["time"]).reset_index(drop=True)
    events = _renamed(located).assign(
        magnitude=same["magnitude"].fillna(duration),
        magnitude_type=np.where(same["magnitude"].notna(), "ML", np.where(duration.notna(), "MD", None)),
        rms_s=same["rms_s"],
        n_p=located["number_p_picks"],
        n_s=located["number_s_picks"],
        duration_magnitude=duration,
        place=same["place"],
    )
    picks = picked[["station", "phase", "time"]].assign(model="analyst", weight_class=picked["WEIGHT"])
    picks = conform(picks, "picks")
    pairs = picks[["pick_id", "station", "phase"]].assign(
        event_id=picked["index"].to_numpy(), weight=1.0 - picks["weight_class"] / 4.0
    )
    return Opened(
        entry,
        folder,
        read,
        events=events,
        bulletin=conform(bulletin, "events"),
        picks=picks,
        assignments=pairs[pairs["event_id"].isin(events["event_id"])],
        velocity=read_layers(folder / _MODEL),
    )


def _renamed(raw: pd.DataFrame) -> pd.DataFrame:
    return raw.rename(columns=_COLUMNS)[list(_COLUMNS.values())].assign(event_type="earthquake")  # there is no other


def read_layers(path: Path) -> pd.DataFrame:
    """Crust of a TauP ``.nd`` file, whose rows are tops of constant layers, as nodes; two rows make an interface."""
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    try:
        end = rows.index(["mantle"])
        top, vp, vs = np.array([row[:3] for row in rows[: end - 1]], dtype=float).T
    except ValueError as error:
        raise WrongContent(f"{path.name}: not a TauP model with a line 'mantle' ({error})") from error
    depth, vp, vs = np.repeat(top, 2)[1:], np.repeat(vp, 2)[:-1], np.repeat(vs, 2)[:-1]
    return conform(pd.DataFrame({"depth_km": depth, "vp_km_s": vp, "vs_km_s": vs}), "velocity")
