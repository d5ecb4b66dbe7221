"""The only place that names what ends a command: one line for a person, and exit code 1, as abra has it."""


class Fatal(Exception):
    """The command cannot go on; the message is one sentence, printed as `FATA …` on stdout (facts A-11)."""
