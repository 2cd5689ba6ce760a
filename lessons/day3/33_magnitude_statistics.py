# %% [markdown]
# # 33 · Magnitude, completeness, b-value, Omori
#
# A magnitude compresses the records of a network into one number; a b-value compresses thousands of such numbers into one more; and that one is printed
# in hazard reports. At each step something is decided that the number does not show. Here we make magnitudes from waveforms on an Earth whose
# magnitudes we know, then ask a famous sequence for its b-value, and get 0.5, 0.8 and 1.1.
#
# **You will be able to**
#
# - read a Wood-Anderson amplitude from any instrument, and turn it into a local magnitude with an error;
# - calibrate the distance correction and the station terms of a network, and say what that improves;
# - estimate completeness in three ways and b with its error, and notice when the error is the smallest of your problems;
# - fit Omori's law, and say what its p does and does not mean.
#
# **Before**: lesson 31, or a catalog with assigned picks; logarithms.
#
# **Time to learn**: 60 minutes. It runs in about {golden:lesson33.minutes_text} on two cores.

# %% [markdown]
# ## What Richter's instrument would have written
#
# Richter (1935) defined magnitude by the largest swing of one instrument, the Wood-Anderson torsion seismograph: a pendulum of 0.8 s that magnified the ground 2080 times {cite}`uhrhammer1990`.
# Nobody runs one today. Instead we divide a record by the response of its own instrument and multiply it with the Wood-Anderson's. We do it once with ObsPy, step by step.

# %%
import numpy as np
import pandas as pd

from course_utils.synthetic import World

world = World.lesson(seed=33)
catalog = world.truth.catalog()  # a perfect analyst's picks and places
quakes = catalog.events[catalog.events["event_type"] == "earthquake"]


def read(station, start, end):
    return world.waveforms(station, max(start, world.start), min(end, world.end))


event = quakes.loc[quakes["magnitude"].idxmax()]
mine = catalog.assignments[
    (catalog.assignments["event_id"] == event["event_id"]) & (catalog.assignments["phase"] == "P")
]
station = mine.sort_values("distance_km")["station"].iloc[4]
record = read(station, event["time"] - pd.Timedelta("20s"), event["time"] + pd.Timedelta("40s")).select(component="N")[
    0
]

torsion = {"poles": [-5.49779 + 5.60886j, -5.49779 - 5.60886j], "zeros": [0j], "gain": 1.0, "sensitivity": 2080.0}
ground = record.copy().detrend("demean").taper(0.05)
ground.remove_response(world.inventory, output="VEL", pre_filt=(0.05, 0.1, 35, 45))
written = ground.copy().simulate(paz_simulate=torsion)
written.data = 1000 * written.data  # mm
peak = int(np.abs(written.data).argmax())
print(f"{station}, north component: largest swing {abs(written.data[peak]):.3f} mm")

# %% alt="Two traces of a minute. Top: the record in counts, with fine fast wiggles, the P wave largest. Bottom: the same as a Wood-Anderson would have written it, in millimetres; the fast wiggles are gone, and the largest swing, marked, is now in the S wave and no longer in P."
import matplotlib.pyplot as plt

from course_utils.teaching.style import COLOURS

fig, axes = plt.subplots(2, 1, figsize=(8, 4.2), sharex=True)
for ax, trace, label in ((axes[0], record, "counts"), (axes[1], written, "Wood-Anderson (mm)")):
    ax.plot(trace.times() - 20, trace.data, color="black", linewidth=0.6)
    ax.set_ylabel(label)
axes[1].plot(written.times()[peak] - 20, written.data[peak], "o", color=COLOURS["S"], label="largest swing")
axes[1].legend(loc="upper left")
axes[1].set(xlabel="seconds after the origin time", xlim=(-10, 40))
plt.show()

