# %% [markdown]
# # 16 · Hackathon: picking continuous data at full speed
#
# A labelled record lasts a minute and somebody has looked at it. A network records all day, at every station, and nobody looks: the
# picker must run over everything, forget nothing, and be done before the next day is. This lesson takes continuous picking apart, finds
# where its time goes, and then makes a race of it. One rule holds throughout: **speed counts only at equal picks.**
#
# **You will be able to**
#
# - write continuous picking yourself: windows, normalisation, overlap, blinding, stacking, equal to SeisBench's `annotate`;
# - measure where the time goes before changing anything, and quote a speed so that it means something elsewhere;
# - say which changes keep the picks and which do not;
# - find picks that a chunk edge lost or doubled, and cut days so that none is;
# - estimate what a year of a network costs, reading included.
#
# **Before**: lessons 12 (what `annotate` does) and 14 (recall, precision, F1).
#
# **Time to learn**: 120 minutes, half of them for the race (the minute plan stands there). The page runs in about a minute on two cores.

# %% [markdown]
# ## Sixty minutes after a main shock
#
# `World.day` is a synthetic day with a main shock of Mw 6.4 at 05:18 UTC. We take the hour from 05:30 at two stations: aftershocks in each
# other's coda, and {golden:lesson16.visible} visible arrivals. The world knows the true times, so that F1 can be given: recall counts the visible
# arrivals with a pick within 0.3 s, precision the picks that lie as close to any true arrival, visible or not.

# %%
import numpy as np
import pandas as pd
from obspy import Stream

from course_utils import picking
from course_utils.catalog.matching import match_picks
from course_utils.synthetic import World

world = World.day(seed=16, stations=2, hours=6.5)
streams = [world.waveforms(name, world.end - pd.Timedelta("1h")) for name in world.stations["station"]]
stream = streams[0]
model = picking.load_model("phasenet:synthetic")


def f1(picks, streams):
    """F1 of picks against the truth of what ``streams`` hold."""
    begin = min(pd.Timestamp(s[0].stats.starttime.datetime, tz="UTC") for s in streams)
    known = world.truth.arrivals
    known = known[(known["time"] >= begin) & known["station"].isin([s[0].id[:-4] for s in streams])]
    recall = match_picks(picks, known[known["visible"]], tolerance_s=0.3).recall
    precision = match_picks(picks, known, tolerance_s=0.3).precision
    return 2 * recall * precision / (recall + precision)


picks = picking.pick(streams, model)
baseline = picking.baselines.sta_lta(streams)
{"PhaseNet": round(f1(picks, streams), 3), "STA/LTA": round(f1(baseline, streams), 3)}

# %% [markdown]
# These two numbers are the quality that the race must keep ({golden:lesson16.f1}), and the baseline that must never overtake it
# ({golden:lesson16.f1_stalta}). The weights were trained on worlds of the same making, so nobody should read the first one as a promise for real data.
#
# ## By hand: one window after the other
#
# The network reads 3001 samples, 30 s. A window starts every 1501 samples, and one more at the end so that no sample is left out. Each is
# normalised by itself, the network speaks about all of it, the first and the last 250 samples are thrown away (blinding), and where two windows
# speak about one sample, the mean counts. That is all. A stop watch goes along and books each step.

# %%
from time import perf_counter

import torch

torch.set_num_threads(1)  # as in the race
SIZE, STEP, BLIND = (
    model.in_samples,
    model.in_samples - model.default_args["overlap"],
    model.default_args["blinding"][0],
)


class Watch(dict):
    """Seconds by step: ``watch("cut")`` books the time since the last call."""

    def __init__(self):
        self.last = perf_counter()

    def __call__(self, step):
        now = perf_counter()
        self[step] = self.get(step, 0.0) + now - self.last
        self.last = now


def starts(n, step=STEP):
    """First sample of each window over n samples."""
    return np.unique(np.append(np.arange(0, n - SIZE + 1, step), n - SIZE))


def window_by_window(data, model, watch, step=STEP):
    """Probabilities (labels, samples) of data (components, samples)."""
    total, spoken = np.zeros_like(data), np.zeros(data.shape[1])
    watch("stack")
    for start in starts(data.shape[1], step):
        window = data[:, start : start + SIZE]
        window = window - window.mean(axis=1, keepdims=True)
        window = window / (window.std(axis=1, ddof=1, keepdims=True) + 1e-10)
        watch("cut, normalise")
        with torch.inference_mode():
            said = model(torch.from_numpy(window[None]))[0].numpy()
        watch("network")
        total[:, start + BLIND : start + SIZE - BLIND] += said[:, BLIND:-BLIND]
        spoken[start + BLIND : start + SIZE - BLIND] += 1
        watch("stack")
    with np.errstate(invalid="ignore"):
        return total / spoken


data = np.stack([stream.select(component=c)[0].data for c in model.component_order]).astype("float32")
by_hand = window_by_window(data, model, Watch())
theirs = model.annotate(stream)


def farthest(probabilities):
    """Largest difference from SeisBench's annotate, over all labels."""
    pairs = zip(
        probabilities[:, BLIND:-BLIND], (theirs.select(channel=f"*_{x}")[0].data for x in model.labels), strict=True
    )
    return max(np.abs(ours - their).max() for ours, their in pairs)


print(f"{len(starts(data.shape[1]))} windows, largest difference from annotate {farthest(by_hand):.0e}")

# %% [markdown]
# Twenty lines, and what is left between them and SeisBench is rounding in single precision. Keep such a line in every program that is to become
# faster: **first equal, then fast.**
#
# ## Two steps faster
#
# Python is asked three times per window, and the network gets its windows one at a time. First step: hand over many windows as one batch.
# Second step: cut without a loop. A *strided view* is an array of windows that copies nothing, it only counts differently through the same
# memory; and for stacking, note that windows 0, 2, 4, ... do not overlap one another. So all even windows can be added in one operation, and all odd ones in another.


