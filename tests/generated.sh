#!/usr/bin/env bash
# Makes what mdatagen and the ring's make.py generate anew, in a copy, and fails when it differs from what is committed.
#   generated.sh MDATAGEN           compare
#   generated.sh --write MDATAGEN   write it into the tree, with the files that Rust generates
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
write=
if [ "$1" = --write ]; then write=1; shift; fi
mdatagen=$1
packages=(otapconnector otapexporter otapprocessor otapreceiver process straitextension unit)

if [ -n "$write" ]; then
	for package in "${packages[@]}"; do (cd "$root/go/$package" && "$mdatagen" metadata.yaml); done
	cd "$root"
	python3 ringbuf/vectors/make.py
	cargo run --quiet --locked -p strait-ringbuf --example generate-layout
	STRAIT_REGENERATE=1 cargo test --quiet --locked --release --ignore-rust-version -p strait-engine \
		--test nodes --test otap_schema --test plans
	cargo run --quiet --locked -p strait-records --example generate-schema
	tests/pages.sh --write
	exit
fi

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp "$root"/go/go.mod "$root"/go/go.sum "$copy"
for package in "${packages[@]}"; do
	cp -r "$root/go/$package" "$copy/$package"
	(cd "$copy/$package" && find . -name 'generated_*' -delete && "$mdatagen" metadata.yaml)
	diff -r "$root/go/$package" "$copy/$package" || {
		echo "generated files are stale: run \`make generate\`" >&2
		exit 1
	}
done
cp -r "$root/ringbuf/vectors" "$copy/vectors"
python3 "$copy/vectors/make.py"
diff -r "$root/ringbuf/vectors" "$copy/vectors" || {
	echo "the ring's vectors are not what make.py writes: run \`make generate\`" >&2
	exit 1
}
