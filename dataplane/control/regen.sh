#!/bin/sh
# Rewrites what is generated from the control channel's IDL, or with `-check` fails when it is stale.
# Needs the Go and Rust toolchains; installs the pinned rust2go-cli into a cache on first use.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
version=0.4.2
tools=${STRAIT_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/strait/tools}
cli=$tools/bin/rust2go-cli
if [ "$("$cli" --version 2>/dev/null || true)" != "rust2go-cli $version" ]; then
	# From the root folder, so that no workspace's configuration applies.
	(cd / && cargo install rust2go-cli --version "$version" --locked --quiet --root "$tools")
fi
cd "$root/go"
exec go run ./control/internal/regen -root "$root" -cli "$cli" "$@"
