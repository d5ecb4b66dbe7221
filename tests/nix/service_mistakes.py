"""The rest of mistakes.py: what the parts bridge, worker and sweep refuse, and what they do not."""

from nix.mistakes import HOST

ON_3000 = 'services.recipeci.bridge.listen = "127.0.0.1:3000";'
ON_SSH = 'services.recipeci.bridge.listen = "127.0.0.1:8030"; services.openssh.ports = [ 22 8030 ];'
REFUSED = {
    "bridge without a token": (
        'without "tokenFile"',
        "bridge.tokenFile is not set, and without .*Write the forges token into a file .*and set .*bridge.tokenFile = ",
    ),
    "bridge without a webhook secret": (
        'without "webhookSecretFile"',
        "bridge.webhookSecretFile is not set, and without a secret anybody .*head -c 64 makes one",
    ),
    "token's file in the store": (
        "bridge { tokenFile = stored; }",
        "bridge.tokenFile is in the Nix store, which everybody can read. Write .*a secret no more: make a new one",
    ),
    "webhook secret's file in the store": (
        "bridge { webhookSecretFile = stored; }",
        "bridge.webhookSecretFile is in the Nix store, which everybody can read. Write .*make a new one",
    ),
    "clone credential's file in the store": (
        "beside { services.recipeci.worker.cloneCredentialFile = stored; }",
        "worker.cloneCredentialFile is in the Nix store, .*Write the line https://USER:TOKEN@HOST into a file",
    ),
    "token's file without quotes": (
        "bridge { tokenFile = /run/secrets/token; }",
        "bridge.tokenFile is not of type null or absolute path, in quotes, of a file outside of the Nix store",
    ),
    "one file for two secrets": (
        "bridge { webhookSecretFile = good.tokenFile; }",
        "tokenFile and webhookSecretFile are the same file, .*Write a secret of its own into another file",
    ),
    "bridge without the forge's address": (
        'without "forge"',
        "bridge.forge is not set, and the bridge needs the forges address. Set one such as .https://git.example.org",
    ),
    "bridge without its own address": (
        'without "url"',
        "bridge.url is not set, and the bridge needs the bridges own address.*Set one such as .https://ci.example.org",
    ),
    "forge by http": (
        'bridge { forge = "http://forge.test"; }',
        "bridge.forge is http://forge.test: over http:// everybody on the way .*token. Set an https:// address;",
    ),
    "own address by http": (
        'bridge { url = "http://127.0.0.1.bridge.test"; }',
        "bridge.url is http://127.0.0.1.bridge.test: over http:// everybody on the way .*Set an https:// address",
    ),
    "forge with a login": (
        'bridge { forge = "https://me@forge.test"; }',
        "bridge.forge is not of type null or address, such as .https://git.example.org., without a login in it",
    ),
    "a port that another service has": (
        f"beside {{ {ON_SSH} }}",
        "bridge.listen is 127.0.0.1:8030, and port 8030 is taken by services.openssh. Give .*listen another port",
    ),
    "a port of the forge's": (
        f"beside {{ {ON_3000} services.gitea.enable = true; }}",
        "port 3000 is taken by services.gitea. Give .*listen another port",
    ),
    "a port that a socket has": (
        'beside { systemd.sockets.other.listenStreams = [ "/run/other" "[::]:8022" ]; }',
        "bridge.listen is 127.0.0.1:8022, and port 8022 is taken by systemd.sockets.other. Give .*listen another port",
    ),
    "a port of the swarm's": (
        f'beside {{ services.recipeci = {{ {HOST} bridge.listen = "127.0.0.1:2377"; }}; }}',
        "port 2377 is taken by the swarm of services.recipeci.mode = .host.. Give .*listen another port",
    ),
    "a port of root's": (
        'bridge { listen = "0.0.0.0:80"; }',
        "bridge.listen is 0.0.0.0:80, and the bridge is not root.*Set a port such as 8022, and let a reverse proxy",
    ),
    "database out of reach": (
        'beside { services.recipeci.settings.database = "/srv/recipeci.db"; }',
        "settings.database is /srv/recipeci.db, and the bridges unit writes in /run/recipeci alone. Remove that",
    ),
    "token in the settings": (
        'beside { services.recipeci.settings.bridge.token_file = "/etc/token"; }',
        "settings.bridge.token_file has conflicting definition values.*Use lib.mkForce value",
    ),
    "worker without slots": (
        "beside { services.recipeci.worker.slots = 0; }",
        "worker.slots is 0, and nothing that is queued would ever run. Set 1 or more, or .*worker.enable = false",
    ),
    "worker without a bridge": (
        "ours { worker.enable = true; }",
        "worker.enable is true, and what it carries out is queued by the bridge, .*Set services.recipeci.bridge.enable",
    ),
    "worker with the built-in abra": (
        'beside { services.recipeci.settings.abra.program = "builtin"; }',
        "abra.program is .builtin., and a worker deploys by the built-in abra only where .*builtin_is_final = true",
    ),
    "sweep without a bridge": (
        "ours { sweep.enable = true; }",
        "sweep.enable is true, and what it queues is kept .* by the bridge, .*Set services.recipeci.bridge.enable",
    ),
}
ACCEPTED = {
    "a bridge": "bridge { }",
    "a bridge on one machine with its forge": 'bridge { forge = "http://localhost:3000/"; url = "http://[::1]:8022"; }',
    "a bridge alone": "beside { services.recipeci.worker.enable = false; }",
    "all parts": "drv sweepMode",
    "the built-in abra, allowed": """
        beside { services.recipeci.settings.abra = { program = "builtin"; builtin_is_final = true; }; }
    """,
    "another database in the folder": 'beside { services.recipeci.settings.database = "/run/recipeci/x.db"; }',
    "what has no option of its own": "beside { services.recipeci.settings.bridge.poll_seconds = 60; }",
    "the port of a forge that listens at a socket": f"""
        beside {{ {ON_3000} services.gitea = {{ enable = true; settings.server.PROTOCOL = "http+unix"; }}; }}
    """,
    "another port than the forge's": "beside { services.gitea.enable = true; }",
}
