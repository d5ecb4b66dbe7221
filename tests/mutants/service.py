"""The mutants of the service: mistakes that a soak, push races or a worker that slept must catch."""

from __future__ import annotations

from lab.repository import Edit

from mutants.mutant import Mutant

NO_UNIQUE_KEY = Mutant(
    name="no unique key",
    about="the inbox takes a comment as often as it comes",
    file="service/store/inbox.py",
    old=" ON CONFLICT (repository, id) DO NOTHING",
    new="",
    also=(
        Edit("service/store/schema.sql", "  given_up REAL,\n  UNIQUE (repository, id)\n", "  given_up REAL\n"),
        Edit(
            "service/store/schema.sql",
            "IS NOT NULL)),\n  UNIQUE (repository, comment)\n",
            "IS NOT NULL))\n",
        ),
    ),
)
OUTBOX_LATER = Mutant(
    name="the outbox comes later",
    about="a request's end is stored, and what the forge is to show of it in a transaction of its own after that",
    file="service/following.py",
    old="""            ending.end(tx, request.id, judgement, url=self.url, now=self.clock.epoch())
""",
    new="""            now = self.clock.epoch()
            end, why = judgement.end, judgement.reason
            if not requests.ended(tx, request.id, end, reason=why, report=judgement.report, now=now):
                return True
        # Here the effect would be. Nothing comes after the first end but a kill: that one hits is no matter of chance.
        first = self.database.path.with_suffix(".ended")
        if not first.exists():
            first.touch()
            self.clock.sleep(3600)
        with self.database.writing() as tx:
            ended, home = requests.find(tx, request.id), repositories.find(tx, request.repository)
            wanted = statuses.final(ended, url=self.url)
            outbox.status(tx, wanted, repository=home.id, request=ended.id, final=True, now=now)
            outbox.card(tx, repository=home.id, pull=ended.asked.pull, now=now)
""",
    also=(
        Edit(
            "service/following.py",
            "from recipeci.service import ending, judging\n",
            "from recipeci.service import ending, judging, statuses\nfrom recipeci.service.store import repositories\n",
        ),
    ),
)
NO_CARD_AT_THE_END = Mutant(
    name="no card at the end",
    about="the one comment is not brought up to date when a request ends",
    file="service/ending.py",
    old="        outbox.card(tx, repository=home.id, pull=request.asked.pull, now=now)\n",
    new="",
)
NOT_BEGUN = Mutant(
    name="attempts are not noted before",
    about="that an effect is tried is not stored before it is tried: nobody asks what became of it",
    file="service/sending.py",
    old="            if home is None or not outbox.begun(tx, effect, now=self.clock.epoch()):\n",
    new="            if home is None:\n",
)
NOT_LOOKED_AGAIN = Mutant(
    name="no look comes after an attempt in doubt",
    about="what comes through later than we waited for it stays",
    file="service/store/outbox.py",
    old="        now + LOOK_SECONDS[0],\n        effect.id,\n",
    new="        None,\n        effect.id,\n",
)
COMMENT_NOT_LOOKED_FOR = Mutant(
    name="our comment is not looked for",
    about="where none is known a comment is made, though one may be there",
    file="service/sending.py",
    old="        found = self._ours(pull, home)\n",
    new="        found = ()\n",
)
PERMISSION_CACHED = Mutant(
    name="permission is cached",
    about="who may write is asked once, and then known for ever",
    file="service/deciding.py",
    old="permitted = self.forge.permission(repository, login)\n",
    new="""known = self.__dict__.setdefault("known", {})
            if (repository.id, login) not in known:
                known[repository.id, login] = self.forge.permission(repository, login)
            permitted = known[repository.id, login]
""",
)
SIGNED_AFTER_PARSING = Mutant(
    name="signature after parsing",
    about="what is signed is compared with what the parsed body would be written as",
    file="service/events.py",
    old="hmac.new(secret, body, hashlib.sha256)",
    new="hmac.new(secret, json.dumps(json.loads(body)).encode(), hashlib.sha256)",
)
NO_FENCE = Mutant(
    name="no fence",
    about="whoever took a job once brings its result, whoever has it now and whatever became of it",
    file="service/store/jobs.py",
    old="UPDATE job SET state = 'ended', result = ?, ended = ? WHERE key = ? AND fence = ? AND state = 'running'",
    new="UPDATE job SET state = 'ended', result = ?, ended = ? WHERE key = ? AND ? <> ''",
)
HEAD_OF_LATER = Mutant(
    name="head of later",
    about="what is run is the head when the comment is decided, whatever its event says",
    file="service/decide.py",
    old="sha = command.sha or comment.head or pull.head",
    new="sha = command.sha or pull.head",
)
TIMELINE_BELIEVED = Mutant(
    name="timeline is believed",
    about="that the timeline shows no push after the comment counts as there being none",
    file="service/gitealists.py",
    old="_pushed(last[2]) != pull.head or ",
    new="",
)
SECONDS_BELIEVED = Mutant(
    name="seconds are believed",
    about="a push in the second of the comment counts as before it, though the timeline has it behind the comment",
    file="service/gitealists.py",
    old=" or (before is not None and last[1] > before)",
    new="",
)
EVENT_BELIEVED = Mutant(
    name="the event is believed",
    about="what the event names runs if it is not the head any more, whether or not it was before the comment",
    file="service/decide.py",
    old='return "" if facts.was_head else unsure',
    new='return ""',
)
ALL = (
    NO_UNIQUE_KEY,
    OUTBOX_LATER,
    NO_CARD_AT_THE_END,
    NOT_BEGUN,
    NOT_LOOKED_AGAIN,
    COMMENT_NOT_LOOKED_FOR,
    PERMISSION_CACHED,
    SIGNED_AFTER_PARSING,
    NO_FENCE,
    HEAD_OF_LATER,
    TIMELINE_BELIEVED,
    SECONDS_BELIEVED,
    EVENT_BELIEVED,
)