# %% [markdown]
# ## All events at all stations
#
# {func}`~course_utils.catalog.amplitudes.wood_anderson` does this for every event at every station that picked it, on both horizontals. It also says which readings it refused and why. That
# list is worth reading first: a clipped record makes a large event small, and another event in the window makes a small one large.

# %%
from course_utils.catalog.amplitudes import wood_anderson

readings = wood_anderson(catalog, read, world.inventory)
here = readings[(readings["event_id"] == event["event_id"]) & (readings["station"] == station)].iloc[0]
print(f"{station}, mean of both horizontals: {here['amplitude']:.3f} mm")
readings["reason"].replace("", "used").value_counts().to_frame("readings")

# %% [markdown]
# Most refusals are events too small for the station. The amplitude is read through a high-pass filter where it must be: the microseism, at 0.2 Hz, is larger than a magnitude 1. For large events the filter stays off,
# since it would take away what makes them large.
#
# ## From amplitude to magnitude
#
# Amplitude falls with distance. Hutton and Boore {cite}`hutton1987` measured how, in southern California:
#
# $$M_L = \log_{10} A + 1.110 \log_{10}(r/100) + 0.00189\,(r - 100) + 3.0$$
#
# with $A$ in mm and the hypocentral distance $r$ in km. Each station gives one magnitude, the event gets their median. What is left over at each station, the residual, shows what the formula
# does not know. With enough readings we can fit the two numbers, and a term for each station, to our own network. One thing amplitudes alone cannot tell is the *level*: how large a magnitude 3 is. It stays that of the published
# scale.

# %%
from course_utils.catalog.magnitude import HUTTON_BOORE, calibrate, local_magnitudes

published = local_magnitudes(catalog, readings)
own = calibrate(readings, name="our own")
calibrated = local_magnitudes(catalog, readings, own)
print(published.summary(), "", calibrated.summary(), sep="\n")
pd.DataFrame(
    {
        "published": [HUTTON_BOORE.spreading, HUTTON_BOORE.attenuation_per_km],
        "our own": [own.spreading, own.attenuation_per_km],
        "standard error": list(own.errors.values()),
    },
    index=["spreading", "attenuation per km"],
).round(4)

# %% alt="Left: station residuals of the published scale against distance, a cloud of about 0.4 around zero, without a clear trend. Right: terms of the twelve stations as bars, from about minus 0.25 to plus 0.3."
used = published.readings[published.readings["reason"] == ""]
fig, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
axes[0].plot(used["distance_km"], used["residual"], ".", color=COLOURS["station"])
r = np.linspace(used["distance_km"].min(), used["distance_km"].max(), 100)
axes[0].plot(r, HUTTON_BOORE.correction(r) - own.correction(r), color="black", label="expected from our own scale")
axes[0].axhline(0, color=COLOURS["noise"], linewidth=1)
axes[0].set(xlabel="hypocentral distance (km)", ylabel="station minus event magnitude")
axes[0].legend(loc="lower left")
terms = pd.Series(own.station_terms).sort_values()
axes[1].barh([name.split(".")[1] for name in terms.index], terms, color=COLOURS["station"])
axes[1].axvline(0, color="black", linewidth=1)
axes[1].set(xlabel="station term (units of magnitude)")
plt.show()

# %% [markdown]
# Our spreading and attenuation are far from the published ones, with wide errors, and the curve of the left panel is close to zero where most readings are: over such distances more attenuation and less spreading look the same. So never compare
# single parameters of two scales; compare their curves, where both have data. Beyond 60 km there are few readings, and the difference of {golden:lesson33.curve_far} at the far end is not worth much. The station terms are another
# matter: they span {golden:lesson33.terms_span} units of magnitude, and whoever sees an event with three stations gets it wrong by the mean of those three.
#
# ## Against the truth
#
# The world knows its own ML: noise-free amplitudes at every station, Hutton and Boore's formula, the median. The baseline is what one station alone would have said.

