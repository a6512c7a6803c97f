#!/usr/bin/env bash
# The tests that need what is built: a Collector (STRAIT_COLLECTOR), telemetrygen (TELEMETRYGEN), the `strait`
# command (STRAIT; made by `make build`), native objects, processes of both languages. Called by `make test-system`.
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/strait/target}
strait=${STRAIT:-$CARGO_TARGET_DIR/debug/strait}

# The native module of tests/native: the demo's, and a component that fails on demand.
(cd .. && "$strait" build --quiet --config tests/native/builder.yaml)
# A failing example is printed; nothing is written beside the tests.
(cd native && go vet ./... && go test -count=1 -timeout 5m . -rapid.nofailfile)
# Once more under the race detector: what many goroutines do to one unit. Not the Collector's contract suite of
# exporters, which reads what it counts without a lock.
(cd native && go test -race -count=1 -timeout 5m -run 'Mishaps|Shutdown|Cancel|Lanes|Rings|Merged|Receiver|Connector|Sender|CrossesOnce' .)

# Both languages over one ring, in two processes; operations and configurations on peers without an
# engine; whole Collectors.
(cd .. && cargo build --quiet --locked -p strait-ringbuf --example pair)
export STRAIT_PAIR=$CARGO_TARGET_DIR/debug/examples/pair
control/build.sh
config/build.sh
export STRAIT_KINDS=$PWD/../build/native-tests/otelcol-native-tests
STRAIT=$strait go test -count=1 -timeout 20m ./...

# Rust extensions in real Collectors in one process, with a library that needs no engine. Then once more under the
# race detector, without the long loops.
extension/build.sh
(cd extension && go vet ./... && go test -count=1 -timeout 10m . && go test -race -count=1 -timeout 10m -skip 'Cycles|Reloads|Forgotten|Memory' .)

# The reference pages of the example components, from the schemas of their configurations.
STRAIT=$strait ./pages.sh

# Arrow's own reader for Python on what a slot holds.
pyarrow/run.sh

# DuckDB and pyarrow on what the exporter to Parquet writes.
parquet/run.sh

# A new component's whole way: made, built with interruptions, run with telemetry, broken.
(cd .. && cargo test --quiet --locked -p strait --test whole -- --ignored)

# Two clones that share the target folder.
./clones.sh

# A bill of materials against CycloneDX's own schema, and against what Go and Cargo say.
STRAIT=$strait sbom/run.sh
