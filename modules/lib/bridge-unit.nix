# What the units of the bridge's user share. There is one such user and one folder, that of the database. systemd keeps it
# below /var/lib/private, which only root may enter; and root opens what is in it with the rights of the folder's owner
# alone. So it is shown a second time, where that user may go: in the units, and to root's commands.
{ config }:
let
  hardening = removeAttrs (import ./hardening.nix) [ "IPAddressDeny" ]; # the forge is anywhere
  root = import ./root.nix;
  name = "recipeci";
in
rec {
  folder = "/run/${name}";
  kept = "/var/lib/private/${name}";
  shown = "${kept}:${folder}";

  # Where a unit finds what its LoadCredential gives it, and where root finds it while the unit runs.
  secrets = unit: "/run/credentials/${unit}.service";

  # By its place in the store: another setting is another unit, so that a switch starts it again.
  settings = config.environment.etc."xdg/recipeci/settings.yml".source;

  serviceConfig =
    hardening
    // root.serviceConfig
    // {
      DynamicUser = true;
      User = name;
      StateDirectory = name;
      StateDirectoryMode = "0700";
      BindPaths = [ shown ];

      # It listens, and speaks to the forge.
      PrivateNetwork = false;
      RestrictAddressFamilies = [
        "AF_INET"
        "AF_INET6"
      ];
    };
}
