# The only place that says what is wrong with an option that names a file with a secret.
{ lib }:
let
  inStore = file: lib.hasPrefix "${builtins.storeDir}/" file;
in
{
  # What it is, and which line makes it, for an option that must be set.
  needed =
    {
      option,
      file,
      what,
      why,
      make,
    }:
    {
      assertion = file != null;
      message = ''
        services.recipeci.${option} is not set, and ${why}.
        Write ${what} into a file that only root reads (${make}), and set services.recipeci.${option} = "/path/of/the/file".
      '';
    };

  outside =
    {
      option,
      file,
      what,
    }:
    {
      assertion = file == null || !inStore file;
      message = ''
        services.recipeci.${option} is in the Nix store, which everybody can read.
        Write ${what} into a file that only root reads, and set its path in quotes, such as "/var/lib/secrets/${baseNameOf option}". What lay in the store is a secret no more: make a new one.
      '';
    };
}
