# %% [markdown]
# # 32 · Relative relocation
#
# Lesson 31 ended with an error that all events of a region share: the model is wrong, and every place is wrong with it. In the
# *difference* of two neighbours' arrivals at one station most of that error is gone. From such differences, faults appear in what
# was a cloud; and where waveforms can be compared, events a hundred metres apart can be told from events at one spot.
#
# **You will be able to**
#
# - write down the double difference of a pair of events and solve it for their relative position;
# - relocate a catalog from catalog times, from cross-correlation times, and from both, and choose weights and cut-offs;
# - measure differential times from waveforms, and tell a good one from a bad one;
# - say what differential times do not know, and how large the errors of relative places really are.
#
# **Before**: lesson 31.
#
# **Time to learn**: 90 minutes. It runs in about {golden:lesson32.minutes_text} on two cores.

# %% [markdown]
# ## Twelve hours of aftershocks
#
# The synthetic world has two crossing faults and, on them, two families of *repeating* earthquakes: each breaks the same patch, a few metres wide, again and
# again. Picks are good (standard error 0.02 s for P, 0.03 s for S), but every event is read at another two thirds of its ten nearest stations, as small events are.
# They are located as in lesson 31, with the published model. **This is the baseline.**

# %%
import numpy as np
import pandas as pd

from course_utils import location
from course_utils.catalog.tables import Catalog, conform
from course_utils.earth import LocalFrame
from course_utils.synthetic import World

world = World.lesson(seed=32, hours=12, min_magnitude=1.2, repeaters=2, repeat_hours=1.5, blasts_at_least=0)
truth = world.truth.events[world.truth.events["event_type"] == "earthquake"]
rng, names, rows = np.random.default_rng(32), world.stations["station"].to_numpy(), []
for e in truth.index:
    for station in np.argsort(world.paths.distance_km[e])[:10]:
        for phase, error_s, travel in (("P", 0.02, world.paths.p_time_s), ("S", 0.03, world.paths.s_time_s)):
            if rng.random() < 0.65:
                seconds = travel[e, station] + error_s * rng.standard_normal()
                rows.append(
                    (truth["event_id"][e], names[station], phase, truth["time"][e] + pd.Timedelta(seconds, "s"))
                )
rows = pd.DataFrame(rows, columns=["event_id", "station", "phase", "time"])
rows["time"] = rows["time"].dt.round("us")
picks = conform(rows[["station", "phase", "time"]], "picks")
catalog = Catalog(truth, rows.assign(pick_id=picks["pick_id"]), picks, world.stations, world.velocity)
located = location.locate(catalog, merge=False)

frame = LocalFrame(40.47, -124.17)
ids = truth["event_id"].to_numpy()


def places(events, ids=ids):
    """East, north and depth in km, in the order of ids."""
    events = events.set_index("event_id").loc[ids]
    return np.column_stack([*frame.to_xy_km(events["latitude"], events["longitude"]), events["depth_km"]])


shift = np.median(places(located.events) - places(truth), axis=0)
print(
    f"{len(truth)} events, {len(picks)} picks; common shift of the locations: {np.abs(shift[:2]).max():.2f} km on the map"
)

# %% [markdown]
# ## One pair
#
# Event 1 and event 2 are seen at station $k$ with the travel times $t_1^k$ and $t_2^k$. Subtract what the model predicts, and take the difference of the two:
#
# $$ d^k = (t_1^k - t_2^k)_{obs} - (t_1^k - t_2^k)_{pred} . $$
#
# This is a **double difference** {cite}`waldhauser2000hypodd`. If the events are close, their rays to the station are nearly the same ray, and so is what the model gets wrong along it. What is
# left tells how the pair has to be stretched and turned: with $\mathbf g^k$, the slope of travel time at the source,
#
# $$ d^k = \mathbf g^k \cdot (\Delta\mathbf x_1 - \Delta\mathbf x_2) + (\Delta\tau_1 - \Delta\tau_2) . $$
#
# Four unknowns, the change of the *relative* position and time, and one equation for each station and phase. We solve it by least squares for every pair of events less than 3 km
# apart that shares at least twelve picks.

# %%
from course_utils.earth.traveltime import TravelTimes

