#!/usr/bin/env bash
# Runs every fuzz target, Rust's and Go's, for some seconds each (60 unless told). New inputs that widen the
# coverage are kept in fuzz/corpus and in Go's cache; a finding ends the run with the input's path.
#   fuzz/run.sh [SECONDS]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
seconds=${1:-60}
tools=${STRAIT_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/strait/tools}
version=0.13.2

if [ "$("$tools/bin/cargo-fuzz" --version 2>/dev/null || true)" != "cargo-fuzz $version" ]; then
	(cd / && cargo install cargo-fuzz --version "$version" --locked --quiet --root "$tools")
fi
cd "$root"
# libFuzzer and the address sanitizer are behind nightly's door; the stable compiler has them all the same.
export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/strait/target}/fuzz"
for target in batch_header records difference preamble ring; do
	corpus=fuzz/corpus/$target
	mkdir -p "$corpus"
	seeds=()
	case $target in
	difference) seeds=(dataplane/records/vectors dataplane/records/vectors/refused-differences) ;;
	batch_header | records) seeds=(dataplane/records/vectors) ;;
	esac
	echo "== $target, $seconds s"
	"$tools/bin/cargo-fuzz" run "$target" "$corpus" "${seeds[@]}" -- -max_total_time="$seconds" -print_final_stats=1
done

cd go
for package in ./ring ./record ./otap; do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz'); do
		echo "== $package $target, $seconds s"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${seconds}s" "$package"
	done
done
