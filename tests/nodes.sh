#!/usr/bin/env bash
# Every node of the engine, with those that need the whole of DataFusion: the suites of tests/native, and a whole
# Collector. Compiling DataFusion takes long, so `make test` does not run this; `make test-nodes` does, with the
# `strait` command in STRAIT.
set -euo pipefail
cd "$(dirname "$0")/.."
"$STRAIT" build --config tests/native/all-nodes.yaml

# The same tests, linked with this native module.
modules=$(mktemp -d)
trap 'rm -rf "$modules"' EXIT
sed 's#build/native-tests#build/all-nodes#' tests/native/go.mod > "$modules/go.mod"
cp tests/native/go.sum "$modules"
(cd tests/native && STRAIT_ALL_NODES=1 go test -modfile "$modules/go.mod" -count=1 -timeout 5m -run 'Node' .)

(cd tests && go vet -tags all_nodes ./collector && STRAIT_COLLECTOR=$PWD/../build/all-nodes/otelcol-all-nodes \
    go test -tags all_nodes -count=1 -timeout 5m -run TestQueries ./collector)
echo "every node passes"
