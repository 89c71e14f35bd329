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
# # 2. The network of figure 5
#
# Two inputs, two hidden neurons, one output neuron: the smallest network that shows all of backpropagation. Its
# question: is this person a man, from weight and height?
#
# $$ h_1 = \sigma(w_1 x_1 + w_2 x_2 + b_1) \qquad h_2 = \sigma(w_3 x_1 + w_4 x_2 + b_2) \qquad
#    o_1 = \sigma(w_5 h_1 + w_6 h_2 + b_3) $$

# %%
import math
import timeit

import autograd as ag
import nn
import viz
from autograd import Value

# %% [markdown]
# ## A person
#
# Weight and height of 200 people come with the package (C. Davis, 1990). The network sees them *standardised*: how many
# standard deviations above or below the average. Our person weighs 71 kg, is 178 cm tall, and is a man ($y = 1$).

# %%
people = nn.davis().people
scaler = nn.Scaler.fit([(p.weight_kg, p.height_cm) for p in people], ("weight_kg", "height_cm"))

standardised = scaler.transform((71, 178))
print([round(x, 3) for x in standardised])

# %% [markdown]
# ## Forward
#
# The weights start as random numbers (the seed makes them the same for everybody), the biases as 0.

# %%
model = nn.Figure5(seed=2)
notes = {"x1": "71 kg", "x2": "178 cm"}

x1, x2, y = Value(standardised[0], name="x1"), Value(standardised[1], name="x2"), Value(1.0, name="y")
o1 = model(x1, x2)

print(f"P(man) = {o1.data:.4f}")

# %% [markdown]
# That is no answer yet: the network has not learned anything. In its picture every line is a weight, with its number
# in the box on it. The dash says that its gradient is not known yet.

# %%
viz.network(o1, title="The network before training", notes=notes)

# %% [markdown]
# The same number, computed by hand:


# %%
def sigmoid(s):
    return 1 / (1 + math.exp(-s))


w1, w2, w3, w4, w5, w6 = (w.data for w in (model.w1, model.w2, model.w3, model.w4, model.w5, model.w6))
a1, a2 = standardised
h1 = sigmoid(w1 * a1 + w2 * a2)
h2 = sigmoid(w3 * a1 + w4 * a2)

assert math.isclose(o1.data, sigmoid(w5 * h1 + w6 * h2))

# %% [markdown]
# ## Loss
#
# How wrong is it? The lesson takes the *absolute error*: $L = |y - o_1|$.

# %%
loss = nn.absolute_error(o1, y)
loss.name = "L"

assert math.isclose(loss.data, 1 - o1.data)
print(f"L = {loss.data:.4f}")

# %% [markdown]
# ## Backward, step by step
#
# Every step is one application of the chain rule: a value passes its gradient to one operand, times the local
# derivative. Here the steps are grouped by neuron. First the values are computed, then the gradients go back, and
# in the end every parameter moves a little against its gradient.

# %%
viz.step(
    loss, grain="neuron", forward=True, learning_rate=0.5, notes=notes, title="One training step, neuron by neuron"
)

# %% [markdown]
# One edge at a time, for those who want to see every product:

# %%
walk = viz.step(loss, notes=notes)
walk.run_to("w1")
walk

# %% [markdown]
# `backward()` takes all these steps at once, and leaves the result in `grad`.

# %%
loss.backward()
assert walk.gradient("w1") == model.w1.grad

viz.draw(loss, title="All gradients for one person", notes=notes)

# %% [markdown]
# ## The chain rule for $w_1$, by hand
#
# There is one way from the loss to $w_1$: through $o_1$ and $h_1$. So
#
# $$ \frac{\partial L}{\partial w_1} = \frac{\partial L}{\partial o_1} \cdot \frac{\partial o_1}{\partial h_1} \cdot
#    \frac{\partial h_1}{\partial w_1} = (-1) \cdot w_5\, o_1 (1 - o_1) \cdot x_1\, h_1 (1 - h_1) $$

# %%
dL_do1 = -1.0  # the output is too small: more of it is less loss
do1_dh1 = w5 * o1.data * (1 - o1.data)
dh1_dw1 = a1 * h1 * (1 - h1)

