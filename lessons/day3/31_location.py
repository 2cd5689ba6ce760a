# %% [markdown]
# # 31 · Location and its uncertainty
#
# A list of arrival times goes in, a place and a time come out. Any program will do that. The question that remains is how far
# to believe the place. Here we locate an earthquake by hand, let one reading go wrong, watch depth slip away, and then count,
# over some 300 earthquakes whose place we know, how often the stated uncertainty was true.
#
# **You will be able to**
#
# - locate an event on a grid from travel-time tables, by least squares and by equal differential times (EDT);
# - say what a wrong pick, a missing S, a distant nearest station and an azimuthal gap each do to the answer;
# - draw the posterior of a hypocenter, read the numbers in a catalog as a summary of it, and test whether they are calibrated;
# - say what station corrections repair and what they only hide.
#
# **Before**: lesson 22 or any catalog with assigned picks; what a probability density is.
#
# **Time to learn**: 75 minutes. It runs in about {golden:lesson31.minutes_text} on two cores.

# %% [markdown]
# ## Readings of an earthquake whose place we know
#
# The synthetic world knows the exact arrival of every event at every station. A careful analyst reads them with a standard error
# of 0.06 s for P and 0.10 s for S, at the eight nearest stations. The waves went through the world's true Earth: layers
# other than the published ones, a lateral field, a delay under each station. We are given the published model only.

# %%
import numpy as np
import pandas as pd

from course_utils.catalog.tables import Catalog, conform
from course_utils.synthetic import World


def readings(world, travel, events=60, nearest=8, wrong=0.0):
    """Catalog of the world's first local events, read at the nearest stations; a share of the picks is wrong by up to 2 s."""
    rng = np.random.default_rng(world.seed)
    truth, names = world.truth.events, world.stations["station"].to_numpy()
    rows = []
    for e in np.flatnonzero(truth["event_type"].isin(["earthquake", "quarry blast"]))[:events]:
        for station in np.argsort(world.paths.distance_km[e])[:nearest]:
            for phase, error_s in (("P", 0.06), ("S", 0.10)):
                error = error_s * rng.standard_normal() if rng.random() >= wrong else rng.uniform(-2, 2)
                seconds = travel[phase][e, station] + error
                time = truth["time"][e] + pd.Timedelta(round(seconds * 1e6), "us")
                rows.append((truth["event_id"][e], names[station], phase, time))
    rows = pd.DataFrame(rows, columns=["event_id", "station", "phase", "time"])
    picks = conform(rows[["station", "phase", "time"]], "picks")
    located = truth[truth["event_id"].isin(rows["event_id"])]
    return Catalog(located, rows.assign(pick_id=picks["pick_id"]), picks, world.stations, world.velocity)


def true_travel(world):
    return {"P": world.paths.p_time_s, "S": world.paths.s_time_s}


world = World.lesson(seed=31, hours=2, min_magnitude=1.2)
catalog = readings(world, true_travel(world), events=40)
events, stations = catalog.events, world.stations
target = events.loc[events["magnitude"].idxmax()]
mine = catalog.assignments["event_id"] == target["event_id"]
read = catalog.picks[mine.to_numpy()].reset_index(drop=True)
print(f"{len(events)} events; the largest: M {target['magnitude']:.1f} at {target['depth_km']:.1f} km")
read[["station", "phase", "time"]].head(4)

# %% [markdown]
# ## Travel-time tables
#
# Locating asks for the same travel times millions of times: every trial place, every station. So they are computed once: a
# solution of the eikonal equation {cite}`noble2014` from each station through a vertical section of the model gives the time to *every* place,
# because a ray takes as long in either direction. In a layered Earth one table per station height and phase is enough.

# %% alt="Two panels against epicentral distance and source depth. Left: P travel time, contours that start steep near the station and fan out. Right: change of travel time with depth, positive near the station, zero along a line that runs down and away from it, negative beyond."
import matplotlib.pyplot as plt

from course_utils.earth import LocalFrame
from course_utils.earth.traveltime import TravelTimes

times = TravelTimes.build(stations, world.velocity, max_distance_km=160, max_depth_km=40)
distance, depth = np.meshgrid(np.linspace(0.5, 120, 160), np.linspace(0.5, 35, 120))
travel, _, with_depth = times.times_and_slopes("P", 0, distance, depth)
fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
lines = axes[0].contour(distance, depth, travel, levels=np.arange(2, 24, 2), cmap="cividis")
axes[0].clabel(lines, fmt="%d s")
image = axes[1].pcolormesh(distance, depth, with_depth, cmap="PuOr_r", vmin=-0.25, vmax=0.25)
axes[1].contour(distance, depth, with_depth, levels=[0], colors="black")
fig.colorbar(image, ax=axes[1], label="s per km of depth")
axes[0].set(xlabel="distance (km)", ylabel="depth (km)", ylim=(35, 0), title="P travel time")
axes[1].set(xlabel="distance (km)", title="What one more km of depth does to it")
plt.show()

