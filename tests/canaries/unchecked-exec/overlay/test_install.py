def test_nothing_is_wrong(app):
    assert app.exec("app", ["cat", "/var/log/there-is-no-such-log"]).out == b""
