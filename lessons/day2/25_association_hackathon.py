# %% [markdown]
# # 25 · Hackathon: associate the picks of day 1
#
# Yesterday you picked. Today the picks become earthquakes: three thousand of them, from twenty-four stations, in a half hour of aftershocks that follow each other within seconds. Every team gets the same picks or brings its own, tunes an associator, and is
# scored twice: on ten minutes that it may look at, and on ten minutes that it may not. **The gap between the two scores is what you will have learned about your tuning.**
#
# **You will be able to**
#
# - prepare picks, truth and a score, so that two associators can be compared at all;
# - change settings by symptom, one at a time, and keep a log of it;
# - say of each missed earthquake at which condition it failed, and whether a setting could have saved it;
# - tell an improvement from luck.
#
# **Before**: lessons 21 and 22. Lesson 16, if you want to use your own picker.
#
# **Time to learn**: 120 minutes, most of them for the hackathon (the minute plan stands below). The page runs in about {golden:lesson25.minutes_text} on two cores.

# %% [markdown]
# ## The picks of day 1
#
# The case is that of lesson 16: `World.day(seed=16)`, the day of a main shock of Mw 6.4 at 05:18 UTC, now with all 24 stations. PhaseNet (the course's weights) picked the half hour from 06:00. To compute its records takes a while, so picks and truth come with the course; the function below made them, and makes
# others for a seed that nobody has seen.

# %%
import time

import numpy as np
import pandas as pd

from course_utils import association, picking
from course_utils.catalog.matching import match_events, match_picks
from course_utils.catalog.tables import Catalog, conform
from course_utils.synthetic import World
from course_utils.teaching.stored import stored

world = World.day(seed=16, hours=6.5)
stations, velocity = world.stations, world.velocity
BEGIN, END = world.end - pd.Timedelta("30min"), world.end


def picked(world, stations, my_picker):
    """Picks of the last half hour at some stations; ``my_picker(stream)`` gives station, phase and time."""
    streams = (world.waveforms(name, world.end - pd.Timedelta("30min")) for name in stations)
    return pd.concat([my_picker(stream) for stream in streams], ignore_index=True)


def known(world):
    """True events, and all their arrivals, from a little before that half hour."""
    arrivals, events = world.truth.arrivals, world.truth.events
    arrivals = arrivals[arrivals["time"] >= world.end - pd.Timedelta("31min")]
    arrivals = arrivals[["event_id", "station", "phase", "time", "visible"]]
    columns = ["event_id", "time", "latitude", "longitude", "depth_km", "magnitude", "event_type"]
    return arrivals, events.loc[events["event_id"].isin(arrivals["event_id"]), columns]


def ours(stream):
    return picking.pick(stream, "phasenet:synthetic")[["station", "phase", "time", "probability"]]


# %% tags=["skip-execution"]
from course_utils.teaching.stored import keep

keep("lesson25_picks", picked(world, stations["station"], ours), data="World.day(seed=16, hours=6.5)")
for name, table in zip(("arrivals", "events"), known(world), strict=True):
    keep(f"lesson25_{name}", table, data="World.day(seed=16, hours=6.5)")

# %% [markdown]
# **Your own picks**: put your `my_picker` of lesson 16 into `picked(world, stations["station"], ...)` and save what it gives; if the file is there, this page uses it. Without it you get ours.
#
# ```python
# picked(world, stations["station"], my_picker).to_parquet(teaching.work_folder() / "lesson16_picks.parquet")
# ```

# %%
path = teaching.work_folder() / "lesson16_picks.parquet"
picks = conform(pd.read_parquet(path) if path.exists() else stored("lesson25_picks"), "picks")
arrivals, true_events = conform(stored("lesson25_arrivals"), "picks"), conform(stored("lesson25_events"), "events")
print(f"{len(picks)} picks, {'your own' if path.exists() else 'ours'}; {len(true_events)} true events")


def label(picks, arrivals):
    """Picks with their true event, -1 for none: the nearest arrival of that station and phase within 0.2 s."""
    pairs = match_picks(picks, arrivals, tolerance_s=0.2).matched
    event = pairs["reference_id"].map(arrivals.set_index("pick_id")["event_id"])
    mine = pd.Series(event.to_numpy(), pairs["pick_id"])
    # no detour over floats: a 64-bit id would lose its last digits
    return picks.assign(event_id=mine.reindex(picks["pick_id"], fill_value=-1).to_numpy())