# %%
truth = world.truth.local_magnitudes.merge(quakes[["event_id"]], on="event_id")
nearest = used.sort_values("distance_km").drop_duplicates("event_id")[["event_id", "magnitude"]]
settled = published.catalog.events.dropna(subset="magnitude_error")
found = {
    "nearest station alone": nearest[nearest["event_id"].isin(settled["event_id"])],
    "published scale": settled,
    "our own scale": calibrated.catalog.events.dropna(subset="magnitude_error"),
}
rows = {}
for name, events in found.items():
    both = events.merge(truth, on="event_id")
    off = both["magnitude"] - both["ml"]
    small = both["ml"] < 1.0
    rows[name] = {"events": len(both), "bias": off.mean(), "bias below ML 1": off[small].mean(), "scatter": off.std()}
    if "magnitude_error" in both:
        rows[name]["within one error"] = np.mean(off.abs() < both["magnitude_error"])
for name, run in (("published scale", published), ("our own scale", calibrated)):
    rows[name]["between stations"] = run.readings.loc[run.readings["reason"] == "", "residual"].std()
scores = pd.DataFrame(rows).T
scores.round(2)

# %% [markdown]
# The column "scatter" is the standard deviation of found minus true. That of the median over stations is little more than half of that of the nearest one alone. Our own scale agrees better *between stations* and not better *with the truth*. That is no contradiction: this truth is
# defined with the published formula and without terms, and so is that of many a catalog office. Terms make an event seen by three stations comparable to one seen by twelve; they make nothing truer. For the same reason the truth lies within one
# standard error more often than in 68 of 100 cases with the published scale, whose station scatter it shares. These are {golden:lesson33.n_scored} events: the second digits are not supported.
#
# Below magnitude 1 the magnitudes are too high by {golden:lesson33.bias_small}: a small event is measured where it happened to be loud, and the stations where it was not say nothing. The refused readings
# are not missing at random.
#
# ## Two scales, two b-values
#
# ML is not the only scale. The moment magnitude Mw measures the size of the source and is what the synthetic world is built from.

# %% alt="Local magnitude of the events against moment magnitude. The points lie on a line steeper than the diagonal: ML is below Mw for small events and above it for large ones."
pairs = world.truth.local_magnitudes.merge(quakes[["event_id", "magnitude"]], on="event_id")
slope, level = np.polyfit(pairs["magnitude"], pairs["ml"], 1)
fig, ax = plt.subplots(figsize=(5, 4.6))
ax.plot(pairs["magnitude"], pairs["ml"], ".", color=COLOURS["P"], label="true ML of an event")
x = np.array([pairs["magnitude"].min(), pairs["magnitude"].max()])
ax.plot(x, level + slope * x, color=COLOURS["S"], label=f"slope {slope:.2f}")
ax.plot(x, x, "--", color="black", linewidth=1, label="ML = Mw")
ax.set(xlabel="Mw", ylabel="ML")
ax.legend()
plt.show()

# %%
from course_utils.catalog.statistics import b_value

month = World.month(seed=33).truth.events
month = month[month["event_type"] == "earthquake"].sort_values("time", ignore_index=True)
m = month["magnitude"]
b_mw = b_value(m, 1.2)
b_ml = b_value(level + slope * m, level + slope * 1.15 + 0.05)
print(f"{len(month)} earthquakes of a month. In Mw: {b_mw}. The same in ML: {b_ml}")

