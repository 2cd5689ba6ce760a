"""What is true in a world: events, arrivals, disturbances, fault planes, magnitudes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course_utils.catalog.tables import Catalog, conform
from course_utils.synthetic.ambience import transients_table
from course_utils.synthetic.magnitudes import distance_correction
from course_utils.synthetic.measurements import Measured, measure
from course_utils.synthetic.seismicity import CENTRE, fault_planes
from course_utils.synthetic.snr import VISIBLE_DB

if TYPE_CHECKING:
    from course_utils.synthetic.world import World

SCORED_TYPES = ("earthquake", "quarry blast")


class Truth:
    """Tables of everything that a world contains; made when first asked for.

    Attributes:
        events: events table, ordered by time; magnitude is Mw. Further columns: cluster ("main shock", "aftershock",
            "background", "repeater 1", "swarm", ...), strike_deg, dip_deg, rake_deg (NaN without a shear source),
            moment tensor m_nn ... m_ed (unit, north-east-down) or force f_n, f_e, f_d, stress_drop_mpa.
        arrivals: arrivals table of all events at all stations within the records; ``snr_db`` as in
            :mod:`course_utils.synthetic.measurements`.
        parents: which event triggered which.
        planes: the two faults of the sequence.
        local_magnitudes: ML of the events.
        transients: disturbances of the noise.
    """

    def __init__(self, world: World):
        self._world = world

    @cached_property
    def events(self) -> pd.DataFrame:
        world = self._world
        rows = []
        for e in world.event_list:
            tensor, force = e.source.moment_tensor or (np.nan,) * 6, e.source.force or (np.nan,) * 3
            rows.append(
                {
                    "time": world.start + pd.Timedelta(round(e.time_s * 1e6), "us"),
                    "latitude": e.latitude,
                    "longitude": e.longitude,
                    "depth_km": e.depth_km,
                    "magnitude": e.source.mw,
                    "magnitude_type": "Mw",
                    "event_type": e.source.kind,
                    "cluster": e.cluster,
                    "strike_deg": e.strike_deg,
                    "dip_deg": e.dip_deg,
                    "rake_deg": e.rake_deg,
                    **dict(zip(("m_nn", "m_ee", "m_dd", "m_ne", "m_nd", "m_ed"), tensor, strict=True)),
                    **dict(zip(("f_n", "f_e", "f_d"), force, strict=True)),
                    "stress_drop_mpa": e.source.stress_drop_mpa,
                }
            )
        return conform(pd.DataFrame(rows), "events")

    @cached_property
    def arrivals(self) -> pd.DataFrame:
        world = self._world
        ids, origin = self.events["event_id"].to_numpy(), self.events["time"].to_numpy()
        parts = []
        for j, name in enumerate(world.stations["station"]):
            one = self._measured[j]
            for phase, travel in (("P", world.paths.p_time_s[:, j]), ("S", world.paths.s_time_s[:, j])):
                there = np.isfinite(travel)
                parts.append(
                    pd.DataFrame(
                        {
                            "event_id": ids[there],
                            "station": name,
                            "phase": phase,
                            "time": pd.to_datetime(origin[there], utc=True)
                            + pd.to_timedelta(np.round(travel[there] * 1e6).astype("int64"), unit="us"),
                            "amplitude_m_s": one.rms_m_s[phase][there],
                            "snr_db": one.snr_db[phase][there],
                            "visible": one.snr_db[phase][there] >= VISIBLE_DB,
                            "distance_km": world.paths.distance_km[there, j],
                        }
                    )
                )
        frame = pd.concat(parts, ignore_index=True)
        inside = (frame["time"] >= world.start) & (frame["time"] < world.end)
        frame = frame[inside].sort_values(["time", "station", "phase"], kind="stable")
        return conform(frame, "arrivals")

    @cached_property
    def _measured(self) -> list[Measured]:
        return [measure(self._world, j) for j in range(len(self._world.receivers))]

    @cached_property
    def parents(self) -> pd.DataFrame:
        """Triggering, one row per event: event_id, parent_id, triggered (bool). parent_id is the event that triggered
        it, -1 for an event that came by itself or whose parent struck before the records."""
        listed, ids = self._world.event_list, self.events["event_id"].to_numpy()
        known = dict(zip((e.key for e in listed), ids.tolist(), strict=True))
        keys = [e.parent_key for e in listed]
        return pd.DataFrame(
            {
                "event_id": ids,
                "parent_id": np.array([known.get(key, -1) for key in keys], np.int64),
                "triggered": [key is not None for key in keys],
            }
        )

    @cached_property
    def planes(self) -> pd.DataFrame:
        """The two crossing faults: name, centre, strike, dip, rake, length and width."""
        rows, planes = [], fault_planes(self._world.seed)
        places = CENTRE.to_geographic([p.east_km for p in planes], [p.north_km for p in planes])
        for plane, latitude, longitude in zip(planes, *places, strict=True):
            rows.append(
                {
                    "name": plane.name,
                    "latitude": float(latitude),
                    "longitude": float(longitude),
                    "depth_km": plane.depth_km,
                    "strike_deg": plane.strike_deg,
                    "dip_deg": plane.dip_deg,
                    "rake_deg": plane.rake_deg,
                    "length_km": plane.length_km,
                    "width_km": plane.width_km,
                }
            )
        return pd.DataFrame(rows)

    @cached_property
    def transients(self) -> pd.DataFrame:
        """Disturbances in the noise: station, kind, start, end, size, unit."""
        world = self._world
        parts = [transients_table(world.seed, r, world.start, world.end) for r in world.receivers]
        return pd.concat(parts, ignore_index=True)

    def detectable(self, arrivals: int = 8, stations: int = 4) -> pd.DataFrame:
        """The events that recall is counted over: earthquakes and blasts with at least so many visible arrivals on
        at least so many stations. Column ``swarm`` marks the 2 s swarm, which is reported apart."""
        seen = self.arrivals[self.arrivals["visible"]].groupby("event_id")
        count, places = seen.size(), seen["station"].nunique()
        enough = count.index[(count >= arrivals) & (places >= stations)]
        events = self.events
        chosen = events[events["event_id"].isin(enough) & events["event_type"].isin(SCORED_TYPES)]
        return chosen.assign(swarm=chosen["cluster"] == "swarm").reset_index(drop=True)

    def catalog(self, min_snr_db: float = VISIBLE_DB) -> Catalog:
        """The truth as a catalog: arrivals of at least so many dB as picks, each assigned to its event. Velocity is the
        published model, so that residuals are what a perfect picker would see."""
        world = self._world
        heard = self.arrivals[self.arrivals["snr_db"] >= min_snr_db]
        picks = conform(
            heard[["station", "phase", "time", "snr_db"]].assign(
                channel=heard["station"].map(world.stations.set_index("station")["channels"]),
                probability=1.0,
                amplitude=heard["amplitude_m_s"],
                amplitude_unit="m/s",
                model="truth",
                weights="truth",
            ),
            "picks",
        )
        assignments = pd.DataFrame(
            {
                "event_id": heard["event_id"].to_numpy(),
                "pick_id": picks["pick_id"],
                "station": picks["station"],
                "phase": picks["phase"],
                "weight": 1.0,
                "distance_km": heard["distance_km"].to_numpy(),
            }
        )
        return Catalog(self.events, assignments, picks, world.stations, world.velocity)

    @cached_property
    def local_magnitudes(self) -> pd.DataFrame:
        """Local magnitude of every local event that three stations or more record: event_id, ml, stations.

        Median over stations of log10 A (mm, noise-free, mean of both horizontals) plus the distance correction of
        Hutton and Boore (1987); see :mod:`course_utils.synthetic.magnitudes`. ML grows faster than Mw for small events
        and slower for large ones, so that b differs between the scales.
        """
        world = self._world
        written = np.stack([one.wood_anderson_log_mm for one in self._measured], axis=1)
        written[~world.seismograms.is_local] = np.nan
        each = written + distance_correction(world.paths.hypocentral_km)
        count = np.isfinite(each).sum(axis=1)
        used = np.flatnonzero(count >= 3)
        return pd.DataFrame(
            {
                "event_id": self.events["event_id"].to_numpy()[used],
                "ml": np.nanmedian(each[used], axis=1) if len(used) else np.zeros(0),
                "stations": count[used],
            }
        )
