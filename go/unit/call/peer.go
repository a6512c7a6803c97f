package call

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/strait-data/strait/go/record"
)

// peerCalls are a lane's calls of the peer's origin: batches that belong to no call of the host's,
// because a node merged them, or made them itself. Back-pressure for them is credit. The start
// request tells Rust how many of them a lane may have unanswered, and its egress takes no more from
// the engine while that many are. So each gets a goroutine of its own, made on demand: there are
// never more than the credit, nothing queues here, and none is refused because the consumer is
// slow.
type peerCalls struct {
	lane       *Lane
	credit     int // known when the lane has started
	unanswered atomic.Int64
	take       func(context.Context, *Lane, output) error
}

// begin starts the work on a batch. It refuses one beyond the credit: the other side breaks what
// was agreed, and what it sends must not become memory and goroutines here.
func (p *peerCalls) begin(o output) error {
	if n := p.unanswered.Add(1); n > int64(p.credit) {
		p.lane.release(o.lease)
		return fmt.Errorf("%w: %d batches of no call are unanswered, the credit is %d",
			record.ErrContent, n, p.credit)
	}
	p.lane.o.Stats.ForeignOutputs.Add(1)
	p.lane.o.Running.Go(func() { p.run(o) })
	return nil
}

func (p *peerCalls) run(o output) {
	ctx := p.lane.o.Context
	err := p.take(ctx, p.lane, o)
	p.unanswered.Add(-1) // first: the answer lets Rust send the next one
	// Not under ctx: no caller has gone when it ends at shutdown, and a node may keep the batch.
	p.lane.answer(context.WithoutCancel(ctx), o.token, err)
}
