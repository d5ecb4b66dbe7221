# The only place that computes with addresses: what a subnet of types.subnet4 says.
{ lib }:
let
  number = lib.foldl' (sum: octet: sum * 256 + lib.toInt octet) 0;
  octets =
    number:
    map (place: lib.mod (number / place) 256) [
      16777216
      65536
      256
      1
    ];
in
{
  read =
    text:
    let
      parts = lib.splitString "/" text;
      prefix = lib.toInt (lib.last parts);
      address = number (lib.splitString "." (lib.head parts));
      size = lib.foldl' (size: _: size * 2) 1 (lib.range 1 (32 - prefix));
      first = address / size * size;
    in
    {
      inherit prefix first;
      isNetwork = address == first;
      last = first + size - 1;
      network = "${lib.concatMapStringsSep "." toString (octets first)}/${toString prefix}";
    };

  overlap = one: other: one.first <= other.last && other.first <= one.last;
}
