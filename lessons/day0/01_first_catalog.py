# %% [markdown]
# # 01 · A first catalog in ten minutes
#
# An earthquake catalog is a table: when, where, how deep. Behind each row stand records of the ground on which somebody,
# or something, found the moments when waves arrived. In this lesson you make such a table yourself, from the waveforms up,
# in **six calls**. Then you do what is harder: you find out how much of it is true.
#
# **You will be able to**
#
# - go from waveforms to a map of located events, and say what each of the six steps does;
# - read the tables that flow between the steps: stations, picks, assignments, events;
# - compare a catalog with a reference, and say why an event is missing;
# - change one setting, having predicted what will happen.
#
# **Before**: a little Python (calling a function, looking at a pandas table). You need no seismology beyond this: an earthquake
# sends out fast P waves and slower S waves, and both reach each station a little later the farther away it is. The
# {doc}`glossary </glossary>` explains every other word.
#
# **Time to learn**: 30 minutes, of which the catalog takes ten. It runs in about {golden:lesson01.minutes_text} on two cores.
#
# ## An Earth whose truth we know
#
# We begin on a synthetic Earth that comes with the course. Twelve stations watch a fault; four hours ago there was an earthquake of
# magnitude 6.4, and its aftershocks are still coming. You get what a real network would give you: the stations, and somebody's
# published model of how fast waves travel.

# %%
import pandas as pd

from course_utils.synthetic import World

pd.options.display.precision = 3

world = World.lesson()
stations, velocity = world.stations, world.velocity
display(stations[["station", "latitude", "longitude", "elevation_m"]])
display(velocity)

# %% [markdown]
# A station's name is NET.STA.LOC: network, station, and a code for the sensor's place there. A negative elevation is a sensor on the
# sea floor. The velocity model has P and S speeds at a few depths. The waves in the records have *not* travelled through this
# model but through a rougher Earth near it. Nobody has the true model of a real place, so you do not get this one either.
#
# ## Call 1 · Waveforms
#
# We ask for one hour of records of every station.

# %%
waveforms = [world.waveforms(name) for name in stations["station"]]
waveforms[0]

# %% [markdown]
# Each station gives a *stream* of three traces, motion up (Z), north (N) and east (E), usually 100 numbers a second. Here is the vertical
# of one station, folded into six lines of ten minutes. **Count the earthquakes that you see, and write your number down.**

# %% alt="One hour of vertical ground motion at station FERD in six lines of ten minutes: a quiet background, and some thirty bursts of very different height, some of them overlapping."
import matplotlib.pyplot as plt
import numpy as np

trace = waveforms[0].select(component="Z")[0].copy()
trace.filter("bandpass", freqmin=2, freqmax=15)
lines = trace.data.reshape(6, -1)  # ten minutes each
minutes = np.arange(lines.shape[1]) / 6000
scale = np.quantile(np.abs(lines), 0.999)
fig, ax = plt.subplots()
for i, line in enumerate(lines):
    ax.plot(minutes, np.clip(line / scale, -1, 1) / 2 - i, color="#777777", linewidth=0.4)
ax.set(xlabel="minutes", yticks=range(0, -6, -1))
ax.set_yticklabels([f"+{10 * i} min" for i in range(6)])
plt.show()

# %% [markdown]
# ## Call 2 · Picks
#
# A {term}`pick` says: *at this station, at this moment, a P (or an S) arrived.* The neural network PhaseNet {cite}`zhu2019phasenet` gives a
# probability of P and of S for every sample, and each peak above a threshold is a pick. Its published weights have to be fetched; the ones
# used here come with the course. They were trained on the synthetic Earth, on other stations and other earthquakes.

# %%
from course_utils import picking

picks = picking.pick(waveforms, "phasenet:synthetic", device=device)
print(picks["phase"].value_counts().to_dict())
picks[["station", "phase", "time", "probability", "snr_db"]].head(8)

