# %% [markdown]
# # 36 · Hackathon: a machine-learning quality control
#
# An automatic catalog of a few days lies before you, and about half of its events are bad: clocks were off, cables swapped, earthquakes doubled, noise was taken for earthquakes. For each event you say **with which probability it is good**, and you remove or repair what you can. You are
# scored on a world whose truth you have, and on worlds whose truth nobody in the room has. Whoever only learned the first one by heart will see it in the difference.
#
# **You will be able to**
#
# - turn the tables of a catalog into numbers that tell good events from bad ones, and test that they do;
# - score a probability: does it order (AUC), and is it one (Brier skill, calibration);
# - read a public score for what it is, and predict the hidden one;
# - hold a contest whose hidden part cannot be changed afterwards, and check one;
# - answer, with numbers, "would you publish this catalog?"
#
# **Before**: lessons 14 (calibration, intervals), 31 (location errors) and 34 (what a bad event looks like).
#
# **Time to learn**: half a day, most of it for the hackathon (the minute plan stands below). The page runs in about {golden:lesson36.minutes_text} on two cores.

# %% [markdown]
# ## A catalog with a truth
#
# `faulty_catalog(seed)` makes what a pipeline would make of some days of the synthetic Earth: picks with noise, associated, some of them spoiled, and then located. Its kinds of bad event are those of every automatic catalog. The seed of the *public* world is known, and so is its truth. The *hidden* seeds have 128 bits and are drawn by the organiser; here we print two, so that
# this page can be run again. What teams get of a hidden world is the catalog alone, with new ids, so that nothing but seismology tells an event's kind.

# %%
import numpy as np
import pandas as pd

from course_utils.pipeline.faulty_catalog import faulty_catalog
from course_utils.pipeline.hackathon import PUBLIC_SEED, for_teams
from course_utils.teaching import hackathon

seeds = {"public": f"{PUBLIC_SEED:032x}"}
seeds |= {"world1": "5f0c1f3a9be64d27a8e2930417bd6c85", "world2": "c47d90e1126b4f9f8d35aa60be91f702"}
catalogs, worlds = {}, {}
for name, seed in seeds.items():
    catalogs[name], true_events, labels = for_teams(faulty_catalog(int(seed, 16), n_events=300))
    worlds[name] = hackathon.GradedWorld(name, catalogs[name].events, true_events, labels)
public, truth = catalogs["public"], worlds["public"].truth_labels
by_kind = public.events.merge(truth, on="event_id").groupby("kind")
kinds = by_kind.agg(events=("kind", "size"), picks_p=("n_p", "median"), rms_s=("rms_s", "median"))
kinds["off by km"] = by_kind["error_km"].median()
kinds.sort_values("events", ascending=False).round(2)

# %% [markdown]
# {golden:lesson36.events} events, {golden:lesson36.good_share} of them good. Look at the last two columns. A bad event is seldom far away: half of those with swapped phases or wrong clocks lie within a kilometer or so of their earthquake, because a robust location ignores what does not fit. Only airquakes are where nothing was. A catalog can look tidy on a map and
# be bad all the same: switch the groups on and off and try to see the bad ones.

# %%
from course_utils.teaching.figures.catalogs import Group, catalog_figure
from course_utils.teaching.style import describe

good = truth["good"].to_numpy()
shown = [Group("matched", "good", public.events[good]), Group("proposed", "bad", public.events[~good])]
describe(
    catalog_figure(public.stations, shown),
    "Map, depth section and magnitudes over time of the public world. Good and bad events lie among one another, in the cluster in the middle and around it; only a few dozen bad ones stand apart, south of the network or deeper than 30 km, where no good event is.",
)

# %% [markdown]
# ## The score
#
# A submission is a table of events with a `quality_probability`. Its points, out of 100:
#
# - 30 × F1 of **events**, matched one to one with true ones within 2 s and 10 km: which events are in your table?
# - 10 × (1 − mean distance in space / 5 km) of the matched: where are they?
# - 40 × (2 AUC − 1): do good events of the given catalog get higher probabilities than bad ones? A coin has AUC 0.5 and no points;
# - 20 × Brier skill {cite}`brier1950`: is it a *probability*, better than the share of good events said of everything? Who is overconfident loses here what AUC does not see.
#
# An event that you remove counts as called good with probability 0. So an earthquake with a wrong clock may stay in the catalog, for F1, with a low probability, for the rest.
#
# How sure are the points? Events of one hour share the same bad clock, so we draw blocks of *time* again, not events, and the same blocks for every team: the difference of two teams is then known better than either.

