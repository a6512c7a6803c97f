//go:build !race

package control

// manyCalls is how often a flat-memory test calls.
const manyCalls = 1_000_000
