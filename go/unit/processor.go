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

// Processor carries one signal through a unit: what a Collector's processor of that signal is made of.
// NewLogs, NewTraces and NewMetrics make one.
type Processor[T any] struct {
	unit   *Unit
	signal *signalOf[T]
	next   func(context.Context, T) error
	// pack chooses how a batch crosses from a position on, and what is done with what comes out of it.
	pack func(ctx context.Context, l *lane, h *record.Header, d T, from position) (*packed, error)
	// whole is what a batch is packed with that could not cross in the form that pack chose; nil: pack.
	whole func(ctx context.Context, l *lane, h *record.Header, d T, from position) (*packed, error)
	// foreign takes what belongs to no call.
	foreign take
}

// position is where the next part of a batch begins: how many items came before it, and the same place
// for the encoder of records.
type position struct {
	items  int
	cursor otap.Cursor
}

// Start makes the unit and its links; on an error nothing stays open.
func (p *Processor[T]) Start(ctx context.Context, host component.Host) error {
	return p.unit.Start(ctx, host, func(ctx context.Context, l *lane, o output) error {
		return p.foreign(foreignContext(ctx, o.batch.Header), l, o)
	})
}

// Shutdown drains what is in flight and closes everything; safe without Start, and twice.
func (p *Processor[T]) Shutdown(ctx context.Context) error { return p.unit.Shutdown(ctx) }

// Unit gives access to counters.
func (p *Processor[T]) Unit() *Unit { return p.unit }

// Consume sends a batch through the unit and returns the engine's verdict on it. A batch over the limits
// crosses in parts, one after the other; when one fails, the error carries what was not delivered. A
// batch without items has nothing that a node could treat, and goes on as it is.
func (p *Processor[T]) Consume(ctx context.Context, d T) error {
	n := p.signal.items(d)
	p.unit.stats.incomingItems.Add(uint64(p.signal.counted(d)))
	if n == 0 {
		return p.next(ctx, d)
	}
	l, err := p.unit.enter()
	if err != nil {
		return err
	}
	defer p.unit.leave()
	for at := (position{}); ; {
		next, err := p.unit.exchange(ctx, l, func(h *record.Header) (*packed, error) { return p.pack(ctx, l, h, d, at) })
		if p.whole != nil && notExpressible(err) {
			p.unit.stats.fallbacks.Add(1)
			next, err = p.unit.exchange(ctx, l, func(h *record.Header) (*packed, error) { return p.whole(ctx, l, h, d, at) })
		}
		if err != nil {
			return p.rest(err, d, at.items, next.items, n)
		}
		if next.items >= n {
			return nil
		}
		p.unit.stats.parts.Add(1)
		at = next
	}
}

// rest makes the error that lets a retry repeat nothing that was delivered, and leave nothing out: the part of
// items [from, to) of n failed. A consumer's own list of what it did not get stands only where the whole batch
// went to it at once: it knows neither of later parts nor of other outputs.
func (p *Processor[T]) rest(err error, d T, from, to, n int) error {
	if from == 0 {
		var several oneOfSeveral
		if !consumererror.IsPermanent(err) && p.signal.lists(err) && (to < n || errors.As(err, &several)) {
			return p.signal.undelivered(err, d)
		}
		return err
	}
	wrapped := fmt.Errorf("items %d to %d of %d were not delivered: %w", from, n-1, n, err)
	if consumererror.IsPermanent(err) {
		return wrapped
	}
	return p.signal.undelivered(wrapped, p.signal.slice(d, from, n))
}
