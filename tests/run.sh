#!/usr/bin/env bash
# The tests that need what is built: a Collector (STRAIT_COLLECTOR), telemetrygen (TELEMETRYGEN), the native
# object, processes of both languages. Called by `make test-system`, after `make build`.
set -euo pipefail
cd "$(dirname "$0")"

control/build.sh
go test -count=1 ./...
