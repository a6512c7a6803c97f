//go:build race

package control

// manyCalls is how often a flat-memory test calls.
const manyCalls = 100_000
