#!/usr/bin/env bash
# Builds the library of both interfaces and measures them: `bench/control/run.sh -count 6`.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/strait/target}
(cd "$root" && cargo build --quiet --locked --release -p strait-bench-control)
out=bench_linux_$(go env GOARCH).syso
exported=(strait_entry raw_bind raw_batch_cancel raw_batch_failed raw_operation raw_lines raw_allocate)
ld -r --gc-sections "${exported[@]/#/-u}" --whole-archive "$CARGO_TARGET_DIR/release/libstrait_bench_control.a" -o "$out"
objcopy "${exported[@]/#/--keep-global-symbol=}" --strip-debug "$out"
go test -run '^$' -bench . -benchmem "$@" .
