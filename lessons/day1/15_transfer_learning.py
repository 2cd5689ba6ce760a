# %% [markdown]
# # 15 · Transfer learning and domain shift
#
# Nobody has a million labelled records of their own network. So one takes a picker that was trained elsewhere and hopes, or labels a few dozen records
# and trains it a little further. How much is lost in the first case, how many records does the second one take, and what does it cost? Here we can
# answer on two synthetic Earths, where every arrival is known, and then ask the same of California and of the ocean bottom.
#
# **You will be able to**
#
# - say how far a picker is from home *before* you trust it, and what of that needs no training at all;
# - fine-tune it on a few dozen records, all of it or with frozen layers, and test it on events that it has not seen;
# - draw a learning curve with intervals and decide when to stop labelling;
# - measure what the picker has forgotten of its home, and keep it from forgetting.
#
# **Before**: lessons 13 (training) and 14 (judging); what F1 is.
#
# **Time to learn**: 60 minutes. It runs in about a minute on two cores.

# %% [markdown]
# ## Two places
#
# **Home** is the crust on which the shipped weights were trained. **Away** is a muddy sea floor. Nothing but the setting changes: the mud swallows high
# frequencies and rings near 1 Hz, the waves are scattered more, currents shake the horizontals, and all earthquakes are at least 60 km away. Sources,
# rays and the 6 dB from which an arrival counts as visible are the same. A change of the records with the same meaning of P and S is called a
# *domain shift*.

# %%
from dataclasses import replace

import numpy as np
import pandas as pd

from course_utils.synthetic.instruments import OCEAN_BOTTOM
from course_utils.synthetic.records import crustal_setting, records


def muddy_sea(draws, kind):
    """The setting of one record: as at home, then distance, ground, scattering and noise of the sea floor."""
    made = crustal_setting(draws, kind)
    for again in range(40):
        if made.ray.distance_km >= 60:
            break
        made = crustal_setting(draws.child(f"again {again}"), kind)
    mud, path = draws.child("mud"), made.attenuation
    rings = {"resonance_hz": mud.loguniform(0.5, 1.5), "resonance_gain": 12.0, "resonance_width": 0.3}
    swallows = {"kappa_s": mud.lognormal(0.12, 0.2), "sediment_delay_s": mud.lognormal(1.5, 0.3)}
    scatters = {"early_p": 8 * path.early_p, "early_s": 8 * path.early_s, "early_decay_s": 2 * path.early_decay_s}
    water = {"current_db": mud.uniform(25, 35), "microseism_db": mud.uniform(8, 14), "infragravity_db": 25.0}
    return replace(
        made,
        site=replace(made.site, amplification=mud.lognormal(3.0, 0.2), **rings, **swallows),
        attenuation=replace(path, **scatters),
        noise=replace(made.noise, cultural_db=0.0, kind="ocean bottom", **water),
        instrument=OCEAN_BOTTOM,
    )


def make(n, seed, setting=None):
    """Waveforms (n, 3, 6000) and one row of truth for each; every record is of an earthquake of its own."""
    made = records(n, seed, noise_fraction=0, kinds={"earthquake": 1.0}, setting=setting)
    return made.waveforms, made.table.drop(columns="seed").assign(sampling_rate_hz=made.sampling_rate_hz)


home_test, home_more = make(80, seed=1500), make(32, seed=1503)
sea_test, sea_labelled = make(120, seed=1501, setting=muddy_sea), make(32, seed=1502, setting=muddy_sea)
distance = pd.DataFrame({"home": home_test[1]["distance_km"], "sea": sea_test[1]["distance_km"]})
distance.describe().loc[["count", "min", "50%", "max"]].round(0)

# %% tags=["hide-input"] alt="Vertical component of two records with P and S marked, as recorded above and above 1 Hz below. Home: P and S are sharp onsets of high frequency a few seconds apart. Sea: slow swinging as recorded; above 1 Hz P emerges slowly and rings until S, which hardly stands out."
import matplotlib.pyplot as plt
from scipy.signal import butter, sosfilt

from course_utils.teaching.style import COLOURS


def typical(table, s_minus_p_s):
    """The record with a P of about 25 dB and an S about so many seconds later."""
    wrong_by = (table["p_snr_db"] - 25).abs() / 5 + ((table["s_sample"] - table["p_sample"]) / 100 - s_minus_p_s).abs()
    return wrong_by.idxmin()


