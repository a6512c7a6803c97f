package ring

import "errors"

// The end of a link (protocol section 5), and of its memory.

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
// refuses. It does nothing if the link has ended.
func (l *Link) Fail(code Code, cause error) { l.fail(&Error{Code: code, Cause: cause}) }

// PeerLost ends the link because the other side's process has ended. Acks that it published can
// still be received; data is not delivered any more. If it had closed the link before, that is what
// counts.
func (l *Link) PeerLost(cause error) {
	if l.joined.Load() && l.enter() {
		code := l.consumer.peerClose.Load() // pair close
		l.leave()
		if code != 0 {
			l.peerClosed(Code(code), l.consumer.where+" producer")
			return
		}
	}
	l.end(&ending{err: &Error{Code: CodePeerLost, Cause: cause}, drain: drainAcks})
}

// fail ends the link for a rule that the other side broke.
func (l *Link) fail(e *Error) { l.end(&ending{err: e}) }

// peerClosed ends the link because the other side has: R-23.
func (l *Link) peerClosed(code Code, where string) {
	e := &ending{err: &Error{Code: code, Where: where, ByPeer: true}, drain: drainAcks}
	if code == CodeClosed {
		e.drain = drainAll
	}
	l.end(e)
}

// end ends the link once.
func (l *Link) end(e *ending) {
	if l.beginEnd(e) {
		l.carryOut(e)
	}
}

// beginEnd settles that e is how the link ends, unless it has ended. It takes a reference to the
// mappings first, which lasts until carryOut is through: until the producer is stopped, others still
// work on the mappings, and know of no reference but the link's (W-3 in words.go).
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
	l.end(&ending{err: &Error{Code: CodeClosed}})
	<-l.done // whoever ends the link has stopped the producer
	l.closeOnce.Do(func() {
		l.tell(CodeClosed) // for an end that the other side made
		l.closeErr = errors.Join(l.producer.close(), l.consumer.close(), l.own.each((*region).closeFile))
		l.leave() // the link's own reference
	})
	return l.closeErr
}

// enter takes a reference to the mappings, unless they are gone.
func (l *Link) enter() bool {
	for {
		n := l.references.Load()
		if n == 0 {
			return false
		}
		if l.references.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// retain takes one more reference where the caller knows of another that lasts.
func (l *Link) retain() { l.references.Add(1) }

// leave drops a reference; the last one unmaps.
func (l *Link) leave() {
	if l.references.Add(-1) > 0 {
		return
	}
	own, peer := l.readCounters()
	l.last.Store(&[2]Counters{own, peer})
	// Unmapping a mapping of ours cannot fail (munmap fails for bad arguments only).
	_ = l.own.each((*region).unmap)
	_ = l.peer.each((*region).unmap)
}
