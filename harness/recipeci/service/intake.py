"""The only place that says which comments get into the inbox, whichever way they came."""

from __future__ import annotations

from recipeci.host.clock import Clock
from recipeci.service import command
from recipeci.service.model import Comment
from recipeci.service.store import Database, Transaction, inbox, repositories

TAKEN = "taken"
KNOWN = "known already"
TALK = "there is no command in it"


def take(database: Database, comment: Comment, *, clock: Clock) -> str:
    """Take a comment in; return TAKEN, KNOWN, or why it is left alone.

    Its Markdown is read outside all transactions, and only if it is new: to read it may take its author's time, and
    must not take anybody else's.
    """
    with database.reading() as tx:
        refused = _refused(tx, comment) or (KNOWN if inbox.has(tx, comment) else "")
    if refused:
        return refused
    if command.find(comment.body) is None:
        return TALK
    with database.writing() as tx:
        return _refused(tx, comment) or (TAKEN if inbox.take(tx, comment, now=clock.epoch()) else KNOWN)


def _refused(tx: Transaction, comment: Comment) -> str:
    """Say why a comment is left alone, whatever is in it; empty if it is not."""
    repository = repositories.find(tx, comment.repository)
    if repository is None or not repository.is_enrolled:
        return "its repository is not enrolled"
    return "it was made before the repository was enrolled" if comment.created < repository.since else ""
