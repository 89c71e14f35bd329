# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 3. Training on real people
#
# The network of figure 5 learns from 200 people's weights and heights who of them is a man. We watch the loss fall,
# see what the network has learned, choose a learning rate badly in two ways, and find out why the absolute error can
# get stuck for ever.

# %%
import math
import time
import timeit

import matplotlib.pyplot as plt
from matplotlib.colors import LinearSegmentedColormap

import autograd as ag
import nn
import viz
from autograd import Value

# %% [markdown]
# ## The people
#
# C. Davis (1990) measured 88 men and 112 women. One row of the table is famous: somebody wrote 166 kg and
# 57 cm. The loader notices and says what it did.

# %%
table = nn.davis()
print(table.report)

men = [p for p in table.people if p.male]
women = [p for p in table.people if not p.male]
assert (len(men), len(women)) == (88, 112)

# %% [markdown]
# Every fifth person is held out: the network never sees them while it learns, so they tell what it has understood.

# %%
held_out = [p for p in table.people if p.row % 5 == 4]
training = [p for p in table.people if p.row % 5 != 4]
scaler = nn.Scaler.fit([(p.weight_kg, p.height_cm) for p in training], ("weight_kg", "height_cm"))


def rows(people):
    return [tuple(map(Value, scaler.transform((p.weight_kg, p.height_cm)))) for p in people]


def targets(people):
    return [p.male for p in people]


inputs, outputs = rows(training), targets(training)
assert 9 in [p.row for p in held_out]  # the man of 71 kg and 178 cm
print(len(training), "to learn from,", len(held_out), "held out")

# %% [markdown]
# ## Training
#
# A step: all people forward, the mean loss, backward, every parameter a little against its gradient. A hundred times.


# %%
def train(rate, steps, loss="absolute_error", b3=0.0, seed=3, compile=None):
    """A network after so many steps, and its history."""
    network = nn.Figure5(seed=seed, scaler=scaler)
    network.b3.data = b3
    # cross-entropy takes what stands before the last sigmoid: it stays exact there
    forward = network.logit if loss.endswith("with_logits") else network
    history = nn.fit(
        forward,
        inputs,
        outputs,
        loss=loss,
        optimizer=nn.SGD(network.parameters(), rate),
        steps=steps,
        held_out=(rows(held_out), targets(held_out)),
        held_out_every=1,
        progress=False,
        compile=compile,
    )
    return network, history


model, history = train(rate=4.0, steps=100)

history.plot(y_label="mean absolute error")

# %% [markdown]
# A step needs the loss of 160 people and its gradient, and that is one formula with other numbers in it. `nn.fit`
# records it for one person and compiles it for all of them at once. `compile=False` records a graph for each instead,
# as the notebooks before this one did: the same network, later.

# %%
print(history.engine)
assert history.engine.startswith("compiled")

started = time.perf_counter()
_, eager_history = train(rate=4.0, steps=100, compile=False)
eager = time.perf_counter() - started
assert all(math.isclose(a, b, rel_tol=1e-9) for a, b in zip(history.losses, eager_history.losses, strict=True))

compiled = min(timeit.repeat(lambda: train(rate=4.0, steps=100), number=1, repeat=3))
print(f"100 steps, compilation included: {eager / compiled:.0f} times as fast as with a graph for each person")

# %%
right = nn.accuracy(model, rows(held_out), targets(held_out))
print(f"{right:.0%} of the people held out are told right")

assert history.losses[-1] < 0.3 * history.losses[0]
assert right >= 0.85

# %% [markdown]
# ## What it has learned
#
# The colour is the network's answer for every weight and height: blue is *man*, orange *woman*. The black line is
# where it cannot decide, P = 1/2. Filled marks were learned from; empty ones were held out. The star is the person of
# the lesson. (`nn.predict` asks the network for all 3,600 places in one call.)

