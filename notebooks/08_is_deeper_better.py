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
# # 8. Is deeper better?
#
# Figure 5 has one hidden layer. Large networks have dozens. Is deeper better? We ask four times:
#
# 1. on the people of the lesson, where the question is easy;
# 2. on two spirals, where it is hard: every width with every depth;
# 3. fairly: the same number of weights, in few layers or in many;
# 4. very deep: what happens to the gradient on its way through ten layers.
#
# Every network here is made of Values, and trained through the compiled program (`nn.fit` sees to that).

# %%
import math
import random
import statistics
import time

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap

import autograd as ag
import nn
import viz
from autograd import Value

# %% [markdown]
# ## What is compared
#
# A network of so many hidden layers of one width. ReLU layers start from He's initial weights, the others from
# Glorot's: made so that signals neither grow nor shrink much from layer to layer.

# %%
INITIAL = {"relu": "he_normal", "tanh": "glorot_uniform", "sigmoid": "glorot_uniform"}


def plain(depth, width, activation="relu", seed=0):
    return nn.MLP(2, [width] * depth + [1], activation, init=INITIAL[activation], seed=seed)


def train(model, rows, targets, steps, rate=0.01):
    """The losses of the training, and the milliseconds of a step."""
    started = time.perf_counter()
    history = nn.fit(
        model,
        rows,
        targets,
        loss="binary_cross_entropy_with_logits",
        optimizer=nn.Adam(model.parameters(), rate),
        steps=steps,
        progress=False,
    )
    assert history.engine.startswith("compiled")
    return history.losses, 1000 * (time.perf_counter() - started) / steps


x, y = [Value(0.0, name="x1"), Value(0.0, name="x2")], Value(0.0, name="y")


def outputs(model, rows):
    """The model's score for each row; above 0 means class 1."""
    return ag.compile(model(x), inputs=x, parameters=model.parameters())(np.array(rows))


def error(model, rows, targets):
    """The share of rows that are told wrong."""
    return float(np.mean((outputs(model, rows) > 0) != np.array(targets)))


# %% [markdown]
# ## 1. The people of the lesson
#
# Weight and height of 200 people, and who is a man. Five rounds, and in each of them another fifth is held out: so
# every person is judged once by a network that has not seen them. Depth 0 is one neuron.

# %%
people = nn.davis().people
measures, men = [(p.weight_kg, p.height_cm) for p in people], [p.male for p in people]


def judged(depth, width, seed):
    """The share of all people whom a network that has not seen them tells wrong."""
    wrong = 0.0
    for fold in range(5):
        inside = [i for i in range(len(people)) if i % 5 != fold]
        outside = [i for i in range(len(people)) if i % 5 == fold]
        scaler = nn.Scaler.fit([measures[i] for i in inside], ("weight_kg", "height_cm"))
        model = plain(depth, width, "tanh", seed)
        train(model, [scaler.transform(measures[i]) for i in inside], [men[i] for i in inside], 150, 0.05)
        unseen = [scaler.transform(measures[i]) for i in outside]
        wrong += error(model, unseen, [men[i] for i in outside]) * len(outside)
    return wrong / len(people)


on_people = {depth: [judged(depth, 4, seed) for seed in range(3)] for depth in (0, 1, 2, 4)}
for depth, errors in on_people.items():
    print(f"{depth} hidden layers: wrong about", ", ".join(f"{e:.1%}" for e in errors))

# %% [markdown]
# No. One neuron does as well as four hidden layers: one person more or less is 0.5 %. Tall and heavy people are more
# often men, and a straight line says all that there is to say. **Depth cannot find what is not in the data.**

# %%
middle = {depth: statistics.median(errors) for depth, errors in on_people.items()}
assert all(abs(middle[depth] - middle[0]) < 0.025 for depth in middle)

# %% [markdown]
# ## 2. Two spirals
#
# A task that a line cannot solve: two arms, wound around each other. 400 points to learn from, 1000 held out.


# %%
def spirals(count, seed, turns=2.0, noise=0.03):
    rng = random.Random(seed)
    points = []
    for i in range(count):
        t = math.sqrt(rng.random())
        angle = 2 * math.pi * turns * t + math.pi * (i % 2)
        points.append((2 * t * math.cos(angle) + rng.gauss(0, noise), 2 * t * math.sin(angle) + rng.gauss(0, noise)))
    return points, [float(i % 2) for i in range(count)]