# %%
columns = ["event_id", "time", "latitude", "longitude", "depth_km"]


def hand_in(name, probability, keep=None):
    """A table as teams hand it in; ``keep`` marks the events that stay."""
    table = catalogs[name].events[columns].assign(quality_probability=probability)
    return table if keep is None else table[np.asarray(keep)]


def judge(team, tables):
    """Scores of one table per world."""
    valid = {name: hackathon.validate(table, catalogs[name].events) for name, table in tables.items()}
    return hackathon.Entry(team, {name: hackathon.score(table, worlds[name]) for name, table in valid.items()})


entries = [judge("says 0.5", {name: hand_in(name, 0.5) for name in worlds})]
chance_of_grade = {"A": 0.8, "B": 0.6, "C": 0.4, "D": 0.2}
by_location = {name: catalogs[name].events["grade"].map(chance_of_grade) for name in worlds}
entries.append(judge("grade of the location", {name: hand_in(name, by_location[name]) for name in worlds}))
for entry in entries:
    print(entry.team, *entry.lines(), sep="\n", end="\n\n")

# %% [markdown]
# Saying 0.5 of everything gives {golden:lesson36.chance_points} points, all of them for F1 and place: this is what the catalog is worth as it came. The grade that location gave (lesson 31) reaches an AUC of {golden:lesson36.location_auc} on the hidden worlds. It knows gaps and error ellipses, and most faults are neither.
#
# ## The starter, and the mistake that everybody makes once
#
# The starter of the kit lets boosted trees look at five numbers of each event. The only delicate part is how the *public* world is graded: by models that have not seen that part of it. Beside it is a forest that grades the very events it was trained on.

# %%
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import GroupKFold, cross_val_predict

five = ["n_p", "n_s", "rms_s", "azimuthal_gap_deg", "horizontal_error_km"]
trees = HistGradientBoostingClassifier(max_iter=60, learning_rate=0.08, max_leaf_nodes=6, random_state=0)


def learned(model, numbers, held_out):
    """Probabilities for every world by a model trained on the public one."""
    x, block = numbers["public"], np.arange(len(good)) * 10 // len(good)
    fitted = model.fit(x, good)
    out = {name: fitted.predict_proba(numbers[name])[:, 1] for name in numbers}
    if held_out:
        folds = GroupKFold(5)
        out["public"] = cross_val_predict(model, x, good, cv=folds, groups=block, method="predict_proba")[:, 1]
    return out


numbers = {name: catalogs[name].events[five].to_numpy(float) for name in worlds}
starter = learned(trees, numbers, held_out=True)
entries.append(judge("starter", {name: hand_in(name, starter[name]) for name in worlds}))
forest = learned(RandomForestClassifier(200, random_state=0), numbers, held_out=False)
entries.append(judge("forest, not held out", {name: hand_in(name, forest[name]) for name in worlds}))
for entry in entries[-2:]:
    print(entry.team, *entry.lines(), sep="\n", end="\n\n")

# %% [markdown]
# The forest looks unbeatable in public, {golden:lesson36.forest_public} points, and falls to {golden:lesson36.forest_hidden} where its truth is not known: a gap of {golden:lesson36.forest_gap}. Where nobody cheats, starter and forest are worth the same. Nothing about the forest is worse than the trees except the way its number was made.
#
# But the starter's honest {golden:lesson36.starter_public} come down too, to {golden:lesson36.starter_hidden}. What was held out from it were other *hours* of the same world. A hidden world has other stations, another medium and so another usual rms, and what was a large residual here is an ordinary one there:
# its Brier skill is gone. Hold out what will be new.
#
# ## What a seismologist would look at
#
# Five columns of the events table know nothing about picks. `features` looks at those too: residuals against what is usual at the station, S over P times, amplitudes against distance, stations that should have seen the event and did not, events next door with the same picks. Lesson 34 made rules of them, and a grader that learned from *other worlds*, a dozen of them:

# %%
from course_utils.catalog import quality
from course_utils.catalog.quality_features import features