# %%
def batched(data, model, watch, batch=32):
    total, spoken = np.zeros_like(data), np.zeros(data.shape[1])
    begins = starts(data.shape[1])
    watch("stack")
    for first in range(0, len(begins), batch):
        some = begins[first : first + batch]
        windows = np.stack([data[:, b : b + SIZE] for b in some])
        windows -= windows.mean(axis=2, keepdims=True)
        windows /= windows.std(axis=2, ddof=1, keepdims=True) + 1e-10
        watch("cut, normalise")
        with torch.inference_mode():
            said = model(torch.from_numpy(windows)).numpy()
        watch("network")
        for b, one in zip(some, said, strict=True):
            total[:, b + BLIND : b + SIZE - BLIND] += one[:, BLIND:-BLIND]
            spoken[b + BLIND : b + SIZE - BLIND] += 1
        watch("stack")
    with np.errstate(invalid="ignore"):
        return total / spoken


def strided(data, model, watch, batch=32):
    n = data.shape[1]
    regular = (n - SIZE) // STEP + 1
    views = torch.from_numpy(data).unfold(1, SIZE, STEP).transpose(0, 1)  # (windows, components, samples): no copy
    if (n - SIZE) % STEP:
        views = torch.cat([views, torch.from_numpy(data[None, :, -SIZE:])])
    said = torch.empty(len(views), 3, SIZE)
    watch("cut, normalise")
    with torch.inference_mode():
        for first in range(0, len(views), batch):
            deviation, mean = torch.std_mean(views[first : first + batch], dim=2, keepdim=True)
            windows = (views[first : first + batch] - mean) / (deviation + 1e-10)
            watch("cut, normalise")
            said[first : first + batch] = model(windows)
            watch("network")
    total, spoken = torch.zeros(3, n + 2 * STEP), torch.zeros(n + 2 * STEP)
    kept = said[:, :, BLIND:-BLIND]
    for odd in (0, 1):
        mine = kept[odd:regular:2].transpose(0, 1)  # (labels, every other window, samples)
        begin, every = odd * STEP + BLIND, 2 * STEP
        span = slice(begin, begin + mine.shape[1] * every)
        total[:, span].unflatten(1, (-1, every))[:, :, : mine.shape[2]] += mine
        spoken[span].unflatten(0, (-1, every))[:, : mine.shape[2]] += 1
    if len(views) > regular:
        total[:, n - SIZE + BLIND : n - BLIND] += kept[-1]
        spoken[n - SIZE + BLIND : n - BLIND] += 1
    result = (total[:, :n] / spoken[:n]).numpy()
    watch("stack")
    return result


equal = {way.__name__: farthest(way(data, model, Watch())) for way in (batched, strided)}
print({name: f"{difference:.0e}" for name, difference in equal.items()})

# %% [markdown]
# Equal again. Now the time, and SeisBench's with it. Three habits make such a comparison worth something:
#
# - **in turn, in one process**: a laptop that gets warm, or a neighbour on the machine, then hurts all of them alike;
# - **the shortest of several runs**: whatever else happens on the machine only adds;
# - **a warm-up**: what is loaded or compiled once must not be booked on the first one (our kernel compiles for some seconds when it first runs, then never again).
#
# To see into SeisBench we hang a stop watch into its model: around the network, and around the hook that normalises.


# %%
def shortest(ways, repeats=3):
    """Name -> (seconds, seconds by step) of the fastest run of each; a way is called with a watch."""
    found = {}
    for _ in range(repeats):
        for name, way in ways.items():
            watch = Watch()
            began = perf_counter()
            way(watch)
            seconds = perf_counter() - began
            if seconds < found.get(name, (np.inf,))[0]:
                found[name] = seconds, dict(watch)
    return found


def seisbench(**settings):
    """SeisBench's classify on the hour as a way: its steps are booked on the watch."""
    probe, now = picking.load_model("phasenet:synthetic"), {}

    def booked(step, plain):
        def run(*given, **named):
            now["watch"]("everything else")
            out = plain(*given, **named)
            now["watch"](step)
            return out

        return run

    probe.annotate_batch_pre = booked("cut, normalise", probe.annotate_batch_pre)
    probe.forward = booked("network", probe.forward)

    def way(watch):
        now["watch"] = watch
        probe.classify(stream, **settings)
        watch("everything else")

    return way


picking.pick(stream.slice(endtime=stream[0].stats.starttime + 120), model)  # warm-up
before = shortest(
    {
        "SeisBench, default": seisbench(),
        "SeisBench, batch 64": seisbench(batch_size=64),
        "window by window": lambda watch: window_by_window(data, model, watch),
        "batched": lambda watch: batched(data, model, watch),
        "strided": lambda watch: strided(data, model, watch),
    },
    repeats=2,
)

# %% tags=["hide-input"] alt="Horizontal stacked bars of the seconds that one station-hour takes, by step. In all five bars the network takes by far the most; the longest bars are SeisBench with its default batch and one window after the other. Normalising and stacking are thin slices."
import matplotlib.pyplot as plt

STEPS = {
    "network": ("#0072B2", ""),
    "cut, normalise": ("#E69F00", "//"),
    "stack": ("#009E73", ".."),
    "network and windows in one": ("#56B4E9", "xx"),
    "amplitudes": ("#CC79A7", "\\\\"),
    "everything else": ("#999999", ""),
}