# %% [markdown]
# Remember the right panel. Above the event, depth *delays* the wave. Far away it *hastens* it, because the ray leaves downwards and
# reaches fast rock sooner. Only stations on both sides of the black line tell depth from origin time; if all of them lie beyond it, a
# deeper event that happened later looks the same.
#
# ## A grid search by hand
#
# For a trial place, subtract the predicted travel time from each arrival. What is left are guesses of the origin time, one per
# reading. At the right place they agree. **Least squares** measures disagreement by the variance about their mean.
# **EDT** {cite}`font2004,lomax2005` takes all pairs of readings and counts those that agree:
#
# $$L_2 \propto \exp\Big(-\tfrac12\sum_a \frac{(\delta_a-\bar\delta)^2}{\sigma^2}\Big), \qquad
# L_{EDT} \propto \Big[\sum_{a<b}\exp\Big(-\tfrac12\frac{(\delta_a-\delta_b)^2}{2\sigma^2}\Big)\Big]^N .$$
#
# The mean is the origin time in the first; the second needs none. We search the map with the eight P and fix the depth at 15 km, a guess. The baseline needs no computer:
# the event is where it was recorded first.

# %%
frame = LocalFrame.around(stations)
station_x, station_y = frame.to_xy_km(stations["latitude"], stations["longitude"])
true_x, true_y = (float(v) for v in frame.to_xy_km(target["latitude"], target["longitude"]))
axis = np.linspace(-20, 20, 161)
grid_x, grid_y = np.meshgrid(true_x + axis, true_y + axis)  # a real search covers the whole network
sigma = 0.2  # reading and model together, s


def origin_guesses(arrival_s, read, depth_km):
    """Arrival minus predicted travel time, shape (readings, grid)."""
    out = []
    for seconds, station, phase in zip(arrival_s, times.index(read["station"]), read["phase"], strict=True):
        away = np.hypot(grid_x - station_x[station], grid_y - station_y[station])
        out.append(seconds - times.times(phase, station, away, depth_km))
    return np.array(out)


def log_l2(guesses):
    return -0.5 * ((guesses - guesses.mean(axis=0)) ** 2).sum(axis=0) / sigma**2


def log_edt(guesses):
    a, b = np.triu_indices(len(guesses), 1)
    return len(guesses) * np.log(np.exp(-0.25 * (guesses[a] - guesses[b]) ** 2 / sigma**2).mean(axis=0))


first_p = read[read["phase"] == "P"].reset_index(drop=True)  # nearest station first
arrival_s = (first_p["time"] - first_p["time"].min()).dt.total_seconds().to_numpy()
late = arrival_s.copy()
late[2] += 2.0  # the P of the third station, read two seconds late

# %% alt="Four maps of log-likelihood around the true epicenter, least squares left, EDT right, good readings above, one wrong reading below. With good readings both peaks lie at the truth. With the wrong reading the least-squares peak lies kilometres away and is as narrow as before; the EDT peak stays."
by_hand = {}
fig, axes = plt.subplots(2, 2, figsize=(8, 7.4), sharex=True, sharey=True)
for row, (label, arrivals) in zip(axes, {"good readings": arrival_s, "one P 2 s late": late}.items(), strict=True):
    guesses = origin_guesses(arrivals, first_p, depth_km=15)
    for ax, (method, log_likelihood) in zip(row, {"L2": log_l2, "EDT": log_edt}.items(), strict=True):
        value = log_likelihood(guesses)
        best = np.unravel_index(value.argmax(), value.shape)
        x, y = axis[best[1]], axis[best[0]]
        by_hand[method, label] = {"km from truth": np.hypot(x, y), "largest log-likelihood": value.max()}
        ax.contourf(
            axis, axis, value - value.max(), levels=[-20, -10, -6, -4, -2, -1, -0.5, 0], cmap="cividis", extend="min"
        )
        ax.plot(station_x - true_x, station_y - true_y, "^", color="white", markeredgecolor="black", label="station")
        ax.plot(0, 0, "+", color="black", markersize=14, markeredgewidth=2, label="truth")
        ax.plot(x, y, "x", color="#D55E00", markersize=10, markeredgewidth=3, label="maximum")
        ax.set(title=f"{method}, {label}", xlim=(-20, 20), ylim=(-20, 20), aspect="equal")
        ax.grid(False)