learned, held_out = spirals(400, seed=0), spirals(1000, seed=1)

# %% [markdown]
# Every depth with every width, three seeds each, 400 steps.

# %%
DEPTHS, WIDTHS, SEEDS = (1, 2, 3, 4, 6), (4, 8, 16), (0, 1, 2)

grid, cost = {}, {}
for depth in DEPTHS:
    for width in WIDTHS:
        models = [plain(depth, width, seed=seed) for seed in SEEDS]
        times = [train(model, *learned, steps=400)[1] for model in models]
        grid[depth, width] = statistics.median(error(model, *held_out) for model in models)
        cost[depth, width] = min(times)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2))
for ax, numbers, form, title in (
    (left, {at: 100 * e for at, e in grid.items()}, "{:.1f} %", "wrong about held-out points (median of 3)"),
    (right, cost, "{:.2f} ms", "time of a training step (400 points)"),
):
    table = np.array([[numbers[depth, width] for depth in DEPTHS] for width in WIDTHS])
    ax.imshow(table, cmap="Oranges", origin="lower", aspect="auto", vmin=0, vmax=1.3 * table.max())
    for i, j in np.ndindex(*table.shape):
        ax.text(j, i, form.format(table[i, j]), ha="center", va="center", color="#171a21")
    ax.set_xticks(range(len(DEPTHS)), DEPTHS)
    ax.set_yticks(range(len(WIDTHS)), WIDTHS)
    ax.set(title=title, xlabel="hidden layers", ylabel="neurons in a layer")
fig.tight_layout()

# %% [markdown]
# From one layer to two: yes, much better. From there to six layers of eight or sixteen neurons: no longer. With only
# four neurons in a layer, no depth is enough. But this is no fair race: a deeper network has more weights, too, and
# its steps take longer.

# %%
assert grid[2, 16] < 0.5 * grid[1, 16]
assert grid[6, 16] > grid[2, 16] - 0.03
assert min(grid[depth, 4] for depth in DEPTHS) > 0.05

# %% [markdown]
# ## 3. The same number of weights
#
# About 340 weights each, in one wide layer or in many narrow ones.

# %%
SHAPES = {1: 84, 2: 16, 3: 12, 4: 9, 6: 7, 8: 6}
SEEDS = range(5)

fair, reached = {}, {}
for depth, width in SHAPES.items():
    fair[depth] = []
    for seed in SEEDS:
        model = plain(depth, width, seed=seed)
        losses, _ = train(model, *learned, steps=400)
        fair[depth].append(error(model, *held_out))
        if seed == 0:
            reached[f"{depth} x {width}"] = (model, losses)
    count = len(model.parameters())
    print(f"{depth} x {width:2}: {count} weights, wrong about {statistics.median(fair[depth]):.1%} (median of 5)")
    assert 300 < count < 370

# %%
fig, ax = plt.subplots(figsize=(8, 3.8))
places = range(len(SHAPES))
for place, errors in zip(places, fair.values(), strict=True):
    ax.scatter([place] * len(errors), [100 * e for e in errors], color="#1a6bc4", s=28, alpha=0.6)
ax.plot(places, [100 * statistics.median(errors) for errors in fair.values()], color="#c2530b", linewidth=2.5)
ax.set_xticks(places, [f"{depth} x {width}" for depth, width in SHAPES.items()])
ax.set(xlabel="hidden layers x neurons in each", ylabel="wrong, held out (%)", ylim=(0, None))
ax.set_title("The same number of weights: neither flat nor very deep")
ax.grid(alpha=0.3)
fig.tight_layout()

# %% [markdown]
# Each dot is a network, the line runs through the medians. With the same weights and the same 400 steps, two to four
# layers beat one wide layer, and they beat eight narrow ones. Depth pays, and only so far.

# %%
best = min(statistics.median(fair[depth]) for depth in (2, 3, 4))
assert best < 0.7 * statistics.median(fair[1])
assert best < 0.7 * statistics.median(fair[8])

# %% [markdown]
# But is the wide layer *unable* to do it, or only slow? It gets five times as many steps:

# %%
patient = []
for seed in range(3):
    model = plain(1, SHAPES[1], seed=seed)
    train(model, *learned, steps=2000)
    patient.append(error(model, *held_out))
print("one layer, 2000 steps: wrong about", ", ".join(f"{e:.1%}" for e in patient))

assert statistics.median(patient) < 0.5 * statistics.median(fair[1])