seen = {name: features(catalogs[name]) for name in worlds}
rules = {name: quality.grade_by_rules(seen[name])["grade"].map(chance_of_grade) for name in worlds}
entries.append(judge("rules of lesson 34", {name: hand_in(name, rules[name]) for name in worlds}))
grader = {name: quality.probability(seen[name]) for name in worlds}
entries.append(judge("grader of lesson 34", {name: hand_in(name, grader[name]) for name in worlds}))


def second_of_two(numbers):
    """Events that are the smaller part of another: most picks in common, or side by side."""
    shared = numbers[["shared_picks", "coincident_picks"]].max(axis=1) > 0.4
    return (shared | (numbers["neighbour"] < 1)) & (numbers["neighbour_size"] > 0)


removed = {name: second_of_two(seen[name]).to_numpy() for name in worlds}
entries.append(judge("grader, doubles removed", {n: hand_in(n, grader[n], keep=~removed[n]) for n in worlds}))
for entry in entries[-3:]:
    print(entry.team, *entry.lines(), sep="\n", end="\n\n")

# %% [markdown]
# Rules without any training come to {golden:lesson36.rules_hidden} hidden points, the grader to {golden:lesson36.grader_hidden}. Removing {golden:lesson36.removed} doubles in the public world moves F1 from {golden:lesson36.f1_before} to {golden:lesson36.f1_after}: a model that orders events well does not clean a catalog, somebody has to take them out.
#
# Which kinds does whom escape? And is a probability of 0.8 right eight times in ten?

# %% alt="Left: mean probability of being good by kind of event, for starter, rules and grader. The starter gives swapped, duplicate and magnitude as much as good, and only false and airquake little; the grader gives good events 0.9 and all others 0.2 or less, timing the most among them. Right: share of good events against probability on the hidden worlds; the grader lies near the diagonal, the starter far above it at small probabilities."
import matplotlib.pyplot as plt

from course_utils.teaching.style import COLOURS

hidden = ["world1", "world2"]
label = pd.concat([worlds[name].truth_labels for name in hidden], ignore_index=True)
said = {"starter": starter, "rules": rules, "grader": grader}
said = pd.DataFrame({team: np.concatenate([p[name] for name in hidden]) for team, p in said.items()})
means = said.groupby(label["kind"]).mean()
means = means.loc[means["grader"].sort_values().index]
look = {"starter": ("s", COLOURS["baseline"]), "rules": ("^", COLOURS["station"]), "grader": ("o", COLOURS["P"])}
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
for team, (marker, colour) in look.items():
    left.plot(means[team], means.index, marker, color=colour, label=team, markersize=8)
    if team != "rules":
        group = pd.qcut(said[team], 8, duplicates="drop")
        curve = pd.DataFrame({"said": said[team], "good": label["good"].astype(float)}).groupby(group, observed=True)
        right.plot(*curve.mean().to_numpy().T, marker + "-", color=colour, label=team)
left.set(xlim=(0, 1), xlabel="mean probability of being good")
right.plot([0, 1], [0, 1], ":", color=COLOURS["truth"])
right.set(xlabel="probability", ylabel="share of good events")
left.legend(loc="lower right")
plt.show()
means.round(2)

# %% [markdown]
# The starter can hardly tell swapped events from good ones: it gives them {golden:lesson36.starter_swapped} on average, and good events {golden:lesson36.starter_good}. On other worlds it says too little of everything: of the events that it gives 0.2, more than half are good. The grader compares each event with the rest of *its own* catalog, and stays calibrated. Its hardest kind is *timing*
# ({golden:lesson36.grader_timing}): one late pick among twenty looks like a reading error, and often is one.
#
# ## The board

# %% alt="Points of seven entries, public as open and hidden as filled markers with intervals. From below: says 0.5, grade of the location, starter, rules, grader and grader with doubles removed, public and hidden close together. The forest that was not held out has its public marker far to the right of its hidden one."
order = [entry for _, entry in hackathon.ranks(entries)]
ranks = [rank for rank, _ in hackathon.ranks(entries)]
fig, ax = plt.subplots(figsize=(8, 3.8))
for y, entry in enumerate(reversed(order)):
    ax.plot(entry.hidden.interval, [y, y], color=COLOURS["P"])
    ax.plot([entry.public.points, entry.hidden.points], [y, y], ":", color=COLOURS["noise"])
    ax.plot(entry.hidden.points, y, "o", color=COLOURS["P"], label=None if y else "hidden")
    ax.plot(entry.public.points, y, "s", color=COLOURS["S"], fillstyle="none", label=None if y else "public")
