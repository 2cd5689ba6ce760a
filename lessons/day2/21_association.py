# %% [markdown]
# # 21 · Association: the problem, and GaMMA
#
# A {term}`pick` says that a wave arrived, not whose wave it was. {term}`Association <association>` decides which picks belong together. By eye this
# looks easy, because we are shown examples with one earthquake at a time. In an aftershock sequence there are three on the way at any moment. This lesson first shows what
# makes the problem hard, then solves it with an idea that you can write down yourself, a *mixture*, and then hands it to the program that was built on this idea, GaMMA
# {cite}`zhu2022gamma`.
#
# **You will be able to**
#
# - say why neither trying everything nor clustering in time can work;
# - see in a {term}`moveout` whether picks belong together, and what a wrong place does to it;
# - write the two steps of a mixture model, and watch them find earthquakes;
# - run GaMMA, and change its settings by symptom;
# - judge an automatic catalog against a reference without being fooled by luck.
#
# **Before**: lesson 01; what a Gaussian is.
#
# **Time to learn**: 60 minutes. It runs in about {golden:lesson21.minutes_text} on two cores.

# %% [markdown]
# ## Picks with a truth
#
# We take the true arrivals of a synthetic hour, those that rise above the noise, and make picks of them as a picker would: one in ten is overlooked, times are off by a tenth of a second, and some picks
# belong to no earthquake. The hour has about one event per minute. With `squeeze=3` the clock between the events runs three times faster, while every wave still takes the
# time it takes: so we can choose how crowded it is.

# %%
import numpy as np
import pandas as pd

from course_utils import association
from course_utils.catalog.tables import conform
from course_utils.synthetic import World

world = World.lesson(seed=21)
stations, velocity = world.stations, world.velocity
events = world.truth.events
arrivals = world.truth.arrivals.merge(events[["event_id", "time"]], on="event_id", suffixes=("", "_origin"))
arrivals = arrivals[arrivals["visible"]]


def draw(squeeze, noise, seed, minutes):
    """Picks of the first ``minutes``, and ``noise`` times as many that belong to no event (event_id -1)."""
    rng = np.random.default_rng(seed)
    waited = (arrivals["time_origin"] - world.start) / squeeze
    rows = arrivals.assign(time=world.start + waited + (arrivals["time"] - arrivals["time_origin"]))
    rows = rows[waited.between(pd.Timedelta(0), pd.Timedelta(minutes, "min")) & (rng.random(len(rows)) < 0.9)]
    error_s = rng.normal(0, np.where(rows["phase"] == "P", 0.08, 0.15))
    rows = rows.assign(time=rows["time"] + pd.to_timedelta(error_s, unit="s"))
    rows["amplitude"] = rows["amplitude_m_s"] * 10 ** rng.normal(0, 0.15, len(rows))
    n, span = round(noise * len(rows)), rows["time"].max() - rows["time"].min()
    stray = pd.DataFrame({"event_id": -1, "time": rows["time"].min() + rng.random(n) * span})
    stray["station"], stray["phase"] = rng.choice(stations["station"], n), rng.choice(["P", "S"], n)
    stray["amplitude"] = rng.choice(rows["amplitude"], n)
    picks = pd.concat([rows, stray]).sort_values("time").assign(amplitude_unit="m/s")
    return conform(picks[["station", "phase", "time", "amplitude", "amplitude_unit", "event_id"]], "picks")


crowd = draw(squeeze=3, noise=0.25, seed=1, minutes=10)
seconds = (crowd["time"] - world.start).dt.total_seconds()
minute = crowd[seconds.between(95, 200)]
print(f"{len(minute)} picks in 105 s; {(minute['event_id'] < 0).sum()} are noise")

# %% tags=["hide-input"] alt="Two panels of the same 90 picks against time, one row per station. Above all picks are grey and no group can be told from another; below they are coloured by their true event: seven events whose picks overlap in time, with noise crosses between them."
import matplotlib.pyplot as plt

from course_utils.earth.coordinates import LocalFrame
from course_utils.teaching.style import COLOURS, CYCLE

frame = LocalFrame.around(stations)
sx, sy = frame.to_xy_km(stations["latitude"].to_numpy(), stations["longitude"].to_numpy())
row_of = pd.Series(np.argsort(np.argsort(np.hypot(sx + 5, sy))), stations["station"])  # nearest to the cluster below
wanted = minute.loc[minute["event_id"] >= 0, "event_id"].unique()
looks = dict(
    zip(wanted, zip([c for c in CYCLE if c != COLOURS["noise"]] * 2, "osD^vPX*hos", strict=False), strict=False)
)
fig, axes = plt.subplots(2, 1, figsize=(8, 6.4), sharex=True)
axes[0].plot(seconds[minute.index], minute["station"].map(row_of), "o", color="#555555", markersize=5)
for event, picks in minute.groupby("event_id"):
    colour, marker = looks.get(event, (COLOURS["noise"], "x"))
    size = 4 if event < 0 else 6
    axes[1].plot(seconds[picks.index], picks["station"].map(row_of), marker, color=colour, markersize=size, ls="")
axes[0].set_title("What the associator gets")
axes[1].set(title="What is true: one look per event, grey crosses are noise", xlabel="seconds")
for ax in axes:
    ax.set_yticks(range(len(row_of)), [name.split(".")[1] for name in row_of.sort_values().index], fontsize=8)
plt.show()

# %% [markdown]
# ## Trying everything
#
# Every way to sort picks into groups is a *partition* of the set. How many are there? The Bell numbers count them, and a triangle of sums computes them.


# %%
def partitions(n):
    """Number of ways to sort n things into groups (Bell's triangle)."""
    row = [1]
    for _ in range(n - 1):
        below = [row[-1]]
        for value in row:
            below.append(below[-1] + value)
        row = below
    return row[-1]


print({n: f"{partitions(n):.1e}" for n in (5, 10, 30, len(minute))})

