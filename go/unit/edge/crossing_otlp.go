package edge

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/consumer/consumererror"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/record"
	"github.com/strait-data/strait/go/ring"
)

// otlpCrossing carries OTLP bytes: the encoding of everything that has no records yet. Where a node
// converts them, everything is read, and what it cannot read would fail a whole batch, or one that
// others are merged into: so each is looked at first. Else nobody reads anything.
type otlpCrossing[T any] struct {
	signal   *Signal[T]
	fidelity otap.Fidelity
	converts bool
}

// otlpParcel is a batch as OTLP bytes. pdata cannot marshal into a slot, so it costs one copy.
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

func (*otlpCrossing[T]) Edits() bool { return false }

func (c *otlpCrossing[T]) Mends() bool { return c.converts && c.fidelity == otap.BestEffort }

func (c *otlpCrossing[T]) Judge(d T) *otap.Walk {
	if !c.converts {
		return new(otap.Walk)
	}
	w := otap.NewWalk(c.fidelity, nil)
	c.signal.walk(w, d)
	return w
}

// Pack takes as many items as the limits allow: of records, which the engine may convert to (a u16
// id wraps silently there), and of the slab.
func (c *otlpCrossing[T]) Pack(
	_ context.Context, p *Packer[T], h *record.Header, d T, from Position,
) (*Packed, error) {
	s := c.signal
	n := s.items(d)
	step := min(n-from.Items, otap.MaxIDs)
	for {
		part := d
		if step < n {
			if from.Items == 0 && c.hasBare(d) { // pieces are cut out of items
				return nil, &otap.PathError{Err: otap.ErrNoItems}
			}
			part = s.Slice(d, from.Items, from.Items+step)
		}
		size, err := record.PayloadSize(h, s.size(part))
		if err != nil {
			return nil, consumererror.NewPermanent(err)
		}
		if size > p.maxBytes && step > 1 {
			step = (step + 1) / 2
			continue
		}
		if size > p.maxBytes {
			return nil, &otap.PathError{
				Path: s.Place(d, from.Items),
				Err: fmt.Errorf("%w: %w: it needs %d bytes, the slab has %d: raise ring::size_mib",
					otap.ErrTooLarge, ring.ErrTooLarge, size, p.maxBytes),
			}
		}
		b, err := s.marshal(part)
		if err != nil {
			return nil, consumererror.NewPermanent(err)
		}
		h.Signal, h.Encoding = s.number, record.EncodingOTLP
		h.Items = uint32(s.counted(part))
		return &Packed{
			Parcel:    &otlpParcel{header: *h, payload: b, size: size},
			Next:      Position{Items: from.Items + step},
			KeepsBare: c.converts && h.Items == 0,
		}, nil
	}
}

// hasBare says whether there are containers without items.
func (c *otlpCrossing[T]) hasBare(d T) bool {
	w := otap.NewWalk(otap.BestEffort, nil)
	c.signal.walk(w, d)
	n, _ := w.Bare()
	return n > 0
}

func (*otlpCrossing[T]) Open(u *Unpacker[T], b *record.Batch, _ T) (T, error) { return u.Open(b) }
