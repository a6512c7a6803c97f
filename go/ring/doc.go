// Package ring is the Go side of Strait's ring protocol, version 1.0: batches of bytes cross
// between one Go host and one Rust peer through sealed shared memory, without a copy and without a
// lock between the two.
//
// The protocol is normative in ringbuf/protocol.md; comments here cite its rules as and
// name the ordering pairs publish, free, wake, space and close. The Rust twin, crate
// strait-ringbuf, has files of the same names.
//
// What the package guarantees:
//
//   - A [Link] is host or peer. Its [Producer] is safe for many goroutines; its [Consumer] has one
//     reader goroutine, which the caller owns. Leases may be released by any goroutine, in any
//     order.
//   - Nothing the other side writes makes this side panic, hang or touch memory outside the shared
//     objects: each word is read once, checked and then used. A bad value ends the link with an
//     [*Error] that names the rule, the field and both values.
//   - Unless the caller vouches for the other side ([VouchForPeer]), batches are copied before
//     anybody reads them, and doorbells are sockets, which the other side cannot make block.
//   - The receiver holds the sender to the number of unanswered messages that it may have, and
//     copies never take more memory than the slab, or than was allowed ([Options]).
//   - Waiting parks in the netpoller and always has a deadline; full is an answer ([ErrFull]).
//   - Any operation may run while the link ends, whoever ends it. Memory is unmapped when the link
//     is closed and the last claim, lease and running call have ended, so nobody faults.
//   - Claiming, publishing, receiving and releasing do not allocate in steady state.
//
// What it leaves to others: what a slot holds (package record), who is at the other end of a
// socket, watching that process (its end is told with [Link.PeerLost]; a hang-up of the doorbells
// of an untrusted link tells it as well), and call ids.
//
// The ring needs Linux on amd64 or arm64. Elsewhere the package compiles, and [NewHost] and
// [NewPeer] return [ErrUnsupported].
package ring
