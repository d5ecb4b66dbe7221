"""The only place that says whether what followed from a soak is what had to follow. Pure; each difference a sentence.

What is believed: the forge's own journal, what the runs wrote down themselves, and of the database which request is of
which comment.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.soak.people import BOT, Answer, Said, Wish

MARKER = "<!-- recipeci -->"
ENDS = {"0": "fail", "1": "unverified", "2": "error"}
"""The verdict of a run by the last digit of its commit, as fakerun.py gives it; all others pass."""
STATES = {"pass": "success", "fail": "failure", "unverified": "failure"}
RUN_ENDS = ("pass", "fail", "unverified")
ATTEMPTS_MOST = 2
GIVEN_UP = "given up after"
Row = Mapping[str, Any]
Noted = Mapping[str, Sequence[Row]]


@dataclass(frozen=True)
class Evidence:
    """All that there is to judge by.

    Attributes:
        said: every comment that people made.
        url: the bridge's address.
        journal: every comment and status that was made or changed at the forge, in order.
        comments: the comments that are there at the end, by repository.
        refused: answers to signed deliveries that were no yes.
        accepted: answers to forged ones that were one.
        requests: rows of that table, each with the number of its comment.
        jobs: rows of that table: key, state.
        outbox: rows of that table: key, request, state.
        runs: what the runs noted: began or ended, of which commit, and of which job by the name of their folder.
        waiting: how many comments are not decided, and effects not sent.
    """

    said: Sequence[Said]
    url: str
    journal: Sequence[Row]
    comments: Mapping[str, Sequence[Row]]
    refused: Sequence[str]
    accepted: Sequence[str]
    requests: Sequence[Row]
    jobs: Sequence[Row]
    outbox: Sequence[Row]
    runs: Sequence[Row]
    waiting: Sequence[str]


def differences(evidence: Evidence) -> list[str]:
    """Return what is not as it must be."""
    return [
        *(f"not done: {one}" for one in evidence.waiting),
        *_of_deliveries(evidence),
        *_of_comments(evidence),
        *_of_runs(evidence),
        *_of_statuses(evidence),
        *_of_cards(evidence),
    ]


def _of_deliveries(evidence: Evidence) -> Iterator[str]:
    for answer in evidence.refused:
        if not answer.startswith("503"):  # it says that it cannot store it: the poller finds it
            yield f"a signed delivery was refused: {answer}"
    for answer in evidence.accepted:
        yield f"a forged delivery was taken: {answer}"


def _of_comments(evidence: Evidence) -> Iterator[str]:
    """What was wished for has one request for its commit; nothing else has any."""
    by_comment = collections.defaultdict(list)
    for request in evidence.requests:
        by_comment[request["repository"], request["comment"]].append(request)
    known = {(said.repository, said.id) for said in evidence.said}
    for key in by_comment.keys() - known:
        yield f"comment {key}: a request of what nobody said"
    for said in evidence.said:
        found = by_comment.get((said.repository, said.id), [])
        yield from (f"comment {said.id} ({said.what}): {why}" for why in _of_comment(said, found, evidence))


def _of_comment(said: Said, found: Sequence[Row], evidence: Evidence) -> Iterator[str]:
    if len(found) > 1:
        yield f"{len(found)} requests"
    if not found and said.wish is Wish.RUN:
        yield "no request"
    if found and said.wish is Wish.NOTHING:
        yield f"request {found[0]['id']}, and nothing may follow from it"
    for request in found:
        if request["sha"] != said.head:
            yield f"request {request['id']} is for {request['sha']}, and the head was {said.head}"
        if (request["repository"], request["pull"]) != (said.repository, said.pull):
            yield f"request {request['id']} is of another pull request"
        if request["outcome"] == "superseded":
            yield from _of_superseded(said, request, evidence)


def _of_superseded(said: Said, request: Row, evidence: Evidence) -> Iterator[str]:
    by = [other for other in evidence.requests if request["reason"] == f"superseded by run {other['id']}"]
    if [(one["repository"], one["pull"], one["comment"] > said.id) for one in by] != [
        (said.repository, said.pull, True)
    ]:
        yield f"{request['reason']}, which is no newer request of this pull request"


def _of_runs(evidence: Evidence) -> Iterator[str]:
    """Each request that may run has one result; what a killed worker ran is given out once more."""
    began, ended = _noted(evidence.runs, "began"), _noted(evidence.runs, "ended")
    jobs = collections.defaultdict(list)
    for job in evidence.jobs:
        jobs[int(job["key"].partition(".")[0])].append(job)
    for key in began.keys() - {job["key"] for job in evidence.jobs}:
        yield f"a run of {key}, which nobody asked for"
    for request in evidence.requests:
        mine = jobs[request["id"]]
        found = (*_of_attempts(request, mine, began, ended), *_of_end(request, mine))
        yield from (f"request {request['id']}: {why}" for why in found)


def _of_attempts(request: Row, jobs: Sequence[Row], began: Noted, ended: Noted) -> Iterator[str]:
    """Each attempt was run once at most, and of its commit; there is another one only for one that was lost."""
    if len(jobs) > ATTEMPTS_MOST:
        yield f"{len(jobs)} attempts"
    if len(alive := [job["key"] for job in jobs if job["state"] != "lost"]) > 1:
        yield f"attempts beside each other: {alive}"
    for job in jobs:
        runs = began.get(job["key"], ())
        if len(runs) > 1:
            yield f"job {job['key']} was run {len(runs)} times"
        if runs and job["state"] in ("queued", "withdrawn"):
            yield f"job {job['key']} is {job['state']} and was run"
        if job["state"] == "ended" and job["key"] not in ended and not request["cancel"]:
            yield f"job {job['key']} has a result, and its run did not end"
        yield from (f"a run of {run['sha']}, not of {request['sha']}" for run in runs if run["sha"] != request["sha"])


def _of_end(request: Row, jobs: Sequence[Row]) -> Iterator[str]:
    """Its end is what its one result says; without one it is superseded, cancelled, or was lost too often."""
    results, outcome = sum(job["state"] == "ended" for job in jobs), request["outcome"]
    if results > 1:
        yield f"{results} results"
    if outcome == "superseded" and results:
        yield "superseded, and it has a result"
    if outcome in ("superseded", "cancelled"):
        return
    if not results and not request["reason"].startswith(GIVEN_UP):
        yield f"{outcome} without a result: {request['reason']}"
    if results and outcome != ENDS.get(request["sha"][-1], "pass"):
        yield f"{outcome}: {request['reason']}, and its run said otherwise"


def _of_statuses(evidence: Evidence) -> Iterator[str]:
    """Each request has one final status of its end on its commit, and that is the last word of it."""
    statuses = [row for row in evidence.journal if row["what"] == "status"]
    by_address: dict[str, list[Row]] = collections.defaultdict(list)
    for row in statuses:
        by_address[row["target_url"]].append(row)
    addresses = {f"{evidence.url}/runs/{request['id']}": request for request in evidence.requests}
    late = {(row["repository"], row["sha"]) for row in statuses if row.get("late")}
    meant = collections.Counter(row["request"] for row in evidence.outbox if ":pending" in row["key"])
    for address in by_address.keys() - addresses.keys():
        yield f"a status with the address {address}, which is no request's"
    for address, request in addresses.items():
        is_late = (request["repository"], request["sha"]) in late
        found = _of_request(request, by_address[address], meant[request["id"]], is_late=is_late)
        yield from (f"request {request['id']} ({request['outcome']}): {why}" for why in found)
    yield from _of_last_words(statuses, addresses)


def _of_request(request: Row, statuses: Sequence[Row], meant: int, *, is_late: bool) -> Iterator[str]:
    """Where the forge did something when nobody waited for it any more, a status may be there more than once."""
    final = [row["state"] for row in statuses if row["state"] != "pending"]
    expected = STATES.get(request["outcome"], "error")
    if (sorted(set(final)) if is_late else final) != [expected]:
        yield f"final statuses {final}, expected {[expected]}"
    if (pending := len(statuses) - len(final)) > meant and not is_late:
        yield f"pending {pending} times, expected {meant}"
    for row in statuses:
        if (row["sha"], row["repository"], row["by"]) != (request["sha"], request["repository"], BOT):
            yield f"a status on {row['sha']}"
    if statuses and statuses[-1]["state"] == "pending" and not is_late:
        yield "pending after its end"


def _of_last_words(statuses: Iterable[Row], addresses: Mapping[str, Row]) -> Iterator[str]:
    """A commit's verdict is not hidden by the end of an older request that never ran; none says that it goes on."""
    last = {(row["repository"], row["sha"], row["context"]): row for row in statuses}
    newest: dict[tuple[int, str], int] = {}
    for request in addresses.values():
        if request["outcome"] in RUN_ENDS:
            place = (request["repository"], request["sha"])
            newest[place] = max(newest.get(place, 0), request["comment"])
    for (repository, sha, _), row in last.items():
        found = addresses.get(row["target_url"])
        if row["state"] == "pending":
            yield f"commit {sha} says pending, and nothing goes on"
        if found and found["outcome"] == "superseded" and newest.get((repository, sha), 0) > found["comment"]:
            yield f"commit {sha} has a verdict, and shows that request {found['id']} was superseded"