times = TravelTimes.build(world.stations, world.velocity, max_distance_km=150, max_depth_km=40)
station_xy = np.column_stack(frame.to_xy_km(world.stations["latitude"], world.stations["longitude"]))
links = location.catalog_differences(located, max_km=3.0, min_links=12)
start, true = places(located.events), places(truth)
position = pd.Series(np.arange(len(ids)), index=ids)


def predicted(event, station, phase):
    """Travel time at the located place and its slopes to east, north and down."""
    away = start[event, :2] - station_xy[station]
    time, outwards, down = times.times_and_slopes(phase, station, np.hypot(*away), start[event, 2])
    return float(time), np.array([*(outwards * away / np.hypot(*away)), down])


separation = []
for (one, two), pair in links.groupby(["event_id_1", "event_id_2"]):
    i, j = position[one], position[two]
    matrix, d = [], []
    for row in pair.itertuples():
        station = times.index([row.station])[0]
        (t1, g1), (t2, g2) = (predicted(e, station, row.phase) for e in (i, j))
        d.append(row.dt_s - (t1 - t2))
        matrix.append([*(g1 + g2) / 2, 1.0])
    change = np.linalg.lstsq(np.array(matrix), np.array(d), rcond=None)[0][:3]
    before, after, real = start[i] - start[j], start[i] - start[j] + change, true[i] - true[j]
    separation.append((np.linalg.norm(before - real), np.linalg.norm(after - real), np.linalg.norm(real)))
separation = pd.DataFrame(separation, columns=["located", "double difference", "true separation, km"])
separation.median().round(3).to_frame("median over pairs: error of the separation, km").T

# %% [markdown]
# Over {golden:lesson32.pairs} pairs the separation of two located events is wrong by {golden:lesson32.pair_located_km} km (median), and by {golden:lesson32.pair_dd_km} km after this small calculation, with the same
# picks and the same wrong model. What remains is mostly the reader's: an error of 0.02 s in one pick is 0.1 km of P travel.
#
# ## All pairs together
#
# A pair alone uses only the stations that its two events share. In a catalog every event has many neighbours, and all equations are solved at once for all events: `location.run_relocation`. It repeats the step with
# new slopes, and lowers the **weight** of links whose residual is large against the others or whose events are far apart; **damping** keeps events without enough links from running away.
# Events that no link reaches stay where they are, and are named.

# %%
run = location.run_relocation(located)
print(run.summary())
shown = ["stage", "links_ct", "rms_ct_s", "cut_ct_s", "shift_km", "solver_iterations"]
run.history.loc[[0, 1, 3, 4, 7, 8, len(run.history) - 1], shown].round(4)

# %% [markdown]
# ## Differential times from waveforms
#
# A pick says when an analyst saw a wave begin. For two events of one fault patch the *whole* wave is alike, and sliding one record along the other measures the difference to a fraction of
# a sample: **cross-correlation** {cite}`schaff2005`. `location.correlate` does this for all pairs of neighbours at all stations, P on the vertical, S on the horizontals.
# In this world only the repeating events share their scattered waves, so only they correlate; on a real fault, neighbours within a few hundred metres do.

# %%
from obspy import Stream

family = truth[truth["cluster"].str.startswith("repeater")]
near = names[np.argsort(world.paths.distance_km[family.index[0]])[:10]]
records = Stream()
for station in near:
    for origin in family["time"]:
        records += world.waveforms(
            station, max(origin - pd.Timedelta("5s"), world.start), min(origin + pd.Timedelta("30s"), world.end)
        )
repeating = catalog.replace(
    events=family, assignments=catalog.assignments[catalog.assignments["event_id"].isin(family["event_id"])]
)
found = location.correlate(repeating, records, min_cc=0.8)
print(found.left_out.to_string(index=False))
found.links.groupby("phase")["cc"].describe(percentiles=[0.5]).round(3)

# %% alt="Two panels of P records of one family at one station, one above the other. Left, aligned on the picks, the wiggles are shifted by some hundredths of a second against each other. Right, aligned by cross-correlation, all wiggles fall into line."
import matplotlib.pyplot as plt
from obspy import UTCDateTime

