#!/usr/bin/env bash
# Make the virtual environment .venv with everything that development and tests need.
#
# PYTHON names the interpreter; without it the newest python3 from 3.11 on is taken. Debian
# keeps the venv module in a package of its own: as root it is installed where it is missing.
set -euo pipefail
cd "$(dirname "$0")/../.."

say() { printf 'venv.sh: %s\n' "$*" >&2; }

fits() {
    command -v "$1" > /dev/null \
        && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null
}

find_python() {
    local name
    for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if fits "$name"; then
            command -v "$name"
            return 0
        fi
    done
    say "needs Python 3.11 or newer (${PYTHON:-python3}); PYTHON=/path/to/python names one"
    return 1
}

make_venv() {
    "$1" -m venv --clear .venv 2> /dev/null
}

python=$(find_python)
if ! [ -x .venv/bin/python ] || ! fits .venv/bin/python || ! [ -x .venv/bin/pip ]; then
    say "making .venv with $python"
    if ! make_venv "$python"; then
        if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
            say "$python has no venv module; on Debian: apt-get install python3-venv"
            exit 1
        fi
        say 'installing python3-venv from the Debian archive'
        DEBIAN_FRONTEND=noninteractive apt-get -qq update
        DEBIAN_FRONTEND=noninteractive \
            apt-get -qq install -y --no-install-recommends python3-venv > /dev/null
        "$python" -m venv --clear .venv
    fi
fi
say 'installing the package and its tools'
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
.venv/bin/pip install -qq --constraint tooling/setup/constraints.txt --editable '.[dev]'
touch .venv/.installed
