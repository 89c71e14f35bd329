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
# # 5. Checking gradients
#
# A wrong gradient gives no error message. The loss still falls, only slower, or not quite so far, and nobody asks why.
# So ask: is this gradient right? There are three honest answers: *right*, *wrong, and here is where*, and *it cannot be
# decided here, because*.

# %%
import math

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import autograd as ag
import viz
from autograd.check import assert_gradients, check_gradients, check_modes, check_vjp, sweep, taylor_test
from autograd.strategies import given_gradients

# %% [markdown]
# ## One line in a test
#
# No tolerance to guess: the checker takes finite differences, estimates their error itself, and decides by that.

# %%
assert_gradients(lambda x, y: ag.sin(x * y) + ag.log(y) * x, 0.5, 2.0)

# %% [markdown]
# Silence is good news. The same as a table: each gradient, the number it should be, and how sure that is.

# %%
report = check_gradients(lambda x, y: ag.sin(x * y) + ag.log(y) * x, 0.5, 2.0)
assert report.verdict == "right"

report

# %% [markdown]
# ## A gradient written by hand
#
# Softmax and cross-entropy over a batch of examples, in NumPy: every row of `logits` is an example, and to keep the
# code short the right class of row $i$ is $i \bmod 3$. The gradient is the famous *softmax minus one-hot*.


# %%
def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def loss(logits):
    rows = np.arange(len(logits))
    return -np.log(softmax(logits)[rows, rows % 3]).mean()


def gradient(logits):
    rows = np.arange(len(logits))
    d = softmax(logits)
    d[rows, rows % 3] -= 1
    return d


# %% [markdown]
# It looks right, and on one example it is:

# %%
one = np.array([[1.0, -2.0, 0.5]])
assert check_gradients(loss, one, gradient=gradient)

# %% [markdown]
# ## Found
#
# One example proves little. `given_gradients` makes the claim a *property*: it must hold for every batch that
# [Hypothesis](https://hypothesis.readthedocs.io) can think of. (In a file of tests these lines are all there is to
# write; pytest runs them. `derandomize` makes everybody see the same.)

# %%
batches = st.integers(1, 5).flatmap(lambda n: arrays(float, (n, 3), elements=st.floats(-3, 3)))
few = settings(derandomize=True, database=None, deadline=None, max_examples=30)


@few
@given_gradients(batches, gradient=gradient)
def test_loss(logits):
    return loss(logits)


try:
    test_loss()
except AssertionError as failure:
    example = failure.__notes__[0]

print(example)
assert "array([[0., 0., 0.],\n           [0., 0., 0.]])" in example

# %% [markdown]
# ## Shrunk
#
# Hypothesis did not stop at the first batch that failed. It looked for a simpler one, and again, down to this: two
# rows, all zeros. The numbers do not matter, then; that there are *two* rows does. Here is that batch:

# %%
smallest = np.zeros((2, 3))
report = check_gradients(loss, smallest, gradient=gradient)
assert report.verdict == "wrong"
assert len(report.wrong) == 6

report

# %% [markdown]
# ## Explained
#
# One entry in words:

# %%
print(report.entries[0])

# %% [markdown]
# Every entry of the gradient is exactly twice what it should be. And with other numbers of rows?

# %%
for n in (1, 2, 3, 4):
    (first, *_) = check_gradients(loss, np.zeros((n, 3)), gradient=gradient)
    print(f"batch of {n}: gradient {first.gradient:.4f}, should be {first.expected:.4f}: {first.verdict}")
    assert math.isclose(first.gradient, n * first.expected)

# %% [markdown]
# The loss is a *mean* over the batch, and the gradient is that of the *sum*: somebody forgot to divide by the number of
# rows. With one row there is nothing to divide, so a test with one example could never see it. In training it
# shows as a learning rate that depends on the batch size.
#
# ## Fixed, and checked again


# %%
def gradient(logits):
    rows = np.arange(len(logits))
    d = softmax(logits)
    d[rows, rows % 3] -= 1
    return d / len(logits)  # the fix


