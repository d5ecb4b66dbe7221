"""The only place that prints: log lines, each flushed, since a caller reads them as they come."""

from __future__ import annotations


def info(text: str) -> None:
    """Say what is being done."""
    print(f"INFO {text}", flush=True)


def error(text: str) -> None:
    """Say what went wrong."""
    print(f"ERROR {text}", flush=True)


def result(text: str) -> None:
    """Print what was asked for."""
    print(text, flush=True)