# %% [markdown]
# For the {golden:lesson21.near} picks of the figure that is a number with {golden:lesson21.digits} digits. Nobody will ever try them all, and no computer either. So every associator uses a shortcut,
# and what it cannot find is decided by its shortcut.
#
# ## The first shortcut: clusters in time
#
# Picks of one event come close together. Two baselines make clusters of that: a new event after every pause, and DBSCAN {cite}`ester1996dbscan`, which joins picks whose neighbours are near in time *and* near in space
# (distance over the speed of P). Neither knows where an earthquake might be. To be fair to them we try eight widths each and **keep the best, chosen with the truth**, which no user has.
# An event is *found* when at least 60 % of its picks come from one true event, one to one.

# %%
from sklearn.cluster import DBSCAN


def grouped(picks, label, at_least=8):
    """Assignments: picks with the same label are one event, unless they are fewer than ``at_least``."""
    label = pd.Series(label, picks.index)
    return picks.assign(event_id=label)[(label >= 0) & (label.map(label.value_counts()) >= at_least)]


def pauses(picks, width_s):
    return grouped(picks, (picks["time"].diff().dt.total_seconds() > width_s).cumsum())


def dbscan(picks, width_s):
    at = picks["station"].map(pd.Series(range(len(stations)), stations["station"])).to_numpy()
    t = (picks["time"] - picks["time"].min()).dt.total_seconds()
    return grouped(picks, DBSCAN(eps=width_s, min_samples=4).fit_predict(np.column_stack([t, sx[at] / 6, sy[at] / 6])))


def scored(assignments, picks):
    """Score against the truth that the picks carry; true events with fewer than eight picks need not be found."""
    noise = picks["event_id"] < 0
    return association.score(assignments, picks[~noise], int(noise.sum()), min_picks=8)


rows = []
for squeeze in (1, 3, 10):
    drawn = draw(squeeze, noise=0.25, seed=1, minutes=60 / squeeze)
    for method in (pauses, dbscan):
        best = max((scored(method(drawn, w), drawn) for w in (0.5, 1, 1.5, 2, 3, 5, 8, 12)), key=lambda s: s.event_f1)
        rows.append((f"{squeeze} events per minute", method.__name__, best.event_f1))
clusters = pd.DataFrame(rows, columns=["crowd", "method", "best F1"]).pivot_table(index="crowd", columns="method")
clusters.round(2).sort_index(key=lambda names: names.str.split().str[0].astype(int))

# %% [markdown]
# At one event per minute the better of the two reaches {golden:lesson21.cluster_slow}: a quiet network can live with that. At three per minute it is {golden:lesson21.cluster_three}, at ten
# {golden:lesson21.cluster_fast}. No width helps. The waves of one event need half a minute across the network, so from about two events per minute on there is always one on the way, and its picks lie *between* those of the next. What time
# alone cannot tell, place can.
#
# ## Moveout
#
# Assume a source, and take the travel time from each pick to its station away. If the source is right, all that remains is the origin time, the same for all: **the picks line up**. If the source is wrong, near stations come out too
# early and far ones too late, or one side against the other. Move the source with the slider, from west to east through the network. Look for the moment when picks fall into one line; then look how many others stay where they are.

# %%
from course_utils.earth.traveltime import TravelTimes

tables = TravelTimes.build(stations, velocity, max_distance_km=250, max_depth_km=40)


def arrays(picks):
    """Seconds, station numbers and phases of picks."""
    t = (picks["time"] - world.start).dt.total_seconds().to_numpy()
    return t, tables.index(picks["station"]), picks["phase"].to_numpy()


def predicted(where, at, phase):
    """Travel times and their slopes to east and north, shape (sources, picks); ``where``: time, east, north, depth."""
    dx, dy = where[:, [1]] - sx[at], where[:, [2]] - sy[at]
    distance = np.hypot(dx, dy) + 1e-6
    times, slope = np.empty((2, *distance.shape))
    for name in "PS":
        own = phase == name
        depth = np.broadcast_to(where[:, [3]], distance.shape)[:, own]
        times[:, own], slope[:, own], _ = tables.times_and_slopes(name, at[own], distance[:, own], depth)
    return times, slope * dx / distance, slope * dy / distance


t, at, phase = arrays(minute)
largest = events.set_index("event_id").loc[minute["event_id"].value_counts().drop(-1).idxmax()]
x0, y0 = frame.to_xy_km(largest["latitude"], largest["longitude"])
path = np.column_stack([np.zeros(33), x0 + np.arange(-48, 49, 3), np.full(33, y0), np.full(33, largest["depth_km"])])
origin = t - predicted(path, at, phase)[0]  # what remains of each pick, shape (sources, picks)
lined_up = np.array([(np.abs(o[:, None] - o) < 0.4).sum(axis=1).max() for o in origin])

# %% tags=["hide-input"]
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from course_utils.teaching.style import describe

BUTTON = {"bgcolor": "#dddddd", "bordercolor": "#888888"}


def animated(figure, frames, names, title, play_ms, frame_at):
    """A figure that moves: with a slider, and a button if ``play_ms`` says how fast."""
    figure.frames = frames
    still = {"mode": "immediate", "frame": {"duration": 0, "redraw": False}, "transition": {"duration": 0}}
    steps = [{"method": "animate", "label": n, "args": [[n], still]} for n in names]
    figure.update_layout(
        height=760,
        hovermode="closest",
        margin={"b": 130},
        sliders=[
            {
                "steps": steps,
                "active": frame_at,
                "currentvalue": {"prefix": title},
                "pad": {"t": 60},
                "x": 0.22 if play_ms else 0,
                "len": 0.78 if play_ms else 1,
                "ticklen": 0,
                "minorticklen": 0,
                **BUTTON,
                "font": {"color": "rgba(0,0,0,0)", "size": 1},
            }
        ],
    )
    figure.layout.sliders[0].currentvalue.font = {"size": 13, "color": "#888888"}
    if play_ms:
        go_on = {"frame": {"duration": play_ms, "redraw": False}, "fromcurrent": True, "transition": {"duration": 0}}
        buttons = [{"label": "Play", "method": "animate", "args": [None, go_on]}]
        buttons.append({"label": "Stop", "method": "animate", "args": [[None], still]})
        menu = {"type": "buttons", "buttons": buttons, "showactive": False, "x": 0, "y": 0, "pad": {"t": 55}, **BUTTON}
        figure.update_layout(updatemenus=[{**menu, "xanchor": "left", "yanchor": "top", "direction": "down"}])
    return figure


