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

  # Without what mounts and tmpfiles take apart.
  folder = described "absolute path, in quotes, such as \"/srv/recipeci\"" (
    lib.types.strMatching "(/[A-Za-z0-9._+-]+)+"
  );

  # What harness/recipeci/recipe/allowlist.py reads; a test compares the two.
  allowlistLine = described "line `RECIPE` or `RECIPE https://SOURCE`, without a password in it" (
    lib.types.strMatching "[a-z0-9][a-z0-9-]{0,62}( +https?://[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?(/[A-Za-z0-9._~%+-]+)+/?)?"
  );
}
