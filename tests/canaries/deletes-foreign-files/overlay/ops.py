def pre_restore(app):
    app.exec("app", ["tee", "/srv/content/data"], input=b"changed after the backup\n")
