package unit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/ring"
)

// lane is one link and the calls that are in flight on it. Its reader goroutine takes what the peer
// publishes and hands it to whom it belongs; it never calls a consumer and never waits for room, so
// one slow consumer holds up nobody else.
type lane struct {
	link     *ring.Link
	peer     *control.Peer
	index    int // which of the unit's lanes it is
	number   uint16
	epoch    uint32
	in, out  uint16            // numbers of the unit's edges
	schemas  *record.Schemas   // of what the peer writes
	logs     *otap.LogsEncoder // with the schemas that this side has published
	decoders sync.Pool
	foreign  foreign // outputs of no call: merged, or made by the engine
	stats    *Stats
	onEnd    func(*lane, error) // is told once why the link has ended; must not wait

	budget  budget // of its link's renewals; only who renews it uses it
	renewed bool   // somebody renews it; under the unit's lock
	callers atomic.Int64

	sequence atomic.Uint64
	mu       sync.Mutex
	calls    map[uint64]*call
	closed   error // why the link carries nothing more

	reader chan struct{} // closed when read has ended; nil before it has begun
}

// begin registers a new call. It fails when the lane's link has ended.
func (l *lane) begin() (*call, error) {
	id, err := control.NewCallID(control.FromHost, l.number, l.epoch, l.sequence.Add(1))
	if err != nil {
		return nil, err
	}
	c := newCall(uint64(id))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed != nil {
		return nil, l.closed
	}
	l.calls[c.id] = c
	return c, nil
}

// forget removes a call; late events for it are dropped and counted. The outputs that nobody took
// are failed.
func (l *lane) forget(c *call) {
	l.mu.Lock()
	delete(l.calls, c.id)
	l.mu.Unlock()
	for _, o := range c.abandon() {
		l.refuse(o)
	}
}

// end is the engine's verdict on a call.
func (l *lane) end(id uint64, f *control.Failure) {
	c := l.take(id)
	if c == nil {
		l.stats.lateVerdicts.Add(1)
		return
	}
	c.end(f)
}

// take removes a call that ends; nil where its caller has gone.
func (l *lane) take(id uint64) *call {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.calls[id]
	delete(l.calls, id)
	return c
}

func (l *lane) find(id uint64) *call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls[id]
}

// refuse answers an output whose caller has gone.
func (l *lane) refuse(o output) {
	l.release(o.lease)
	l.stats.lateOutputs.Add(1)
	if o.verdict {
		return
	}
	l.batchFailed(o.token, &control.Failure{Class: control.Cancelled, Message: "the caller has gone"})
}

// answer tells the engine what became of an output that was consumed under ctx.
func (l *lane) answer(ctx context.Context, token uint64, err error) {
	if err != nil {
		l.batchFailed(token, outputFailure(ctx, err))
		return
	}
	if err := l.link.Producer().SendAck(token); err != nil {
		l.fail(err)
	}
}

// batchFailed answers an output over the control channel. It stops counting as unanswered first,
// since with the answer Rust may send the next.
func (l *lane) batchFailed(token uint64, f *control.Failure) {
	l.link.Consumer().Answered()
	l.peer.BatchFailed(token, f)
}

// outputFailure is what an output's consumer said. To the engine, Cancelled and Deadline mean that
// nobody waits for the batch any more, and it offers it to nobody again. While ctx lasts that is
// not so: what ran out was a time limit of the consumer's own, and a node that retries or keeps
// batches must keep this one.
func outputFailure(ctx context.Context, err error) *control.Failure {
	f := control.FailureFrom(err)
	if ctx.Err() == nil && (f.Class == control.Cancelled || f.Class == control.Deadline) {
		f.Class = control.Retryable
	}
	return f
}

// release gives a slot back. It fails only when it was given back before: a bug that must not
// corrupt.
func (l *lane) release(lease ring.Lease) {
	if err := lease.Release(); err != nil {
		l.fail(err)
	}
}

// read runs until the link ends; it is the only goroutine that consumes the ring.
func (l *lane) read(ctx context.Context) {
	defer close(l.reader)
	for {
		m, err := l.link.Consumer().Receive(ctx)
		if err == nil {
			err = l.dispatch(m)
		}
		if err != nil {
			l.fail(err)
			return
		}
	}
}

func (l *lane) dispatch(m ring.Message) error {
	switch m.Kind {
	case ring.KindAck:
		l.end(m.CallID, nil)
	case ring.KindPreamble:
		err := l.schemas.Add(m.Lease.Bytes())
		l.release(m.Lease)
		return err
	case ring.KindBatch:
		if m.Edge != l.out {
			l.release(m.Lease)
			return fmt.Errorf("%w: a batch came over edge %d, expected %d",
				record.ErrContent, m.Edge, l.out)
		}
		o := output{token: m.CallID, lease: m.Lease}
		if err := o.batch.Read(m.Lease.Bytes()); err != nil {
			l.release(m.Lease)
			return err
		}
		return l.receive(o, m.Final)
	}
	return nil
}

// receive hands an output to whom it belongs. A difference ends its call (S-16).
func (l *lane) receive(o output, final bool) error {
	var c *call
	switch o.verdict = o.batch.Encoding == record.EncodingDifference; {
	case o.verdict:
		if !final { // a difference wants no answer, whether it says so or not
			l.link.Consumer().Answered()
		}
		l.link.Producer().Settle()
		c = l.take(o.batch.CallID)
	case o.batch.CallID == 0:
		return l.foreign.take(l, o)
	default:
		c = l.find(o.batch.CallID)
	}
	if c == nil || !c.addOutput(o) {
		l.refuse(o)
	}
	return nil
}

// linkEnded is what a caller is told whose lane carries nothing more, whether it or the lane's
// reader finds out first.
func linkEnded(
	err error,
) error {
	return fmt.Errorf("the link to the Rust side has ended: %w", err)
}

// fail ends the lane: every call in flight ends once, as retryable, and so does every later one at
// once. Content that is not valid ends the link with the protocol's error. While its unit runs, the
// link is renewed.
func (l *lane) fail(err error) {
	if errors.Is(err, record.ErrContent) {
		l.link.Fail(ring.CodeContent, err)
	}
	l.mu.Lock()
	first := l.closed == nil
	if first {
		l.closed = linkEnded(err)
	}
	calls := l.calls
	l.calls = map[uint64]*call{}
	l.mu.Unlock()
	for _, c := range calls {
		c.end(&control.Failure{Class: control.Unavailable, Message: l.closed.Error()})
	}
	if first {
		l.onEnd(l, err)
	}
}

// ended is why the lane carries nothing more; nil while it does.
func (l *lane) ended() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// BatchFailed is the control channel's verdict on a call of this lane.
func (l *lane) BatchFailed(callID uint64, f *control.Failure) {
	l.link.Producer().Settle()
	l.end(callID, f)
}

// BatchCancel withdraws an output. Its consumer may be at work with it already: then its answer is
// dropped by the engine.
func (l *lane) BatchCancel(uint64) { l.stats.cancelledOutputs.Add(1) }