ax.set(yticks=range(len(order)), yticklabels=[entry.team for entry in reversed(order)], xlabel="points")
ax.legend(loc="lower right")
plt.show()
board = pd.DataFrame(
    {
        "rank": ranks,
        "hidden": [e.hidden.points for e in order],
        "public": [e.public.points for e in order],
        "gap": [e.gap for e in order],
        "AUC, hidden": [e.hidden.auc for e in order],
    },
    index=[e.team for e in order],
)
board.round(2)

# %% [markdown]
# Ranks are shared where the 95 % interval of the *paired* difference includes zero. The intervals of the first two overlap almost whole, yet their difference of {golden:lesson36.first_two} points lies between {golden:lesson36.first_low} and {golden:lesson36.first_high} in 95 % of the draws: entries that were scored on the same events can be told apart better than their intervals suggest.
#
# One caution before you celebrate. The grader learned on worlds made by the *same program*. The hidden worlds test whether you learned this world by heart; they cannot test whether you learned this **program** by heart. Only other data can.
#
# ## Real data: what did the analysts publish?
#
# The OGS catalog of north-eastern Italy for 2024: 1778 earthquakes, picked by analysts and located; 1349 of them are in the published bulletin. That sounds like the question of this lesson, answered by experts. Would the grader have chosen the same? (There are no station coordinates and no amplitudes in the set, so more than half of its numbers are missing.)

# %%
from sklearn.metrics import roc_auc_score

from course_utils.teaching.stored import stored

if teaching.real_data():
    from course_utils import data
    from course_utils.catalog.matching import match_events
    from course_utils.catalog.tables import Catalog, empty

    listed = data.open("ogs-2024")
    pairs = match_events(listed.events, listed.bulletin, max_dt_s=1, max_km=1)
    parts = {"assignments": listed.assignments, "picks": listed.picks, "velocity": listed.velocity}
    catalog = Catalog(events=listed.events.assign(rms_s=np.nan), stations=empty("stations"), **parts)
    ogs = listed.events[["time", "longitude", "depth_km", "n_p", "n_s", "rms_s", "horizontal_error_km"]]
    ogs = ogs.assign(
        probability=quality.probability(features(catalog)),
        published=listed.events["event_id"].isin(pairs.matched["event_id"]),
    )
else:
    ogs = stored("lesson36_ogs")
    print("Stored result of", ogs.attrs["date"], "from", ogs.attrs["data"])
    print("Run it yourself: COURSE_DATA=real fetches 1 MB.")
guesses = {"grader": ogs["probability"], "number of picks": ogs["n_p"] + ogs["n_s"], "depth": ogs["depth_km"]}
july = (ogs["time"].dt.month == 7) & ogs["longitude"].between(10.5, 11.5)
print({name: round(roc_auc_score(ogs["published"], values), 2) for name, values in guesses.items()})
print(f"July, near 11 E: {july.sum()} events, {ogs.loc[july, 'published'].mean():.0%} published")
fifths = ogs.groupby(pd.qcut(ogs["probability"], 5, labels=["lowest", "2", "3", "4", "highest"]), observed=True)
fifths.agg(events=("published", "size"), probability=("probability", "mean"), published=("published", "mean")).round(2)

