# %% [markdown]
# # 22 · PyOcto and stress tests
#
# A picker gives times. *Association* says which of them belong to one earthquake, and which to none. PyOcto {cite}`munchmeyer2024pyocto`
# does this by searching space and time for origins that explain many picks at once. It is fast and good, and like every associator it
# gives no warning when it fails: there are only fewer events, or some too many. So this lesson breaks it on purpose, on picks whose
# events we know, until it is clear what costs an event.
#
# **You will be able to**
#
# - explain, and program in twenty lines, the partitioning of space and time;
# - derive the settings from the network and change them by symptom;
# - say of a missed event at which gate it was lost;
# - measure how an associator degrades with event rate and noise, and say what such a surface does not show;
# - cut a long run into pieces without losing events at midnight.
#
# **Before**: lesson 01; that P and S travel at different speeds. Lesson 21 explains what makes the problem hard.
#
# **Time to learn**: 60 minutes. It runs in about {golden:lesson22.minutes_text} on two cores.

# %% [markdown]
# ## Picks with a truth
#
# Waveforms and a picker would bring their own errors. To test the associator alone we draw picks from true arrivals: the synthetic world
# knows when each phase reached each station, and which of them rise above the noise (`visible`). The waves went through the *true* Earth,
# of which the associator gets only the published model. Three things then go wrong, and each is one line: an arrival is overlooked, a time is
# off, and picks appear that no earthquake made.

# %%
import numpy as np
import pandas as pd

from course_utils import association
from course_utils.catalog.tables import conform
from course_utils.synthetic import World
from course_utils.teaching.stored import stored

world = World.lesson(seed=22)
stations, velocity = world.stations, world.velocity
events = world.truth.events.assign(number=range(len(world.truth.events)))
arrivals = world.truth.arrivals[world.truth.arrivals["visible"]]
arrivals = arrivals.merge(events[["event_id", "number", "time"]], on="event_id", suffixes=("", "_origin"))
arrivals = arrivals[["number", "station", "phase", "time", "time_origin"]].rename(columns={"number": "event_id"})


def observe(arrivals, noise, seed):
    """Picks of these arrivals, and ``noise`` times as many that belong to no event (event_id -1)."""
    rng = np.random.default_rng(seed)
    seen = arrivals[rng.random(len(arrivals)) < 0.9]
    error_s = rng.normal(0, np.where(seen["phase"] == "P", 0.08, 0.15))
    seen = seen.assign(time=seen["time"] + pd.to_timedelta(error_s, unit="s"))
    n, span = round(noise * len(seen)), seen["time"].max() - seen["time"].min()
    stray = pd.DataFrame(
        {
            "event_id": -1,
            "source": -1,
            "station": rng.choice(stations["station"], n),
            "phase": rng.choice(["P", "S"], n),
        }
    )
    stray["time"] = seen["time"].min() + rng.random(n) * span
    return conform(pd.concat([seen, stray]).sort_values("time"), "picks")


# %% [markdown]
# One hour has one rate of events. To choose the rate ourselves, we take the events that were seen best as a kit, and start them at random
# times, one after the other or on top of each other. Shapes and places stay true; only the clock is ours.

# %%
travel_s = (arrivals["time"] - arrivals["time_origin"]).dt.total_seconds()
kit = [rows for _, rows in arrivals.assign(travel_s=travel_s).groupby("event_id") if len(rows) >= 12]


def sequence(rate_per_hour, n_events, seed):
    """Arrivals of ``n_events`` from the kit at random times, in as many minutes as their rate asks for."""
    rng = np.random.default_rng(1000 + seed)
    starts = np.sort(rng.uniform(0, 3600 * n_events / rate_per_hour, n_events))
    chosen = [kit[i] for i in rng.choice(len(kit), n_events)]
    rows = [rows.assign(source=rows["event_id"], event_id=i, s=starts[i]) for i, rows in enumerate(chosen)]
    rows = pd.concat(rows, ignore_index=True)
    return rows.assign(time=world.start + pd.to_timedelta(rows["s"] + rows["travel_s"], unit="s"))


picks = observe(sequence(rate_per_hour=60, n_events=20, seed=1), noise=0.5, seed=1)
print(f"{len(kit)} events in the kit; {len(picks)} picks, {(picks['event_id'] < 0).sum()} of them noise")
picks[["station", "phase", "time", "event_id"]].head(4)

# %% [markdown]
# ## Baseline: gaps in time
#
# The simplest associator knows no Earth at all. Picks of one event come together, so a new event begins whenever nothing came for three
# seconds. Each associator here takes picks and returns assignments, a pick and its event per row; `association.score` compares them with the
# truth. An event is *found* when at least 60 % of its picks come from one true event, one to one.


# %%
def gaps_in_time(picks, at_least=7, gap_s=3.0):
    """Assignments: picks with less than ``gap_s`` between neighbours are one event."""
    event = (picks["time"].diff().dt.total_seconds() > gap_s).cumsum()
    return picks.assign(event_id=event)[event.map(event.value_counts()) >= at_least]


def scored(assignments, picks, at_least=7):
    """Score against the truth that the picks carry."""
    noise = picks["event_id"] < 0
    return association.score(assignments, picks[~noise], int(noise.sum()), min_picks=at_least)


baseline = scored(gaps_in_time(picks), picks)
baseline

# %% [markdown]
# F1 is {golden:lesson22.baseline_f1}. With one noise pick on every two true ones there is rarely a pause, and whatever comes between two pauses is called one event.
# A longer or shorter gap moves the failure elsewhere. What is missing is that the picks of an event must fit *one place*.
#
# ## Space partitioning in a picture
#
# An origin has four coordinates: east, north, depth, time. Take one large box of them, and ask which picks an origin *somewhere in it* could
# have sent. From the nearest and the farthest point of the box to a station follow an earliest and a latest arrival. A box that can explain
# fewer picks than we demand holds no event: away with it, and with everything inside. The others are halved, and asked again.

