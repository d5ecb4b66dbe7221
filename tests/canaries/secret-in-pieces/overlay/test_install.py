def test_prints_it_on_two_lines(app, capfd):
    token = app.exec("app", ["cat", "/run/secrets/token"]).text
    with capfd.disabled():
        print(f"{token[:20]}\n{token[20:]}", flush=True)
