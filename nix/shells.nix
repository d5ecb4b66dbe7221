# The shells of `nix develop`.
{ pkgs, ... }: { default = pkgs.mkShellNoCC { }; }
