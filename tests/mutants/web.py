"""The mutants of the bridge's web server, each with the test that must turn red."""

from __future__ import annotations

from mutants.mutant import Mutant

ANSWERS, PAGES = "unit/test_service_answers.py", "unit/test_service_pages.py"
HOOKS, STANDING, WEB = "unit/test_service_hooks.py", "unit/test_service_standing.py", "contract/test_web.py"

CAUGHT: tuple[tuple[Mutant, str, str], ...] = (
    (
        Mutant(
            name="nothing is escaped",
            about="pages give hostile texts as they are",
            file="service/webapp.py",
            old="    app.jinja_env.undefined = jinja2.StrictUndefined\n",
            new="    app.jinja_env.undefined = jinja2.StrictUndefined\n    app.jinja_env.autoescape = False\n",
        ),
        ANSWERS,
        "test_a_hostile_text_is_text_wherever_it_stands",
    ),
    (
        Mutant(
            name="nothing is cleaned",
            about="pages give characters that clear a terminal, reorder, or are halves of pairs",
            file="service/webapp.py",
            old="    return text.clean(value) if isinstance(value, str) and",
            new="    return str(value) if isinstance(value, str) and",
        ),
        PAGES,
        "test_a_log_shows_control_characters_instead_of_obeying_them",
    ),
    (
        Mutant(
            name="no policy",
            about="answers have no Content-Security-Policy",
            file="service/webapp.py",
            old="    for name, value in HEADERS.items():\n",
            new="    for name, value in list(HEADERS.items())[1:]:\n",
        ),
        ANSWERS,
        "test_every_answer_has_the_headers_that_keep_browsers_at_home",
    ),
    (
        Mutant(
            name="a part is ignored",
            about="/healthz does not ask for the first of its parts",
            file="service/standing.py",
            old="all(need.is_well for need in self.needs)",
            new="all(need.is_well for need in self.needs[1:])",
        ),
        STANDING,
        "test_each_part_that_never_answered_makes_it_ill",
    ),
    (
        Mutant(
            name="the database is not written",
            about="/healthz believes a database that can be read",
            file="service/standing.py",
            old="                overview.touch(tx)\n",
            new="                tx.value('SELECT 1')\n",
        ),
        WEB,
        "test_a_full_disk_is_seen_and_costs_no_delivery",
    ),
    (
        Mutant(
            name="troubles are told",
            about="/healthz tells why although a private repository is named",
            file="service/standing.py",
            old="        return WITHHELD\n    return why\n",
            new="        return why\n    return why\n",
        ),
        STANDING,
        "test_a_trouble_that_names_a_private_repository_is_withheld",
    ),
    (
        Mutant(
            name="private logs are given",
            about="whoever knows a run's number gets log and report of a private repository",
            file="service/webapp.py",
            old="        if self._is_hidden(line):\n",
            new="        if self._is_hidden(line) and not line:\n",
        ),
        PAGES,
        "test_a_private_repositorys_log_and_report_are_not_given",
    ),
    (
        Mutant(
            name="private rows are shown",
            about="the queue shows what a private repository holds",
            file="service/shown.py",
            old="        return Row(line.id, state(line), is_hidden=True)\n",
            new="        pass\n",
        ),
        PAGES,
        "test_of_a_private_repository_a_stranger_sees_numbers_and_how_they_stand",
    ),
    (
        Mutant(
            name="signature after parsing",
            about="a body is parsed before its signature is compared",
            file="service/events.py",
            old="    _check_signatures(headers, body, secrets)\n    event",
            new="    _parsed(body)\n    _check_signatures(headers, body, secrets)\n    event",
        ),
        HOOKS,
        "test_a_body_with_a_wrong_signature_is_never_parsed",
    ),
    (
        Mutant(
            name="answered unstored",
            about="a comment that could not be stored is answered as taken",
            file="service/hooks.py",
            old='            return "unavailable", 503, ',
            new='            return "taken", 202, ',
        ),
        HOOKS,
        "test_a_comment_that_cannot_be_stored_is_503_and_can_be_delivered_again",
    ),
)
"""A mutant, and the test's file and name."""
SLOW: tuple[tuple[Mutant, str, str], ...] = (
    (
        Mutant(
            name="drippers stay",
            about="a client keeps its connection as long as a byte of its request comes now and then",
            file="service/web.py",
            old="        self._server.channel_class = Channel\n",
            new="",
        ),
        WEB,
        "test_a_client_that_drips_a_request_is_thrown_out",
    ),
    (
        Mutant(
            name="who reads nothing stays",
            about="a client keeps its connection by not reading the answer",
            file="service/web.py",
            old="            self._end_overdue()\n",
            new="",
        ),
        WEB,
        "test_a_client_that_drips_the_answer_is_thrown_out",
    ),
)
"""The same, where the test waits in vain for half a minute."""