# %%
from course_utils.earth.coordinates import LocalFrame

frame = LocalFrame.around(stations)
sx, sy = frame.to_xy_km(stations["latitude"].to_numpy(), stations["longitude"].to_numpy())
shown = picks.loc[picks["event_id"] >= 0, "event_id"].value_counts().idxmax()
first = picks.loc[picks["event_id"] == shown, "time"].min()
near = picks[picks["time"].between(first - pd.Timedelta("20s"), first + pd.Timedelta("40s"))]
at = stations.set_index("station").index.get_indexer(near["station"])
position = np.stack([sx[at], sy[at], np.zeros(len(at))])
seconds = (near["time"] - first).dt.total_seconds().to_numpy()
speed = np.where(near["phase"] == "P", 6.2, 3.6)  # km/s: a plain Earth will do for a picture


def explained(low, high, tolerance_s=0.5):
    """Number of picks that an origin in each box could have sent; ``low``, ``high``: corners, shape (boxes, 4)."""
    space = range(3)
    nearest = [np.maximum(0, np.maximum(low[:, [k]] - position[k], position[k] - high[:, [k]])) for k in space]
    farthest = [np.maximum(abs(low[:, [k]] - position[k]), abs(high[:, [k]] - position[k])) for k in space]
    earliest = low[:, [3]] + np.linalg.norm(nearest, axis=0) / speed - tolerance_s
    latest = high[:, [3]] + np.linalg.norm(farthest, axis=0) / speed + tolerance_s
    return ((earliest <= seconds) & (seconds <= latest)).sum(axis=1)


def partition(at_least, halvings=21):
    """Boxes left after each halving (low and high corners, picks explained), and how many were asked in all."""
    low = np.array([[sx.mean() - 96, sy.mean() - 96, 0.0, -30.0]])  # km, km, km, s
    high = low + np.array([192, 192, 24, 32])
    left, asked = [], 0
    for _ in range(halvings):
        side = np.argmax((high - low)[0] * [1, 1, 1, 6])  # the longest, a second counting as 6 km
        middle = (low[:, side] + high[:, side]) / 2
        low, high = np.tile(low, (2, 1)), np.tile(high, (2, 1))
        high[: len(middle), side], low[len(middle) :, side] = middle, middle
        counts = explained(low, high)
        asked += len(counts)
        low, high, counts = (column[counts >= at_least] for column in (low, high, counts))
        left.append((low, high, counts))
    return left, asked


levels, asked = partition(at_least=18)
asked_12 = partition(at_least=12)[1]
print(
    f"{len(near)} picks; boxes asked: {asked} with 18 picks demanded, {asked_12} with 12; a full grid of the smallest has {2**21}"
)

# %% tags=["hide-input"] alt="Four maps of the boxes that survive, from few large ones to small ones; with every level the boxes left gather around the true epicenter among the stations, and those that explain the most picks lie on it."
import matplotlib.pyplot as plt
from matplotlib.collections import PatchCollection
from matplotlib.patches import Rectangle

from course_utils.teaching.style import COLOURS

source = events.iloc[int(picks.loc[picks["event_id"] == shown, "source"].iloc[0])]
star = frame.to_xy_km(source["latitude"], source["longitude"])
fig, axes = plt.subplots(2, 2, figsize=(8, 6.8), sharex=True, sharey=True)
for ax, level in zip(axes.flat, (5, 10, 15, 21), strict=True):
    low, high, counts = levels[level - 1]
    order = np.argsort(counts)
    boxes = [Rectangle(low[i, :2], *(high - low)[i, :2]) for i in order]
    patches = PatchCollection(boxes, array=counts[order], cmap="cividis", clim=(18, levels[4][2].max()))
    drawn = ax.add_collection(patches)
    ax.plot(sx, sy, "^", color="white", markeredgecolor="black", markersize=7, label="station")
    ax.plot(
        *star,
        "*",
        color="none",
        markeredgecolor=COLOURS["missed"],
        markeredgewidth=1.5,
        markersize=16,
        label="true epicenter",
    )
    ax.set(title=f"{level} times halved: {len(counts)} boxes left", aspect="equal")
    ax.set(xlim=sx.mean() + np.array([-96, 96]), ylim=sy.mean() + np.array([-96, 96]))
for ax in axes[1]:
    ax.set_xlabel("east (km)")
for ax in axes[:, 0]:
    ax.set_ylabel("north (km)")
axes[0, 0].legend(loc="lower left")
fig.colorbar(drawn, ax=axes, shrink=0.6, label="picks that the box can explain")
plt.show()

# %% [markdown]
# Of the {golden:lesson22.near_picks} picks of this minute we demand 18. Then {golden:lesson22.asked} boxes are looked at, where a full grid has two
# million. Large boxes explain almost anything, so nearly all of them survive the first halvings; the cut comes late. Demand 12 picks, and
# {golden:lesson22.asked_12} boxes are asked, for the same event. Keep this in mind for the run time: it depends on *how many picks a box explains
# by chance*, that is on the rate of picks, on the tolerance, on the size of the network, and on how many picks we demand.
#
# PyOcto does the same with more care: it follows the most promising boxes first, uses travel times of the velocity model, locates the event
# in a box that has become small, takes its picks away, and goes on.
#
# ## First run
#
# `settings_for` derives every number from the network and the velocity model. It is not tuned to a sequence, and each setting says by which
# symptom you would notice that it is wrong. These are the ones you will want to change:

