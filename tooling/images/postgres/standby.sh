# Become a standby of SOURCE_HOST: clone it, then start as any server does.
# Not in the image: bash -c takes this text when a container is started as a replica.
set -eu
rm -rf "${PGDATA:?}"/*
setpriv --reuid=postgres --regid=postgres --init-groups \
    env PGPASSWORD="$POSTGRES_PASSWORD" \
    pg_basebackup --host="$SOURCE_HOST" --username=postgres --pgdata="$PGDATA" \
    --write-recovery-conf --checkpoint=fast
exec /usr/local/bin/entrypoint.sh "$@"
