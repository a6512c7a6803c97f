package call

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/strait-data/strait/go/control"
	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/ring"
	"github.com/strait-data/strait/go/unit/edge"
)

// Lane is one link and the calls that are in flight on it, of both origins. Its reader goroutine
// takes what the peer publishes and hands it to whom it belongs.
type Lane struct {
	o       Options
	link    *ring.Link
	schemas *record.Schemas // of what the peer writes
	exits   map[uint16]AnyExit
	peers   peerCalls
	callers atomic.Int64

	// What the unit's edges keep for this link: the edge in, and the edges out by number.
	packer    any
	unpackers map[uint16]any

	sequence atomic.Uint64
	mu       sync.Mutex
	calls    map[uint64]*call
	closed   error // why the link carries nothing more

	reader chan struct{} // closed when read has ended; nil before it has begun
}

// Options are what a lane is made of.
type Options struct {
	Link *ring.Link
	// Number and Epoch are the link's.
	Number uint16
	Epoch  uint32
	// Peer is told of calls that are withdrawn and of outputs that failed.
	Peer *control.Peer
	// Edges are the unit's.
	Edges Edges
	Stats *Stats
	// Context lasts until everything of the unit has ended: that of the peer's calls.
	Context context.Context
	// Running is what waits for them.
	Running *sync.WaitGroup
	// OnEnd is told once why the link has ended. It must not wait.
	OnEnd func(error)
}

// Edges are those of one unit, whatever their signals.
type Edges struct {
	// Entry sends batches in; nil: the unit makes its batches itself.
	Entry Entry
	// Exits take what comes out.
	Exits []AnyExit
}

// Entry is a Caller, whatever its signal.
type Entry interface {
	// open makes what the edge in keeps for one link.
	open(l edge.Link) any
}

// NewLane makes a lane that does not read yet.
func NewLane(o Options) *Lane {
	l := &Lane{
		o: o, link: o.Link, schemas: record.NewSchemas(), calls: map[uint64]*call{},
		exits: map[uint16]AnyExit{}, unpackers: map[uint16]any{},
	}
	l.peers = peerCalls{lane: l, cancel: map[uint64]context.CancelFunc{}}
	producer := o.Link.Producer()
	link := edge.Link{
		Publisher: preambles{producer}, MaxBytes: producer.MaxBytes(), Schemas: l.schemas,
	}
	if o.Edges.Entry != nil {
		l.packer = o.Edges.Entry.open(link)
	}
	for _, x := range o.Edges.Exits {
		l.exits[x.number()] = x
		l.unpackers[x.number()] = x.open(link)
	}
	return l
}

// Link is the lane's.
func (l *Lane) Link() *ring.Link { return l.link }

// Number is the link's.
func (l *Lane) Number() uint16 { return l.o.Number }

// Epoch is the link's.
func (l *Lane) Epoch() uint32 { return l.o.Epoch }

// Callers is how many have entered the lane and not left it.
func (l *Lane) Callers() int64 { return l.callers.Load() }

// Enter counts one more caller; Leave one less.
func (l *Lane) Enter() { l.callers.Add(1) }

// Leave counts one caller less.
func (l *Lane) Leave() { l.callers.Add(-1) }

// begin registers a new call. It fails when the lane's link has ended.
func (l *Lane) begin() (*call, error) {
	id, err := control.NewCallID(control.FromHost, l.o.Number, l.o.Epoch, l.sequence.Add(1))
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
func (l *Lane) forget(c *call) {
	l.mu.Lock()
	delete(l.calls, c.id)
	l.mu.Unlock()
	for _, o := range c.abandon() {
		l.refuse(o)
	}
}

// end is the engine's verdict on a call.
func (l *Lane) end(id uint64, f *control.Failure) {
	c := l.take(id)
	if c == nil {
		l.o.Stats.LateVerdicts.Add(1)
		return
	}
	c.end(f)
}

// take removes a call that ends; nil where its caller has gone.
func (l *Lane) take(id uint64) *call {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.calls[id]
	delete(l.calls, id)
	return c
}

func (l *Lane) find(id uint64) *call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls[id]
}

