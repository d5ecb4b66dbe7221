"""miniabra's `app` commands against real git, the real `docker stack config`, and a docker that knows its answers."""

from __future__ import annotations

from pathlib import Path

import miniabralab
import pytest
from miniabralab import DOMAIN, RECIPE, STACK, Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return miniabralab.make(tmp_path / "lab")


NEW = ("app", "new", RECIPE, "-s", "default", "-D", DOMAIN, "-o", "-n")
DEPLOY = ("app", "deploy", DOMAIN, "-o", "-n", "-c", "-D")
CHAOS = (*DEPLOY, "-C")
NEWEST = "1.10.0+2.0"


def test_the_version_is_printed_as_abra_prints_its_own(lab: Lab) -> None:
    assert lab.done("--version").out == "abra version 0.1.0-miniabra\n"


@pytest.mark.parametrize("args", [("frobnicate",), ("app", "backup", "download", DOMAIN), ("app", "deploy"), ()])
def test_what_is_no_command_ends_with_fata_on_stdout_and_1(lab: Lab, args: tuple[str, ...]) -> None:
    assert lab.refused(*args).startswith("abra")


class TestNew:
    def test_the_checkout_moves_to_the_newest_release_numbers_compared_as_numbers(self, lab: Lab) -> None:
        lab.done(*NEW)
        assert lab.checkout.git("describe", "--exact-match") == NEWEST

    def test_the_checkout_moves_by_chaos_too(self, lab: Lab) -> None:
        lab.done(*NEW, "-C")
        assert lab.checkout.git("describe", "--exact-match") == NEWEST

    def test_a_version_that_is_asked_for_is_checked_out_and_pinned(self, lab: Lab) -> None:
        lab.done("app", "new", RECIPE, "1.9.0+2.0", *NEW[3:])
        assert lab.checkout.git("describe", "--exact-match") == "1.9.0+2.0"
        assert lab.env_file.read_text().splitlines()[0] == "TYPE=thing:1.9.0+2.0"

    def test_the_sample_is_copied_with_the_version_and_the_domain_filled_in(self, lab: Lab) -> None:
        lab.done(*NEW)
        expected = miniabralab.SAMPLE.replace("TYPE=thing", f"TYPE=thing:{NEWEST}").replace("thing.example.com", DOMAIN)
        assert lab.env_file.read_text() == expected

    def test_a_sample_without_a_last_end_of_line_is_not_glued(self, lab: Lab) -> None:
        lab.checkout.write(".env.sample", "TYPE=thing\nLAST=line")
        lab.checkout.commit(tag="1.11.0+2.0")
        lab.done(*NEW)
        assert lab.env_file.read_text() == "TYPE=thing:1.11.0+2.0\nLAST=line\n"

    def test_without_a_release_the_commit_is_pinned(self, lab: Lab) -> None:
        lab.checkout.git("tag", "--delete", "1.9.0+2.0", NEWEST)
        lab.done(*NEW)
        assert f"TYPE=thing:{lab.checkout.head[:8]}\n" in lab.env_file.read_text()

    def test_tags_that_are_no_versions_are_no_releases(self, lab: Lab) -> None:
        lab.checkout.git("tag", "--annotate", "--message", "x", "v9")
        lab.done(*NEW)
        assert lab.checkout.git("describe", "--exact-match") == NEWEST

    def test_a_dirty_tree_is_refused(self, lab: Lab) -> None:
        lab.checkout.write("untracked", "")
        assert "has locally unstaged changes" in lab.refused(*NEW)

    def test_the_compose_file_is_checked_as_it_was_written(self, lab: Lab) -> None:
        old = 'healthcheck: {test: "true"}\n    deploy'
        lab.checkout.replace("compose.yml", old, old.replace("}", ', start_period: "${START:-5m}"}'))
        lab.checkout.commit(tag="1.11.0+2.0")
        assert lab.refused(*NEW) == "services.app.healthcheck.start_period Does not match format 'duration'"

    def test_an_app_that_is_there_is_not_overwritten(self, lab: Lab) -> None:
        lab.done(*NEW)
        lab.env_file.write_text("mine")
        assert "already exists" in lab.refused(*NEW)
        assert lab.env_file.read_text() == "mine"

    @pytest.mark.parametrize(
        ("args", "reason"),
        [
            (("app", "new", "other", *NEW[3:]), "recipe other not found"),
            (("app", "new", RECIPE, "9.9.9+9", *NEW[3:]), "no version or commit 9.9.9+9"),
            (("app", "new", RECIPE, "-s", "far", *NEW[5:]), "server far not found"),
            (("app", "new", RECIPE, "-D", "../x", "-o", "-n"), "is no domain"),
        ],
    )
    def test_what_is_not_there_is_named(self, lab: Lab, args: tuple[str, ...], reason: str) -> None:
        assert reason in lab.refused(*args)

    def test_what_the_machine_refuses_is_one_line_too(self, lab: Lab) -> None:
        assert "File name too long" in lab.refused("app", "new", RECIPE, "-D", "a" * 300, "-o", "-n")

    def test_a_sample_that_is_missing_or_broken_is_named(self, lab: Lab) -> None:
        lab.checkout.write(".env.sample", "TYPE=thing\nnot a line\n")
        lab.checkout.commit(tag="1.11.0+2.0")
        assert ".env.sample line 2" in lab.refused(*NEW)
        lab.checkout.git("checkout", "--quiet", "main")
        (lab.checkout.folder / ".env.sample").unlink()
        lab.checkout.commit(tag="1.12.0+2.0")
        assert ".env.sample couldn't be read" in lab.refused(*NEW)

    def test_without_offline_origin_is_asked(self, lab: Lab) -> None:
        assert "git fetch: 'origin' does not appear to be a git" in lab.refused(
            "app", "new", RECIPE, "-D", DOMAIN, "-n"
        )