labelled = label(picks, arrivals)
minute = (labelled["time"] - BEGIN).dt.total_seconds() / 60
parts = {"practice": labelled[minute.between(0, 10)], "final": labelled[minute.between(15, 25)]}
sizes = {
    name: {
        "picks": len(p),
        "of no true event": (p["event_id"] < 0).sum(),
        "events with a pick": p.loc[p["event_id"] >= 0, "event_id"].nunique(),
        "events with 8 picks or more": (p.loc[p["event_id"] >= 0, "event_id"].value_counts() >= 8).sum(),
    }
    for name, p in parts.items()
}
pd.DataFrame(sizes).T

# %% [markdown]
# Read the last column twice. Of {golden:lesson25.any_pick} events that left any pick in the practice minutes, {golden:lesson25.wanted} left eight or more: these are what an associator **can** find, and what the score asks for. The others were lost before it began. {golden:lesson25.stray_share} of the picks belong to nothing that
# the world knows; the picker learned on this kind of Earth, so do not expect so few from a real one.
#
# ## The score
#
# An associator is a function from picks, stations and velocity model to a catalog. It never sees the truth. Its points, out of 100:
#
# - 40 × F1 of **events**: found when 60 % of the event's picks come from one true event, one to one (lesson 21);
# - 40 × F1 of **picks**: a pick is right when it is in the event that was paired with its true one;
# - 20 × share of the wanted events within 1.5 s and 5 km of a catalog event: association does not have to locate well, but it must know *where*.
#
# The processor time stands beside it and breaks ties only.


# %%
def score(my_associator, part="practice", parts=parts, true_events=true_events):
    """What the judges see of an associator on one part."""
    drawn = parts[part]
    began = time.process_time()
    catalog = my_associator(drawn.drop(columns="event_id"), stations, velocity)
    cpu_s = time.process_time() - began
    noise = drawn["event_id"] < 0
    s = association.score(catalog.assignments, drawn[~noise], int(noise.sum()), min_picks=8)
    counts = drawn.loc[~noise, "event_id"].value_counts()
    wanted = true_events[true_events["event_id"].isin(counts.index[counts >= 8])]
    near = match_events(catalog.events, wanted, max_dt_s=1.5, max_km=5)
    place = len(near.matched) / len(wanted)
    result = {"points": 40 * s.event_f1 + 40 * s.pick_f1 + 20 * place, "event F1": s.event_f1, "pick F1": s.pick_f1}
    result |= {"in place": place, "found": len(s.pairs), "of": s.n_reference, "further": s.n_events - len(s.pairs)}
    return result | {"noise picks used": s.noise_assigned, "cpu_s": cpu_s}


def starter(picks, stations, velocity):
    """PyOcto as `settings_for` sets it up."""
    return association.associate(picks, stations, velocity)


def pauses(picks, stations, velocity, width_s=1.0):
    """The baseline that knows no Earth: a new event after every pause, under the station that has the first pick."""
    picks = picks.sort_values("time")
    number = (picks["time"].diff().dt.total_seconds() > width_s).cumsum()
    enough = picks.assign(event_id=number)[number.map(number.value_counts()) >= 8]
    first = enough.groupby("event_id").first().reset_index()
    events = first.merge(stations[["station", "latitude", "longitude"]], on="station")
    events = events.assign(time=events["time"] - pd.Timedelta("3s"), depth_km=15.0)
    events = conform(events[["event_id", "time", "latitude", "longitude", "depth_km"]], "events")
    return Catalog(
        events=events, assignments=conform(enough, "assignments"), picks=picks, stations=stations, velocity=velocity
    )


began = time.process_time()
given = parts["practice"].drop(columns="event_id")
catalog_of_start, report = association.associate_with_report(given, stations, velocity)
start_cpu_s = time.process_time() - began
print(report)
entries = {
    ("starter", "practice"): score(lambda *given: catalog_of_start) | {"cpu_s": start_cpu_s},
    ("starter", "final"): score(starter, "final"),
}
entries |= {("pauses of 1 s", part): score(pauses, part) for part in parts}
board = pd.DataFrame(entries).T
board.round(2)

