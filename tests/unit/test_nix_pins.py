"""What nix/ pins by itself is what requirements.lock pins: two lists of one thing, compared."""

from __future__ import annotations

import base64
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_type_stubs_that_nix_fetches_are_those_of_the_lock() -> None:
    text = (ROOT / "nix" / "python.nix").read_text()
    lock = (ROOT / "requirements.lock").read_text()
    (pinned,) = re.findall(r'hash = "sha256-([^"]+)"', text)
    (version,) = re.findall(r'version = "([^"]+)"', text)

    (locked,) = re.findall(r"^types-docker==(\S+) ((?:\\\n +\S+ ?)+)", lock, re.MULTILINE)

    assert locked[0] == version
    assert f"--hash=sha256:{base64.b64decode(pinned).hex()}" in locked[1]
