# An example host, for an empty machine: docs/nixos.md. What is marked is the machine's own, and yours to change.
{
  networking.hostName = "cc-ci";
  time.timeZone = "UTC";

  services.recipeci = {
    enable = true;
    # Whose repositories may bring tests that run here: nobody's, until you add lines such as "custom-html".
    allowlist = [ ];
    settings = {
      runs.keep_days = 30;
      store.keep_gb = 50;
    };
  };

  # Yours: how you reach it.
  services.openssh.enable = true;
  users.users.root.openssh.authorizedKeys.keys = [ ];

  # Yours: disk and boot loader, as nixos-generate-config found them.
  boot.loader.systemd-boot.enable = true;
  fileSystems."/" = {
    device = "/dev/disk/by-label/nixos";
    fsType = "ext4";
  };
  fileSystems."/boot" = {
    device = "/dev/disk/by-label/boot";
    fsType = "vfat";
  };

  system.stateVersion = "26.05";
}