def bars(found, title):
    fig, ax = plt.subplots(figsize=(6.2, 1.6 + 0.42 * len(found)))
    for row, (_, steps) in enumerate(found.values()):
        left = 0.0
        for step, (colour, hatch) in STEPS.items():
            width = steps.get(step, 0.0)
            ax.barh(row, width, left=left, color=colour, hatch=hatch, edgecolor="white", linewidth=0.5)
            left += width
        ax.text(left, row, f" {left:.2f} s", va="center")
    used = [step for step in STEPS if any(steps.get(step) for _, steps in found.values())]
    handles = [plt.Rectangle((0, 0), 1, 1, facecolor=c, hatch=h, edgecolor="white") for c, h in map(STEPS.get, used)]
    fig.legend(handles, used, loc="outside lower center", ncols=2)
    ax.set_yticks(range(len(found)), list(found))
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    ax.set_axisbelow(True)
    ax.set_xlim(0, 1.15 * max(sum(steps.values()) for _, steps in found.values()))
    ax.set(xlabel="seconds for one station-hour, one thread", title=title)
    plt.show()


bars(before, "Where the time goes: before")

# %% [markdown]
# Read the colours, not the seconds: those belong to the machine that built this page, and to its mood. In every bar the **network** takes
# nearly everything. So vectorised cutting and stacking, however elegant, cannot gain much: a step that takes a tenth of the time saves, when it
# vanishes, a tenth (Amdahl's law {cite}`amdahl1967`). And the long bars are two extremes of one thing: one window at a time, and, in SeisBench as it
# comes, up to 256 of them. Neither does anything wrong: same network, same windows, another *batch*.
#
# ## Why the batch matters
#
# A larger batch saves calls. It also needs more memory at once: the first layer alone turns each window into 8 channels of 3001 numbers, 96 kB. A
# batch of 256 makes that 25 MB per layer, more than the processor's cache holds, and each such array is fresh memory that the system has to
# hand out page by page. Both can be measured.

# %%
try:
    from resource import RUSAGE_SELF, getrusage  # not on Windows
except ImportError:
    getrusage = None


def page_faults():
    return getrusage(RUSAGE_SELF).ru_minflt if getrusage else np.nan


windows = torch.from_numpy(data).unfold(1, SIZE, STEP).transpose(0, 1)
windows = (windows - windows.mean(dim=2, keepdim=True)) / windows.std(dim=2, keepdim=True)
table = []
for batch in (1, 4, 16, 32, 64, 128, len(windows)):
    seconds, faults = np.inf, np.inf
    for _ in range(2):
        count, began = page_faults(), perf_counter()
        with torch.inference_mode():
            for part in windows.split(batch):
                model(part)
        seconds, faults = min(seconds, perf_counter() - began), min(faults, page_faults() - count)
    row = {"batch": batch, "MB per layer": batch * 8 * SIZE * 4 / 1e6, "windows per s": len(windows) / seconds}
    table.append(row | {"page faults per window": faults / len(windows)})
batches = pd.DataFrame(table).set_index("batch")
batches["windows per s"] /= batches["windows per s"].max()
batches.rename(columns={"windows per s": "speed, best = 1"}).round(2)

# %% [markdown]
# The speed rises as calls are saved, passes a flat top at a few tens of windows, and falls where page faults begin. Where exactly the top is
# depends on the machine and on its load; that it is *flat* means that nobody needs to search for it long. SeisBench's default of 256 suits
# a GPU; on a CPU `batch_size=64` is the cheapest speed-up in this lesson.
#
# Two more knobs that everybody turns first: threads, and half precision.

# %%
import os

few = windows[:64].contiguous()
knobs = {}
for threads in sorted({1, min(2, os.cpu_count())}):
    torch.set_num_threads(threads)
    knobs[f"{threads} thread{'s' * (threads > 1)}"] = shortest({"run": lambda watch: model(few[:32])}, 2)["run"][0]
torch.set_num_threads(1)
halves = {}
for precision in ("single", "half"):
    began = perf_counter()
    halves[precision] = picking.pick(stream, model, engine="torch", device="cpu", precision=precision)
    knobs[f"{precision} precision"] = perf_counter() - began
same = match_picks(halves["half"], halves["single"], tolerance_s=0.0101)
moved_percent = 100 * (1 - same.recall)
print(*(f"{1000 * seconds:5.0f} ms  {name}" for name, seconds in knobs.items()), sep="\n")
print(f"{moved_percent:.0f} % of the picks are not at the same sample in half precision")

# %% [markdown]
# A second thread gains less than twice, because small layers are shared out more often than they are worked on; and on a machine where somebody else uses the
# second core, both threads wait for each other and it can cost many times. Give each core a station of its own instead. Half precision (16 bits
# per number) moves or loses about {golden:lesson16.moved_percent} % of the picks here; on a CPU it hardly buys time for that, on a GPU it may. So it is never on by itself.
#
# ## The package's picker
#
# `picking.pick` has two engines behind one function. **torch** is what we have just written, for any SeisBench model: strided windows, small batches, strided stacking, no worker in
# between. **kernel** is for PhaseNet on a CPU: the colours above say that only a faster *network* can help, so it brings its own. Sixteen windows
# lie side by side in the vector registers (on older machines eight), so that one instruction works on all of them; the seven-tap convolutions need about half the
# multiplications by Winograd's algorithm {cite}`winograd1980,lavin2016`; the layers of one set of windows never leave the cache; the stacking is fused in.
#
# All four in turn, and first of all: are the picks equal?


# %%
def as_table(output):
    """Picks of SeisBench's classify as a picks table."""
    rows = [(p.trace_id, p.phase, pd.Timestamp(p.peak_time.datetime, tz="UTC"), p.peak_value) for p in output.picks]
    return pd.DataFrame(rows, columns=["station", "phase", "time", "probability"])


def engine(name):
    def way(watch):
        report = picking.pick(stream, model, engine=name, device="cpu").attrs["report"]["totals"]
        watch("everything else")
        watch["network and windows in one"], watch["amplitudes"] = report["model_s"], report["measure_s"]
        watch["everything else"] -= report["model_s"] + report["measure_s"]

    return way


