"""A small abra: the commands that recipeci uses, with the habits of the real one. Imports nothing of recipeci."""

__version__ = "0.1.0"
