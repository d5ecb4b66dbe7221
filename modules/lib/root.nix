# A root of its own for a unit. Of the machine it sees the Nix store, how names are looked up, which certificates are
# trusted, and what else the unit says: no file of another service, whatever the unit's user may read.
rec {
  # An empty folder, in which systemd makes what it mounts on.
  folder = "/run/recipeci-root";
  tmpfiles = "d ${folder} 0755 root root -";

  serviceConfig = {
    RootDirectory = folder;
    MountAPIVFS = true;
    BindReadOnlyPaths = [
      builtins.storeDir
      "-/etc/hosts"
      "-/etc/nsswitch.conf"
      "-/etc/resolv.conf"
      "-/etc/ssl/certs/ca-certificates.crt"
    ];
  };
}
