# What `nix run .#NAME` starts beside the packages' own main programs.
{ ... }: { }