# %%
settings = association.settings_for(stations, velocity)
fields = type(settings).model_fields
names = [
    "min_picks",
    "min_both",
    "model_tolerance_s",
    "pick_tolerance_s",
    "cutoff_km",
    "node_km",
    "min_station_fraction",
]
table = pd.DataFrame(
    {"value": {n: getattr(settings, n) for n in names}, "by symptom": {n: fields[n].description for n in names}}
)
with pd.option_context("display.max_colwidth", None):
    display(table)

# %%
catalog, report = association.associate_with_report(picks, stations, velocity, settings=settings)
print(report)
first_run = scored(catalog.assignments, picks)
gamma = association.associate(picks, stations, velocity, method="gamma")
gamma_run = scored(gamma.assignments, picks)
rows = {"gaps in time": baseline, "PyOcto": first_run, "GaMMA": gamma_run}
names = ["event_recall", "event_precision", "event_f1", "pick_recall", "pick_precision", "noise_assigned"]
pd.DataFrame({name: {n: getattr(s, n) for n in names} for name, s in rows.items()}).T.round(3)

# %% [markdown]
# PyOcto finds {golden:lesson22.found} of {golden:lesson22.wanted} events and calls {golden:lesson22.noise_assigned} of the noise picks part of one; GaMMA (lesson 21) finds {golden:lesson22.gamma_found}. Twenty events: one of them
# more or less moves F1 by 0.025, so do not rank anything on the second decimal. The report says where every pick ended. A pick *left over* is
# not an error: most are the noise. Look at *turned down*: events that the search proposed and that did not keep enough picks of their own,
# once each pick could serve one event only.
#
# ## Where was it lost? Gate by gate
#
# In the real hour of this world the magnitudes are mixed, and most events are small. When somebody asks "why is this earthquake not in your
# catalog?", go through the gates in order. The first mistake is the most common one: a station code that differs between picks and station table.

# %%
import warnings

hour = observe(arrivals, noise=0.3, seed=7)
renamed = hour.assign(station=hour["station"].str.removesuffix("00"))
strict = settings.with_overrides(min_picks=10)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    broken, broken_report = association.associate_with_report(renamed, stations, velocity, settings=strict)
print(*{str(w.message) for w in caught if w.category is UserWarning}, sep="\n")
hour_catalog, hour_report = association.associate_with_report(hour, stations, velocity, settings=strict)
gates = {"location code missing": broken_report, "all codes right": hour_report}
table = pd.DataFrame({name: r.gates.set_index("gate")["picks"] for name, r in gates.items()}).T
table.assign(events=[r.events for r in gates.values()])

# %% [markdown]
# No crash: all {golden:lesson22.hour_picks} picks end at the gate *unknown station*, and the catalog is empty, as on a quiet day. With one station
# misspelled instead of all, it would only be a little poorer. That is why the report counts, and why `associate` warns.
#
# Now the events. Each true event passes the same gates; we count who is still there behind each.


# %%
def gates_of(truth, picks, assignments, settings):
    """For each event of ``truth`` (arrivals), whether it is still there behind each gate."""
    mine = picks[picks["event_id"] >= 0]
    n_visible = truth.groupby("event_id").size()
    n_picked = mine.groupby("event_id").size().reindex(n_visible.index, fill_value=0)
    phases = mine.groupby(["event_id", "station"])["phase"].nunique()
    both = (phases == 2).groupby("event_id").sum().reindex(n_visible.index, fill_value=0)
    found = association.score(assignments, mine).pairs["reference_id"]
    behind = {
        "any visible arrival": n_visible > 0,
        "enough visible arrivals": n_visible >= settings.min_picks,
        "enough of them picked": n_picked >= settings.min_picks,
        "P and S on one station": both >= settings.min_both,
        "found": pd.Series(n_visible.index.isin(found), n_visible.index),
    }
    return pd.DataFrame(behind).cummin(axis=1)


still = gates_of(arrivals, hour, hour_catalog.assignments, strict)
ladder = pd.DataFrame({"events left": still.sum(), "lost here": -still.sum().diff().fillna(0).astype(int)})
ladder

# %% [markdown]
# Of {golden:lesson22.hour_all} events {golden:lesson22.hour_found} are found. {golden:lesson22.lost_visible} never had ten arrivals above the
# noise: no associator can find these, and no setting either, except one that also finds noise. {golden:lesson22.lost_picked} fell below ten because
# the picker overlooked arrivals, and {golden:lesson22.lost_search} had everything and were lost in the search itself. Only these last are the associator's fault. To see
# such losses we need events that crowd each other: four a minute, without any noise.

# %%
fast_truth = sequence(rate_per_hour=240, n_events=20, seed=3)
fast = observe(fast_truth, noise=0, seed=3)
fast_catalog, fast_report = association.associate_with_report(fast, stations, velocity, settings=strict)
fast_still = gates_of(fast_truth, fast, fast_catalog.assignments, strict)
starts = fast_truth.groupby("event_id")["s"].first()
lost = fast_still.index[fast_still["P and S on one station"] & ~fast_still["found"]]
fast_score = scored(fast_catalog.assignments, fast, at_least=10)
print(fast_score)
display(fast_report.turned_down)
event_of_pick = fast_catalog.assignments.set_index("pick_id")["event_id"]
rows = {}
for i in lost:
    mine = fast.loc[fast["event_id"] == i, "pick_id"]
    shared = mine.map(event_of_pick).value_counts()
    next_s = (starts.drop(i) - starts[i]).abs().min()
    rows[i] = {
        "picks": len(mine),
        "most of them in one event": shared.max() if len(shared) else 0,
        "s to the next event": next_s,
    }
pd.DataFrame(rows).T.rename_axis("lost event").round(1)

