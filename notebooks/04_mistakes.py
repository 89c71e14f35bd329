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
# # 4. The mistakes everyone makes
#
# Whoever writes backpropagation for the first time makes four mistakes, and none of them gives an error message: the
# numbers are simply wrong. Here each is made on purpose, seen failing, and put right.
#
# `viz.mistake(graph, kind)` runs such a mistake beside the right pass over any graph, and shows the first value where
# the two part.

# %%
import textwrap

import autograd as ag
import nn
import viz
from autograd import Value

# %% [markdown]
# ## A little engine to break
#
# Ten lines are enough: a number, its gradient, and for every operand the *local derivative*.


# %%
class V:
    def __init__(self, data, edges=()):
        self.data, self.grad, self.edges = data, 0.0, edges  # edges: (operand, local derivative)

    def __add__(self, other):
        return V(self.data + other.data, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        return V(self.data * other.data, [(self, other.data), (other, self.data)])


# %% [markdown]
# And the right way to go back: every value after all that use it, adding up.


# %%
def topological(root):
    order, seen = [], set()

    def visit(v):
        if v not in seen:
            seen.add(v)
            for operand, _ in v.edges:
                visit(operand)
            order.append(v)

    visit(root)
    return order


def backward(root):
    order = topological(root)
    for v in order:
        v.grad = 0.0
    root.grad = 1.0
    for v in reversed(order):
        for operand, local in v.edges:
            operand.grad += v.grad * local


x = V(3.0)
backward(x * x)
assert x.grad == 6.0  # the derivative of x² is 2x

# %% [markdown]
# ## Mistake 1: `=` instead of `+=`
#
# It works in every example where each value is used once.


# %%
def backward_assign(root):
    root.grad = 1.0
    for v in reversed(topological(root)):
        for operand, local in v.edges:
            operand.grad = v.grad * local  # the mistake


x, y = V(3.0), V(5.0)
backward_assign(x * y)
assert (x.grad, y.grad) == (5.0, 3.0)  # right, by luck

x = V(3.0)
backward_assign(x * x)
print("x² at 3 has the slope", x.grad)
assert x.grad == 3.0  # wrong: it is 6

# %% [markdown]
# $x$ stands in $x \cdot x$ twice, so two paths lead to it, and the gradients of all paths are **added**. With `=` the
# second path overwrites the first.

# %%
x = Value(3.0, name="x")
L = x * x
L.name = "L"

viz.mistake(L, "assign")

# %% [markdown]
# Right:

# %%
L.backward()
assert x.grad == 6.0

viz.explain(L, x)

# %% [markdown]
# This is no curiosity of $x \cdot x$. In the network of figure 5 both inputs feed two neurons, and the first gradient
# that is wrong is that of $x_1$:

# %%
model = nn.Figure5(seed=2)
loss = nn.absolute_error(model(Value(0.4, name="x1"), Value(0.8, name="x2")), Value(1.0, name="y"))
loss.name = "L"

comparison = viz.mistake(loss, "assign")
assert comparison.first.name == "x1"

comparison

# %% [markdown]
# ## Mistake 2: no topological order
#
# It seems so natural: give the operands their share, then visit them.


# %%
def backward_at_once(root):
    seen = set()

    def visit(v):
        if v in seen:
            return
        seen.add(v)
        for operand, local in v.edges:
            operand.grad += v.grad * local
        for operand, _ in v.edges:
            visit(operand)  # the mistake: its gradient may not be whole yet

    root.grad = 1.0
    visit(root)


x = V(3.0)
a = x * V(2.0)
b = a * V(3.0)
backward_at_once(a + b)
print("dL/dx =", x.grad)
assert x.grad == 2.0  # wrong: L = 2x + 6x, so it is 8

# %% [markdown]
# $a$ is used twice: directly, and by way of $b$. It was visited when only the direct path had arrived, passed on what
# it had, and was never asked again.

# %%
x = Value(3.0, name="x")
a = x * 2.0
a.name = "a"
b = a * 3.0
b.name = "b"
L = a + b
L.name = "L"

viz.mistake(L, "order")

# %% [markdown]
# A queue instead of a stack (breadth first) is wrong in the same way:

# %%
breadth = viz.mistake(L, "order", walk="breadth")
assert breadth.shows

print(textwrap.fill(breadth.words, 100))

# %% [markdown]
# Right: *a value passes its gradient on only when all that use it have sent theirs*. Watch how the step list waits for
# the second path before it goes on to $x$:

# %%
viz.step(L, title="In topological order")

# %%
L.backward()
assert (a.grad, x.grad) == (4.0, 8.0)

# %% [markdown]
# ## Mistake 3: gradients that are not reset
#
# Gradients add up, so somebody must clear them. First, two passes through the same graph:


# %%
def backward_again(root):
    root.grad = 1.0
    for v in reversed(topological(root)):  # the mistake: nobody has cleared the inner values
        for operand, local in v.edges:
            operand.grad += v.grad * local


x = V(3.0)
y = x * x * x
backward_again(y)
assert x.grad == 27.0  # right: 3x²
backward_again(y)
print("after two passes:", x.grad)
assert x.grad == 72.0  # wrong: 27 + 27 = 54

# %% [markdown]
# 54 would be fine: two passes, twice the gradient. But the inner value $x \cdot x$ still held the 3 of the first
# pass, and passed on 6.

# %%
x = Value(3.0, name="x")
L = x * x * x
L.name = "L"

viz.mistake(L, "no-reset")

# %% [markdown]
# Right: this engine lets the leaves add up, and forgets what inner values hold.

# %%
L.backward()
L.backward()
assert x.grad == 54.0

# %% [markdown]
# Second, and more often: training without `zero_grad()`. Every step then uses the sum of all gradients so far.


# %%
def train(reset, steps=60):
    w = Value(1.0, name="n.w")
    losses = []
    for _ in range(steps):
        error = (w * 2.0 - 6.0) ** 2  # smallest at w = 3
        if reset:
            w.zero_grad()
        error.backward()
        w.data -= 0.05 * w.grad
        losses.append(error.data)
    return losses


right, wrong = train(reset=True), train(reset=False)
assert right[-1] < 1e-9
assert max(wrong[-20:]) > 1

viz.curve({"reset": right, "not reset": wrong}, title="Training with and without zero_grad()")

# %% [markdown]
# A compiled program cannot make this mistake: every step computes its gradients anew, and there is nothing to reset.
# The other notebooks train that way; here the graph itself is the point.

# %%
w, x = Value(1.0, name="n.w"), Value(2.0, name="x")
with ag.compile((w * x - 6.0) ** 2, inputs=[x]).session() as training:
    compiled = [training.sgd([[2.0]], 0.05) for _ in range(60)]

assert compiled == right

# %% [markdown]
# The old gradients push the weight past its goal, again and again. In numbers, for the second step:

# %%
error = (Value(1.0, name="n.w") * Value(2.0, name="x") - 6.0) ** 2
error.name = "L"

viz.mistake(error, "no-reset", learning_rate=0.05)

# %% [markdown]
# ## Mistake 4: a set of operands
#
# A value remembers its operands. Why not in a set?


# %%
def backward_set(root):
    for v in topological(root):
        v.grad = 0.0
    root.grad = 1.0
    for v in reversed(topological(root)):
        for operand, local in set(v.edges):  # the mistake
            operand.grad += v.grad * local


x, y = V(3.0), V(5.0)
backward_set(x * y)
assert (x.grad, y.grad) == (5.0, 3.0)

x = V(3.0)
backward_set(x * x)
print("x² at 3 has the slope", x.grad)
assert x.grad == 3.0  # wrong: it is 6

# %% [markdown]
# Because a set keeps equal things once: of $x \cdot x$ one $x$ is left, and with it one of the two paths.

# %%
x = Value(3.0, name="x")
L = x * x
L.name = "L"

viz.mistake(L, "set")

# %% [markdown]
# Right: a list or a tuple, which keeps both.

# %%
L.backward()
assert len(L.operands) == 2
assert x.grad == 6.0

# %% [markdown]
# ## A test that finds them all
#
# Which graphs show which mistake? Figure 5 shows two of the four and hides the others. So a test of an engine needs
# graphs of more than one kind.

# %%
for kind, comparison in viz.mistakes(loss).items():
    print(f"{kind}: {'SHOWN' if comparison.shows else 'hidden'}")
    print(textwrap.indent(textwrap.fill(comparison.words, 95), "    "))

assert [kind for kind, c in viz.mistakes(loss).items() if c.shows] == ["assign", "no-reset"]

# %% [markdown]
# One small graph shows all four: a computed value used directly and by a detour, and something times itself.

# %%
x = Value(3.0, name="x")
a = x * x
a.name = "a"
b = a * 2.0
b.name = "b"
L = a + b
L.name = "L"

assert all(comparison.shows for comparison in viz.mistakes(L).values())

L.backward()
assert x.grad == 18.0  # L = 3x²

viz.draw(L, title="A small graph that shows all four")

# %% [markdown]
# ## Try it
#
# - Break the little engine in a fifth way: use the operand's *new* data in the local derivative.
# - Give `viz.mistake` a graph of your own. Which of the mistakes would it have shown you?
