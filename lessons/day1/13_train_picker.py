# %% [markdown]
# # 13 · Building and training a picker
#
# The network that the last lesson used as a box is built here: layer by layer, in plain PyTorch, and then trained. Training rarely fails with
# an error. It fails by giving something that looks like a picker. So each step comes with the question that finds out: what would a network
# without any skill reach, can this one learn eight windows by heart, does it know more than the place of P?
#
# **You will be able to**
#
# - write a U-Net, name the shape behind every layer, and say how many seconds of a record one answer depends on;
# - turn picks into probabilities, compute the loss, and name the loss of a network that knows nothing;
# - run the tests that belong before a training: one batch by heart, a range of learning rates;
# - write the training loop with Lightning, read its learning curves, and say what augmentation changed;
# - look inside: feature maps, what an answer really looks at, and where it goes wrong;
# - do the same in SeisBench, with its generator.
#
# **Before**: lessons 11 (data sets) and 12 (windows, normalisation, `classify`); that a network is fitted by gradient descent (lesson 02).
#
# **Time to learn**: 90 minutes. It runs in about {golden:lesson13.minutes_text} on two cores; no GPU is needed.

# %% [markdown]
# ## Two thousand records, and windows without end
#
# 1,600 events of the synthetic Earth, free of noise, and 400 records of noise. They are mixed *while* training: a random event, cut at a random
# place, at a random signal-to-noise ratio over random noise, turned, sometimes with a second event, with a dead channel, a gap. No two
# windows are the same. For validation there are other events and other noise, made from other seeds; nothing of them is ever trained on.

# %%
import numpy as np
import pandas as pd
import torch

from course_utils.picking.training import Augmentation, Batches
from course_utils.pipeline.synthetic_banks import noise_bank, signal_bank

torch.set_num_threads(1)  # the same digits on every run
signals, noise = signal_bank(1600, seed=13_001), noise_bank(400, seed=13_002)
training = Batches(signals, noise=noise, batch_size=16, labels="PSN", seed=13)
validation = Batches(
    signal_bank(160, seed=13_003), noise=noise_bank(80, seed=13_004), batch_size=32, labels="PSN", seed=99
)
x, y = training(0)  # batch number 0
print("windows", tuple(x.shape), "targets", tuple(y.shape))

# %% [markdown]
# Batch number 0 is a function of the seed and of 0: ask again and you get the same sixteen windows. That is worth a lot when a training was killed at
# step 7,000. A window is three components of 3001 samples; a target is three curves, P, S and N for neither.

# %% alt="One training window: vertical and north component with P and S, and below the targets: a bell of height one at the P and another at the S, and the noise curve, which is one elsewhere."
import matplotlib.pyplot as plt

from course_utils.teaching.style import COLOURS

time_s = np.arange(3001) / 100
row = int((y[:, 0].amax(1) + y[:, 1].amax(1)).argmax())
fig, (top, bottom) = plt.subplots(2, 1, figsize=(8, 4.5), sharex=True)
for k, name in enumerate("ZN"):
    top.plot(time_s, x[row, k] / x[row, :2].abs().max() - 1.5 * k, color=COLOURS["truth"], linewidth=0.6)
    top.text(0.2, 0.4 - 1.5 * k, name)
for k, (name, dash) in enumerate({"P": "-", "S": "--", "N": ":"}.items()):
    bottom.plot(time_s, y[row, k], dash, color=COLOURS.get(name, COLOURS["noise"]), label=name)
top.set(yticks=[], title="a window")
bottom.set(xlabel="seconds", ylabel="target", title="what the network shall answer", xlim=(0, 30))
bottom.legend(loc="center right")
plt.show()

# %% [markdown]
# The targets are bells with a standard deviation of 0.1 s, as in PhaseNet {cite}`zhu2019phasenet`. A pick has an error of that order, so a target of one sample
# ("1 here, 0 beside it") would punish an answer that is as good as the analyst's. The three curves add up to one at every sample.
#
# ## The network, layer by layer
#
# The building block is a convolution over time: filters of seven samples, the same at every time. Then batch normalisation, and negative values
# are set to zero.


# %%
from torch import nn


def block(channels_in, channels_out):
    convolution = nn.Conv1d(channels_in, channels_out, kernel_size=7, padding="same", bias=False)
    return nn.Sequential(convolution, nn.BatchNorm1d(channels_out), nn.ReLU())


# %% [markdown]
# Seven samples are 0.07 s. To see an S after its P the network must see seconds. So on the way **down** each level looks, and then keeps one value for four: a
# filter of seven samples at the next level is four times as long.


# %%
class Down(nn.Module):
    def __init__(self, channels_in, channels, step=4):
        super().__init__()
        self.look = block(channels_in, channels)
        self.coarser = nn.Conv1d(channels, channels, kernel_size=step, stride=step)

    def forward(self, x):
        seen = self.look(x)
        return self.coarser(seen), seen  # what goes deeper, and what is handed across


# %% [markdown]
# At the bottom the network knows *what* is there, with a resolution of 2.56 s. On the way **up** the time resolution comes back, and with it what the way down had
# seen at that level (`seen`): *where* it was. These bridges make a U-Net {cite}`ronneberger2015unet`.


# %%
class Up(nn.Module):
    def __init__(self, channels_below, channels, step=4):
        super().__init__()
        self.finer = nn.ConvTranspose1d(channels_below, channels, kernel_size=step, stride=step)
        self.look = block(2 * channels, channels)

    def forward(self, x, seen):
        return self.look(torch.cat([seen, self.finer(x)], dim=1))


