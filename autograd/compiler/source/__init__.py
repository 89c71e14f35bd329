"""A scalar graph as the text of a Python module that runs without us: nothing but ``math`` is imported.

    names    identifiers and comments made of what a user wrote
    helpers  the functions that a text calls, as text: read from the declarations
    small    a small graph, one line for each operation
    large    a large one, as functions of bounded size

How an operation is written stands in ``straightline``; this is the same text with names that a reader knows.
"""

from autograd.compiler.source.module import to_source

__all__ = ["to_source"]
