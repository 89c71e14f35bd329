"""A report as HTML for a notebook: coloured tables, one for each argument of many numbers and one for neighbouring
single numbers; escaped, legible on light and on dark pages."""

from __future__ import annotations

import math
from html import escape
from itertools import groupby

from autograd.check.report import MOST_SHOWN, advice, counted, details, numeral, size_of, worst_first
from autograd.check.verdict import Entry, Report

MARKS = {"right": "✓", "wrong": "✗", "undecidable": "?"}
STYLE = """
.ag-check{font:14px/1.45 system-ui,sans-serif;color:inherit;--right:#1a6bc4;--wrong:#c2530b;--undecidable:#9b2a86;
--line:#8e98a855}
.ag-check table{border-collapse:collapse;margin:.4em 0 .8em}
.ag-check caption{text-align:left;font-weight:600;padding:.2em 0}
.ag-check th,.ag-check td{padding:.2em .8em;text-align:right;border-bottom:1px solid var(--line);color:inherit;
background:none;font-variant-numeric:tabular-nums}
.ag-check th:first-child,.ag-check td:first-child,.ag-check td.why{text-align:left}
.ag-check td.why{white-space:normal;max-width:60em;padding-left:2em;border-left:3px solid var(--tone)}
.ag-check.right,.ag-check .right{--tone:var(--right)}.ag-check.wrong,.ag-check .wrong{--tone:var(--wrong)}
.ag-check.undecidable,.ag-check .undecidable{--tone:var(--undecidable)}
.ag-check .mark{color:var(--tone);font-weight:600}
@media (prefers-color-scheme:dark){.ag-check{--right:#4ba3ff;--wrong:#ff9145;--undecidable:#e58bd3}}
[data-theme=light] .ag-check,[data-jp-theme-light=true] .ag-check{--right:#1a6bc4;--wrong:#c2530b;--undecidable:#9b2a86}
[data-theme=dark] .ag-check,[data-jp-theme-light=false] .ag-check{--right:#4ba3ff;--wrong:#ff9145;--undecidable:#e58bd3}
"""
HEAD = "<tr><th>input</th><th>at</th><th>gradient</th><th>should be</th><th>±</th><th>digits</th><th>verdict</th></tr>"


def report_html(report: Report) -> str:
    """The report as a fragment of HTML: no script, every text escaped, its own style."""
    parts = [f'<div class="ag-check {report.verdict}"><style>{STYLE}</style>']
    parts.append(f'<p><span class="mark">{MARKS[report.verdict]} {escape(counted(report))}</span> ')
    parts.append(f"gradient of <code>{escape(report.title)}</code>")
    if report.expression:
        parts.append(f"<br><code>{escape(report.expression)}</code>")
    if report.method:
        parts.append(f"<br><small>{escape(report.method)}</small>")
    parts += [f"<br><small>{escape(note)}</small>" for note in report.notes]
    parts.append("</p>")
    for argument, group in groupby(report.entries, key=argument_of):
        entries = worst_first(group)
        parts.append(f"<table><caption>{escape(argument)}</caption>{HEAD}")
        parts += [row(entry) for entry in entries[:MOST_SHOWN]]
        if len(entries) > MOST_SHOWN:
            parts.append(f'<tr><td colspan="7">… and {len(entries) - MOST_SHOWN} more</td></tr>')
        parts.append("</table>")
    parts += [f"<p>{escape(line)}</p>" for line in dict.fromkeys(map(advice, report.entries)) if line]
    return "".join([*parts, "</div>"])


def argument_of(entry: Entry) -> str:
    """The argument that an input belongs to; plain numbers stand together."""
    if not entry.path:
        return "directions"
    name = entry.name or f"input{entry.path}"
    if entry.order > 1:
        return f"order {entry.order}"
    if entry.path.count("[") == 1:
        return "inputs"
    return name.split("[")[0] if not name.startswith("input[") else name[: name.index("]") + 1]


def row(entry: Entry) -> str:
    """One input: a row of numbers, and below it, unless it is right, the reason."""
    known = math.isfinite(entry.expected)
    cells = [
        f"<code>{escape(entry.name or f'input{entry.path}')}</code>",
        f"{entry.at:.8g}" if entry.path else "",
        numeral(entry.gradient),
        numeral(entry.expected) if known else "–",
        size_of(entry.expected_error) if known else "–",
        f"{entry.digits:.0f}" if known else "–",
        f'<span class="mark">{MARKS[entry.verdict]} {entry.verdict}</span>',
    ]
    html = f'<tr class="{entry.verdict}">' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    if entry.verdict != "right":
        why = "<br>".join(escape(line) for line in details(entry))
        html += f'<tr class="{entry.verdict}"><td class="why" colspan="7">{why}</td></tr>'
    return html
