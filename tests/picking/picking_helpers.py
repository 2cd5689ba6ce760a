"""Noise with wavelets, networks with fixed spiky weights, and the comparison with SeisBench."""

import numpy as np

from course_utils import picking

START = "2024-03-01T00:00:00"
OUTPUT_LAYERS = ("out.", "conv_out", "pick_convs", "out_", "fc3", "dconv9", "head.")


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
                if name.startswith(OUTPUT_LAYERS) and name.endswith("weight"):
                    parameter.mul_(40)
    return model.eval()


def lively(kind, seed=7, **arguments):
    """A network with fixed random weights, each layer scaled in turn so that signals neither fade nor grow: unlike
    :func:`seeded`, deep networks answer to their input."""
    import torch

    model = seeded(kind, seed, **arguments)
    outputs = {name for name, _ in model.named_modules() if (name + ".").startswith(OUTPUT_LAYERS)}

    def scale(module, _, output, target):
        for hook in hooks.pop(module, ()):
            hook.remove()
            factor = target / max(float(output.std()), 1e-6)
            module.weight.mul_(factor)
            shift = -float(output.mean()) * factor if target > 1 else 0.0
            if module.bias is not None:
                module.bias.mul_(factor).add_(shift)
            return output * factor + (shift if module.bias is not None else 0.0)

    hooks = {}
    layers = (torch.nn.Conv1d, torch.nn.ConvTranspose1d, torch.nn.Linear)
    for name, module in model.named_modules():
        if isinstance(module, layers):
            target = 3.0 if name in outputs else 1.0
            hooks[module] = [module.register_forward_hook(lambda *a, target=target: scale(*a, target))]
    stream = make_stream(3 * model.in_samples / 100 + 10, codes="Z12H" if "H" in model.component_order else "ZNE")
    model.annotate_stream_pre(stream, {})
    waveforms = np.stack([trace.data for trace in stream])
    batch = torch.tensor(waveforms, dtype=torch.float32).unfold(1, model.in_samples, model.in_samples).transpose(0, 1)
    with torch.no_grad():
        model(model.annotate_batch_pre(batch.clone(), argdict={}))
    for hook in (hook for some in hooks.values() for hook in some):  # layers that the network does not use
        hook.remove()
    return model


def difference(model, stream, engine="auto", theirs=None, **arguments):
    """Largest difference between SeisBench's annotations and ours, and how many traces were compared."""
    theirs = model.annotate(stream, batch_size=64, **arguments) if theirs is None else theirs
    ours = picking.annotate(stream, model, max_gap_s=0, engine=engine, **arguments)
    return _largest_difference(theirs, ours), len(theirs)


def compare(model, stream, margin=1e-3, thresholds=None, engine="auto", theirs=None):
    """Largest difference, picks of SeisBench that we lack, ours that it lacks (one sample; those within ``margin`` of
    the threshold do not count), number of ours. SeisBench runs once, or not at all where its annotations are given:
    ``classify`` is their aggregation."""
    theirs = model.annotate(stream, batch_size=64) if theirs is None else theirs
    worst, _ = difference(model, stream, engine, theirs)
    limits = {f"{phase}_threshold": value for phase, value in (thresholds or {}).items()}
    listed = model.classify_aggregate(theirs, {**model.default_args, **limits}).picks
    listed = [(p.trace_id, p.phase, p.peak_time.timestamp, p.peak_value) for p in listed]
    table = picking.pick(stream, model, max_gap_s=0, thresholds=thresholds, engine=engine)
    settings = table.attrs["report"]["settings"]
    assert engine in ("auto", settings["engine"])
    used = settings["thresholds"]
    seconds = table["time"].astype("int64") / 1e6
    ours = list(zip(table["station"], table["phase"], seconds, table["probability"], strict=True))
    spacing = max((trace.stats.delta for trace in theirs), default=0.01)

    def lonely(some, others):
        by_trace = {}
        for b in others:
            by_trace.setdefault(b[:2], []).append(b[2])
        return [
            a
            for a in some
            if a[1] in used
            and a[3] > used[a[1]] + margin
            and not any(abs(a[2] - b) <= spacing + 1e-5 for b in by_trace.get(a[:2], ()))
        ]

    return worst, lonely(listed, ours), lonely(ours, listed), len(ours)


def _largest_difference(theirs, annotations):
    ours = {}
    for trace in (t for a in annotations for t in a.to_stream()):
        ours.setdefault(trace.id, []).append(trace)
    worst = 0.0
    for trace in theirs:
        near = 1e-4 + 1e-6 * trace.stats.delta
        same = [t for t in ours.get(trace.id, ()) if abs(t.stats.starttime - trace.stats.starttime) < near]
        assert len(same) == 1, f"{trace} has {len(same)} counterparts"
        assert np.isclose(same[0].stats.delta, trace.stats.delta, rtol=1e-9)
        assert len(same[0].data) == len(trace.data)
        assert np.array_equal(np.isnan(same[0].data), np.isnan(trace.data))
        worst = max(worst, float(np.nanmax(np.abs(same[0].data - trace.data), initial=0)))
    return worst
