#!/usr/bin/env bash
# Two clones with one target folder: each gets what is compiled of its own sources, however often they take turns.
# Cargo compares file times only; what the Makefile and .cargo/config.toml do about it is tried here on two copies.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
unset STRAIT_PATH
target=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/strait/target}
export CARGO_TARGET_DIR=$dir/target

fail() {
	echo "clones.sh: $*" >&2
	exit 1
}

for clone in one two; do
	mkdir "$dir/$clone"
	git -C "$root" ls-files -z | (cd "$root" && xargs -0 cp --parents -t "$dir/$clone")
done
# A difference that only compiling shows, in a file as old as the other's.
sed -i 's|Code generated|The other clone. Code generated|' "$dir/two/ringbuf/examples/generate-layout/"*.rs
find "$dir" -name '*.rs' -exec touch -d '1 hour ago' {} +

for clone in one two one two; do
	cd "$dir/$clone"
	make own-sources
	rm go/ring/layout_gen.go
	cargo run --quiet --locked -p strait-ringbuf --example generate-layout
	[ -f go/ring/layout_gen.go ] || fail "$clone: what the other clone compiled was run"
	grep -q 'The other clone' go/ring/layout_gen.go && is=two || is=one
	[ "$is" = "$clone" ] || fail "$clone: compiled of the sources of $is"
done

# The command knows where it was built, also when cargo is called by hand. In the usual target folder, where what it
# is made of is compiled; this clone's own comes last, and stays.
export CARGO_TARGET_DIR=$target
for clone in "$dir/one" "$dir/two" "$root"; do
	cd "$clone"
	cargo build --quiet --locked -p strait
	"$target/debug/strait" doctor 2>&1 | grep -qF " $clone" || fail "$clone: the command has other sources"
done
