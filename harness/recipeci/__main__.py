"""Makes `python -m recipeci` the same as `recipeci`."""

from __future__ import annotations

import sys

from recipeci.cli import main

if __name__ == "__main__":
    sys.exit(main())