# %% [markdown]
# The share of published events rises with the grader's probability, from {golden:lesson36.ogs_lowest} in the lowest fifth to {golden:lesson36.ogs_highest} in the highest, but the AUC is {golden:lesson36.ogs_auc}, and plain depth does better ({golden:lesson36.ogs_depth}). Is the grader bad, or the question? Of {golden:lesson36.ogs_july} events of July near 11° E only {golden:lesson36.ogs_july_share} are in the bulletin: a
# shallow sequence that was left out almost as a whole, whatever the quality of its events. Without it depth has {golden:lesson36.ogs_depth_rest} and the grader {golden:lesson36.ogs_rest}. **To be published and to be good are two things**, and a model trained on the first would have learned where that sequence was.
#
# And one column of this table knows the answer without looking at any earthquake. The grader was not allowed to see it; exercise 4 asks which.
#
# ## The hackathon
#
# Teams of three or four; a kit each (`course hackathon new TEAM --worlds DIR`). You hand in a folder with `public.csv`, `world1.csv`, `world2.csv`. Everything about the public world may be used, and worlds of your own seeds. `quality.probability` is the bar on the board; it may not be handed in, nor its training table be used.
#
# | minutes | what | who leads |
# |---|---|---|
# | 0-20 | run the starter, read the score; look at five bad events *by hand*, each of another kind | detective |
# | 20-60 | numbers that tell one kind from good; test each on the public world, held out | driver |
# | 60-75 | more worlds of your own; is it still true there? | driver |
# | 75-100 | remove, merge, repair; F1 and place | driver |
# | 100-120 | calibrate; break it: half of the stations, another picker's probabilities | keeper |
# | 120-130 | choose. **Predict** your hidden points and the gap, in writing; hand in | all |
# | 130-140 | the organiser scores; seeds are revealed and checked (exercise 1) | organiser |
# | 140-180 | one slide per team: *would you publish this catalog?* | reporter |
#
# **Roles.** *Driver*: types. *Detective*: looks at events. *Keeper*: holds the log, and sees to it that what trained a model does not judge it. *Reporter*: makes the slide. Change at minute 75.
#
# **Points for the wall.** Hidden points, 50; prediction of them within three, 15; the log, with reasons before runs and what did *not* help, 15; the slide, 20: the kinds that you cannot see, a threshold and what it costs, what you would tell a user. Teams that share a rank share the points. Schedules for two hours and for a day, judging sheet and the organiser's
# commands: `hackathon/README.md` of the repository.
#
# ```{dropdown} Hint 1 · minute 30
# Sort the public events by your probability, and look at the *good* ones at the bottom and the *bad* ones at the top. What do you see in their picks that your numbers do not say?
# ```
#
# ```{dropdown} Hint 2 · minute 60
# A residual is large or small compared with what this *station* usually has.
# ```
#
# ```{dropdown} Hint 3 · minute 80
# Two events, seconds and kilometers apart: which of the two would you keep, and why that one?
# ```

# %% [markdown]
# ## Exercises
#
# ```{exercise} Exercise 1 · Was the promise kept?
# Before the start the organiser published `promise`, the SHA-256 of a hidden seed. Afterwards three seeds were "revealed" by three people. Which one is it (its key in `revealed`)? Could somebody have guessed the seed from `promise`?
# ```

# %%
import hashlib

promise, revealed = checks.lesson36.after_the_contest(seeds["world1"])

# solution
answer = next(who for who, seed in revealed.items() if hashlib.sha256(seed.encode()).hexdigest() == promise)
# end solution
checks.lesson36.promised(answer, promise, revealed)

# %% [markdown]
# ```{exercise} Exercise 2 · Your grader
# Write `my_grader(catalog)` that returns a probability for each event of a catalog. It may learn from the public world (`public`, `good`, `seen["public"]`), and it must beat the starter on both hidden worlds. Two lines of what stands above will do; more is what the hackathon is for.
# ```


# %%
def my_grader(catalog):
    # solution: return ...
    wanted = [
        "residual_worst",
        "rms_ratio",
        "vpvs_scatter",
        "missing_share",
        "neighbour",
        "shared_picks",
        "amplitude_worst",
    ]
    model = HistGradientBoostingClassifier(max_iter=80, learning_rate=0.08, random_state=0)
    model.fit(seen["public"][wanted], good)
    return model.predict_proba(features(catalog)[wanted])[:, 1]
    # end solution


checks.lesson36.entry(my_grader, catalogs, worlds, entries)

# %% [markdown]
# ```{exercise} Exercise 3 · Whom do you believe?
# Of the entries on the board, whose *public* points would have misled you most, and what was done wrong? `{"team": "...", "reason": "..."}`, with at least ten words.
# ```

# %%
# solution
answer = {
    "team": board["gap"].idxmax(),
    "reason": "It graded the same events that it had been trained on, so its public score measures memory; the others were held out or never saw the world.",
}
# end solution
checks.lesson36.misled(answer, board)

# %% [markdown]
# ```{exercise} Exercise 4 · The column that knows
# In `ogs` one column tells nearly perfectly which events were published, and not by its values. Which one? Why is a model that uses it worthless {cite}`kaufman2012`?
# ```