// refuse answers an output whose caller has gone.
func (l *Lane) refuse(o *output) {
	l.release(o.lease)
	l.o.Stats.LateOutputs.Add(1)
	if o.verdict {
		return
	}
	l.batchFailed(o.token, &control.Failure{Class: control.Cancelled, Message: "the caller has gone"})
}

// answer tells the engine what became of an output that was consumed under ctx.
func (l *Lane) answer(ctx context.Context, token uint64, err error) {
	if err != nil {
		l.batchFailed(token, outputFailure(ctx, err))
		return
	}
	if err := l.link.Producer().SendAck(token); err != nil {
		l.Fail(err)
	}
}

// batchFailed answers an output over the control channel. It stops counting as unanswered first,
// since with the answer Rust may send the next.
func (l *Lane) batchFailed(token uint64, f *control.Failure) {
	l.link.Consumer().Answered()
	l.o.Peer.BatchFailed(token, f)
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
func (l *Lane) release(lease ring.Lease) {
	if err := lease.Release(); err != nil {
		l.Fail(err)
	}
}

// Read begins to read the ring, until the link or ctx ends. credit is how many batches of no call
// the peer may have unanswered.
func (l *Lane) Read(ctx context.Context, credit int) {
	l.peers.credit = credit
	l.reader = make(chan struct{})
	go l.read(ctx)
}

// nobody reads a lane that has not begun to.
var nobody = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Done is closed when nothing reads the ring any more; also before Read.
func (l *Lane) Done() <-chan struct{} {
	if l.reader == nil {
		return nobody
	}
	return l.reader
}

// read is the only goroutine that consumes the ring.
func (l *Lane) read(ctx context.Context) {
	defer close(l.reader)
	for {
		m, err := l.link.Consumer().Receive(ctx)
		if err == nil {
			err = l.dispatch(m)
		}
		if err != nil {
			l.Fail(err)
			return
		}
	}
}

func (l *Lane) dispatch(m ring.Message) error {
	switch m.Kind {
	case ring.KindAck:
		l.end(m.CallID, nil)
	case ring.KindPreamble:
		err := l.schemas.Add(m.Lease.Bytes())
		l.release(m.Lease)
		return err
	case ring.KindBatch:
		exit := l.exits[m.Edge]
		if exit == nil {
			l.release(m.Lease)
			return fmt.Errorf("%w: a batch came over edge %d, which does not lead out",
				record.ErrContent, m.Edge)
		}
		o := &output{token: m.CallID, lease: m.Lease, exit: exit}
		if err := o.batch.Read(m.Lease.Bytes()); err != nil {
			l.release(m.Lease)
			return err
		}
		return l.receive(o, m.Final)
	}
	return nil
}

// receive hands an output to whom it belongs. A difference ends its call (S-16).
func (l *Lane) receive(o *output, final bool) error {
	var c *call
	switch o.verdict = o.batch.Encoding == record.EncodingDifference; {
	case o.verdict:
		if !final { // a difference wants no answer, whether it says so or not
			l.link.Consumer().Answered()
		}
		l.link.Producer().Settle()
		c = l.take(o.batch.CallID)
	case o.batch.CallID == 0:
		return l.peers.begin(o)
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
func linkEnded(err error) error {
	return fmt.Errorf("the link to the Rust side has ended: %w", err)
}

// Fail ends the lane: every call in flight ends once, as retryable, and so does every later one at
// once. Content that is not valid ends the link with the protocol's error.
func (l *Lane) Fail(err error) {
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
		l.o.OnEnd(err)
	}
}

// Ended is why the lane carries nothing more; nil while it does.
func (l *Lane) Ended() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// BatchFailed is the control channel's verdict on a call of this lane.
func (l *Lane) BatchFailed(callID uint64, f *control.Failure) {
	l.link.Producer().Settle()
	l.end(callID, f)
}

// BatchCancel withdraws an output. Its consumer may be at work with it already: then its answer is
// dropped by the engine. Of a batch of no call its context ends; a call's is its caller's.
func (l *Lane) BatchCancel(token uint64) {
	l.o.Stats.CancelledOutputs.Add(1)
	l.peers.cancelled(token)
}
