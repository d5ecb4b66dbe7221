"""The only place that goes through Gitea's lists: pages, and what may change between two of them.

About Gitea 1.26: a repository's comments are those that were *changed* in the second `since` or later, and in the
second `before` or earlier, also edited ones, in the order in which they were made: old ones that somebody edits come
before all that are new. Comments in a review are not among them, nor who deleted what. A pull
request's own comments come all at once. A timeline's `X-Total-Count` is the length of the page, entries that we may
not see are left out of a page and not made up for, and a page without any is `null`. A push is in it as `pull_push`
once Gitea has got round to it, a while after the branch has moved; its body is JSON, and the last of `commit_ids` is
the new head; a forced one names the old head and the new one, and takes commits that are gone out of older rows.
Nothing bounds how long a comment is.
"""

from __future__ import annotations

import datetime
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from recipeci.model import FULL_SHA
from recipeci.service import moments
from recipeci.service.command import is_too_long
from recipeci.service.forge import ForgeUnavailable, Listing, OwnComment
from recipeci.service.forgehttp import ForgeHttp, TooLong
from recipeci.service.model import Comment, Pull, Repository, Status, User, Via
from recipeci.service.shape import Shape, parse

log = logging.getLogger(__name__)
PAGE = 50
"""Entries of a page: what Gitea 1.26 gives at most, if its operator has not changed that."""
PAGES_MOST = 200
"""A list is so long at most, or has as many entries as are on so many pages where they are read one by one."""
ALL_PAGES_MOST = 2000
"""The same of all comments that a repository ever had: nobody can ask for less of these."""
LISTED_MOST = 1000
LISTED_CHARACTERS = 8 * 1024 * 1024
"""So many comments, and of them so much, are listed at once; the rest is for the next time."""
PASSES = 5
SECOND = datetime.timedelta(seconds=1)
LOGIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
PULL_URL = re.compile(r".*/pulls/([1-9][0-9]{0,17})", re.DOTALL)

Where = tuple[str, str]


class TooMany(ForgeUnavailable):
    """A list does not end."""


class _NothingNew(TooMany):
    """Of what was listed nothing was made since; `newest`: when the last of it was changed."""

    def __init__(self, message: str, *, newest: str) -> None:
        """Keep the time."""
        super().__init__(message)
        self.newest = newest


@dataclass
class _Place:
    """Where a list is read on: `seen` entries are behind us.

    `is_trial`: whether the forge gives as many entries a page as we ask for is not known, so it may be another place.
    """

    seen: int = 0
    page: int = 1
    size: int = PAGE
    is_trial: bool = False

    def go_on(self, count: int) -> None:
        """Go behind so many entries; where a page would begin, from entries back to pages."""
        self.seen += count
        if self.size > 1:
            self.page, self.is_trial = self.page + 1, False
        elif self.seen % PAGE == 0:
            self.page, self.size, self.is_trial = self.seen // PAGE + 1, PAGE, True
        else:
            self.page = self.seen + 1

    def ask_less(self) -> None:
        """Go from pages to entries, or behind an entry that alone is too long."""
        if self.size == 1:
            self.go_on(1)
        else:
            self.page, self.size, self.is_trial = self.seen + 1, 1, False


def pages(
    http: ForgeHttp,
    *path: str | int,
    query: Mapping[str, str | int] | None = None,
    totals: bool = True,
    most: int = PAGES_MOST,
) -> Iterator[Sequence[Shape]]:
    """Yield a list page by page.

    A page that is longer than we read is read entry by entry, and an entry that alone is too long is left out: nobody
    hides what others wrote by writing long things. A list of too many entries has no end, and its reader must ask for
    less.

    Args:
        http: the forge.
        path: where the list is.
        query: what is asked for.
        totals: whether the answers say how many entries there are; else the first empty page is the end.
        most: pages at most.
    """
    place, left = _Place(), most * PAGE
    while left > 0:
        left -= place.size
        try:
            answer = http.get(*path, query={**(query or {}), "page": place.page, "limit": place.size})
        except TooLong:
            if not totals:
                raise
            place.ask_less()
            continue
        entries = answer.shape.rows(null_is_empty=not totals)
        if not entries:
            return
        if place.is_trial and len(entries) < PAGE:
            place.ask_less()
            continue
        yield entries
        place.go_on(len(entries))
        if totals and answer.total is not None and place.seen >= answer.total:
            return
    raise TooMany(f"the forge, GET /{'/'.join(map(str, path))}: the list has more than {most} pages")


