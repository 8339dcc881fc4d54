#!/usr/bin/env bash
# PyKMIP's own integration suite against a fresh server, at every version that PyKMIP speaks well.
# Usage: interop/pykmip/run.sh [VERSION …]      (default: 1.2 1.3 1.4)
# KEYWARD_BIN names the server to test; default: target/debug/keyward.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
server=$(realpath "${KEYWARD_BIN:-$root/target/debug/keyward}")
cache=$root/target/interop
versions=("$@")
[ ${#versions[@]} -gt 0 ] || versions=(1.2 1.3 1.4)
pinned=PyKMIP==0.11.0

[ -x "$server" ] || { echo "no server at $server: run cargo build, or set KEYWARD_BIN" >&2; exit 2; }

venv=$cache/pykmip-venv
if [ ! -e "$venv/ready" ]; then
    mkdir -p "$cache"
    "${PYTHON:-python3}" -m venv "$venv"
    "$venv/bin/pip" install -q "$pinned" pytest testtools setuptools
    touch "$venv/ready"
fi
# The suite is only in the source distribution.
suite=$cache/pykmip-0.11.0
if [ ! -d "$suite" ]; then
    "$venv/bin/pip" download -q --no-deps --no-binary :all: -d "$cache" "$pinned"
    tar -xzf "$cache"/[Pp]y[Kk][Mm][Ii][Pp]-0.11.0.tar.gz -C "$cache"
    [ -d "$suite" ] || mv "$cache/PyKMIP-0.11.0" "$suite"
fi

work=$(mktemp -d)
pid=
finish() {
    if [ -n "$pid" ]; then
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT

data=$work/data
"$server" quickstart --dir "$data" --listen 127.0.0.1:0 >"$work/server.log" 2>&1 &
pid=$!
port=
for _ in $(seq 300); do
    port=$(sed -n 's/^ready kmip=.*:\([0-9]*\).*$/\1/p' "$work/server.log")
    [ -z "$port" ] || break
    kill -0 "$pid" 2>/dev/null || { cat "$work/server.log" >&2; exit 2; }
    sleep 0.1
done

# A tenant that allows several objects of one Name: one of the tests makes two, which the standard
# forbids (1.4 §3.2) and a tenant forbids unless told otherwise.
"$server" tenant add pykmip --duplicate-names --dir "$data" >>"$work/server.log"
"$server" client add pykmip --tenant pykmip --profile standard --dir "$data" >>"$work/server.log"
# Derivation masters, one of the client's own and one of somebody else, in a tenant of theirs: the
# suite destroys whatever it finds.
"$server" tenant add masters --dir "$data" >>"$work/server.log"
for name in gateway other; do
    "$server" client add $name --tenant masters --dir "$data" >>"$work/server.log"
done
"$server" key create-master files --tenant masters --owner gateway --scope team-a --json --dir "$data" >"$work/own.json"
"$server" key create-master theirs --tenant masters --owner other --scope team-b --json --dir "$data" >"$work/other.json"
sleep 1.5 # until the server has read of it

# PyKMIP looks for its configuration in the home directory.
mkdir -p "$work/.pykmip"
cat >"$work/.pykmip/pykmip.conf" <<CONF
[client]
host=127.0.0.1
port=$port
certfile=$data/clients/pykmip.pem
keyfile=$data/clients/pykmip.key
ca_certs=$data/pki/ca.pem
cert_reqs=CERT_REQUIRED
ssl_version=PROTOCOL_TLS
do_handshake_on_connect=True
suppress_ragged_eofs=True
username=None
password=None
CONF

mkdir -p "$work/gateway/.pykmip"
sed "s|clients/pykmip|clients/gateway|" "$work/.pykmip/pykmip.conf" >"$work/gateway/.pykmip/pykmip.conf"

for version in "${versions[@]}"; do
    log=$work/$version.log
    # test_kmip_client.py starts a server of its own that is not in the distribution.
    (cd "$suite" && HOME=$work KMIP_VERSION=$version PYTHONPATH=$here \
        "$venv/bin/python" -W ignore -m pytest -p kmip_version -p no:cacheprovider -q -rA --tb=short \
        --ignore=kmip/tests/integration/services/test_kmip_client.py \
        kmip/tests/integration) >"$log" 2>&1 || true
    [ -z "${VERBOSE:-}" ] || cat "$log"
    HOME=$work/gateway "$venv/bin/python" -W ignore "$here/master.py" "$version" "$work/own.json" "$work/other.json"
    echo "$version  derivation master: passed"
done

"$venv/bin/python" "$here/judge.py" "$here/expected.txt" "${versions[@]/#/$work/}"
