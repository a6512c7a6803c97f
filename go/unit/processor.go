package unit

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/record"
)

// Processor carries one signal through a unit: what a Collector's processor of that signal is made
// of. NewLogs, NewTraces and NewMetrics make one.
type Processor[T any] struct {
	unit   *Unit
	signal *signalOf[T]
	next   func(context.Context, T) error
	// forms are the ways in which a batch can cross: the first is the one that is tried first.
	forms []form[T]
	// passesBare says that resources and scopes without items go on as they are: nothing of the
	// unit reads them.
	passesBare bool
	// screens says that a batch is looked at before it is sent, because nobody else would find what
	// is bad.
	screens bool
	// foreign takes what belongs to no call, under a context of nobody: without deadline, metadata
	// and span context. The engine's batch holds data of several callers and keeps none of theirs.
	foreign take
}

// position is where the next part of a batch begins: how many items came before it, and the same
// place for the encoder of records.
type position struct {
	items  int
	cursor otap.Cursor
}

// Start makes the unit and its links; on an error nothing stays open.
func (p *Processor[T]) Start(ctx context.Context, host component.Host) error {
	return p.unit.Start(ctx, host, func(ctx context.Context, l *lane, o output) error {
		return p.foreign(ctx, l, o)
	})
}

// Shutdown drains what is in flight and closes everything; safe without Start, and twice.
func (p *Processor[T]) Shutdown(ctx context.Context) error { return p.unit.Shutdown(ctx) }

// Unit gives access to counters.
func (p *Processor[T]) Unit() *Unit { return p.unit }

// Consume sends a batch through the unit and returns the engine's verdict on it. A batch over the
// limits crosses in parts, one after the other; when one fails, the error carries what was not
// delivered. Items that cannot cross are refused, and the others delivered: the error is permanent
// and a *Refused. A batch without anything goes on as it is.
func (p *Processor[T]) Consume(ctx context.Context, d T) error {
	n, counted := p.signal.items(d), p.signal.counted(d)
	p.unit.stats.incomingItems.Add(uint64(counted))
	// Some nodes drop a batch that counts nothing, such as metrics without points.
	if n == 0 || (counted == 0 && p.passesBare) {
		return p.consumeBare(ctx, d)
	}
	l, err := p.unit.enter()
	if err != nil {
		return err
	}
	defer p.unit.leave(l)
	return p.ship(l, d, n).run(ctx)
}

// consumeBare takes a batch without items.
func (p *Processor[T]) consumeBare(ctx context.Context, d T) error {
	if p.passesBare || p.signal.resources(d) == 0 {
		return p.deliver(ctx, d)
	}
	s := p.ship(nil, d, 0)
	s.withoutItems()
	return s.verdict()
}

// after is the position behind the first item at another.
func (p *Processor[T]) after(d T, at position) position {
	if p.signal.after != nil {
		at.cursor = p.signal.after(d, at.cursor)
	}
	at.items++
	return at
}

// rest makes the error that lets a retry repeat nothing that was delivered, and leave nothing out:
// the part of items [from, to) of n failed. A consumer's own list of what it did not get stands
// only where the whole batch went to it at once: it knows neither of later parts nor of other
// outputs.
func (p *Processor[T]) rest(err error, d T, from, to, n int) error {
	if from > 0 {
		err = fmt.Errorf("items %d to %d of %d were not delivered: %w", from, n-1, n, err)
		return p.signal.undelivered(err, p.signal.slice(d, from, n))
	}
	var several oneOfSeveral
	if _, lists := p.signal.listed(err); lists && (to < n || errors.As(err, &several)) {
		return p.signal.undelivered(err, d)
	}
	return err
}

// refuse ends what a wrong content ends (S-17): a slot that is malformed the link, because its
// sides no longer agree on what crosses; a wrong value in one that is well formed only its call,
// for good, and by the component's name.
func (p *Processor[T]) refuse(l *lane, err error) error {
	switch {
	case errors.Is(err, record.ErrContent):
		l.fail(err)
		return linkEnded(err)
	case errors.Is(err, record.ErrValue):
		err = fmt.Errorf("%s: what comes out holds a wrong value: %w", p.unit.spec.ID, err)
		return consumererror.NewPermanent(err)
	default:
		return err
	}
}
