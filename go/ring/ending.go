package ring

import "errors"

// The end of a link: the state machine of protocol section 5, which the Rust side has in a file of
// the same name. A side is open; then ended, once, with a code, by itself or by the other side
// then gone, when its owner has called Close. What each operation does in each state is the
// table of R-24; memory outlives the side until the last claim, lease and running call have ended
// (R-26, Link.enter). There are no finalizers: a link that nobody closes stays.

// drain is what may still be received after a link's end (the columns of R-24's table).
type drain uint8

const (
	drainNothing drain = iota // this side ended it
	drainAcks                 // the other side found an error, or is lost
	drainAll                  // the other side closed in order
)

// ending is why a link ended. There is at most one.
type ending struct {
	err   *Error
	drain drain
}

// endingOf is the column of R-24's table for an error.
func endingOf(e *Error) *ending {
	switch {
	case e.ByPeer && e.Code == CodeClosed:
		return &ending{err: e, drain: drainAll}
	case e.ByPeer || e.Code == CodePeerLost:
		return &ending{err: e, drain: drainAcks}
	default:
		return &ending{err: e}
	}
}

// Done is closed when the link has ended, whoever ended it.
func (l *Link) Done() <-chan struct{} { return l.done }

// Err is why the link has ended, an [*Error], or nil while it has not.
func (l *Link) Err() error {
	if end := l.ended.Load(); end != nil {
		return end.err
	}
	return nil
}

// Fail ends the link with a code and a reason, such as CodeContent for a slot that the layer above
// refuses. It does nothing if the link has ended. CodePeerLost is PeerLost; code 0, which says
// nothing, is taken for CodeAbandoned.
func (l *Link) Fail(code Code, cause error) {
	switch code {
	case CodePeerLost:
		l.PeerLost(cause)
	case 0:
		l.end(&Error{Code: CodeAbandoned, Cause: cause})
	default:
		l.end(&Error{Code: code, Cause: cause})
	}
}

// PeerLost ends the link because the other side's process has ended. Acks that it published can
// still be received; data is not delivered any more. If it had closed the link before, that is what
// counts.
func (l *Link) PeerLost(cause error) {
	if l.joined.Load() && l.enter() {
		code := Code(l.consumer.peerClose.Load()) // pair close
		l.leave()
		if code != 0 {
			l.end(closedByPeer(code, l.consumer.where+" producer"))
			return
		}
	}
	l.end(&Error{Code: CodePeerLost, Cause: cause})
}

// closedByPeer is the end that the other side's close word says, which lies in the object `where`.
func closedByPeer(code Code, where string) *Error {
	return &Error{Code: code, Where: where, ByPeer: true}
}

// end ends the link once; it does nothing if it has ended.
func (l *Link) end(e *Error) {
	if end := endingOf(e); l.beginEnd(end) {
		l.carryOut(end)
	}
}

// beginEnd settles that e is how the link ends, unless it has ended. It takes a reference to the
// mappings first, which lasts until carryOut is through: until the producer is stopped, others
// still work on the mappings, and know of no reference but the link's (W-3 in words.go).
func (l *Link) beginEnd(e *ending) bool {
	if !l.enter() {
		return false // gone, so it has ended
	}
	e.err.Link = l.number
	if !l.ended.CompareAndSwap(nil, e) {
		l.leave()
		return false
	}
	return true
}

// carryOut first refuses new messages, then tells the other side, then those who wait on this one.
func (l *Link) carryOut(e *ending) {
	defer l.leave()
	l.producer.stop(e.err)
	if e.err.Code != CodeClosed && !e.err.ByPeer {
		l.producer.counters.add(CounterProtocolErrors, 1)
	}
	if !e.err.ByPeer {
		l.tell(e.err.Code)
	}
	l.consumer.data.interrupt()
	close(l.done)
}

// tell stores a code into the close words of both own objects, unless they have one, and rings both
// doorbells. The memory is mapped.
func (l *Link) tell(code Code) {
	l.producer.ownClose.CompareAndSwap(0, uint32(code)) // pair close
	l.consumer.ownClose.CompareAndSwap(0, uint32(code)) // pair close
	l.producer.data.ring()
	l.consumer.space.ring()
}

// Close ends the link in order, if nothing has ended it yet, and gives its descriptors back. It
// waits for no reader: memory is unmapped when the last open claim and lease end. A Receive that
// waits returns first, and an end that another goroutine is carrying out comes to its end first. It
// may be called twice and at the same time, by any goroutine but one that is in Receive; each call
// returns when the descriptors are given back.
func (l *Link) Close() error {
	l.end(&Error{Code: CodeClosed})
	<-l.done // whoever ends the link has stopped the producer
	l.closeOnce.Do(func() {
		l.tell(CodeClosed) // for an end that the other side made
		l.closeErr = errors.Join(l.producer.close(), l.consumer.close(), l.dropFiles())
		l.leave() // the link's own reference
	})
	return l.closeErr
}
