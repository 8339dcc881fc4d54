#!/usr/bin/env bash
# The KMIP secret store plugin of OpenStack Barbican against a fresh server.
# Usage: interop/barbican/run.sh
cd "$(dirname "$0")/../.." || exit
# shellcheck source=../client.sh
source interop/client.sh

install barbican || exit
start_server || exit
chmod 0400 "$server_pki/client.key"
user barbican || exit
export PYTHONPATH=interop
judge barbican "$venv/bin/python" interop/barbican/plugin.py "$server_host" "$server_port" \
    "$server_pki/ca.pem" "$server_pki/client.pem" "$server_pki/client.key" barbican "$password"