fig, axes = plt.subplots(2, 2, figsize=(9, 3.8), sharey=True)
above_1_hz = butter(2, 1.0, "highpass", fs=100, output="sos")
for column, (place, (waveforms, table), s_minus_p_s) in enumerate((("home", home_test, 4), ("sea", sea_test, 9))):
    row = typical(table, s_minus_p_s)
    p, s = table.loc[row, ["p_sample", "s_sample"]]
    vertical = waveforms[row, 0] - waveforms[row, 0].mean()
    cut = slice(int(p) - 400, int(p) + 1800)
    seconds = (np.arange(cut.start, cut.stop) - p) / 100
    for ax, wave in zip(axes[:, column], (vertical, sosfilt(above_1_hz, vertical)), strict=True):
        ax.plot(seconds, wave[cut] / np.abs(wave[cut]).max(), color="#444444", lw=0.7)
        for phase, at, dash in (("P", p, "-"), ("S", s, "--")):
            ax.axvline((at - p) / 100, color=COLOURS[phase], ls=dash, label=phase)
        ax.set(yticks=[])
    axes[0, column].set_title(place)
    axes[1, column].set_xlabel("seconds after P")
axes[0, 0].set_ylabel("as recorded")
axes[1, 0].set_ylabel("above 1 Hz")
axes[0, 0].legend(loc="upper right")
plt.show()

# %% [markdown]
# ## Without any training
#
# The picker as it is, at both places, and the classic trigger {cite}`allen1978` as the baseline. F1 weighs recall and precision alike (lesson 14); the
# brackets are 90 % bootstrap intervals over events. The thresholds are those of the weights, fixed at home.

# %%
from course_utils import picking
from course_utils.picking.evaluation import compare_pickers, labelled_records

model = picking.load_model("phasenet:synthetic")
places = {"sea": labelled_records(*sea_test), "home": labelled_records(*home_test)}
runs = {}


def score(picker, thresholds=None):
    """F1 of P and S at both places with their intervals: columns place, phase, value, low, high."""
    parts = []
    for place, known in places.items():
        wish = {} if thresholds is None else {"thresholds": {"it": thresholds}}
        judged = compare_pickers(known, {"it": picker}, device=device, **wish).judgements["it"]
        parts.append(judged.intervals(level=0.9).query("score == 'f1'").assign(place=place))
    return pd.concat(parts)


def show(runs):
    """One row per run, as text: value [low, high]."""
    long = pd.concat(runs, names=["run"]).reset_index("run")
    text = [f"{r.value:.2f} [{r.low:.2f}, {r.high:.2f}]" for r in long.itertuples()]
    text = pd.Series(text, index=pd.MultiIndex.from_arrays([long["run"], long["place"] + " " + long["phase"]]))
    return text.unstack()[["sea P", "sea S", "home P", "home S"]].loc[list(runs)]  # noqa: PD010


def f1(run):
    """The same as numbers, by place and phase."""
    return run.set_index(["place", "phase"])["value"]


runs["STA/LTA"] = score("sta_lta")
runs["as it is"] = score(model)
show(runs)

# %% [markdown]
# At home F1 of S is {golden:lesson15.home_s}, at sea {golden:lesson15.sea_s}; for P it is {golden:lesson15.home_p} and {golden:lesson15.sea_p}. The picker raises no alarm: it returns picks,
# each with a probability, and somebody who has no labels of the sea sees a station with few S. The drop of S is far wider than the intervals, that of P is not small either.
#
# Could one have known *without* labels? A network turns a record into numbers, and we can look at them. The deepest layer of PhaseNet holds 128 numbers
# per moment; their mean over a window stands for the record. We draw them in the two directions in which they vary most (PCA), and ask a straight line in
# all 128 dimensions to tell the places apart, on records that the line has not seen.

# %%
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from course_utils.picking.training.module import prepare


def embed(model, waveforms, table):
    """Means over 30 s of the deepest layer, shape (records, 128); each window begins 5 s before P."""
    kept = []
    hook = model.down_branch[-1][1].register_forward_hook(lambda *call: kept.append(torch.relu(call[2]).mean(-1)))
    starts = (table["p_sample"] - 500).clip(0, waveforms.shape[2] - 3001).astype(int)
    windows = np.stack([w[:, at : at + 3001] for w, at in zip(waveforms, starts, strict=True)])
    with torch.inference_mode():
        model(prepare(model, torch.from_numpy(windows)))
    hook.remove()
    return kept[0].numpy()