# %% [markdown]
# There are {golden:lesson01.picks} picks. Read one row aloud: station, P or S, when, how sure the network was, and how far the signal stands above the
# noise before it (20 dB is a factor of ten). Nothing here says which earthquake a pick belongs to, or whether it belongs to any.
#
# ## Call 3 · Events
#
# That is the next step: *{term}`association`* looks for groups of picks that a single source could have made, given where the stations are and
# how fast waves travel. PyOcto {cite}`munchmeyer2024pyocto` does it by dividing space and time into ever smaller boxes. How many picks an
# event must have, how well they must fit, how far away it may be: all that is derived from the network unless you say otherwise.

# %%
from course_utils import association

catalog = association.associate(picks, stations, velocity)
print(catalog)
catalog.assignments.drop(columns=["pick_id", "weight", "azimuth_deg"]).head()

# %% [markdown]
# A *catalog* is these five tables, and nothing else. The new one is `assignments`: which pick belongs to which event, and by how many seconds it
# is late against the prediction. {golden:lesson01.left_over} of the {golden:lesson01.picks} picks belong to nothing: noise, or earthquakes that too few stations saw.
#
# ## Call 4 · Places
#
# Association needs only a rough place. *{term}`Location <location>`* searches for the best one, and for all others that fit nearly as well: that is
# the uncertainty.

# %%
from course_utils import location

catalog = location.locate(catalog)
columns = "time latitude longitude depth_km horizontal_error_km azimuthal_gap_deg n_p n_s grade"
columns = columns.split()
catalog.events[columns].head(8)

# %% [markdown]
# This is an earthquake catalog. Read a row aloud again: origin time, epicenter, depth below the sea; then how far off the epicenter
# may be (in two cases out of three it should be nearer), the largest angle without any station, the number of P and S picks, and a grade from A to D that sums it up. There is
# no magnitude yet: that is another measurement (lesson 33).
#
# What does one event rest on? Here is the one with the most picks. Every record stands at its distance from the epicenter; the dotted lines
# are the predicted arrivals. Zoom in where P and S begin; hover over a pick.

# %%
from course_utils.teaching.figures.sections import record_section
from course_utils.teaching.style import describe

best = catalog.events.loc[(catalog.events["n_p"] + catalog.events["n_s"]).idxmax()]
mine = catalog.assignments.query("event_id == @best.event_id").merge(picks[["pick_id", "time"]], on="pick_id")
predicted = mine.assign(time=mine["time"] - pd.to_timedelta(mine["residual_s"], unit="s"))
distances = mine.groupby("station")["distance_km"].first()
begin, end = best["time"] - pd.Timedelta("5s"), best["time"] + pd.Timedelta("40s")
figure = record_section(waveforms, distances, begin, end, picks, own=mine["pick_id"], predicted=predicted)
describe(
    figure,
    "Vertical records of one synthetic earthquake against time and epicentral distance. P picks and, later, S picks lie on two dotted lines that "
    "open like a fan: the farther the station, the later the wave and the longer the wait between P and S.",
)

# %% [markdown]
# Two lines that open like a fan: this pattern is what association looks for. A pick off the lines is drawn open and grey; it belongs to
# another event, or to none.
#
# ## Call 5 · Is it true?
#
# On a real network this question has no exact answer. Here it has: the world knows its {golden:lesson01.truth} events of this hour. `match_events` pairs ours with the
# true ones, each at most once, within 1.5 s and 10 km (a pair can be luck, but with one event a minute not often). And so that we know what PhaseNet is worth, a baseline goes the same way: the classic
# trigger on the ratio of a short to a long average {cite}`allen1978`, with the other calls unchanged.

# %%
from course_utils.catalog.matching import match_events

truth = world.truth.events.query("time >= @world.start")
match = match_events(catalog.events, truth, max_dt_s=1.5, max_km=10)

