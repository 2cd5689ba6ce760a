"""The picker against SeisBench, variants in turn in one process: python benchmarks/picking.py [--quick] [--json FILE]

Speed is the ratio of SeisBench's time (``classify``) to ours (``picking.pick`` with its default settings, amplitudes and
all) on the same data in memory: above 1 we are faster. "default" is SeisBench as it comes (batch 256), "tuned" its best
batch on these machines (64). Equality is measured on real records where there are any, else on noise and wavelets.
"""

from __future__ import annotations

import sys

import numpy as np
from _common import Figure, in_turn, mirror, missing, run

TUNED_BATCH = 64
HOURS, QUICK_HOURS = 24, 1


def measure(quick: bool) -> dict[str, Figure]:
    import torch

    from course_utils import picking

    figures: dict[str, Figure] = {}
    stream = continuous(QUICK_HOURS if quick else HOURS)
    seconds = stream[0].stats.npts / stream[0].stats.sampling_rate
    where = f"{seconds / 3600:g} h x 3 components at 100 Hz, synthetic noise and wavelets, {torch.get_num_threads()} threads"
    repeats = 2 if quick else 5
    for name, weights in (("torch", "phasenet:original"), ("eqtransformer", "eqtransformer:original")):
        model, said = load(weights)
        part = (
            stream
            if name == "torch"
            else stream.slice(stream[0].stats.starttime, stream[0].stats.starttime + seconds / 4)
        )
        variants = {
            "ours": lambda part=part, model=model: picking.pick(part, model),
            "default": lambda part=part, model=model: model.classify(part),
            "tuned": lambda part=part, model=model: model.classify(part, batch_size=TUNED_BATCH),
        }
        if name == "eqtransformer":
            del variants["tuned"]
        spent = in_turn(variants, repeats if name == "torch" else max(repeats - 1, 2))
        share = "" if name == "torch" else "a quarter of "
        figures[f"{name}_vs_seisbench_default"] = Figure(
            spent["default"] / spent["ours"], f"{said}, {share}{where}", "at least 1"
        )
        if "tuned" in spent:
            figures[f"{name}_vs_seisbench_tuned"] = Figure(
                spent["tuned"] / spent["ours"], f"{said}, {where}, batch {TUNED_BATCH}", "at least 1"
            )
    figures |= equality(stream, quick)
    return figures


def equality(stream, quick: bool) -> dict[str, Figure]:
    """Largest difference of any annotation, and the share of picks that the other side has within one sample."""

    from course_utils import picking

    records, said = real_records(quick)
    if records is None:
        start = stream[0].stats.starttime
        records, said = [stream.slice(start, start + 1800)], "30 minutes of synthetic noise and wavelets"
    worst, paired, total, models = 0.0, 0, 0, []
    for weights in ("phasenet:original", "eqtransformer:original"):
        model, name = load(weights)
        models.append(name)
        for record in records:
            theirs = model.annotate(record)
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
    """Streams of the real data sets at hand and what they are, or (None, "")."""
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
    return (streams, ", ".join(names)) if streams else (None, "")


if __name__ == "__main__":
    sys.exit(run("picking", measure))
