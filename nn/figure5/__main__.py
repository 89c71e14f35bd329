"""``python -m nn.figure5``."""

import sys

from nn.figure5.cli import main

if __name__ == "__main__":
    sys.exit(main())
