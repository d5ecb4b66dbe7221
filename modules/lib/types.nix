# The only place for types of options that more than one part uses, or that a test tries by themselves.
{ lib }:
let
  octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
  address4 = "(${octet}\\.){3}${octet}";
  # The module system says "is not of type `…`": the description is what an operator reads.
  described = description: type: type // { inherit description; };
in
{
  address4 = described "IPv4 address, such as \"192.0.2.7\"" (lib.types.strMatching address4);

  subnet4 = described "IPv4 subnet, such as \"10.10.0.0/16\"" (
    lib.types.strMatching "${address4}/([12]?[0-9]|3[0-2])"
  );

  # Without what mounts, tmpfiles and LoadCredential take apart. A path without quotes is no text: Nix would copy the file
  # into its store.
  secretFile = described "absolute path, in quotes, of a file outside of the Nix store, such as \"/var/lib/secrets/recipeci-token\"" (
    lib.types.strMatching "(/[A-Za-z0-9._+-]+)+"
  );

  # As harness/recipeci/schemas/settings.json has them, without a login; a test compares them.
  web = described "address, such as \"https://git.example.org\", without a login in it" (
    lib.types.strMatching "https?://([A-Za-z0-9.-]+|\\[[0-9A-Fa-f:.]+])(:[0-9]+)?(/[A-Za-z0-9._~-]+)*/?"
  );
  listen = described "host and port, such as \"127.0.0.1:8022\" or \"[::1]:8022\"" (
    lib.types.strMatching "([A-Za-z0-9.-]+|\\[[0-9A-Fa-f:.]+]):([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
  );

  # Without what mounts and tmpfiles take apart.
  folder = described "absolute path, in quotes, such as \"/srv/recipeci\"" (
    lib.types.strMatching "(/[A-Za-z0-9._+-]+)+"
  );

  # What harness/recipeci/recipe/allowlist.py reads; a test compares the two.
  allowlistLine = described "line `RECIPE` or `RECIPE https://SOURCE`, without a password in it" (
    lib.types.strMatching "[a-z0-9][a-z0-9-]{0,62}( +https?://[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?(/[A-Za-z0-9._~%+-]+)+/?)?"
  );
}
