"""What can be wrong with a layout: cards and chips that overlap, boxes that leave their place, edges that go back."""

from viz.layout import CHIP_HEIGHT, chip_width
from viz.scene import Scene

Rectangle = tuple[float, float, float, float]


def overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] - 0.01 and b[0] < a[2] - 0.01 and a[1] < b[3] - 0.01 and b[1] < a[3] - 0.01


def inside(a: Rectangle, b: Rectangle) -> bool:
    return a[0] >= b[0] and a[1] >= b[1] and a[2] <= b[2] and a[3] <= b[3]


def faults(scene: Scene) -> list[str]:
    """Everything that is wrong with a layout."""
    found = []
    cards = [(c.x - c.width / 2, c.y - c.height / 2, c.x + c.width / 2, c.y + c.height / 2) for c in scene.cards]
    chips = [
        (e.chip_at[0] - w / 2, e.chip_at[1] - CHIP_HEIGHT / 2, e.chip_at[0] + w / 2, e.chip_at[1] + CHIP_HEIGHT / 2)
        for e in scene.edges
        if e.chip_at is not None and e.local is not None
        for w in [chip_width(e.local)]
    ]
    solid = cards + chips
    order = sorted(range(len(solid)), key=lambda i: solid[i][0])
    for n, i in enumerate(order):
        for j in order[n + 1 :]:
            if solid[j][0] >= solid[i][2]:
                break
            if overlap(solid[i], solid[j]):
                found.append(f"{i} and {j} overlap: {solid[i]} {solid[j]}")
    page = (-0.01, -0.01, scene.width + 0.01, scene.height + 0.01)
    found += [f"{r} is off the page" for r in solid + list(scene.boxes.values()) if not inside(r, page)]
    for scope, box in scene.boxes.items():
        for other, second in scene.boxes.items():
            nested = scope == other[: len(scope)] or other == scope[: len(other)]
            if scope < other and not nested and overlap(box, second):
                found.append(f"boxes {scope} and {other} overlap")
            if len(other) > len(scope) and nested and not inside(second, box):
                found.append(f"box {other} leaves {scope}")
        for card, r in zip(scene.cards, cards, strict=True):
            within = card.scope[: len(scope)] == scope
            if (within and not inside(r, box)) or (not within and overlap(r, box)):
                found.append(f"card {card.label} and box {scope}")
    for edge in scene.edges:
        x = scene.cards[edge.source].x + scene.cards[edge.source].width / 2
        if abs(edge.runs[0][0] - x) > 0.01:
            found.append("an edge does not start at its card")
        for left, right, _ in edge.runs:
            if left < x - 0.01 or right < left - 0.01:
                found.append(f"an edge goes back: {edge.runs}")
            x = right
        target = scene.cards[edge.target]
        if abs(x - (target.x - target.width / 2)) > 0.01 or abs(edge.runs[-1][2] - target.y) > target.height / 2:
            found.append("an edge does not end at its card")
        for left, right, y in edge.runs:
            for i, r in enumerate(cards):
                if i not in (edge.source, edge.target) and overlap((left, y - 0.5, right, y + 0.5), r):
                    found.append(f"an edge runs through card {scene.cards[i].label}")
    return found
