# An example host: an empty machine with the harness on it.
{
  services.recipeci.enable = true;
  boot.loader.grub.enable = false;
  fileSystems."/" = {
    device = "/dev/vda1";
    fsType = "ext4";
  };
  system.stateVersion = "26.05";
}
