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
# # 9. A GPT of scalars
#
# A language model guesses the next letter. Ours learns the names of plants, and then makes up names of its own. It
# has all the parts of a large one: embeddings, attention with four heads, residual connections, normalisation. And
# every one of its numbers is a `Value`, as in the network of figure 5.
#
# Its parts and sizes are those of A. Karpathy's *microgpt*: 16 dimensions, 4 heads, 1 layer, a context of 16 letters.

# %%
import math
import random
import textwrap
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np

import autograd as ag
import nn
import viz
from autograd import Value

# %% [markdown]
# ## What it learns from
#
# Garden plants by their Latin genus, some under an older name.

# %%
NAMES = """
abelia abies acacia acanthus acer achillea aconitum acorus actaea adiantum aesculus aethionema agapanthus agastache
agave ageratum ajuga alcea alchemilla allium alnus aloe alstroemeria althaea alyssum amaranthus amaryllis amelanchier
amsonia anchusa andromeda anemone angelica anthemis antirrhinum aquilegia arabis aralia araucaria arbutus arctotis
arenaria armeria arnica aronia artemisia arum aruncus asarum asclepias asparagus asphodelus aster astilbe astrantia
aubrieta aucuba avena azalea ballota banksia baptisia begonia bellis berberis bergenia betula bidens bignonia borago
briza browallia brunnera buddleja bupleurum buxus cactus caladium calamintha calendula callistemon calluna caltha
camassia camellia campanula canna capsicum cardamine carex carlina carpinus carum caryopteris cassia castanea catalpa
ceanothus cedrus celosia celtis centaurea cerastium cercis cestrum chamomilla chelone choisya cichorium cineraria
cirsium cistus citrus clarkia clematis cleome clerodendrum clivia cobaea colchicum coleus convallaria coreopsis
coriandrum cornus coronilla corydalis corylus cosmos cotinus crambe crassula crataegus crepis crinum crocosmia crocus
cuphea cyclamen cydonia cynara cyperus cytisus dahlia daphne datura delphinium deutzia dianthus dicentra dictamnus
digitalis dipsacus doronicum draba dracaena drosera dryas echeveria echinacea echinops echium elaeagnus epilobium
epimedium equisetum eranthis eremurus erica erigeron erinus eryngium erysimum eucalyptus eucomis euonymus eupatorium
euphorbia fagus fatsia felicia ferula festuca ficus filipendula foeniculum forsythia fragaria fraxinus freesia
fritillaria fuchsia gaillardia galanthus galega galium gardenia gaura gazania genista gentiana geranium gerbera geum
ginkgo gladiolus gleditsia godetia gunnera gypsophila hamamelis hebe hedera helenium helianthus heliotropium helleborus
hemerocallis hepatica hesperis heuchera hibiscus hosta hoya humulus hyacinthus hydrangea hypericum hyssopus iberis ilex
impatiens inula ipomoea iris isatis ixia jasminum juglans juncus juniperus kalanchoe kalmia kerria knautia kniphofia
laburnum lamium lantana larix lathyrus laurus lavandula lavatera leontodon leucanthemum leucojum lewisia liatris
ligularia ligustrum lilium limonium linaria linnaea linum liriope lobelia lonicera lotus lunaria lupinus lychnis
lysimachia lythrum magnolia mahonia malus malva matricaria matthiola meconopsis melissa mentha mespilus mimosa mimulus
miscanthus molinia monarda morus muscari myosotis myrtus narcissus nasturtium nemesia nepeta nerine nerium nicotiana
nigella nymphaea ocimum oenothera olea olearia ophiopogon opuntia orchis origanum osmanthus osmunda oxalis pachysandra
paeonia panicum papaver paris passiflora paulownia pelargonium penstemon perovskia persicaria petunia philadelphus
phlomis phlox photinia physalis picea pieris pinus pistacia platanus plantago plumbago poa polemonium polygala
polygonatum populus portulaca potentilla primula prunella prunus pulmonaria pulsatilla punica pyracantha pyrus quercus
ranunculus reseda rhamnus rheum rhododendron rhus ribes ricinus robinia rodgersia rosa rosmarinus rubus rudbeckia rumex
ruscus ruta sagina salix salvia sambucus sanguisorba santolina saponaria sarcococca saxifraga scabiosa scilla sedum
sempervivum senecio silene skimmia solanum solidago sophora sorbus spinacia spiraea stachys stipa styrax symphytum
syringa tagetes tamarix tanacetum taraxacum taxus teucrium thalictrum thuja thymus tiarella tilia tradescantia
trifolium trillium trollius tropaeolum tsuga tulipa ulmus vaccinium valeriana veratrum verbascum verbena veronica
viburnum vicia vinca viola viscum vitex vitis weigela wisteria yucca zantedeschia zelkova zephyranthes zinnia
"""
PLANTS = NAMES.split()

