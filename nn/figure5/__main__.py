"""``python -m nn.figure5``."""

import sys

if __name__ == "__main__":
    try:
        from nn.figure5.cli import main
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(main())
