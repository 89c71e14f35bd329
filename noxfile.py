"""One command for each chore: ``nox -s quick``; ``nox --list`` tells them all.

They run in the environment that nox itself was installed into (``pip install -e '.[dev]'``), so that none of them waits
for another one to be built. ``.ci/run`` and ``.ci/full`` make environments of their own.
"""

import sys

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "quick"]


def python(session: nox.Session, *arguments: str) -> None:
    """Run this environment's Python."""
    session.run(sys.executable, *arguments, *session.posargs)


@nox.session
def format(session: nox.Session) -> None:
    """Lay the code out, and sort the imports."""
    python(session, "-m", "ruff", "check", "-q", "--fix", "--select", "I", ".")
    python(session, "-m", "ruff", "format", ".")


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff's rules, the layout, and who may import whom."""
    python(session, "-m", "ruff", "check", ".")
    python(session, "-m", "ruff", "format", "--check", ".")
    python(session, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")


@nox.session
def types(session: nox.Session) -> None:
    """Run mypy, strict, on the three packages."""
    python(session, "-m", "mypy")


@nox.session
def quick(session: nox.Session) -> None:
    """Run the tests for every edit: about a minute on two cores."""
    python(session, "-m", "pytest", "-m", "quick")


@nox.session
def all(session: nox.Session) -> None:
    """Run the whole suite, the README's test command."""
    python(session, "-m", "pytest")


@nox.session
def full(session: nox.Session) -> None:
    """Run what needs renderers, kernels, peers and long fuzzing, in a fresh environment."""
    session.run("bash", ".ci/full", *session.posargs, external=True)


@nox.session
def pictures(session: nox.Session) -> None:
    """Draw the pictures of README and docs again, and the table of operations."""
    python(session, "docs/make_pictures.py")
    python(session, "docs/make_operations.py")
    python(session, "docs/make_numpy.py")
    python(session, "docs/make_number.py")


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Run the engine's, the checker's and the compiler's benchmark; ``-- --quick`` only tries them."""
    for script in ("engine", "checker", "compiler"):
        python(session, f"benchmarks/{script}.py")


@nox.session
def mutants(session: nox.Session) -> None:
    """Break the engine's core on purpose, one place at a time, and tell what no test noticed (hours; commit first)."""
    settings, found = "tests/mutation/engine.toml", ".mutants.sqlite"
    session.run("cosmic-ray", "init", "--force", settings, found, external=True)
    session.run("cr-filter-operators", found, settings, external=True)
    session.run("cosmic-ray", "exec", settings, found, external=True)
    session.run("cr-report", "--show-diff", "--surviving-only", found, external=True)
