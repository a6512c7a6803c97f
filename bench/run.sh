#!/usr/bin/env bash
# Builds and runs all benches; leaves raw figures, ratios, summary and plots in bench/results/latest. `make bench`.
#   NOTE="..."   is printed in the summary (say so when the machine is not quiet)
#   ROUNDS=n     fewer rounds for a quick look; the summary says how many
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd .. && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/strait/target}
out=$PWD/results/latest
built=$root/build/bench
mkdir -p "$out" "$built"

echo "building" >&2
[ -n "${STRAIT_BUILT:-}" ] || make -C "$root" build
(cd "$root" && "$CARGO_TARGET_DIR/debug/strait" build --quiet --config tests/native/builder.yaml)
native/build.sh
go vet ./...
go build -o "$built/parts" ./parts
for suite in whole pairs cancel; do (cd "$suite" && go vet . && go build -o "$built/$suite" .); done

rm -f "$out"/*
python3 machine.py "${NOTE:-}" > "$out/machine.json"
"$built/parts" -out "$out" ${ROUNDS:+-rounds "$ROUNDS"}
"$built/whole" -out "$out" ${ROUNDS:+-rounds "$ROUNDS"}
"$built/pairs" -out "$out" ${ROUNDS:+-rounds "$ROUNDS"} -collector "$root/build/otelcol-strait" \
  -tests "$root/build/native-tests/otelcol-native-tests"
"$built/cancel" -out "$out" ${ROUNDS:+-rounds "$ROUNDS"}
python3 report.py "$out"
echo "everything: $out/summary.md" >&2
