"""The only place that makes `python -m miniabra`, and this file run by its path, the same as the command `miniabra`."""

import sys
from pathlib import Path

if not __package__:  # by its path: Python does not know the package then
    sys.path.insert(0, str(Path(__file__).parents[1]))

from miniabra.cli import main

sys.exit(main())
