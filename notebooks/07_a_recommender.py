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
# # 7. A recommender
#
# How probable is it that this user likes this item? A recommender answers from what it knows about the user, what it
# knows about the item, and what it has learned about the item beyond that: an *embedding*. Is one neuron enough?
#
# Needs statsmodels, for its data, and scikit-learn, to compare with.

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from statsmodels.datasets import modechoice

import autograd as ag
import nn
import viz
from autograd import Value

# %% [markdown]
# ## 210 travellers, four items
#
# Between Australian cities one can fly, take the train or the bus, or drive. 210 people were asked how they travelled:
# 840 pairs of user and item, of which 210 were chosen. The data ship with statsmodels (`datasets.modechoice`), which
# says: Greene and Hensher 1997; table F18-2 of Greene, *Econometric Analysis*, 7th edition; public domain.

# %%
table = modechoice.load_pandas().data
MODES = ("air", "train", "bus", "car")
user = table["individual"].to_numpy(int) - 1
item = table["mode"].to_numpy(int) - 1
chosen = table["choice"].to_numpy(int)

columns = {
    "ttme": "waiting (min)", "invc": "cost ($)", "invt": "travel time (min)",  # of the item, for this user
    "hinc": "income (1000 $)", "psize": "people travelling",  # of the user
}  # fmt: skip
features = table[list(columns)].to_numpy(float)

print(table.head(4).to_string(index=False))
print({mode: int(chosen[item == i].sum()) for i, mode in enumerate(MODES)})
assert (len(table), chosen.sum()) == (840, 210)

# %% [markdown]
# A third of the **users** is held out, with all four of their items. Splitting by rows would be a mistake: who knows
# that a user did not take the first three knows the fourth.

# %%
held_users = np.random.default_rng(0).permutation(210)[:70]
held = np.isin(user, held_users)
train = ~held
assert not set(user[train]) & set(user[held])

scaler = nn.Scaler.fit(features[train].tolist(), tuple(columns))
scaled = np.array([scaler.transform(row) for row in features.tolist()])
rows = [[float(i), *x] for i, x in zip(item, scaled.tolist(), strict=True)]  # the item's number, five features


def pick(which):
    return [row for row, yes in zip(rows, which, strict=True) if yes], chosen[which].tolist()


print(f"{train.sum()} pairs of {210 - 70} users to learn from, {held.sum()} pairs of 70 users held out")

# %% [markdown]
# ## Two models
#
# **One neuron** takes the five features, and for each item a number of its own: an embedding of length 1, which is
# added to the weighted sum. This is logistic regression.
#
# **The deep model** takes the five features and an embedding of length 3 into 16 hidden neurons. In it an item may
# change what a feature *means*.


# %%
class OneNeuron(nn.Module):
    def __init__(self, seed):
        self.item = nn.Embedding(4, 1, name="item", init=lambda rng, nin, nout: 0.0)
        self.neuron = nn.Neuron(5, "linear", name="n1", init="glorot_uniform", seed=seed)

    def __call__(self, row):
        return self.neuron(row[1:]) + self.item(row[0])[0]


class Deep(nn.Module):
    def __init__(self, seed):
        self.item = nn.Embedding(4, 3, name="item", seed=seed)
        self.net = nn.MLP(3 + 5, [16, 1], "tanh", init="glorot_uniform", seed=seed)

    def __call__(self, row):
        return self.net([*self.item(row[0]), *row[1:]])


neuron, deep = OneNeuron(seed=1), Deep(seed=1)
print(len(neuron.parameters()), "and", len(deep.parameters()), "parameters")
assert (len(neuron.parameters()), len(deep.parameters())) == (6 + 4, 4 * 3 + 16 * 9 + 17)

# %% [markdown]
# The looking up, for one pair. The embedding is a table, the item's number picks a row, and only this row gets a
# gradient.

# %%
pair = [Value(rows[0][0], name="item"), *(Value(x, name=name) for x, name in zip(rows[0][1:], columns, strict=True))]
loss = nn.binary_cross_entropy_with_logits(neuron(pair), float(chosen[0]))
loss.name = "L"
loss.backward()
picked = [row[0].grad != 0 for row in neuron.item.weight]
assert picked == [True, False, False, False]  # traveller 1 and air

viz.draw(loss, title="One neuron, one pair")

# %% [markdown]
# ## Training
#
# Both learn the cross-entropy of the logit. The deep model has more parameters than there are choices to learn from
# (140), so its weights are held small: weight decay.


# %%
def train_it(model, steps, decay):
    return nn.fit(
        model,
        *pick(train),
        loss="binary_cross_entropy_with_logits",
        optimizer=nn.AdamW(model.parameters(), 0.01, weight_decay=decay),
        steps=steps,
        held_out=pick(held),
        progress=False,
    )


neuron.zero_grad()
histories = {"one neuron": train_it(neuron, 1000, 0.0), "deep": train_it(deep, 300, 0.1)}
print(histories["deep"].engine)
assert all(history.engine.startswith("compiled") for history in histories.values())

