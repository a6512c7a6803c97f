package unit

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"

	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/ring"
)

// maxItems is the limit of u16 ids (S-10): a bigger batch crosses in parts.
const maxItems = 65_535

// Processor carries one signal through a unit: what a Collector's processor of that signal is made of.
// NewLogs, NewTraces and NewMetrics make one.
type Processor[T any] struct {
	unit   *Unit
	signal *signalOf[T]
	next   func(context.Context, T) error
	// pack chooses how a batch crosses, and what is done with what comes out of it.
	pack func(ctx context.Context, l *lane, d T) (parcel, take, error)
	// foreign takes what belongs to no call.
	foreign take
}

// Start makes the unit and its links; on an error nothing stays open.
func (p *Processor[T]) Start(ctx context.Context, _ component.Host) error {
	return p.unit.Start(ctx, func(ctx context.Context, l *lane, o output) error {
		return p.foreign(foreignContext(ctx, o.batch.Header), l, o)
	})
}

// Shutdown drains what is in flight and closes everything; safe without Start, and twice.
func (p *Processor[T]) Shutdown(ctx context.Context) error { return p.unit.Shutdown(ctx) }

// Unit gives access to counters.
func (p *Processor[T]) Unit() *Unit { return p.unit }

// Consume sends a batch through the unit and returns the engine's verdict on it. A batch over the limits
// crosses in parts, one after the other; when one fails, the error carries what was not delivered.
func (p *Processor[T]) Consume(ctx context.Context, d T) error {
	n := p.signal.items(d)
	if n == 0 {
		return p.next(ctx, d)
	}
	l, err := p.unit.enter()
	if err != nil {
		return err
	}
	defer p.unit.leave()
	if n <= maxItems {
		err := p.part(ctx, l, d)
		if !errors.Is(err, ring.ErrTooLarge) || n == 1 {
			return err
		}
	}
	return p.parts(ctx, l, d, n, min(maxItems, (n+1)/2))
}

// parts sends d in pieces of at most step items, each halved further where the slab cannot hold it.
func (p *Processor[T]) parts(ctx context.Context, l *lane, d T, n, step int) error {
	for from := 0; from < n; {
		to := min(from+step, n)
		err := p.part(ctx, l, p.signal.slice(d, from, to))
		if errors.Is(err, ring.ErrTooLarge) && to-from > 1 {
			step = (to - from + 1) / 2
			continue
		}
		if err != nil {
			return p.rest(err, d, from, n)
		}
		p.unit.stats.parts.Add(1)
		from = to
	}
	return nil
}

// rest makes the error that lets a retry repeat nothing that was delivered.
func (p *Processor[T]) rest(err error, d T, from, n int) error {
	if from == 0 {
		return err
	}
	wrapped := fmt.Errorf("items %d to %d of %d were not delivered: %w", from, n-1, n, err)
	if consumererror.IsPermanent(err) {
		return wrapped
	}
	return p.signal.undelivered(wrapped, p.signal.slice(d, from, n))
}

func (p *Processor[T]) part(ctx context.Context, l *lane, d T) error {
	parcel, handle, err := p.pack(ctx, l, d)
	if err != nil {
		return err
	}
	return p.unit.exchange(ctx, l, parcel, handle)
}

// packOTLP is the encoding for everything that has no records yet.
func (p *Processor[T]) packOTLP(ctx context.Context, _ *lane, d T) (parcel, take, error) {
	parcel, err := newOTLPParcel(ctx, p.signal, d)
	if err != nil {
		return nil, nil, err
	}
	return parcel, p.takeOTLP, nil
}

func (p *Processor[T]) takeOTLP(ctx context.Context, l *lane, o output) error {
	d, err := p.decodeOTLP(l, o)
	if err != nil {
		return err
	}
	return p.next(ctx, d)
}

// decodeOTLP copies everything out of the slot and lets go of it.
func (p *Processor[T]) decodeOTLP(l *lane, o output) (T, error) {
	defer l.release(o.lease)
	h := &o.batch.Header
	if h.Encoding != record.EncodingOTLP || h.Signal != p.signal.number {
		var none T
		return none, fmt.Errorf("%w: found encoding %d of signal %d, expected %d of %d",
			record.ErrContent, h.Encoding, h.Signal, record.EncodingOTLP, p.signal.number)
	}
	d, err := p.signal.unmarshal(o.batch.Payload())
	if err != nil {
		return d, fmt.Errorf("%w: OTLP bytes: %w", record.ErrContent, err)
	}
	return d, nil
}
