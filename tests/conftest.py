"""What all tests share: `tests/` is importable, so that `lab`, `mutants` and `e2e` can be named from anywhere."""
