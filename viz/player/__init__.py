"""The stepper in a browser: a page, or what a notebook displays.

data.py      the walk as numbers and names, and the pictures of its final state
page.py      the HTML around them
player.js    the walk: it takes the steps again from the local derivatives, with the same floats, and says them
views.js     the gradient graph and the network diagram, lit as the walk goes
controls.js  the page's parts, buttons, keys, camera, theme
player.css   how it looks
"""

from __future__ import annotations

from viz.player.page import notebook_html, page

__all__ = ["notebook_html", "page"]
