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
# # 6. A convolution network
#
# AlexNet (Krizhevsky, Sutskever and Hinton 2012) read photographs of 227 x 227 pixels with 60 million weights. Here are
# its parts in its order, on digits of 8 x 8 pixels: convolution, ReLU, pooling, convolution, ReLU, fully connected,
# dropout, softmax. Every pixel and every weight is one `Value`.
#
# Needs scikit-learn, for its digits.

# %%
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import autograd as ag
import nn
import viz
from autograd import Value

signed = LinearSegmentedColormap.from_list("signed", ["#c2530b", "#ffffff", "#1a6bc4"])  # below 0, 0, above 0

# %% [markdown]
# ## The digits
#
# 1,797 digits that people wrote by hand, in 17 shades of grey; they come with scikit-learn (from the UCI repository's
# "Optical Recognition of Handwritten Digits"). Every fifth is held out, as many of each digit.

# %%
digits = load_digits()
images, held_images, labels, held_labels = train_test_split(
    digits.images / 16, digits.target, test_size=360, random_state=0, stratify=digits.target
)
print(len(images), "to learn from,", len(held_images), "held out")
assert images.shape == (1437, 8, 8)


def show(ax, grid, cmap="gray_r", limit=None):
    low, high = (0, 1) if limit is None else (-limit, limit)
    ax.imshow(grid, cmap=cmap, vmin=low, vmax=high)
    ax.set_xticks([])
    ax.set_yticks([])


fig, axes = plt.subplots(1, 10, figsize=(11, 1.5))
for digit, ax in enumerate(axes):
    show(ax, images[labels == digit][0])
    ax.set_title(digit)
fig.tight_layout()

# %% [markdown]
# ## One filter, small enough to see
#
# A *filter* is a neuron that looks through a small window, and is moved over the whole image. This one has a window of
# 2 x 2 pixels; on an image of 2 x 3 it can stand in two places. It answers to an edge: dark on the right, light on the
# left.

# %%
image = [[[Value(x, name=f"x{i + 1}_{j + 1}") for j, x in enumerate(row)] for i, row in enumerate(
    [[0.0, 0.3, 0.9], [0.1, 0.5, 1.0]]
)]]  # fmt: skip
weights = [[Value(w, name=f"f.w{i + 1}_{j + 1}") for j, w in enumerate((-1.0, 1.0))] for i in range(2)]
bias = Value(0.0, name="f.b")

[[[s1, s2]]] = nn.conv2d(image, [[weights]], [bias])
s1.name, s2.name = "s1", "s2"
a1, a2 = s1.relu(), s2.relu()
a1.name, a2.name = "a1", "a2"
loss = (a1 + a2 - 1.0).square()
loss.name = "L"
loss.backward()

assert np.isclose(s1.data, (0.3 - 0.0) + (0.5 - 0.1))
assert np.isclose(s2.data, (0.9 - 0.3) + (1.0 - 0.5))

viz.draw(loss, title="One filter in two places")

# %% [markdown]
# Both places use **the same** four weights: that is all there is to a convolution. So every weight has two ways to the
# loss, and its gradient is the sum over both.

# %%
w = weights[0][1]
explanation = viz.explain(loss, w)
assert explanation.path_count == 2
assert np.isclose(w.grad, s1.grad * image[0][0][1].data + s2.grad * image[0][0][2].data)

explanation

# %% [markdown]
# ## The network
#
# | part | gives | |
# |---|---|---|
# | convolution | 8 x 8 x 8 | 8 filters of 3 x 3, a border of zeros around the image |
# | ReLU, pooling | 8 x 4 x 4 | the largest of every 2 x 2 numbers |
# | convolution | 16 x 4 x 4 | 16 filters of 8 x 3 x 3: they see all 8 channels |
# | ReLU, fully connected, ReLU | 64 | |
# | dropout | 64 | in training, half of them are set to 0, others every time |
# | fully connected, softmax | 10 | the probabilities of the digits |

# %%
model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1, name="conv1", init="he_uniform", seed=1),
    "relu",
    nn.MaxPool2d(2, name="pool1"),
    nn.Conv2d(8, 16, 3, padding=1, name="conv2", init="he_uniform", seed=2),
    "relu",
    nn.flatten,
    nn.Linear(16 * 4 * 4, 64, name="full1", init="he_uniform", seed=3),
    "relu",
    nn.Dropout(0.5, name="drop1", seed=4),
    nn.Linear(64, 10, name="full2", seed=5),
)

for part in (model[0], model[3], model[6], model[9]):
    print(f"{part.name}: {len(part.parameters()):>5,} parameters")
assert len(model.parameters()) == 8 * 10 + 16 * 73 + 64 * 257 + 10 * 65

# %% [markdown]
# The softmax is not among the parts, since the loss takes the *logits* before it: $L = -\log \text{softmax}(z)_y$, the
# cross-entropy, which is $\log \sum_k e^{z_k} - z_y$.
#
# ## One digit through the network
#
# A forward pass records some two thousand operations; the gradient goes back through all of them. Each card is a part
# of the network: how many outputs it has, and the range of their gradients.