# %% [markdown]
# {golden:lesson22.fast_lost} of 20 are lost in the search, though not one pick is false. *Most of them in one event* says where their picks went. Many: they were put together with
# picks of a neighbour, so that the event is not 60 % of either. Few or none: nothing proposed for them survived. *Turned down*, a table that may be empty, counts
# proposals that ended in the competition for picks, because another event could claim them with better right or was the same. A proposal that was never made
# appears nowhere: two earthquakes a tenth of a second apart are one for any search that looks for one origin at a time.
#
# We could count gates because we know which pick belongs to whom. For a real earthquake that somebody else has in a catalog, nobody knows. `association.explain` asks the same questions from time and place alone: it predicts the arrivals, looks which picks lie near them, and names the first condition that
# fails. Here for the lost event with the most picks:

# %%
if len(lost):
    i = max(lost, key=lambda i: rows[i]["picks"])
    true = events.iloc[int(fast_truth.loc[fast_truth["event_id"] == i, "source"].iloc[0])]
    expected = {name: true[name] for name in ("latitude", "longitude", "depth_km")}
    expected["time"] = world.start + pd.Timedelta(starts[i], unit="s")
    print(association.explain(expected, fast_catalog, strict, max_dt_s=1.0, max_km=5.0))

# %% [markdown]
# Read the table from the top, the nearest station first: which of its picks are *free*, which belong to another event, where is *none*? The counts above it tell how far it got: near their times, past the gates, not of another event; the last row is what the settings ask for. If it says *found*, then a catalog
# event lies as near in time and place as we allowed, although its picks are mostly not this event's: agreement in time and place is a weaker test than shared picks.

# %% [markdown]
# ## Stress test
#
# How fast may events come, and how much noise may there be? We draw sequences at three rates with three amounts of noise, two seeds each, eight events
# per sequence: every cell of the surface rests on sixteen events. Time is part of the result. Each method is a function from picks to assignments, so
# a further one is a further line.

# %%
import time

methods = {
    "gaps in time": lambda picks: gaps_in_time(picks, at_least=10),
    "PyOcto": lambda picks: association.associate(picks, stations, velocity, settings=strict).assignments,
}
rows = []
for rate in (30, 90, 180):
    for noise in (0, 0.25, 0.5):
        for seed in (1, 2):
            drawn = observe(sequence(rate, n_events=8, seed=seed), noise, seed)
            for name, method in methods.items():
                began = time.process_time()
                s = scored(method(drawn), drawn, at_least=10)
                rows.append((name, rate, noise, seed, s.event_f1, s.pick_f1, len(drawn), time.process_time() - began))
stress = pd.DataFrame(rows, columns=["method", "rate", "noise", "seed", "event_f1", "pick_f1", "picks", "cpu_s"])
stress.groupby(["method", "rate"])[["event_f1", "pick_f1"]].agg(["mean", "min", "max"]).round(2)

# %% tags=["hide-input"] alt="Three tables in colour over event rate and noise. F1 of events for gaps in time, low nearly everywhere; F1 for PyOcto, near one everywhere and lowest at the highest rate with noise; and the processor time of PyOcto per sequence, more than ten times larger in that same corner."
panels = [(name, "event_f1", stress[stress["method"] == name]) for name in methods]
panels.append(("PyOcto: CPU seconds", "cpu_s", stress[stress["method"] == "PyOcto"]))
fig, axes = plt.subplots(1, 3, figsize=(10, 3.6))
for ax, (name, value, part) in zip(axes, panels, strict=True):
    cells = part.groupby(["noise", "rate"])[value]
    mean = part.pivot_table(index="noise", columns="rate", values=value)
    shade, limits = (mean, (0, 1)) if value == "event_f1" else (np.log10(mean), (-1, 1.5))
    ax.imshow(shade, origin="lower", cmap="cividis", vmin=limits[0], vmax=limits[1], aspect="auto")
    for (i, noise), (j, rate) in [(a, b) for a in enumerate(mean.index) for b in enumerate(mean.columns)]:
        both = cells.get_group((noise, rate))
        dark = (shade.loc[noise, rate] - limits[0]) / np.ptp(limits) < 0.5
        ax.text(
            j,
            i,
            f"{mean.loc[noise, rate]:.2f}\n({both.min():.2f}-{both.max():.2f})",
            ha="center",
            va="center",
            color="white" if dark else "black",
            fontsize=8,
        )
    ax.set(title=name if value == "cpu_s" else f"{name}: F1 of events", xlabel="events per hour")
    ax.set_xticks(range(len(mean.columns)), mean.columns)
    ax.set_yticks(range(len(mean.index)), mean.index)
    ax.grid(False)
axes[0].set_ylabel("noise picks per true pick")
plt.show()

# %% [markdown]
# In brackets the two seeds. Gaps in time fail already at moderate rates. PyOcto's F1 is {golden:lesson22.f1_easy} in the easiest corner and {golden:lesson22.f1_hard} in the hardest,
# where rate and noise come together. With eight events in a sequence, one event is about 0.07: this fall is one or two events, and differences between neighbouring
# cells are not results. What stands out is the *time*: the hardest cell costs about {golden:lesson22.cpu_ratio} times the
# easiest, for as many events. When picks come faster a box explains more of them by chance, so more boxes survive. An associator that suddenly "runs for hours"
# tells you about your picks. Then raise `min_picks` (the stress test asks for ten; the default for this network is {golden:lesson22.default_picks}), raise the picker's threshold, or
# lower `cutoff_km`; `threads` only divides.
#
# ```{note}
# These twelve stations, this kit of events from one aftershock zone, noise without clusters. Real false picks come in bursts, on several stations
# when a truck or a teleseism passes. A surface like this ranks settings on *your* network; it does not rank methods for others.
# ```

