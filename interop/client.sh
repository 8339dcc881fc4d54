# Sourced by run.sh of a client: what it is installed from, and how its answers are judged.
# shellcheck shell=bash
set -uo pipefail
# shellcheck source=../scripts/server
source scripts/server

work='' venv='' password=''

# Over that of scripts/server: the working directory goes too.
trap 'end_server; [ -z "$work" ] || rm -rf "$work"' EXIT
work=$(mktemp -d)

# install NAME: a virtual environment for the folder's requirements.txt, which names every package, in
# target/interop; sets venv. Made anew only when the list has changed.
install() {
    local list=interop/$1/requirements.txt
    venv=target/interop/$1-venv
    cmp -s "$list" "$venv/installed" && return
    rm -rf "$venv"
    mkdir -p target/interop
    "${PYTHON:-python3}" -m venv "$venv" && "$venv/bin/pip" install -q --no-deps -r "$list" && cp "$list" "$venv/installed"
}

# judge NAME COMMAND...: the command says one line for each thing that it tried, on standard output;
# they must be those of the folder's expected.txt. Why something failed is on standard error. Then the server
# ends, and must do so in order.
judge() {
    local name=$1 said=$work/said status=0
    shift
    "$@" >"$said" || status=$?
    cat "$said"
    diff -u --label expected --label said "interop/$name/expected.txt" "$said" || status=1
    end_server || status=1
    echo "$name: $(grep -c '^passed ' "$said") passed, $(grep -c '^failed ' "$said") failed"
    return $status
}

# user NAME: a user of the server, with a password; sets password.
user() {
    password=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
    printf %s "$password" >"$work/password"
    "$server_program" user add "$1" --password-file "$work/password" --dir "$server_home/data" >"$work/log" || {
        cat "$work/log" >&2
        return 1
    }
}
