"""recipe.lint: what a recipe's own files have wrong."""

from __future__ import annotations

import subprocess

import pytest
from recipeci.recipe.compose import Compose
from recipeci.recipe.envfile import EnvFile
from recipeci.recipe.lint import SECRET_BYTES, RecipeTree, of_files, of_name, of_stack, wanted

SAMPLE = 'TYPE=x\nDOMAIN=x.example.com\nCOMPOSE_FILE="compose.yml"\nSECRET_A_VERSION=v1 # length=43\n'
COMPOSE = """\
version: "3.8"
services:
  app:
    image: nginx:1.22.1
    healthcheck: {test: x, interval: 30s}
    deploy:
      labels: ["coop-cloud.${STACK_NAME}.version=1.0.0+1"]
"""
NUL = "a NUL character, which no environment variable can hold: take it out"
GOOD = {".env.sample": SAMPLE, "compose.yml": COMPOSE}


def tree(**texts: str) -> RecipeTree:
    """A good recipe; texts by a key of `sample` or `compose` replace its own."""
    names = {"sample": ".env.sample", "compose": "compose.yml", "other": "compose.other.yml"}
    changed = GOOD | {names[key]: text for key, text in texts.items()}
    return RecipeTree(paths=frozenset(changed), texts=changed)


def test_a_good_recipe_has_no_finding() -> None:
    assert of_files(tree()) == ()


def test_a_sample_that_is_missing() -> None:
    found = of_files(RecipeTree(paths=frozenset({"compose.yml"}), texts={"compose.yml": COMPOSE}))
    assert found == (".env.sample is missing: abra makes an app's env from it",)


@pytest.mark.parametrize(
    ("sample", "finding"),
    [
        ("TYPE=x\nthis is no line\n", ".env.sample:2: 'this is no line' is neither KEY=value nor a comment"),
        ("TYPE=x\nA=a\0b\n", f".env.sample:2: {NUL}"),
        ("# \0\n", f".env.sample:1: {NUL}"),
        (
            f"TYPE=x\nA={'x' * 131069}\n",
            ".env.sample:2: A has 131071 bytes with its name: an environment variable holds 131070",
        ),
        (
            f"A={'x' * 70000}\n\nB=$A$A\n",
            ".env.sample:3: B has 140002 bytes with its name: an environment variable holds 131070",
        ),
        (
            "".join(f"K{i}={'é' * 50000}\n" for i in range(6)),
            ".env.sample: its variables have 600072 bytes together: 524288 fit into an environment",
        ),
        ('A="open\n', ".env.sample:1: the quotes of A are not closed, or something stands behind them"),
    ],
)
def test_a_sample_that_cannot_be_read(sample: str, finding: str) -> None:
    assert of_files(tree(sample=sample)) == (finding,)


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        ("TYPE=mysite\n", ".env.sample: TYPE is 'mysite', and the recipe is called 'x'"),
        ("TYPE=mysite:1.0.0+1\n", ".env.sample: TYPE is 'mysite', and the recipe is called 'x'"),
        ("TYPE=x\nRECIPE=mysite\n", ".env.sample: RECIPE is 'mysite', and the recipe is called 'x'"),
    ],
)
def test_a_sample_of_another_recipe(sample: str, said: str) -> None:
    assert of_name(tree(sample=sample), recipe="x") == (said,)


@pytest.mark.parametrize(
    "sample", [SAMPLE, "TYPE=x:1.0.0+1\n", "TYPE=y\nRECIPE=x\n", "DOMAIN=x\n", "no line of an env"]
)
def test_a_sample_of_this_recipe_or_of_none_is_not(sample: str) -> None:
    assert of_name(tree(sample=sample), recipe="x") == ()


@pytest.mark.parametrize(
    ("length", "reason"),
    [
        ("0", "the length 0: from 1 to 512000 is possible"),
        ("512001", "the length 512001: from 1 to 512000 is possible"),
        ("9" * 5000, "from 1 to 512000 is possible"),
        ("9" * 30, "from 1 to 512000 is possible"),
        ("-1", "the length '-1', which is no number"),
        ("long", "the length 'long', which is no number"),
        ("4.5", "the length '4.5', which is no number"),
        ("٤", "which is no number"),
    ],
)
def test_a_length_that_no_secret_can_have(length: str, reason: str) -> None:
    (finding,) = of_files(tree(sample=f"SECRET_DB_PASSWORD_VERSION=v1 # length={length}\n"))
    assert finding.startswith(".env.sample: secret db_password has the length ")
    assert reason in finding


@pytest.mark.parametrize("length", ["1", "43", str(SECRET_BYTES), "007"])
def test_a_length_that_is_possible(length: str) -> None:
    assert of_files(tree(sample=f"SECRET_A_VERSION=v1 # length={length}\n")) == ()


def test_a_length_in_a_line_that_is_commented_out_counts_for_nothing() -> None:
    assert of_files(tree(sample="#SECRET_A_VERSION=v1 # length=0\n")) == ()


def test_the_longest_variable_that_a_program_can_get() -> None:
    sample = f"A={'x' * 131068}\n"
    assert of_files(tree(sample=sample)) == ()
    subprocess.run(["/bin/true"], env=EnvFile.parse(sample).values(), check=True)
    with pytest.raises(OSError, match="Argument list too long"):
        subprocess.run(["/bin/true"], env={"A": "x" * 131070}, check=True)


