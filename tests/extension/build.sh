#!/bin/sh
# Builds the library of extensions (tests/peers/extension) and puts it where the Go tests of this
# folder link it from. One relocatable
# object with one visible symbol, as in a native module: the Go tool notices when it changes.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
out=$root/tests/extension/native/testpeer_linux_$(go env GOARCH).syso
(cd "$root" && cargo build --quiet -p strait-extension-testpeer)
ld -r --force-group-allocation --gc-sections -u strait_entry --whole-archive "$target/debug/libstrait_extension_testpeer.a" -o "$out.tmp"
objcopy --keep-global-symbol=strait_entry --strip-debug "$out.tmp"
# Only when it differs, so that nothing is linked again for nothing.
if cmp -s "$out.tmp" "$out"; then rm "$out.tmp"; else mv "$out.tmp" "$out"; fi
