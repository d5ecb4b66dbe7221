"""Run the double as a program: `python -m lab.fakeforge ADDRESS_FILE KEY SEED`."""

from __future__ import annotations

import sys
from pathlib import Path

from lab.fakeforge.server import serve

serve(address=Path(sys.argv[1]), key=sys.argv[2], seed=int(sys.argv[3]))
