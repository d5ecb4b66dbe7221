"""The outside world, one adapter a program."""