# %%
colours = LinearSegmentedColormap.from_list("answer", ["#e9a678", "#ffffff", "#82b4e8"])
weights = [40 + 80 * i / 59 for i in range(60)]
heights = [145 + 55 * i / 59 for i in range(60)]


def regions(ax, network, title):
    places = [scaler.transform((w, h)) for h in heights for w in weights]
    answers = nn.predict(network, places).reshape(len(heights), len(weights))
    ax.contourf(weights, heights, answers, levels=[i / 20 for i in range(21)], cmap=colours)
    ax.contour(weights, heights, answers, levels=[0.5], colors="#171a21", linewidths=1.5)
    for people, filled in ((training, True), (held_out, False)):
        for sex, colour, marker in (("M", "#0a4791", "s"), ("F", "#8a3203", "o")):
            chosen = [p for p in people if p.sex == sex]
            ax.scatter(
                [p.weight_kg for p in chosen],
                [p.height_cm for p in chosen],
                s=18,
                marker=marker,
                facecolors=colour if filled else "none",
                edgecolors=colour,
                linewidths=1.0,
                label={"M": "men", "F": "women"}[sex] if filled else None,
            )
    ax.scatter([71], [178], s=160, marker="*", color="#f5d000", edgecolors="#171a21", label="71 kg, 178 cm", zorder=3)
    ax.set(title=title, xlabel="weight (kg)", xlim=(40, 120), ylim=(145, 200))


fig, (left, right_ax) = plt.subplots(1, 2, figsize=(11, 4.4), sharey=True)
regions(left, nn.Figure5(seed=3, scaler=scaler), "before training")
regions(right_ax, model, "after 100 steps")
left.set_ylabel("height (cm)")
right_ax.legend(loc="lower right")
fig.tight_layout()

# %% [markdown]
# ## The person of 71 kg and 178 cm

# %%
probability = model.predict(71, 178)
print(f"P(man | 71 kg, 178 cm) = {probability:.3f}")

assert probability > 0.8
assert 9 not in [p.row for p in training]

# %% [markdown]
# His loss alone, and its gradients. (`zero_grad()` first: the parameters still hold the gradients of the training.)

# %%
model.zero_grad()
x1, x2 = (Value(x, name=name) for x, name in zip(scaler.transform((71, 178)), ("x1", "x2"), strict=True))
loss = nn.absolute_error(model(x1, x2), Value(1.0, name="y"))
loss.name = "L"
loss.backward()

viz.network(loss, title="The trained network and this person", notes={"x1": "71 kg", "x2": "178 cm"})

# %% [markdown]
# He can teach the network little: the output is nearly right, the last sigmoid is flat there, and every gradient
# behind it is small. That of $w_1$, written out:

# %%
explanation = viz.explain(loss, model.w1)
assert math.isclose(explanation.total, model.w1.grad)

explanation

# %% [markdown]
# ## The learning rate
#
# The same network, the same 40 steps, three learning rates.

# %%
rates = {"too small: 0.05": 0.05, "right: 4": 4.0, "too large: 1000": 1000.0}
runs = {name: train(rate, steps=40) for name, rate in rates.items()}
losses = {name: history.losses for name, (_, history) in runs.items()}

viz.curve(losses, title="Three learning rates", y_label="mean absolute error")

# %% [markdown]
# Too small: it learns, and nobody has the time to wait. Too large: the first step throws the network so far that every
# person is a woman with full certainty. It never comes back. Why not?

# %%
small, right_rate, large = losses.values()
assert small[-1] > 0.95 * small[0]
assert right_rate[-1] < 0.5 * right_rate[0]

stuck = runs["too large: 1000"][0]
answers = nn.predict(stuck, inputs)
print({round(answer, 6) for answer in answers.tolist()})
assert all(answers < 1e-6)
assert math.isclose(large[-1], sum(outputs) / len(outputs), abs_tol=1e-6)

