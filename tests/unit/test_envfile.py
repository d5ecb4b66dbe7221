"""recipe.envfile and recipe.interpolation: lines are kept, values are those that abra would use."""

from __future__ import annotations

import itertools

import pytest
from recipeci.errors import RecipeInvalid
from recipeci.recipe.envfile import EnvFile, SecretVersion, written
from recipeci.recipe.interpolation import expand, names, plain_names

SAMPLE = """\
TYPE=bonfire
# where it lives
DOMAIN=bonfire.example.com

## Domain aliases
#EXTRA_DOMAINS=', `www.bonfire.example.com`'
LETS_ENCRYPT_ENV=production
COMPOSE_FILE="compose.yml"
COMPOSE_FILE="$COMPOSE_FILE:compose.postgres.yml"
#COMPOSE_FILE="$COMPOSE_FILE:compose.smtp.yml"
SECRET_POSTGRES_PASSWORD_VERSION=v1
SECRET_SECRET_KEY_BASE_VERSION=v1 # length=128
"""


@pytest.mark.parametrize("text", [SAMPLE, "", "\n", "A=1\n\n\n", "  # only a comment\n", "A='x y' # c\n\tB=2\n"])
def test_a_file_is_given_back_to_the_byte(text: str) -> None:
    assert EnvFile.parse(text).text == text


def test_the_last_line_gets_its_end_so_that_nothing_is_glued_to_it() -> None:
    app = EnvFile.parse("A=1\n# a comment without an end")
    assert (
        app.append(["RESTIC_REPOSITORY=/backups"]).text
        == "A=1\n# a comment without an end\nRESTIC_REPOSITORY=/backups\n"
    )
    assert app.set("B", "2").text.splitlines()[-1] == "B=2"


def test_windows_line_ends_are_no_part_of_a_value() -> None:
    assert EnvFile.parse("A=1\r\nB=2\r\n").values() == {"A": "1", "B": "2"}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=1", "1"),
        ("A=", ""),
        ("A = 1", "1"),
        ("export A=1", "1"),
        ("A=a b", "a b"),
        ("A=a#b", "a#b"),
        ("A=a # b", "a"),
        ("A= # b", ""),
        ("A=#b", ""),
        ('A="a # b" # c', "a # b"),
        ("A='a # b'", "a # b"),
        ("A='$B'", "$B"),
        ('A="$B"', "two"),
        ("A=${B}x", "twox"),
        ("A=${NO:-d}", "d"),
        (r'A="\$B"', "$B"),
        (r'A="a\"b\\c\nd"', 'a"b\\c\nd'),
        ("A=', `www.x`'", ", `www.x`"),
        ("A=a=b=c", "a=b=c"),
        ("A=${B/x/y}", "${B/x/y}"),
        ("A=${", "${"),
        ("A=5$", "5$"),
        ("A=it's", "it's"),
    ],
)
def test_values(line: str, value: str) -> None:
    assert EnvFile.parse(f"B=two\n{line}\n").values()["A"] == value


def test_what_a_comment_shows_how_to_set_is_offered_and_not_set() -> None:
    sample = EnvFile.parse(SAMPLE + "# B=x\n## about C: D=1\n  #export E=\n# F = words\n")
    assert sample.offered == {"EXTRA_DOMAINS", "COMPOSE_FILE", "B", "E"}
    assert "EXTRA_DOMAINS" not in sample.keys


@pytest.mark.parametrize(
    "line", ["just words", "1A=2", "=2", "A-B=1", "A", 'A="open', "A='open", "A='a' b", "<<<<<<< HEAD"]
)
def test_a_line_that_is_none_is_named(line: str) -> None:
    with pytest.raises(RecipeInvalid, match=r"\.env\.sample:2: "):
        EnvFile.parse(f"B=1\n{line}\n", where=".env.sample")


def test_compose_file_builds_on_the_line_before() -> None:
    assert EnvFile.parse(SAMPLE).compose_files == ("compose.yml", "compose.postgres.yml")
    assert EnvFile.parse("").compose_files == ("compose.yml",)
    assert EnvFile.parse("COMPOSE_FILE=a.yml\nCOMPOSE_FILE=b/c.yml").compose_files == ("b/c.yml",)


def test_secrets_with_their_modifiers() -> None:
    text = (
        "SECRET_A_VERSION=v1 # length=43 charset=hex generate=false\n"
        "SECRET_B_B_VERSION=v2\n"
        "#SECRET_C_VERSION=v1 # length=5\n"
        "SECRET_D_VERSION=v1\n"
        "SECRET_D_VERSION=v3 # length=9\n"
        "SECRET_E_VERSION=v1 # generate=true, length=x\n"
        "SECRETARY=v1\n"
    )
    assert EnvFile.parse(text).secrets == (
        SecretVersion("a", "v1", length="43", charset="hex", generate=False),
        SecretVersion("b_b", "v2"),
        SecretVersion("d", "v3", length="9"),
        SecretVersion("e", "v1", length="x"),
    )


