"""The mutants of the adapter for Gitea and of the enrolment, each with the test that must turn red."""

from __future__ import annotations

from dataclasses import dataclass

from mutants.mutant import Mutant


@dataclass(frozen=True)
class Caught:
    """A mutant, and the test that catches it."""

    mutant: Mutant
    file: str
    name: str


def _of(about: str, test: tuple[str, str], *, file: str, old: str, new: str) -> Caught:
    return Caught(Mutant(name=about, about=about, file=file, old=old, new=new), *test)


HTTP, SHAPE, TRANSPORT = "service/forgehttp.py", "service/shape.py", "host/transport.py"
GITEA, LISTS, ACCESS = "service/gitea.py", "service/gitealists.py", "service/giteaaccess.py"
HOOKS, ENROL = "service/giteahooks.py", "service/enrol.py"

NO_ANSWER = ("test_gitea_faults.py", "test_what_is_no_answer_is_never_taken_for_one")
REDIRECT = ("test_gitea_faults.py", "test_no_redirect_is_followed_and_no_token_goes_elsewhere")
TWICE = ("test_gitea_faults.py", "test_what_changes_something_is_never_sent_twice")
LONG = ("test_gitea_faults.py", "test_an_answer_that_is_longer_than_anybody_reads_is_none")
LEFT_ALONE = ("test_gitea_faults.py", "test_how_long_the_forge_wants_to_be_left_alone")
LATE = ("test_gitea_faults.py", "test_what_takes_too_long_is_no_answer_whatever_keeps_coming")
STATUS = ("test_gitea_shapes.py", "test_the_good_answer_with_another_status_is_none")
PART = ("test_gitea_shapes.py", "test_an_answer_with_one_part_wrong_is_never_the_good_one")
ELSE = ("test_gitea_shapes.py", "test_an_answer_about_something_else_is_none")
MEMBER = ("test_gitea_shapes.py", "test_who_is_in_a_team_is_known_by_the_number")
NOBODYS = ("test_gitea_lists.py", "test_what_is_nobodys_wish_is_left_out_and_counts_for_the_newest")
DELETED = ("test_gitea_lists.py", "test_a_comment_deleted_meanwhile_takes_no_other_with_it")
PAGES = ("test_gitea_lists.py", "test_all_pages_are_had_whatever_the_forge_gives_at_once")
UNREADABLE = ("test_gitea_lists.py", "test_a_comment_that_nobody_can_read_hides_no_other")
MANY = ("test_gitea_lists.py", "test_of_very_many_comments_the_first_are_taken_and_the_rest_next_time")
LONG_PAGE = ("test_gitea_lists.py", "test_behind_a_page_that_is_too_long_whole_pages_are_read_again")
PUSHED = ("test_gitea_lists.py", "test_a_push_that_does_not_name_the_head_is_of_nobody_knows_when")
WAS = ("test_gitea_lists.py", "test_what_was_the_head_before_a_comment")
OWN = ("test_gitea.py", "test_without_a_comment_of_ours_none_is_found")
ROLE = ("test_gitea_trust.py", "test_what_a_role_may")
RENAMED = ("test_gitea_trust.py", "test_who_was_renamed_has_the_new_name_and_the_old_one_is_gone")
SUSPENDED = ("test_gitea_trust.py", "test_an_administrator_of_the_forge_is_told_who_is_suspended")
TOKEN = ("test_gitea_enrol.py", "test_a_token_of_too_few_scopes_is_refused_by_name")
AGAIN = ("test_gitea_enrol.py", "test_done_twice_it_is_there_once_and_counts_from_the_first_time")

HIDES = "        except Gone:\n            return\n"
EXCEPT_GONE = "    except Gone:\n        return False\n"
FORBIDDEN = "        if e.status in FORBIDDEN:\n            return False\n        if e.status != UNREADABLE"
REFUSE = "    _refuse_what_is_lacking(forge, found.full_name, owner=owner, with_webhook=with_webhook)\n"
SAME_NUMBER = 'row["user"]["id"].number(least=-(2**31)) == myself.id and '
NEWEST = "self.newest, self.is_cut = self.made, True"