@dataclass
class _Listed:
    """One pass over the comments of a repository."""

    comments: dict[int, Comment] = field(default_factory=dict)
    newest: str | None = None
    made: str = ""
    """When the last one that was read was made, whatever it is about."""
    is_cut: bool = False
    pages: int = 0
    characters: int = 0
    """Of the bodies that are kept."""

    def add(self, row: Shape, repository: Repository) -> None:
        """Take one comment."""
        changed = row["updated_at"].moment()
        self.newest = max(self.newest or changed, changed)
        self.made = max(self.made, row["created_at"].moment())
        if comment := _comment(row, repository):
            self.comments[comment.id] = comment
            self.characters += len(comment.body)

    def cut(self) -> None:
        """Leave the rest for the next time: by order of making, it was not made before the last one here."""
        self.newest, self.is_cut = self.made, True

    @property
    def is_enough(self) -> bool:
        """Whether the rest is for the next time."""
        return len(self.comments) >= LISTED_MOST or self.characters >= LISTED_CHARACTERS


def comments(http: ForgeHttp, where: Where, repository: Repository, *, since: str) -> Listing:
    """Return the comments under pull requests; see `Forge`.

    Who edits very many old comments fills the list with what is not new. Then what was changed until some moment is
    listed alone, and the rest is for the next time; the moment is moved back until that can be read.
    """
    before = None
    while True:
        try:
            return _until(http, where, repository, since=since, before=before)
        except _NothingNew as e:
            if before == since:
                return Listing((), moments.moved(since, SECOND), is_cut=True, skipped=since)
            # By both: a forge that does not heed `before` must not keep us here for ever.
            before = moments.middle(since, min(e.newest, before or e.newest))


def _until(http: ForgeHttp, where: Where, repository: Repository, *, since: str, before: str | None) -> Listing:
    """Return the comments of what was changed between two moments.

    A comment that is deleted while we read moves all after it to the front, and one of them from a page that is not yet
    read to one that is. So a list of several pages is read again until nothing new is in it. Where there is always
    something new, what was found is taken, and the next listing begins where this one did.
    """
    found: dict[int, Comment] = {}
    for _ in range(PASSES):
        listed = _listed(http, where, repository, since=since, before=before)
        new = listed.comments.keys() - found.keys()
        found |= listed.comments
        if listed.pages <= 1 or not new:
            return Listing(_in_order(found), listed.newest, is_cut=listed.is_cut)
    log.info("%s: its comments change faster than they are listed", repository.full_name)
    return Listing(_in_order(found), None)


def _in_order(found: Mapping[int, Comment]) -> tuple[Comment, ...]:
    return tuple(sorted(found.values(), key=lambda comment: (comment.created, comment.id)))


def _listed(http: ForgeHttp, where: Where, repository: Repository, *, since: str, before: str | None) -> _Listed:
    """Read all pages once, or as many as are taken at once.

    Raises:
        _NothingNew: a list of which nothing was made after `since`, however much of it is read.
    """
    listed = _Listed()
    query = {"since": since} if before is None else {"since": since, "before": before}
    try:
        for page in pages(http, "repos", *where, "issues", "comments", query=query):
            listed.pages += 1
            for row in page:
                listed.add(row, repository)
            if listed.is_enough and listed.made > since:
                listed.cut()
                return listed
    except TooMany as e:
        if listed.made <= since:
            raise _NothingNew(e.message, newest=listed.newest or since) from e
        listed.cut()
        return listed
    if before is not None:
        # All until then was read, and that moment was over: newer changes were seen.
        listed.newest, listed.is_cut = moments.moved(before, SECOND), True
    return listed


def _comment(row: Shape, repository: Repository) -> Comment | None:
    """Return a comment under a pull request that is its author's own and as it was made; None for any other."""
    number, author, body = row["id"].number(), row["user"], row["body"].text()
    created, changed = row["created_at"].moment(), row["updated_at"].moment()
    pull = row["pull_request_url"].text()
    migrated = row.maybe("original_author")
    if not pull or created != changed or author["id"].number(least=-(2**31)) < 1 or (migrated and migrated.text()):
        return None
    login = author["login"].text()
    if not (matched := PULL_URL.fullmatch(pull)):
        raise row.wrong("its pull request has no number")
    if not LOGIN.fullmatch(login):
        # Of another forge (`@alice@there.example`), and so without a permission here; all others are still listed.
        return None
    return Comment(
        repository=repository.id,
        repository_name=repository.full_name,
        id=number,
        pull=int(matched[1]),
        author=User(author["id"].number(), login),
        body="" if is_too_long(body) else body,
        created=created,
        via=Via.POLL,
    )