# %% [markdown]
# The same earthquakes have b = {golden:lesson33.b_mw} in Mw and {golden:lesson33.b_ml} in ML, and both are right. (We carried the month over with the straight line, which holds for
# the magnitudes of the figure.) A b-value without its scale means nothing, and one of a list that mixes scales, as most do, means little.
#
# ## Completeness, three ways
#
# A catalog loses its small events. Below some magnitude its counts say what the network hears, not what the Earth does. We let a network listen to the month: it hears half of the events of Mw 1.1 on quiet days, and
# after the main shock, whose coda covers everything, only larger ones at first {cite}`helmstetter2006`. The true b of this Earth is 1.
#
# - **Maximum curvature**: the fullest bin, plus 0.2 {cite}`wiemer2000,woessner2005`.
# - **Goodness of fit**: the first magnitude above which the law fits 90 % of the counts {cite}`wiemer2000`.
# - **b-stability**: the first magnitude above which b stays within its error over half a unit {cite}`cao2002`.
#
# And one that needs no completeness, **b-positive** {cite}`vanderelst2021`: take each event that is *larger than the one before it*, and use the differences. If the first was heard, the larger one was.

# %%
from scipy.stats import norm

from course_utils.catalog.statistics import COMPLETENESS, b_positive


def estimates(magnitudes):
    """Completeness and b by three methods, and b-positive."""
    rows = {}
    for name, method in COMPLETENESS.items():
        smallest = method(magnitudes)
        rows[name] = {"completeness": smallest, **vars(b_value(magnitudes, smallest))}
    rows["b-positive"] = vars(b_positive(magnitudes))
    return pd.DataFrame(rows).T[["completeness", "b", "error", "n"]]


main = month["time"][m.idxmax()]
days = (month["time"] - main).dt.total_seconds() / 86400
half_heard = np.where(days > 0, m.max() - 4.5 - 0.75 * np.log10(np.maximum(days, 1e-4)), 0.0)
chance = norm.cdf(m, np.maximum(half_heard, 1.1), 0.2)
heard = month[np.random.default_rng(33).uniform(size=len(m)) < chance]
simulated = estimates(heard["magnitude"])
print(f"{len(heard)} of {len(month)} earthquakes heard")
simulated.round(2)

# %% alt="Number of events per bin and cumulative number against magnitude on a logarithmic axis. The cumulative curve bends away from a straight line below about 1.5. Three vertical lines mark the three estimates of completeness."
from course_utils.catalog.statistics import frequency_magnitude


def draw_counts(ax, magnitudes, table, slope_from="b stability"):
    counts = frequency_magnitude(magnitudes)
    filled = counts[counts["count"] > 0]
    ax.semilogy(filled["magnitude"], filled["count"], "^", color=COLOURS["noise"], markersize=4, label="in the bin")
    ax.semilogy(counts["magnitude"], counts["cumulative"], "o", color="black", markersize=3, label="and above")
    for (name, row), colour, dash in zip(
        table.iloc[:3].iterrows(), ("#E69F00", "#009E73", "#CC79A7"), ("-", "--", ":"), strict=True
    ):
        ax.axvline(
            row["completeness"], color=colour, linestyle=dash, linewidth=2.5, label=f"{name}: b = {row['b']:.2f}"
        )
    row = table.loc[slope_from]
    x = counts.loc[counts["magnitude"] >= row["completeness"] - 1e-6, "magnitude"]
    ax.plot(x, row["n"] * 10 ** (-row["b"] * (x - row["completeness"])), color="#CC79A7", linewidth=1.2)
    ax.set(xlabel="magnitude", ylabel="number of events", ylim=(0.7, None))
    ax.legend(fontsize="small")


fig, ax = plt.subplots(figsize=(6.4, 4.4))
draw_counts(ax, heard["magnitude"], simulated)
plt.show()

# %% [markdown]
# The true value is 1. Each error is what the number of events allows *if the list is complete*; whether it is, the error does not know. Here the largest miss is {golden:lesson33.sim_worst_miss}, by {golden:lesson33.sim_worst}, which
# is {golden:lesson33.sim_worst_errors} of its own standard errors.
#
# ## Omori's law, where we know the answer
#
# After a main shock the rate of events falls as $K/(t+c)^p$ {cite}`utsu1961`. In this world every event has aftershocks of its own, which decay with p = 1.1. We fit the whole list, complete above Mw 1.2, from the first minutes on {cite}`ogata1983`.