# %%
def pixels(image):
    return [[[Value(x, name=f"x{i + 1}_{j + 1}") for j, x in enumerate(row)] for i, row in enumerate(image)]]


three = np.flatnonzero(labels == 3)[0]
x = pixels(images[three])
model.eval()  # without dropout
logits = model(x)
loss = nn.cross_entropy(logits, 3)
loss.name, loss.operands[0].name = "loss.L", "loss.logsumexp"
loss.backward()

probabilities = [p.data for p in ag.softmax(logits)]
print("P(3) =", round(probabilities[3], 3), " L =", round(loss.data, 3))
assert np.isclose(loss.data, -np.log(probabilities[3]))

parts = ("conv1", "pool1", "conv2", "full1", "full2", "loss")
viz.draw(loss, title="The whole network and one digit, by module", fold=parts)

# %% [markdown]
# One filter of it, around the place that has most to say about the loss: nine pixels, nine weights and a bias make one
# sum. The numbers on the lines are the local derivatives: to a weight leads its pixel, to a pixel its weight.

# %%
found = {node.name: node for node in ag.topological(loss)}
sums = [[[found[f"conv1.f{f}.s{i}_{j}"] for j in range(1, 9)] for i in range(1, 9)] for f in range(1, 9)]
every = np.array([[[s.grad for s in row] for row in channel] for channel in sums])
inside = abs(every[:, 1:-1, 1:-1])  # not at the border, so that all nine pixels are there
f, i, j = np.unravel_index(inside.argmax(), inside.shape) + np.array([0, 1, 1])

viz.draw(loss, focus=sums[f][i][j], radius=1, title=f"Filter {f + 1} at row {i + 1}, column {j + 1}")

# %% [markdown]
# Its 64 places all send their share to the same nine weights. So the gradient of a filter's weight is a sum over the
# image: of the pixel under the weight, times the adjoint of the sum there,
#
# $$ \frac{\partial L}{\partial w_{ab}} = \sum_{i,j} \frac{\partial L}{\partial s_{ij}}\; x_{i+a,\,j+b} $$
#
# which is a convolution itself, of the image with the adjoints.

# %%
adjoints, padded = every[f], np.pad(images[three], 1)
by_hand = [[(adjoints * padded[a : a + 8, b : b + 8]).sum() for b in range(3)] for a in range(3)]
gradient = np.array([[w.grad for w in row] for row in model[0].weight[f][0]])
assert np.allclose(by_hand, gradient)

fig, axes = plt.subplots(1, 3, figsize=(9, 3))
for ax, grid, title in (
    (axes[0], images[three], "the image $x$"),
    (axes[1], adjoints, r"adjoints $\partial L / \partial s$ of the filter"),
    (axes[2], gradient, r"its gradient $\partial L / \partial w$"),
):
    show(ax, grid, *(("gray_r",) if ax is axes[0] else (signed, abs(grid).max())))
    ax.set_title(title, fontsize=11)
for (row, column), value in np.ndenumerate(gradient):
    axes[2].text(column, row, f"{value:.3f}", ha="center", va="center", fontsize=10)
fig.tight_layout()

# %% [markdown]
# Most adjoints are 0: where the sum is negative ReLU lets nothing back, and of every 2 x 2 places pooling passes the
# gradient to the largest only (equal ones, on blank paper, share it).

# %%
reached = np.count_nonzero(adjoints)
print(reached, "of 64 places are reached by the gradient")
assert reached < 32

# %% [markdown]
# ## What it is compiled to
#
# One digit took a graph of some 20,000 Values, a training step takes 64 digits, and the training 1,500 steps.
# `autograd.compile` finds in the graph what a tensor library would have asked for: *the filters are the rows of a
# matrix, their windows the columns*.

# %%
program = ag.compile(loss, inputs=nn.flatten(x))
explained = program.explain(64).data
products = [group["shape"] for group in explained["groups"] if group["kind"] == "matrix product"]
print(f"{explained['nodes']:,} Values in {len(explained['groups'])} groups; matrix products: {', '.join(products)}")
assert products == ["8x10 by 10x64", "16x73 by 73x16", "64x257 by 257x1", "10x65 by 65x1"]

viz.program(program, rows=64)

# %% [markdown]
# Both convolutions and both dense layers are there again: 8 filters of 9 weights and a bias, at 64 places. Nobody had
# to say so. And the numbers are those of the graph:

# %%
batch = images[three].reshape(1, 64)
value, slopes = program.value_and_grad(batch)
assert np.isclose(value, loss.data)
assert np.allclose(slopes, [parameter.grad for parameter in program.parameters])

# %% [markdown]
# ## Training
#
# A three that is moved by one pixel is a three. So every digit is shown moved left and right too: three times as many
# to learn from. Not up and down, since they fill all 8 rows. (AlexNet's authors moved their photographs for the same
# end.) The digits held out stay as they are.

# %%
padded = np.pad(images, [(0, 0), (1, 1), (1, 1)])
moved = np.concatenate([padded[:, 1:9, left : left + 8] for left in (0, 1, 2)])
moved_labels = np.tile(labels, 3)
assert moved.shape == (4311, 8, 8)

