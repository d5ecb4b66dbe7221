# The images that cells take from the closure where no registry answers: Traefik whole, and what our backup bot is laid
# on. Names are the harness's to know: what is in an archive it reads only when it loads it.
{
  lib,
  dockerTools,
  python3,
  restic,
  traefik,
}:
let
  image =
    { name, tag, ... }@args:
    {
      name = "${name}:${tag}";
      archive = dockerTools.buildLayeredImage args;
    };
in
{
  proxy = image {
    name = "traefik";
    tag = "v${traefik.version}";
    config.Entrypoint = [ (lib.getExe traefik) ];
  };

  # minibot itself is laid on it by the harness: so an edit of it builds no image. Both programs have the places that
  # they have in the base of Debian's packages, which this one stands for.
  bot = image {
    name = "recipeci-bot-base";
    tag = restic.version;
    extraCommands = ''
      mkdir -p usr/bin
      mkdir -m 1777 tmp
      ln -s ${python3}/bin/python3 usr/bin/python3
      ln -s ${lib.getExe restic} usr/bin/restic
    '';
  };
}
