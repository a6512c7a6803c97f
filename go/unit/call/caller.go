package call

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/strait-data/strait/go/unit/edge"
)

// Caller sends batches of one signal into a unit, each on its caller's own goroutine. It is the
// entry of its unit.
type Caller[T any] struct {
	in *edge.In[T]
	// through is where what enters goes on, changed or not: a processor's exit. nil: what comes out
	// of the unit, if anything does, is made of what entered.
	through *Exit[T]
	sig     *edge.Signal[T]
	lanes   Lanes
	stats   *Stats
	took    func(context.Context, time.Duration)
}

// Lanes are those of a unit.
type Lanes interface {
	// Enter gives a caller a lane, and keeps the unit open until Leave.
	Enter() (*Lane, error)
	Leave(*Lane)
}

// NewCaller makes the caller of an edge in. Where through is nil, nothing passes the unit by: its
// components see every batch, and an error's list of items that were not delivered, which is of
// what came out, is not taken for one of what entered.
func NewCaller[T any](
	in *edge.In[T], through *Exit[T], lanes Lanes, stats *Stats,
) *Caller[T] {
	return &Caller[T]{in: in, through: through, sig: in.Signal(), lanes: lanes, stats: stats}
}

// OnTook has each call reported with the time that it took, without that of the next consumer.
func (c *Caller[T]) OnTook(report func(context.Context, time.Duration)) { c.took = report }

func (c *Caller[T]) open(l edge.Link) any { return c.in.On(l) }

// on gives what the edge keeps for a lane's link.
func (c *Caller[T]) on(l *Lane) *edge.Packer[T] { return l.packer.(*edge.Packer[T]) }

// Call sends a batch through the unit and returns the engine's verdict on it. A batch over the
// limits crosses in parts, one after the other; when one fails, the error carries what was not
// delivered. Items that cannot cross are refused, and the others delivered: the error is permanent
// and a *Refused. A batch without anything does not cross.
func (c *Caller[T]) Call(ctx context.Context, d T) error {
	s := c.ship(d)
	defer s.watch.end(ctx)
	counted := c.sig.Counted(d)
	c.stats.IncomingItems.Add(uint64(counted))
	if c.isBare(d, s.n, counted) {
		return s.runBare(ctx)
	}
	l, err := c.lanes.Enter()
	if err != nil {
		return err
	}
	defer c.lanes.Leave(l)
	return s.over(l).run(ctx)
}

// passesBare says that what has no items goes on without crossing.
func (c *Caller[T]) passesBare() bool { return c.through != nil && c.in.PassesBare() }

// isBare says that a batch does not cross. Some nodes drop a batch that counts nothing, such as
// metrics without points; a component that no batch passes by gets all that its edge can carry.
func (c *Caller[T]) isBare(d T, n, counted int) bool {
	switch {
	case c.passesBare():
		return counted == 0
	case c.in.PassesBare():
		return c.sig.Resources(d) == 0
	default:
		return n == 0
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
	if _, lists := c.sig.Listed(err); lists && (to < n || !c.listsOwn(err)) {
		return c.sig.Undelivered(err, d)
	}
	return err
}

// listsOwn says that the items which a consumer lists are all that were not delivered of what it
// was sent, and are of what entered.
func (c *Caller[T]) listsOwn(err error) bool {
	var several oneOfSeveral
	return c.through != nil && !errors.As(err, &several)
}
