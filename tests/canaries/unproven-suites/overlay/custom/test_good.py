def test_good(app):
    assert app.get("/").status_code == 200
