# The one list of linters.
{ pkgs, ... }: { formatter = pkgs.nixfmt-tree; }