axes[0, 0].legend(loc="upper left", facecolor="white", frameon=True)
fig.supxlabel("km east of the truth")
fig.supylabel("km north of the truth")
plt.show()
nearest = times.index(first_p["station"][:1])[0]
by_hand["first station", "good readings"] = {
    "km from truth": np.hypot(station_x[nearest] - true_x, station_y[nearest] - true_y)
}
pd.DataFrame(by_hand).T.round(2)

# %% [markdown]
# The baseline is {golden:lesson31.baseline_km} km off, both grids with good readings less than one. Then one of eight readings is wrong: least squares moves by
# {golden:lesson31.l2_late_km} km, EDT by {golden:lesson31.edt_late_km} km. Look at the width of the L2 peak: it did *not* grow. Least squares does not know that it is wrong; only the value at its
# maximum tells, and few catalogs print that. For EDT the bad reading agrees with nobody and drops out of the sum.
#
# ```{note}
# EDT pays for it. Where all errors are Gaussian, least squares is the best there is, and the EDT maximum scatters a little more.
# ```
#
# ## Depth
#
# `location.misfit_grid` gives the same likelihood in three dimensions. Vertical slices through the true epicenter, for three sets of
# readings of the same earthquake: P and S of eight stations; P only; and P of those stations that are more than 25 km away.

# %% alt="Three vertical slices of likelihood, east against depth. With P and S the peak is compact; with P alone it is taller; with P of distant stations only it is a long streak over many kilometres of depth. The true depth lies below the peak of the first two."
from course_utils import location

distance_km = np.hypot(station_x - true_x, station_y - true_y)[times.index(read["station"])]
p = (read["phase"] == "P").to_numpy()
kept = {"P and S": p | True, "P only": p, "P beyond 25 km": p & (distance_km > 25)}


def only(rows):
    """The target event with some of its readings."""
    return catalog.replace(
        events=events[events["event_id"] == target["event_id"]], assignments=catalog.assignments[mine][rows]
    )


depths, east = np.linspace(0.5, 35, 70), true_x + np.linspace(-12, 12, 61)
fig, axes = plt.subplots(1, 3, figsize=(9.5, 4), sharey=True)
depth_error = {}
for ax, (label, rows) in zip(axes, kept.items(), strict=True):
    few = {"min_arrivals": 4, "max_depth_km": 40}
    value = location.misfit_grid(target["event_id"], only(rows), east, true_y, depths, **few)
    ax.contourf(
        east - true_x, depths, np.maximum(value, -15), levels=[-15, -10, -6, -4, -2, -1, -0.5, 0], cmap="cividis"
    )
    ax.plot(0, target["depth_km"], "+", color="#D55E00", markersize=14, markeredgewidth=2)
    one = location.locate(only(rows), **few).events.iloc[0]
    depth_error[label] = {
        "readings": rows.sum(),
        "depth, km": one["depth_km"],
        "68 % of depth, km": one["depth_error_km"],
    }
    ax.set(title=f"{label} ({rows.sum()})", xlabel="km east of the truth", ylim=(35, 0.5))
    ax.grid(False)
axes[0].set_ylabel("depth (km)")
plt.show()
pd.DataFrame(depth_error).T.round(1)

# %% [markdown]
# The truth is {golden:lesson31.true_depth} km. With all readings the depth is {golden:lesson31.depth_ps} ± {golden:lesson31.depth_ps_error} km, with P alone ± {golden:lesson31.depth_p_error}, and
# with distant P alone ± {golden:lesson31.depth_far_error} km. S helps because P and S change differently with depth; a station nearby helps because it sits on the other side of the black
# line. A rule for reading catalogs: **do not believe a depth when the nearest station is farther away than about one and a half times that depth and there is no S.**
#
# And look again: with all readings the depth is still too shallow by more than the stated error says. This is no accident of the noise, as we shall see.
#
# ## The posterior, inside and outside the network
#
# A hypocenter in a catalog summarises a cloud: all places that fit the readings, each as densely as it is probable. `location.posterior` draws
# from it {cite}`tarantola1982,lomax2000nonlinloc`. We compare our event with one off the coast, which all stations see from one side: its *azimuthal gap* is {golden:lesson31.gap_outside}°.

# %%
import plotly.graph_objects as go

from course_utils.teaching.style import COLOURS, describe