def panels(lower_x, lower_y, reach_km):
    """A map of the stations, and an empty panel below."""
    figure = make_subplots(2, 1, vertical_spacing=0.13)
    look = {"symbol": "triangle-up-open", "size": 9, "color": "#888888"}
    codes = [name.split(".")[1] for name in stations["station"]]
    figure.add_scatter(x=sx, y=sy, mode="markers", marker=look, name="station", text=codes, hoverinfo="text")
    figure.update_xaxes(title="east (km)", title_standoff=4, range=[-reach_km, 0.9 * reach_km], row=1, col=1)
    figure.update_yaxes(title="north (km)", range=[-0.8 * reach_km, reach_km], row=1, col=1)
    figure.update_xaxes(title=lower_x, title_standoff=4, row=2, col=1)
    figure.update_yaxes(title=lower_y, row=2, col=1)
    return figure


figure = panels("pick minus travel time, seconds (true origin at 0)", "distance (km)", 65)
groups = {
    "P of the event": (minute["event_id"] == largest.name) & (phase == "P"),
    "S of the event": (minute["event_id"] == largest.name) & (phase == "S"),
    "other picks": minute["event_id"] != largest.name,
}
looks = [("circle", COLOURS["P"], 9), ("square", COLOURS["S"], 9), ("x-thin-open", "#888888", 7)]
true_s = (largest["time"] - world.start).total_seconds() / 3
middle = len(path) // 2
start_at = 3


def moved(i):
    far = np.hypot(path[i, 1] - sx[at], path[i, 2] - sy[at])
    out = [go.Scatter(x=[path[i, 1]], y=[path[i, 2]])]
    return out + [
        go.Scatter(x=(origin[i] - true_s)[g.to_numpy()].round(2), y=far[g.to_numpy()].round(1)) for g in groups.values()
    ]


source, *rest = moved(start_at)
figure.add_scatter(
    x=path[:, 1],
    y=path[:, 2],
    mode="lines",
    line={"color": "#888888", "dash": "dot"},
    showlegend=False,
    hoverinfo="skip",
)
marker = {"symbol": "star", "size": 16, "color": COLOURS["proposed"]}
figure.add_scatter(x=source.x, y=source.y, mode="markers", marker=marker, name="assumed source")
for (name, _), (symbol, colour, size), now in zip(groups.items(), looks, rest, strict=True):
    marker = {"symbol": symbol, "color": colour, "size": size, "line": {"width": 1.5}}
    figure.add_scatter(x=now.x, y=now.y, mode="markers", marker=marker, name=name, hoverinfo="skip", row=2, col=1)
figure.update_xaxes(range=[-15, 15], row=2, col=1)
figure.update_yaxes(range=[0, 115], row=2, col=1)
names = [f"{x - x0:+.0f} km, {n} picks in line" for x, n in zip(path[:, 1], lined_up, strict=True)]
frames = [go.Frame(name=n, data=moved(i), traces=[2, 3, 4, 5]) for i, n in enumerate(names)]
describe(
    animated(figure, frames, names, "east of true epicenter: ", None, start_at),
    "A map of twelve stations with an assumed source that a slider moves from west to east, and below it the picks, each minus its travel time from there, against distance. "
    "Only when the source stands at the true epicenter do the P and S picks of one event fall onto one vertical line; the other picks stay scattered.",
)

# %% [markdown]
# At the true epicenter {golden:lesson21.lined_up} picks lie within 0.4 s of each other. Six kilometres beside it there are {golden:lesson21.lined_up_6}; at the ends of the path never more than {golden:lesson21.lined_up_ends}, and those are **luck**: with so many
# picks some always agree. All association is this one trade: demand few picks in line and you gather accidents, demand many and you lose small events. Notice also that P and S pull against each other. P alone would move
# with the source and still look fairly straight; it is the two together that fix it.
#
# Searching all places and times for lines is what PyOcto does cleverly (lesson 22). GaMMA goes another way: it lets the sources *come to the picks*.
#
# ## A mixture by hand: origin times only
#
# Suppose for now that we know the place: all events in the middle of the cluster, 15 km deep. Then each pick votes for one origin time, `vote`, and those of one event vote nearly alike. A **{term}`mixture <mixture model>`** describes the votes as
# a sum of K Gaussian heaps (one per event, with mean, width and share) and a flat carpet (the noise). Neither the heaps nor the membership of picks are known, but each would be easy if we knew the other. So guess, and alternate:
#
# - **E-step**: given the heaps, how much does each pick belong to each of them? (*Responsibility*: the heap's density at the pick over the sum of all.)
# - **M-step**: given the responsibilities, where are the heaps? (Weighted mean, weighted width, sum of weights.)
#
# That is *expectation maximisation* {cite}`dempster1977em`. Each round makes the picks more probable under the model, until nothing moves.


# %%
def e_step(residual, sigma, share, span):
    """Responsibility of each heap and, last, of the noise for each pick, shape (heaps + 1, picks); log-likelihood."""
    density = np.exp(-0.5 * (residual / sigma[:, None]) ** 2) / (sigma[:, None] * np.sqrt(2 * np.pi))
    joint = share[:, None] * np.vstack([density, np.full(residual.shape[1], 1 / span)])
    return joint / joint.sum(axis=0), np.log(joint.sum(axis=0)).sum()


vote = t - predicted(np.array([[0, -5, 0, 15.0]]), at, phase)[0][0]
K, span = 8, np.ptp(t)
mean = np.quantile(t, np.linspace(0, 1, K + 2)[1:-1]) - 8
sigma, share = np.full(K, 6.0), np.full(K + 1, 1 / (K + 1))
history = []
for _ in range(60):
    belongs, loglike = e_step(vote - mean[:, None], sigma, share, span)
    history.append(loglike)
    share, weight = belongs.mean(axis=1), belongs[:K]
    mean = (weight * vote).sum(axis=1) / weight.sum(axis=1)
    spread = np.sqrt((weight * (vote - mean[:, None]) ** 2).sum(axis=1) / weight.sum(axis=1))
    sigma = np.maximum(spread, 0.25)