# %% [markdown]
# One small network and one associator say little of others. `benchmarks/association.py` asks the same question of 100 stations, ten situations and five
# seeds each, with a velocity model that is wrong by 3-5 %; beside PyOcto stand GaMMA (100 events a day only: more takes it too long) and `method="vote"`, an associator of
# our own that lets the picks vote on a coarse grid. Its result is stored.

# %% alt="Two tables of numbers with coloured cells, F1 of events and of picks, for ten situations in rows and four associators in columns. Events: all at or above 0.98 except in dense aftershocks, where all have 0.97 to 0.98. Picks are lowest in dense aftershocks, too."
bench = stored("lesson22_stress")
columns = {
    "PyOcto": ("pyocto", "default"),
    "PyOcto, tuned": ("pyocto", "tuned"),
    "vote": ("vote", "default"),
    "GaMMA": ("gamma", "default"),
}
of_bench = bench.groupby(["method", "settings", "scenario"])[["event_f1", "pick_f1", "cpu_s"]].mean()
order = bench["scenario"].drop_duplicates()
fig, axes = plt.subplots(1, 2, figsize=(9, 4.4), sharey=True)
for ax, measure, title in zip(axes, ("event_f1", "pick_f1"), ("events", "picks"), strict=True):
    cells = pd.DataFrame({name: of_bench.loc[key, measure].reindex(order) for name, key in columns.items()})
    ax.imshow(cells, vmin=0.8, vmax=1.0, cmap="cividis", aspect="auto")
    for (row, column), value in np.ndenumerate(cells.to_numpy()):
        if np.isfinite(value):
            shade = "black" if value > 0.9 else "white"
            ax.text(column, row, f"{value:.3f}", ha="center", va="center", fontsize=8, color=shade)
    ax.set_xticks(range(len(columns)), columns, rotation=30, ha="right")
    ax.set_yticks(range(len(order)), order)
    ax.set_title(f"mean F1 of {title}")
    ax.grid(False)
plt.show()
busy = of_bench["cpu_s"].xs("5000 events a day", level="scenario")
print(
    f"5000 events a day: tuned PyOcto takes {busy['pyocto', 'tuned'] / busy['vote', 'default']:.0f} times the vote's time"
)

# %% [markdown]
# Where events are separate all associators are nearly perfect, and no column can be called better: differences in the third digit are an event or two. Dense aftershocks are the hardest
# ({golden:lesson22.bench_pyocto} for PyOcto, {golden:lesson22.bench_vote} for the vote), and there, too, one event of twenty decides. What differs is the time. Why is the vote not the default, then? It is as good within the scatter, not better; tuned PyOcto is ahead on the real sets
# whose answer is known; and on a real day without a truth nobody can say which of the two is right where they differ.
#
# ## Tuning, and what it is worth
#
# Both methods get the same budget: seven settings each, tried on one hard sequence (180 events per hour, one noise pick on every two). The best by the sum of both F1 and what `settings_for` derives then meet two sequences that neither has seen. Each run takes seconds, all of them minutes; the result is stored.

# %% tags=["skip-execution"]
import itertools

from course_utils.teaching.stored import keep


def grid(**options):
    return [dict(zip(options, values, strict=True)) for values in itertools.product(*options.values())]


grids = {
    "pyocto": [{}, *grid(min_picks=(8, 11, 14), model_tolerance_s=(0.7, 1.0))],
    "gamma": [{}, *grid(min_picks=(8, 11, 14), oversample_factor=(3, 8))],
}


def run(method, setting, seed, part):
    drawn = observe(sequence(180, n_events=10, seed=seed), 0.5, seed)
    found = association.associate(drawn, stations, velocity, method, **setting)
    s = scored(found.assignments, drawn, at_least=10)
    words = ", ".join(f"{name} {value}" for name, value in setting.items()) or "as derived"
    return {
        "method": method,
        "setting": words,
        "seed": seed,
        "event_f1": s.event_f1,
        "pick_f1": s.pick_f1,
        "part": part,
    }


rows = []
for method, settings_tried in grids.items():
    first = [run(method, setting, 41, "tuned on") for setting in settings_tried]
    best = settings_tried[np.argmax([r["event_f1"] + r["pick_f1"] for r in first])]
    rows += first
    for setting in {str(c): c for c in ({}, best)}.values():
        rows += [run(method, setting, seed, "not seen") for seed in (42, 43)]
keep("lesson22_tuning", pd.DataFrame(rows), data="World.lesson(seed=22)")

# %%
tuning = stored("lesson22_tuning")
tuning["f1"] = (tuning["event_f1"] + tuning["pick_f1"]) / 2
means = tuning.pivot_table(index=["method", "setting"], columns="part", values="f1", sort=False)
means["seeds not seen"] = (
    tuning[tuning["part"] == "not seen"]
    .groupby(["method", "setting"])["f1"]
    .apply(lambda values: ", ".join(f"{v:.2f}" for v in values))
)
means.round(2).fillna("")

# %% [markdown]
# Mean of both F1: on the sequence that chose it, PyOcto's best reaches {golden:lesson22.tune_pyocto_first}; on the two sequences not seen it is {golden:lesson22.tune_pyocto_then}, where what `settings_for` derives gets {golden:lesson22.tune_pyocto_default}. For GaMMA none of the six beat what is derived, which gets {golden:lesson22.tune_gamma_first} and then {golden:lesson22.tune_gamma_then}. Three
# things to read before any ranking. The best of seven was chosen by the luck of its sequence too, so look at the unseen seeds only. Ten events per sequence make one event worth 0.05 in F1. And the two unseen seeds of one setting differ by as much as the settings do. So this table does not rank the methods, and it hardly shows that tuning paid; it shows
# how many sequences one would need.
#
# ## Chunks and midnight
#
# A month does not fit into one run. Cut it, and the event at midnight is in two halves. We cut twenty minutes every two minutes, first
# with nothing in common, then giving each piece some seconds of its successor and keeping the events whose *origin* lies in the piece.


