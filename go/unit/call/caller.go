package call

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/consumer/consumererror"

	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/unit/edge"
)

// Caller sends batches of one signal into a unit and hands on what comes out: for calls of the host
// on their own goroutines, for the peer's on others. It is the Edges of its unit.
type Caller[T any] struct {
	component string
	in        *edge.In[T]
	out       *edge.Out[T]
	sig       *edge.Signal[T]
	lanes     Lanes
	stats     *Stats
}

// Lanes are those of a unit.
type Lanes interface {
	// Enter gives a caller a lane, and keeps the unit open until Leave.
	Enter() (*Lane, error)
	Leave(*Lane)
}

// NewCaller makes the caller of a component, named as its errors name it.
func NewCaller[T any](
	component string, in *edge.In[T], out *edge.Out[T], lanes Lanes, stats *Stats,
) *Caller[T] {
	return &Caller[T]{component, in, out, in.Signal(), lanes, stats}
}

// onLink is what the edges keep for one link.
type onLink[T any] struct {
	packer   *edge.Packer[T]
	unpacker *edge.Unpacker[T]
}

func (c *Caller[T]) open(l edge.Link) any { return &onLink[T]{c.in.On(l), c.out.On(l)} }

func (c *Caller[T]) outNumber() uint16 { return c.out.Number() }

// on gives what the edges keep for a lane's link.
func (c *Caller[T]) on(l *Lane) *onLink[T] { return l.edges.(*onLink[T]) }

// Call sends a batch through the unit and returns the engine's verdict on it. A batch over the
// limits crosses in parts, one after the other; when one fails, the error carries what was not
// delivered. Items that cannot cross are refused, and the others delivered: the error is permanent
// and a *Refused. A batch without anything goes on as it is.
func (c *Caller[T]) Call(ctx context.Context, d T) error {
	n, counted := c.sig.Items(d), c.sig.Counted(d)
	c.stats.IncomingItems.Add(uint64(counted))
	// Some nodes drop a batch that counts nothing, such as metrics without points.
	if n == 0 || (counted == 0 && c.in.PassesBare()) {
		return c.callBare(ctx, d)
	}
	l, err := c.lanes.Enter()
	if err != nil {
		return err
	}
	defer c.lanes.Leave(l)
	return c.ship(l, d, n).run(ctx)
}

// callBare takes a batch without items.
func (c *Caller[T]) callBare(ctx context.Context, d T) error {
	if c.in.PassesBare() || c.sig.Resources(d) == 0 {
		return c.deliver(ctx, d)
	}
	s := c.ship(nil, d, 0)
	s.withoutItems()
	return s.verdict()
}

// ConsumerFrame is in the stack of each goroutine that is with a unit's next consumer.
const ConsumerFrame = "call.(*Caller[...]).deliver("

// deliver calls the next consumer, and counts what goes there. Its frame and how many are in it are
// how a shutdown knows what it waits for.
func (c *Caller[T]) deliver(ctx context.Context, d T) error {
	c.stats.OutgoingItems.Add(uint64(c.sig.Counted(d)))
	c.stats.Consuming.Add(1)
	defer c.stats.Consuming.Add(-1)
	return c.out.Consume(ctx, d)
}

// take takes what belongs to no call of the host's, under a context of nobody: without deadline,
// metadata and span context. The engine's batch holds data of several callers and keeps none of
// theirs.
func (c *Caller[T]) take(ctx context.Context, l *Lane, o output) error {
	d, err := c.on(l).unpacker.Open(&o.batch)
	return c.handOn(ctx, l, o, d, err)
}

// handOn lets go of an output that was opened, and delivers it.
func (c *Caller[T]) handOn(ctx context.Context, l *Lane, o output, d T, err error) error {
	l.release(o.lease)
	if err != nil {
		return c.refuse(l, err)
	}
	return c.deliver(ctx, d)
}

// refuse ends what a wrong content ends (S-17): a slot that is malformed the link, because its
// sides no longer agree on what crosses; a wrong value in one that is well formed only its call,
// for good, and by the component's name.
func (c *Caller[T]) refuse(l *Lane, err error) error {
	switch {
	case errors.Is(err, record.ErrContent):
		l.Fail(err)
		return linkEnded(err)
	case errors.Is(err, record.ErrValue):
		err = fmt.Errorf("%s: what comes out holds a wrong value: %w", c.component, err)
		return consumererror.NewPermanent(err)
	default:
		return err
	}
}

// rest makes the error that lets a retry repeat nothing that was delivered, and leave nothing out:
// the part of items [from, to) of n failed. A consumer's own list of what it did not get stands
// only where the whole batch went to it at once: it knows neither of later parts nor of other
// outputs.
func (c *Caller[T]) rest(err error, d T, from, to, n int) error {
	if from > 0 {
		err = fmt.Errorf("items %d to %d of %d were not delivered: %w", from, n-1, n, err)
		return c.sig.Undelivered(err, c.sig.Slice(d, from, n))
	}
	var several oneOfSeveral
	if _, lists := c.sig.Listed(err); lists && (to < n || errors.As(err, &several)) {
		return c.sig.Undelivered(err, d)
	}
	return err
}