locator = location.Locator(stations, world.velocity)
outside_id = events.loc[events["longitude"].idxmin(), "event_id"]
figure, spread = go.Figure(), {}
for label, event_id, colour in (
    ("inside the network", target["event_id"], COLOURS["P"]),
    ("outside", outside_id, COLOURS["S"]),
):
    true = events[events["event_id"] == event_id].iloc[0]
    at_x, at_y = locator.frame.to_xy_km(true["latitude"], true["longitude"])
    cloud = location.posterior(event_id, catalog, 600, locator=locator)
    found = cloud.attrs["maximum"]
    spread[label] = {
        "error on the map, km": np.hypot(found[0] - at_x, found[1] - at_y),
        "error of depth, km": found[2] - true["depth_km"],
        "axes of the 68 % ellipsoid, km": location.ellipsoid(cloud)["axes_km"].round(1),
    }
    figure.add_scatter3d(
        x=(cloud["x_km"] - at_x).round(2),
        y=(cloud["y_km"] - at_y).round(2),
        z=(cloud["depth_km"] - true["depth_km"]).round(2),
        mode="markers",
        marker={"size": 2.5, "color": colour, "opacity": 0.6},
        name=label,
    )
figure.add_scatter3d(
    x=[0],
    y=[0],
    z=[0],
    mode="markers",
    name="truth",
    marker={"size": 6, "color": COLOURS["truth"], "symbol": "diamond"},
)
side = {"range": [-9, 9]}
figure.update_layout(
    title="Possible places around the true one",
    height=560,
    scene={
        "xaxis": {"title": "km east", **side},
        "yaxis": {"title": "km north", **side},
        "zaxis": {"title": "km below", "range": [9, -9]},
        "aspectmode": "cube",
        "camera": {"eye": {"x": 1.7, "y": -1.6, "z": 0.6}, "center": {"x": 0, "y": 0, "z": -0.15}},
    },
    legend={"itemsizing": "constant"},
)
describe(
    figure,
    "Two clouds of possible hypocenters relative to the true one at the origin: the event inside the network gives a small compact cloud "
    "just above the truth, the one outside a cloud several times longer in depth and to the north-east, with the truth at its edge.",
)

# %%
pd.DataFrame(spread).T

# %% [markdown]
# Turn the figure. The cloud of the outside event is long in two directions: in depth, for no station is near, and on the map along the line to the
# network, for distance and origin time trade off as depth did. It lies too near to the network, with the truth at its edge. The gap alone warns of
# this without any computation, and that is why catalogs print it. But a gap is no error: it says in which direction to doubt, not how far.
#
# ## Station corrections
#
# The residual of a station is about the same for all events: slow ground beneath it, or a wrong model. So take the median residual of each station and
# phase, subtract it, locate again, repeat: `station_terms=True`. Does it help?

# %%
from course_utils.earth import distance_azimuth


def scored(run):
    """Errors against the truth: as they are, and after removing the shift that all events share."""
    both = run.catalog.events.merge(events, on="event_id", suffixes=("", "_true"))
    x, y = frame.to_xy_km(both["latitude"], both["longitude"])
    x0, y0 = frame.to_xy_km(both["latitude_true"], both["longitude_true"])
    off = np.column_stack([x - x0, y - y0, both["depth_km"] - both["depth_km_true"]])
    apart = off - np.median(off, axis=0)
    return {
        "rms of residuals, s": both["rms_s"].median(),
        "epicenter error, km": np.median(np.hypot(*off[:, :2].T)),
        "depth error, km": np.median(np.abs(off[:, 2])),
        "common depth shift, km": np.median(off[:, 2]),
        "relative depth error, km": np.median(np.abs(apart[:, 2])),
    }


without = location.run_location(catalog, merge=False)
corrected = location.run_location(catalog, merge=False, station_terms=True, station_term_rounds=2)
terms = corrected.station_terms.pivot_table("term_s", "station", "phase")
delays = pd.DataFrame(world.medium.station_terms_s(stations), index=stations["station"])
agreement = terms.corrwith(delays.loc[terms.index])
scores = pd.DataFrame({"without": scored(without), "with station terms": scored(corrected)}).T
print("correlation of terms with the true station delays:", agreement.round(2).to_dict())
scores.round(3)