def test_setting_a_key_replaces_its_last_line_and_keeps_everything_else() -> None:
    app = EnvFile.parse("A=1\n# about B\nB=2 # length=5\nA=3\nC=4\n")
    assert app.set("A", "9").text == "A=1\n# about B\nB=2 # length=5\nA=9\nC=4\n"
    assert app.set("B", "8").text == "A=1\n# about B\nB=8 # length=5\nA=3\nC=4\n"
    assert app.set("D", "").text.endswith("C=4\nD=\n")
    assert app.text.startswith("A=1\n"), "the file itself is not changed"


def test_whatever_is_set_is_read_again() -> None:
    pieces = ["", "a", " ", "#", "'", '"', "$", "$B", "\\", "`", "=", "ä", ", `www.x`"]
    for parts in itertools.product(pieces, repeat=3):
        value = "".join(parts)
        app = EnvFile.parse("B=x\n").set("A", value)
        assert EnvFile.parse(app.text).values()["A"] == value, value
        assert app.text.count("\n") == 2


@pytest.mark.parametrize(
    ("key", "value"), [("A", "a\nb"), ("A", "a\rb"), ("A", "\0"), ("A B", "x"), ("", "x"), ("1A", "x")]
)
def test_what_cannot_be_a_line(key: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be a line"):
        written(key, value)


def test_whole_lines_that_the_app_lacks_in_the_samples_order() -> None:
    app = EnvFile.parse("TYPE=bonfire:1.0.0\nDOMAIN=abc.ci.test\nCOMPOSE_FILE=compose.yml\nLETS_ENCRYPT_ENV=\n")
    sample = EnvFile.parse(SAMPLE + "NEW_URL=https://$DOMAIN/new\nNEW_URL=$NEW_URL/x\n")
    missing = sample.missing_from(app)
    assert missing == (
        'COMPOSE_FILE="$COMPOSE_FILE:compose.postgres.yml"',
        "SECRET_POSTGRES_PASSWORD_VERSION=v1",
        "SECRET_SECRET_KEY_BASE_VERSION=v1 # length=128",
        "NEW_URL=https://$DOMAIN/new",
        "NEW_URL=$NEW_URL/x",
    )
    upgraded = app.append(missing)
    assert upgraded.compose_files == ("compose.yml", "compose.postgres.yml")
    assert upgraded.values()["NEW_URL"] == "https://abc.ci.test/new/x"
    assert [secret.length for secret in upgraded.secrets] == ["", "128"]
    assert sample.missing_from(upgraded) == ()


def test_a_key_that_the_app_has_keeps_its_value() -> None:
    assert EnvFile.parse("A=new\nTIMEOUT=900\n").missing_from(EnvFile.parse("A=mine\nTIMEOUT=\n")) == ()


def test_a_comment_in_the_sample_is_nothing_new() -> None:
    assert EnvFile.parse("# A=1\n\n#B=2\n").missing_from(EnvFile.parse("")) == ()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("$A", "1"),
        ("${A}", "1"),
        ("$AB", ""),
        ("${A}B", "1B"),
        ("$$A", "$A"),
        ("$$$A", "$1"),
        ("a$", "a$"),
        ("$ 5", "$ 5"),
        ("${NO-x}", "x"),
        ("${EMPTY-x}", ""),
        ("${EMPTY:-x}", "x"),
        ("${A:-x}", "1"),
        ("${NO:-$A}", "$A"),
        ("${A:+y}", "y"),
        ("${EMPTY:+y}", ""),
        ("${EMPTY+y}", "y"),
        ("${A:?must}", "1"),
        ("${EMPTY?must}", ""),
        ("Host(`${A}`${NO})", "Host(`1`)"),
    ],
)
def test_interpolation(text: str, value: str) -> None:
    assert expand(text, {"A": "1", "EMPTY": ""}) == value


@pytest.mark.parametrize("text", ["${NO?must}", "${EMPTY:?must}", "${", "${}", "${A b}", "${1}", "${A/x/y}"])
def test_what_cannot_be_interpolated(text: str) -> None:
    with pytest.raises(RecipeInvalid):
        expand(text, {"A": "1", "EMPTY": ""})


def test_names_of_variables() -> None:
    assert names("$A ${B:-x} $$C ${D}") == {"A", "B", "D"}


def test_the_variables_that_stand_alone_are_those_that_would_be_empty() -> None:
    text = "$A-${B} ${C:-x} ${D-} ${E:+y} ${F?z} $$G $${H}"
    assert plain_names(text) == {"A", "B"}