# %% [markdown]
# Every tenth name (of the shuffled list) is held out. A letter is a number from 1 to 26; 0 is the mark `.` that
# begins and ends a name.

# %%
LETTERS = ".abcdefghijklmnopqrstuvwxyz"
CONTEXT = 16

shuffled = random.Random(0).sample(PLANTS, len(PLANTS))
held_out, training = shuffled[::10], [name for i, name in enumerate(shuffled) if i % 10]

print(len(training), "names to learn from,", len(held_out), "held out")
print(*held_out[:8])
assert len(set(PLANTS)) == len(PLANTS)
assert max(map(len, PLANTS)) < CONTEXT

# %% [markdown]
# One name is one row: the letters that are read, the letter that follows each of them, and the weight of each guess
# in the loss. A compiled program runs the same graph for every row, so short names are filled up to 16, and the
# guesses past their end weigh nothing.


# %%
def row(name):
    """What the model reads; what follows, and how much each guess counts."""
    read = [0, *map(LETTERS.index, name)]
    n, rest = len(read), CONTEXT - len(read)
    return read + rest * [0], ([*read[1:], 0] + rest * [0], n * [1 / n] + rest * [0.0])


read, (following, weights) = row("rosa")
for a, b, w in zip(read[:6], following, weights, strict=False):
    print(f"{LETTERS[a]} -> {LETTERS[b]}   weight {w}")

assert math.isclose(sum(weights), 1)

# %% [markdown]
# ## The model
#
# $$ x_t = \text{norm}(\text{letter}_t + \text{position}_t) \qquad x_t \leftarrow x_t + \text{attention}(x_1 \dots x_t)
#    \qquad x_t \leftarrow x_t + W_2\, \text{relu}(W_1 x_t) \qquad \text{scores}_t = W_3\, x_t $$
#
# A *head* computes from every $x$ a query $q$, a key $k$ and a value $v$. Position $t$ looks back: its share of
# position $s$ is $\text{softmax}_s (q_t \cdot k_s / \sqrt{d})$, and it takes the mean of the $v_s$ by these shares.


# %%
def plus(x, y):
    return [a + b for a, b in zip(x, y, strict=True)]


class GPT(nn.Module):
    def __init__(self, width=16, heads=4, seed=1):
        rng = random.Random(seed)
        self.letters = nn.Embedding(len(LETTERS), width, name="letters", seed=rng)
        self.positions = nn.Embedding(CONTEXT, width, name="positions", seed=rng)
        self.attention = nn.Attention(width, heads, bias=False, name="attention", seed=rng)
        self.wide = nn.Linear(width, 4 * width, bias=False, name="wide", seed=rng)
        self.narrow = nn.Linear(4 * width, width, bias=False, name="narrow", seed=rng)
        self.scores = nn.Linear(width, len(LETTERS), bias=False, name="scores", seed=rng)

    def embedded(self, letters):
        both = zip(self.letters(letters), self.positions.weight, strict=False)
        return [nn.rms_norm(plus(letter, position)) for letter, position in both]

    def __call__(self, letters):
        """The scores of all letters as the next one, at every position."""
        x = self.embedded(letters)
        looked = self.attention([nn.rms_norm(v) for v in x])
        x = [plus(v, change) for v, change in zip(x, looked, strict=True)]
        x = [plus(v, self.narrow([ag.relu(h) for h in self.wide(nn.rms_norm(v))])) for v in x]
        return self.scores(x)


