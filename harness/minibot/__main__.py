"""The only place that is run by `python -m minibot`, which is what `/usr/bin/backup` of the image does."""

import sys

from minibot.cli import main

sys.exit(main())
