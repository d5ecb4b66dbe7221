"""What nix/ pins by itself is what requirements.lock pins: two lists of one thing, compared."""

from __future__ import annotations

import base64
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
STUB = re.compile(r'^ {4}(types-\w+) = \{\n +version = "([^"]+)";\n +hash = "sha256-([^"]+)";', re.MULTILINE)
LOCKED = re.compile(r"^(types-\w+)==(\S+) ((?:\\\n +\S+ ?)+)", re.MULTILINE)


def test_the_type_stubs_that_nix_fetches_are_those_of_the_lock() -> None:
    text = (ROOT / "nix" / "python.nix").read_text()
    pinned = {name: (version, base64.b64decode(digest).hex()) for name, version, digest in STUB.findall(text)}
    lock = (ROOT / "requirements.lock").read_text()
    locked = {name: (version, rest) for name, version, rest in LOCKED.findall(lock)}

    assert len(pinned) == text.count('hash = "')
    for name, (version, digest) in pinned.items():
        assert locked[name][0] == version
        assert f"--hash=sha256:{digest}" in locked[name][1]
