"""GCC, with results kept for the length of a benchmark: a sample's process need not compile what another one has."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

FLAGS = ["-march=native", "-ffast-math", "-fno-math-errno", "-w", "-fPIC"]


def shared_library(text: str, level: str) -> Path:
    """The path of the compiled text; it is in BENCH_CACHE, or in a folder that nobody deletes."""
    folder = Path(os.environ.get("BENCH_CACHE") or tempfile.mkdtemp(prefix="bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(f"{level} {text}".encode()).hexdigest()[:24]
    library = folder / f"{digest}.so"
    if not library.exists():
        source, compiled, unfinished = (folder / f"{digest}.{end}" for end in ("c", "o", "part"))
        source.write_text(text, encoding="utf-8")
        subprocess.run(["gcc", level, *FLAGS, "-c", "-o", str(compiled), str(source)], check=True)
        # linked with -ffast-math, a library makes the whole process that loads it flush small numbers to zero
        subprocess.run(["gcc", "-shared", "-o", str(unfinished), str(compiled), "-lm"], check=True)
        unfinished.rename(library)
    return library
