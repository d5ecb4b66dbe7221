"""The only place that makes base images from Debian's packages: which mirrors, which archive keys, which options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from recipeci.errors import HostError
from recipeci.host import closure
from recipeci.host.command import BASE_ENV, Runner
from recipeci.host.store.entries import Debian

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SECONDS = 1800
TARGETS = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(LABEL)", "Created-By: Packages"]
# Its many processes and mounts go with it, also when it or we are killed.
ISOLATED = (
    *("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--propagation", "private", "--"),
)
# Of the machine's apt configuration only what says how to reach a mirror.
CARRIED = ("Acquire::http::", "Acquire::https::", "Acquire::Check-", "Acquire::Retries")
LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/lintian/*")
# What images on top would delete or write anew: a deletion would mark their layers (store/marks), which makes them
# slow to lend. mmdebstrap's own cleaning is left out because it leaves lock files and empty folders.
CLEAN = (
    'cd "$1" && rm -rf etc/resolv.conf etc/hostname var/log/* var/lib/apt/lists/* var/cache/apt/*'
    " var/lib/dpkg/*-old var/cache/debconf/*-old"
)

INSTALLED = (
    "--variant=minbase",
    "--dpkgopt=force-unsafe-io",
    *(f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT),
    "--skip=cleanup/apt",
    f"--customize-hook={CLEAN}",
)
# dpkg is not run: the links from / to /usr, which a package's script makes, are made here.
MERGED = 'mkdir "$1/usr" && cd "$1" && for d in bin lib lib64 sbin; do mkdir usr/$d && ln -s usr/$d $d || exit; done'
UNPACKED = (
    "--variant=extract",
    f"--setup-hook={MERGED}",
    '--extract-hook=cd "$1" && rm -rf usr/share var/log usr/lib/systemd',
)


def sources(targets: str, suite: str) -> tuple[str, ...]:
    """Return apt source lines for a suite: the machine's own mirrors with the suite's name exchanged.

    Args:
        targets: what `TARGETS` prints: one line `URI RELEASE LABEL` an index.
        suite: such as `trixie`; its security updates come along where the machine has those of its own.

    Raises:
        HostError: the machine has no Debian source, or apt was never updated.
    """
    found: dict[str, None] = {}
    for line in targets.splitlines():
        uri, release, label = (*line.split(), "", "", "")[:3]
        # Debian-Security calls bookworm's release `bookworm-security`; point updates (`-updates`) are left out.
        if label == "Debian" and "-" not in release:
            found[f"deb {uri} {suite} main"] = None
        elif label == "Debian-Security":
            found[f"deb {uri} {suite}-security main"] = None
    if not any(line.endswith(f" {suite} main") for line in found):
        raise HostError("apt knows no Debian mirror", hint="add a Debian source and run `apt-get update`")
    return tuple(sorted(found))


def carried(dump: str) -> tuple[str, ...]:
    """Return the lines of `apt-config dump` that say how mirrors are reached (proxies, checks)."""
    lines = (line for line in dump.splitlines() if line.startswith(CARRIED))
    return tuple(line for line in lines if not line.rstrip().endswith('"";'))


def mmdebstrap(base: Debian, tar: Path, *, lines: Sequence[str], options: Sequence[str]) -> list[str]:
    """Return the command that writes a minimal system as a tar: no manuals, no documentation, no translations."""
    apt = ['Acquire::Languages "none"', 'APT::Install-Recommends "false"', *options]
    return [
        *("mmdebstrap", "--quiet", f"--keyring={KEYRING}"),
        *(f"--aptopt={option.rstrip(';')}" for option in apt),
        *([f"--include={','.join(base.include)}"] if base.include else []),
        *(UNPACKED if base.programs_only else INSTALLED),
        *(base.suite, str(tar), *lines),
    ]


def make(base: Debian, tar: Path, *, work: Path, runner: Runner, env: Mapping[str, str]) -> None:
    """Write the tar of a base system; `work` is a folder for what is thrown away.

    Raises HostError or CommandFailed with mmdebstrap's last lines.
    """
    if not KEYRING.exists():
        raise HostError(f"{KEYRING} is not there", hint="apt-get install debian-archive-keyring")
    full = {**BASE_ENV, **env, "PATH": closure.OWN.machine_path, "TMPDIR": str(work)}
    lines = sources(runner.run(TARGETS, timeout=60, env=full).out, base.suite)
    options = carried(runner.run(["apt-config", "dump"], timeout=60, env=full).out)
    argv = mmdebstrap(base, work / "base.tar", lines=lines, options=options)
    runner.run([*ISOLATED, *argv], timeout=SECONDS, env=full)
    (work / "base.tar").replace(tar)
