package call

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/strait-data/strait/go/record"
)

// peerCalls are a lane's calls of the peer's origin: batches that belong to no call of the host's,
// because a receiver made them, a connector flushed them, or a node merged them. Back-pressure for
// them is credit. The start request tells Rust how many of them a lane may have unanswered, over
// all edges together, and it sends no more while that many are. So each gets a goroutine of its
// own, made on demand: there are never more than the credit, nothing queues here, and none is
// refused because the consumer is slow.
type peerCalls struct {
	lane       *Lane
	credit     int // known when the lane has started
	unanswered atomic.Int64

	mu     sync.Mutex
	cancel map[uint64]context.CancelFunc // by token, of those that are with their consumer
	early  []uint64                      // tokens withdrawn before their batch was read; newest last
}

// begin starts the work on a batch. It refuses one beyond the credit: the other side breaks what
// was agreed, and what it sends must not become memory and goroutines here.
func (p *peerCalls) begin(o *output) error {
	if n := p.unanswered.Add(1); n > int64(p.credit) {
		p.lane.release(o.lease)
		return fmt.Errorf("%w: %d batches of no call are unanswered, the credit is %d",
			record.ErrContent, n, p.credit)
	}
	p.lane.o.Stats.ForeignOutputs.Add(1)
	ctx, end := contextOf(p.lane.o.Context, &o.batch.Header)
	p.mu.Lock()
	p.cancel[o.token] = end
	if i := slices.Index(p.early, o.token); i >= 0 {
		p.early = slices.Delete(p.early, i, i+1)
		end()
	}
	p.mu.Unlock()
	p.lane.o.Running.Go(func() { p.run(ctx, o) })
	return nil
}

func (p *peerCalls) run(ctx context.Context, o *output) {
	err := o.exit.take(ctx, p.lane, o)
	if p.lane.o.Context.Err() != nil {
		// No caller has gone: the unit ends, and what made the batch may keep it.
		ctx = context.WithoutCancel(ctx)
	}
	p.unanswered.Add(-1) // first: the answer lets Rust send the next one
	p.lane.answer(ctx, o.token, err)
	p.withdraw(o.token) // only now: with its context it has ended
}

// cancelled withdraws a batch for the peer. Ring and control are not ordered: one whose batch has
// not been read is kept until it is. A token that comes after its batch's end looks the same, so
// the oldest are dropped beyond what the credit can explain.
func (p *peerCalls) cancelled(token uint64) {
	p.mu.Lock()
	if p.cancel[token] == nil {
		p.early = append(p.early, token)
		p.early = p.early[max(0, len(p.early)-cancelsPerCredit*p.credit):]
	}
	p.mu.Unlock()
	p.withdraw(token)
}

// cancelsPerCredit is how many withdrawals are kept for each batch that may be unanswered.
const cancelsPerCredit = 2

// withdraw ends the context of a batch that nobody waits for any more. Its consumer's answer still
// goes to Rust, which drops it: the credit comes back with it.
func (p *peerCalls) withdraw(token uint64) {
	p.mu.Lock()
	end := p.cancel[token]
	delete(p.cancel, token)
	p.mu.Unlock()
	if end != nil {
		end()
	}
}