# %%
from course_utils.catalog.statistics import fit_omori

after = days[(days > 0) & (m >= 1.2)]
omori = fit_omori(after, 0.001, days.max())
print(
    f"p = {omori.p:.2f} +- {omori.p_error:.2f}, c = {omori.c_days:.4f} +- {omori.c_error_days:.4f} days, {omori.n} events"
)

# %% [markdown]
# p = {golden:lesson33.p_world} ± {golden:lesson33.p_world_error}, and no single event of this Earth decays like that. Aftershocks have aftershocks, which come later and slow the decay of the whole, and a steady background does not decay at
# all. The law describes the list well and is still not the process that made it. The small error says only that another list of this kind would give the same.
#
# ## Real data: Ridgecrest 2019 and San Simeon 2003
#
# Two sequences of California as reviewed by the USGS and its networks.

# %%
from course_utils.teaching.stored import stored

if teaching.real_data():
    from course_utils import data

    listed = data.open("comcat-reviewed").events
    listed = listed[listed["event_type"] == "earthquake"]
    strongest = listed.loc[listed.groupby("sequence")["magnitude"].idxmax()].set_index("sequence")["time"]
    since = (listed["time"] - listed["sequence"].map(strongest)).dt.total_seconds() / 86400
    sequences = listed[["sequence", "magnitude"]].assign(days=since.round(5)).reset_index(drop=True)
else:
    sequences = stored("lesson33_sequences")
    print("Stored list of", sequences.attrs["date"], "from", sequences.attrs["data"])
    print("Run it yourself: COURSE_DATA=real fetches 2 MB.")
ridgecrest, simeon = (sequences[sequences["sequence"] == name] for name in ("ridgecrest", "san_simeon"))
tables = {"Ridgecrest": estimates(ridgecrest["magnitude"]), "San Simeon": estimates(simeon["magnitude"])}
pd.concat(tables).round(2)

# %% alt="b against the magnitude from which the list is taken as complete, with error bands. San Simeon rises to 0.8 at magnitude 2.1, stays near it to 2.6, and rises again where few events are left. Ridgecrest rises all the way from 0.5 at 1.6 to 1.2 at 3.5 without any plateau. Markers show the three methods, horizontal lines b-positive of both, at 0.8."
from course_utils.catalog.statistics import b_curve

fig, ax = plt.subplots(figsize=(7, 4.6))
for (name, table), part, colour in zip(tables.items(), (ridgecrest, simeon), (COLOURS["P"], COLOURS["S"]), strict=True):
    curve = b_curve(part["magnitude"])
    curve = curve[curve["completeness"].between(1.0, 4.0) & (curve["n"] >= 50)]
    ax.plot(curve["completeness"], curve["b"], color=colour, label=name)
    ax.fill_between(
        curve["completeness"], curve["b"] - curve["error"], curve["b"] + curve["error"], color=colour, alpha=0.2
    )
    ax.axhline(table.loc["b-positive", "b"], color=colour, linestyle=":", label=f"{name}, b-positive")
    for method, marker in zip(COMPLETENESS, "so^", strict=True):
        label = method if name == "Ridgecrest" else None
        ax.plot(
            *table.loc[method, ["completeness", "b"]],
            marker,
            color="black",
            markersize=7,
            fillstyle="none",
            label=label,
        )
ax.set(xlabel="taken as complete from magnitude", ylabel="b")
ax.legend(fontsize="small", ncols=2, loc="lower right")
plt.show()

# %% [markdown]
# In San Simeon the four values stay between {golden:lesson33.simeon_low} and {golden:lesson33.simeon_high}, and b hardly changes from 2.1 to 2.6. In Ridgecrest the three methods give {golden:lesson33.ridge_curvature}, {golden:lesson33.ridge_fit} and {golden:lesson33.ridge_stability}, each with an
# error of a few hundredths, and b climbs as long as there are events. A paper could print any value of this curve with two decimals. Why does it climb? Look at the events themselves.

