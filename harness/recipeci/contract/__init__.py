"""The contract suite: what recipeci takes for granted of abra, checked against any abra, in a cell."""
