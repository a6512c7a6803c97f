// Package interop tests the ring between processes and languages: Go against the Rust example
// `pair` of crate strait-ringbuf, and against itself, in both roles, up to the death of a side.
package interop