# %% alt="Magnitude against days after the Ridgecrest main shock on a logarithmic time axis. In the first hours the lower left corner is empty: below a line that falls with the logarithm of time there are few events. From about 1.2 days on a band between magnitudes 1.5 and 2.5 is nearly empty too, with many smaller events below it."
later = ridgecrest[ridgecrest["days"] > 3e-4]
fig, ax = plt.subplots(figsize=(7.4, 4.2))
ax.semilogx(later["days"], later["magnitude"], ".", color=COLOURS["P"], markersize=3, alpha=0.5)
t = np.geomspace(1e-3, 6, 100)
ax.plot(
    t,
    ridgecrest["magnitude"].max() - 4.5 - 0.75 * np.log10(t),
    color=COLOURS["S"],
    label="complete above (Helmstetter et al. 2006)",
)
ax.set(xlabel="days after the main shock", ylabel="magnitude")
ax.legend()
plt.show()
windows = {"before it": (-9, 0), "first 12 hours": (0, 0.5), "12 to 28 hours": (0.5, 1.2), "later": (1.2, 9)}
by_time = {}
for name, (first, last) in windows.items():
    part = ridgecrest.loc[ridgecrest["days"].between(first, last, inclusive="left"), "magnitude"]
    by_time[name] = {f"M {a} to {a + 0.4:.1f}": part.between(a, a + 0.495).sum() for a in (1.0, 2.0, 2.5)}
    by_time[name] |= {f"b from {c}": b_value(part, c).b for c in (1.7, 2.5, 3.0)}
    by_time[name] |= {"± (3.0)": b_value(part, 3.0).error, "b-positive": b_positive(part).b}
by_time = pd.DataFrame(by_time).T
by_time.round(2)

# %% [markdown]
# Two things are wrong with this list, and no single completeness can describe either.
#
# The lower left corner is empty: for hours the coda of the large events hid the small ones. And **from about 1.2 days on there is a hole**. Of magnitude 2.0 to 2.4 there are {golden:lesson33.hole} events, of 2.5 to 2.9 there are {golden:lesson33.hole_above}, and of 1.0 to 1.4 again {golden:lesson33.hole_below}. No network
# hears like that. The list is of *reviewed* events: people worked through the first day, and later, it seems, through the larger ones and some of the smallest. What nobody looked at is not in the file. We infer this from the picture;
# the file does not say so. So b from 1.7 is {golden:lesson33.b_early} in the first 12 hours and {golden:lesson33.b_late} after the hole opens.
#
# b-positive of the whole list is {golden:lesson33.ridge_positive}, a reasonable number, but of its parts {golden:lesson33.positive_early} and {golden:lesson33.positive_late}: it assumes that what is larger than an event in the list is in the list, and the hole breaks just that. And the
# climb from 2.5 to 3.5, where nothing should be missing after the first hours, is also where local magnitudes hand over to moment magnitudes and other procedures; San Simeon climbs there too. We have seen what a change of scale does to b. How much of the climb is
# due to it, this list cannot tell.
#
# The decay depends on the same choices:

# %% alt="Rate of events per day against days after the main shock, both logarithmic, for three smallest magnitudes, with fitted curves. The list from magnitude 2.0 is flat for the first hours and then falls steeply; those from 2.5 and 3.0 fall more gently, on nearly parallel lines."
fits, edges = {}, np.geomspace(1e-3, 5.5, 22)
fig, ax = plt.subplots(figsize=(6.6, 4.6))
for smallest, colour, marker in zip((2.0, 2.5, 3.0), ("#0072B2", "#D55E00", "#009E73"), "os^", strict=True):
    there = ridgecrest.loc[ridgecrest["magnitude"] >= smallest - 0.05, "days"]
    fit = fit_omori(there, 1e-3, 5.5)
    counts = np.histogram(there, edges)[0]
    middle, rate = np.sqrt(edges[1:] * edges[:-1]), counts / np.diff(edges)
    ax.loglog(middle[counts > 0], rate[counts > 0], marker, color=colour, markersize=4)
    ax.loglog(t, fit.rate(t), color=colour, label=f"from {smallest}: p = {fit.p:.2f} ± {fit.p_error:.2f}")
    fits[smallest] = {"p": fit.p, "± p": fit.p_error, "c, hours": 24 * fit.c_days, "events": fit.n}