best = found.links[found.links["phase"] == "P"].groupby(["event_id_1", "station"]).size().idxmax()
mine = found.links[
    (found.links["event_id_1"] == best[0]) & (found.links["station"] == best[1]) & (found.links["phase"] == "P")
]
late = {best[0]: 0.0} | dict(zip(mine["event_id_2"], mine["shift_s"], strict=True))
read = rows[(rows["station"] == best[1]) & (rows["phase"] == "P")].set_index("event_id")["time"]
fig, axes = plt.subplots(1, 2, figsize=(9, 4.2), sharey=True)
for k, (event, correction) in enumerate(late.items()):
    pick = UTCDateTime(read[event])
    trace = next(
        t for t in records.select(id=best[1] + ".*Z") if t.stats.starttime <= pick - 1 and t.stats.endtime >= pick + 2
    )
    wave = trace.copy().detrend("demean").filter("bandpass", freqmin=2, freqmax=8, corners=3, zerophase=True)
    for ax, moved in zip(axes, (0.0, correction), strict=True):
        piece = wave.slice(pick + moved - 0.3, pick + moved + 1.2)
        seconds = piece.times() + (piece.stats.starttime - pick - moved)
        ax.plot(seconds, k + 0.45 * piece.data / np.abs(piece.data).max(), color="#0072B2", linewidth=1)
for ax, title in zip(axes, ("aligned on the picks", "aligned by cross-correlation"), strict=True):
    ax.axvline(0, color="#D55E00", linewidth=1)
    ax.set(title=title, xlabel="seconds after the (corrected) pick", yticks=[])
axes[0].set_ylabel("events of one family")
plt.show()

# %% [markdown]
# A correlation coefficient is not an error bar. It is low where noise is high, but it can be high for the wrong cycle; hence the short search (`max_shift_s`), the pass band, and the cut-off of
# residuals when events are relocated.
#
# ## Both kinds of times
#
# Correlation times are a hundred times sharper and exist for few pairs; catalog times are blunt and tie everything together. So catalog times begin, with the correlation times nearly switched off, and then the weights are
# exchanged in stages, while the cut-offs close in. Look at the map, then press the buttons.

# %%
from course_utils.teaching.figures.relocation import steps_figure
from course_utils.teaching.style import describe

both = location.run_relocation(located, found.links, with_picks=True)
print(both.summary())
steps = {"located": located.events, "picks": run.catalog.events, "picks + waves": both.catalog.events}
centred = {name: places(events) - shift for name, events in steps.items()}
spread = {}
moved = ids[(run.outcomes["outcome"] == "relocated").to_numpy()]
for name, events in steps.items():
    off = places(events, moved) - places(truth, moved)
    spread[name] = {"error, km (median)": np.median(np.linalg.norm(off - np.median(off, axis=0), axis=1))}
    for label, members in family.groupby("cluster"):
        place = places(events, members["event_id"])
        spread[name][f"{label}, spread in m"] = 1000 * np.sqrt(((place - place.mean(axis=0)) ** 2).sum(axis=1).mean())
for label, members in family.groupby("cluster"):
    place = places(truth, members["event_id"])
    spread.setdefault("truth", {})[f"{label}, spread in m"] = 1000 * np.sqrt(place.var(axis=0).sum())
spread = pd.DataFrame(spread).T
figure = steps_figure(centred, places(truth), (-16, 12), (-12, 10), (10, 26))
describe(
    figure,
    "Map and north-looking section of the aftershocks with the true places behind them as grey rings. Located events scatter around the rings; with catalog "
    "times more of them fall into their rings and lines appear; with cross-correlation times the two repeating families shrink to single points.",
)

# %%
spread.round(3)

# %% [markdown]
# Catalog times take the median error from {golden:lesson32.err_located} to {golden:lesson32.err_ct} km; correlation times change it little ({golden:lesson32.err_both} km), since they concern
# {golden:lesson32.n_family} of {golden:lesson32.n_events} events. But there they take the spread of a family from {golden:lesson32.fam_located} m (located) and {golden:lesson32.fam_ct} m (catalog times) to
# {golden:lesson32.fam_both} m, and the truth is {golden:lesson32.fam_true} m. **Seen with picks, this family is a fault patch of some size; in truth it is one spot.**
#
# All errors in the table are taken after removing the common shift ({golden:lesson32.shift_km} km on the map in the locations), because differences know it badly, the worse the smaller a cluster is. The program therefore
# holds the mean of every cluster where the locations put it. *Sharp* is not *right*.
#
# ## How large are the errors?
#
# The covariance of the least-squares problem gives an error for every event. It takes links for independent measurements, and they are not: ten events at one station have ten picks and
# forty-five differences. Here the truth is known, so we can ask how large errors are in units of what is stated: 1 is calibrated, 3 means three times too optimistic.