model = GPT()
print(len(model.parameters()), "parameters")
assert len(model.parameters()) == (27 + 16 + 4 * 16 + 2 * 64 + 27) * 16

# %% [markdown]
# The loss of a name: the cross-entropy of each guess, in nats, weighted. One row, on the eager engine:


# %%
def loss_of(scores, target):
    following, weights = target
    guesses = [nn.cross_entropy(s, letter) for s, letter in zip(scores, following, strict=True)]
    return ag.dot(weights, guesses)


read, target = row("rosa")
loss = loss_of(model(read), target)
print(f"loss {loss.data:.3f}; guessing blindly gives log 27 = {math.log(27):.3f}")

loss.backward()
assert all(p.has_grad for p in model.attention.parameters())
assert abs(loss.data - math.log(27)) < 1

# %% [markdown]
# ## What the scalars become
#
# The graph of one name has some 14,000 nodes. `ag.compile` raises them to a few operations on matrices, which NumPy
# runs for a whole batch of names.

# %%
read = [Value(0.0) for _ in range(CONTEXT)]
following = [Value(0.0) for _ in range(CONTEXT)]
weights = [Value(0.0) for _ in range(CONTEXT)]
scores = model(read)
program = ag.compile(
    loss_of(scores, (following, weights)),
    inputs=[*read, *following, *weights],
    parameters=model.parameters(),
)


def batch(names):
    return np.array([[*letters, *after, *counts] for letters, (after, counts) in map(row, names)])


program(batch(training[:32]))
viz.program(program)

# %%
explained = program.explain().data
shapes = [group["shape"] for group in explained["groups"] if "product" in group["kind"]]
print(*shapes, sep="\n")

assert explained["nodes"] > 10_000
assert len(explained["groups"]) < 60
assert "48x16 by 16x16" in shapes

# %% [markdown]
# Nobody said *matrix*, *layer* or *head* to the compiler. `48x16 by 16x16` is what it made of the queries, the keys
# and the values: three times 16 rows that meet the same 16 positions, so one product computes all three. `4 of`
# are the four heads.
#
# It gives the same number as the graph of scalars:

# %%
assert math.isclose(program(batch(["rosa"]))[0], loss.data, rel_tol=1e-9)

# %% [markdown]
# ## Before the training
#
# To write a name, begin with the mark, let the model guess, draw a letter by its probabilities, and go on until it
# draws the mark again. All names at once, a row for each:

# %%
guess = ag.compile(scores, inputs=read, parameters=model.parameters())


def made_up(count, seed=0, temperature=0.8):
    rng = np.random.default_rng(seed)
    letters = np.zeros((count, CONTEXT + 1), int)
    for t in range(CONTEXT):
        logits = guess(letters[:, :CONTEXT].astype(float))[:, t] / temperature
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        letters[:, t + 1] = (p.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1)
    return ["".join(LETTERS[i] for i in line[1:]).split(".")[0] for line in letters]


before = made_up(200)
print(*before[:8], sep="\n")

# %% [markdown]
# How much do they look like plants? A mild test: which share of the pairs of letters in them occurs in a real name?


# %%
def pairs(names):
    return [a + b for name in names for a, b in zip(f".{name}", f"{name}.", strict=True)]


real = set(pairs(training))


def likeness(names):
    found = pairs(names)
    return sum(pair in real for pair in found) / len(found)


print(f"before: {likeness(before):.0%}   names held out: {likeness(held_out):.0%}")
assert likeness(before) < 0.6
assert likeness(held_out) > 0.95

# %% [markdown]
# ## Training
#
# 250 steps of AdamW, 32 names each; the learning rate rises for 20 steps, then falls along a cosine.

# %%
STEPS = 250
examples = [row(name) for name in training]
unseen = [row(name) for name in held_out]

