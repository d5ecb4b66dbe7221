# The hardware of no machine, with which the example host evaluates. On yours, write over this file:
#   nixos-generate-config --show-hardware-config > hosts/hardware.nix
# That has no boot loader, and without one NixOS refuses the system: give yours in cc-ci.nix.
{
  boot.loader.systemd-boot.enable = true;
  fileSystems."/" = {
    device = "/dev/disk/by-label/nixos";
    fsType = "ext4";
  };
  fileSystems."/boot" = {
    device = "/dev/disk/by-label/boot";
    fsType = "vfat";
  };

  example.placeholders = [
    ''
      hosts/hardware.nix has the disks of no machine, and a system with other disks than the machine's does not boot.
        → on the machine: nixos-generate-config --show-hardware-config > hosts/hardware.nix''
  ];
}