# %% [markdown]
# The starter gets {golden:lesson25.start_points} points on the practice minutes and {golden:lesson25.start_final} on the final ones; pauses get {golden:lesson25.pauses_points}. How sure is such a number? Draw the true events again, with repetition, a thousand times (a *bootstrap*): that shows how much of it is the luck of *these* ten minutes.

# %%
mine = association.score(
    catalog_of_start.assignments,
    parts["practice"].query("event_id >= 0"),
    int((parts["practice"]["event_id"] < 0).sum()),
    min_picks=8,
)
intervals = {name: mine.interval(name) for name in ("event_f1", "pick_f1")}
{
    name: f"{getattr(mine, name):.2f}, 95 % of draws in {low:.2f} to {high:.2f}"
    for name, (low, high) in intervals.items()
}

# %% [markdown]
# The interval of the events' F1 is {golden:lesson25.interval} wide. Two teams that are a few points apart on these minutes are not apart. Compare *changes* on the same picks (most of the luck is then shared), and believe what holds in both parts.
#
# ## Why was it missed?
#
# `association.explain` takes an event that should be there and goes through the conditions in the order in which they are asked. Here it is for every wanted event that the starter lacks, and for those too small to be wanted:

# %%
counts = parts["practice"].query("event_id >= 0")["event_id"].value_counts()
settings = report.settings
candidates = true_events[true_events["event_id"].isin(counts.index)].assign(n_picks=lambda e: e["event_id"].map(counts))
all_events = association.score(catalog_of_start.assignments, parts["practice"].query("event_id >= 0"))  # also the small
lost = candidates[~candidates["event_id"].isin(all_events.pairs["reference_id"])]
explained = {row.event_id: association.explain(row._asdict(), catalog_of_start, settings) for row in lost.itertuples()}
lost = lost.assign(outcome=[explained[i].outcome for i in lost["event_id"]])
pd.crosstab(lost["outcome"], np.where(lost["n_picks"] >= 8, "8 picks or more", "fewer than 8"))

# %%
worst = lost.loc[lost["n_picks"].idxmax()]
print(f"magnitude {worst['magnitude']:.1f}, {worst['n_picks']} true picks")
print(explained[worst["event_id"]])

# %% [markdown]
# Of the {golden:lesson25.lost} events that are not among the starter's by their picks, {golden:lesson25.lost_few} had fewer than eight. An outcome *found* here means that a catalog event lies near in time and place, but that its picks mostly are not this event's: two events became one, or the event was put together from
# both. The largest of them had {golden:lesson25.worst_picks} picks of its own. Read what it says above, and ask of each line whether a *setting* could change it, or only a better picker, or only more stations.
#
# On the map: what the starter found, what it lacks, and what it has besides. Are the surplus events where earthquakes are?

# %%
from course_utils.teaching.figures.catalogs import catalog_figure, groups
from course_utils.teaching.style import describe

wanted = candidates[candidates["n_picks"] >= 8]
pairs = match_events(catalog_of_start.events, wanted, max_dt_s=1.5, max_km=10)
shown = groups(catalog_of_start.events, pairs, wanted, reference_name="wanted events")
describe(
    catalog_figure(stations, shown),
    "Map of twenty-four stations with the starter's events of ten minutes, their depths and their numbers of picks over time: most lie in the aftershock zone on top of wanted events; "
    "the few that are not among the wanted events have few picks and odd depths, near the surface or far below the others.",
)

# %% [markdown]
# ## One change at a time
#
# A log of tries is worth more than a good setting. Here are two, each with its reason *before* the run:

# %%
ideas = {
    "min_picks 10": ({"min_picks": 10}, "surplus events have few picks"),
    "stations 0.5": ({"min_station_fraction": 0.5}, "noise on far stations joins"),
}
shown = ["points", "event F1", "pick F1", "in place", "further"]
log = {"as derived": {"why": "the bar"} | {k: round(entries["starter", "practice"][k], 2) for k in shown}}
for name, (change, reason) in ideas.items():
    result = score(lambda p, s, v, change=change: association.associate(p, s, v, **change))
    log[name] = {"why": reason} | {k: round(result[k], 2) for k in shown}
log = pd.DataFrame(log).T
log

