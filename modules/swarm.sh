#!/usr/bin/env bash
# swarm ADDRESS SUBNET: make this machine's Docker a swarm of one node that has the network `proxy`. Where both are there
# it does nothing. What is there and is something else it does not touch: it says what it is, what to do, and ends with 1.
set -euo pipefail
address=$1 subnet=$2

say() { echo "recipeci-swarm: $*"; }
refuse() { # SENTENCE REMEDY
  say "$1" >&2
  echo "  → $2" >&2
  exit 1
}
state() { docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}'; }

found=$(state)
# Docker comes up as `pending` where its swarm takes longer than its own patience.
for ((tries = 30; tries > 0; tries--)); do
  [[ $found == pending* ]] || break
  sleep 1
  found=$(state)
done

forget="docker swarm leave --force forgets that swarm with everything deployed in it; then systemctl restart recipeci-swarm"
case $found in
  'active true') ;;
  'inactive '*)
    # What it prints has the token by which nodes join: nothing for the journal.
    docker swarm init --advertise-addr "$address" --listen-addr "$address:2377" > /dev/null
    say "this machine is a swarm of one node now, at $address"
    ;;
  'active false') refuse "this machine is a worker of another machine's swarm, and only a manager can deploy" "$forget" ;;
  'locked '*) refuse "the swarm is locked" "docker swarm unlock, then systemctl restart recipeci-swarm" ;;
  'pending '* | 'error '*) refuse "the swarm is in the state ${found% *}" "journalctl -u docker says why; $forget" ;;
  *) refuse "Docker does not say whether it is a swarm; it said '$found'" "systemctl status docker" ;;
esac

wanted="overlay swarm true $subnet"
network_is_there() { # made if it is not; fails if Docker cannot tell, or cannot make it
  local names # not by a filter: that of a swarm's networks knows no patterns, and that of local ones nothing else
  names=$(docker network ls --format '{{.Name}}') || return 1
  ! grep -qx proxy <<< "$names" || return 0
  docker network create --driver overlay --attachable --subnet "$subnet" proxy > /dev/null || return 1
  say "made the network proxy with $subnet"
}
# A swarm that has just come up has no leader yet, and without one Docker knows nothing of networks: it says so each time.
for ((tries = 30; tries > 0; tries--)); do
  ! network_is_there || break
  sleep 1
done
((tries > 0)) || refuse "Docker did not come to have the network proxy within 30 tries" \
  "what it says is above; then systemctl restart recipeci-swarm"
format='{{.Driver}} {{.Scope}} {{.Attachable}} {{range .IPAM.Config}}{{.Subnet}}{{end}}'
is=$(docker network inspect --format "$format" proxy)
[[ $is == "$wanted" ]] || refuse \
  "there is a network proxy already; its driver, scope, attachability and subnet are '$is', not '$wanted'" \
  "remove what uses it, docker network rm proxy, systemctl restart recipeci-swarm; or set services.recipeci.swarm.subnet to what it has"
