def test_its_own_file_is_as_it_was_backed_up(app):
    assert app.exec("app", ["cat", "/srv/content/data"]).text == "data"