class UNet(nn.Module):
    def __init__(self, channels=(8, 16, 32, 64, 96), step=4):
        super().__init__()
        *fine, last = channels
        self.step = step
        self.down = nn.ModuleList(Down(i, o, step) for i, o in zip([3, *fine[:-1]], fine, strict=True))
        self.bottom = block(fine[-1], last)
        self.up = nn.ModuleList(Up(i, o, step) for i, o in zip([last, *fine[:0:-1]], fine[::-1], strict=True))
        self.out = nn.Conv1d(fine[0], 3, kernel_size=1)

    def forward(self, x):
        samples = x.shape[-1]
        x = nn.functional.pad(x, (0, -samples % self.step ** len(self.down)))  # 3001 -> 3072 = 12 * 4**4
        bridges = []
        for level in self.down:
            x, seen = level(x)
            bridges.append(seen)
        x = self.bottom(x)
        for level in self.up:
            x = level(x, bridges.pop())
        return self.out(x)[..., :samples]


torch.manual_seed(13)
net = UNet()
print(f"{sum(p.numel() for p in net.parameters()):,} numbers to learn, scores {tuple(net(x).shape)}")

# %% [markdown]
# The last layer turns eight channels into three scores per sample; a softmax makes probabilities of them. Hooks tell the shape behind each layer, which makes
# the picture.

# %% tags=["hide-input"] alt="The U: five boxes going down on the left from 8 channels of 3072 samples to 96 channels of 12 samples at the bottom, and four going up on the right to 8 channels of 3072 samples, with dotted bridges between boxes of the same level, and an arrow to the three scores."
shapes = {}
looks = {f"down {k}": level.look for k, level in enumerate(net.down)} | {"bottom": net.bottom}
looks |= {f"up {k}": level.look for k, level in enumerate(net.up)}
hooks = [
    module.register_forward_hook(lambda _m, _i, out, name=name: shapes.update({name: tuple(out.shape[1:])}))
    for name, module in looks.items()
]
with torch.no_grad():
    net.eval()(x[:1])
for hook in hooks:
    hook.remove()
depth = len(net.down)
levels = [min(k, 2 * depth - k) for k in range(len(shapes))]
fig, ax = plt.subplots(figsize=(8, 4.2))
for k, (level, (channels, samples)) in enumerate(zip(levels, shapes.values(), strict=True)):
    width, height = 0.12 + 0.0062 * channels, 0.34 + 0.045 * np.log2(samples)
    left, line = k - width / 2, {"arrowstyle": "->", "color": COLOURS["truth"]}
    ax.add_patch(plt.Rectangle((left, -level - height / 2), width, height, color=COLOURS["station"], alpha=0.8))
    ax.text(k + width / 2 + 0.04, -level, f"{channels}\n× {samples}", va="center", fontsize=9)
    if k:
        side = 0.45 * np.sign(level - levels[k - 1])
        ax.annotate("", (left - 0.03, -level), (k - 0.95, -levels[k - 1] - side), arrowprops=line)
    if k < depth:
        dots = {"arrowstyle": "->", "linestyle": ":", "color": COLOURS["noise"]}
        ax.annotate("", (2 * depth - k - 0.35, -level + 0.2), (k + 0.75, -level + 0.2), arrowprops=dots)
ax.annotate("3 scores", (2 * depth, 0.48), (2 * depth, 1.05), ha="center", arrowprops={"arrowstyle": "<-"}, fontsize=9)
ax.text(-0.2, 0.85, "channels × samples behind each layer", fontsize=9)
ax.set(xlim=(-0.4, 2 * depth + 0.9), ylim=(-depth - 0.7, 1.3))
ax.axis("off")
plt.show()

# %% [markdown]
# ## How far does it see?
#
# One answer depends on a stretch of the record and on nothing outside of it: the *receptive field*. It can be counted by hand, level by level, or measured: the
# derivative of one output with respect to every input is zero where the network cannot look. `checks.lesson13.field_samples` sets all weights to one value first,
# so that nothing cancels by chance.

# %%
fields = {}
for channels in [(8, 16), (8, 16, 32), (8, 16, 32, 64), (8, 16, 32, 64, 96)]:
    small = UNet(channels)
    numbers = sum(p.numel() for p in small.parameters())
    fields[str(channels)] = {"seconds": checks.lesson13.field_samples(small) / 100, "numbers": numbers}
pd.DataFrame(fields).T.astype({"numbers": int})

# %% [markdown]
# Each level makes the sight about four times as long: {golden:lesson13.field_3} s with four levels, {golden:lesson13.field_4} s with five. At 60 km the S comes 7 to 8 s after the P. A network that sees less than that
# must recognise an S without ever having seen its P, and an analyst would not like that either. Ours has five levels.
#
# ## The loss, and the loss of knowing nothing
#
# At every sample the network gives three probabilities $q$ and the target is $y$. The loss is the cross-entropy $-\sum_c y_c \ln q_c$, averaged over samples and windows. How
# large is it for answers without any skill? One says 1/3 to everything. A better one always gives the mean of the targets.


# %%
def normalise(x):
    """Each component of each window by itself, as the picker does it."""
    x = x - x.mean(-1, keepdim=True)
    return x / (x.std(-1, keepdim=True) + 1e-10)


def share(net, x, y):
    return nn.functional.cross_entropy(net(normalise(x)), y)


mean = torch.stack([validation(k)[1].mean((0, 2)) for k in range(8)]).mean(0)
constant = float(-(mean * mean.log()).sum())
print("mean target P, S, N:", np.round(mean.numpy(), 4))
print(
    f"1/3 to everything: {np.log(3):.3f}   always the mean: {constant:.3f}   the fresh network: {share(net.train(), x, y):.3f}"
)

