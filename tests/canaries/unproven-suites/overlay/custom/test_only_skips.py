import pytest


def test_skips_itself():
    pytest.skip("not today")


@pytest.mark.skipif(condition=True, reason="never")
def test_is_skipped():
    raise AssertionError