# %%
# solution
answer = max(ogs.columns.drop("published"), key=lambda c: roc_auc_score(ogs["published"], ogs[c].notna()))
# end solution
checks.lesson36.telltale(answer, ogs)

# %% [markdown]
# ```{exercise} Exercise 5 · Would you publish this catalog?
# Of `world1`, with the grader's probabilities, you would publish the events above a threshold. Choose it from the *public* world so that at least 90 % of what is published is good and at least half of the good events are in it, and say what you would tell its users (20 words or more): `{"threshold": ..., "note": "..."}`.
# ```

# %%
# solution
threshold = next(t for t in np.arange(0.3, 1.0, 0.02) if good[grader["public"] >= t].mean() >= 0.93)
answer = {
    "threshold": threshold,
    "note": "Events above the threshold are nine times in ten right in every respect on worlds like this one; single late picks pass most often, "
    "and earthquakes with a wrong clock or a doubtful magnitude are listed apart and not removed.",
}
# end solution
checks.lesson36.publish(answer, grader["world1"], worlds["world1"].truth_labels)

# %% tags=["golden"]
from course_utils.teaching import golden
from course_utils.teaching.stored import keep

if teaching.real_data():
    version = "ogs-2024 " + data.dataset("ogs-2024").version[:7]
    keep("lesson36_ogs", ogs, data=version, rows=0, probability=0.03, depth_km=0.01)
team = {entry.team: entry for entry in entries}
share = fifths["published"].mean()
assert means.drop(index="good")["grader"].idxmax() == "timing"
paired = np.quantile(order[0].hidden.draws - order[1].hidden.draws, [0.025, 0.975])
rest = ogs[~july]
golden.check(
    "lesson36",
    minutes_text="a minute",
    events=len(public.events),
    good_share=float(good.mean()),
    chance_points=team["says 0.5"].public.points,
    location_auc=team["grade of the location"].hidden.auc,
    starter_public=team["starter"].public.points,
    starter_hidden=team["starter"].hidden.points,
    forest_public=team["forest, not held out"].public.points,
    forest_hidden=team["forest, not held out"].hidden.points,
    forest_gap=team["forest, not held out"].gap,
    rules_hidden=team["rules of lesson 34"].hidden.points,
    grader_hidden=team["grader of lesson 34"].hidden.points,
    removed=int(removed["public"].sum()),
    f1_before=team["grader of lesson 34"].public.event_f1,
    f1_after=team["grader, doubles removed"].public.event_f1,
    starter_swapped=float(means.loc["swapped", "starter"]),
    starter_good=float(means.loc["good", "starter"]),
    grader_timing=float(means.loc["timing", "grader"]),
    first_two=float(board["hidden"].iloc[0] - board["hidden"].iloc[1]),
    first_low=float(paired[0]),
    first_high=float(paired[1]),
    ogs_auc=float(roc_auc_score(ogs["published"], ogs["probability"])),
    ogs_depth=float(roc_auc_score(ogs["published"], ogs["depth_km"])),
    ogs_rest=float(roc_auc_score(rest["published"], rest["probability"])),
    ogs_depth_rest=float(roc_auc_score(rest["published"], rest["depth_km"])),
    ogs_lowest=float(share.iloc[0]),
    ogs_highest=float(share.iloc[-1]),
    ogs_july=int(july.sum()),
    ogs_july_share=float(ogs.loc[july, "published"].mean()),
)

# %% [markdown]
# ## Recap
#
# - Most bad events of an automatic catalog look good on a map. Look at picks, stations and neighbours.
# - AUC says whether you order, Brier skill whether your number is a probability. Removing doubles is a third thing, and only F1 sees it.
# - A public score is worth what was held out from it. Predict the hidden one before you look.
# - A promise is a hash, published beforehand; a fair comparison is paired.
# - A hidden world of the same making does not test what another Earth would; and what experts published is not what is good.
#
# ## What's next
#
# {doc}`Part 4 </schedule>` runs all of this on your own network, for months.
#
# **References**: probability scores {cite}`brier1950`, leakage {cite}`kaufman2012`. The catalog of 2024 is that of the network OX of OGS, in the repository of K. Tanaka Hernandez (MIT licence).
