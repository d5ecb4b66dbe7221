# What every unit of ours starts from: nothing is allowed. A unit takes back what its work needs, each with the reason
# (docs/nixos.md).
{
  # Users and files.
  PrivateDevices = true;
  PrivateMounts = true;
  PrivateTmp = true;
  ProcSubset = "pid";
  ProtectHome = true;
  ProtectProc = "invisible";
  ProtectSystem = "strict";
  UMask = "0077";

  # Kernel.
  ProtectClock = true;
  ProtectControlGroups = true;
  ProtectHostname = true;
  ProtectKernelLogs = true;
  ProtectKernelModules = true;
  ProtectKernelTunables = true;

  # Privileges.
  AmbientCapabilities = "";
  CapabilityBoundingSet = "";
  KeyringMode = "private";
  LockPersonality = true;
  NoNewPrivileges = true;
  PrivateUsers = true;
  RestrictNamespaces = true;
  RestrictRealtime = true;
  RestrictSUIDSGID = true;

  # Network.
  IPAddressDeny = "any";
  PrivateNetwork = true;
  RestrictAddressFamilies = [ "AF_UNIX" ];

  # System calls and memory.
  LimitCORE = 0; # a core dump would have the secrets that the process had
  MemoryDenyWriteExecute = true;
  SystemCallArchitectures = "native";
  SystemCallErrorNumber = "EPERM";
  SystemCallFilter = [
    "@system-service"
    "~@privileged"
    "~@resources"
  ];
}