# %% [markdown]
# Look at which part of the score each change moved, and whether its reason was right: points can rise for another reason than the one you gave. That the best row here is also the best one on the final minutes is what you have to find out, and you may look **once**.
#
# ## Real data: Ridgecrest, 4 July 2019
#
# The same on picks for which nobody knows the truth: a day at ten stations, from the first large earthquake at Ridgecrest on. PAL, a picker made of rules, found 4941 pairs of P and S there {cite}`zhou2021pal`, and its own associator made 408 events of them. The reviewed catalog ComCat has more. We ask how many events of either are in ComCat, within 3 s and 25 km, and,
# as in lesson 21, how many would be if the catalog were shifted by some minutes.

# %%
if teaching.real_data():
    from course_utils import data

    files = [
        "input/example_pal_format1.sta",
        "output/eg/picks/2019-07-04.pick",
        "output/eg/catalog_20190704-20190705.dat",
    ]
    folder = data.fetch("ai-pal-ridgecrest", ["1_PAL/run_pal/" + name for name in files]) / "1_PAL/run_pal"
    pal_stations = pd.read_csv(folder / files[0], names=["station", "latitude", "longitude", "elevation_m", "gain"])
    raw = pd.read_csv(folder / files[1], names=["station", "origin", "P", "S", "amplitude", "snr_p", "snr_s"])
    pal_picks = raw.melt("station", ["P", "S"], "phase", "time")
    pal_picks["time"] = pd.to_datetime(pal_picks["time"], utc=True, format="ISO8601")
    for table in (pal_stations, pal_picks):
        table["station"] += "."  # no location code
    pal_stations = pal_stations[pal_stations["station"].isin(pal_picks["station"])].drop(columns="gain")
    pal = pd.read_csv(folder / files[2], names=["time", "latitude", "longitude", "depth_km", "magnitude"])
    pal["time"] = pd.to_datetime(pal["time"], utc=True, format="ISO8601")
    crust = pd.DataFrame({"depth_km": [0, 5.5, 5.5, 16, 16, 32, 32], "vp_km_s": [5.5, 5.5, 6.3, 6.3, 6.7, 6.7, 7.8]})
    crust["vs_km_s"] = crust["vp_km_s"] / 1.73
    catalogs = {"PAL": conform(pal, "events")}
    for n in (6, 8):
        catalogs[f"PyOcto, {n} picks"] = association.associate(pal_picks, pal_stations, crust, min_picks=n).events
    comcat = data.open("comcat-reviewed").events
    first, last = pd.Timestamp("2019-07-04", tz="UTC"), pd.Timestamp("2019-07-05", tz="UTC")
    comcat = comcat[comcat["time"].between(first, last)]
    rows = []
    for name, events in catalogs.items():
        events = events[events["time"].between(first, last)]
        pairs = match_events(events, comcat, max_dt_s=3, max_km=25)
        lucky = []
        for minutes in (-10, -5, 5, 10):
            moved = events.assign(time=events["time"] + pd.Timedelta(minutes, "min"))
            lucky.append(len(match_events(moved, comcat, max_dt_s=3, max_km=25).matched))
        is_large = comcat["magnitude"] >= 2.5
        large = comcat.loc[is_large, "event_id"].isin(pairs.matched["reference_id"])
        row = {"catalog": name, "events": len(events), "in ComCat": len(pairs.matched), "by luck": np.mean(lucky)}
        row |= {"of M 2.5 and more": large.sum(), "of": len(large), "median km": pairs.matched["distance_km"].median()}
        rows.append(row)
    ridgecrest = pd.DataFrame(rows)
else:
    ridgecrest = stored("lesson25_ridgecrest")
    print("Stored result of", ridgecrest.attrs["date"], "from", ridgecrest.attrs["data"])
    print("Run it yourself: COURSE_DATA=real fetches 3 MB.")
ridgecrest.round(2)

# %% tags=["golden"]
from course_utils.teaching.stored import keep

if teaching.real_data():
    version = "ai-pal-ridgecrest " + data.dataset("ai-pal-ridgecrest").version[:7]
    tolerance = {"events": 10, "in ComCat": 8, "by luck": 5, "median km": 0.3}
    keep("lesson25_ridgecrest", ridgecrest, data=version, **tolerance)