print("log-likelihood:", *np.round(history[::10]), "->", round(history[-1]))

# %% tags=["hide-input"] alt="Histogram of the origin times that the picks vote for, with the density of the fitted mixture as a line and the true origin times as triangles: tall narrow heaps stand at the larger events, one or two heaps are broad and catch what is left over."
grid = np.linspace(85, 195, 1500)
curve = e_step(grid - mean[:, None], sigma, share, span)
density = share[:K, None] * np.exp(-0.5 * ((grid - mean[:, None]) / sigma[:, None]) ** 2) / (sigma[:, None] * 2.507)
fig, ax = plt.subplots(figsize=(8, 3.4))
ax.hist(vote, bins=np.arange(85, 196, 1), color="#bbbbbb", label="picks, by the origin time they vote for")
ax.plot(
    grid, len(vote) * (density.sum(axis=0) + share[K] / span), color=COLOURS["proposed"], label="mixture and carpet"
)
origins = arrivals.groupby("event_id")["time_origin"].first()
origins = (origins - world.start).dt.total_seconds() / 3
n_seen = minute["event_id"].value_counts().drop(-1)
ax.plot(
    origins[n_seen.index],
    np.full(len(n_seen), -0.7),
    "^",
    color=COLOURS["truth"],
    clip_on=False,
    label="true origin time",
)
ax.set(xlabel="seconds", ylabel="picks per second", xlim=(85, 195), ylim=(-1.2, None))
ax.legend(loc="upper left", fontsize=8)
plt.show()

# %% [markdown]
# The heaps found the larger events. But even the best have a width of about {golden:lesson21.width_1d} s, five times the picking error: the events are *not* all in the middle of the cluster. Wide heaps swallow neighbours and noise.
#
# ## Let the places move
#
# So give each heap a place. Its prediction for a pick is now origin time plus travel time *from its own place*, and the M-step moves time, east and north together: a weighted least-squares step with the slopes of the travel
# times, which is nothing but the classic way to locate an earthquake. The E-step stays as it is.


# %%
def m_step(where, belongs, data, narrowest_s):
    """Move each source by one weighted least-squares step in time, east and north; new widths."""
    t, *picked = data
    times, east, north = predicted(where, *picked)
    residual = t - where[:, [0]] - times
    for k, weight in enumerate(belongs[:-1]):
        if weight.sum() > 4:  # a source with less cannot be located
            rows = np.column_stack([np.ones(len(t)), east[k], north[k]])
            normal = (rows * weight[:, None]).T @ rows + np.diag([0, 0.01, 0.01])
            step = np.linalg.solve(normal, (rows * weight[:, None]).T @ residual[k])
            where[k, :3] += np.clip(step, -15, 15)
            where[k, 1:3] = np.clip(where[k, 1:3], -50, 50)
    left = t - where[:, [0]] - predicted(where, *picked)[0]
    spread = (belongs[:-1] * left**2).sum(axis=1) / np.maximum(belongs[:-1].sum(axis=1), 1e-9)
    return np.maximum(np.sqrt(spread), narrowest_s)


def mixture(data, K, sigma_s=6.0, narrowest_s=0.25, rounds=24):
    """Sources, widths, responsibilities and log-likelihood after each round, from K sources in the middle."""
    t, span = data[0], np.ptp(data[0])
    begin = np.quantile(t, np.linspace(0, 1, K + 2)[1:-1]) - 8
    where = np.column_stack([begin, np.zeros((K, 2)), np.full(K, 15.0)])
    sigma, share, states = np.full(K, float(sigma_s)), np.full(K + 1, 1 / (K + 1)), []
    for _ in range(rounds):
        residual = t - where[:, [0]] - predicted(where, *data[1:])[0]
        belongs, loglike = e_step(residual, sigma, share, span)
        states.append((where.copy(), sigma.copy(), belongs, loglike))
        share = belongs.mean(axis=1)
        sigma = m_step(where, belongs, data, narrowest_s)
    return states


states = mixture((t, at, phase), K=8)
where, sigma, belongs, _ = states[-1]
owner = belongs.argmax(axis=0)
table_of_sources = pd.DataFrame(
    {"origin_s": where[:, 0], "east_km": where[:, 1], "north_km": where[:, 2], "sigma_s": sigma}
)
table_of_sources["picks"] = [(owner == k).sum() for k in range(8)]
true_event = minute["event_id"].to_numpy()
for k in range(8):
    mine = pd.Series(true_event[owner == k])
    table_of_sources.loc[k, "of one event"] = mine[mine >= 0].value_counts().max() if (mine >= 0).any() else 0
table_of_sources.sort_values("origin_s").round(2)

# %% tags=["hide-input"]
SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "hexagon", "star"]
SHADES = [*[c for c in CYCLE if c != COLOURS["noise"]], "#994F00", "#9F6BD6"]
near_first = np.hypot(sx + 5, sy)[at]


def state(i):
    where, sigma, belongs, _ = states[i]
    owner, sure = belongs.argmax(axis=0), belongs.max(axis=0)
    size = 8 + 1.0 * belongs[:8].sum(axis=1)
    text = [f"{n:.0f} picks, width {s:.1f} s" for n, s in zip(belongs[:8].sum(axis=1), sigma, strict=True)]
    of_pick = {
        "color": [[*SHADES, "#888888"][k] for k in owner],
        "symbol": [[*SYMBOLS, "x-thin-open"][k] for k in owner],
        "opacity": (0.25 + 0.75 * sure**2).round(2),
        "size": 9,
        "line": {"width": 1.5, "color": [[*SHADES, "#888888"][k] for k in owner]},
    }
    marker = {"size": size.round(1), "color": SHADES, "symbol": SYMBOLS, "opacity": 0.85}
    return [
        go.Scatter(x=where[:, 1].round(1), y=where[:, 2].round(1), marker=marker, text=text),
        go.Scatter(x=t.round(2), y=near_first.round(1), marker=of_pick),
    ]