# %%
def in_pieces(picks, length_s, overlap_s):
    """Assignments of pieces of ``length_s`` that see ``overlap_s`` more, each keeping the events that begin in it."""
    kept, step = [], pd.Timedelta(length_s, unit="s")
    for start in pd.date_range(picks["time"].min() - pd.Timedelta("30s"), picks["time"].max(), freq=step):
        piece = picks[picks["time"].between(start, start + step + pd.Timedelta(overlap_s, unit="s"), inclusive="left")]
        part = association.associate(piece, stations, velocity, settings=strict)
        begins = part.events.loc[part.events["time"].between(start, start + step, inclusive="left"), "event_id"]
        kept.append(part.assignments[part.assignments["event_id"].isin(begins)])
    return pd.concat(kept)


cuts = {
    "in one run": association.associate(picks, stations, velocity, settings=strict).assignments,
    "cut every 120 s": in_pieces(picks, 120, 0),
    "cut, 60 s of overlap": in_pieces(picks, 120, 60),
}
cut_scores = {name: scored(assignments, picks, at_least=10) for name, assignments in cuts.items()}
pd.DataFrame(
    {
        name: {
            "found": len(s.pairs),
            "of": s.n_reference,
            "further": s.n_events - len(s.pairs),
            "picks recall": s.pick_recall,
        }
        for name, s in cut_scores.items()
    }
).T.round(3)

# %% [markdown]
# Cut, {golden:lesson22.cut_found} events are found instead of {golden:lesson22.whole_found}, and survivors lose picks; with overlap the pieces find {golden:lesson22.overlap_found}.
# Not pick for pick what one run gives: the search meets its boxes in another order, and where events crowd it decides otherwise. How much overlap is needed follows from the network, not from trial: you will compute it in exercise 3.
#
# `associate` does this for you: it works in windows of `slice_s` that lie fixed in absolute time, so that neither the first pick of a file nor midnight is special, gives each a margin of `time_before_s`, keeps the origins that fall into the window, and lets all events compete for all picks at the end. `chunk_s` and `workers` only
# deal the windows out to processes, and the result does not depend on them. What still would: a file that ends at midnight, given without the next day's first minute.
#
# ## Published picks with exact truth
#
# {cite:t}`munchmeyer2024pyocto` tests PyOcto with picks drawn for a network in northern Chile: fifty events in a day, at twenty stations, and noise.
# Here, too, every pick knows its event. We run both methods with what `settings_for` derives, nothing chosen for these data.

# %%
if teaching.real_data():
    from course_utils import data

    chile = data.open("pyocto-picks")
    n_noise = int((chile.picks["truth_event"] < 0).sum())
    proposals = {
        "gaps in time": gaps_in_time(chile.picks),
        "PyOcto": association.associate(chile.picks, chile.stations, chile.velocity).assignments,
    }
    results = {name: association.score(a, chile.assignments, n_noise) for name, a in proposals.items()}
    columns = ["event_recall", "event_precision", "pick_recall", "pick_precision", "noise_assigned"]
    chile_scores = pd.DataFrame(
        [{"method": name, **{c: getattr(s, c) for c in columns}} for name, s in results.items()]
    )
else:
    chile_scores = stored("lesson22_chile")
    print("Stored result of", chile_scores.attrs["date"], "from", chile_scores.attrs["data"])
    print("Run it yourself: COURSE_DATA=real fetches 0.1 MB.")
chile_scores.round(3)

# %% tags=["golden"]
from course_utils.teaching.stored import keep

if teaching.real_data():
    version = "pyocto-picks " + data.dataset("pyocto-picks").version[:7]
    keep("lesson22_chile", chile_scores, data=version, event_recall=0.02, pick_recall=0.02, noise_assigned=0.02)

# %% [markdown]
# PyOcto finds {golden:lesson22.chile_pyocto} of the fifty, the baseline {golden:lesson22.chile_baseline}. A set on which a method makes no mistake has nothing more to tell about it;
# that is what the stress test was for. It is still worth running: a mistake in units, signs or station codes would show at once.
#
# ## Real data: a day of the Central Italy sequence
#
# On 14 October 2016, two weeks before the largest shock of the sequence, PhaseNet made 115,440 picks with probability 0.3 and more at 56 stations. The set
# belongs to the associator REAL {cite}`zhang2019real`. Nobody knows the truth here; what exists is the catalog that the LOC-FLOW workflow {cite}`zhang2022locflow` got from
# the first fifty minutes of the same records. We associate these minutes, with the picks of at least 0.5.

# %%
from course_utils.catalog.matching import match_events

if teaching.real_data():
    italy = data.open("real-demo")
    folder = data.fetch("loc-flow-italy", ["location/hypoinverse/catOut.sum"])
    columns = ["date", "minute", "second", "latitude", "longitude", "depth_km"]
    flow = pd.read_csv(
        folder / "location/hypoinverse/catOut.sum", sep=r"\s+", skiprows=1, header=None, usecols=range(6), names=columns
    )
    flow["time"] = pd.to_datetime(flow["date"] + " " + flow["minute"], utc=True) + pd.to_timedelta(
        flow["second"], unit="s"
    )
    flow = conform(flow[["time", "latitude", "longitude", "depth_km"]], "events")
    early = italy.picks[(italy.picks["probability"] >= 0.5) & (italy.picks["time"] < pd.Timestamp("2016-10-14T00:50Z"))]
    italy_catalog, italy_report = association.associate_with_report(early, italy.stations, italy.velocity)
    print(italy_report)
    italy_stations, minutes = italy.stations, italy_catalog.events
