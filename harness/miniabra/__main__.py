"""The only place that makes `python -m miniabra` the same as the command `miniabra`."""

import sys

from miniabra.cli import main

sys.exit(main())