def two_axes(features):
    """Place, pc1, pc2 of every record; the axes are those of all places together."""
    scaled = StandardScaler().fit_transform(np.concatenate(list(features.values())))
    axes = PCA(2, random_state=0).fit_transform(scaled)
    names = np.repeat(list(features), [len(rows) for rows in features.values()])
    return pd.DataFrame({"place": names, "pc1": axes[:, 0], "pc2": axes[:, 1]})


features = {"home": embed(model, *home_test), "sea": embed(model, *sea_test)}
line = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
is_sea = np.repeat([0, 1], [len(rows) for rows in features.values()])
told_apart = cross_val_score(line, np.concatenate(list(features.values())), is_sea, cv=5, scoring="balanced_accuracy")
print(f"home or sea? right for {told_apart.mean():.0%} of the records (guessing: 50 %)")

# %% [markdown]
# Real records, too: those of Northern California that came with PhaseNet {cite}`zhu2019phasenet`, and those of ocean-bottom seismometers that came with
# OBSTransformer {cite}`niksejel2024`.

# %%
from course_utils.teaching.stored import stored

real = {}
if teaching.real_data():
    from course_utils import data

    real["California"] = data.open("phasenet-ncedc")["waveforms", "records"]
    waveforms, table = data.open("obstransformer-sample")["waveforms", "records"]
    events = (table["kind"] == "event").to_numpy()
    real["ocean bottom"] = waveforms[events], table[events].reset_index(drop=True)
    embedding = two_axes({**features, **{name: embed(model, *both) for name, both in real.items()}})
else:
    embedding = stored("lesson15_embedding")
    print("Right panel: stored result of", embedding.attrs["date"], "from", embedding.attrs["data"])
    print("Run it yourself with COURSE_DATA=real: it fetches 27 MB of records and 1 MB of weights.")

# %% tags=["hide-input"] alt="Two scatter plots of the deepest layer's numbers in two dimensions. Left: records of home and of the sea form two clouds that overlap little. Right, with real records: California lies mostly among the records of home, the ocean bottom mostly apart from them."
LOOK = {
    "home": (COLOURS["noise"], "o"),
    "sea": (COLOURS["P"], "s"),
    "California": (COLOURS["matched"], "^"),
    "ocean bottom": (COLOURS["S"], "D"),
}
fig, axes = plt.subplots(1, 2, figsize=(9, 4))
for ax, table, names in (
    (axes[0], two_axes(features), ["home", "sea"]),
    (axes[1], embedding, ["home", "California", "ocean bottom"]),
):
    for name in names:
        some, (colour, mark) = table[table["place"] == name], LOOK[name]
        ax.scatter(some["pc1"], some["pc2"], s=18, color=colour, marker=mark, alpha=0.7, label=name, linewidths=0)
    ax.set(xlabel="first axis", ylabel="second axis")
    ax.legend(loc="best")
axes[0].set_title("synthetic")
axes[1].set_title("real, with synthetic home")
plt.show()

# %% [markdown]
# A straight line tells home from sea for {golden:lesson15.told_apart} of the records: the network "sees" that it is elsewhere, although its picks do not say so. California lies among the
# records of home, most of the ocean bottom does not. Take that as a warning light and not as a score: places can look different and be picked equally well.
#
# ## What needs no training
#
# Two settings can be chosen on a few labelled records before anything is trained: the **threshold**, and the **speed** at which records are played. The sea is
# slow: distant earthquakes, low frequencies, long S minus P. Played faster (`time_stretch` below one), it looks more like home. We choose on `sea_labelled`, 32
# records, and test on others.

# %%
from course_utils.picking.evaluation import choose_threshold, curve_of

few = labelled_records(*sea_labelled)
thresholds = choose_threshold(curve_of(few, model, device=device))


def played(stretch):
    return lambda streams: picking.pick(streams, model, time_stretch=stretch, device=device)


speeds = compare_pickers(few, {stretch: played(stretch) for stretch in (0.5, 0.7, 1.0, 1.4)})
speed = speeds.table.groupby("picker")["f1"].mean().idxmax()
print(f"chosen on 32 records: thresholds {thresholds}, time_stretch {speed}")
runs["other threshold"] = score(model, thresholds)
runs["other speed"] = score(played(float(speed)))
show(runs)

