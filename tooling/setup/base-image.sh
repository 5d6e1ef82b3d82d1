#!/usr/bin/env bash
# Make sure that a Debian base image exists: base-image.sh bookworm|trixie|sid
#
# It is pulled where a registry answers. Where none does, it is bootstrapped from the Debian
# archive that this machine itself uses, under the same name, and so is there the next time.
# The name is printed.
set -euo pipefail

readonly ANSWER_SECONDS=20
readonly PULL_SECONDS=600

say() { printf 'base-image.sh: %s\n' "$*" >&2; }

usage() {
    echo 'usage: base-image.sh bookworm|trixie|sid' >&2
    exit 2
}

# A registry that cannot be reached must cost seconds, a slow one may take its time: the first
# line of a pull appears as soon as the registry has answered.
pull() {
    local image=$1 log pid deadline
    log=$(mktemp)
    timeout "$PULL_SECONDS" docker pull "$image" > "$log" 2>&1 &
    pid=$!
    deadline=$((SECONDS + ANSWER_SECONDS))
    while kill -0 "$pid" 2> /dev/null && ! [ -s "$log" ]; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            kill "$pid" 2> /dev/null || true
            break
        fi
        sleep 0.2
    done
    if wait "$pid"; then
        rm -f "$log"
        return 0
    fi
    say "cannot pull $image: $(tail -n 1 "$log")"
    rm -f "$log"
    return 1
}

# The first http mirror of the Debian archive proper in this machine's apt sources.
mirror() {
    {
        apt-get indextargets --format '$(SITE) $(ORIGIN)' 'Created-By: Packages' 2> /dev/null \
            | awk '$2 == "Debian" { print $1 }' || true
        awk '/^URIs:/ { print $2 }' /etc/apt/sources.list.d/*.sources 2> /dev/null || true
        awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) { print $i; break } }' \
            /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2> /dev/null || true
    } | grep -E '/debian/?$' | head -n 1 || true
}

check_valid_until() {
    local setting=true
    eval "$(apt-config shell setting Acquire::Check-Valid-Until 2> /dev/null || true)"
    printf '%s' "$setting"
}

bootstrap() {
    local image=$1 suite=$2 url
    if ! command -v apt-get > /dev/null || [ "$(id -u)" -ne 0 ]; then
        say "needs a registry for $image, or root on Debian to bootstrap it"
        return 1
    fi
    if ! command -v mmdebstrap > /dev/null; then
        say 'installing mmdebstrap'
        DEBIAN_FRONTEND=noninteractive apt-get -qq update
        DEBIAN_FRONTEND=noninteractive \
            apt-get -qq install -y --no-install-recommends mmdebstrap > /dev/null
    fi
    url=$(mirror)
    if [ -z "$url" ]; then
        say "found no Debian mirror in this machine's apt sources"
        return 1
    fi
    say "bootstrapping $image from Debian's packages"
    local log
    log=$(mktemp)
    # A bootstrap that breaks off must not leave half an image under the name.
    if ! mmdebstrap --variant=minbase --include=ca-certificates \
        --aptopt="Acquire::Check-Valid-Until \"$(check_valid_until)\"" \
        "$suite" "$log.tar" "$url" 2> "$log"; then
        tail -n 20 "$log" >&2
        rm -f "$log" "$log.tar"
        return 1
    fi
    docker import "$log.tar" "$image" > /dev/null
    rm -f "$log" "$log.tar"
}

[ $# -eq 1 ] || usage
case $1 in
    bookworm | trixie | sid) ;;
    *) usage ;;
esac
image="debian:$1-slim"
if ! docker image inspect "$image" > /dev/null 2>&1; then
    pull "$image" || bootstrap "$image" "$1"
fi
echo "$image"
