"""miniabra's pure parts: switches, lint rules, tables, exports, secrets' values, the order of versions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from miniabra import lint, say, secrets
from miniabra.command import Done
from miniabra.converge import Snapshot
from miniabra.envfile import EnvFile
from miniabra.environment import Environment
from miniabra.errors import Fatal
from miniabra.habits import Habits, flipped
from miniabra.lint import RULES, Subject
from miniabra.recipe import Recipe
from miniabra.secrets import Secret


class TestHabits:
    def test_nothing_named_is_what_is_believed(self) -> None:
        assert flipped("") == Habits()

    def test_a_named_switch_is_flipped_whatever_its_spelling(self) -> None:
        assert flipped(" new-fills-domain,exports_win ") == Habits(new_fills_domain=False, exports_win=False)

    def test_all_flips_each(self) -> None:
        assert not any(dataclasses.astuple(flipped("all")))

    def test_an_unknown_one_is_named(self) -> None:
        with pytest.raises(Fatal, match="no switch odd"):
            flipped("odd,exports_win")


SERVICE: Mapping[str, Any] = {
    "image": "nginx:1.22.1",
    "healthcheck": {"test": "true"},
    "deploy": {"labels": {"traefik.enable": "true"}},
}
README = "<!-- metadata -->\n\n* **Category**: Apps\n* **Status**: 1\n<!-- endmetadata -->\n"


def subject(**changes: Any) -> Subject:  # noqa: ANN401 - any field
    """A subject that breaks no rule, but for the given fields."""
    good = Subject(
        config={"version": "3.8", "services": {"app": SERVICE}, "secrets": {"short": {}}},
        sample=EnvFile({"DOMAIN": "x"}, {}),
        tags={"1.0.0+1": True},
        readme=README,
        has_abra_sh=True,
    )
    return dataclasses.replace(good, **changes)


def app(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any key
    """A config whose service `app` differs from the good one."""
    return {"version": "3.8", "services": {"app": {**SERVICE, **changes}}}


def broken(looked_at: Subject) -> list[str]:
    return [rule.ref for rule in RULES if rule.is_broken(looked_at)]


class TestRules:
    def test_a_good_recipe_breaks_none(self) -> None:
        assert broken(subject()) == []

    @pytest.mark.parametrize(
        ("ref", "changes"),
        [
            ("R001", {"config": {**app(), "version": "3.7"}}),
            ("R002", {"config": {"version": "3.8", "services": {"app": {**SERVICE}, "db": {"image": "x:1"}}}}),
            ("R003", {"config": app(image="nginx@sha256:00")}),
            ("R003", {"config": app(image="registry:5000/nginx")}),
            ("R004", {"config": app(image="nginx:latest")}),
            ("R005", {"config": app(image="nginx:stable")}),
            ("R007", {"readme": "# no block"}),
            ("R007", {"readme": README.replace("Apps", "")}),
            ("R008", {"sample": EnvFile({}, {})}),
            ("R009", {"config": {"version": "3.8", "services": {"web": SERVICE}}}),
            ("R010", {"config": app(deploy={"labels": {"traefik.enable": "false"}})}),
            ("R011", {"config": app(image="")}),
            ("R012", {"config": app(configs=[{"source": "x"}]), "has_abra_sh": False}),
            ("R014", {"tags": {"1.0.0+1": True, "1.1.0+1": False}}),
            ("R015", {"config": {**app(), "secrets": {"thirteen_long": {}}}}),
        ],
    )
    def test_a_broken_rule_is_named(self, ref: str, changes: dict[str, Any]) -> None:
        assert ref in broken(subject(**changes))

    def test_routing_is_asked_of_recipes_with_a_domain_only(self) -> None:
        assert "R010" not in broken(subject(config=app(deploy={}), sample=EnvFile({"TYPE": "x"}, {})))

    def test_what_asks_the_network_is_skipped(self) -> None:
        rows = {row[0]: row[3:5] for row in (rule.row(subject(), Habits()) for rule in RULES)}
        assert {ref for ref, marks in rows.items() if marks == ("-", "✅")} == {"R006", "R013", "R016"}

    def test_severities_are_abras_two(self) -> None:
        assert {rule.severity for rule in lint.RULES} == {"warn", "error"}


def test_a_table_is_as_wide_in_every_line() -> None:
    lines = say.table(("A", "LONG HEADER"), [("✅", "x"), ("no tick", "y")]).splitlines()
    assert {len(line) + line.count("✅") for line in lines} == {len(lines[0])}


def recipe(folder: Path, habits: Habits) -> Recipe:
    environment = Environment(folder, habits, home="/", path="", docker_host="", docker_config="")
    made = Recipe("thing", environment)
    made.folder.mkdir(parents=True)
    return made


class TestExports:
    SCRIPT = "export A=v1\nexport B=\"v2\"\nexport C='v3' # why\nexport D=$(id)\nexport E=`id`\n  export F=v\nG=v\n"

    def test_literal_ones_count_and_nothing_is_run(self, tmp_path: Path) -> None:
        made = recipe(tmp_path, Habits())
        (made.folder / "abra.sh").write_text(self.SCRIPT)
        assert made.exports == {"A": "v1", "B": "v2", "C": "v3"}

    def test_none_without_the_file(self, tmp_path: Path) -> None:
        assert recipe(tmp_path, Habits()).exports == {}


class TestValues:
    @pytest.mark.parametrize(
        ("modifiers", "length", "chars"),
        [
            ({"length": "20"}, 20, secrets.DEFAULT_CHARSET),
            ({"length": "1", "charset": "hex"}, 1, "0123456789abcdef"),
            ({"length": "50", "charset": "hex,alnum"}, 50, secrets.DEFAULT_CHARSET),
            ({"length": "50", "charset": "odd"}, 50, secrets.DEFAULT_CHARSET),
        ],
    )
    def test_a_password_has_the_length_and_the_characters(
        self, modifiers: dict[str, str], length: int, chars: str
    ) -> None:
        value = secrets.value_of(Secret("s", "v1", "x_s_v1", modifiers), Habits())
        assert len(value) == length
        assert set(value) <= set(chars)

    def test_special_characters_come(self) -> None:
        value = secrets.value_of(Secret("s", "v1", "r", {"length": "500", "charset": "special"}), Habits())
        assert set(value) & set(secrets.SAFE_SPECIAL)


class TestReason:
    def test_the_line_that_calls_itself_an_error_wins(self) -> None:
        assert Done(1, "", "fatal: no remote\nhint one\nhint two\n").reason == "no remote"

    def test_else_the_last_line_but_no_pointer_to_help(self) -> None:
        assert Done(1, "", "one\ntwo\nSee 'docker stack --help'.\n").reason == "two"

    def test_else_the_code(self) -> None:
        assert Done(7, "", "").reason == "ended with 7"


class TestConverged:
    @pytest.mark.parametrize("count", ["0/1", "1/2", "2/1", "odd"])
    def test_not_without_every_task(self, count: str) -> None:
        assert not Snapshot({"app": "1/1", "db": count}, {}).is_ready

    @pytest.mark.parametrize("state", ["updating", "rollback_started"])
    def test_not_while_an_update_moves(self, state: str) -> None:
        assert not Snapshot({"app": "1/1"}, {"app": state}).is_ready

    def test_else_it_is(self) -> None:
        assert Snapshot({"app": "1/1", "none": "0/0"}, {"app": "completed", "none": ""}).is_ready
