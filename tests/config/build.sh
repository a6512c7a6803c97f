#!/bin/sh
# Builds the peer of this folder's tests (tests/peers/component) and puts it where they link it from, as
# tests/control/build.sh does. With `release`, as it is measured.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
profile=${1:-dev}
folder=$([ "$profile" = dev ] && echo debug || echo "$profile")
target=${CARGO_TARGET_DIR:-$root/target}
out=$root/tests/config/native/testpeer_linux_$(go env GOARCH).syso
(cd "$root" && cargo build --quiet --locked --profile "$profile" -p strait-component-testpeer)
ld -r --force-group-allocation --gc-sections -u strait_entry --whole-archive "$target/$folder/libstrait_component_testpeer.a" -o "$out.tmp"
objcopy --keep-global-symbol=strait_entry --strip-debug "$out.tmp"
# Only when it differs, so that nothing is linked again for nothing.
if cmp -s "$out.tmp" "$out"; then rm "$out.tmp"; else mv "$out.tmp" "$out"; fi
