#!/usr/bin/env bash
# Checks the bill of materials of the demo's Collector (STRAIT: the command). One command: it keeps a virtual
# environment in the cache.
set -euo pipefail
cd "$(dirname "$0")/../.."
strait=${STRAIT:?the command}
venv="${XDG_CACHE_HOME:-$HOME/.cache}/strait/cyclonedx-11.12.0"
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import cyclonedx.validation.json, jsonschema' 2>/dev/null; then
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet 'cyclonedx-python-lib[json-validation]==11.12.0'
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for name in one two; do
	"$strait" build --quiet --config examples/demo/builder.yaml --sbom "$dir/$name.json"
done
cmp "$dir/one.json" "$dir/two.json"
"$venv/bin/python" tests/sbom/check.py "$dir/one.json" build/otelcol-strait build/strait/rust \
	"${CARGO_TARGET_DIR:?}/release/libstrait_umbrella.a"
