#!/usr/bin/env bash
# Strait for arm64, built and run on an amd64 machine by qemu's user emulation: the Go packages that share memory with
# Rust, and the tests of whole Collectors on the demo's. Needs Rust's standard library and a C compiler for
# arm64, and qemu; `make test-arm64` runs it, `make test` does not. The `strait` command is in STRAIT.
# Emulated memory is ordered as amd64's, so no test here can find a wrong atomic ordering: the model checks do that.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(go env GOHOSTARCH)" = amd64 ] || { echo "tests/arm64.sh: for amd64 machines; on arm64, \`make test\` is this test" >&2; exit 1; }
qemu=$(command -v qemu-aarch64 || command -v qemu-aarch64-static) ||
    { echo "tests/arm64.sh: qemu's user emulation is missing: \`apt-get install qemu-user\`" >&2; exit 1; }
# The system's own C library for arm64, or the cross compiler's; never two, or programs hang in them.
libraries=/
if [ ! -e /lib/ld-linux-aarch64.so.1 ]; then
    library=$(readlink -f "$(aarch64-linux-gnu-gcc -print-file-name=libc.so.6)")
    libraries=${library%/lib/*}
fi

# `strait build` says what else is missing.
GOOS=linux GOARCH=arm64 "$STRAIT" build --config examples/demo/builder.yaml --output-path build/arm64

# Three tests ask what the emulation does not have: a process that is started by the test itself, which pages of a
# mapping are there, and which signals a thread blocks (the emulator keeps some for itself).
unemulated='TestLimitsOfTheProcess|TestNoMemoryForASlot|TestSignalsToEveryThread'
echo "without $unemulated"
(cd go && GOOS=linux GOARCH=arm64 CGO_ENABLED=1 CC=aarch64-linux-gnu-gcc \
    go test -count=1 -skip "$unemulated" -exec "$qemu -L $libraries" ./ring ./record ./otap ./unit)

emulated=$(mktemp -d)
trap 'rm -rf "$emulated"' EXIT
printf '#!/bin/sh\nexec %q -L %q %q "$@"\n' "$qemu" "$libraries" "$PWD/build/arm64/otelcol-strait" > "$emulated/otelcol"
chmod +x "$emulated/otelcol"
(cd tests && STRAIT_COLLECTOR=$emulated/otelcol go test -count=1 -timeout 15m -skip "$unemulated" ./collector)
echo "arm64 passes"