print(f"dL/dw1 = {dL_do1:.0f} * {do1_dh1:.4f} * {dh1_dw1:.4f} = {dL_do1 * do1_dh1 * dh1_dw1:.6f}")
assert math.isclose(dL_do1 * do1_dh1 * dh1_dw1, model.w1.grad)

# %% [markdown]
# `viz.explain` writes the same for any weight:

# %%
viz.explain(loss, model.w1)

# %% [markdown]
# The input $x_1$ feeds both hidden neurons. Two ways lead to it, and their products are **added**:

# %%
explanation = viz.explain(loss, x1)
assert explanation.path_count == 2
assert math.isclose(sum(path.product for path in explanation.paths), x1.grad)

explanation

# %% [markdown]
# ## One update
#
# The gradient says in which direction the loss grows. We go the other way, a small step $\alpha$:
#
# $$ w_5 \leftarrow w_5 - \alpha \, \frac{\partial L}{\partial w_5} $$

# %%
alpha = 0.5
before = loss.data
print(f"w5 = {model.w5.data:.4f},  dL/dw5 = {model.w5.grad:.4f}")

model.w5.data -= alpha * model.w5.grad

after = nn.absolute_error(model(x1, x2), y).data
print(f"w5 = {model.w5.data:.4f}")
print(f"L: {before:.4f} -> {after:.4f}")
assert after < before

# %% [markdown]
# The gradient even foretold how far the loss would fall: by $\alpha \left(\partial L / \partial w_5\right)^2$, nearly.
# Nearly, because the curve is not a straight line.

# %%
foretold = alpha * model.w5.grad**2
print(f"foretold {foretold:.5f}, fallen {before - after:.5f}")
assert math.isclose(foretold, before - after, rel_tol=0.1)

# %% [markdown]
# ## Again and again
#
# One weight alone against all nine parameters together: each has its own gradient, and all move at once.


# %%
def descend(parameters_of, steps=60):
    network = nn.Figure5(seed=2)
    losses = []
    for _ in range(steps):
        network.zero_grad()  # forget the last step's gradients: notebook 4 shows why
        error = nn.absolute_error(network(x1, x2), y)
        error.backward()
        for parameter in parameters_of(network):
            parameter.data -= alpha * parameter.grad
        losses.append(error.data)
    return losses


only_w5 = descend(lambda network: [network.w5])
everything = descend(lambda network: network.parameters())
assert only_w5[0] == everything[0] == before
assert everything[-1] < only_w5[-1] < before

viz.curve({"only w5": only_w5, "all nine": everything}, title="The loss of one person falls")

# %% [markdown]
# Every step records the same graph, with other numbers on it, and throws it away. `ag.compile` writes the formula and
# its gradient down once, here as straight-line Python on plain numbers, and a step is one call. Nothing else changes:
# the losses are the same.

# %%
network = nn.Figure5(seed=2)
program = ag.compile(nn.absolute_error(network(x1, x2), y), inputs=[x1, x2, y])
person = [[x1.data, x2.data, y.data]]


def compiled(steps=60):
    with program.session() as training:
        return [training.sgd(person, alpha) for _ in range(steps)]


assert all(map(math.isclose, compiled(), everything))

recording = min(timeit.repeat(lambda: descend(lambda network: network.parameters()), number=1, repeat=5))
replaying = min(timeit.repeat(compiled, number=1, repeat=5))
print(f"recording every step takes {recording / replaying:.0f} times as long as replaying it")

# %% [markdown]
# For stepping through, a graph must be there, so this notebook makes one. For a training nobody looks at every step,
# and `nn.fit` compiles by itself: the next notebook does so.
#
# The network has now learned one person by heart, and nothing about people. For that it takes more of them:
# [Training on Davis](03_training_on_davis.ipynb).
#
# ## Try it
#
# - Set $y$ to 0. Which numbers change their sign?
# - Take `nn.Figure5("tanh", seed=2)`. Which factors of the chain rule change?
# - Follow $w_3$ instead of $w_1$: write its chain rule down, then ask `viz.explain(loss, model.w3)`.
