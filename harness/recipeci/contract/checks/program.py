"""The only place that checks how abra is started and how it ends: version, exit codes, streams, terminals, folders."""

from __future__ import annotations

import json
import re

from recipeci.contract.lab import Answer, Lab
from recipeci.contract.repository import OLD, RECIPE, with_secrets
from recipeci.contract.results import NotChecked, Observed
from recipeci.errors import AbraFailed
from recipeci.host.abra import SERVER, VERSION

LOG = re.compile(r"^(DEBU|INFO|WARN|INF|WRN)\b.*$", re.MULTILINE)
LINES = 200
"""Characters of an answer that are shown."""


def version_is_printed(lab: Lab) -> Observed:
    """Ask for the version."""
    answer = lab.raw("--version")
    return Observed(bool(VERSION.search(answer.out)), answer.out.strip()[:LINES] or "nothing on stdout")


def fatal_ends_with_one(lab: Lab) -> Observed:
    """Undeploy an app that is none."""
    answer = _refused(lab)
    return Observed(answer.code == 1, f"it ended with {answer.code}")


def fatal_is_on_stdout(lab: Lab) -> Observed:
    """Undeploy an app that is none."""
    answer = _refused(lab)
    on = [name for name, text in (("stdout", answer.out), ("stderr", answer.err)) if "FATA" in text]
    return Observed(on == ["stdout"], f"FATA on {' and '.join(on)}")


def log_words_have_four_letters(lab: Lab) -> Observed:
    """Deploy, and look at how its lines begin."""
    lab.app()
    answer = lab.deploy("-C")
    words = sorted(set(LOG.findall(answer.out + answer.err)))
    return Observed(bool(words) and all(len(word) == len("INFO") for word in words), ", ".join(words) or "no log line")


def machine_logs_are_on_stderr(lab: Lab) -> Observed:
    """Make secrets with `-m`, and look whether stdout is JSON and nothing else."""
    with_secrets(lab.recipe)
    lab.app()
    answer = lab.abra("app", "secret", "generate", lab.domain, "-a", "-m", "-C")
    try:
        json.loads(answer.out)
    except ValueError:
        return Observed(as_expected=False, seen=f"stdout is not JSON alone; {len(LOG.findall(answer.out))} log lines")
    return Observed(as_expected=True, seen=f"stdout is JSON alone; {len(LOG.findall(answer.err))} log lines on stderr")


def debug_may_be_given_too(lab: Lab) -> Observed:
    """Deploy with `--debug -o -n`."""
    lab.app()
    answer = lab.deploy("-C", "--debug")
    return Observed(lab.service() is not None, "deployed" if lab.service() else answer.words)


def abra_dir_is_honoured(lab: Lab) -> Observed:
    """Make an app, and look where its `.env` is."""
    answer = lab.abra("app", "new", RECIPE, "-s", SERVER, "-D", lab.domain)
    at_home = (lab.folder / ".abra").exists()
    where = "in ABRA_DIR" if lab.env_file.is_file() else f"not in ABRA_DIR: {answer.words}"
    return Observed(lab.env_file.is_file() and not at_home, where + (", and ~/.abra was made" if at_home else ""))


def servers_may_be_a_link(lab: Lab) -> Observed:
    """Deploy an app whose `.env` is behind a linked folder."""
    lab.app()
    servers = lab.abra_dir / "servers"
    servers.rename(lab.folder / "elsewhere")
    servers.symlink_to(lab.folder / "elsewhere")
    answer = lab.deploy("-C")
    return Observed(lab.service() is not None, "deployed" if lab.service() else answer.words)


def no_terminal_is_wanted(lab: Lab) -> Observed:
    """Carry an app through its life by the harness's own adapter, with a pipe as stdin, stdout and stderr."""
    with_secrets(lab.recipe)
    lab.recipe.tag("1.11.0+1.0")
    abra, domain = lab.adapter, lab.domain
    try:
        abra.app_new(RECIPE, domain=domain, version="1.11.0+1.0", chaos=False)
        abra.app_secret_generate(domain)
        abra.app_deploy(domain, version=None, chaos=True, timeout=60)
        abra.app_undeploy(domain)
        lab.values()
        lab.remove_stack()
        lab.until_gone()
        abra.app_volume_remove(domain)
        abra.app_secret_remove(domain)
    except AbraFailed as e:
        return Observed(as_expected=False, seen=e.message)
    return Observed(as_expected=True, seen="new, secret generate, deploy, undeploy, volume rm, secret rm went through")


def _refused(lab: Lab) -> Answer:
    """Ask for what must be refused."""
    lab.app(pin=OLD)
    answer = lab.abra("app", "undeploy", f"nobody.{lab.domain}")
    if not answer.fatal:
        raise NotChecked(f"an app that is none was not refused: {answer.words}")
    return answer


CHECKS = (
    version_is_printed,
    fatal_ends_with_one,
    fatal_is_on_stdout,
    log_words_have_four_letters,
    machine_logs_are_on_stderr,
    debug_may_be_given_too,
    abra_dir_is_honoured,
    servers_may_be_a_link,
    no_terminal_is_wanted,
)