# %% [markdown]
# PAL's own associator: {golden:lesson25.pal_matched} of {golden:lesson25.pal_events} are in ComCat. PyOcto with {golden:lesson25.n_few} picks demanded: {golden:lesson25.py_matched} of {golden:lesson25.py_events}, and of the larger ComCat events {golden:lesson25.py_large} of {golden:lesson25.large} instead of {golden:lesson25.pal_large}. Luck alone would give {golden:lesson25.pal_luck} and {golden:lesson25.py_luck}. Before you call one better:
#
# - an event that is not in ComCat is not wrong for that. More events, more matches *and* more luck go together;
# - PAL's picks come in pairs of P and S that it has already grouped by station, so every pick without a partner is missing for both associators;
# - the epicenters lie kilometers from ComCat's, with ten stations and a model of four layers. Locate afterwards.
#
# ## The hackathon
#
# Teams of three or four. You hand in **one** function `my_associator(picks, stations, velocity)` that returns a catalog. It may call `association.associate` with any method and settings, several times, on parts of the picks, and change what comes out. It may not use the truth, the final minutes, or numbers that are written down for single events.
#
# | minutes | what | who leads |
# |---|---|---|
# | 0-15 | score of starter and baseline; agree who does what | reporter |
# | 15-30 | why was it missed: ten events by `explain`, by hand; write down three ideas *with reasons* | detective |
# | 30-70 | one change at a time on the practice minutes; every run goes into the log | driver |
# | 70-80 | break it: fewer stations (turn off three), twice the noise (see below) | keeper |
# | 80-85 | choose. **Predict** your points on the final minutes, in writing | all |
# | 85-90 | `score(my_associator, "final")`, once | keeper |
# | 90-100 | why is the gap what it is? one missed event, explained | detective |
# | 100-120 | two minutes per team: log, prediction, gap, one event | reporter |
#
# **Roles.** *Driver*: types. *Detective*: explains missed and surplus events. *Keeper of the final*: sees to it that nobody looks early, and that every run is in the log. *Reporter*: speaks at the end. Change at minute 50.
#
# **Points for the wall.** The score of the final minutes, 50 (half of the points on a seed that the organiser has drawn); prediction within three points of the truth, 15; the log, with reasons before runs and the tries that did *not* help, 20; one missed event explained correctly down to the condition, 15.
# So a team that knows what it did beats one that was lucky. Differences below the width of the bootstrap interval share a rank. Schedules for a day, judging sheet and rubric of all three hackathons: `hackathon/README.md` of the repository.
#
# ```{dropdown} Hint 1 · minute 35
# Compare `event F1` and `pick F1`. Which of the two is lower, and which setting decides about single picks?
# ```
#
# ```{dropdown} Hint 2 · minute 50
# What is left over after the first run? Could a second run with other demands find something in it, and what would it also find?
# ```
#
# ```{dropdown} Hint 3 · minute 65
# An event of seven picks and an event of forty should not be judged by the same rule. What do you know of each *after* association: residuals, number of stations, share of the near stations that have picks?
# ```
#
# ```{dropdown} For the organiser
# `hidden = World.day(seed=..., hours=6.5)`; `picked(hidden, hidden.stations["station"], ours)` and `known(hidden)` give its tables (some minutes on two cores); `label` them, cut ten minutes, and call `score(my_associator, "hidden", {"hidden": ...}, events)`. To turn off stations or add noise, change the picks before that. Run every team's
# function on the same machine, and show practice, final and hidden points side by side: the gap is the lesson.
# ```


# %%
def my_associator(picks, stations, velocity):
    # solution: return ...
    return association.associate(picks, stations, velocity, min_station_fraction=0.5)
    # end solution


checks.lesson25.entry(my_associator, score, entries)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Exercise 1 · Whose fault?
# Of the events in `lost`, how many had at least as many true picks as the settings of the run ask for (`settings.min_picks`)? Only these can an associator be blamed for.
# ```

# %%
# solution
answer = int((lost["n_picks"] >= settings.min_picks).sum())
# end solution
checks.lesson25.whose_fault(answer, lost, settings)

# %% [markdown]
# ```{exercise} Exercise 2 · Fewer stations
# Three stations are down. Write `without(picks, names)` that returns the picks without those at the stations in `names`, and look at what it costs the starter with the three stations that have the most picks. Which events suffer?
# ```


