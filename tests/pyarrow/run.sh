#!/usr/bin/env bash
# Checks that pyarrow reads what a slot holds. One command: it keeps a virtual environment in the cache.
set -euo pipefail
cd "$(dirname "$0")/.."
venv="${XDG_CACHE_HOME:-$HOME/.cache}/strait/pyarrow-26.0.1"
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import pyarrow' 2>/dev/null; then
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet pyarrow==26.0.1
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go run ./pyarrow/dump "$dir"
"$venv/bin/python" pyarrow/check.py "$dir"
