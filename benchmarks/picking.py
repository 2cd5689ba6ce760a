"""The picker against SeisBench, variants in turn in one process: python benchmarks/picking.py [--quick] [--json FILE]

Speed is the ratio of SeisBench's time (``classify``) to ours (``picking.pick``, amplitudes and all) on the same data in
memory: above 1 we are faster. "default" is SeisBench as it comes (batch 256), "tuned" its best batch on these machines
(64). Equality is measured on real records where there are any, else on noise and wavelets.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from _common import Figure, in_turn, mirror, missing, run
from _picking_speed import TUNED_BATCH, speed

HOURS, QUICK_HOURS = 24, 2
GAPS_PER_DAY = 5000
GOALS = {
    ("phasenet", "default"): "at least 5",
    ("phasenet", "tuned"): "at least 3",
    ("phasenet_avx2", "default"): "at least 3",
    ("phasenet_avx2", "tuned"): "at least 2",
    ("torch", "default"): "at least 2",
    ("torch", "tuned"): "at least 1.2",
}


def measure(quick: bool) -> dict[str, Figure]:
    hours = QUICK_HOURS if quick else HOURS
    figures = speeds(hours, 2 if quick else 5)
    figures |= gaps(hours, 2 if quick else 3)
    figures |= archive(hours, 3 if quick else 7)
    figures |= equality(quick)
    return figures


def speeds(hours: float, repeats: int) -> dict[str, Figure]:
    """Ratios to SeisBench, each setting in a process of its own."""
    figures: dict[str, Figure] = {}
    settings = {
        "": {"threads": 1},
        "_2_threads": {"threads": 2},
        "_avx2": {"threads": 1, "avx2": True},
    }
    for suffix, setting in settings.items():
        variants = ["kernel", "tuned", "default"] if suffix else ["kernel", "torch", "tuned", "default"]
        found = speed("phasenet:original", hours, variants, repeats, **setting)
        where = (
            f"{found['said']}, {hours:g} h x 3 components at 100 Hz, noise and wavelets, {setting['threads']} threads"
        )
        where += ", instructions limited to AVX2 on both sides" if "avx2" in setting else ""
        ratios(figures, "phasenet", suffix, "kernel", found["seconds"], where)
        if not suffix:
            ratios(figures, "torch", "", "torch", found["seconds"], where)
            figures["station_day_s"] = Figure(found["seconds"]["kernel"] * 24 / hours, f"{where}, scaled to a day")
            figures["peak_memory_mb"] = Figure(found["peak_mb"], f"{where}, above imports and data", "at most 400")
            for step, name in (
                ("prepare", "preparing"),
                ("model", "the model"),
                ("peaks", "peaks"),
                ("measure", "amplitudes"),
            ):
                share = found["totals"][f"{step}_s"] / sum(v for k, v in found["totals"].items() if k.endswith("_s"))
                figures[f"share_{step}"] = Figure(share, f"part of the time of the kernel's run that goes into {name}")
    found = speed("eqtransformer:original", hours / 4, ["torch", "tuned", "default"], max(repeats - 2, 2))
    where = f"{found['said']}, {hours / 4:g} h x 3 components at 100 Hz, 1 thread"
    ratios(figures, "eqtransformer", "", "torch", found["seconds"], where)
    return figures


def ratios(figures: dict, name: str, suffix: str, ours: str, seconds: dict, where: str) -> None:
    """``NAME_vs_seisbench_default`` and ``..._tuned``; the setting stands before "vs" when it is another processor."""
    for theirs in ("default", "tuned"):
        base, tail = (name + suffix, "") if suffix == "_avx2" else (name, suffix)
        said = f"{where}, batch {TUNED_BATCH}" if theirs == "tuned" else where
        goal = GOALS.get((base, theirs), "at least 1")
        figures[f"{base}_vs_seisbench_{theirs}{tail}"] = Figure(seconds[theirs] / seconds[ours], said, goal)


def gaps(hours: float, repeats: int) -> dict[str, Figure]:
    """What a day in pieces costs beside the whole day, gaps too long to be bridged."""
    from course_utils import picking

    model, said = load("phasenet:original")
    whole = continuous(hours)
    count = int(GAPS_PER_DAY * hours / 24)
    pieces = in_pieces(whole, count)
    spent = in_turn(
        {"whole": lambda: picking.pick(whole, model), "pieces": lambda: picking.pick(pieces, model)}, repeats
    )
    said = (
        f"{said}, {hours:g} h, {count} gaps of 1.5 s in all components, seconds of picking beside the same data without"
    )
    return {"gappy_vs_gapless": Figure(spent["pieces"] / spent["whole"], said, "at most 2")}


def archive(hours: float, repeats: int) -> dict[str, Figure]:
    """Reading a station-day from MiniSEED, without and with gaps, and what a pick costs on disk."""
    from course_utils import data, picking
    from course_utils.catalog.store import write_table
    from course_utils.synthetic import World

    whole = continuous(24)
    with tempfile.TemporaryDirectory() as folder:
        archives = {}
        for name, stream in (("whole", whole), ("pieces", in_pieces(whole, GAPS_PER_DAY))):
            for code in "ZNE":
                file = Path(folder) / name / f"{code}.mseed"
                file.parent.mkdir(exist_ok=True)
                stream.select(component=code).write(str(file), format="MSEED", encoding="STEIM2")
            archives[name] = data.read_waveforms(file.parent)
        works = {
            name: lambda a=a: a.read(a.stations[0], a.start, a.start.floor("D") + np.timedelta64(1, "D"))
            for name, a in archives.items()
        }
        spent = in_turn(works, repeats)
        world = World.day()
        stations = world.stations["station"].head(24 if hours == HOURS else 6)
        end = world.start + np.timedelta64(12 if hours == HOURS else 4, "h")
        model, said = load("phasenet:original")
        picks = picking.pick((world.waveforms(name, world.start, end) for name in stations), model)
        file = Path(folder) / "picks.parquet"
        write_table(picks, "picks", file)
        size = file.stat().st_size / len(picks)
    day = "one station-day of 3 x 100 Hz, Steim2, noise and wavelets, from file to arrays"
    return {
        "read_day_ms": Figure(1000 * spent["whole"], day, "at most 150"),
        "read_gappy_vs_gapless": Figure(spent["pieces"] / spent["whole"], f"{day}, {GAPS_PER_DAY} gaps", "at most 2"),
        "bytes_per_pick": Figure(size, f"{len(picks)} picks of {said} on a synthetic network, Parquet", "at most 35"),
    }


def in_pieces(stream, count: int):
    """The stream with ``count`` gaps of 1.5 s in all components, evenly spread."""
    from obspy import Stream

    start = stream[0].stats.starttime
    step = stream[0].stats.npts / stream[0].stats.sampling_rate / (count + 1)
    return Stream([t.slice(start + k * step, start + (k + 1) * step - 1.5) for t in stream for k in range(count + 1)])


def equality(quick: bool) -> dict[str, Figure]:
    """Largest difference of any annotation, and the share of picks that the other side has within one sample."""
    from course_utils import picking
    from course_utils.synthetic import World

    records, said = real_records(quick)
    world = World.day()
    station, end = world.stations["station"].iloc[0], world.start + np.timedelta64(1 if quick else 24, "h")
    records.append(world.waveforms(station, world.start, end))
    said.append(f"{'an hour' if quick else 'a day'} of a synthetic station")
    said = ", ".join(said)
    worst, paired, total, models = 0.0, 0, 0, []
    for weights in ("phasenet:original", "eqtransformer:original"):
        model, name = load(weights)
        models.append(name)
        for record in records:
            theirs = model.annotate(record, batch_size=TUNED_BATCH)
            ours = picking.annotate(record, model, max_gap_s=0)
            worst = max(worst, largest_difference(theirs, ours))
            limits = dict(model.default_args)
            listed = model.classify_aggregate(theirs, limits).picks
            table = picking.pick(record, model, max_gap_s=0)
            a = [(p.trace_id, p.phase, p.peak_time.timestamp) for p in listed]
            b = list(zip(table["station"], table["phase"], table["time"].astype("int64") / 1e6, strict=True))
            paired += both_ways(a, b)
            total += len(a) + len(b)
    said = f"{' and '.join(models)} on {said}"
    share = (
        Figure(paired / total, f"{total} picks, both ways, {said}", "1") if total else missing("no picks at all", "1")
    )
    return {"max_annotation_difference": Figure(worst, said, "at most 1e-4"), "picks_within_one_sample": share}


def largest_difference(theirs, ours) -> float:
    """Over all samples that SeisBench annotates; a stretch that we lack counts as 1."""
    mine: dict[str, list] = {}
    for annotation in ours:
        for trace in annotation.to_stream():
            mine.setdefault(trace.id, []).append(trace)
    worst = 0.0
    for trace in theirs:
        same = [
            t
            for t in mine.get(trace.id, [])
            if abs(t.stats.starttime - trace.stats.starttime) < 1e-3 and t.stats.npts == trace.stats.npts
        ]
        worst = max(worst, float(np.nanmax(np.abs(same[0].data - trace.data), initial=0)) if len(same) == 1 else 1.0)
    return worst


def both_ways(a: list[tuple], b: list[tuple]) -> int:
    """How many picks of either list have one in the other within a sample."""
    found = 0
    for some, others in ((a, b), (b, a)):
        times: dict[tuple, np.ndarray] = {}
        for key in {o[:2] for o in others}:
            times[key] = np.array([o[2] for o in others if o[:2] == key])
        found += sum(bool(np.any(np.abs(times[p[:2]] - p[2]) <= 0.0101)) for p in some if p[:2] in times)
    return found


def load(name: str):
    """The published weights, or a network of the same class with fixed random weights where they cannot be had."""
    import seisbench.models
    import torch

    from course_utils import picking

    try:
        return picking.load_model(name), name
    except picking.ModelError as error:
        print(f"{name}: {error}", file=sys.stderr)
    torch.manual_seed(7)
    kind = {"phasenet": "PhaseNet", "eqtransformer": "EQTransformer"}[name.split(":")[0]]
    return getattr(seisbench.models, kind)().eval(), f"{kind} with random weights"


def continuous(hours: float):
    """A station-day or part of it: noise with a wavelet about every minute, three int32 components at 100 Hz."""
    from obspy import Stream, Trace, UTCDateTime

    random = np.random.default_rng(0)
    n = int(hours * 360_000)
    stream = Stream()
    onsets = random.integers(0, n - 3000, int(hours * 60))
    late = np.arange(3000) / 100
    for code in "ZNE":
        data = random.normal(0, 50, n)
        for onset in onsets:
            data[onset : onset + 3000] += random.normal(0, 600) * np.exp(-late / 2) * np.sin(2 * np.pi * 6 * late)
        header = {"network": "XX", "station": "DAY", "channel": f"HH{code}", "sampling_rate": 100.0}
        stream.append(Trace(data.astype(np.int32), header | {"starttime": UTCDateTime(2024, 1, 1)}))
    return stream


def real_records(quick: bool):
    """Streams of the real data sets at hand, and what they are."""
    from obspy import Stream, Trace, UTCDateTime, read

    streams, names = [], []
    if folder := mirror("qm-volcanotectonic"):
        stream = Stream()
        for file in sorted((folder / "examples/benchmarks/Volcanotectonic_Iceland").glob("*.m")):
            stream += read(str(file))
        streams.append(stream)
        names.append("qm-volcanotectonic (12 stations, 6 minutes)")
    if folder := mirror("elep-mount-st-helens"):
        stream = Stream()
        for file in sorted((folder / "docs/tutorials/data").glob("*.ms")):
            stream += read(str(file))
        if quick:
            stream = stream.slice(stream[0].stats.starttime + 7800, stream[0].stats.starttime + 9600)
        streams.append(stream)
        names.append(f"elep-mount-st-helens ({'30 minutes' if quick else '4 h'}, 2 stations)")
    if folder := mirror("phasenet-ncedc"):
        stream = Stream()
        files = sorted(folder.rglob("*.npz"))[:: 5 if quick else 1]
        for number, file in enumerate(files):
            record = np.load(file)["data"]
            header = {"network": "NC", "station": f"R{number:03d}", "sampling_rate": 100.0}
            header["starttime"] = UTCDateTime(2020, 1, 1) + 200 * number
            for column, code in enumerate("ENZ"):
                if record[:, column].any():
                    stream.append(Trace(record[:, column].copy(), header | {"channel": f"HH{code}"}))
        streams.append(stream)
        names.append(f"phasenet-ncedc ({len(files)} records)")
    if folder := mirror("malmi-coseismiq"):
        stream = Stream()
        for file in sorted(folder.rglob("*.mseed")):
            stream += read(str(file))
        streams.append(stream)
        names.append(f"malmi-coseismiq ({len({t.stats.station for t in stream})} stations, 100 and 200 Hz)")
    return streams, names


if __name__ == "__main__":
    sys.exit(run("picking", measure))
