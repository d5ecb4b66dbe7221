# What a cell needs of the machine's kernel.
{ config, lib, ... }:
{
  config = lib.mkIf config.services.recipeci.enable {
    # A cell may not load modules, and what it finds missing as it begins it does without, or does not begin.
    boot.kernelModules = [
      "br_netfilter"
      "bridge"
      "ip_vs"
      "overlay"
      "tun"
      "veth"
      "vxlan"
      "xt_nat"
    ];
  };
}