# %% [markdown]
# Here is the baseline of every training: **{golden:lesson13.constant}**, the loss of a constant. 98 samples in 100 are noise, so a network that says "noise" and nothing else is nearly
# always right, and has a loss that looks small. A fresh network begins far above it, and spends its first hundreds of steps on learning that earthquakes are rare. We
# tell it beforehand, in the bias of the last layer. This is not only faster: with the usual start and a high learning rate, the P probability of a PhaseNet of ours never passed 0.33, while its loss looked normal.


# %%
def fresh(channels=(8, 16, 32, 64, 96), seed=13):
    torch.manual_seed(seed)
    net = UNet(channels)
    with torch.no_grad():
        net.out.bias.copy_(torch.tensor([0.0, 0.0, 3.5]))
    return net


print(f"now it begins at {share(fresh(), x, y):.3f}")

# %% [markdown]
# ## Before any training: eight windows by heart
#
# A network with 200,000 numbers can learn eight windows by heart. If it cannot, something is broken (labels, gradients, shapes), and no larger data set will help.
# This test takes a few seconds; run it first, always. It is also the training loop at its plainest.

# %%
net = fresh()
optimiser = torch.optim.AdamW(net.parameters(), lr=1e-2)
by_heart = []
for _ in range(60):
    optimiser.zero_grad()  # forget the last gradients
    loss = share(net, x[:8], y[:8])
    loss.backward()  # the derivative of the loss by every number
    optimiser.step()  # a step downhill
    by_heart.append(loss.item())

# %% [markdown]
# ## Which learning rate?
#
# The most important setting can be looked for: raise the rate at every step, from far too small to far too large, and watch the loss {cite}`smith2017cyclical`.

# %% alt="Left: the loss on eight windows falls from the loss of a constant answer to a fraction of it in sixty steps. Right: the loss against a learning rate that rises from 0.00001 to 1: flat up to about 0.001, lowest around 0.1, and rising beyond."
rates = np.geomspace(1e-5, 1.0, 60)
net = fresh()
optimiser = torch.optim.AdamW(net.parameters(), lr=rates[0])
losses = []
for step, rate in enumerate(rates):
    optimiser.param_groups[0]["lr"] = rate
    optimiser.zero_grad()
    loss = share(net, *training(step))
    loss.backward()
    optimiser.step()
    losses.append(loss.item())
range_test = pd.DataFrame({"rate": rates, "loss": losses})

fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4))
left.plot(by_heart, color=COLOURS["P"])
right.semilogx(rates, losses, ".", color=COLOURS["noise"], label="each batch")
right.semilogx(rates, checks.lesson13.smooth(losses), color=COLOURS["P"], label="median of five")
for ax in (left, right):
    ax.axhline(constant, color=COLOURS["baseline"], linestyle="--")
    ax.set_ylim(0, 3.2 * constant)
left.text(20, constant * 1.06, "constant answer", color=COLOURS["truth"], fontsize=9)
left.set(xlabel="step", ylabel="loss", title="eight windows by heart")
right.set(xlabel="learning rate", title="range test")
right.legend(loc="upper left", fontsize=9)
plt.show()

# %% [markdown]
# Eight windows: passed, the loss ends at {golden:lesson13.by_heart}. (It cannot reach zero: the targets are bells, and their own entropy remains.) The range test has a flat part, a
# fall and a rise. Take a rate in the fall, not at its lowest point; you will choose one in exercise 3. We take 0.01.
#
# ## The training loop, with Lightning
#
# The five lines of the loop above are all there is to it. What else a training wants (validation now and then, a schedule for the rate, a limit on the gradient, any device) is
# the same for every network, and Lightning does it. One says how to get a loss from a batch, and which optimiser to use.

# %%
import logging
import warnings

import pytorch_lightning as pl
from torch.utils.data import DataLoader

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", module="pytorch_lightning")


class Training(pl.LightningModule):
    def __init__(self, net, training, validation, rate, steps):
        super().__init__()
        self.net, self.batches, self.checks, self.rate, self.steps = net, training, validation, rate, steps
        self.losses, self.checked, self.curve = [], [], []

    def training_step(self, step, _):
        loss = share(self.net, *self.batches(self.global_step))
        self.losses.append(loss.item())
        return loss

    def validation_step(self, number, _):
        self.checked.append(share(self.net, *self.checks(number)).item())

    def on_validation_epoch_end(self):
        means = {"training": np.mean(self.losses), "validation": np.mean(self.checked)}
        self.curve.append({"step": self.global_step, **means})
        self.losses, self.checked = [], []

    def configure_optimizers(self):
        optimiser = torch.optim.AdamW(self.parameters(), lr=self.rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, self.rate, self.steps)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


# %%
def fit(net, training, validation, rate=1e-2, steps=360, every=40):
    """Train; the network comes back ready to answer, with its learning curve."""
    module = Training(net, training, validation, rate, steps)
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = pl.Trainer(
        max_steps=steps, max_epochs=-1, gradient_clip_val=1.0, accelerator="cpu", num_sanity_val_steps=0, **quiet
    )
    trainer.fit(module, DataLoader(range(every), batch_size=None), DataLoader(range(2), batch_size=None))
    return net.eval(), pd.DataFrame(module.curve)


net, curve = fit(fresh(), training, validation)
curve.round(4)