@few
@given_gradients(batches, gradient=gradient)
def test_loss(logits):
    return loss(logits)


test_loss()
assert check_gradients(loss, smallest, gradient=gradient)

# %% [markdown]
# ## A finer bug, in a layer
#
# Layer normalisation: subtract the mean, divide by the standard deviation, with a small $\varepsilon$ so that nobody
# divides by zero. Here `backward` takes the gradient from above, `dout`, and gives the gradient of the input.

# %%
epsilon = 1e-5
x = np.array([0.5, -1.0, 2.0, 0.25])


def normalise(x):
    centred = x - x.mean()
    return centred / np.sqrt((centred**2).mean() + epsilon)


def backward(dout):
    y = normalise(x)
    return (dout - dout.mean() - y * (dout * y).mean()) / x.std()


# %% [markdown]
# Do you see it? A check with the usual tolerance does not:

# %%
dout = np.array([1.0, -0.5, 2.0, 0.75])


def weighted(x):
    return (dout * normalise(x)).sum()


h = 1e-6
for i, g in enumerate(backward(dout)):
    step = h * np.eye(4)[i]
    by_hand = (weighted(x + step) - weighted(x - step)) / (2 * h)
    assert math.isclose(g, by_hand, rel_tol=1e-3)

# %% [markdown]
# `check_vjp` checks such a `backward`, and its tolerance is the error of its own differences, some $10^{-12}$:

# %%
report = check_vjp(normalise, backward, x, cotangent=dout)
assert report.verdict == "wrong"
assert all(5 <= entry.digits < 6 for entry in report)

report

# %% [markdown]
# Five digits agree, and the rest do not: something of the size $10^{-5}$ is missing, and it is $\varepsilon$. The last
# line divides by `x.std()`, which knows nothing of it.


# %%
def backward_fixed(dout):
    y = normalise(x)
    return (dout - dout.mean() - y * (dout * y).mean()) / np.sqrt(x.var() + epsilon)


assert check_vjp(normalise, backward_fixed, x, cotangent=dout)

# %% [markdown]
# ## The V-shape
#
# Then why not simply set the tolerance to $10^{-9}$? Because a difference quotient has an error of its own, nobody
# tells us how large it is, and it depends on the step. It is made of two, which pull in opposite directions. `sweep`
# takes the quotient at many steps; here is its error, over the step.

# %%
samples = sweep(weighted, x, index=0)
right, wrong = backward_fixed(dout)[0], backward(dout)[0]
entry = check_vjp(normalise, backward_fixed, x, cotangent=dout).entries[0]

viz.vshape(samples, right, entry=entry, title="The error of a difference quotient, over its step")

# %% [markdown]
# - **The right arm** is *truncation*. $\frac{f(x+h) - f(x-h)}{2h}$ is the slope only in the limit. With a step half as
#   large the error is a quarter: it falls as $h^2$.
# - **The left arm** is *rounding*. $f$ is known to 16 digits, the difference of two nearly equal numbers to far fewer,
#   and dividing by $h$ makes that error large: it grows as $1/h$, and jumps, as rounding does.
#
# No step makes both small. So the checker stays on the right arm, where the error is large but *regular*, takes a few
# steps there, and extrapolates to $h = 0$: the bracket shows its steps, and the error that it claims for the result.

# %%
best = min(abs(s.slope - right) / abs(right) for s in samples)
extrapolated = abs(entry.numerical - right) / abs(right)
claimed = entry.error / abs(right)
print(f"best single quotient {best:.0e}, extrapolated {extrapolated:.0e}, claimed {claimed:.0e}")
assert extrapolated < claimed < 1e-9

# %% [markdown]
# And a wrong gradient? The quotients are the same, but they approach a number that is not the gradient. The V loses its
# tip: the error comes down to the gap between the two, and stays there. That floor is how a wrong gradient looks.

# %%
viz.vshape(samples, {"with epsilon": right, "epsilon forgotten": wrong}, title="A right and a wrong gradient")

