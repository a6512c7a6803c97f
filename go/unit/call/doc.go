// Package call is what crosses between a host and its unit as calls, of both origins: the host's,
// which a Caller sends and waits for on the caller's own goroutine, and the peer's, which run on
// goroutines of their own within a credit, under a context that their header makes. What comes out
// of the unit, for calls of either, goes on by an Exit. A Lane is one link and the calls that are
// in flight on it.
//
// It guarantees that
//   - a call ends exactly once, and every output that wants an answer was answered before;
//   - a caller whose context ends returns at once, and only its goroutine touches its data;
//   - an item that cannot cross is refused alone, by name, and costs no other;
//   - the reader of a link calls no consumer and waits for no room, so one slow consumer holds up
//     nobody else.
//
// It leaves to others what crosses (package edge) and which lane takes a call (package unit).
package call