def own_comments(http: ForgeHttp, where: Where, pull: int, *, marker: str, myself: User) -> tuple[OwnComment, ...]:
    """Return our comments under a pull request that begin with a marker, oldest first."""
    try:
        of_pull = http.get("repos", *where, "issues", pull, "comments").shape.rows()
    except TooLong:
        everywhere = pages(http, "repos", *where, "issues", "comments", most=ALL_PAGES_MOST)
        rows = (row for page in everywhere for row in page if _pull_of(row) == pull)
        found = (_own(row, marker=marker, myself=myself) for row in rows)
    else:
        found = (_own(row, marker=marker, myself=myself) for row in of_pull)
    return tuple(sorted({own.id: own for own in found if own}.values(), key=lambda own: own.id))


def _pull_of(row: Shape) -> int | None:
    matched = PULL_URL.fullmatch(row["pull_request_url"].text())
    return int(matched[1]) if matched else None


def _own(row: Shape, *, marker: str, myself: User) -> OwnComment | None:
    """Return a comment if it is ours: by the number of its author, since anybody can write a marker."""
    number, body = row["id"].number(), row["body"].text()
    is_ours = row["user"]["id"].number(least=-(2**31)) == myself.id and body.startswith(marker)
    return OwnComment(number, body) if is_ours else None


def last_push(http: ForgeHttp, where: Where, pull: Pull, *, before: int | None) -> str | None:
    """Return when the pull request's head was pushed, if its timeline has that as the last push; else None.

    Pushes and comments are numbered together, in the order in which they came to be there (Gitea 1.26): a push with a
    higher number than the comment `before` is behind it.
    Rows that we may not see are left out of a page, so an empty page need not be the last one: that the last push that
    is seen names the head is what tells that nothing was missed.
    """
    try:
        last = max(_pushes(http, where, pull), key=lambda push: push[:2], default=None)
    except (TooLong, TooMany):
        return None
    if last is None or _pushed(last[2]) != pull.head or (before is not None and last[1] > before):
        return None
    return last[0]


def was_head(http: ForgeHttp, where: Where, pull: Pull, commit: str, *, before: int) -> bool:
    """Say whether a commit that is not the head any more was it when the comment `before` was made.

    It was not if a push behind the comment brought it, or one of which that cannot be said. A row can come late, and
    a forced push takes older ones away: so it must be named before the comment, or the timeline have come to the head.
    Of a push that a forced one has undone since Gitea 1.26 keeps no row: that alone is not seen.
    """
    try:
        pushes = [(number, _pushed(row)) for _, number, row in _pushes(http, where, pull)]
    except (TooLong, TooMany):
        return False
    since = {pushed for number, pushed in pushes if number > before}
    until = {pushed for number, pushed in pushes if number < before}
    return since.isdisjoint((commit, None)) and (commit in until or pull.head in since)


def _pushes(http: ForgeHttp, where: Where, pull: Pull) -> Iterator[tuple[str, int, Shape]]:
    """Yield when each push of a timeline was, its number, and its row."""
    for page in pages(http, "repos", *where, "issues", pull.number, "timeline", totals=False):
        for row in page:
            if row.value is not None and row["type"].text() == "pull_push":
                yield row["created_at"].moment(), row["id"].number(), row


def _pushed(row: Shape) -> str | None:
    """Return the commit that a push made the head, None if the timeline does not name any."""
    body = row["body"].text()
    named = parse(body.encode(), where=row.where).maybe("commit_ids")
    commits = named.rows() if named else ()
    return commits[-1].text(FULL_SHA) if commits else None


def shows_status(http: ForgeHttp, where: Where, status: Status) -> bool:
    """Say whether of the commit's statuses of this context the newest is this one.

    The newest has the largest number: times are whole seconds, and the list is in their order.
    """
    found = (
        (row["id"].number(), row["status"].text(), row["target_url"].text())
        for page in pages(http, "repos", *where, "statuses", status.sha)
        for row in page
        if row["context"].text() == status.context
    )
    return max(found, default=(0, "", ""))[1:] == (status.state, status.target_url)
