"""The stepper in a browser: a page, or what a notebook displays.

    data.py      the walk as numbers and names, and the pictures of its final state
    page.py      the HTML around them
    player.js    what moves: it takes the steps again from the local derivatives, with the same floats
    player.css   how it looks
"""

from __future__ import annotations

from viz.player.page import notebook_html, page

__all__ = ["notebook_html", "page"]
