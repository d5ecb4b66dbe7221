import sys


def test_first():
    assert sys.argv


if "run" not in sys.argv:

    def test_that_would_fail():
        raise AssertionError
