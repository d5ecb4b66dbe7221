def test_of_the_repository(app):
    assert app.get("/").status_code == 200