# %% [markdown]
# `nn.fit` compiles the loss of a digit and makes the steps: AdamW on 64 digits at a time, its learning rate falling
# along half a cosine. The masks of the dropout are drawn anew for every digit and step.

# %%
filters_before = np.array([[[w.data for w in row] for row in f[0]] for f in model[0].weight])
model.train()
steps, begun = 1500, time.perf_counter()
history = nn.fit(
    model,
    [[image] for image in moved.tolist()],
    moved_labels.tolist(),
    loss=nn.cross_entropy,
    optimizer=nn.AdamW(model.parameters(), 0.005, weight_decay=0.1),
    steps=steps,
    schedule=nn.cosine(steps),
    batch_size=64,
    held_out=([[image] for image in held_images.tolist()], held_labels.tolist()),
    held_out_every=100,
    progress=False,
)
print(f"{steps} steps in {time.perf_counter() - begun:.0f} s")
print(history.engine)
assert history.engine.startswith("compiled")

# %%
smooth = np.convolve(history.losses, np.ones(25) / 25, "valid")
viz.curve(
    {"trained on, with dropout": [(i + 13, loss) for i, loss in enumerate(smooth)], "held out": history.held_out},
    title="Learning curve (mean of 25 steps)",
    y_label="cross-entropy (nats)",
    log=True,
)

# %% [markdown]
# With dropout the loss on the training digits is the higher one: half of the network is missing.
#
# ## How good is it?
#
# For predictions the outputs are compiled, not the loss: ten probabilities for a digit.

# %%
model.eval()
x = pixels(held_images[0])
predict = ag.compile(ag.softmax(model(x)), inputs=nn.flatten(x))


def accuracy(images, labels):
    return (predict(images.reshape(-1, 64)).argmax(1) == labels).mean()


print(f"right: {accuracy(images, labels):.1%} of those learned from, {accuracy(held_images, held_labels):.1%} held out")
assert accuracy(held_images, held_labels) > 0.97

# %% [markdown]
# Those that it gets wrong. Would you have known?

# %%
answers = predict(held_images.reshape(-1, 64))
wrong = np.flatnonzero(answers.argmax(1) != held_labels)
assert len(wrong) < 11

fig, axes = plt.subplots(1, len(wrong), figsize=(1.5 * len(wrong), 2.2), squeeze=False)
for ax, i in zip(axes[0], wrong, strict=True):
    guess = answers[i].argmax()
    show(ax, held_images[i])
    ax.set_title(f"a {held_labels[i]}\ntaken for {guess}\n({answers[i, guess]:.0%})", fontsize=9)
fig.tight_layout()

# %% [markdown]
# ## What the first filters have learned
#
# Blue weights want ink, orange ones want paper. Below each filter: where on the three it answers, after ReLU.

# %%
filters = np.array([[[w.data for w in row] for row in f[0]] for f in model[0].weight])
channels = np.array([[[a.data for a in row] for row in c] for c in model[1](model[0](pixels(images[three])))])
assert channels.shape == (8, 8, 8)
assert not np.allclose(filters, filters_before, atol=0.1)

fig, axes = plt.subplots(3, 8, figsize=(11, 4.6))
limit = max(abs(filters).max(), abs(filters_before).max())
for f in range(8):
    show(axes[0, f], filters_before[f], signed, limit)
    show(axes[1, f], filters[f], signed, limit)
    show(axes[2, f], channels[f] / channels.max())
    axes[0, f].set_title(f"f{f + 1}")
for ax, label in zip(axes[:, 0], ("before", "after", "on a 3"), strict=True):
    ax.set_ylabel(label, fontsize=11)
fig.tight_layout()

# %% [markdown]
# Several have become edges: one side blue, the other orange, each in another direction. AlexNet's first filters, in its
# paper's figure 3, are edges too (and colours, of which there are none here).
#
# ## Keeping it
#
# `nn.save` writes down what the parts are and what they have learned, as text (JSON). `nn.load` builds the network from
# it, here or on another machine, and runs nothing of the file. It gives the same answers, to the last bit.

# %%
with TemporaryDirectory() as folder:
    file = Path(folder) / "digits.json"
    nn.save(model, file, metadata={"right": float(accuracy(held_images, held_labels))})
    print(f"{file.stat().st_size / 1000:.0f} kB;", file.read_text()[:120].replace("\n", " "), "...")
    loaded = nn.load(file)

held_rows = [[image] for image in held_images.tolist()]
assert np.array_equal(nn.predict(loaded.model, held_rows), nn.predict(model, held_rows))
print(loaded.metadata)

# %% [markdown]
# ## Try it
#
# - Train without the shifted copies. What do they buy, in digits held out?
# - Take the second convolution out. What does it cost, and how many parameters are left?
# - `nn.AvgPool2d` for `nn.MaxPool2d`: how many of the 64 places does the gradient reach now?
#
# Next: [A recommender](07_a_recommender.ipynb).