# %% [markdown]
# The residuals shrink from {golden:lesson31.rms_without} to {golden:lesson31.rms_with} s, and any report would call that an improvement. The truth disagrees: the epicenters are
# {golden:lesson31.epi_without} km off without and {golden:lesson31.epi_with} km with the terms, the depths {golden:lesson31.depth_without} and {golden:lesson31.depth_with} km, and the terms correlate with the
# delays that the stations really have by {golden:lesson31.terms_p} (P) and {golden:lesson31.terms_s} (S). The layers are wrong, all events lie in one place, and the terms have learnt the *model's*
# error for rays from there. Terms from events all around a network mean more; so does a better model. **Small residuals show that the numbers agree with one another, not with the Earth.**
#
# ## Are the ellipsoids calibrated?
#
# A 68 % ellipsoid should hold the truth for 68 % of the events. Ten worlds, ten true Earths, eight stations, up to thirty earthquakes and blasts in each, two
# percent of the picks wrong. Three experiments:
#
# 1. *inverse crime*: the arrivals are computed in the very model that we locate with, and the location knows the reading errors;
# 2. *true Earth, reading errors*: the arrivals are the world's, the location still believes that reading is all that can go wrong;
# 3. *true Earth, model error stated*: the defaults of `locate`, {golden:lesson31.model_fraction} % of the travel time, correlated between readings.

# %%
from scipy.stats import chi2

optimist = location.LocationSettings(
    p_error_s=0.06, s_error_s=0.10, model_error_fraction=0, model_error_min_s=0, error_correlation=0
)


def surprises(catalog, settings, every=1):
    """Squared distance of the truth from the centre of each cloud, in units of the cloud's own covariance."""
    locator = location.Locator(catalog.stations, catalog.velocity, settings)
    out = []
    for event in catalog.events[::every].itertuples():
        points = location.posterior(event.event_id, catalog, 300, locator=locator)[
            ["x_km", "y_km", "depth_km"]
        ].to_numpy()
        x, y = locator.frame.to_xy_km(event.latitude, event.longitude)
        off = np.array([x, y, event.depth_km]) - points.mean(axis=0)
        out.append(off @ np.linalg.solve(np.cov(points.T), off))
    return out


squared = {"inverse crime": [], "reading errors only": [], "model error stated": []}
for seed in range(300, 310):
    other = World.lesson(seed=seed, hours=1.5, min_magnitude=1.2, stations=8)
    local = readings(other, true_travel(other), events=30, wrong=0.02)
    truth = other.truth.events
    guess = location.Locator(other.stations, other.velocity, location.LocationSettings(max_depth_km=40))
    x, y = guess.frame.to_xy_km(truth["latitude"], truth["longitude"])
    exact = guess.arrival_times(x, y, truth["depth_km"].clip(0, 39))
    crime = readings(other, dict(zip("PS", exact, strict=True)), events=30, wrong=0.02)
    squared["inverse crime"].append(surprises(crime, optimist, every=5))
    squared["reading errors only"].append(surprises(local, optimist, every=5))
    squared["model error stated"].append(surprises(local, location.LocationSettings()))
counts = {name: sum(map(len, worlds)) for name, worlds in squared.items()}
counts

# %% alt="Share of true hypocenters inside the ellipsoid against the stated probability. The inverse crime lies near the diagonal, reading errors only far below it; with the model error stated the mean of ten worlds is near the diagonal, while single worlds range from far below to far above."
stated = np.linspace(0.02, 0.98, 49)
looks = {
    "inverse crime": ("#56B4E9", "--"),
    "reading errors only": ("#D55E00", ":"),
    "model error stated": ("#0072B2", "-"),
}
coverage = {}
fig, ax = plt.subplots(figsize=(5.6, 5.2))
for name, worlds in squared.items():
    share = np.array([[np.mean(np.array(one) < chi2.ppf(p, 3)) for p in stated] for one in worlds])
    colour, dash = looks[name]
    if name == "model error stated":
        ax.plot(stated, share.T, color=colour, linewidth=0.6, alpha=0.5)
    ax.plot(
        stated, share.mean(axis=0), color=colour, linestyle=dash, linewidth=3, label=f"{name} ({counts[name]} events)"
    )
    at_68 = np.array([np.mean(np.array(one) < chi2.ppf(0.68, 3)) for one in worlds])
    coverage[name] = {"inside 68 %": at_68.mean(), "worst world": at_68.min(), "best world": at_68.max()}
ax.plot([0, 1], [0, 1], color="black", linewidth=1, label="calibrated")
ax.set(
    xlabel="stated probability of the ellipsoid",
    ylabel="share of events inside it",
    xlim=(0, 1),
    ylim=(0, 1),
    aspect="equal",
)
ax.legend(loc="upper left", fontsize="small")
plt.show()
pd.DataFrame(coverage).T.round(2)