reference = as_table(model.classify(stream))
for name in ("torch", "kernel"):
    match = match_picks(picking.pick(stream, model, engine=name, device="cpu"), reference, tolerance_s=0.0101)
    print(f"{name}: {len(match.matched)} of {len(reference)} picks within one sample, {len(match.proposed)} others")

# %% tags=["hide-input"] alt="Horizontal stacked bars of the seconds for one station-hour. SeisBench by default is longest, then SeisBench with batch 64, then the torch engine; the kernel's bar is the shortest by far."
after = shortest(
    {
        "SeisBench, default": seisbench(),
        "SeisBench, batch 64": seisbench(batch_size=64),
        "picking.pick, torch": engine("torch"),
        "picking.pick, kernel": engine("kernel"),
    }
)
bars(after, "Where the time goes: after")

# %%
seconds = pd.Series({name: total for name, (total, _) in after.items()})
ratios = pd.DataFrame({f"against {b}": seconds[f"SeisBench, {b}"] / seconds for b in ("default", "batch 64")})
ratios.round(1)

# %% [markdown]
# Same picks; the torch engine is about where SeisBench's best batch is (and measures amplitudes and SNR, which `classify` does not), the kernel takes a fraction of the time. On an idle machine with AVX-512 the kernel is several times as fast as SeisBench's default and a few times as
# fast as its best batch; the table says what it was where this page was built, and yours what it is where you are. Always quote **both** columns: who reports
# only the first one sells a batch size as an invention. What the ratios are over a whole day stands on the page {doc}`How well does it work? </results>`.
#
# Look at the last bar: the network is no longer alone. Amplitudes and SNR are measured for each pick, and what used to be a thin slice begins to show.
#
# ## Edges: what midnight does to picks
#
# Archives come in files of a day. A pick 2 s before midnight lies in the blinded end of one file, and after midnight no P stands there at all. Our hour has no
# midnight, so we cut it into fifteen pieces and pick each by itself, as the obvious loop over files would.


# %%
def cut(stream, minutes, margin_s=0.0):
    """Pieces of a stream with the span that each of them is to answer for."""
    begin, end = stream[0].stats.starttime, stream[0].stats.endtime
    span = 60.0 * minutes
    for k in range(int(np.ceil((end - begin) / span))):
        a, b = begin + k * span, begin + (k + 1) * span
        piece = stream.slice(max(a - margin_s, begin), min(b + margin_s, end))
        yield piece, pd.Timestamp(a.datetime, tz="UTC"), pd.Timestamp(b.datetime, tz="UTC")


def in_pieces(stream, model, margin_s=0.0, minutes=4, **settings):
    tables = []
    for piece, a, b in cut(stream, minutes, margin_s):
        some = picking.pick(piece, model, **settings)
        tables.append(some[(some["time"] >= a) & (some["time"] < b)])
    return pd.concat(tables, ignore_index=True)


def from_edge_s(picks, every_s=240.0):
    """Seconds between each pick and the nearest cut, below zero before it."""
    late = (picks["time"] - (world.end - pd.Timedelta("1h"))).dt.total_seconds()
    return (late + every_s / 2) % every_s - every_s / 2


whole = pd.concat([picking.pick(s, model) for s in streams], ignore_index=True)
fixed = pd.concat([picking.pick(s, model, anchor="time") for s in streams], ignore_index=True)
ways = {
    "no care": (whole, {}),
    "margin of 60 s": (whole, {"margin_s": 60}),
    "margin, anchored": (fixed, {"margin_s": 60, "anchor": "time"}),
}
pieces, rows = {}, {}
for name, (expected, settings) in ways.items():
    pieces[name] = pd.concat([in_pieces(s, model, **settings) for s in streams], ignore_index=True)
    near, exact = (match_picks(pieces[name], expected, tolerance_s=t) for t in (0.5, 0.0101))
    at_edge = int((from_edge_s(near.missed).abs() <= 2.5).sum())
    rows[name] = {"lost at an edge": at_edge, "lost elsewhere": len(near.missed) - at_edge, "new": len(near.proposed)}
    rows[name] |= {"moved": len(exact.missed) - len(near.missed), "F1": f1(pieces[name], streams)}
edges = pd.DataFrame(rows).T
edges.round(3).astype({name: int for name in edges if name != "F1"})

# %% [markdown]
# Without care, {golden:lesson16.edge_lost} of {golden:lesson16.picks} picks are lost within 2.5 s of a cut, in blinded ends. Another {golden:lesson16.elsewhere_lost} are lost
# away from any cut and {golden:lesson16.edge_new} are new, because of *where windows start*: each piece begins counting anew, the same earthquake lies elsewhere in its windows, and a probability near the threshold falls on the other side. A
# margin cures the first kind ({golden:lesson16.margin_lost} left) and not the second. When windows start at fixed times (`anchor="time"`: multiples of the step since 1970), the pieces see the
# very same windows, and {golden:lesson16.anchored} picks differ. `course pick` runs over archives in this way.
#
# The margin also brings F1 back. Between the last two rows it hardly differs: neither start of the windows is the better one. But a catalog that depends on how somebody cut the files cannot be
# repeated, and no one can tell a better picker from another cut. One pick lost at an edge:

# %%
from course_utils.teaching.figures.records import record_with_probabilities
from course_utils.teaching.style import describe

