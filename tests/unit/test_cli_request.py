"""What a run is asked for: the options, then the environment, then the settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from recipeci import commands, given, settings
from recipeci.errors import UsageError
from recipeci.model import Request, Settings, Tier


def request(*options: str, config: Settings | None = None, env: Mapping[str, str] | None = None) -> Request:
    """Return what the program would run."""
    command = commands.Main.read(["recipeci", *options])
    assert isinstance(command, commands.Run)
    return command.request(config or Settings(), env or {})


def test_run_is_the_same_as_no_command(tmp_path: Path) -> None:
    options = ["--recipe", "x", "--stages", "upgrade,install", "--pr", "7", "--out", str(tmp_path), "-v", "--json"]
    assert request(*options) == request("run", *options)
    assert request(*options) == Request(
        "x", stages=(Tier.INSTALL, Tier.UPGRADE), pr=7, out=tmp_path, verbose=True, as_json=True
    )


def test_the_environment_is_read_where_the_option_is_absent() -> None:
    env = {"RECIPE": "x", "REF": "1.0.0", "PR": "7", "STAGES": "install"}
    assert request(env=env) == Request("x", ref="1.0.0", pr=7, stages=(Tier.INSTALL,))
    options = ["--recipe", "y", "--ref", "2.0.0", "--pr", "8", "--stages", "upgrade"]
    assert request(*options, env=env) == Request("y", ref="2.0.0", pr=8, stages=(Tier.UPGRADE,))


def test_an_option_wins_over_the_setting_and_the_setting_over_nothing(tmp_path: Path) -> None:
    images, overlays = tmp_path / "i", tmp_path / "o"
    images.mkdir()
    overlays.mkdir()
    config = Settings(images=images, overlays=overlays, proxy_image="p:1", bot_image="b:1")
    asked = request("--recipe", "x", config=config)
    assert (asked.images, asked.overlays, asked.proxy_image, asked.bot_image) == (images, overlays, "p:1", "b:1")
    asked = request("--recipe", "x", "--images", str(tmp_path), "--proxy-image", "q:1", config=config)
    assert (asked.images, asked.proxy_image) == (tmp_path, "q:1")


def test_the_allowlist_is_the_options_then_the_environments_then_the_settings() -> None:
    config, env = Settings(allowlist=Path("/set")), {settings.APPROVED: "/env"}
    assert request("--recipe", "x").allowlist is None
    assert request("--recipe", "x", config=config).allowlist == Path("/set")
    assert request("--recipe", "x", config=config, env=env).allowlist == Path("/env")
    assert request("--recipe", "x", "--allowlist", "/opt", config=config, env=env).allowlist == Path("/opt")
    with pytest.raises(UsageError, match="CCCI_REPO_LOCAL_APPROVED_FILE is set and empty"):
        request("--recipe", "x", config=config, env={settings.APPROVED: ""})


def test_the_source_of_code_is_an_address_or_known_to_be_unknown() -> None:
    assert request("--recipe", "x").code_source is None
    assert request("--recipe", "x", "--code-source", "none").code_source == ""
    assert request("--recipe", "x", "--code-source", "https://h/x.git").code_source == "https://h/x.git"


def test_code_of_a_folder_and_skips_are_asked_for_and_never_there_by_themselves() -> None:
    asked = request("--recipe", "x")
    assert (asked.allow_local_code, asked.skip_generic) == (False, {})
    asked = request("--recipe", "x", "--allow-local-code", env={"CCCI_SKIP_GENERIC_BACKUP": "yes"})
    assert (asked.allow_local_code, asked.skip_generic) == (True, {Tier.BACKUP: "CCCI_SKIP_GENERIC_BACKUP is set"})


@pytest.mark.parametrize(
    ("name", "config"),
    [("images", Settings(images=Path("/nope"))), ("overlays", Settings(overlays=Path("/nope")))],
)
def test_a_folder_of_the_settings_must_be_there_too_unless_an_option_names_another(
    name: str, config: Settings, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=f"the setting {name}: /nope is no folder"):
        request("--recipe", "x", config=config)
    assert request("--recipe", "x", f"--{name}", str(tmp_path), config=config).recipe == "x"


@pytest.mark.parametrize("option", ["images", "overlays", "allowlist", "out", "clone-credential"])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("x" * 300, "x{100}…: File name too long"),
        ("some/" * 1000, "(some/){20}…: File name too long"),
        ("loop/x", "loop/x: Too many levels of symbolic links"),
    ],
    ids=("name", "path", "loop"),
)
def test_what_can_be_no_path_is_refused(
    option: str, value: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    with pytest.raises(UsageError, match=rf"^--{option} {reason}$"):
        request("--recipe", "x", f"--{option}", value)


def test_a_path_is_refused_in_one_line() -> None:
    with pytest.raises(UsageError, match=r"^--images 'a\\nb' is no folder$"):
        request("--recipe", "x", "--images", "a\nb")


def test_a_path_below_a_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(UsageError, match=r"^--out out: the folder that it is relative to is gone$"):
        request("--recipe", "x", "--out", "out")


@pytest.mark.parametrize("value", ["x" * 300, "loop"])
def test_a_new_file_that_cannot_be(value: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UsageError, match=r"^--record .*(too long|Too many)"):
        given.new_file("--record", tmp_path / value)


@pytest.mark.parametrize("digits", ["9" * 5000, "9223372036854775808", "0" * 5000])
def test_a_number_that_no_pull_request_has(digits: str) -> None:
    with pytest.raises(UsageError, match=r"^--pr '\d{1,100}…?' is not the number of a pull request$"):
        request("--recipe", "x", "--pr", digits)
    with pytest.raises(UsageError, match=r"^'\d{1,100}…?' is not the number of a run$"):
        given.run_number(digits)
    assert request("--recipe", "x", "--pr", "0" * 5000 + "7").pr == 7


def test_paths_do_not_depend_on_where_we_are_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    asked = request("--recipe", "x", "--images", "images", "--out", "out")
    assert (asked.images, asked.out) == (tmp_path / "images", tmp_path / "out")


def test_a_stage_counts_once() -> None:
    assert request("--recipe", "x", "--stages", "install, install").stages == (Tier.INSTALL,)


def test_dirty_contradicts_a_ref_of_the_environment_too() -> None:
    assert request("--recipe", "x", "--dirty", "--source", ".").dirty
    with pytest.raises(UsageError, match="give one of them"):
        request("--recipe", "x", "--dirty", "--source", ".", env={"REF": "1.0.0"})