figure = panels("seconds", "distance from the cluster (km)", 28)
seen = events.set_index("event_id").loc[n_seen.index[n_seen >= 6]]
ex, ey = frame.to_xy_km(seen["latitude"].to_numpy(), seen["longitude"].to_numpy())
marker = {"symbol": "star-open", "size": 15, "color": COLOURS["truth"], "line": {"width": 1.5}}
sources, dots = state(0)
figure.add_scatter(
    x=sources.x,
    y=sources.y,
    mode="markers",
    marker=sources.marker,
    text=sources.text,
    hoverinfo="text",
    name="source of the mixture, larger with more picks",
)
figure.add_scatter(x=ex, y=ey, mode="markers", marker=marker, name="true epicenter (6 picks or more)", hoverinfo="skip")
figure.add_scatter(
    x=dots.x,
    y=dots.y,
    mode="markers",
    marker=dots.marker,
    name="pick",
    showlegend=False,
    hoverinfo="skip",
    row=2,
    col=1,
)
names = [f"{i}, log-likelihood {s[3]:.0f}" for i, s in enumerate(states)]
frames = [go.Frame(name=n, data=state(i), traces=[1, 3]) for i, n in enumerate(names)]
describe(
    animated(figure, frames, names, "round ", 500, 0),
    "A map with eight mixture sources and the true epicenters, and below it the picks against time and distance, with the look of the source they belong to most. At first all sources "
    "sit in the middle and every pick is undecided and faint; over the rounds some sources walk to true epicenters and gather a fan of picks, one loses all of its picks, and what is left becomes noise.",
)

# %% [markdown]
# Press *Play*. In round 0 all sources sit in the same place and only the clock divides the picks; nothing is certain, so all are faint. Then a source that happens to stand near many consistent picks gets narrower, which makes it *more* certain of
# these and lets the others go. After {golden:lesson21.rounds} rounds {golden:lesson21.narrow} sources are narrow, with {golden:lesson21.pure} picks of one and the same event. Another stays wide: it holds noise and the
# few picks of an event too small to win a place. One has lost all its picks: there was a source too many. And what no source can explain has become noise.
#
# Three weaknesses can be seen here, and GaMMA has an answer to each of them:
#
# | weakness | GaMMA's answer |
# |---|---|
# | How many sources? Too few share events, too many split them | more than needed (`oversample_factor`), and a *Bayesian* mixture that empties those it can do without |
# | It depends on where the sources start | it starts them at picks, within groups that DBSCAN has made |
# | Every source takes what is left over, however wide | afterwards, sources with few picks or wide residuals are dropped (`min_picks`, `max_residual_s`) |
#
# ## GaMMA
#
# Here it runs behind the same interface as PyOcto, with the course's travel times, a fixed seed, and the same clean-up behind: in the end each pick belongs to one event.

# %%
settings = association.settings_for(stations, velocity, method="gamma", min_picks=8)
some = draw(squeeze=3, noise=0.25, seed=1, minutes=4)
catalog, report = association.associate_with_report(some, stations, velocity, method="gamma", settings=settings)
print(report)
first = {
    "pauses, best width": max((scored(pauses(some, w), some) for w in (0.5, 1, 2, 3)), key=lambda s: s.event_f1),
    "PyOcto": scored(association.associate(some, stations, velocity, min_picks=8).assignments, some),
    "GaMMA": scored(catalog.assignments, some),
}
names = ["event_recall", "event_precision", "event_f1", "pick_recall", "pick_precision", "noise_assigned"]
pd.DataFrame({name: {n: getattr(s, n) for n in names} for name, s in first.items()}).T.round(2)

# %% [markdown]
# GaMMA finds {golden:lesson21.gamma_found} of {golden:lesson21.wanted} events, PyOcto {golden:lesson21.pyocto_found}, the pauses {golden:lesson21.pauses_found}. With so few events this ranks nothing: one event is {golden:lesson21.one_event} in recall. It does show that place is what was missing.
#
# ## Parameters by symptom
#
# The defaults follow from the network. Change one at a time, when you see the symptom:

# %%
fields = type(settings).model_fields
names = ["oversample_factor", "max_residual_s", "dbscan_eps_s", "min_picks", "pick_tolerance_s", "use_amplitude"]
table = pd.DataFrame(
    {"value": {n: getattr(settings, n) for n in names}, "by symptom": {n: fields[n].description for n in names}}
)
with pd.option_context("display.max_colwidth", None):
    display(table)

# %% [markdown]
# What do they do? Each row below is one change of one setting, on the same picks:

# %%
changes = {
    "as derived": {},
    "one source per event": {"oversample_factor": 1},
    "half the reach in time": {"dbscan_eps_s": round(settings.dbscan_eps_s / 2, 1)},
    "a third of the tolerance": {"pick_tolerance_s": round(settings.pick_tolerance_s / 3, 2)},
    "amplitudes too": {"use_amplitude": True},
}
tried = {}
for name, change in changes.items():
    changed = settings.with_overrides(**change)
    found = association.associate(some, stations, velocity, method="gamma", settings=changed)
    s = scored(found.assignments, some)
    tried[name] = {"found": len(s.pairs), "further": s.n_events - len(s.pairs), "pick recall": s.pick_recall}
    tried[name] |= {"pick precision": s.pick_precision, "merged": s.merged}
pd.DataFrame(tried).T.round(2)

# %% [markdown]
# One setting stands out. `dbscan_eps_s` decides which picks may ever meet in one mixture; too small, and an event is in pieces before the mixture begins ({golden:lesson21.half_eps} of {golden:lesson21.wanted} found). It counts time *plus* P time
# between stations, so it must grow with the distance between stations: whoever copies a value from another network copies its spacing.
#
# *Amplitudes too* adds a second axis to the mixture: the logarithm of the amplitude, which must decay with distance as for one magnitude. It can tell a small event from a large one that comes at the same moment. It needs ground velocity in m/s for every pick,
# so a wrong gain at one station costs this station. Our picks carry true amplitudes with a scatter of a factor 1.4, our noise picks the amplitude of a random arrival; so do not carry the effect seen here over to your network.
#
# ## Rising noise
#
# A picker with a lower threshold finds smaller earthquakes, and more picks that are none. What does the associator do then? The next cell is the whole experiment, {golden:lesson21.seeds} seeds; as it takes some minutes on one core, its result is stored. The cell after it repeats one column of it, so
# that you see that the stored numbers are what this page computes.