# %% [markdown]
# The threshold moves little: what the picker does not see, no threshold brings back. Speed is another matter: F1 of S at sea goes from {golden:lesson15.sea_s} to {golden:lesson15.sea_s_speed}, while P stays where
# it was ({golden:lesson15.sea_p} and {golden:lesson15.sea_p_speed}), without one step of training. For S a good part of this shift was only a matter of scale. Whatever fine-tuning brings has to be compared with *this*, not with the picker as it comes.
#
# ## Fine-tuning
#
# Start from the weights and train a little further: {golden:lesson15.steps} steps of 16 windows, a quarter of the learning rate of a training from nothing. Each record is cut at
# a new place every time, rotated, and sometimes put on top of another. Only arrivals that an analyst could see are labelled. Two ways: train **all layers**, or **freeze the
# encoder**, the half of the network that turns records into features, and train only the decoder, which turns features into picks {cite}`yosinski2014`.

# %%
from course_utils.picking import training
from course_utils.picking.training.finetune import GENTLE, event_splits, fine_tune

recipe = replace(GENTLE, steps=80, learning_rate=5e-4)


def bank(waveforms, table):
    """What is trained on: the records, and the arrivals that an analyst could see."""
    onsets = pd.DataFrame({"P": table["p_sample"].to_numpy(), "S": table["s_sample"].to_numpy()})
    if "p_visible" in table:
        onsets = onsets.where(table[["p_visible", "s_visible"]].to_numpy())
    picks = onsets.rename_axis("record").reset_index().melt("record", var_name="phase", value_name="sample")
    return training.bank_from_arrays(waveforms, picks.dropna())


sea_bank = bank(*sea_labelled)
tuned = {}
for name, freeze in (("all layers", "none"), ("encoder frozen", "encoder")):
    tuned[name] = fine_tune(model, sea_bank, recipe=replace(recipe, freeze=freeze), device=device).model
    runs[name] = score(tuned[name])
    before, after = model.state_dict(), tuned[name].state_dict()
    weights = [key for key, _ in model.named_parameters()]
    changed = sum(before[key].numel() for key in weights if not torch.equal(before[key], after[key]))
    print(f"{name}: {changed:,} of {sum(before[key].numel() for key in weights):,} numbers were trained")
show(runs)

# %% [markdown]
# Trained on 32 records, F1 at sea is {golden:lesson15.sea_p_all} for P and {golden:lesson15.sea_s_all} for S with all layers, {golden:lesson15.sea_p_frozen} and {golden:lesson15.sea_s_frozen} with the encoder frozen; it was {golden:lesson15.sea_p} and {golden:lesson15.sea_s} before.
# The intervals of the two ways overlap, so nobody should prefer one of them for what it does at sea. And the other speed? Its intervals {golden:lesson15.speed_text} with those of all layers. Had we left
# out that row, this lesson would have credited the training with what one number can do. (The two can be joined: fine-tune on records that are played faster.)
#
# Now look at home. Nothing of home was in these steps, and F1 of P went from {golden:lesson15.home_p} to {golden:lesson15.home_p_all} with all layers and to {golden:lesson15.home_p_frozen} with the encoder frozen. What is lost there is called *catastrophic
# forgetting* {cite}`mccloskey1989`; here it is mild, since the steps are few and gentle and the start has seen a wide Earth. It matters as soon as one picker serves two places, or when this year's records of a station differ from next year's. The picture shows both at once; top right is where you want to be.

# %% tags=["hide-input"] alt="F1 at sea against F1 at home for P and S, a mark per run with intervals. For P all networks lie together at the top right, all layers a little to the left. For S the start lies lowest at sea, then the frozen encoder, all layers and the other speed, all far right. STA/LTA: low and far left, above all for S."
MARKS = dict(zip(runs, "vosDP^", strict=True))
fig, axes = plt.subplots(1, 2, figsize=(9, 4))
for ax, phase in zip(axes, "PS", strict=True):
    for (name, mark), colour in zip(MARKS.items(), plt.rcParams["axes.prop_cycle"].by_key()["color"], strict=False):
        run = runs[name][runs[name]["phase"] == phase].set_index("place")
        x, y = run.loc["home"], run.loc["sea"]
        ax.errorbar(
            x["value"], y["value"],
            xerr=[[x["value"] - x["low"]], [x["high"] - x["value"]]],
            yerr=[[y["value"] - y["low"]], [y["high"] - y["value"]]],
            fmt=mark, color=colour, elinewidth=0.8, capsize=2, label=name,
        )  # fmt: skip
    ax.set(xlabel="F1 at home", ylabel="F1 at sea", title=phase, xlim=(0.2, 1.02), ylim=(0.2, 1.02))
axes[0].legend(loc="lower left", fontsize="small")
plt.show()

# %% [markdown]
# ## How few are enough?
#
# A learning curve answers before you label the next hundred: train on 4, 8, 16, 32 records, always test on the same others. What must never happen is that an event
# stands on both sides; two records of one earthquake share its source and much of its path. Here each record has an event of its own. In general
# `event_splits` divides by event, and lets a larger training set hold the smaller one, so that a curve is not shaken by the luck of the draw.