history = nn.fit(
    model,
    [letters for letters, _ in examples],
    [target for _, target in examples],
    loss=loss_of,
    optimizer=nn.AdamW(model.parameters(), 0.01, betas=(0.9, 0.95), weight_decay=0.1, clip_norm=1.0),
    schedule=nn.warmup_cosine(20, STEPS, 0.05),
    steps=STEPS,
    batch_size=32,
    held_out=([letters for letters, _ in unseen], [target for _, target in unseen]),
    progress=False,
)
print(history.engine)
assert history.engine.startswith("compiled")

# %% [markdown]
# Is the result any good? Two models that need no training say what can be had cheaply: how often each letter occurs,
# and how often it follows the one before (both with one added to every count, so that nothing is impossible).


# %%
def by_counting(last):
    """The loss on the held-out names of guessing by counts, after the last 0 or 1 letters."""

    def events(name):
        text = f".{name}."
        return [(text[i - last : i], text[i]) for i in range(1, len(text))]

    seen = Counter(event for name in training for event in events(name))
    after = Counter(event[0] for name in training for event in events(name))

    def loss(event):
        return -math.log((seen[event] + 1) / (after[event[0]] + len(LETTERS)))

    return sum(np.mean([loss(event) for event in events(name)]) for name in held_out) / len(held_out)


final = history.held_out[-1][1]
print(f"blindly {math.log(27):.2f}   letters {by_counting(0):.2f}   pairs {by_counting(1):.2f}   GPT {final:.2f}")

assert np.mean(history.losses[-20:]) < 0.75 * history.losses[0]
assert final < by_counting(1) < by_counting(0)

# %%
pairs_level = [(0, by_counting(1)), (STEPS, by_counting(1))]
viz.curve(
    {"training": history.losses, "held out": history.held_out, "pairs, held out": pairs_level},
    title="The GPT learns plants",
    y_label="loss (nats a letter)",
)

# %% [markdown]
# The curves part: after some 80 steps, what it still learns is about these 393 names, and no longer about names of
# plants in general.
#
# ## After the training

# %%
after = made_up(200)
invented = [name for name in dict.fromkeys(after) if name not in PLANTS and len(name) > 3]
print(textwrap.fill(", ".join(invented[:30]), 100))
print(f"\n{likeness(after):.0%} of the pairs occur in real names; {len(set(after) & set(PLANTS))} of 200 are real")

assert likeness(after) > 0.9 > likeness(before)
assert len(invented) > 100

# %% [markdown]
# None of these is in the list. They look Latin, since many end as plants end:

# %%
endings = Counter(name[-2:] for name in training).most_common(4)


def share(ending, names):
    return sum(name.endswith(ending) for name in names) / len(names)


print("ending   real   before   after")
for ending, _ in endings:
    print(f"-{ending:8}{share(ending, training):4.0%}{share(ending, before):8.0%}{share(ending, after):8.0%}")

assert all(share(ending, after) > share(ending, before) for ending, _ in endings)

# %% [markdown]
# ## Where its heads look
#
# Each row of a square is a letter, and tells how it shares its attention out among itself and the letters before it.

# %%
name = "magnolia"
with ag.no_grad():
    attention = model.attention
    vectors = [nn.rms_norm(v) for v in model.embedded([0, *map(LETTERS.index, name)])]
    query, key = attention.query(vectors), attention.key(vectors)

fig, axes = plt.subplots(1, 4, figsize=(11, 3.2))
for h, ax in enumerate(axes):
    part = slice(4 * h, 4 * h + 4)
    shares = nn.attention_weights([q[part] for q in query], [k[part] for k in key], causal=True)
    numbers = [[s.data for s in line] for line in shares]
    assert all(math.isclose(sum(line), 1) for line in numbers)
    square = np.full((len(numbers), len(numbers)), np.nan)
    for t, line in enumerate(numbers):
        square[t, : t + 1] = line
    ax.imshow(square, cmap="Blues", vmin=0, vmax=1)
    ax.set_xticks(range(len(numbers)), f".{name}")
    ax.set_yticks(range(len(numbers)), f".{name}")
    ax.set(title=f"head {h + 1}", xlabel="looks at")
axes[0].set_ylabel("reading")
fig.tight_layout()

