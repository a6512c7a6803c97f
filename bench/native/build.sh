#!/usr/bin/env bash
# Builds bench/rust and makes one relocatable object of it, which shows only the functions that native.go declares: the
# form that Go links (and whose change it notices). As `strait build` does for a Collector.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/strait/target}
out=$here/bench_linux_$(go env GOARCH).syso
(cd "$root" && CARGO_TARGET_DIR=$target cargo build --quiet --locked --release --ignore-rust-version -p strait-bench)
library=$target/release/libstrait_bench.a
[ "$out" -nt "$library" ] && exit
undefined=()
for symbol in $(grep -oh 'strait_bench_[a-z0-9_]*' "$here/native.go" | sort -u); do undefined+=(-u "$symbol"); done
# Everything is taken in, then what nothing reaches is dropped again: the engine's link-time registrations stay.
ld -r -S -x --gc-sections "${undefined[@]}" --whole-archive "$library" -o "$out.tmp"
objcopy --wildcard --keep-global-symbol='strait_bench_*' --remove-section=.llvmbc --remove-section=.llvmcmd "$out.tmp"
mv "$out.tmp" "$out"