# %% [markdown]
# In the inverse crime {golden:lesson31.cover_crime} of the truths lie inside the 68 % ellipsoid. The same program, as sure of itself, holds {golden:lesson31.cover_reading} of them when the
# Earth is not its model. **A test on arrivals from your own travel-time table proves nothing about real uncertainty.** With the model error stated it is {golden:lesson31.cover_stated}.
#
# Is that good? Look at the thin lines: in the worst world {golden:lesson31.cover_worst}, in the best {golden:lesson31.cover_best}. Thirty events of one world share one wrong model, so they are right together or wrong
# together. The mean over ten Earths is what the number promises, but you own one Earth. And {golden:lesson31.n_events} events are ten independent experiments rather than 300: the second digit of the mean is not
# supported. That is also why in our first world nearly all depths are shifted by {golden:lesson31.depth_shift} km.
#
# ## Real data: the Anchorage earthquake, against NonLinLoc
#
# NonLinLoc {cite}`lomax2000nonlinloc` is the program behind many catalogs. Its sample data hold the picks of the Mw 7.0 Anchorage earthquake of 30 November 2018 and of six aftershocks, with its own results, from
# EDT too. We locate the same picks in the same layers; the search, the error model and the outlier weights are ours.
# The table gives depths with their errors, and how far apart the epicenters are.

# %%
from course_utils.teaching.stored import stored

if teaching.real_data():
    from course_utils import data

    anchorage = data.open("nonlinloc-samples")
    known = anchorage.assignments["station"].isin(anchorage.stations["station"])
    offered = anchorage.catalog.replace(assignments=anchorage.assignments[known])
    print(f"{(~known).sum()} of {len(known)} picks are at stations without coordinates and left out")
    columns = ["event_id", "time", "latitude", "longitude", "depth_km", "depth_error_km", "n_p", "n_s"]
    compared = anchorage.events[columns]
    for method in ("edt", "l2"):
        found = location.locate(offered, method=method, merge=False, max_depth_km=80).events
        compared = compared.merge(found[columns[:1] + columns[2:6]], on="event_id", suffixes=("", f"_{method}"))
        to = compared[[f"latitude_{method}", f"longitude_{method}"]].T.to_numpy()
        compared[f"km_{method}"] = distance_azimuth(compared["latitude"], compared["longitude"], *to)[0]
    keys = {"1 · main shock": 0, "2 · 17:35": 1}
    clouds = [
        location.posterior(anchorage.events["event_id"][row], offered, 600, max_depth_km=80).assign(event=name)
        for name, row in keys.items()
    ]
    clouds = pd.concat(clouds)[["event", "latitude", "longitude", "depth_km"]].reset_index(drop=True)
else:
    compared, clouds = stored("lesson31_anchorage"), stored("lesson31_anchorage_clouds")
    print("Stored result of", compared.attrs["date"], "from", compared.attrs["data"])
    print("Run it yourself: COURSE_DATA=real fetches 0.3 MB.")
compared.index = range(1, len(compared) + 1)
names = {"n_p": "P", "n_s": "S", "depth_km": "NonLinLoc, km", "depth_error_km": "±"}
names |= {"depth_km_edt": "EDT, km", "depth_error_km_edt": "± ", "km_edt": "apart, km"}
names |= {"depth_km_l2": "L2, km", "km_l2": "apart, km "}
compared[list(names)].rename(columns=names).round(1)

# %% alt="Left: map of the two posterior clouds with the NonLinLoc epicenters as crosses; each cross lies within its cloud. Right: histograms of depth; the main shock's is a peak around 45 km with NonLinLoc's depth inside, the second event's is spread over tens of kilometres with NonLinLoc's depth at the upper end, above the ground."
fig, axes = plt.subplots(1, 2, figsize=(9, 4))
for (name, cloud), colour, row in zip(clouds.groupby("event"), (COLOURS["P"], COLOURS["S"]), (1, 2), strict=True):
    theirs = compared.loc[row]
    axes[0].plot(cloud["longitude"], cloud["latitude"], ".", color=colour, markersize=3, alpha=0.5, label=name)
    axes[0].plot(theirs["longitude"], theirs["latitude"], "+", color="black", markersize=14, markeredgewidth=2)
    axes[1].hist(
        cloud["depth_km"], bins=np.arange(-6, 81, 2), color=colour, alpha=0.6, label=name, orientation="horizontal"
    )
    axes[1].axhline(theirs["depth_km"], color=colour, linestyle="--", linewidth=2)
