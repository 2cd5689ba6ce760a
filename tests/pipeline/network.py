"""A small network on disk, as a researcher would have it, and a picker whose picks are known.

The records are those of the synthetic world "tiny"; the picker returns the true visible arrivals, so that what is tested
is the pipeline, without weights. Run as a program it is ``course`` with that picker, which can kill itself on the way.
"""

import os
import signal
import sys
from pathlib import Path

import pandas as pd


class Oracle:
    """Stands in for ``picking.pick``: the true arrivals at the station of the stream."""

    def __init__(self, arrivals, at_call=None, action=None):
        self.arrivals, self.calls, self.at_call, self.action = arrivals, 0, at_call, action

    def __call__(self, stream, model, **options):
        from course_utils.catalog.tables import conform

        self.calls += 1
        if self.calls == self.at_call:
            self.action()
        header = stream[0].stats
        station = f"{header.network}.{header.station}.{header.location}"
        start, end = (pd.Timestamp(t.ns, tz="UTC") for t in (header.starttime, header.endtime))
        code = station.rsplit(".", 1)[0]
        rows = self.arrivals[self.arrivals["station"].str.startswith(code)]
        rows = rows[(rows["time"] >= start) & (rows["time"] <= end)]
        frame = rows[["phase", "time"]].assign(station=station, channel="HH", probability=0.9)
        picks = conform(frame.assign(model="oracle", weights="none"), "picks")
        note = {"kind": "flat", "station": station, "channel": "HHZ", "count": 1, "seconds": 2.0, "detail": ""}
        picks.attrs["report"] = {"settings": {}, "totals": {"instruments": 1}, "notes": [note]}
        return picks


class Model:
    """Stands in for a model: it has weights, namely none."""

    in_samples, sampling_rate = 3001, 100.0

    def state_dict(self):
        return {}


def export(folder: Path) -> Path:
    """Write the world "tiny" as waveforms (MiniSEED under odd names, one station as SAC), CSV files and its truth."""
    from course_utils.catalog.store import write_table
    from course_utils.synthetic.world import World

    world = World.tiny()
    waves = folder / "waveforms"
    for i, station in enumerate(world.stations["station"]):
        stream, code = world.waveforms(station), station.split(".")[1]
        place = waves / f"day{i % 2}"
        place.mkdir(parents=True, exist_ok=True)
        if i == 0:
            for trace in stream:
                trace.data = trace.data.astype("float32")
                trace.write(str(place / f"{trace.id}.sac"), format="SAC")
        else:
            stream.write(str(place / f"{code}.{'m' if i % 2 else '2023-136'}"), format="MSEED")
    (waves / "notes.txt").write_text("not a seismogram")
    table = world.stations[["station", "latitude", "longitude", "elevation_m"]]
    # without location codes, as many a list of stations
    table.assign(station=table["station"].str.rsplit(".", n=1).str[0]).to_csv(folder / "stations.csv", index=False)
    world.velocity.to_csv(folder / "velocity.csv", index=False)
    visible = world.truth.arrivals[world.truth.arrivals["visible"]]
    write_table(visible, "arrivals", folder / "arrivals.parquet")
    write_table(world.truth.detectable(), "events", folder / "truth.parquet")
    (folder / "run.toml").write_text(
        '[input]\nwaveforms = "waveforms"\nstations = "stations.csv"\nvelocity = "velocity.csv"\n'
        '[reference]\ncatalog = "truth.parquet"\n[report]\nweakest_shown = 1\ntitle = "Tiny <network>"\n'
    )
    return folder


if __name__ == "__main__":
    from course_utils import picking
    from course_utils.catalog.store import read_table
    from course_utils.pipeline.cli import main

    # whoever runs the tests in the background has Ctrl-C ignored, which programs inherit
    signal.signal(signal.SIGINT, signal.default_int_handler)
    arrivals = read_table(os.environ["TEST_ARRIVALS"], "arrivals")
    call, action = os.environ.get("TEST_AT_CALL"), os.environ.get("TEST_SIGNAL", "KILL")
    picking.load_model = lambda name: Model()
    picking.pick = Oracle(
        arrivals, int(call) if call else None, lambda: os.kill(os.getpid(), getattr(signal, f"SIG{action}"))
    )
    main(sys.argv[1:])
