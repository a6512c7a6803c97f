package unit

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/strait-data/strait/go/record"
)

// Batches of no call: what a node merged, or made itself. Back-pressure for them is credit. The
// start request tells Rust how many of them a lane may have unanswered, and its egress takes no
// more from the engine while that many are. So each gets a goroutine of its own, made on demand:
// there are never more than the credit, nothing queues here, and none is refused because the
// consumer is slow.

// creditOf is a lane's credit: as many as there may be calls in its engine, so that merging halves
// no throughput; but only half of the places that the ring has for messages that want an answer
// so that the outputs of calls always find one.
func creditOf(spec *Spec, t *Transport) int {
	inFlight := spec.MaxInFlight
	if inFlight == 0 {
		inFlight = defaultInFlight
	}
	return max(1, min(inFlight, int(t.Geometry.Descriptors)/4))
}

// defaultInFlight is what Rust takes where a spec does not say how many calls its engine holds.
const defaultInFlight = 64

// consumeForeign takes one batch of no call; it releases the lease.
type consumeForeign func(context.Context, *lane, output) error

// foreign runs a lane's batches of no call.
type foreign struct {
	credit     int // known when the lane has started
	unanswered atomic.Int64
	ctx        context.Context // of the unit: ends when it has shut down
	consume    consumeForeign
	running    *sync.WaitGroup // of the unit, whose end waits for it
}

// take starts the work on a batch. It refuses one beyond the credit: the other side breaks what was
// agreed, and what it sends must not become memory and goroutines here.
func (f *foreign) take(l *lane, o output) error {
	if n := f.unanswered.Add(1); n > int64(f.credit) {
		l.release(o.lease)
		return fmt.Errorf("%w: %d batches of no call are unanswered, the credit is %d",
			record.ErrContent, n, f.credit)
	}
	l.stats.foreignOutputs.Add(1)
	f.running.Go(func() { f.run(l, o) })
	return nil
}

func (f *foreign) run(l *lane, o output) {
	err := f.consume(f.ctx, l, o)
	f.unanswered.Add(-1) // first: the answer lets Rust send the next one
	// Not under ctx: no caller has gone when it ends at shutdown, and a node may keep the batch.
	l.answer(context.WithoutCancel(f.ctx), o.token, err)
}