CAUGHT = (
    _of("redirects are followed", REDIRECT, file=TRANSPORT, old="follow_redirects=False", new="follow_redirects=True"),
    _of("any 404 is the forge's own", NO_ANSWER, file=HTTP, old="if words else Forge", new="if 1 else Forge"),
    _of("what changes something is sent again", TWICE, file=HTTP, old='again=method == "GET"', new="again=True"),
    _of("any answer of 2xx is one", STATUS, file=HTTP, old="raw.status != expected", new="raw.status > 299"),
    _of("a longer answer is taken for one", LONG, file=HTTP, old="limit=ANSWER_BYTES + 1", new="limit=ANSWER_BYTES"),
    _of(
        "Retry-After is not read",
        LEFT_ALONE,
        file=HTTP,
        old="pause = self._retry_after(raw.headers)",
        new="pause = 0.0",
    ),
    _of(
        "only each read has a limit",
        LATE,
        file=TRANSPORT,
        old="self._requests.deadline - self._clock.monotonic()",
        new="0.4",
    ),
    _of("true is a number", PART, file=SHAPE, old="isinstance(self.value, bool) or not isinst", new="not isinst"),
    _of("another repository's answer counts", ELSE, file=GITEA, old="found.id != number", new="found.id < 0"),
    _of("edited comments count", NOBODYS, file=LISTS, old="or created != changed or", new="or"),
    _of("a list is read once", DELETED, file=LISTS, old="if listed.pages <= 1 or not new:", new="if True:"),
    _of("only the first page is read", PAGES, file=LISTS, old="yield entries\n", new="yield entries\n        return\n"),
    _of(
        "what is too long ends the list",
        UNREADABLE,
        file=LISTS,
        old="            if not totals:\n",
        new="            if 1:\n",
    ),
    _of(
        "behind a long page all is read singly", LONG_PAGE, file=LISTS, old="elif self.seen % PAGE == 0:", new="elif 0:"
    ),
    _of("the cursor leads beyond what was read", MANY, file=LISTS, old=NEWEST, new="self.is_cut = True"),
    _of("which head was pushed is not looked at", PUSHED, file=LISTS, old="_pushed(last[2]) != pull.head or", new=""),
    _of("what was pushed later was the head", WAS, file=LISTS, old="since.isdisjoint((commit, None)) and ", new=""),
    _of("what is not named was the head", WAS, file=LISTS, old=" and (commit in until or pull.head in since)", new=""),
    _of("anybody's comment with our marker is ours", OWN, file=LISTS, old=SAME_NUMBER, new=""),
    _of("every team writes", ROLE, file=ACCESS, old="_known(code.text()).may_write and not", new="not"),
    _of("a team has names", MEMBER, file=ACCESS, old='member["id"].number() == user.id', new="True"),
    _of(
        "whoever we may not know is in a team",
        ROLE,
        file=ACCESS,
        old=EXCEPT_GONE,
        new=EXCEPT_GONE.replace("False", "True"),
    ),
    _of("teams are not asked about", ROLE, file=ACCESS, old="if may_write or not any(", new="if True or not any("),
    _of("who was renamed still has the name", RENAMED, file=GITEA, old="if e.status in REDIRECTS:", new="if False:"),
    _of("who hides is nobody", ROLE, file=GITEA, old=HIDES, new=HIDES.replace("return", "raise")),
    _of("the suspended are not told of", SUSPENDED, file=GITEA, old='"prohibit_login")) and', new='"x")) and'),
    _of("a forbidden probe is allowed", TOKEN, file=HOOKS, old=FORBIDDEN, new=FORBIDDEN.replace("False", "True")),
    _of("a token is not refused", TOKEN, file=ENROL, old=REFUSE, new=""),
    _of("old webhooks stay", AGAIN, file=ENROL, old="    for one in old:\n", new="    for one in ():\n"),
)
