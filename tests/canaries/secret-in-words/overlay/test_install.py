import sys
import time

import pytest


@pytest.fixture
def token(app):
    return app.exec("app", ["cat", "/run/secrets/token"]).text


def test_prints_it_in_three_writes(token, capfd):
    with capfd.disabled():
        for piece in (token[:5], token[5:30], token[30:]):
            sys.stdout.write(piece)
            sys.stdout.flush()
            time.sleep(0.1)
        print(" was that")


def test_says_it_when_it_fails(token):
    assert token == "something else"
