package call

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"go.opentelemetry.io/collector/consumer/consumererror"

	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/unit/edge"
)

// Exit is an edge out of a unit and the consumer behind it.
type Exit[T any] struct {
	component string
	out       *edge.Out[T]
	stats     *Stats
	gave      atomic.Uint64
}

// AnyExit is an Exit, whatever its signal.
type AnyExit interface {
	number() uint16
	// open makes what the edge keeps for one link.
	open(l edge.Link) any
	// Gave is how many log records, spans or data points went to the consumer.
	Gave() uint64
	// take opens an output, lets go of its lease, and hands it on.
	take(ctx context.Context, l *Lane, o *output) error
}

// NewExit makes an exit of a component, named as its errors name it.
func NewExit[T any](component string, out *edge.Out[T], stats *Stats) *Exit[T] {
	return &Exit[T]{component: component, out: out, stats: stats}
}

// Gave is how many log records, spans or data points went to the consumer, taken or not.
func (x *Exit[T]) Gave() uint64 { return x.gave.Load() }

func (x *Exit[T]) number() uint16 { return x.out.Number() }

func (x *Exit[T]) open(l edge.Link) any { return x.out.On(l) }

// on gives what the edge keeps for a lane's link.
func (x *Exit[T]) on(l *Lane) *edge.Unpacker[T] {
	return l.unpackers[x.number()].(*edge.Unpacker[T])
}

func (x *Exit[T]) take(ctx context.Context, l *Lane, o *output) error {
	d, err := x.on(l).Open(&o.batch)
	l.release(o.lease)
	if err != nil {
		return x.refuse(l, err)
	}
	return x.deliver(ctx, d)
}

// ConsumerFrame is in the stack of each goroutine that is with a unit's next consumer.
const ConsumerFrame = "call.(*Exit[...]).deliver("

// deliver calls the next consumer, and counts what goes there. Its frame and how many are in it are
// how a shutdown knows what it waits for.
func (x *Exit[T]) deliver(ctx context.Context, d T) error {
	x.gave.Add(uint64(x.out.Signal().Counted(d)))
	x.stats.Consuming.Add(1)
	defer x.stats.Consuming.Add(-1)
	return x.out.Consume(ctx, d)
}

// refuse ends what a wrong content ends (S-17): a slot that is malformed the link, because its
// sides no longer agree on what crosses; a wrong value in one that is well formed only its call,
// for good, and by the component's name.
func (x *Exit[T]) refuse(l *Lane, err error) error {
	switch {
	case errors.Is(err, record.ErrContent):
		l.Fail(err)
		return linkEnded(err)
	case errors.Is(err, record.ErrValue):
		err = fmt.Errorf("%s: what comes out holds a wrong value: %w", x.component, err)
		return consumererror.NewPermanent(err)
	default:
		return err
	}
}
