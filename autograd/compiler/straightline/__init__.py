"""The straight-line executor: a graph as generated Python on floats, for tiny graphs and for deep irregular ones.

    forms   how each operation and its slopes are written        (one more reading of the declarations)
    body    lines: equal ones are one, single uses are put where they are used
    sweep   a tape forward and backward, as lines
    whole   a small graph as one function, training steps too
    blocks  a large graph as many functions of bounded size; registers: few variables for many names
    plan    PythonPlan and its runs

Generated source holds names that are made here and numbers, nothing else: no text of a user's reaches it.
"""

from autograd.compiler.straightline.plan import Parameters, PythonPlan, PythonRun

__all__ = ["Parameters", "PythonPlan", "PythonRun"]