# %%
curve = {0: runs["as it is"], 32: runs["all layers"]}
for n in (4, 8, 16):
    some = bank(sea_labelled[0][:n], sea_labelled[1][:n])
    curve[n] = score(fine_tune(model, some, recipe=recipe, device=device).model)
curve = pd.concat(curve, names=["records"]).reset_index("records").sort_values("records")

# %% tags=["hide-input"] alt="F1 against 0, 4, 8, 16 and 32 training records with intervals. At sea P rises, S goes up and down within its interval; at home P stays, S falls below its start, by amounts that jump from one size to the next."
fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
for ax, place in zip(axes, ("sea", "home"), strict=True):
    for phase, dash in (("P", "o-"), ("S", "s--")):
        some = curve[(curve["place"] == place) & (curve["phase"] == phase)]
        at = np.arange(len(some))
        ax.plot(at, some["value"], dash, color=COLOURS[phase], label=phase)
        ax.fill_between(at, some["low"], some["high"], color=COLOURS[phase], alpha=0.15, lw=0)
    ax.set_xticks(at, some["records"])
    ax.set(title=f"tested at {place}", xlabel="labelled records of the sea")
axes[0].set(ylabel="F1", ylim=(0.4, 1.02))
axes[0].legend(loc="lower right")
plt.show()

# %% [markdown]
# A curve should be smooth; this one jumps, above all in what is forgotten. It is one draw of records. The band says how far the *test* events could mislead us; it does not say what another four
# or eight *training* records would have given, and with so few that is much of it. So: draw again, many times. That takes longer than a lesson may, which is why the real curves below are stored.
#
# ## The real Earth
#
# Two transfers: from the synthetic Earth to **California** (101 records, each of another event), and from land to the **ocean bottom** (37 records of 11 experiments, S up to 33 s
# after P). In each split at least 37 and 21 events are held out for testing. Records are cut at random, since P always stands at one sample in the first set. First one split of the ocean
# bottom, live: 16 records to learn from, 21 to test on. Published weights {cite}`zhu2019phasenet`, trained on land in California, stand beside ours.

# %%
if teaching.real_data():
    waveforms, table = real["ocean bottom"]
    known = labelled_records(waveforms, table)
    _, _, train, test = next(event_splits(table["event"], [16], repeats=1, held_out=21 / 37))
    learn, judge_on = known.select(train), known.select(test).cut(0)
    sixteen = bank(waveforms[train], table.iloc[train].reset_index(drop=True))
    speeds = compare_pickers(learn, {stretch: played(stretch) for stretch in (0.5, 0.7, 1.0, 1.4)})
    real_speed = float(speeds.table.groupby("picker")["f1"].mean().idxmax())
    longer = replace(recipe, steps=120)
    pickers = {
        "STA/LTA": "sta_lta",
        "synthetic, as it is": model,
        "synthetic, other speed": played(real_speed),
        "synthetic, fine-tuned": fine_tune(model, sixteen, recipe=longer, device=device).model,
        "published, as it is": "phasenet:original",
    }
    one_split = compare_pickers(judge_on, pickers, device=device).table
else:
    one_split = stored("lesson15_one_split")
    print("Stored result of", one_split.attrs["date"], "from", one_split.attrs["data"])
one_split.pivot_table(index="picker", columns="phase", values=["recall", "precision", "f1"], sort=False).round(2)

# %% [markdown]
# With 21 test records one arrival more or less is worth 0.05 of recall, so read no second digit, and compare rows only where they are far apart. Far from home our synthetic picker finds
# fewer P than STA/LTA does; 16 labelled records repair that. And weights that have learnt from hundreds of thousands of real records on land do well before any training. **The best transfer
# is often a better start.**
#
# Now the curves over repeated splits: `python benchmarks/transfer.py --store`, about two minutes of one core per split; there are {golden:lesson15.repeats}.

# %%
curves = stored("lesson15_curves")
print("Stored result of", curves.attrs["date"], "from", curves.attrs["data"])
LINES = {
    "synthetic start, all layers": ("phasenet:synthetic", "all", "o-", COLOURS["P"]),
    "synthetic start, encoder frozen": ("phasenet:synthetic", "encoder frozen", "s--", COLOURS["proposed"]),
    "published start, all layers": ("phasenet:original", "all", "D-.", COLOURS["matched"]),
    "from nothing": ("nothing", "all", "x", COLOURS["truth"]),
}
spread = curves.groupby(["place", "start", "way", "records", "phase"])["f1"]
spread = spread.agg(mean="mean", low="min", high="max").reset_index()