axes[0].plot([], [], "+", color="black", markersize=10, label="NonLinLoc")
axes[0].set(xlabel="longitude", ylabel="latitude", aspect=1 / np.cos(np.radians(61.3)))
axes[0].legend(markerscale=1.5)
axes[1].plot([], [], "k--", label="NonLinLoc")
axes[1].set(xlabel="samples", ylabel="depth (km)", ylim=(80, -8))
axes[1].legend()
plt.show()

# %% [markdown]
# The main shock is {golden:lesson31.real_main_km} km from NonLinLoc's epicenter and {golden:lesson31.real_main_depth} km from its depth, and the fourth event {golden:lesson31.real_fourth_km} km and
# {golden:lesson31.real_fourth_depth} km: both programs search the same kind of likelihood in the same layers, so they *should* agree, and agreement says nothing about the layers. Least squares puts the
# fourth event {golden:lesson31.real_fourth_l2} km from NonLinLoc, and its depth at {golden:lesson31.real_fourth_l2_depth} km.
#
# The other five are another matter. NonLinLoc left them 4 to 5 km *above* sea level, at the top of its search; ours lie anywhere. They happened in the hour after a large earthquake,
# their waves overlap with its coda and with one another, and some readings may belong to other events. Most of the stated depth errors are 10 km and more, as they should be. But for the fifth event both
# programs state less than 8 km, and differ by {golden:lesson31.real_fifth_depth} km: **an error bar presumes that the readings belong to the event.**

# %% tags=["golden"]
from course_utils.teaching import golden
from course_utils.teaching.stored import keep

if teaching.real_data():
    keep("lesson31_anchorage", compared, data="nonlinloc-samples 7a62fa4", depth_km_edt=4.0, km_edt=0.5, km_l2=1.0)
    keep("lesson31_anchorage_clouds", clouds, data="nonlinloc-samples 7a62fa4", latitude=0.03, depth_km=4.0)
