// Package native is the Rust side of the benches (bench/rust), linked in. bench/run.sh makes the
// object; without it the package compiles and does not link.
package native