# %% tags=["hide-input"] alt="F1 of P and S against the number of training records, for California and the ocean bottom, with the range over splits. California starts high and gains little for P and a few hundredths for S. The ocean bottom starts low with synthetic weights and gains most from the first records; the published start is above it all along. Training from nothing is level with fine-tuning in California and lower for P at the ocean bottom. Another speed helps S and not P. STA/LTA is a horizontal line, low for S."
fig, axes = plt.subplots(2, 2, figsize=(9, 6.4), sharey=True)
for row, place in zip(axes, ("California", "ocean bottom"), strict=True):
    for ax, phase in zip(row, "PS", strict=True):
        here = spread[(spread["place"] == place) & (spread["phase"] == phase)]
        sizes = sorted(here["records"].unique())
        for name, (start, way, look, colour) in LINES.items():
            mine = here[(here["start"] == start) & here["way"].isin([way, "as it is"])].sort_values("records")
            if len(mine):
                at = np.array([sizes.index(n) for n in mine["records"]]) + 0.08 * (way != "all")
                errors = [mine["mean"] - mine["low"], mine["high"] - mine["mean"]]
                ax.errorbar(
                    at, mine["mean"], yerr=errors, fmt=look, color=colour, capsize=2, elinewidth=0.7, label=name
                )
        for name, dash in (("STA/LTA", ":"), ("synthetic, other speed", (0, (4, 2)))):
            level = here.loc[here["start"] == name, "mean"].iloc[0]
            ax.axhline(level, color=COLOURS["baseline"], ls=dash, lw=1, label=name)
        ax.set_xticks(range(len(sizes)), sizes)
        ax.set(title=f"{place}, {phase}", ylim=(0, 1.02))
    row[0].set_ylabel("F1")
for ax in axes[1]:
    ax.set_xlabel("labelled records")
handles = {label: handle for ax in axes.flat for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
fig.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, fontsize="small")
plt.show()

# %%
counts = curves[curves["way"] != "encoder frozen"].query("start == 'phasenet:synthetic'")
counts.pivot_table(index=["place", "records"], columns="phase", values=["f1", "home_f1"]).round(2)

# %% [markdown]
# Bars are the lowest and highest of {golden:lesson15.repeats} splits.
#
# - **California** is nearly home: with 64 records P goes from {golden:lesson15.ncedc_p_0} to {golden:lesson15.ncedc_p_64} and S from {golden:lesson15.ncedc_s_0} to {golden:lesson15.ncedc_s_64}. What is gained is less than the
#   splits differ among themselves, and four records make P worse than none.
# - **The ocean bottom** is far: with 16 records P goes from {golden:lesson15.obs_p_0} to {golden:lesson15.obs_p_16} and S from {golden:lesson15.obs_s_0} to {golden:lesson15.obs_s_16}. Another speed alone gives P {golden:lesson15.obs_p_speed} and S {golden:lesson15.obs_s_speed}, most of the way.
# - **From nothing** is the baseline that we had expected to fail: random weights, two and a half times the steps. On the same three splits 64 records of California give {golden:lesson15.nothing_ncedc_p} for P and
#   {golden:lesson15.nothing_ncedc_s} for S, fine-tuning {golden:lesson15.tuned_ncedc_p} and {golden:lesson15.tuned_ncedc_s}. So there the synthetic start counts for little. With 16 records of the ocean bottom it does, for P: {golden:lesson15.nothing_obs_p} from nothing,
#   {golden:lesson15.tuned_obs_p} fine-tuned. A start pays where labels are few.
# - **Home** is hardly forgotten (`home_f1`); most of it, P, with the fewest records of California.
#
# ```{warning}
# Bars over splits are not a confidence interval for the next network. The splits share their records, so that their scores are not independent
# {cite}`nadeau2003`, and all records of a place come from one collection: 11 experiments here, one region there. Nor do we know how the labels of the two sets were made.
# ```
#
# Others had more records: 2,498 of 35 days at one volcano moved a picker there, with smaller errors than training from nothing, above all for small sets {cite}`lapins2021`; regional weights were carried
# over to a fracturing experiment in a mine {cite}`chai2020`; and pickers for the ocean bottom begin on land {cite}`niksejel2024,bornstein2024`.
#
# ## When to stop labelling
#
# Label a batch, extend the curve, and ask what the last doubling bought. If that is less than what the splits differ by, further *random* records will be slow; go and look at what is
# still missed, and label that. Keep a test set that no decision has touched, and keep it large: 20 records cannot tell 0.90 from 0.95.

