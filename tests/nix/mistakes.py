"""The only list of what services.recipeci refuses, and of what looks like a mistake and is none.

Those of the parts bridge, worker and sweep are in service_mistakes.py.
"""

HOST = 'mode = "host";'
REFUSED = {
    "wrong type": ('ours { enable = "yes"; }', "services.recipeci.enable is not of type boolean"),
    "unknown option": ("ours { enabel = true; }", "services.recipeci.enabel does not exist.*Did you mean .*enable"),
    "password in the store": (
        'ours { settings.forge = "https://me:secret@git.example.org/x"; }',
        "settings.forge has a login in it, and the settings lie in the Nix store.*Give the address without it",
    ),
    "token in the store": (
        'ours { settings.forge = "https://0123abc@git.example.org/x"; }',
        "settings.forge has a login in it",
    ),
    "user in the store": (
        'ours { settings.forge = "ssh://git@git.example.org/x"; }',
        "settings.forge has a login in it",
    ),
    "live-restore": (
        f"system {{ services.recipeci.{HOST} virtualisation.docker.liveRestore = true; }}",
        "Docker does not start as one with live-restore. Remove virtualisation.docker.liveRestore = true",
    ),
    "live-restore by the daemon's own settings": (
        f"system {{ services.recipeci.{HOST} virtualisation.docker.daemon.settings.live-restore = true; }}",
        "Docker does not start as one with live-restore.*live-restore in virtualisation.docker.daemon.settings",
    ),
    "cells and host mode": (
        'ours { mode = "cells"; swarm.subnet = "10.20.0.0/16"; }',
        "swarm.subnet is for host mode, and .*mode is .cells.*Set .*mode = .host., or remove what is set .*: subnet",
    ),
    "cells and host mode by two modules": (
        'system { imports = [ { services.recipeci.mode = "cells"; } { services.recipeci.mode = "host"; } ]; }',
        "services.recipeci.mode has conflicting definition values.*Use lib.mkForce value",
    ),
    "abra too old": (
        'ours { abra.package = abra "0.12.1"; }',
        "abra.package is .* 0.12.1, and recipeci needs abra 0.13 or later. Remove the line",
    ),
    "abra that is none": (
        'ours { abra.package = host.pkgs.restic // { version = "9.0"; meta.mainProgram = "restic"; }; }',
        "abra.package is restic, whose program is restic, and recipes are deployed by a program abra. Remove the line",
    ),
    "allowlist line": (
        'ours { allowlist = [ "custom-html" "Gitea https://git.example.org/x" ]; }',
        "allowlist.*is not of type line RECIPE or RECIPE https://SOURCE",
    ),
    "network too small": (
        f'ours {{ {HOST} swarm.subnet = "10.10.0.0/24"; }}',
        "swarm.subnet is 10.10.0.0/24: .* smaller than /16 .*Set one such as .10.10.0.0/16",
    ),
    "no network's address": (
        f'ours {{ {HOST} swarm.subnet = "10.20.0.1/16"; }}',
        "swarm.subnet is 10.20.0.1/16, an address within the network 10.20.0.0/16, .*Set one such as .10.10.0.0/16",
    ),
    "network of the swarm's own": (
        f'ours {{ {HOST} swarm.subnet = "10.0.0.0/16"; }}',
        "swarm.subnet is 10.0.0.0/16, which has addresses of 10.0.0.0/24, .*Set one without them, such as .10.10",
    ),
    "an address in a network of the swarm's own": (
        f'ours {{ {HOST} swarm.subnet = "10.10.0.0/12"; }}',
        "an address within the network 10.0.0.0/12, .*which has addresses of 10.0.0.0/24",
    ),
    "octal subnet": (
        f'ours {{ {HOST} swarm.subnet = "10.08.0.0/16"; }}',
        "swarm.subnet is not of type IPv4 subnet, such as .10.10.0.0/16",
    ),
    "no time zone": (
        f"system {{ services.recipeci.{HOST} time.timeZone = lib.mkForce null; }}",
        "/etc/timezone and /etc/localtime that recipes mount, and time.timeZone is null. Remove that line",
    ),
    "advertise address": (
        f'ours {{ {HOST} swarm.advertiseAddress = "127.0.0.256"; }}',
        "swarm.advertiseAddress is not of type IPv4 address, such as .192.0.2.7",
    ),
    "cache path": (
        'ours { settings.cache = "var/cache/recipeci"; }',
        "settings.cache is not of type absolute path, in quotes, such as ./srv/recipeci",
    ),
    "swarm without Docker": (
        f"system {{ services.recipeci.{HOST} virtualisation.docker.enable = false; }}",
        "virtualisation.docker.enable is false. Remove that line, or set services.recipeci.mode = .cells",
    ),
}
"""Each with an expression that must fail, and what must be said, as a regular expression."""
ACCEPTED = {
    "the example host": "ours { }",
    "host mode": f"ours {{ {HOST} }}",
    "another subnet": f'ours {{ {HOST} swarm.subnet = "10.20.0.0/14"; swarm.advertiseAddress = "192.0.2.7"; }}',
    "the upper half of the swarm's own": f'ours {{ {HOST} swarm.subnet = "10.128.0.0/9"; }}',
    "no time zone in cells": "system { time.timeZone = lib.mkForce null; }",
    "a forge with an @ in a path": 'ours { settings.forge = "https://git.example.org/@team"; }',
    "abra just new enough": 'ours { abra.package = abra "0.13.0-beta"; }',
    "a sourced allowlist": 'ours { allowlist = [ "gitea https://git.example.org/someone/gitea" ]; }',
}
