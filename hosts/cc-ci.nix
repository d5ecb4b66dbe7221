# An example host, for an empty machine: docs/nixos.md. What is marked is the machine's own, and yours to give.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (config.users.users.root.openssh) authorizedKeys;
in
{
  imports = [
    ./hardware.nix # Yours: it says itself how to make it.
    ./placeholders.nix
  ];

  # Yours: the boot loader, as /etc/nixos/configuration.nix on the machine has it. With UEFI that is
  #   boot.loader.systemd-boot.enable = true;
  #   boot.loader.efi.canTouchEfiVariables = true;
  # and with BIOS, with the disk that it boots from,
  #   boot.loader.grub.device = "/dev/sda";

  # Yours: how you reach it.
  services.openssh.enable = true;
  users.users.root.openssh.authorizedKeys.keys = [ ];
  # Where you come in by another way, such as a user of your own, remove this.
  example.placeholders = lib.optional (authorizedKeys.keys ++ authorizedKeys.keyFiles == [ ]) ''
    hosts/cc-ci.nix has no ssh key, and nobody could log in.
      → users.users.root.openssh.authorizedKeys.keys = [ "ssh-ed25519 …" ];'';

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

  # What `nix flake update`, `nix build` and a flake in a git repository need.
  nix.settings.experimental-features = [
    "nix-command"
    "flakes"
  ];
  environment.systemPackages = [ pkgs.git ];

  system.stateVersion = "26.05";
}