# %% [markdown]
# ## One head, step by step
#
# The gradient of a head is figure 5's chain rule again. To see all of it, take the smallest head there is: three
# positions, two dimensions, the last position looking back. $q$ is its query; $k_1, k_2, k_3$ are the keys and
# $c_1, c_2, c_3$ the contents (the *values* of the books) of the three positions; `a` and `b` are the two dimensions.
#
# The layers above send a gradient to the head's output $o$; let it be $(2, -1)$, as from $L = 2\,o_a - o_b$. The
# division by $\sqrt d$ is left out.


# %%
def vector(name, a, b):
    return [Value(a, name=f"{name}a"), Value(b, name=f"{name}b")]


def called(name, v):
    v.name = name
    return v


q = vector("q", 1.0, 0.5)
keys = [vector("k1", 1.0, 0.2), vector("k2", -0.5, 0.8), vector("k3", 0.3, -0.4)]
contents = [vector("c1", 0.9, -0.3), vector("c2", 0.1, 0.7), vector("c3", -0.6, 0.4)]

head_scores = [called(f"score{t}", ag.dot(q, k)) for t, k in enumerate(keys, 1)]
exps = [called(f"e{t}", ag.exp(s)) for t, s in enumerate(head_scores, 1)]
Z = called("Z", ag.sum(exps))
shares = [called(f"share{t}", e / Z) for t, e in enumerate(exps, 1)]
o = [called(f"o{d}", ag.dot(shares, column)) for d, column in zip("ab", zip(*contents, strict=True), strict=True)]
L = called("L", ag.dot([2.0, -1.0], o))

expected = nn.attention_weights([[v * math.sqrt(2) for v in q]], keys)[0]
assert all(math.isclose(s.data, e.data) for s, e in zip(shares, expected, strict=True))

# %% [markdown]
# Every step sends one node's gradient to its operands. Look at `Z`: it waits for all three shares, for each of them
# was divided by it.

# %%
viz.step(L, grain="node", title="One head of attention, backwards")

# %% [markdown]
# All gradients. The head took 60 % of its output from position 1. More of $c_1$ would make $L$ larger, and less of
# $c_3$: so the gradient of the first score is positive and that of the third negative. A step along the gradient
# pulls the query towards $k_1$ and away from $k_3$.

# %%
L.backward()
assert head_scores[0].grad > 0 > head_scores[2].grad

viz.draw(L, title="One head of attention, all gradients")

# %% [markdown]
# Eight paths lead from $L$ to one number of the first key: through either output; and through its own share, or
# through $Z$ and any of the three shares.

# %%
explanation = viz.explain(L, keys[0][0])
assert explanation.path_count == 8
assert math.isclose(explanation.total, keys[0][0].grad)

print(explanation)

# %% [markdown]
# Summed up, the eight paths are a short formula. With $g_t$ for the gradient of share $t$,
#
# $$ \frac{\partial L}{\partial \text{score}_t} = \text{share}_t \Big( g_t - \sum_s \text{share}_s\, g_s \Big): $$
#
# a score is raised where its content is better than what the head has on average. The three gradients add to 0,
# because the shares always add to 1.

# %%
average = sum(s.data * s.grad for s in shares)
for score, s in zip(head_scores, shares, strict=True):
    print(f"{score.name}: {s.data:.3f} * ({s.grad:.3f} - {average:.3f}) = {score.grad:.4f}")
    assert math.isclose(score.grad, s.data * (s.grad - average))

assert math.isclose(sum(score.grad for score in head_scores), 0, abs_tol=1e-12)

# %% [markdown]
# ## What this is not
#
# It is small: 430 names teach it how a genus sounds, not what a plant is, and on names that it has not seen it is
# only a little better than a table of pairs. Nor is it the way to build a large one. But nothing is missing in kind:
# larger models have more of each part.
#
# ## Try it
#
# - `made_up(20, temperature=0.3)`, and 1.5: what does the temperature do?
# - Give it the modules of Python: `sorted(n for n in sys.stdlib_module_names if n.isalpha() and n.islower())`, those
#   shorter than 16 letters.
# - Take the position embeddings out. What gets worse?
