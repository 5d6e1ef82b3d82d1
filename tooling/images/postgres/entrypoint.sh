#!/bin/sh
# Start postgres as process 1; the first start sets the superuser's password.
set -eu

: "${POSTGRES_PASSWORD:?set POSTGRES_PASSWORD}"

as_postgres() {
    setpriv --reuid=postgres --regid=postgres --init-groups "$@"
}

[ "${1:-}" = postgres ] && shift

if [ ! -e "$PGDATA/password-is-set" ]; then
    password=$(printf '%s' "$POSTGRES_PASSWORD" | sed "s/'/''/g")
    echo "ALTER ROLE postgres PASSWORD '${password}'" \
        | as_postgres postgres --single -D "$PGDATA" postgres > /dev/null
    as_postgres touch "$PGDATA/password-is-set"
fi

# A server that was killed leaves its pid file behind; this container runs no other.
rm -f "$PGDATA/postmaster.pid"
exec setpriv --reuid=postgres --regid=postgres --init-groups \
    postgres -D "$PGDATA" -c listen_addresses='*' "$@"
