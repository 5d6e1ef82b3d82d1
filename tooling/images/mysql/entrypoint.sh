#!/bin/sh
# Start mysqld as process 1; the first start sets root's password and lets root in over TCP.
set -eu

: "${MYSQL_ROOT_PASSWORD:?set MYSQL_ROOT_PASSWORD}"

# Options come from the command line alone, so that every image is started alike.
set -- --no-defaults --user=mysql --datadir=/var/lib/mysql \
    --socket=/var/run/mysqld/mysqld.sock --bind-address='*' "$@"

if [ ! -e /var/lib/mysql/root-password-is-set ]; then
    password=$(printf '%s' "$MYSQL_ROOT_PASSWORD" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g")
    cat > /var/lib/mysql/first-start.sql <<SQL
ALTER USER root@localhost IDENTIFIED BY '${password}';
CREATE USER IF NOT EXISTS root@'%' IDENTIFIED BY '${password}';
GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;
SQL
    chown mysql:mysql /var/lib/mysql/first-start.sql
    chmod 0600 /var/lib/mysql/first-start.sql
    touch /var/lib/mysql/root-password-is-set
    set -- "$@" --init-file=/var/lib/mysql/first-start.sql
fi

exec mysqld "$@"