# %% [markdown]
# ## Where the absolute error's gradient vanishes
#
# Look at one man ($y = 1$) and at what reaches the last neuron's sum $s_3$. With the absolute error $L = 1 - o_1$,
#
# $$ \frac{\partial L}{\partial s_3} = -\,o_1 (1 - o_1). $$
#
# The loss itself has slope $-1$ everywhere. But the sigmoid behind it is flat at both ends: where the network is
# **certain and wrong** ($o_1 \approx 0$), the gradient is nearly 0. The worse the answer, the less is learned from it.
#
# The cross-entropy $L = -\log o_1$ is made for the sigmoid: its slope $-1 / o_1$ is large just where the sigmoid's is
# small, and the product is
#
# $$ \frac{\partial L}{\partial s_3} = -(1 - o_1) = o_1 - y. $$

# %%
sums = [i / 10 for i in range(-80, 81)]
absolute = [ag.grad(lambda s: abs(1.0 - ag.sigmoid(s)))(s) for s in sums]
entropy = [ag.grad(lambda s: ag.softplus(-s))(s) for s in sums]  # -log(sigmoid(s)), exact everywhere

fig, ax = plt.subplots(figsize=(8, 3.6))
ax.plot(sums, absolute, color="#c2530b", linewidth=2.5, label="absolute error: $-o_1(1 - o_1)$")
ax.plot(sums, entropy, color="#1a6bc4", linewidth=2.5, linestyle="--", label="cross-entropy: $o_1 - 1$")
ax.annotate("certain and wrong:\nno gradient", (-6.5, -0.01), (-7.5, -0.45), arrowprops={"arrowstyle": "->"})
ax.set(xlabel="$s_3$  (the output for this man is $\\sigma(s_3)$)", ylabel=r"$\partial L / \partial s_3$")
ax.grid(alpha=0.3)
ax.legend(loc="lower right")
fig.tight_layout()

# %%
for s in (-8.0, 0.0, 8.0):
    o = ag.sigmoid(s)
    assert math.isclose(ag.grad(lambda s: abs(1.0 - ag.sigmoid(s)))(s), -o * (1 - o))
    assert math.isclose(ag.grad(lambda s: ag.softplus(-s))(s), o - 1, abs_tol=1e-15)

assert abs(absolute[0]) < 0.001
assert abs(entropy[0]) > 0.999

# %% [markdown]
# ## It makes a difference
#
# Two networks begin certain and wrong: a bias of $b_3 = -8$ makes everybody a woman. One learns with the absolute
# error, one with cross-entropy, both at the rate 4.

# %%
absolute_model, absolute_history = train(4.0, 40, b3=-8.0)
entropy_model, entropy_history = train(4.0, 40, loss="binary_cross_entropy_with_logits", b3=-8.0)


def share_right(network):
    return nn.accuracy(network, rows(training), targets(training))


print(f"absolute error  {share_right(absolute_model):.0%} right")
print(f"cross-entropy   {share_right(entropy_model):.0%} right")
assert share_right(absolute_model) < 0.6
assert share_right(entropy_model) > 0.85

# %%
viz.curve(
    {"absolute error": absolute_history.losses, "cross-entropy": entropy_history.losses},
    title="Beginning certain and wrong",
    y_label="mean loss (each in its own unit)",
)

# %% [markdown]
# The network of the absolute error is not at the end of its way: it has just lost the ground under its feet. This is
# the answer to the question above, too: the learning rate of 1000 made every output 0, and there the gradient is 0.

# %%
assert absolute_history.losses[0] - absolute_history.losses[-1] < 0.01

# %% [markdown]
# ## Try it
#
# - Train with `steps=500`. When does the loss of the people held out stop falling?
# - Draw other seeds: `train(4.0, 100, seed=0)`. Do all networks learn the same line?
# - What does `model.predict(166, 57)` say to the famous wrong row, and should anyone trust it?
#
# Next: [The mistakes everyone makes](04_mistakes.ipynb).