triggers = picking.baselines.sta_lta(waveforms)
baseline = location.locate(association.associate(triggers, stations, velocity))
rows = {}
for name, table in {"PhaseNet": catalog, "STA/LTA": baseline}.items():
    pairs = match_events(table.events, truth, max_dt_s=1.5, max_km=10)
    rows[name] = {
        "picks": len(table.picks),
        "events": len(table.events),
        "in the truth": len(pairs.matched),
        "not in the truth": len(pairs.proposed),
        "median km off": pairs.matched["distance_km"].median(),
        "median km too deep": pairs.matched["depth_difference_km"].median(),
    }
scores = pd.DataFrame(rows).T
scores

# %% [markdown]
# How far was your count from {golden:lesson01.truth}? Of our {golden:lesson01.events} events {golden:lesson01.matched} are true, half of them within {golden:lesson01.km} km; with
# the baseline's picks it is {golden:lesson01.matched_stalta}. That is the good news. Now the rest:
#
# - A stated error should hold in 68 of 100 cases. It holds for {golden:lesson01.within} of our epicenters: careful rather than bold.
# - The events lie {golden:lesson01.deep} km too deep, nearly all of them. Errors of the velocity model do not average out, however many picks there are.
# - {golden:lesson01.proposed_text} not in the truth, and {golden:lesson01.missed} true events have no partner. Are they mistakes?
#
# PhaseNet was at home here, too: it learnt on this kind of Earth. So do not carry these numbers over to a real network.
#
# Nobody can find an event that left no mark. The world also knows which arrivals stand out of the noise (by 6 dB), so we can ask.

# %%
arrivals = world.truth.arrivals
visible = arrivals[arrivals["visible"]].groupby("event_id").size()
truth = truth.assign(visible=truth["event_id"].map(visible).fillna(0).astype(int))
classes = pd.cut(truth["visible"], [-1, 0, 7, 24], labels=["none", "1 to 7", "8 or more"])
found = np.where(truth["event_id"].isin(match.matched["reference_id"]), "found", "missed")
pd.crosstab(classes, found, rownames=["visible arrivals"], colnames=[""])

# %% [markdown]
# Of the events with eight visible arrivals or more {golden:lesson01.found_clear} of {golden:lesson01.clear} were found, of the fainter ones {golden:lesson01.found_faint} of {golden:lesson01.faint}
# (6 dB is our line, not the picker's). So *recall*, the share of the true events that were found, means little unless you say *of which*.
#
# ## Call 6 · The map
#
# Finally, look at everything at once. Map and section share their longitudes: zoom into one and the other follows. A click in the legend
# hides a group in all three panels. The lowest panel shows the number of picks of each event (for a missed one, how many arrivals were visible).

# %%
from course_utils.teaching.figures.catalogs import Group, catalog_figure, groups

missed = match.missed.assign(n_p=match.missed["event_id"].map(visible).fillna(0))
shown = groups(catalog.events, match, truth, missed, reference_name="truth")
figure = catalog_figure(stations, shown)
describe(
    figure,
    "Map of twelve stations and the events of one hour, a section of depth below it, and the number of picks over time. Nearly all events found lie on top of "
    "true ones, in a cluster about 17 km deep in the middle of the network; the missed ones have few or no visible arrivals, or lie at the edge.",
)

# %% [markdown]
# ## The real Earth
#
# Now Iceland, 24 August 2014: magma pushes its way underground from the volcano Bárðarbunga {cite}`sigmundsson2015`, and the rock cracks. Six minutes of twelve stations
# come as the test case of QuakeMigrate {cite}`winder2020quakemigrate`, with the 20 events that this program located there. **The same six calls**, with PhaseNet's published weights
# "original", which were trained in California {cite}`zhu2019phasenet`; once with default settings, once with three changed:
#
# - `time_stretch=2`. The stations stand about 8 km apart and the events lie among them, 6 km deep: S follows P after {golden:lesson01.s_minus_p} s (median), with
#   waves of high frequency. PhaseNet learnt mostly from events tens of kilometres away, slower in every respect. Played at half speed, these look like those.
# - `thresholds=0.2` instead of 0.3. Far from home a picker is less sure of itself, and the associator throws noise out.
# - `min_picks=8` instead of 7. Events follow one another within seconds, so that leftovers of two can look like a third: ask for a third of the 24 arrivals that twelve
#   stations can give.
#
# To be honest, we had seen this sequence when we wrote that down. The reasons stand without it, but reasons found afterwards come cheap.

