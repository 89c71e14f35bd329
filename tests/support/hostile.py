"""Names that a drawing must show as text and never run."""

from autograd import Value

HOSTILE = ["<script>alert(1)</script>", "</script>", 'a|b{c}"', "]]>", "line\u2028end", "<!--", "$x$", "\\"]
HOSTILE += ["é\u202e", "\ud800"]


def hostile() -> Value:
    total = Value(0.5, HOSTILE[0]) * 2.0
    for i, name in enumerate(HOSTILE[1:]):
        total = total + Value(i + 0.25, name) * Value(2.0, f"{name}.w")
        total.name = f"sum of {name}"
    total.name = "</script><img src=x onerror=alert(2)>"
    return total


NAMES = [
    "<script>alert(1)</script>", 'a|b{c}"', "&amp;", "]]>", "<!--", "tab\tand\nline", "\x00\x1b[31m", "שלום", "مرحبا",
    "👩\u200d👧", "日本語", "a\u202eb", "\\N\\", "'; --", "%s{0}", "very long " * 50, " ",
    "x" * 100_000, "\ud800", "-0",
]  # fmt: skip