# %%
methods = {
    "pauses of 1 s": lambda picks: pauses(picks, 1.0),
    "PyOcto": lambda picks: association.associate(picks, stations, velocity, min_picks=8).assignments,
    "GaMMA": lambda picks: association.associate(picks, stations, velocity, "gamma", min_picks=8).assignments,
}
methods["GaMMA, amplitudes"] = lambda picks: (
    association.associate(picks, stations, velocity, "gamma", min_picks=8, use_amplitude=True).assignments
)


def trial(seed, noise):
    drawn = draw(squeeze=3, noise=noise, seed=seed, minutes=4)
    rows = []
    for name, method in methods.items():
        s = scored(method(drawn), drawn)
        shares = [s.event_f1, s.event_recall, s.event_precision, s.pick_f1, s.noise_assigned]
        rows.append((name, noise, seed, *shares, s.n_reference))
    columns = ["method", "noise", "seed", "F1", "recall", "precision", "pick F1", "noise assigned", "true events"]
    return pd.DataFrame(rows, columns=columns)


# %% tags=["skip-execution"]
from course_utils.teaching.stored import keep

rising = pd.concat([trial(seed, noise) for seed in range(1, 5) for noise in (0, 0.5, 1)], ignore_index=True)
keep("lesson21_noise", rising, data="World.lesson(seed=21)")  # with COURSE_GOLDEN=write

# %%
from course_utils.teaching.stored import stored

rising = stored("lesson21_noise")
again = trial(seed=1, noise=0.5)
side_by_side = again.merge(rising, on=["method", "noise", "seed"], suffixes=("", ", stored"))
side_by_side[["method", "F1", "F1, stored"]].round(3)

# %% tags=["hide-input"] alt="Three panels against noise picks per true pick: F1, recall and precision of events, for four associators, mean of the seeds with the range as a bar. Pauses lie far below at every noise. PyOcto starts near 0.97 and falls to about 0.9 as noise grows, both GaMMA runs stay between 0.84 and 0.89; the precision of all falls with noise."
fig, axes = plt.subplots(1, 3, figsize=(9, 3.8), sharey=True)
lines = zip(methods, [COLOURS["baseline"], *CYCLE[:4]], "xo^D", (-0.045, -0.015, 0.015, 0.045), strict=False)
for name, colour, marker, aside in lines:
    cells = rising[rising["method"] == name].groupby("noise")
    for ax, value in zip(axes, ("F1", "recall", "precision"), strict=True):
        mean, low, high = cells[value].mean(), cells[value].min(), cells[value].max()
        ax.errorbar(
            mean.index + aside,
            mean,
            [mean - low, high - mean],
            fmt=marker + "-",
            color=colour,
            label=name,
            ms=5,
            elinewidth=1,
        )
        ax.set(title=f"{value} of events", xlabel="noise picks per true pick", ylim=(-0.03, 1.03))
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
plt.show()
mean_f1 = rising.pivot_table(index="noise", columns="method", values="F1")
mean_f1.round(2)

# %% [markdown]
# Pauses find hardly anything at any noise: F1 {golden:lesson21.f1_pauses_00} and {golden:lesson21.f1_pauses_10}. Without noise PyOcto's mean F1 is {golden:lesson21.f1_pyocto_00} and GaMMA's {golden:lesson21.f1_gamma_00}, and the ranges of the seeds do not overlap: with what `settings_for` derives,
# PyOcto loses fewer events here. With as many noise picks as true ones it is {golden:lesson21.f1_pyocto_10} and {golden:lesson21.f1_gamma_10}: PyOcto has lost its lead, because in it noise makes further events. In GaMMA a mean that *rises* a little with noise is luck: nine or ten events per seed, so one event is about 0.05. Amplitudes change nothing that stands out of the ranges
# ({golden:lesson21.f1_amp_00} and {golden:lesson21.f1_amp_10}). Nobody has tuned anything yet, and this is one network; lesson 22 goes on from here.
#
# ## Real data: GaMMA at Ridgecrest
#
# On 4 July 2019 at 17:33 UTC an earthquake of magnitude 6.4 struck near Ridgecrest, California. GaMMA's own test case {cite}`zhu2022gamma` are the seven hours of that day from 17:00 on: picks of PhaseNet at 23 stations, associated into 1479 events. The analysts of the Southern California Seismic Network have 703 for the same hours.
# How many of these did GaMMA find?
#
# The usual answer counts pairs within three seconds. But 1479 events in seven hours are one every 17 s: some pairs are luck. How many, the data tell themselves: **shift one catalog by some minutes and count again**. No event can be itself then, so every pair is luck.

# %%
from course_utils.catalog.matching import match_events

if teaching.real_data():
    from course_utils import data

    folder = data.fetch("gamma-ridgecrest", ["tests/catalog_gamma.csv", "tests/catalog_scsn.csv"])
    ridgecrest = {}
    for name in ("gamma", "scsn"):
        table = pd.read_csv(folder / f"tests/catalog_{name}.csv", sep="\t").rename(columns={"depth(m)": "depth_km"})
        table["time"] = pd.to_datetime(table["time"], format="ISO8601", utc=True)
        table["depth_km"] /= 1000  # the column says m
        ridgecrest[name] = conform(table[["time", "latitude", "longitude", "depth_km", "magnitude"]], "events")
    automatic, analysts = ridgecrest["gamma"], ridgecrest["scsn"]
    rows = []
    for max_dt_s, max_km in ((3, 1000), (3, 10), (1, 1000), (1, 10)):
        pairs = match_events(automatic, analysts, max_dt_s=max_dt_s, max_km=max_km)
        lucky = []
        for minutes in (-10, -7, -5, -3, 3, 5, 7, 10):
            moved = automatic.assign(time=automatic["time"] + pd.Timedelta(minutes, "min"))
            lucky.append(len(match_events(moved, analysts, max_dt_s=max_dt_s, max_km=max_km).matched))
        row = {"seconds": max_dt_s, "km": max_km, "matched": len(pairs.matched), "by luck": np.mean(lucky)}
        off = pairs.matched[["dt_s", "distance_km", "depth_difference_km"]].median()
        rows.append(row | {"median dt_s": off.iloc[0], "median km": off.iloc[1], "median km deeper": off.iloc[2]})
    luck = pd.DataFrame(rows)
    pairs = match_events(automatic, analysts, max_dt_s=3, max_km=10)
    found = analysts["event_id"].isin(pairs.matched["reference_id"])
    classes = pd.cut(analysts["magnitude"], [-1, 1, 1.5, 2, 2.5, 3, 7])
    by_size = found.groupby(classes, observed=True).agg(["sum", "size"]).reset_index()
    by_size.columns, by_size["magnitude"] = ["magnitude", "found", "of"], by_size["magnitude"].astype(str)