# %%
from course_utils.teaching.stored import stored

if teaching.real_data():
    from course_utils import data

    iceland = data.open("qm-volcanotectonic")
    reference, real_stations = iceland.events, iceland.stations
    tries = {
        "defaults": ({}, {}),
        "from the geometry": ({"time_stretch": 2, "thresholds": 0.2}, {"min_picks": 8}),
    }
    rows = []
    for name, (to_pick, to_associate) in tries.items():
        real_picks = picking.pick(iceland.waveforms, "phasenet:original", device=device, **to_pick)
        real = association.associate(real_picks, real_stations, iceland.velocity, **to_associate)
        real = location.locate(real)
        real_match = match_events(real.events, reference, max_dt_s=1, max_km=2)
        rows.append(
            {
                "settings": name,
                "picks": len(real_picks),
                "events": len(real.events),
                "matched": len(real_match.matched),
                "missed": len(real_match.missed),
                "not in the reference": len(real_match.proposed),
                "median km": real_match.matched["distance_km"].median(),
            }
        )
    real_table = pd.DataFrame(rows)
    how_far = real_match.matched[["event_id", "dt_s", "distance_km"]]
    real_events = real.events.merge(how_far, on="event_id", how="left")
else:
    real_table, real_events = stored("lesson01_iceland_scores"), stored("lesson01_iceland")
    print("Stored result of", real_events.attrs["date"], "from", real_events.attrs["data"])
    print("Run it yourself with COURSE_DATA=real: it fetches 6 MB of waveforms and 1 MB of weights.")
real_table

# %%
has_partner = real_events["distance_km"].notna()
if teaching.real_data():
    shown = groups(real_events, real_match, reference)
    figure = catalog_figure(real_stations, shown)
else:
    shown = [
        Group("matched", "matched", real_events[has_partner]),
        Group("proposed", "not in the reference", real_events[~has_partner]),
    ]
    figure = catalog_figure(stations.iloc[:0], shown)
describe(
    figure,
    "Map, section of depth and numbers of picks over time for six minutes in Iceland: the matched events form a band 8 km long from south-west to north-east, about 6 km deep, "
    "and have many picks; most of those without partner lie apart from it, shallower or deeper, and have few.",
)

# %% [markdown]
# With the settings from the geometry {golden:lesson01.real_matched} of the 20 are found, {golden:lesson01.real_km} km from the reference (median), and {golden:lesson01.real_proposed} events have no partner there. With the
# defaults it is {golden:lesson01.real_matched_plain} and {golden:lesson01.real_proposed_plain}. What may we say?
#
# - The reference is a program's result, not the truth. A small distance means that two methods agree; they share the stations, the velocity model, and its errors.
# - An event without partner may be real. Those on the band with errors below 2 km deserve a look at the waveforms (the report of `course run examples/iceland.toml` shows them);
#   those alone at 20 km depth deserve suspicion.
# - Twenty events in six minutes cannot tell a picker that finds 95 % from one that finds 85 %.
#
# Without real data this page shows our stored events alone; with it, the stations and the reference too.

# %% tags=["golden"]
from course_utils.teaching import golden
from course_utils.teaching.stored import keep

