package edge

import (
	"context"
	"fmt"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/record"
)

// differenceCrossing sends only what the unit reads. The original is kept, and what differs is
// applied to it.
type differenceCrossing[T any] struct {
	signal     *Signal[T]
	fidelity   otap.Fidelity
	projection *otap.Projection
}

func (*differenceCrossing[T]) Edits() bool { return true }

// Mends: what is read crosses repaired, and the original stays as it is.
func (*differenceCrossing[T]) Mends() bool { return false }

func (c *differenceCrossing[T]) Judge(d T) *otap.Walk {
	w := otap.NewWalk(c.fidelity, c.projection)
	c.signal.walk(w, d)
	return w
}

// Pack sends what the plan names, of a whole batch. What a projection cannot hold (a key twice in
// one map, more than one slot) is otap.ErrNotProjectable.
func (c *differenceCrossing[T]) Pack(
	ctx context.Context, p *Packer[T], h *record.Header, d T, _ Position,
) (*Packed, error) {
	b, err := p.encoder.MeasureProjected(ctx, h, d, c.projection)
	if err != nil {
		return nil, err
	}
	out := &Packed{Parcel: b, Next: Position{Items: b.Items()}, KeepsBare: b.Bare() > 0}
	out.RepairedTexts, out.DroppedRefs = b.Repaired()
	return out, nil
}

// Open edits the original.
func (c *differenceCrossing[T]) Open(_ *Unpacker[T], b *record.Batch, sent T) (T, error) {
	if b.Encoding != record.EncodingDifference {
		return sent, fmt.Errorf("%w: found encoding %d, expected a difference",
			record.ErrContent, b.Encoding)
	}
	return sent, c.signal.records.apply(sent, b.Payload())
}
