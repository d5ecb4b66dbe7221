# guard.sh FD FOLDER: wait until nobody holds the other end of the pipe FD, then thaw what is in the cgroup directory
# FOLDER, until no process is in it any more. The only place that acts for a harness which was killed (see frozen.py).
# shellcheck shell=sh
walk() {
  echo THAWED > "$1/freezer.state"
  read -r _ < "$1/cgroup.procs" && left=1
  for inner in "$1"/*/; do [ -d "$inner" ] && walk "${inner%/}"; done
}
read -r _ < "/proc/self/fd/$1" # nobody writes to it
rounds=100
while [ $((rounds -= 1)) -gt 0 ]; do
  left=
  walk "$2" 2> /dev/null
  [ "$left" ] || exit 0
  sleep 0.1
done
