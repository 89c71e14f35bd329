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
# # 1. One neuron
#
# A neuron is a small formula: it multiplies every input by a weight, adds the products and a bias, and bends the
# sum with an *activation function*. This notebook builds one, looks at it, and asks what its weights do.
#
# Run the cells from top to bottom with Shift+Enter. Where a cell says `assert`, it checks a claim of the text: if the
# claim were wrong, the cell would stop with an error.

# %%
import math
import timeit

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap

import autograd as ag
import viz
from autograd import Value

# %% [markdown]
# ## The formula
#
# $$ s = w_1 x_1 + w_2 x_2 + b, \qquad n = \sigma(s) = \frac{1}{1 + e^{-s}} $$
#
# A `Value` is a number that remembers how it was computed. Its name has two parts: `n.w1` is the weight `w1` of the
# neuron `n`, and pictures put a box around what belongs to `n`.

# %%
x1, x2 = Value(1.5, name="x1"), Value(-0.5, name="x2")
w1, w2, b = Value(0.8, name="n.w1"), Value(1.2, name="n.w2"), Value(-0.3, name="n.b")

s = w1 * x1 + w2 * x2 + b
s.name = "n.s"
n = s.sigmoid()
n.name = "n.n"

print(f"s = {s.data:.4f}")
print(f"n = {n.data:.4f}")

# %% [markdown]
# The same by hand, without the engine:

# %%
by_hand = 0.8 * 1.5 + 1.2 * (-0.5) + (-0.3)

assert math.isclose(s.data, by_hand)
assert math.isclose(n.data, 1 / (1 + math.exp(-by_hand)))

# %% [markdown]
# ## What it remembers
#
# Every card is a value. The dash after *grad* says that nobody has asked for a gradient yet.

# %%
viz.draw(n, title="One neuron")

# %% [markdown]
# ## Three ways to bend
#
# Without an activation function a network, however deep, would be one weighted sum. Three are common. Below each curve
# is its *slope*, which `ag.grad` computes: the gradient that flows back through the neuron is multiplied by it.


# %%
def slope(function, at):
    return ag.grad(function)(at)


at = [i / 20 for i in range(-100, 101)]
functions = {"sigmoid": ag.sigmoid, "tanh": ag.tanh, "ReLU": ag.relu}

fig, axes = plt.subplots(2, 3, figsize=(10, 4.6), sharex=True)
for (name, f), (top, bottom) in zip(functions.items(), axes.T, strict=True):
    top.plot(at, [f(x) for x in at], color="#1a6bc4", linewidth=2.5)
    bottom.plot(at, [slope(f, x) for x in at], color="#c2530b", linewidth=2.5)
    top.set(title=name, ylim=(-1.2, 2))
    bottom.set(xlabel="s", ylim=(-0.1, 1.1))
    for ax in (top, bottom):
        ax.grid(alpha=0.3)
        ax.axvline(0, color="#99a3b3", linewidth=0.8)
axes[0, 0].set_ylabel("value")
axes[1, 0].set_ylabel("slope")
fig.align_ylabels()
fig.tight_layout()

# %% [markdown]
# The slope of the sigmoid is at most 1/4, and that of tanh at most 1. So a gradient that passes through four sigmoids
# has lost at least a factor of 256. ReLU passes it on whole (slope 1), or not at all (slope 0).

# %%
assert slope(ag.sigmoid, 0.0) == 0.25 == max(slope(ag.sigmoid, x) for x in at)
assert slope(ag.tanh, 0.0) == 1.0 == max(slope(ag.tanh, x) for x in at)
assert (slope(ag.relu, -2.0), slope(ag.relu, 2.0)) == (0.0, 1.0)
assert 0.25**4 == 1 / 256

# %% [markdown]
# Far from 0, sigmoid and tanh are flat: the neuron is *saturated*, and almost nothing flows back. This will matter in
# notebook 3.

# %%
for x in (0.0, 2.0, 5.0, 10.0):
    print(f"s = {x:4.0f}   sigmoid' = {slope(ag.sigmoid, x):.6f}   tanh' = {slope(ag.tanh, x):.9f}")

assert slope(ag.sigmoid, 10.0) < 0.0001

# %% [markdown]
# Sigmoid and tanh are the same curve in two scales: $\tanh(s) = 2\,\sigma(2s) - 1$. The sigmoid runs from 0 to 1, so
# it can be read as a probability; tanh runs from -1 to 1, so its outputs are balanced around 0.

# %%
assert all(math.isclose(math.tanh(x), 2 * ag.sigmoid(2 * x) - 1, abs_tol=1e-15) for x in at)

# %% [markdown]
# ## What a weight does
#
# With two inputs a neuron gives every point of a plane a number, and we shall colour the plane by it. That asks the
# same formula for 3,721 points. A graph is a formula: `ag.compile` takes one that was recorded once, and replays it for
# all points in one call, with the numbers that the weights have at that moment.

# %%
grid = np.arange(-30, 31) / 10
points = np.array([(x1, x2) for x2 in grid for x1 in grid])


def neuron(activation):
    """A neuron as a program of x1 and x2, and its parameters."""
    w1, w2, b = (Value(1.0, name=name) for name in ("n.w1", "n.w2", "n.b"))
    inputs = [Value(0.0, name="x1"), Value(0.0, name="x2")]
    return ag.compile(activation(ag.dot([w1, w2], inputs, b)), inputs=inputs), (w1, w2, b)


neurons = {f: neuron(f) for f in functions.values()}
program, (v1, v2, c) = neurons[ag.sigmoid]