# %%
from course_utils.location.relative_errors import respond

ok = (run.outcomes["cluster"] == 0).to_numpy()
off = places(run.catalog.events)[ok] - true[ok]
off -= off.mean(axis=0)
draws = np.random.default_rng(0).exponential(size=(100, len(run.problem.residual)))
stated = {
    "formal covariance": np.sqrt(
        np.diagonal(run.problem.system.covariance(run.problem.variance()), axis1=1, axis2=2)[ok]
    ),
    "bootstrap over differences": respond(run, draws).std(axis=0)[ok],
    "bootstrap over stations": location.bootstrap(run, 100, by="stations").std(axis=0)[ok],
    "bootstrap over picks": location.bootstrap(run, 100, by="picks").std(axis=0)[ok],
}
honest = pd.DataFrame(
    {
        name: {
            "stated, km (median, horizontal)": np.median(np.hypot(sigma[:, 0], sigma[:, 1])),
            "error / stated, horizontal": np.sqrt(np.mean((off[:, :2] / sigma[:, :2]) ** 2)),
            "error / stated, depth": np.sqrt(np.mean((off[:, 2] / sigma[:, 2]) ** 2)),
        }
        for name, sigma in stated.items()
    }
).T
honest.round(3)

# %% [markdown]
# On the map the formal covariance states errors {golden:lesson32.ratio_formal} times too small, the bootstrap over differences {golden:lesson32.ratio_links} times. Drawing stations gives {golden:lesson32.ratio_stations}: there are only
# twelve, and an event uses half of them. Drawing picks gives {golden:lesson32.ratio_picks} on the map and {golden:lesson32.ratio_picks_depth} in depth. It cannot know the part of the model error that does *not* cancel between events
# some kilometres apart, so even this is a lower bound.
#
# ## Real data: sixteen earthquakes on the Hayward fault
#
# The example that comes with HypoDD {cite}`waldhauser2000hypodd`: sixteen earthquakes near El Cerrito, California, with catalog and correlation times, the weights of the official run, and its result. Ours uses its files, weights
# and layers; the travel times, the solver and every line of code are others. In real mode we also correlate real records: two Ridgecrest foreshocks of 4 July 2019, against the program FDTCC.

# %%
from course_utils.teaching.stored import stored


def around(events):
    """Places in km around their mean, in the order of the events' ids."""
    events = events.sort_values("event_id")
    local = LocalFrame(float(events["latitude"].mean()), float(events["longitude"].mean()))
    place = np.column_stack([*local.to_xy_km(events["latitude"], events["longitude"]), events["depth_km"]])
    return place - place.mean(axis=0)


if teaching.real_data():
    from course_utils import data

    hayward = data.open("hypodd-examples")
    official = location.run_relocation(hayward.catalog, hayward.differences, stages=hayward.stages)
    parts = {"network catalog": hayward.located, "relocated here": official.catalog.events, "HypoDD": hayward.relocated}
    axes_km = ["east_km", "north_km", "below_km"]
    sixteen = [
        pd.DataFrame(around(events).round(4), columns=axes_km).assign(catalog=name) for name, events in parts.items()
    ]
    sixteen = pd.concat(sixteen, ignore_index=True)
    fit = official.history.iloc[[0, -1]][["links_ct", "rms_ct_s", "links_cc", "rms_cc_s"]].reset_index(drop=True)
    foreshocks = data.open("fdtcc-ridgecrest")
    ours = location.correlate(foreshocks.catalog, foreshocks.waveforms).links
    theirs = foreshocks.differences[foreshocks.differences["kind"] == "cc"]
    ridgecrest = theirs[["station", "phase", "dt_s"]].merge(ours, on=["station", "phase"], suffixes=("_fdtcc", ""))
    ridgecrest = ridgecrest[["station", "phase", "dt_s_fdtcc", "dt_s", "cc"]]
else:
    sixteen, fit, ridgecrest = (stored(f"lesson32_{name}") for name in ("hayward", "fit", "ridgecrest"))
    print("Stored results of", sixteen.attrs["date"], "from", sixteen.attrs["data"])
    print("Run it yourself: COURSE_DATA=real fetches 4 MB.")

