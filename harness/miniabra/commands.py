"""The only place that carries out one command: what it does in its order, and what it shows."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from miniabra import app, backup, compose, deploy, lint, remove, say, secrets
from miniabra.app import App
from miniabra.docker import Docker
from miniabra.environment import Environment
from miniabra.errors import Fatal
from miniabra.recipe import Recipe


@dataclass(frozen=True)
class Call:
    """One command as it was given, and what it works with."""

    options: argparse.Namespace
    environment: Environment
    docker: Docker
    out: say.Lines

    def text(self, name: str) -> str:
        """Return an argument that must be there."""
        return str(getattr(self.options, name))

    def optional(self, name: str) -> str | None:
        """Return an argument that may be left out."""
        value = getattr(self.options, name)
        return None if value is None else str(value)

    def flag(self, name: str) -> bool:
        """Return whether a flag is given; one that the command does not have is not."""
        return bool(getattr(self.options, name, False))

    def app(self, *, ensure: bool = False) -> app.App:
        """Return the app that is named; `ensure` brings its recipe's checkout where the app is pinned, unless `-C`."""
        found = app.find(self.text("domain"), self.environment)
        if ensure:
            found.ensure(chaos=self.flag("chaos"), offline=self.flag("offline"))
        return found

    def app_of_a_backup(self) -> App:
        """Return the app that is named, its checkout where it is pinned unless `-C`, which may be unknown here."""
        if self.flag("chaos") and not self.environment.habits.backup_takes_chaos:
            raise Fatal("unknown shorthand flag: 'C' in -C")
        return self.app(ensure=True)

    def confirmed(self, what: str, *, removal: bool = False) -> None:
        """Ask nothing: miniabra has no prompts, so what abra would ask must have been answered by a flag."""
        if not (self.flag("no_input") or self.flag("force")):
            raise Fatal(f"{what}: miniabra never asks, pass --no-input")
        if removal and not (self.flag("force") or self.environment.habits.no_input_confirms_removal):
            raise Fatal(f"{what}: pass --force")

    def show(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print rows, as JSON with `-m`."""
        print((say.as_json if self.flag("machine") else say.table)(headers, rows), flush=True)


def app_new(call: Call) -> int:
    """Make an app; the checkout is moved to the version that it is pinned to, the newest unless given (facts A-01)."""
    recipe = Recipe(call.text("recipe"), call.environment)
    habits, chaos = call.environment.habits, call.flag("chaos")
    server = call.optional("server") or app.only_server(call.environment)
    domain = call.optional("name") or app.made_up_domain(recipe, server=server)
    wanted = (call.optional("version") if habits.new_takes_version else None) or recipe.latest()
    recipe.ensure(wanted, chaos=chaos, offline=call.flag("offline"))
    if chaos and wanted and habits.new_chaos_moves_checkout:
        recipe.git.checkout(wanted)
    elif chaos or wanted is None:
        wanted = recipe.git.small_sha()
    made = app.create(recipe, server=server, domain=domain)
    made.write_pin(wanted)
    compose.validated(made, call.docker)
    call.out.info(f"new app {made.domain} from {recipe.name} {wanted}")
    return 0


def app_deploy(call: Call) -> int:
    """Deploy an app."""
    call.confirmed("deploy")
    flags = deploy.Flags(
        chaos=call.flag("chaos"),
        force=call.flag("force"),
        offline=call.flag("offline"),
        check_domain=not call.flag("no_domain_checks"),
        check_convergence=not call.flag("no_converge_checks"),
    )
    deploy.deploy(call.app(), call.docker, version=call.optional("version"), flags=flags, out=call.out)
    return 0


def app_undeploy(call: Call) -> int:
    """Undeploy an app."""
    call.confirmed("undeploy")
    remove.undeploy(call.app(), call.docker, offline=call.flag("offline"), out=call.out)
    return 0


def app_remove(call: Call) -> int:
    """Remove an app."""
    call.confirmed("remove", removal=True)
    remove.remove(call.app(), call.docker, out=call.out)
    return 0


def volume_remove(call: Call) -> int:
    """Remove the volumes of an app."""
    call.confirmed("volume remove", removal=True)
    remove.remove_volumes(call.app(), call.docker, out=call.out)
    return 0


def secret_generate(call: Call) -> int:
    """Make all secrets, or one with a version of its own, and print the values (facts A-12)."""
    chosen, version = call.optional("secret"), call.optional("version")
    if (chosen is None) != call.flag("all") or (version is None) != (chosen is None):
        raise Fatal("secret generate: either a secret and its version, or --all")
    owner = call.app(ensure=True)
    wanted = secrets.wanted(owner, call.docker)
    if chosen is not None and version is not None:
        wanted = {chosen: secrets.with_version(owner, wanted, name=chosen, version=version)}
    made, stored = secrets.generate(owner, call.docker, wanted)
    for name in stored:
        call.out.warn(f"{name} already exists, moving on...")
    if not made:
        call.out.warn("no secrets generated")
        return int(call.environment.habits.generate_nothing_fails)
    if call.flag("machine") and not call.environment.habits.generated_json_is_a_list:
        print(say.as_object(made), flush=True)
    else:
        call.show(("NAME", "VALUE"), list(made.items()))
    call.out.warn("generated secrets are not shown again, take note of them now")
    return 0


def secret_insert(call: Call) -> int:
    """Store a secret's value."""
    owner = call.app(ensure=True)
    given = call.optional("value")
    if given is None:
        raise Fatal("secret insert: miniabra never asks, give a value")
    value = secrets.read_value(Path(given)) if call.flag("file") else given.encode()
    trimmed = call.flag("trim") or not call.environment.habits.inserted_files_are_kept
    value = value.strip() if trimmed else value
    secrets.insert(owner, call.docker, name=call.text("secret"), version=call.text("version"), value=value)
    call.out.info(f"{call.text('secret')} successfully stored on server")
    return 0


def secret_list(call: Call) -> int:
    """List the secrets that the compose files want."""
    owner = call.app(ensure=True)
    stored = call.docker.secrets()
    wanted = secrets.wanted(owner, call.docker).values()
    rows = [(secret.name, secret.version, secret.remote, str(secret.remote in stored).lower()) for secret in wanted]
    keys = ("name", "version", "generated name", "created on server")
    spaced = call.environment.habits.secret_list_keys_have_spaces
    call.show(keys if spaced else tuple(key.replace(" ", "-") for key in keys), rows)
    return 0


def secret_remove(call: Call) -> int:
    """Remove one secret of an app, or all."""
    chosen = call.optional("secret")
    if (chosen is None) != call.flag("all"):
        raise Fatal("secret remove: either a secret or --all")
    owner = call.app(ensure=True)
    stored = call.docker.secrets()
    wanted = [secret for secret in secrets.wanted(owner, call.docker).values() if chosen in {None, secret.name}]
    present = [secret for secret in wanted if secret.remote in stored]
    if not present:
        raise Fatal(f"no secret {chosen or 'of this app'} on server")
    for secret in present:
        call.docker.remove_secret(secret.remote)
        call.out.info(f"deleted {secret.name} from server")
    return 0


def backup_create(call: Call) -> int:
    """Have the backup bot make a snapshot of an app."""
    backup.run(call.app(ensure=True), call.docker, "create", options={"RETRIES": call.optional("retries") or ""})
    return 0


def backup_snapshots(call: Call) -> int:
    """List the snapshots of an app."""
    backup.run(call.app_of_a_backup(), call.docker, "snapshots", options={})
    return 0


def backup_list(call: Call) -> int:
    """List what is in a snapshot of an app, the newest unless given."""
    options = {
        "SNAPSHOT": call.optional("snapshot") or "",
        "SHOW_ALL": "true" if call.flag("all") else "",
        "TIMESTAMPS": "true" if call.flag("timestamps") else "",
        "INCLUDE_PATH": call.optional("path") or "",
    }
    backup.run(call.app_of_a_backup(), call.docker, "ls", options=options)
    return 0


def app_restore(call: Call) -> int:
    """Have a snapshot's files put back into an app, the newest unless given (facts A-17)."""
    options = {
        "SNAPSHOT": call.optional("snapshot") or "",
        "TARGET": call.optional("target") or "",
        "VOLUMES": ",".join(call.options.volumes),
        "NO_COMMANDS": "true" if call.flag("no_commands") else "",
    }
    backup.run(call.app_of_a_backup(), call.docker, "restore", options=options)
    return 0


def recipe_lint(call: Call) -> int:
    """Print the table of rules; 0 whatever its rows say. It is drawn to the terminal's width, so there must be one."""
    recipe = Recipe(call.text("recipe"), call.environment)
    recipe.ensure(None, chaos=call.flag("chaos"), offline=call.flag("offline"))
    subject = lint.read(recipe, call.docker)
    try:
        os.get_terminal_size(sys.stdout.fileno())
    except OSError as error:
        raise Fatal("inappropriate ioctl for device") from error
    call.show(lint.HEADERS, [rule.row(subject, call.environment.habits) for rule in lint.RULES])
    return 0