viz.curve(
    {
        "one neuron": histories["one neuron"].losses[:300],
        "one neuron, held out": histories["one neuron"].held_out[:31],
        "deep": histories["deep"].losses,
        "deep, held out": histories["deep"].held_out,
    },
    y_label="log loss (nats)",
)

# %% [markdown]
# ## Who is better?
#
# *Log loss* asks whether the probabilities are right, *AUC* whether chosen pairs are put above those that were not:
# the probability that of two such pairs the right one has the higher score. Beside the two models: the share of each
# item in the training data, and scikit-learn's logistic regression of the features, of features and item, and of all
# products of a feature and an item, which one has to think of.


# %%
def predictor(model):
    leaves = [Value(0.0) for _ in range(6)]
    return ag.compile(model(leaves).sigmoid(), inputs=leaves)


def regression(inputs):
    fitted = LogisticRegression(C=1e6, max_iter=5000, tol=1e-8).fit(inputs[train], chosen[train])  # no penalty
    return fitted.predict_proba(inputs[held])[:, 1]


one_hot = np.eye(4)[item]
with_item = np.hstack([scaled, one_hot])
products = np.hstack([one_hot, *(one_hot * column[:, None] for column in scaled.T)])
shares = np.array([chosen[train & (item == i)].mean() for i in range(4)])
predict = predictor(deep)
held_rows = np.array(rows)[held]
answers = {
    "share of the item": shares[item[held]],
    "scikit-learn, features": regression(scaled),
    "scikit-learn, features and item": regression(with_item),
    "scikit-learn, features x item": regression(products),
    "one neuron": predictor(neuron)(held_rows),
    "deep": predict(held_rows),
}
scores = {name: (nn.log_loss(chosen[held], p), nn.auc(chosen[held], p)) for name, p in answers.items()}

print(f"{'held-out users':32} log loss   AUC")
for name, (log_loss, auc) in scores.items():
    print(f"{name:32} {log_loss:8.3f}   {auc:.3f}")

# %% [markdown]
# The one neuron *is* scikit-learn's logistic regression of features and item: the same model, found by another road.
# The products help it a good part of the way. The deep model, which was told nothing of them, is the best in both
# measures.

# %%
same = scores["scikit-learn, features and item"]
assert np.allclose(scores["one neuron"], same, atol=0.005)
assert scores["deep"][0] < scores["scikit-learn, features x item"][0] < same[0] - 0.02
assert scores["deep"][1] > scores["scikit-learn, features x item"][1] > same[1] + 0.01

# %% [markdown]
# ## Was it luck?
#
# 70 users are few. So again, with ten other draws of who is held out.

# %%
differences = []
for seed in range(1, 11):
    held = np.isin(user, np.random.default_rng(seed).permutation(210)[:70])
    train = ~held
    again = Deep(seed)
    train_it(again, 300, 0.1)
    p = predictor(again)(np.array(rows)[held])
    q = regression(with_item)
    differences.append(nn.log_loss(chosen[held], p) - nn.log_loss(chosen[held], q))

print("log loss, deep minus logistic regression:", *(f"{d:+.3f}" for d in differences))
assert np.mean(differences) < -0.03
assert sum(d < 0 for d in differences) >= 8

# %% [markdown]
# ## What did it learn that one neuron cannot?
#
# One neuron gives income **one** weight: a richer user is more likely, or less likely, to choose *anything*. But each
# user chose exactly one item, so the weight is nearly 0. For the deep model income speaks for one item and against
# another. Everything else is held at its average for the item.

# %%
incomes = np.linspace(5, 70, 60)
fig, axes = plt.subplots(1, 2, figsize=(11, 4), sharey=True)
styles = (("#1a6bc4", "-"), ("#c2530b", "--"), ("#171a21", ":"), ("#6b2fa0", "-."))
rise = {}
for ax, (name, program) in zip(axes, {"one neuron": predictor(neuron), "deep": predict}.items(), strict=True):
    for i, (mode, (colour, dash)) in enumerate(zip(MODES, styles, strict=True)):
        mean = features[item == i].mean(axis=0)
        typical = [[float(i), *scaler.transform([*mean[:3], income, mean[4]])] for income in incomes]
        p = program(np.array(typical))
        ax.plot(incomes, p, color=colour, linestyle=dash, linewidth=2.2, label=mode)
        rise[name, mode] = p[-1] - p[0]
    ax.set(title=name, xlabel=columns["hinc"])
    ax.grid(alpha=0.3)
axes[0].set_ylabel("probability of being chosen")
axes[1].legend()
fig.tight_layout()

# %%
assert len({rise["one neuron", mode] > 0 for mode in MODES}) == 1  # all up, or all down
assert len({rise["deep", mode] > 0 for mode in MODES}) == 2