class TestDeployPinned:
    def test_labels_say_the_version_that_is_deployed(self, lab: Lab) -> None:
        lab.new()
        lab.deployable()
        labels = lab.deployed_with("1.9.0+2.0")["labels"]
        assert labels == {
            f"coop-cloud.{STACK}.recipe": "thing",
            f"coop-cloud.{STACK}.version": "1.9.0+2.0",
            f"coop-cloud.{STACK}.chaos": "false",
        }
        assert lab.checkout.git("describe", "--exact-match") == "1.9.0+2.0"
        assert lab.env_file.read_text().splitlines()[0] == "TYPE=thing:1.9.0+2.0"

    def test_without_a_version_the_pin_is_deployed(self, lab: Lab) -> None:
        lab.new()
        lab.checkout.git("checkout", "--quiet", "main")
        lab.deployable()
        lab.done(*DEPLOY)
        assert lab.checkout.git("describe", "--exact-match") == NEWEST

    def test_a_dirty_tree_is_refused_be_it_by_an_untracked_file(self, lab: Lab) -> None:
        lab.new()
        lab.deployable()
        lab.checkout.write("compose.ci.yml", "")
        assert "thing" in (said := lab.refused(*DEPLOY))
        assert "has locally unstaged changes" in said
        assert not lab.docker.of("stack", "deploy")

    def test_an_ignored_file_does_not_make_it_dirty(self, lab: Lab) -> None:
        lab.checkout.write(".gitignore", "*.log\n")
        lab.checkout.commit(tag="1.11.0+2.0")
        lab.new()
        lab.deployable()
        lab.checkout.write("x.log", "")
        lab.done(*DEPLOY)

    def test_a_lightweight_tag_is_refused_by_lint(self, lab: Lab) -> None:
        lab.checkout.git("tag", "1.11.0+2.0")
        lab.new()
        lab.deployable()
        assert lab.refused(*DEPLOY).endswith("failed lint checks (R014)")

    def test_what_is_deployed_is_not_deployed_again_without_force(self, lab: Lab) -> None:
        lab.new()
        lab.deployable()
        lab.docker.on("service", "ls", out=f"{STACK}_app\n")
        assert lab.refused(*DEPLOY) == f"{DOMAIN} is already deployed"
        lab.done(*DEPLOY, "-f")
        lab.done(*CHAOS)

    def test_a_secret_that_is_not_stored_is_named(self, lab: Lab) -> None:
        lab.new()
        lab.deployable()
        lab.docker.on("secret", "ls", out=f"{STACK}_key_v1\n")
        assert lab.refused(*DEPLOY) == "secret not generated: phrase"

    def test_a_secret_that_an_operator_must_insert_is_named_so(self, lab: Lab) -> None:
        lab.new()
        lab.env_file.write_text(
            lab.env_file.read_text().replace("PHRASE_VERSION=v1", "PHRASE_VERSION=v1 # generate=false")
        )
        lab.deployable()
        lab.docker.on("secret", "ls", out=f"{STACK}_key_v1\n")
        assert lab.refused(*DEPLOY) == "secret not inserted (#generate=false): phrase"