def _of_cards(evidence: Evidence) -> Iterator[str]:
    """Each pull request has one comment of ours if there is something to say, and it tells of the newest request."""
    ours = collections.defaultdict(list)
    for row in evidence.journal:
        if row["what"] == "comment made" and row["by"] == BOT and row["body"].startswith(MARKER):
            ours[row["repository"], row["pull"]].append(row)
    spoken = {said.id for said in evidence.said}
    bodies = {
        (int(repository), row["id"]): row["body"] for repository, rows in evidence.comments.items() for row in rows
    }
    places = {(said.repository, said.pull) for said in evidence.said} | ours.keys()
    for place in sorted(places):
        made = [row for row in ours[place] if row["id"] not in spoken]
        yield from (f"pull request {place}: {why}" for why in _of_card(place, made, bodies, evidence))


def _of_card(
    place: tuple[int, int], made: Sequence[Row], bodies: Mapping[tuple[int, int], str], evidence: Evidence
) -> Iterator[str]:
    here = [said for said in evidence.said if (said.repository, said.pull) == place]
    of_pull = [request for request in evidence.requests if (request["repository"], request["pull"]) == place]
    must = bool(of_pull) or any(said.answer is Answer.YES for said in here)
    may = must or any(said.answer is Answer.PERHAPS for said in here)
    there = [row["id"] for row in made if (place[0], row["id"]) in bodies]
    count = max(len(there), sum(not row.get("late") for row in made))
    if count > 1 or (must and not there) or (made and not may):
        yield f"{count} comments of ours"
    if there and of_pull:
        newest = max(of_pull, key=lambda request: request["comment"])
        body = bodies[place[0], there[0]]
        first = body.removeprefix(MARKER).strip().partition("\n")[0]
        number, outcome = newest["id"], newest["outcome"]
        if not (first.startswith(f"**{outcome}**") and f"]({evidence.url}/runs/{number})" in first):
            yield f"our comment does not begin with {outcome} of run {number}, the newest: {first[:200]!r}"


def _noted(runs: Iterable[Row], what: str) -> Noted:
    """Return what runs noted, by the key of their job."""
    found: dict[str, list[Row]] = collections.defaultdict(list)
    for run in runs:
        if run["what"] == what:
            found[run["key"]].append(run)
    return dict(found)