else:
    italy_stations, minutes, flow = (stored(f"lesson22_italy_{name}") for name in ("stations", "events", "flow"))
    print("Stored result of", minutes.attrs["date"], "from", minutes.attrs["data"])
    print("Run it yourself: COURSE_DATA=real fetches 3 MB.")
match = match_events(minutes, flow, max_dt_s=1.5, max_km=5)
print(
    f"{len(minutes)} events; {len(match.matched)} of the {len(flow)} of LOC-FLOW are among them, {len(match.proposed)} are not in its catalog"
)

# %% tags=["golden"]
if teaching.real_data():
    version = "real-demo " + data.dataset("real-demo").version[:7]
    keep("lesson22_italy_stations", italy_stations[["station", "latitude", "longitude", "elevation_m"]], data=version)
    columns = ["event_id", "time", "latitude", "longitude", "depth_km", "rms_s", "azimuthal_gap_deg", "n_p", "n_s"]
    keep("lesson22_italy_events", minutes[columns], data=version, rows=3, latitude=0.02, depth_km=1)
    version = "loc-flow-italy " + data.dataset("loc-flow-italy").version[:7]
    keep("lesson22_italy_flow", flow[["event_id", "time", "latitude", "longitude", "depth_km"]], data=version)

# %% [markdown]
# {golden:lesson22.italy_matched} of {golden:lesson22.italy_flow} are found again within 1.5 s and 5 km; ours has {golden:lesson22.italy_events} events. Are the others real? The
# report cannot say. LOC-FLOW demanded other things of an event than we do, and *not in the reference* is no verdict (lesson 35). What can be said:
# with how many picks do they come?

# %%
new = minutes["event_id"].isin(match.proposed["event_id"])
per_event = minutes["n_p"] + minutes["n_s"]
both = {"in LOC-FLOW": ~new, "not in LOC-FLOW": new}
pd.DataFrame(
    {
        k: {
            "events": rows.sum(),
            "median picks": per_event[rows].median(),
            "with 12 picks or more": (per_event[rows] >= 12).sum(),
        }
        for k, rows in both.items()
    }
).T

# %% [markdown]
# Those that LOC-FLOW has too stand on {golden:lesson22.italy_picks} picks in the median, the others on {golden:lesson22.italy_new_picks}: mostly smaller events, and, with seven picks demanded at eighty picks a minute, some accidents. Whoever uses this catalog should be told which is which, by a grade (lesson 34).
#
# The whole day takes minutes of computing, so the book does not repeat it in every run. The next cell is how it was made; the map below shows
# what came out.

# %% tags=["skip-execution"]
italy = data.open("real-demo")
probable = italy.picks[italy.picks["probability"] >= 0.5]
day = association.associate(probable, italy.stations, italy.velocity, threads=2).events

# %%
from course_utils.teaching.figures.catalogs import catalog_figure, groups
from course_utils.teaching.style import describe

whole_day = stored("lesson22_day")
day = conform(whole_day, "events")
print(f"{len(day)} events from 88,898 picks, computed {whole_day.attrs['date']}")
figure = catalog_figure(italy_stations, groups(day))
dots = {"size": 3, "opacity": 0.5}  # so many that they would hide one another
figure.update_traces(marker=dots, selector=lambda trace: trace.name.startswith("events"))
describe(
    figure,
    "Map of stations and associated events of 14 October 2016 in Central Italy, their depths along longitude, and their numbers of picks "
    "against time: most events form a band from north-north-west to south-south-east along the Apennines, through the whole day.",
)

# %% [markdown]
# {golden:lesson22.day_events} events in a day, one every {golden:lesson22.day_spacing_s} s. They follow the chain of normal faults that broke in August 2016. These origins are made for grouping
# picks: good to a kilometre or so, in a flat Earth of seven layers. Do not interpret lines in this map; locate first (lesson 31).
#
# ## Exercises
#
# ```{exercise} Exercise 1 · At which gate?
# A colleague wants more of the events of our hour (the table of gates, `ladder`). Behind which gate were most of the events lost, and who could
# change that: the associator's settings, the picker, or the network? Answer with the name of the gate, one of the three, and a reason.
# ```

# %%
# solution
answer = {
    "gate": ladder["lost here"].idxmax(),
    "who": "network",
    "reason": "Most events have fewer arrivals above the noise than an event must have. Settings and picker cannot bring back what "
    "the records do not show; only more or quieter stations near the events can.",
}
# end solution
checks.lesson22.gate(answer, ladder)

# %% [markdown]
# ```{exercise} Exercise 2 · Six stations
# Half of the network is gone: six stations are left. The settings in use were written for sixty. Which would you exchange? Give a dictionary with
# `min_picks`, `min_p_picks`, `min_s_picks` and `min_both`. The check runs them on two sequences that you have not seen and asks for an F1 of events
# of at least 0.8 on both, counting true events with six picks or more.
# ```

# %%
six = stations.iloc[:6]


def six_stations(seed):
    drawn = observe(sequence(60, 12, seed), 0.5, seed)
    return drawn[drawn["station"].isin(six["station"])]


def f1_of_six(overrides, seed):
    drawn = six_stations(seed)
    found = association.associate(drawn, six, velocity, **overrides)
    return scored(found.assignments, drawn, at_least=6).event_f1


inherited = {"min_picks": 12, "min_p_picks": 5, "min_s_picks": 5, "min_both": 4}
print(f"settings for sixty stations: F1 {f1_of_six(inherited, seed=3):.2f}")

# %%
# solution
answer = {"min_picks": 6, "min_p_picks": 1, "min_s_picks": 1, "min_both": 1}
# end solution
checks.lesson22.six_stations(answer, f1_of_six)

# %% [markdown]
# ```{exercise} Exercise 3 · Midnight
# An event is kept by the piece in which its origin lies. How many seconds of overlap does the piece need so that no event of the kit can
# lose a pick? Give the smallest such number for `in_pieces`.
# ```

