"""The only place for the JSON that the double writes, as far as a bridge may read it."""

from __future__ import annotations

import json
from typing import Any

from lab.fakeforge.state import Comment, Hook, Issue, Push, Repository, State, Status, User, iso

Shape = dict[str, Any]


def user(one: User) -> Shape:
    """Return a user."""
    visibility = "private" if one.is_hidden else "public"
    return {"id": one.id, "login": one.login, "full_name": "", "username": one.login, "visibility": visibility}


def repository(one: Repository, *, base: str, viewer: User | None = None) -> Shape:
    """Return a repository; `permissions` are the viewer's."""
    found = "none" if viewer is None else one.permission(viewer)
    return {
        "id": one.id,
        "owner": user(one.owner),
        "name": one.name,
        "full_name": one.full_name,
        "private": one.private,
        "archived": False,
        "html_url": f"{base}/{one.full_name}",
        "clone_url": f"{base}/{one.full_name}.git",
        "permissions": {
            "admin": found in ("admin", "owner"),
            "push": found in ("write", "admin", "owner"),
            "pull": found != "none",
        },
    }


def comment(one: Comment, home: Repository, *, base: str) -> Shape:
    """Return a comment."""
    issue = home.issues[one.number]
    page = f"{base}/{home.full_name}/{'pulls' if issue.head else 'issues'}/{one.number}"
    return {
        "id": one.id,
        "html_url": f"{page}#issuecomment-{one.id}",
        "pull_request_url": page if issue.head else "",
        "issue_url": "" if issue.head else page,
        "user": user(one.author),
        "original_author": "",
        "original_author_id": 0,
        "body": one.body,
        "assets": [],
        "created_at": iso(one.created),
        "updated_at": iso(one.updated),
    }


def pull(one: Issue, home: Repository, state: State, *, base: str) -> Shape:
    """Return a pull request; whose repository was deleted has a head without one."""
    head = None if one.head_repository is None else state.repositories[one.head_repository]
    return {
        "id": home.id * 1000 + one.number,
        "number": one.number,
        "user": user(one.author),
        "title": f"Pull request {one.number}",
        "body": "",
        "state": "open" if one.is_open else "closed",
        "merged": False,
        "mergeable": True,
        "html_url": f"{base}/{home.full_name}/pulls/{one.number}",
        "head": {
            "label": f"change-{one.number}",
            "ref": f"change-{one.number}" if head else f"refs/pull/{one.number}/head",
            "sha": one.head,
            "repo_id": head.id if head else -1,
            "repo": repository(head, base=base) if head else None,
        },
        "base": {
            "label": "main",
            "ref": "main",
            "sha": "0" * 40,
            "repo_id": home.id,
            "repo": repository(home, base=base),
        },
        "created_at": iso(one.created),
        "updated_at": iso(one.created),
    }


def issue(one: Issue, home: Repository, *, base: str) -> Shape:
    """Return an issue, or a pull request as one."""
    return {
        "id": home.id * 1000 + one.number,
        "number": one.number,
        "user": user(one.author),
        "title": f"Issue {one.number}",
        "body": "",
        "state": "open" if one.is_open else "closed",
        "html_url": f"{base}/{home.full_name}/{'pulls' if one.head else 'issues'}/{one.number}",
        "pull_request": {"merged": False, "merged_at": None} if one.head else None,
    }


def said(one: Comment, home: Repository, *, base: str) -> Shape:
    """Return a comment as the timeline has it."""
    told = comment(one, home, base=base) | {"type": "comment"}
    return {
        name: value for name, value in told.items() if name not in ("original_author", "original_author_id", "assets")
    }


def pushed(one: Push, at: Issue, home: Repository, *, base: str) -> Shape:
    """Return a push as the timeline has it: which commits it was is JSON in its body."""
    return {
        "id": one.id,
        "type": "pull_push",
        "html_url": f"{base}/{home.full_name}/pulls/{at.number}",
        "pull_request_url": f"{base}/{home.full_name}/pulls/{at.number}",
        "issue_url": "",
        "user": user(at.author),
        "body": json.dumps({"is_force_push": False, "commit_ids": list(one.shas)}),
        "created_at": iso(one.at),
        "updated_at": iso(one.at),
    }


def status(one: Status) -> Shape:
    """Return a commit status: what is `state` when it is set is `status` here."""
    return {
        "id": one.id,
        "status": one.state,
        "target_url": one.target_url,
        "description": one.description,
        "url": "",
        "context": one.context,
        "creator": user(one.by),
        "created_at": iso(one.created),
        "updated_at": iso(one.created),
    }


def hook(one: Hook) -> Shape:
    """Return a webhook: its secret is never told."""
    return {
        "id": one.id,
        "type": "gitea",
        "config": {"url": one.url, "content_type": "json"},
        "events": list(one.events),
        "authorization_header": "",
        "active": one.active,
    }


def event(one: Comment, home: Repository, state: State, *, action: str, base: str, with_head: bool = True) -> Shape:
    """Return the body of a webhook about a comment, as things are now.

    `with_head`: an older forge sends no `pull_request`.
    """
    under = home.issues[one.number]
    told = {
        "action": action,
        "issue": issue(under, home, base=base),
        "comment": comment(one, home, base=base),
        "repository": repository(home, base=base),
        "sender": user(one.author),
        "is_pull": under.head is not None,
    }
    if with_head and under.head is not None:
        told["pull_request"] = pull(under, home, state, base=base)
    return told
