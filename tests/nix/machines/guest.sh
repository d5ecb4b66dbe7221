# shellcheck shell=sh
# What tests/nix/test_units.py does in the booted machine.
# The program as the unit starts it, and its Docker, which the stand-in for nixpkgs has not.
program=$(sed -n 's/^ExecStart=\([^ ]*\) clean.*/\1/p' /usr/local/lib/systemd/system/recipeci-clean.service)
docker=$(sed -n 's/.*"prefix": *"\([^"]*\)".*/\1/p' /etc/xdg/recipeci/settings.yml)
PATH=$docker/bin:$PATH

kill_runs() { # see killed.py
  rm -rf /tmp/out /root/out /srv/out /run/images
  rm -rf /var/cache/recipeci/runs /var/cache/recipeci/store/*
  find /sys/fs/cgroup -depth -path '*/recipeci-*' -type d -exec rmdir {} +
  { sed '/^from recipeci.cli/,$d' "$program" && cat /etc/recipeci-guest/killed.py; } > /run/killed
  chmod +x /run/killed
  /run/killed "$docker" > /run/killed.log 2>&1 || cat /run/killed.log
}

left() {
  find /tmp/out /root/out /srv/out /var/cache/recipeci/runs /var/cache/recipeci/store/data/overlay2 -name file
  find /sys/fs/cgroup -maxdepth 1 -name 'recipeci-*'
}

started_again() { # UNIT: and what it says
  since=$(date +%s.%N)
  systemctl restart "$1"
  code=$?
  journalctl -u "$1" -o cat --no-pager --since "@$since"
  return $code
}

less() { # SETTING: the unit of `clean` may less than it does; see what it leaves
  folder=/run/systemd/system/recipeci-clean.service.d
  mkdir -p "$folder"
  printf '[Service]\n%s\n' "$1" > "$folder/less.conf"
  systemctl daemon-reload
  kill_runs
  started_again recipeci-clean
  left
}

beside_a_run() { # a run goes on while `clean` removes what others left; see what it leaves
  kill_runs
  mkfifo /run/alive
  /run/killed "$docker" alive > /run/alive &
  read -r _ < /run/alive
  started_again recipeci-clean
  left
  kill "$!"
}
