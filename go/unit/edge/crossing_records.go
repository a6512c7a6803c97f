package edge

import (
	"context"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/record"
)

// recordsCrossing sends everything as records, and decodes in full what comes out.
type recordsCrossing[T any] struct {
	signal   *Signal[T]
	fidelity otap.Fidelity
}

func (*recordsCrossing[T]) Edits() bool { return false }

// Mends: the encoder repairs what it writes.
func (*recordsCrossing[T]) Mends() bool { return false }

func (c *recordsCrossing[T]) Judge(d T) *otap.Walk {
	w := otap.NewWalk(c.fidelity, nil)
	c.signal.walk(w, d)
	return w
}

func (*recordsCrossing[T]) Pack(
	ctx context.Context, p *Packer[T], h *record.Header, d T, from Position,
) (*Packed, error) {
	b, err := p.encoder.Measure(ctx, h, d, from.cursor)
	if err != nil {
		return nil, err
	}
	out := &Packed{Parcel: b, Next: Position{Items: from.Items + b.Items()}, DroppedBare: b.Bare()}
	out.Next.cursor, _ = b.Next()
	out.RepairedTexts, out.DroppedRefs = b.Repaired()
	return out, nil
}

func (*recordsCrossing[T]) Open(u *Unpacker[T], b *record.Batch, _ T) (T, error) {
	return u.Open(b)
}
