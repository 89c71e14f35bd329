"""How large the terms behind a gradient are: the yardstick for a tolerance.

A gradient is a sum over paths of products of local derivatives. Rounding hurts it in proportion to the sum of
the absolute values of those products, also where they cancel.
"""

from autograd import Value, topological


def path_sums(root: Value) -> dict[int, float]:
    """For each node, by id: the sum over its paths to the root of |product of local derivatives|."""
    order = topological(root)
    sums = dict.fromkeys(map(id, order), 0.0)
    sums[id(root)] = 1.0
    for node in reversed(order):
        for operand, partial in zip(node.operands, node.partials, strict=True):
            if isinstance(operand, Value) and partial is not None:
                sums[id(operand)] += sums[id(node)] * abs(partial)
    return sums


def depth(root: Value) -> int:
    """The length of the longest path from a leaf to the root, an n-ary operation counting once for each
    operand."""
    longest: dict[int, int] = {}
    for node in topological(root):
        operands = [longest[id(x)] for x in node.operands if isinstance(x, Value)]
        longest[id(node)] = max(operands, default=0) + len(node.operands)
    return longest[id(root)]