enough = truth["visible"] >= 8
off_by = match.matched.set_index("event_id")["distance_km"]
golden.check(
    "lesson01",
    minutes_text="one minute",
    picks=len(picks),
    left_over=int(len(picks) - catalog.assignments["pick_id"].nunique()),
    truth=len(truth),
    events=len(catalog.events),
    matched=len(match.matched),
    missed=len(match.missed),
    proposed_text={0: "None of ours is", 1: "One of ours is"}.get(
        len(match.proposed), f"{len(match.proposed)} of ours are"
    ),
    km=float(match.matched["distance_km"].median()),
    within=float((off_by <= off_by.index.map(catalog.events.set_index("event_id")["horizontal_error_km"])).mean()),
    deep=float(match.matched["depth_difference_km"].median()),
    matched_stalta=int(scores.loc["STA/LTA", "in the truth"]),
    clear=int(enough.sum()),
    found_clear=int((found[enough] == "found").sum()),
    faint=int((~enough).sum()),
    found_faint=int((found[~enough] == "found").sum()),
)
if teaching.real_data():
    source = "qm-volcanotectonic d2ae7c0, phasenet:original"
    keep("lesson01_iceland", real_events, data=source, rows=1, latitude=0.005, longitude=0.01, depth_km=0.5)
    keep("lesson01_iceland_scores", real_table, data=source, matched=1, picks=30)
    timed = real.assignments.merge(real.picks[["pick_id", "time"]], on="pick_id")
    pairs_ps = timed.pivot_table(
        index=["event_id", "station"], columns="phase", values="time", aggfunc="first"
    ).dropna()
    golden.check("lesson01", s_minus_p=float((pairs_ps["S"] - pairs_ps["P"]).dt.total_seconds().median()))
