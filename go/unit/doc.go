// Package unit is the host's side of one engine pipeline: what a Collector's Rust component is made
// of.
//
// A Unit has lanes, each a link to one engine thread. A Processor carries one signal through it: it
// encodes into a slot what the unit reads, sends it, waits for the engine's verdict on the caller's
// own goroutine, applies what came back to the original or decodes it, and calls the next consumer.
//
// It guarantees that
//   - a call ends exactly once, and every output that wants an answer was answered before;
//   - a caller whose context ends returns at once, and only its goroutine touches its data;
//   - an item that cannot cross is refused alone, by name, and costs no other;
//   - New has no side effect, Start opens everything or nothing, Shutdown is safe without Start and
//     twice.
//
// It leaves to others what crosses (packages otap, record), how (ring, control), and which
// components there are (otapprocessor, rustcomponent).
package unit
