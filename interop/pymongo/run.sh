#!/usr/bin/env bash
# Client-side field level encryption of MongoDB's driver, with its KMIP provider, against a fresh server.
# Usage: interop/pymongo/run.sh
cd "$(dirname "$0")/../.." || exit
# shellcheck source=../client.sh
source interop/client.sh

install pymongo || exit
start_server || exit
export PYTHONPATH=interop
judge pymongo "$venv/bin/python" interop/pymongo/fields.py "$server_host:$server_port" \
    "$server_pki/ca.pem" "$server_pki/client.pem" "$server_pki/client.key"
