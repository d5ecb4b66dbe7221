"""The only place that names what ends a command: one line for a person, and exit code 1."""


class Failed(Exception):
    """The command cannot go on; the message is one sentence."""
