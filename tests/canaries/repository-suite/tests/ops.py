def pre_upgrade(app):
    raise AssertionError(f"the repository's hook was run on {app.domain}")
