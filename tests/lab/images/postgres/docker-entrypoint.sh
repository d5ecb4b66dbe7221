#!/bin/bash
# docker-entrypoint.sh COMMAND...: starts PostgreSQL as the user postgres; an empty PGDATA is made a cluster first, from
# POSTGRES_USER, POSTGRES_DB and POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE, as docker-library's image does it: the
# local socket asks nobody for a password, the network asks everybody.
set -euo pipefail

[ "$1" = postgres ] || exec "$@"
if [ "$(id -u)" = 0 ]; then
  if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
    POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") # the file may be root's
    export POSTGRES_PASSWORD
  fi
  install -d -m 0700 -o postgres -g postgres "$PGDATA"
  find "$PGDATA" ! -user postgres -exec chown postgres:postgres {} +
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  : "${POSTGRES_PASSWORD:?an empty PGDATA needs POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE}"
  initdb --username="$user" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") --auth-local=trust --auth-host=scram-sha-256
  printf '%s\n' "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
  printf '%s\n' "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  if [ "$database" != postgres ]; then
    # Single-user mode: nobody can connect to a server that is not ready.
    printf 'CREATE DATABASE "%s"\n' "$database" | postgres --single -j postgres > /dev/null
  fi
fi
unset POSTGRES_PASSWORD POSTGRES_PASSWORD_FILE
exec "$@"