# %% [markdown]
# 360 steps of 16 windows. The validation loss goes from {golden:lesson13.first_val} after 40 steps, near that of the constant, to {golden:lesson13.last_val}. Training and validation stay together: each training
# window is new, so there is nothing to learn by heart. The validation loss comes from 64 windows; its last digit means nothing.
#
# ```{note}
# A learning curve compares only if both losses are the same thing: mean per window, same normalisation, same labels. In exercise 1 you meet one that was not.
# ```
#
# ## Moving windows, new windows
#
# Three more networks, each with the same start, the same rate and only 64 steps, and no augmentation but the one in question. The first gets **new windows** all the time, cut anywhere. The second gets **the
# same 64 windows** again and again. For the third the events and noise are new, but the **P always stands at the same place**, 10 s after the start; in the California records below it does the same. All three are validated on the same windows as before.


# %%
class Same(Batches):
    """Always the same four batches."""

    def __call__(self, step):
        return super().__call__(step % 4)


plain = Augmentation.none()
still = Augmentation(**{**vars(plain), "shift": False})
settings = {
    "new windows": Batches(signals, noise=noise, batch_size=16, seed=5, augmentation=plain),
    "the same 64 windows": Same(signals, noise=noise, batch_size=16, seed=5, augmentation=plain),
    "P at one place": Batches(signals, noise=noise, batch_size=16, seed=5, augmentation=still),
}
short = {name: fit(fresh(), batches, validation, steps=64, every=16) for name, batches in settings.items()}

# %% tags=["hide-input"] alt="Learning curves of three networks over 64 steps, training solid and validation dashed. With new windows the two end not far apart. With the same 64 windows the training loss is the lower and the validation loss the higher one. With P at one place the training loss falls as fast, and the validation loss hardly gets below the loss of a constant answer."
fig, axes = plt.subplots(1, 3, figsize=(8, 3.3), sharey=True)
for ax, (name, (_, table)) in zip(axes, short.items(), strict=True):
    ax.plot(table["step"], table["training"], "o-", color=COLOURS["P"], markersize=3, label="training")
    ax.plot(table["step"], table["validation"], "s--", color=COLOURS["S"], markersize=3, label="validation")
    ax.axhline(constant, color=COLOURS["baseline"], linestyle=":", label="constant answer")
    ax.set(xlabel="step", title=name, ylim=(0, 1.3 * constant))
    ax.title.set_fontsize(10)
axes[0].set_ylabel("loss")
axes[0].legend(fontsize=9, loc="lower left")
plt.show()

# %% [markdown]
# The training losses end at {golden:lesson13.new_train}, {golden:lesson13.few_train} and {golden:lesson13.still_train}: by these, nothing is wrong with the second and the third. The validation losses are {golden:lesson13.new_val}, {golden:lesson13.few_val} and {golden:lesson13.still_val}. Part of
# the gap is there for all three, because the windows of validation are harder (they have the full augmentation); the rest is the price of what the network never saw. What does such a gap mean in picks?
#
# ## A network becomes a picker
#
# For SeisBench and for our picker a model is a network plus what one must know of it: window, rate, component order, labels, normalisation. `UNetPicker` holds that; we put our network inside.
# The test records are made by the record generator of lesson 12, 160 of them, with noise and true times. Recall counts visible arrivals with a pick within 0.3 s,
# precision the picks near an event that are right.

# %%
from course_utils import picking
from course_utils.picking import evaluation
from course_utils.picking.evaluation.labelled import START
from course_utils.picking.training.unet_picker import UNetPicker
from course_utils.synthetic.records import records


def picker(net):
    model = UNetPicker(component_order="ZNE", default_args={"overlap": 1500, "blinding": [250, 250]})
    model.net = net
    return model.eval()


made = records(160, seed=131)
test = evaluation.labelled_records(made.waveforms, made.table.assign(sampling_rate_hz=made.sampling_rate_hz))
pickers = {
    "STA/LTA": "sta_lta",
    **{name: picker(trained) for name, (trained, _) in short.items()},
    "our U-Net": picker(net),
    "the long run": "phasenet:synthetic",
}
found = evaluation.compare_pickers(test, pickers, tolerance_s=0.3)
found.table.pivot_table(index="picker", columns="phase", values=["recall", "precision", "f1"]).loc[list(pickers)].round(
    2
)

# %% [markdown]
# The network that always saw the P at 10 s finds {golden:lesson13.still_p} of the P, although its training loss looked as good as the others': it has learned a *time*, and 10 s is rarely right. No training curve shows that, and
# no test set that was cut the same way. For new windows and the same 64, F1 of P is {golden:lesson13.new_p_f1} and {golden:lesson13.few_p_f1}, of S {golden:lesson13.new_s_f1} and {golden:lesson13.few_s_f1}: one run each, of 64 steps, does not rank them by their picks. The losses had told them apart; a
# loss is not a score, but it warns earlier. Ours, with full augmentation and more steps, finds
# {golden:lesson13.p} and {golden:lesson13.s}, with F1 of {golden:lesson13.p_f1} and {golden:lesson13.s_f1}. STA/LTA, the baseline, has a P recall of {golden:lesson13.stalta_p} and pays for it with a precision of {golden:lesson13.stalta_precision}; on S it is lost.
#
# It was one run of each, on 160 records of the Earth that it was trained on. The large differences in this table would survive another seed. A difference of 0.02 would not, and lesson 14 says how to tell.
#
# ## The long run
#
# In the tables, "the long run" are the weights that ship with the course: SeisBench's PhaseNet, trained in the same way on more records and larger batches. The stored curve below is theirs, of {golden:lesson13.long_steps} steps.

# %% alt="Validation loss against training step on a logarithmic axis: our U-Net's 360 steps come down to a loss near 0.04, the long run's curve begins there and goes on, slowly and with small jumps, over thousands of steps to less than 0.03."
from course_utils.teaching.stored import stored