# %% [markdown]
# ## Where the truth is known
#
# Are such probabilities *right*? Of real people nobody knows the true ones. So here is a world in which they are known:
# each of 200 users and 40 items has two hidden tastes, drawn from a normal distribution, and an item has a popularity.
#
# $$ p = \sigma(u_1 v_1 + u_2 v_2 + c) $$
#
# 6,000 pairs were tried, and a coin of probability $p$ was tossed for each. Nobody has features: the models know the
# numbers of user and item and nothing else. 2,000 pairs are held out.

# %%
rng = np.random.default_rng(0)
tastes, qualities, popularity = rng.normal(size=(200, 2)), rng.normal(size=(40, 2)), rng.normal(0, 0.7, size=40)
pairs = rng.permutation([(u, i) for u in range(200) for i in range(40)])
scores_true = (tastes[pairs[:, 0]] * qualities[pairs[:, 1]]).sum(axis=1) + popularity[pairs[:, 1]]
truth = 1 / (1 + np.exp(-scores_true))
liked = (rng.random(len(pairs)) < truth).astype(float)
seen, unseen = slice(0, 6000), slice(6000, 8000)
assert len(pairs[unseen]) == 2000


def small(rng, nin, nout):
    return rng.gauss(0, 0.3)


class Taste(nn.Module):
    """An embedding of users times one of items, plus a number for each item."""

    def __init__(self, length):
        self.user = nn.Embedding(200, length, name="user", init=small, seed=1)
        self.item = nn.Embedding(40, length, name="item", init=small, seed=2)
        self.bias = nn.Embedding(40, 1, name="bias", init=small, seed=3)

    def __call__(self, row):
        return ag.dot(self.user(row[0]), self.item(row[1]), self.bias(row[1])[0])


class Sum(nn.Module):
    """One neuron: a number for each user plus a number for each item."""

    def __init__(self):
        self.user = nn.Embedding(200, 1, name="user", init=small, seed=1)
        self.item = nn.Embedding(40, 1, name="item", init=small, seed=2)

    def __call__(self, row):
        return self.user(row[0])[0] + self.item(row[1])[0]


# %%
learned = {}
for name, model in {"one neuron": Sum(), "embeddings of length 2": Taste(2)}.items():
    nn.fit(
        model,
        pairs[seen].astype(float).tolist(),
        liked[seen].tolist(),
        loss="binary_cross_entropy_with_logits",
        optimizer=nn.AdamW(model.parameters(), 0.05, weight_decay=0.3),
        steps=300,
        batch_size=1000,
        progress=False,
    )
    leaves = [Value(0.0), Value(0.0)]
    learned[name] = ag.compile(model(leaves).sigmoid(), inputs=leaves)(pairs[unseen].astype(float))

away = {name: np.sqrt(np.mean((p - truth[unseen]) ** 2)) for name, p in learned.items()}
print(f"{'':24} log loss   AUC     from the truth")
for name, p in {**learned, "the truth itself": truth[unseen]}.items():
    log_loss, auc = nn.log_loss(liked[unseen], p), nn.auc(liked[unseen], p)
    print(f"{name:24} {log_loss:8.3f}   {auc:.3f}   {away.get(name, 0):.3f}")

assert away["embeddings of length 2"] < 0.6 * away["one neuron"]

# %% [markdown]
# Even the truth has a log loss: a coin is a coin. The embeddings come near to it, from 30 tosses for each user. A point
# is a pair that was held out; a ring the mean of a tenth of the pairs, against the share of them that was liked: on the
# line means *calibrated*.

# %%
fig, axes = plt.subplots(1, 2, figsize=(10, 4.8), sharey=True)
for ax, (name, p) in zip(axes, learned.items(), strict=True):
    ax.plot([0, 1], [0, 1], color="#171a21", linewidth=1)
    ax.scatter(p, truth[unseen], s=6, color="#82b4e8", label="true probability of a pair")
    tenths = np.array_split(np.argsort(p), 10)
    shares = [liked[unseen][part].mean() for part in tenths]
    means = [p[part].mean() for part in tenths]
    ax.scatter(
        means, shares, s=60, facecolors="white", edgecolors="#c2530b", linewidths=2, label="share liked", zorder=3
    )
    ax.set(title=f"{name}: {away[name]:.2f} from the truth", xlabel="learned probability", xlim=(0, 1), ylim=(0, 1))
    ax.set_aspect("equal")
axes[0].set_ylabel("truth")
axes[1].legend(loc="lower right", framealpha=1.0)
fig.tight_layout()

# %% [markdown]
# The rings of the one neuron are not far from the line either, and yet it knows little about anybody: log loss and AUC
# tell the two models apart, calibration alone hardly does.
#
# ## Try it
#
# - Weight decay 0 for the deep model, and 2,000 steps. What happens to the held-out users?
# - Give the deep model no embedding, only the five features. How does it know the car all the same? (Look at `ttme`.)
# - Embeddings of length 1, and of length 8, in the world with a known truth.