class TestDeployChaos:
    def test_the_tree_is_taken_as_it_is_and_the_version_label_is_the_compose_files(self, lab: Lab) -> None:
        lab.new()
        lab.checkout.git("checkout", "--quiet", "main")
        lab.deployable()
        labels = lab.deployed_with("-C")["labels"]
        short = lab.checkout.head[:8]
        assert labels == {
            f"coop-cloud.{STACK}.recipe": "thing",
            f"coop-cloud.{STACK}.version": "1.1.0+2.0",
            f"coop-cloud.{STACK}.chaos": "true",
            f"coop-cloud.{STACK}.chaos-version": short,
        }
        assert lab.env_file.read_text().splitlines()[0] == f"TYPE=thing:{short}"

    def test_a_version_that_comes_with_chaos_is_ignored(self, lab: Lab) -> None:
        lab.new()
        lab.checkout.git("checkout", "--quiet", "main")
        lab.deployable()
        lab.done("app", "deploy", DOMAIN, "1.9.0+2.0", "-C", "-o", "-n", "-c")
        assert lab.checkout.git("rev-parse", "main") == lab.checkout.head

    def test_an_untracked_file_shows_in_label_and_pin(self, lab: Lab) -> None:
        lab.new()
        lab.checkout.write("compose.ci.yml", "")
        lab.deployable()
        labels = lab.deployed_with("-C")["labels"]
        assert isinstance(labels, dict)
        assert labels[f"coop-cloud.{STACK}.chaos-version"] == lab.checkout.head[:8] + "+U"
        assert lab.env_file.read_text().splitlines()[0] == f"TYPE=thing:{lab.checkout.head[:8]}+U"

    def test_lint_does_not_stop_it(self, lab: Lab) -> None:
        lab.checkout.git("tag", "1.11.0+2.0")
        lab.new()
        lab.deployable()
        lab.done(*CHAOS)

    def test_a_pin_with_the_dirty_mark_leads_back_to_its_commit(self, lab: Lab) -> None:
        lab.new()
        head = lab.checkout.git("rev-parse", "main")
        lab.env_file.write_text(lab.env_file.read_text().replace(f"TYPE=thing:{NEWEST}", f"TYPE=thing:{head[:8]}+U"))
        lab.deployable()
        lab.done("app", "secret", "ls", DOMAIN, "-o", "-n")
        assert lab.checkout.head == head


