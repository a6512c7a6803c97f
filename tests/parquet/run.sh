#!/usr/bin/env bash
# Checks that DuckDB and pyarrow read what the example exporter `parquet_files` writes. One command: it keeps a
# virtual environment in the cache, and says where that is (`run.sh --python`) to who needs the same one.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv="${XDG_CACHE_HOME:-$HOME/.cache}/strait/duckdb-1.5.6-pyarrow-26.0.1"
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import duckdb, pyarrow' 2>/dev/null; then
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet duckdb==1.5.6 pyarrow==26.0.1
fi
if [ "${1:-}" = --python ]; then
	echo "$venv/bin/python"
	exit
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cargo run --quiet --locked -p parquet-files --example write "$dir"
mkdir -p "$dir/.unfinished/killed"
printf PAR1 >"$dir/.unfinished/killed/half.parquet.part"
"$venv/bin/python" tests/parquet/read.py "$dir"