shapes = {
    name: rows[["east_km", "north_km", "below_km"]].to_numpy() for name, rows in sixteen.groupby("catalog", sort=False)
}
thickness_m = {name: 1000 * np.linalg.svd(place)[1][-1] / np.sqrt(len(place)) for name, place in shapes.items()}
apart_m = 1000 * np.sqrt(((shapes["relocated here"] - shapes["HypoDD"]) ** 2).sum(axis=1).mean())
print("thickness across the plane, m:", {name: round(value) for name, value in thickness_m.items()})
print(f"ours against HypoDD, mean shift removed: {apart_m:.0f} m")
ridgecrest.round(4)

# %%
from course_utils.teaching.figures.relocation import hypocenters_figure

describe(
    hypocenters_figure(shapes, 1.0),
    "Sixteen hypocenters in three dimensions. The network's catalog is a loose cloud two kilometres high. Relocated here and by HypoDD they form a narrow, "
    "nearly horizontal streak that strikes north-northwest on a thin, steep plane, and the two results coincide.",
)

# %% [markdown]
# Across the plane that fits best, the network's locations scatter by {golden:lesson32.thick_located} m, ours by {golden:lesson32.thick_ours} m and HypoDD's by {golden:lesson32.thick_hypodd} m; event by event the two results
# are {golden:lesson32.hayward_apart} m apart. Correlation residuals fell from {golden:lesson32.cc_first} to {golden:lesson32.cc_last} s. Agreement with HypoDD shows that both solve the same problem from the same times. It does not show where the
# fault is: both held the mean of the sixteen network locations. At Ridgecrest our four differential times differ from FDTCC's by at most {golden:lesson32.fdtcc_ms} ms, less than its sample of 10 ms.

# %% tags=["golden"]
from course_utils.teaching import golden
from course_utils.teaching.stored import keep

if teaching.real_data():
    keep("lesson32_hayward", sixteen, data="hypodd-examples fb40407", east_km=0.02, north_km=0.02, below_km=0.02)
    keep("lesson32_fit", fit, data="hypodd-examples fb40407", rms_cc_s=0.005, rms_ct_s=0.01)
    keep("lesson32_ridgecrest", ridgecrest, data="fdtcc-ridgecrest 86b4992", dt_s=0.003, cc=0.05)