class TestDeployed:
    def test_the_apps_env_is_given_to_the_service_app_with_the_version_in_the_marker(self, lab: Lab) -> None:
        lab.new()
        lab.deployable()
        assert lab.deployed_with()["environment"] == {
            "TYPE": f"thing:{NEWEST}",
            "DOMAIN": DOMAIN,
            "COMPOSE_FILE": "compose.yml",
            "SECRET_KEY_VERSION": "v1",
            "SECRET_PHRASE_VERSION": "v1",
            "CONF_VERSION": "v1",
            "QUOTED": "v1",
            "STACK_NAME": STACK,
        }

    def test_a_dollar_in_a_value_reaches_the_app_as_it_is(self, lab: Lab) -> None:
        lab.new()
        lab.env_file.write_text(lab.env_file.read_text() + "PRICE_TAG='$5 or ${DOMAIN}'\n")
        lab.deployable()
        lab.done(*DEPLOY)
        (call,) = lab.docker.of("stack", "deploy")
        assert call.generated["services"]["app"]["environment"]["PRICE_TAG"] == "$$5 or $${DOMAIN}"

    def test_docker_gets_the_apps_env_to_interpolate_and_no_more(self, lab: Lab) -> None:
        lab.new()
        lab.env_file.write_text(lab.env_file.read_text() + "DOCKER_HOST=tcp://elsewhere\nDOCKER_TLS_VERIFY=1\n")
        lab.deployable()
        lab.extra["SECRET_OF_THE_CALLER"] = "x"
        lab.done(*DEPLOY)
        (call,) = lab.docker.of("stack", "deploy")
        assert call.options[:2] == ("--host", "unix:///var/run/docker.sock")
        assert (call.env["STACK_NAME"], call.env["CONF_VERSION"]) == (STACK, "v1")
        assert not {"DOCKER_TLS_VERIFY", "SECRET_OF_THE_CALLER"} & set(call.env)

    @pytest.mark.parametrize("key", ["LD_PRELOAD", "GCONV_PATH", "PATH", "DOCKER_CLI_PLUGIN_SOCKET"])
    def test_what_docker_would_obey_is_not_handed_to_it(self, lab: Lab, key: str) -> None:
        lab.new()
        lab.env_file.write_text(lab.env_file.read_text() + f"{key}=./evil.so\n")
        lab.deployable()
        assert f"the app's env sets {key}" in lab.refused(*DEPLOY)
        assert lab.docker.of("stack", "deploy") == []

    def test_the_registry_is_always_asked_and_nothing_is_pruned(self, lab: Lab) -> None:
        lab.new()
        lab.deployable()
        lab.done(*DEPLOY)
        (call,) = lab.docker.of("stack", "deploy")
        assert call.args[2:5] == ("--resolve-image", "always", "--with-registry-auth")
        assert "--prune" not in call.args

    def test_compose_file_builds_on_itself_and_its_last_line_wins(self, lab: Lab) -> None:
        lab.checkout.write("compose.more.yml", 'version: "3.8"\nservices: {extra: {image: "nginx:1.22.1"}}\n')
        lab.checkout.write(".env.sample", miniabralab.SAMPLE + 'COMPOSE_FILE="$COMPOSE_FILE:compose.more.yml"\n')
        lab.checkout.commit(tag="1.11.0+2.0")
        lab.new()
        lab.deployable()
        lab.done(*DEPLOY)
        (call,) = lab.docker.of("stack", "deploy")
        assert ["extra" in text for text in call.files] == [False, True, False]

    def test_depends_on_is_ignored_be_it_of_a_service_that_is_not_there(self, lab: Lab) -> None:
        lab.checkout.replace("compose.yml", "    secrets: [key", "    depends_on: [nobody]\n    secrets: [key")
        lab.checkout.commit(tag="1.11.0+2.0")
        lab.new()
        lab.deployable()
        lab.done(*DEPLOY)

    def test_a_compose_file_that_this_version_lacks_is_named(self, lab: Lab) -> None:
        lab.new()
        lab.env_file.write_text(lab.env_file.read_text() + "COMPOSE_FILE=compose.yml:compose.new.yml\n")
        lab.deployable()
        assert "no compose file compose.new.yml" in lab.refused(*CHAOS)

    def test_dockers_own_reason_is_given_in_one_line_and_nothing_is_pinned(self, lab: Lab) -> None:
        lab.new()
        lab.deployable()
        lab.docker.on("stack", "deploy", err="warned\nError response from daemon: network x not found\n", code=1)
        before = lab.env_file.read_text()
        assert lab.refused(*CHAOS) == "network x not found"
        assert lab.env_file.read_text() == before

    def test_a_long_domain_gives_a_stack_name_of_45_characters(self, lab: Lab) -> None:
        lab.done("app", "new", RECIPE, "-D", f"{'a' * 60}.ci.test", "-o", "-n")
        lab.docker.on("service", "ls")
        stack = "a" * 45
        lab.docker.on("secret", "ls", out=f"{stack}_key_v1\n{stack}_phrase_v1\n")
        lab.docker.on("stack", "deploy")
        lab.done("app", "deploy", f"{'a' * 60}.ci.test", "-o", "-n", "-c")
        assert lab.docker.of("stack", "deploy")[0].args[-1] == stack

    def test_it_never_asks(self, lab: Lab) -> None:
        lab.new()
        assert "--no-input" in lab.refused("app", "deploy", DOMAIN, "-o", "-C")

    def test_an_app_that_is_not_there_is_named(self, lab: Lab) -> None:
        assert lab.refused(*DEPLOY) == f"cannot find app with name {DOMAIN}"