begin = world.end - pd.Timedelta("1h")
missed = match_picks(pieces["no care"], whole, tolerance_s=0.5).missed
one = missed.loc[(from_edge_s(missed).abs() - 1).abs().idxmin()]  # about a second from the cut
there = next(s for s in streams if s[0].id[:-4] == one["station"])
edge = there[0].stats.starttime + 240 * round((one["time"] - begin).total_seconds() / 240)
views = {
    "whole": model.annotate(there),
    "before the cut": model.annotate(there.slice(edge - 240, edge)),
    "after the cut": model.annotate(there.slice(edge, edge + 240)),
}
cut_out = {"starttime": edge - 10, "endtime": edge + 10}
figure = record_with_probabilities(
    there.copy().filter("highpass", freq=1).slice(**cut_out),
    {name: said.slice(**cut_out) for name, said in views.items()},
    {"whole": whole[whole["station"] == one["station"]]},
    missed.loc[[one.name]],
    arrivals_name="pick that is lost",
)
describe(
    figure,
    "Twenty seconds around a cut, which lies in the middle. Three components on top; below, the probabilities of the whole hour with a pick close to the cut, and "
    "those of the piece that ends at the cut and of the piece that begins there, which are both silent for 2.5 s on their side of it.",
)

# %% [markdown]
# ## Gaps
#
# The other thing that archives have is holes. The usual repair, `stream.merge(fill_value=0)`, makes one long array out of many pieces. We remove forty
# stretches of five seconds from the hour and fill them with zeros: once as the records are, with a mean of zero, and once with 20,000 counts of offset, as many real
# instruments have one. Beside it what the picker does by itself: each piece is picked alone. What is not within 0.5 s of a pick of the hour without gaps is *new*.


# %%
def with_gaps(stream, count, low_s, high_s, seed):
    """The stream without ``count`` stretches at random times, and (begin, end) of each."""
    rng = np.random.default_rng(seed)
    first, length = stream[0].stats.starttime, stream[0].stats.endtime - stream[0].stats.starttime
    at = np.sort(rng.uniform(10, length - 10, count))
    ends = np.minimum(at + rng.uniform(low_s, high_s, count), length)
    left = np.append(0, np.maximum.accumulate(ends))
    kept = [stream.slice(first + a, first + b) for a, b in zip(left, np.append(at, length), strict=True) if b - a > 0.5]
    return sum(kept, Stream()), np.column_stack([at, ends])


level = stream.copy()
for trace in level:
    trace.data = trace.data + 20_000
holed, holes = with_gaps(stream, 40, 5, 5, seed=1)
holed_level, _ = with_gaps(level, 40, 5, 5, seed=1)
tries = {
    "zeros": holed.copy().merge(fill_value=0),
    "zeros, offset": holed_level.copy().merge(fill_value=0),
    "pieces": holed,
    "pieces, offset": holed_level,
}
complete, rows = picking.pick(stream, model), {}
for name, some in tries.items():
    found = picking.pick(some, model)
    late = (found["time"] - begin).dt.total_seconds().to_numpy()[:, None]
    inside = int(((late > holes[:, 0]) & (late < holes[:, 1])).any(axis=1).sum())
    new = len(match_picks(found, complete, tolerance_s=0.5).proposed)
    rows[name] = {"picks": len(found), "new": new, "in the gaps": inside}
gap_table = pd.DataFrame(rows).T
gap_table

# %% [markdown]
# The hour has {golden:lesson16.gap_none} picks without gaps. Zeros look harmless as long as the mean is zero: {golden:lesson16.gap_zeros} picks, and more of those that the whole hour has than the pieces keep ({golden:lesson16.gap_pieces}),
# whose every end is blinded. With an offset each hole is two steps, and a step looks like an arrival: {golden:lesson16.gap_offset_new} new picks, {golden:lesson16.gap_offset_inside} of them inside the
# gaps, *where nothing was recorded*. This network has met gaps in its training; one that has not is fooled more often. The pieces do not notice the offset. They pay for it with the picks next to the holes, and say so. `picking.pick` bridges gaps up to `max_gap_s` (1 s) by a straight line,
# drops picks on that line, mirrors a piece shorter than a window at its ends, and counts all of it in its report.
#
# ## Real data: four hours near Mount St. Helens
#
# Speed on an Earth of our own says little about quality on the real one. PB.B204 is a borehole station at Mount St. Helens; four hours of it come with the tutorial of
# {cite:t}`yuan2023elep`, with four picks of the network's analysts: P and S of two small earthquakes. We ask three pickers for these
# four, and report what is easily left out, picks per hour. The second station, UW.SHW, has no analyst's pick.

# %%
from course_utils.teaching.stored import stored

if teaching.real_data():
    from course_utils import data as sets

    opened = sets.open("elep-mount-st-helens")
    b204, shw = (opened.waveforms.select(station=code) for code in ("B204", "SHW"))
    analyst = opened.picks[opened.picks["within_waveforms"]]
    helens = []
    for name in ("phasenet:original", "eqtransformer:original", "STA/LTA"):
        if name == "STA/LTA":
            runs = [picking.baselines.sta_lta(s) for s in (b204, shw)]
        else:
            runs = [picking.pick(s, name) for s in (b204, shw)]
        found = match_picks(runs[0], analyst, tolerance_s=0.5)
        row = {"picker": name, "found": len(found.matched), "of": len(analyst)}
        row["largest residual, s"] = found.matched["residual_s"].abs().max()
        row |= {"per hour, B204": len(runs[0]) / 4, "per hour, SHW": len(runs[1]) / 4}
        helens.append(row)
    helens = pd.DataFrame(helens)
else:
    helens = stored("lesson16_helens")
    print("Stored result of", helens.attrs["date"], "from", helens.attrs["data"])
    print("Run it yourself: COURSE_DATA=real fetches 7 MB of waveforms and the weights of both models.")
helens.set_index("picker").round(2)

