"""Noise with wavelets, networks with fixed spiky weights, and the comparison with SeisBench."""

import numpy as np

from course_utils import picking

START = "2024-03-01T00:00:00"


def make_stream(seconds=120.0, rate=100.0, seed=0, codes=("Z", "N", "E"), station="XX.SYN.00", band="HH", start=START):
    """Noise with an offset and a decaying wavelet about every 17 s: something for any network to answer to."""
    from obspy import Stream, Trace, UTCDateTime

    random = np.random.default_rng(seed)
    n = round(seconds * rate)
    t = np.arange(n) / rate
    network, name, location = station.split(".")
    stream = Stream()
    for code in codes:
        data = random.normal(0, 30, n) + 500
        for onset in np.arange(11.3, seconds, 17.1):
            late = t - onset
            data += (
                np.where(late > 0, 900 * np.exp(-np.abs(late) / 1.5) * np.sin(2 * np.pi * 7 * late), 0)
                * random.normal()
            )
        header = {
            "network": network,
            "station": name,
            "location": location,
            "channel": band + code,
            "sampling_rate": rate,
            "starttime": UTCDateTime(start),
        }
        stream.append(Trace(np.rint(data).astype(np.int32), header))
    return stream


def seeded(kind, seed=7, **arguments):
    """A network with fixed random weights, the output layer made steep so that probabilities run from 0 to 1."""
    import seisbench.models
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = getattr(seisbench.models, kind)(**arguments)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name.startswith(("out.", "conv_out", "pick_convs", "out_")) and name.endswith("weight"):
                    parameter.mul_(40)
    return model.eval()


def difference(model, stream, **arguments):
    """Largest difference between SeisBench's annotations and ours, and how many traces were compared."""
    theirs = model.annotate(stream, **arguments)
    return _largest_difference(model, stream, theirs, arguments), len(theirs)


def compare(model, stream, margin=1e-3, thresholds=None):
    """Largest difference, picks of SeisBench that we lack, ours that it lacks (one sample; those within ``margin`` of
    the threshold do not count), number of ours. SeisBench runs once: ``classify`` is this aggregation."""
    theirs = model.annotate(stream)
    worst = _largest_difference(model, stream, theirs, {})
    limits = {f"{phase}_threshold": value for phase, value in (thresholds or {}).items()}
    listed = model.classify_aggregate(theirs, {**model.default_args, **limits}).picks
    listed = [(p.trace_id, p.phase, p.peak_time.timestamp, p.peak_value) for p in listed]
    table = picking.pick(stream, model, max_gap_s=0, thresholds=thresholds)
    used = table.attrs["report"]["settings"]["thresholds"]
    seconds = table["time"].astype("int64") / 1e6
    ours = list(zip(table["station"], table["phase"], seconds, table["probability"], strict=True))

    def lonely(some, others):
        return [
            a
            for a in some
            if a[3] > used[a[1]] + margin
            and not any(a[:2] == b[:2] and abs(a[2] - b[2]) <= 0.01 + 1e-5 for b in others)
        ]

    return worst, lonely(listed, ours), lonely(ours, listed), len(ours)


def _largest_difference(model, stream, theirs, arguments):
    ours = [t for a in picking.annotate(stream, model, max_gap_s=0, **arguments) for t in a.to_stream()]
    worst = 0.0
    for trace in theirs:
        same = [t for t in ours if t.id == trace.id and abs(t.stats.starttime - trace.stats.starttime) < 1e-4]
        assert len(same) == 1, f"{trace} has {len(same)} counterparts"
        assert len(same[0].data) == len(trace.data)
        assert np.array_equal(np.isnan(same[0].data), np.isnan(trace.data))
        worst = max(worst, float(np.nanmax(np.abs(same[0].data - trace.data), initial=0)))
    return worst