golden.check(
    "lesson31",
    minutes_text="a minute",
    baseline_km=by_hand["first station", "good readings"]["km from truth"],
    l2_late_km=by_hand["L2", "one P 2 s late"]["km from truth"],
    edt_late_km=by_hand["EDT", "one P 2 s late"]["km from truth"],
    true_depth=float(target["depth_km"]),
    depth_ps=depth_error["P and S"]["depth, km"],
    depth_ps_error=depth_error["P and S"]["68 % of depth, km"],
    depth_p_error=depth_error["P only"]["68 % of depth, km"],
    depth_far_error=depth_error["P beyond 25 km"]["68 % of depth, km"],
    gap_outside=float(without.catalog.events.set_index("event_id").loc[outside_id, "azimuthal_gap_deg"]),
    rms_without=scores.loc["without", "rms of residuals, s"],
    rms_with=scores.loc["with station terms", "rms of residuals, s"],
    epi_without=scores.loc["without", "epicenter error, km"],
    epi_with=scores.loc["with station terms", "epicenter error, km"],
    depth_without=scores.loc["without", "depth error, km"],
    depth_with=scores.loc["with station terms", "depth error, km"],
    depth_shift=scores.loc["without", "common depth shift, km"],
    terms_p=agreement["P"],
    terms_s=agreement["S"],
    model_fraction=100 * location.LocationSettings().model_error_fraction,
    cover_crime=coverage["inverse crime"]["inside 68 %"],
    cover_reading=coverage["reading errors only"]["inside 68 %"],
    cover_stated=coverage["model error stated"]["inside 68 %"],
    n_events=counts["model error stated"],
    cover_worst=coverage["model error stated"]["worst world"],
    cover_best=coverage["model error stated"]["best world"],
    real_main_km=compared.loc[1, "km_edt"],
    real_main_depth=abs(compared.loc[1, "depth_km_edt"] - compared.loc[1, "depth_km"]),
    real_fourth_km=compared.loc[4, "km_edt"],
    real_fourth_depth=abs(compared.loc[4, "depth_km_edt"] - compared.loc[4, "depth_km"]),
    real_fifth_depth=abs(compared.loc[5, "depth_km_edt"] - compared.loc[5, "depth_km"]),
    real_fourth_l2=compared.loc[4, "km_l2"],
    real_fourth_l2_depth=compared.loc[4, "depth_km_l2"],
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Exercise 1 · One wrong pick
# In the catalog `suspect` one reading of one event has been moved. Which station, which phase, and by how many seconds is it late (negative: early)? Within 0.3 s is
# good enough. Try both values of `method`, and compare the residuals in the assignments.
# ```

# %%
suspect = checks.lesson31.spoiled(only(p | True))

# solution
found = location.locate(suspect, method="edt").assignments
worst = found.loc[found["residual_s"].abs().idxmax()]
answer = {"station": worst["station"], "phase": worst["phase"], "late_s": worst["residual_s"]}
# end solution
checks.lesson31.wrong_pick(answer, suspect, catalog)

# %% [markdown]
# ```{exercise} Exercise 2 · Depth against origin time
# Suppose that our event is located from its P readings alone, and its depth comes out 1 km too deep. By how many seconds does the origin time shift to make up for it
# (positive: later)? Use the slopes in `times.times_and_slopes` at the true place, and the mean over the eight stations.
# ```

# %%
# solution
seen = times.index(read.loc[p, "station"])
answer = -times.times_and_slopes("P", seen, distance_km[p], target["depth_km"])[2].mean()
# end solution
checks.lesson31.origin_shift(answer, times, read[p], distance_km[p], target["depth_km"])

# %% [markdown]
# ```{exercise} Exercise 3 · Which station would you add?
# The event off the coast is to be located better, and there is money for one station. `checks.lesson31.SITES` holds four places; `with_site(catalog, event_id, site)` of the same
# module returns the catalog as it would be with that station. Which one gives the smallest *horizontal* error, and which one the smallest *depth* error? Guess before you run it.
# ```

# %%
outside = catalog.replace(
    events=events[events["event_id"] == outside_id],
    assignments=catalog.assignments[catalog.assignments["event_id"] == outside_id],
)
outside = location.locate(outside)  # nobody plans with the truth: take the place that we have

# solution
trials = {}
for site in checks.lesson31.SITES.index:
    trials[site] = location.locate(checks.lesson31.with_site(outside, outside_id, site)).events.iloc[0]
trials = pd.DataFrame(trials).T[["horizontal_error_km", "depth_error_km"]].astype(float)
answer = {"horizontal": trials["horizontal_error_km"].idxmin(), "depth": trials["depth_error_km"].idxmin()}
# end solution
checks.lesson31.new_station(answer, outside, outside_id)

# %% [markdown]
# ```{exercise} Exercise 4 · Inside or outside?
# Write `inside(cloud, x_km, y_km, probability)`: whether an epicenter lies within the ellipse that holds this share of a posterior, taken as Gaussian. `cloud` has the columns
# `x_km` and `y_km`. With it you can test the calibration of any catalog's epicenters.
# ```


# %%
def inside(cloud, x_km, y_km, probability):
    # solution: return ...
    points = cloud[["x_km", "y_km"]].to_numpy()
    off = np.array([x_km, y_km]) - points.mean(axis=0)
    return bool(off @ np.linalg.solve(np.cov(points.T), off) < chi2.ppf(probability, 2))
    # end solution


checks.lesson31.inside_ellipse(inside)

# %% [markdown]
# ```{exercise} Exercise 5 · Which depths would you publish?
# Choose from the seven events in the table of the Anchorage sequence (`compared`, numbers 1 to 7) those whose *depth* you would put into a catalog for others to use, and say why the rest
# stay out: `{"events": [...], "reason": "..."}`, in at least fifteen words.
# ```

# %%
# solution
answer = {
    "events": [1, 4],
    "reason": "The other five lie at the top of the search in one program and elsewhere in the other; their depth errors are wide, "
    "or the two programs differ by many times the stated error, so at least one of the errors is not to be trusted.",
}
# end solution
checks.lesson31.publishable(answer, compared)

# %% [markdown]
# ## Recap
#
# - Travel-time tables, guesses of the origin time, a measure of their agreement: this is location. EDT asks *how many agree*, least squares *how large is the sum of all errors*.
# - The width of a peak does not say whether the peak is right. One wrong pick moves least squares without widening it.
# - Depth needs S, or a station within about the depth. A gap stretches the cloud to the open side.
# - Station terms reduce residuals always, errors sometimes.
# - Uncertainty is calibrated against an Earth that is *not* the model. Events of one region share their error: the mean over many Earths may be right while yours is wrong.
#
# ## What's next
#
# The error that all events share cancels in the difference of two of them: {doc}`lesson 32 </schedule>`, relative relocation, is built on that.
#
# **References**: NonLinLoc {cite}`lomax2000nonlinloc`, EDT {cite}`font2004,lomax2005`, location as a density of probability {cite}`tarantola1982`, the eikonal solver
# {cite}`noble2014`; the sample data come with NonLinLoc at <https://github.com/ut-beg-texnet/NonLinLoc>.