class TestWaiting:
    def wait(self, lab: Lab, *, replicas: str, state: str = "") -> None:
        lab.new()
        lab.deployable()
        lab.docker.on("stack", "services", out=f"{STACK}_app {replicas}\n")
        lab.docker.on("service", "inspect", out=f"{STACK}_app {state}\n")

    def test_it_waits_until_every_task_runs(self, lab: Lab) -> None:
        self.wait(lab, replicas="1/1", state="completed")
        lab.done("app", "deploy", DOMAIN, "-o", "-n", "-C")

    def test_a_rollback_is_a_failed_deployment(self, lab: Lab) -> None:
        self.wait(lab, replicas="1/1", state="rollback_completed")
        assert (
            lab.refused("app", "deploy", DOMAIN, "-o", "-n", "-C") == f"deploy failed: {STACK}_app: rollback_completed"
        )

    def test_the_recipes_timeout_label_is_the_time_that_it_waits(self, lab: Lab) -> None:
        lab.checkout.replace("compose.yml", '- "traefik', '- "coop-cloud.${STACK_NAME}.timeout=1"\n        - "traefik')
        lab.checkout.commit(tag="1.11.0+2.0")
        self.wait(lab, replicas="0/1")
        assert lab.refused("app", "deploy", DOMAIN, "-o", "-n", "-C") == "deploy timed out after 1 seconds"


class TestUndeploy:
    def test_it_asks_for_removal_and_returns(self, lab: Lab) -> None:
        lab.new()
        lab.docker.on("service", "ls", out=f"{STACK}_app\n")
        lab.docker.on("stack", "rm")
        lab.done("app", "undeploy", DOMAIN, "-o", "-n")
        assert [call.args for call in lab.docker.calls][-1] == ("stack", "rm", STACK)

    def test_what_is_not_deployed_is_refused(self, lab: Lab) -> None:
        lab.new()
        lab.docker.on("service", "ls")
        assert lab.refused("app", "undeploy", DOMAIN, "-n") == f"{DOMAIN} is not deployed?"


class TestRemove:
    def test_secrets_volumes_and_the_env_file_go_and_nothing_of_others(self, lab: Lab) -> None:
        lab.new()
        lab.docker.on("service", "ls")
        lab.docker.on("secret", "ls", out=f"{STACK}_key_v1\nother_key_v1\n")
        lab.docker.on("volume", "ls", out=f"{STACK}_data\n")
        lab.docker.on("secret", "rm", f"{STACK}_key_v1")
        lab.docker.on("volume", "rm", f"{STACK}_data")
        lab.done("app", "rm", DOMAIN, "-n")
        assert not lab.env_file.exists()

    def test_what_is_deployed_is_refused(self, lab: Lab) -> None:
        lab.new()
        lab.docker.on("service", "ls", out=f"{STACK}_app\n")
        assert "still deployed" in lab.refused("app", "rm", DOMAIN, "-n")
        assert lab.env_file.exists()

    def test_a_volume_in_use_is_refused_with_dockers_words(self, lab: Lab) -> None:
        lab.new()
        lab.docker.on("volume", "ls", out=f"{STACK}_data\n")
        lab.docker.on("volume", "rm", err="Error response from daemon: remove x: volume is in use - [1]\n", code=1)
        assert lab.refused("app", "volume", "rm", DOMAIN, "-f") == "remove x: volume is in use - [1]"