fam = "repeater 2, spread in m"
golden.check(
    "lesson32",
    minutes_text="a minute",
    pairs=len(separation),
    pair_located_km=float(separation["located"].median()),
    pair_dd_km=float(separation["double difference"].median()),
    err_located=spread.loc["located", "error, km (median)"],
    err_ct=spread.loc["picks", "error, km (median)"],
    err_both=spread.loc["picks + waves", "error, km (median)"],
    n_family=len(family),
    n_events=len(truth),
    fam_located=spread.loc["located", fam],
    fam_ct=spread.loc["picks", fam],
    fam_both=spread.loc["picks + waves", fam],
    fam_true=spread.loc["truth", fam],
    shift_km=float(np.hypot(*shift[:2])),
    ratio_formal=honest.loc["formal covariance", "error / stated, horizontal"],
    ratio_links=honest.loc["bootstrap over differences", "error / stated, horizontal"],
    ratio_stations=honest.loc["bootstrap over stations", "error / stated, horizontal"],
    ratio_picks_depth=honest.loc["bootstrap over picks", "error / stated, depth"],
    ratio_picks=honest.loc["bootstrap over picks", "error / stated, horizontal"],
    thick_located=thickness_m["network catalog"],
    thick_ours=thickness_m["relocated here"],
    thick_hypodd=thickness_m["HypoDD"],
    hayward_apart=apart_m,
    cc_first=float(fit["rms_cc_s"].iloc[0]),
    cc_last=float(fit["rms_cc_s"].iloc[-1]),
    fdtcc_ms=1000 * float((ridgecrest["dt_s"] - ridgecrest["dt_s_fdtcc"]).abs().max()),
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Exercise 1 · Delay of two records
# Write `delay(first, second, rate_hz)`: by how many seconds `second` lags behind `first` (positive: it comes later). Both are arrays of one length with one wave each. Be better than half a sample:
# fit a parabola to the highest three values of the correlation.
# ```


# %%
def delay(first, second, rate_hz):
    # solution: return ...
    cc = np.correlate(second, first, mode="full")
    at = int(np.clip(cc.argmax(), 1, len(cc) - 2))
    left, top, right = cc[at - 1 : at + 2]
    return (at + 0.5 * (left - right) / (left - 2 * top + right) - (len(first) - 1)) / rate_hz
    # end solution


checks.lesson32.delay_of(delay)

# %% [markdown]
# ```{exercise} Exercise 2 · What differences do not know
# The second family alone, from catalog times, is moved 2 km to the north and relocated with its mean set free (`hold_centroid=False`). How far north, in km, is the *mean* of the relocated events from the mean
# of those relocated from the unmoved start? And how far, in km, is a *single* event from where it would be otherwise, once both means are removed (root mean square over events, three dimensions)?
# ```

# %%
second = family.loc[family["cluster"] == "repeater 2", "event_id"].to_numpy()
small = located.replace(
    events=located.events[located.events["event_id"].isin(second)],
    assignments=located.assignments[located.assignments["event_id"].isin(second)],
)
north = frame.to_geographic(0.0, 2.0)[0] - frame.to_geographic(0.0, 0.0)[0]
moved_start = small.replace(events=small.events.assign(latitude=small.events["latitude"] + north))
from_start, from_moved = (location.relocate(c, hold_centroid=False) for c in (small, moved_start))

# solution
a, b = places(from_start.events, second), places(from_moved.events, second)
change = b - a - (b - a).mean(axis=0)
answer = {"mean_km": (b - a)[:, 1].mean(), "shape_km": np.sqrt((change**2).sum(axis=1).mean())}
# end solution
checks.lesson32.mean_and_shape(answer, from_start, from_moved)

# %% [markdown]
# ```{exercise} Exercise 3 · Damping
# Six neighbours in `weak` have only the P of their five farthest stations. `checks.lesson32.damped(weak, damping)` relocates them and returns the farthest that an event moved, and the weighted rms of the residuals. Try damping between 0 and 1.
# Which of the fractions in `checks.lesson32.DAMPING` would you choose: the least that keeps every event within 1.5 km of its start? Answer with the number.
# ```

# %%
weak = checks.lesson32.weak_cluster(located, truth)

# solution
tried = {d: checks.lesson32.damped(weak, d) for d in checks.lesson32.DAMPING}
answer = min(d for d, (moved_km, _) in tried.items() if moved_km <= 1.5)
# end solution
checks.lesson32.least_damping(answer, weak)

# %% [markdown]
# ```{exercise} Exercise 4 · Why a bootstrap over differences lies
# Twenty events of one cluster are all read at fifteen stations, P and S, and every event is linked with every other. How many independent readings are there, how many differential times, and how many differential times
# change when *one* pick is read anew? Answer `{"readings": ..., "differences": ..., "changed": ...}`.
# ```

# %%
# solution
answer = {"readings": 20 * 15 * 2, "differences": 20 * 19 // 2 * 15 * 2, "changed": 19}
# end solution
checks.lesson32.how_many(answer)

# %% [markdown]
# ```{exercise} Exercise 5 · What would you publish?
# Choose from `checks.lesson32.CLAIMS` the statements on the sixteen Hayward events that the results above support, and say why the others are not supported: `{"claims": ["a", ...], "reason": "..."}`, in at least
# fifteen words.
# ```

# %%
for key, claim in checks.lesson32.CLAIMS.items():
    print(f"{key}) {claim}")

# solution
answer = {
    "claims": ["a", "d"],
    "reason": "Differences fix the shape of the cluster, not its mean position, so the absolute depth and place of the fault stay those of the network; "
    "formal errors take links for independent and are too small.",
}
# end solution
checks.lesson32.publishable(answer)

# %% [markdown]
# ## Recap
#
# - In the difference of two neighbours' times most of the model's error cancels; the reader's does not.
# - Catalog times tie everything together, correlation times sharpen what is alike. Weights and cut-offs lead from one to the other.
# - Differential times hardly know the mean of a cluster, and nothing of two clusters to each other.
# - Differences share picks. Errors that forget this are several times too small; even a bootstrap over picks does not know the model.
#
# ## What's next
#
# The size of these events: {doc}`lesson 33 </schedule>`.
#
# **References**: double difference and HypoDD {cite}`waldhauser2000hypodd`, with its example data at <https://github.com/fwaldhauser/HypoDD>; differential times from waveforms {cite}`schaff2005`; FDTCC at
# <https://github.com/MinLiu19/FDTCC>.