def one_by_one():
    return [ag.sigmoid(v1 * x1 + v2 * x2 + c).data for x1, x2 in points.tolist()]


assert np.allclose(program(points), one_by_one(), rtol=1e-14)
eager, compiled = (min(timeit.repeat(f, number=1, repeat=5)) for f in (one_by_one, lambda: program(points)))
print(f"a graph for each point takes {eager / compiled:.0f} times as long as one call of the program")

# %% [markdown]
# Blue is where the output is near 1, orange where it is near 0, white at 1/2.

# %%
colours = LinearSegmentedColormap.from_list("neuron", ["#c2530b", "#ffffff", "#1a6bc4"])


def landscape(ax, w1, w2, b, activation=ag.sigmoid, low=0.0, high=1.0):
    program, parameters = neurons[activation]
    for parameter, number in zip(parameters, (w1, w2, b), strict=True):
        parameter.data = float(number)
    heights = program(points).reshape(len(grid), len(grid))
    levels = [low + (high - low) * i / 20 for i in range(21)]
    picture = ax.contourf(grid, grid, heights, levels=levels, cmap=colours)
    middle = [[w1 * x1 + w2 * x2 + b for x1 in grid] for x2 in grid]
    if w1 or w2:
        ax.contour(grid, grid, middle, levels=[0], colors="#171a21", linewidths=1.5)
    ax.set(aspect="equal", xlabel="$x_1$", xticks=(-3, 0, 3), yticks=(-3, 0, 3))
    return picture


def landscapes(settings, titles, **more):
    fig, axes = plt.subplots(1, len(settings), figsize=(10, 3.3), sharey=True)
    for ax, setting, title in zip(axes, settings, titles, strict=True):
        picture = landscape(ax, *setting, **more)
        ax.set_title(title, fontsize=11)
    axes[0].set_ylabel("$x_2$")
    fig.colorbar(picture, ax=axes, shrink=0.8, label="output", ticks=(0, 0.5, 1))


landscapes([(0, 1, 0), (1, 1, 0), (4, 1, 0)], ["$w_1 = 0$", "$w_1 = 1$", "$w_1 = 4$"])

# %% [markdown]
# The black line is where the neuron cannot decide: $w_1 x_1 + w_2 x_2 + b = 0$, output 1/2. A larger $w_1$ turns
# the line and makes the change across it steeper. At $w_1 = 0$ the neuron does not look at $x_1$ at all.
#
# The bias shifts the line and does not turn it:

# %%
landscapes([(1, 1, -2), (1, 1, 0), (1, 1, 2)], ["$b = -2$", "$b = 0$", "$b = 2$"])

# %% [markdown]
# All weights and the bias times the same number: the line stays, and the neuron becomes more certain.

# %%
landscapes([(0.3, 0.3, 0.3), (1, 1, 1), (5, 5, 5)], ["times 0.3", "times 1", "times 5"])

# %%
for factor in (0.3, 1.0, 5.0):
    on_the_line = (1.0, -2.0)  # 1 * 1 + 1 * (-2) + 1 = 0
    assert ag.sigmoid(factor * (on_the_line[0] + on_the_line[1] + 1)) == 0.5

# %% [markdown]
# The activation function changes how the plane is bent, and never the line. Whatever it is, **one neuron divides the
# plane by one straight line**. That is why a network needs several.

# %%
fig, axes = plt.subplots(1, 3, figsize=(11, 3.2), sharey=True)
axes[0].set_ylabel("$x_2$")
for ax, (name, f), (low, high) in zip(axes, functions.items(), [(0, 1), (-1, 1), (-6, 6)], strict=True):
    picture = landscape(ax, 1, 1, 0, activation=f, low=low, high=high)
    ax.set_title(name, fontsize=11)
    fig.colorbar(picture, ax=ax, shrink=0.8, ticks=(low, (low + high) / 2, high))

# %% [markdown]
# ## What a gradient says
#
# $\partial n / \partial w_1$ answers a question: if I turn $w_1$ up a little, how much does the output move?
# `backward()` answers it for every value at once.

# %%
n.backward()
viz.draw(n, title="One neuron with its gradients")

# %% [markdown]
# The chain rule behind one of these numbers: the slope of the sigmoid, which is $n (1 - n)$, times the input that
# stands beside the weight.

# %%
viz.explain(n, w1)

# %%
assert math.isclose(w1.grad, n.data * (1 - n.data) * x1.data)
assert math.isclose(b.grad, n.data * (1 - n.data))

# %% [markdown]
# We need not believe it: let us turn $w_1$ up a little and look.

# %%
little = 1e-6
moved = ag.sigmoid((0.8 + little) * 1.5 + 1.2 * (-0.5) - 0.3)

print(f"moved by  {(moved - n.data) / little:.6f} times the change of w1")
print(f"gradient  {w1.grad:.6f}")
assert math.isclose((moved - n.data) / little, w1.grad, rel_tol=1e-5)

# %% [markdown]
# ## Step by step
#
# How did `backward()` find them all? It starts at the output with 1 and goes back, one application of the chain
# rule at a time. Take the steps yourself:

# %%
viz.step(n, title="One neuron, backwards")

# %% [markdown]
# ## Try it
#
# - Set `x1` to 0 and run the notebook again. What is the gradient of `w1`, and why?
# - Set `b` to 10. What happens to all gradients?
# - Replace `s.sigmoid()` by `s.tanh()` or `s.relu()`.
#
# Next: [Figure 5](02_figure_5.ipynb), three neurons and a loss.