ax.set(xlabel="days after the main shock", ylabel="events per day")
ax.legend()
plt.show()
pd.DataFrame(fits).T.round(2)

# %% [markdown]
# From magnitude 2.0 the fit gives p = {golden:lesson33.p_low} and c = {golden:lesson33.c_low} hours; from 3.0, p = {golden:lesson33.p_high} and c = {golden:lesson33.c_high} hours. The first is no physics of the fault: early events are missing because nobody could hear them,
# late ones because nobody listed them, and the law bends to fit both. Its standard error, {golden:lesson33.p_low_error}, is small all the same.

# %% tags=["golden"]
from course_utils.teaching import golden
from course_utils.teaching.stored import keep

if teaching.real_data():
    keep("lesson33_sequences", sequences, data="comcat-reviewed dfdbc86", rows=0, magnitude=0.01, days=0.001)
miss = (simulated["b"] - 1).abs()
golden.check(
    "lesson33",
    minutes_text="half a minute",
    bias_small=scores.loc["published scale", "bias below ML 1"],
    n_scored=int(scores.loc["published scale", "events"]),
    curve_far=float(abs(HUTTON_BOORE.correction(own.max_km) - own.correction(own.max_km))),
    terms_span=float(terms.max() - terms.min()),
    hole=int(by_time.loc["later", "M 2.0 to 2.4"]),
    hole_above=int(by_time.loc["later", "M 2.5 to 2.9"]),
    hole_below=int(by_time.loc["later", "M 1.0 to 1.4"]),
    positive_early=by_time.loc["first 12 hours", "b-positive"],
    positive_late=by_time.loc["later", "b-positive"],
    p_low_error=fits[2.0]["± p"],
    b_mw=b_mw.b,
    b_ml=b_ml.b,
    sim_worst=miss.idxmax(),
    sim_worst_miss=miss.max(),
    sim_worst_errors=float(miss.max() / simulated.loc[miss.idxmax(), "error"]),
    p_world=omori.p,
    p_world_error=omori.p_error,
    simeon_low=tables["San Simeon"]["b"].min(),
    simeon_high=tables["San Simeon"]["b"].max(),
    ridge_curvature=tables["Ridgecrest"].loc["maximum curvature", "b"],
    ridge_fit=tables["Ridgecrest"].loc["goodness of fit", "b"],
    ridge_stability=tables["Ridgecrest"].loc["b stability", "b"],
    ridge_positive=tables["Ridgecrest"].loc["b-positive", "b"],
    b_early=by_time.loc["first 12 hours", "b from 1.7"],
    b_late=by_time.loc["later", "b from 1.7"],
    p_low=fits[2.0]["p"],
    c_low=fits[2.0]["c, hours"],
    p_high=fits[3.0]["p"],
    c_high=fits[3.0]["c, hours"],
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Exercise 1 · One reading by hand
# At a station 45 km away along the ground, an earthquake 12 km deep writes 0.8 mm on a Wood-Anderson. What is its magnitude by Hutton and Boore? The station stands at sea level, and has no term.
# ```

# %%
# solution
r = np.hypot(45, 12)
answer = np.log10(0.8) + 1.110 * np.log10(r / 100) + 0.00189 * (r - 100) + 3.0
# end solution
checks.lesson33.by_hand(answer)

# %% [markdown]
# ```{exercise} Exercise 2 · The technician's visit
# Since a visit, one station's records come with a wrong gain: `suspect` are the readings of `readings` with all amplitudes of that station multiplied by a factor. Which station, and which factor? Compare the terms
# of two calibrations.
# ```

# %%
suspect = checks.lesson33.after_the_visit(readings)

# solution
change = pd.Series(own.station_terms) - pd.Series(calibrate(suspect).station_terms)
answer = {"station": change.abs().idxmax(), "factor": 10 ** (change[change.abs().idxmax()] - change.median())}
# end solution
checks.lesson33.wrong_gain(answer, readings, suspect)

# %% [markdown]
# ```{exercise} Exercise 3 · b from scratch
# Write `b_of(magnitudes, smallest, bin_width)`, the maximum-likelihood b of magnitudes that were rounded to bins: with $\bar m$ the mean of those of at least `smallest` (the centre of the first bin), $b = \log_{10}(1 + \Delta / (\bar m - m_c)) / \Delta$. It is
# tried on narrow and on wide bins.
# ```


# %%
def b_of(magnitudes, smallest, bin_width):
    # solution: return ...
    kept = magnitudes[magnitudes >= smallest - bin_width / 2]
    return np.log10(1 + bin_width / (kept.mean() - smallest)) / bin_width
    # end solution


checks.lesson33.b_from_scratch(b_of)

# %% [markdown]
# ```{exercise} Exercise 4 · How many events does it take?
# Two regions have b = 0.9 and b = 1.0. About how many complete events per region does it take until the *difference* of the two estimates is twice its standard error? The standard error of one is close to $b/\sqrt{n}$.
# ```

# %%
# solution
answer = 4 * (0.9**2 + 1.0**2) / 0.1**2
# end solution
checks.lesson33.how_many(answer)

# %% [markdown]
# ```{exercise} Exercise 5 · Defend one number
# You must state the b-value of the Ridgecrest list. Give `{"b": ..., "low": ..., "high": ..., "completeness": ..., "reason": "..."}`: your value, the interval in which you would bet that it lies, the
# magnitude from which you counted (`None` if you used differences), and why, in at least 20 words. There is no right number; there are intervals that the list contradicts.
# ```

# %%
# solution
answer = {
    "b": tables["Ridgecrest"].loc["b-positive", "b"],
    "low": 0.70,
    "high": 1.15,
    "completeness": None,
    "reason": "Completeness changes by the hour and b has no plateau, so I take differences, which depend on it least; the interval spans what "
    "the list gives from 2.5, where it should be complete, up to 3.4, since I cannot say which part of the climb is due to mixed scales.",
}
# end solution
checks.lesson33.one_number(answer, ridgecrest["magnitude"])

# %% [markdown]
# ## Recap
#
# - A local magnitude is an amplitude on an instrument that nobody has, corrected for distance; the median over stations makes it robust, station terms make it comparable, and only a definition makes it true.
# - Readings that were refused are information: small events are measured where they are loud, and come out high.
# - b belongs to a scale, a completeness and a period. Its standard error covers none of them. Draw b against completeness before you quote it.
# - After a large event completeness is a function of time, and a list can have holes that no method looks for. Draw magnitude against time first.
# - Omori's c is often the network's, and p of a whole sequence is not that of an earthquake's own aftershocks.
#
# ## What's next
#
# Magnitudes that stand apart, scales that are mixed, hours without small events: {doc}`lesson 34 </schedule>` looks for such things in waveforms and catalogs as a matter of routine.
#
# **References**: the Wood-Anderson as it was {cite}`uhrhammer1990`, distance correction {cite}`hutton1987`, b and its error {cite}`aki1965,tinti1987,shi1982`, b-positive {cite}`vanderelst2021`, completeness
# {cite}`wiemer2000,cao2002,woessner2005,helmstetter2006`, aftershocks {cite}`utsu1961,ogata1983,ogata1988`. The lists are from USGS ComCat (networks CI, NC, US), in the public domain.
