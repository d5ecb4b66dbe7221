# The only place that knows which ports other services of this machine take, as far as its configuration tells: port and
# who takes it, of each.
{ lib, config }:
let
  inherit (config) services;
  cfg = services.recipeci;

  of =
    by:
    map (port: {
      inherit by port;
    });
  enabled = name: lib.optionals (services.${name}.enable or false);
  # Both forges have the same configuration. At a socket's path they take no port.
  web =
    name:
    let
      server = services.${name}.settings.server;
    in
    enabled name (
      lib.optionals (!lib.hasSuffix "unix" server.PROTOCOL or "http") (
        of "services.${name}" [ server.HTTP_PORT or null ]
      )
    );
  # 8022, 0.0.0.0:8022, [::]:8022, and no path.
  portOf =
    address:
    let
      found = lib.match "(.*:)?([0-9]+)" address;
    in
    if found == null then null else lib.toInt (lib.last found);
in
lib.filter (one: one.port != null) (
  lib.optionals (cfg.mode == "host") (
    of "the swarm of services.recipeci.mode = \"host\"" [
      2377
      7946
    ]
  )
  ++ enabled "openssh" (of "services.openssh" services.openssh.ports or [ ])
  ++ web "gitea"
  ++ web "forgejo"
  ++ enabled "grafana" (of "services.grafana" [ services.grafana.settings.server.http_port or null ])
  ++ enabled "prometheus" (of "services.prometheus" [ services.prometheus.port or null ])
  ++ enabled "nginx" (
    of "services.nginx" (
      lib.concatMap (host: map (listen: listen.port) host.listen) (
        lib.attrValues services.nginx.virtualHosts or { }
      )
    )
  )
  ++ lib.concatLists (
    lib.mapAttrsToList (name: socket: of "systemd.sockets.${name}" (map portOf socket.listenStreams)) (
      config.systemd.sockets or { }
    )
  )
)
