package edge

import (
	"context"
	"fmt"
	"sync"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/record"
)

// Out gives on what comes out of a unit, of one signal.
type Out[T any] struct {
	number  uint16
	signal  *Signal[T]
	records bool
	next    func(context.Context, T) error
}

// NewOut makes an out edge whose batches go to next. It takes records where records is set, and
// OTLP bytes in any case.
func NewOut[T any](
	s *Signal[T], number uint16, records bool, next func(context.Context, T) error,
) *Out[T] {
	return &Out[T]{number, s, records && s.records != nil, next}
}

// Number is the edge's within its unit.
func (out *Out[T]) Number() uint16 { return out.number }

// Signal is what crosses.
func (out *Out[T]) Signal() *Signal[T] { return out.signal }

// Consume hands a batch to the next consumer.
func (out *Out[T]) Consume(ctx context.Context, d T) error { return out.next(ctx, d) }

// Unpacker is what an out edge keeps for one link. Many goroutines may use it.
type Unpacker[T any] struct {
	signal   *Signal[T]
	records  bool
	decoders sync.Pool
}

// On makes the edge's side of a link.
func (out *Out[T]) On(l Link) *Unpacker[T] {
	u := &Unpacker[T]{signal: out.signal, records: out.records}
	if u.records {
		u.decoders.New = func() any { return out.signal.records.decoder(l.Schemas) }
	}
	return u
}

// Open makes pdata of a batch, whichever encoding the node that made it chose. It copies everything
// out of the slot.
func (u *Unpacker[T]) Open(b *record.Batch) (T, error) {
	if u.records && b.Encoding == record.EncodingRecords {
		decoder := u.decoders.Get().(*otap.Decoder[T])
		defer u.decoders.Put(decoder)
		return decoder.Decode(b)
	}
	var none T
	if b.Encoding != record.EncodingOTLP || b.Signal != u.signal.number {
		return none, fmt.Errorf("%w: found encoding %d of signal %d, expected %d of %d",
			record.ErrContent, b.Encoding, b.Signal, record.EncodingOTLP, u.signal.number)
	}
	d, err := u.signal.unmarshal(b.Payload())
	if err != nil {
		return none, record.ValueErrorf("S-10", "OTLP bytes", "%v", err)
	}
	return d, nil
}
