from recipeci.author import AppError


def pre_upgrade(app):
    first = app.exec("app", ["hostname"]).text
    try:
        app.exec("app", ["sh", "-c", "kill -QUIT 1; exec sleep 3000"], timeout=240)
    except AppError as error:
        print(f"as it must be: {error}")
    else:
        raise AssertionError("a command outlived its container")
    second = app.exec("app", ["hostname"]).text
    assert second not in {"", first}
