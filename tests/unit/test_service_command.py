"""service.command: a command is a line of a plain paragraph; whatever stands in something else is talk about one."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from recipeci.model import Tier
from recipeci.service.command import find
from recipeci.service.model import Cancel, Command, Help, Test, Unknown

SHA = "4f0c1a2b" * 5
ALL = Test()
NOTHING_ELSE = Unknown("Nothing else can stand behind `!testme`")
WHICH_COMMIT = Unknown("A commit is named by all of its 40 hex digits, in lower case")
WHICH_STAGES = Unknown("`--stages` takes a list with commas and no spaces of install, upgrade, backup, restore, custom")
NO_BACKUP = Unknown("A restore needs a backup: `--stages backup,restore`")
DIFFERENT = Unknown("There are two different commands in this comment, and one alone counts")

COMMANDS: Mapping[str, Command] = {
    "!testme": ALL,
    "!testme\n": ALL,
    "\n\n!testme\n\n": ALL,
    "!testme\r\n": ALL,
    "!testme\r": ALL,
    "   !testme   ": ALL,
    "!testme\t": ALL,
    "!testme  \nthanks": ALL,
    "!testme\\\nthanks": ALL,
    "please\n!testme": ALL,
    "please\n!testme\nthanks": ALL,
    "please\r\n!testme\r\nthanks": ALL,
    "please\r!testme\rthanks": ALL,
    "please\n          !testme": ALL,
    "please\n\t!testme": ALL,
    "please\n\n!testme\n\nthanks": ALL,
    "> what he said\n\n!testme": ALL,
    "> !testme help\n\n!testme": ALL,
    "- a list\n\n\n!testme": ALL,
    "```\n!testme help\n```\n!testme": ALL,
    "# heading\n!testme": ALL,
    "---\n!testme": ALL,
    "<!-- !testme help -->\n!testme": ALL,
    "<details>\n\n!testme help\n\n</details>\n\n!testme": ALL,
    "<br>\n\n!testme": ALL,
    "a <br> b\n!testme": ALL,
    "<img src=x>\n\n!testme": ALL,
    "I <3 it\n!testme": ALL,
    "<div><!-- <b> --></div>\n\n!testme": ALL,
    "<DIV>\n\n</div>\n\n!testme": ALL,
    "<div></div></div></p>\n\n!testme": ALL,
    f"{'<p>' * 99}{'</p>' * 99}\n\n!testme": ALL,
    "a *b* c\n!testme": ALL,
    "`code`\n!testme": ALL,
    "see [this](https://x.test)\n!testme": ALL,
    "!testme\n!testme": ALL,
    "!testme\n\nand once more\n\n!testme": ALL,
    "!testme\n\n> !testme cancel": ALL,
    "1 < 2\n\n!testme": ALL,
    "*a\n!testme": ALL,
    "[a\n!testme\n]": ALL,
    "`a\n!testme": ALL,
    f"!testme {SHA}": Test(SHA),
    f"!testme\t {SHA} ": Test(SHA),
    "!testme 0000000000000000000000000000000000000000": Test("0" * 40),
    "!testme --stages install": Test(None, (Tier.INSTALL,)),
    "!testme --stages install,upgrade": Test(None, (Tier.INSTALL, Tier.UPGRADE)),
    "!testme --stages upgrade,install": Test(None, (Tier.INSTALL, Tier.UPGRADE)),
    "!testme   --stages   backup,restore": Test(None, (Tier.BACKUP, Tier.RESTORE)),
    "!testme --stages install,upgrade,backup,restore,custom": ALL,
    f"!testme {SHA} --stages custom": Test(SHA, (Tier.CUSTOM,)),
    f"!testme --stages custom {SHA}": Test(SHA, (Tier.CUSTOM,)),
    "!testme cancel": Cancel(),
    "!testme\tcancel": Cancel(),
    "!testme help": Help(),
    "!testme help\n!testme help": Help(),
}
UNKNOWN: Mapping[str, Unknown] = {
    "!testme; rm -rf /": NOTHING_ELSE,
    "!testme ; rm -rf /": NOTHING_ELSE,
    "!testme && reboot": NOTHING_ELSE,
    "!testme $(reboot)": NOTHING_ELSE,
    "!testme `reboot`": NOTHING_ELSE,
    "!testme|sh": NOTHING_ELSE,
    "!testme | sh": NOTHING_ELSE,
    "!testme!": NOTHING_ELSE,
    "!testme.": NOTHING_ELSE,
    "!testme, please": NOTHING_ELSE,
    "!testme please": NOTHING_ELSE,
    "!testme is the word": NOTHING_ELSE,
    "!testme's answer": NOTHING_ELSE,
    "!testme `x\ny`": NOTHING_ELSE,
    "!testme **x\ny**": NOTHING_ELSE,
    "!testme [x\ny](z)": NOTHING_ELSE,
    "!testme <!-- x -->": NOTHING_ELSE,
    "!testme <sha>": NOTHING_ELSE,
    "!testme **help**": NOTHING_ELSE,
    "!testme [help](https://x.test)": NOTHING_ELSE,
    "!testme \\help": NOTHING_ELSE,
    "!testme h&#101;lp": NOTHING_ELSE,
    "!testme main": NOTHING_ELSE,
    "!testme refs/pull/7/head": NOTHING_ELSE,
    "!testme HEAD": NOTHING_ELSE,
    "!testme 1.0.0+1.22.1": NOTHING_ELSE,
    "!testme custom-html": NOTHING_ELSE,
    "!testme ../../etc": NOTHING_ELSE,
    "!testme Cancel": NOTHING_ELSE,
    "!testme cancel cancel": NOTHING_ELSE,
    "!testme cancel 12": NOTHING_ELSE,
    "!testme help me": NOTHING_ELSE,
    "!testme --help": NOTHING_ELSE,
    "!testme --ref": NOTHING_ELSE,
    "!testme -": NOTHING_ELSE,
    "!testme \u202e": NOTHING_ELSE,
    "!testme \u200b": NOTHING_ELSE,
    "!testme \u00a0": NOTHING_ELSE,
    "!testme cаncel": NOTHING_ELSE,  # a Cyrillic letter
    "!testme ｈｅｌｐ": NOTHING_ELSE,
    "!testme !testme": NOTHING_ELSE,
    f"!testme {SHA} {SHA}": NOTHING_ELSE,
    f"!testme cancel {SHA}": NOTHING_ELSE,
    f"!testme sha={SHA}": NOTHING_ELSE,
    f"!testme {SHA}g": NOTHING_ELSE,
    f"!testme {SHA[:39]}а": NOTHING_ELSE,  # a Cyrillic letter
    f"!testme {SHA[:39]}٣": NOTHING_ELSE,
    f"!testme {SHA[:7]}": WHICH_COMMIT,
    f"!testme {SHA[:39]}": WHICH_COMMIT,
    f"!testme {SHA}0": WHICH_COMMIT,
    f"!testme {SHA.upper()}": WHICH_COMMIT,
    f"!testme {SHA[:39]}F": WHICH_COMMIT,
    f"!testme {SHA[:8]} --stages install": WHICH_COMMIT,
    "!testme deadbeef": WHICH_COMMIT,
    f"!testme {'0' * 64}": WHICH_COMMIT,
    "!testme --stages": WHICH_STAGES,
    "!testme --stages=install": WHICH_STAGES,
    "!testme --stages install, upgrade": WHICH_STAGES,
    "!testme --stages install upgrade": WHICH_STAGES,
    "!testme --stages ,": WHICH_STAGES,
    "!testme --stages install,": WHICH_STAGES,
    "!testme --stages install,install": WHICH_STAGES,
    "!testme --stages Install": WHICH_STAGES,
    "!testme --stages lint": WHICH_STAGES,
    "!testme --stages all": WHICH_STAGES,
    "!testme --stages ../install": WHICH_STAGES,
    "!testme --stages install --stages upgrade": WHICH_STAGES,
    f"!testme --stages {SHA}": WHICH_STAGES,
    f"!testme --stages {SHA} install": WHICH_STAGES,
    "!testme --stages restore": NO_BACKUP,
    "!testme --stages install,restore,custom": NO_BACKUP,
    f"!testme {SHA} --stages restore": NO_BACKUP,
    "!testme\n!testme cancel": DIFFERENT,
    f"!testme\n\n!testme {SHA}": DIFFERENT,
    "!testme help\n\ntext\n\n!testme please": DIFFERENT,
    "!testme --stages install\n!testme --stages upgrade": DIFFERENT,
}
NONE: tuple[str, ...] = (
    "",
    "\n",
    "testme",
    "!test",
    "! testme",
    "!\ntestme",
    "!testmexyz",
    "!testme2",
    "!testme-x",
    "!testme_x",
    "!testme-",
    "!TESTME",
    "!Testme",
    "!!testme",
    "x !testme",
    "please !testme",
    ". !testme",
    "/!testme",
    "！testme",
    "ǃtestme",
    "!tеstme",  # a Cyrillic letter
    "!ｔｅｓｔｍｅ",
    "!test\u200bme",
    "!test\u00adme",
    "!testme\u200b",
    "!testme\u00a0",
    "!testme\u00a0cancel",
    "!testme\u3000cancel",
    "!testme\u2028cancel",
    "x\u2028!testme",
    "x\x0b!testme",
    "x\x0c!testme",
    "x\x85!testme",
    "\u200b!testme",
    "\u00a0!testme",
    "\u3000!testme",
    "\ufeff!testme",
    "\x00!testme",
    "\u202e!testme",
    "\u202eemtset!",
    "!testme\u202e",
    "!testmé",
    "!testme\u0301",
    # Quotes and lists.
    "> !testme",
    ">!testme",
    "> > !testme",
    "> please\n!testme",
    "> please\r\n!testme",
    "> please\r!testme",
    "> a\n>\n> !testme",
    "- !testme",
    "* !testme",
    "1. !testme",
    "- a\n!testme",
    "- a\n\n  !testme",
    "- [ ] !testme",
    "- > !testme",
    "> - !testme",
    # Code.
    "`!testme`",
    "``!testme``",
    "`\n!testme\n`",
    "a `b\n!testme\nc` d",
    "``\n!testme ` x\n``",
    "```\n!testme\n```",
    "```text\n!testme",
    "~~~\n!testme\n~~~",
    "````\n```\n!testme\n```\n````",
    "   ```\n!testme\n   ```",
    "    !testme",
    "\t!testme",
    "a\n\n    !testme",
    # HTML.
    "<!-- !testme -->",
    "<!--\n!testme\n-->",
    "<!--\n\n!testme\n\n-->",
    "a <!--\n!testme\n--> b",
    "<div>!testme</div>",
    "<div>\n!testme\n</div>",
    "<div>\n\n!testme\n\n</div>",
    "<details>\n<summary>x</summary>\n\n!testme\n\n</details>",
    "<details>\n\n!testme",
    "<blockquote><p>\n\n!testme\n\n</p></blockquote>",
    "<pre>\n!testme\n</pre>",
    "<pre>\n\n!testme\n\n</pre>",
    "<code>\n!testme\n</code>",
    "a <b>\n!testme\n</b>",
    "a <a href='x'>\n!testme\n</a>",
    "<b>a\n\n!testme",
    "<div><div>\n\n</div>\n\n!testme",
    f"{'<p>' * 100}{'</p>' * 100}\n\n!testme",
    "<a><b></a></b>\n\n<i>\n\n!testme",
    "a <?x\n!testme\n?>",
    "a <![CDATA[\n!testme\n]]>",
    "<b title='\n!testme\n'>x</b>",
    "!<!-- -->testme",
    # Links, images, emphasis.
    "[!testme](https://x.test)",
    "[a\n!testme\nb](https://x.test)",
    "[a](https://x.test '\n!testme\n')",
    "![a\n!testme\nb](https://x.test)",
    "![testme](https://x.test)",
    "<https://x.test/!testme>",
    "[!testme]: https://x.test",
    "[a]:\n!testme",
    "[a]: x\n'\n!testme\n'",
    "**!testme**",
    "*a\n!testme\nb*",
    "__a\n!testme\nb__",
    # Headings and tables.
    "# !testme",
    "###### !testme",
    "!testme\n===",
    "!testme\n---",
    "a\n!testme\n===",
    "| !testme |\n| --- |",
    "| a |\n| --- |\n| !testme |",
    "a | b\n--- | ---\n!testme",
    "!testme | b\n--- | ---",
    # Escapes and entities.
    "\\!testme",
    "!\\testme",
    "&#33;testme",
    "&excl;testme",
    "!test&#109;e",
    # Mail.
    "On Monday Alice wrote:\n> !testme\n",
)


@pytest.mark.parametrize("body", COMMANDS, ids=ascii)
def test_a_command_is_found(body: str) -> None:
    assert find(body) == COMMANDS[body]


@pytest.mark.parametrize("body", UNKNOWN, ids=ascii)
def test_what_else_stands_behind_the_word_is_answered(body: str) -> None:
    assert find(body) == UNKNOWN[body]


@pytest.mark.parametrize("body", NONE, ids=ascii)
def test_talk_about_a_command_is_none(body: str) -> None:
    assert find(body) is None


@pytest.mark.parametrize("body", NONE, ids=ascii)
def test_talk_about_a_command_is_none_where_more_of_it_looks_like_one(body: str) -> None:
    """The quick look before the parse finds a line; what is behind it is then for the parser alone to say."""
    assert find(f"```\n!testme cancel\n```\n\n{body}") is None


@pytest.mark.parametrize("body", NONE[1:], ids=ascii)
def test_talk_about_a_command_hides_none_before_it(body: str) -> None:
    """A paragraph before it is not in it; where both are one paragraph, its first line still begins outside."""
    assert find(f"!testme help\n\n{body}") == Help()


def test_there_are_enough_cases() -> None:
    assert len(COMMANDS) + len(UNKNOWN) + len(NONE) >= 110


def test_an_answer_repeats_nothing_of_the_comment() -> None:
    for said in UNKNOWN.values():
        assert "\n" not in said.wrong
        assert not said.wrong.endswith(".")
    assert len(set(UNKNOWN.values())) == 5
