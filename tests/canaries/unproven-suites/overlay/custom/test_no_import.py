import no_such_module


def test_never_seen():
    assert no_such_module