# %% [markdown]
# It was slow. One layer can do it, as theory says (a layer that is wide enough comes as near to any continuous
# function as one likes: Cybenko 1989; Hornik 1991). What depth buys here is fewer steps.
#
# What the networks of 400 steps see (seed 0). One layer bends its boundary by a kink for each neuron; a second layer
# folds what the first has folded already.

# %%
colours = LinearSegmentedColormap.from_list("answer", ["#e9a678", "#ffffff", "#82b4e8"])
side = np.linspace(-2.3, 2.3, 90)
field = [(a, b) for b in side for a in side]
fig, axes = plt.subplots(1, 3, figsize=(11, 3.8), sharey=True)
for ax, shape in zip(axes, ("1 x 84", "3 x 12", "8 x 6"), strict=True):
    answers = 1 / (1 + np.exp(-np.clip(outputs(reached[shape][0], field), -30, 30)))
    ax.imshow(answers.reshape(90, 90), extent=(-2.3, 2.3, -2.3, 2.3), origin="lower", cmap=colours, vmin=0, vmax=1)
    for arm, colour in ((0.0, "#8a3203"), (1.0, "#0a4791")):
        points = np.array([p for p, of in zip(*learned, strict=True) if of == arm])
        ax.scatter(*points.T, s=4, color=colour)
    ax.set(title=f"{shape} neurons: {error(reached[shape][0], *held_out):.1%} wrong", xticks=[], yticks=[])
fig.tight_layout()

# %% [markdown]
# ## 4. Very deep: the gradient on its way
#
# The gradient of an early weight is a product, with a factor for every layer behind it. The smallest deep network,
# one neuron in each of five layers:

# %%
h = Value(0.5, name="x")
weights = [Value(1.0, name=f"h{i}.w") for i in range(1, 6)]
for i, w in enumerate(weights, 1):
    s = w * h
    s.name = f"h{i}.s"
    h = s.sigmoid()
    h.name = f"h{i}.h{i}"
loss = nn.absolute_error(h, 1.0)
loss.name = "L"

explanation = viz.explain(loss, weights[0])
assert explanation.path_count == 1
assert abs(explanation.gradient) < 0.25**5

explanation

# %% [markdown]
# A sigmoid's slope $h(1 - h)$ is never above 1/4. With weights of 1, five of them in a row leave at most a
# thousandth, ten a millionth: the gradient **vanishes**, and the first layers learn nothing. ReLU's slope is 1
# wherever it is not 0. And there is a second cure, the *residual* connection: a layer adds to what it was given,
#
# $$ x \leftarrow x + f(W x + b), \qquad \text{with the slope } 1 + \dots $$
#
# so that the gradient has a way around every layer.


# %%
def residual(depth, width, activation="relu", seed=0):
    rng = random.Random(seed)

    def layer(i, inputs, outputs):
        return nn.Linear(inputs, outputs, name=f"layer{i}", seed=rng)

    def block(i):
        return nn.Residual(nn.Sequential(layer(i, width, width), activation), name=f"sum{i}")

    blocks = [block(i) for i in range(2, depth + 1)]
    return nn.Sequential(layer(1, 2, width), activation, *blocks, layer(depth + 1, width, 1), lambda last: last[0])


DEEP, WIDE = 10, 12
KINDS = {
    "sigmoid": lambda seed: plain(DEEP, WIDE, "sigmoid", seed),
    "sigmoid, residual": lambda seed: residual(DEEP, WIDE, "sigmoid", seed),
    "tanh": lambda seed: plain(DEEP, WIDE, "tanh", seed),
    "tanh, residual": lambda seed: residual(DEEP, WIDE, "tanh", seed),
    "ReLU": lambda seed: plain(DEEP, WIDE, "relu", seed),
    "ReLU, residual": lambda seed: residual(DEEP, WIDE, "relu", seed),
}

# %% [markdown]
# Ten hidden layers of twelve neurons, before the training: how large is the gradient in each layer? (The root mean
# square over the layer's weights, of the mean loss over all points; the median of five seeds. Layer 11 is the
# output.)


# %%
def by_layer(model):
    program = ag.compile(nn.binary_cross_entropy_with_logits(model(x), y), inputs=[*x, y])
    _, gradient = program.value_and_grad(np.column_stack(learned))
    layers = {}
    for parameter, g in zip(program.parameters, gradient, strict=True):
        layer, _, rest = parameter.name.partition(".")
        if ".w" in rest:
            layers.setdefault(int(layer.removeprefix("layer")), []).append(g)
    return [float(np.sqrt(np.mean(np.square(layers[i])))) for i in sorted(layers)]


