#!/usr/bin/env bash
# Makes the reference page of each example component anew, and fails when it differs from what is committed.
#   pages.sh           compare
#   pages.sh --write   write them
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/strait/target}
strait=${STRAIT:-$CARGO_TARGET_DIR/debug/strait}
builder=tests/pages.yaml
# Type of a component in that builder file, and its page.
pages=(
	file_lines examples/file-lines/configuration.md
	health_reporter examples/health-reporter/configuration.md
	log_count examples/count/configuration.md
	mask_cards examples/mask-cards/configuration.md
	parquet_files examples/parquet/configuration.md
	redact examples/redact/configuration.md
	token_provider examples/token-provider/configuration.md
)

for ((i = 0; i < ${#pages[@]}; i += 2)); do
	made=$("$strait" schema "${pages[i]}" --markdown --quiet --config "$builder")
	if [ "${1:-}" = --write ]; then
		echo "$made" >"${pages[i + 1]}"
	elif ! diff "${pages[i + 1]}" <(echo "$made"); then
		echo "${pages[i + 1]} is stale: run \`make generate\`" >&2
		exit 1
	fi
done