# %% [markdown]
# PhaseNet finds {golden:lesson16.helens_phasenet} of the four and makes {golden:lesson16.helens_rate} picks per hour at that station; EQTransformer finds {golden:lesson16.helens_eqt} and makes
# {golden:lesson16.helens_eqt_rate}; STA/LTA finds {golden:lesson16.helens_stalta} at its default settings. Does that rank them? No. Two earthquakes are two samples, thresholds mean something else to each model, and what was not picked by an analyst
# need not be noise: analysts pick what they locate. What the table does support is how
# much work each picker leaves for the associator here. That the fast picker and SeisBench's make the same picks on these four hours, for both networks, is what the benchmark measures
# ({doc}`How well does it work? </results>`). Lesson 14 says what a comparison would need.
#
# ## GPU, and the way from the disk
#
# On a GPU everything turns around: batches of 512 and more, data in page-locked memory so that copying and computing overlap, peaks searched on the device so that only picks come
# back. `device="auto"` takes one where torch sees it. **This page was built without a GPU**; the next cell measures on yours if there is one, and claims nothing here.

# %%
if device == "cuda":
    picking.pick(stream, model, device="cuda")  # warm-up
    on_gpu = shortest(
        {
            "classify": lambda watch: model.to("cuda").classify(stream),
            "pick": lambda watch: picking.pick(stream, model, device="cuda"),
            "pick, half precision": lambda watch: picking.pick(stream, model, device="cuda", precision="half"),
        }
    )
    model.to("cpu")
    print({name: f"{1000 * total:.0f} ms per station-hour" for name, (total, _) in on_gpu.items()})
else:
    print("No GPU here, nothing measured.")

# %% [markdown]
# The faster the model, the more the rest matters. Here is the whole way on this machine: the hour is written as MiniSEED (Steim2, as in archives), read, decoded and picked.

# %%
path = teaching.work_folder() / "lesson16_hour.mseed"
Stream([trace.copy() for trace in stream]).write(str(path), format="MSEED", encoding="STEIM2")


def from_disk(watch):
    import obspy

    recorded = obspy.read(path)
    watch("read and decode")
    totals = picking.pick(recorded, model, device="cpu").attrs["report"]["totals"]
    watch("all else")
    watch["windows, network, stacking"], watch["amplitudes"] = totals["model_s"], totals["measure_s"]
    watch["all else"] -= totals["model_s"] + totals["measure_s"]


total_s, steps = shortest({"from disk": from_disk})["from disk"]
budget = pd.DataFrame({"ms per station-hour": {name: 1000 * s for name, s in steps.items()}})
budget["% of all"] = 100 * budget["ms per station-hour"] / budget["ms per station-hour"].sum()
print(f"{path.stat().st_size / 1e6:.1f} MB, {total_s:.2f} s")
budget.round(1)

# %% [markdown]
# Back of the envelope, with your own numbers: if a GPU made the network ten times faster, what would the last column say then? Reading and decoding do not get faster with it. So at some point the
# way to more speed is *sixteen processes that read*, not a larger GPU; lesson 41 goes on from there.

# %% tags=["golden"]
from course_utils.teaching import golden
from course_utils.teaching.stored import keep

if teaching.real_data():
    keep(
        "lesson16_helens",
        helens,
        data="elep-mount-st-helens 2f3f22a, phasenet:original 2, eqtransformer:original 3",
        **{"found": 1, "per hour, B204": 0.5, "per hour, SHW": 0.5},
    )
