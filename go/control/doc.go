// Package control is the host's side of the control channel: the rare calls between the Collector
// and its Rust peer. What goes often (batches, acks, wake-ups) goes through the ring, never here.
//
// A native module registers its entry ([RegisterEntry]), [Bind] connects to it once per process,
// and [Peer.Call] runs operations. What the peer reports arrives at sinks: a [LinkSink] for the
// calls of one link, log and status sinks by handle. Link numbers are given out here
// ([AllocateLink]).
//
// It guarantees that
//   - an operation ends exactly once, and Call returns soon after its context has ended;
//   - an error keeps its class, codes and retry delay on the way ([Failure], [FailureFrom]);
//   - a panic in a sink is contained, counted, and becomes that call's error;
//   - without cgo, or without a native module, everything compiles and Bind says what to do.
//
// It leaves to others what operations mean, and what happens to a batch.
//
// The calls are generated from dataplane/control/src/idl.rs by internal/regen.
package control
