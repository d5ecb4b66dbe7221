# shellcheck shell=sh
# What tests/nix/test_units.py does in the booted machine.
# The program as the unit starts it, and its Docker, which the stand-in for nixpkgs has not.
program=$(sed -n 's/^ExecStart=\([^ ]*\) clean.*/\1/p' /usr/local/lib/systemd/system/recipeci-clean.service)
docker=$(sed -n 's/.*"prefix": *"\([^"]*\)".*/\1/p' /etc/xdg/recipeci/settings.yml)
PATH=$docker/bin:$PATH

with_the_package() { # FILE: a program of this one, in which our package is found; its name
  made=/run/$(basename "$1" .py).program
  { sed '/^from recipeci.cli/,$d' "$program" && cat "$1"; } > "$made"
  chmod +x "$made"
  echo "$made"
}

forge() { # see forge.py; it goes on
  mkdir -p /run/forge
  exec "$(with_the_package /etc/recipeci-guest/forge.py)"
}

kill_runs() { # see killed.py
  rm -rf /tmp/out /root/out /srv/out /run/images
  rm -rf /var/cache/recipeci/runs /var/cache/recipeci/store/*
  find /sys/fs/cgroup -depth -path '*/recipeci-*' -type d -exec rmdir {} +
  killed=$(with_the_package /etc/recipeci-guest/killed.py)
  "$killed" "$docker" > /run/killed.log 2>&1 || cat /run/killed.log
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

limited() { # UNIT SETTINGS: it may less than it does, and is started as often as is asked, however fast that is
  folder=/run/systemd/system/$1.service.d
  mkdir -p "$folder"
  printf '[Unit]\nStartLimitIntervalSec=0\n[Service]\n%b\n' "$2" > "$folder/less.conf"
  systemctl daemon-reload
}

less() { # SETTING: the unit of `clean` may less than it does; see what it leaves
  limited recipeci-clean "$1"
  kill_runs
  started_again recipeci-clean
  left
}

tries_a_cell() { # SETTINGS: the unit of `work` may less than it does, and tries a cell, with an app in it
  begin=$(sed -n 's/^ExecStart=\(.*\) work \(.*\)/\1 doctor --selftest \2/p' /usr/local/lib/systemd/system/recipeci-worker.service)
  begin="Type=oneshot\\nRestart=no\\nExecStart=\\nExecStart=$begin"
  limited recipeci-worker "$begin\\n$1"
  started_again recipeci-worker
}

forges() { # WHAT JSON: what the people of the double do, or what it knows
  curl --silent --show-error --header 'X-Key: key' --data "{\"do\": \"$1\", \"with\": $2}" http://127.0.0.1:3000/control
}

known() { # NAME: of what forge.py says
  sed -n "s/.*\"$1\": \"\{0,1\}\([0-9a-f]*\).*/\1/p" /run/forge/known.json
}

within_a_minute() { # COMMAND: until it is content
  for _ in $(seq 60); do
    "$@" && return
    sleep 1
  done
  return 1
}

in_unit() { # UNIT COMMAND: where the unit's first process is, with all the rights of root
  unit=$1
  shift
  nsenter --mount --pid --target "$(systemctl show --property MainPID --value "$unit")" "$@"
}

beside_a_run() { # a run goes on while `clean` removes what others left; see what it leaves
  kill_runs
  mkfifo /run/alive
  "$killed" "$docker" alive > /run/alive &
  read -r _ < /run/alive
  started_again recipeci-clean
  left
  kill "$!"
}
