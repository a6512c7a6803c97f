package unit

import (
	"context"
	"sync"
)

// foreignWorkers bounds the goroutines, and with the same number the queue, for batches that belong to
// no call: what a node merged or made. Beyond it they are refused as retryable; the engine decides.
const foreignWorkers = 8

type foreignBatch struct {
	lane   *lane
	output output
}

// consumeForeign takes one batch of no call; it releases the lease.
type consumeForeign func(context.Context, *lane, output) error

type workers struct {
	queue chan foreignBatch
	group sync.WaitGroup
}

func newWorkers(ctx context.Context, n int, consume consumeForeign) *workers {
	w := &workers{queue: make(chan foreignBatch, n)}
	for range n {
		w.group.Go(func() { w.run(ctx, consume) })
	}
	return w
}

func (w *workers) run(ctx context.Context, consume consumeForeign) {
	for {
		select {
		case b := <-w.queue:
			err := consume(ctx, b.lane, b.output)
			// Not under ctx: no caller has gone when it ends at shutdown, and a node may keep the batch.
			b.lane.answer(context.WithoutCancel(ctx), b.output.token, err)
		case <-ctx.Done():
			w.drain()
			return
		}
	}
}

// drain gives back what nobody will consume any more; the lane has ended, so nobody waits for an answer.
func (w *workers) drain() {
	for {
		select {
		case b := <-w.queue:
			b.lane.release(b.output.lease)
		default:
			return
		}
	}
}

func (w *workers) offer(b foreignBatch) bool {
	select {
	case w.queue <- b:
		return true
	default:
		return false
	}
}

func (w *workers) wait() {
	w.group.Wait()
	w.drain()
}
