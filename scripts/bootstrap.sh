#!/usr/bin/env bash
# Makes .venv ready: finds a Python, creates the environment, installs requirements.lock. Does nothing when that was done
# for the same lock and Python before.
#   PYTHON=python3.12 scripts/bootstrap.sh     use this interpreter
#   SYNC_NO_APT=1 scripts/bootstrap.sh         never install a Debian package
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly venv=.venv lock=requirements.lock stamp=.venv/.installed
readonly supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

say() { printf '%s\n' "$*" >&2; }
die() { say "bootstrap: $*"; exit 1; }

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c "$supported" 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
        [ -z "${PYTHON:-}" ] || die "PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13"
    done
    die "no Python 3.11, 3.12 or 3.13 found. Install one (Debian: apt-get install python3 python3-venv) or name it: PYTHON=/path/to/python3.12 make bootstrap"
}

install_debian_packages() {
    local as_root=()
    [ -z "${SYNC_NO_APT:-}" ] && command -v apt-get >/dev/null || return 1
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null && sudo -n true 2>/dev/null || return 1
        as_root=(sudo -n)
    fi
    say "bootstrap: installing the Debian package(s) $*"
    "${as_root[@]}" apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "$@" >&2
}

create_venv() {
    local python=$1 version
    version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
    # Debian ships venv without ensurepip unless python3-venv is installed; the half-made environment must go.
    if "$python" -m venv "$venv" 2>/dev/null; then return; fi
    rm -rf "$venv"
    if command -v uv >/dev/null && uv venv --quiet --python "$python" "$venv"; then return; fi
    rm -rf "$venv"
    if "$python" -m virtualenv --quiet "$venv" 2>/dev/null; then return; fi
    rm -rf "$venv"
    if { install_debian_packages "$version-venv" || install_debian_packages python3-venv; } && "$python" -m venv "$venv"; then return; fi
    rm -rf "$venv"
    die "$python cannot create a virtual environment. Install python3-venv (Debian: sudo apt-get install $version-venv) or virtualenv or uv, then try again"
}

find_uv() {
    if [ -x "$venv/bin/uv" ]; then printf '%s\n' "$venv/bin/uv"; return; fi
    if command -v uv; then return; fi
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$(grep '^uv==' "$lock")" >&2 && printf '%s\n' "$venv/bin/uv"
}

install_lock() {
    local uv
    # uv takes seconds where pip takes a minute; some setups (a mirror only pip is configured for) know pip alone.
    if uv=$(find_uv) && "$uv" pip install --quiet --compile-bytecode --python "$venv/bin/python" -r "$lock"; then return; fi
    say "bootstrap: uv could not install the lock, trying pip"
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip >/dev/null
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$lock"
}

main() {
    local python wanted
    if [ -x "$venv/bin/python" ] && ! "$venv/bin/python" -c "$supported" 2>/dev/null; then
        say "bootstrap: $venv holds an unsupported or broken Python, making it anew"
        rm -rf "$venv"
    fi
    if [ ! -x "$venv/bin/python" ]; then
        python=$(find_python)
        say "bootstrap: creating $venv with $("$python" --version)"
        rm -rf "$venv"
        create_venv "$python"
    fi
    wanted="$(sha256sum <"$lock" | cut -d' ' -f1) $("$venv/bin/python" --version)"
    if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
        say "bootstrap: installing $(grep -c '==' "$lock") packages from $lock"
        install_lock || die "the packages of $lock could not be installed; the message above says why (network, proxy, disk)"
        printf '%s\n' "$wanted" >"$stamp"
    fi
}

main "$@"
