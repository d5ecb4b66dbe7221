"""Many people, a bad forge and a bridge that is killed: what is said, what must follow from it, and whether it did."""