real_now = real_table.set_index("settings")
golden.check(
    "lesson01",
    real_matched=int(real_now.loc["from the geometry", "matched"]),
    real_proposed=int(real_now.loc["from the geometry", "not in the reference"]),
    real_km=float(real_now.loc["from the geometry", "median km"]),
    real_matched_plain=int(real_now.loc["defaults", "matched"]),
    real_proposed_plain=int(real_now.loc["defaults", "not in the reference"]),
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Exercise 1 · How many events?
# It depends on whom you ask. How many events of `catalog` (the synthetic hour) have grade A *and* an error of the epicenter below 1 km?
# ```

# %%
# solution
good = catalog.events.query("grade == 'A' and horizontal_error_km < 1")
answer = len(good)
# end solution
checks.lesson01.how_many(answer, catalog)

# %% [markdown]
# ```{exercise} Exercise 2 · The station that sees most
# Which station contributes the most picks *to events*? Write its name as a text. (Which table knows?)
# ```

# %%
# solution
answer = catalog.assignments["station"].value_counts().idxmax()
# end solution
checks.lesson01.sees_most(answer, catalog)

# %% [markdown]
# ```{exercise} Exercise 3 · How far is it?
# A rule that seismologists use in the field: distance to the source in km = 8 times the seconds between P and S. Apply it to the event `best` at
# its nearest station, and compare with what the location says. Answer with your distance in km.
# ```

# %%
# solution
nearest = mine[mine["distance_km"] == mine["distance_km"].min()].set_index("phase")
answer = 8 * (nearest["time"]["S"] - nearest["time"]["P"]).total_seconds()
# end solution
checks.lesson01.rule_of_thumb(answer, catalog, best)

# %% [markdown]
# ```{exercise} Exercise 4 · Why was this event missed?
# `lost` is the missed event with the most visible arrivals: it should have been found. Follow it through the tables. Which answer is true?
#
# - **a** The picker overlooked it: fewer than seven of its visible arrivals have a pick within 0.5 s.
# - **b** It was picked, but most of its picks belong to no event.
# - **c** It was picked, and most of its picks went to one or more events that `catalog` has at another place or time, so that nothing matched.
# ```

# %%
from course_utils.catalog.matching import match_picks

lost = missed.sort_values("n_p").iloc[-1]
its_arrivals = arrivals[arrivals["visible"] & (arrivals["event_id"] == lost["event_id"])]
print(len(its_arrivals), "visible arrivals")
display(lost[["time", "latitude", "longitude", "depth_km", "magnitude", "event_type"]].to_frame().T)

# %%
# solution
hits = match_picks(picks, its_arrivals, tolerance_s=0.5).matched
owners = catalog.assignments[catalog.assignments["pick_id"].isin(hits["pick_id"])]["event_id"].value_counts()
display(len(hits), catalog.events[catalog.events["event_id"].isin(owners.index)][columns])
if len(hits) < 7:
    answer = "a"
else:
    answer = "c" if owners.sum() > len(hits) / 2 else "b"
print(answer)
# end solution
checks.lesson01.why_missed(answer, catalog, its_arrivals)

# %% [markdown]
# ```{exercise} Exercise 5 · Predict, then change one setting
# `association.associate(picks, stations, velocity, min_probability=0.8)` leaves picks below a probability of 0.8 aside; the next line says how many that are. **First** write
# down how many events you expect, **then** run it. Answer with `{"predicted": your number, "catalog": the new catalog}`.
# ```

# %%
below = (picks["probability"] < 0.8).mean()
print(f"{below:.0%} of the picks are below 0.8; with all picks there are {len(catalog.events)} events")

# %%
# solution
answer = {
    "predicted": 40,
    "catalog": association.associate(picks, stations, velocity, min_probability=0.8),
}
# end solution
checks.lesson01.predict(answer, catalog)

# %% [markdown]
# ```{exercise} Exercise 6 · What may you write?
# Which of these sentences does the Icelandic result support? Answer with letters and a reason of at least ten words:
# `{"claims": ["a", ...], "reason": "..."}`.
#
# - **a** Our epicenters are right to within {golden:lesson01.real_km} km.
# - **b** For half of the matched events, our epicenter and the reference's differ by less than 0.5 km.
# - **c** The events that are not in the reference are false.
# - **d** The result depends on settings: with others, a different number of the reference's events was found.
# - **e** PhaseNet finds one event more or less than an analyst would.
# ```

# %%
# solution
answer = {
    "claims": ["b", "d"],
    "reason": "The reference is a program's list, neither complete nor true: distances to it measure agreement, "
    "and what it lacks may be real. No analyst was asked.",
}
# end solution
checks.lesson01.claims(answer, real_table)

# %% [markdown]
# ## Recap
#
# The six calls, in one piece; with your own records, stations and velocity model they are the same:
#
# ```python
# waveforms = [world.waveforms(name) for name in stations["station"]]
# picks     = picking.pick(waveforms, "phasenet:synthetic")
# catalog   = association.associate(picks, stations, velocity)
# catalog   = location.locate(catalog)
# match     = match_events(catalog.events, truth, max_dt_s=1.5, max_km=10)
# figure    = catalog_figure(stations, groups(catalog.events, match, truth))
# ```
#
# - Picks are claims, events are groups of claims that fit together, and locations come with errors. Each step leaves a table; look at it.
# - "How many events were found?" needs a second number: out of which.
# - A missed event has a reason, and the tables tell it. An extra event is not false until somebody has looked.
# - Settings follow from the network. Say so if you chose them after seeing the result.
#
# ## What's next
#
# New to machine learning? Lessons 02 to 07 of {doc}`part 0 </schedule>` come next. Otherwise lesson 12 opens the picker, lesson 22 association, lesson 31 location.
# Your own network: a folder of waveforms, a table of stations and a velocity model are all that `course run` needs.
#
# **References**: PhaseNet {cite}`zhu2019phasenet`, PyOcto {cite}`munchmeyer2024pyocto`, QuakeMigrate {cite}`winder2020quakemigrate`; the dyke under Bárðarbunga {cite}`sigmundsson2015`.