long_run = stored("lesson13_long_run")
fig, ax = plt.subplots(figsize=(8, 3.6))
ax.semilogx(curve["step"], curve["validation"], "s--", color=COLOURS["S"], markersize=4, label="our U-Net, validation")
ax.semilogx(
    long_run["step"], long_run["val_loss"], "o-", color=COLOURS["P"], markersize=4, label="the long run, validation"
)
ax.semilogx(long_run["step"], long_run["train_loss"], ":", color=COLOURS["P"], label="the long run, training")
ax.axhline(constant, color=COLOURS["baseline"], linestyle=":", label="constant answer")
ax.set(xlabel="step", ylabel="loss", ylim=(0, 1.1 * constant))
ax.legend(fontsize=9)
plt.show()
print("stored", long_run.attrs["date"], "from", long_run.attrs["data"])

# %% [markdown]
# The first hundreds of steps bring most of what the loss can give; the {golden:lesson13.long_steps} steps bring the rest, from {golden:lesson13.long_first} to {golden:lesson13.long_last}. It seems little. But the loss is a mean over all samples, nearly all of them easy, and the
# last hundredths are the difficult arrivals.
#
# And a caution, which this course paid for: the validation loss says how well a network knows the Earth that it is validated on, here the synthetic one. An earlier run of 9,000 steps, whose loss fell as nicely, found *fewer* P in California than one of 700 steps. All its waves began at full
# strength, while many real ones begin weakly and grow over a second or two, and broadband records swing slowly with the sea. More steps did not help; training windows with weak beginnings and a slow swing did. Lesson 15 is about such gaps.
#
# It took about twenty minutes of one core. A run of your own is one command, which goes on after a kill (`--resume`) and never overwrites what is there:
#
#     course train examples/train_synthetic.toml --out runs/mine
#
# The file names data (2,000 synthetic events; or a folder of yours), start weights, 3,000 steps, rate and augmentation: about ten minutes of one core. Behind it stands `picking.training.train`: the loop above, with checkpoints, early stopping, learning curves as CSV and for TensorBoard, and the recipe stored with the weights.
#
# ## Look inside
#
# What do the layers hold while the network looks at one earthquake? We take a clear test record with both phases, and hooks keep what five layers give.

# %%
clear = made.table.query("s_sample - p_sample > 300 and p_sample < 2000 and s_sample < 2600 and p_snr_db > 20").index[0]
window = torch.tensor(made.waveforms[clear : clear + 1, :, :3001])
kept = {}
layers = {
    "down 0": net.down[0].look,
    "down 2": net.down[2].look,
    "bottom": net.bottom,
    "up 1": net.up[1].look,
    "up 3": net.up[3].look,
}
hooks = [
    m.register_forward_hook(lambda _m, _i, out, name=n: kept.update({name: out[0].numpy()})) for n, m in layers.items()
]
with torch.no_grad():
    probability = net(normalise(window)).softmax(1)[0].numpy()
for hook in hooks:
    hook.remove()

# %% tags=["hide-input"] alt="A vertical record with P and S above the feature maps of the network's levels: at the fine levels the channels light up sharply at the onsets, at the deepest level a few broad cells cover several seconds around the event, and the last layer before the output is again sharp at P and S. The probabilities at the bottom peak at P and S."
fig, axes = plt.subplots(len(kept) + 2, 1, figsize=(8, 8), sharex=True)
axes[0].plot(time_s, normalise(window)[0, 0], color=COLOURS["truth"], linewidth=0.6)
axes[0].set_ylabel("Z")
for ax, (name, maps) in zip(axes[1:-1], kept.items(), strict=True):
    if maps.shape[1] > 384:  # the largest value of each picture cell; else stripes appear that are not there
        maps = maps.reshape(len(maps), 384, -1).max(2)
    largest = np.maximum(maps.max(1, keepdims=True), 1e-9)
    ax.imshow(maps / largest, aspect="auto", extent=(0, 30.72, 0, len(maps)), interpolation="nearest", vmin=0, vmax=1)
    ax.set_ylabel(name)
    ax.grid(False)
for phase, curve_of_phase, dash in zip("PS", probability[:2], ("-", "--"), strict=True):
    axes[-1].plot(time_s, curve_of_phase, dash, color=COLOURS[phase], label=phase)
    for ax in (axes[0], axes[-1]):
        ax.axvline(
            made.table.loc[clear, f"{phase.lower()}_sample"] / 100, color=COLOURS[phase], linewidth=0.8, linestyle=":"
        )
axes[-1].set(xlabel="seconds", ylabel="probability", xlim=(0, 30), ylim=(0, 1.02))
axes[-1].legend(loc="upper right", fontsize=9)
for ax in axes:
    ax.set_yticks([])
plt.show()

# %% [markdown]
# A row is a channel, bright where it is active. The finest level answers to every wiggle. At the bottom one value stands for 2.56 s: it can tell before from after, and not when. On the way up the two are joined,
# until the last level is sharp again. Be careful with stories about single channels: another seed gives other channels and the same picks.
#
# How much of the {golden:lesson13.field_4} s does it use? The derivative of the P score at the P time by the input says which samples the answer would react to.

# %% alt="Derivative of the P score by the input against time from the P, mean of forty records, on a logarithmic axis: a sharp peak within a few tenths of a second of the P, and tails a hundred times lower that reach over the 14 s to each side that the network can see."
rows = made.table.query("p_visible and p_sample > 1500 and p_sample < 4400").index[:40]
at = made.table.loc[rows, "p_sample"].round().astype(int)
centred = torch.tensor(np.stack([made.waveforms[i][:, s - 1500 : s + 1501] for i, s in at.items()]))
centred = normalise(centred).requires_grad_(True)
(net(centred)[:, 0, 1500] - net(centred)[:, 2, 1500]).sum().backward()
strength = centred.grad.abs().mean((0, 1)).numpy()
binned = strength[:3000].reshape(-1, 10).mean(1)
lag_s = (np.arange(300) * 10 + 4.5 - 1500) / 100
fig, ax = plt.subplots(figsize=(8, 3.2))
ax.semilogy(lag_s, binned, color=COLOURS["P"])
ax.set(xlabel="seconds after the P", ylabel="mean derivative", xlim=(-15, 15))
plt.show()
within = float(strength[1400:1601].sum() / strength.sum())
print(f"{within:.0%} of the derivative lies within 1 s of the P")