# %% tags=["golden"]
from course_utils.teaching import golden
from course_utils.teaching.stored import keep

at_sea = {name: runs[name].query("place == 'sea'").set_index("phase") for name in ("all layers", "other speed")}
best, fast = at_sea.values()
compared = "overlap" if ((best["low"] < fast["high"]) & (fast["low"] < best["high"])).all() else "do not all overlap"
golden.check(
    "lesson15",
    home_p=float(f1(runs["as it is"])["home", "P"]),
    home_s=float(f1(runs["as it is"])["home", "S"]),
    sea_p=float(f1(runs["as it is"])["sea", "P"]),
    sea_s=float(f1(runs["as it is"])["sea", "S"]),
    told_apart=float(told_apart.mean()),
    sea_p_speed=float(f1(runs["other speed"])["sea", "P"]),
    sea_s_speed=float(f1(runs["other speed"])["sea", "S"]),
    speed_text=compared,
    steps=recipe.steps,
    sea_p_all=float(f1(runs["all layers"])["sea", "P"]),
    sea_s_all=float(f1(runs["all layers"])["sea", "S"]),
    sea_p_frozen=float(f1(runs["encoder frozen"])["sea", "P"]),
    sea_s_frozen=float(f1(runs["encoder frozen"])["sea", "S"]),
    home_p_all=float(f1(runs["all layers"])["home", "P"]),
    home_p_frozen=float(f1(runs["encoder frozen"])["home", "P"]),
    repeats=int(curves["repeat"].nunique()),
)
if teaching.real_data():
    source = "phasenet-ncedc 62005c6, obstransformer-sample f11ff44, " + f"phasenet:synthetic {model.weights_version}"
    keep("lesson15_embedding", embedding, data=source)
    keep("lesson15_one_split", one_split, data=f"{source}, phasenet:original 2", recall=0.12, precision=0.12, f1=0.12)
