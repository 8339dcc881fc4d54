#!/usr/bin/env bash
# pyHanko signs PDF documents with keys that never leave the token of a fresh server.
# Usage: interop/pyhanko/run.sh
cd "$(dirname "$0")/../.." || exit
# shellcheck source=../client.sh
source interop/client.sh

install pyhanko || exit
start_server --https 127.0.0.1:0 || exit
export PYTHONPATH=interop
judge pyhanko "$venv/bin/python" interop/pyhanko/documents.py "$server_host" "$server_port" "$server_https" \
    "$server_pki/ca.pem" "$server_pki/client.pem" "$server_pki/client.key" \
    "$server_program" "$server_home/data"