# %%
# solution
answer = max(rows["travel_s"].max() for rows in kit) + 1
# end solution
checks.lesson22.overlap(answer, kit)

# %% [markdown]
# ```{exercise} Exercise 4 · Find the airquakes
# Depths count from sea level, and the stations in Italy stand up to 1.5 km above it. Which events of `day` lie above the ground? Take the elevation
# of the station nearest to the epicenter for the ground. Answer with their `event_id`, as a list.
# ```

# %%
# solution
from course_utils.earth.coordinates import distance_azimuth

latitude, longitude = (day[[c]].to_numpy() for c in ("latitude", "longitude"))
distance, _ = distance_azimuth(
    latitude, longitude, italy_stations["latitude"].to_numpy(), italy_stations["longitude"].to_numpy()
)
ground_km = -italy_stations["elevation_m"].to_numpy()[distance.argmin(axis=1)] / 1000
answer = day.loc[day["depth_km"] < ground_km, "event_id"].tolist()
# end solution
checks.lesson22.airquakes(answer, day, italy_stations)

# %% [markdown]
# ```{exercise} Exercise 5 · What the surface supports
# Which of these sentences does the stress test support? Answer with a list of letters and a reason.
#
# - a: On these picks PyOcto's mean F1 is at least that of gaps in time in every cell.
# - b: PyOcto is the best associator for a network like this one.
# - c: For as many events, PyOcto took more processor time at the highest rate than at the lowest.
# - d: An F1 of 0.93 in one cell and 1.00 in its neighbour shows that the second is easier.
# ```

# %%
# solution
answer = {
    "claims": ["a", "c"],
    "reason": "a and c can be read from the table. b compares with nothing but a baseline, and d rests on one event.",
}
# end solution
checks.lesson22.claims(answer, stress)

# %% tags=["golden"]
from course_utils.teaching import golden


def tuned(method, seeds, setting=None):
    """Mean F1 on some seeds, of the setting that was best on the seed of tuning or of a named one."""
    part = tuning[tuning["method"] == method]
    setting = setting or part.loc[part.loc[part["part"] == "tuned on", "f1"].idxmax(), "setting"]
    return float(part.loc[part["setting"].eq(setting) & part["part"].eq(seeds), "f1"].mean())


mean_f1 = stress.groupby(["method", "rate", "noise"])["event_f1"].mean()["PyOcto"]
mean_cpu = stress.groupby(["method", "rate", "noise"])["cpu_s"].mean()["PyOcto"]
golden.check(
    "lesson22",
    minutes_text="a minute",
    baseline_f1=baseline.event_f1,
    near_picks=len(near),
    asked=asked,
    asked_12=asked_12,
    found=len(first_run.pairs),
    gamma_found=len(gamma_run.pairs),
    bench_pyocto=float(of_bench.loc[("pyocto", "default", "aftershocks"), "event_f1"]),
    bench_vote=float(of_bench.loc[("vote", "default", "aftershocks"), "event_f1"]),
    tune_pyocto_first=tuned("pyocto", "tuned on"),
    tune_pyocto_then=tuned("pyocto", "not seen"),
    tune_pyocto_default=tuned("pyocto", "not seen", "as derived"),
    tune_gamma_first=tuned("gamma", "tuned on"),
    tune_gamma_then=tuned("gamma", "not seen"),
    wanted=first_run.n_reference,
    noise_assigned=first_run.noise_assigned,
    hour_picks=len(hour),
    hour_all=len(still),
    hour_found=int(still["found"].sum()),
    lost_visible=int(ladder.loc["enough visible arrivals", "lost here"]),
    lost_picked=int(ladder.loc["enough of them picked", "lost here"]),
    lost_search=int(ladder.loc[["P and S on one station", "found"], "lost here"].sum()),
    fast_lost=len(lost),
    f1_easy=mean_f1[(30, 0.0)],
    f1_hard=mean_f1[(180, 0.5)],
    cpu_ratio=mean_cpu[(180, 0.5)] / mean_cpu[(30, 0.0)],
    default_picks=settings.min_picks,
    cut_found=len(cut_scores["cut every 120 s"].pairs),
    overlap_found=len(cut_scores["cut, 60 s of overlap"].pairs),
    whole_found=len(cut_scores["in one run"].pairs),
    chile_baseline=round(50 * chile_scores.set_index("method").loc["gaps in time", "event_recall"]),
    chile_pyocto=round(50 * chile_scores.set_index("method").loc["PyOcto", "event_recall"]),
    italy_events=len(minutes),
    italy_flow=len(flow),
    italy_matched=len(match.matched),
    italy_picks=float(per_event[~new].median()),
    italy_new_picks=float(per_event[new].median()),
    day_events=len(day),
    day_spacing_s=86400 / len(day),
)

# %% [markdown]
# ## Recap
#
# - Association asks which origins explain many picks; boxes of space and time that explain too few are thrown away early.
# - Demanding more picks makes the search faster and the catalog smaller; both follow from the same counting.
# - Settings follow from the network. Change them by symptom, one at a time, on picks whose truth you know.
# - A missed event has a gate. Most were lost before the associator began.
# - Rate and noise together cost some events and very much computing time. Watch both.
# - Overlap of pieces is a travel time, and an event belongs to the piece of its origin.
#
# ## What's next
#
# Lesson 25 associates the picks of day 1, and counts. Lesson 31 locates what was associated here.
#
# **References**: {cite:t}`munchmeyer2024pyocto` for PyOcto and its benchmark; {cite:t}`zhang2019real` for REAL and the picks; {cite:t}`zhang2022locflow` for the catalog;
# {cite:t}`zhu2019phasenet` for the picker; {cite:t}`zhu2022gamma` for another way to associate.
