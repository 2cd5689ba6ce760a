"""easyquake-o2-wilz: two hours of one station with a picker gone wrong, and a catalog of Idaho in QuakeML."""

from __future__ import annotations

import pandas as pd

from ..errors import WrongContent
from ..fetching import fetch
from ..manifests import Dataset
from .opened import Opened

_WAVEFORMS = [f"tests/O2.WILZ.EH{letter}.mseed" for letter in "ENZ"]
_PICKS = "easyQuake/gpd_predict/reference_picks.out"
_CATALOG = "examples/catalog_idaho_test.xml"


def read(entry: Dataset, progress: bool = True) -> Opened:
    """Continuous records of O2.WILZ (Oklahoma), 2024-02-03 05:14-07:14 UTC, automatic picks of them, and the 2020 Idaho sequence.

    ``waveforms``  ObsPy Stream, EHE, EHN, EHZ at 100 Hz without gaps
    ``picks``      489 picks of these records by GPD as the package's test holds them: 51 P and 438 S in two hours, without
                   probabilities. *An example of a bad picker, not truth*: no earthquake sends nine S for each P.
    ``events``     198 events, 2020-03-31 00:52 to 04-01 13:58; 22 have a magnitude
    ``idaho``      their Catalog: events, 1620 automatic picks of 46 stations, assignments

    The two halves have nothing to do with one another: no event of the catalog is in the waveforms. No station coordinates
    come with the set, and there is no truth for the two hours.

    Walter et al. (2021), doi:10.1785/0220200226.
    """
    import obspy

    folder = fetch(entry.name, [*_WAVEFORMS, _PICKS, _CATALOG], progress=progress)
    stream = obspy.Stream()
    for path in _WAVEFORMS:
        stream += obspy.read(folder / path, format="MSEED")
    raw = pd.read_csv(folder / _PICKS, sep=r"\s+", names=["network", "code", "channel", "phase", "time"])
    picks = pd.DataFrame(
        {
            "station": raw["network"] + "." + raw["code"] + ".",
            "channel": raw["channel"].str[:2],
            "phase": raw["phase"],
            "time": raw["time"],
            "model": "GPD",
            "component": raw["channel"],
        }
    )
    idaho = _catalog(folder / _CATALOG)
    return Opened(entry, folder, read, waveforms=stream, picks=picks, events=idaho.events, idaho=idaho)


def _catalog(path):
    """The events of the QuakeML file with their picks; an event without origin or a pick without phase is refused."""
    import obspy

    from ...catalog.tables import Catalog, conform

    events, picks, pairs = [], [], []
    for item in obspy.read_events(str(path), format="QUAKEML"):
        origin = item.preferred_origin() or (item.origins[0] if item.origins else None)
        if origin is None:
            raise WrongContent(f"{path.name}: event {item.resource_id} has no origin", remedy="fetch the set again")
        size = item.magnitudes[0] if item.magnitudes else None
        events.append(
            {
                "time": origin.time.datetime,
                "latitude": origin.latitude,
                "longitude": origin.longitude,
                "depth_km": origin.depth / 1000.0,
                "magnitude": size.mag if size else None,
                "magnitude_type": size.magnitude_type if size else None,
            }
        )
        used = {str(arrival.pick_id) for arrival in origin.arrivals}
        for pick in item.picks:
            code = pick.waveform_id
            row = {
                "station": f"{code.network_code}.{code.station_code}.{code.location_code or ''}",
                "channel": code.channel_code[:2],
                "phase": pick.phase_hint,
                "time": pick.time.datetime,
                "model": "easyQuake",
            }
            picks.append(row)
            if str(pick.resource_id) in used:
                pairs.append((len(events) - 1, len(picks) - 1))
    frame = conform(pd.DataFrame(events), "events")
    every = pd.DataFrame(picks)
    keys = list(every.columns)
    once = conform(every.drop_duplicates(), "picks")  # a pick may be listed under two events
    every = every.assign(time=pd.to_datetime(every["time"], utc=True).astype(once["time"].dtype))
    every = every.merge(once[[*keys, "pick_id"]], on=keys, how="left", validate="many_to_one")
    which, used = (list(column) for column in zip(*pairs, strict=True))
    assignments = every.loc[used, ["pick_id", "station", "phase"]].assign(event_id=frame["event_id"].to_numpy()[which])
    return Catalog(events=frame, picks=once, assignments=assignments.drop_duplicates(["event_id", "pick_id"]))
