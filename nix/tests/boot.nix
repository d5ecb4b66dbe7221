# From zero: the example host as it is, and in host mode; a second activation, and a second boot, change nothing.
{ self, lib, ... }:
let
  host = name: {
    imports = [
      self.nixosModules.recipeci
      ../../hosts/cc-ci.nix
    ];
    disabledModules = [ ../../hosts/hardware.nix ]; # a machine of its own has its own
    boot.loader.systemd-boot.enable = true;
    networking.hostName = lib.mkForce name; # the script's names are those of the machines
    services.recipeci.allowlist = [ "custom-html" ];
    example.placeholders = lib.mkForce [ ];
    system.switch.enable = true;
    virtualisation = {
      diskSize = 8192; # with less than runs.min_free_gb no run begins
      memorySize = 2048;
    };
  };
in
{
  name = "recipeci-boot";

  nodes = {
    cells = host "cells";
    swarm = {
      imports = [ (host "swarm") ];
      services.recipeci.mode = "host";
    };
  };

  testScript = ''
    def ids() -> str:
        node = swarm.succeed("docker info --format '{{.Swarm.NodeID}}'")
        return node + swarm.succeed("docker network inspect --format '{{.ID}}' proxy")


    def has_a_swarm() -> None:
        swarm.wait_for_unit("recipeci-swarm.service")
        state = swarm.succeed("docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}'")
        assert state == "active true\n", state
        network = swarm.succeed("docker network inspect --format '{{.Driver}} {{.Attachable}} {{.IPAM.Config}}' proxy")
        assert network.startswith("overlay true [{10.10.0.0/16 "), network


    start_all()
    for machine in (cells, swarm):
        machine.wait_for_unit("multi-user.target")
        assert machine.succeed("systemctl --failed --no-legend") == ""

    with subtest("the allowlist and the settings are root's and read-only"):
        for file in ("recipeci/allowlist", "xdg/recipeci/settings.yml"):
            assert cells.succeed(f"stat -L -c '%U %a' /etc/{file}") == "root 444\n"
            cells.fail(f"echo x >> /etc/{file}")
        assert cells.succeed("tail -n 1 /etc/recipeci/allowlist") == "custom-html\n"

    with subtest("a run can work, by the settings of the machine"):
        table = cells.succeed("recipeci doctor")
        assert "/var/cache/recipeci" in table, table

    with subtest("cells need no Docker of the machine's"):
        cells.fail("systemctl cat docker.service")

    with subtest("what killed runs left is removed by a timer"):
        assert "recipeci-clean.service" in cells.succeed("systemctl list-timers --no-legend recipeci-clean.timer")
        cells.succeed("systemctl start recipeci-clean.service")

    with subtest("host mode makes a swarm with the network proxy, and the files that recipes mount"):
        has_a_swarm()
        assert swarm.succeed("cat /etc/timezone") == "UTC\n"
        swarm.succeed("test -e /etc/localtime")

    with subtest("a second activation changes nothing"):
        before = ids()
        swarm.succeed("/run/current-system/bin/switch-to-configuration test >&2")
        swarm.succeed("systemctl restart recipeci-swarm.service")
        assert ids() == before

    with subtest("nor does a second boot"):
        swarm.shutdown()
        swarm.start()
        has_a_swarm()
        assert ids() == before
  '';
}
