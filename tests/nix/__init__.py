"""What needs a Nix: packages, shells, checks and the NixOS module, each really evaluated, built or run."""