sizes = {kind: np.median([by_layer(make(seed)) for seed in SEEDS], axis=0).tolist() for kind, make in KINDS.items()}

viz.curve(
    sizes,
    title="Size of the gradient by layer, before training",
    x_label="layer (1: next to the inputs)",
    y_label="gradient",
    start=1,
    log=True,
)

# %%
for kind, numbers in sizes.items():
    print(f"{kind:18} first layer / last hidden layer: {numbers[0] / numbers[-2]:.1e}")

ratio = {kind: numbers[0] / numbers[-2] for kind, numbers in sizes.items()}
assert ratio["sigmoid"] < 1e-4
assert all(ratio[kind] > 0.01 for kind in KINDS if kind != "sigmoid")

# %% [markdown]
# The same networks, trained for 400 steps, three seeds each (the curves are of the first):

# %%
deep_losses, deep_errors = {}, {}
for kind, make in KINDS.items():
    errors = []
    for seed in range(3):
        model = make(seed)
        losses, _ = train(model, *learned, steps=400, rate=0.005)
        errors.append(error(model, *held_out))
        deep_losses.setdefault(kind, losses)
    deep_errors[kind] = statistics.median(errors)
    print(f"{kind:18} wrong about", ", ".join(f"{e:.1%}" for e in errors))

line = plain(0, 0)
train(line, *learned, steps=400)
straight = error(line, *held_out)
print(f"a straight line    wrong about {straight:.1%}")

viz.curve(deep_losses, title="Ten hidden layers learn, or do not", y_label="mean cross-entropy", log=True)

# %% [markdown]
# Ten layers of sigmoids have learned nothing that a straight line would not know. With ReLU the same ten layers learn
# the spirals, and with a way around each layer ReLU and tanh learn them better still. Only the sigmoids are no
# better for it, although their gradients now arrive. Are they slow, or stuck? Three times as many steps:

# %%
more = {kind: KINDS[kind](seed=0) for kind in ("sigmoid", "sigmoid, residual")}
more_losses = {kind: train(model, *learned, steps=1200, rate=0.005)[0] for kind, model in more.items()}

viz.curve(more_losses, title="Ten layers of sigmoids, and more patience", y_label="mean cross-entropy")

# %% [markdown]
# With the residual connections they were slow; without them they are stuck. A gradient that arrives is needed to
# learn, and does not suffice to learn fast.

# %%
assert ratio["sigmoid, residual"] > 1000 * ratio["sigmoid"]
assert more_losses["sigmoid"][-1] > 0.6
assert more_losses["sigmoid, residual"][-1] < 0.5
assert deep_errors["sigmoid"] > straight - 0.05
assert deep_errors["ReLU"] < 0.15
assert deep_errors["ReLU, residual"] < 0.05
assert deep_errors["tanh, residual"] < deep_errors["tanh"]

# %% [markdown]
# ## The answer
#
# **Deeper is better up to a point, where the task needs it, and where the gradient gets through.**
#
# | question | what was seen |
# |---|---|
# | an easy task (200 people) | depth changes nothing: one neuron is as good |
# | a hard task, more layers of one width | much better from one layer to two; no better after |
# | the same weights and steps | two or three layers win; one wide layer gets there in five times the steps |
# | the price | more layers make a step slower |
# | ten layers of sigmoids | the first gets a few millionths of the last one's gradient; nothing is learned |
# | ReLU, residual connections | the gradient gets through, and ten layers learn |
#
# What this does **not** show: these are two small tasks in two dimensions, one optimiser, one learning rate for all
# shapes, and three to five seeds; another rate may move the best depth. Images and language have a structure in
# layers (edges, parts, things; letters, words, sentences), and there much deeper networks win (He et al. 2016: 152
# layers). That cannot be seen on two spirals.
#
# ## Try it
#
# - `spirals(400, 0, turns=3.0)`: does the best depth move?
# - Set `SEEDS = range(20)` in the fair race. Which differences remain?
# - Start the deep ReLU network from `init="uniform"`: how large are the gradients now?
# - Ten layers of sigmoids with `init=lambda rng, *_: rng.uniform(-4, 4)`: is that a cure?
