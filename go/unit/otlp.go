package unit

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/consumer/consumererror"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/ring"
)

// otlpParcel is a batch as OTLP bytes: the encoding of everything that has no records yet. pdata
// cannot marshal into a slot, so it costs one copy.
type otlpParcel struct {
	header  record.Header
	payload []byte
	size    int
}

func (p *otlpParcel) Size() int { return p.size }

func (p *otlpParcel) Write(slot []byte) error {
	payload, _, err := record.WritePayload(slot, &p.header, len(p.payload))
	copy(payload, p.payload)
	return err
}

func (p *otlpParcel) Release() {}

// carryOTLP lets batches cross as OTLP bytes. Where a node converts them, everything is read, and
// what it cannot read would fail a whole batch, or one that others are merged into: so each is
// looked at first. Else nobody reads anything.
func (p *Processor[T]) carryOTLP(converts bool) {
	f := form[T]{pack: p.packOTLP}
	if converts {
		fidelity := p.unit.spec.Fidelity.ofRecords()
		f.walk = func() *otap.Walk { return otap.NewWalk(fidelity, nil) }
		f.mends = fidelity == otap.BestEffort
	}
	p.forms, p.screens, p.passesBare, p.foreign = []form[T]{f}, converts, !converts, p.takeOTLP
}

// packOTLP takes as many items as the limits allow: of records, which the engine may convert to (a
// u16 id wraps silently there), and of the slab.
func (p *Processor[T]) packOTLP(
	_ context.Context,
	l *lane,
	h *record.Header,
	d T,
	from position,
) (*packed, error) {
	n := p.signal.items(d)
	step := min(n-from.items, otap.MaxIDs)
	limit := l.link.Producer().MaxBytes()
	for {
		part := d
		if step < n {
			if from.items == 0 && p.hasBare(d) { // pieces are cut out of items
				return nil, consumererror.NewPermanent(&otap.PathError{Err: otap.ErrNoItems})
			}
			part = p.signal.slice(d, from.items, from.items+step)
		}
		size, err := record.PayloadSize(h, p.signal.size(part))
		if err != nil {
			return nil, consumererror.NewPermanent(err)
		}
		if size > limit && step > 1 {
			step = (step + 1) / 2
			continue
		}
		if size > limit {
			return nil, consumererror.NewPermanent(&otap.PathError{
				Path: p.signal.place(d, from.items),
				Err: fmt.Errorf("%w: %w: it needs %d bytes, the slab has %d: raise ring::size_mib",
					otap.ErrTooLarge, ring.ErrTooLarge, size, limit),
			})
		}
		b, err := p.signal.marshal(part)
		if err != nil {
			return nil, consumererror.NewPermanent(err)
		}
		h.Signal, h.Encoding, h.Items = p.signal.number, record.EncodingOTLP, uint32(
			p.signal.counted(part),
		)
		return &packed{
			parcel: &otlpParcel{header: *h, payload: b, size: size}, take: p.takeOTLP,
			next: position{items: from.items + step}, bare: p.screens && h.Items == 0,
		}, nil
	}
}

// hasBare says whether there are containers without items.
func (p *Processor[T]) hasBare(d T) bool {
	w := otap.NewWalk(otap.BestEffort, nil)
	p.signal.walk(w, d)
	n, _ := w.Bare()
	return n > 0
}

// takeOTLP hands on a copy of what came out.
func (p *Processor[T]) takeOTLP(ctx context.Context, l *lane, o output) error {
	d, err := p.decodeOTLP(l, o)
	if err != nil {
		return p.refuse(l, err)
	}
	return p.deliver(ctx, d)
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
		return d, record.ValueErrorf("S-10", "OTLP bytes", "%v", err)
	}
	return d, nil
}
