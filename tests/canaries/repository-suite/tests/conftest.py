raise AssertionError("the repository's conftest was imported")