else:
    luck, by_size = stored("lesson21_luck"), stored("lesson21_sizes")
    print("Stored result of", luck.attrs["date"], "from", luck.attrs["data"])
    print("Run it yourself: COURSE_DATA=real fetches 0.2 MB.")
display(luck.round(2))
by_size

# %% tags=["golden"]
from course_utils.teaching.stored import keep

if teaching.real_data():
    version = "gamma-ridgecrest " + data.dataset("gamma-ridgecrest").version[:7]
    keep("lesson21_luck", luck, data=version, matched=0, **{"by luck": 1, "median km": 0.05})
    keep("lesson21_sizes", by_size, data=version, found=0, of=0)

# %% [markdown]
# Within three seconds and anywhere, {golden:lesson21.ridge_matched} of the 703 have a partner, {golden:lesson21.ridge_share}. With the catalog shifted, when nothing can be right, it is still {golden:lesson21.ridge_luck}, **a third of the 703**. That does not mean that a third of the true pairs are luck
# (where the right partner is there, it is mostly the nearest), but that this window could have been passed by a catalog of nothing. Ask for 10 km as well and luck falls to {golden:lesson21.ridge_luck_10}, ask for one second and 10 km and it is {golden:lesson21.ridge_luck_1}, while {golden:lesson21.ridge_matched_1}
# remain: *that* is a statement. Further:
#
# - The automatic events are {golden:lesson21.ridge_dt} s early and {golden:lesson21.ridge_deep} km deeper, nearly all of them. Depth and origin time trade against each other, and a mixture has no reason to prefer the right pair. Locate after association.
# - Of the {golden:lesson21.big_of} events above magnitude 3, {golden:lesson21.big_missed} have no partner within 3 s and 10 km. The large ones are the easiest to *see*, and among the harder to *associate*: S is clipped or hidden in the coda, and small events follow at once.
# - {golden:lesson21.ridge_new} automatic events have no partner. Real and small, or noise? This comparison cannot say. Lesson 35 goes on from there.
#
# ## Exercises
#
# ```{exercise} Exercise 1 · How many ways?
# Two events come 3 s apart. Each of twelve stations has one P and one S of either; nothing is missing, and there is no noise. In how many ways can the 48 picks be sorted into two events so that each has exactly one P and one S from every station? The events have no names:
# swapping them makes no new way.
# ```

# %%
# solution
answer = 2 ** (12 * 2) // 2
# end solution
checks.lesson21.ways(answer)

# %% [markdown]
# Most of these ways put the picks of one station far off any moveout. That is what travel times are for.
#
# ```{exercise} Exercise 2 · One E-step
# Write `responsibilities(residual, sigma, share, span)` for **one** pick: `residual` holds the seconds between the pick and the prediction of each of K sources, `sigma` their widths, `share` has K + 1 entries, the last for noise that is spread evenly over `span` seconds. Return K + 1 numbers,
# noise last. (Without `e_step`, please. Mind a pick that is far from every source.)
# ```


# %%
def responsibilities(residual, sigma, share, span):
    # solution: return ...
    residual, sigma = np.asarray(residual, float), np.asarray(sigma, float)
    density = np.exp(-((residual / sigma) ** 2) / 2) / (sigma * np.sqrt(2 * np.pi))
    joint = np.asarray(share) * np.append(density, 1 / span)
    return joint / joint.sum()
    # end solution


checks.lesson21.one_e_step(responsibilities)

# %% [markdown]
# ```{exercise} Exercise 3 · Two events, three seconds apart
# `doublet(seed)` makes picks of two events of equal size at one place, 3 s apart, with some noise. There are two events, so `K=2`? Look at what `shares_kept` says for it with some seeds. Then choose `K` and `sigma_s` so that both events keep at least 80 % of their picks in a source of their own. The check tries
# your choice on three doublets that you have not seen.
# ```


# %%
def doublet(seed, apart_s=3.0):
    """Picks of two like events ``apart_s`` apart, event_id 0 and 1, and eight of noise."""
    rng = np.random.default_rng(seed)
    one, rows = arrivals[arrivals["event_id"] == largest.name], []
    for event in (0, 1):
        seen = one[rng.random(len(one)) < 0.9]
        late_s = apart_s * event + rng.normal(0, np.where(seen["phase"] == "P", 0.08, 0.15))
        rows.append(seen.assign(event_id=event, time=seen["time"] + pd.to_timedelta(late_s, unit="s")))
    stray = pd.DataFrame(
        {"event_id": -1, "station": rng.choice(stations["station"], 8), "phase": rng.choice(["P", "S"], 8)}
    )
    stray["time"] = rows[0]["time"].min() + pd.to_timedelta(rng.uniform(-10, 40, 8), unit="s")
    return conform(pd.concat([*rows, stray])[["station", "phase", "time", "event_id"]].sort_values("time"), "picks")


def shares_kept(choice, seed):
    """Share of each event's picks in its source; 0 for both when they have the same source."""
    drawn = doublet(seed)
    owner = mixture(arrays(drawn), **choice, rounds=40)[-1][2].argmax(axis=0)
    owners = [pd.Series(owner[drawn["event_id"] == event]).value_counts(normalize=True) for event in (0, 1)]
    same = owners[0].index[0] == owners[1].index[0]
    return (
        [0.0, 0.0] if same or choice["K"] in (owners[0].index[0], owners[1].index[0]) else [o.iloc[0] for o in owners]
    )


