#!/usr/bin/env bash
# Make sure that a Docker engine answers.
#
# Where one does, this does nothing. Where none does, and the machine is Debian (or a relative)
# and we are root, it installs Debian's docker.io and starts the engine in the background.
# Elsewhere it says what to install, and ends with exit code 1.
set -euo pipefail

readonly LOG=/var/log/dockerd.log
readonly WAIT_SECONDS=60

say() { printf 'docker.sh: %s\n' "$*" >&2; }

engine_answers() { command -v docker > /dev/null && timeout 20 docker info > /dev/null 2>&1; }

# A pid file may survive its process, and the number may belong to another process by now.
drop_stale_pid_file() {
    local file=$1 name=$2 pid
    [ -e "$file" ] || return 0
    pid=$(cat "$file" 2> /dev/null || true)
    if [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2> /dev/null || true)" = "$name" ]; then
        return 0
    fi
    say "removing the stale $file"
    rm -f "$file"
}

process_runs() {
    local comm
    for comm in /proc/[0-9]*/comm; do
        [ "$(cat "$comm" 2> /dev/null || true)" = "$1" ] && return 0
    done
    return 1
}

install_engine() {
    if command -v dockerd > /dev/null && command -v docker > /dev/null; then
        return 0
    fi
    say 'installing docker.io from the Debian archive'
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    local packages=(docker.io ca-certificates iptables)
    # From Debian 13 on, the client is a package of its own.
    if apt-cache show docker-cli > /dev/null 2>&1; then
        packages+=(docker-cli)
    fi
    apt-get -qq install -y --no-install-recommends "${packages[@]}" > /dev/null
}

start_engine() {
    if [ -d /run/systemd/system ] && command -v systemctl > /dev/null; then
        systemctl start docker > /dev/null 2>&1 && return 0
    fi
    process_runs dockerd && return 0
    drop_stale_pid_file /var/run/docker.pid dockerd
    drop_stale_pid_file /var/run/docker/containerd/containerd.pid containerd
    if [ -S /run/containerd/containerd.sock ] && ! process_runs containerd; then
        rm -f /run/containerd/containerd.sock
    fi
    say "starting dockerd (log: $LOG)"
    # A session of its own and no inherited pipe: whoever called us must be able to end.
    setsid nohup dockerd < /dev/null >> "$LOG" 2>&1 &
    disown
}

wait_for_engine() {
    local deadline=$((SECONDS + WAIT_SECONDS))
    until engine_answers; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            return 1
        fi
        sleep 0.5
    done
}

explain_and_fail() {
    cat >&2 <<'TEXT'
docker.sh: no Docker engine answers, and this script cannot start one here.

  Debian, Ubuntu     run it as root:  sudo tooling/setup/docker.sh
  other Linux        install Docker Engine, https://docs.docker.com/engine/install/
  macOS, Windows     install Docker Desktop, and start it
  a remote engine    set DOCKER_HOST
  no engine at all   name running servers instead:
                     DELETION_JOBS_TEST_POSTGRES_URL, DELETION_JOBS_TEST_MYSQL_URL and
                     DELETION_JOBS_TEST_MYSQL_NATIVE_FK_URL (see CONTRIBUTING.md)

If an engine runs but only root may use it, add yourself to the group "docker".
TEXT
    exit 1
}

if engine_answers; then
    exit 0
fi
if [ -n "${DOCKER_HOST:-}" ] || [ "$(id -u)" -ne 0 ] || ! [ -e /etc/debian_version ] \
    || ! command -v apt-get > /dev/null; then
    explain_and_fail
fi
install_engine
start_engine
if ! wait_for_engine; then
    say "dockerd did not answer within $WAIT_SECONDS seconds; the end of $LOG:"
    tail -n 20 "$LOG" >&2 || true
    exit 1
fi
