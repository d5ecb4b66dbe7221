import os


def test_first():
    assert os.getpid()


def test_ends_the_process():
    os._exit(0)


def test_that_would_fail():
    raise AssertionError
