def pre_upgrade(app):
    later = "touch /srv/content/later; while [ -e /srv/content/later ]; do sleep 0.1; done"
    app.exec("app", ["sh", "-c", later], timeout=240)  # by then it has seen what was there before, too


def pre_restore(app):
    app.exec("app", ["tee", "/srv/content/data"], input=b"changed after the backup\n")