print({seed: np.round(shares_kept({"K": 2, "sigma_s": 6.0}, seed), 2).tolist() for seed in (11, 12, 13, 14)})

# %%
# solution
answer = {"K": 4, "sigma_s": 2.0}
# end solution
checks.lesson21.three_seconds(answer, shares_kept)

# %% [markdown]
# ```{exercise} Exercise 4 · A parameter that splits events
# With `mixture((t, at, phase), K=16)` the largest event of the figure keeps all its picks but one in one source. Change **one** of `sigma_s`, `narrowest_s` and `rounds` so that it falls into two sources with at least four of its picks each. Then say why, in ten words or more: what must this setting not be smaller than?
# ```

# %%
# solution
answer = {
    "parameter": "narrowest_s",
    "value": 0.1,
    "reason": "A source must not be narrower than picks scatter around the predicted moveout: picking errors and the errors of the velocity model.",
}
# end solution


def pieces(change):
    """Sources that hold at least four picks of the largest event."""
    owner = mixture((t, at, phase), K=16, **change)[-1][2].argmax(axis=0)
    counts = pd.Series(owner[(minute["event_id"] == largest.name).to_numpy()]).value_counts()
    return int((counts[counts.index < 16] >= 4).sum())


checks.lesson21.splits(answer, pieces)

# %% [markdown]
# ```{exercise} Exercise 5 · How many by luck?
# Somebody publishes 20,000 automatic events of a week and counts those of 2,000 analysts' events that have one within two seconds, wherever it is. If all automatic events came at random times, how many of the 2,000 would have at least one within two seconds on either side? (Random and independent times: Poisson.)
# ```

# %%
# solution
answer = 2000 * (1 - np.exp(-20000 / (7 * 86400) * 2 * 2))
# end solution
checks.lesson21.lucky_pairs(answer)

# %% [markdown]
# ```{exercise} Exercise 6 · What the figure supports
# Which sentences does the table `rising` support? Letters and a reason.
#
# - a: At every noise level the mean F1 of PyOcto and of GaMMA is above that of pauses of 1 s.
# - b: GaMMA is better than PyOcto.
# - c: With as many noise picks as true ones, the mean precision of events is lower than without noise, for PyOcto and for GaMMA.
# - d: Amplitudes would help as much on a real network.
# ```

# %%
# solution
answer = {
    "claims": ["a", "c"],
    "reason": "a and c can be read from the means. Nothing here shows GaMMA ahead of PyOcto, and our noise has amplitudes that we invented.",
}
# end solution
checks.lesson21.claims(answer, rising)

# %% tags=["golden"]
from course_utils.teaching import golden

narrow = sigma < 0.3
best_of = clusters["best F1"].max(axis=1)
six_off = np.flatnonzero(np.isclose(path[:, 1] - x0, 6))[0]
assert (side_by_side["F1"] - side_by_side["F1, stored"]).abs().max() < 0.25
golden.check(
    "lesson21",
    minutes_text="a minute",
    near=len(minute),
    digits=len(str(partitions(len(minute)))),
    cluster_slow=best_of["1 events per minute"],
    cluster_three=best_of["3 events per minute"],
    cluster_fast=best_of["10 events per minute"],
    lined_up=int(lined_up[middle]),
    lined_up_6=int(lined_up[six_off]),
    lined_up_ends=int(max(lined_up[:6].max(), lined_up[-6:].max())),
    width_1d=float(np.median(np.sort(spread)[:4])),
    rounds=len(states),
    narrow=int(narrow.sum()),
    pure=int(table_of_sources["of one event"][narrow].sum()),
    gamma_found=len(first["GaMMA"].pairs),
    pyocto_found=len(first["PyOcto"].pairs),
    pauses_found=len(first["pauses, best width"].pairs),
    wanted=first["GaMMA"].n_reference,
    one_event=1 / first["GaMMA"].n_reference,
    half_eps=int(tried["half the reach in time"]["found"]),
    seeds=rising["seed"].nunique(),
    ridge_matched=int(luck["matched"].iloc[0]),
    ridge_share=float(luck["matched"].iloc[0] / 703),
    ridge_luck=float(luck["by luck"].iloc[0]),
    ridge_luck_10=float(luck["by luck"].iloc[1]),
    ridge_luck_1=float(luck["by luck"].iloc[3]),
    ridge_matched_1=int(luck["matched"].iloc[3]),
    ridge_dt=float(-luck["median dt_s"].iloc[1]),
    ridge_deep=float(luck["median km deeper"].iloc[1]),
    ridge_new=1479 - int(luck["matched"].iloc[1]),
    big_of=int(by_size["of"].iloc[-1]),
    big_missed=int(by_size["of"].iloc[-1] - by_size["found"].iloc[-1]),
    **{
        f"f1_{key}_{str(noise).replace('.', '')}": float(mean_f1.loc[noise, name])
        for key, name in (
            ("pyocto", "PyOcto"),
            ("gamma", "GaMMA"),
            ("amp", "GaMMA, amplitudes"),
            ("pauses", "pauses of 1 s"),
        )
        for noise in (0.0, 1.0)
    },
)

# %% [markdown]
# ## Recap
#
# - Association cannot try everything and cannot go by time alone; it needs travel times.
# - At the right source picks line up. Some line up by luck everywhere, so every threshold trades small events against accidents.
# - A mixture alternates: who belongs to whom (E), and where is each source (M). GaMMA adds many sources, a prior that empties the surplus, and amplitude.
# - A source must not be narrower than your velocity model is wrong; picks that cannot meet in a group cannot become an event.
# - Before you quote matches, shift the catalog and count the luck.
#
# ## What's next
#
# Lesson 22 takes the other way, searching space and time by boxes, and breaks it systematically. Lesson 25 is yours: associate the picks of day 1.
#
# **References**: {cite:t}`zhu2022gamma` for GaMMA and its Ridgecrest catalog; {cite:t}`dempster1977em` for expectation maximisation; {cite:t}`ester1996dbscan` for DBSCAN; {cite:t}`munchmeyer2024pyocto` for PyOcto and the rule of 60 %; {cite:t}`zhu2019phasenet` for the picker.