# %%
def without(picks, names):
    # solution: return ...
    return picks[~picks["station"].isin(names)]
    # end solution


checks.lesson25.fewer_stations(without, parts["practice"])

# %% [markdown]
# ```{exercise} Exercise 3 · Matches without luck
# Of N events in a catalog m are truly in the reference and are matched for certain. Of the other N - m as large a share finds a partner by luck as of *all* events when the catalog is shifted (`by luck` / N). What is m for PAL, from its row in `ridgecrest`?
# ```

# %%
# solution
row = ridgecrest.set_index("catalog").loc["PAL"]
share = row["by luck"] / row["events"]
answer = (row["in ComCat"] - share * row["events"]) / (1 - share)
# end solution
checks.lesson25.without_luck(answer, ridgecrest)

# %% [markdown]
# ```{exercise} Exercise 4 · What may the winner say?
# Team A has 84 points on the final minutes, team B 82; the bootstrap interval of the F1 of events is as wide as computed above. Which sentences are right? Letters and a reason.
#
# - a: Team A's associator is better than team B's.
# - b: On these ten minutes team A's catalog scores two points more.
# - c: To rank the two, both should be run on more data, the same for both.
# - d: If team A tried forty settings on the practice minutes and team B four, A's practice score says less about its final score than B's.
# ```

# %%
# solution
answer = {
    "claims": ["b", "c", "d"],
    "reason": "Two points are far inside the interval, so the order may turn around; and the best of forty tries is partly the luckiest of forty.",
}
# end solution
checks.lesson25.winner(answer)

# %% tags=["golden"]
from course_utils.teaching import golden

if teaching.real_data():  # the stored picks are what the picker makes of the records
    two = World.day(seed=16, stations=2, hours=6.5)
    name = two.stations["station"].iloc[0]
    again = conform(picked(two, [name], ours), "picks")
    before = conform(stored("lesson25_picks"), "picks")
    pairs = match_picks(again, before[before["station"] == name], tolerance_s=0.1)
    assert pairs.f1 > 0.95, pairs
by_catalog = ridgecrest.set_index("catalog")
few = by_catalog.index[1]
low, high = intervals["event_f1"]
golden.check(
    "lesson25",
    minutes_text="a minute",
    any_pick=int(sizes["practice"]["events with a pick"]),
    wanted=int(sizes["practice"]["events with 8 picks or more"]),
    start_points=entries["starter", "practice"]["points"],
    start_final=entries["starter", "final"]["points"],
    pauses_points=entries["pauses of 1 s", "practice"]["points"],
    interval=high - low,
    lost=len(lost),
    lost_few=int((lost["n_picks"] < 8).sum()),
    stray_share=sizes["practice"]["of no true event"] / sizes["practice"]["picks"],
    worst_picks=int(worst["n_picks"]),
    pal_matched=int(by_catalog.loc["PAL", "in ComCat"]),
    pal_events=int(by_catalog.loc["PAL", "events"]),
    pal_large=int(by_catalog.loc["PAL", "of M 2.5 and more"]),
    pal_luck=float(by_catalog.loc["PAL", "by luck"]),
    n_few=int(few.split()[1]),
    py_matched=int(by_catalog.loc[few, "in ComCat"]),
    py_events=int(by_catalog.loc[few, "events"]),
    py_large=int(by_catalog.loc[few, "of M 2.5 and more"]),
    py_luck=float(by_catalog.loc[few, "by luck"]),
    large=int(by_catalog.loc["PAL", "of"]),
)

# %% [markdown]
# ## Recap
#
# - What an associator can find is decided by the picks; count that before you judge it.
# - One score needs a truth per pick, a rule for events, and a place. Put an interval on it.
# - A reason before each run, a log after it, and one look at the final minutes.
# - Most missed events fail for want of picks; `explain` says which did not.
# - On real data, count the luck.
#
# ## What's next
#
# Lesson 31 locates what you have associated; lesson 35 asks what a machine found that the analysts did not.
#
# **References**: {cite:t}`munchmeyer2024pyocto` for PyOcto; {cite:t}`zhu2022gamma` for GaMMA; {cite:t}`zhou2021pal` for PAL and its Ridgecrest picks; {cite:t}`zhu2019phasenet` for the picker; {cite:t}`hadley1977` for the layers of Southern California.