known = world.truth.arrivals
assert max(equal.values(), default=1) < 1e-4 and farthest(by_hand) < 1e-4
assert len(match_picks(picking.pick(stream, model, engine="kernel"), reference, tolerance_s=0.0101).missed) <= 1
assert ratios["against default"]["picking.pick, kernel"] > 1.2
golden.check(
    "lesson16",
    visible=int((known["visible"] & (known["time"] >= begin)).sum()),
    f1=f1(picks, streams),
    f1_stalta=f1(baseline, streams),
    moved_percent=float(moved_percent),
    picks=len(whole),
    edge_lost=int(edges.loc["no care", "lost at an edge"]),
    elsewhere_lost=int(edges.loc["no care", "lost elsewhere"]),
    edge_new=int(edges.loc["no care", "new"]),
    margin_lost=int(edges.loc["margin of 60 s", "lost at an edge"]),
    anchored=int(edges.loc["margin, anchored"].drop("F1").sum()),
    helens_phasenet=int(helens.iloc[0]["found"]),
    helens_eqt=int(helens.iloc[1]["found"]),
    helens_stalta=int(helens.iloc[2]["found"]),
    helens_rate=float(helens.iloc[0]["per hour, B204"]),
    helens_eqt_rate=float(helens.iloc[1]["per hour, B204"]),
    gap_none=len(complete),
    gap_zeros=int(gap_table.loc["zeros", "picks"]),
    gap_pieces=int(gap_table.loc["pieces", "picks"]),
    gap_offset_new=int(gap_table.loc["zeros, offset", "new"]),
    gap_offset_inside=int(gap_table.loc["zeros, offset", "in the gaps"]),
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Exercise 1 · How many windows speak about a sample?
# Write `speakers(n)`: for a stretch of n samples (at least one window long), an array of n whole numbers, in how many windows each sample is spoken about. Windows of 3001 samples
# start every 1501, one more reaches for the last sample unless a regular one does, and 250 samples at either end of each say nothing. Then look at a day of
# 8,640,000 samples: which numbers occur in it, and how many windows are there?
# ```


# %%
def speakers(n):
    # solution: return ...
    count = np.zeros(n, int)
    for start in np.unique(np.append(np.arange(0, n - 3001 + 1, 1501), n - 3001)):
        count[start + 250 : start + 3001 - 250] += 1
    return count
    # end solution


checks.lesson16.speakers(speakers)

# %% [markdown]
# ```{exercise} Exercise 2 · Choose a batch
# From *your* table `batches`: which batch size would you run on this machine, with four such processes side by side? Answer with a size from the table and a reason of at
# least ten words: `{"batch": 1, "reason": "..."}`.
# ```

# %%
# solution
speed = batches["windows per s"]
answer = {
    "batch": int(speed.index[speed >= 0.85 * speed.max()].min()),
    "reason": "The top is flat, so the smallest batch on it wins: it needs the least memory and leaves cache to the other three.",
}
# end solution
checks.lesson16.choose_batch(answer, batches)

# %% [markdown]
# ```{exercise} Exercise 3 · A pick that the edge took
# `pieces["no care"]` are the picks of the pieces, `whole` those of the whole hour, of both stations. Find another P or S than the one of the figure (`one`) that the pieces lost *because of the
# blinded ends*, not because windows start elsewhere. Give its time.
# ```

# %%
# solution
others = missed[missed["time"] != one["time"]]
answer = others.loc[from_edge_s(others).abs().idxmin(), "time"]
# end solution
checks.lesson16.taken_by_the_edge(answer, whole, pieces["no care"], begin, one["time"])

# %% [markdown]
# ```{exercise} Exercise 4 · Five thousand gaps
# `broken` is the hour with as many gaps as a day with 5,000 of them has in an hour: one every seventeen seconds, shorter than a window. **Predict first**: how many times as long as
# the whole hour does `picking.pick` take for it? Write your guess down, then measure both (several runs, the shortest counts): `{"predicted": 3.0, "measured": 1.0}`.
# ```

# %%
broken, _ = with_gaps(stream, 208, 0.2, 3.0, seed=5)

# %%
# solution
spent = shortest({"broken": lambda w: picking.pick(broken, model), "whole": lambda w: picking.pick(stream, model)})
answer = {"predicted": 5.0, "measured": spent["broken"][0] / spent["whole"][0]}
# end solution
checks.lesson16.five_thousand_gaps(answer, broken, stream, model)

# %% [markdown]
# Now look at `picking.pick(broken, model).attrs["report"]["notes"]`: what was bridged, what was mirrored to fill a window, and what was given up.
#
# ```{exercise} Exercise 5 · Which changes keep the picks?
# To run faster, a team proposes the following. Which of them leave the picks of one station as `classify` makes them, to one sample and but for a few within rounding of
# the threshold? Answer with letters, `["a", ...]`.
#
# - **a** batch 32 instead of 256
# - **b** no overlap instead of half a window
# - **c** one process per station, eight at a time
# - **d** 16-bit numbers on a GPU
# - **e** another algorithm for the same convolution
# - **f** resampling to 50 Hz before picking, and labelling it 100 Hz
# - **g** files of ten minutes, each picked by itself
# - **h** adding windows by strides instead of one after the other
# ```

# %%
# solution
answer = ["a", "c", "e", "h"]
# end solution
checks.lesson16.keeps_the_picks(answer)

# %% [markdown]
# ```{exercise} Exercise 6 · A year of fifty stations
# From what you measured from the disk (`total_s`, for one station-hour): how many hours does **one core** need for a year of fifty stations?
# ```

# %%
# solution
answer = 50 * 365 * 24 * total_s / 3600
# end solution
checks.lesson16.a_year(answer, total_s)

# %% [markdown]
# ## The race
#
# Now it is yours. Teams of three or four write `my_picker(stream, model)`, which returns the picks of one station as a table (station, phase, time). It may do whatever you like with the same weights, except call
# `classify`, `annotate` or `course_utils.picking.pick`. The course is half an hour at each of the two stations, with a gap in it. (Its pieces have fewer than 256 windows; so SeisBench's default and its batch 64 are nearly the same here.)
#
# **Rules.** First quality: every pick of SeisBench's that is more than 0.02 above its threshold must be there within one sample, at most two others may be, and F1 may not fall. A picker that loses picks has no time.
# Then speed: SeisBench's time over yours, in turn in the same run, one thread, on the organiser's machine, also on a seed that you have not seen.


# %%
def race_course(world):
    """Half an hour at each station, forty seconds of it missing."""
    course = []
    for number, name in enumerate(world.stations["station"]):
        hour = world.waveforms(name, world.end - pd.Timedelta("30min"))
        hole = hour[0].stats.starttime + 611.37 + 400 * number
        course.append(hour.slice(endtime=hole) + hour.slice(hole + 40))
    return course


course = race_course(world)


def score(my_picker, course=course):
    """What the judges see: quality, whether it counts, and speed as a ratio."""
    mine = pd.concat([my_picker(s.copy(), model) for s in course], ignore_index=True)
    bar = pd.concat([as_table(model.classify(s.copy())) for s in course], ignore_index=True)
    limit = bar["phase"].map({phase: model.default_args[f"{phase}_threshold"] for phase in "PS"})
    result = {
        "F1": round(f1(mine, course), 3),
        "F1 of SeisBench": round(f1(bar, course), 3),
        "lost": len(match_picks(mine, bar[bar["probability"] > limit + 0.02], tolerance_s=0.0101).missed),
        "others": len(match_picks(mine, bar, tolerance_s=0.0101).proposed),
    }
    result["counts"] = bool(
        result["lost"] == 0 and result["others"] <= 2 and result["F1"] > result["F1 of SeisBench"] - 0.005
    )
    if result["counts"]:
        spent = shortest(
            {
                "mine": lambda watch: [my_picker(s, model) for s in course],
                "default": lambda watch: [model.classify(s) for s in course],
                "batch 64": lambda watch: [model.classify(s, batch_size=64) for s in course],
            },
            repeats=2,
        )
        result |= {
            f"speed against {name}": round(spent[name][0] / spent["mine"][0], 2) for name in ("default", "batch 64")
        }
    return result


# %% [markdown]
# The starter is correct and slow: contiguous pieces, the loop from above, peaks. It is all yours to change.

# %%
from functools import partial

from course_utils.picking.peaks import find_peaks


def contiguous(stream, model):
    """(start time, data) of each contiguous piece, components in the model's order."""
    for first in stream.select(component=model.component_order[0]):
        same = stream.slice(first.stats.starttime, first.stats.endtime)
        traces = [same.select(component=c)[0] for c in model.component_order]
        if first.stats.npts >= SIZE:
            yield first.stats.starttime, np.stack([trace.data for trace in traces]).astype("float32")


def starter(stream, model, way=window_by_window):
    rows = []
    for start, data in contiguous(stream, model):
        for label, values in zip(model.labels, way(data, model, Watch()), strict=True):
            if label in "PS":
                samples, _ = find_peaks(values, model.default_args[f"{label}_threshold"])
                rows += [
                    (stream[0].id[:-4], label, pd.Timestamp((start + s / 100).datetime, tz="UTC")) for s in samples
                ]
    return pd.DataFrame(rows, columns=["station", "phase", "time"])


def hasty(stream, model):
    """As the starter, with the fewest windows that leave nothing out: 40 % less work."""
    return starter(stream, model, partial(window_by_window, step=SIZE - 2 * BLIND))


start, refused = score(starter), score(hasty)
pd.DataFrame({"starter": start, "fewer windows": refused})

# %% tags=["golden"]
golden.check("lesson16", hasty_lost=refused["lost"])
assert start["counts"] and not refused["counts"]

# %% [markdown]
# The second column is a warning: fewer windows, an F1 that may look as good, and it does not count, because {golden:lesson16.hasty_lost} of SeisBench's picks are gone. Where every
# team may trade picks for speed, nobody can say who is faster.
#
# | minutes | what | who leads |
# |---|---|---|
# | 0-20 | windows by hand, equal to `annotate`; two steps faster | all |
# | 20-40 | where the time goes, batch, the package's picker | all |
# | 40-55 | edges and gaps (exercises and Mount St. Helens: at home) | all |
# | 55-62 | teams, rules, `score(starter)`; agree who does what | reporter |
# | 62-70 | profile the starter: a figure of your own, before anything is changed | profiler |
# | 70-95 | one change at a time; `score` after each; what loses picks is taken back | driver |
# | 95-103 | break it: a gap, an edge, a short piece, a dead component | keeper |
# | 103-108 | last runs; write down what did *not* help | profiler |
# | 108-120 | two minutes per team: figure before, figure after, one surprise | reporter |
#
# **Roles.** *Driver*: types. *Profiler*: owns the stop watch, and says before each change what it can gain at most. *Keeper of the bar*: owns equality, and may veto. *Reporter*: keeps the log, speaks at the end. Change
# roles at half time.
#
# **Points.** Nothing without equal picks. Then: speed against SeisBench's batch 64, 40 (half of them at ratio 1, all at 3); the profile before and after, and a true sentence on what could still be gained, 25; edges, gaps, short pieces, 20;
# what did not help and why, 15. So a team that understands beats a team that was lucky with a compiler. Schedule for a day and judging sheet of all three hackathons: `hackathon/README.md` of the repository.
#
# ```{dropdown} Hint 1 · minute 72
# How often is the network called, and with how many windows? Look at the table of batches again.
# ```
#
# ```{dropdown} Hint 2 · minute 80
# `strided` stands in this lesson. What is left in your profile once you use it, and what does Amdahl say of the rest?
# ```
#
# ```{dropdown} Hint 3 · minute 88
# At inference a batch norm is a multiplication and an addition, and the convolution before it can do both: fold it into the weights. Keep the bar in view.
# ```
#
# ```{dropdown} Hint 4 · for teams that are done early
# Two stations, two cores: threads of your own, each with one torch thread, do not wait for each other. (The judges run one thread; say what you measured.)
# ```
#
# ```{exercise} The race · Your picker
# Write `my_picker(stream, model)`. It passes when its picks are equal and it is clearly faster than the starter; how much faster is between you and the other teams.
# ```


# %%
def my_picker(stream, model):
    # solution: return ...
    return starter(stream, model, way=strided)
    # end solution


checks.lesson16.race(my_picker, score, start)

# %% [markdown]
# `score(my_picker)` gives the figures for the leaderboard. The organiser runs it with `course=race_course(World.day(seed=..., stations=2, hours=6.5))` for a seed that nobody has seen,
# and writes up F1 beside the ratio; the machine, its load and the SeisBench version belong to the result. The gap between your own figure and the organiser's is part of the lesson.
#
# ## Recap
#
# - Continuous picking is windows, normalisation, network, blinding and stacking; each can be checked against `annotate` to rounding.
# - First equal, then fast. Measure where the time goes before changing anything: what is small cannot gain much.
# - The batch is the cheapest knob and has a flat top; a second thread gains little, half precision moves picks.
# - Quote ratios against the peer's defaults *and* its best settings, in turn, in one process, at equal picks.
# - Edges lose picks twice: in blinded ends, and through windows that start elsewhere. A margin cures the first, anchoring in time both.
# - Gaps are not zeros. The faster the network, the more all the rest weighs.
#
# ## What's next
#
# Your picks are the input of day 2: {doc}`association </schedule>` (lessons 21, 22 and 25). Lesson 41 takes the picker to clusters and object storage.
#
# **References**: PhaseNet {cite}`zhu2019phasenet`, EQTransformer {cite}`mousavi2020eqtransformer`, SeisBench {cite}`woollam2022seisbench`, Winograd's convolution {cite}`winograd1980,lavin2016`, Amdahl's law {cite}`amdahl1967`, STA/LTA {cite}`allen1978`.
