#!/usr/bin/env bash
# NLnet Labs' kmip-protocol crate, used as krill uses it, against a fresh server.
# Usage: interop/kmip-protocol/run.sh
cd "$(dirname "$0")/../.." || exit
# shellcheck source=../client.sh
source interop/client.sh

built=target/interop/kmip-protocol
cargo build --quiet --locked --manifest-path interop/kmip-protocol/Cargo.toml --target-dir $built || exit
start_server || exit
user krill || exit
# By name: the crate's TLS knows no addresses in certificates.
judge kmip-protocol $built/debug/keyward-interop-kmip-protocol localhost "$server_port" \
    "$server_pki/ca.pem" "$server_pki/client.pem" "$server_pki/client.key" krill "$password"