# %% [markdown]
# The field is {golden:lesson13.field_4} s long, but the answer reacts most to the second around the pick. After 360 steps the network is mostly a detector of sharp onsets, with a little context.
#
# ## Where it goes wrong
#
# A score says how often; a gallery says how. Here are the clearest arrivals that our network missed, and its surest wrong picks.

# %% tags=["hide-input"] alt="Six small panels of our network's errors, each with 12 s of the vertical record, the true P and S as dotted lines and the probabilities of P and S below: arrivals missed with a low bump of probability, and wrong picks of P or S with a high one."
judged = found.judgements["our U-Net"]
labels, picks = judged.labels, judged.picks
labels = labels.assign(seconds=(labels["time"] - START).dt.total_seconds())
picks = picks.assign(seconds=(picks["time"] - START).dt.total_seconds())
missed = labels[~labels["found"]].sort_values("snr_db" if "snr_db" in labels else "seconds", ascending=False)
wrong = picks[~picks["right"]].sort_values("probability", ascending=False)
record_of = pd.Series(test.table.index, index=test.table["station"])
truth = made.table.loc[record_of[wrong["station"]]]
other = np.where(wrong["phase"] == "P", truth["s_sample"], truth["p_sample"]) / 100
on_other = np.abs(wrong["seconds"] - other) <= 0.3
cases = [("missed", r) for r in missed.drop_duplicates("station").head(3).itertuples()]
cases += [
    ("wrong", r)
    for r in wrong[~wrong["station"].isin([r.station for _, r in cases])]
    .drop_duplicates("station")
    .head(6 - len(cases))
    .itertuples()
]
annotated = {}
fig, axes = plt.subplots(4, 3, figsize=(8, 6), sharey="row", height_ratios=[1, 1, 1, 1])
for k, (kind, case) in enumerate(cases):
    top, bottom = axes[2 * (k // 3), k % 3], axes[2 * (k // 3) + 1, k % 3]
    record = record_of[case.station]
    first = int(np.clip(case.seconds * 100 - 1500, 0, 2999))
    piece = torch.tensor(made.waveforms[record : record + 1, :, first : first + 3001])
    with torch.no_grad():
        probability = net(normalise(piece)).softmax(1)[0].numpy()
    x_s = (first + np.arange(3001)) / 100 - case.seconds
    near = np.abs(x_s) <= 6
    z = normalise(piece)[0, 0 if case.phase == "P" else 1].numpy()
    top.plot(x_s[near], z[near] / np.abs(z[near]).max(), color=COLOURS["truth"], linewidth=0.5)
    top.set(xticks=[], yticks=[], xlim=(-6, 6))
    top.set_title(f"{kind} {case.phase}", fontsize=10)
    for j, phase in enumerate("PS"):
        bottom.plot(x_s[near], probability[j][near], ("-", "--")[j], color=COLOURS[phase])
        truth_s = made.table.loc[record, f"{phase.lower()}_sample"] / 100 - case.seconds
        for ax in (top, bottom):
            ax.axvline(truth_s, color=COLOURS[phase], linestyle=":", linewidth=1)
    bottom.set(ylim=(0, 1.02), xlim=(-6, 6))
for ax in axes.flat[len(cases) :] if len(cases) < 6 else []:
    ax.set_visible(bool(ax.lines))
axes[3, 1].set_xlabel("seconds from the missed arrival or the wrong pick (blue P, orange dashed S; dotted: the truth)")
plt.show()
print(f"{len(missed)} of {len(labels)} visible arrivals missed; {len(wrong)} of {len(picks)} picks wrong")
print(f"{on_other.sum()} of the wrong picks stand on an arrival of the other phase")

# %% [markdown]
# {golden:lesson13.missed} visible arrivals are missed, and {golden:lesson13.wrong_picks} picks are wrong. Of these, {golden:lesson13.wrong_on_other} stand on a true arrival of the *other* phase: the network sees that something begins, and calls it by the wrong name. It would have to look back for the P to
# know better, and the derivative above says that it hardly looks that far. That is a hypothesis; a training of 3,000 steps would test it. Read such a gallery before you change anything: missed weak arrivals would ask for
# weaker ones in training, picks that are late every time for a look at the labels.
#
# ## The same in SeisBench
#
# SeisBench has its own way from a data set to batches: a *generator* takes one record at a time through a list of augmentations {cite}`woollam2022seisbench`. It reads files, so data sets may be larger than the memory, and its list is easy to extend. We write 60 records as lesson 12 did, and read
# them through it.

# %% tags=["hide-output"]
import seisbench.data as sbd

folder = teaching.work_folder() / "lesson13_dataset"
with sbd.WaveformDataWriter(folder / "metadata.csv", folder / "waveforms.hdf5") as writer:
    writer.data_format = {"dimension_order": "CW", "component_order": "ZNE", "unit": "counts"}
    for waveform, row in zip(made.waveforms[:60], made.table[:60].itertuples(), strict=True):
        arrivals = {"trace_P_arrival_sample": row.p_sample, "trace_S_arrival_sample": row.s_sample}
        writer.add_trace({"trace_sampling_rate_hz": 100.0, "split": "train", **arrivals}, waveform)
dataset = sbd.WaveformDataset(folder, sampling_rate=100, component_order="ZNE")

# %%
from time import perf_counter

from course_utils.picking.training import Recipe, bank_from_dataset, train
from course_utils.picking.training.seisbench_loader import seisbench_loader

loader = seisbench_loader(dataset, picker(fresh()), batch_size=16, seed=13)
print(*(line.split(" object at ")[0] for line in str(loader.dataset).splitlines()), sep="\n")
theirs = iter(loader)
next(theirs)  # the first one opens the file
begin = perf_counter()
batch = next(theirs)
theirs_s = perf_counter() - begin
ours = Batches(bank_from_dataset(dataset), batch_size=16, labels="PSN", seed=13, augmentation=plain)
ours(0)
begin = perf_counter()
ours(1)
print(
    f"batch {tuple(batch['X'].shape)}; in one thread {theirs_s * 1e3:.0f} ms with the generator, {(perf_counter() - begin) * 1e3:.0f} ms from memory"
)

# %% [markdown]
# The names say what happens: in most cases a window around an arrival, else any window; cut it; make labels. Ours does the same for whole batches at once, on the device; how much faster that is, {doc}`the results page </results>` measures on the same records.
# `train` takes either. Ten steps, to see that it runs:

# %%
quick = Recipe(steps=10, learning_rate=1e-3, validate_every=10, noise_bias=None)
train(picker(fresh()), loader, recipe=quick, device="cpu").history[["step", "train_loss"]].round(3)

# %% [markdown]
# ## Real records
#
# All this was one synthetic Earth. 101 records of Northern California came with PhaseNet {cite}`zhu2019phasenet`; in every one of them the P stands at 30.00 s. You know now what that does to a network, and what it would do to a test: so each record is cut at two random places.

# %%
if teaching.real_data():
    from course_utils import data

    california = evaluation.labelled_records(*data.open("phasenet-ncedc")["waveforms", "records"])
    names = ["STA/LTA", "P at one place", "our U-Net", "the long run"]
    chosen = {name: pickers[name] for name in names}
    scores, _ = evaluation.compare_over_cuts(california, chosen, seeds=(0, 1), tolerance_s=0.5)
    scores = scores[["picker", "phase", "recall", "precision", "f1", "n_labels"]]
else:
    scores = stored("lesson13_california")
    print("Stored result of", scores.attrs["date"], "from", scores.attrs["data"])
    print("Run it yourself: COURSE_DATA=real fetches 101 records of 90 s.")
scores.pivot_table(index="picker", columns="phase", values=["recall", "precision"]).loc[
    scores["picker"].unique()
].round(2)

# %% [markdown]
# Within 0.5 s, mean of two cuts. A U-Net of 360 steps that has never seen a real earthquake finds {golden:lesson13.california_p} of the P and {golden:lesson13.california_s} of the S in California. Compare it with STA/LTA line by line: on S a learned picker wins at once, on P the simple trigger is no easy rival. What is missing to the synthetic score is the *domain
# shift*, and lesson 15 is about it. 101 records of one network say nothing about yours.

# %% tags=["golden"]
import json
from importlib import resources

from course_utils.teaching import golden
from course_utils.teaching.stored import keep

if teaching.real_data():
    keep("lesson13_california", scores, data="phasenet-ncedc, our U-Net of 360 steps", recall=0.08, precision=0.08)
card = json.loads((resources.files("course_utils.picking") / "weights" / "phasenet_synthetic.json").read_text())
if "curves" in card["recipe"]:
    keep(
        "lesson13_long_run",
        pd.DataFrame(card["recipe"]["curves"]),
        data=f"phasenet:synthetic {card['weights_version']}",
        val_loss=0.001,
    )
table = found.table.set_index(["picker", "phase"])
of_california = scores.set_index(["picker", "phase"])
golden.check(
    "lesson13",
    minutes_text="75 seconds",
    field_3=fields[str((8, 16, 32, 64))]["seconds"],
    field_4=fields[str((8, 16, 32, 64, 96))]["seconds"],
    constant=constant,
    by_heart=by_heart[-1],
    first_val=curve["validation"].iloc[0],
    last_val=curve["validation"].iloc[-1],
    **{
        f"{key}_{part}": short[name][1][column].iloc[-1]
        for key, name in {"new": "new windows", "few": "the same 64 windows", "still": "P at one place"}.items()
        for part, column in {"train": "training", "val": "validation"}.items()
    },
    **{
        f"{key}_{phase.lower()}_f1": table.loc[(name, phase), "f1"]
        for key, name in {"new": "new windows", "few": "the same 64 windows"}.items()
        for phase in "PS"
    },
    wrong_picks=len(wrong),
    wrong_on_other=int(on_other.sum()),
    missed=len(missed),
    still_p=table.loc[("P at one place", "P"), "recall"],
    p=table.loc[("our U-Net", "P"), "recall"],
    s=table.loc[("our U-Net", "S"), "recall"],
    p_f1=table.loc[("our U-Net", "P"), "f1"],
    s_f1=table.loc[("our U-Net", "S"), "f1"],
    stalta_p=table.loc[("STA/LTA", "P"), "recall"],
    stalta_precision=table.loc[("STA/LTA", "P"), "precision"],
    long_steps=int(long_run["step"].iloc[-1]),
    long_first=long_run["val_loss"].iloc[0],
    long_last=long_run["val_loss"].iloc[-1],
    california_p=of_california.loc[("our U-Net", "P"), "recall"],
    california_s=of_california.loc[("our U-Net", "S"), "recall"],
)

# %% [markdown]
# We leave the network to later lessons, as a pair of files that `picking.load_model` reads. For this it goes into the package's own U-Net, which is the one above, number for number.

# %%
packaged = UNetPicker(
    component_order="ZNE", channels=(8, 16, 32, 64, 96), default_args={"overlap": 1500, "blinding": [250, 250]}
)
packaged.net.load_state_dict(dict(zip(packaged.net.state_dict(), net.state_dict().values(), strict=True)))
with torch.no_grad():
    print("largest difference", float((packaged.eval().net(window) - net(window)).abs().max()))
recipe = {
    "steps": 360,
    "batch": 16,
    "learning_rate": 1e-2,
    "data": "lesson 13: 1,600 synthetic events, 400 records of noise",
}
picking.models.save_model(
    packaged, teaching.work_folder() / "lesson13_unet", recipe=recipe, docstring="The U-Net of lesson 13."
)

# %% [markdown]
# ## Exercises
#
# ```{exercise} Exercise 1 · Two losses that could not be compared
# An average of this kind stood in a published course; there the training loss was far smaller than the validation loss. `batches` is a list of `(mean loss of the batch, number
# of windows in it)`; the last batch may be smaller. Write `average(batches)`, the mean loss per window.
# ```


# %%
def broken_average(batches):
    total, seen = 0.0, 0
    for number, (loss, windows) in enumerate(batches):
        if number % 5 == 0:
            shown = loss
        total += shown
        seen += windows
    return total / seen


print(f"{broken_average([(0.5, 16), (0.3, 16), (0.1, 4)]):.4f}, of losses 0.5, 0.3 and 0.1")


# %%
def average(batches):
    # solution: return ...
    return sum(loss * windows for loss, windows in batches) / sum(windows for _, windows in batches)
    # end solution


checks.lesson13.average(average)

# %% [markdown]
# ```{exercise} Exercise 2 · Why does this network not learn?
# Six trainings on the same eight windows. One is healthy. Each of A to E has one mistake, and none raises an error. A patient has `net`, `optimiser`, `x`, `y`, `loss`, and `step()` trains once and returns the loss.
# Give a cause from `checks.lesson13.CAUSES` for each: `{"A": "units are dead", ...}`. Beware: one of them seems to learn.
# ```

# %%
easy = Augmentation(**{**vars(plain), "snr_db": (30.0, 3.0), "inside_chance": 1.0})
small_x, small_y = Batches(signals, noise=noise, window_samples=768, batch_size=8, seed=1, augmentation=easy)(0)
patients = checks.lesson13.patients(normalise(small_x), small_y)
steps = {name: [patient.step() for _ in range(61)][::15] for name, patient in patients.items()}
display(pd.DataFrame(steps, index=range(0, 61, 15)).round(3).T)
print(*checks.lesson13.CAUSES, sep="\n")

# %%
# solution
answer = {
    "A": "optimiser moves another network",
    "B": "softmax twice",
    "C": "units are dead",
    "D": "gradients pile up",
    "E": "labels of other records",
}
# end solution
checks.lesson13.diagnosis(answer)

# %% [markdown]
# ```{exercise} Exercise 3 · Choose the learning rate
# Look at the range test again (`range_test`, and its figure). Which greatest learning rate would you give to the schedule?
# ```

# %%
# solution
answer = 0.01
# end solution
checks.lesson13.learning_rate(answer, range_test)

# %% [markdown]
# ```{exercise} Exercise 4 · As far, with less
# Our network has nearly 200,000 numbers. Find one that sees at least 25 s with at most 60,000. Hand in the network, `UNet(channels=..., step=...)`. Think about where the numbers are before you try.
# ```

# %%
# solution
answer = UNet(channels=(8, 12, 16, 24, 32), step=4)
# end solution
checks.lesson13.longer_sight(answer)

# %% [markdown]
# ```{exercise} Exercise 5 · What may you write?
# Which sentences do the results above support? Answer with letters and a reason of at least ten words: `{"claims": ["a", ...], "reason": "..."}`.
#
# - **a** Of several networks the one with the lowest training loss is the best picker.
# - **b** The network that always saw the P at one place has learned the place: its training loss looked good, and it finds few P that stand elsewhere.
# - **c** The table shows exactly how much random shifts are worth in F1.
# - **d** The weights of the long run are better than our U-Net on these records; whether steps, data or architecture did it, the table does not say.
# ```

# %%
# solution
answer = {
    "claims": ["b", "d"],
    "reason": "Training losses were lowest where the networks had learned the least, every setting was run once, "
    "and the long run differs from ours in three things at a time.",
}
# end solution
checks.lesson13.claims(answer)

# %% [markdown]
# ## Recap
#
# - A U-Net sees coarse and far on the way down, and gets the time back on the way up; count its receptive field in seconds.
# - Know the loss of a constant answer. A small loss is not a small error when 98 samples in 100 are noise.
# - First eight windows by heart, then a range test, then a short run, then the long one.
# - Training loss says whether the network can learn; only windows of other events, cut otherwise, say what it has learned. A P that always stands at one place teaches the place.
# - Look at the errors before you change anything, and change one thing at a time.
#
# ## What's next
#
# {doc}`Lesson 14 </schedule>` judges pickers: intervals, thresholds, false picks per hour. Lesson 15 takes these networks to other places.
#
# **References**: the U-Net {cite}`ronneberger2015unet`, PhaseNet {cite}`zhu2019phasenet`, the range test {cite}`smith2017cyclical`, SeisBench {cite}`woollam2022seisbench`, and how data sets and architectures compare {cite}`munchmeyer2022picker`.