def test_nothing_is_wanted_of_a_sample_with_a_nul() -> None:
    assert wanted('COMPOSE_FILE="compose.yml:a\0b"\n') == ()


def test_a_compose_file_that_is_not_there() -> None:
    sample = SAMPLE + 'COMPOSE_FILE="$COMPOSE_FILE:compose.other.yml"\n'
    assert of_files(tree(sample=sample)) == (
        ".env.sample: COMPOSE_FILE names compose.other.yml, which is not in the recipe",
    )
    assert of_files(tree(sample=sample, other=COMPOSE)) == ()
    assert wanted(sample) == ("compose.yml", "compose.other.yml")


def test_nothing_is_wanted_of_a_sample_that_cannot_be_read() -> None:
    assert wanted("no line") == ()


def test_a_compose_file_that_is_no_yaml_is_said_once() -> None:
    (finding,) = of_files(tree(compose="services:\n  app: [\n"))
    assert finding.startswith("compose.yml is no YAML: ")
    assert "line 3" in finding


def test_a_duration_that_abra_refuses() -> None:
    (finding,) = of_files(tree(compose=COMPOSE.replace("interval: 30s", 'interval: "${I:-30s}"')))
    assert finding == (
        "compose.yml: services.app.healthcheck.interval is '${I:-30s}': "
        "abra takes only a duration that is written out, as 1m30s"
    )


def test_a_version_label_that_cannot_be_worked_out() -> None:
    (finding,) = of_files(tree(compose=COMPOSE.replace("1.0.0+1", "${VERSION?}")))
    assert finding == "the version label: VERSION is not set: it must be"


def test_links_that_leave_and_submodules() -> None:
    odd = RecipeTree(
        paths=frozenset(GOOD), texts=GOOD, leaving={"b": "/etc/shadow", "a": "../../x"}, submodules=("vendored",)
    )
    assert of_files(odd) == (
        "a is a link that leaves the recipe: ../../x",
        "b is a link that leaves the recipe: /etc/shadow",
        "vendored is a submodule: abra does not bring what is in it",
    )


STACK = "abcdef_ci_test"


def stack(text: str) -> tuple[str, ...]:
    return of_stack(Compose.parse(text), stack=STACK)


def test_a_good_stack_has_no_finding() -> None:
    text = """
services:
  app: {image: x, networks: {proxy: null, default: null}, secrets: [{source: s}], configs: [{source: c}],
        volumes: [{type: volume, source: v, target: /v}, {type: volume, target: /a},
                  {type: bind, source: /h, target: /h}]}
networks: {proxy: {external: true}}
secrets: {s: {name: abcdef_ci_test_s_v1, external: true}}
configs: {c: {name: abcdef_ci_test_c_v1}}
volumes: {v: {}}
"""
    assert stack(text) == ()


def test_no_service_is_called_app() -> None:
    assert stack("services: {web: {image: x}, db: {image: y}}") == (
        "no service is called 'app', which abra needs: there is web, db",
    )
    assert stack("services: {}") == ("no service is called 'app', which abra needs: there is none",)


def test_a_service_without_an_image() -> None:
    assert stack("services: {app: {}}") == ("service app has no image",)


@pytest.mark.parametrize("kind", ["secret", "config"])
def test_names_of_secrets_and_configs_have_64_characters_at_most(kind: str) -> None:
    fits, over = (f"{STACK}_".ljust(length, "x") for length in (64, 65))
    text = "services: {{app: {{image: x}}}}\n{kind}s: {{k: {{name: {name}}}}}"
    assert stack(text.format(kind=kind, name=fits)) == ()
    assert stack(text.format(kind=kind, name=over)) == (f"{kind} {over} has a name of 65 characters: Docker takes 64",)


def test_the_name_that_docker_makes_counts_too() -> None:
    (finding,) = stack(f"services: {{app: {{image: x}}}}\nsecrets: {{{'k' * 50}: {{}}}}")
    assert "has a name of 65 characters" in finding


def test_a_services_name_has_63_characters_at_most() -> None:
    assert stack(f"services: {{app: {{image: x}}, {'s' * 48}: {{image: x}}}}") == ()
    (finding,) = stack(f"services: {{app: {{image: x}}, {'s' * 49}: {{image: x}}}}")
    assert finding.endswith("has a name of 64 characters: Docker takes 63")


def test_a_secret_without_a_version() -> None:
    found = stack("services: {app: {image: x}}\nsecrets: {db: {name: abcdef_ci_test_db_, external: true}}")
    assert found == ("secret db has no version: its name would be abcdef_ci_test_db_",)


@pytest.mark.parametrize(
    ("use", "what"),
    [
        ("networks: {gone: null}", "network"),
        ("secrets: [{source: gone}]", "secret"),
        ("configs: [{source: gone}]", "config"),
        ("volumes: [{type: volume, source: gone, target: /x}]", "volume"),
    ],
)
def test_what_is_used_and_not_declared(use: str, what: str) -> None:
    assert stack(f"services: {{app: {{image: x, {use}}}}}") == (
        f"service app uses the {what} gone, which the compose file does not declare",
    )