# %% [markdown]
# ## Which rule is it?
#
# Where the graph is ours, the checker looks at every edge by itself, and names the culprit. Here is an activation of
# our own, $x \, \sigma(x)$, whose rule forgets that $x$ stands in $\sigma(x)$ too:

# %%
swish = ag.custom("swish", lambda x: x / (1 + math.exp(-x)), lambda z, x: ag.sigmoid(x))

report = check_gradients(lambda w, x: (swish(w * x) - 1.0) ** 2, 2.0, 0.5)
assert report.wrong[0].culprit.operation == "swish"

report

# %%
swish = ag.custom("swish", lambda x: x / (1 + math.exp(-x)), lambda z, x: ag.sigmoid(x) * (1 + x - z))

assert_gradients(lambda w, x: (swish(w * x) - 1.0) ** 2, 2.0, 0.5)

# %% [markdown]
# ## Where nobody can decide
#
# $\mathrm{relu}(x)$ has the slope 0 on the left of 0 and the slope 1 on the right. *At* 0 there is no slope. A
# library must take some number there; ours takes 0, and that is a convention: neither right nor wrong.

# %%
report = check_gradients(ag.relu, 0.0)
(entry,) = report
assert (entry.verdict, entry.kind) == ("undecidable", "kink")
assert (entry.left, entry.right, entry.gradient) == (0.0, 1.0, 0.0)

report

# %% [markdown]
# Central differences cannot help: they straddle the kink, and give ½ at every step, however small. A step away from
# the kink, be it ever so short, the question has an answer again:

# %%
assert {sample.slope for sample in sweep(ag.relu, 0.0)} == {0.5}
assert check_gradients(ag.relu, 1e-12)

# %% [markdown]
# Conventions can go wrong together. $\mathrm{relu}(x) - \mathrm{relu}(-x)$ is just $x$, with the slope 1 everywhere.
# But at 0 both kinks are given the slope 0, and 0 − 0 is not 1. No rule is wrong, and the gradient is: *wrong by
# convention*.

# %%
report = check_gradients(lambda x: ag.relu(x) - ag.relu(-x), 0.0)
(entry,) = report
assert (entry.verdict, entry.kind) == ("wrong", "convention")
assert (entry.gradient, entry.left, entry.right) == (0.0, 1.0, 1.0)
assert len(entry.kinks) == 2

report

# %% [markdown]
# ## And more, a line each
#
# Second derivatives (and third) are gradients too:

# %%
assert check_gradients(lambda x: ag.sin(x) * x, 0.7, order=2)

# %% [markdown]
# Of 10,000 inputs nobody takes differences one by one. Along a few random directions some dozens of evaluations each
# are enough, and one wrong entry among the 10,000 is seen:


# %%
def energy(v):
    return float((np.tanh(v) ** 2).sum())


def slope(v):
    return 2 * np.tanh(v) * (1 - np.tanh(v) ** 2)


def slightly_wrong(v):
    return slope(v) + 1e-3 * (np.arange(len(v)) == 4321)


many = np.linspace(-1, 1, 10_000)
report = check_gradients(energy, many, gradient=slope, directions=3)
assert report
assert not check_gradients(energy, many, gradient=slightly_wrong, directions=3)
print(f"{report.evaluations} evaluations for {len(many):,} inputs")

# %% [markdown]
# The *Taylor test* measures with which power of $h$ the remainder falls: the gradient must gain one power, and it does.

# %%
test = taylor_test(lambda x, y: ag.sin(x * y), 0.5, 2.0)
assert test

print(test)

# %% [markdown]
# And forward mode, which shares no sweep with reverse mode, must give the same gradient to the last digits:

# %%
assert check_modes(lambda x, y: ag.sin(x * y), 0.5, 2.0)

# %% [markdown]
# ## Try it
#
# - Forget the term `dout.mean()` in `backward`. How many digits agree then?
# - Take `h = 1e-15` in the loop above, with the gradient that is right. What happens, and where is that in the picture?
# - Check `abs` at 0, `ag.sqrt` at 0, and a function that rolls dice. Which reasons are given?
