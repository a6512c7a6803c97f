package edge

import (
	"context"

	"github.com/strait-data/strait/go/otap"
	"github.com/strait-data/strait/go/record"
)

// Crossing is one way in which batches of a signal cross. An In edge has one, or two of which the
// second takes what the first cannot hold.
type Crossing[T any] interface {
	// Pack makes the part of d from a position on ready to be written into a slot; h has what the
	// call says. An item that cannot cross is an *otap.PathError; otap.ErrNotProjectable says that
	// the batch does not fit this crossing.
	Pack(ctx context.Context, p *Packer[T], h *record.Header, d T, from Position) (*Packed, error)
	// Open makes pdata of what came out for a batch that was sent so. Nothing of the slot is kept.
	Open(u *Unpacker[T], b *record.Batch, sent T) (T, error)
	// Judge looks at everything of d that is read when it crosses so.
	Judge(d T) *otap.Walk
	// Edits says that the original is kept, and what comes out is applied to it.
	Edits() bool
	// Mends says that what best effort repairs has to be repaired on a copy before it is packed.
	Mends() bool
}

// Position is where a part of a batch begins: how many items came before it, and the same place for
// the encoder of records.
type Position struct {
	Items  int
	cursor otap.Cursor
}

// After is the position behind the first item at another.
func (s *Signal[T]) After(d T, at Position) Position {
	if s.records != nil {
		at.cursor = s.records.after(d, at.cursor)
	}
	at.Items++
	return at
}

// Parcel is one batch, or one part of a batch, ready to be written into a slot.
type Parcel interface {
	// Size is what the slot has to hold; exact.
	Size() int
	// Write fills the slot.
	Write(slot []byte) error
	// Release gives back what the parcel holds; it is called once, in any case.
	Release()
}

// Packed is a parcel, where the next part begins, and what best effort changed.
type Packed struct {
	Parcel
	Next Position
	// KeepsBare says that the batch has containers without items, which come out only with others.
	KeepsBare bool
	// RepairedTexts and DroppedRefs are texts that cross changed and entity references that do not
	// cross; DroppedBare are containers without items that do not.
	RepairedTexts, DroppedRefs, DroppedBare int
}

// Link is what edges need of a link.
type Link struct {
	// Publisher takes the schemas of this side.
	Publisher record.Publisher
	// MaxBytes is what the slab holds.
	MaxBytes int
	// Schemas are the other side's.
	Schemas *record.Schemas
}