mean_f1 = counts.groupby(["place", "phase", "records"])["f1"].mean()
other = curves[curves["start"] == "synthetic, other speed"].groupby(["place", "phase"])["f1"].mean()
nothing = curves[curves["start"] == "nothing"]
same = counts.merge(nothing[["place", "records", "repeat", "phase"]]).groupby(["place", "phase"])["f1"].mean()
nothing = nothing.groupby(["place", "phase"])["f1"].mean()
golden.check(
    "lesson15",
    obs_p_speed=float(other["ocean bottom", "P"]),
    obs_s_speed=float(other["ocean bottom", "S"]),
    nothing_ncedc_p=float(nothing["California", "P"]),
    nothing_ncedc_s=float(nothing["California", "S"]),
    tuned_ncedc_p=float(same["California", "P"]),
    tuned_ncedc_s=float(same["California", "S"]),
    nothing_obs_p=float(nothing["ocean bottom", "P"]),
    tuned_obs_p=float(same["ocean bottom", "P"]),
)
golden.check(
    "lesson15",
    **{
        f"{key}_{phase.lower()}_{n}": float(mean_f1[place, phase, n])
        for key, place, n_last in (("ncedc", "California", 64), ("obs", "ocean bottom", 16))
        for phase in "PS"
        for n in (0, n_last)
    },
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Exercise 1 · Was it the sea?
# The picker got better at sea after {golden:lesson15.steps} steps on 32 records of the sea. Perhaps any further training would have done that? The control: the same recipe on 32 records of *home*
# (`home_more`). **First** write down the F1 of S at sea that you expect, **then** train. Answer with `{"predicted": your number, "model": the trained model}`.
# ```

# %%
# solution
control = fine_tune(model, bank(*home_more), recipe=recipe, device=device).model
answer = {"predicted": 0.6, "model": control}
# end solution
checks.lesson15.control(answer, model, tuned["all layers"], score)

# %% [markdown]
# ```{exercise} Exercise 2 · Learn and keep
# Train a picker that learns the sea and does not forget home: at least half of the gain at sea of `tuned["all layers"]` (mean F1 of P and S), and at most half of its loss at home, or 0.02. You may use
# `sea_labelled` and `home_more`, and no test record. Answer with the model. (`np.concatenate` and `pd.concat` join waveforms and tables.)
# ```

# %%
# solution
waves = np.concatenate([sea_labelled[0], home_more[0]])
answer = fine_tune(
    model,
    bank(waves, pd.concat([sea_labelled[1], home_more[1]], ignore_index=True)),
    recipe=recipe,
    device=device,
).model
# end solution
checks.lesson15.learn_and_keep(answer, runs, score)

# %% [markdown]
# ```{exercise} Exercise 3 · Whose labels?
# Three analysts have picked the 32 records of the sea; `labels` holds the sample of each P (NaN: not picked). One of them is systematically late. A picker that is fine-tuned on such labels learns to be
# late, too. Who is it, and by how many seconds? Answer with `{"analyst": "...", "seconds": ...}`. The truth is not available; the picks of `model` are (`few.streams()` gives the records).
# ```

# %%
labels = checks.lesson15.three_analysts(sea_labelled[1])
labels.head(3)

# %%
# solution
found = picking.pick(few.streams(), model, device=device).query("phase == 'P'")
row = found["station"].str.split(".").str[1].astype(int)
seconds = (found["time"] - pd.Timestamp("2000-01-01", tz="UTC")).dt.total_seconds()
late = labels.loc[row].sub(100 * seconds.to_numpy(), axis=0) / 100
late = late.where(late.abs() < 2).median()
print(late.round(2).to_dict())
others = late.drop(late.idxmax()).mean()
answer = {"analyst": late.idxmax(), "seconds": late.max() - others}
# end solution
checks.lesson15.late_analyst(answer, sea_labelled[1])

# %% [markdown]
# ```{exercise} Exercise 4 · Stop labelling
# Use `curves` (start `phasenet:synthetic`, all layers; 0 records is the way `as it is`). For each place: what is the smallest number of labelled records whose mean F1 (over splits, and P and S together) comes
# within 0.02 of the mean F1 at the largest number? Answer with a dictionary `{"California": ..., "ocean bottom": ...}`.
# ```

# %%
# solution
answer = {}
for place, some in counts.groupby("place"):
    by_size = some.groupby("records")["f1"].mean()
    answer[place] = by_size.index[by_size >= by_size.iloc[-1] - 0.02].min()
print(answer)
# end solution
checks.lesson15.stop_labelling(answer, curves)

# %% [markdown]
# ```{exercise} Exercise 5 · What may you write?
# Which of these sentences does `curves` support? Answer with letters and a reason of at least ten words: `{"claims": ["a", ...], "reason": "..."}`. All speak of the synthetic start.
#
# - **a** With 16 labelled records, any ocean-bottom experiment can be picked with the F1 shown here.
# - **b** At the ocean bottom, P had a higher F1 with 16 records (all layers) than with none in every split.
# - **c** In 90 of 100 new regions like California, F1 with 64 records will lie between the ends of the bars.
# - **d** After 16 records of the ocean bottom, freezing the encoder kept more of the F1 of S at home than training all layers did, on average over the splits.
# - **e** Encoders should be frozen.
# ```

# %%
# solution
fitted = curves.query("start == 'phasenet:synthetic' and place == 'ocean bottom'")
p = fitted.query("phase == 'P' and way != 'encoder frozen'").set_index(["records", "repeat"])["f1"]
kept = fitted.query("phase == 'S' and records == 16").groupby("way")["home_f1"].mean()
supported = {"b": (p[16] > p[0]).all(), "d": kept["encoder frozen"] > kept["all"]}
answer = {
    "claims": [letter for letter, holds in supported.items() if holds],
    "reason": "Splits of one collection say nothing of other experiments or regions, and one recipe on two places does not make a rule.",
}
# end solution
checks.lesson15.claims(answer, curves)

# %% [markdown]
# ## Recap
#
# - A picker far from home returns fewer and worse picks and says nothing. Look at its embedding, and test it on a few labelled records of your own.
# - First what costs nothing: another start, the speed, the threshold. Compare fine-tuning with that.
# - A few dozen records are enough to move a picker; the first ones bring most. Divide by event, repeat the division, show the spread, and train once from nothing: it may do as well.
# - Fine-tuning can forget. Test at home as well, every time; a frozen encoder and old records that are mixed in hold against it.
# - Labels are learnt with their habits. Check them before you train on them.
#
# ## What's next
#
# Lesson 16 runs a picker over continuous data at full speed. `course train` fine-tunes with a configuration file, and goes on where it was stopped.
#
# **References**: transfer of features {cite}`yosinski2014`, forgetting {cite}`mccloskey1989`, pickers moved to other places {cite}`chai2020,lapins2021,niksejel2024,bornstein2024`, intervals over splits {cite}`nadeau2003`.
