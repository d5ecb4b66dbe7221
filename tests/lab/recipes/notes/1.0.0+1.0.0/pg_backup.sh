#!/bin/bash
# pg_backup.sh backup|restore: the dump of the database, beside it in its volume, is what a backup holds.
set -euo pipefail
umask 077
export PGOPTIONS=--client-min-messages=warning

dump=$PGDATA/backup.sql
loaded=${POSTGRES_DB}_restored

sql() { psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" "$@"; }

backup() {
  rm -f "$dump" # that of an earlier backup must not pass for this one's
  pg_dump --username "$POSTGRES_USER" "$POSTGRES_DB" > "$dump.new"
  mv "$dump.new" "$dump"
}

# Loaded beside the database, which is replaced only by a whole one.
restore() {
  sql --dbname postgres --command "DROP DATABASE IF EXISTS $loaded" --command "CREATE DATABASE $loaded"
  sql --dbname "$loaded" --single-transaction --file "$dump" > /dev/null
  sql --dbname postgres --command "ALTER DATABASE $POSTGRES_DB ALLOW_CONNECTIONS false" \
    --command "DROP DATABASE $POSTGRES_DB WITH (FORCE)" --command "ALTER DATABASE $loaded RENAME TO $POSTGRES_DB"
}

case "${1:-}" in
  backup | restore) "$1" ;;
  *) echo "usage: pg_backup.sh backup|restore" >&2; exit 2 ;;
esac
