# What `nix flake check` builds.
{ ... }: { }
