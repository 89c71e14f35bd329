"""Draw the README's pictures: those of the main job with its defaults. Run it after a change to what is drawn.

    python docs/make_pictures.py
"""

import shutil
import tempfile
from pathlib import Path

from nn.figure5.cli import main

PICTURES = Path(__file__).parent / "pictures"

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        if main(["--out", folder, "--quiet"]):
            raise SystemExit("the main job failed")
        for picture in sorted(Path(folder).glob("*.svg")):
            shutil.copyfile(picture, PICTURES / picture.name)
            print(PICTURES / picture.name)
