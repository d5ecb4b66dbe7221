"""settings: which file is read, what it says, and what the environment adds."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipeci import schemas, settings
from recipeci.errors import UsageError
from recipeci.model import Settings, Tier

DOC = Path(__file__).parents[2] / "docs" / "settings.md"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_without_a_file_all_settings_have_defaults() -> None:
    found = settings.load(None, {"HOME": "/home/me", "XDG_CONFIG_DIRS": "/nowhere"})
    assert found == Settings(cache=Path("/home/me/.cache/recipeci"))


def test_every_setting_is_read(tmp_path: Path) -> None:
    text = """
forge: https://forge.test/recipes/
cache: /var/cache/recipeci
images: /images
overlays: ~/overlays
authors: {allowlist: /etc/recipeci/allowlist}
abra: {program: /usr/bin/abra, builtin_is_final: true}
docker: {prefix: /opt/docker, proxy_image: "traefik:v3.6", bot_image: "bot:1"}
runs: {keep_days: 3, min_free_gb: 4.5}
store: {keep_gb: 7.5}
source: {max_gb: 0.5}
"""
    found = settings.load(write(tmp_path / "s.yml", text), {"HOME": "/home/me", "PATH": "/p"})
    assert found == Settings(
        forge="https://forge.test/recipes",
        cache=Path("/var/cache/recipeci"),
        abra="/usr/bin/abra",
        images=Path("/images"),
        overlays=Path("/home/me/overlays"),
        allowlist=Path("/etc/recipeci/allowlist"),
        proxy_image="traefik:v3.6",
        bot_image="bot:1",
        builtin_abra_is_final=True,
        docker_prefix=Path("/opt/docker"),
        keep_days=3,
        min_free_gb=4.5,
        store_keep_gb=7.5,
        source_max_gb=0.5,
        search_path="/p",
    )


def test_zero_and_false_are_not_taken_for_absent(tmp_path: Path) -> None:
    found = settings.load(
        write(
            tmp_path / "s.yml",
            "runs: {keep_days: 0, min_free_gb: 0}\nstore: {keep_gb: 0}\nabra: {builtin_is_final: false}",
        ),
        {},
    )
    assert (found.keep_days, found.min_free_gb, found.store_keep_gb, found.builtin_abra_is_final) == (0, 0, 0, False)


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """An environment in which each place has a file that names itself."""
    for name in ("option", "variable", "user", "system1", "system2"):
        write(tmp_path / name / settings.FILE, f"forge: https://{name}.test")
    return {
        "RECIPECI_CONFIG": str(tmp_path / "variable" / settings.FILE),
        "XDG_CONFIG_HOME": str(tmp_path / "user"),
        "XDG_CONFIG_DIRS": f"{tmp_path}/system1:{tmp_path}/system2",
        "HOME": str(tmp_path / "home"),
    }


def test_the_first_place_that_has_a_file_wins(tmp_path: Path, places: dict[str, str]) -> None:
    option = tmp_path / "option" / settings.FILE
    assert settings.load(option, places).forge == "https://option.test"
    for name, taken_away in (("variable", "RECIPECI_CONFIG"), ("user", "XDG_CONFIG_HOME")):
        assert settings.load(None, places).forge == f"https://{name}.test"
        del places[taken_away]
    assert settings.load(None, places).forge == "https://system1.test"
    (tmp_path / "system1" / settings.FILE).unlink()
    assert settings.load(None, places).forge == "https://system2.test"


def test_the_users_folder_is_in_the_home_by_default(tmp_path: Path) -> None:
    write(tmp_path / ".config" / settings.FILE, "forge: https://home.test")
    assert settings.load(None, {"HOME": str(tmp_path)}).forge == "https://home.test"


def test_a_home_with_a_name_that_no_folder_can_have() -> None:
    with pytest.raises(UsageError, match=r"^the settings file /x{99}…: File name too long$"):
        settings.load(None, {"HOME": f"/{'x' * 300}"})


def test_a_relative_folder_of_the_environment_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "here" / settings.FILE, "forge: https://here.test")
    monkeypatch.chdir(tmp_path)
    env = {"XDG_CONFIG_HOME": "here", "XDG_CONFIG_DIRS": "here", "XDG_CACHE_HOME": "here", "HOME": "/home/me"}
    assert settings.load(None, env) == Settings(cache=Path("/home/me/.cache/recipeci"))


@pytest.mark.parametrize("named", ["option", "variable"])
def test_a_file_that_was_named_must_be_there(tmp_path: Path, named: str) -> None:
    path = tmp_path / "none.yml"
    env = {"RECIPECI_CONFIG": str(path)} if named == "variable" else {}
    with pytest.raises(UsageError, match=r"none\.yml: No such file"):
        settings.load(path if named == "option" else None, env)


def test_a_variable_that_is_set_and_empty_is_not_an_absent_one() -> None:
    with pytest.raises(UsageError, match="RECIPECI_CONFIG is set and empty"):
        settings.load(None, {"RECIPECI_CONFIG": ""})


def test_the_cache_follows_the_environment() -> None:
    env = {"XDG_CACHE_HOME": "/c", "HOME": "/h", "XDG_CONFIG_DIRS": "/nowhere"}
    assert settings.load(None, env).cache == Path("/c/recipeci")
    assert settings.load(None, {"XDG_CONFIG_DIRS": "/nowhere"}).cache is None


def test_a_home_that_is_needed_and_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no HOME"):
        settings.load(write(tmp_path / "s.yml", "cache: ~/x"), {})


def test_only_what_the_network_needs_is_taken_from_the_environment() -> None:
    env = {"https_proxy": "http://p:1", "SSL_CERT_FILE": "/ca", "NO_PROXY": "", "AWS_SECRET_ACCESS_KEY": "x"}
    assert settings.load(None, env).network_env == (("https_proxy", "http://p:1"), ("SSL_CERT_FILE", "/ca"))


@pytest.mark.parametrize("name", settings.FALLBACKS)
def test_a_fallback_is_read_absent_or_refused_when_empty(name: str) -> None:
    assert settings.fallback(name, {name: "x"}) == "x"
    assert settings.fallback(name, {}) is None
    for empty in ("", " ", "\n"):
        with pytest.raises(UsageError, match=f"{name} is set and empty"):
            settings.fallback(name, {name: empty})


def test_the_file_of_the_allowlist_is_read_absent_or_refused_when_empty() -> None:
    assert settings.approved_file({settings.APPROVED: "/x"}) == "/x"
    assert settings.approved_file({}) is None
    with pytest.raises(UsageError, match="CCCI_REPO_LOCAL_APPROVED_FILE is set and empty"):
        settings.approved_file({settings.APPROVED: ""})


GENERIC = (Tier.INSTALL, Tier.UPGRADE, Tier.BACKUP, Tier.RESTORE)


@pytest.mark.parametrize("value", ["1", "true", "yes", "TRUE", "Yes"])
@pytest.mark.parametrize(
    ("name", "tiers"),
    [
        ("CCCI_SKIP_GENERIC", GENERIC),
        ("CCCI_SKIP_GENERIC_DEPLOY", (Tier.INSTALL,)),
        *((f"CCCI_SKIP_GENERIC_{tier.upper()}", (tier,)) for tier in GENERIC),
    ],
)
def test_the_environment_skips_generic_suites(name: str, value: str, tiers: tuple[Tier, ...]) -> None:
    assert settings.skip_generic({name: value, "OTHER": "1"}) == dict.fromkeys(tiers, f"{name} is set")


def test_no_variable_skips_nothing() -> None:
    assert settings.skip_generic({"CI": "true", "DRONE": "true", "CCCI_SKIP": "1", "CCCI_SKIP_GENERICS": "1"}) == {}


@pytest.mark.parametrize("value", ["", "0", "false", "no", "2", "backup"])
def test_a_value_of_which_nobody_knows_what_it_means_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match=r"CCCI_SKIP_GENERIC is '.*', and means something only as 1, true or yes"):
        settings.skip_generic({"CCCI_SKIP_GENERIC": value})


@pytest.mark.parametrize(("name", "near"), [("CCCI_SKIP_GENERIC_BAKUP", "_BACKUP"), ("CCCI_SKIP_GENERIC_deploy", "")])
def test_a_skip_of_an_unknown_op_is_refused_and_the_nearest_named(name: str, near: str) -> None:
    with pytest.raises(
        UsageError, match=f"unknown environment variable {name}; did you mean 'CCCI_SKIP_GENERIC{near}'"
    ):
        settings.skip_generic({name: "1"})


def test_custom_has_no_generic_suite_to_skip() -> None:
    with pytest.raises(UsageError, match="unknown environment variable CCCI_SKIP_GENERIC_CUSTOM"):
        settings.skip_generic({"CCCI_SKIP_GENERIC_CUSTOM": "1"})


@pytest.mark.parametrize("starter", settings.AUTOMATIC)
@pytest.mark.parametrize("name", ["CCCI_SKIP_GENERIC", "CCCI_SKIP_GENERIC_BACKUP", "CCCI_SKIP_GENERIC_BAKUP"])
@pytest.mark.parametrize("value", ["1", "0"])
def test_a_job_skips_nothing_by_its_environment(starter: str, name: str, value: str) -> None:
    """Control 13."""
    with pytest.raises(UsageError, match=f"{name} is for local work, and {starter} is set") as caught:
        settings.skip_generic({name: value, starter: "true"})
    assert "skip_generic" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("forge: forge.test", "forge: 'forge.test' does not fit: an address that begins with https"),
        ("forge: file:///recipes", "forge: 'file:///recipes' does not fit: an address"),
        ("abra: builtin", "abra: needs a mapping (key: value), not the text 'builtin'"),
        ("abra: {builtin_is_final: yes please}", "needs true or false, not the text 'yes please'"),
        ("docker: {proxy_image: '--privileged'}", "does not fit: an image's name"),
        ("runs: {min_free_gb: -1}", "less than the minimum"),
        ("serve: {}", "unknown key 'serve'"),
    ],
)
def test_a_wrong_setting_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings.load(write(tmp_path / "s.yml", text), {})
    assert sentence in caught.value.message
    assert caught.value.message.startswith(str(tmp_path / "s.yml"))


@pytest.mark.parametrize("login", ["me:secret", "secret", "secret:", ":secret", "a@b:secret", ""])
@pytest.mark.parametrize("scheme", ["https", "http", "ssh"])
def test_an_address_with_a_login_is_refused_and_the_login_not_repeated(tmp_path: Path, scheme: str, login: str) -> None:
    file = write(tmp_path / "s.yml", f"forge: '{scheme}://{login}@git.example.org/recipes'")
    with pytest.raises(UsageError) as caught:
        settings.load(file, {})
    assert caught.value.message == f"{file}: forge: an address with a user name, password or token in it is not taken"
    assert "write it without, as in https://" in caught.value.hint
    assert "secret" not in f"{caught.value.message}{caught.value.hint}"


@pytest.mark.parametrize("address", ["https://h/y?token=abc", "https://h/y#abc", "https://h/?a@b"])
def test_an_address_to_which_no_recipe_can_be_added_is_refused_and_not_repeated(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match=r"forge: an address with . or . in it is not taken") as error:
        settings.load(write(tmp_path / "s.yml", f"forge: '{address}'"), {})
    assert address not in error.value.message


@pytest.mark.parametrize("address", ["https://git.example.org/@team", "https://git.example.org:3000", "https://h/a@b"])
def test_an_address_without_a_login_is_none(tmp_path: Path, address: str) -> None:
    assert settings.load(write(tmp_path / "s.yml", f"forge: '{address}'"), {}).forge == address


def keys(data: dict[str, object], *, inner: str = "") -> set[str]:
    """Return every key of nested mappings: `abra.program`."""
    found = set()
    for key, value in data.items():
        nested = value if isinstance(value, dict) else {}
        found |= keys(nested, inner=f"{inner}{key}.") or {f"{inner}{key}"}
    return found


def test_the_example_of_the_documentation_is_right_and_has_every_key(tmp_path: Path) -> None:
    example = DOC.read_text().partition("```yaml\n")[2].partition("```")[0]
    data = schemas.load_yaml(write(tmp_path / "s.yml", example), "settings")
    sections = schemas.load("settings")["properties"]
    in_schema = {f"{n}.{k}" for n, s in sections.items() for k in s.get("properties", {})}
    in_schema |= {name for name, section in sections.items() if "properties" not in section}
    assert keys(data) == in_schema


def test_the_defaults_of_the_documentation_are_those_of_the_program(tmp_path: Path) -> None:
    example = DOC.read_text().partition("```yaml\n")[2].partition("```")[0]
    found = settings.load(write(tmp_path / "s.yml", example), {})
    for name in ("forge", "keep_days", "min_free_gb", "store_keep_gb", "source_max_gb", "builtin_abra_is_final"):
        assert getattr(found, name) == getattr(Settings(), name)


@pytest.mark.parametrize(
    "name",
    [
        *(*settings.FALLBACKS, *settings.NETWORK, settings.CONFIG, settings.APPROVED, *settings.AUTOMATIC),
        *(f"{settings.SKIP_GENERIC}{end}" for end in settings.SKIPPABLE),
    ],
)
def test_every_variable_that_is_read_is_documented(name: str) -> None:
    assert f"`{name}`" in DOC.read_text() or f"`{name.lower()}`" in DOC.read_text()
