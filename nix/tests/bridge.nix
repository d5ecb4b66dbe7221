# From a comment to a verdict on one machine: a Gitea of its own, the bridge, a worker, a sweep; with the built-in abra, so
# that it needs no other. What the forge was told is read from the forge.
{
  self,
  lib,
  pkgs,
}:
let
  inherit (import ../hello.nix { inherit lib pkgs; }) images recipe;
in
{
  name = "recipeci-bridge";

  nodes.machine = {
    imports = [
      self.nixosModules.recipeci
      ../../hosts/cc-ci.nix
    ];
    disabledModules = [ ../../hosts/hardware.nix ];
    boot.loader.systemd-boot.enable = true;
    example.placeholders = lib.mkForce [ ];

    services.gitea = {
      enable = true;
      settings = {
        server = {
          HTTP_ADDR = "127.0.0.1";
          ROOT_URL = "http://127.0.0.1:3000/";
        };
        service.DISABLE_REGISTRATION = true;
        webhook.ALLOWED_HOST_LIST = "loopback";
      };
    };

    services.recipeci = {
      bridge = {
        enable = true;
        forge = "http://127.0.0.1:3000";
        url = "http://127.0.0.1:8022";
        tokenFile = "/var/lib/secrets/token";
        webhookSecretFile = "/var/lib/secrets/webhook";
      };
      sweep.enable = true;
      settings = {
        abra = {
          program = "builtin";
          builtin_is_final = true;
        };
        images = "${images}";
        runs.min_free_gb = 0;
      };
    };

    virtualisation = {
      cores = 2;
      diskSize = 8192;
      memorySize = 4096;
    };
  };

  testScript = ''
    import json
    from typing import Any

    PASSWORD = "of-this-machine-alone"
    STATUS = "recipeci/hello"


    def add_user(name: str) -> None:
        words = f"admin user create --username {name} --password {PASSWORD} --email {name}@localhost --must-change-password=false"
        machine.succeed(f"su -l gitea -c 'GITEA_WORK_DIR=/var/lib/gitea gitea {words}'")


    def api(user: str, method: str, path: str, body: "dict[str, object] | None" = None) -> Any:
        given = f"--header 'Content-Type: application/json' --data '{json.dumps(body)}'" if body else ""
        asked = f"--user {user}:{PASSWORD} --request {method} {given} http://127.0.0.1:3000/api/v1{path}"
        return json.loads(machine.succeed(f"curl --fail --silent --show-error {asked}") or "null")


    def push(tree: str, branch: str) -> None:
        to = f"http://me:{PASSWORD}@127.0.0.1:3000/me/hello.git"
        machine.succeed(f"git -C {tree} push --quiet {to} HEAD:refs/heads/{branch} --tags")


    def pull_of(branch: str) -> "tuple[int, str]":
        body: "dict[str, object]" = {"head": branch, "base": "main", "title": branch}
        made = api("me", "POST", "/repos/me/hello/pulls", body)
        return made["number"], made["head"]["sha"]


    def comment(pull: int, words: str) -> None:
        api("me", "POST", f"/repos/me/hello/issues/{pull}/comments", {"body": words})


    def states(sha: str) -> "list[str]":
        found = api("bot", "GET", f"/repos/me/hello/commits/{sha}/statuses?sort=oldest")
        return [status["status"] for status in found if status["context"] == STATUS]


    def wait_for_end(sha: str) -> "list[str]":
        ended = f"http://127.0.0.1:3000/api/v1/repos/me/hello/commits/{sha}/status"
        machine.wait_until_succeeds(
            f"curl --silent --user bot:{PASSWORD} {ended} | grep -qE '\"status\":\"(success|failure|error)\"'", timeout=900
        )
        return states(sha)


    def answers(pull: int) -> "list[str]":
        found = api("bot", "GET", f"/repos/me/hello/issues/{pull}/comments")
        return [one["body"] for one in found if one["user"]["login"] == "bot"]


    machine.wait_for_unit("gitea.service")
    machine.wait_for_open_port(3000)
    machine.fail("systemctl is-active recipeci-bridge.service")

    with subtest("the bridge comes up once it has its secrets"):
        for user in ("bot", "me"):
            add_user(user)
        scopes = ["read:user", "write:issue", "write:repository"]
        token = api("bot", "POST", "/users/bot/tokens", {"name": "recipeci", "scopes": scopes})["sha1"]
        machine.succeed("install -d -m 700 /var/lib/secrets")
        for name, secret in (("token", token), ("webhook", "a" * 64)):
            machine.succeed(f"umask 077; echo {secret} > /var/lib/secrets/{name}")
        machine.succeed("systemctl restart recipeci-bridge.service recipeci-worker.service")
        machine.wait_until_succeeds("curl --fail --silent http://127.0.0.1:8022/healthz")
        machine.wait_for_unit("recipeci-worker.service")

    with subtest("a repository takes part"):
        api("me", "POST", "/user/repos", {"name": "hello", "default_branch": "main"})
        push("${recipe { broken = false; }}", "main")
        push("${recipe { broken = true; }}", "broken")
        api("me", "PUT", "/repos/me/hello/collaborators/bot", {"permission": "admin"})
        said = machine.succeed("recipeci enroll me/hello")
        assert "me/hello is enrolled: recipe hello; webhook " in said, said

    with subtest("who has no secret is not heard"):
        hook = "--output /dev/null --write-out '%{http_code}' --data '{}' http://127.0.0.1:8022/hooks/gitea"
        kind = "--header 'Content-Type: application/json' --header 'X-Gitea-Event: issue_comment'"
        code = machine.succeed(f"curl --silent {kind} {hook}")
        assert code == "401", code

    with subtest("a comment becomes a verdict, each thing once, also where the poller finds it too"):
        change: "dict[str, object]" = {"branch": "main", "new_branch": "change", "content": "eA==", "message": "docs: x"}
        api("me", "POST", "/repos/me/hello/contents/NOTES.md", change)
        pull, sha = pull_of("change")
        comment(pull, "!testme")
        told = wait_for_end(sha)
        assert told == ["pending", "success"], told
        machine.sleep(35)
        assert states(sha) == told
        (answer,) = answers(pull)
        assert "**pass**" in answer, answer

    with subtest("a broken recipe is red"):
        pull, sha = pull_of("broken")
        comment(pull, "!testme")
        told = wait_for_end(sha)
        assert told == ["pending", "failure"], told
        (answer,) = answers(pull)
        assert "**fail**" in answer, answer

    with subtest("the worker finds neither token nor Docker, and leaves nothing"):
        pid = machine.succeed("systemctl show --property MainPID --value recipeci-worker.service").strip()
        for path in ("/var/lib/secrets", "/run/credentials", "/run/docker.sock"):
            machine.fail(f"nsenter --mount --pid --target {pid} ${lib.getExe' pkgs.coreutils "ls"} {path}")
        machine.fail("pgrep -x dockerd")
        machine.fail("grep -F /var/cache/recipeci/runs /proc/mounts")

    with subtest("a sweep has the newest version tested"):
        machine.succeed("systemctl start recipeci-sweep.service")
        said = machine.succeed("journalctl --unit recipeci-sweep.service --output cat")
        assert "1 expected, 1 ran" in said, said
  '';
}
