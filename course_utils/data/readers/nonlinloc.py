"""nonlinloc-samples: the 2018 Anchorage sequence as NonLinLoc reads it, and as NonLinLoc located it."""

from __future__ import annotations

import pandas as pd

from ...catalog.formats import nonlinloc
from ...catalog.tables import stable_ids
from ..errors import WrongContent
from ..fetching import fetch
from ..manifests import Dataset
from .opened import Opened

_FOLDER = "nlloc_sample/"
_CONTROL = _FOLDER + "run/nlloc_sample.in"
_STATIONS = _FOLDER + "obs/station_coordinates.txt"
_PICKS = _FOLDER + "obs/2018-11-30-mww70-southern-alaska.obs"
_OUTPUT = _FOLDER + "original_output/"


def read(entry: Dataset, progress: bool = True) -> Opened:
    """The Mw 7.0 Anchorage earthquake of 30 November 2018 and six aftershocks, from picks to hypocenters.

    ``picks``        274 rows, 214 P and 60 S; ``pick_error_s`` as the file states it, 0.01 to 0.22 s for most.
    ``stations``     the coordinates file. Five of the picks' 69 labels are not in it; their picks are kept.
    ``velocity``     the LAYER lines of the control file, nine layers, as nodes with two rows per interface.
    ``events``       what NonLinLoc found: maximum-likelihood hypocenter, horizontal_error_km from its covariance, and
                     depth_error_km, one standard deviation. Two events are well constrained (depths 45 and 37 km); the
                     other five ended at the top of the search, 4 to 5 km *above* sea level, and are no truth.
    ``assignments``  which pick was offered to which event; ``weight`` as NonLinLoc used it, 0 for a pick it left out.

    Labels NET_STA_LOC become "NET.STA.LOC" ("--" is an empty location); the malformed ones keep the parts they have.

    Raises:
        WrongContent: a block of picks without a hypocenter.
        TableError: a line that cannot be read.

    Lomax et al. (2000), doi:10.1007/978-94-015-9536-0_5.
    """
    outputs = sorted(f.path for f in entry.files if f.path.startswith(_OUTPUT) and f.path.endswith(".loc.hyp"))
    outputs = [path for path in outputs if ".sum." not in path]
    folder = fetch(entry.name, [_CONTROL, _STATIONS, _PICKS, *outputs], progress=progress)
    observed = nonlinloc.read_obs(folder / _PICKS)
    found = [nonlinloc.read_hyp(folder / path) for path in outputs]
    events = pd.concat([one.events for one in found]).sort_values("time", ignore_index=True)
    events["event_id"] = stable_ids(events["time"].astype(str))
    times = observed.assignments[["event_id", "pick_id"]].merge(observed.picks[["pick_id", "time"]], on="pick_id")
    block_event = _event_of_block(times.groupby("event_id")["time"].min(), events)
    ids = events["event_id"].to_numpy()[observed.assignments["event_id"].map(block_event)]
    pairs = observed.assignments[["pick_id", "station", "phase"]].assign(event_id=ids)
    weights = [one.assignments[["station", "phase", "weight"]].assign(time=one.events["time"].iloc[0]) for one in found]
    used = pd.concat(weights).merge(events[["event_id", "time"]], on="time").drop(columns="time")
    pairs = pairs.merge(used.drop_duplicates(["event_id", "station", "phase"]), how="left")
    return Opened(
        entry,
        folder,
        read,
        stations=nonlinloc.read_stations(folder / _STATIONS),
        velocity=nonlinloc.read_layers(folder / _CONTROL),
        picks=observed.picks,
        events=events,
        assignments=pairs.assign(weight=pairs["weight"].fillna(0.0)),
    )


def _event_of_block(first_picks: pd.Series, events: pd.DataFrame) -> dict[int, int]:
    """Position of the event of every block: the last origin before its first pick, at most a minute earlier."""
    out = {}
    for block, first in first_picks.items():
        wait = (first - events["time"]).dt.total_seconds()
        fits = wait[(wait > 0) & (wait < 60)]
        if not len(fits) or int(fits.idxmin()) in out.values():
            raise WrongContent(f"picks from {first}: no hypocenter of their own within the minute before")
        out[int(block)] = int(fits.idxmin())
    return out
