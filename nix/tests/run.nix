# A recipe to a verdict on the example host, by the built-in abra and by the machine's own; a broken one; a killed run.
# Nothing is left of any. The machine has no network: the recipe and its images are made by ../hello.nix.
{
  self,
  lib,
  pkgs,
}:
let
  inherit (import ../hello.nix { inherit lib pkgs; }) images recipe;
in
{
  name = "recipeci-run";

  nodes.machine = {
    imports = [
      self.nixosModules.recipeci
      ../../hosts/cc-ci.nix
    ];
    disabledModules = [ ../../hosts/hardware.nix ];
    boot.loader.systemd-boot.enable = true;
    example.placeholders = lib.mkForce [ ];
    services.recipeci.settings.runs.min_free_gb = 0;
    virtualisation = {
      cores = 2;
      diskSize = 8192;
      memorySize = 4096;
    };
  };

  testScript = ''
    HELLO = "recipeci --recipe hello --images ${images} --source"


    def remains() -> str:
        cells = machine.succeed("find /var/cache/recipeci/runs -mindepth 2 -maxdepth 2 -name swarm")
        return cells + machine.succeed("find /sys/fs/cgroup -maxdepth 1 -name 'recipeci-*'")


    def nothing_is_left() -> None:
        machine.fail("pgrep -x dockerd")
        assert remains() == ""
        machine.fail("grep -F /var/cache/recipeci/runs /proc/mounts")


    machine.wait_for_unit("multi-user.target")

    for abra in ("--abra builtin", ""):
        with subtest(f"a recipe gets its verdict, nothing is left: {abra or 'the abra of the machine'}"):
            said = machine.succeed(f"{HELLO} ${recipe { broken = false; }} {abra}")
            for line in ("install   : pass", "upgrade   : pass", "backup    : pass", "restore   : pass", "leftovers = 0"):
                assert line in said, said
            nothing_is_left()

    with subtest("a broken recipe is red, nothing is left"):
        status, said = machine.execute(f"{HELLO} ${recipe { broken = true; }} --abra builtin")
        assert status == 1, said
        nothing_is_left()

    with subtest("what a killed run leaves, the unit removes"):
        machine.execute(f"{HELLO} ${recipe { broken = false; }} --abra builtin --keep > /dev/null 2>&1 &")
        # The image store has a dockerd too, and a run that is killed in it has made nothing yet.
        machine.wait_until_succeeds("test -S /var/cache/recipeci/runs/*/swarm/run/docker.sock")
        machine.succeed("pkill -KILL -f 'recipeci --recipe [h]ello'")
        machine.wait_until_fails("pgrep -x dockerd")
        assert remains() != ""
        machine.succeed("systemctl start recipeci-clean.service")
        nothing_is_left()
  '';
}
